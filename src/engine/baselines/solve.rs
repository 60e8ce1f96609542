//! The least change of a linear layer that gives what is wanted on some inputs: Custom Diffusion's constrained merge (arXiv
//! 2212.04488, eq. 4), in closed form and in double precision on the host.
//!
//! ```text
//! min_Δ ‖S Δ‖   subject to   A Δ = Y
//! ```
//!
//! S are inputs on which the layer shall stay as it is, A those on which Y is to be added to its outputs; rows are inputs. With
//! C = Sᵀ S = L Lᵀ the solution is `Δ = C⁻¹ Aᵀ (A C⁻¹ Aᵀ)⁻¹ Y`, whose rank is that of A, so that it is kept as two factors. They
//! are found from an orthonormal basis Q of the rows of `A L⁻ᵀ = R Q`: `Δ = (L⁻ᵀ Qᵀ) (R⁻¹ Y)`, which squares nothing once more.

/// What keeps C regular where the inputs to be kept do not reach every direction: this share of its diagonal's mean.
const RIDGE: f64 = 1e-8;
/// A row of A that the rows before it give up to this share of its length can ask for nothing of its own.
const OWN: f64 = 1e-6;
/// What it gets instead may differ from what is wanted by this share.
const SAME: f64 = 0.05;

/// Inputs on which nothing shall change, as what the least change is measured by.
pub struct Kept {
    width: usize,
    /// L, row by row; what is above the diagonal is 0.
    lower: Vec<f64>,
}

/// A change of a layer, as two factors.
pub struct Change {
    /// `[in, rank]`
    pub down: Vec<f32>,
    /// `[rank, out]`
    pub up: Vec<f32>,
    /// How many rows of what was wanted could be told apart.
    pub rank: usize,
    /// For each row, whether it gets what was wanted: one that the rows before it give cannot be told apart from them, and
    /// gets what they want of it.
    pub met: Vec<bool>,
}

impl Kept {
    /// How many numbers an input has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Of inputs, row after row of so many numbers. Numbers that are none, and no inputs at all, count as inputs of no direction.
    pub fn new(inputs: &[f32], width: usize) -> Self {
        let mut squares = vec![0.0; width * width];
        for row in inputs.chunks_exact(width.max(1)).filter(|row| row.iter().all(|value| value.is_finite())) {
            for (at, &one) in row.iter().enumerate() {
                let line = &mut squares[at * width..=at * width + at];
                line.iter_mut().zip(row).for_each(|(sum, &other)| *sum += f64::from(one) * f64::from(other));
            }
        }
        let trace: f64 = (0..width).map(|at| squares[at * width + at]).sum();
        // Of no inputs at all every change is as small as any other.
        let ridge = if trace > 0.0 { RIDGE * trace / width as f64 } else { 1.0 };
        (0..width).for_each(|at| squares[at * width + at] += ridge);
        Self { width, lower: lower_factor(squares, width, ridge) }
    }

