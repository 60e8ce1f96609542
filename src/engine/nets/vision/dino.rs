//! DINOv2, with and without registers: pictures to vectors that say what stands in them.

use burn::tensor::{Device, Tensor};
use serde::Deserialize;

use super::block::{Between, Block, Names, Qkv, Wide};
use super::clip::{activation, check};
use super::resample::{Filter, Mixed, antialiased, plain};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::layers::{Bias, LayerNorm, Linear, upload};
use crate::engine::pictures::host;
use crate::engine::weights::Weights;

/// DINOv2's `config.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct DinoConfig {
    /// Width of a token.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Channels of a picture.
    pub num_channels: usize,
    /// The side of the pictures that it was trained on last, pixels. It reads others too.
    pub image_size: usize,
    /// The side of a patch, pixels.
    pub patch_size: usize,
    /// Tokens that belong to no patch, for whatever the layers keep there.
    #[serde(default)]
    pub num_register_tokens: usize,
    mlp_ratio: f64,
    hidden_act: String,
    layer_norm_eps: f64,
    qkv_bias: bool,
    use_swiglu_ffn: bool,
}

impl DinoConfig {
    /// Checks that the encoder can be built.
    ///
    /// # Errors
    /// Names the setting that cannot be.
    pub fn check(&self, file: &str) -> Result<()> {
        let numbers = [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            // None is well, too.
            ("num_register_tokens", self.num_register_tokens.max(1)),
        ];
        if !(self.mlp_ratio > 0.0 && self.mlp_ratio <= 64.0) {
            let what = format!("mlp_ratio {}, which must lie between 0 and 64", self.mlp_ratio);
            return Err(EngineError::Malformed { file: file.into(), what });
        }
        let cells = [self.image_size, self.patch_size, self.num_channels];
        check(file, &numbers, [self.hidden_size, self.num_attention_heads], cells, self.layer_norm_eps)?;
        if self.inner() == 0 {
            let what = format!("mlp_ratio {}, which leaves the feed-forward no channel", self.mlp_ratio);
            return Err(EngineError::Malformed { file: file.into(), what });
        }
        activation(&self.hidden_act, file).map(drop)
    }

    /// Width inside the feed-forward; behind the gate where it has one.
    fn inner(&self) -> usize {
        let inner = (self.hidden_size as f64 * self.mlp_ratio) as usize;
        if self.use_swiglu_ffn { ((inner as f64 * 2.0 / 3.0) as usize).div_ceil(8) * 8 } else { inner }
    }
}

/// What transformers calls the parts of a layer of DINOv2.
const NAMES: Names = Names {
    norm1: "norm1",
    mixed: Qkv::Each(["attention.attention.query", "attention.attention.key", "attention.attention.value"]),
    out: "attention.output.dense",
    norm2: "norm2",
    feed: ["mlp.fc1", "mlp.fc2"],
    scales: Some(["layer_scale1.lambda1", "layer_scale2.lambda1"]),
};

/// What it calls those of the feed-forward where that has a gate.
const GATED: [&str; 2] = ["mlp.weights_in", "mlp.weights_out"];

/// DINOv2.
#[derive(Clone, Debug)]
pub struct Dino {
    patches: Linear,
    /// What stands before the patches, with the position of the first: `[1, 1 + registers, width]`.
    ahead: Tensor<3>,
    /// Of the patches: `[1, patches, width]`.
    positions: Tensor<3>,
    blocks: Vec<Block>,
    after: LayerNorm,
}

