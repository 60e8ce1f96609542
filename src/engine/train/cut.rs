//! Squares of photos: the whole subject, or a random part of the photo around it. Pure functions on pixels.

use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};
use rand::Rng;

use super::photos::ReadPhoto;

/// A square of a photo, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Side.
    pub side: u32,
}

/// The smallest part of a photo's shorter side that a random square has.
const SMALLEST: f32 = 0.6;

impl Square {
    /// The largest one, with the subject as far in the middle as it goes.
    pub fn whole(photo: &ReadPhoto) -> Self {
        let side = photo.picture.width().min(photo.picture.height());
        Self::around(photo, side, [0.5, 0.5])
    }

    /// A random one that has the subject's middle in its own middle half.
    pub fn random(photo: &ReadPhoto, rng: &mut impl Rng) -> Self {
        let short = photo.picture.width().min(photo.picture.height());
        let side = (short as f32 * rng.random_range(SMALLEST..=1.0)).round().clamp(1.0, short as f32) as u32;
        Self::around(photo, side, [rng.random_range(0.25..=0.75), rng.random_range(0.25..=0.75)])
    }

    /// One of a side that has the subject's middle at these parts of it, as far as the photo reaches.
    fn around(photo: &ReadPhoto, side: u32, at: [f32; 2]) -> Self {
        let [x, y] = middle(&photo.mask);
        let place = |middle: f32, at: f32, length: u32| {
            let most = (length - side) as f32;
            (middle - at * side as f32).round().clamp(0.0, most) as u32
        };
        Self { x: place(x, at[0], photo.picture.width()), y: place(y, at[1], photo.picture.height()), side }
    }
}

/// The middle of a mask; of an empty one the middle of the picture.
fn middle(mask: &GrayImage) -> [f32; 2] {
    let (mut sum, mut x_sum, mut y_sum) = (0u64, 0u64, 0u64);
    for (x, y, pixel) in mask.enumerate_pixels() {
        let weight = u64::from(pixel.0[0]);
        sum += weight;
        x_sum += weight * u64::from(x);
        y_sum += weight * u64::from(y);
    }
    match sum {
        0 => [mask.width() as f32 / 2.0, mask.height() as f32 / 2.0],
        _ => [(x_sum as f64 / sum as f64) as f32, (y_sum as f64 / sum as f64) as f32],
    }
}

/// What a step may see of a photo.
#[derive(Clone, Debug)]
pub struct Cut {
    /// `size` x `size`
    pub picture: RgbImage,
    /// Cells of the latent's grid, row by row, 0..1: how much of each the subject covers.
    pub mask: Vec<f32>,
}

/// Cuts a square out and brings it to `size` pixels, of which `factor` make a cell of the latent.
pub fn cut(photo: &ReadPhoto, square: Square, mirrored: bool, size: u32, factor: u32) -> Cut {
    let Square { x, y, side } = square;
    let picture = imageops::crop_imm(&photo.picture, x, y, side, side).to_image();
    let mask = imageops::crop_imm(&photo.mask, x, y, side, side).to_image();
    let (mut picture, mut mask) = if side == size {
        (picture, mask)
    } else {
        (
            imageops::resize(&picture, size, size, FilterType::CatmullRom),
            imageops::resize(&mask, size, size, FilterType::Triangle),
        )
    };
    if mirrored {
        picture = imageops::flip_horizontal(&picture);
        mask = imageops::flip_horizontal(&mask);
    }
    Cut { picture, mask: cells(&mask, factor) }
}

/// The mean of each `factor` x `factor` pixels.
fn cells(mask: &GrayImage, factor: u32) -> Vec<f32> {
    let (columns, rows) = (mask.width() / factor, mask.height() / factor);
    let mean = |row: u32, column: u32| {
        let inside = (0..factor).flat_map(|y| (0..factor).map(move |x| (column * factor + x, row * factor + y)));
        let sum: u32 = inside.map(|(x, y)| u32::from(mask.get_pixel(x, y).0[0])).sum();
        sum as f32 / (255 * factor * factor) as f32
    };
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| mean(row, column))
        .collect()
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};
    use rand::SeedableRng;

    use super::super::photos::MaskFrom;
    use super::*;

    fn photo(width: u32, height: u32, subject: [u32; 4]) -> ReadPhoto {
        let inside = |x, y| (subject[0]..subject[2]).contains(&x) && (subject[1]..subject[3]).contains(&y);
        ReadPhoto {
            name: "photo".into(),
            picture: RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 0])),
            mask: GrayImage::from_fn(width, height, |x, y| Luma([if inside(x, y) { 255 } else { 0 }])),
            mask_from: MaskFrom::File,
            caption: "<TOK>".into(),
        }
    }

    #[test]
    fn the_whole_square_goes_to_the_subject_and_never_past_the_photo() {
        assert_eq!(Square::whole(&photo(100, 60, [80, 0, 100, 60])), Square { x: 40, y: 0, side: 60 });
        assert_eq!(Square::whole(&photo(100, 60, [0, 0, 10, 60])), Square { x: 0, y: 0, side: 60 });
        assert_eq!(Square::whole(&photo(60, 100, [0, 40, 60, 60])), Square { x: 0, y: 20, side: 60 });
        // Nothing is marked.
        assert_eq!(Square::whole(&photo(100, 60, [0; 4])), Square { x: 20, y: 0, side: 60 });
    }

    #[test]
    fn random_squares_lie_in_the_photo_and_hold_the_subject_s_middle() {
        let photo = photo(120, 90, [50, 30, 70, 50]);
        let mut rng = rand_chacha::ChaCha12Rng::seed_from_u64(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let Square { x, y, side } = Square::random(&photo, &mut rng);
            assert!(x + side <= 120 && y + side <= 90 && side >= 54, "{x} {y} {side}");
            assert!((x..x + side).contains(&60) && (y..y + side).contains(&40));
            seen.insert((x, y, side));
        }
        assert!(seen.len() > 100, "only {} different squares", seen.len());
    }

    #[test]
    fn a_mask_becomes_the_share_of_each_cell_and_is_mirrored_with_its_picture() {
        let photo = photo(32, 32, [0, 0, 12, 16]);
        let square = Square::whole(&photo);
        let plain = cut(&photo, square, false, 32, 8);
        assert_eq!(plain.mask[..8], [1.0, 0.5, 0.0, 0.0, 1.0, 0.5, 0.0, 0.0]);
        assert_eq!(plain.mask[8..], [0.0; 8]);
        let turned = cut(&photo, square, true, 32, 8);
        assert_eq!(turned.mask[..4], [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(turned.picture.get_pixel(0, 3), plain.picture.get_pixel(31, 3));
        let larger = cut(&photo, square, false, 64, 8);
        assert_eq!((larger.picture.width(), larger.mask.len()), (64, 64));
    }
}
