//! Where a photo may change: how far around something, and how softly it ends.

use image::{GrayImage, Luma};

use crate::cut::distance;

/// Squared distances, in pixels, of every pixel to the nearest that is inside (above 127), row by row; infinite where
/// nothing is.
fn squared_distances(mask: &GrayImage) -> Vec<f32> {
    let inside: Vec<bool> = mask.pixels().map(|pixel| pixel.0[0] > 127).collect();
    distance::squared(&inside, mask.width() as usize)
}

/// A mask with all within `margin` pixels of what is inside it (above 127): 255 there, 0 elsewhere.
pub fn grow(mask: &GrayImage, margin: u32) -> GrayImage {
    let far = margin as f32 * margin as f32;
    let mut grown = GrayImage::new(mask.width(), mask.height());
    for (pixel, square) in grown.pixels_mut().zip(squared_distances(mask)) {
        *pixel = Luma([if square <= far { 255 } else { 0 }]);
    }
    grown
}

/// How far each pixel lies from what is inside a mask (above 127), in pixels: 0 inside, infinite where nothing is.
pub(super) fn distances(mask: &GrayImage) -> Vec<f32> {
    squared_distances(mask).into_iter().map(f32::sqrt).collect()
}

/// How much of a patch counts at each pixel, 0 to 1: all of it inside the mask, and less and less until `feather` pixels
/// beyond it, where nothing does.
pub(super) fn weights(distances: &[f32], feather: u32) -> Vec<f32> {
    distances.iter().map(|distance| 1.0 - smooth(distance / (feather as f32 + 1.0))).collect()
}

/// From 0 to 1 without a corner at either end.
pub(super) fn smooth(at: f32) -> f32 {
    let at = at.clamp(0.0, 1.0);
    at * at * (3.0 - 2.0 * at)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn distances_are_those_to_the_nearest_pixel_inside() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for share in [0.002, 0.05, 0.6] {
            let (width, height) = (rng.random_range(1..60), rng.random_range(1..60));
            let mask = GrayImage::from_fn(width, height, |_, _| Luma([if rng.random_bool(share) { 255 } else { 0 }]));
            let inside: Vec<(i64, i64)> = mask
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel.0 == [255])
                .map(|(x, y, _)| (i64::from(x), i64::from(y)))
                .collect();
            for (at, square) in squared_distances(&mask).into_iter().enumerate() {
                let (x, y) = ((at % width as usize) as i64, (at / width as usize) as i64);
                let naive = inside.iter().map(|(u, v)| (u - x).pow(2) + (v - y).pow(2)).min();
                assert_eq!(naive.map_or(f32::INFINITY, |naive| naive as f32), square, "at {x}, {y}");
            }
        }
    }

    #[test]
    fn a_point_grows_to_a_disc_and_nothing_to_nothing() {
        let mut mask = GrayImage::new(64, 64);
        assert_eq!(grow(&mask, 16).pixels().filter(|pixel| pixel.0 == [255]).count(), 0);
        mask.put_pixel(32, 32, Luma([255]));
        let naive = (0..64i64 * 64).filter(|at| (at % 64 - 32).pow(2) + (at / 64 - 32).pow(2) <= 256).count();
        assert_eq!(grow(&mask, 16).pixels().filter(|pixel| pixel.0 == [255]).count(), naive);
        assert_eq!(grow(&mask, 0), mask);
    }

    #[test]
    fn a_feather_falls_from_one_to_nothing_and_without_one_the_edge_is_hard() {
        let mut mask = GrayImage::new(40, 1);
        mask.put_pixel(0, 0, Luma([200]));
        let soft = weights(&distances(&mask), 9);
        assert_eq!(soft[0], 1.0);
        assert!(soft.windows(2).all(|pair| pair[0] >= pair[1]), "{soft:?}");
        assert!((soft[5] - 0.5).abs() < 1e-6 && soft[9] > 0.0);
        assert!(soft[10..].iter().all(|weight| *weight == 0.0));
        assert_eq!(weights(&distances(&mask), 0)[..2], [1.0, 0.0]);
        assert!(weights(&distances(&GrayImage::new(5, 5)), 9).iter().all(|weight| *weight == 0.0));
    }
}
