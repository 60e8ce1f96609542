//! Our operations as burn knows them: a trait beside its own, which each backend answers in its own way.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, backend_extension};

use super::composed;

/// Our operations on one backend. The default bodies are composed of burn's.
#[backend_extension(Flex, Cube, Autodiff)]
pub trait Kernels: Backend {
    /// See [`super::group_norm`].
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

    /// See [`super::layer_norm`].
    fn layer_norm_affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        Self::layer_norm(x, weight, Some(bias), epsilon)
    }

    /// See [`super::geglu`].
    fn geglu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::geglu::<Self>(x)
    }

    /// See [`super::conv2d`].
    fn conv(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        composed::conv::<Self>(x, weight, bias, stride, padding)
    }

    /// See [`super::linear`].
    fn affine(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::affine::<Self>(x, weight, Some(bias))
    }

    /// See [`super::linear`], without a bias.
    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::affine::<Self>(x, weight, None)
    }

    /// See [`super::attention`].
    fn mix(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        heads: usize,
        causal: bool,
    ) -> FloatTensor<Self> {
        composed::mix::<Self>(q, k, v, heads, causal)
    }
}

impl Kernels for Cube {}
