//! AutoencoderKL: pictures to latents and back.

use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;
use serde::Deserialize;

use super::layers::{Bias, Conv2d, GroupNorm, Linear, Then, upsample_nearest};
use super::resnet::{Resnet, ResnetConfig};
use crate::engine::error::{EngineError, Result};
use crate::engine::kernels;
use crate::engine::weights::Weights;

/// `vae/config.json`, as far as it varies between models of this topology.
#[derive(Clone, Debug, Deserialize)]
pub struct VaeConfig {
    /// Channels of each block, the finest first.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks in each encoder block; decoder blocks have one more.
    pub layers_per_block: usize,
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Groups of the norms.
    pub norm_num_groups: usize,
    /// What the UNet's latents are multiplied by.
    #[serde(default = "default_scaling")]
    pub scaling_factor: f64,
    in_channels: usize,
    out_channels: usize,
    #[serde(default)]
    shift_factor: Option<f64>,
    #[serde(default)]
    act_fn: Option<String>,
    #[serde(default)]
    down_block_types: Option<Vec<String>>,
    #[serde(default)]
    up_block_types: Option<Vec<String>>,
    #[serde(default)]
    mid_block_add_attention: Option<bool>,
    #[serde(default)]
    use_quant_conv: Option<bool>,
    #[serde(default)]
    use_post_quant_conv: Option<bool>,
}

/// The widest layer that a configuration may ask for: far above any, and products of a few such numbers still fit.
const MOST_WIDE: usize = 1 << 16;

/// What Stable Diffusion XL's autoencoder, whose shapes are the same, multiplies its latents by.
const XL_SCALING: f64 = 0.130_25;

fn default_scaling() -> f64 {
    0.18215
}

impl VaeConfig {
    /// Checks that the topology is one that this autoencoder has.
    ///
    /// # Errors
    /// Names the setting that is not supported.
    pub fn check(&self, file: &str) -> Result<()> {
        let refuse = |what: String| Err(EngineError::Unsupported { file: file.into(), what });
        if self.in_channels != 3 || self.out_channels != 3 {
            return refuse(format!("{} channels in, {} out where 3 are needed", self.in_channels, self.out_channels));
        }
        let blocks = self.block_out_channels.len();
        if !(1..=8).contains(&blocks) || self.norm_num_groups == 0 {
            return refuse(format!("{blocks} blocks, where 1 to 8 can be, or no norm groups"));
        }
        if !(1..=16).contains(&self.layers_per_block) || !(1..=64).contains(&self.latent_channels) {
            let (layers, channels) = (self.layers_per_block, self.latent_channels);
            return refuse(format!(
                "layers_per_block {layers}, where 1 to 16 can be, or latent_channels {channels}, 1 to 64"
            ));
        }
        if let Some(width) = self.block_out_channels.iter().find(|width| **width > MOST_WIDE) {
            return refuse(format!("a block of {width} channels, where 1 to {MOST_WIDE} can be"));
        }
        if (self.scaling_factor - XL_SCALING).abs() < 1e-9 {
            return refuse(format!("scaling_factor {XL_SCALING}: this is the autoencoder of Stable Diffusion XL"));
        }
        if !(1e-6..1e6).contains(&self.scaling_factor) {
            return refuse(format!("scaling_factor {}, which must be above 0 and finite", self.scaling_factor));
        }
        if self.shift_factor.is_some_and(|shift| shift != 0.0) {
            return refuse("shift_factor, as Stable Diffusion 3's and Flux's autoencoders have it".into());
        }
        if let Some(name) = self.act_fn.as_ref().filter(|name| *name != "silu") {
            return refuse(format!("act_fn {name}"));
        }
        for (types, plain) in
            [(&self.down_block_types, "DownEncoderBlock2D"), (&self.up_block_types, "UpDecoderBlock2D")]
        {
            let Some(types) = types else { continue };
            if let Some(name) = types.iter().find(|name| *name != plain) {
                return refuse(format!("block type {name}"));
            }
            if types.len() != blocks {
                return refuse(format!("{} block types for {blocks} blocks", types.len()));
            }
        }
        for (name, has) in [
            ("mid_block_add_attention", self.mid_block_add_attention),
            ("use_quant_conv", self.use_quant_conv),
            ("use_post_quant_conv", self.use_post_quant_conv),
        ] {
            if has == Some(false) {
                return refuse(format!("{name} false"));
            }
        }
        match self.block_out_channels.iter().find(|&&width| width == 0 || width % self.norm_num_groups != 0) {
            Some(width) => {
                refuse(format!("{width} channels cannot be split into {} norm groups", self.norm_num_groups))
            }
            None => Ok(()),
        }
    }

