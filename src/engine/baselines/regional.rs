//! Regionally controlled sampling (Mix-of-Show, arXiv 2305.18292, after the authors' pipeline): one pass whose prompt
//! describes the whole picture; where boxes are, cross-attention looks at their prompts in its place:
//!
//! ```text
//! no box covers p:  h(p) = softmax(q K_gᵀ / √d) V_g
//! else:             h(p) = 1 / c(p) · Σ_{boxes r over p} softmax(q K_rᵀ / √d) V_r
//! ```
//!
//! In all cross-attention layers, in all steps, in both halves of guidance, before the output projection. A box is its
//! subject's mask's; on a grid of H rows it has the rows from ceil(top · H) up to floor(bottom · H), the sides being
//! fractions of the picture, columns alike, so that a thin one may have none on a coarse grid, as in the release.
//!
//! The prompts stand side by side in the keys and values (`Context::beside`): first the picture's, then one a concept.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};

use crate::engine::inject::HALVES;
use crate::engine::kernels;
use crate::engine::masks::{Mask, grid_sizes};
use crate::engine::nets::layers::upload;
use crate::engine::nets::tap::{Kind, Mixed, Site};
use crate::engine::refine::SubjectMasks;

/// Prompts of their own inside boxes.
#[derive(Clone, Debug)]
pub struct Regional {
    /// How many prompts there are beside the picture's: one a concept.
    pub regions: usize,
}

impl Regional {
    /// The tap for masks `[picture][subject]`; `owners` says whose each subject is.
    pub fn tap(&self, owners: &[usize], masks: &[Vec<SubjectMasks>], device: &Device) -> RegionalTap {
        let latent = masks.first().and_then(|picture| picture.first()).map(|subject| subject.combined.latent().size());
        let mut grids = HashMap::new();
        for size in latent.map(grid_sizes).into_iter().flatten() {
            let each: Vec<Vec<Vec<f32>>> = masks.iter().map(|picture| self.shares(owners, picture, size)).collect();
            let of = |prompt: usize| {
                let values: Vec<f32> = each.iter().flat_map(|picture| picture[prompt].iter().copied()).collect();
                // A prompt that is looked at nowhere costs nothing.
                values
                    .iter()
                    .any(|share| *share > 0.0)
                    .then(|| upload(values, [masks.len(), size.0 * size.1, 1], device).repeat_dim(0, HALVES))
            };
            grids.insert(size.0 * size.1, (0..=self.regions).map(of).collect());
        }
        RegionalTap { prompts: self.regions + 1, grids }
    }

    /// How much of each prompt's attention every cell of a grid takes; the shares of a cell add up to 1.
    fn shares(&self, owners: &[usize], subjects: &[SubjectMasks], size: (usize, usize)) -> Vec<Vec<f32>> {
        let mut shares = vec![vec![0.0; size.0 * size.1]; self.regions + 1];
        let mut covered = vec![0.0; size.0 * size.1];
        for (&owner, subject) in owners.iter().zip(subjects) {
            let cells = boxed(subject.combined.latent(), size);
            for (cell, _) in cells.on.iter().enumerate().filter(|(_, on)| **on) {
                shares[owner + 1][cell] += 1.0;
                covered[cell] += 1.0;
            }
        }
        for (cell, &count) in covered.iter().enumerate() {
            if count == 0.0 {
                shares[0][cell] = 1.0;
            } else {
                shares.iter_mut().for_each(|share| share[cell] /= count);
            }
        }
        shares
    }
}

/// The cells of a grid that a mask's box has.
fn boxed(mask: &Mask, to: (usize, usize)) -> Mask {
    let on = mask.bounding_rectangle();
    let cells = on.on.iter().enumerate().filter(|(_, on)| **on).map(|(cell, _)| (cell / on.width, cell % on.width));
    let (mut rows, mut columns) = ((usize::MAX, 0), (usize::MAX, 0));
    for (row, column) in cells {
        rows = (rows.0.min(row), rows.1.max(row + 1));
        columns = (columns.0.min(column), columns.1.max(column + 1));
    }
    // From ceil(from · size) up to floor(to · size), `from` and `to` being fractions of the mask's side.
    let within = |(from, to): (usize, usize), of: usize, size: usize| {
        let from = if from == usize::MAX { size } else { (from * size).div_ceil(of) };
        from..to * size / of.max(1)
    };
    let (rows, columns) = (within(rows, mask.height, to.0), within(columns, mask.width, to.1));
    Mask::from_fn(to.0, to.1, |row, column| rows.contains(&row) && columns.contains(&column))
}

/// [`Regional`] where the boxes are known.
pub struct RegionalTap {
    prompts: usize,
    /// By the number of cells: for each prompt its share of every cell, `[rows, cells, 1]`; None where it has none at all.
    grids: HashMap<usize, Vec<Option<Tensor<3>>>>,
}

