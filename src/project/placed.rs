//! What of a photo the canvas shows, and where it may change there. All that shows a placed photo, renders into it or puts
//! a render back asks here, so that they mean the same pixels.

use image::{GrayImage, Luma, RgbImage, RgbaImage};

use super::error::ProjectError;
use super::picture::{LayerMask, cover, cover_gray, crop_to_canvas, load_gray};
use super::{Canvas, Files, Follow, Placement};
use crate::photo::soft::grow;

/// The photo, as the canvas shows it: its crop, or all of it, covering the canvas.
///
/// # Errors
/// When the crop is not inside the photo.
pub fn seen(place: &Placement, photo: &RgbaImage, canvas: Canvas) -> Result<RgbImage, ProjectError> {
    match place.crop {
        Some(crop) => crop_to_canvas(photo, crop, canvas),
        None => cover(photo, canvas),
    }
}

/// What was painted of the edit mask, as it covers the canvas; None where nothing was.
///
/// # Errors
/// When its file cannot be used.
pub fn painted(place: &Placement, files: &dyn Files, canvas: Canvas) -> Result<Option<GrayImage>, ProjectError> {
    if place.edit_mask.as_os_str().is_empty() {
        return Ok(None);
    }
    cover_gray(&load_gray(files, &place.edit_mask)?, canvas).map(Some)
}

/// Where the photo may change (above 127): what was painted, and what follows the layers that stand for concepts. Of the
/// canvas's size, as `painted` and `masks` are.
pub fn edit_mask(place: &Placement, painted: Option<&GrayImage>, masks: &[LayerMask], canvas: Canvas) -> GrayImage {
    let mut mask = painted.cloned().unwrap_or_else(|| GrayImage::new(canvas.width, canvas.height));
    if let Some(Follow { margin }) = place.follow {
        let grown = grow(&outlines(masks, |layer| layer.concept.is_some(), canvas), margin);
        for (pixel, grown) in mask.pixels_mut().zip(grown.pixels()) {
            pixel.0 = [pixel.0[0].max(grown.0[0])];
        }
    }
    mask
}

/// Where any of the chosen layers shows (255; 0 elsewhere).
pub fn outlines(masks: &[LayerMask], chosen: impl Fn(&LayerMask) -> bool, canvas: Canvas) -> GrayImage {
    let mut union = GrayImage::new(canvas.width, canvas.height);
    for layer in masks.iter().filter(|layer| chosen(layer)) {
        for (pixel, shown) in union.pixels_mut().zip(layer.mask.pixels()) {
            if shown.0[0] > 127 {
                *pixel = Luma([255]);
            }
        }
    }
    union
}

/// The layers lie on the photo, and there is none.
pub(super) fn no_photo() -> ProjectError {
    let advice = "choose the photo, or another background";
    ProjectError::value("layout.background", "is the photo to place into, and there is none", advice)
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;
    use crate::project::Crop;

    const CANVAS: Canvas = Canvas { width: 64, height: 64 };

    fn layer(concept: Option<&str>, column: u32) -> LayerMask {
        let mask = GrayImage::from_fn(64, 64, |x, _| Luma([if x == column { 200 } else { 100 }]));
        LayerMask { layer: 0, concept: concept.map(str::to_owned), mask }
    }

    fn columns(mask: &GrayImage) -> Vec<u32> {
        (0..64).filter(|x| mask.get_pixel(*x, 30).0[0] > 127).collect()
    }

    #[test]
    fn the_canvas_shows_the_crop_and_without_one_the_whole_photo() {
        let photo = RgbaImage::from_fn(300, 200, |x, y| Rgba([(x / 2) as u8, y as u8, 7, 255]));
        let mut place = Placement::new("photo.png", "");
        assert_eq!(seen(&place, &photo, CANVAS), cover(&photo, CANVAS));
        place.crop = Some(Crop { x: 100, y: 40, width: 64, height: 64 });
        let canvas = seen(&place, &photo, CANVAS).unwrap();
        for (x, y) in [(0, 0), (63, 63), (10, 50)] {
            let [red, green, blue, _] = photo.get_pixel(100 + x, 40 + y).0;
            assert_eq!(canvas.get_pixel(x, y).0, [red, green, blue], "at its own size nothing changes");
        }
        place.crop = Some(Crop { x: 237, y: 0, width: 64, height: 64 });
        let error = seen(&place, &photo, CANVAS).unwrap_err().to_string();
        assert!(error.starts_with("place.crop is 64 x 64 pixels at 237, 0, and the photo has 300 x 200"), "{error}");
    }

    #[test]
    fn an_edit_mask_is_what_was_painted_and_what_follows_the_layers_with_concepts() {
        let masks = [layer(Some("Tom"), 20), layer(None, 40)];
        let painted = GrayImage::from_fn(64, 64, |x, _| Luma([if x == 60 { 255 } else { 0 }]));
        let mut place = Placement::new("photo.png", "mask.png");
        assert_eq!(columns(&edit_mask(&place, Some(&painted), &masks, CANVAS)), [60]);
        place.follow = Some(Follow { margin: 2 });
        assert_eq!(columns(&edit_mask(&place, Some(&painted), &masks, CANVAS)), [18, 19, 20, 21, 22, 60]);
        assert_eq!(columns(&edit_mask(&place, None, &masks, CANVAS)), [18, 19, 20, 21, 22]);
        assert!(columns(&edit_mask(&place, None, &[], CANVAS)).is_empty());
    }
}
