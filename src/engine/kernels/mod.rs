//! Operations that burn composes of many passes over memory and that are worth one of our own.
//!
//! The public functions take and return tensors. On flex they run the kernels of this folder; on other backends
//! [`Kernels`]' default bodies compose them of burn's operations. Gradients with respect to the input are written by
//! hand ([`ByHand`]); where a weight is tracked, as in training, the composed version is differentiated instead.
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
//! | `gradients.rs` | where burn's autodiff meets the gradients written by hand        |

mod attention;
mod composed;
mod conv;
mod geglu;
mod gradients;
mod linear;
mod norm;
mod product;
mod simd;
#[cfg(test)]
mod tests;

use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Shape, Tensor, TensorData};

use conv::Geometry;
use gradients::ByHand;

/// Our operations on one backend. The default bodies are composed of burn's.
#[backend_extension(Flex, Cube, Autodiff)]
pub trait Kernels: Backend {
    /// See [`group_norm`].
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        then_silu: bool,
    ) -> FloatTensor<Self> {
        composed::group_norm::<Self>(x, weight, bias, groups, epsilon, then_silu)
    }

    /// See [`layer_norm`].
    fn layer_norm_affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, weight, Some(bias), epsilon)
    }

    /// See [`geglu`].
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::geglu::<Self>(x)
    }

    /// See [`conv2d`].
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        composed::conv::<Self>(x, weight, bias, stride, padding)
    }

    /// See [`linear`].
    fn affine(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, Some(bias))
    }

    /// See [`linear`], without a bias.
    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::linear(x, weight, None)
    }

    /// See [`attention`].
    fn mix(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, heads: usize) -> FloatTensor<Self> {
        composed::mix::<Self>(q, k, v, heads)
    }
}

impl Kernels for Cube {}

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

/// 2D convolution with a square kernel.
///
/// # Shapes
/// `x` `[rows, in, h, w]`, `weight` `[out, in, kernel, kernel]`, `bias` `[out]`; returns `[rows, out, h', w']`.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, stride: usize, padding: usize) -> Tensor<4> {
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::conv(x, weight, bias, stride, padding))
}

/// `x W + b`.
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
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Kernels>::mix(q, k, v, heads))
}

type Host = FloatTensor<Flex>;

/// A flex tensor's values, contiguous.
struct Values(Host);

impl Values {
    fn new(x: Host) -> Self {
        Self(x.to_contiguous())
    }

    fn slice(&self) -> &[f32] {
        let Some(values) = self.0.as_slice() else {
            unreachable!("the tensor was made contiguous, and `ours` looked at its type")
        };
        values
    }
}

/// Whether the kernels can take these tensors: all must be f32 and none empty.
fn ours(tensors: &[&Host]) -> bool {
    tensors.iter().all(|x| x.dtype() == DType::F32 && x.shape().num_elements() > 0)
}

fn tensor(values: Vec<f32>, shape: Shape) -> Host {
    Host::from_data(TensorData::new(values, shape))
}

impl Kernels for Flex {
    fn group_norm(x: Host, weight: Host, bias: Host, groups: usize, epsilon: f64, then_silu: bool) -> Host {
        if !ours(&[&x, &weight, &bias]) {
            return composed::group_norm::<Self>(x, weight, bias, groups, epsilon, then_silu);
        }
        let sizes = groups_of(&x, groups, epsilon, then_silu);
        let [x, weight, bias] = [x, weight, bias].map(Values::new);
        tensor(norm::forward(x.slice(), [weight.slice(), bias.slice()], sizes), x.0.shape())
    }

    fn layer_norm_affine(x: Host, weight: Host, bias: Host, epsilon: f64) -> Host {
        if !ours(&[&x, &weight, &bias]) {
            return Self::layer_norm(x, weight, Some(bias), epsilon);
        }
        let [x, weight, bias] = [x, weight, bias].map(Values::new);
        tensor(norm::layer_forward(x.slice(), [weight.slice(), bias.slice()], epsilon), x.0.shape())
    }

    fn geglu(x: Host) -> Host {
        if !ours(&[&x]) {
            return composed::geglu::<Self>(x);
        }
        let (mut shape, last) = (x.shape(), x.shape().num_dims() - 1);
        let width = shape[last] / 2;
        shape[last] = width;
        tensor(geglu::forward(Values::new(x).slice(), width), shape)
    }

    fn conv(x: Host, weight: Host, bias: Host, stride: usize, padding: usize) -> Host {
        let geometry = geometry(&x.shape(), &weight.shape(), stride, padding);
        match geometry {
            Some(geometry) if ours(&[&x, &weight, &bias]) => {
                let [x, weight, bias] = [x, weight, bias].map(Values::new);
                let [height, width] = geometry.output();
                let shape = Shape::new([geometry.rows, geometry.channels[1], height, width]);
                tensor(conv::forward(x.slice(), weight.slice(), bias.slice(), geometry), shape)
            }
            _ => composed::conv::<Self>(x, weight, bias, stride, padding),
        }
    }

