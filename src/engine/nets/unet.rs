//! UNet2DConditionModel of Stable Diffusion 1.5: predicts the noise in a latent.

use std::collections::BTreeMap;

use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use serde_json::Value;

use super::attention::{Context, FEED_FORWARD, Pass, Transformer, TransformerConfig};
use super::layers::{Bias, Conv2d, GroupNorm, Linear, Sizes, Then, upload, upsample_nearest};
use super::resnet::{Resnet, ResnetConfig};
use super::site::{Block, Kind, Layer, Projection, ResnetPart, Site, TransformerPart};
use super::tap::{Flow, Tap};
use super::tapped::Tapped;
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
    transformer_layers_per_block: Option<Value>,
    #[serde(default)]
    addition_embed_type: Option<String>,
    #[serde(default)]
    class_embed_type: Option<String>,
    #[serde(default)]
    time_embedding_type: Option<String>,
    #[serde(default)]
    resnet_time_scale_shift: Option<String>,
    /// Everything else that is said, to be compared with what this UNet has.
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// The widest layer that a configuration may ask for: far above any, and products of a few such numbers still fit.
const MOST_WIDE: usize = 1 << 16;

/// Settings of diffusers' UNet by which other models differ from this topology, with the values that mean it; none, no, 0 and
/// an empty list do too.
const PLAIN: [(&str, &str); 22] = [
    ("mid_block_type", "UNetMidBlock2DCrossAttn"),
    ("center_input_sample", ""),
    ("mid_block_scale_factor", "1"),
    ("downsample_padding", "1"),
    ("only_cross_attention", ""),
    ("dual_cross_attention", ""),
    ("dropout", ""),
    ("encoder_hid_dim", ""),
    ("encoder_hid_dim_type", ""),
    ("num_class_embeds", ""),
    ("class_embeddings_concat", ""),
    ("time_embedding_dim", ""),
    ("time_embedding_act_fn", ""),
    ("timestep_post_act", ""),
    ("time_cond_proj_dim", ""),
    ("reverse_transformer_layers_per_block", ""),
    ("conv_in_kernel", "3"),
    ("conv_out_kernel", "3"),
    ("attention_type", "default"),
    ("cross_attention_norm", ""),
    ("resnet_skip_time_act", ""),
    ("resnet_out_scale_factor", "1"),
];

