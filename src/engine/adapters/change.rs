//! What an adapter's file holds, in one form for all formats, before any strength.

use std::collections::BTreeMap;

/// An array of numbers with its shape, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The numbers; as many as the shape says.
    pub values: Vec<f32>,
    /// Its sizes, the slowest first.
    pub shape: Vec<usize>,
}

/// What a file adds to one linear layer or convolution with the weight W `[out, in]` or `[out, in, kh, kw]`, at
/// strength 1: `W' = W + s · ΔW`. The factor alpha / rank (or what the trainer uses in its place) is in `scale`.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// `ΔW = scale · up · (mid ·) down`: LoRA and LoCon, and LoHa where its rank² is less than the layer's width.
    LowRank {
        /// `[rank, in]`, or of a convolution `[rank, in, kh, kw]`; with `mid` `[rank, in, 1, 1]`.
        down: Array,
        /// Tucker's core of a convolution, `[rank, rank, kh, kw]`.
        mid: Option<Array>,
        /// `[out, rank]`
        up: Array,
        /// alpha / rank, unless the trainer means something else.
        scale: f32,
    },
    /// `ΔW = scale · (left ⊗ right)`, Kronecker's product: LoKr, as its two small products.
    Kronecker {
        /// `[a, b]`
        left: Array,
        /// `[c, d]`, or of a convolution `[c, d, kh, kw]`; out = a · c, in = b · d.
        right: Array,
        /// alpha / rank where one of them was split.
        scale: f32,
    },
    /// `ΔW = W ⊙ weight`, along the inputs or the outputs: IA3.
    Scaled {
        /// As long as the layer has inputs or outputs.
        weight: Vec<f32>,
        /// Along the inputs; else along the outputs.
        on_input: bool,
    },
    /// ΔW itself, `[out, in]` or `[out, in, kh, kw]`: a LoHa whose rank² is past the layer's width.
    Dense {
        /// ΔW, with its scale multiplied in.
        delta: Array,
    },
}

/// A word that a file brings, with what stands for it in place of a token's embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The word as its file calls it: `<mint_cat_1>` of an ED-LoRA, the file's stem or the token of a textual inversion.
    pub name: String,
    /// How many tokens of a prompt it takes up.
    pub vectors: usize,
    /// Embeddings of each, one a cross-attention layer of the UNet (ED-LoRA), or 1 for all layers.
    pub layers: usize,
    /// Width of an embedding.
    pub width: usize,
    /// `[vectors, layers, width]`
    pub values: Vec<f32>,
}

/// What kind of file it is, as people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Mix-of-Show's: two layer-wise tokens with low-rank changes.
    EdLora,
    /// Low-rank changes of linear layers.
    Lora,
    /// Low-rank changes of convolutions too.
    LoCon,
    /// Products of two low-rank changes.
    LoHa,
    /// Kronecker's products.
    LoKr,
    /// Scaled weights.
    Ia3,
    /// Words only.
    TextualInversion,
}

/// What an adapter's file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterFile {
    /// The file, for messages.
    pub file: String,
    /// What kind it is.
    pub kind: Kind,
    /// Changes of the UNet by diffusers' module path, such as `down_blocks.0.resnets.0.conv1`.
    pub unet: BTreeMap<String, Change>,
    /// Changes of the text encoder by module path, such as `text_model.encoder.layers.0.mlp.fc1`.
    pub text_encoder: BTreeMap<String, Change>,
    /// The words it brings, in order.
    pub embeddings: Vec<Embedding>,
    /// Words that its pictures were captioned with, the most frequent first, with how often; from its metadata.
    pub trigger_words: Vec<(String, u32)>,
    /// Tensors that were understood to be of no use here, by name, with why.
    pub left_aside: Vec<(String, String)>,
}
