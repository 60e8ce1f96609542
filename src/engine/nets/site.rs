//! Where in the UNet something is: its blocks, its attention layers, and all of its linear layers and convolutions.

use std::fmt;
use std::str::FromStr;

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
        let attn = if self.kind == Kind::Own { "attn1" } else { "attn2" };
        write!(f, "{}.attentions.{}.transformer_blocks.0.{attn}", self.block, self.attention)
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

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(index) => write!(f, "down_blocks.{index}"),
            Self::Mid => write!(f, "mid_block"),
            Self::Up(index) => write!(f, "up_blocks.{index}"),
        }
    }
}

/// A layer of a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResnetPart {
    /// `conv1`
    First,
    /// `time_emb_proj`, a linear layer
    Time,
    /// `conv2`
    Second,
    /// `conv_shortcut`, where the block changes the number of channels
    Shortcut,
}

/// A linear layer of a transformer beside its two attention layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransformerPart {
    /// `proj_in`
    In,
    /// `ff.net.0.proj`
    Expand,
    /// `ff.net.2`
    Contract,
    /// `proj_out`
    Out,
}

/// A linear layer or convolution of the UNet: all that a LoRA may change. `Display` gives diffusers' module path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// The first or second linear layer of the time embedding, counted from 1 as the files do.
    Time(u8),
    /// `conv_in`
    ConvIn,
    /// A layer of a block's n-th residual block.
    Resnet(Block, usize, ResnetPart),
    /// A linear layer of a block's n-th transformer.
    Transformer(Block, usize, TransformerPart),
    /// A projection of an attention layer.
    Attention(Site, Projection),
    /// The convolution that halves or doubles a block's grid.
    Sampler(Block),
    /// `conv_out`
    ConvOut,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Time(nth) => write!(f, "time_embedding.linear_{nth}"),
            Self::ConvIn => write!(f, "conv_in"),
            Self::Resnet(block, index, part) => {
                let name = match part {
                    ResnetPart::First => "conv1",
                    ResnetPart::Time => "time_emb_proj",
                    ResnetPart::Second => "conv2",
                    ResnetPart::Shortcut => "conv_shortcut",
                };
                write!(f, "{block}.resnets.{index}.{name}")
            }
            Self::Transformer(block, index, part) => {
                let name = match part {
                    TransformerPart::In => "proj_in",
                    TransformerPart::Expand => "transformer_blocks.0.ff.net.0.proj",
                    TransformerPart::Contract => "transformer_blocks.0.ff.net.2",
                    TransformerPart::Out => "proj_out",
                };
                write!(f, "{block}.attentions.{index}.{name}")
            }
            Self::Attention(site, projection) => write!(f, "{site}.{}", projection.checkpoint_name()),
            Self::Sampler(block @ Block::Up(_)) => write!(f, "{block}.upsamplers.0.conv"),
            Self::Sampler(block) => write!(f, "{block}.downsamplers.0.conv"),
            Self::ConvOut => write!(f, "conv_out"),
        }
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
