//! The edit mask as pixels: painted by hand, made of the layers' outlines.

use image::{GrayImage, Luma};

use crate::photo::soft::grow;
use crate::project::{Canvas, Collage, placed};
use crate::studio::document::geometry;

/// How far a mask made of the layers' outlines goes beyond them, in canvas pixels: the subject's new shape needs room.
pub const MARGIN: u32 = 16;

/// Whether a mask has nothing in it once it is thresholded.
pub fn is_empty(mask: &GrayImage) -> bool {
    mask.pixels().all(|pixel| pixel.0 <= [127])
}

/// Where layers with a concept show, and all within `margin` pixels of it.
pub(super) fn outlines(collage: &Collage, margin: u32) -> GrayImage {
    let (width, height) = collage.picture.dimensions();
    let shown = placed::outlines(&collage.masks, |layer| layer.concept.is_some(), Canvas { width, height });
    grow(&shown, margin)
}

/// Paints on a mask from one point to another, in canvas pixels: white, or black where `erase`.
pub fn paint(mask: &mut GrayImage, from: (f32, f32), to: (f32, f32), radius: f32, erase: bool) {
    let (width, height) = mask.dimensions();
    let numbers = [from.0, from.1, to.0, to.1, radius];
    if !numbers.iter().all(|number| number.is_finite()) {
        return;
    }
    let span = |a: f32, b: f32, most: u32| {
        let first = (a.min(b) - radius).floor().clamp(0.0, most as f32) as u32;
        let last = (a.max(b) + radius).ceil().clamp(0.0, most as f32) as u32;
        first..last
    };
    let value = Luma([if erase { 0 } else { 255 }]);
    for y in span(from.1, to.1, height) {
        for x in span(from.0, to.0, width) {
            if geometry::distance((x as f32 + 0.5, y as f32 + 0.5), from, to) <= radius {
                mask.put_pixel(x, y, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white(mask: &GrayImage) -> usize {
        mask.pixels().filter(|pixel| pixel.0 == [255]).count()
    }

    #[test]
    fn a_stroke_is_as_wide_as_its_brush_and_erasing_takes_it_away() {
        let mut mask = GrayImage::new(64, 64);
        paint(&mut mask, (16.0, 32.0), (48.0, 32.0), 4.0, false);
        assert_eq!(mask.get_pixel(32, 28).0, [255]);
        assert_eq!(mask.get_pixel(32, 35).0, [255]);
        assert_eq!(mask.get_pixel(32, 36).0, [0]);
        assert_eq!(mask.get_pixel(12, 32).0, [255]);
        assert_eq!(mask.get_pixel(11, 32).0, [0]);
        assert!(!is_empty(&mask));
        paint(&mut mask, (0.0, 32.0), (64.0, 32.0), 5.0, true);
        assert!(is_empty(&mask));
    }

    #[test]
    fn strokes_outside_the_canvas_or_of_no_numbers_harm_nothing() {
        let mut mask = GrayImage::new(64, 64);
        paint(&mut mask, (-500.0, -500.0), (-100.0, 900.0), 8.0, false);
        paint(&mut mask, (f32::NAN, 0.0), (5.0, f32::INFINITY), 8.0, false);
        assert!(is_empty(&mask));
        paint(&mut mask, (-500.0, 32.0), (900.0, 32.0), 1.0, false);
        assert_eq!(white(&mask), 128);
    }
}
