//! Operations that burn composes of many passes over memory and that are worth one of our own.
//!
//! The public functions take and return tensors. On flex they run the kernels of this folder; on other backends the
//! default bodies of [`extension::Kernels`] compose them of burn's operations. Gradients with respect to the input are
//! written by hand ([`gradients::ByHand`]), and with respect to the weight of a product without a bias, which is what a training
//! learns; where another weight is tracked the composed version is differentiated instead. A weight of a linear layer or a
//! convolution may be held in half precision ([`crate::engine::weights::Holding`]): it is widened for each product.
//!
//! | file           | what                                                             |
//! |----------------|------------------------------------------------------------------|
//! | `simd.rs`      | vector instructions chosen at run time, `exp`, `erf`             |
//! | `product.rs`   | the matrix product that convolution and attention are made of    |
//! | `conv.rs`      | convolution and its input's gradient                             |
//! | `attention.rs` | attention and its gradients                                      |
//! | `linear.rs`    | the linear layer and its input's gradient                        |
//! | `norm.rs`      | group norm with SiLU, layer norm, and their gradients            |
//! | `geglu.rs`     | the gated unit and its gradient                                  |
//! | `composed.rs`  | all of them of burn's operations                                 |
//! | `extension.rs` | all of them as a trait beside burn's own                         |
//! | `gradients.rs` | where burn's autodiff meets the gradients written by hand        |
//! | `flex.rs`      | the trait and the gradients on flex's tensors                    |

mod attention;
mod composed;
mod conv;
mod extension;
mod flex;
mod geglu;
mod gradients;
mod linear;
mod norm;
mod product;
mod simd;
#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use extension::Kernels;

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
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::group_norm(x, weight, bias, groups, epsilon, then_silu))
}

/// Layer normalisation over the last dimension.
///
/// # Shapes
/// `x` `[.., width]`, `weight` and `bias` `[width]`.
pub fn layer_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> Tensor<D> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::layer_norm_affine(x, weight, bias, epsilon))
}

/// `a · gelu(b)` of the halves `[a, b]` of the last dimension, with the exact GELU.
///
/// # Shapes
/// `[.., 2 width]` to `[.., width]`.
pub fn geglu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Kernels>::geglu(x.into_dispatch()))
}

/// 2D convolution with a square kernel; `weight` may be held in f16.
///
/// # Shapes
/// `x` `[rows, in, h, w]`, `weight` `[out, in, kernel, kernel]`, `bias` `[out]`; returns `[rows, out, h', w']`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stride: usize, padding: usize) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::conv(x, weight, bias, stride, padding))
}

/// `x W + b`; `weight` may be held in f16.
///
/// # Shapes
/// `x` `[.., in]`, `weight` `[in, out]`, `bias` `[out]`; returns `[.., out]`.
pub fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<D> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => <Dispatch as Kernels>::affine(x, weight, bias.into_dispatch()),
        None => <Dispatch as Kernels>::product(x, weight),
    })
}

/// Multi-head attention, `softmax(q kᵀ / √width) v` head by head.
///
/// # Shapes
/// `q` `[rows, queries, channels]`, `k` and `v` `[rows, keys, channels]`, the heads side by side in the channels;
/// returns the shape of `q`.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize) -> Tensor<3> {
    mix([q, k, v], heads, false)
}

/// [`attention`] of a text to itself, in which a token sees itself and what came before.
///
/// # Shapes
/// All `[rows, tokens, channels]`, which it returns too.
pub fn causal_attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize) -> Tensor<3> {
    mix([q, k, v], heads, true)
}

fn mix(qkv: [Tensor<3>; 3], heads: usize, causal: bool) -> Tensor<3> {
    let [q, k, v] = qkv.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Kernels>::mix(q, k, v, heads, causal))
}
