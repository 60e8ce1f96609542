//! What a photo's numbers mean as colours: those of a wide gamut, as phones and cameras have it, turned into sRGB, which
//! windows and models read, and what was made of them turned back.

use std::fmt;
use std::sync::Arc;

use image::DynamicImage;
use moxcms::{
    CicpColorPrimaries, CicpProfile, CmsError, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    TransferCharacteristics, TransformF32Executor, TransformOptions,
};

/// Numbers that mean other colours than sRGB's.
#[derive(Clone)]
pub struct Colors {
    profile: ColorProfile,
    /// From sRGB to the photo's numbers, both 0..1.
    back: Arc<TransformF32Executor>,
}

impl fmt::Debug for Colors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Colors")
    }
}

impl Colors {
    /// What an ICC profile makes of red, green and blue. None where that is sRGB to the eye (no tone differs by more than
    /// one of 255), so that the pixels of most photos stay as they are; and where it is damaged, or for other numbers.
    pub fn of(profile: &[u8]) -> Option<Self> {
        let profile = ColorProfile::new_from_slice(profile).ok()?;
        if profile.color_space != DataColorSpace::Rgb {
            return None;
        }
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let there = profile.create_transform_f32(Layout::Rgb, &srgb, Layout::Rgb, options).ok()?;
        let back = srgb.create_transform_f32(Layout::Rgb, &profile, Layout::Rgb, options).ok()?;
        let tones = [0.0, 0.25, 0.5, 0.75, 1.0];
        let all = tones.iter().flat_map(|red| tones.iter().map(move |green| (red, green)));
        let colors: Vec<f32> =
            all.flat_map(|(red, green)| tones.iter().flat_map(|blue| [*red, *green, *blue])).collect();
        let mut seen = vec![0.0; colors.len()];
        there.transform(&colors, &mut seen).ok()?;
        // What is no number is no colour either.
        let same = colors.iter().zip(&seen).all(|(a, b)| (a - b).abs() <= 1.0 / 255.0);
        (!same).then_some(Self { profile, back })
    }

    /// The pixels as sRGB, at their own depth and as opaque as they were; what lies beyond its gamut becomes its nearest.
    /// Gray ones stay as they are.
    pub fn to_srgb(&self, mut pixels: DynamicImage) -> DynamicImage {
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let eight = |layout| self.profile.create_transform_8bit(layout, &srgb, layout, options);
        let sixteen = |layout| self.profile.create_transform_16bit(layout, &srgb, layout, options);
        // A profile that gives one transform gives them all; where it does not, the numbers are the best there is.
        let _ = match &mut pixels {
            DynamicImage::ImageRgb8(photo) => eight(Layout::Rgb)
                .and_then(|to| by_rows(photo.as_flat_samples_mut().samples, 3, |from, into| to.transform(from, into))),
            DynamicImage::ImageRgba8(photo) => eight(Layout::Rgba)
                .and_then(|to| by_rows(photo.as_flat_samples_mut().samples, 4, |from, into| to.transform(from, into))),
            DynamicImage::ImageRgb16(photo) => sixteen(Layout::Rgb)
                .and_then(|to| by_rows(photo.as_flat_samples_mut().samples, 3, |from, into| to.transform(from, into))),
            DynamicImage::ImageRgba16(photo) => sixteen(Layout::Rgba)
                .and_then(|to| by_rows(photo.as_flat_samples_mut().samples, 4, |from, into| to.transform(from, into))),
            _ => Ok(()),
        };
        pixels
    }

    /// Colours in sRGB, 0..255, become the photo's numbers, 0..255. What is beyond becomes the greatest or least.
    pub fn numbers_of(&self, colors: &mut [[f32; 3]]) {
        let from: Vec<f32> = colors.as_flattened().iter().map(|part| (part / 255.0).clamp(0.0, 1.0)).collect();
        let mut into = vec![0.0; from.len()];
        if self.back.transform(&from, &mut into).is_ok() {
            for (to, number) in colors.as_flattened_mut().iter_mut().zip(into) {
                *to = number * 255.0;
            }
        }
    }
}

/// The profile of colours that a file only numbers, as ITU-T H.273 does: which red, green and blue, and which tone curve. None
/// for sRGB's, and for numbers without a meaning. The curve of video cameras is taken for sRGB's, as browsers do, since
/// screens show both alike.
pub fn profile_of(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    let transfer = if matches!(transfer, 1 | 2 | 6 | 14 | 15) { 13 } else { transfer };
    if transfer == 13 && matches!(primaries, 1 | 2) {
        return None;
    }
    let profile = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(u8::try_from(primaries).ok()?).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(u8::try_from(transfer).ok()?).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    ColorProfile::new_from_cicp(profile).encode().ok()
}

