//! Where figures are in a picture of the Plush World, whatever their colour: what the scene itself cannot be.
//!
//! Of a scene everything is known but where chance put it. So a pixel belongs to a figure where no such scene has its colour
//! at its height; connected pixels of some size are one figure. Two that touch by more than a tail are one, unless they stand
//! where two should, or are as large as two. A figure in the scene's own colour (a white one in the snow) is not seen. How often that errs is measured
//! in `tests.rs`.

use std::ops::Range;

use image::{GrayImage, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::plush::draw;
use crate::plush::scene::Setting;

/// Side of the drawn scenes and of the grid that figures are searched on, cells.
const SIDE: usize = 64;

/// Scenes that are drawn.
const SCENES: u64 = 24;

/// Steps of a colour channel.
const STEPS: usize = 32;

/// How far from every colour of a scene a figure's is, in steps.
const APART: i32 = 2;

/// Rows above and below whose colours a scene may have too, cells.
const ROWS: usize = 2;

/// The share of a scene's pixels at a height that a colour has at least to be the scene's: a single flower's hides nobody, and is
/// too small to be taken for a figure.
const RARE: f64 = 0.01;

/// The least that is a figure, as a share of the smallest mask.
const LEAST: f64 = 0.3;

/// From how much on a part that hangs together is two figures, as a share of the greatest mask.
const DOUBLE: f64 = 2.0;

/// From how much of a mask on a part counts as the figure that stands there.
const COVERED: f64 = 0.65;

/// From how much on a part that covers several masks is several figures, as a share of the greatest mask.
const JOINT: f64 = 1.25;

/// The colours that a scene has at each height.
pub struct Backdrop {
    /// For each row of cells, which colours are the scene's; none where nothing is known of it.
    rows: Vec<Vec<bool>>,
}

impl Backdrop {
    /// Of a scene. Of none, nothing is known, and no figure is found.
    pub fn of(setting: Option<Setting>) -> Self {
        let Some(setting) = setting else { return Self { rows: Vec::new() } };
        let mut own = vec![vec![0_u32; STEPS * STEPS * STEPS]; SIDE];
        for seed in 0..SCENES {
            let scene = setting.sample(&mut ChaCha8Rng::seed_from_u64(seed));
            let Ok(picture) = draw::empty(&scene, SIDE as u32) else { continue };
            for (_, y, pixel) in picture.enumerate_pixels() {
                let shadow = pixel.0.map(|value| (u32::from(value) * 185 / 255) as u8);
                for color in [pixel.0, shadow] {
                    own[y as usize][cell(color)] += 1;
                }
            }
        }
        let near = |row: usize| row.saturating_sub(ROWS)..=(row + ROWS).min(SIDE - 1);
        let rows = (0..SIDE).map(|row| {
            let mut all = vec![0_u32; STEPS * STEPS * STEPS];
            for other in near(row) {
                for (all, count) in all.iter_mut().zip(&own[other]) {
                    *all += count;
                }
            }
            let pixels = near(row).count() as f64 * SIDE as f64 * SCENES as f64;
            let all: Vec<bool> = all.iter().map(|count| f64::from(*count) > RARE * pixels).collect();
            widen(&all)
        });
        Self { rows: rows.collect() }
    }

    /// What pictures see of it that show only these rows of the scene, as shares of its height.
    #[must_use]
    pub fn through(self, rows: &Range<f64>) -> Self {
        if *rows == (0.0..1.0) || self.rows.is_empty() {
            return self;
        }
        let seen = |row: usize| {
            let at = rows.start + (rows.end - rows.start) * (row as f64 + 0.5) / SIDE as f64;
            // The cast saturates at 0.
            self.rows[((at * SIDE as f64) as usize).min(SIDE - 1)].clone()
        };
        Self { rows: (0..SIDE).map(seen).collect() }
    }

    fn has(&self, row: usize, color: [u8; 3]) -> bool {
        self.rows.get(row).is_none_or(|colors| colors[cell(color)])
    }
}

fn cell(color: [u8; 3]) -> usize {
    color.iter().fold(0, |cell, value| cell * STEPS + usize::from(*value) * STEPS / 256)
}

/// Every colour within [`APART`] of one of the set, channel by channel: a cube is quicker made than a ball.
fn widen(set: &[bool]) -> Vec<bool> {
    let mut wide = set.to_vec();
    for stride in [1, STEPS, STEPS * STEPS] {
        let before = wide.clone();
        for (at, is) in before.iter().enumerate().filter(|(_, is)| **is) {
            let place = (at / stride % STEPS) as i32;
            for step in (place - APART).max(0)..=(place + APART).min(STEPS as i32 - 1) {
                wide[(at as i32 + (step - place) * stride as i32) as usize] |= *is;
            }
        }
    }
    wide
}

/// A figure that is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which pixels of the picture are its, row by row.
    pub inside: Vec<bool>,
}

