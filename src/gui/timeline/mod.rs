//! The bottom panel: the timeline, which is the steps of the shown run over the three lanes of the method and the layout
//! loss.
//!
//! - Which run, and what can be done from here? `header.rs`.
//! - What is scrubbed, and how high is what? `track.rs`, `axis.rs`. What does it play? `play.rs`.
//! - What is drawn along the steps? `strip.rs`, `lanes.rs`, `curve.rs`, `notes.rs`. What are lanes dragged by? `ends.rs`.

mod axis;
mod curve;
mod ends;
mod header;
mod lanes;
mod notes;
mod play;
mod strip;
mod track;

use eframe::egui::{Rect, Ui, UiBuilder, pos2};

pub use header::TimelineLook;

use super::look::Look;
use crate::studio::Studio;

/// Draws the timeline. `inspector`: whether its tiles have room beside it; where not, the header has their buttons.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, timeline: &mut TimelineLook, inspector: bool) {
    let left = ui.max_rect();
    header::show(ui, studio, look, timeline, inspector);
    play::show(ui, studio, &mut timeline.playing);
    // The row above may have asked for more than there is.
    let rest = Rect::from_min_max(pos2(left.left(), ui.cursor().top()), left.max);
    ui.scope_builder(UiBuilder::new().max_rect(rest), |ui| track::show(ui, studio, look));
    let say = header::to_say(studio);
    if !say.is_empty() {
        // Over the end of the last row, where there is room: a row of its own would take it from the pictures.
        header::say(ui, studio, say, rest);
    }
}
