//! A rendered patch put back into the photo that it was cropped from: at the photo's own size and depth, softly inside the
//! feathered mask, and not touching a single bit outside of it.

use image::{DynamicImage, GrayImage, ImageBuffer, Pixel, RgbImage};

use super::scale::{Filter, Scaled};
use super::soft::{distances, weights};
use super::{Colors, Crop, grain, rim};

/// How a patch is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blend {
    /// How far beyond what may change the patch fades into the photo, in canvas pixels.
    pub feather: u32,
    /// Whether the model's slight change of colour, as it is all around, is undone in the patch.
    pub match_rim: bool,
    /// Lays grain over the patch where it is smoother than the photo around; another seed, other grain.
    pub grain: Option<u64>,
}

/// What does not fit together, which whoever asks has to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The crop is not in the photo.
    #[error(
        "the crop ({} x {} pixels at {}, {}) is not inside the photo, which has {} x {}: plan it anew",
        crop.width, crop.height, crop.x, crop.y, photo.0, photo.1
    )]
    Outside {
        /// The crop.
        crop: Crop,
        /// Width and height.
        photo: (u32, u32),
    },
    /// The patch, the mask and the photo's crop on the canvas are not of one size, or have no pixels.
    #[error("a patch of {} x {} pixels and a mask of {} x {}: they must be of the canvas's size", patch.0, patch.1, mask.0, mask.1)]
    Sizes {
        /// Width and height.
        patch: (u32, u32),
        /// Width and height.
        mask: (u32, u32),
    },
    /// A photo of another kind of number than 8 or 16 bits.
    #[error("the photo's pixels are neither of 8 nor of 16 bits")]
    Depth,
}

/// Puts a patch back. `patch` is the rendered canvas, `seen` what of the photo the render saw there, and `mask` where it
/// could change (above 127), all of the canvas's size.
///
/// Both are sRGB; `colors` is what the photo's own numbers mean, where that is something else.
///
/// Where the photo has gray tones alone, so has the patch in it; how opaque the photo is does not change. Outside of
/// the feathered mask no bit changes.
///
/// # Errors
/// When sizes do not fit.
pub fn stitch(
    photo: &mut DynamicImage,
    colors: Option<&Colors>,
    crop: Crop,
    patch: &RgbImage,
    seen: &RgbImage,
    mask: &GrayImage,
    blend: Blend,
) -> Result<(), Unfit> {
    let size = (photo.width(), photo.height());
    if !crop.is_inside(size) {
        return Err(Unfit::Outside { crop, photo: size });
    }
    let canvas = patch.dimensions();
    if mask.dimensions() != canvas || seen.dimensions() != canvas || canvas.0 == 0 || canvas.1 == 0 {
        return Err(Unfit::Sizes { patch: canvas, mask: mask.dimensions() });
    }
    let from = (canvas.0 as usize, canvas.1 as usize);
    let far = distances(mask);
    let parts =
        |picture: &RgbImage| -> Vec<[f32; 3]> { picture.pixels().map(|pixel| pixel.0.map(f32::from)).collect() };
    let mut values = parts(patch);
    if blend.match_rim {
        let added = rim::difference(&values, &parts(seen), &far, from);
        for (value, added) in values.iter_mut().zip(added) {
            *value = std::array::from_fn(|part| value[part] + added[part]);
        }
    }
    if let Some(colors) = colors {
        colors.numbers_of(&mut values);
    }
    let weights: Vec<[f32; 1]> = weights(&far, blend.feather).into_iter().map(|weight| [weight]).collect();
    let to = (crop.width as usize, crop.height as usize);
    let patch = Scaled::new(&values, from, to, Filter::Curved);
    let weights = Scaled::new(&weights, from, to, Filter::Linear);
    match photo {
        DynamicImage::ImageLuma8(photo) => put(photo, crop, &patch, &weights, blend.grain, gray),
        DynamicImage::ImageLumaA8(photo) => put(photo, crop, &patch, &weights, blend.grain, gray),
        DynamicImage::ImageRgb8(photo) => put(photo, crop, &patch, &weights, blend.grain, color),
        DynamicImage::ImageRgba8(photo) => put(photo, crop, &patch, &weights, blend.grain, color),
        DynamicImage::ImageLuma16(photo) => put(photo, crop, &patch, &weights, blend.grain, gray),
        DynamicImage::ImageLumaA16(photo) => put(photo, crop, &patch, &weights, blend.grain, gray),
        DynamicImage::ImageRgb16(photo) => put(photo, crop, &patch, &weights, blend.grain, color),
        DynamicImage::ImageRgba16(photo) => put(photo, crop, &patch, &weights, blend.grain, color),
        _ => return Err(Unfit::Depth),
    }
    Ok(())
}

