//! What trainers call the layers: kohya's flattened names in both layouts, diffusers' and PEFT's dotted ones.
//!
//! Flattening a path (each dot as `_`) cannot be undone by rule, so every path of the model is flattened and looked up.

use std::collections::HashMap;

use super::change::Part;
use super::modules::{self, Layers, Op};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::tap::Block;
use crate::engine::nets::unet::UnetConfig;
use crate::engine::original;

/// Prefixes of flattened names, with the part whose layers follow; None where it may be either.
const PREFIXES: [(&str, Option<Part>); 5] = [
    ("lora_unet_", Some(Part::Unet)),
    ("lora_te_", Some(Part::TextEncoder)),
    ("lora_te1_", Some(Part::TextEncoder)),
    ("lycoris_", None),
    ("oft_unet_", Some(Part::Unet)),
];

/// What dotted names may begin with; each may lack, and several may follow one another.
const WRAPPINGS: [&str; 5] = ["state_dict.", "params.", "base_model.model.", "unet.", "text_encoder."];

/// The most bytes of a name that is looked up, piece by piece.
const LONGEST: usize = 512;

/// Layers outside of blocks, by diffusers' path, in the layout of Stable Diffusion's own code.
const OUTER: [(&str, &str); 5] = [
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
];

/// Layers of a residual block, alike.
const RESNET: [(&str, &str); 6] = [
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
];

/// One layer of a model, as names speak of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Module {
    /// The part of the model.
    pub part: Part,
    /// Diffusers' path.
    pub path: String,
}

impl std::fmt::Display for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.path)
    }
}

/// What a tensor's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// It belongs to this layer; the rest of the name says what it is.
    At(Module, &'a str),
    /// It belongs to no layer, and why.
    Nowhere(&'static str),
}

/// Every name that a layer of a model may have in a file.
#[derive(Clone, Debug)]
pub struct Names {
    /// Flattened, without a prefix.
    flat: HashMap<String, Module>,
    /// Dotted, in both layouts.
    dotted: HashMap<String, Module>,
    /// What each layer does.
    ops: HashMap<Module, Op>,
}

impl Names {
    /// The names of a model's layers.
    pub fn of(unet: &UnetConfig, text: &ClipConfig) -> Self {
        let (mut flat, mut dotted, mut ops) = (HashMap::new(), HashMap::new(), HashMap::new());
        let transformers = unet.transformers();
        let attends = |level| transformers.iter().any(|(block, _)| *block == Block::Up(level));
        let mut layers = modules::unet(unet);
        add_shortcuts(&mut layers);
        for (part, layers) in [(Part::Unet, layers), (Part::TextEncoder, modules::text_encoder(text))] {
            for (path, layer) in layers {
                let module = Module { part, path };
                let mut spellings = vec![module.path.clone()];
                if part == Part::Unet {
                    spellings.extend(original_path(&module.path, unet.layers_per_block + 1, attends));
                }
                for spelling in spellings {
                    flat.insert(spelling.replace('.', "_"), module.clone());
                    dotted.insert(spelling, module.clone());
                }
                ops.insert(module, layer.op);
            }
        }
        Self { flat, dotted, ops }
    }

    /// The names of Stable Diffusion 1.5's layers, which are those of every model of its topology.
    ///
    /// # Errors
    /// When the configurations that are built into the program are broken.
    pub fn plain() -> Result<Self> {
        let (unet, text) = plain_configs()?;
        Ok(Self::of(&unet, &text))
    }

    /// What the layer does.
    pub fn op(&self, module: &Module) -> Option<Op> {
        self.ops.get(module).copied()
    }

    /// The layer that a tensor belongs to.
    pub fn place<'a>(&self, name: &'a str) -> Place<'a> {
        if name.len() > LONGEST {
            return Place::Nowhere("has a name longer than any trainer writes");
        }
        if let Some((flat, leaf)) = name.split_once('.') {
            for (prefix, part) in PREFIXES {
                let Some(rest) = flat.strip_prefix(prefix) else { continue };
                return match self.flat.get(rest).filter(|module| part.is_none_or(|part| part == module.part)) {
                    Some(module) => Place::At(module.clone(), leaf),
                    None => Place::Nowhere("belongs to a layer that Stable Diffusion 1.5 does not have"),
                };
            }
        }
        let mut rest = name;
        let bare = original::UNET.trim_start_matches("model.");
        let wrappings = WRAPPINGS.into_iter().chain([original::UNET, bare]);
        while let Some(inner) = wrappings.clone().find_map(|wrapping| rest.strip_prefix(wrapping)) {
            rest = inner;
        }
        self.attention_processor(rest).unwrap_or_else(|| self.dotted(rest))
    }

    /// The longest path that the name begins with; `processor` is no part of a path.
    fn dotted<'a>(&self, name: &'a str) -> Place<'a> {
        let (before, rest) = match name.split_once(".processor.") {
            Some((before, rest)) => (format!("{before}."), rest),
            None => (String::new(), name),
        };
        let mut end = rest.len();
        while let Some(dot) = rest[..end].rfind('.') {
            if let Some(module) = self.dotted.get(&format!("{before}{}", &rest[..dot])) {
                return Place::At(module.clone(), &rest[dot + 1..]);
            }
            end = dot;
        }
        Place::Nowhere("is of no format that is known here, or belongs to no layer of Stable Diffusion 1.5")
    }

    /// `attn1.processor.to_q_lora.down.weight` of diffusers up to 0.21, `k_proj.to_k_lora.…` of 0.16,
    /// `self_attn.to_q_lora.…` of 0.17 and 0.18; None where the name is none of these.
    fn attention_processor<'a>(&self, name: &'a str) -> Option<Place<'a>> {
        let (before, leaf) = name.split_once("_lora.")?;
        let (owner, projection) = before.rsplit_once('.')?;
        let owner = owner.strip_suffix(".processor").unwrap_or(owner);
        let found = |path: String| self.dotted.get(&path).map(|module| Place::At(module.clone(), leaf));
        let in_text = match projection {
            "to_q" => "q_proj",
            "to_k" => "k_proj",
            "to_v" => "v_proj",
            "to_out" => "out_proj",
            _ => return None,
        };
        if let Some(own) = self.dotted.get(owner) {
            // diffusers 0.16 wrote four pairs for each of the four layers, of which it used the layer's own.
            let is_own = own.path.ends_with(&format!(".{in_text}"));
            return Some(if is_own {
                Place::At(own.clone(), leaf)
            } else {
                Place::Nowhere("was never used by diffusers")
            });
        }
        found(format!("{owner}.{projection}"))
            .or_else(|| found(format!("{owner}.{projection}.0")))
            .or_else(|| found(format!("{owner}.{in_text}")))
    }
}