    fn affine(x: Host, weight: Host, bias: Host) -> Host {
        if ours(&[&x, &weight, &bias]) { line(x, weight, Some(bias)) } else { Self::linear(x, weight, Some(bias)) }
    }

    fn product(x: Host, weight: Host) -> Host {
        if ours(&[&x, &weight]) { line(x, weight, None) } else { Self::linear(x, weight, None) }
    }

    fn mix(q: Host, k: Host, v: Host, heads: usize) -> Host {
        if !ours(&[&q, &k, &v]) {
            return composed::mix::<Self>(q, k, v, heads);
        }
        let sizes = sizes(&q, &k, heads);
        let [q, k, v] = [q, k, v].map(Values::new);
        tensor(attention::forward(q.slice(), k.slice(), v.slice(), sizes), q.0.shape())
    }
}

impl ByHand for Flex {
    fn can(tensors: &[&FloatTensor<Self>]) -> bool {
        ours(tensors)
    }

    fn group_norm_slope(
        [x, weight, bias]: [Host; 3],
        grad: Host,
        groups: usize,
        epsilon: f64,
        then_silu: bool,
    ) -> Host {
        let sizes = groups_of(&x, groups, epsilon, then_silu);
        let [x, weight, bias, grad] = [x, weight, bias, grad].map(Values::new);
        tensor(norm::backward(x.slice(), [weight.slice(), bias.slice()], grad.slice(), sizes), x.0.shape())
    }

    fn layer_norm_slope([x, weight]: [Host; 2], grad: Host, epsilon: f64) -> Host {
        let [x, weight, grad] = [x, weight, grad].map(Values::new);
        tensor(norm::layer_backward(x.slice(), weight.slice(), grad.slice(), epsilon), x.0.shape())
    }

    fn geglu_slope(x: Host, grad: Host) -> Host {
        let width = grad.shape()[grad.shape().num_dims() - 1];
        let [x, grad] = [x, grad].map(Values::new);
        tensor(geglu::backward(x.slice(), grad.slice(), width), x.0.shape())
    }

    fn conv_slope(weight: Host, grad: Host, x: Shape, stride: usize, padding: usize) -> Host {
        let Some(geometry) = geometry(&x, &weight.shape(), stride, padding) else {
            unreachable!("the forward pass had it too")
        };
        let [weight, grad] = [weight, grad].map(Values::new);
        tensor(conv::backward(grad.slice(), weight.slice(), geometry), x)
    }

    fn conv_fits(x: &Shape, weight: &Shape, stride: usize, padding: usize) -> bool {
        geometry(x, weight, stride, padding).is_some()
    }

    fn affine_slope(weight: Host, grad: Host) -> Host {
        let sizes = weight.shape().dims();
        let mut shape = grad.shape();
        let last = shape.num_dims() - 1;
        shape[last] = sizes[0];
        let [weight, grad] = [weight, grad].map(Values::new);
        tensor(linear::backward(grad.slice(), weight.slice(), sizes), shape)
    }

    fn mix_slopes([q, k, v]: [Host; 3], grad: Host, heads: usize) -> [Host; 3] {
        let sizes = sizes(&q, &k, heads);
        let shapes = [&q, &k, &v].map(|x| x.shape());
        let [q, k, v, grad] = [q, k, v, grad].map(Values::new);
        let [dq, dk, dv] = attention::backward(q.slice(), k.slice(), v.slice(), grad.slice(), sizes);
        let [of_q, of_k, of_v] = shapes;
        [tensor(dq, of_q), tensor(dk, of_k), tensor(dv, of_v)]
    }
}

fn groups_of(x: &Host, groups: usize, epsilon: f64, silu: bool) -> norm::Groups {
    let [_, channels, height, width] = x.shape().dims();
    norm::Groups { channels, groups, area: height * width, epsilon, silu }
}

/// `None` for a kernel that is not square, or not larger than its padding.
fn geometry(x: &Shape, weight: &Shape, stride: usize, padding: usize) -> Option<Geometry> {
    let ([rows, _, height, width], [outputs, inputs, kernel, other]) = (x.dims(), weight.dims());
    let fits = kernel == other && padding < kernel && height + 2 * padding >= kernel && width + 2 * padding >= kernel;
    fits.then_some(Geometry { rows, channels: [inputs, outputs], input: [height, width], kernel, stride, padding })
}

fn line(x: Host, weight: Host, bias: Option<Host>) -> Host {
    let sizes = weight.shape().dims();
    let mut shape = x.shape();
    let last = shape.num_dims() - 1;
    shape[last] = sizes[1];
    let ([x, weight], bias) = ([x, weight].map(Values::new), bias.map(Values::new));
    tensor(linear::forward(x.slice(), weight.slice(), bias.as_ref().map(Values::slice), sizes), shape)
}

fn sizes(q: &Host, k: &Host, heads: usize) -> attention::Sizes {
    let ([rows, queries, channels], [_, keys, _]) = (q.shape().dims(), k.shape().dims());
    attention::Sizes { rows, queries, keys, heads, width: channels / heads }
}
