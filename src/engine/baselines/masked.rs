//! Masked adapters: one pass, one prompt, and what each concept's file adds to a layer counts only where its mask is
//! (FreeFuse's second phase, arXiv 2510.23515, after the authors' script for SDXL). Its first phase finds the masks
//! (`engine/seek.rs`); where they are given instead, it is a variant. In what it goes beyond the script: convolutions are masked
//! too, and a change of the layers that know the timestep alone, which have no place in the picture, is left out.
//!
//! | layer                                 | output                                                          |
//! |---------------------------------------|-----------------------------------------------------------------|
//! | of the picture, at a cell p           | `W x + Σ M_i(p) ΔW_i x`                                         |
//! | keys and values of a prompt's token j | `W x + Σ ΔW_i x` over the concepts i that j does not belong to another of |
//! | cross-attention's logits              | `+1` for the own tokens of the concept whose mask p is in, `−1` for others' |
//!
//! All of it in both halves of guidance, as the script has it. Outside of all masks nothing is added to the picture's layers.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};

use crate::engine::concept::Adapter;
use crate::engine::inject::HALVES;
use crate::engine::masks::{Mask, grid_sizes};
use crate::engine::nets::layers::{Conv2d, Linear, upload};
use crate::engine::nets::site::ResnetPart;
use crate::engine::nets::tap::{Kind, Layer, Projection, Site};
use crate::engine::refine::SubjectMasks;

/// How far the logits of a concept's own tokens are raised inside its mask, and those of others' lowered.
const BIAS: f32 = 1.0;

/// A concept of the pass.
#[derive(Clone, Debug)]
pub struct MaskedConcept {
    /// What it adds.
    pub adapter: Adapter,
    /// At which positions of the prompt it is called.
    pub tokens: Vec<usize>,
}

/// All concepts of the pass.
#[derive(Clone, Debug)]
pub struct Masked {
    /// In the order of blending: where masks overlap, the later one's holds.
    pub concepts: Vec<MaskedConcept>,
    /// Tokens of the prompt, all chunks together.
    pub positions: usize,
    /// Whether the masks are found before the first step, in place of the layout's.
    pub seeks: bool,
}

impl Masked {
    /// The tap for masks `[picture][subject]`; `owners` says whose each subject is.
    pub fn tap<'a>(&'a self, owners: &[usize], masks: &[Vec<SubjectMasks>], device: &Device) -> MaskedTap<'a> {
        let count = self.concepts.len();
        let regions: Vec<Vec<Mask>> = masks.iter().map(|picture| regions(count, owners, picture)).collect();
        let latent = masks.first().and_then(|picture| picture.first()).map(|subject| subject.combined.latent().size());
        let bias = self.bias(device);
        let mut grids = HashMap::new();
        for size in latent.map(grid_sizes).into_iter().flatten() {
            let of = |concept: usize| {
                let values: Vec<f32> = regions.iter().flat_map(|picture| bilinear(&picture[concept], size)).collect();
                upload(values, [masks.len(), size.0 * size.1, 1], device).repeat_dim(0, HALVES)
            };
            let shares: Vec<Tensor<3>> = (0..count).map(of).collect();
            if !shares.is_empty() {
                let rows = shares[0].dims()[0];
                let bias = bias.clone().unsqueeze::<3>().repeat_dim(0, rows);
                let bias = Tensor::cat(shares.clone(), 2).matmul(bias);
                let [rows, queries, keys] = bias.dims();
                grids.insert(size.0 * size.1, Grid { shares, bias: bias.reshape([rows, 1, queries, keys]) });
            }
        }
        let allowed = (0..count).map(|concept| upload(self.allowed(concept), [1, self.positions, 1], device));
        MaskedTap { of: self, grids, allowed: allowed.collect() }
    }

    /// `[concepts, tokens]`: what is added to a token's logits in a concept's mask.
    fn bias(&self, device: &Device) -> Tensor<2> {
        let row = |concept: usize| {
            let sign = move |token: usize| match self.owner(token) {
                Some(owner) if owner == concept => BIAS,
                Some(_) => -BIAS,
                None => 0.0,
            };
            (0..self.positions).map(sign)
        };
        upload((0..self.concepts.len()).flat_map(row).collect(), [self.concepts.len(), self.positions], device)
    }

    /// 1 for the tokens whose keys and values a concept may change, 0 for others' own.
    fn allowed(&self, concept: usize) -> Vec<f32> {
        let may = |token| self.owner(token).is_none_or(|owner| owner == concept);
        (0..self.positions).map(|token| f32::from(u8::from(may(token)))).collect()
    }

    /// Which concept a token calls.
    fn owner(&self, token: usize) -> Option<usize> {
        self.concepts.iter().position(|concept| concept.tokens.contains(&token))
    }
}

/// Where each concept is on the latent's grid of one picture; no cell is in two of them.
fn regions(count: usize, owners: &[usize], subjects: &[SubjectMasks]) -> Vec<Mask> {
    let size = subjects.first().map_or((0, 0), |subject| subject.combined.latent().size());
    let mut regions = vec![Mask::empty(size.0, size.1); count];
    for (&owner, subject) in owners.iter().zip(subjects) {
        let own = subject.combined.latent();
        for (concept, region) in regions.iter_mut().enumerate() {
            for (cell, &covered) in region.on.iter_mut().zip(&own.on) {
                *cell = if covered { concept == owner } else { *cell };
            }
        }
    }
    regions
}