    /// The least change that adds `wanted` (rows of `output` numbers) on `inputs` (as many rows of this one's width).
    pub fn least_change(&self, inputs: &[f32], wanted: &[f32], output: usize) -> Change {
        let (mut basis, mut used): (Vec<Vec<f64>>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
        let mut met = Vec::new();
        // R⁻¹ Y, found row by row as R is.
        let mut up: Vec<Vec<f64>> = Vec::new();
        for (input, added) in inputs.chunks_exact(self.width.max(1)).zip(wanted.chunks_exact(output.max(1))) {
            let mut row: Vec<f64> = input.iter().map(|&value| f64::from(value)).collect();
            self.forwards(&mut row);
            let whole = length(&row);
            let mut shares = vec![0.0; basis.len()];
            // Twice: the first time leaves rounding of a long row's length.
            for _ in 0..2 {
                for (share, known) in shares.iter_mut().zip(&basis) {
                    let along = product(&row, known);
                    *share += along;
                    row.iter_mut().zip(known).for_each(|(value, known)| *value -= along * known);
                }
            }
            let mut rest: Vec<f64> = added.iter().map(|&value| f64::from(value)).collect();
            let wanted = length(&rest);
            for (share, known) in shares.iter().zip(&up) {
                rest.iter_mut().zip(known).for_each(|(value, known)| *value -= share * known);
            }
            let own = length(&row);
            // Written so that what is no number does not count.
            let counts = own > OWN * whole && own.is_finite() && basis.len() < self.width;
            met.push(counts || length(&rest) <= SAME * wanted);
            if !counts {
                continue;
            }
            row.iter_mut().for_each(|value| *value /= own);
            rest.iter_mut().for_each(|value| *value /= own);
            up.push(rest);
            let mut column = row.clone();
            self.backwards(&mut column);
            used.push(column);
            basis.push(row);
        }
        let rank = basis.len();
        let down = (0..self.width).flat_map(|at| used.iter().map(move |column| column[at] as f32)).collect();
        let up = up.into_iter().flatten().map(|value| value as f32).collect();
        Change { down, up, rank, met }
    }

    /// `L⁻¹ x`, in place.
    fn forwards(&self, x: &mut [f64]) {
        for at in 0..self.width {
            let line = &self.lower[at * self.width..=at * self.width + at];
            x[at] = (x[at] - product(&line[..at], &x[..at])) / line[at];
        }
    }

    /// `L⁻ᵀ x`, in place.
    fn backwards(&self, x: &mut [f64]) {
        for at in (0..self.width).rev() {
            let line = &self.lower[at * self.width..=at * self.width + at];
            x[at] /= line[at];
            let found = x[at];
            x[..at].iter_mut().zip(line).for_each(|(value, factor)| *value -= found * factor);
        }
    }
}

/// L of a matrix's lower half. What rounding has brought below `least` on the diagonal counts as that.
fn lower_factor(mut squares: Vec<f64>, width: usize, least: f64) -> Vec<f64> {
    for row in 0..width {
        let (before, own) = squares.split_at_mut(row * width);
        for column in 0..row {
            let line = &before[column * width..=column * width + column];
            own[column] = (own[column] - product(&line[..column], &own[..column])) / line[column];
        }
        let rest = own[row] - product(&own[..row], &own[..row]);
        own[row] = rest.max(least).sqrt();
    }
    squares
}

fn product(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn length(row: &[f64]) -> f64 {
    product(row, row).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize, of: impl Fn(f64, f64) -> f64) -> Vec<f32> {
        let at = |index: usize| of((index / columns + 1) as f64, (index % columns + 1) as f64) as f32;
        (0..rows * columns).map(at).collect()
    }

    /// `[rows, inner]` times `[inner, columns]`.
    fn times(one: &[f32], other: &[f32], inner: usize, columns: usize) -> Vec<f64> {
        let rows = one.len() / inner;
        let cell = |row: usize, column: usize| -> f64 {
            (0..inner).map(|at| f64::from(one[row * inner + at]) * f64::from(other[at * columns + column])).sum()
        };
        (0..rows * columns).map(|index| cell(index / columns, index % columns)).collect()
    }

    /// The change as one matrix, `[in, out]`.
    fn whole(change: &Change, output: usize) -> Vec<f32> {
        times(&change.down, &change.up, change.rank, output).into_iter().map(|value| value as f32).collect()
    }

    fn example() -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let kept = matrix(20, 6, |row, column| (0.37 * row * row * (column + 1.0)).sin());
        (
            kept,
            matrix(3, 6, |row, column| (0.9 * row * column).cos()),
            matrix(3, 4, |row, out| (1.3 * row + 0.7 * out).sin()),
        )
    }

    /// The example's change, `[6, 4]`: eq. 4's closed form in torch 2.6, which its system of the conditions of a minimum gives too.
    const TORCH: [f64; 24] = [
        0.617618, 0.848998, 0.681081, 0.19284, -0.249967, 0.173708, 0.515686, 0.615129, -0.194851, -0.007856, 0.182834,
        0.287534, -0.054759, 0.301311, 0.51567, 0.487501, 0.01035, 0.53762, 0.812039, 0.704543, 0.386807, 0.497139,
        0.373659, 0.074441,
    ];

