//! Attention layers and the transformer blocks they live in. The only file that calls a [`Tap`] at attention.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::layers::{Bias, GroupNorm, LayerNorm, Linear, Then};
use super::site::{Block, Kind, Layer, Projection, Site, TransformerPart};
use super::tap::{Flow, Look, Mixed, Piece, Tap};
use super::tapped::Tapped;
use crate::engine::error::Result;
use crate::engine::kernels;
use crate::engine::weights::Weights;

/// The encoded prompts of a batch: rows of prompts, each with one text for all cross-attention layers or one a layer
/// (ED-LoRA's layer-wise text).
///
/// Rows are put together only when a layer asks for them, so that a prompt is held once, however many batches it is in.
#[derive(Clone, Debug)]
pub struct Context {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    /// One, or as many as the UNet has cross-attention layers: `[rows, 77, width]` each.
    slices: Vec<Tensor<3>>,
    /// How many times each row stands in the batch.
    pictures: usize,
}

impl Part {
    fn slice(&self, layer: usize) -> Tensor<3> {
        // A part is never empty; a plain one serves every layer.
        let text = self.slices[layer.min(self.slices.len() - 1)].clone();
        if self.pictures == 1 {
            return text;
        }
        let [rows, tokens, width] = text.dims();
        let repeated = text.reshape([rows, 1, tokens, width]).repeat_dim(1, self.pictures);
        repeated.reshape([rows * self.pictures, tokens, width])
    }
}

impl Context {
    /// The same text for every layer: `[rows, 77, width]`.
    pub fn plain(text: Tensor<3>) -> Self {
        Self::layerwise(vec![text])
    }

    /// One text a layer, in the order in which the layers run.
    pub fn layerwise(slices: Vec<Tensor<3>>) -> Self {
        Self { parts: vec![Part { slices, pictures: 1 }] }
    }

    /// What cross-attention layer `layer` reads: `[rows, 77, width]`.
    pub fn slice(&self, layer: usize) -> Tensor<3> {
        match self.parts.as_slice() {
            [part] => part.slice(layer),
            parts => Tensor::cat(parts.iter().map(|part| part.slice(layer)).collect(), 0),
        }
    }

    /// The rows of several contexts, one after the other.
    pub fn concat(parts: &[Context]) -> Self {
        Self { parts: parts.iter().flat_map(|context| context.parts.iter().cloned()).collect() }
    }

    /// Each row repeated for `pictures` pictures, row by row.
    #[must_use]
    pub fn repeat_rows(&self, pictures: usize) -> Self {
        let repeat = |part: &Part| Part { slices: part.slices.clone(), pictures: part.pictures * pictures };
        Self { parts: self.parts.iter().map(repeat).collect() }
    }

    /// Several prompts of one row each side by side, as one row whose texts are `[1, 77 · prompts, width]`: keys and values
    /// of all of them come out of one layer, and a tap mixes them.
    pub fn beside(prompts: &[Context]) -> Self {
        let layers = prompts.iter().flat_map(|prompt| &prompt.parts).map(|part| part.slices.len()).max().unwrap_or(1);
        let slice = |layer| Tensor::cat(prompts.iter().map(|prompt| prompt.slice(layer)).collect(), 1);
        Self::layerwise((0..layers).map(slice).collect())
    }

    /// Numbers held.
    pub fn len(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.slices).map(|text| text.shape().num_elements()).sum()
    }

    /// Whether it holds nothing, which no context that encodes a prompt does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a forward pass shares between its layers.
pub struct Pass<'a> {
    /// The time embedding before its SiLU, `[n, width]`: each of its rows stands for as many of the batch, in their order.
    pub time: Tensor<2>,
    /// The prompts.
    pub context: &'a Context,
    /// What the caller does at the layers.
    pub tap: &'a mut dyn Tap,
}

/// The widths of one transformer.
#[derive(Clone, Copy, Debug)]
pub struct TransformerConfig {
    /// Channels.
    pub channels: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the text context.
    pub context_width: usize,
    /// Groups of the norm.
    pub groups: usize,
}

/// Multi-head attention, from the picture's tokens to themselves or to the prompt.
#[derive(Clone, Debug)]
struct Attention {
    site: Site,
    heads: usize,
    to_q: Tapped<Linear>,
    to_k: Tapped<Linear>,
    to_v: Tapped<Linear>,
    to_out: Tapped<Linear>,
}

