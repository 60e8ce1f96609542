//! Hue and chroma of every pixel, by which the recogniser tells colours apart. Lightness is free: a shaded belly is still
//! the belly.

use image::RgbImage;

use super::looks::{Color, Look};

/// How far two colours' hues may be apart (a and b of CIE Lab) and still be the same.
pub const NEAR: f64 = 22.0;

/// The same for a belly, which is pale: less far, or it would be every white thing.
pub const NEAR_BELLY: f64 = 14.0;

/// One hue: a and b of CIE Lab, D65.
type Hue = [f64; 2];

/// A picture's hues, row by row.
#[derive(Debug, Clone)]
pub struct Hues {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    hues: Vec<Hue>,
}

impl Hues {
    /// Of a picture.
    pub fn of(picture: &RgbImage) -> Self {
        let table = linear();
        let (width, height) = picture.dimensions();
        let hues = picture.pixels().map(|pixel| hue(pixel.0, &table)).collect();
        Self { width: width as usize, height: height as usize, hues }
    }

    /// Which pixels have a colour, within `distance`.
    pub fn near(&self, color: Color, distance: f64) -> Vec<bool> {
        let [a, b] = hue(color, &linear());
        let is = |hue: &Hue| (hue[0] - a).powi(2) + (hue[1] - b).powi(2) < distance.powi(2);
        self.hues.iter().map(is).collect()
    }

    /// Which pixels have the body's colour.
    pub fn body(&self, look: &Look) -> Vec<bool> {
        self.near(look.body, NEAR)
    }

    /// Which pixels have any colour of a look.
    pub fn own(&self, look: &Look) -> Vec<bool> {
        let mut own = self.body(look);
        let others = [Some(look.mark), Some(look.ear), look.collar];
        let others = others.into_iter().flatten().map(|color| (color, NEAR)).chain([(look.belly, NEAR_BELLY)]);
        for (color, distance) in others {
            for (own, is) in own.iter_mut().zip(self.near(color, distance)) {
                *own |= is;
            }
        }
        own
    }
}

/// What each byte is in linear light.
fn linear() -> [f64; 256] {
    std::array::from_fn(|byte| {
        let value = byte as f64 / 255.0;
        if value > 0.04045 { ((value + 0.055) / 1.055).powf(2.4) } else { value / 12.92 }
    })
}

fn hue(color: Color, linear: &[f64; 256]) -> Hue {
    let [r, g, b] = color.map(|byte| linear[usize::from(byte)]);
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let f = |value: f64| if value > 0.008856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 };
    [500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
}
