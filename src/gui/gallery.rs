//! The gallery: results with their settings.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// What the gallery remembers between frames.
#[derive(Debug, Default)]
pub struct GalleryLook {}

/// Draws the Gallery page.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {
    ui.label("gallery");
}
