//! The layers that an adapter can change, with their widths: those of a UNet and a text encoder by diffusers' paths.

use std::collections::BTreeMap;

use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::tap::Block;
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

/// The layers of one part of a model, put together path by path.
#[derive(Default)]
struct Builder {
    layers: Layers,
}

impl Builder {
    fn add(&mut self, path: String, op: Op, input: usize, output: usize) {
        self.layers.insert(path, Layer { op, input, output });
    }

    fn norm(&mut self, path: String, width: usize) {
        self.add(path, Op::Norm, width, width);
    }

    fn resnet(&mut self, at: &str, input: usize, output: usize, time: usize) {
        self.norm(format!("{at}.norm1"), input);
        self.add(format!("{at}.conv1"), Op::Conv(3), input, output);
        self.add(format!("{at}.time_emb_proj"), Op::Linear, time, output);
        self.norm(format!("{at}.norm2"), output);
        self.add(format!("{at}.conv2"), Op::Conv(3), output, output);
        if input != output {
            self.add(format!("{at}.conv_shortcut"), Op::Conv(1), input, output);
        }
    }

    fn transformer(&mut self, at: &str, channels: usize, context: usize) {
        self.norm(format!("{at}.norm"), channels);
        self.add(format!("{at}.proj_in"), Op::Linear, channels, channels);
        self.add(format!("{at}.proj_out"), Op::Linear, channels, channels);
        let block = format!("{at}.transformer_blocks.0");
        for norm in 1..=3 {
            self.norm(format!("{block}.norm{norm}"), channels);
        }
        // Keys and values of cross-attention come from the prompt.
        for (attention, source) in [("attn1", channels), ("attn2", context)] {
            for (name, input) in [("to_q", channels), ("to_k", source), ("to_v", source), ("to_out.0", channels)] {
                self.add(format!("{block}.{attention}.{name}"), Op::Linear, input, channels);
            }
        }
        let inner = channels * 4;
        self.add(format!("{block}.ff.net.0.proj"), Op::Linear, channels, inner * 2);
        self.add(format!("{block}.ff.net.2"), Op::Linear, inner, channels);
    }
}

/// The layers of a UNet. The configuration is one that [`UnetConfig::check`] takes.
pub fn unet(config: &UnetConfig) -> Layers {
    let mut built = Builder::default();
    let widths = &config.block_out_channels;
    let (Some(&first), Some(&last)) = (widths.first(), widths.last()) else { return built.layers };
    let (time, context) = (first * 4, config.cross_attention_dim);
    let transformers = config.transformers();
    let attends = |block: Block| transformers.iter().any(|(other, _)| *other == block);
    built.add("time_embedding.linear_1".into(), Op::Linear, first, time);
    built.add("time_embedding.linear_2".into(), Op::Linear, time, time);
    built.add("conv_in".into(), Op::Conv(3), config.in_channels, first);
    built.norm("conv_norm_out".into(), first);
    built.add("conv_out".into(), Op::Conv(3), first, config.out_channels);
    let mut entry = first;
    for (block, &width) in widths.iter().enumerate() {
        for layer in 0..config.layers_per_block {
            built.resnet(&format!("down_blocks.{block}.resnets.{layer}"), entry, width, time);
            if attends(Block::Down(block)) {
                built.transformer(&format!("down_blocks.{block}.attentions.{layer}"), width, context);
            }
            entry = width;
        }
        if block + 1 < widths.len() {
            built.add(format!("down_blocks.{block}.downsamplers.0.conv"), Op::Conv(3), width, width);
        }
    }
    for layer in 0..2 {
        built.resnet(&format!("mid_block.resnets.{layer}"), last, last, time);
    }
    built.transformer("mid_block.attentions.0", last, context);
    for block in 0..widths.len() {
        let width = widths[widths.len() - 1 - block];
        // The last residual block of a level takes the skip of the level below.
        let deeper = widths[(widths.len() - 1 - block).saturating_sub(1)];
        for layer in 0..=config.layers_per_block {
            let skip = if layer == config.layers_per_block { deeper } else { width };
            built.resnet(&format!("up_blocks.{block}.resnets.{layer}"), entry + skip, width, time);
            if attends(Block::Up(block)) {
                built.transformer(&format!("up_blocks.{block}.attentions.{layer}"), width, context);
            }
            entry = width;
        }
        if block + 1 < widths.len() {
            built.add(format!("up_blocks.{block}.upsamplers.0.conv"), Op::Conv(3), width, width);
        }
    }
    built.layers
}

/// The layers of a text encoder.
pub fn text_encoder(config: &ClipConfig) -> Layers {
    let mut built = Builder::default();
    let (width, inner) = (config.hidden_size, config.intermediate_size);
    for layer in 0..config.num_hidden_layers {
        let at = format!("text_model.encoder.layers.{layer}");
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            built.add(format!("{at}.self_attn.{name}"), Op::Linear, width, width);
        }
        built.add(format!("{at}.mlp.fc1"), Op::Linear, width, inner);
        built.add(format!("{at}.mlp.fc2"), Op::Linear, inner, width);
        built.norm(format!("{at}.layer_norm1"), width);
        built.norm(format!("{at}.layer_norm2"), width);
    }
    built.norm("text_model.final_layer_norm".into(), width);
    built.layers
}