fn color(of: [f32; 3]) -> [f32; 3] {
    of
}

/// As bright as eyes find it, by the same weights as when a colour photo is turned gray.
fn gray([red, green, blue]: [f32; 3]) -> [f32; 3] {
    [0.2126 * red + 0.7152 * green + 0.0722 * blue; 3]
}

/// A number of a photo's pixels.
trait Tone: Copy {
    /// The greatest.
    const MOST: f32;

    fn value(self) -> f32;

    /// The nearest one; what is beyond the greatest or least becomes these.
    fn nearest(value: f32) -> Self;
}

impl Tone for u8 {
    const MOST: f32 = 255.0;

    fn value(self) -> f32 {
        f32::from(self)
    }

    fn nearest(value: f32) -> Self {
        // The cast saturates.
        value.round() as Self
    }
}

impl Tone for u16 {
    const MOST: f32 = 65_535.0;

    fn value(self) -> f32 {
        f32::from(self)
    }

    fn nearest(value: f32) -> Self {
        // The cast saturates.
        value.round() as Self
    }
}

fn put<P>(
    photo: &mut ImageBuffer<P, Vec<P::Subpixel>>,
    crop: Crop,
    patch: &Scaled<3>,
    weights: &Scaled<1>,
    seed: Option<u64>,
    look: fn([f32; 3]) -> [f32; 3],
) where
    P: Pixel,
    P::Subpixel: Tone,
{
    let tones = usize::from(P::CHANNEL_COUNT) - usize::from(P::HAS_ALPHA);
    let step = P::Subpixel::MOST / 255.0;
    let added = seed.and_then(|seed| lacking(photo, crop, patch, weights, seed, look));
    for row in 0..crop.height {
        let values = patch.row(row as usize).zip(weights.row(row as usize));
        for (column, (value, [weight])) in (0..crop.width).zip(values) {
            // Not what filters leave of nothing.
            if weight <= 1e-6 {
                continue;
            }
            let weight = weight.min(1.0);
            let grain = added.as_ref().map_or([0.0; 3], |added| added.at(column as usize, row as usize));
            // Where the photo fades its own grain does too: together they are as strong as either.
            let share = (weight * (2.0 - weight)).sqrt();
            let pixel = photo.get_pixel_mut(crop.x + column, crop.y + row);
            for ((old, new), grain) in pixel.channels_mut().iter_mut().take(tones).zip(look(value)).zip(grain) {
                let mixed = old.value() * (1.0 - weight) + new * step * weight;
                *old = P::Subpixel::nearest(mixed + grain * step * share);
            }
        }
    }
}

/// The grain that a patch lacks; none where too little of the photo around it is known.
fn lacking<P>(
    photo: &ImageBuffer<P, Vec<P::Subpixel>>,
    crop: Crop,
    patch: &Scaled<3>,
    weights: &Scaled<1>,
    seed: u64,
    look: fn([f32; 3]) -> [f32; 3],
) -> Option<grain::Added>
where
    P: Pixel,
    P::Subpixel: Tone,
{
    let size = (crop.width as usize, crop.height as usize);
    let step = P::Subpixel::MOST / 255.0;
    let is_gray = P::CHANNEL_COUNT - u8::from(P::HAS_ALPHA) == 1;
    let of_photo = |row: usize| -> Vec<[f32; 3]> {
        let pixel = |column: u32| {
            let tones = photo.get_pixel(crop.x + column, crop.y + row as u32).channels();
            std::array::from_fn(|part| tones[if is_gray { 0 } else { part }].value() / step)
        };
        (0..crop.width).map(pixel).collect()
    };
    let around = grain::Tiles::of(size, of_photo);
    let weight = |row: usize| weights.row(row).map(|[weight]| weight).collect();
    let grain = grain::Grain::of(&around, &grain::outside(&around, size.1, weight))?;
    let of_patch = grain::Tiles::of(size, |row| patch.row(row).map(look).collect());
    Some(grain::Added::new(of_patch, grain, seed))
}

#[cfg(test)]
mod tests {
    use image::imageops::crop_imm;
    use image::{Luma, Rgb, RgbaImage};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const CANVAS: u32 = 64;
    const BLEND: Blend = Blend { feather: 6, match_rim: true, grain: Some(1) };

    /// Something of every colour, and half of it transparent.
    fn photo(width: u32, height: u32) -> RgbaImage {
        RgbaImage::from_fn(width, height, |x, y| {
            image::Rgba([(x * 3 % 256) as u8, (y * 5 % 256) as u8, ((x + y) % 256) as u8, (y * 2 % 256) as u8])
        })
    }

