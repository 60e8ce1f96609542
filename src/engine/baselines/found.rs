//! Where each concept would be, from one look at a picture that is half made: FreeFuse's own masks (arXiv 2510.23515, after the
//! authors' script for SDXL). Pure numbers of one picture on the host.
//!
//! 1. How much every cell heeds a concept's words, against the others' (`N s_i − Σ s_j`); a tenth of all cells, the most, are
//!    surely the concept's.
//! 2. How alike every cell is to those: the mean of `⟨h_q, h_p⟩ / τ` over them, h being what self-attention gives; a softmax
//!    over the cells makes the concepts' scores comparable.
//! 3. The greatest score of a cell wins it, in [`ROUNDS`] rounds in which whoever has too many cells is held back, neighbours
//!    pull each other along, and cells far from a concept's middle are let go of. The masks tile the picture.
//!
//! τ and the weights of the third step are fitted to SDXL's numbers at its own size. A score of another model is brought to
//! that scale: τ goes by the channels, and scores by the number of cells, of which a softmax's shares are parts.

use std::cmp::Ordering;

use crate::engine::masks::Mask;

/// Which share of the cells is surely a concept's.
const SURE: f32 = 0.1;
/// τ for each channel: the script's 1000 at SDXL's width.
const TEMPERATURE: f32 = 0.781_25;
/// Cells of the grid that the script looks at.
const CELLS: f32 = 1024.0;
/// Rounds of balancing.
const ROUNDS: i32 = 15;
/// How far a concept with too many cells is held back in the first round, as a share of the scores' range.
const HELD_BACK: f32 = 0.01;
/// What of that is left from round to round.
const CALMING: f32 = 0.95;
/// The least range of scores that goes into that.
const LEAST_RANGE: f32 = 1e-4;
/// At most this many ranges a concept is held back.
const MOST_HELD: f32 = 10.0;
/// What of a cell's shares the round before has said.
const MEMORY: f32 = 0.2;
/// How much the neighbours' shares count.
const NEIGHBOURS: f32 = 0.000_03;
/// How much the squared distance from a concept's middle counts.
const DISTANCE: f32 = 0.000_03;
/// How much longer a way across is than one down: figures are tall.
const ACROSS: f32 = 1.3;

/// The masks of all concepts on a grid (height, width). `heeded[i]` is how much each cell heeds concept i's words; None of one
/// that is not in the prompt, whose mask is empty. `features` are what self-attention gives, cell after cell, equally many
/// numbers each.
pub fn masks(heeded: &[Option<Vec<f32>>], features: &[f32], grid: (usize, usize)) -> Vec<Mask> {
    let cells = grid.0 * grid.1;
    let known: Vec<usize> = (0..heeded.len()).filter(|&concept| heeded[concept].is_some()).collect();
    let each: Vec<&[f32]> = known.iter().filter_map(|&concept| heeded[concept].as_deref()).collect();
    let mut masks = vec![Mask::empty(grid.0, grid.1); heeded.len()];
    let whole = cells > 0 && features.len().is_multiple_of(cells) && each.iter().all(|heeded| heeded.len() == cells);
    if each.is_empty() || !whole {
        return masks;
    }
    let scores = scores(&each, features, cells);
    for (cell, winner) in balanced(&scores, grid).into_iter().enumerate() {
        masks[known[winner]].on[cell] = true;
    }
    masks
}

/// The score of every cell for every concept, on SDXL's scale.
fn scores(heeded: &[&[f32]], features: &[f32], cells: usize) -> Vec<Vec<f32>> {
    let width = features.len() / cells;
    let count = heeded.len() as f32;
    let sure = ((cells as f32 * SURE) as usize).max(1);
    let score = |own: usize| {
        let against = |cell: usize| {
            let others = heeded.iter().enumerate().filter(|(other, _)| *other != own).map(|(_, heeded)| heeded[cell]);
            others.fold(heeded[own][cell] * count, |rest, other| rest - other)
        };
        let contrast: Vec<f32> = (0..cells).map(against).collect();
        let mut order: Vec<usize> = (0..cells).collect();
        order.sort_by(|&one, &other| contrast[other].total_cmp(&contrast[one]));
        let mut middle = vec![0.0; width];
        for &cell in &order[..sure] {
            let own = &features[cell * width..(cell + 1) * width];
            middle.iter_mut().zip(own).for_each(|(sum, value)| *sum += value / sure as f32);
        }
        let alike = |cell: usize| -> f32 {
            let here = &features[cell * width..(cell + 1) * width];
            here.iter().zip(&middle).map(|(one, other)| one * other).sum()
        };
        let temperature = TEMPERATURE * width.max(1) as f32;
        let alike: Vec<f32> = (0..cells).map(|cell| alike(cell) / temperature).collect();
        let most = alike.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let raised: Vec<f32> = alike.iter().map(|value| (value - most).exp()).collect();
        let all: f32 = raised.iter().sum();
        raised.iter().map(|value| value / all * (cells as f32 / CELLS)).collect()
    };
    (0..heeded.len()).map(score).collect()
}

