//! Where burn's autodiff meets the gradients written by hand.

use std::fmt::Debug;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Cube, TensorMetadata};
use burn::tensor::Shape;

use super::composed;
use super::extension::Kernels;

/// Gradients written by hand, of the operations of [`Kernels`] with respect to their inputs, and of the product's weight.
///
/// A backend without them says that it cannot, and burn differentiates the composed operations.
pub trait ByHand: Backend {
    /// Whether the gradients are there for operations on these tensors.
    fn can(_tensors: &[&FloatTensor<Self>]) -> bool {
        false
    }
    /// Of `x`, given `[x, weight, bias]`.
    fn group_norm_slope(
        _: [FloatTensor<Self>; 3],
        _grad: FloatTensor<Self>,
        _groups: usize,
        _epsilon: f64,
        _silu: bool,
    ) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Of `x`, given `[x, weight]`.
    fn layer_norm_slope(_: [FloatTensor<Self>; 2], _grad: FloatTensor<Self>, _epsilon: f64) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Of `x`.
    fn geglu_slope(_x: FloatTensor<Self>, _grad: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Whether the convolution's gradient is there for these shapes.
    fn conv_fits(_x: &Shape, _weight: &Shape, _stride: usize, _padding: usize) -> bool {
        false
    }
    /// Of `x`, of which only the shape is needed.
    fn conv_slope(
        _weight: FloatTensor<Self>,
        _grad: FloatTensor<Self>,
        _x: Shape,
        _stride: usize,
        _padding: usize,
    ) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Of `x`.
    fn affine_slope(_weight: FloatTensor<Self>, _grad: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Of `weight`, given `x`.
    fn weight_slope(_x: FloatTensor<Self>, _grad: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("this backend said that it cannot")
    }
    /// Of `[q, k, v]`.
    fn mix_slopes(
        _: [FloatTensor<Self>; 3],
        _grad: FloatTensor<Self>,
        _heads: usize,
        _causal: bool,
    ) -> [FloatTensor<Self>; 3] {
        unreachable!("this backend said that it cannot")
    }
}

impl ByHand for Cube {}

/// The backward step of an operation of one tracked input: a function of what the forward pass kept and of the
/// output's gradient.
struct Single<B: Backend, S>(fn(S, FloatTensor<B>) -> FloatTensor<B>);

impl<B: Backend, S> Debug for Single<B, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Single")
    }
}

impl<B: Backend, S: Clone + Send + Debug + 'static> Backward<B, 1> for Single<B, S> {
    type State = S;

    fn backward(self, ops: Ops<S, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        if let [Some(parent)] = ops.parents {
            grads.register::<B>(parent.id, (self.0)(ops.state, grad));
        }
    }
}

/// Runs an operation and records its backward step, if `x` is tracked.
fn single<B: Backend, C: CheckpointStrategy, S: Clone + Send + Debug + 'static>(
    x: FloatTensor<Autodiff<B, C>>,
    keep: impl FnOnce(&FloatTensor<B>) -> S,
    forward: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>,
    backward: fn(S, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let (x, node) = x.into_parts();
    match Single::<B, S>(backward).prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let state = keep(&x);
            prep.finish(state, forward(x))
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(x)),
    }
}

/// Whether a weight that nobody learns is held in another precision than it is multiplied in. burn's own backward step would keep
/// the wide copy of it until then; ours keeps the weight, and widens it once more.
fn is_narrow<B: Backend, C: CheckpointStrategy>(
    x: &FloatTensor<Autodiff<B, C>>,
    weight: &FloatTensor<Autodiff<B, C>>,
) -> bool {
    !weight.is_tracked() && x.primitive().dtype() != weight.primitive().dtype()
}

/// The product with a weight that may be tracked: the low-rank factors of a training.
#[derive(Debug)]
struct Product;

impl<B: ByHand> Backward<B, 2> for Product {
    type State = [FloatTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([x, weight], [of_x, of_weight]) = (ops.state, ops.parents);
        if let Some(parent) = of_x {
            grads.register::<B>(parent.id, B::affine_slope(weight, grad.clone()));
        }
        if let Some(parent) = of_weight {
            grads.register::<B>(parent.id, B::weight_slope(x, grad));
        }
    }
}

#[derive(Debug)]
struct Mix;

impl<B: ByHand> Backward<B, 3> for Mix {
    type State = ([FloatTensor<B>; 3], usize, bool);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (inputs, heads, causal) = ops.state;
        for (parent, slope) in ops.parents.into_iter().zip(B::mix_slopes(inputs, grad, heads, causal)) {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, slope);
            }
        }
    }
}

