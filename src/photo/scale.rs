//! Numbers on one grid brought to another: to the photo's pixels and back, in whatever depth these have.

use super::curve::cubic;

/// What one number of the new grid is made of: the first of the old ones that count, and how much each does.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

/// How the old numbers count, by their distance.
#[derive(Clone, Copy)]
pub(super) enum Filter {
    /// Straight between neighbours: nothing beyond them, for masks.
    Linear,
    /// Catmull and Rom's curve, for pictures: as sharp as the old grid allows.
    Curved,
}

impl Filter {
    /// How far it reaches.
    fn reach(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Curved => 2.0,
        }
    }

    fn at(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Linear => (1.0 - x).max(0.0),
            Self::Curved => cubic(x, -0.5),
        }
    }
}

/// The shares of every new number. Where the grid becomes coarser, the filter is wider: everything counts.
fn shares(from: usize, to: usize, filter: Filter) -> Vec<Share> {
    let step = from as f64 / to as f64;
    let wide = step.max(1.0);
    let share = |at: usize| {
        let middle = (at as f64 + 0.5) * step;
        let reach = filter.reach() * wide;
        // Casts saturate at 0.
        let first = (middle - reach).floor().max(0.0) as usize;
        let end = ((middle + reach).ceil() as usize).clamp(first + 1, from.max(first + 1));
        let weights: Vec<f64> = (first..end).map(|old| filter.at((old as f64 + 0.5 - middle) / wide)).collect();
        let sum: f64 = weights.iter().sum();
        Share { first, weights: weights.into_iter().map(|weight| (weight / sum) as f32).collect() }
    };
    (0..to).map(share).collect()
}

/// Numbers on their way to another grid, whose rows are made one by one: a photo's crop may have many.
pub(super) struct Scaled<const N: usize> {
    /// Of the new width and the old height.
    wide: Vec<[f32; N]>,
    width: usize,
    down: Vec<Share>,
}

impl<const N: usize> Scaled<N> {
    /// From numbers row by row, `from` (width, height) to `to`. Both have at least one.
    pub fn new(values: &[[f32; N]], from: (usize, usize), to: (usize, usize), filter: Filter) -> Self {
        let across = shares(from.0, to.0, filter);
        let row = |row: &[[f32; N]]| -> Vec<[f32; N]> {
            across.iter().map(|share| mix(share.weights.iter().zip(&row[share.first..]))).collect()
        };
        Self {
            wide: values.chunks_exact(from.0).flat_map(row).collect(),
            width: to.0,
            down: shares(from.1, to.1, filter),
        }
    }

    /// A row of the new grid, from above.
    pub fn row(&self, row: usize) -> impl Iterator<Item = [f32; N]> {
        let share = &self.down[row];
        let column = |x: usize| {
            mix(share.weights.iter().zip(self.wide[share.first * self.width + x..].iter().step_by(self.width)))
        };
        (0..self.width).map(column)
    }
}

fn mix<'a, const N: usize>(parts: impl Iterator<Item = (&'a f32, &'a [f32; N])>) -> [f32; N] {
    parts.fold([0.0; N], |mut sum, (weight, value)| {
        for (sum, value) in sum.iter_mut().zip(value) {
            *sum += weight * value;
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale<const N: usize>(
        values: &[[f32; N]],
        from: (usize, usize),
        to: (usize, usize),
        filter: Filter,
    ) -> Vec<[f32; N]> {
        let scaled = Scaled::new(values, from, to, filter);
        (0..to.1).flat_map(|row| scaled.row(row).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn the_same_size_is_the_same_numbers_and_one_value_stays_itself() {
        let values: Vec<[f32; 1]> = (0..35).map(|at| [(at * 7 % 11) as f32]).collect();
        for filter in [Filter::Linear, Filter::Curved] {
            assert_eq!(scale(&values, (7, 5), (7, 5), filter), values);
            for to in [(1, 1), (3, 9), (100, 2), (64, 64)] {
                let flat = scale(&vec![[0.25f32, 7.0]; 35], (7, 5), to, filter);
                assert_eq!(flat.len(), to.0 * to.1);
                assert!(flat.iter().all(|[a, b]| (a - 0.25).abs() < 1e-6 && (b - 7.0).abs() < 1e-4));
            }
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_and_a_coarser_grid_has_the_mean() {
        let ramp: Vec<[f32; 1]> = (0..64).map(|at| [at as f32]).collect();
        let fine = scale(&ramp, (64, 1), (256, 1), Filter::Curved);
        for (at, [value]) in fine.iter().enumerate().take(240).skip(16) {
            assert!((value - ((at as f32 + 0.5) / 4.0 - 0.5)).abs() < 1e-3, "{at}: {value}");
        }
        let coarse = scale(&ramp, (64, 1), (2, 1), Filter::Linear);
        let mean = (coarse[0][0] + coarse[1][0]) / 2.0;
        assert!((mean - 31.5).abs() < 0.01, "{mean}");
    }
}
