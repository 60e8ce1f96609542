//! Operations that burn composes of many passes over memory and that are worth one of our own.

use burn::tensor::Tensor;
use burn::tensor::activation::silu;

/// Group normalisation with its affine map, then SiLU if asked for.
///
/// # Shapes
/// `x` `[rows, channels, h, w]`, `weight` and `bias` `[channels]`; `channels` is a multiple of `groups`.
pub fn group_norm(
    x: Tensor<4>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    epsilon: f64,
    then_silu: bool,
) -> Tensor<4> {
    let [rows, channels, height, width] = x.dims();
    let grouped = x.reshape([rows, groups, channels / groups * height * width]);
    let centred = grouped.clone() - grouped.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    let normal = (centred / (variance + epsilon).sqrt()).reshape([rows, channels, height, width]);
    let y = normal * weight.reshape([1, channels, 1, 1]) + bias.reshape([1, channels, 1, 1]);
    if then_silu { silu(y) } else { y }
}
