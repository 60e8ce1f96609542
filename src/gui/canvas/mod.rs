//! The canvas: the collage at the left, the picture at the right, at one scale and pan.

use eframe::egui::Ui;

use super::look::Look;
use crate::studio::Studio;

/// What the canvas remembers between frames.
#[derive(Debug, Default)]
pub struct CanvasLook {}

/// Draws the middle of the Compose page below the overlay bar and above the prompt.
pub fn show(ui: &mut Ui, _studio: &mut Studio, _look: &mut Look) {
    ui.label("canvas");
}
