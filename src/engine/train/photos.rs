//! Photos of the subject, as they are read.

use image::{GrayImage, RgbImage};

use crate::engine::error::Result;
use crate::project::training::Photo;
use crate::project::{Files, picture};

/// A photo with where its subject is.
#[derive(Clone, Debug)]
pub struct ReadPhoto {
    /// Its file's name, for messages.
    pub name: String,
    /// The picture.
    pub picture: RgbImage,
    /// As large as the picture; 255 is the subject.
    pub mask: GrayImage,
    /// What it shows, with the concept's place.
    pub caption: String,
}

/// Reads a photo and its mask.
///
/// # Errors
/// When one of them cannot be read.
pub fn read(files: &dyn Files, photo: &Photo) -> Result<ReadPhoto> {
    let rgba = picture::load_rgba(files, &photo.picture)?;
    let mask = match &photo.mask {
        Some(mask) => picture::load_gray(files, mask)?,
        None => GrayImage::from_fn(rgba.width(), rgba.height(), |x, y| image::Luma([rgba.get_pixel(x, y).0[3]])),
    };
    let name = photo.picture.file_name().unwrap_or(photo.picture.as_os_str()).to_string_lossy().into_owned();
    let picture = image::DynamicImage::ImageRgba8(rgba).into_rgb8();
    Ok(ReadPhoto { name, picture, mask, caption: photo.caption.clone() })
}
