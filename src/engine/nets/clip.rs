//! CLIP's text encoder: token embeddings to the last hidden state, after the final layer norm.

use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::module::attention;
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use serde::Deserialize;

use super::attention::{join_heads, split_heads};
use super::layers::{Bias, LayerNorm, Linear};
use crate::engine::error::{EngineError, Result};
use crate::engine::weights::Weights;

/// `text_encoder/config.json`, as far as it varies between models of this topology.
#[derive(Clone, Debug, Deserialize)]
pub struct ClipConfig {
    /// Width of the embeddings and of the context.
    pub hidden_size: usize,
    /// Width inside the feed-forward.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Tokens a prompt is padded or cut to.
    pub max_position_embeddings: usize,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    hidden_act: String,
    layer_norm_eps: f64,
}

/// The activation of the feed-forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    QuickGelu,
    Gelu,
}

/// A linear layer of the text encoder that a LoRA may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextProjection {
    /// `q_proj`
    Query,
    /// `k_proj`
    Key,
    /// `v_proj`
    Value,
    /// `out_proj`
    Out,
}

impl TextProjection {
    /// All four, with their names in a checkpoint.
    pub const ALL: [(TextProjection, &str); 4] =
        [(Self::Query, "q_proj"), (Self::Key, "k_proj"), (Self::Value, "v_proj"), (Self::Out, "out_proj")];
}

/// What a concept adds to the text encoder's projections.
pub trait TextTap {
    /// `input` and `output` are `[rows, tokens, width]`; returns what the layer goes on with.
    fn project(&self, layer: usize, which: TextProjection, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3>;
}

/// The plain encoder.
impl TextTap for () {
    fn project(&self, _: usize, _: TextProjection, _: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        output
    }
}

#[derive(Clone, Debug)]
struct Layer {
    norm1: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

/// The text encoder.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    /// Its configuration.
    pub config: ClipConfig,
    device: Device,
    /// `[vocab, width]`
    tokens: Tensor<2>,
    /// `[positions, width]`
    positions: Tensor<2>,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
    activation: Activation,
}

impl TextEncoder {
    /// Loads the encoder.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen, or the activation is unknown.
    pub fn load(weights: &Weights<'_>, config: ClipConfig, device: &Device, file: &str) -> Result<Self> {
        let activation = match config.hidden_act.as_str() {
            "quick_gelu" => Activation::QuickGelu,
            "gelu" => Activation::Gelu,
            other => return Err(EngineError::Unsupported { file: file.into(), what: format!("hidden_act {other}") }),
        };
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            let what =
                format!("width {} cannot be split into {} heads", config.hidden_size, config.num_attention_heads);
            return Err(EngineError::Unsupported { file: file.into(), what });
        }
        let at = weights.at("text_model");
        let width = config.hidden_size;
        let layers = (0..config.num_hidden_layers)
            .map(|index| load_layer(&at.at(format!("encoder.layers.{index}")), &config))
            .collect::<Result<_>>()?;
        Ok(Self {
            device: device.clone(),
            tokens: at.at("embeddings.token_embedding").tensor("weight", [config.vocab_size, width])?,
            positions: at
                .at("embeddings.position_embedding")
                .tensor("weight", [config.max_position_embeddings, width])?,
            layers,
            final_norm: LayerNorm::load(&at.at("final_layer_norm"), width, config.layer_norm_eps)?,
            activation,
            config,
        })
    }

    /// The embeddings of token ids, without positions.
    ///
    /// # Shapes
    /// One row of ids a prompt to `[prompts, tokens, width]`.
    pub fn embed(&self, ids: &[Vec<u32>]) -> Tensor<3> {
        let tokens = ids.first().map_or(0, Vec::len);
        let flat: Vec<i32> = ids.iter().flatten().map(|&id| id as i32).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(flat, [ids.len() * tokens]), &self.device);
        self.tokens.clone().select(0, indices).reshape([ids.len(), tokens, self.config.hidden_size])
    }

    /// Encodes embedded prompts.
    ///
    /// # Shapes
    /// `[rows, tokens, width]`, unchanged.
    pub fn forward(&self, embeddings: Tensor<3>, tap: &dyn TextTap) -> Tensor<3> {
        let [_, tokens, _] = embeddings.dims();
        let mut x = embeddings + self.positions.clone().narrow(0, 0, tokens).unsqueeze::<3>();
        // True hides: a token sees itself and what came before.
        let future: Tensor<4, Bool> = Tensor::<2, Bool>::tril_mask([tokens, tokens], 0, &self.device).unsqueeze();
        for (index, layer) in self.layers.iter().enumerate() {
            let h = layer.norm1.forward(x.clone());
            let heads = |linear: &Linear, which| {
                split_heads(tap.project(index, which, &h, linear.forward(h.clone())), self.config.num_attention_heads)
            };
            let query = heads(&layer.query, TextProjection::Query);
            let key = heads(&layer.key, TextProjection::Key);
            let value = heads(&layer.value, TextProjection::Value);
            let [rows, count, ..] = query.dims();
            let mask = future.clone().expand([rows, count, tokens, tokens]);
            let mixed = join_heads(attention(query, key, value, Some(mask), None, Default::default()));
            x = x + tap.project(index, TextProjection::Out, &mixed, layer.out.forward(mixed.clone()));
            let h = layer.fc1.forward(layer.norm2.forward(x.clone()));
            let h = match self.activation {
                Activation::QuickGelu => h.clone() * sigmoid(h * 1.702),
                Activation::Gelu => gelu(h),
            };
            x = x + layer.fc2.forward(h);
        }
        self.final_norm.forward(x)
    }
}

fn load_layer(at: &Weights<'_>, config: &ClipConfig) -> Result<Layer> {
    let width = config.hidden_size;
    let attention = |name: &str| Linear::load(&at.at("self_attn").at(name), width, width, Bias::Yes);
    Ok(Layer {
        norm1: LayerNorm::load(&at.at("layer_norm1"), width, config.layer_norm_eps)?,
        query: attention("q_proj")?,
        key: attention("k_proj")?,
        value: attention("v_proj")?,
        out: attention("out_proj")?,
        norm2: LayerNorm::load(&at.at("layer_norm2"), width, config.layer_norm_eps)?,
        fc1: Linear::load(&at.at("mlp.fc1"), width, config.intermediate_size, Bias::Yes)?,
        fc2: Linear::load(&at.at("mlp.fc2"), config.intermediate_size, width, Bias::Yes)?,
    })
}
