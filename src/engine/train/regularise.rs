//! Attention regularisation: a word's cross-attention shall stay inside the subject's mask (Mix-of-Show, as the authors'
//! trainer has it).

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use crate::engine::concept::Adapter;
use crate::engine::nets::layers::{Linear, upload};
use crate::engine::nets::tap::{Kind, Layer, Look, Piece, Site, Tap};

/// Adds what is learnt to the UNet's linear layers, and keeps the attention to the two words where that is wanted.
pub struct Learning<'a> {
    adapter: &'a Adapter,
    /// For each row of the batch the positions of its two words in the prompt; none where attention is not looked at.
    positions: Option<&'a [[usize; 2]]>,
    /// By the number of queries: the sum over heads and layers, `[rows, queries, 2]`, and how many were added.
    maps: BTreeMap<usize, (Tensor<3>, usize)>,
}

impl<'a> Learning<'a> {
    /// A pass that looks at attention where `positions` are given.
    pub fn new(adapter: &'a Adapter, positions: Option<&'a [[usize; 2]]>) -> Self {
        Self { adapter, positions, maps: BTreeMap::new() }
    }

    /// The mean attention to the two words on each grid: `[rows, queries, 2]` by the number of queries.
    pub fn maps(self) -> Vec<(usize, Tensor<3>)> {
        self.maps.into_iter().map(|(queries, (sum, count))| (queries, sum / count as f64)).collect()
    }
}

impl Tap for Learning<'_> {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let plain = output.clone();
        self.adapter.linear(layer).iter().fold(output, |sum, term| sum + term.of(of, input, &plain))
    }

    fn wants_probs(&self, site: Site) -> Look {
        if self.positions.is_some() && site.kind == Kind::Cross { Look::Whole } else { Look::Away }
    }

    fn probs(&mut self, _: Site, Piece { probs, .. }: &Piece) {
        let Some(positions) = self.positions else { return };
        let [_, heads, queries, _] = probs.dims();
        let column = |row: usize, position: usize| probs.clone().narrow(0, row, 1).narrow(3, position, 1);
        let pair = |(row, at): (usize, &[usize; 2])| Tensor::cat(vec![column(row, at[0]), column(row, at[1])], 3);
        let both: Tensor<4> = Tensor::cat(positions.iter().enumerate().map(pair).collect(), 0);
        let sum = both.sum_dim(1).reshape([positions.len(), queries, 2]);
        let entry = self.maps.remove(&queries);
        let entry = entry.map_or((sum.clone(), heads), |(before, count)| (before + sum, count + heads));
        self.maps.insert(queries, entry);
    }
}

/// The regularisation of maps under masks, without its weight: for each grid, each word's map divided by its maximum; of the
/// first word the mean outside the mask, of the second likewise, or with `full_identity` its mean square distance from the
/// mask. Summed over the grids.
///
/// # Shapes
/// `maps` `[rows, queries, 2]` by the number of queries; `masks` one a row, `height · width` cells each, 0..1.
pub fn loss(
    maps: Vec<(usize, Tensor<3>)>,
    masks: &[Vec<f32>],
    [height, width]: [usize; 2],
    full_identity: bool,
    device: &Device,
) -> Option<Tensor<1>> {
    let mut total: Option<Tensor<1>> = None;
    for (queries, maps) in maps {
        let [rows, ..] = maps.dims();
        // The grid's cells are squares of the latent's.
        let side = ((height * width) as f64 / queries as f64).sqrt().round().max(1.0) as usize;
        let grid = [height.div_ceil(side), width.div_ceil(side)];
        if grid[0] * grid[1] != queries || masks.len() != rows {
            continue;
        }
        let small: Vec<f32> = masks.iter().flat_map(|mask| nearest(mask, [height, width], grid)).collect();
        let outside: Vec<f32> = small.iter().map(|value| if *value == 0.0 { 1.0 } else { 0.0 }).collect();
        let count: f32 = outside.iter().sum();
        let outside = upload(outside, [rows, queries, 1], device);
        let word = |index: usize| {
            let map = maps.clone().narrow(2, index, 1);
            let most = map.clone().max().reshape([1, 1, 1]);
            map / most
        };
        // A mask that fills everything leaves nothing outside.
        let leak = |map: Tensor<3>| (map * outside.clone()).sum() / f64::from(count.max(1.0));
        let second = if full_identity {
            (word(1) - upload(small, [rows, queries, 1], device)).square().mean()
        } else {
            leak(word(1))
        };
        let both = leak(word(0)) + second;
        total = Some(total.map_or(both.clone(), |total| total + both));
    }
    total
}

/// A mask on another grid: the cell at the corner of each of its own, as PyTorch's nearest interpolation takes it.
fn nearest(mask: &[f32], [height, width]: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let cell = |row: usize, column: usize| mask[row * height / rows * width + column * width / columns];
    (0..rows).flat_map(|row| (0..columns).map(move |column| cell(row, column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pictures::host;

    #[test]
    fn attention_outside_the_mask_costs_and_inside_does_not() {
        let device = Device::flex();
        // A grid of 2 x 2 under a mask of 4 x 4 whose left half is the subject.
        let mask: Vec<f32> = (0..16).map(|cell| if cell % 4 < 2 { 1.0 } else { 0.0 }).collect();
        let of = |first: [f32; 4], second: [f32; 4], full| {
            let values = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]).collect();
            let maps = vec![(4, upload(values, [1, 4, 2], &device))];
            host(loss(maps, std::slice::from_ref(&mask), [4, 4], full, &device).expect("a loss"))[0]
        };
        assert_eq!(of([0.2, 0.0, 0.1, 0.0], [0.1, 0.0, 0.1, 0.0], false), 0.0);
        // Divided by the greatest: 0.5 and 0 outside for the first word, 1 and 0.5 for the second.
        assert!((of([0.2, 0.1, 0.1, 0.0], [0.1, 0.4, 0.0, 0.2], false) - (0.25 + 0.75)).abs() < 1e-6);
        // With the full identity the second's map is compared with the mask: 0.75², 1, 1, 0.5² over four cells.
        let wanted = 0.25 + (0.75f32.powi(2) + 1.0 + 1.0 + 0.25) / 4.0;
        assert!((of([0.2, 0.1, 0.1, 0.0], [0.1, 0.4, 0.0, 0.2], true) - wanted).abs() < 1e-6);
        let all = vec![1.0; 16];
        let maps = vec![(4, upload(vec![0.5; 8], [1, 4, 2], &device))];
        let found = host(loss(maps, std::slice::from_ref(&all), [4, 4], false, &device).expect("a loss"))[0];
        assert_eq!(found, 0.0, "nothing is outside");
    }
}
