//! Loading pictures from files that people have, and fitting them to the canvas.

use std::io::Cursor;
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::pixels::{U8, U8x4};
use fast_image_resize::{
    FilterType, IntoImageView, IntoImageViewMut, PixelTrait, PixelType, ResizeAlg, ResizeOptions, Resizer,
};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use image::{Rgb, RgbImage, RgbaImage};

use super::error::ProjectError;
use super::files::Files;
use super::{Canvas, Crop, avif, heic};
use crate::photo::Colors;

pub use super::collage::{Collage, LayerMask, composite, composite_from};

/// The kinds of pictures that are read, in words.
pub const KINDS: &str = "PNG, JPEG, HEIC, AVIF, WebP, GIF, BMP or TIFF";

/// The longest side that is accepted, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels that are accepted; 16 bits of four channels then take one GiB.
pub const MAX_PIXELS: u64 = 128 << 20;

/// Loads a picture with its transparency, turned upright as its camera noted. Of an animation, the
/// first frame.
pub fn load_rgba(files: &dyn Files, path: &Path) -> Result<RgbaImage, ProjectError> {
    Ok(decode(&files.read(path)?, path)?.into_rgba8())
}

/// Loads a mask: the picture's brightness, dark where it is transparent. 255 is inside.
pub fn load_gray(files: &dyn Files, path: &Path) -> Result<GrayImage, ProjectError> {
    let picture = decode_as_it_is(&files.read(path)?, path)?;
    if !picture.color().has_alpha() {
        return Ok(picture.into_luma8());
    }
    let mut mask = picture.to_luma8();
    for (gray, pixel) in mask.pixels_mut().zip(picture.into_rgba8().pixels()) {
        let [_, _, _, alpha] = pixel.0;
        gray.0 = gray.0.map(|light| ((u32::from(light) * u32::from(alpha) + 127) / 255) as u8);
    }
    Ok(mask)
}

/// Whether a file that begins with these bytes may be a picture of one of the [`KINDS`]. What it really is shows when it is
/// decoded.
pub fn may_be_picture(head: &[u8]) -> bool {
    let other = || image::guess_format(head).is_ok_and(|format| format.reading_enabled());
    avif::is_avif(head) || heic::is_heic(head) || other()
}

/// Decodes a picture, in sRGB: a wide gamut's colours become those, or the nearest there are. `path` is for the message.
///
/// # Errors
/// When it is none, is damaged, or is too large.
pub fn decode(bytes: &[u8], path: &Path) -> Result<DynamicImage, ProjectError> {
    let (picture, profile) = decoded(bytes, path)?;
    Ok(match profile.as_deref().and_then(Colors::of) {
        Some(colors) => colors.to_srgb(picture),
        None => picture,
    })
}

/// Decodes a picture, with its numbers as they stand in the file, whatever they mean as colours.
///
/// # Errors
/// As [`decode`].
pub fn decode_as_it_is(bytes: &[u8], path: &Path) -> Result<DynamicImage, ProjectError> {
    Ok(decoded(bytes, path)?.0)
}

/// A picture as it stands in its file, upright, with its colour profile.
fn decoded(bytes: &[u8], path: &Path) -> Result<(DynamicImage, Option<Vec<u8>>), ProjectError> {
    if bytes.is_empty() {
        let advice = "copy or download it again";
        return Err(ProjectError::picture(path, "the file is empty (0 bytes)", advice));
    }
    // By content only: names lie, and a wrong ending does no harm.
    if avif::is_avif(bytes) {
        return Ok((avif::decode(bytes, path, |size| check_size(size, path))?, None));
    }
    if heic::is_heic(bytes) {
        return Ok((heic::decode(bytes, path, MAX_PIXELS, |size| check_size(size, path))?, None));
    }
    let format = image::guess_format(bytes).ok().filter(ImageFormat::reading_enabled);
    let Some(format) = format else {
        return Err(not_a_picture(bytes, path));
    };

    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| undecodable(path, &error))?;
    check_size(decoder.dimensions(), path)?;
    // A picture whose note of orientation is broken is still a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    // Nor is one whose profile is.
    let profile = decoder.icc_profile().ok().flatten();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(path, &error))?;
    picture.apply_orientation(orientation);
    Ok((picture, profile))
}

/// Refuses sizes before anything is allocated for them.
fn check_size((width, height): (u32, u32), path: &Path) -> Result<(), ProjectError> {
    if width == 0 || height == 0 {
        return Err(ProjectError::picture(path, "it has no pixels", "export it again"));
    }
    let problem = if width > MAX_SIDE || height > MAX_SIDE {
        format!("it is {width} × {height} pixels, and a side may have at most {MAX_SIDE}")
    } else if u64::from(width) * u64::from(height) > MAX_PIXELS {
        let mega = u64::from(width) * u64::from(height) / 1_000_000;
        let most = MAX_PIXELS / 1_000_000;
        format!("it is {width} × {height} pixels, which is {mega} megapixels of at most {most}")
    } else {
        return Ok(());
    };
    Err(ProjectError::picture(path, problem, "make it smaller in a picture editor"))
}

fn undecodable(path: &Path, error: &ImageError) -> ProjectError {
    match error {
        ImageError::Limits(_) => {
            let advice = "make it smaller in a picture editor";
            ProjectError::picture(path, "decoding it takes too much memory", advice)
        }
        ImageError::Unsupported(_) => {
            let problem = format!("it is of an unusual kind ({error})");
            ProjectError::picture(path, problem, "export it as an ordinary PNG")
        }
        _ => {
            let problem = format!("the file is damaged or cut short ({error})");
            ProjectError::picture(path, problem, "copy or download it again")
        }
    }
}

