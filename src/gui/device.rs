//! The panel of model and device.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// Draws the panel's contents.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {
    ui.label("Model and device");
}
