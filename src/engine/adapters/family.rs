//! Which kind of model a file is for: by its tensors first, since metadata survives merges, else by what it says.

use std::collections::BTreeMap;

use super::change::{Base, Part};
use super::names::Module;

/// A kind of model and how it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The kind.
    pub base: Base,
    /// How it shows, to be put in brackets.
    pub sign: String,
}

/// Width of Stable Diffusion 2's text context.
pub const SD2_CONTEXT: usize = 1024;
/// Width of Stable Diffusion XL's.
const SDXL_CONTEXT: usize = 2048;

/// Pieces of names that only one kind of model has.
const PIECES: [(&str, Base); 8] = [
    ("joint_blocks", Base::Sd3),
    ("joint_transformer_blocks", Base::Sd3),
    ("lora_te3_", Base::Sd3),
    ("double_blocks", Base::Flux),
    ("single_blocks", Base::Flux),
    ("single_transformer_blocks", Base::Flux),
    ("lora_te2_", Base::Sdxl),
    ("text_encoder_2.", Base::Sdxl),
];

/// What names alone say.
pub fn by_names<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Evidence> {
    // The blocks of a transformer say more than a second text encoder, which several kinds have.
    let named = PIECES.into_iter().find_map(|(piece, base)| {
        let name = names.clone().find(|name| name.contains(piece))?;
        Some(Evidence { base, sign: format!("it holds `{name}`") })
    });
    let deeper = |name: &&str| {
        let unet = name.contains("put_blocks") || name.contains("down_blocks") || name.contains("up_blocks");
        unet && (name.contains("transformer_blocks_1_") || name.contains("transformer_blocks.1."))
    };
    let second_embedding = |name: &&str| *name == "clip_g" || name.ends_with(".clip_g");
    named
        .or_else(|| {
            let name = names.clone().find(|name| deeper(name) || second_embedding(name))?;
            Some(Evidence { base: Base::Sdxl, sign: format!("it holds `{name}`") })
        })
        .or_else(|| {
            let name = names.clone().find(|name| name.starts_with("transformer."))?;
            Some(Evidence { base: Base::Sd3, sign: format!("it holds `{name}`") })
        })
}

/// What the widths of the layers say: `widths` are each layer's inputs as far as its factors tell, `context` is the width
/// of Stable Diffusion 1.5's text context.
pub fn by_widths<'a>(widths: impl Iterator<Item = (&'a Module, usize)>, context: usize) -> Option<Evidence> {
    let mut found = None;
    for (module, width) in widths {
        let from_prompt =
            module.part == Part::Unet && (module.path.ends_with("attn2.to_k") || module.path.ends_with("attn2.to_v"));
        let of_text = module.part == Part::TextEncoder && module.path.contains(".self_attn.");
        if !from_prompt && !of_text {
            continue;
        }
        let base = match width {
            _ if width == context => Base::Sd1,
            SD2_CONTEXT => Base::Sd2,
            SDXL_CONTEXT if from_prompt => Base::Sdxl,
            _ => continue,
        };
        let sign = format!("its {module} takes {width} channels");
        // XL's first text encoder is as wide as 1.5's, so the UNet has the last word.
        if from_prompt {
            return Some(Evidence { base, sign });
        }
        found = found.or(Some(Evidence { base, sign }));
    }
    found
}

/// What the width of an embedding says.
pub fn by_embedding(name: &str, width: usize, context: usize) -> Option<Evidence> {
    let base = match width {
        _ if width == context => Base::Sd1,
        SD2_CONTEXT => Base::Sd2,
        _ => return None,
    };
    Some(Evidence { base, sign: format!("its word `{name}` is {width} wide") })
}

/// What metadata says.
pub fn by_metadata(metadata: &BTreeMap<String, String>) -> Option<Evidence> {
    let said =
        |key: &str| metadata.get(key).map(|value| value.trim()).filter(|value| !value.is_empty() && *value != "None");
    let known = |key: &str, tell: fn(&str) -> Base| {
        let value = said(key)?;
        let short: String = value.chars().take(80).collect();
        Some(Evidence { base: tell(&value.to_lowercase()), sign: format!("its metadata says {key}: {short}") })
    };
    known("ss_base_model_version", version).or_else(|| known("modelspec.architecture", architecture)).or_else(|| {
        let v2 = said("ss_v2").filter(|value| value.eq_ignore_ascii_case("true"))?;
        Some(Evidence { base: Base::Sd2, sign: format!("its metadata says ss_v2: {v2}") })
    })
}

/// kohya's `ss_base_model_version`.
fn version(value: &str) -> Base {
    let begins = |starts: &[&str]| starts.iter().any(|start| value.starts_with(start));
    match value {
        _ if begins(&["sd_v1", "sd1", "sd 1", "sd_1"]) => Base::Sd1,
        _ if begins(&["sd_v2", "sd2", "sd 2", "sd_2"]) => Base::Sd2,
        _ if begins(&["sdxl"]) => Base::Sdxl,
        _ if begins(&["sd3", "medium", "large", "5-large", "5-medium", "3-", "3.5"]) => Base::Sd3,
        _ if begins(&["flux"]) => Base::Flux,
        _ => Base::Other,
    }
}

/// Stability's `modelspec.architecture`.
fn architecture(value: &str) -> Base {
    let begins = |start: &str| value.starts_with(start);
    match value {
        _ if begins("stable-diffusion-v1") => Base::Sd1,
        _ if begins("stable-diffusion-v2") => Base::Sd2,
        _ if begins("stable-diffusion-xl") => Base::Sdxl,
        _ if begins("stable-diffusion-3") => Base::Sd3,
        _ if begins("flux") => Base::Flux,
        _ => Base::Other,
    }
}
