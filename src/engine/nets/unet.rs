//! UNet2DConditionModel of Stable Diffusion 1.5: predicts the noise in a latent.

use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::attention::{Context, Pass, Transformer, TransformerConfig};
use super::layers::{Bias, Conv2d, GroupNorm, Linear, Then, upload, upsample_nearest};
use super::resnet::{Resnet, ResnetConfig};
use super::tap::{Block, Flow, Kind, Site, Tap};
use crate::engine::error::{EngineError, Result};
use crate::engine::weights::Weights;

/// A number, or one a block.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum PerBlock {
    One(usize),
    Each(Vec<usize>),
}

/// `unet/config.json`, as far as it varies between models of this topology.
#[derive(Clone, Debug, Deserialize)]
pub struct UnetConfig {
    /// Channels of the latent.
    pub in_channels: usize,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Channels of each block, the finest first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks in each down block; up blocks have one more.
    pub layers_per_block: usize,
    down_block_types: Vec<String>,
    up_block_types: Vec<String>,
    /// Width of the text context.
    pub cross_attention_dim: usize,
    /// By history, the number of heads.
    attention_head_dim: PerBlock,
    num_attention_heads: Option<PerBlock>,
    /// Groups of the norms.
    pub norm_num_groups: usize,
    /// Epsilon of the norms of the residual blocks.
    pub norm_eps: f64,
    #[serde(default)]
    freq_shift: f64,
    #[serde(default = "yes")]
    flip_sin_to_cos: bool,
    #[serde(default = "silu_name")]
    act_fn: String,
    #[serde(default)]
    transformer_layers_per_block: Option<serde_json::Value>,
    #[serde(default)]
    addition_embed_type: Option<String>,
    #[serde(default)]
    class_embed_type: Option<String>,
    #[serde(default)]
    time_embedding_type: Option<String>,
    #[serde(default)]
    resnet_time_scale_shift: Option<String>,
}

fn yes() -> bool {
    true
}

fn silu_name() -> String {
    "silu".into()
}

impl UnetConfig {
    /// Checks that the topology is one that this UNet has.
    ///
    /// # Errors
    /// Names the setting that is not supported.
    pub fn check(&self, file: &str) -> Result<()> {
        let refuse = |what: String| Err(EngineError::Unsupported { file: file.into(), what });
        let blocks = self.block_out_channels.len();
        if blocks == 0 || self.down_block_types.len() != blocks || self.up_block_types.len() != blocks {
            return refuse(format!(
                "block_out_channels has {blocks} entries, down_block_types {} and up_block_types {}; they must be as many",
                self.down_block_types.len(),
                self.up_block_types.len()
            ));
        }
        for name in self.down_block_types.iter().chain(&self.up_block_types) {
            if !["CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"].contains(&name.as_str()) {
                return refuse(format!("block type {name}"));
            }
        }
        if self.act_fn != "silu" {
            return refuse(format!("act_fn {}", self.act_fn));
        }
        if self.transformer_layers_per_block.as_ref().is_some_and(|value| *value != 1) {
            return refuse("more than one transformer layer a block (SDXL is not supported yet)".into());
        }
        for (name, value, plain) in [
            ("addition_embed_type", &self.addition_embed_type, ""),
            ("class_embed_type", &self.class_embed_type, ""),
            ("time_embedding_type", &self.time_embedding_type, "positional"),
            ("resnet_time_scale_shift", &self.resnet_time_scale_shift, "default"),
        ] {
            if value.as_ref().is_some_and(|value| value != plain) {
                return refuse(format!("{name} {}", value.as_deref().unwrap_or_default()));
            }
        }
        for (block, &channels) in self.block_out_channels.iter().enumerate() {
            let heads = self.heads(block);
            if heads == 0 || !channels.is_multiple_of(heads) {
                return refuse(format!("{channels} channels cannot be split into {heads} heads"));
            }
            if self.norm_num_groups == 0 || !channels.is_multiple_of(self.norm_num_groups) {
                return refuse(format!(
                    "{channels} channels cannot be split into {} norm groups",
                    self.norm_num_groups
                ));
            }
        }
        if !self.block_out_channels[0].is_multiple_of(2) || self.layers_per_block == 0 || self.in_channels == 0 {
            return refuse("an odd first width, or no layers or channels".into());
        }
        Ok(())
    }

