//! BLIP (arXiv 2201.12086): a transformer over a picture's patches, with the names that timm has for its layers, and BERT,
//! which reads words and looks at the patches between its own attention and its feed-forward in every layer.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::block::{Between, Block, Names, Qkv, Wide};
use crate::engine::error::Result;
use crate::engine::kernels;
use crate::engine::nets::layers::{Activation, Bias, LayerNorm, Linear};
use crate::engine::weights::Weights;

/// How large the image encoder is.
#[derive(Clone, Debug)]
pub struct SeeingSizes {
    /// Width of a token.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
    /// Patches along a side.
    pub grid: usize,
    /// The side of a patch, pixels.
    pub patch: usize,
    /// What the norms add to the variance.
    pub epsilon: f64,
}

/// How large BERT is.
#[derive(Clone, Debug)]
pub struct ReadingSizes {
    /// Width of a token.
    pub width: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// Width inside the feed-forward.
    pub inner: usize,
    /// Words and parts of words that it knows.
    pub vocabulary: usize,
    /// The most tokens of a text.
    pub positions: usize,
    /// Width of the tokens that it looks at.
    pub seen: usize,
    /// What the norms add to the variance.
    pub epsilon: f64,
    /// Within the feed-forward.
    pub activation: Activation,
}

/// What timm calls the parts of a layer.
const NAMES: Names = Names {
    norm1: "norm1",
    mixed: Qkv::AtOnce("attn.qkv"),
    out: "attn.proj",
    norm2: "norm2",
    feed: ["mlp.fc1", "mlp.fc2"],
    scales: None,
};

/// The image encoder.
#[derive(Clone, Debug)]
pub struct Seeing {
    patches: Linear,
    /// What stands before the patches, with its position: `[1, 1, width]`.
    class: Tensor<3>,
    /// Of the patches: `[1, patches, width]`.
    positions: Tensor<3>,
    blocks: Vec<Block>,
    after: LayerNorm,
}

impl Seeing {
    /// Loads the encoder.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(at: &Weights<'_>, sizes: &SeeingSizes) -> Result<Self> {
        /// Red, green and blue.
        const CHANNELS: usize = 3;
        let SeeingSizes { width, heads, inner, epsilon, .. } = *sizes;
        let (wide, count) = (Wide { width, inner, heads, epsilon }, sizes.grid * sizes.grid);
        let positions: Tensor<3> = at.tensor("pos_embed", [1, count + 1, width])?;
        let class: Tensor<3> = at.tensor("cls_token", [1, 1, width])?;
        let between = Between::Plain(Activation::Gelu);
        let block = |index: usize| Block::load(&at.at(format!("blocks.{index}")), &NAMES, wide, between, Bias::Yes);
        Ok(Self {
            patches: Linear::load_patches(&at.at("patch_embed.proj"), CHANNELS, sizes.patch, width, Bias::Yes)?,
            class: class + positions.clone().narrow(1, 0, 1),
            positions: positions.narrow(1, 1, count),
            blocks: (0..sizes.layers).map(block).collect::<Result<_>>()?,
            after: LayerNorm::load(&at.at("norm"), width, epsilon)?,
        })
    }

    /// # Shapes
    /// Pictures' patches, row by row, `[rows, patches, channels · side · side]`, to tokens, `[rows, 1 + patches, width]`.
    pub fn forward(&self, patches: Tensor<3>) -> Tensor<3> {
        let [rows, ..] = patches.dims();
        let tokens = self.patches.forward(patches) + self.positions.clone();
        let x = Tensor::cat(vec![self.class.clone().repeat_dim(0, rows), tokens], 1);
        self.after.forward(self.blocks.iter().fold(x, |x, block| block.forward(x)))
    }
}

/// Attention with the norm behind its residual, as BERT has it.
#[derive(Clone, Debug)]
struct Attention {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    out: Linear,
    norm: LayerNorm,
}

