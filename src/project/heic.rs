//! Photos as phones keep them: HEIC, which is HEVC in a HEIF container.
//!
//! The decoder turns and crops as the file says; a camera's note of orientation beside that is a copy and is not followed
//! again. Colours are converted to sRGB from the photo's own profile (phones have Display P3).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use heifer::heifer_isobmff::HeifFile;
use heifer::{Error, FileTypeResult, Options, check_file_type};
use image::{DynamicImage, RgbaImage};

use super::error::ProjectError;

/// Whether these bytes may be such a photo. One that only says `mif1` is known when it is opened.
pub(super) fn is_heic(bytes: &[u8]) -> bool {
    bytes.len() >= 12 && matches!(check_file_type(bytes), FileTypeResult::Supported | FileTypeResult::MayBe)
}

/// The photo at eight bits, upright, in sRGB; opaque where it has no transparency of its own. `check` may refuse the size
/// that the file states, before anything is allocated for it; `pixels` bounds what its parts state.
///
/// # Errors
/// When the file is damaged, or of a kind that cannot be decoded. `path` is for the message.
pub(super) fn decode(
    bytes: &[u8],
    path: &Path,
    pixels: u64,
    check: impl FnOnce((u32, u32)) -> Result<(), ProjectError>,
) -> Result<DynamicImage, ProjectError> {
    let file = HeifFile::parse(bytes).map_err(|error| undecodable(path, &error.into()))?;
    if let Some(size) = file.image_size(file.primary_id).map_err(|error| undecodable(path, &error.into()))? {
        check(size)?;
    }
    // The decoder is young. It has no unsafe code, so what a panic leaves behind is only this photo's.
    let options = Options { max_pixels: pixels, ..Options::default() };
    let decoded = catch_unwind(AssertUnwindSafe(|| heifer::decode_srgb_rgba8(bytes, &options)));
    let decoded = match decoded {
        Ok(decoded) => decoded.map_err(|error| undecodable(path, &error))?,
        Err(_) => return Err(damaged(path, &"its decoder gave up")),
    };
    let opaque = !decoded.has_alpha;
    let picture = RgbaImage::from_raw(decoded.width, decoded.height, decoded.data)
        .ok_or_else(|| damaged(path, &"it has fewer pixels than it says"))?;
    let picture = DynamicImage::ImageRgba8(picture);
    Ok(if opaque { DynamicImage::ImageRgb8(picture.into_rgb8()) } else { picture })
}

fn undecodable(path: &Path, error: &Error) -> ProjectError {
    match error {
        Error::Unsupported(_) => {
            let problem = format!("it is a HEIC photo of an unusual kind ({error})");
            ProjectError::picture(path, problem, "export it as JPEG or PNG")
        }
        _ => damaged(path, error),
    }
}

fn damaged(path: &Path, what: &dyn std::fmt::Display) -> ProjectError {
    ProjectError::picture(path, format!("the HEIC photo is damaged or cut short ({what})"), "copy or download it again")
}
