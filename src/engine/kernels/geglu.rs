//! The gated unit `value · gelu(gate)` of the feed-forward layers, in one pass.

use rayon::prelude::*;

use super::simd::{erf, exp, fma, vectorised};

/// Φ, the distribution function of the normal distribution.
#[inline(always)]
fn phi<const FMA: bool>(x: f32) -> f32 {
    fma::<FMA>(erf::<FMA>(x * std::f32::consts::FRAC_1_SQRT_2), 0.5, 0.5)
}

vectorised! {
    fn gate(x: &[f32], width: usize, out: &mut [f32]) {
        for (x, out) in x.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
            let (values, gates) = x.split_at(width);
            for ((value, gate), out) in values.iter().zip(gates).zip(out) {
                *out = value * (gate * phi::<FMA>(*gate));
            }
        }
    }
}

vectorised! {
    fn slope(x: &[f32], width: usize, grad: &[f32], out: &mut [f32]) {
        const DENSITY: f32 = 0.398_942_3;
        for ((x, grad), out) in x.chunks_exact(2 * width).zip(grad.chunks_exact(width)).zip(out.chunks_exact_mut(2 * width)) {
            let (values, gates) = x.split_at(width);
            let (to_values, to_gates) = out.split_at_mut(width);
            for ((((value, gate), grad), to_value), to_gate) in values.iter().zip(gates).zip(grad).zip(to_values).zip(to_gates) {
                let below = phi::<FMA>(*gate);
                let density = DENSITY * exp::<FMA>(-0.5 * gate * gate);
                *to_value = grad * (gate * below);
                *to_gate = grad * value * fma::<FMA>(*gate, density, below);
            }
        }
    }
}

/// How many tokens make a task.
fn tokens(width: usize) -> usize {
    (4096 / width.max(1)).max(1)
}

/// # Shapes
/// `x` `[.., 2 width]`, values before gates; returns `[.., width]`.
pub fn forward(x: &[f32], width: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len() / 2];
    let size = tokens(width) * width;
    x.par_chunks(2 * size).zip(out.par_chunks_mut(size)).for_each(|(x, out)| gate(x, width, out));
    out
}

/// The gradient of [`forward`]'s `x`.
pub fn backward(x: &[f32], grad: &[f32], width: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let size = tokens(width) * width;
    let all = x.par_chunks(2 * size).zip(grad.par_chunks(size)).zip(out.par_chunks_mut(2 * size));
    all.for_each(|((x, grad), out)| slope(x, width, grad, out));
    out
}
