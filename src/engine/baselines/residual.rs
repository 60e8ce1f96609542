//! Residual only: the plain UNet, told of each concept by what its words are more than its class word's, and by where it shall
//! be. Cones 2 (arXiv 2305.19327, after the authors' code) on the same files as all other methods, so that it is a variant.
//!
//! **Residual.** Cones 2 tunes a text encoder and keeps `Δ`, the mean over some prompts of what the class word's state became
//! more than it was. Here nothing is tuned: `Δ` is what an ED-LoRA's words, read with its own changes of the text encoder, are
//! more than the class word, in each cross-attention layer's version, over the beginnings in [`BEGINNINGS`] (what comes after a
//! word does not change its state). Words are matched from their ends, since the last has seen those before it: of two learnt
//! words the class word gets the second's, "teddy bear" both. It is added to the class word's state in the picture's prompt,
//! not in the negative one.
//!
//! **Layout**, in all layers of cross-attention, with the prompt and not without it:
//!
//! ```text
//! P = softmax((Q Kᵀ + g · w · ln(1 + σ²) · std(Q Kᵀ)) / √d)
//! ```
//!
//! w is [`INSIDE`] for a concept's tokens in its box and [`OUTSIDE`] elsewhere, 0 for all other tokens; the deviation is over
//! heads, cells and tokens of one picture. A box is its mask's; a cell of a coarser grid is in it where more than half of it is
//! (the authors' code looks up pixels). Each concept has a place of its own in the prompt: in the authors' code two of one
//! class word would forbid each other everywhere.
//!
//! **Self-recurrence.** Each step is made twice, with fresh noise back to where it began in between; that noise has a seed of
//! its own. DDIM is the sampler (theirs: LMS).

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};

use crate::engine::concept::Adapter;
use crate::engine::masks::{Mask, grid_sizes};
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::layers::upload;
use crate::engine::nets::tap::{Kind, Site};
use crate::engine::nets::tokenizer::{Encoded, Token};
use crate::engine::noise;
use crate::engine::prompt::states_bare;
use crate::engine::refine::SubjectMasks;

/// What stands before a concept's words while its residual is found.
const BEGINNINGS: [&str; 9] = [
    "a photo of a",
    "a picture of the",
    "a",
    "the",
    "one",
    "a close view of a",
    "a painting of a",
    "a good photo of the",
    "a small picture of one",
];
/// g: how strongly the layout is followed.
const GUIDANCE: f64 = 0.08;
/// w in a concept's box.
const INSIDE: f32 = 2.5;
/// w outside of it.
const OUTSIDE: f32 = -1e8;
/// How often each step is made.
pub const ROUNDS: usize = 2;

/// What a concept's words are more than its class word: `[versions, tokens of the class word, width]`. None where no word of
/// `call` is learnt, or the class word has no letters.
pub fn residual(models: &Models, adapter: &Adapter, call: &str, class_word: &str) -> Option<Tensor<3>> {
    let mut sum: Option<Tensor<3>> = None;
    for beginning in BEGINNINGS {
        let read = |words: &str, by: &Adapter| {
            let tokens = models.tokenizer.encode_with(&format!("{beginning} {words}"), by.placeholders());
            let start = beginning.len() + 1;
            let at: Vec<usize> = tokens.positions_in(&(start..start + words.len())).collect();
            (tokens, at)
        };
        let (own, own_at) = read(call, adapter);
        let (plain, plain_at) = read(class_word, &Adapter::default());
        if !is_learnt(&own, &own_at) || plain_at.is_empty() {
            return None;
        }
        let (own, plain) = (states_bare(models, adapter, &own), states_bare(models, &Adapter::default(), &plain));
        let versions = own.dims()[0];
        let rows = (0..plain_at.len()).map(|row| {
            let before = plain.clone().narrow(1, plain_at[row], 1);
            own.clone().narrow(1, own_at[from_end(row, plain_at.len(), own_at.len())], 1)
                - before.repeat_dim(0, versions)
        });
        let rows = Tensor::cat(rows.collect(), 1);
        sum = Some(match sum {
            Some(sum) => sum + rows,
            None => rows,
        });
    }
    sum.map(|sum| sum / BEGINNINGS.len() as f64)
}

fn is_learnt(tokens: &Encoded, at: &[usize]) -> bool {
    at.iter().any(|position| matches!(tokens.tokens.get(*position), Some(Token::Placeholder(_))))
}

