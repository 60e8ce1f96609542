//! The layers that an adapter can change, with their widths: those of a UNet and a text encoder by diffusers' paths.

use std::collections::BTreeMap;

use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::layers::Sizes;
use crate::engine::nets::unet::UnetConfig;

/// What a layer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Multiplies by a matrix; where a file has a convolution of one pixel in its place, that is the same.
    Linear,
    /// A convolution with a square kernel of this side.
    Conv(usize),
    /// A norm's weight and bias.
    Norm,
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it does.
    pub op: Op,
    /// Width in.
    pub input: usize,
    /// Width out.
    pub output: usize,
}

impl Layer {
    /// The shape of its weight: `[out, in]`, `[out, in, kernel, kernel]` or, of a norm, `[width]`.
    pub fn shape(&self) -> Vec<usize> {
        match self.op {
            Op::Linear => vec![self.output, self.input],
            Op::Conv(kernel) => vec![self.output, self.input, kernel, kernel],
            Op::Norm => vec![self.output],
        }
    }
}

/// Layers by path.
pub type Layers = BTreeMap<String, Layer>;

/// The layers of a UNet: those that the network lists, and the norms beside them. The configuration is one that
/// [`UnetConfig::check`] takes.
pub fn unet(config: &UnetConfig) -> Layers {
    // A card may ask about a model that nobody has checked yet.
    if config.block_out_channels.is_empty() {
        return Layers::new();
    }
    let mut layers = listed(config.layers());
    let mut norms = Vec::new();
    for (path, layer) in &layers {
        // Each norm is before a layer, and as wide as what that takes in.
        let (at, name) = path.rsplit_once('.').unwrap_or(("", path));
        match name {
            "conv1" => norms.push((format!("{at}.norm1"), layer.input)),
            "conv2" => norms.push((format!("{at}.norm2"), layer.input)),
            "proj_in" => {
                norms.push((format!("{at}.norm"), layer.input));
                norms.extend((1..=3).map(|norm| (format!("{at}.transformer_blocks.0.norm{norm}"), layer.output)));
            }
            "conv_out" => norms.push(("conv_norm_out".into(), layer.input)),
            _ => {}
        }
    }
    add_norms(&mut layers, norms);
    layers
}

/// The layers of a text encoder, likewise.
pub fn text_encoder(config: &ClipConfig) -> Layers {
    let mut layers = listed(config.layers());
    let width = config.hidden_size;
    let mut norms = vec![("text_model.final_layer_norm".to_owned(), width)];
    for index in 0..config.num_hidden_layers {
        norms.extend((1..=2).map(|norm| (format!("text_model.encoder.layers.{index}.layer_norm{norm}"), width)));
    }
    add_norms(&mut layers, norms);
    layers
}

fn listed<L: ToString>(layers: Vec<(L, Sizes)>) -> Layers {
    let layer = |(layer, sizes): (L, Sizes)| {
        let op = sizes.kernel.map_or(Op::Linear, Op::Conv);
        (layer.to_string(), Layer { op, input: sizes.input, output: sizes.output })
    };
    layers.into_iter().map(layer).collect()
}

fn add_norms(layers: &mut Layers, norms: Vec<(String, usize)>) {
    let norm = |(path, width)| (path, Layer { op: Op::Norm, input: width, output: width });
    layers.extend(norms.into_iter().map(norm));
}