impl Dino {
    /// Loads the encoder for pictures of `size`, height and width in pixels.
    ///
    /// # Errors
    /// When the configuration cannot be, or a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights<'_>,
        config: &DinoConfig,
        size: [usize; 2],
        device: &Device,
        file: &str,
    ) -> Result<Self> {
        config.check(file)?;
        let (width, epsilon) = (config.hidden_size, config.layer_norm_eps);
        let wide = Wide { width, inner: config.inner(), heads: config.num_attention_heads, epsilon };
        let embeddings = weights.at("embeddings");
        if embeddings.has("mask_token") {
            // What training covers patches with.
            embeddings.leave("mask_token", &[1, width])?;
        }
        let side = config.image_size / config.patch_size;
        let positions: Tensor<3> = embeddings.tensor("position_embeddings", [1, side * side + 1, width])?;
        let class: Tensor<3> = embeddings.tensor("cls_token", [1, 1, width])?;
        let mut ahead = class + positions.clone().narrow(1, 0, 1);
        if config.num_register_tokens > 0 {
            let registers = embeddings.tensor("register_tokens", [1, config.num_register_tokens, width])?;
            ahead = Tensor::cat(vec![ahead, registers], 1);
        }
        let (between, names) = match config.use_swiglu_ffn {
            true => (Between::Gate, Names { feed: GATED, ..NAMES }),
            false => (Between::Plain(activation(&config.hidden_act, file)?), NAMES),
        };
        let bias = if config.qkv_bias { Bias::Yes } else { Bias::No };
        let block =
            |index: usize| Block::load(&weights.at(format!("encoder.layer.{index}")), &names, wide, between, bias);
        Ok(Self {
            patches: Linear::load_patches(
                &embeddings.at("patch_embeddings.projection"),
                config.num_channels,
                config.patch_size,
                width,
                Bias::Yes,
            )?,
            ahead,
            positions: resized(positions.narrow(1, 1, side * side), side, size, config, device),
            blocks: (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?,
            after: LayerNorm::load(&weights.at("layernorm"), width, epsilon)?,
        })
    }

    /// # Shapes
    /// Pictures' patches, row by row, `[rows, patches, channels · side · side]`, to a vector each, `[rows, width]`.
    pub fn forward(&self, patches: Tensor<3>) -> Tensor<2> {
        let [rows, ..] = patches.dims();
        let tokens = self.patches.forward(patches) + self.positions.clone();
        let x = Tensor::cat(vec![self.ahead.clone().repeat_dim(0, rows), tokens], 1);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let vector = self.after.forward(x.narrow(1, 0, 1));
        let [rows, _, width] = vector.dims();
        vector.reshape([rows, width])
    }
}

/// Positions of a square grid for the grid of a picture of another size.
///
/// Without registers as the authors' code and transformers 4 have it: a tenth of a cell is added to the size that is asked
/// for, so that rounding loses none, and stays in the step from cell to cell. With registers by the size alone, and with
/// antialiasing.
///
/// # Shapes
/// `[1, side · side, width]` to `[1, rows · columns, width]`.
fn resized(positions: Tensor<3>, side: usize, size: [usize; 2], config: &DinoConfig, device: &Device) -> Tensor<3> {
    let grid = size.map(|pixels| (pixels / config.patch_size).max(1));
    if grid[0] * grid[1] == side * side && size[0] == size[1] {
        return positions;
    }
    let width = config.hidden_size;
    let mixed = |along: usize, index: usize| -> Mixed {
        if config.num_register_tokens > 0 {
            antialiased(Filter::Bicubic, side, grid[along], index)
        } else {
            plain(side, side as f64 / (grid[along] as f64 + 0.1), index)
        }
    };
    let values = host(positions);
    let columns: Vec<Mixed> = (0..grid[1]).map(|index| mixed(1, index)).collect();
    let mut out = Vec::with_capacity(grid[0] * grid[1] * width);
    for row in (0..grid[0]).map(|index| mixed(0, index)) {
        for column in &columns {
            let mut cell = vec![0.0_f64; width];
            for (y, down) in &row.of {
                for (x, across) in &column.of {
                    let from = &values[(y * side + x) * width..][..width];
                    cell.iter_mut().zip(from).for_each(|(sum, value)| *sum += down * across * f64::from(*value));
                }
            }
            out.extend(cell.into_iter().map(|value| value as f32));
        }
    }
    upload(out, [1, grid[0] * grid[1], width], device)
}
