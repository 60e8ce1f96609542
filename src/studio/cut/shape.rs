//! What chooses a part of a picture by hand: a rectangle, a line round it, a brush, a wand.

use image::RgbaImage;

use crate::cut::shapes::Point;
use crate::cut::{Patch, Stop, Wand, polygon, rectangle, stroke, wand};

/// What chooses a part of the picture by hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A rectangle by two corners.
    Rectangle([Point; 2]),
    /// What a line goes round.
    Lasso(Vec<Point>),
    /// A stroke of a brush: its line, half its width in pixels, and its hardness, 0 to 1.
    Stroke(Vec<Point>, f32, f32),
    /// What looks like one pixel.
    Wand((u32, u32), Wand),
}

impl Shape {
    /// What the step is called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Rectangle(_) => "Rectangle",
            Self::Lasso(_) => "Lasso",
            Self::Stroke(..) => "Brush",
            Self::Wand(..) => "Wand",
        }
    }

    /// The part of a picture; None where it was stopped.
    pub(super) fn patch(&self, picture: &RgbaImage, stop: &Stop) -> Option<Patch> {
        let size = picture.dimensions();
        match self {
            Self::Rectangle(corners) => Some(rectangle(*corners, size)),
            Self::Lasso(points) => Some(polygon(points, size)),
            Self::Stroke(points, radius, hardness) => Some(stroke(points, *radius, *hardness, size)),
            Self::Wand(at, tool) => wand(picture, *at, *tool, stop),
        }
    }
}