impl Figure {
    /// Intersection over union with a mask of the picture's size.
    pub fn overlap(&self, mask: &GrayImage) -> f64 {
        let (mut both, mut either) = (0_usize, 0_usize);
        for (is, value) in self.inside.iter().zip(mask.as_raw()) {
            both += usize::from(*is && *value > 127);
            either += usize::from(*is || *value > 127);
        }
        both as f64 / either.max(1) as f64
    }
}

/// The figures of a picture. `masks` say how large a figure is, and where what hangs together is several.
pub fn find(picture: &RgbImage, backdrop: &Backdrop, masks: &[GrayImage]) -> Vec<Figure> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let sizes = || masks.iter().map(|mask| mask.as_raw().iter().filter(|value| **value > 127).count());
    let (Some(least), Some(most)) = (sizes().min(), sizes().max()) else { return Vec::new() };
    let foreign = picture.enumerate_pixels().map(|(_, y, pixel)| !backdrop.has(y as usize * SIDE / height, pixel.0));
    // Lines and specks go, holes are closed.
    let reach = (width / 128).max(1);
    let foreign = grow(&shrink(&foreign.collect::<Vec<_>>(), width, reach), width, reach);
    let solid = closed(shrink(&grow(&foreign, width, 2 * reach), width, 2 * reach), width);
    // A tail that touches a neighbour makes no one figure of two: what is left without thin parts is told apart, and then gets
    // back what is near.
    let cores = parts(&shrink(&solid, width, 3 * reach), width);
    let mut free = solid.clone();
    let mut whole = |core: Vec<usize>| {
        let mut set = vec![false; solid.len()];
        core.into_iter().for_each(|at| set[at] = true);
        let grown = grow(&set, width, 4 * reach);
        let own: Vec<usize> = (0..grown.len()).filter(|at| grown[*at] && free[*at]).collect();
        own.iter().for_each(|at| free[*at] = false);
        own
    };
    let parts = cores.into_iter().map(&mut whole).filter(|part| part.len() as f64 >= LEAST * least as f64);
    parts.flat_map(|part| split(part, width, masks, most)).map(|part| filled(part, width, height)).collect()
}

/// The set with all that it surrounds.
fn closed(set: Vec<bool>, width: usize) -> Vec<bool> {
    let height = set.len() / width.max(1);
    let rim =
        |at: &usize| at.is_multiple_of(width) || at % width == width - 1 || at / width == 0 || at / width == height - 1;
    let not: Vec<bool> = set.iter().map(|is| !is).collect();
    let mut closed = set;
    for hole in parts(&not, width).into_iter().filter(|part| !part.iter().any(rim)) {
        hole.into_iter().for_each(|at| closed[at] = true);
    }
    closed
}

