//! Photos as AVIF: one AV1 picture, or a grid of them, in a HEIF container.
//!
//! - Which pieces of the file are the photo, and how is it turned? `container.rs`.
//! - Who decodes a piece? `frame.rs`, which alone knows the decoder.
//! - What do its numbers mean as colours? `colors.rs`. Why is one not decoded? `fault.rs`.
//!
//! The file's own word on how it is turned and cropped is followed; a camera's note of orientation beside that is a copy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use heifer::heifer_isobmff::HeifFile;
use image::{DynamicImage, ImageBuffer, Rgb, Rgba};

use self::colors::{Depth, Meaning, divide, paint, paint_alpha};
use self::container::{Parts, Plan, Turn};
use self::fault::{Fault, damaged};
use self::frame::Frame;
use super::error::ProjectError;
use crate::photo::Colors;

mod colors;
mod container;
mod fault;
mod frame;

/// Whether these bytes are such a photo, by the brands in their first box.
pub(super) fn is_avif(bytes: &[u8]) -> bool {
    let Some((&[a, b, c, d, b'f', b't', b'y', b'p'], rest)) = bytes.split_first_chunk::<8>() else { return false };
    let length = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(8).min(rest.len()).min(256);
    let brands = rest[..length].as_chunks::<4>().0;
    // The second is a version.
    let mut named = brands.iter().enumerate().filter(|(at, _)| *at != 1);
    named.any(|(_, brand)| brand == b"avif" || brand == b"avis")
}

/// The photo upright, in sRGB, at 8 bits, or at 16 where it has more than 8; opaque where it has no transparency of its own.
/// `check` may refuse the size that the file states, before anything is allocated for it.
///
/// # Errors
/// When the file is damaged, or of a kind that cannot be decoded. `path` is for the message.
pub(super) fn decode(
    bytes: &[u8],
    path: &Path,
    check: impl Fn((u32, u32)) -> Result<(), ProjectError>,
) -> Result<DynamicImage, ProjectError> {
    let decoded = catch_unwind(AssertUnwindSafe(|| photo(bytes, &check)));
    let fault = match decoded {
        Ok(Ok(picture)) => return Ok(picture),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::Damaged("its decoder gave up".to_owned()),
    };
    Err(match fault {
        Fault::Damaged(what) => {
            let problem = format!("the AVIF photo is damaged or cut short ({what})");
            ProjectError::picture(path, problem, "copy or download it again")
        }
        Fault::Unusual(what) => {
            let problem = format!("it is an AVIF photo of an unusual kind ({what})");
            ProjectError::picture(path, problem, "export it as JPEG or PNG")
        }
        Fault::Refused(error) => error,
    })
}

fn photo(bytes: &[u8], check: &dyn Fn((u32, u32)) -> Result<(), ProjectError>) -> Result<DynamicImage, Fault> {
    let file = HeifFile::parse(bytes)?;
    let plan = Plan::of(&file)?;
    for parts in [Some(&plan.colors), plan.alpha.as_ref()].into_iter().flatten() {
        check(parts.size).map_err(Fault::Refused)?;
        check(parts.tile).map_err(Fault::Refused)?;
    }
    // The first piece says how deep they all are.
    let first = plan.colors.frame(&file, 0)?;
    let (mut picture, profile) =
        if first.bits == 8 { painted::<u8>(&file, &plan, first)? } else { painted::<u16>(&file, &plan, first)? };
    if let Some(colors) = profile.as_deref().and_then(Colors::of) {
        picture = colors.to_srgb(picture);
    }
    for turn in &plan.turns {
        picture = match *turn {
            Turn::Crop([x, y, width, height]) => picture.crop_imm(x, y, width, height),
            Turn::Left => picture.rotate270(),
            Turn::Half => picture.rotate180(),
            Turn::Right => picture.rotate90(),
            Turn::Upside => picture.flipv(),
            Turn::Mirror => picture.fliph(),
        };
    }
    Ok(picture)
}

/// All pieces on one canvas, as the file has it, and the profile of their colours.
fn painted<T: Depth>(file: &HeifFile, plan: &Plan, first: Frame) -> Result<(DynamicImage, Option<Vec<u8>>), Fault> {
    let channels = if plan.alpha.is_some() { 4 } else { 3 };
    let (width, height) = plan.colors.size;
    let mut canvas = vec![T::DEFAULT_MAX_VALUE; width as usize * height as usize * channels];
    let deep = first.bits != 8;
    let meaning = Meaning::of(plan.meaning.unwrap_or_else(|| first.meaning()), &first)?;
    let profile = match &plan.profile {
        Some(profile) => Some(profile.clone()),
        None => meaning.profile()?,
    };
    let mut next = Some(first);
    for at in 0..plan.colors.items.len() {
        let frame = next.take().map_or_else(|| plan.colors.frame(file, at), Ok)?;
        if (frame.bits != 8) != deep {
            return damaged("its pieces are not of one depth");
        }
        paint(&frame, meaning, &mut canvas, (width as usize, channels), plan.colors.place(at));
    }
    if let Some(alpha) = &plan.alpha {
        for at in 0..alpha.items.len() {
            let frame = alpha.frame(file, at)?;
            let full = plan.alpha_is_full.unwrap_or_else(|| frame.is_full());
            paint_alpha(&frame, full, &mut canvas, width as usize, alpha.place(at));
        }
        if plan.is_multiplied {
            divide(&mut canvas);
        }
    }
    Ok((T::picture(width, height, channels, canvas).ok_or_else(|| Fault::Damaged("it has no pixels".into()))?, profile))
}

impl Parts {
    /// One of the pieces, decoded.
    fn frame(&self, file: &HeifFile, at: usize) -> Result<Frame, Fault> {
        let Some(item) = self.items.get(at) else { return damaged("it lacks a piece") };
        let frame = Frame::decode(file.item_data(item.id)?.into_owned(), self.tile, item.point)?;
        let (width, height) = self.tile;
        if frame.size != (width as usize, height as usize) {
            return damaged("a piece has another size than it says");
        }
        Ok(frame)
    }
}

impl Depth for u8 {
    fn of(part: f32) -> Self {
        // Rounded, within 0..=255.
        (part * 255.0 + 0.5) as u8
    }

    fn picture(width: u32, height: u32, channels: usize, canvas: Vec<Self>) -> Option<DynamicImage> {
        if channels == 4 {
            return ImageBuffer::<Rgba<u8>, _>::from_raw(width, height, canvas).map(DynamicImage::from);
        }
        ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, canvas).map(DynamicImage::from)
    }
}

impl Depth for u16 {
    fn of(part: f32) -> Self {
        (part * 65_535.0 + 0.5) as u16
    }

    fn picture(width: u32, height: u32, channels: usize, canvas: Vec<Self>) -> Option<DynamicImage> {
        if channels == 4 {
            return ImageBuffer::<Rgba<u16>, _>::from_raw(width, height, canvas).map(DynamicImage::from);
        }
        ImageBuffer::<Rgb<u16>, _>::from_raw(width, height, canvas).map(DynamicImage::from)
    }
}

#[cfg(test)]
mod tests;
