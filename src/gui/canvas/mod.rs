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

/// Where on the canvas a point of the screen is.
pub fn place_at(_look: &Look, _screen: eframe::egui::Pos2) -> Option<(f32, f32)> {
    None
}

/// The layer under a point of the screen.
pub fn layer_at(_studio: &mut Studio, _look: &Look, _screen: eframe::egui::Pos2) -> Option<usize> {
    None
}
