//! Of which cells a resized row's cells are made, and how much of each: for pictures and for grids of positions.

use crate::photo::curve::cubic;

/// A curve that says how much a cell counts, by its distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Straight to 0 at a distance of 1.
    Bilinear,
    /// Keys' cubic with a = -1/2, to 0 at a distance of 2.
    Bicubic,
}

impl Filter {
    /// Where it ends.
    fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn at(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic => cubic(x, -0.5),
        }
    }
}

/// What a cell is made of: cells of the input, with shares that add up to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// Index and share of each.
    pub of: Vec<(usize, f64)>,
}

/// Cell `index` of a row of `input` cells that is resized to `output`; where that makes it shorter, the filter is as much
/// wider, as Pillow and torch's antialiasing have it.
pub fn antialiased(filter: Filter, input: usize, output: usize, index: usize) -> Mixed {
    let scale = input as f64 / output.max(1) as f64;
    let wide = scale.max(1.0);
    let (center, reach) = ((index as f64 + 0.5) * scale, filter.reach() * wide);
    // Whole cells, rounded towards 0 as C does.
    let first = (center - reach + 0.5).max(0.0) as usize;
    let end = ((center + reach + 0.5) as usize).min(input);
    let share = |cell: usize| filter.at((cell as f64 - center + 0.5) / wide);
    let sum: f64 = (first..end).map(share).sum();
    let sum = if sum == 0.0 { 1.0 } else { sum };
    Mixed { of: (first..end).map(|cell| (cell, share(cell) / sum)).collect() }
}

/// Cell `index` of a resized row, one of whose cells is `step` of the input's wide: four cells about its place by Keys' cubic
/// with a = -3/4, and the last cell again beyond the end. So torch resizes where nobody asks for antialiasing.
pub fn plain(input: usize, step: f64, index: usize) -> Mixed {
    let place = step * (index as f64 + 0.5) - 0.5;
    let low = place.floor();
    let last = input.saturating_sub(1) as f64;
    let of = [-1.0, 0.0, 1.0, 2.0].map(|ahead: f64| {
        let cell = low + ahead;
        (cell.clamp(0.0, last) as usize, cubic((place - cell).abs(), -0.75))
    });
    Mixed { of: of.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(mixed: &Mixed, row: &[f64]) -> f64 {
        mixed.of.iter().map(|(cell, share)| row[*cell] * share).sum()
    }

    #[test]
    fn shares_add_up_to_one_and_a_row_of_the_same_size_stays_as_it_is() {
        let row: Vec<f64> = (0..7).map(|cell| f64::from(cell * cell)).collect();
        for (input, output) in [(7, 7), (7, 3), (7, 15), (1, 4), (7, 1)] {
            for index in 0..output {
                for filter in [Filter::Bilinear, Filter::Bicubic] {
                    let mixed = antialiased(filter, input, output, index);
                    let sum: f64 = mixed.of.iter().map(|(_, share)| share).sum();
                    assert!((sum - 1.0).abs() < 1e-12 && mixed.of.iter().all(|(cell, _)| *cell < input));
                    if input == output {
                        assert!((applied(&mixed, &row) - row[index]).abs() < 1e-12, "{filter:?} {index}");
                    }
                }
                let mixed = plain(input, input as f64 / output as f64, index);
                let sum: f64 = mixed.of.iter().map(|(_, share)| share).sum();
                assert!((sum - 1.0).abs() < 1e-12 && mixed.of.iter().all(|(cell, _)| *cell < input));
                if input == output {
                    assert!((applied(&mixed, &row) - row[index]).abs() < 1e-12, "{index}");
                }
            }
        }
    }
}