/// Whether a value means the plain one.
fn is_plain(value: &Value, plain: &str) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64().is_some_and(|number| number == 0.0 || plain.parse() == Ok(number)),
        Value::String(text) => text == plain,
        Value::Array(list) => list.iter().all(|value| is_plain(value, plain)),
        _ => false,
    }
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
        if blocks > 8 {
            return refuse(format!("{blocks} blocks, where 8 can be"));
        }
        let known = [
            (&self.down_block_types, ["CrossAttnDownBlock2D", "DownBlock2D"]),
            (&self.up_block_types, ["CrossAttnUpBlock2D", "UpBlock2D"]),
        ];
        for (types, known) in known {
            if let Some(name) = types.iter().find(|name| !known.contains(&name.as_str())) {
                return refuse(format!("block type {name}"));
            }
        }
        for (name, value, most) in [
            ("in_channels", self.in_channels, 64),
            ("out_channels", self.out_channels, 64),
            ("layers_per_block", self.layers_per_block, 16),
            ("cross_attention_dim", self.cross_attention_dim, MOST_WIDE),
        ] {
            if !(1..=most).contains(&value) {
                return refuse(format!("{name} {value}, where 1 to {most} can be"));
            }
        }
        match self.in_channels {
            9 => {
                return refuse(
                    "in_channels 9: this is an inpainting model, which reads a mask and a masked picture too".into(),
                );
            }
            8 => {
                return refuse(
                    "in_channels 8: this is an editing model, which reads the picture to be edited too".into(),
                );
            }
            _ if self.in_channels != self.out_channels => {
                let (from, to) = (self.in_channels, self.out_channels);
                return refuse(format!("in_channels {from} and out_channels {to}, which must be equal"));
            }
            _ => {}
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return refuse(format!("norm_eps {}, which must lie between 0 and 1", self.norm_eps));
        }
        for (name, plain) in PLAIN {
            if let Some(value) = self.others.get(name).filter(|value| !is_plain(value, plain)) {
                return refuse(format!("{name} {value}"));
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
            if !(1..=MOST_WIDE).contains(&channels) {
                return refuse(format!("a block of {channels} channels, where 1 to {MOST_WIDE} can be"));
            }
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
        let first = self.block_out_channels[0];
        if !first.is_multiple_of(2) {
            return refuse(format!("a first block of {first} channels, which must be even"));
        }
        // The time embedding's frequencies divide by what is left of the width.
        if !(self.freq_shift >= 0.0 && self.freq_shift < (first / 2) as f64) {
            return refuse(format!("freq_shift {}, where less than half of {first} channels can be", self.freq_shift));
        }
        Ok(())
    }

    /// The side of the latents that it was trained on, where the configuration says it and it can be.
    pub fn sample_size(&self) -> Option<usize> {
        let side = self.others.get("sample_size")?;
        let side = side.as_u64().or_else(|| side.as_array()?.first()?.as_u64())?;
        usize::try_from(side)
            .ok()
            .filter(|side| (1..=2048).contains(side) && side.is_multiple_of(self.latent_multiple()))
    }

    /// Attention heads of a block, 0 the finest.
    pub fn heads(&self, block: usize) -> usize {
        match self.num_attention_heads.as_ref().unwrap_or(&self.attention_head_dim) {
            PerBlock::One(heads) => *heads,
            PerBlock::Each(heads) => heads.get(block).copied().unwrap_or(0),
        }
    }

    fn transformer(&self, block: Block) -> TransformerConfig {
        let level = self.level(block);
        TransformerConfig {
            channels: self.block_out_channels[level],
            heads: self.heads(level),
            context_width: self.cross_attention_dim,
            groups: self.norm_num_groups,
        }
    }

    /// How often a block's grid was halved: 0 is the finest.
    pub fn level(&self, block: Block) -> usize {
        let last = self.block_out_channels.len() - 1;
        match block {
            Block::Down(index) => index,
            Block::Mid => last,
            Block::Up(index) => last - index,
        }
    }

    /// The blocks in the order in which they run.
    fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let count = self.block_out_channels.len();
        (0..count).map(Block::Down).chain([Block::Mid]).chain((0..count).map(Block::Up))
    }

    /// Channels in and out of a block's residual blocks.
    fn resnets(&self, block: Block) -> Vec<(usize, usize)> {
        let (widths, level) = (&self.block_out_channels, self.level(block));
        let (output, finer) = (widths[level], widths[level.saturating_sub(1)]);
        match block {
            Block::Down(_) => {
                (0..self.layers_per_block).map(|layer| (if layer == 0 { finer } else { output }, output)).collect()
            }
            Block::Mid => vec![(output, output); 2],
            Block::Up(_) => {
                let coarser = widths[(level + 1).min(widths.len() - 1)];
                let entry = |layer| if layer == 0 { coarser } else { output };
                // What the way down kept; the last is from before the block of this level.
                let skip = |layer| if layer == self.layers_per_block { finer } else { output };
                (0..=self.layers_per_block).map(|layer| (entry(layer) + skip(layer), output)).collect()
            }
        }
    }

    /// How many transformers a block has.
    fn attentions(&self, block: Block) -> usize {
        let count = self.layers_per_block;
        match block {
            Block::Down(index) if self.down_block_types[index].starts_with("Cross") => count,
            Block::Mid => 1,
            Block::Up(index) if self.up_block_types[index].starts_with("Cross") => count + 1,
            _ => 0,
        }
    }

    /// Whether a block halves or doubles its grid at its end.
    fn has_sampler(&self, block: Block) -> bool {
        let last = self.block_out_channels.len() - 1;
        matches!(block, Block::Down(index) | Block::Up(index) if index < last)
    }

    /// Width of the time embedding.
    fn time(&self) -> usize {
        self.block_out_channels[0] * 4
    }

    /// All linear layers and convolutions, each once: what a LoRA may change.
    pub fn layers(&self) -> Vec<(Layer, Sizes)> {
        let (first, time) = (self.block_out_channels[0], self.time());
        let mut all = vec![
            (Layer::Time(1), Sizes::linear(first, time)),
            (Layer::Time(2), Sizes::linear(time, time)),
            (Layer::ConvIn, Sizes::conv(self.in_channels, first, 3)),
        ];
        for block in self.blocks() {
            for (index, (input, output)) in self.resnets(block).into_iter().enumerate() {
                let layer = |part| Layer::Resnet(block, index, part);
                all.push((layer(ResnetPart::First), Sizes::conv(input, output, 3)));
                all.push((layer(ResnetPart::Time), Sizes::linear(time, output)));
                all.push((layer(ResnetPart::Second), Sizes::conv(output, output, 3)));
                if input != output {
                    all.push((layer(ResnetPart::Shortcut), Sizes::conv(input, output, 1)));
                }
            }
            let channels = self.block_out_channels[self.level(block)];
            for attention in 0..self.attentions(block) {
                let layer = |part| Layer::Transformer(block, attention, part);
                all.push((layer(TransformerPart::In), Sizes::linear(channels, channels)));
                for kind in [Kind::Own, Kind::Cross] {
                    let site = Site { block, attention, kind };
                    all.extend(Projection::ALL.map(|which| {
                        let foreign = kind == Kind::Cross && matches!(which, Projection::Key | Projection::Value);
                        let input = if foreign { self.cross_attention_dim } else { channels };
                        (Layer::Attention(site, which), Sizes::linear(input, channels))
                    }));
                }
                let inner = channels * FEED_FORWARD;
                all.push((layer(TransformerPart::Expand), Sizes::linear(channels, inner * 2)));
                all.push((layer(TransformerPart::Contract), Sizes::linear(inner, channels)));
                all.push((layer(TransformerPart::Out), Sizes::linear(channels, channels)));
            }
            if self.has_sampler(block) {
                all.push((Layer::Sampler(block), Sizes::conv(channels, channels, 3)));
            }
        }
        all.push((Layer::ConvOut, Sizes::conv(first, self.out_channels, 3)));
        all
    }

    /// By how much the latent must be divisible so that every block halves it evenly.
    pub fn latent_multiple(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// The transformers, in the order in which they run.
    pub fn transformers(&self) -> Vec<(Block, usize)> {
        self.blocks().flat_map(|block| (0..self.attentions(block)).map(move |attention| (block, attention))).collect()
    }

    /// All attention layers with the widths of their inputs: `(site, channels, width of keys' and values' source)`.
    pub fn sites(&self) -> Vec<(Site, usize, usize)> {
        let pair = |(block, attention)| {
            let width = self.block_out_channels[self.level(block)];
            [(Kind::Own, width), (Kind::Cross, self.cross_attention_dim)]
                .map(|(kind, source)| (Site { block, attention, kind }, width, source))
        };
        self.transformers().into_iter().flat_map(pair).collect()
    }

    /// The coarsest grid on which the decoder has attention, in halvings of the latent's; none without any.
    pub fn coarsest_attention(&self) -> Option<usize> {
        let decoder = self.transformers().into_iter().map(|(block, _)| block).filter(|b| matches!(b, Block::Up(_)));
        decoder.map(|block| self.level(block)).max()
    }

    /// The `nth` decoder attention layer of a kind, counted from 1 as the paper counts.
    pub fn decoder_site(&self, nth: usize, kind: Kind) -> Option<Site> {
        let mut decoder = self.transformers().into_iter().filter(|(block, _)| matches!(block, Block::Up(_)));
        decoder.nth(nth.checked_sub(1)?).map(|(block, attention)| Site { block, attention, kind })
    }

    /// The 6th decoder self-attention: refinement, point masks and the self-attention view cluster it.
    pub fn clustered_site(&self) -> Option<Site> {
        self.decoder_site(6, Kind::Own)
    }

    /// The 5th decoder cross-attention: the cross-attention view and the diagnosis look at it.
    pub fn looked_site(&self) -> Option<Site> {
        self.decoder_site(5, Kind::Cross)
    }
}

