//! The residual block of the UNet and of the autoencoder.

use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::layers::{Bias, Conv2d, GroupNorm, Linear, Then};
use crate::engine::error::Result;
use crate::engine::weights::Weights;

/// The sizes of one residual block.
#[derive(Clone, Copy, Debug)]
pub struct ResnetConfig {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Width of the time embedding; the autoencoder has none.
    pub time: Option<usize>,
    /// Groups of the norms.
    pub groups: usize,
    /// Epsilon of the norms.
    pub epsilon: f64,
}

/// norm, SiLU, convolution, plus time; norm, SiLU, convolution; residual.
#[derive(Clone, Debug)]
pub struct Resnet {
    norm1: GroupNorm,
    conv1: Conv2d,
    time_emb_proj: Option<Linear>,
    norm2: GroupNorm,
    conv2: Conv2d,
    conv_shortcut: Option<Conv2d>,
}

impl Resnet {
    /// Loads the block.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: ResnetConfig) -> Result<Self> {
        let ResnetConfig { input, output, time, groups, epsilon } = config;
        let time_emb_proj = match time {
            Some(width) => Some(Linear::load(&weights.at("time_emb_proj"), width, output, Bias::Yes)?),
            None => None,
        };
        let conv_shortcut =
            if input == output { None } else { Some(Conv2d::load(&weights.at("conv_shortcut"), input, output, 1)?) };
        Ok(Self {
            norm1: GroupNorm::load(&weights.at("norm1"), input, groups, epsilon)?,
            conv1: Conv2d::load(&weights.at("conv1"), input, output, 3)?,
            time_emb_proj,
            norm2: GroupNorm::load(&weights.at("norm2"), output, groups, epsilon)?,
            conv2: Conv2d::load(&weights.at("conv2"), output, output, 3)?,
            conv_shortcut,
        })
    }

    /// # Shapes
    /// `x` `[rows, in, h, w]`, `time` `[rows or 1, width]`; returns `[rows, out, h, w]`.
    pub fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>) -> Tensor<4> {
        let mut h = self.conv1.forward(self.norm1.forward(x.clone(), Then::Silu));
        if let (Some(project), Some(time)) = (&self.time_emb_proj, time) {
            let shift = project.forward(silu(time.clone()));
            let [rows, channels] = shift.dims();
            h = h + shift.reshape([rows, channels, 1, 1]);
        }
        let h = self.conv2.forward(self.norm2.forward(h, Then::Silu));
        match &self.conv_shortcut {
            Some(shortcut) => h + shortcut.forward(x),
            None => h + x,
        }
    }
}