/// A part that covers most of several masks is as many figures, and one that is as large as two is two: cut where it is
/// narrowest between them, or about the middle of its width.
fn split(part: Vec<usize>, width: usize, masks: &[GrayImage], most: usize) -> Vec<Vec<usize>> {
    let mut columns = vec![0_usize; width];
    part.iter().for_each(|at| columns[at % width] += 1);
    let mut middles: Vec<usize> = masks.iter().filter_map(|mask| covered(&part, mask, width)).collect();
    middles.sort_unstable();
    middles.dedup();
    let times = |share: f64| part.len() as f64 >= share * most as f64;
    let spans: Vec<(usize, usize)> = if middles.len() > 1 && times(JOINT) {
        middles.windows(2).map(|pair| (pair[0], pair[1])).collect()
    } else if times(DOUBLE) {
        let used = || columns.iter().enumerate().filter(|(_, count)| **count > 0).map(|(x, _)| x);
        let (Some(left), Some(right)) = (used().min(), used().max()) else { return vec![part] };
        let third = (right - left) / 3;
        vec![(left + third, right - third)]
    } else {
        return vec![part];
    };
    let mut pieces = vec![Vec::new(); spans.len() + 1];
    let cuts = spans.iter().map(|(from, to)| (*from..=*to).min_by_key(|x| columns[*x]).unwrap_or(*from));
    let cuts: Vec<usize> = cuts.collect();
    part.into_iter().for_each(|at| pieces[cuts.iter().filter(|cut| at % width >= **cut).count()].push(at));
    pieces
}

/// The middle column of a mask that a part covers most of.
fn covered(part: &[usize], mask: &GrayImage, width: usize) -> Option<usize> {
    let mask = mask.as_raw();
    let inside: Vec<usize> = (0..mask.len()).filter(|at| mask[*at] > 127).collect();
    let both = part.iter().filter(|at| mask.get(**at).is_some_and(|value| *value > 127)).count();
    let middle = inside.iter().map(|at| at % width).sum::<usize>().checked_div(inside.len())?;
    (both as f64 >= COVERED * inside.len() as f64).then_some(middle)
}

fn filled(part: Vec<usize>, width: usize, height: usize) -> Figure {
    let mut inside = vec![false; width * height];
    part.into_iter().for_each(|at| inside[at] = true);
    Figure { inside }
}

/// Pixels whose whole square of `2 reach + 1` is in the set; what lies outside of the picture counts as in it.
fn shrink(set: &[bool], width: usize, reach: usize) -> Vec<bool> {
    let not: Vec<bool> = set.iter().map(|is| !is).collect();
    grow(&not, width, reach).into_iter().map(|is| !is).collect()
}

/// Pixels with one of the set in their square of `2 reach + 1`.
fn grow(set: &[bool], width: usize, reach: usize) -> Vec<bool> {
    let height = set.len() / width.max(1);
    let along = |set: &[bool], stride: usize, length: usize, place: &dyn Fn(usize) -> usize| {
        let mut grown = vec![false; set.len()];
        for at in (0..set.len()).filter(|at| set[*at]) {
            let here = place(at);
            for there in here.saturating_sub(reach)..=(here + reach).min(length - 1) {
                grown[at + there * stride - here * stride] = true;
            }
        }
        grown
    };
    let rows = along(set, 1, width, &|at| at % width);
    along(&rows, width, height, &|at| at / width)
}

/// The parts of a set that hang together by their sides, from the top on.
fn parts(set: &[bool], width: usize) -> Vec<Vec<usize>> {
    let (mut seen, mut parts) = (vec![false; set.len()], Vec::new());
    for start in 0..set.len() {
        if seen[start] || !set[start] {
            continue;
        }
        seen[start] = true;
        let (mut part, mut next) = (vec![start], 0);
        while let Some(&at) = part.get(next) {
            next += 1;
            let (x, last) = (at % width, set.len() / width - 1);
            let sides = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then(|| at + 1),
                (at >= width).then(|| at - width),
                (at / width < last).then(|| at + width),
            ];
            for side in sides.into_iter().flatten() {
                if set[side] && !seen[side] {
                    seen[side] = true;
                    part.push(side);
                }
            }
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_scene_has_the_colours_of_its_own_rows() {
        let setting = Some(Setting::ALL[0]);
        let whole = Backdrop::of(setting);
        let lower = Backdrop::of(setting).through(&(0.5..1.0));
        assert!((0..SIDE).all(|row| lower.rows[row] == whole.rows[SIDE / 2 + row / 2]));
        assert!(lower.rows != whole.rows && Backdrop::of(setting).through(&(0.0..1.0)).rows == whole.rows);
        assert!(Backdrop::of(None).through(&(0.5..1.0)).rows.is_empty(), "of no scene nothing is known");
    }
}
