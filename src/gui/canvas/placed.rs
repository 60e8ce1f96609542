//! The layers where they lie on the canvas, and which of them is at a point.

use super::board::canvas_size;
use crate::project::Layer;
use crate::studio::Studio;
use crate::studio::document::geometry::{Frame, Point};
use crate::studio::files::pictures::Loaded;

/// What is less opaque than this is not pressed but pressed through, of 255.
const SOLID: u8 = 30;

/// A layer with what is known of its picture.
pub struct Placed {
    pub index: usize,
    pub layer: Layer,
    pub frame: Frame,
    pub picture: Loaded,
}

/// All layers, the rearmost first. One whose picture is not there has a box of a quarter of the canvas.
pub fn placed(studio: &mut Studio) -> Vec<Placed> {
    let (width, height) = canvas_size(studio);
    let layers = studio.project().layers().to_vec();
    let place = |(index, layer): (usize, Layer)| {
        let picture = studio.picture(&layer.picture);
        let frame = match &picture {
            Loaded::Ready(picture) => Frame::of(&layer, picture.size),
            Loaded::Loading | Loaded::Failed(_) => {
                let side = width.min(height) / 4.0;
                Frame { size: (side, side), ..Frame::of(&layer, (0, 0)) }
            }
        };
        Placed { index, layer, frame, picture }
    };
    layers.into_iter().enumerate().map(place).collect()
}

impl Placed {
    /// Whether there is something of the layer at a point.
    fn is_at(&self, point: Point) -> bool {
        let Some((u, v)) = self.frame.within(point) else { return false };
        let Loaded::Ready(picture) = &self.picture else { return true };
        let (width, height) = picture.shown.dimensions();
        let at = |share: f32, side: u32| ((share * side as f32) as u32).min(side.saturating_sub(1));
        let (x, y) = (at(u, width), at(v, height));
        picture.shown.get_pixel_checked(x, y).is_some_and(|pixel| pixel.0[3] > SOLID)
    }

    /// Whether it can be moved by hand.
    pub fn is_loose(&self) -> bool {
        self.layer.is_loose()
    }
}

/// The frontmost layer that can be seen at a point.
pub fn hit(placed: &[Placed], point: Point) -> Option<usize> {
    placed.iter().rev().find(|placed| placed.layer.is_seen() && placed.is_at(point)).map(|placed| placed.index)
}

/// The frontmost layer whose box holds a point.
pub fn box_at(placed: &[Placed], point: Point) -> Option<usize> {
    let holds = |placed: &&Placed| placed.layer.is_seen() && placed.frame.within(point).is_some();
    placed.iter().rev().find(holds).map(|placed| placed.index)
}
