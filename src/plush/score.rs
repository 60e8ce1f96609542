//! Scores of a picture against the looks and masks it was asked for: colours only, nothing learned. The numbers are those
//! of the kit's `score.py`.
//!
//! A concept's colours are saturated and hardly occur in ordinary figures and scenes, so counting pixels is enough.

use image::{GrayImage, RgbImage};
use serde::Serialize;

use super::hue::Hues;
use super::looks::Look;

/// A layer counts as present when more than this share of its mask has its own body's colour.
pub const PRESENT: f64 = 0.25;

/// How well one asked subject came out, all as shares of its mask's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LayerScore {
    /// Pixels that have a colour of its own look. Perfect pictures have 0.82 to 0.96, by the look.
    pub identity: f64,
    /// Pixels that have the body's colour of another asked subject, and not its own body's.
    pub leakage: f64,
    /// Whether more than [`PRESENT`] of it has its own body's colour.
    pub present: bool,
    /// Overlap of the mask with its own colours inside a box twice its size. Perfect pictures have 0.73 on average:
    /// bellies are pale, and what is pale around a subject counts against it.
    pub layout_iou: f64,
    /// How much better the belly, ear, collar and mark of another asked subject would fit on its body than its own do
    /// (the difference of the two identities); negative where its own fit better, 0 where nobody else is asked for.
    pub borrowed: f64,
}

/// How well a picture came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// One for each asked subject, in their order.
    pub layers: Vec<LayerScore>,
    /// Share of the pixels outside all masks that have any asked subject's body colour: what a subject too many, or one
    /// in the wrong place, leaves behind.
    pub outside: f64,
}

/// Means over pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Means {
    /// Over all subjects.
    pub identity: f64,
    /// Over all subjects.
    pub leakage: f64,
    /// The share of subjects.
    pub present: f64,
    /// Over all subjects.
    pub layout_iou: f64,
    /// Over all pictures.
    pub outside: f64,
    /// The share of pictures in which every subject is present.
    pub all_present: f64,
    /// How many there were.
    pub pictures: usize,
}

/// A mask that does not fit the picture, or too many or too few of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unscorable {
    /// Numbers differ.
    #[error("{looks} subjects and {masks} masks: there must be one mask for each subject")]
    Count {
        /// How many are asked for.
        looks: usize,
        /// How many masks there are.
        masks: usize,
    },
    /// Sizes differ.
    #[error("mask {index} is {} x {} pixels and the picture {} x {}: scale the mask to the picture", mask.0, mask.1, picture.0, picture.1)]
    Size {
        /// Counted from 1.
        index: usize,
        /// Width and height.
        mask: (u32, u32),
        /// Width and height.
        picture: (u32, u32),
    },
}

/// Scores a picture. `masks` say where each look should be: more than 127 is inside. An empty mask scores 0 in everything.
///
/// # Errors
/// Masks of another number or size.
pub fn score(picture: &RgbImage, looks: &[Look], masks: &[GrayImage]) -> Result<Scores, Unscorable> {
    if looks.len() != masks.len() {
        return Err(Unscorable::Count { looks: looks.len(), masks: masks.len() });
    }
    if let Some(index) = masks.iter().position(|mask| mask.dimensions() != picture.dimensions()) {
        let (mask, picture) = (masks[index].dimensions(), picture.dimensions());
        return Err(Unscorable::Size { index: index + 1, mask, picture });
    }
    let masks: Vec<Vec<bool>> = masks.iter().map(inside).collect();
    Ok(scores(&Hues::of(picture), looks, &masks))
}

/// Means over pictures; zeros for none.
pub fn mean(scores: &[Scores]) -> Means {
    let layers: Vec<&LayerScore> = scores.iter().flat_map(|scores| &scores.layers).collect();
    let over = |value: fn(&LayerScore) -> f64| average(layers.iter().map(|layer| value(layer)));
    Means {
        identity: over(|layer| layer.identity),
        leakage: over(|layer| layer.leakage),
        present: over(|layer| f64::from(u8::from(layer.present))),
        layout_iou: over(|layer| layer.layout_iou),
        outside: average(scores.iter().map(|scores| scores.outside)),
        all_present: average(scores.iter().map(|all| f64::from(u8::from(all.layers.iter().all(|l| l.present))))),
        pictures: scores.len(),
    }
}

fn average(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<f64>() / count as f64
}

/// Which pixels a mask has.
pub(super) fn inside(mask: &GrayImage) -> Vec<bool> {
    mask.as_raw().iter().map(|value| *value > 127).collect()
}

/// The share of a mask's pixels that are in a set; 0 of an empty mask.
pub(super) fn share(set: &[bool], mask: &[bool]) -> f64 {
    let all = mask.iter().filter(|is| **is).count();
    let both = set.iter().zip(mask).filter(|(a, b)| **a && **b).count();
    both as f64 / all.max(1) as f64
}

/// [`score`], of what is known to fit.
pub(super) fn scores(hues: &Hues, looks: &[Look], masks: &[Vec<bool>]) -> Scores {
    let bodies: Vec<Vec<bool>> = looks.iter().map(|look| hues.body(look)).collect();
    let layer = |index: usize| {
        let (look, mask, body) = (&looks[index], &masks[index], &bodies[index]);
        let own = hues.own(look);
        let identity = share(&own, mask);
        let others = looks.iter().enumerate().filter(|(other, _)| *other != index);
        let mut leaked = vec![false; mask.len()];
        for (other, _) in others.clone() {
            for ((leaked, theirs), ours) in leaked.iter_mut().zip(&bodies[other]).zip(body) {
                *leaked |= *theirs && !*ours;
            }
        }
        // Its own body with another's details.
        let mixed = others.map(|(_, other)| share(&hues.own(&Look { body: look.body, ..*other }), mask) - identity);
        LayerScore {
            identity,
            leakage: share(&leaked, mask),
            present: share(body, mask) > PRESENT,
            layout_iou: overlap(&own, mask, hues.width),
            borrowed: mixed.reduce(f64::max).unwrap_or(0.0),
        }
    };
    let layers = (0..looks.len()).map(layer).collect();
    let free: Vec<bool> = (0..hues.width * hues.height).map(|at| !masks.iter().any(|mask| mask[at])).collect();
    let any: Vec<bool> = (0..free.len()).map(|at| bodies.iter().any(|body| body[at])).collect();
    Scores { layers, outside: share(&any, &free) }
}

/// Intersection over union of a mask with what of a set is in the box about the mask's middle that is twice as wide and
/// high as the mask.
pub(super) fn overlap(set: &[bool], mask: &[bool], width: usize) -> f64 {
    let points = || mask.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| (at % width, at / width));
    let count = points().count();
    if count == 0 {
        return 0.0;
    }
    // The middle and the extent.
    let axis = |of: fn((usize, usize)) -> usize| {
        let (low, high) = (points().map(of).min().unwrap_or(0), points().map(of).max().unwrap_or(0));
        (points().map(of).sum::<usize>() as f64 / count as f64, (high - low) as f64)
    };
    let ((cx, w), (cy, h)) = (axis(|(x, _)| x), axis(|(_, y)| y));
    let (mut both, mut either) = (0_usize, 0_usize);
    for (at, (set, mask)) in set.iter().zip(mask).enumerate() {
        let (x, y) = ((at % width) as f64, (at / width) as f64);
        let set = *set && (x - cx).abs() <= w && (y - cy).abs() <= h;
        both += usize::from(set && *mask);
        either += usize::from(set || *mask);
    }
    both as f64 / either.max(1) as f64
}
