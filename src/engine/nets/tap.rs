//! The seam of the UNet: what a caller may observe, replace or stop at a named attention layer.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use burn::tensor::Tensor;

/// Where in the UNet a transformer block sits, as diffusers counts blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Block {
    /// `down_blocks.N`
    Down(usize),
    /// `mid_block`
    Mid,
    /// `up_blocks.N`; together the up blocks are the decoder.
    Up(usize),
}

/// Self-attention or cross-attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `attn1`: the picture's tokens attend to each other.
    Own,
    /// `attn2`: the picture's tokens attend to the prompt.
    Cross,
}

/// A linear layer of an attention layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Projection {
    /// `to_q`
    Query,
    /// `to_k`
    Key,
    /// `to_v`
    Value,
    /// `to_out.0`
    Out,
}

impl Projection {
    /// All four, in the order in which they run.
    pub const ALL: [Projection; 4] = [Self::Query, Self::Key, Self::Value, Self::Out];

    /// The layer's name in a diffusers checkpoint.
    pub fn checkpoint_name(self) -> &'static str {
        match self {
            Self::Query => "to_q",
            Self::Key => "to_k",
            Self::Value => "to_v",
            Self::Out => "to_out.0",
        }
    }
}

/// One attention layer of the UNet. `Display` and `FromStr` use diffusers' module path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The block.
    pub block: Block,
    /// Which of the block's transformers.
    pub attention: usize,
    /// Self- or cross-attention.
    pub kind: Kind,
}

impl Site {
    /// Whether the layer belongs to the decoder, where the method acts.
    pub fn in_decoder(self) -> bool {
        matches!(self.block, Block::Up(_))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Block::Down(i) => write!(f, "down_blocks.{i}")?,
            Block::Mid => write!(f, "mid_block")?,
            Block::Up(i) => write!(f, "up_blocks.{i}")?,
        }
        let attn = if self.kind == Kind::Own { "attn1" } else { "attn2" };
        write!(f, ".attentions.{}.transformer_blocks.0.{attn}", self.attention)
    }
}

impl FromStr for Site {
    type Err = ();

    fn from_str(path: &str) -> Result<Self, ()> {
        let (block, rest) = if let Some(rest) = path.strip_prefix("mid_block.") {
            (Block::Mid, rest)
        } else {
            let (side, rest) = path.split_once('.').ok_or(())?;
            let (index, rest) = rest.split_once('.').ok_or(())?;
            let index = index.parse().map_err(drop)?;
            match side {
                "down_blocks" => (Block::Down(index), rest),
                "up_blocks" => (Block::Up(index), rest),
                _ => return Err(()),
            }
        };
        let rest = rest.strip_prefix("attentions.").ok_or(())?;
        let (attention, rest) = rest.split_once('.').ok_or(())?;
        let kind = match rest.strip_prefix("transformer_blocks.0.") {
            Some("attn1") => Kind::Own,
            Some("attn2") => Kind::Cross,
            _ => return Err(()),
        };
        Ok(Site { block, attention: attention.parse().map_err(drop)?, kind })
    }
}

/// A tap has what it came for: the rest of the forward pass is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt;

/// Goes on, or stops the forward pass. `?` passes the stop on.
pub type Flow<T> = ControlFlow<Halt, T>;

/// What a caller does at the attention layers of one forward pass. Every method does nothing by default.
///
/// Rows are the batch's rows; what they mean is known to the caller alone.
pub trait Tap {
    /// After a projection. `input` is `[rows, tokens, in]`, `output` `[rows, tokens, out]`;
    /// returns what the layer goes on with.
    fn project(&mut self, _site: Site, _which: Projection, _input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        output
    }

    /// Sees the keys, all heads together: `[rows, tokens, channels]`. May stop the pass here.
    fn key(&mut self, _site: Site, _key: &Tensor<3>) -> Flow<()> {
        ControlFlow::Continue(())
    }

    /// Whether [`Tap::probs`] is wanted; elsewhere attention stays fused.
    fn wants_probs(&self, _site: Site) -> bool {
        false
    }

    /// Sees the attention probabilities `[rows, heads, queries, keys]`.
    fn probs(&mut self, _site: Site, _probs: &Tensor<4>) {}

    /// The layer's output after its output projection, before the residual: `[rows, tokens, channels]`.
    fn output(&mut self, _site: Site, output: Tensor<3>) -> Tensor<3> {
        output
    }
}

/// The plain forward pass.
impl Tap for () {}

impl<T: Tap + ?Sized> Tap for &mut T {
    fn project(&mut self, site: Site, which: Projection, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        (**self).project(site, which, input, output)
    }
    fn key(&mut self, site: Site, key: &Tensor<3>) -> Flow<()> {
        (**self).key(site, key)
    }
    fn wants_probs(&self, site: Site) -> bool {
        (**self).wants_probs(site)
    }
    fn probs(&mut self, site: Site, probs: &Tensor<4>) {
        (**self).probs(site, probs);
    }
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        (**self).output(site, output)
    }
}

/// Two taps, the first one first.
impl<A: Tap, B: Tap> Tap for (A, B) {
    fn project(&mut self, site: Site, which: Projection, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let output = self.0.project(site, which, input, output);
        self.1.project(site, which, input, output)
    }
    fn key(&mut self, site: Site, key: &Tensor<3>) -> Flow<()> {
        self.0.key(site, key)?;
        self.1.key(site, key)
    }
    fn wants_probs(&self, site: Site) -> bool {
        self.0.wants_probs(site) || self.1.wants_probs(site)
    }
    fn probs(&mut self, site: Site, probs: &Tensor<4>) {
        if self.0.wants_probs(site) {
            self.0.probs(site, probs);
        }
        if self.1.wants_probs(site) {
            self.1.probs(site, probs);
        }
    }
    fn output(&mut self, site: Site, output: Tensor<3>) -> Tensor<3> {
        let output = self.0.output(site, output);
        self.1.output(site, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_reads_back_as_it_is_written() {
        for path in [
            "down_blocks.0.attentions.1.transformer_blocks.0.attn1",
            "mid_block.attentions.0.transformer_blocks.0.attn2",
            "up_blocks.3.attentions.2.transformer_blocks.0.attn2",
        ] {
            assert_eq!(path.parse::<Site>().map(|site| site.to_string()), Ok(path.to_owned()));
        }
        assert!("up_blocks.3.resnets.2".parse::<Site>().is_err());
    }
}