/// Turns numbers a few pixels at a time, so that no second photo is held.
fn by_rows<T: Copy>(
    numbers: &mut [T],
    channels: usize,
    turn: impl Fn(&[T], &mut [T]) -> Result<(), CmsError>,
) -> Result<(), CmsError> {
    const PIXELS: usize = 4096;
    let mut before = Vec::new();
    numbers.chunks_mut(PIXELS * channels).try_for_each(|some| {
        before.clear();
        before.extend_from_slice(some);
        turn(&before, some)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use image::{ImageBuffer, Rgb, RgbImage, Rgba};

    use super::*;

    pub(in crate::photo) fn display_p3() -> Vec<u8> {
        ColorProfile::new_display_p3().encode().unwrap()
    }

    /// Display P3 to sRGB by the standards' own numbers (both have D65 and the same tone curve).
    fn by_hand(color: [f32; 3]) -> [f32; 3] {
        let linear = |tone: f32| {
            let tone = tone / 255.0;
            if tone <= 0.04045 { tone / 12.92 } else { ((tone + 0.055) / 1.055).powf(2.4) }
        };
        let light = color.map(linear);
        let rows = [[1.224_94, -0.224_94, 0.0], [-0.042_06, 1.042_06, 0.0], [-0.019_64, -0.078_64, 1.098_28]];
        rows.map(|row| {
            let tone: f32 = row.iter().zip(light).map(|(weight, light)| weight * light).sum::<f32>().clamp(0.0, 1.0);
            255.0 * if tone <= 0.003_130_8 { 12.92 * tone } else { 1.055 * tone.powf(1.0 / 2.4) - 0.055 }
        })
    }

    const SOME: [[u8; 3]; 5] = [[200, 100, 50], [90, 160, 110], [128, 128, 128], [20, 30, 90], [255, 255, 255]];

    #[test]
    fn a_wide_gamut_becomes_srgb_at_every_depth_and_comes_back() {
        let colors = Colors::of(&display_p3()).expect("not sRGB");
        for color in SOME {
            let wanted = by_hand(color.map(f32::from));
            let near = |found: [f32; 3], of: f32| {
                assert!(
                    found.iter().zip(wanted).all(|(a, b)| (a / of - b).abs() < 1.5),
                    "{color:?}: {found:?}, {wanted:?}"
                );
            };
            let eight: RgbImage = ImageBuffer::from_pixel(5, 3, Rgb(color));
            near(colors.to_srgb(eight.into()).into_rgb8().get_pixel(4, 2).0.map(f32::from), 1.0);
            let deep = color.map(|tone| u16::from(tone) * 257);
            let sixteen: ImageBuffer<Rgba<u16>, _> =
                ImageBuffer::from_pixel(5, 3, Rgba([deep[0], deep[1], deep[2], 777]));
            let seen = colors.to_srgb(sixteen.into()).into_rgba16().get_pixel(0, 0).0;
            near([seen[0], seen[1], seen[2]].map(f32::from), 257.0);
            assert_eq!(seen[3], 777, "as opaque as it was");
            let mut back = [wanted];
            colors.numbers_of(&mut back);
            assert!(back[0].iter().zip(color).all(|(a, b)| (a - f32::from(b)).abs() < 1.5), "{color:?}: {back:?}");
        }
        // Redder than any red of sRGB.
        let red: RgbImage = ImageBuffer::from_pixel(1, 1, Rgb([255, 0, 0]));
        assert_eq!(colors.to_srgb(red.into()).into_rgb8().get_pixel(0, 0).0, [255, 0, 0]);
    }

    #[test]
    fn colours_that_are_only_numbered_are_those_of_the_profile_of_that_name() {
        let numbered = Colors::of(&profile_of(12, 13).expect("not sRGB")).expect("not sRGB");
        let named = Colors::of(&display_p3()).expect("not sRGB");
        for color in SOME {
            let one: RgbImage = ImageBuffer::from_pixel(1, 1, Rgb(color));
            let seen = |colors: &Colors| colors.to_srgb(one.clone().into()).into_rgb8().get_pixel(0, 0).0;
            let (a, b) = (seen(&numbered), seen(&named));
            assert!(a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1), "{color:?}: {a:?}, {b:?}");
        }
        // sRGB by its own name, by a video camera's curve, and where nothing is said.
        for (primaries, transfer) in [(1, 13), (1, 1), (2, 2), (1, 6)] {
            assert_eq!(profile_of(primaries, transfer), None);
        }
        for (primaries, transfer) in [(9, 14), (9, 16), (1, 8), (11, 4)] {
            assert!(profile_of(primaries, transfer).and_then(|profile| Colors::of(&profile)).is_some());
        }
        // Whatever is numbered, nothing panics.
        for primaries in 0..300 {
            for transfer in 0..30 {
                let _ = profile_of(primaries, transfer);
            }
        }
    }

    #[test]
    fn what_is_srgb_or_no_profile_changes_nothing() {
        assert!(Colors::of(&ColorProfile::new_srgb().encode().unwrap()).is_none());
        assert!(Colors::of(&ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()).is_none());
        let profile = display_p3();
        for end in 0..profile.len() {
            // Damaged ones are none, or read as far as they go.
            let _ = Colors::of(&profile[..end]);
        }
        for at in (0..profile.len()).step_by(3) {
            let mut broken = profile.clone();
            broken[at] ^= 0xff;
            if let Some(colors) = Colors::of(&broken) {
                let one: RgbImage = ImageBuffer::from_pixel(1, 1, Rgb([9, 99, 199]));
                let _ = colors.to_srgb(one.into());
            }
        }
        assert!(Colors::of(b"nothing").is_none());
    }
}
