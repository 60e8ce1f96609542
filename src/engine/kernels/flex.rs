//! Our operations on flex, forwards and backwards: burn's tensors to slices for the kernels beside this file, and back.

use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, Shape, TensorData};

use super::conv::Geometry;
use super::extension::Kernels;
use super::gradients::ByHand;
use super::{attention, composed, conv, geglu, linear, norm};

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
        if ours(&[&x, &weight, &bias]) {
            line(x, weight, Some(bias))
        } else {
            composed::affine::<Self>(x, weight, Some(bias))
        }
    }

    fn product(x: Host, weight: Host) -> Host {
        if ours(&[&x, &weight]) { line(x, weight, None) } else { composed::affine::<Self>(x, weight, None) }
    }

    fn mix(q: Host, k: Host, v: Host, heads: usize, causal: bool) -> Host {
        if !ours(&[&q, &k, &v]) {
            return composed::mix::<Self>(q, k, v, heads, causal);
        }
        let sizes = sizes(&q, &k, heads, causal);
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

    fn weight_slope(x: Host, grad: Host) -> Host {
        let last = |tensor: &Host| tensor.shape()[tensor.shape().num_dims() - 1];
        let sizes = [last(&x), last(&grad)];
        let [x, grad] = [x, grad].map(Values::new);
        tensor(linear::weight_slope(x.slice(), grad.slice(), sizes), Shape::new(sizes))
    }

    fn mix_slopes([q, k, v]: [Host; 3], grad: Host, heads: usize, causal: bool) -> [Host; 3] {
        let sizes = sizes(&q, &k, heads, causal);
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

fn sizes(q: &Host, k: &Host, heads: usize, causal: bool) -> attention::Sizes {
    let ([rows, queries, channels], [_, keys, _]) = (q.shape().dims(), k.shape().dims());
    attention::Sizes { rows, queries, keys, heads, width: channels / heads, causal }
}
