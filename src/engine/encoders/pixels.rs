//! Pictures as an encoder wants them: resized, the middle cut out, and normalised, as transformers' processors for CLIP and
//! DINOv2 do it with Pillow.
//!
//! Pillow resizes bytes: across first, then down, each time to whole steps of 256, with shares that are whole numbers of
//! 2⁻²². This file does the same in the same order, so that the very same bytes come out; only what the middle needs is
//! worked out. So nothing differs from Pillow's bicubic, and torchvision's (the processors named `Fast`) differs from both
//! by a step here and there.

use image::RgbImage;
use serde_json::Value;

use crate::engine::error::{EngineError, Result};
use crate::engine::nets::vision::resample::{Filter, Mixed, antialiased};

/// The greatest side that a picture is prepared to, pixels.
const MOST: u64 = 4096;

/// How pictures are prepared.
#[derive(Clone, Debug, PartialEq)]
pub struct Preparation {
    resize: Resize,
    filter: Filter,
    /// Height and width of what goes into the encoder, cut out of the middle.
    pub size: [usize; 2],
    scale: f64,
    mean: [f64; 3],
    std: [f64; 3],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resize {
    /// Not at all.
    Nothing,
    /// The shorter side to so many pixels, the other in proportion.
    Shorter(u64),
    /// To this height and width.
    To([u64; 2]),
}

/// Where the middle begins where as much cannot be left out on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Middle {
    /// A pixel nearer to the left and the top, as transformers has it.
    Down,
    /// At an even pixel, as torchvision has it.
    Even,
}

impl Middle {
    /// Where it begins, of so many pixels that are left out.
    fn of(self, left_out: i64) -> i64 {
        let down = left_out.div_euclid(2);
        match self {
            Self::Even if left_out.rem_euclid(2) == 1 => down + down.rem_euclid(2),
            Self::Down | Self::Even => down,
        }
    }
}

impl Preparation {
    /// Of a `preprocessor_config.json` in which nothing is left out; `file` is for messages.
    ///
    /// # Errors
    /// Names the setting that is none, or that this program does not do.
    pub fn read(settings: &Value, file: &str) -> Result<Self> {
        let refuse = |what: String| EngineError::Malformed { file: file.into(), what };
        // What says nothing is another age's.
        let kind = ["image_processor_type", "feature_extractor_type"].iter().find_map(|key| settings[key].as_str());
        if let Some(kind) = kind.filter(|kind| !["CLIP", "Bit"].iter().any(|known| kind.starts_with(known))) {
            let what = format!(
                "is for a {kind}; pictures are prepared as CLIPImageProcessor and BitImageProcessor do. Fetch the encoder's \
                 own files again"
            );
            return Err(refuse(what));
        }
        let does = |key: &str| settings[key].as_bool().unwrap_or(true);
        let filter = match settings["resample"].as_u64() {
            Some(2) => Filter::Bilinear,
            Some(3) => Filter::Bicubic,
            _ => {
                let what = format!("resample {}, where 2 (bilinear) and 3 (bicubic) are known", settings["resample"]);
                return Err(refuse(what));
            }
        };
        let resize = if does("do_resize") { sides(settings, "size") } else { Some(Resize::Nothing) };
        let resize = resize.ok_or_else(|| refuse(format!("size {}, which is no size", settings["size"])))?;
        let size = match (does("do_center_crop"), sides(settings, "crop_size"), resize) {
            (true, Some(Resize::Shorter(side)), _) => [side, side],
            (true, Some(Resize::To(size)), _) | (false, _, Resize::To(size)) => size,
            (true, ..) => return Err(refuse(format!("crop_size {}, which is no size", settings["crop_size"]))),
            (false, ..) => {
                let what = "do_center_crop is false, and the pictures' sides are not said: such an encoder reads pictures of \
                            any size, and this program only of one";
                return Err(refuse(what.into()));
            }
        };
        let numbers = |key: &str, usual: [f64; 3]| -> Result<[f64; 3]> {
            if !does("do_normalize") {
                return Ok(usual);
            }
            let read: Option<Vec<f64>> =
                settings[key].as_array().map(|all| all.iter().filter_map(Value::as_f64).collect());
            let three: Option<[f64; 3]> = read.and_then(|read| read.try_into().ok());
            let sound = three.filter(|three| key != "image_std" || three.iter().all(|value| *value > 0.0));
            sound.ok_or_else(|| refuse(format!("{key} {}, where three numbers are needed", settings[key])))
        };
        let scale = if does("do_rescale") { settings["rescale_factor"].as_f64() } else { Some(1.0) };
        Ok(Self {
            resize,
            filter,
            size: size.map(|side| side as usize),
            scale: scale.ok_or_else(|| refuse(format!("rescale_factor {}", settings["rescale_factor"])))?,
            mean: numbers("image_mean", [0.0; 3])?,
            std: numbers("image_std", [1.0; 3])?,
        })
    }

    /// In words, for people.
    pub fn words(&self) -> String {
        let filter = match self.filter {
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
        };
        let [height, width] = self.size;
        let middle = format!("the middle {width} x {height} pixels");
        match self.resize {
            Resize::Nothing => middle,
            Resize::Shorter(side) => format!("the shorter side to {side} pixels ({filter}), {middle} of it"),
            Resize::To([height, width]) => format!("to {width} x {height} pixels ({filter}), {middle} of it"),
        }
    }

