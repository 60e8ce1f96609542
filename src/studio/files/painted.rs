//! Masks that are painted by hand, as files: each is named by its contents, so that undo finds every earlier one.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{GrayImage, ImageFormat};

use crate::studio::places::{Places, WriteError, write_whole};

/// Where a mask is kept; `kind` is what its name begins with.
pub fn path(places: &Places, kind: &str, mask: &GrayImage) -> PathBuf {
    let mut hash = blake3::Hasher::new();
    hash.update(&mask.width().to_le_bytes()).update(mask.as_raw());
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