    /// Pixels a latent pixel stands for, along one side.
    pub fn factor(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    fn resnet(&self, input: usize, output: usize) -> ResnetConfig {
        ResnetConfig { input, output, place: None, time: None, groups: self.norm_num_groups, epsilon: 1e-6 }
    }
}

/// One head of self-attention over the whole feature map.
#[derive(Clone, Debug)]
struct SpatialAttention {
    norm: GroupNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
}

impl SpatialAttention {
    fn load(weights: &Weights<'_>, config: &VaeConfig, channels: usize) -> Result<Self> {
        // Older exports of the very same layers call them by other names.
        let linear = |name: &str, old: &str| {
            let name = if weights.has(&format!("{old}.weight")) { old } else { name };
            Linear::load(&weights.at(name), channels, channels, Bias::Yes)
        };
        Ok(Self {
            norm: GroupNorm::load(&weights.at("group_norm"), channels, config.norm_num_groups, 1e-6)?,
            query: linear("to_q", "query")?,
            key: linear("to_k", "key")?,
            value: linear("to_v", "value")?,
            out: linear("to_out.0", "proj_attn")?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [rows, channels, height, width] = x.dims();
        let tokens =
            self.norm.forward(x.clone(), Then::Nothing).reshape([rows, channels, height * width]).swap_dims(1, 2);
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|linear| linear.forward(tokens.clone()));
        let out = self.out.forward(kernels::attention(query, key, value, 1));
        x + out.swap_dims(1, 2).reshape([rows, channels, height, width])
    }
}

#[derive(Clone, Debug)]
struct MidBlock {
    before: Resnet,
    attention: SpatialAttention,
    after: Resnet,
}

impl MidBlock {
    fn load(weights: &Weights<'_>, config: &VaeConfig, channels: usize) -> Result<Self> {
        let resnet = config.resnet(channels, channels);
        Ok(Self {
            before: Resnet::load(&weights.at("resnets.0"), resnet)?,
            attention: SpatialAttention::load(&weights.at("attentions.0"), config, channels)?,
            after: Resnet::load(&weights.at("resnets.1"), resnet)?,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.after.forward(self.attention.forward(self.before.forward(x, None, &mut ())), None, &mut ())
    }
}

#[derive(Clone, Debug)]
struct Stage {
    resnets: Vec<Resnet>,
    resample: Option<Conv2d>,
}

#[derive(Clone, Debug)]
struct Encoder {
    conv_in: Conv2d,
    stages: Vec<Stage>,
    mid: MidBlock,
    norm: GroupNorm,
    conv_out: Conv2d,
}

#[derive(Clone, Debug)]
struct Decoder {
    conv_in: Conv2d,
    mid: MidBlock,
    stages: Vec<Stage>,
    norm: GroupNorm,
    conv_out: Conv2d,
}

/// The autoencoder.
#[derive(Clone, Debug)]
pub struct Vae {
    /// Its configuration.
    pub config: VaeConfig,
    encoder: Encoder,
    quant_conv: Conv2d,
    post_quant_conv: Conv2d,
    decoder: Decoder,
}

impl Vae {
    /// Loads the autoencoder.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: VaeConfig) -> Result<Self> {
        let latent = config.latent_channels;
        Ok(Self {
            encoder: load_encoder(&weights.at("encoder"), &config)?,
            quant_conv: Conv2d::load(&weights.at("quant_conv"), latent * 2, latent * 2, 1)?,
            post_quant_conv: Conv2d::load(&weights.at("post_quant_conv"), latent, latent, 1)?,
            decoder: load_decoder(&weights.at("decoder"), &config)?,
            config,
        })
    }

    /// The mean of the posterior, before scaling.
    ///
    /// # Shapes
    /// `[rows, 3, H, W]` in -1..1 to `[rows, latent_channels, H / factor, W / factor]`.
    pub fn encode(&self, pictures: Tensor<4>) -> Tensor<4> {
        let mut x = self.encoder.conv_in.forward(pictures);
        for stage in &self.encoder.stages {
            for resnet in &stage.resnets {
                x = resnet.forward(x, None, &mut ());
            }
            if let Some(downsample) = &stage.resample {
                // diffusers pads right and below only.
                x = downsample.forward(x.pad([(0, 1), (0, 1)], PadMode::Constant(0.0)));
            }
        }
        x = self.encoder.mid.forward(x);
        x = self.encoder.conv_out.forward(self.encoder.norm.forward(x, Then::Silu));
        self.quant_conv.forward(x).narrow(1, 0, self.config.latent_channels)
    }

    /// # Shapes
    /// `[rows, latent_channels, h, w]`, unscaled, to `[rows, 3, h * factor, w * factor]` around -1..1.
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let mut x = self.decoder.conv_in.forward(self.post_quant_conv.forward(latents));
        x = self.decoder.mid.forward(x);
        for stage in &self.decoder.stages {
            for resnet in &stage.resnets {
                x = resnet.forward(x, None, &mut ());
            }
            if let Some(upsample) = &stage.resample {
                x = upsample.forward(upsample_nearest(x));
            }
        }
        self.decoder.conv_out.forward(self.decoder.norm.forward(x, Then::Silu))
    }

