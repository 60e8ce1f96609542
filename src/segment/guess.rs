//! What a decoder answers: masks to choose from, the likeliest first, as large as the photo once somebody wants one.

use image::GrayImage;
use rayon::prelude::*;

use super::frames::{Fit, Latent, Padded, Photo, Resized};

/// One of the masks that can be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// How much of what is meant it has, as the network thinks; about 0 to 1.
    pub score: f32,
    pub(super) logits: Vec<f32>,
    pub(super) latent: Latent,
    pub(super) frame: Frame,
}

/// Where a grid lies over the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub(super) photo: Photo,
    pub(super) resized: Resized,
    pub(super) padded: Padded,
    pub(super) fit: Fit,
}

impl Guess {
    /// The mask, as large as the photo: 255 inside. Enlarged before it is decided what is inside, so that its edge is smooth.
    pub fn mask(&self) -> GrayImage {
        let Frame { photo: Photo([width, height]), resized, padded: Padded(side), fit } = self.frame;
        let large = match fit {
            Fit::Squash => Lines::new(self.latent.0, self.latent.0, [width, height]).enlarge(&self.logits),
            // Up to the square, without its empty part, and to the photo: as SAM's own code does.
            Fit::LongSide => {
                let [wide, high] = resized.0;
                let whole = Lines::new(self.latent.0, self.latent.0, [side, side]);
                let square = whole.cut([wide as usize, high as usize]).enlarge(&self.logits);
                let small = [wide as usize, high as usize];
                Lines::new(small, small, [width, height]).enlarge(&square)
            }
        };
        let bytes = large.into_iter().map(|logit| if logit > 0.0 { 255 } else { 0 }).collect();
        GrayImage::from_raw(width, height, bytes).unwrap_or_else(|| GrayImage::new(width, height))
    }

    /// The part of what is nearly inside that is surely inside: a mask that depends on little is most likely a thing.
    pub(super) fn steadiness(logits: &[f32]) -> f32 {
        let above = |least: f32| logits.iter().filter(|logit| **logit > least).count();
        let either = above(-1.0);
        if either == 0 { 0.0 } else { above(1.0) as f32 / either as f32 }
    }
}

/// Of each place along a line: the two places between which it lies, and the second one's share.
type Taps = Vec<(usize, usize, f32)>;

/// Enlarges a grid with straight lines, outline on outline.
struct Lines {
    row: usize,
    across: Taps,
    down: Taps,
}

impl Lines {
    /// From a grid to a larger one.
    fn new([row, _]: [usize; 2], from: [usize; 2], to: [u32; 2]) -> Self {
        let taps = |from: usize, to: u32| {
            let scale = from as f32 / to as f32;
            let tap = |at: u32| {
                let place = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
                let low = (place as usize).min(from - 1);
                (low, (low + 1).min(from - 1), place - low as f32)
            };
            (0..to).map(tap).collect()
        };
        Self { row, across: taps(from[0], to[0]), down: taps(from[1], to[1]) }
    }

    /// Only what is left and above of here.
    fn cut(mut self, [wide, high]: [usize; 2]) -> Self {
        self.across.truncate(wide);
        self.down.truncate(high);
        self
    }

    fn enlarge(&self, grid: &[f32]) -> Vec<f32> {
        let wide = self.across.len();
        let mut made = vec![0.0; wide * self.down.len()];
        made.par_chunks_exact_mut(wide.max(1)).zip(&self.down).for_each(|(line, (above, below, lower))| {
            let (above, below) = (&grid[above * self.row..], &grid[below * self.row..]);
            for (number, (left, right, share)) in line.iter_mut().zip(&self.across) {
                let mean = |row: &[f32]| row[*left] * (1.0 - share) + row[*right] * share;
                *number = mean(above) * (1.0 - lower) + mean(below) * lower;
            }
        });
        made
    }
}

/// The masks in the order in which they are offered. Of four, the first is for several prompts and the others are three
/// readings of one click: a part, more, all.
pub fn sorted(mut guesses: Vec<Guess>, several: bool) -> Vec<Guess> {
    let by_score = |one: &Guess, other: &Guess| other.score.total_cmp(&one.score);
    if guesses.len() == 4 {
        let whole = guesses.remove(0);
        guesses.sort_by(by_score);
        guesses.insert(if several { 0 } else { 3 }, whole);
    } else {
        guesses.sort_by(by_score);
    }
    guesses
}
