//! Files that a command was asked for: whole or not there at all, and for everybody to read.

use std::io::{self, Cursor};
use std::path::Path;

use image::{DynamicImage, ImageFormat};

use crate::project::disk::{Readers, replace};

/// Replaces a file by these bytes. What was there before stays where that fails.
///
/// # Errors
/// In words, when the disk is full or the folder cannot be written to.
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let put: io::Result<()> = replace(path, Readers::Everybody, |file| file.write_all(bytes));
    put.map_err(|error| unwritten(path, &error))
}

/// The same with a picture, as a PNG.
///
/// # Errors
/// As [`put`]; and when the picture cannot be encoded.
pub fn put_picture(path: &Path, picture: impl Into<DynamicImage>) -> Result<(), String> {
    let mut bytes = Vec::new();
    let encoded = picture.into().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png);
    encoded.map_err(|error| unwritten(path, &error))?;
    put(path, &bytes)
}

/// What is said of a file that could not be written.
pub fn unwritten(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("cannot write {}: {error}; make room on that disk, or name another place", path.display())
}
