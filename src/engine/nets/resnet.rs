//! The residual block of the UNet and of the autoencoder.

use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use super::layers::{Bias, Conv2d, GroupNorm, Linear, Then};
use super::site::{Block, Layer, ResnetPart};
use super::tap::Tap;
use super::tapped::Tapped;
use crate::engine::error::Result;
use crate::engine::weights::Weights;

/// The sizes of one residual block.
#[derive(Clone, Copy, Debug)]
pub struct ResnetConfig {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Which residual block of the UNet it is; the autoencoder's are not told apart.
    pub place: Option<(Block, usize)>,
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
    conv1: Tapped<Conv2d>,
    time_emb_proj: Option<Tapped<Linear>>,
    norm2: GroupNorm,
    conv2: Tapped<Conv2d>,
    conv_shortcut: Option<Tapped<Conv2d>>,
}

impl Resnet {
    /// Loads the block.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: ResnetConfig) -> Result<Self> {
        let ResnetConfig { input, output, place, time, groups, epsilon } = config;
        let layer = |part| place.map(|(block, index)| Layer::Resnet(block, index, part));
        let conv = |name: &str, part, input, kernel| -> Result<_> {
            Ok(Tapped::new(layer(part), Conv2d::load(&weights.at(name), input, output, kernel)?))
        };
        let time_emb_proj = match time {
            Some(width) => {
                let linear = Linear::load(&weights.at("time_emb_proj"), width, output, Bias::Yes)?;
                Some(Tapped::new(layer(ResnetPart::Time), linear))
            }
            None => None,
        };
        let conv_shortcut =
            if input == output { None } else { Some(conv("conv_shortcut", ResnetPart::Shortcut, input, 1)?) };
        Ok(Self {
            norm1: GroupNorm::load(&weights.at("norm1"), input, groups, epsilon)?,
            conv1: conv("conv1", ResnetPart::First, input, 3)?,
            time_emb_proj,
            norm2: GroupNorm::load(&weights.at("norm2"), output, groups, epsilon)?,
            conv2: conv("conv2", ResnetPart::Second, output, 3)?,
            conv_shortcut,
        })
    }

    /// # Shapes
    /// `x` `[rows, in, h, w]`, `time` `[n, width]` with n a divisor of the rows; returns `[rows, out, h, w]`.
    pub fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>, tap: &mut dyn Tap) -> Tensor<4> {
        let mut h = self.conv1.forward(self.norm1.forward(x.clone(), Then::Silu), tap);
        if let (Some(project), Some(time)) = (&self.time_emb_proj, time) {
            h = shifted(h, project.forward_time(silu(time.clone()), tap));
        }
        let h = self.conv2.forward(self.norm2.forward(h, Then::Silu), tap);
        match &self.conv_shortcut {
            Some(shortcut) => h + shortcut.forward(x, tap),
            None => h + x,
        }
    }
}

/// Adds to every row's channels what its part of the time embedding says.
fn shifted(h: Tensor<4>, shift: Tensor<2>) -> Tensor<4> {
    let ([rows, ..], [parts, channels]) = (h.dims(), shift.dims());
    if parts == 1 || parts == rows {
        return h + shift.reshape([parts, channels, 1, 1]);
    }
    let each = shift.reshape([parts, 1, channels]).repeat_dim(1, rows / parts);
    h + each.reshape([rows, channels, 1, 1])
}
