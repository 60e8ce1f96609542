//! One layer's picture, scaled, mirrored, turned and moved onto the canvas grid.

use std::borrow::Cow;
use std::ops::Range;

use image::RgbaImage;

use super::error::ProjectError;
use super::picture::shrink;
use super::{Canvas, Layer};

/// A picture with the transform that places it, ready to be asked for the canvas's pixels.
///
/// Shrinking is done beforehand by averaging, the rest by bilinear sampling, so that neither a
/// large photo nor a slight turn flickers.
pub(super) struct Sprite<'a> {
    picture: Cow<'a, RgbaImage>,
    /// The centre, in canvas pixels.
    center: (f64, f64),
    /// Width and height on the canvas before turning, in canvas pixels.
    size: (f64, f64),
    /// Cosine and sine of the turn, clockwise as seen, since y points down.
    turn: (f64, f64),
    flip: bool,
}

impl<'a> Sprite<'a> {
    /// Places `picture` as `layer` says. The layer's numbers are in their ranges.
    pub(super) fn new(layer: &Layer, picture: &'a RgbaImage) -> Result<Self, ProjectError> {
        let (width, height) = picture.dimensions();
        if width == 0 || height == 0 {
            return Err(ProjectError::picture(&layer.picture, "it has no pixels", "export it again"));
        }
        let scale = f64::from(layer.scale);
        let size = (f64::from(width) * scale, f64::from(height) * scale);
        let picture = if scale < 1.0 {
            let side = |length: f64| (length.round() as u32).max(1);
            let target = Canvas { width: side(size.0), height: side(size.1) };
            Cow::Owned(shrink(picture, target)?)
        } else {
            Cow::Borrowed(picture)
        };
        let (sine, cosine) = f64::from(layer.rotation).to_radians().sin_cos();
        Ok(Self {
            picture,
            center: (f64::from(layer.x), f64::from(layer.y)),
            size,
            turn: (cosine, sine),
            flip: layer.flip,
        })
    }

    /// The columns and rows of the canvas that the picture can touch.
    pub(super) fn bounds(&self, canvas: Canvas) -> (Range<u32>, Range<u32>) {
        let ((width, height), (cosine, sine)) = (self.size, self.turn);
        let across = (width * cosine.abs() + height * sine.abs()) / 2.0 + 1.0;
        let down = (width * sine.abs() + height * cosine.abs()) / 2.0 + 1.0;
        let (x, y) = self.center;
        let clip = |at: f64, most: u32| at.clamp(0.0, f64::from(most)) as u32;
        let columns = clip((x - across).floor(), canvas.width)..clip((x + across).ceil(), canvas.width);
        let rows = clip((y - down).floor(), canvas.height)..clip((y + down).ceil(), canvas.height);
        (columns, rows)
    }

    /// Red, green, blue and alpha, 0 to 1, of the canvas pixel in this column and row; colours
    /// already multiplied by alpha. The layer's opacity is left out.
    pub(super) fn sample(&self, column: u32, row: u32) -> [f64; 4] {
        let dx = f64::from(column) + 0.5 - self.center.0;
        let dy = f64::from(row) + 0.5 - self.center.1;
        let ((width, height), (cosine, sine)) = (self.size, self.turn);
        let along = dx * cosine + dy * sine;
        let along = if self.flip { -along } else { along } + width / 2.0;
        let below = dy * cosine - dx * sine + height / 2.0;

        let covered = overlap(along, width) * overlap(below, height);
        if covered == 0.0 {
            return [0.0; 4];
        }
        let (columns, rows) = self.picture.dimensions();
        let u = along / width * f64::from(columns) - 0.5;
        let v = below / height * f64::from(rows) - 0.5;
        self.bilinear(u, v).map(|value| value * covered)
    }

    /// The picture between its pixels' centres; beyond the outermost ones it goes on as it ends.
    fn bilinear(&self, u: f64, v: f64) -> [f64; 4] {
        let (columns, rows) = self.picture.dimensions();
        let (left, right, x) = neighbours(u, columns);
        let (above, below, y) = neighbours(v, rows);
        let weighted = [
            (left, above, (1.0 - x) * (1.0 - y)),
            (right, above, x * (1.0 - y)),
            (left, below, (1.0 - x) * y),
            (right, below, x * y),
        ];
        let mut sum = [0.0; 4];
        for (column, row, weight) in weighted {
            // Within the picture: `neighbours` gives positions below the side, and no side is 0.
            let [red, green, blue, alpha] = self.picture.get_pixel(column, row).0.map(|byte| f64::from(byte) / 255.0);
            for (total, value) in sum.iter_mut().zip([red * alpha, green * alpha, blue * alpha, alpha]) {
                *total += value * weight;
            }
        }
        sum
    }
}

/// How much of the pixel centred at `at` lies within 0..`length`.
fn overlap(at: f64, length: f64) -> f64 {
    ((at + 0.5).min(length) - (at - 0.5).max(0.0)).max(0.0)
}