impl Attention {
    /// `source` is the width of what is looked at.
    fn load(at: &Weights<'_>, sizes: &ReadingSizes, source: usize) -> Result<Self> {
        let (mixed, width) = (at.at("self"), sizes.width);
        Ok(Self {
            heads: sizes.heads,
            query: Linear::load(&mixed.at("query"), width, width, Bias::Yes)?,
            key: Linear::load(&mixed.at("key"), source, width, Bias::Yes)?,
            value: Linear::load(&mixed.at("value"), source, width, Bias::Yes)?,
            out: Linear::load(&at.at("output.dense"), width, width, Bias::Yes)?,
            norm: LayerNorm::load(&at.at("output.LayerNorm"), width, sizes.epsilon)?,
        })
    }

    /// # Shapes
    /// `x` `[rows, tokens, width]`, unchanged; `source` `[rows, its tokens, its width]`.
    fn forward(&self, x: Tensor<3>, source: Tensor<3>) -> Tensor<3> {
        let query = self.query.forward(x.clone());
        let (key, value) = (self.key.forward(source.clone()), self.value.forward(source));
        let mixed = kernels::attention(query, key, value, self.heads);
        self.norm.forward(self.out.forward(mixed) + x)
    }
}

/// A layer of BERT that looks at a picture.
#[derive(Clone, Debug)]
struct Layer {
    own: Attention,
    seen: Attention,
    feed: [Linear; 2],
    norm: LayerNorm,
}

impl Layer {
    fn load(at: &Weights<'_>, sizes: &ReadingSizes) -> Result<Self> {
        let (width, inner) = (sizes.width, sizes.inner);
        Ok(Self {
            own: Attention::load(&at.at("attention"), sizes, width)?,
            seen: Attention::load(&at.at("crossattention"), sizes, sizes.seen)?,
            feed: [
                Linear::load(&at.at("intermediate.dense"), width, inner, Bias::Yes)?,
                Linear::load(&at.at("output.dense"), inner, width, Bias::Yes)?,
            ],
            norm: LayerNorm::load(&at.at("output.LayerNorm"), width, sizes.epsilon)?,
        })
    }
}

/// BERT, which looks at a picture.
#[derive(Clone, Debug)]
pub struct Reading {
    device: Device,
    /// `[vocabulary, width]`
    words: Tensor<2>,
    /// `[positions, width]`
    positions: Tensor<2>,
    before: LayerNorm,
    layers: Vec<Layer>,
    activation: Activation,
}

impl Reading {
    /// Loads BERT.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(at: &Weights<'_>, sizes: &ReadingSizes, device: &Device) -> Result<Self> {
        let (embeddings, width) = (at.at("embeddings"), sizes.width);
        let layer = |index: usize| Layer::load(&at.at(format!("encoder.layer.{index}")), sizes);
        Ok(Self {
            device: device.clone(),
            words: embeddings.at("word_embeddings").tensor("weight", [sizes.vocabulary, width])?,
            positions: embeddings.at("position_embeddings").tensor("weight", [sizes.positions, width])?,
            before: LayerNorm::load(&embeddings.at("LayerNorm"), width, sizes.epsilon)?,
            layers: (0..sizes.layers).map(layer).collect::<Result<_>>()?,
            activation: sizes.activation,
        })
    }

    /// What is made of a text's first token.
    ///
    /// A text is read as long as it is: what fills up others' texts is seen by none of the tokens that count.
    ///
    /// # Shapes
    /// The ids of one text and a picture's tokens `[1, tokens, seen]` to `[1, width]`. At least one id, and no more than there
    /// are positions.
    pub fn forward(&self, ids: &[u32], picture: &Tensor<3>) -> Tensor<2> {
        let count = ids.len();
        let ids = TensorData::new(ids.iter().map(|id| *id as i32).collect::<Vec<_>>(), [count]);
        let words = self.words.clone().select(0, Tensor::<1, Int>::from_data(ids, &self.device));
        let x = (words + self.positions.clone().narrow(0, 0, count)).unsqueeze::<3>();
        let x = self.layers.iter().fold(self.before.forward(x), |x, layer| {
            let x = layer.own.forward(x.clone(), x);
            let x = layer.seen.forward(x, picture.clone());
            let h = self.activation.forward(layer.feed[0].forward(x.clone()));
            layer.norm.forward(layer.feed[1].forward(h) + x)
        });
        let [_, _, width] = x.dims();
        x.narrow(1, 0, 1).reshape([1, width])
    }
}
