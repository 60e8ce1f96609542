//! What the model makes of things at the step under the playhead: clustered self-attention, cross-attention to a word,
//! masks, the preview; small in the bottom panel, large in windows of their own, and as curves over all steps.
//!
//! - Which view of a step is meant, and what is it called? `find.rs`.
//! - Small: `tiles.rs`. Large: `large.rs`, `masks.rs`. Over all steps: `curves.rs`, `areas.rs`.

mod areas;
mod curves;
mod find;
mod large;
mod masks;
mod tiles;

use eframe::egui::Context;

pub use areas::Areas;
pub use find::{attention, cell_at, clusters, lane_name, ordinal};
pub use tiles::{tiles, tiles_width};

use super::look::Look;
use crate::studio::Studio;

/// What the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// Clustered self-attention.
    Clusters,
    /// Cross-attention to a word.
    Attention,
    /// The subjects' masks.
    Masks,
    /// The clean picture that the step's latent stands for.
    Preview,
}

impl Tile {
    /// All of them with their names, in the order of a switch.
    pub const ALL: [(Self, &str); 4] = [
        (Self::Clusters, "Self-attention"),
        (Self::Attention, "Cross-attention"),
        (Self::Masks, "Masks"),
        (Self::Preview, "Preview"),
    ];
}

/// Draws the windows that are open.
pub fn windows(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    large::show(ctx, studio, look);
    curves::show(ctx, studio, look);
}