    /// Attention heads of a block, 0 the finest.
    pub fn heads(&self, block: usize) -> usize {
        match self.num_attention_heads.as_ref().unwrap_or(&self.attention_head_dim) {
            PerBlock::One(heads) => *heads,
            PerBlock::Each(heads) => heads.get(block).copied().unwrap_or(0),
        }
    }

    fn transformer(&self, block: usize) -> TransformerConfig {
        TransformerConfig {
            channels: self.block_out_channels[block],
            heads: self.heads(block),
            context_width: self.cross_attention_dim,
            groups: self.norm_num_groups,
        }
    }

    /// By how much the latent must be divisible so that every block halves it evenly.
    pub fn latent_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// The transformers, in the order in which they run.
    pub fn transformers(&self) -> Vec<(Block, usize)> {
        let blocks = self.block_out_channels.len();
        let mut list = Vec::new();
        for block in (0..blocks).filter(|&block| self.down_block_types[block].starts_with("Cross")) {
            list.extend((0..self.layers_per_block).map(|layer| (Block::Down(block), layer)));
        }
        list.push((Block::Mid, 0));
        for block in (0..blocks).filter(|&block| self.up_block_types[block].starts_with("Cross")) {
            list.extend((0..=self.layers_per_block).map(|layer| (Block::Up(block), layer)));
        }
        list
    }

    /// All attention layers with the widths of their inputs: `(site, channels, width of keys' and values' source)`.
    pub fn sites(&self) -> Vec<(Site, usize, usize)> {
        let blocks = self.block_out_channels.len();
        let channels = |block| match block {
            Block::Down(index) => self.block_out_channels[index],
            Block::Mid => self.block_out_channels[blocks - 1],
            Block::Up(index) => self.block_out_channels[blocks - 1 - index],
        };
        let pair = |(block, attention)| {
            let width = channels(block);
            [(Kind::Own, width), (Kind::Cross, self.cross_attention_dim)]
                .map(|(kind, source)| (Site { block, attention, kind }, width, source))
        };
        self.transformers().into_iter().flat_map(pair).collect()
    }

    /// The `nth` decoder attention layer of a kind, counted from 1 as the paper counts.
    pub fn decoder_site(&self, nth: usize, kind: Kind) -> Option<Site> {
        let mut decoder = self.transformers().into_iter().filter(|(block, _)| matches!(block, Block::Up(_)));
        decoder.nth(nth.checked_sub(1)?).map(|(block, attention)| Site { block, attention, kind })
    }
}

#[derive(Clone, Debug)]
struct DownBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Transformer>,
    downsampler: Option<Conv2d>,
}

#[derive(Clone, Debug)]
struct MidBlock {
    before: Resnet,
    attention: Transformer,
    after: Resnet,
}

#[derive(Clone, Debug)]
struct UpBlock {
    resnets: Vec<Resnet>,
    attentions: Vec<Transformer>,
    upsampler: Option<Conv2d>,
}

