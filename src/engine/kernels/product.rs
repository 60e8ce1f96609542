//! A matrix product over panels: the core of convolution and attention.
//!
//! `C = A B`: `A` `[m, k]` lies in memory as it comes (weights, tokens); `B` `[k, n]` is packed by the caller into
//! panels of [`LANES`] columns, so that an im2col matrix or a table of attention scores never exists as a whole.

use super::simd::{fma, vectorised};

/// Columns of a panel.
pub const LANES: usize = 16;
/// Rows of `A` that one pass over a panel serves: as many sums as fit into 16 vector registers.
const ROWS: usize = 6;

/// How `A` lies in memory: element `(row, k)` is at `row · row_stride + (k / run) · run_stride + k % run`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The values.
    pub values: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// From one row to the next.
    pub row_stride: usize,
    /// How many neighbours along `k` are adjacent in memory.
    pub run: usize,
    /// From one run to the next.
    pub run_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of adjacent values.
    pub fn rows_of(values: &'a [f32], rows: usize, row_stride: usize, depth: usize) -> Self {
        Self { values, rows, row_stride, run: depth, run_stride: depth }
    }
}

vectorised! {
    /// `out (+)= A[.., first_k ..] · panels`; `add` keeps what `out` holds.
    ///
    /// # Shapes
    /// `panels` `[panel][depth][LANES]`, `out` `[row][panel][LANES]`.
    /// `first_k` and `depth` are multiples of `a.run`, unless a row is one run.
    pub fn multiply(a: Matrix<'_>, first_k: usize, depth: usize, panels: &[f32], add: bool, out: &mut [f32]) {
        let width = panels.len() / depth;
        for row in (0..a.rows).step_by(ROWS) {
            for (index, panel) in panels.chunks_exact(depth * LANES).enumerate() {
                let out = &mut out[row * width + index * LANES..];
                let from = (row, first_k, depth);
                match a.rows - row {
                    1 => tile::<FMA, 1>(a, from, panel, add, out, width),
                    2 => tile::<FMA, 2>(a, from, panel, add, out, width),
                    3 => tile::<FMA, 3>(a, from, panel, add, out, width),
                    4 => tile::<FMA, 4>(a, from, panel, add, out, width),
                    5 => tile::<FMA, 5>(a, from, panel, add, out, width),
                    _ => tile::<FMA, ROWS>(a, from, panel, add, out, width),
                }
            }
        }
    }
}

/// `M` rows by [`LANES`] columns, held in registers while `k` runs.
#[inline(always)]
fn tile<const FMA: bool, const M: usize>(
    a: Matrix<'_>,
    (row, first_k, depth): (usize, usize, usize),
    panel: &[f32],
    add: bool,
    out: &mut [f32],
    width: usize,
) {
    let mut sums = [[0.0f32; LANES]; M];
    let (panel, _) = panel.as_chunks::<LANES>();
    let whole = a.run_stride == a.run;
    let run = if whole { depth } else { a.run };
    for (index, columns) in panel.chunks_exact(run).enumerate() {
        let start = if whole { first_k } else { (first_k / run + index) * a.run_stride };
        let weights: [&[f32]; M] = std::array::from_fn(|i| &a.values[(row + i) * a.row_stride + start..][..run]);
        for (k, column) in columns.iter().enumerate() {
            for (sums, weights) in sums.iter_mut().zip(&weights) {
                // SAFETY: every slice of weights has `run` elements, and so has `columns`.
                let weight = unsafe { *weights.get_unchecked(k) };
                for lane in 0..LANES {
                    sums[lane] = fma::<FMA>(weight, column[lane], sums[lane]);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let out = &mut out[row * width..row * width + LANES];
        if add {
            // Added up block by block, which rounds less than one long sum.
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
        } else {
            out.copy_from_slice(sums);
        }
    }
}

/// A buffer that several threads write to at once, each its own elements.
#[derive(Clone, Copy)]
pub struct Shared(*mut f32, usize);

// SAFETY: the pointer is only written through, by `Shared::write`, whose callers write disjoint elements.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// Shares a buffer, which must outlive all writes.
    pub fn new(values: &mut [f32]) -> Self {
        Self(values.as_mut_ptr(), values.len())
    }

    /// Writes `values` at `start`.
    ///
    /// # Safety
    /// The buffer is alive, and no other thread touches these elements.
    pub unsafe fn write(self, start: usize, values: &[f32]) {
        assert!(start + values.len() <= self.1, "a kernel wrote past its output");
        // SAFETY: the range lies in the buffer; the caller vouches for the rest.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.0.add(start), values.len()) }
    }
}
