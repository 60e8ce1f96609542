//! The photos of a training: reading them with their masks, and what stands in the way of learning from them. Pure
//! functions on pixels; the words are the window's and the command line's.

use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage, RgbaImage};

use crate::engine::error::{EngineError, Result};
use crate::engine::model_files::ModelFiles;
use crate::project::training::{PLACE, Photo, Training, TrainingSettings, captions};
use crate::project::{Canvas, Files, picture};

/// Where a photo's mask is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskFrom {
    /// There is none: all of the picture counts.
    Nothing,
    /// The picture's own transparency.
    Alpha,
    /// A file.
    File,
}

/// A photo, upright, with its mask.
#[derive(Clone, Debug)]
pub struct ReadPhoto {
    /// What it is called: its file's name.
    pub name: String,
    /// The picture; white where it is transparent.
    pub picture: RgbImage,
    /// The subject, of the picture's size: 255 is inside. All of it where there is no mask.
    pub mask: GrayImage,
    /// Where the mask is from.
    pub mask_from: MaskFrom,
    /// What it shows.
    pub caption: String,
}

/// The least part of the picture that the subject should fill: with less, most of what is learnt is background, and of a
/// picture of 512 pixels less than 13 cells of the latent along a side are the subject.
pub const LEAST_SHARE: f32 = 0.04;
/// A mask of less than this part of the picture is empty.
const EMPTY: f32 = 0.0005;
/// A mask of more than this part of the picture is all of it.
const FULL: f32 = 0.995;
/// Fewer photos than this show too little.
pub const FEW: usize = 3;
/// More photos than this are not needed, and each is seen less often.
pub const MANY: usize = 15;
/// Two pictures are nearly the same when at most so many of 64 comparisons of neighbouring cells differ...
const NEAR: u32 = 5;
/// ...and no cell's colour differs by more than this, of 255.
const NEAR_COLOR: u8 = 24;
/// How far the shapes of a picture and its mask may differ, as a part of the shape.
const SHAPES: f64 = 0.02;
/// Cells along a side of the colours that are compared.
const CELLS: u32 = 4;

/// Reads a photo and its mask. A mask of another size is resized to the picture's.
///
/// # Errors
/// When a file cannot be read, or the mask has another shape than its picture.
pub fn read(files: &dyn Files, photo: &Photo) -> Result<ReadPhoto> {
    let path = photo.picture.as_path();
    let decoded = picture::decode(&files.read(path)?, path)?;
    let may_be_clear = decoded.color().has_alpha();
    let pixels = decoded.into_rgba8();
    let clear = may_be_clear && pixels.pixels().any(|pixel| pixel.0[3] < 255);
    let (mask, mask_from) = match &photo.mask {
        Some(path) => (mask_in(files, path, pixels.dimensions(), &photo.name())?, MaskFrom::File),
        None if clear => (alpha(&pixels), MaskFrom::Alpha),
        None => (GrayImage::from_pixel(pixels.width(), pixels.height(), Luma([255])), MaskFrom::Nothing),
    };
    let picture = over_white(&pixels);
    Ok(ReadPhoto { name: photo.name(), picture, mask, mask_from, caption: photo.caption.clone() })
}

fn mask_in(files: &dyn Files, path: &Path, (width, height): (u32, u32), of: &str) -> Result<GrayImage> {
    let mask = picture::load_gray(files, path)?;
    if mask.dimensions() == (width, height) {
        return Ok(mask);
    }
    let shape = |width: u32, height: u32| f64::from(width) / f64::from(height.max(1));
    let (own, wanted) = (shape(mask.width(), mask.height()), shape(width, height));
    if (own / wanted - 1.0).abs() > SHAPES {
        let sizes = format!("{} × {} pixels and {of} {width} × {height}", mask.width(), mask.height());
        let what =
            format!("it is a mask of another shape than its picture: it has {sizes}; make it anew of that picture");
        return Err(EngineError::Malformed { file: path.display().to_string(), what });
    }
    Ok(picture::cover_gray(&mask, Canvas { width, height })?)
}

fn alpha(pixels: &RgbaImage) -> GrayImage {
    GrayImage::from_fn(pixels.width(), pixels.height(), |x, y| Luma([pixels.get_pixel(x, y).0[3]]))
}

fn over_white(pixels: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, alpha] = pixels.get_pixel(x, y).0.map(u32::from);
        Rgb([red, green, blue].map(|light| ((light * alpha + 255 * (255 - alpha) + 127) / 255) as u8))
    })
}

