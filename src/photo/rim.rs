//! A model's copy of a photo differs from the photo a little in its colours, and a patch of it would show as a seam. The
//! difference is known all around the patch, where nothing was changed: it is carried inwards, as evenly as a membrane that
//! is held at its rim, and added.

use super::soft::smooth;

/// From how far beyond what may change, in canvas pixels, a difference is the model's and no longer the subject's: what may
/// change is whole cells of the latent, and each reaches over its neighbours a little.
const BEGIN: f32 = 4.0;
/// From where it counts in full.
const FULL: f32 = 10.0;
/// A greater difference, 0 to 255, is no change of colour: something crosses the rim there.
const MOST: f32 = 48.0;
/// How often neighbouring values are averaged, which leaves what is finer than a few pixels, such as an outline, out of it.
const ROUNDS: usize = 3;
/// The half side of the squares that are averaged over.
const RADIUS: usize = 3;

/// A value and how sure it is.
type Known = [f32; 4];

/// What is to be added to a patch, 0 to 255 for red, green and blue, at every pixel of the canvas. `distances` are those to
/// what may change ([`super::soft::distances`]). Zeros where nothing is known of the photo around.
pub(super) fn difference(
    patch: &[[f32; 3]],
    photo: &[[f32; 3]],
    distances: &[f32],
    size: (usize, usize),
) -> Vec<[f32; 3]> {
    let known = patch.iter().zip(photo).zip(distances).map(|((patch, photo), distance)| {
        let apart = [photo[0] - patch[0], photo[1] - patch[1], photo[2] - patch[2]];
        // An infinite distance: nothing may change anywhere.
        let sure = smooth((distance.min(1e6) - BEGIN) / (FULL - BEGIN));
        let sure = if apart.iter().all(|value| value.abs() <= MOST) { sure } else { 0.0 };
        [apart[0] * sure, apart[1] * sure, apart[2] * sure, sure]
    });
    let mut known: Vec<Known> = known.collect();
    for _ in 0..ROUNDS {
        average(&mut known, size);
    }
    fill(known, size).into_iter().map(|[red, green, blue, _]| [red, green, blue]).collect()
}

/// Averages over squares, with how sure each value is as its weight: rows, then columns.
fn average(values: &mut [Known], (width, height): (usize, usize)) {
    for row in values.chunks_exact_mut(width.max(1)) {
        average_line(row);
    }
    let mut column = vec![[0.0; 4]; height];
    for x in 0..width {
        for (to, from) in column.iter_mut().zip(values[x..].iter().step_by(width)) {
            *to = *from;
        }
        average_line(&mut column);
        for (from, to) in column.iter().zip(values[x..].iter_mut().step_by(width)) {
            *to = *from;
        }
    }
}

fn average_line(line: &mut [Known]) {
    let old = line.to_vec();
    for (at, value) in line.iter_mut().enumerate() {
        let near = &old[at.saturating_sub(RADIUS)..(at + RADIUS + 1).min(old.len())];
        let sum = near.iter().fold([0.0; 4], add);
        *value = sum.map(|part| part / (2 * RADIUS + 1) as f32);
    }
}

fn add(sum: Known, value: &Known) -> Known {
    std::array::from_fn(|part| sum[part] + value[part])
}

