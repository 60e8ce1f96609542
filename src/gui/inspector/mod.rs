//! What the model makes of things at the step under the playhead: clustered self-attention, cross-attention to a word,
//! masks, the preview; small in the bottom panel, large in windows of their own, and as curves over all steps.
//!
//! - What is it called, and which cell is pointed at? `find.rs`. What is remembered? `memory.rs`.
//! - Small: `tiles.rs`. In windows (`window.rs`), large: `large.rs`, `masks.rs`; over all steps: `curves.rs`, `areas.rs`.

mod areas;
mod curves;
mod find;
mod large;
mod masks;
mod memory;
mod tiles;
mod window;

use eframe::egui::Context;

pub use memory::{InspectorLook, Tile};
pub use tiles::{tiles, tiles_width};

use super::look::Look;
use crate::studio::Studio;

/// Draws the windows that are open.
pub fn windows(ctx: &Context, studio: &mut Studio, look: &mut Look, inspector: &mut InspectorLook) {
    large::show(ctx, studio, look, inspector);
    curves::show(ctx, studio, inspector);
}
