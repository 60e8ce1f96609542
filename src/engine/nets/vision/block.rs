//! A layer of a vision transformer: attention and feed-forward, each behind its norm and beside its residual.

use burn::tensor::Tensor;
use burn::tensor::activation::silu;

use crate::engine::error::Result;
use crate::engine::kernels;
use crate::engine::nets::layers::{Activation, Bias, LayerNorm, Linear};
use crate::engine::weights::Weights;

/// How wide a layer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wide {
    /// Outside.
    pub width: usize,
    /// Inside the feed-forward.
    pub inner: usize,
    /// Attention heads, which divide the width.
    pub heads: usize,
    /// What the norms add to the variance.
    pub epsilon: f64,
}

/// How a kind of encoder has what makes query, key and value.
#[derive(Clone, Copy, Debug)]
pub enum Qkv {
    /// A layer each, by these names.
    Each([&'static str; 3]),
    /// One layer for all three, whose outputs lie side by side.
    AtOnce(&'static str),
}

/// What a kind of encoder calls the parts of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Before attention.
    pub norm1: &'static str,
    /// Query, key and value.
    pub mixed: Qkv,
    /// After attention.
    pub out: &'static str,
    /// Before the feed-forward.
    pub norm2: &'static str,
    /// In and out of the feed-forward.
    pub feed: [&'static str; 2],
    /// Factors of what attention and feed-forward add, for each channel; an encoder may have none.
    pub scales: Option<[&'static str; 2]>,
}

/// What stands between both layers of the feed-forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// An activation.
    Plain(Activation),
    /// `silu(a) · b` of the halves `[a, b]` of the first layer's output, which is twice as wide.
    Gate,
}

/// A layer.
#[derive(Clone, Debug)]
pub struct Block {
    heads: usize,
    norm1: LayerNorm,
    mixed: [Linear; 3],
    out: Linear,
    norm2: LayerNorm,
    feed: [Linear; 2],
    between: Between,
    inner: usize,
    /// `[width]` each.
    scales: Option<[Tensor<1>; 2]>,
}

impl Block {
    /// Loads a layer; `bias` says whether query, key and value have one.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(at: &Weights<'_>, names: &Names, wide: Wide, between: Between, bias: Bias) -> Result<Self> {
        let Wide { width, inner, heads, epsilon } = wide;
        let mixed = match names.mixed {
            Qkv::Each(names) => {
                let load = |name: &str| Linear::load(&at.at(name), width, width, bias);
                [load(names[0])?, load(names[1])?, load(names[2])?]
            }
            Qkv::AtOnce(name) => Linear::load_parts(&at.at(name), width, width, bias)?,
        };
        let twice = if between == Between::Gate { 2 } else { 1 };
        let scale = |name: &str| at.tensor(name, [width]);
        Ok(Self {
            heads,
            norm1: LayerNorm::load(&at.at(names.norm1), width, epsilon)?,
            mixed,
            out: Linear::load(&at.at(names.out), width, width, Bias::Yes)?,
            norm2: LayerNorm::load(&at.at(names.norm2), width, epsilon)?,
            feed: [
                Linear::load(&at.at(names.feed[0]), width, inner * twice, Bias::Yes)?,
                Linear::load(&at.at(names.feed[1]), inner, width, Bias::Yes)?,
            ],
            between,
            inner,
            scales: match names.scales {
                Some([first, second]) => Some([scale(first)?, scale(second)?]),
                None => None,
            },
        })
    }

    /// # Shapes
    /// `[rows, tokens, width]`, unchanged.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.norm1.forward(x.clone());
        let [query, key, value] = [0, 1, 2].map(|index: usize| self.mixed[index].forward(h.clone()));
        let mixed = kernels::attention(query, key, value, self.heads);
        let x = x + self.scaled(0, self.out.forward(mixed));
        let h = self.feed[0].forward(self.norm2.forward(x.clone()));
        let h = match self.between {
            Between::Plain(activation) => activation.forward(h),
            Between::Gate => silu(h.clone().narrow(2, 0, self.inner)) * h.narrow(2, self.inner, self.inner),
        };
        x + self.scaled(1, self.feed[1].forward(h))
    }

    fn scaled(&self, which: usize, added: Tensor<3>) -> Tensor<3> {
        match &self.scales {
            Some(scales) => added * scales[which].clone().unsqueeze::<3>(),
            None => added,
        }
    }
}