/// The layer's name within a tensor's, where that is of kohya's kind.
pub fn flattened(name: &str) -> Option<&str> {
    let (flat, _) = name.split_once('.')?;
    PREFIXES.iter().any(|(prefix, _)| flat.starts_with(prefix)).then_some(flat)
}

/// The configurations of Stable Diffusion 1.5 that are built into the program.
///
/// # Errors
/// When they are broken.
pub fn plain_configs() -> Result<(UnetConfig, ClipConfig)> {
    Ok((built_in("sd15/unet/config.json")?, built_in("sd15/text_encoder/config.json")?))
}

fn built_in<T: serde::de::DeserializeOwned>(path: &str) -> Result<T> {
    let malformed = |what: String| EngineError::Malformed { file: format!("built-in {path}"), what };
    let bytes = crate::assets::find(path).ok_or_else(|| malformed("is missing".into()))?;
    serde_json::from_slice(bytes).map_err(|error| malformed(format!("cannot be understood: {error}")))
}

/// Whether a residual block has a shortcut depends on its widths, which a file read without its model does not know.
fn add_shortcuts(layers: &mut Layers) {
    let missing: Vec<_> = layers
        .iter()
        .filter_map(|(path, layer)| Some((format!("{}.conv_shortcut", path.strip_suffix(".conv1")?), *layer)))
        .filter(|(path, _)| !layers.contains_key(path))
        .collect();
    for (path, layer) in missing {
        layers.insert(path, modules::Layer { op: Op::Conv(1), ..layer });
    }
}

/// The path in the layout of Stable Diffusion's own code, which numbers all blocks through: a level has `per_level` of
/// them, its layers and the way to the next level. `attends` says whether a level of the way up has attention.
fn original_path(path: &str, per_level: usize, attends: impl Fn(usize) -> bool) -> Option<String> {
    if let Some((_, original)) = OUTER.into_iter().find(|(diffusers, _)| *diffusers == path) {
        return Some(original.into());
    }
    let (block, rest) = path.split_once('.')?;
    if block == "mid_block" {
        return match rest.split_once('.')? {
            ("resnets", rest) => {
                let (layer, rest) = numbered(rest)?;
                Some(format!("middle_block.{}.{}", 2 * layer, resnet(rest)?))
            }
            ("attentions", rest) => Some(format!("middle_block.1.{}", numbered(rest)?.1)),
            _ => None,
        };
    }
    let (level, rest) = numbered(rest)?;
    let (kind, rest) = rest.split_once('.')?;
    let (layer, rest) = numbered(rest)?;
    match (block, kind) {
        ("down_blocks", "resnets") => {
            Some(format!("input_blocks.{}.0.{}", per_level * level + layer + 1, resnet(rest)?))
        }
        ("down_blocks", "attentions") => Some(format!("input_blocks.{}.1.{rest}", per_level * level + layer + 1)),
        ("down_blocks", "downsamplers") => Some(format!("input_blocks.{}.0.op", per_level * (level + 1))),
        ("up_blocks", "resnets") => Some(format!("output_blocks.{}.0.{}", per_level * level + layer, resnet(rest)?)),
        ("up_blocks", "attentions") => Some(format!("output_blocks.{}.1.{rest}", per_level * level + layer)),
        ("up_blocks", "upsamplers") => {
            let after = if attends(level) { 2 } else { 1 };
            Some(format!("output_blocks.{}.{after}.conv", per_level * level + per_level - 1))
        }
        _ => None,
    }
}

/// `12.rest` as 12 and `rest`.
fn numbered(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

fn resnet(layer: &str) -> Option<&'static str> {
    RESNET.into_iter().find(|(diffusers, _)| *diffusers == layer).map(|(_, original)| original)
}
