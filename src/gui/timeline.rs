//! The timeline: the steps of the shown run over the three lanes of the method, and the layout loss.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// What timeline and inspector remember between frames.
#[derive(Debug, Default)]
pub struct TimelineLook {}

/// Draws the bottom panel.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {
    ui.label("timeline");
}
