//! TODO-part.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// Draws it.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {
    ui.label("layers");
}