impl Attention {
    fn load(weights: &Weights<'_>, config: TransformerConfig, site: Site) -> Result<Self> {
        let channels = config.channels;
        let source = if site.kind == Kind::Own { channels } else { config.context_width };
        let load = |which: Projection, input, bias| -> Result<_> {
            let linear = Linear::load(&weights.at(which.checkpoint_name()), input, channels, bias)?;
            Ok(Tapped::new(Layer::Attention(site, which), linear))
        };
        Ok(Self {
            site,
            heads: config.heads,
            to_q: load(Projection::Query, channels, Bias::No)?,
            to_k: load(Projection::Key, source, Bias::No)?,
            to_v: load(Projection::Value, source, Bias::No)?,
            to_out: load(Projection::Out, channels, Bias::Yes)?,
        })
    }

    /// # Shapes
    /// `x` `[rows, tokens, channels]`, `source` `[rows, keys, width]`; returns `[rows, tokens, channels]`.
    fn forward(&self, x: Tensor<3>, source: Tensor<3>, tap: &mut dyn Tap) -> Flow<Tensor<3>> {
        let site = self.site;
        let key = self.to_k.forward(source.clone(), tap);
        tap.key(site, &key)?;
        let query = self.to_q.forward(x, tap);
        let value = self.to_v.forward(source, tap);
        let mixed = self.mix(Mixed { queries: query, keys: key, values: value }, tap);
        let output = self.to_out.forward(mixed, tap);
        Flow::Continue(tap.output(site, output))
    }

    /// Computed the same way whether or not anybody looks, so that looking never changes the picture.
    fn mix(&self, of: Mixed, tap: &mut dyn Tap) -> Tensor<3> {
        let (site, changes, look) = (self.site, tap.wants_logits(self.site), tap.wants_probs(self.site));
        let whole = (changes || look == Look::Whole).then(|| {
            let logits = self.logits(of.queries.clone(), of.keys.clone());
            softmax(if changes { tap.logits(site, logits) } else { logits }, 3)
        });
        match &whole {
            Some(probs) => show_held(site, &look, probs, tap),
            None => self.show_anew(&look, &of, tap),
        }
        match whole {
            Some(probs) if changes => {
                let [rows, queries, channels] = of.queries.dims();
                let values = split_heads(of.values, self.heads);
                probs.matmul(values).swap_dims(1, 2).reshape([rows, queries, channels])
            }
            _ => match tap.mix(site, self.heads, &of) {
                Some(mixed) => mixed,
                None => kernels::attention(of.queries, of.keys, of.values, self.heads),
            },
        }
    }

    /// `q kᵀ / √width`, head by head.
    ///
    /// # Shapes
    /// `[rows, queries, channels]` and `[rows, keys, channels]` to `[rows, heads, queries, keys]`.
    fn logits(&self, queries: Tensor<3>, keys: Tensor<3>) -> Tensor<4> {
        let scale = ((self.width() / self.heads) as f64).powf(-0.5);
        split_heads(queries, self.heads).matmul(split_heads(keys * scale, self.heads).transpose())
    }

    /// Shows the rows that are looked at, whose probabilities are worked out for it and let go of piece by piece.
    fn show_anew(&self, look: &Look, of: &Mixed, tap: &mut dyn Tap) {
        let Look::Rows(rows) = look else { return };
        let ([_, queries, _], [_, keys, _]) = (of.queries.dims(), of.keys.dims());
        let together = (PIECE / (self.heads * keys).max(1)).clamp(1, queries.max(1));
        for &row in rows {
            let keys = of.keys.clone().narrow(0, row, 1);
            for query in (0..queries).step_by(together) {
                let some = of.queries.clone().narrow(0, row, 1).narrow(1, query, together.min(queries - query));
                let probs = softmax(self.logits(some, keys.clone()), 3);
                tap.probs(self.site, &Piece { row, query, queries, probs });
            }
        }
    }

    fn width(&self) -> usize {
        self.to_q.plain.output_width()
    }
}

/// The most numbers in a piece of attention that is looked at: 16 MB in f32, so that the few tables of that size which are
/// held at a time are little beside the pass itself, and each still keeps all cores busy.
pub const PIECE: usize = 1 << 22;

/// Shows what is looked at of probabilities that are held in any case.
fn show_held(site: Site, look: &Look, probs: &Tensor<4>, tap: &mut dyn Tap) {
    let queries = probs.dims()[2];
    match look {
        Look::Away => {}
        Look::Whole => tap.probs(site, &Piece { row: 0, query: 0, queries, probs: probs.clone() }),
        Look::Rows(rows) => {
            for &row in rows {
                let probs = probs.clone().narrow(0, row, 1);
                tap.probs(site, &Piece { row, query: 0, queries, probs });
            }
        }
    }
}

/// `[rows, tokens, channels]` to `[rows, heads, tokens, channels / heads]`.
pub fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [rows, tokens, channels] = x.dims();
    x.reshape([rows, tokens, heads, channels / heads]).swap_dims(1, 2)
}

