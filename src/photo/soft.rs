//! Where a photo may change: how far around something, and how softly it ends.

use image::{GrayImage, Luma};

/// Squared distances, in pixels, of every pixel to the nearest that is inside (above 127), row by row; infinite where
/// nothing is. Exact (Felzenszwalb and Huttenlocher's lower envelopes), in time that grows with the pixels alone.
fn squared_distances(mask: &GrayImage) -> Vec<f32> {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut squares: Vec<f32> = mask.pixels().map(|pixel| if pixel.0[0] > 127 { 0.0 } else { f32::INFINITY }).collect();
    let mut line = vec![0.0; width.max(height)];
    let mut work = Envelope::default();
    for column in 0..width {
        for (row, value) in line.iter_mut().take(height).enumerate() {
            *value = squares[row * width + column];
        }
        work.transform(&mut line[..height]);
        for (row, value) in line.iter().take(height).enumerate() {
            squares[row * width + column] = *value;
        }
    }
    for row in squares.chunks_exact_mut(width.max(1)) {
        work.transform(row);
    }
    squares
}

/// The parabolas that are lowest somewhere on a line.
#[derive(Default)]
struct Envelope {
    /// Where each has its lowest point.
    feet: Vec<usize>,
    /// From where on each is the lowest.
    from: Vec<f64>,
    heights: Vec<f64>,
}

impl Envelope {
    /// For each place the least, over all places, of that one's value and the squared way there.
    fn transform(&mut self, line: &mut [f32]) {
        self.feet.clear();
        self.from.clear();
        self.heights.clear();
        for (at, value) in line.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let value = f64::from(*value);
            let mut from = f64::NEG_INFINITY;
            while let (Some(&foot), Some(&height), Some(&begin)) =
                (self.feet.last(), self.heights.last(), self.from.last())
            {
                let (here, there) = (at as f64, foot as f64);
                // Where this one becomes the lower of the two.
                from = ((value + here * here) - (height + there * there)) / (2.0 * (here - there));
                if from > begin {
                    break;
                }
                self.feet.pop();
                self.heights.pop();
                self.from.pop();
                from = f64::NEG_INFINITY;
            }
            self.feet.push(at);
            self.heights.push(value);
            self.from.push(from);
        }
        if self.feet.is_empty() {
            return;
        }
        let mut which = 0;
        for (at, value) in line.iter_mut().enumerate() {
            while self.from.get(which + 1).is_some_and(|from| *from <= at as f64) {
                which += 1;
            }
            let way = at as f64 - self.feet[which] as f64;
            *value = (way * way + self.heights[which]) as f32;
        }
    }
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