    fn kinds() -> Vec<DynamicImage> {
        let rgba = DynamicImage::from(photo(200, 150));
        let deep = DynamicImage::from(rgba.to_rgba16());
        vec![
            rgba.to_luma8().into(),
            rgba.to_luma_alpha8().into(),
            rgba.to_rgb8().into(),
            rgba.to_rgba8().into(),
            deep.to_luma16().into(),
            deep.to_luma_alpha16().into(),
            deep.to_rgb16().into(),
            deep.to_rgba16().into(),
        ]
    }

    fn mask(inside: impl Fn(u32, u32) -> bool) -> GrayImage {
        GrayImage::from_fn(CANVAS, CANVAS, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
    }

    fn changed(before: &DynamicImage, after: &DynamicImage) -> Vec<(u32, u32)> {
        assert_eq!(before.color(), after.color());
        let bytes = before.as_bytes().len() / (before.width() * before.height()) as usize;
        let pixels = before.as_bytes().chunks(bytes).zip(after.as_bytes().chunks(bytes)).enumerate();
        let at = |index: usize| (index as u32 % before.width(), index as u32 / before.width());
        pixels.filter(|(_, (a, b))| a != b).map(|(index, _)| at(index)).collect()
    }

    #[test]
    fn outside_the_feathered_mask_no_bit_of_any_kind_of_photo_changes() {
        let crop = Crop { x: 40, y: 20, width: 128, height: 128 };
        let patch = RgbImage::from_pixel(CANVAS, CANVAS, Rgb([250, 20, 130]));
        let masks: [(&str, GrayImage); 6] = [
            ("none", mask(|_, _| false)),
            ("all", mask(|_, _| true)),
            ("one pixel", mask(|x, y| (x, y) == (30, 31))),
            ("a corner", mask(|x, y| x < 9 && y < 5)),
            ("an edge", mask(|x, _| x > 55)),
            ("the middle", mask(|x, y| x.abs_diff(32) < 9 && y.abs_diff(32) < 9)),
        ];
        for before in kinds() {
            for (name, mask) in &masks {
                let mut after = before.clone();
                let seen = RgbImage::from_pixel(CANVAS, CANVAS, Rgb([240, 30, 120]));
                stitch(&mut after, None, crop, &patch, &seen, mask, BLEND).unwrap();
                let far = distances(mask);
                let changed = changed(&before, &after);
                for (x, y) in &changed {
                    assert!((40..168).contains(x) && (20..148).contains(y), "{name}: {x}, {y} is not in the crop");
                    // One pixel more where it ends, and the way to a neighbour that the grid is interpolated from.
                    let at = ((y - 20) / 2 * CANVAS + (x - 40) / 2) as usize;
                    assert!(far[at] < BLEND.feather as f32 + 2.5, "{name}: {x}, {y} is {} away", far[at]);
                }
                assert_eq!(changed.is_empty(), *name == "none", "{name} of {:?}", before.color());
                assert!(*name != "all" || changed.len() > 16_000, "{name}: {}", changed.len());
            }
            if before.color().has_alpha() {
                let mut after = before.clone();
                stitch(&mut after, None, crop, &patch, &patch, &masks[1].1, BLEND).unwrap();
                let alpha =
                    |picture: &DynamicImage| picture.to_rgba16().pixels().map(|pixel| pixel.0[3]).collect::<Vec<_>>();
                assert_eq!(alpha(&after), alpha(&before));
            }
        }
    }

    #[test]
    fn inside_the_mask_stands_the_patch_in_the_photo_s_own_depth_and_gray_in_a_gray_one() {
        let crop = Crop { x: 0, y: 0, width: 128, height: 128 };
        let patch = RgbImage::from_pixel(CANVAS, CANVAS, Rgb([200, 100, 50]));
        let hard = Blend { feather: 0, match_rim: false, grain: None };
        for mut picture in kinds() {
            let deep = picture.color().bytes_per_pixel() / picture.color().channel_count() == 2;
            let is_gray = !picture.color().has_color();
            stitch(&mut picture, None, crop, &patch, &patch, &mask(|x, _| x < 32), hard).unwrap();
            let [red, green, blue, _] = picture.to_rgba16().get_pixel(10, 10).0;
            let expected = if is_gray { [117.65; 3] } else { [200.0, 100.0, 50.0] };
            for (found, expected) in [red, green, blue].into_iter().zip(expected) {
                let most = if deep { 0.01 } else { 0.5 };
                assert!((f32::from(found) / 257.0 - expected).abs() <= most, "{:?}: {found}", picture.color());
            }
        }
    }

    #[test]
    fn a_model_s_shift_of_colour_leaves_no_seam() {
        let crop = Crop { x: 30, y: 10, width: 128, height: 128 };
        let before = RgbImage::from_fn(200, 150, |x, y| Rgb([(80 + x / 2) as u8, (90 + y / 2) as u8, 120]));
        let seen = RgbImage::from_fn(CANVAS, CANVAS, |x, y| *before.get_pixel(30 + x * 2, 10 + y * 2));
        let patch = RgbImage::from_fn(CANVAS, CANVAS, |x, y| Rgb(seen.get_pixel(x, y).0.map(|value| value + 9)));
        let mask = mask(|x, y| x.abs_diff(32) < 9 && y.abs_diff(32) < 9);
        let step = |match_rim: bool| {
            let mut after = DynamicImage::from(before.clone());
            stitch(&mut after, None, crop, &patch, &seen, &mask, Blend { feather: 4, match_rim, grain: None }).unwrap();
            let after = after.to_rgb8();
            let apart = |(a, b): (&Rgb<u8>, &Rgb<u8>)| a.0[0].abs_diff(b.0[0]);
            after.pixels().zip(before.pixels()).map(apart).max().unwrap()
        };
        assert!(step(false) >= 8, "{}", step(false));
        assert!(step(true) <= 2, "{}", step(true));
    }

    #[test]
    fn a_smooth_patch_in_a_grainy_photo_gets_its_grain_where_it_was_asked_for() {
        let crop = Crop { x: 20, y: 10, width: 192, height: 192 };
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut grainy =
            |_, _| Rgb([120, 110, 100_u8].map(|tone: u8| tone.saturating_add_signed(rng.random_range(-9..=9))));
        let before = RgbImage::from_fn(240, 220, &mut grainy);
        let patch = RgbImage::from_pixel(CANVAS, CANVAS, Rgb([90, 130, 150]));
        let mask = mask(|x, y| x.abs_diff(32) < 16 && y.abs_diff(32) < 16);
        let placed = |grain: Option<u64>| {
            let mut after = DynamicImage::from(before.clone());
            stitch(&mut after, None, crop, &patch, &patch, &mask, Blend { feather: 4, match_rim: false, grain })
                .unwrap();
            after.into_rgb8()
        };
        // How far neighbours are apart, in the patch and in the photo.
        let rough = |picture: &RgbImage, x: u32, y: u32| {
            let apart = |at: u32| {
                let (x, y) = (x + at % 40, y + at / 40);
                let [one, other] = [picture.get_pixel(x, y), picture.get_pixel(x + 1, y)];
                f64::from(one.0[1]) - f64::from(other.0[1])
            };
            ((0..1600).map(|at| apart(at).powi(2)).sum::<f64>() / 1600.0).sqrt()
        };
        let (without, with) = (placed(None), placed(Some(5)));
        assert!(rough(&without, 96, 86) < 0.5, "{}", rough(&without, 96, 86));
        let share = rough(&with, 96, 86) / rough(&before, 24, 12);
        assert!((0.8..1.1).contains(&share), "{share}");
        assert_eq!(placed(Some(5)), with, "the same seed");
        assert_ne!(placed(Some(6)), with, "another one");
        for (x, y, pixel) in with.enumerate_pixels() {
            if without.get_pixel(x, y) != pixel {
                assert!((20..212).contains(&x) && (10..202).contains(&y), "{x}, {y} is not in the crop");
            }
        }
        assert_eq!(with.get_pixel(22, 12), before.get_pixel(22, 12));
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        let mut photo = DynamicImage::from(photo(100, 80));
        let patch = RgbImage::new(CANVAS, CANVAS);
        let all = mask(|_, _| true);
        let at = |x, width| Crop { x, y: 0, width, height: 64 };
        for crop in [at(60, 64), at(u32::MAX, 2), at(0, 0)] {
            let error = stitch(&mut photo, None, crop, &patch, &patch, &all, BLEND).unwrap_err();
            assert!(error.to_string().contains("is not inside the photo, which has 100 x 80"), "{error}");
        }
        let small = GrayImage::new(8, 8);
        let error = stitch(&mut photo, None, at(0, 64), &patch, &patch, &small, BLEND).unwrap_err();
        assert_eq!(error, Unfit::Sizes { patch: (64, 64), mask: (8, 8) });
        let mut float = DynamicImage::from(photo.to_rgb32f());
        assert_eq!(stitch(&mut float, None, at(0, 64), &patch, &patch, &all, BLEND), Err(Unfit::Depth));
        assert_eq!(crop_imm(&photo.to_rgba8(), 0, 0, 64, 64).to_image().dimensions(), (64, 64));
    }
}
