//! Convolution on the host: the picture is padded once, then packed tile by tile and multiplied by the weights.
//!
//! The gradient of the input is the same computation: a convolution of the output's gradient, spread out by the
//! stride, with the weights read the other way round.

use rayon::prelude::*;

use super::product::{LANES, Matrix, Shared, multiply};

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
    // A kernel wider than its padding by two never occurs here, a padding wider than the kernel neither.
    let border = g.kernel - 1 - g.padding;
    let size = g.input.map(|size| size + g.kernel - 1);
    Plan {
        padded: Padded::new(grad, g.rows * outputs, outputs, g.output(), size, border, g.stride),
        weights: Matrix { values: weight, rows: inputs, row_stride: area, run: area, run_stride: inputs * area },
        taps: (0..area).rev().map(|tap| tap / g.kernel * size[1] + tap % g.kernel).collect(),
        stride: 1,
        rows: g.rows,
        output: g.input,
        bias: None,
    }
    .run()
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
        let width = self.output[1];
        (0..groups * shares).into_par_iter().for_each(|task| {
            let tiles = task / shares * group..(task / shares * group + group).min(tiles);
            let channels = task % shares * share..(task % shares * share + share).min(outputs);
            match (width % 16, width % 8, width % 4, self.stride) {
                (0, _, _, 1) => self.task::<16, 1>(tiles, channels, shared),
                (_, 0, _, 1) => self.task::<8, 1>(tiles, channels, shared),
                (_, _, 0, 1) => self.task::<4, 1>(tiles, channels, shared),
                (0, _, _, 2) => self.task::<16, 2>(tiles, channels, shared),
                (_, 0, _, 2) => self.task::<8, 2>(tiles, channels, shared),
                (_, _, 0, 2) => self.task::<4, 2>(tiles, channels, shared),
                _ => self.task::<1, 0>(tiles, channels, shared),
            }
        });
        out
    }

    /// Some tiles of some output channels. `R` pixels of a tile lie in one line; the stride is `S`, or any if that is 0.
    fn task<const R: usize, const S: usize>(
        &self,
        tiles: std::ops::Range<usize>,
        channels: std::ops::Range<usize>,
        out: Shared,
    ) {
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
                self.pack::<R, S>(tile, first, panel);
            }
            multiply(rows, first * area, depth, panels, first > 0, &mut sums);
        }
        self.store(tiles, channels, &sums, width, out);
    }

    /// Packs one tile of `channels` from `first` on: `[channel][tap][LANES]`.
    fn pack<const R: usize, const S: usize>(&self, tile: usize, first: usize, panel: &mut [f32]) {
        let ([height, width], stride) = (self.output, if S == 0 { self.stride } else { S });
        let pixels = self.rows * height * width;
        let plane = self.padded.size[0] * self.padded.size[1];
        let mut starts = [0usize; LANES];
        for (piece, start) in starts[..LANES / R].iter_mut().enumerate() {
            // Lanes past the last pixel repeat it; nobody stores them.
            let pixel = (tile * LANES + piece * R).min(pixels - R);
            let (row, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
            *start = (row * self.padded.channels + first) * plane + y * stride * self.padded.size[1] + x * stride;
        }
        let (lines, _) = panel.as_chunks_mut::<LANES>();
        for (channel, lines) in lines.chunks_exact_mut(self.taps.len()).enumerate() {
            for (line, tap) in lines.iter_mut().zip(&self.taps) {
                for (to, start) in line.chunks_exact_mut(R).zip(&starts) {
                    let from = &self.padded.values[start + channel * plane + tap..][..(R - 1) * stride + 1];
                    for lane in 0..R {
                        to[lane] = from[lane * stride];
                    }
                }
            }
        }
    }

    fn store(
        &self,
        tiles: std::ops::Range<usize>,
        channels: std::ops::Range<usize>,
        sums: &[f32],
        width: usize,
        out: Shared,
    ) {
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