    /// The picture as bytes of the encoder's size, before they are normalised. Black is what lies beyond its rim.
    ///
    /// # Errors
    /// When it has no pixel, or would be far too long.
    pub fn resized(&self, picture: &RgbImage) -> Result<RgbImage> {
        self.resized_about(picture, Middle::Down)
    }

    /// [`Preparation::resized`] with another idea of where the middle is.
    ///
    /// # Errors
    /// As [`Preparation::resized`].
    pub fn resized_about(&self, picture: &RgbImage, middle: Middle) -> Result<RgbImage> {
        let own = [picture.height(), picture.width()].map(u64::from);
        if own.contains(&0) {
            return Err(EngineError::Job("a picture without any pixel cannot be measured".into()));
        }
        let to = match self.resize {
            Resize::Nothing => own,
            Resize::To(size) => size,
            Resize::Shorter(side) => {
                let shorter = own[0].min(own[1]);
                own.map(|length| length * side / shorter)
            }
        };
        if to.iter().any(|side| *side > 1 << 24) {
            let [height, width] = own;
            return Err(EngineError::Job(format!(
                "a picture of {width} x {height} pixels is too narrow to be measured"
            )));
        }
        // What is needed of each side, where the rest would be cut off.
        let window = |along: usize| {
            let (to, size) = (to[along] as i64, self.size[along] as i64);
            let first = middle.of(to - size);
            first..first + size
        };
        let cells = |along: usize| -> Vec<Option<Vec<(usize, i64)>>> {
            let (from, to) = (own[along] as usize, to[along] as usize);
            let cell = |index: i64| {
                let index = usize::try_from(index).ok().filter(|index| *index < to)?;
                Some(if from == to { vec![(index, ONE)] } else { whole(&antialiased(self.filter, from, to, index)) })
            };
            window(along).map(cell).collect()
        };
        let (down, across) = (cells(0), cells(1));
        let used = || down.iter().flatten().flatten().map(|(row, _)| *row);
        let (first, last) = (used().min().unwrap_or(0), used().max().unwrap_or(0));
        let raw = picture.as_raw();
        let (stride, width) = (picture.width() as usize * 3, self.size[1]);
        // Across, for all rows that are needed.
        let mut rows = vec![0_u8; (last - first + 1) * width * 3];
        for (row, out) in rows.chunks_exact_mut(width * 3).enumerate() {
            let source = &raw[(first + row) * stride..][..stride];
            for (cell, out) in across.iter().zip(out.chunks_exact_mut(3)) {
                let Some(cell) = cell else { continue };
                for (channel, out) in out.iter_mut().enumerate() {
                    *out = rounded(cell.iter().map(|(x, share)| i64::from(source[x * 3 + channel]) * share).sum());
                }
            }
        }
        let mut out = vec![0_u8; self.size[0] * width * 3];
        for (cell, out) in down.iter().zip(out.chunks_exact_mut(width * 3)) {
            let Some(cell) = cell else { continue };
            for (at, out) in out.iter_mut().enumerate() {
                let value = |y: usize| i64::from(rows[(y - first) * width * 3 + at]);
                *out = rounded(cell.iter().map(|(y, share)| value(*y) * share).sum());
            }
        }
        let [height, width] = self.size.map(|side| side as u32);
        RgbImage::from_raw(width, height, out)
            .ok_or_else(|| EngineError::Job("a picture could not be resized; please report this".into()))
    }

    /// A picture's patches, row by row, each as its channels' rows: what the first layer takes.
    ///
    /// # Errors
    /// As [`Preparation::resized`].
    pub fn patches(&self, picture: &RgbImage, side: usize) -> Result<Vec<f32>> {
        Ok(self.patches_of(&self.resized(picture)?, side))
    }

    /// [`Preparation::patches`] of a picture that was resized already.
    pub fn patches_of(&self, picture: &RgbImage, side: usize) -> Vec<f32> {
        let [rows, columns] = self.grid(side);
        let mut values = Vec::with_capacity(rows * columns * 3 * side * side);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            for channel in 0..3 {
                for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                    let pixel = picture.get_pixel((column * side + x) as u32, (row * side + y) as u32);
                    let light = f64::from(pixel.0[channel]) * self.scale;
                    values.push(((light - self.mean[channel]) / self.std[channel]) as f32);
                }
            }
        }
        values
    }

    /// Rows and columns of patches. What is left at the rim is not looked at.
    pub fn grid(&self, side: usize) -> [usize; 2] {
        self.size.map(|pixels| pixels / side.max(1))
    }
}

/// 1 as a share.
const ONE: i64 = 1 << 22;

/// Shares as whole numbers, as Pillow rounds them.
fn whole(mixed: &Mixed) -> Vec<(usize, i64)> {
    mixed.of.iter().map(|(cell, share)| (*cell, (share * ONE as f64).round() as i64)).collect()
}

/// A sum of bytes times shares as a byte.
fn rounded(sum: i64) -> u8 {
    ((sum + ONE / 2) >> 22).clamp(0, 255) as u8
}

/// A size as processors write it: one number, the shorter side, or height and width.
fn sides(settings: &Value, key: &str) -> Option<Resize> {
    let side = |value: &Value| value.as_u64().filter(|side| (1..=MOST).contains(side));
    let value = &settings[key];
    if let Some(shorter) = side(value).or_else(|| side(&value["shortest_edge"])) {
        return Some(Resize::Shorter(shorter));
    }
    Some(Resize::To([side(&value["height"])?, side(&value["width"])?]))
}
