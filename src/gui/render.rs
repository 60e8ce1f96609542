//! The right panel: Render, progress, seed and the method's settings.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// Draws the right panel.
pub fn show(ui: &mut Ui, studio: &mut Studio, _look: &mut Look) {
    if ui.button("Render").clicked() {
        studio.render();
    }
    if let Some(run) = studio.runs.shown() {
        ui.label(run.words());
    }
}
