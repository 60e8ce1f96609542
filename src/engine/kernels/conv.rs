//! Convolution on the host: the picture is padded once, then packed tile by tile and multiplied by the weights.
//!
//! The gradient of the input is the same computation: a convolution of the output's gradient, spread out by the
//! stride, with the weights read the other way round.

use std::ops::Range;

use rayon::prelude::*;

use super::product::{LANES, Matrix, Shared, multiply};
use super::simd::vectorised;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Pictures.
    pub rows: usize,
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Height and width in.
    pub input: [usize; 2],
    /// Side of the kernel.
    pub kernel: usize,
    /// Step from one output pixel to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
}

impl Geometry {
    /// Height and width out.
    pub fn output(&self) -> [usize; 2] {
        self.input.map(|size| (size + 2 * self.padding - self.kernel) / self.stride + 1)
    }
}

/// Pictures with a border of zeros.
struct Padded {
    values: Vec<f32>,
    channels: usize,
    size: [usize; 2],
}

impl Padded {
    /// Lays `[rows, channels, h, w]` into pictures of `size`, `spread` apart, from `border` on.
    fn new(
        x: &[f32],
        planes: usize,
        channels: usize,
        [h, w]: [usize; 2],
        size: [usize; 2],
        border: usize,
        spread: usize,
    ) -> Self {
        let mut values = vec![0.0; planes * size[0] * size[1]];
        if h * w > 0 {
            values.par_chunks_exact_mut(size[0] * size[1]).with_min_len(8).zip(x.par_chunks_exact(h * w)).for_each(
                |(to, from)| {
                    for (y, line) in from.chunks_exact(w).enumerate() {
                        let to = &mut to[(y * spread + border) * size[1] + border..];
                        if spread == 1 {
                            to[..w].copy_from_slice(line);
                        } else {
                            to.iter_mut().step_by(spread).zip(line).for_each(|(to, from)| *to = *from);
                        }
                    }
                },
            );
        }
        Self { values, channels, size }
    }
}

/// What is multiplied: the padded pictures, weights `[out][channel][tap]`, each tap's shift, the output's size.
struct Plan<'a> {
    padded: Padded,
    weights: Matrix<'a>,
    /// Where each tap reads, in elements of a padded picture.
    taps: Vec<usize>,
    stride: usize,
    rows: usize,
    output: [usize; 2],
    bias: Option<&'a [f32]>,
}

/// `y = x ∗ w + b`.
///
/// # Shapes
/// `x` `[rows, in, h, w]`, `weight` `[out, in, kernel, kernel]`, `bias` `[out]`; returns `[rows, out, h', w']`.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32], g: Geometry) -> Vec<f32> {
    let [inputs, outputs] = g.channels;
    let size = g.input.map(|size| size + 2 * g.padding);
    let depth = inputs * g.kernel * g.kernel;
    Plan {
        padded: Padded::new(x, g.rows * inputs, inputs, g.input, size, g.padding, 1),
        weights: Matrix::rows_of(weight, outputs, depth, depth),
        taps: (0..g.kernel * g.kernel).map(|tap| tap / g.kernel * size[1] + tap % g.kernel).collect(),
        stride: g.stride,
        rows: g.rows,
        output: g.output(),
        bias: Some(bias),
    }
    .run()
}

/// The gradient of [`forward`]'s `x` from that of its result, `[rows, out, h', w']`.
pub fn backward(grad: &[f32], weight: &[f32], g: Geometry) -> Vec<f32> {
    let [inputs, outputs] = g.channels;
    let area = g.kernel * g.kernel;
    // `Kernels` takes no padding wider than the kernel.
    let border = g.kernel - 1 - g.padding;
    let size = g.input.map(|size| size + g.kernel - 1);
    // Read in place, each run of weights is one kernel long; where many pixels meet them, longer runs repay a copy.
    let turned = (area == 1 || g.rows * g.input[0] * g.input[1] >= 256).then(|| turn(weight, g));
    let weights = match &turned {
        Some(turned) => Matrix::rows_of(turned, inputs, outputs * area, outputs * area),
        None => Matrix { values: weight, rows: inputs, row_stride: area, run: area, run_stride: inputs * area },
    };
    Plan {
        padded: Padded::new(grad, g.rows * outputs, outputs, g.output(), size, border, g.stride),
        weights,
        taps: (0..area).rev().map(|tap| tap / g.kernel * size[1] + tap % g.kernel).collect(),
        stride: 1,
        rows: g.rows,
        output: g.input,
        bias: None,
    }
    .run()
}

/// `[out][in][tap]` to `[in][out][tap]`.
fn turn(weight: &[f32], g: Geometry) -> Vec<f32> {
    let ([inputs, outputs], area) = (g.channels, g.kernel * g.kernel);
    let mut turned = vec![0.0; weight.len()];
    turned.par_chunks_exact_mut(outputs * area).with_min_len(8).enumerate().for_each(|(input, line)| {
        for (output, to) in line.chunks_exact_mut(area).enumerate() {
            let from = (output * inputs + input) * area;
            to.copy_from_slice(&weight[from..from + area]);
        }
    });
    turned
}

/// `k` is cut into blocks of about this many, so that a group of panels stays in the second-level cache.
const DEPTH: usize = 512;
/// Panels of a group.
const GROUP: usize = 8;

