//! `x W + b`, in parallel whatever the size: the weights are packed into panels once, then shared by all tasks. And the
//! gradients of `x` and of `W`.

use rayon::prelude::*;

use super::product::{LANES, Matrix, multiply};

/// `k` is cut into blocks of this many, so that a panel stays in the first-level cache.
const DEPTH: usize = 512;

/// Weights as panels: for each block of `k`, `[panel][k][LANES]`.
struct Panels {
    blocks: Vec<Vec<f32>>,
    inputs: usize,
    outputs: usize,
}

impl Panels {
    /// Packs `[inputs, outputs]`, or its transpose if `turned`: then `weight` is `[outputs, inputs]`.
    fn new(weight: &[f32], inputs: usize, outputs: usize, turned: bool) -> Self {
        let block = |first: usize| {
            let depth = DEPTH.min(inputs - first);
            let mut panels = vec![0.0; outputs.div_ceil(LANES) * LANES * depth];
            panels
                .par_chunks_exact_mut(depth * LANES)
                .with_min_len((1 << 14) / (depth * LANES) + 1)
                .enumerate()
                .for_each(|(panel, lines)| {
                    let start = panel * LANES;
                    let count = LANES.min(outputs - start);
                    let (lines, _) = lines.as_chunks_mut::<LANES>();
                    if turned {
                        for lane in 0..count {
                            let from = &weight[(start + lane) * inputs + first..][..depth];
                            lines.iter_mut().zip(from).for_each(|(to, from)| to[lane] = *from);
                        }
                    } else {
                        for (k, line) in lines.iter_mut().enumerate() {
                            line[..count].copy_from_slice(&weight[(first + k) * outputs + start..][..count]);
                        }
                    }
                });
            panels
        };
        Self { blocks: (0..inputs).step_by(DEPTH).map(block).collect(), inputs, outputs }
    }

    /// `x · weights + bias`.
    fn apply(&self, x: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let wide = outputs.next_multiple_of(LANES);
        let tokens = x.len() / inputs;
        // A task is worth some 20 microseconds, and every thread gets a few of them.
        let least = ((1 << 19) / (inputs * outputs)).max(6);
        let share = tokens.div_ceil(4 * rayon::current_num_threads()).max(least).next_multiple_of(6);
        let mut out = vec![0.0; tokens * outputs];
        let task = |x: &[f32], out: &mut [f32]| {
            for (block, panels) in self.blocks.iter().enumerate() {
                let depth = DEPTH.min(inputs - block * DEPTH);
                let rows = Matrix::rows_of(x, x.len() / inputs, inputs, inputs);
                multiply(rows, block * DEPTH, depth, panels, block > 0 || bias.is_some(), out);
            }
        };
        let run = |(out, x): (&mut [f32], &[f32])| {
            let begin = |line: &mut [f32]| bias.into_iter().for_each(|bias| line[..outputs].copy_from_slice(bias));
            if wide == outputs {
                out.chunks_exact_mut(outputs).for_each(begin);
                task(x, out);
            } else {
                let mut lines = vec![0.0; x.len() / inputs * wide];
                lines.chunks_exact_mut(wide).for_each(begin);
                task(x, &mut lines);
                for (out, line) in out.chunks_exact_mut(outputs).zip(lines.chunks_exact(wide)) {
                    out.copy_from_slice(&line[..outputs]);
                }
            }
        };
        if share >= tokens {
            run((&mut out, x));
        } else {
            out.par_chunks_mut(share * outputs).zip(x.par_chunks(share * inputs)).for_each(run);
        }
        out
    }
}

/// # Shapes
/// `x` `[.., in]`, `weight` `[in, out]`, `bias` `[out]`; returns `[.., out]`.
pub fn forward(x: &[f32], weight: &[f32], bias: Option<&[f32]>, [inputs, outputs]: [usize; 2]) -> Vec<f32> {
    Panels::new(weight, inputs, outputs, false).apply(x, bias)
}

/// The gradient of [`forward`]'s `x` from that of its result, `[.., out]`.
pub fn backward(grad: &[f32], weight: &[f32], [inputs, outputs]: [usize; 2]) -> Vec<f32> {
    Panels::new(weight, outputs, inputs, true).apply(grad, None)
}

/// Tokens whose share of a weight's gradient one task adds up. The same on every machine, so that the sum is too.
const SHARE: usize = 1024;

/// The gradient of [`forward`]'s `weight`, `[in, out]`: `xᵀ grad`. Made for the low-rank factors that are trained, of which
/// one side is a handful.
pub fn weight_slope(x: &[f32], grad: &[f32], [inputs, outputs]: [usize; 2]) -> Vec<f32> {
    // The longer side runs along memory.
    let turned = outputs < inputs;
    let (few, many, rows, columns) = if turned { (grad, x, outputs, inputs) } else { (x, grad, inputs, outputs) };
    let sum = |few: &[f32], many: &[f32]| {
        let mut sum = vec![0.0; rows * columns];
        for (few, many) in few.chunks_exact(rows).zip(many.chunks_exact(columns)) {
            for (line, factor) in sum.chunks_exact_mut(columns).zip(few) {
                line.iter_mut().zip(many).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        sum
    };
    let parts = few.par_chunks(SHARE * rows).zip(many.par_chunks(SHARE * columns)).map(|(few, many)| sum(few, many));
    let parts: Vec<Vec<f32>> = parts.collect();
    let mut all = vec![0.0; rows * columns];
    for part in parts {
        all.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    if !turned {
        return all;
    }
    let mut weight = vec![0.0; inputs * outputs];
    for (output, line) in all.chunks_exact(inputs).enumerate() {
        line.iter().enumerate().for_each(|(input, value)| weight[input * outputs + output] = *value);
    }
    weight
}
