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
        let count = panels.len() / (depth * LANES);
        let width = count * LANES;
        let whole = a.run_stride == a.run;
        let (start, run, runs) = if whole { (first_k, depth, 1) } else { (first_k / a.run * a.run_stride, a.run, depth / a.run) };
        if a.rows == 0 || count == 0 || runs == 0 {
            return;
        }
        assert!(run * runs == depth, "a block of whole runs");
        assert!((a.rows - 1) * a.row_stride + start + (runs - 1) * a.run_stride + run <= a.values.len(), "the matrix is as large as it says");
        assert!(a.rows * width <= out.len(), "the product has room");
        for row in (0..a.rows).step_by(ROWS) {
            let a_rows = &a.values[row * a.row_stride + start..];
            for index in 0..count {
                let panel = &panels[index * depth * LANES..][..depth * LANES];
                let out = &mut out[row * width + index * LANES..];
                let block = Block { row_stride: a.row_stride, run, run_stride: a.run_stride, add, width };
                // SAFETY: the assertions above, and at most `rows - row` rows.
                unsafe {
                    match a.rows - row {
                        1 => tile::<FMA, 1>(a_rows, block, panel, out),
                        2 => tile::<FMA, 2>(a_rows, block, panel, out),
                        3 => tile::<FMA, 3>(a_rows, block, panel, out),
                        4 => tile::<FMA, 4>(a_rows, block, panel, out),
                        5 => tile::<FMA, 5>(a_rows, block, panel, out),
                        _ => tile::<FMA, ROWS>(a_rows, block, panel, out),
                    }
                }
            }
        }
    }
}

/// What [`tile`] knows of the product besides its slices.
#[derive(Clone, Copy)]
struct Block {
    row_stride: usize,
    run: usize,
    run_stride: usize,
    add: bool,
    /// Of a row of the output.
    width: usize,
}

/// `M` rows by [`LANES`] columns, held in registers while `k` runs. Without checks: a tile may be as short as 16 steps.
///
/// # Safety
/// `a` holds `M` rows of all the runs that `panel` has steps for, `panel` whole runs, and `out` `M` rows of `width`.
#[inline(always)]
unsafe fn tile<const FMA: bool, const M: usize>(a: &[f32], block: Block, panel: &[f32], out: &mut [f32]) {
    let mut sums = [[0.0f32; LANES]; M];
    let (columns, _) = panel.as_chunks::<LANES>();
    for (index, columns) in columns.chunks_exact(block.run).enumerate() {
        // SAFETY: the caller vouches for `a`.
        let weights: [*const f32; M] =
            std::array::from_fn(|i| unsafe { a.as_ptr().add(i * block.row_stride + index * block.run_stride) });
        for (k, column) in columns.iter().enumerate() {
            for (sums, weights) in sums.iter_mut().zip(&weights) {
                // SAFETY: `k` is less than the run.
                let weight = unsafe { *weights.add(k) };
                for lane in 0..LANES {
                    sums[lane] = fma::<FMA>(weight, column[lane], sums[lane]);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        // SAFETY: the caller vouches for `out`.
        let out = unsafe { &mut *out.as_mut_ptr().add(row * block.width).cast::<[f32; LANES]>() };
        if block.add {
            // Added up block by block, which rounds less than one long sum.
            for lane in 0..LANES {
                out[lane] += sums[lane];
            }
        } else {
            *out = *sums;
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
