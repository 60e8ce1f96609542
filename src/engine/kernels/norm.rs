//! Group norm, alone or with SiLU, and layer norm: one pass over memory for the sums and one for the result.

use rayon::prelude::*;

use super::simd::{fma, sigmoid, sum_of, vectorised};

/// The sizes of a norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Groups {
    /// Channels.
    pub channels: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Pixels of one channel.
    pub area: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether SiLU follows.
    pub silu: bool,
}

impl Groups {
    fn size(&self) -> usize {
        self.channels / self.groups * self.area
    }

    /// Weights and biases of a group.
    fn of<'a>(&self, index: usize, [weight, bias]: [&'a [f32]; 2]) -> [&'a [f32]; 2] {
        let each = self.channels / self.groups;
        let first = index % self.groups * each;
        [&weight[first..first + each], &bias[first..first + each]]
    }
}

/// Mean and 1 / √(variance + ε).
#[inline(always)]
fn moments<const FMA: bool>(x: &[f32], epsilon: f64) -> (f32, f32) {
    let mean = sum_of(x, |x| x) / x.len() as f32;
    let variance = sum_of(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    (mean, 1.0 / (variance + epsilon as f32).sqrt())
}

vectorised! {
    fn group(x: &[f32], affine: [&[f32]; 2], g: Groups, out: &mut [f32]) {
        let [weight, bias] = affine;
        let (mean, scale) = moments::<FMA>(x, g.epsilon);
        for (((x, out), weight), bias) in x.chunks_exact(g.area).zip(out.chunks_exact_mut(g.area)).zip(weight).zip(bias) {
            let (slope, offset) = (scale * weight, bias - mean * scale * weight);
            if g.silu {
                for (x, out) in x.iter().zip(out) {
                    let y = fma::<FMA>(*x, slope, offset);
                    *out = y * sigmoid::<FMA>(y);
                }
            } else {
                for (x, out) in x.iter().zip(out) {
                    *out = fma::<FMA>(*x, slope, offset);
                }
            }
        }
    }
}

vectorised! {
    /// With `n = (x - mean) scale` and `d = dy w`: `dx = scale (d - mean(d) - n mean(d n))`.
    fn group_slope(x: &[f32], affine: [&[f32]; 2], grad: &[f32], g: Groups, out: &mut [f32]) {
        let [weight, bias] = affine;
        let (mean, scale) = moments::<FMA>(x, g.epsilon);
        let (mut total, mut along) = ([0.0f32; 16], [0.0f32; 16]);
        let (mut total_rest, mut along_rest) = (0.0f32, 0.0f32);
        let lines = x.chunks_exact(g.area).zip(grad.chunks_exact(g.area)).zip(out.chunks_exact_mut(g.area));
        for (((x, grad), out), (weight, bias)) in lines.zip(weight.iter().zip(bias)) {
            // First `d` into `out`.
            if g.silu {
                let (slope, offset) = (scale * weight, bias - mean * scale * weight);
                for ((x, grad), out) in x.iter().zip(grad).zip(out.iter_mut()) {
                    let y = fma::<FMA>(*x, slope, offset);
                    let s = sigmoid::<FMA>(y);
                    *out = grad * weight * s * fma::<FMA>(y, 1.0 - s, 1.0);
                }
            } else {
                for (grad, out) in grad.iter().zip(out.iter_mut()) {
                    *out = grad * weight;
                }
            }
            let (xs, x_rest) = x.as_chunks::<16>();
            let (ds, d_rest) = out.as_chunks::<16>();
            for (x, d) in xs.iter().zip(ds) {
                for lane in 0..16 {
                    total[lane] += d[lane];
                    along[lane] = fma::<FMA>(d[lane], x[lane] - mean, along[lane]);
                }
            }
            for (x, d) in x_rest.iter().zip(d_rest) {
                total_rest += d;
                along_rest += d * (x - mean);
            }
        }
        let count = x.len() as f32;
        let total = (total.iter().sum::<f32>() + total_rest) / count;
        let along = (along.iter().sum::<f32>() + along_rest) * scale * scale / count;
        for (x, out) in x.iter().zip(out) {
            *out = scale * (*out - total - (x - mean) * along);
        }
    }
}

/// Group norm.
///
/// # Shapes
/// `x` `[rows, channels, h, w]`, `weight` and `bias` `[channels]`; returns the shape of `x`.
pub fn forward(x: &[f32], affine: [&[f32]; 2], g: Groups) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    each(
        x.par_chunks_exact(g.size()).zip(out.par_chunks_exact_mut(g.size())).enumerate(),
        g.size(),
        |(index, (x, out))| {
            group(x, g.of(index, affine), g, out);
        },
    );
    out
}