/// The side that photos are cropped to, in pixels: what the settings say, else that of the pictures that a model was trained on.
///
/// # Errors
/// When neither says it; `files` are the model's, for the message.
pub fn side(settings: &TrainingSettings, models_own: Option<u32>, files: &ModelFiles) -> Result<u32> {
    settings.size.or(models_own).ok_or_else(|| EngineError::Malformed {
        file: files.name("unet/config.json"),
        what: "it does not say how large the model's pictures are; set the size that photos are cropped to".into(),
    })
}

/// What an inspection needs to know of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Width and height.
    pub size: (u32, u32),
    /// Where its mask is from.
    pub mask_from: MaskFrom,
    /// The part of the picture that is the subject.
    pub share: f32,
    /// Which of 64 pairs of neighbouring cells grow darker to the right.
    hash: u64,
    /// Mean colours of a few cells.
    colors: Vec<[u8; 3]>,
}

impl Facts {
    /// Looks at a photo.
    pub fn of(photo: &ReadPhoto) -> Self {
        let inside = photo.mask.pixels().filter(|pixel| pixel.0[0] > 127).count();
        let all = photo.mask.pixels().len().max(1);
        let colors = means(&photo.picture, CELLS, CELLS);
        let gray = |color: &[u8; 3]| color.iter().map(|light| u32::from(*light)).sum::<u32>();
        let cells: Vec<u32> = means(&photo.picture, 9, 8).iter().map(gray).collect();
        let pairs = cells.chunks(9).flat_map(|row| row.windows(2).map(|pair| pair[0] > pair[1]));
        let hash = pairs.fold(0, |bits, darker| bits << 1 | u64::from(darker));
        let size = photo.picture.dimensions();
        Self { size, mask_from: photo.mask_from, share: inside as f32 / all as f32, hash, colors }
    }

    /// Whether two photos are nearly the same: one scaled, compressed or brightened a little is.
    pub fn is_near(&self, other: &Self) -> bool {
        let apart = |(one, other): (&[u8; 3], &[u8; 3])| one.iter().zip(other).map(|(a, b)| a.abs_diff(*b)).max();
        let colors = self.colors.iter().zip(&other.colors).filter_map(apart).max().unwrap_or(0);
        (self.hash ^ other.hash).count_ones() <= NEAR && colors <= NEAR_COLOR
    }
}

/// Mean colours of the cells of a grid, row by row.
fn means(picture: &RgbImage, columns: u32, rows: u32) -> Vec<[u8; 3]> {
    let (width, height) = picture.dimensions();
    // Where a picture has fewer pixels than cells, cells share one.
    let edge = |index: u32, count: u32, side: u32| (u64::from(index) * u64::from(side) / u64::from(count)) as u32;
    let span = |index: u32, count: u32, side: u32| {
        let from = edge(index, count, side).min(side.saturating_sub(1));
        from..edge(index + 1, count, side).max(from + 1)
    };
    let cell = |index: u32| {
        let (across, down) = (span(index % columns, columns, width), span(index / columns, rows, height));
        let mut sums = [0_u64; 3];
        for y in down.clone() {
            for x in across.clone() {
                let lights = picture.get_pixel(x, y).0;
                sums.iter_mut().zip(lights).for_each(|(sum, light)| *sum += u64::from(light));
            }
        }
        let count = (down.len() * across.len()).max(1) as u64;
        sums.map(|sum| (sum / count) as u8)
    };
    if width == 0 || height == 0 { Vec::new() } else { (0..columns * rows).map(cell).collect() }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Training cannot begin.
    Stops,
    /// It can, with a worse concept.
    Warns,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no photo.
    NoPhotos,
    /// There are fewer than [`FEW`].
    FewPhotos,
    /// There are more than [`MANY`].
    ManyPhotos,
    /// A photo or its mask cannot be used.
    Unusable,
    /// Captions do not say where the concept is.
    NoPlace,
    /// Nothing is inside of masks.
    EmptyMask,
    /// Everything is inside of masks.
    FullMask,
    /// Photos have no masks.
    NoMask,
    /// Photos are smaller than what they are cropped to.
    TooSmall,
    /// The subject fills less than [`LEAST_SHARE`] of photos.
    SmallSubject,
    /// Two photos are nearly the same.
    NearDuplicate,
}

impl Kind {
    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::NoPhotos | Self::Unusable | Self::NoPlace | Self::EmptyMask => Severity::Stops,
            _ => Severity::Warns,
        }
    }
}

/// Something that stands in the way of a good concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Which photos, counted from 0.
    pub photos: Vec<usize>,
    /// What, where and what to do.
    pub words: String,
}