/// Which of `others` belongs to one of `all`, counted from the ends; the first where there are fewer. None of them is empty.
fn from_end(index: usize, all: usize, others: usize) -> usize {
    others - 1 - (all - 1 - index).min(others - 1)
}

/// A residual at a place of the prompt.
pub struct Placed<'a> {
    /// See [`residual`].
    pub residual: &'a Tensor<3>,
    /// The positions of the class word's tokens there.
    pub at: &'a [usize],
}

/// A prompt of one row with residuals added, in a version for each of `layers` layers; each weighs as much as its token
/// (`weights`, one a position).
pub fn with_residuals(prompt: &Context, layers: usize, weights: &[f32], residuals: &[Placed<'_>]) -> Context {
    let slice = |layer: usize| {
        let mut text = prompt.slice(layer);
        let [rows, _, width] = text.dims();
        for Placed { residual, at } in residuals {
            let [versions, own, _] = residual.dims();
            let version = (*residual).clone().narrow(0, layer.min(versions - 1), 1);
            for (index, &position) in at.iter().enumerate() {
                let weight = weights.get(position).copied().unwrap_or(1.0);
                let more = version.clone().narrow(1, from_end(index, at.len(), own), 1) * weight;
                let place = [0..rows, position..position + 1, 0..width];
                let before = text.clone().narrow(1, position, 1);
                text = text.slice_assign(place, before + more);
            }
        }
        text
    };
    Context::layerwise((0..layers).map(slice).collect())
}

/// Where each concept's tokens are heeded.
#[derive(Clone, Debug)]
pub struct Guided {
    /// For each concept, the positions of its tokens.
    pub tokens: Vec<Vec<usize>>,
    /// Tokens of the prompt, all chunks together.
    pub positions: usize,
}

impl Guided {
    /// The tap for masks `[picture][subject]`; `owners` says whose each subject is.
    pub fn tap(&self, owners: &[usize], masks: &[Vec<SubjectMasks>], device: &Device) -> GuidedTap {
        let latent = masks.first().and_then(|picture| picture.first()).map(|subject| subject.combined.latent().size());
        let mut grids = HashMap::new();
        for size in latent.map(grid_sizes).into_iter().flatten() {
            let cells = size.0 * size.1;
            let values: Vec<f32> =
                masks.iter().flat_map(|picture| self.weights(&self.boxes(owners, picture, size), cells)).collect();
            let guided = upload(values, [masks.len(), 1, cells, self.positions], device);
            // The half without the prompt stays as it is.
            grids.insert(cells, Tensor::cat(vec![guided.zeros_like(), guided], 0));
        }
        GuidedTap { grids, noise: 0.0 }
    }

    /// The cells of a grid that the boxes of each concept's masks have.
    fn boxes(&self, owners: &[usize], subjects: &[SubjectMasks], size: (usize, usize)) -> Vec<Mask> {
        let mut boxes = vec![Mask::empty(size.0, size.1); self.tokens.len()];
        for (&owner, subject) in owners.iter().zip(subjects) {
            if let Some(own) = boxes.get_mut(owner) {
                *own = own.union(&subject.combined.latent().bounding_rectangle().resized(size));
            }
        }
        boxes
    }

    /// w of every cell and token, `[cells, tokens]`.
    fn weights(&self, boxes: &[Mask], cells: usize) -> Vec<f32> {
        let mut weights = vec![0.0; cells * self.positions];
        for (tokens, own) in self.tokens.iter().zip(boxes) {
            for (cell, row) in weights.chunks_exact_mut(self.positions.max(1)).enumerate() {
                let weight = if own.on.get(cell).copied().unwrap_or(false) { INSIDE } else { OUTSIDE };
                for &token in tokens {
                    if let Some(value) = row.get_mut(token) {
                        *value = weight;
                    }
                }
            }
        }
        weights
    }
}

/// [`Guided`] where the boxes are known.
pub struct GuidedTap {
    /// w by the number of cells, `[rows, 1, cells, tokens]`: both halves, the first of them 0.
    grids: HashMap<usize, Tensor<4>>,
    /// σ² of the step at hand.
    noise: f64,
}

impl GuidedTap {
    /// A step at this σ² begins.
    pub fn begin(&mut self, noise: f64) {
        self.noise = noise;
    }

    /// Whether the logits of an attention layer are changed.
    pub fn wants_logits(&self, site: Site) -> bool {
        site.kind == Kind::Cross
    }

    /// Strengthens and weakens, `[rows, heads, queries, keys]`.
    pub fn logits(&self, _site: Site, logits: Tensor<4>) -> Tensor<4> {
        let Some(weights) = self.grids.get(&logits.dims()[2]) else { return logits };
        // Logits come divided by √d, and so does their deviation.
        let strength = deviation(&logits) * (GUIDANCE * self.noise.ln_1p());
        logits + weights.clone() * strength
    }
}

/// The standard deviation of each row, `[rows, 1, 1, 1]`, as torch's `std` has it (one less than their number).
fn deviation(x: &Tensor<4>) -> Tensor<4> {
    // Of one side after another, so that no sum is long.
    let mean = |x: Tensor<4>| x.mean_dim(3).mean_dim(2).mean_dim(1);
    let [_, heads, queries, keys] = x.dims();
    let count = (heads * queries * keys) as f64;
    let apart = x.clone() - mean(x.clone());
    (mean(apart.clone() * apart) * (count / (count - 1.0).max(1.0))).sqrt()
}

/// The noise by which a step's latents go back to where it began: of each picture's seed and the step's index its own.
///
/// # Shapes
/// `[pictures, channels, h, w]`
pub fn fresh_noise(
    seed: u64,
    step: usize,
    [pictures, channels, height, width]: [usize; 4],
    device: &Device,
) -> Tensor<4> {
    let own = |picture: usize| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"self-recurrence").update(&seed.wrapping_add(picture as u64).to_le_bytes());
        let hash = hasher.update(&(step as u64).to_le_bytes()).finalize();
        hash.as_bytes().iter().take(8).fold(0, |seed, &byte| seed << 8 | u64::from(byte))
    };
    let seeds: Vec<u64> = (0..pictures).map(own).collect();
    noise::seeded(&seeds, [channels, height, width], device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::tap::Block;
    use crate::engine::pictures::host;
    use burn::tensor::activation::softmax;

    const SITE: Site = Site { block: Block::Mid, attention: 0, kind: Kind::Cross };

    fn subject(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> SubjectMasks {
        SubjectMasks::new(Mask::from_fn(8, 8, |y, x| rows.contains(&y) && columns.contains(&x)))
    }

    #[test]
    fn attention_is_strengthened_and_weakened_as_torch_has_it() {
        let device = Device::flex();
        let values = (0..48).map(|index| 2.0 * (0.7 * f64::from(index)).sin() as f32).collect();
        let logits = upload(values, [2, 2, 4, 3], &device);
        let guided = Guided { tokens: vec![vec![1], vec![2]], positions: 3 };
        let cells = |on: [bool; 4]| Mask { height: 1, width: 4, on: on.to_vec() };
        let boxes = [cells([true, true, false, false]), cells([false, true, true, false])];
        let weights = upload(guided.weights(&boxes, 4), [1, 1, 4, 3], &device);
        let grids = HashMap::from([(4, Tensor::cat(vec![weights.zeros_like(), weights], 0))]);
        for (alpha, torch) in [(0.2, TORCH_EARLY), (0.95, TORCH_LATE)] {
            let tap = GuidedTap { grids: grids.clone(), noise: (1.0 - alpha) / alpha };
            let found = tap.logits(SITE, logits.clone());
            let (found, before) = (host(softmax(found.clone(), 3)), (host(found), host(logits.clone())));
            for (index, (value, expected)) in found[24..].iter().zip(torch).enumerate() {
                assert!((value - expected).abs() < 2e-5, "{alpha}, {index}: {value}, torch {expected}");
            }
            assert_eq!(before.0[..24], before.1[..24], "the half without the prompt");
        }
        assert!(GuidedTap { grids, noise: 0.0 }.wants_logits(SITE));
    }

    #[test]
    fn a_concept_is_heeded_in_the_boxes_of_its_masks_and_nowhere_else() {
        let guided = Guided { tokens: vec![vec![1, 2], vec![4]], positions: 6 };
        let picture = vec![subject(0..4, 0..4), subject(4..8, 2..8), subject(4..8, 4..8)];
        let tap = guided.tap(&[0, 0, 1], &[picture], &Device::flex());
        let weights = host(tap.grids[&64].clone());
        let (plain, guided) = weights.split_at(64 * 6);
        assert!(plain.iter().all(|weight| *weight == 0.0));
        let at = |y: usize, x: usize| &guided[(y * 8 + x) * 6..(y * 8 + x + 1) * 6];
        assert_eq!(at(0, 0), [0.0, INSIDE, INSIDE, 0.0, OUTSIDE, 0.0]);
        assert_eq!(at(5, 5), [0.0, INSIDE, INSIDE, 0.0, INSIDE, 0.0], "boxes may overlap");
        assert_eq!(at(0, 7), [0.0, OUTSIDE, OUTSIDE, 0.0, OUTSIDE, 0.0]);
        // Half the size: of each box half its cells.
        let coarse = host(tap.grids[&16].clone());
        assert_eq!(coarse[16 * 6..].iter().filter(|weight| **weight == INSIDE).count(), 2 * (4 + 6) + 4);
        // A box of a mask that is no box.
        let odd = SubjectMasks::new(Mask::from_fn(8, 8, |y, x| (y, x) == (1, 1) || (y, x) == (3, 6)));
        let one = Guided { tokens: vec![vec![0]], positions: 1 };
        let boxed = one.boxes(&[0], &[odd], (8, 8));
        assert_eq!(boxed[0].on.iter().filter(|on| **on).count(), 3 * 6);
    }

    #[test]
    fn words_are_matched_from_their_ends() {
        let of = |all: usize, others: usize| (0..all).map(|index| from_end(index, all, others)).collect::<Vec<_>>();
        assert_eq!((of(1, 2), of(2, 2), of(3, 2), of(2, 1)), (vec![1], vec![0, 1], vec![0, 0, 1], vec![0, 0]));
    }

    #[test]
    fn residuals_are_added_at_their_places_in_each_layers_version_and_by_their_weights() {
        let device = Device::flex();
        let prompt = Context::plain(upload((0..8).map(|value| value as f32).collect(), [1, 4, 2], &device));
        // Two versions of a class word of one token.
        let residual = upload(vec![10.0, 20.0, 30.0, 40.0], [2, 1, 2], &device);
        let placed = [Placed { residual: &residual, at: &[1] }, Placed { residual: &residual, at: &[2, 3] }];
        let told = with_residuals(&prompt, 3, &[1.0, 1.0, 2.0, 1.0], &placed);
        assert_eq!(host(told.slice(0)), [0.0, 1.0, 12.0, 23.0, 24.0, 45.0, 16.0, 27.0]);
        assert_eq!(host(told.slice(1)), [0.0, 1.0, 32.0, 43.0, 64.0, 85.0, 36.0, 47.0]);
        assert_eq!(host(told.slice(2)), host(told.slice(1)), "the last version serves all that are left");
    }

    #[test]
    fn every_picture_and_step_has_noise_of_its_own_and_the_same_again() {
        let device = Device::flex();
        let of = |seed, step, pictures| host(fresh_noise(seed, step, [pictures, 1, 4, 4], &device));
        let both = of(7, 3, 2);
        assert_eq!((&both[..16], &both[16..]), (&of(7, 3, 1)[..], &of(8, 3, 1)[..]));
        assert!(of(7, 3, 1) != of(7, 4, 1) && of(7, 3, 1) != of(8, 3, 1));
        assert_ne!(
            of(7, 3, 1),
            host(noise::seeded(&[7], [1, 4, 4], &device)),
            "nor is it what the picture begins with"
        );
    }

    /// The half with the prompt after the softmax, by torch 2.6 on the same numbers, at ᾱ of 0.2 and 0.95.
    const TORCH_EARLY: [f32; 24] = [
        0.425644, 0.574356, 0.0, 0.057849, 0.329203, 0.612948, 0.880024, 0.0, 0.119976, 1.0, 0.0, 0.0, 0.150629,
        0.849371, 0.0, 0.601132, 0.317899, 0.080969, 0.245003, 0.0, 0.754997, 1.0, 0.0, 0.0,
    ];
    const TORCH_LATE: [f32; 24] = [
        0.540152, 0.459848, 0.0, 0.08869, 0.318427, 0.592883, 0.9208, 0.0, 0.0792, 1.0, 0.0, 0.0, 0.219415, 0.780585,
        0.0, 0.704909, 0.235188, 0.059903, 0.339653, 0.0, 0.660347, 1.0, 0.0, 0.0,
    ];
}
