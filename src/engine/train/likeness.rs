//! How much of the subject's colours a picture shows: the number on a test sheet, which needs no network.
//!
//! Colours are counted in CIE Lab, softly, in cells of a palette. What counts are the subject's *own* colours: those that its
//! photos have more of inside their masks than outside. A picture has all of one if it shows it on as much of its area as the
//! photos do. So a subject of the right colours at its usual size has 1, wherever it stands; one of another hue has what the
//! two share (eyes, a belly). It says nothing of shapes, and a scene that has the subject's colours lends it some.

use image::RgbImage;

use super::photos::{MaskFrom, ReadPhoto};

/// Cells along lightness, of 100; colours of one hue in light and shade are near each other.
const LIGHT: f32 = 34.0;
/// Cells along a and b: two hues that anybody tells apart are 20 or more apart.
const HUE: f32 = 16.0;
/// Cells: lightness 0 to 100, a and b -112 to 112, and one more each for the soft edge.
const CELLS: [usize; 3] = [4, 15, 15];
/// Where a and b begin.
const LEAST: f32 = -112.0;
/// The most pixels of a picture that are counted, evenly spread: more would say the same.
const COUNTED: usize = 1 << 16;
/// A subject that has less than this of its own colours is as its surroundings, and nothing can be said.
const LEAST_OWN: f32 = 0.2;

/// Shares of a palette's cells, which add up to 1.
type Shares = Vec<f32>;

/// The subject's own colours.
#[derive(Clone, Debug)]
pub struct Palette {
    /// By cell, the share of the subject that has this colour beyond what its surroundings have.
    own: Shares,
    /// The subject's part of its photos.
    area: f32,
}

impl Palette {
    /// What the photos' masks tell. None where none has one, or the subject has hardly a colour of its own.
    pub fn of(photos: &[ReadPhoto]) -> Option<Self> {
        let cells = CELLS.iter().product();
        let (mut inside, mut outside) = (vec![0.0; cells], vec![0.0; cells]);
        for photo in photos.iter().filter(|photo| photo.mask_from != MaskFrom::Nothing) {
            let masks = photo.mask.pixels().map(|mask| f32::from(mask.0[0]) / 255.0);
            let every = step(&photo.picture);
            for (pixel, mask) in photo.picture.pixels().zip(masks).step_by(every) {
                add(&mut inside, pixel.0, mask);
                add(&mut outside, pixel.0, 1.0 - mask);
            }
        }
        let (subject, rest): (f32, f32) = (inside.iter().sum(), outside.iter().sum());
        if subject <= 0.0 || rest <= 0.0 {
            return None;
        }
        let own: Shares =
            inside.iter().zip(&outside).map(|(inside, outside)| (inside / subject - outside / rest).max(0.0)).collect();
        (own.iter().sum::<f32>() >= LEAST_OWN).then_some(Self { own, area: subject / (subject + rest) })
    }

    /// How much of the subject's own colours the picture shows, 0..=1.
    pub fn likeness(&self, picture: &RgbImage) -> f32 {
        let mut seen = vec![0.0; self.own.len()];
        picture.pixels().step_by(step(picture)).for_each(|pixel| add(&mut seen, pixel.0, 1.0));
        let all: f32 = seen.iter().sum();
        let whole: f32 = self.own.iter().sum();
        if all <= 0.0 {
            return 0.0;
        }
        let shown = self.own.iter().zip(&seen).map(|(own, seen)| own.min(seen / all / self.area));
        shown.sum::<f32>() / whole
    }
}

/// Every how manieth pixel is counted.
fn step(picture: &RgbImage) -> usize {
    (picture.pixels().len() / COUNTED).max(1)
}

/// Counts a pixel into the eight cells around it.
fn add(cells: &mut [f32], pixel: [u8; 3], weight: f32) {
    if weight <= 0.0 {
        return;
    }
    let [light, a, b] = lab(pixel);
    let at = [light / LIGHT, (a - LEAST) / HUE, (b - LEAST) / HUE];
    let low = [0, 1, 2].map(|axis| (at[axis].max(0.0) as usize).min(CELLS[axis] - 2));
    for corner in 0..8 {
        let (mut index, mut part) = (0, weight);
        for axis in 0..3 {
            let up = corner >> axis & 1;
            let within = (at[axis] - low[axis] as f32).clamp(0.0, 1.0);
            part *= if up == 1 { within } else { 1.0 - within };
            index = index * CELLS[axis] + low[axis] + up;
        }
        cells[index] += part;
    }
}

/// CIE Lab of an sRGB colour, white of D65.
fn lab(pixel: [u8; 3]) -> [f32; 3] {
    let [red, green, blue] = pixel.map(|value| {
        let value = f32::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505;
    let y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089;
    let [x, y, z] = [x, y, z].map(|value| if value > 0.008856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma, Rgb};

    use super::*;

    const GREY: [u8; 3] = [120, 120, 120];
    const MINT: [u8; 3] = [96, 214, 178];
    const BLUE: [u8; 3] = [60, 120, 230];

    /// A square of one colour on another, with its mask.
    fn photo(subject: [u8; 3], around: [u8; 3]) -> ReadPhoto {
        let inside = |x: u32, y: u32| (16..48).contains(&x) && (16..48).contains(&y);
        ReadPhoto {
            name: "photo".into(),
            picture: RgbImage::from_fn(64, 64, |x, y| Rgb(if inside(x, y) { subject } else { around })),
            mask: GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }])),
            mask_from: MaskFrom::File,
            caption: String::new(),
        }
    }

    #[test]
    fn the_subject_elsewhere_has_all_of_its_colours_and_another_hue_or_nobody_has_none() {
        let palette = Palette::of(&[photo(MINT, GREY)]).unwrap();
        let of = |subject, around| palette.likeness(&photo(subject, around).picture);
        assert!(of(MINT, [240, 200, 120]) > 0.99);
        assert!(of(BLUE, GREY) < 0.05 && of(GREY, GREY) < 0.05);
        // A slight shift costs a part.
        let near = of([96, 200, 190], GREY);
        assert!((0.1..0.9).contains(&near), "{near}");
    }

    #[test]
    fn half_the_size_has_half_and_twice_the_size_no_more_than_all() {
        let palette = Palette::of(&[photo(MINT, GREY)]).unwrap();
        let of = |wide: u32| {
            palette.likeness(&RgbImage::from_fn(64, 64, |x, y| Rgb(if x < wide && y < 32 { MINT } else { GREY })))
        };
        assert!((of(16) - 0.5).abs() < 0.02 && (of(32) - 1.0).abs() < 0.02 && of(64) <= 1.0);
    }

    #[test]
    fn nothing_is_said_without_masks_or_of_a_subject_that_looks_as_its_surroundings() {
        let bare = ReadPhoto { mask_from: MaskFrom::Nothing, ..photo(MINT, GREY) };
        assert!(Palette::of(&[bare]).is_none() && Palette::of(&[]).is_none());
        assert!(Palette::of(&[photo(GREY, GREY)]).is_none());
        let full = ReadPhoto { mask: GrayImage::from_pixel(64, 64, Luma([255])), ..photo(MINT, GREY) };
        assert!(Palette::of(&[full]).is_none());
        // A photo without a mask among others tells nothing.
        let bare = ReadPhoto { mask_from: MaskFrom::Nothing, ..photo(BLUE, BLUE) };
        assert!(Palette::of(&[photo(MINT, GREY), bare]).unwrap().likeness(&photo(MINT, BLUE).picture) > 0.99);
    }
}