/// Says what the file seems to be instead.
fn not_a_picture(bytes: &[u8], path: &Path) -> ProjectError {
    let start = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let has = |mark: &[u8]| start.windows(mark.len()).any(|window| window == mark);
    let kind = if has(b"<svg") {
        "an SVG drawing"
    } else if has(b"ftyphev") || has(b"ftypmsf1") {
        "a HEIC sequence of pictures"
    } else if start.starts_with(b"8BPS") {
        "a Photoshop document"
    } else if !start.contains(&0) && std::str::from_utf8(start).is_ok() {
        "text"
    } else {
        let advice = format!("choose a {KINDS} file");
        return ProjectError::picture(path, "its contents are not those of a picture", advice);
    };
    let problem = format!("its contents are {kind}, whatever its name says");
    ProjectError::picture(path, problem, format!("export it as PNG, or choose a {KINDS} file"))
}

/// Scales a picture to cover the canvas, cutting off what stands over evenly; white where it is
/// transparent.
pub fn cover(picture: &RgbaImage, canvas: Canvas) -> Result<RgbImage, ProjectError> {
    let (width, height) = picture.dimensions();
    let fitted = resize::<U8x4>(
        Pixels { data: picture, width, height },
        canvas,
        &ResizeOptions::new().fit_into_destination(None),
    )?;
    Ok(on_white(&fitted, canvas))
}

/// The picture that these bytes of red, green, blue and opacity show on white.
fn on_white(bytes: &[u8], size: Canvas) -> RgbImage {
    let mut picture = RgbImage::new(size.width, size.height);
    for (to, from) in picture.pixels_mut().zip(bytes.chunks_exact(4)) {
        if let &[red, green, blue, alpha] = from {
            *to = Rgb([red, green, blue].map(|light| over_white(light, alpha)));
        }
    }
    picture
}

fn over_white(light: u8, alpha: u8) -> u8 {
    let (light, alpha) = (u32::from(light), u32::from(alpha));
    ((light * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// A piece of a photo, scaled to the canvas, whose shape it has; white where it is transparent.
///
/// # Errors
/// When the piece is not inside the photo.
pub fn crop_to_canvas(photo: &RgbaImage, crop: Crop, canvas: Canvas) -> Result<RgbImage, ProjectError> {
    let (width, height) = photo.dimensions();
    if !crop.is_inside((width, height)) {
        let Crop { x, y, width: across, height: down } = crop;
        let problem = format!("is {across} x {down} pixels at {x}, {y}, and the photo has {width} x {height}");
        return Err(ProjectError::value(
            "place.crop",
            problem,
            "plan the crop anew, or choose the photo it was made for",
        ));
    }
    let (x, y, across, down) = (f64::from(crop.x), f64::from(crop.y), f64::from(crop.width), f64::from(crop.height));
    let options = ResizeOptions::new().crop(x, y, across, down);
    Ok(on_white(&resize::<U8x4>(Pixels { data: photo, width, height }, canvas, &options)?, canvas))
}

/// Scales a mask as [`cover`] scales the picture that it belongs to.
pub fn cover_gray(mask: &GrayImage, canvas: Canvas) -> Result<GrayImage, ProjectError> {
    let (width, height) = mask.dimensions();
    let fitted =
        resize::<U8>(Pixels { data: mask, width, height }, canvas, &ResizeOptions::new().fit_into_destination(None))?;
    GrayImage::from_raw(canvas.width, canvas.height, fitted).ok_or_else(|| unscalable("wrong size"))
}

/// Shrinks a picture to this size in pixels, averaging over what each new pixel covers.
///
/// # Errors
/// When either picture has no pixels.
pub fn shrink_to(picture: &RgbaImage, width: u32, height: u32) -> Result<RgbaImage, ProjectError> {
    shrink(picture, Canvas { width, height })
}

/// Shrinks a picture to exactly this size, averaging over what each new pixel covers.
pub(super) fn shrink(picture: &RgbaImage, size: Canvas) -> Result<RgbaImage, ProjectError> {
    let (width, height) = picture.dimensions();
    let shrunk = resize::<U8x4>(
        Pixels { data: picture, width, height },
        size,
        // Of the sharp filters the one without ringing, which would draw a faint second outline
        // into the mask.
        &ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Hamming)),
    )?;
    RgbaImage::from_raw(size.width, size.height, shrunk).ok_or_else(|| unscalable("wrong size"))
}

/// The bytes of a picture, row by row.
struct Pixels<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
}

/// Resizes; colours are weighted by their opacity where there is any, so that hidden ones do not
/// bleed in.
///
/// The kind of pixel is known when this is compiled: `Resizer::resize`, which finds it out, was a third of the code of
/// this whole crate, for kinds that no picture here has.
fn resize<P: PixelTrait>(from: Pixels<'_>, to: Canvas, options: &ResizeOptions) -> Result<Vec<u8>, ProjectError> {
    if [from.width, from.height, to.width, to.height].contains(&0) {
        return Err(unscalable("it has no pixels"));
    }
    let kind: PixelType = P::pixel_type();
    let source = ImageRef::new(from.width, from.height, from.data, kind).map_err(unscalable)?;
    let mut target = Image::new(to.width, to.height, kind);
    let (Some(from), Some(mut into)) = (source.image_view::<P>(), target.image_view_mut::<P>()) else {
        return Err(unscalable("wrong kind of pixel"));
    };
    Resizer::new().resize_typed(&from, &mut into, options).map_err(unscalable)?;
    drop(into);
    Ok(target.into_vec())
}

fn unscalable(problem: impl std::fmt::Display) -> ProjectError {
    let advice = "check that it has pixels and that the canvas has a size";
    ProjectError::value("a picture", format!("cannot be scaled ({problem})"), advice)
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
