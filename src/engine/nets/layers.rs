//! The layers that everything else is made of, each loaded from a checkpoint by its own name.

use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};

use crate::engine::error::Result;
use crate::engine::kernels;
use crate::engine::weights::Weights;

/// `y = x W + b`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// `[in, out]`, in f32 or f16
    weight: Tensor<2>,
    /// `[out]`
    bias: Option<Tensor<1>>,
}

/// How wide a linear layer or convolution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// The side of a convolution's kernel; None of a linear layer, which may be a 1x1 convolution in files.
    pub kernel: Option<usize>,
}

impl Sizes {
    /// A linear layer's.
    pub fn linear(input: usize, output: usize) -> Self {
        Self { input, output, kernel: None }
    }

    /// A convolution's.
    pub fn conv(input: usize, output: usize, kernel: usize) -> Self {
        Self { input, output, kernel: Some(kernel) }
    }
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
        Self::with_bias(weights, weights.transposed("weight", [output, input])?, bias)
    }

    /// Loads a convolution over patches that lie side by side, as a linear layer over the numbers of each patch: `weight`
    /// `[out, channels, side, side]`, and `bias` where it has one.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load_patches(
        weights: &Weights<'_>,
        channels: usize,
        side: usize,
        output: usize,
        bias: Bias,
    ) -> Result<Self> {
        Self::with_bias(weights, weights.unfolded("weight", [output, channels, side, side])?, bias)
    }

    /// Loads layers of one input that a file has as one, whose outputs lie side by side: `weight` `[N · out, in]` and `bias`
    /// `[N · out]`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load_parts<const N: usize>(
        weights: &Weights<'_>,
        input: usize,
        output: usize,
        bias: Bias,
    ) -> Result<[Self; N]> {
        let parts = weights.parts::<N>("weight", [output, input])?;
        let biases: Option<Tensor<1>> =
            if bias == Bias::Yes { Some(weights.tensor("bias", [N * output])?) } else { None };
        let mut first = 0;
        Ok(parts.map(|weight| {
            let bias = biases.as_ref().map(|all| all.clone().narrow(0, first, output));
            first += output;
            Self { weight, bias }
        }))
    }

    /// `weight` is `[in, out]`.
    fn with_bias(weights: &Weights<'_>, weight: Tensor<2>, bias: Bias) -> Result<Self> {
        let [_, output] = weight.dims();
        let bias = if bias == Bias::Yes { Some(weights.tensor("bias", [output])?) } else { None };
        Ok(Self { weight, bias })
    }

    /// # Shapes
    /// `[.., in]` to `[.., out]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        kernels::linear(x, self.weight.clone(), self.bias.clone())
    }

    /// `x W`, without the bias.
    ///
    /// # Shapes
    /// `[.., in]` to `[.., out]`.
    pub fn product<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        kernels::linear(x, self.weight.clone(), None)
    }

    /// The bias `[out]`, where it has one.
    pub fn bias(&self) -> Option<&Tensor<1>> {
        self.bias.as_ref()
    }

    /// The width of the output.
    pub fn output_width(&self) -> usize {
        self.weight.dims()[1]
    }
}

/// The activation of a transformer's feed-forward, of those that have no gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(1.702 x)`, as the first CLIP has it.
    QuickGelu,
    /// The exact GELU.
    Gelu,
}

impl Activation {
    /// By the name that configurations have for it; none of what is not supported.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "quick_gelu" => Some(Self::QuickGelu),
            "gelu" => Some(Self::Gelu),
            _ => None,
        }
    }

    /// Of each number by itself.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::QuickGelu => x.clone() * sigmoid(x * 1.702),
            Self::Gelu => gelu(x),
        }
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
    /// One made by hand.
    #[cfg(test)]
    pub fn of(weight: Tensor<4>, bias: Tensor<1>, stride: usize, padding: usize) -> Self {
        Self { weight, bias, stride, padding }
    }

    /// Loads `weight` `[out, in, kernel, kernel]` and `bias`; the padding keeps the size at stride 1.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, input: usize, output: usize, kernel: usize) -> Result<Self> {
        Ok(Self {
            weight: weights.factor("weight", [output, input, kernel, kernel])?,
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

    /// The same convolution without its bias.
    ///
    /// # Shapes
    /// As [`Conv2d::forward`].
    pub fn product(&self, x: Tensor<4>) -> Tensor<4> {
        self.slide(x, self.weight.clone())
    }

    /// Another kernel over the input as this layer's own goes over it, without a bias.
    ///
    /// # Shapes
    /// `x` `[rows, in, h, w]`, `weight` `[out, in, kernel, kernel]` with this layer's kernel size; returns
    /// `[rows, out, h', w']` on this layer's grid.
    pub fn slide(&self, x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
        convolve(x, weight, self.stride, self.padding)
    }

    /// The bias `[out]`.
    pub fn bias(&self) -> &Tensor<1> {
        &self.bias
    }
}

/// A convolution without a bias.
///
/// # Shapes
/// `x` `[rows, in, h, w]`, `weight` `[out, in, kernel, kernel]`; returns `[rows, out, h', w']`.
pub fn convolve(x: Tensor<4>, weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let none = Tensor::zeros([weight.dims()[0]], (&weight.device(), x.dtype()));
    kernels::conv2d(x, weight, none, stride, padding)
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