/// What a concept claims while the cells are balanced.
struct Claim<'a> {
    /// Its scores, one a cell.
    scores: &'a [f32],
    /// Its scores as they are now.
    now: Vec<f32>,
    /// How much of each cell it has, 0 to 1.
    shares: Vec<f32>,
    /// By how much it is held back.
    held: f32,
}

impl<'a> Claim<'a> {
    fn new(scores: &'a [f32]) -> Self {
        let (least, most) = range(scores);
        let shares = scores.iter().map(|score| between(*score, least, most)).collect();
        Self { scores, now: scores.to_vec(), shares, held: 0.0 }
    }
}

/// Which concept wins each cell of a grid, so that all have about equally many.
fn balanced(scores: &[Vec<f32>], grid: (usize, usize)) -> Vec<usize> {
    let cells = grid.0 * grid.1;
    let (least, most) = range(scores.iter().flatten());
    let whole = (most - least).max(LEAST_RANGE);
    let at = |cell: usize| (along(cell / grid.1, grid.0), ACROSS * along(cell % grid.1, grid.1));
    let mut claims: Vec<Claim<'_>> = scores.iter().map(|own| Claim::new(own)).collect();
    for round in 0..ROUNDS {
        let mut counts = vec![0usize; claims.len()];
        for cell in 0..cells {
            let here: Vec<f32> = claims.iter().map(|claim| claim.now[cell] - claim.held).collect();
            let (least, most) = range(&here);
            for (claim, value) in claims.iter_mut().zip(&here) {
                claim.shares[cell] = (1.0 - MEMORY) * between(*value, least, most) + MEMORY * claim.shares[cell];
            }
            counts[greatest(&here)] += 1;
        }
        let step = HELD_BACK * whole * CALMING.powi(round);
        for (claim, count) in claims.iter_mut().zip(&counts) {
            claim.held += match (count * scores.len()).cmp(&cells) {
                Ordering::Greater => step,
                Ordering::Equal => 0.0,
                Ordering::Less => -step,
            };
            claim.held = claim.held.clamp(-MOST_HELD * whole, MOST_HELD * whole);
            let middle = middle(&claim.shares, at);
            for (cell, (now, score)) in claim.now.iter_mut().zip(claim.scores).enumerate() {
                let (y, x) = at(cell);
                let far = (y - middle.0).powi(2) + (x - middle.1).powi(2);
                *now = score - claim.held + NEIGHBOURS * around(&claim.shares, cell, grid) - DISTANCE * far;
            }
        }
    }
    let winner = |cell: usize| greatest(&claims.iter().map(|claim| claim.now[cell]).collect::<Vec<_>>());
    (0..cells).map(winner).collect()
}

/// -1 to 1 along a side of so many cells, as torch's `linspace` has it.
fn along(index: usize, of: usize) -> f32 {
    if of < 2 { -1.0 } else { 2.0 * index as f32 / (of - 1) as f32 - 1.0 }
}

/// Where the middle of a concept's shares is.
fn middle(shares: &[f32], at: impl Fn(usize) -> (f32, f32)) -> (f32, f32) {
    let (mut all, mut y, mut x) = (1e-6, 0.0, 0.0);
    for (cell, share) in shares.iter().enumerate() {
        let place = at(cell);
        (all, y, x) = (all + share, y + share * place.0, x + share * place.1);
    }
    (y / all, x / all)
}

/// The mean of the eight cells around one; beyond the border there is nothing.
fn around(shares: &[f32], cell: usize, (height, width): (usize, usize)) -> f32 {
    let (row, column) = (cell / width, cell % width);
    let mut sum = 0.0;
    for y in row.saturating_sub(1)..(row + 2).min(height) {
        for x in column.saturating_sub(1)..(column + 2).min(width) {
            if (y, x) != (row, column) {
                sum += shares[y * width + x];
            }
        }
    }
    sum / 8.0
}