/// The two pixels on either side of a position, and how far it lies from the first to the second.
fn neighbours(at: f64, length: u32) -> (u32, u32, f64) {
    let last = length.saturating_sub(1);
    let at = at.clamp(0.0, f64::from(last));
    let first = at.floor();
    (first as u32, (first as u32 + 1).min(last), at - first)
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    const CANVAS: Canvas = Canvas { width: 64, height: 64 };

    /// Two by one pixels: red, then a blue one of half opacity.
    fn pair() -> RgbaImage {
        let mut picture = RgbaImage::from_pixel(2, 1, Rgba([255, 0, 0, 255]));
        picture.put_pixel(1, 0, Rgba([0, 0, 255, 128]));
        picture
    }

    /// Alpha of every canvas pixel that has any, with its column and row.
    fn touched(layer: &Layer, picture: &RgbaImage) -> Vec<(u32, u32, f64)> {
        let sprite = Sprite::new(layer, picture).unwrap();
        let (columns, rows) = sprite.bounds(CANVAS);
        let all = rows.flat_map(|row| columns.clone().map(move |column| (column, row)));
        all.map(|(column, row)| (column, row, sprite.sample(column, row)[3]))
            .filter(|(_, _, alpha)| *alpha > 0.0)
            .collect()
    }

    #[test]
    fn on_whole_pixels_the_picture_is_copied_exactly() {
        let picture = pair();
        let sprite = Sprite::new(&Layer::new("p", 11.0, 20.5), &picture).unwrap();
        assert_eq!(sprite.sample(10, 20), [1.0, 0.0, 0.0, 1.0]);
        let half = 128.0 / 255.0;
        assert_eq!(sprite.sample(11, 20), [0.0, 0.0, half, half]);
        for outside in [(9, 20), (12, 20), (10, 19), (10, 21)] {
            assert_eq!(sprite.sample(outside.0, outside.1), [0.0; 4]);
        }
    }

    #[test]
    fn flipping_mirrors_left_to_right_and_turning_is_clockwise() {
        let picture = pair();
        let mut layer = Layer::new("p", 11.0, 20.5);
        layer.flip = true;
        assert_eq!(Sprite::new(&layer, &picture).unwrap().sample(11, 20)[0], 1.0);

        let mut layer = Layer::new("p", 10.5, 21.0);
        layer.rotation = 90.0;
        let sprite = Sprite::new(&layer, &picture).unwrap();
        // What was left is now above.
        assert!((sprite.sample(10, 20)[0] - 1.0).abs() < 1e-9);
        assert!(sprite.sample(10, 21)[2] > 0.5);
    }

    #[test]
    fn between_pixels_the_coverage_is_shared() {
        let picture = RgbaImage::from_pixel(1, 1, Rgba([255; 4]));
        let shares = touched(&Layer::new("p", 10.75, 20.5), &picture);
        assert_eq!(shares, [(10, 20, 0.75), (11, 20, 0.25)]);
    }

    #[test]
    fn a_turn_and_a_scale_keep_the_covered_area() {
        let picture = RgbaImage::from_pixel(40, 20, Rgba([255; 4]));
        for (scale, rotation) in [(1.0, 0.0), (1.0, 30.0), (0.5, 45.0), (0.31, -77.0), (1.25, 200.0)] {
            let mut layer = Layer::new("p", 31.3, 32.6);
            (layer.scale, layer.rotation) = (scale, rotation);
            let area: f64 = touched(&layer, &picture).iter().map(|(_, _, alpha)| alpha).sum();
            let expected = 800.0 * f64::from(scale).powi(2);
            assert!((area / expected - 1.0).abs() < 0.01, "{scale} {rotation}: {area} of {expected}");
        }
    }

    #[test]
    fn a_fine_pattern_shrinks_to_its_average() {
        let stripes = RgbaImage::from_fn(400, 400, |x, _| Rgba(if x % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] }));
        let mut layer = Layer::new("p", 32.0, 32.0);
        layer.scale = 0.1;
        let sprite = Sprite::new(&layer, &stripes).unwrap();
        let (columns, rows) = (20..44, 20..44);
        for (column, row) in columns.zip(rows) {
            assert!((sprite.sample(column, row)[0] - 0.5).abs() < 0.02);
        }
    }

    #[test]
    fn a_speck_far_away_or_a_giant_touches_no_pixel_outside_the_canvas() {
        let picture = RgbaImage::from_pixel(100, 100, Rgba([255; 4]));
        let mut layer = Layer::new("p", -100_000.0, 100_000.0);
        assert!(touched(&layer, &picture).is_empty());
        layer.scale = *Layer::SCALE.end();
        assert_eq!(Sprite::new(&layer, &picture).unwrap().bounds(CANVAS), (0..0, 64..64));
        let mut layer = Layer::new("p", 32.0, 32.0);
        layer.scale = *Layer::SCALE.end();
        assert_eq!(touched(&layer, &picture).len(), 64 * 64);
        layer.scale = *Layer::SCALE.start();
        let area: f64 = touched(&layer, &picture).iter().map(|(_, _, alpha)| alpha).sum();
        assert!((area - 0.01).abs() < 1e-6, "{area}");
    }
}