impl<B: Kernels + ByHand, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn group_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        groups: usize,
        epsilon: f64,
        then_silu: bool,
    ) -> FloatTensor<Self> {
        if weight.is_tracked() || bias.is_tracked() || !B::can(&[x.primitive(), weight.primitive(), bias.primitive()]) {
            return composed::group_norm::<Self>(x, weight, bias, groups, epsilon, then_silu);
        }
        let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
        single::<B, C, _>(
            x,
            |x| ([x.clone(), weight.clone(), bias.clone()], groups, epsilon, then_silu),
            |x| B::group_norm(x, weight.clone(), bias.clone(), groups, epsilon, then_silu),
            |(inputs, groups, epsilon, then_silu), grad| B::group_norm_slope(inputs, grad, groups, epsilon, then_silu),
        )
    }

    fn layer_norm_affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        if weight.is_tracked() || bias.is_tracked() || !B::can(&[x.primitive(), weight.primitive(), bias.primitive()]) {
            return Self::layer_norm(x, weight, Some(bias), epsilon);
        }
        let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
        single::<B, C, _>(
            x,
            |x| ([x.clone(), weight.clone()], epsilon),
            |x| B::layer_norm_affine(x, weight.clone(), bias, epsilon),
            |(inputs, epsilon), grad| B::layer_norm_slope(inputs, grad, epsilon),
        )
    }

    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        if !B::can(&[x.primitive()]) {
            return composed::geglu::<Self>(x);
        }
        single::<B, C, _>(x, Clone::clone, B::geglu, B::geglu_slope)
    }

    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        if is_narrow::<B, C>(&x, &weight) && !bias.is_tracked() {
            let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
            return single::<B, C, _>(
                x,
                |x| (x.clone(), weight.clone(), stride, padding),
                |x| B::conv(x, weight.clone(), bias, stride, padding),
                |(x, weight, stride, padding), grad| composed::conv_slope::<B>(x, weight, grad, stride, padding),
            );
        }
        let by_hand = B::can(&[x.primitive(), weight.primitive(), bias.primitive()])
            && B::conv_fits(&x.shape(), &weight.shape(), stride, padding);
        if weight.is_tracked() || bias.is_tracked() || !by_hand {
            return composed::conv::<Self>(x, weight, bias, stride, padding);
        }
        let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
        single::<B, C, _>(
            x,
            |x| (weight.clone(), x.shape(), stride, padding),
            |x| B::conv(x, weight.clone(), bias, stride, padding),
            |(weight, x, stride, padding), grad| B::conv_slope(weight, grad, x, stride, padding),
        )
    }

    fn affine(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        if is_narrow::<B, C>(&x, &weight) && !bias.is_tracked() {
            let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
            let forward = |x| B::affine(x, weight.clone(), bias);
            return single::<B, C, _>(x, |_| weight.clone(), forward, composed::affine_slope::<B>);
        }
        let trained = weight.is_tracked() || bias.is_tracked();
        if trained || !B::can(&[x.primitive(), weight.primitive(), bias.primitive()]) {
            return Self::linear(x, weight, Some(bias));
        }
        let (weight, bias) = (weight.into_primitive(), bias.into_primitive());
        single::<B, C, _>(x, |_| weight.clone(), |x| B::affine(x, weight.clone(), bias), B::affine_slope)
    }

    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        if is_narrow::<B, C>(&x, &weight) {
            let weight = weight.into_primitive();
            let forward = |x| B::product(x, weight.clone());
            return single::<B, C, _>(x, |_| weight.clone(), forward, composed::affine_slope::<B>);
        }
        if !B::can(&[x.primitive(), weight.primitive()]) {
            return Self::linear(x, weight, None);
        }
        if !weight.is_tracked() {
            let weight = weight.into_primitive();
            return single::<B, C, _>(x, |_| weight.clone(), |x| B::product(x, weight.clone()), B::affine_slope);
        }
        let [(x, of_x), (weight, of_weight)] = [x, weight].map(|tensor| tensor.into_parts());
        match Backward::<B, 2>::prepare::<C>(Product, [of_x, of_weight]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x.clone(), weight.clone()], B::product(x, weight)),
            OpsKind::UnTracked(prep) => prep.finish(B::product(x, weight)),
        }
    }

    fn mix(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        if !B::can(&[q.primitive(), k.primitive(), v.primitive()]) {
            return composed::mix::<Self>(q, k, v, heads, causal);
        }
        let [(q, of_q), (k, of_k), (v, of_v)] = [q, k, v].map(|x| x.into_parts());
        match Backward::<B, 3>::prepare::<C>(Mix, [of_q, of_k, of_v]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = ([q.clone(), k.clone(), v.clone()], heads, causal);
                prep.finish(state, B::mix(q, k, v, heads, causal))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::mix(q, k, v, heads, causal)),
        }
    }
}