fn range<'a>(values: impl IntoIterator<Item = &'a f32>) -> (f32, f32) {
    let values = values.into_iter();
    values.fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &value| (least.min(value), most.max(value)))
}

/// 0 to 1 between the least and the most.
fn between(value: f32, least: f32, most: f32) -> f32 {
    (value - least) / (most - least + 1e-8)
}

/// The place of the greatest; the first of equal ones.
fn greatest(values: &[f32]) -> usize {
    let better = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
    (0..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: (usize, usize) = (6, 8);

    fn heeded(token: usize) -> Vec<f32> {
        let of = |cell: usize| 0.2 + 0.1 * (0.31 * (cell + 1) as f64 * (token + 1) as f64 + 1.1 * token as f64).sin();
        (0..48).map(|cell| of(cell) as f32).collect()
    }

    fn features() -> Vec<f32> {
        let of = |cell: usize, channel: f64| {
            let wave = (0.23 * (cell + 1) as f64 * channel * 0.5).sin();
            (wave + 0.3 * (0.9 * (cell / GRID.1) as f64 * channel).cos()) as f32
        };
        (0..48).flat_map(|cell| (1..9).map(move |channel| of(cell, f64::from(channel)))).collect()
    }

    fn mean(one: &[f32], other: &[f32]) -> Vec<f32> {
        one.iter().zip(other).map(|(one, other)| (one + other) / 2.0).collect()
    }

    /// Who has each cell, written out.
    fn owners(masks: &[Mask]) -> String {
        (0..48)
            .map(|cell| masks.iter().position(|mask| mask.on[cell]).map_or('-', |owner| (b'0' + owner as u8) as char))
            .collect()
    }

    /// What the authors' code gives on the same numbers (torch 2.6, with τ and the scores on this scale).
    #[test]
    fn scores_and_masks_are_those_of_the_authors_code() {
        let two = [heeded(0), mean(&heeded(1), &heeded(2))];
        let found = scores(&[&two[0], &two[1]], &features(), 48);
        for (own, expected) in found.iter().zip([
            [10.0555, 10.7356, 11.5372, 12.0291, 11.7125, 10.5828],
            [8.6601, 8.5757, 8.9705, 9.4416, 9.4343, 8.8421],
        ]) {
            for (value, expected) in own.iter().zip(expected) {
                assert!((value * 1e4 - expected).abs() < 2e-3, "{value}, torch {expected}e-4");
            }
        }
        let found = masks(&two.map(Some), &features(), GRID);
        assert_eq!(owners(&found), "000000011111111100000000000111111111111100000001");
        let three = masks(&[0, 1, 3].map(|token| Some(heeded(token))), &features(), GRID);
        assert_eq!(owners(&three), "110000111111122201111000000111112222222200000002");
    }

    #[test]
    fn masks_tile_the_picture_and_whoever_is_not_called_has_none() {
        let found = masks(&[Some(heeded(0)), None, Some(heeded(3))], &features(), GRID);
        assert!(found[1].is_empty());
        assert!((0..48).all(|cell| found[0].on[cell] != found[2].on[cell]));
        let alone = masks(&[Some(heeded(0))], &features(), GRID);
        assert!(alone[0].on.iter().all(|&on| on), "one alone has all of it");
        // Halves of a picture that differ in everything.
        let side = |left: bool| (0..48).map(|cell| f32::from(u8::from((cell % 8 < 4) == left))).collect::<Vec<f32>>();
        let features: Vec<f32> = (0..48).flat_map(|cell| if cell % 8 < 4 { [3.0, 0.0] } else { [0.0, 3.0] }).collect();
        let found = masks(&[Some(side(false)), Some(side(true))], &features, GRID);
        assert_eq!(owners(&found), "11110000".repeat(6));
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_harms_nobody() {
        let odd = masks(&[Some(vec![f32::NAN; 48]), Some(heeded(1))], &[f32::NAN; 96], GRID);
        assert!((0..48).all(|cell| odd[0].on[cell] != odd[1].on[cell]));
        for found in [
            masks(&[], &[], GRID),
            masks(&[Some(vec![0.0; 3])], &features(), GRID),
            masks(&[Some(heeded(0))], &[1.0; 7], GRID),
            masks(&[Some(Vec::new())], &[], (0, 0)),
        ] {
            assert!(found.iter().all(Mask::is_empty));
        }
        assert!(masks(&[None, None], &features(), GRID).iter().all(Mask::is_empty));
    }
}
