//! The test sheet: what a concept draws, beside the photos that it was trained from.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::photos::ReadPhoto;
use crate::link::TrainingPicture;

/// Side of a picture on the sheet, in pixels, at most.
const SIDE: u32 = 256;
/// Between pictures.
const GAP: u32 = 4;
/// The most photos that are shown.
const PHOTOS: usize = 8;

/// A column of photos and the pictures row by row, one prompt a row; white between them.
pub fn sheet(photos: &[ReadPhoto], pictures: &[&TrainingPicture], seeds: usize) -> RgbImage {
    let rows = pictures.len().div_ceil(seeds.max(1)).max(1);
    let side = pictures.first().map_or(SIDE, |picture| picture.picture.width()).min(SIDE);
    let shown = photos.len().min(PHOTOS);
    let photo_columns = shown.div_ceil(rows);
    let cell = side + GAP;
    let mut sheet = RgbImage::from_pixel(
        (photo_columns + seeds) as u32 * cell + GAP * 4,
        rows as u32 * cell + GAP,
        Rgb([255, 255, 255]),
    );
    let mut put = |picture: &RgbImage, column: usize, row: usize, right: u32| {
        let scale = f64::from(side) / f64::from(picture.width().max(picture.height()).max(1));
        let size = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, side);
        let small = imageops::resize(picture, size(picture.width()), size(picture.height()), FilterType::Triangle);
        let (x, y) = (GAP + column as u32 * cell + right, GAP + row as u32 * cell);
        imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y));
    };
    for (index, photo) in photos.iter().take(shown).enumerate() {
        put(&photo.picture, index / rows, index % rows, 0);
    }
    for (index, picture) in pictures.iter().enumerate() {
        put(&picture.picture, photo_columns + index % seeds, index / seeds, GAP * 3);
    }
    sheet
}

#[cfg(test)]
mod tests {
    use image::GrayImage;

    use super::super::photos::MaskFrom;
    use super::*;

    #[test]
    fn photos_stand_left_of_the_pictures_and_each_prompt_has_a_row() {
        let photo = |value| ReadPhoto {
            name: "photo".into(),
            picture: RgbImage::from_pixel(80, 40, Rgb([value, 0, 0])),
            mask: GrayImage::new(80, 40),
            mask_from: MaskFrom::Nothing,
            caption: String::new(),
        };
        let drawn = |value| TrainingPicture {
            step: 0,
            prompt: String::new(),
            strength: 0.7,
            seed: 0,
            likeness: None,
            alike: None,
            picture: RgbImage::from_pixel(32, 32, Rgb([0, value, 0])),
        };
        let (photos, pictures): (Vec<_>, Vec<_>) = ((1..=3).map(photo).collect(), (1..=4).map(drawn).collect());
        let sheet = sheet(&photos, &pictures.iter().collect::<Vec<_>>(), 2);
        // Two prompts of two seeds: three photos take two columns of two.
        assert_eq!(sheet.dimensions(), (4 * 36 + 16, 2 * 36 + 4));
        let at = |x, y| sheet.get_pixel(x, y).0;
        assert_eq!([at(5, 5), at(5, 41), at(41, 5)], [[1, 0, 0], [2, 0, 0], [3, 0, 0]]);
        assert_eq!([at(90, 5), at(126, 5), at(90, 41), at(126, 41)], [[0, 1, 0], [0, 2, 0], [0, 3, 0], [0, 4, 0]]);
        assert_eq!(at(5, 30), [255, 255, 255], "a wide photo keeps its shape");
    }
}
