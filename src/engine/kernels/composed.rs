//! The kernels, composed of burn's operations: for backends without a kernel, and as what the kernels are tested against.

use burn::backend::ops::{AttentionModuleOptions, ConvOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, Slice};

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

pub fn conv<B: Backend>(
    x: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stride: usize,
    padding: usize,
) -> FloatTensor<B> {
    B::conv2d(x, weight, Some(bias), ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1))
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
