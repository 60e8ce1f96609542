//! What is made of a cut: two files, and where the layer stands.

use std::path::PathBuf;

use image::GrayImage;

use super::Purpose;
use crate::cut::Cutout;
use crate::project::{Canvas, Cut, Layer};
use crate::studio::files::painted;
use crate::studio::places::{Places, WriteError};

/// Somebody cut out, as files.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// What it is for.
    pub purpose: Purpose,
    /// The cutout.
    pub picture: PathBuf,
    /// Its width and height.
    pub size: (u32, u32),
    /// What it was cut out of.
    pub cut: Cut,
    /// The photo's width and height.
    pub photo_size: (u32, u32),
    /// The cutout's middle, in the photo's pixels.
    pub middle: (f32, f32),
    /// The middle of what the layer showed before, in the photo's pixels.
    pub middle_before: (f32, f32),
}

impl Made {
    /// Where the cutout lies over the photo when that covers the canvas: its middle, and canvas pixels to one of its own.
    pub fn over_background(&self, canvas: Canvas) -> (f32, f32, f32) {
        let (width, height) = (self.photo_size.0 as f32, self.photo_size.1 as f32);
        let (wide, high) = (canvas.width as f32, canvas.height as f32);
        let scale = (wide / width.max(1.0)).max(high / height.max(1.0));
        let x = wide / 2.0 + (self.middle.0 - width / 2.0) * scale;
        let y = high / 2.0 + (self.middle.1 - height / 2.0) * scale;
        (x, y, scale)
    }

    /// Puts the cutout into a layer so that the subject stays where it was.
    pub fn put_into(&self, layer: &mut Layer) {
        let (dx, dy) = (self.middle.0 - self.middle_before.0, self.middle.1 - self.middle_before.1);
        let dx = if layer.flip { -dx } else { dx } * layer.scale;
        let dy = dy * layer.scale;
        let (sine, cosine) = layer.rotation.to_radians().sin_cos();
        let within = |value: f32| value.clamp(*Layer::POSITION.start(), *Layer::POSITION.end());
        layer.x = within(layer.x + dx * cosine - dy * sine);
        layer.y = within(layer.y + dx * sine + dy * cosine);
        layer.picture.clone_from(&self.picture);
        layer.cut = Some(self.cut.clone());
    }
}

/// Writes the cutout and the mask.
///
/// # Errors
/// When the disk does not take them.
pub fn write(
    places: &Places,
    photo: PathBuf,
    (purpose, before): (Purpose, Option<[u32; 4]>),
    photo_size: (u32, u32),
    cut: &Cutout,
    mask: &GrayImage,
) -> Result<Made, WriteError> {
    let name = photo.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let name: String =
        name.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).take(40).collect();
    let picture = painted::keep_cutout(places, &format!("cut-{name}"), &cut.picture)?;
    let kept = painted::path(places, "cut-mask", mask);
    painted::write(&kept, mask)?;
    let size = cut.picture.dimensions();
    let middle = |[left, top, right, bottom]: [u32; 4]| ((left + right) as f32 / 2.0, (top + bottom) as f32 / 2.0);
    let whole = [0, 0, photo_size.0, photo_size.1];
    Ok(Made {
        purpose,
        picture,
        size,
        cut: Cut { photo, mask: kept },
        photo_size,
        middle: middle([cut.left, cut.top, cut.left + size.0, cut.top + size.1]),
        middle_before: middle(before.unwrap_or(whole)),
    })
}