    #[test]
    fn the_change_is_the_one_that_torch_finds() {
        let (kept, inputs, wanted) = example();
        let found = whole(&Kept::new(&kept, 6).least_change(&inputs, &wanted, 4), 4);
        for (index, (found, expected)) in found.iter().zip(TORCH).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 2e-5, "{index}: {found}, torch {expected}");
        }
    }

    #[test]
    fn what_is_wanted_is_met_and_no_other_change_that_meets_it_is_smaller() {
        let (kept, inputs, wanted) = example();
        let change = Kept::new(&kept, 6).least_change(&inputs, &wanted, 4);
        assert_eq!((change.rank, change.met.as_slice()), (3, &[true; 3][..]));
        let least = whole(&change, 4);
        for (met, wanted) in times(&inputs, &least, 6, 4).iter().zip(&wanted) {
            assert!((met - f64::from(*wanted)).abs() < 1e-5, "{met}, wanted {wanted}");
        }
        let cost = |change: &[f32]| times(&kept, change, 6, 4).iter().map(|value| value * value).sum::<f64>();
        // Anything that is nothing on the inputs: what is left of a matrix beside their rows.
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for input in inputs.chunks_exact(6) {
            let mut row: Vec<f64> = input.iter().map(|value| f64::from(*value)).collect();
            for known in &rows {
                let along = product(&row, known);
                row.iter_mut().zip(known).for_each(|(value, known)| *value -= along * known);
            }
            let long = length(&row);
            rows.push(row.iter().map(|value| value / long).collect());
        }
        for turn in 1..6 {
            let mut other = matrix(6, 4, |row, out| (f64::from(turn) * row + 2.1 * out * row).sin());
            for known in &rows {
                for out in 0..4 {
                    let along: f64 = (0..6).map(|at| f64::from(other[at * 4 + out]) * known[at]).sum();
                    (0..6).for_each(|at| other[at * 4 + out] -= (along * known[at]) as f32);
                }
            }
            assert!(times(&inputs, &other, 6, 4).iter().all(|value| value.abs() < 1e-5), "it keeps what is wanted");
            for share in [-1.0, -0.01, 0.01, 1.0] {
                let moved: Vec<f32> = least.iter().zip(&other).map(|(one, other)| one + share * other).collect();
                assert!(cost(&moved) > cost(&least), "{share} of {turn}: {} of {}", cost(&moved), cost(&least));
            }
        }
    }

    #[test]
    fn a_row_that_is_there_twice_counts_once_and_odd_numbers_do_no_harm() {
        let (kept, inputs, wanted) = example();
        let first = Kept::new(&kept, 6).least_change(&inputs[..6], &wanted[..4], 4);
        let twice = [&inputs[..6], &inputs[..6]].concat();
        let again = Kept::new(&kept, 6).least_change(&twice, &[&wanted[..4], &wanted[4..8]].concat(), 4);
        assert_eq!((again.met.as_slice(), again.rank), (&[true, false][..], 1));
        let same = Kept::new(&kept, 6).least_change(&twice, &[&wanted[..4], &wanted[..4]].concat(), 4);
        assert_eq!((same.met.as_slice(), same.rank), (&[true, true][..], 1));
        assert_eq!((first.down, first.up), (again.down, again.up));
        // More rows than directions: what is over says nothing.
        let many = matrix(9, 6, |row, column| (row * column).sin());
        let full = Kept::new(&kept, 6).least_change(&many, &matrix(9, 4, |row, _| row), 4);
        assert!(full.rank <= 6 && full.met.len() == 9);
        let odd = Kept::new(&[f32::NAN; 6], 6).least_change(&[f32::NAN; 6], &wanted[..4], 4);
        assert_eq!((odd.rank, odd.met.as_slice()), (0, &[false][..]));
        let nothing = Kept::new(&[], 6).least_change(&[], &[], 4);
        assert_eq!((nothing.rank, nothing.down.len()), (0, 0));
        // Without anything to keep, the least change is the shortest.
        let short = whole(&Kept::new(&[], 6).least_change(&inputs[..6], &wanted[..4], 4), 4);
        let squares: f64 = inputs[..6].iter().map(|value| f64::from(value * value)).sum();
        let expected = |index: usize| f64::from(inputs[index / 4] * wanted[index % 4]) / squares;
        assert!(short.iter().enumerate().all(|(index, value)| (f64::from(*value) - expected(index)).abs() < 1e-5));
    }
}