    /// A picture's latent as the UNet sees it: the posterior's mean times the scaling factor.
    pub fn encode_scaled(&self, pictures: Tensor<4>) -> Tensor<4> {
        self.encode(pictures) * self.config.scaling_factor
    }

    /// The inverse of [`Vae::encode_scaled`].
    pub fn decode_scaled(&self, latents: Tensor<4>) -> Tensor<4> {
        self.decode(latents / self.config.scaling_factor)
    }
}

fn load_encoder(weights: &Weights<'_>, config: &VaeConfig) -> Result<Encoder> {
    let widths = &config.block_out_channels;
    let last = widths[widths.len() - 1];
    let stage = |index: usize| {
        let at = weights.at(format!("down_blocks.{index}"));
        let entry = if index == 0 { widths[0] } else { widths[index - 1] };
        let resnets = load_resnets(&at, config, entry, widths[index], config.layers_per_block)?;
        let downsample = || Conv2d::load(&at.at("downsamplers.0.conv"), widths[index], widths[index], 3);
        let resample = if index + 1 == widths.len() { None } else { Some(downsample()?.strided(2, 0)) };
        Ok(Stage { resnets, resample })
    };
    Ok(Encoder {
        conv_in: Conv2d::load(&weights.at("conv_in"), 3, widths[0], 3)?,
        stages: (0..widths.len()).map(stage).collect::<Result<_>>()?,
        mid: MidBlock::load(&weights.at("mid_block"), config, last)?,
        norm: GroupNorm::load(&weights.at("conv_norm_out"), last, config.norm_num_groups, 1e-6)?,
        conv_out: Conv2d::load(&weights.at("conv_out"), last, config.latent_channels * 2, 3)?,
    })
}

fn load_decoder(weights: &Weights<'_>, config: &VaeConfig) -> Result<Decoder> {
    let widths: Vec<usize> = config.block_out_channels.iter().rev().copied().collect();
    let (first, last) = (widths[0], widths[widths.len() - 1]);
    let stage = |index: usize| {
        let at = weights.at(format!("up_blocks.{index}"));
        let entry = if index == 0 { first } else { widths[index - 1] };
        let resnets = load_resnets(&at, config, entry, widths[index], config.layers_per_block + 1)?;
        let upsample = || Conv2d::load(&at.at("upsamplers.0.conv"), widths[index], widths[index], 3);
        let resample = if index + 1 == widths.len() { None } else { Some(upsample()?) };
        Ok(Stage { resnets, resample })
    };
    Ok(Decoder {
        conv_in: Conv2d::load(&weights.at("conv_in"), config.latent_channels, first, 3)?,
        mid: MidBlock::load(&weights.at("mid_block"), config, first)?,
        stages: (0..widths.len()).map(stage).collect::<Result<_>>()?,
        norm: GroupNorm::load(&weights.at("conv_norm_out"), last, config.norm_num_groups, 1e-6)?,
        conv_out: Conv2d::load(&weights.at("conv_out"), last, 3, 3)?,
    })
}

fn load_resnets(
    at: &Weights<'_>,
    config: &VaeConfig,
    entry: usize,
    output: usize,
    layers: usize,
) -> Result<Vec<Resnet>> {
    (0..layers)
        .map(|layer| {
            let input = if layer == 0 { entry } else { output };
            Resnet::load(&at.at(format!("resnets.{layer}")), config.resnet(input, output))
        })
        .collect()
}
