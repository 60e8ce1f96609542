//! CLIP's text encoder: token embeddings to the last hidden state, after the final layer norm.

use std::fmt;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use serde::Deserialize;

use super::layers::{Activation, Bias, LayerNorm, Linear, Sizes};
use crate::engine::error::{EngineError, Result};
use crate::engine::kernels;
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

impl ClipConfig {
    /// Checks that the topology is one that this encoder has.
    ///
    /// # Errors
    /// Names the setting that is not supported.
    pub fn check(&self, file: &str) -> Result<()> {
        let refuse = |what: String| Err(EngineError::Unsupported { file: file.into(), what });
        for (name, value, most) in [
            ("hidden_size", self.hidden_size, MOST_WIDE),
            ("intermediate_size", self.intermediate_size, MOST_WIDE),
            ("num_hidden_layers", self.num_hidden_layers, 100),
            ("num_attention_heads", self.num_attention_heads, MOST_WIDE),
            ("max_position_embeddings", self.max_position_embeddings, 10_000),
            ("vocab_size", self.vocab_size, 10_000_000),
        ] {
            if !(1..=most).contains(&value) {
                return refuse(format!("{name} {value}, where 1 to {most} can be"));
            }
        }
        // A start, an end, and something between.
        if self.max_position_embeddings < 3 {
            return refuse(format!("max_position_embeddings {}, which hold no prompt", self.max_position_embeddings));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return refuse(format!(
                "width {} cannot be split into {} heads",
                self.hidden_size, self.num_attention_heads
            ));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return refuse(format!("layer_norm_eps {}, which must lie between 0 and 1", self.layer_norm_eps));
        }
        match Activation::named(&self.hidden_act) {
            Some(_) => Ok(()),
            None => refuse(format!("hidden_act {}", self.hidden_act)),
        }
    }
}

/// The widest layer that a configuration may ask for: far above any, and products of a few such numbers still fit.
const MOST_WIDE: usize = 1 << 17;

/// Which of the linear layers of a text encoder's layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TextPart {
    /// `self_attn.q_proj`
    Query,
    /// `self_attn.k_proj`
    Key,
    /// `self_attn.v_proj`
    Value,
    /// `self_attn.out_proj`
    Out,
    /// `mlp.fc1`
    Expand,
    /// `mlp.fc2`
    Contract,
}

/// A linear layer of the text encoder: all that a LoRA may change. `Display` gives its module path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextLayer {
    /// The layer, counted from 0.
    pub index: usize,
    /// Which of its linear layers.
    pub part: TextPart,
}

impl fmt::Display for TextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.part {
            TextPart::Query => "self_attn.q_proj",
            TextPart::Key => "self_attn.k_proj",
            TextPart::Value => "self_attn.v_proj",
            TextPart::Out => "self_attn.out_proj",
            TextPart::Expand => "mlp.fc1",
            TextPart::Contract => "mlp.fc2",
        };
        write!(f, "text_model.encoder.layers.{}.{name}", self.index)
    }
}

impl ClipConfig {
    /// All linear layers of the encoder, each once.
    pub fn layers(&self) -> Vec<(TextLayer, Sizes)> {
        let (width, inner) = (self.hidden_size, self.intermediate_size);
        let parts = [
            (TextPart::Query, width, width),
            (TextPart::Key, width, width),
            (TextPart::Value, width, width),
            (TextPart::Out, width, width),
            (TextPart::Expand, width, inner),
            (TextPart::Contract, inner, width),
        ];
        let layer =
            |index| parts.map(|(part, input, output)| (TextLayer { index, part }, Sizes::linear(input, output)));
        (0..self.num_hidden_layers).flat_map(layer).collect()
    }
}

/// What a concept adds to the text encoder's linear layers.
pub trait TextTap {
    /// `input` is `[rows, tokens, in]`, `output` `[rows, tokens, out]`; returns what the pass goes on with.
    fn linear(&self, layer: TextLayer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3>;
}

/// The plain encoder.
impl TextTap for () {
    fn linear(&self, _: TextLayer, _: &Linear, _: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
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
    /// `[vocab, width]`, in f32 or f16
    tokens: Tensor<2>,
    /// `[positions, width]`
    positions: Tensor<2>,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
    activation: Activation,
    /// How many of the last layers are left out.
    skipped: usize,
}

impl TextEncoder {
    /// Loads the encoder.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen, or the activation is unknown.
    pub fn load(weights: &Weights<'_>, config: ClipConfig, device: &Device, file: &str) -> Result<Self> {
        config.check(file)?;
        // Checked just now.
        let activation = Activation::named(&config.hidden_act).unwrap_or(Activation::QuickGelu);
        let at = weights.at("text_model");
        let width = config.hidden_size;
        let layers = (0..config.num_hidden_layers)
            .map(|index| load_layer(&at.at(format!("encoder.layers.{index}")), &config))
            .collect::<Result<_>>()?;
        Ok(Self {
            device: device.clone(),
            tokens: at.at("embeddings.token_embedding").factor("weight", [config.vocab_size, width])?,
            positions: at
                .at("embeddings.position_embedding")
                .tensor("weight", [config.max_position_embeddings, width])?,
            layers,
            final_norm: LayerNorm::load(&at.at("final_layer_norm"), width, config.layer_norm_eps)?,
            activation,
            skipped: 0,
            config,
        })
    }

    /// The same encoder without its last `layers`. What is left is normalised as its end would be, as AUTOMATIC1111's WebUI
    /// does ("clip skip").
    #[must_use]
    pub fn skipping(&self, layers: usize) -> Self {
        Self { skipped: layers, ..self.clone() }
    }

    /// The embeddings of token ids, without positions.
    ///
    /// # Shapes
    /// One row of ids a prompt to `[prompts, tokens, width]`.
    pub fn embed(&self, ids: &[Vec<u32>]) -> Tensor<3> {
        let tokens = ids.first().map_or(0, Vec::len);
        let flat: Vec<i32> = ids.iter().flatten().map(|&id| id as i32).collect();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(flat, [ids.len() * tokens]), &self.device);
        let picked = self.tokens.clone().select(0, indices).cast(FloatDType::F32);
        picked.reshape([ids.len(), tokens, self.config.hidden_size])
    }

    /// Encodes embedded prompts.
    ///
    /// # Shapes
    /// `[rows, tokens, width]`, unchanged.
    pub fn forward(&self, embeddings: Tensor<3>, tap: &dyn TextTap) -> Tensor<3> {
        let [_, tokens, _] = embeddings.dims();
        let mut x = embeddings + self.positions.clone().narrow(0, 0, tokens).unsqueeze::<3>();
        let used = self.layers.len().saturating_sub(self.skipped);
        for (index, layer) in self.layers.iter().take(used).enumerate() {
            let linear = |of: &Linear, part, input: Tensor<3>| {
                let output = of.forward(input.clone());
                tap.linear(TextLayer { index, part }, of, &input, output)
            };
            let h = layer.norm1.forward(x.clone());
            let query = linear(&layer.query, TextPart::Query, h.clone());
            let key = linear(&layer.key, TextPart::Key, h.clone());
            let value = linear(&layer.value, TextPart::Value, h);
            let mixed = kernels::causal_attention(query, key, value, self.config.num_attention_heads);
            x = x + linear(&layer.out, TextPart::Out, mixed);
            let h = linear(&layer.fc1, TextPart::Expand, layer.norm2.forward(x.clone()));
            x = x + linear(&layer.fc2, TextPart::Contract, self.activation.forward(h));
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
