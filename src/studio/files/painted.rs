//! Masks that are painted by hand and pictures that are cut out, as files: each is named by its contents, so that undo finds every earlier one.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{GrayImage, ImageFormat, RgbaImage};

use crate::studio::places::{Places, WriteError, write_whole};

/// Where a mask is kept; `kind` is what its name begins with.
pub fn path(places: &Places, kind: &str, mask: &GrayImage) -> PathBuf {
    named(places, kind, mask.width(), mask.as_raw())
}

fn named(places: &Places, kind: &str, width: u32, pixels: &[u8]) -> PathBuf {
    let mut hash = blake3::Hasher::new();
    hash.update(&width.to_le_bytes()).update(pixels);
    let hash = hash.finalize().to_hex();
    places.pasted_folder().join(format!("{kind}-{}.png", hash.get(..16).unwrap_or_default()))
}

/// Writes a mask; one that is there already has the same contents.
///
/// # Errors
/// When the disk does not take it.
pub fn write(path: &Path, mask: &GrayImage) -> Result<(), WriteError> {
    if path.exists() {
        return Ok(());
    }
    let mut bytes = Cursor::new(Vec::new());
    mask.write_to(&mut bytes, ImageFormat::Png).map_err(|error| WriteError::new(path, error))?;
    write_whole(path, bytes.get_ref())
}

/// Writes a picture that was cut out, and says where it is; one that is there already has the same contents.
///
/// # Errors
/// When the disk does not take it.
pub fn keep_cutout(places: &Places, kind: &str, picture: &RgbaImage) -> Result<PathBuf, WriteError> {
    let path = named(places, kind, picture.width(), picture.as_raw());
    if !path.exists() {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| WriteError::new(&path, error))?;
        write_whole(&path, bytes.get_ref())?;
    }
    Ok(path)
}
