//! What is cut out in the end: a picture of its own, transparent where nothing was chosen.

use image::{GrayImage, RgbaImage, imageops};

use super::area::bounds;
use super::rim::decontaminate;
use super::stop::Stop;

/// Somebody cut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutout {
    /// Where it was in the picture: pixels from its left edge.
    pub left: u32,
    /// Pixels from the picture's top edge.
    pub top: u32,
    /// Cropped to what is not transparent.
    pub picture: RgbaImage,
}

/// Cuts out what is chosen. With `clean`, pixels at the rim get the subject's own colours, without the ground that shines
/// through. `None` where nothing is chosen, or where it was stopped.
///
/// # Panics
/// If the mask has not the picture's size.
pub fn cutout(picture: &RgbaImage, mask: &GrayImage, clean: bool, stop: &Stop) -> Option<Cutout> {
    assert_eq!(picture.dimensions(), mask.dimensions(), "a mask has its picture's size");
    // What the picture itself has of a transparent pixel is all that can be cut out of it.
    let mut shares = mask.clone();
    for (share, pixel) in shares.iter_mut().zip(picture.pixels()) {
        *share = (u16::from(*share) * u16::from(pixel.0[3])).div_ceil(255) as u8;
    }
    let [left, top, right, bottom] = bounds(&shares)?;
    let (wide, high) = (right - left, bottom - top);
    let clean = clean.then(|| {
        // The ground beyond the subject tells what shines through.
        let margin = 100;
        let (x, y) = (left.saturating_sub(margin), top.saturating_sub(margin));
        let size = ((right + margin).min(picture.width()) - x, (bottom + margin).min(picture.height()) - y);
        let seen = imageops::crop_imm(picture, x, y, size.0, size.1).to_image();
        let own = imageops::crop_imm(mask, x, y, size.0, size.1).to_image();
        let clean = decontaminate(&seen, &own, stop)?;
        Some(imageops::crop_imm(&clean, left - x, top - y, wide, high).to_image())
    });
    let mut made = match clean {
        Some(clean) => clean?,
        None => imageops::crop_imm(picture, left, top, wide, high).to_image(),
    };
    for (x, y, pixel) in made.enumerate_pixels_mut() {
        let share = shares.get_pixel(left + x, top + y).0[0];
        pixel.0 = if share == 0 { [0; 4] } else { [pixel.0[0], pixel.0[1], pixel.0[2], share] };
    }
    Some(Cutout { left, top, picture: made })
}
