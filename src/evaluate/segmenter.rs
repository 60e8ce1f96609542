//! What finds subjects in any picture, as Grounded-SAM does: boxes by class words (Grounding DINO), and in each the mask that
//! Segment Anything makes of it, from files that the user has. This is Algorithm 2's `seg(I, p)`.
//!
//! Every phrase is asked for by itself, so that words do not mix; what it is sure of by more than the threshold counts. Boxes of
//! all phrases that are nearly the same (IoU above [`SAME`]) are one subject, the surest: two cats are not four because
//! they were asked for as "a cat" and "a kitten". What is counted so is what is compared, too. Without Segment
//! Anything, or where it sees nothing in a box, a segment is all of its box.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

use image::{DynamicImage, RgbImage};

use super::compose::a;
use super::finder::Finder;
use crate::project::files::name_of;
use crate::segment::{self, Files, Find, Open, Pair, Prompt, Sam, VOCAB, Words, named, pieces};

/// Boxes that overlap by more than this are of one subject: the threshold of Grounded-SAM's own demo for labels.
const SAME: f32 = 0.5;

/// Finds subjects by words.
pub struct Segmenter {
    words: Words,
    sam: Option<Sam>,
    sure: f32,
    name: String,
}

/// Which pixels are of a subject, row by row.
pub type Part = Vec<bool>;

impl Segmenter {
    /// Opens what a suite or a user names. Of one file of Segment Anything's two, the other one lies beside it or in `folder`; `open`
    /// opens files of tensors.
    ///
    /// # Errors
    /// In words, where a file cannot be read or is something else.
    pub fn of(finder: &Finder, folder: &Path, open: Open) -> Result<Self, String> {
        let files = match finder.sam.as_slice() {
            [] => None,
            paths => {
                let found = named(paths, folder, open).map_err(|error| error.to_string())?;
                Some(found.ok_or_else(|| "the sam that is named has nothing of Segment Anything".to_owned())?)
            }
        };
        Self::open(&finder.words, files.as_ref().map(|files| (files, open)), finder.sure)
    }

    /// Opens Grounding DINO's file (its list of words beside it), and those of Segment Anything where masks are wanted, with what
    /// opens files of tensors. What is less sure than `sure`, [`SURE`](super::finder::SURE) to 1, is no find.
    ///
    /// # Errors
    /// In words, where a file cannot be read or is something else.
    pub fn open(words: &Path, sam: Option<(&Files, Open)>, sure: f32) -> Result<Self, String> {
        let network = Words::open(words).map_err(|error| error.to_string())?;
        let vocabulary = words.with_file_name(VOCAB);
        let own = known_by(&[words, vocabulary.as_path()])?;
        let mut name = format!("Grounding DINO {} (sure by {sure:.2} and more; {own})", name_of(words));
        let sam = sam.map(|(files, open)| {
            let sam = Sam::of(files, open).map_err(|error| error.to_string())?;
            let (first, own) = match files {
                Files::Pair(Pair { encoder, decoder }) => (encoder, known_by(&[encoder, decoder])?),
                Files::Weights(path) => (path, known_by(&pieces(path))?),
            };
            name = format!("{name} and {} {} ({own})", sam.name(), name_of(first));
            Ok::<_, String>(sam)
        });
        let sam = sam.transpose()?;
        Ok(Self { words: network, sam, sure, name })
    }

    /// What it is, in a line, by which two are told apart: names and hashes of its files, and its threshold.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The subjects of a picture that any of the phrases names, the surest first. Takes many seconds.
    ///
    /// # Errors
    /// In words, where the runtime gives up.
    pub fn parts(&self, picture: &RgbImage, phrases: &BTreeSet<String>) -> Result<Vec<Part>, String> {
        let words = |error: segment::Error| error.to_string();
        let seen = DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
        let mut finds = Vec::new();
        for phrase in phrases {
            finds.extend(self.words.find(&seen, phrase, &|_| true).map_err(words)?);
        }
        let boxes = distinct(finds, self.sure);
        let in_box = |find: &Find| of_box(find.within, picture.dimensions());
        let Some(sam) = self.sam.as_ref().filter(|_| !boxes.is_empty()) else {
            return Ok(boxes.iter().map(in_box).collect());
        };
        let looked = sam.look(&seen, &|_| true).map_err(words)?;
        let part = |find: &Find| {
            let prompt = Prompt { within: Some(find.within), ..Prompt::default() };
            let guesses = sam.masks(&looked, &prompt).map_err(words)?;
            let mask = guesses.first().map(|guess| guess.mask());
            let part = mask.map(|mask| mask.as_raw().iter().map(|value| *value > 127).collect::<Part>());
            Ok::<Part, String>(part.filter(|part| part.contains(&true)).unwrap_or_else(|| in_box(find)))
        };
        boxes.iter().map(part).collect()
    }
}

/// What subjects are asked for by: the paper's brief phrases ("a dog"), each once.
pub fn phrases<'a>(class_words: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    class_words.map(|word| a(&word.trim().to_lowercase())).collect()
}

/// What is sure enough, the surest first, without what is nearly where a surer one is.
pub fn distinct(mut finds: Vec<Find>, sure: f32) -> Vec<Find> {
    finds.retain(|find| find.score >= sure);
    finds.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept: Vec<Find> = Vec::new();
    for find in finds {
        if kept.iter().all(|other| overlap(other.within, find.within) <= SAME) {
            kept.push(find);
        }
    }
    kept
}

/// Overlap (IoU, 0..1) of two boxes.
fn overlap(one: [[f32; 2]; 2], other: [[f32; 2]; 2]) -> f32 {
    let area = |[[left, top], [right, bottom]]: [[f32; 2]; 2]| (right - left).max(0.0) * (bottom - top).max(0.0);
    let low = |at: usize| one[0][at].max(other[0][at]);
    let high = |at: usize| one[1][at].min(other[1][at]);
    let both = area([[low(0), low(1)], [high(0), high(1)]]);
    let either = area(one) + area(other) - both;
    if either > 0.0 { both / either } else { 0.0 }
}

/// The pixels whose centres are in a box; the nearest one where it is thinner than a pixel.
fn of_box([[left, top], [right, bottom]]: [[f32; 2]; 2], (width, height): (u32, u32)) -> Part {
    let range = |from: f32, to: f32, most: u32| {
        let low = (from.round().max(0.0) as u32).min(most.saturating_sub(1));
        low..(to.round().max(0.0) as u32).clamp(low + 1, most.max(low + 1))
    };
    let (columns, rows) = (range(left, right, width), range(top, bottom, height));
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .map(|(x, y)| columns.contains(&x) && rows.contains(&y))
        .collect()
}

/// The beginning of a hash of what files hold.
fn known_by<P: AsRef<Path>>(files: &[P]) -> Result<String, String> {
    let mut hasher = blake3::Hasher::new();
    for path in files.iter().map(AsRef::as_ref) {
        let read = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
        read.map_err(|error| format!("{}: cannot be read ({error})", path.display()))?;
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

#[cfg(test)]
#[path = "segmenter_tests.rs"]
mod tests;