/// How much wider the feed-forward is inside than outside.
pub const FEED_FORWARD: usize = 4;

/// The gated feed-forward: `W2 (a ⊙ gelu(b))` with `[a, b] = W1 x`.
#[derive(Clone, Debug)]
struct FeedForward {
    expand: Tapped<Linear>,
    contract: Tapped<Linear>,
}

impl FeedForward {
    fn load(weights: &Weights<'_>, channels: usize, block: Block, attention: usize) -> Result<Self> {
        let inner = channels * FEED_FORWARD;
        let layer = |part| Layer::Transformer(block, attention, part);
        let expand = Linear::load(&weights.at("net.0.proj"), channels, inner * 2, Bias::Yes)?;
        let contract = Linear::load(&weights.at("net.2"), inner, channels, Bias::Yes)?;
        Ok(Self {
            expand: Tapped::new(layer(TransformerPart::Expand), expand),
            contract: Tapped::new(layer(TransformerPart::Contract), contract),
        })
    }

    fn forward(&self, x: Tensor<3>, tap: &mut dyn Tap) -> Tensor<3> {
        let gated = kernels::geglu(self.expand.forward(x, tap));
        self.contract.forward(gated, tap)
    }
}

/// Self-attention, cross-attention and feed-forward, each with its norm and residual.
#[derive(Clone, Debug)]
struct TransformerBlock {
    norm1: LayerNorm,
    attn1: Attention,
    norm2: LayerNorm,
    attn2: Attention,
    norm3: LayerNorm,
    ff: FeedForward,
    /// Which slice of a layer-wise context cross-attention reads.
    layer: usize,
}

impl TransformerBlock {
    fn load(
        weights: &Weights<'_>,
        config: TransformerConfig,
        block: Block,
        attention: usize,
        layer: usize,
    ) -> Result<Self> {
        let norm = |name: &str| LayerNorm::load(&weights.at(name), config.channels, 1e-5);
        let site = |kind| Site { block, attention, kind };
        Ok(Self {
            norm1: norm("norm1")?,
            attn1: Attention::load(&weights.at("attn1"), config, site(Kind::Own))?,
            norm2: norm("norm2")?,
            attn2: Attention::load(&weights.at("attn2"), config, site(Kind::Cross))?,
            norm3: norm("norm3")?,
            ff: FeedForward::load(&weights.at("ff"), config.channels, block, attention)?,
            layer,
        })
    }

    fn forward(&self, x: Tensor<3>, pass: &mut Pass<'_>) -> Flow<Tensor<3>> {
        let h = self.norm1.forward(x.clone());
        let x = x + self.attn1.forward(h.clone(), h, pass.tap)?;
        let h = self.norm2.forward(x.clone());
        let x = x + self.attn2.forward(h, pass.context.slice(self.layer), pass.tap)?;
        let h = self.norm3.forward(x.clone());
        Flow::Continue(x + self.ff.forward(h, pass.tap))
    }
}

/// A transformer on a feature map: norm, projection in, one block, projection out, residual.
#[derive(Clone, Debug)]
pub struct Transformer {
    norm: GroupNorm,
    proj_in: Tapped<Linear>,
    block: TransformerBlock,
    proj_out: Tapped<Linear>,
}

impl Transformer {
    /// Loads transformer `attention` of `block`; `layer` counts the UNet's transformers in the order in which they run.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights<'_>,
        config: TransformerConfig,
        block: Block,
        attention: usize,
        layer: usize,
    ) -> Result<Self> {
        let channels = config.channels;
        let project = |name: &str, part| -> Result<_> {
            let linear = Linear::load(&weights.at(name), channels, channels, Bias::Yes)?;
            Ok(Tapped::new(Layer::Transformer(block, attention, part), linear))
        };
        Ok(Self {
            norm: GroupNorm::load(&weights.at("norm"), channels, config.groups, 1e-6)?,
            proj_in: project("proj_in", TransformerPart::In)?,
            block: TransformerBlock::load(&weights.at("transformer_blocks.0"), config, block, attention, layer)?,
            proj_out: project("proj_out", TransformerPart::Out)?,
        })
    }

    /// # Shapes
    /// `[rows, channels, h, w]`, unchanged.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Flow<Tensor<4>> {
        let [rows, channels, height, width] = x.dims();
        let tokens =
            self.norm.forward(x.clone(), Then::Nothing).reshape([rows, channels, height * width]).swap_dims(1, 2);
        let tokens = self.proj_in.forward(tokens, pass.tap);
        let tokens = self.block.forward(tokens, pass)?;
        let y = self.proj_out.forward(tokens, pass.tap).swap_dims(1, 2).reshape([rows, channels, height, width]);
        Flow::Continue(x + y)
    }
}