/// A block of the way down, the middle or the way up.
#[derive(Clone, Debug)]
struct Stage {
    resnets: Vec<Resnet>,
    attentions: Vec<Transformer>,
    sampler: Option<Tapped<Conv2d>>,
}

/// The noise predictor.
#[derive(Clone, Debug)]
pub struct Unet {
    /// Its configuration.
    pub config: UnetConfig,
    device: Device,
    time_1: Tapped<Linear>,
    time_2: Tapped<Linear>,
    conv_in: Tapped<Conv2d>,
    down_blocks: Vec<Stage>,
    mid_block: Stage,
    up_blocks: Vec<Stage>,
    conv_norm_out: GroupNorm,
    conv_out: Tapped<Conv2d>,
}

impl Unet {
    /// Loads the UNet.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: UnetConfig, device: &Device) -> Result<Self> {
        let (first, blocks) = (config.block_out_channels[0], config.block_out_channels.len());
        let mut counter = 0;
        let mut stage = |block| load_stage(weights, &config, block, &mut counter);
        let down_blocks = (0..blocks).map(|index| stage(Block::Down(index))).collect::<Result<_>>()?;
        let mid_block = stage(Block::Mid)?;
        let up_blocks = (0..blocks).map(|index| stage(Block::Up(index))).collect::<Result<_>>()?;
        let time = |nth, input| -> Result<_> {
            let at = weights.at(format!("time_embedding.linear_{nth}"));
            Ok(Tapped::new(Layer::Time(nth), Linear::load(&at, input, config.time(), Bias::Yes)?))
        };
        let conv = |name: &str, layer, input, output| -> Result<_> {
            Ok(Tapped::new(layer, Conv2d::load(&weights.at(name), input, output, 3)?))
        };
        Ok(Self {
            device: device.clone(),
            time_1: time(1, first)?,
            time_2: time(2, config.time())?,
            conv_in: conv("conv_in", Layer::ConvIn, config.in_channels, first)?,
            down_blocks,
            mid_block,
            up_blocks,
            conv_norm_out: GroupNorm::load(
                &weights.at("conv_norm_out"),
                first,
                config.norm_num_groups,
                config.norm_eps,
            )?,
            conv_out: conv("conv_out", Layer::ConvOut, first, config.out_channels)?,
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
        let time = self.time_embedding(timesteps, tap);
        let pass = &mut Pass { time, context, tap };
        let mut x = self.conv_in.forward(latents, pass.tap);
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            for (index, resnet) in block.resnets.iter().enumerate() {
                x = resnet.forward(x, Some(&pass.time), pass.tap);
                if let Some(attention) = block.attentions.get(index) {
                    x = attention.forward(x, pass)?;
                }
                skips.push(x.clone());
            }
            if let Some(downsampler) = &block.sampler {
                x = downsampler.forward(x, pass.tap);
                skips.push(x.clone());
            }
        }
        // A transformer between two residual blocks: the middle has one less of it than of them.
        for (index, resnet) in self.mid_block.resnets.iter().enumerate() {
            x = resnet.forward(x, Some(&pass.time), pass.tap);
            if let Some(attention) = self.mid_block.attentions.get(index) {
                x = attention.forward(x, pass)?;
            }
        }
        for block in &self.up_blocks {
            for (index, resnet) in block.resnets.iter().enumerate() {
                // Up blocks have as many residual blocks as the down path pushed skips.
                if let Some(skip) = skips.pop() {
                    x = Tensor::cat(vec![x, skip], 1);
                }
                x = resnet.forward(x, Some(&pass.time), pass.tap);
                if let Some(attention) = block.attentions.get(index) {
                    x = attention.forward(x, pass)?;
                }
            }
            if let Some(upsampler) = &block.sampler {
                x = upsampler.forward(upsample_nearest(x), pass.tap);
            }
        }
        let x = self.conv_norm_out.forward(x, Then::Silu);
        Flow::Continue(self.conv_out.forward(x, pass.tap))
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

    /// Sinusoidal embedding of the timesteps and its two linear layers: `[timesteps, 4 * first width]`, of which a tap
    /// may make more rows.
    fn time_embedding(&self, timesteps: &[usize], tap: &mut dyn Tap) -> Tensor<2> {
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
        let h = self.time_1.forward_time(embedding, tap);
        self.time_2.forward_time(silu(h), tap)
    }
}

fn next(counter: &mut usize) -> usize {
    *counter += 1;
    *counter - 1
}

fn load_stage(weights: &Weights<'_>, config: &UnetConfig, block: Block, counter: &mut usize) -> Result<Stage> {
    let at = weights.at(block);
    let resnets = config.resnets(block).into_iter().enumerate().map(|(index, (input, output))| {
        let sizes = ResnetConfig {
            input,
            output,
            place: Some((block, index)),
            time: Some(config.time()),
            groups: config.norm_num_groups,
            epsilon: config.norm_eps,
        };
        Resnet::load(&at.at(format!("resnets.{index}")), sizes)
    });
    let transformer = config.transformer(block);
    let attentions = (0..config.attentions(block)).map(|index| {
        Transformer::load(&at.at(format!("attentions.{index}")), transformer, block, index, next(counter))
    });
    let channels = transformer.channels;
    let sampler = || -> Result<_> {
        let (name, down) = match block {
            Block::Up(_) => ("upsamplers.0.conv", false),
            _ => ("downsamplers.0.conv", true),
        };
        let conv = Conv2d::load(&at.at(name), channels, channels, 3)?;
        Ok(Tapped::new(Layer::Sampler(block), if down { conv.strided(2, 1) } else { conv }))
    };
    Ok(Stage {
        resnets: resnets.collect::<Result<_>>()?,
        attentions: attentions.collect::<Result<_>>()?,
        sampler: if config.has_sampler(block) { Some(sampler()?) } else { None },
    })
}