/// A mask's values on another grid (height, width), row by row, as torch's plain bilinear interpolation gives them
/// (`align_corners` and `antialias` off): of each cell's middle, between the four cells nearest to it.
fn bilinear(mask: &Mask, to: (usize, usize)) -> Vec<f32> {
    let (height, width) = mask.size();
    if height == 0 || width == 0 || mask.on.len() != height * width {
        return vec![0.0; to.0 * to.1];
    }
    // The cell before, the cell after, and the latter's share.
    let between = |index: usize, from: usize, to: usize| {
        let at = ((index as f32 + 0.5) * from as f32 / to as f32 - 0.5).max(0.0);
        let before = (at as usize).min(from - 1);
        (before, (before + 1).min(from - 1), at - before as f32)
    };
    let value = |y: usize, x: usize| f32::from(u8::from(mask.on[y * width + x]));
    let mut values = Vec::with_capacity(to.0 * to.1);
    for row in 0..to.0 {
        let (top, bottom, down) = between(row, height, to.0);
        for column in 0..to.1 {
            let (left, right, across) = between(column, width, to.1);
            let along = |y| value(y, left) * (1.0 - across) + value(y, right) * across;
            values.push(along(top) * (1.0 - down) + along(bottom) * down);
        }
    }
    values
}

/// What is known of one of the UNet's grids.
struct Grid {
    /// For each concept how much of it a cell is, `[rows, cells, 1]`.
    shares: Vec<Tensor<3>>,
    /// What is added to the logits of cross-attention, `[rows, 1, cells, tokens]`.
    bias: Tensor<4>,
}

/// [`Masked`] where the masks are known.
pub struct MaskedTap<'a> {
    of: &'a Masked,
    /// By the number of cells.
    grids: HashMap<usize, Grid>,
    /// For each concept, whether it may change a token's keys and values: `[1, tokens, 1]`.
    allowed: Vec<Tensor<3>>,
}

impl MaskedTap<'_> {
    /// Adds what each concept adds to a linear layer, in its place. `input` is `[rows, tokens, in]`, `output`
    /// `[rows, tokens, out]`.
    pub fn linear(&self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let shares = match layer {
            Layer::Time(_) | Layer::Resnet(_, _, ResnetPart::Time) => return output,
            Layer::Attention(Site { kind: Kind::Cross, .. }, Projection::Key | Projection::Value) => &self.allowed,
            _ => match self.grids.get(&output.dims()[1]) {
                Some(grid) => &grid.shares,
                None => return output,
            },
        };
        let plain = output.clone();
        let mut output = output;
        for (concept, share) in self.of.concepts.iter().zip(shares) {
            for term in concept.adapter.linear(layer) {
                output = output + term.of(of, input, &plain) * share.clone();
            }
        }
        output
    }

    /// Adds what each concept adds to a convolution, in its place. `input` is `[rows, in, h, w]`, `output`
    /// `[rows, out, h', w']`.
    pub fn conv(&self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        let [rows, _, height, width] = output.dims();
        let Some(grid) = self.grids.get(&(height * width)) else { return output };
        let plain = output.clone();
        let mut output = output;
        for (concept, share) in self.of.concepts.iter().zip(&grid.shares) {
            for term in concept.adapter.conv(layer) {
                output = output + term.of(of, input, &plain) * share.clone().reshape([rows, 1, height, width]);
            }
        }
        output
    }

    /// Whether the logits of an attention layer are changed.
    pub fn wants_logits(&self, site: Site) -> bool {
        site.kind == Kind::Cross
    }

    /// Adds the bias, `[rows, heads, queries, keys]`.
    pub fn logits(&self, _site: Site, logits: Tensor<4>) -> Tensor<4> {
        match self.grids.get(&logits.dims()[2]) {
            Some(grid) => logits + grid.bias.clone(),
            None => logits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_brought_to_other_grids_as_torch_interpolates() {
        let mask = Mask { height: 1, width: 8, on: [0, 0, 1, 1, 1, 0, 0, 0].map(|on| on == 1).to_vec() };
        // Half the size: the mean of two. A quarter: of the two in the middle.
        assert_eq!(bilinear(&mask, (1, 4)), [0.0, 1.0, 0.5, 0.0]);
        assert_eq!(bilinear(&mask, (1, 2)), [0.5, 0.0]);
        assert_eq!(bilinear(&mask, (1, 8)), [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        let two = Mask { height: 2, width: 1, on: vec![false, true] };
        assert_eq!(bilinear(&two, (4, 1)), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(bilinear(&Mask { height: 2, width: 2, on: vec![true] }, (1, 1)), [0.0]);
    }

    #[test]
    fn where_masks_overlap_the_later_one_holds_and_a_concept_may_have_several() {
        let rows = |from: usize, to: usize| SubjectMasks::new(Mask::from_fn(8, 8, |y, _| (from..to).contains(&y)));
        let found = regions(2, &[0, 1, 0], &[rows(0, 4), rows(3, 6), rows(7, 8)]);
        let on = |mask: &Mask| (0..8).filter(|y| mask.on[y * 8]).collect::<Vec<_>>();
        assert_eq!((on(&found[0]), on(&found[1])), (vec![0, 1, 2, 7], vec![3, 4, 5]));
        assert!(regions(1, &[], &[])[0].is_empty());
    }

    #[test]
    fn tokens_are_raised_in_their_own_mask_and_others_may_not_change_them() {
        let concept = |tokens: &[usize]| MaskedConcept { adapter: Adapter::default(), tokens: tokens.to_vec() };
        let masked = Masked { concepts: vec![concept(&[1]), concept(&[3, 4])], positions: 6, seeks: false };
        let bias = crate::engine::pictures::host(masked.bias(&Device::flex()));
        assert_eq!(bias, [0.0, 1.0, 0.0, -1.0, -1.0, 0.0, 0.0, -1.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(masked.allowed(0), [1.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    }
}