/// Values everywhere out of those that are known: coarser and coarser grids are made of what is known until all is, and
/// what is not known on a grid is taken from the next coarser one ("pull, push").
fn fill(values: Vec<Known>, (width, height): (usize, usize)) -> Vec<Known> {
    // Values with their weights multiplied in, as they can be added.
    if width * height <= 1 || values.iter().all(|value| value[3] >= 1.0) {
        return values.iter().map(divided).collect();
    }
    let half = (width.div_ceil(2), height.div_ceil(2));
    let mut coarse = vec![[0.0; 4]; half.0 * half.1];
    for (at, value) in values.iter().enumerate() {
        let to = (at / width / 2) * half.0 + at % width / 2;
        coarse[to] = add(coarse[to], value);
    }
    for value in &mut coarse {
        // As sure as one value can be, and no surer.
        let most = value[3].max(1.0);
        *value = value.map(|part| part / most);
    }
    let coarse = fill(coarse, half);
    let between = |x: usize, y: usize| {
        // The middle of the fine pixel on the coarse grid.
        let place = |at: usize, count: usize| {
            let middle = ((at as f32 + 0.5) / 2.0 - 0.5).max(0.0);
            let first = (middle as usize).min(count - 1);
            (first, (first + 1).min(count - 1), middle - first as f32)
        };
        let ((left, right, across), (above, below, down)) = (place(x, half.0), place(y, half.1));
        let at = |x: usize, y: usize| coarse[y * half.0 + x];
        let mix = |a: Known, b: Known, share: f32| -> Known {
            std::array::from_fn(|part| a[part] * (1.0 - share) + b[part] * share)
        };
        mix(mix(at(left, above), at(right, above), across), mix(at(left, below), at(right, below), across), down)
    };
    let filled = values.iter().enumerate().map(|(at, value)| {
        let sure = value[3].min(1.0);
        let (own, other) = (divided(value), between(at % width, at / width));
        std::array::from_fn(|part| own[part] * sure + other[part] * (1.0 - sure))
    });
    filled.collect()
}

fn divided(value: &Known) -> Known {
    if value[3] > 0.0 { value.map(|part| part / value[3]) } else { [0.0; 4] }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;
    use crate::photo::soft::distances;

    const SIDE: u32 = 96;
    const SIZE: (usize, usize) = (SIDE as usize, SIDE as usize);

    /// A square in the middle that may change.
    fn middle() -> GrayImage {
        GrayImage::from_fn(SIDE, SIDE, |x, y| {
            Luma([if (32..64).contains(&x) && (32..64).contains(&y) { 255 } else { 0 }])
        })
    }

    fn photo() -> Vec<[f32; 3]> {
        (0..SIDE * SIDE)
            .map(|at| [(at % 64) as f32 + 60.0, (at / SIDE) as f32 + 40.0, (at * 7 % 90) as f32 + 50.0])
            .collect()
    }

    #[test]
    fn an_even_change_of_colour_is_undone_inside_where_something_else_stands_too() {
        let (photo, far) = (photo(), distances(&middle()));
        let patch: Vec<[f32; 3]> = photo
            .iter()
            .zip(&far)
            .map(|(photo, distance)| {
                let own = if *distance == 0.0 { [10.0, 200.0, 30.0] } else { *photo };
                [own[0] - 5.0, own[1] + 3.0, own[2] + 8.0]
            })
            .collect();
        for [red, green, blue] in difference(&patch, &photo, &far, SIZE) {
            assert!((red - 5.0).abs() < 0.01 && (green + 3.0).abs() < 0.01 && (blue + 8.0).abs() < 0.01);
        }
    }

    #[test]
    fn a_change_that_grows_across_the_picture_is_carried_through_what_may_change() {
        let (photo, far) = (photo(), distances(&middle()));
        let shift = |at: usize| (at % SIDE as usize) as f32 / 8.0;
        let patch: Vec<[f32; 3]> =
            photo.iter().enumerate().map(|(at, photo)| photo.map(|value| value - shift(at))).collect();
        for (at, [red, ..]) in difference(&patch, &photo, &far, SIZE).into_iter().enumerate() {
            let x = at % SIDE as usize;
            if (12..84).contains(&x) {
                assert!((red - shift(at)).abs() < 1.6, "at {x}: {red} for {}", shift(at));
            }
        }
    }

    #[test]
    fn what_crosses_the_rim_does_not_colour_the_patch_and_where_all_may_change_nothing_is_added() {
        let (photo, far) = (photo(), distances(&middle()));
        let mut patch = photo.clone();
        for row in 40..56 {
            for column in 60..96 {
                patch[row * SIZE.0 + column] = [255.0, 0.0, 255.0];
            }
        }
        let added = difference(&patch, &photo, &far, SIZE);
        assert!(added.iter().flatten().all(|value| value.abs() < 12.0));
        assert!(added[48 * SIZE.0 + 40].iter().all(|value| value.abs() < 2.0), "{:?}", added[48 * SIZE.0 + 40]);

        let all = distances(&GrayImage::from_pixel(SIDE, SIDE, Luma([255])));
        assert!(difference(&patch, &photo, &all, SIZE).iter().flatten().all(|value| *value == 0.0));
    }
}
