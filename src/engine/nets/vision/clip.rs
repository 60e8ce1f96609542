//! CLIP's image encoder and what projects its texts: pictures and words as vectors side by side.

use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::block::{Between, Block, Names, Qkv, Wide};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::clip::{ClipConfig, TextEncoder};
use crate::engine::nets::layers::{Activation, Bias, LayerNorm, Linear};
use crate::engine::weights::Weights;

/// `vision_config` of CLIP's `config.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct ClipVisionConfig {
    /// Width of a token.
    pub hidden_size: usize,
    /// Width inside the feed-forward.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Channels of a picture.
    pub num_channels: usize,
    /// The side of the pictures that it reads, pixels.
    pub image_size: usize,
    /// The side of a patch, pixels.
    pub patch_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

/// The most that a setting may ask for: far above any, and products of a few such numbers still fit.
const MOST: usize = 1 << 16;

/// Checks numbers that any vision transformer has, in words of its configuration.
///
/// # Errors
/// Names the setting.
pub(super) fn check(
    file: &str,
    numbers: &[(&str, usize)],
    [width, heads]: [usize; 2],
    [side, patch, channels]: [usize; 3],
    epsilon: f64,
) -> Result<()> {
    let refuse = |what: String| Err(EngineError::Malformed { file: file.into(), what });
    for (name, value) in numbers {
        if !(1..=MOST).contains(value) {
            return refuse(format!("{name} {value}, where 1 to {MOST} can be"));
        }
    }
    if !width.is_multiple_of(heads) {
        return refuse(format!("width {width} cannot be split into {heads} heads"));
    }
    if patch > side {
        return refuse(format!("patch_size {patch}, which is more than the picture's {side}"));
    }
    if channels != 3 {
        return refuse(format!("num_channels {channels}, and pictures have 3"));
    }
    if !(epsilon > 0.0 && epsilon < 1.0) {
        return refuse(format!("layer_norm_eps {epsilon}, which must lie between 0 and 1"));
    }
    Ok(())
}

/// The activation of a configuration.
///
/// # Errors
/// Names it where it is none of those that there are.
pub(super) fn activation(name: &str, file: &str) -> Result<Activation> {
    Activation::named(name).ok_or_else(|| {
        let what = format!("hidden_act {name}, where gelu and quick_gelu are known");
        EngineError::Malformed { file: file.into(), what }
    })
}

impl ClipVisionConfig {
    /// Checks that the encoder can be built.
    ///
    /// # Errors
    /// Names the setting that cannot be.
    pub fn check(&self, file: &str) -> Result<()> {
        let numbers = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
        ];
        let cells = [self.image_size, self.patch_size, self.num_channels];
        check(file, &numbers, [self.hidden_size, self.num_attention_heads], cells, self.layer_norm_eps)?;
        activation(&self.hidden_act, file).map(drop)
    }

    /// Patches along a side.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

/// What CLIP calls the parts of a layer.
const NAMES: Names = Names {
    norm1: "layer_norm1",
    mixed: Qkv::Each(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]),
    out: "self_attn.out_proj",
    norm2: "layer_norm2",
    feed: ["mlp.fc1", "mlp.fc2"],
    scales: None,
};

/// The image encoder.
#[derive(Clone, Debug)]
pub struct ClipVision {
    patches: Linear,
    /// The token that becomes the picture's vector, with its position: `[1, 1, width]`.
    class: Tensor<3>,
    /// Of the patches: `[1, patches, width]`.
    positions: Tensor<3>,
    before: LayerNorm,
    blocks: Vec<Block>,
    after: LayerNorm,
    projection: Linear,
}

impl ClipVision {
    /// Loads the encoder; its vectors have `projected` numbers.
    ///
    /// # Errors
    /// When the configuration cannot be, or a tensor is missing or misshapen.
    pub fn load(weights: &Weights<'_>, config: &ClipVisionConfig, projected: usize, file: &str) -> Result<Self> {
        config.check(file)?;
        let activation = activation(&config.hidden_act, file)?;
        let (width, epsilon, patches) = (config.hidden_size, config.layer_norm_eps, config.grid() * config.grid());
        let wide = Wide { width, inner: config.intermediate_size, heads: config.num_attention_heads, epsilon };
        let at = weights.at("vision_model");
        let embeddings = at.at("embeddings");
        let positions: Tensor<2> = embeddings.at("position_embedding").tensor("weight", [patches + 1, width])?;
        let class: Tensor<1> = embeddings.tensor("class_embedding", [width])?;
        let class = class.unsqueeze::<2>() + positions.clone().narrow(0, 0, 1);
        let block = |index: usize| {
            let at = at.at(format!("encoder.layers.{index}"));
            Block::load(&at, &NAMES, wide, Between::Plain(activation), Bias::Yes)
        };
        Ok(Self {
            patches: Linear::load_patches(
                &embeddings.at("patch_embedding"),
                config.num_channels,
                config.patch_size,
                width,
                Bias::No,
            )?,
            class: class.unsqueeze::<3>(),
            positions: positions.narrow(0, 1, patches).unsqueeze::<3>(),
            // So it is spelt.
            before: LayerNorm::load(&at.at("pre_layrnorm"), width, epsilon)?,
            blocks: (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?,
            after: LayerNorm::load(&at.at("post_layernorm"), width, epsilon)?,
            projection: Linear::load(&weights.at("visual_projection"), width, projected, Bias::No)?,
        })
    }

    /// # Shapes
    /// Pictures' patches, row by row, `[rows, patches, channels · side · side]`, to a vector each, `[rows, projected]`.
    pub fn forward(&self, patches: Tensor<3>) -> Tensor<2> {
        let [rows, ..] = patches.dims();
        let tokens = self.patches.forward(patches) + self.positions.clone();
        let x = Tensor::cat(vec![self.class.clone().repeat_dim(0, rows), tokens], 1);
        let x = self.blocks.iter().fold(self.before.forward(x), |x, block| block.forward(x));
        let pooled = self.after.forward(x.narrow(1, 0, 1));
        let vector = self.projection.forward(pooled);
        let [rows, _, projected] = vector.dims();
        vector.reshape([rows, projected])
    }
}

/// The text encoder with its projection.
#[derive(Clone, Debug)]
pub struct ClipText {
    encoder: TextEncoder,
    projection: Linear,
}

impl ClipText {
    /// Loads the encoder; its vectors have `projected` numbers.
    ///
    /// # Errors
    /// When the configuration cannot be, or a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights<'_>,
        config: &ClipConfig,
        projected: usize,
        device: &Device,
        file: &str,
    ) -> Result<Self> {
        // How sure CLIP is of its classes: a factor that no cosine has.
        weights.leave("logit_scale", &[])?;
        Ok(Self {
            encoder: TextEncoder::load(weights, config.clone(), device, file)?,
            projection: Linear::load(&weights.at("text_projection"), config.hidden_size, projected, Bias::No)?,
        })
    }

    /// The vector of a text whose last token that counts is at `end`.
    ///
    /// # Shapes
    /// As many ids as the encoder reads to `[1, projected]`.
    pub fn forward(&self, ids: Vec<u32>, end: usize) -> Tensor<2> {
        let x = self.encoder.forward(self.encoder.embed(&[ids]), &());
        let vector = self.projection.forward(x.narrow(1, end, 1));
        let [rows, _, projected] = vector.dims();
        vector.reshape([rows, projected])
    }
}