/// The gradient of [`forward`]'s `x`.
pub fn backward(x: &[f32], affine: [&[f32]; 2], grad: &[f32], g: Groups) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let size = g.size();
    let all = x.par_chunks_exact(size).zip(grad.par_chunks_exact(size)).zip(out.par_chunks_exact_mut(size)).enumerate();
    each(all, size, |(index, ((x, grad), out))| group_slope(x, g.of(index, affine), grad, g, out));
    out
}

/// Runs over all items, so many to a task that it is worth one.
pub fn each<T: Send>(items: impl IndexedParallelIterator<Item = T>, size: usize, run: impl Fn(T) + Sync + Send) {
    items.with_min_len((8192 / size.max(1)).max(1)).for_each(run);
}

vectorised! {
    fn layer(x: &[f32], affine: [&[f32]; 2], epsilon: f64, out: &mut [f32]) {
        let [weight, bias] = affine;
        let width = weight.len();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let (mean, scale) = moments::<FMA>(x, epsilon);
            for (((x, out), weight), bias) in x.iter().zip(out).zip(weight).zip(bias) {
                *out = fma::<FMA>((x - mean) * scale, *weight, *bias);
            }
        }
    }
}

vectorised! {
    fn layer_slope(x: &[f32], weight: &[f32], grad: &[f32], epsilon: f64, out: &mut [f32]) {
        let width = weight.len();
        for ((x, grad), out) in x.chunks_exact(width).zip(grad.chunks_exact(width)).zip(out.chunks_exact_mut(width)) {
            let (mean, scale) = moments::<FMA>(x, epsilon);
            for ((grad, weight), out) in grad.iter().zip(weight).zip(out.iter_mut()) {
                *out = grad * weight;
            }
            let total = sum_of(out, |d| d) / width as f32;
            let (xs, x_rest) = x.as_chunks::<16>();
            let (ds, d_rest) = out.as_chunks::<16>();
            let mut along = [0.0f32; 16];
            for (x, d) in xs.iter().zip(ds) {
                for lane in 0..16 {
                    along[lane] = fma::<FMA>(d[lane], x[lane] - mean, along[lane]);
                }
            }
            let rest: f32 = x_rest.iter().zip(d_rest).map(|(x, d)| d * (x - mean)).sum();
            let along = (along.iter().sum::<f32>() + rest) * scale * scale / width as f32;
            for (x, out) in x.iter().zip(out) {
                *out = scale * (*out - total - (x - mean) * along);
            }
        }
    }
}

/// How many rows of `width` make a task.
fn rows(width: usize) -> usize {
    (8192 / width.max(1)).max(1)
}

/// Layer norm over the last dimension.
///
/// # Shapes
/// `x` `[.., width]`, `weight` and `bias` `[width]`; returns the shape of `x`.
pub fn layer_forward(x: &[f32], affine: [&[f32]; 2], epsilon: f64) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let size = rows(affine[0].len()) * affine[0].len();
    x.par_chunks(size).zip(out.par_chunks_mut(size)).for_each(|(x, out)| layer(x, affine, epsilon, out));
    out
}

/// The gradient of [`layer_forward`]'s `x`.
pub fn layer_backward(x: &[f32], weight: &[f32], grad: &[f32], epsilon: f64) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let size = rows(weight.len()) * weight.len();
    let all = x.par_chunks(size).zip(grad.par_chunks(size)).zip(out.par_chunks_mut(size));
    all.for_each(|((x, grad), out)| layer_slope(x, weight, grad, epsilon, out));
    out
}