impl Plan<'_> {
    fn run(&self) -> Vec<f32> {
        let outputs = self.weights.rows;
        let pixels = self.rows * self.output[0] * self.output[1];
        let mut out = vec![0.0; pixels * outputs];
        let tiles = pixels.div_ceil(LANES);
        let wanted = 4 * rayon::current_num_threads();
        let group = (tiles / wanted).clamp(1, GROUP);
        let groups = tiles.div_ceil(group);
        // Where there are few pixels, the output channels are shared out too.
        let shares = (wanted / groups).clamp(1, outputs.div_ceil(12));
        let share = outputs.div_ceil(shares);
        let shared = Shared::new(&mut out);
        // So many pixels of a tile lie in one line of the picture.
        let piece = match self.output[1] {
            width if self.stride > 2 || !width.is_multiple_of(4) => 1,
            width if width.is_multiple_of(16) => 16,
            width if width.is_multiple_of(8) => 8,
            _ => 4,
        };
        (0..groups * shares).into_par_iter().for_each(|task| {
            let tiles = task / shares * group..(task / shares * group + group).min(tiles);
            let channels = task % shares * share..(task % shares * share + share).min(outputs);
            self.task(tiles, channels, piece, shared);
        });
        out
    }

    /// Some tiles of some output channels.
    fn task(&self, tiles: Range<usize>, channels: Range<usize>, piece: usize, out: Shared) {
        if channels.is_empty() || tiles.is_empty() {
            return;
        }
        let area = self.taps.len();
        let block = (DEPTH / area).clamp(1, self.padded.channels);
        let width = tiles.len() * LANES;
        let mut panels = vec![0.0; width * block * area];
        let mut sums = vec![0.0; width * channels.len()];
        let rows = Matrix {
            values: &self.weights.values[channels.start * self.weights.row_stride..],
            rows: channels.len(),
            ..self.weights
        };
        for first in (0..self.padded.channels).step_by(block) {
            let depth = block.min(self.padded.channels - first) * area;
            let panels = &mut panels[..width * depth];
            for (tile, panel) in tiles.clone().zip(panels.chunks_exact_mut(depth * LANES)) {
                self.pack(tile, first, piece, panel);
            }
            multiply(rows, first * area, depth, panels, first > 0, &mut sums);
        }
        self.store(tiles, channels, &sums, width, out);
    }

    /// Packs one tile of `channels` from `first` on: `[channel][tap][LANES]`.
    fn pack(&self, tile: usize, first: usize, size: usize, panel: &mut [f32]) {
        let ([height, width], stride) = (self.output, self.stride);
        let pixels = self.rows * height * width;
        let plane = self.padded.size[0] * self.padded.size[1];
        let mut starts = [0usize; LANES];
        for (piece, start) in starts[..LANES / size].iter_mut().enumerate() {
            // Lanes past the last pixel repeat it; nobody stores them.
            let pixel = (tile * LANES + piece * size).min(pixels - size);
            let (row, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
            *start = (row * self.padded.channels + first) * plane + y * stride * self.padded.size[1] + x * stride;
        }
        let values = &self.padded.values[..];
        gather(values, plane, &self.taps, &starts, size, stride, panel);
    }

    fn store(&self, tiles: Range<usize>, channels: Range<usize>, sums: &[f32], width: usize, out: Shared) {
        let area = self.output[0] * self.output[1];
        let (first, last) = (tiles.start * LANES, (tiles.end * LANES).min(self.rows * area));
        let mut line = vec![0.0; width];
        for (channel, sums) in channels.zip(sums.chunks_exact(width)) {
            let bias = self.bias.map_or(0.0, |bias| bias[channel]);
            line.iter_mut().zip(sums).for_each(|(to, from)| *to = from + bias);
            let mut pixel = first;
            while pixel < last {
                let end = last.min((pixel / area + 1) * area);
                let at = (pixel / area * self.weights.rows + channel) * area + pixel % area;
                // SAFETY: `out` lives until all tasks are done, and each has its own pixels and channels.
                unsafe { out.write(at, &line[pixel - first..end - first]) };
                pixel = end;
            }
        }
    }
}

vectorised! {
    /// Copies what each tap of each channel reads, `piece` pixels of a line at a time: `[channel][tap][LANES]`.
    fn gather(values: &[f32], plane: usize, taps: &[usize], starts: &[usize; LANES], piece: usize, stride: usize, panel: &mut [f32]) {
        match (piece, stride) {
            (16, 1) => pieces::<16, 1>(values, plane, taps, starts, panel),
            (8, 1) => pieces::<8, 1>(values, plane, taps, starts, panel),
            (4, 1) => pieces::<4, 1>(values, plane, taps, starts, panel),
            (16, 2) => pieces::<16, 2>(values, plane, taps, starts, panel),
            (8, 2) => pieces::<8, 2>(values, plane, taps, starts, panel),
            (4, 2) => pieces::<4, 2>(values, plane, taps, starts, panel),
            _ => pieces::<1, 1>(values, plane, taps, starts, panel),
        }
    }
}

#[inline(always)]
fn pieces<const R: usize, const S: usize>(
    values: &[f32],
    plane: usize,
    taps: &[usize],
    starts: &[usize; LANES],
    panel: &mut [f32],
) {
    let (lines, _) = panel.as_chunks_mut::<LANES>();
    let channels = lines.len() / taps.len();
    let starts = &starts[..LANES / R];
    let largest = |all: &[usize]| all.iter().copied().max().unwrap_or(0);
    let end = largest(starts) + channels.saturating_sub(1) * plane + largest(taps) + (R - 1) * S;
    assert!(end < values.len(), "a convolution reads past its padded picture");
    for (channel, lines) in lines.chunks_exact_mut(taps.len()).enumerate() {
        for (line, tap) in lines.iter_mut().zip(taps) {
            for (to, start) in line.as_chunks_mut::<R>().0.iter_mut().zip(starts) {
                let at = start + channel * plane + tap;
                for (lane, to) in to.iter_mut().enumerate() {
                    // SAFETY: no index is larger than `end`, which was checked.
                    *to = unsafe { *values.get_unchecked(at + lane * S) };
                }
            }
        }
    }
}
