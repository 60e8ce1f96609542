//! The seam of the UNet: what a caller may add to its linear layers and convolutions, and observe, replace or stop at its
//! attention layers.

use std::ops::ControlFlow;

use burn::tensor::Tensor;

use super::layers::{Conv2d, Linear};
pub use super::site::{Block, Kind, Layer, Projection, Site};

/// A tap has what it came for: the rest of the forward pass is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt;

/// Goes on, or stops the forward pass. `?` passes the stop on.
pub type Flow<T> = ControlFlow<Halt, T>;

/// What an attention layer mixes.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// `[rows, queries, channels]`
    pub queries: Tensor<3>,
    /// `[rows, keys, channels]`
    pub keys: Tensor<3>,
    /// `[rows, keys, channels]`
    pub values: Tensor<3>,
}

/// How a tap looks at the attention probabilities of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Not at all: attention stays one operation.
    #[default]
    Away,
    /// At these rows of the batch. They come one after the other in pieces of bounded size, so that looking takes memory by
    /// one piece and not by the table of all rows, heads, queries and keys.
    Rows(Vec<usize>),
    /// At all rows in one piece, as a gradient through them needs.
    Whole,
}

impl Look {
    /// What two taps that look see: each picks out what it asked for.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Away, look) | (look, Self::Away) => look,
            (Self::Rows(mut rows), Self::Rows(others)) => {
                rows.extend(others);
                rows.sort_unstable();
                rows.dedup();
                Self::Rows(rows)
            }
            _ => Self::Whole,
        }
    }
}

/// A piece of the attention probabilities of a layer.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Which row of the batch is its first.
    pub row: usize,
    /// Which query of the layer is its first.
    pub query: usize,
    /// How many queries the layer has.
    pub queries: usize,
    /// `[rows, heads, queries, keys]`, all heads and all keys.
    pub probs: Tensor<4>,
}

/// What a caller does at the layers of one forward pass. Every method does nothing by default.
///
/// Rows are the batch's rows; what they mean is known to the caller alone.
pub trait Tap {
    /// After a linear layer. `input` is `[rows, tokens, in]`, `output` `[rows, tokens, out]`; returns what the pass goes on
    /// with.
    ///
    /// The layers of the time embedding see one row for the whole batch where all of it is at one timestep; only there
    /// more rows may be given back than came, of which each then stands for as many rows of the batch, in their order.
    fn linear(&mut self, _layer: Layer, _of: &Linear, _input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        output
    }

    /// After a convolution. `input` is `[rows, in, h, w]`, `output` `[rows, out, h', w']`; returns what the pass goes on
    /// with.
    fn conv(&mut self, _layer: Layer, _of: &Conv2d, _input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        output
    }

    /// Sees the keys, all heads together: `[rows, tokens, channels]`. May stop the pass here.
    fn key(&mut self, _site: Site, _key: &Tensor<3>) -> Flow<()> {
        ControlFlow::Continue(())
    }

    /// Whether [`Tap::logits`] is wanted; elsewhere attention stays one operation.
    fn wants_logits(&self, _site: Site) -> bool {
        false
    }

    /// The logits `q kᵀ / √width` before their softmax, `[rows, heads, queries, keys]`; returns what the pass goes on with.
    fn logits(&mut self, _site: Site, logits: Tensor<4>) -> Tensor<4> {
        logits
    }

    /// In place of `softmax(q kᵀ / √width) v`, before the output projection: None leaves it at that. `queries` is
    /// `[rows, queries, channels]`, `keys` and `values` are `[rows, keys, channels]`, the heads side by side in the channels;
    /// returns the shape of `queries`. Not called where the logits are wanted.
    fn mix(&mut self, _site: Site, _heads: usize, _of: &Mixed) -> Option<Tensor<3>> {
        None
    }

    /// Which [`Tap::probs`] are wanted; elsewhere attention stays fused.
    fn wants_probs(&self, _site: Site) -> Look {
        Look::Away
    }

    /// Sees attention probabilities, at least those that are wanted: where several taps look, each may be shown more.
    fn probs(&mut self, _site: Site, _piece: &Piece) {}

    /// The layer's output after its output projection, before the residual: `[rows, tokens, channels]`.
    fn output(&mut self, _site: Site, output: Tensor<3>) -> Tensor<3> {
        output
    }
}

/// The plain forward pass.
impl Tap for () {}

impl<T: Tap + ?Sized> Tap for &mut T {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        (**self).linear(layer, of, input, output)
    }
    fn conv(&mut self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        (**self).conv(layer, of, input, output)
    }
    fn key(&mut self, site: Site, key: &Tensor<3>) -> Flow<()> {
        (**self).key(site, key)
    }
    fn wants_logits(&self, site: Site) -> bool {
        (**self).wants_logits(site)
    }
    fn logits(&mut self, site: Site, logits: Tensor<4>) -> Tensor<4> {
        (**self).logits(site, logits)
    }
    fn mix(&mut self, site: Site, heads: usize, of: &Mixed) -> Option<Tensor<3>> {
        (**self).mix(site, heads, of)
    }
    fn wants_probs(&self, site: Site) -> Look {
        (**self).wants_probs(site)
    }
    fn probs(&mut self, site: Site, piece: &Piece) {
        (**self).probs(site, piece);
    }
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        (**self).output(site, output)
    }
}

/// Two taps, the first one first.
impl<A: Tap, B: Tap> Tap for (A, B) {
    fn linear(&mut self, layer: Layer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let output = self.0.linear(layer, of, input, output);
        self.1.linear(layer, of, input, output)
    }
    fn conv(&mut self, layer: Layer, of: &Conv2d, input: &Tensor<4>, output: Tensor<4>) -> Tensor<4> {
        let output = self.0.conv(layer, of, input, output);
        self.1.conv(layer, of, input, output)
    }
    fn key(&mut self, site: Site, key: &Tensor<3>) -> Flow<()> {
        self.0.key(site, key)?;
        self.1.key(site, key)
    }
    fn wants_logits(&self, site: Site) -> bool {
        self.0.wants_logits(site) || self.1.wants_logits(site)
    }
    fn logits(&mut self, site: Site, logits: Tensor<4>) -> Tensor<4> {
        let logits = if self.0.wants_logits(site) { self.0.logits(site, logits) } else { logits };
        if self.1.wants_logits(site) { self.1.logits(site, logits) } else { logits }
    }
    fn mix(&mut self, site: Site, heads: usize, of: &Mixed) -> Option<Tensor<3>> {
        self.0.mix(site, heads, of).or_else(|| self.1.mix(site, heads, of))
    }
    fn wants_probs(&self, site: Site) -> Look {
        self.0.wants_probs(site).with(self.1.wants_probs(site))
    }
    fn probs(&mut self, site: Site, piece: &Piece) {
        if self.0.wants_probs(site) != Look::Away {
            self.0.probs(site, piece);
        }
        if self.1.wants_probs(site) != Look::Away {
            self.1.probs(site, piece);
        }
    }
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        let output = self.0.output(site, output);
        self.1.output(site, output)
    }
}
