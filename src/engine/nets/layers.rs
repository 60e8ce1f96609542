//! The layers that everything else is made of, each loaded from a checkpoint by its own name.

use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::engine::error::Result;
use crate::engine::kernels;
use crate::engine::weights::Weights;

/// `y = x W + b`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[in, out]`
    weight: Tensor<2>,
    /// `[out]`
    bias: Option<Tensor<1>>,
}

/// Whether a layer adds a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bias {
    /// It does.
    Yes,
    /// It does not.
    No,
}

impl Linear {
    /// Loads `weight` `[out, in]` (or a 1x1 convolution's `[out, in, 1, 1]`) and `bias`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, input: usize, output: usize, bias: Bias) -> Result<Self> {
        let weight = weights.transposed("weight", [output, input])?;
        let bias = if bias == Bias::Yes { Some(weights.tensor("bias", [output])?) } else { None };
        Ok(Self { weight, bias })
    }

    /// # Shapes
    /// `[.., in]` to `[.., out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        kernels::linear(x, self.weight.clone(), self.bias.clone())
    }

    /// The width of the output.
    pub fn output_width(&self) -> usize {
        self.weight.dims()[1]
    }
}

/// A 2D convolution.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor<4>,
    bias: Tensor<1>,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// Loads `weight` `[out, in, kernel, kernel]` and `bias`; the padding keeps the size at stride 1.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, input: usize, output: usize, kernel: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.tensor("weight", [output, input, kernel, kernel])?,
            bias: weights.tensor("bias", [output])?,
            stride: 1,
            padding: kernel / 2,
        })
    }

    /// The same convolution with another stride and padding.
    #[must_use]
    pub fn strided(self, stride: usize, padding: usize) -> Self {
        Self { stride, padding, ..self }
    }

    /// # Shapes
    /// `[rows, in, h, w]` to `[rows, out, h', w']`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        kernels::conv2d(x, self.weight.clone(), self.bias.clone(), self.stride, self.padding)
    }
}

/// What follows a group norm directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// SiLU, in the same pass over memory.
    Silu,
}

/// Group normalisation over channels and space.
#[derive(Clone, Debug)]
pub struct GroupNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    groups: usize,
    epsilon: f64,
}

impl GroupNorm {
    /// Loads `weight` and `bias` `[channels]`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, channels: usize, groups: usize, epsilon: f64) -> Result<Self> {
        let [weight, bias] = [weights.tensor("weight", [channels])?, weights.tensor("bias", [channels])?];
        Ok(Self { weight, bias, groups, epsilon })
    }

    /// # Shapes
    /// `[rows, channels, h, w]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, then: Then) -> Tensor<4> {
        kernels::group_norm(x, self.weight.clone(), self.bias.clone(), self.groups, self.epsilon, then == Then::Silu)
    }
}

/// Layer normalisation over the last dimension.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    /// Loads `weight` and `bias` `[width]`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, width: usize, epsilon: f64) -> Result<Self> {
        Ok(Self { weight: weights.tensor("weight", [width])?, bias: weights.tensor("bias", [width])?, epsilon })
    }

    /// # Shapes
    /// `[rows, tokens, width]`, unchanged.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        kernels::layer_norm(x, self.weight.clone(), self.bias.clone(), self.epsilon)
    }
}

/// Doubles height and width by repeating pixels.
///
/// # Shapes
/// `[rows, channels, h, w]` to `[rows, channels, 2h, 2w]`.
pub fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    interpolate(x, InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([height * 2, width * 2]))
}

/// A tensor from values on the host, in f32.
pub fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(burn::tensor::TensorData::new(values, shape), (device, burn::tensor::DType::F32))
}
