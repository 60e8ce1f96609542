//! Makes the edge of a choice right.

use image::{GrayImage, RgbaImage};
use rayon::prelude::*;

use super::area::bounds;
use super::stop::Stop;
use super::{blur, distance, guided};

/// What is done to an edge, in this order. All in pixels; 0 leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Edge {
    /// Rounds off what is smaller than this, 0 to [`Edge::MOST`].
    pub smooth: f32,
    /// Moves the edge outwards, or inwards where it is below 0; to [`Edge::MOST`] either way.
    pub grow: f32,
    /// How far the edge may follow the picture's own edges, hair and fur, 0 to [`Edge::MOST`].
    pub follow: f32,
    /// Softens the edge over so much to either side, 0 to [`Edge::MOST`].
    pub feather: f32,
}

impl Edge {
    /// The most of anything, pixels.
    pub const MOST: f32 = 200.0;

    /// Within bounds: numbers that are none become 0.
    fn bounded(self) -> Self {
        let bound = |value: f32, least: f32| if value.is_finite() { value.clamp(least, Self::MOST) } else { 0.0 };
        Self {
            smooth: bound(self.smooth, 0.0),
            grow: bound(self.grow, -Self::MOST),
            follow: bound(self.follow, 0.0),
            feather: bound(self.feather, 0.0),
        }
    }
}

/// A choice with another edge. `None` where it was stopped.
///
/// # Panics
/// If the mask has not the picture's size.
pub fn refine(picture: &RgbaImage, mask: &GrayImage, edge: Edge, stop: &Stop) -> Option<GrayImage> {
    assert_eq!(picture.dimensions(), mask.dimensions(), "a mask has its picture's size");
    let edge = edge.bounded();
    let Some(own) = bounds(mask).filter(|_| edge != Edge::default()) else { return Some(mask.clone()) };
    // Only where something is chosen, or can become so.
    let margin = (edge.smooth + edge.grow.max(0.0) + 2.0 * edge.follow + edge.feather).ceil() as u32 + 2;
    let (left, top) = (own[0].saturating_sub(margin), own[1].saturating_sub(margin));
    let (right, bottom) = ((own[2] + margin).min(mask.width()), (own[3] + margin).min(mask.height()));
    let (wide, high) = ((right - left) as usize, (bottom - top) as usize);
    let row = mask.width() as usize;
    let part = |y: usize| {
        let from = (top as usize + y) * row + left as usize;
        from..from + wide
    };
    let bytes = mask.as_raw();
    let mut shares: Vec<f32> =
        (0..high).flat_map(|y| bytes[part(y)].iter().map(|value| f32::from(*value) / 255.0)).collect();
    if edge.smooth > 0.0 {
        blur::soft(&mut shares, wide, edge.smooth.round().max(1.0) as usize);
        // Sharp again, at where half of what is round about is inside.
        shares.par_iter_mut().for_each(|share| *share = ((*share - 0.5) * edge.smooth.max(1.0) + 0.5).clamp(0.0, 1.0));
        stop.go_on()?;
    }
    if edge.grow != 0.0 {
        let inside: Vec<bool> = shares.iter().map(|share| *share >= 0.5).collect();
        let far = distance::from_edge(&inside, wide);
        stop.go_on()?;
        shares.par_iter_mut().zip(far).for_each(|(share, far)| *share = (0.5 + edge.grow - far).clamp(0.0, 1.0));
    }
    if edge.follow > 0.0 {
        let radius = edge.follow.round().max(1.0) as usize;
        shares = guided::follow(picture, (left, top), &shares, wide, radius, stop)?;
    }
    if edge.feather > 0.0 {
        blur::soft(&mut shares, wide, edge.feather.round().max(1.0) as usize);
        stop.go_on()?;
    }
    let mut made = GrayImage::new(mask.width(), mask.height());
    let bytes: &mut [u8] = &mut made;
    for (y, shares) in shares.chunks_exact(wide).enumerate() {
        for (byte, share) in bytes[part(y)].iter_mut().zip(shares) {
            *byte = (share * 255.0).round() as u8;
        }
    }
    Some(made)
}