/// The noise predictor.
#[derive(Clone, Debug)]
pub struct Unet {
    /// Its configuration.
    pub config: UnetConfig,
    device: Device,
    time_1: Linear,
    time_2: Linear,
    conv_in: Conv2d,
    down_blocks: Vec<DownBlock>,
    mid_block: MidBlock,
    up_blocks: Vec<UpBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

impl Unet {
    /// Loads the UNet.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: UnetConfig, device: &Device) -> Result<Self> {
        let widths = config.block_out_channels.clone();
        let (first, last) = (widths[0], widths[widths.len() - 1]);
        let time = first * 4;
        let mut counter = 0;
        let down_blocks = (0..widths.len())
            .map(|block| load_down(weights, &config, block, time, &mut counter))
            .collect::<Result<_>>()?;
        let mid = weights.at("mid_block");
        let resnet = resnet_config(&config, last, last, time);
        let mid_block = MidBlock {
            before: Resnet::load(&mid.at("resnets.0"), resnet)?,
            attention: Transformer::load(
                &mid.at("attentions.0"),
                config.transformer(widths.len() - 1),
                Block::Mid,
                0,
                next(&mut counter),
            )?,
            after: Resnet::load(&mid.at("resnets.1"), resnet)?,
        };
        let up_blocks = (0..widths.len())
            .map(|block| load_up(weights, &config, block, time, &mut counter))
            .collect::<Result<_>>()?;
        Ok(Self {
            device: device.clone(),
            time_1: Linear::load(&weights.at("time_embedding.linear_1"), first, time, Bias::Yes)?,
            time_2: Linear::load(&weights.at("time_embedding.linear_2"), time, time, Bias::Yes)?,
            conv_in: Conv2d::load(&weights.at("conv_in"), config.in_channels, first, 3)?,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out: GroupNorm::load(
                &weights.at("conv_norm_out"),
                first,
                config.norm_num_groups,
                config.norm_eps,
            )?,
            conv_out: Conv2d::load(&weights.at("conv_out"), first, config.out_channels, 3)?,
            config,
        })
    }

    /// Predicts the noise.
    ///
    /// # Shapes
    /// `latents` `[rows, in_channels, h, w]` with h and w multiples of [`UnetConfig::latent_multiple`];
    /// `timesteps` one, or one a row, in 0..1000; the context has as many rows as the latents.
    /// Returns `[rows, out_channels, h, w]`, or stops where the tap says so.
    pub fn forward(
        &self,
        latents: Tensor<4>,
        timesteps: &[usize],
        context: &Context,
        tap: &mut dyn Tap,
    ) -> Flow<Tensor<4>> {
        let pass = &mut Pass { time: self.time_embedding(timesteps), context, tap };
        let mut x = self.conv_in.forward(latents);
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            for (index, resnet) in block.resnets.iter().enumerate() {
                x = resnet.forward(x, Some(&pass.time));
                if let Some(attention) = block.attentions.get(index) {
                    x = attention.forward(x, pass)?;
                }
                skips.push(x.clone());
            }
            if let Some(downsampler) = &block.downsampler {
                x = downsampler.forward(x);
                skips.push(x.clone());
            }
        }
        x = self.mid_block.before.forward(x, Some(&pass.time));
        x = self.mid_block.attention.forward(x, pass)?;
        x = self.mid_block.after.forward(x, Some(&pass.time));
        for block in &self.up_blocks {
            for (index, resnet) in block.resnets.iter().enumerate() {
                // Up blocks have as many residual blocks as the down path pushed skips.
                if let Some(skip) = skips.pop() {
                    x = Tensor::cat(vec![x, skip], 1);
                }
                x = resnet.forward(x, Some(&pass.time));
                if let Some(attention) = block.attentions.get(index) {
                    x = attention.forward(x, pass)?;
                }
            }
            if let Some(upsampler) = &block.upsampler {
                x = upsampler.forward(upsample_nearest(x));
            }
        }
        Flow::Continue(self.conv_out.forward(self.conv_norm_out.forward(x, Then::Silu)))
    }

    /// [`Unet::forward`] with a tap that never halts.
    ///
    /// # Panics
    /// When the tap halts after all: a mistake of the caller's.
    pub fn predict(&self, latents: Tensor<4>, timesteps: &[usize], context: &Context, tap: &mut dyn Tap) -> Tensor<4> {
        match self.forward(latents, timesteps, context, tap) {
            Flow::Continue(noise) => noise,
            Flow::Break(_) => unreachable!("this tap never halts"),
        }
    }

    /// Sinusoidal embedding of the timesteps and its two linear layers: `[timesteps, 4 * first width]`.
    fn time_embedding(&self, timesteps: &[usize]) -> Tensor<2> {
        let width = self.config.block_out_channels[0];
        let half = width / 2;
        let frequency = |i: usize| (-(10_000f64.ln()) * i as f64 / (half as f64 - self.config.freq_shift)).exp();
        let mut values = Vec::with_capacity(timesteps.len() * width);
        for &t in timesteps {
            let angle = |i| (t as f64 * frequency(i)) as f32;
            let sines = (0..half).map(|i| angle(i).sin());
            let cosines = (0..half).map(|i| angle(i).cos());
            if self.config.flip_sin_to_cos {
                values.extend(cosines.chain(sines));
            } else {
                values.extend(sines.chain(cosines));
            }
        }
        let embedding = upload(values, [timesteps.len(), width], &self.device);
        self.time_2.forward(silu(self.time_1.forward(embedding)))
    }
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
}

