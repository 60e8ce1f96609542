//! How things are drawn: what lies between two cells, and how a mask looks.

use eframe::egui::Color32;
use serde::{Deserialize, Serialize};

/// What is shown between the centres of two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sampling {
    /// The nearer one: cells are seen as they are.
    #[default]
    Nearest,
    /// Something in between. What is shown smaller than it is, is averaged.
    Smooth,
}

/// The line around a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Outline {
    /// None.
    None,
    /// A line without gaps.
    #[default]
    Solid,
    /// Dashes that stand still.
    Dashed,
    /// Dashes that have gone clockwise by so many points, the gaps black or white: the sign that a mask can be edited.
    /// Who draws them asks for the next frame.
    Marching(f32),
}

/// How a mask is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskStyle {
    /// Of the fill and the line.
    pub color: Color32,
    /// The fill's opacity, 0..1.
    pub fill: f32,
    /// The line, two points thick at every zoom.
    pub outline: Outline,
    /// Whether cells are seen as they are, or as the shape that they stand for.
    pub sampling: Sampling,
}

impl MaskStyle {
    /// The opacity of a mask's fill where nothing else is said.
    pub const FILL: f32 = 0.18;

    /// The usual way: a fill of 18 % and a solid line, smooth.
    pub fn new(color: Color32) -> Self {
        Self { color, fill: Self::FILL, outline: Outline::Solid, sampling: Sampling::Smooth }
    }
}

/// How thick a mask's line is, in points.
pub(super) const LINE: f32 = 2.0;
