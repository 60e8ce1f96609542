//! What a model is, in numbers. Finding them out and what follows from them is the engine's (`engine/inspect.rs`).

use std::path::PathBuf;

use crate::project::settings::Prediction;

/// One part of a model: a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReport {
    /// `text_encoder`, `unet` or `vae`, as the folder is called.
    pub name: &'static str,
    /// Tensors.
    pub tensors: usize,
    /// Numbers.
    pub parameters: u64,
    /// How they are stored, such as `F16`; several where they differ.
    pub dtype: String,
    /// Bytes of its files.
    pub bytes_on_disk: u64,
    /// Bytes of its weights while the engine computes: in f32, unless it was asked for another holding.
    pub bytes_in_memory: u64,
}

/// What a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelReport {
    /// The folder's or file's name, or `built-in miniature`.
    pub name: String,
    /// The folder or file; none for the built-in model.
    pub folder: Option<PathBuf>,
    /// Text encoder, UNet, autoencoder.
    pub parts: Vec<PartReport>,
    /// Bytes of all weights while the engine computes, likewise.
    pub total_bytes: u64,
    /// Channels of the latent.
    pub latent_channels: usize,
    /// Pixels a cell of the latent stands for, along one side.
    pub latent_factor: usize,
    /// The side of the pictures that it was trained on, in pixels, where its configuration says it.
    pub picture_side: Option<u32>,
    /// What both sides of the canvas must be a multiple of, in pixels.
    pub canvas_multiple: usize,
    /// Width of the text context.
    pub context_width: usize,
    /// Tokens that a prompt is padded or cut to.
    pub tokens: usize,
    /// Layers of the text encoder.
    pub text_layers: usize,
    /// Cross-attention layers of the UNet: as many embeddings each token of a concept must have.
    pub cross_attention_layers: usize,
    /// Channels of the UNet's blocks, the finest first.
    pub channels: Vec<usize>,
    /// Attention heads of the UNet's blocks, the finest first.
    pub heads: Vec<usize>,
    /// How often the latent's grid is halved where self-attention is clustered; none where the model has no such layer.
    pub clustered_level: Option<usize>,
    /// Likewise where attention to the prompt is looked at.
    pub looked_level: Option<usize>,
    /// Channels of the autoencoder's finest two blocks.
    pub picture_channels: [usize; 2],
    /// What the network predicts, by its files: noise or velocity.
    pub prediction: Prediction,
    /// Whether its last timestep is noise alone, as the rule is for models that predict velocity.
    pub zero_snr: bool,
    /// What its user should know: what was chosen among several files, what was left aside, what is odd.
    pub notes: Vec<String>,
}