fn resnet_config(config: &UnetConfig, input: usize, output: usize, time: usize) -> ResnetConfig {
    ResnetConfig { input, output, time: Some(time), groups: config.norm_num_groups, epsilon: config.norm_eps }
}

fn load_down(
    weights: &Weights<'_>,
    config: &UnetConfig,
    index: usize,
    time: usize,
    counter: &mut usize,
) -> Result<DownBlock> {
    let at = weights.at(format!("down_blocks.{index}"));
    let widths = &config.block_out_channels;
    let output = widths[index];
    let entry = if index == 0 { widths[0] } else { widths[index - 1] };
    let resnets = (0..config.layers_per_block)
        .map(|layer| {
            let input = if layer == 0 { entry } else { output };
            Resnet::load(&at.at(format!("resnets.{layer}")), resnet_config(config, input, output, time))
        })
        .collect::<Result<_>>()?;
    let layers = if config.down_block_types[index].starts_with("Cross") { config.layers_per_block } else { 0 };
    let attentions = load_transformers(&at, config.transformer(index), Block::Down(index), layers, counter)?;
    let last = index + 1 == widths.len();
    let downsampler =
        if last { None } else { Some(Conv2d::load(&at.at("downsamplers.0.conv"), output, output, 3)?.strided(2, 1)) };
    Ok(DownBlock { resnets, attentions, downsampler })
}

fn load_up(
    weights: &Weights<'_>,
    config: &UnetConfig,
    index: usize,
    time: usize,
    counter: &mut usize,
) -> Result<UpBlock> {
    let at = weights.at(format!("up_blocks.{index}"));
    let reversed: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
    let output = reversed[index];
    let entry = if index == 0 { reversed[0] } else { reversed[index - 1] };
    let deeper = reversed.get(index + 1).copied().unwrap_or(output);
    let resnets = (0..=config.layers_per_block)
        .map(|layer| {
            let skip = if layer == config.layers_per_block { deeper } else { output };
            let input = if layer == 0 { entry } else { output };
            Resnet::load(&at.at(format!("resnets.{layer}")), resnet_config(config, input + skip, output, time))
        })
        .collect::<Result<_>>()?;
    let layers = if config.up_block_types[index].starts_with("Cross") { config.layers_per_block + 1 } else { 0 };
    let attentions =
        load_transformers(&at, config.transformer(reversed.len() - 1 - index), Block::Up(index), layers, counter)?;
    let last = index + 1 == reversed.len();
    let upsampler = if last { None } else { Some(Conv2d::load(&at.at("upsamplers.0.conv"), output, output, 3)?) };
    Ok(UpBlock { resnets, attentions, upsampler })
}

fn load_transformers(
    at: &Weights<'_>,
    config: TransformerConfig,
    block: Block,
    layers: usize,
    counter: &mut usize,
) -> Result<Vec<Transformer>> {
    (0..layers)
        .map(|layer| Transformer::load(&at.at(format!("attentions.{layer}")), config, block, layer, next(counter)))
        .collect()
}
