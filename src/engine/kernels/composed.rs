//! The kernels, composed of burn's operations: for backends without a kernel, and as what the kernels are tested against.

use burn::backend::ops::{AttentionModuleOptions, ConvOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{FloatDType, Shape, Slice};

pub fn group_norm<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    groups: usize,
    epsilon: f64,
    then_silu: bool,
) -> FloatTensor<B> {
    let [rows, channels, height, width] = x.shape().dims();
    let shape = Shape::new([rows, channels, height, width]);
    let grouped = B::float_reshape(x, Shape::new([rows, groups, channels / groups * height * width]));
    let centred = B::float_sub(grouped.clone(), B::float_mean_dim(grouped, 2));
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred.clone()), 2);
    let deviation = B::float_sqrt(B::float_add_scalar(variance, epsilon.into()));
    let normal = B::float_reshape(B::float_div(centred, deviation), shape);
    let wide = |x| B::float_reshape(x, Shape::new([1, channels, 1, 1]));
    let y = B::float_add(B::float_mul(normal, wide(weight)), wide(bias));
    if then_silu { B::float_mul(y.clone(), B::sigmoid(y)) } else { y }
}

pub fn geglu<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let last = shape.num_dims() - 1;
    let half = shape[last] / 2;
    let part = |x, from: usize| {
        let mut slices: Vec<Slice> = (0..=last).map(|dim| Slice::from(0..shape[dim])).collect();
        slices[last] = Slice::from(from..from + half);
        B::float_slice(x, &slices)
    };
    B::float_mul(part(x.clone(), 0), B::gelu(part(x, half)))
}

/// A weight in the precision of what it is multiplied with. It may be held in half of it; the wide copy lives as long as one
/// product.
fn widened<B: Backend>(weight: FloatTensor<B>, x: &FloatTensor<B>) -> FloatTensor<B> {
    if weight.dtype() == x.dtype() { weight } else { B::float_cast(weight, FloatDType::from(x.dtype())) }
}

pub fn affine<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, bias: Option<FloatTensor<B>>) -> FloatTensor<B> {
    let weight = widened::<B>(weight, &x);
    B::linear(x, weight, bias)
}

/// The gradient of [`affine`]'s `x`.
pub fn affine_slope<B: Backend>(weight: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
    let weight = widened::<B>(weight, &grad);
    B::linear_x_backward(weight, grad)
}

pub fn conv<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stride: usize,
    padding: usize,
) -> FloatTensor<B> {
    let weight = widened::<B>(weight, &x);
    B::conv2d(x, weight, Some(bias), options(stride, padding))
}

/// The gradient of [`conv`]'s `x`.
pub fn conv_slope<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    stride: usize,
    padding: usize,
) -> FloatTensor<B> {
    let weight = widened::<B>(weight, &grad);
    B::conv2d_x_backward(x, weight, grad, options(stride, padding))
}

fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1)
}

pub fn mix<B: Backend>(
    q: FloatTensor<B>,
    k: FloatTensor<B>,
    v: FloatTensor<B>,
    heads: usize,
    causal: bool,
) -> FloatTensor<B> {
    let shape = q.shape();
    let split = |x: FloatTensor<B>| {
        let [rows, tokens, channels] = x.shape().dims();
        B::float_swap_dims(B::float_reshape(x, Shape::new([rows, tokens, heads, channels / heads])), 1, 2)
    };
    let mixed = B::attention(
        split(q),
        split(k),
        split(v),
        None,
        None,
        AttentionModuleOptions { is_causal: causal, ..Default::default() },
    );
    B::float_reshape(B::float_swap_dims(mixed, 1, 2), shape)
}