/// Inspects a training: what stands in its way first. `photos` are those of the training, in its order, as they were read
/// or in words why not; one that is not read yet is left out. `side` is what they are cropped to, in pixels, where it is
/// known.
pub fn inspect(
    training: &Training,
    photos: &[Option<std::result::Result<Facts, String>>],
    side: Option<u32>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |kind, photos: Vec<usize>, words: String| findings.push(Finding { kind, photos, words });
    let count = training.photos.len();
    match count {
        0 => find(Kind::NoPhotos, Vec::new(), format!("There are no photos: add {FEW} to {MANY} of the subject.")),
        1 | 2 => {
            let show = if count == 1 { "One photo shows" } else { "Two photos show" };
            let words = format!("{show} too little: add more, up to {MANY}, from other sides and in other places.");
            find(Kind::FewPhotos, Vec::new(), words);
        }
        more if more > MANY => {
            let words = format!("{more} photos are more than are needed: the best {MANY} teach the same in less time.");
            find(Kind::ManyPhotos, Vec::new(), words);
        }
        _ => {}
    }
    let known = || photos.iter().take(count).enumerate().filter_map(|(at, facts)| Some((at, facts.as_ref()?)));
    for (at, words) in known().filter_map(|(at, facts)| Some((at, facts.as_ref().err()?))) {
        let words = format!("{}.", words.trim_end_matches('.'));
        find(Kind::Unusable, vec![at], words);
    }
    let those = |wanted: &dyn Fn(&Facts) -> bool| -> Vec<usize> {
        known().filter(|(_, facts)| facts.as_ref().is_ok_and(wanted)).map(|(at, _)| at).collect()
    };
    let without: Vec<usize> = (0..count).filter(|at| !captions::has_place(&training.photos[*at].caption)).collect();
    let named = |photos: &[usize]| names(training, photos);
    let mut tell = |kind, photos: Vec<usize>, words: &dyn Fn(&str, bool) -> String| {
        if !photos.is_empty() {
            let words = words(&named(&photos), photos.len() == 1);
            find(kind, photos, words);
        }
    };
    tell(Kind::NoPlace, without, &|names, one| {
        let (captions, do_not) = if one { ("The caption", "does not") } else { ("The captions", "do not") };
        format!("{captions} of {names} {do_not} say where the subject is: write {PLACE} in its place.")
    });
    let masked = |facts: &Facts| facts.mask_from != MaskFrom::Nothing;
    tell(Kind::EmptyMask, those(&|facts| masked(facts) && facts.share < EMPTY), &|names, one| {
        let (masks, are) = if one { ("The mask", "is") } else { ("The masks", "are") };
        format!("{masks} of {names} {are} empty: paint the subject white, or take the mask away.")
    });
    tell(Kind::FullMask, those(&|facts| masked(facts) && facts.share > FULL), &|names, one| {
        let (masks, hold) = if one { ("The mask", "holds") } else { ("The masks", "hold") };
        format!("{masks} of {names} {hold} all of the picture: the background is learnt as a part of the subject.")
    });
    tell(Kind::NoMask, those(&|facts| !masked(facts)), &|names, one| {
        let have = if one { "has no mask" } else { "have no masks" };
        format!(
            "{names} {have}: the background is learnt as a part of the subject. Paint the subject, or put NAME.mask.png beside the picture."
        )
    });
    if let Some(side) = side {
        tell(Kind::TooSmall, those(&|facts| facts.size.0.min(facts.size.1) < side), &|names, one| {
            let (are, they) = if one { ("is", "it is") } else { ("are", "they are") };
            format!(
                "{names} {are} smaller than {side} pixels: {they} enlarged, and its blur is learnt too. Use larger photos, or a smaller size."
            )
        });
    }
    tell(
        Kind::SmallSubject,
        those(&|facts| masked(facts) && (EMPTY..LEAST_SHARE).contains(&facts.share)),
        &|names, _| {
            let least = LEAST_SHARE * 100.0;
            format!("The subject fills less than {least:.0} % of {names}: crop closer, or little of it is learnt.")
        },
    );
    let read: Vec<(usize, &Facts)> = known().filter_map(|(at, facts)| Some((at, facts.as_ref().ok()?))).collect();
    for (index, (at, facts)) in read.iter().enumerate() {
        if let Some((first, _)) = read.iter().take(index).find(|(_, other)| other.is_near(facts)) {
            let words = format!("{} is nearly the same as {}: leave one of them out.", named(&[*at]), named(&[*first]));
            find(Kind::NearDuplicate, vec![*first, *at], words);
        }
    }
    findings.sort_by_key(|finding| finding.kind.severity());
    findings
}

/// The names of some photos; of many the first few.
fn names(training: &Training, photos: &[usize]) -> String {
    const MOST: usize = 4;
    let mut names: Vec<String> =
        photos.iter().filter_map(|at| training.photos.get(*at)).map(Photo::name).take(MOST).collect();
    if photos.len() > MOST {
        names.truncate(MOST - 1);
        return format!("{} and {} others", names.join(", "), photos.len() - names.len());
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "photos_tests.rs"]
mod tests;