impl RegionalTap {
    /// Cross-attention to each prompt by itself, put together by the boxes. See [`crate::engine::nets::tap::Tap::mix`].
    pub fn mix(&self, site: Site, heads: usize, of: &Mixed) -> Option<Tensor<3>> {
        if site.kind != Kind::Cross {
            return None;
        }
        let tokens = of.keys.dims()[1] / self.prompts;
        let attended = |prompt: usize| {
            let own = |t: &Tensor<3>| t.clone().narrow(1, prompt * tokens, tokens);
            kernels::attention(of.queries.clone(), own(&of.keys), own(&of.values), heads)
        };
        let Some(shares) = self.grids.get(&of.queries.dims()[1]) else { return Some(attended(0)) };
        let parts = shares.iter().enumerate();
        let parts = parts.filter_map(|(prompt, share)| Some(attended(prompt) * share.clone()?));
        parts.reduce(|sum, part| sum + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nets::tap::Block;
    use crate::engine::noise;
    use crate::engine::pictures::host;

    const SITE: Site = Site { block: Block::Mid, attention: 0, kind: Kind::Cross };

    fn subject(rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> SubjectMasks {
        SubjectMasks::new(Mask::from_fn(16, 16, |y, x| rows.contains(&y) && columns.contains(&x)))
    }

    #[test]
    fn a_box_has_the_cells_that_lie_wholly_in_it() {
        let on = |mask: &Mask| (0..mask.on.len()).filter(|cell| mask.on[*cell]).collect::<Vec<_>>();
        let mask = Mask::from_fn(16, 16, |y, x| (3..9).contains(&y) && (0..16).contains(&x) && (y + x) % 2 == 0);
        // Rows 3 to 8 of 16: of 8, ceil(1.5) = 2 up to floor(4.5) = 4; of 4, ceil(0.75) = 1 up to floor(2.25) = 2.
        assert_eq!(on(&boxed(&mask, (8, 8))), (16..32).collect::<Vec<_>>());
        assert_eq!(on(&boxed(&mask, (4, 4))), (4..8).collect::<Vec<_>>());
        assert!(boxed(&mask, (2, 2)).is_empty(), "too thin for so coarse a grid");
        assert!(boxed(&Mask::empty(16, 16), (8, 8)).is_empty());
    }

    #[test]
    fn shares_of_a_cell_add_up_to_one_and_boxes_share_what_they_both_cover() {
        let regional = Regional { regions: 2 };
        let subjects = [subject(0..8, 0..16), subject(4..12, 0..16), subject(4..12, 0..8)];
        let shares = regional.shares(&[0, 1, 1], &subjects, (16, 16));
        let at = |y: usize, x: usize| [0, 1, 2].map(|prompt| shares[prompt][y * 16 + x]);
        assert_eq!(at(0, 0), [0.0, 1.0, 0.0]);
        assert_eq!(at(5, 12), [0.0, 0.5, 0.5]);
        let third = 1.0 / 3.0;
        assert_eq!(at(5, 3), [0.0, third, 2.0 * third]);
        assert_eq!(at(15, 3), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn cells_see_their_box_s_prompt_alone_and_the_others_the_picture_s() {
        let device = Device::flex();
        let random = |seed, tokens| {
            let values: Tensor<4> = noise::seeded(&[seed, seed + 1], [1, tokens, 8], &device);
            values.reshape([2, tokens, 8])
        };
        // A picture's prompt and one box's, of three tokens each, on a grid of 16 x 16.
        let of = Mixed { queries: random(1, 256), keys: random(3, 6), values: random(5, 6) };
        let tap = Regional { regions: 1 }.tap(&[0], &[vec![subject(0..8, 0..16)]], &device);
        let mixed = host(tap.mix(SITE, 2, &of).unwrap());
        let alone = |prompt: usize| {
            let own = |t: &Tensor<3>| t.clone().narrow(1, prompt * 3, 3);
            host(kernels::attention(of.queries.clone(), own(&of.keys), own(&of.values), 2))
        };
        let (picture, own) = (alone(0), alone(1));
        for (index, value) in mixed.iter().enumerate() {
            let cell = index / 8 % 256;
            let expected = if cell < 128 { own[index] } else { picture[index] };
            assert!((value - expected).abs() < 1e-6, "cell {cell}");
        }
        // One box over everything: its prompt alone. Self-attention stays as it is.
        let tap = Regional { regions: 1 }.tap(&[0], &[vec![subject(0..16, 0..16)]], &device);
        let whole = host(tap.mix(SITE, 2, &of).unwrap());
        assert!(whole.iter().zip(&own).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!(tap.mix(Site { kind: Kind::Own, ..SITE }, 2, &of).is_none());
    }
}
