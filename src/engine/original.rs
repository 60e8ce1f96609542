//! Single-file checkpoints in the layout of Stable Diffusion's own code ("LDM"), read by the names of diffusers.
//!
//! All three parts lie in one file, each below a prefix of its own, and blocks are numbered through where diffusers
//! counts within levels. The file has no configuration; [`super::weights::ModelFiles`] says where that comes from. An
//! autoencoder comes alone too, then without its prefix.

use std::collections::BTreeMap;

/// How a tensor lies in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name there.
    pub name: String,
    /// Whether it is a 1 x 1 convolution that diffusers has as a linear layer.
    pub pointwise: bool,
}

/// What the names of a UNet begin with in such a file, and in no other.
pub const UNET: &str = "model.diffusion_model.";

/// What the names of averaged weights begin with, which some files hold once more for training to go on from.
pub const AVERAGED: &str = "model_ema.";

/// What the names of the autoencoder begin with where it lies in a whole model's file.
const VAE: &str = "first_stage_model.";

/// What names begin with that only training needs: the discriminator that an autoencoder learnt against.
const TRAINING: &str = "loss.";

/// The prefix below which a part lies; None for what is no part of a model.
fn prefix(part: &str) -> Option<&'static str> {
    match part {
        "unet" => Some(UNET),
        "vae" => Some(VAE),
        "text_encoder" => Some("cond_stage_model.transformer."),
        _ => None,
    }
}

/// Whether the names are those of such a file.
pub fn is_original<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| name.starts_with(UNET))
}

/// The tensors of a part (`unet`, `vae` or `text_encoder`) by diffusers' names. Names that are not understood stay as
/// they are, so that loading names them as surplus.
pub fn part<'a>(names: impl Iterator<Item = &'a str> + Clone, part: &str) -> BTreeMap<String, Stored> {
    let Some(prefix) = prefix(part) else { return BTreeMap::new() };
    renamed(names.filter_map(|name| Some((name, name.strip_prefix(prefix)?))), part)
}

/// The tensors of an autoencoder's own file, or of a whole model's that one is taken from, by diffusers' names; such a file
/// may be in either layout. What belongs to training is left out, and empty is what holds no autoencoder.
pub fn autoencoder<'a>(names: impl Iterator<Item = &'a str> + Clone) -> BTreeMap<String, Stored> {
    let prefix = if names.clone().any(|name| name.starts_with(VAE)) { VAE } else { "" };
    let within = names.filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
    let heads = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];
    let within = within.filter(|(_, inner)| heads.iter().any(|head| inner.starts_with(head)));
    if within.clone().any(|(_, inner)| inner.starts_with("decoder.up.")) {
        return renamed(within, "vae");
    }
    within.map(|(name, inner)| (inner.to_owned(), Stored { name: name.to_owned(), pointwise: false })).collect()
}

/// The tensors of a part in a folder as diffusers writes it. Newer versions leave the text encoder's first word out.
pub fn in_folder<'a>(names: impl Iterator<Item = &'a str> + Clone, part: &str) -> BTreeMap<String, Stored> {
    let shortened = part == "text_encoder" && names.clone().any(|name| name.starts_with("encoder.layers."));
    let name_of = |name: &str| if shortened { text_encoder(name) } else { None };
    let named = names.map(|name| {
        (name_of(name).unwrap_or_else(|| name.to_owned()), Stored { name: name.to_owned(), pointwise: false })
    });
    named.collect()
}

/// Names within a part by those of diffusers.
fn renamed<'a>(within: impl Iterator<Item = (&'a str, &'a str)> + Clone, part: &str) -> BTreeMap<String, Stored> {
    let within = within.filter(|(_, inner)| !inner.starts_with(TRAINING));
    let numbers = Numbers::of(within.clone().map(|(_, inner)| inner));
    let named = within.map(|(name, inner)| {
        let (renamed, pointwise) = match part {
            "unet" => (unet(inner, numbers), false),
            "vae" => vae(inner, numbers),
            _ => (text_encoder(inner), false),
        };
        (renamed.unwrap_or_else(|| inner.to_owned()), Stored { name: name.to_owned(), pointwise })
    });
    named.collect()
}

/// What the names alone say of the topology.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    /// Blocks of the UNet's way down to a level: its layers and the downsampler.
    per_level: usize,
    /// Levels of the VAE's decoder.
    decoder_levels: usize,
}

impl Numbers {
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers = Self { per_level: 3, decoder_levels: 0 };
        let mut first_downsampler = usize::MAX;
        for name in names {
            if let Some((index, rest)) = name.strip_prefix("input_blocks.").and_then(numbered)
                && rest.starts_with("0.op.")
            {
                first_downsampler = first_downsampler.min(index);
            }
            if let Some((level, _)) = name.strip_prefix("decoder.up.").and_then(numbered) {
                numbers.decoder_levels = numbers.decoder_levels.max(level + 1);
            }
        }
        if (1..usize::MAX).contains(&first_downsampler) {
            numbers.per_level = first_downsampler;
        }
        numbers
    }
}

/// `12.rest` as 12 and `rest`.
fn numbered(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

fn unet(name: &str, Numbers { per_level, .. }: Numbers) -> Option<String> {
    for (original, diffusers) in [
        ("time_embed.0.", "time_embedding.linear_1."),
        ("time_embed.2.", "time_embedding.linear_2."),
        ("input_blocks.0.0.", "conv_in."),
        ("out.0.", "conv_norm_out."),
        ("out.2.", "conv_out."),
    ] {
        if let Some(rest) = name.strip_prefix(original) {
            return Some(format!("{diffusers}{rest}"));
        }
    }
    if let Some((index, rest)) = name.strip_prefix("input_blocks.").and_then(numbered) {
        let (level, layer) = (index.checked_sub(1)? / per_level, (index - 1) % per_level);
        let (kind, rest) = numbered(rest)?;
        return match (kind, rest.strip_prefix("op.")) {
            (0, Some(rest)) => Some(format!("down_blocks.{level}.downsamplers.0.conv.{rest}")),
            (0, None) => Some(format!("down_blocks.{level}.resnets.{layer}.{}", resnet(rest)?)),
            (1, None) => Some(format!("down_blocks.{level}.attentions.{layer}.{rest}")),
            _ => None,
        };
    }
    if let Some((kind, rest)) = name.strip_prefix("middle_block.").and_then(numbered) {
        return match kind {
            0 => Some(format!("mid_block.resnets.0.{}", resnet(rest)?)),
            1 => Some(format!("mid_block.attentions.0.{rest}")),
            2 => Some(format!("mid_block.resnets.1.{}", resnet(rest)?)),
            _ => None,
        };
    }
    let (index, rest) = name.strip_prefix("output_blocks.").and_then(numbered)?;
    let (level, layer) = (index / per_level, index % per_level);
    let (kind, rest) = numbered(rest)?;
    match (kind, rest.strip_prefix("conv.")) {
        (0, None) => Some(format!("up_blocks.{level}.resnets.{layer}.{}", resnet(rest)?)),
        // Where a level has no attention the upsampler comes right after the ResNet.
        (1 | 2, Some(rest)) => Some(format!("up_blocks.{level}.upsamplers.0.conv.{rest}")),
        (1, None) => Some(format!("up_blocks.{level}.attentions.{layer}.{rest}")),
        _ => None,
    }
}

fn resnet(name: &str) -> Option<String> {
    [
        ("in_layers.0.", "norm1."),
        ("in_layers.2.", "conv1."),
        ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."),
        ("out_layers.3.", "conv2."),
        ("skip_connection.", "conv_shortcut."),
    ]
    .into_iter()
    .find_map(|(original, diffusers)| Some(format!("{diffusers}{}", name.strip_prefix(original)?)))
}

/// The name, and whether the tensor is a 1 x 1 convolution that diffusers has as a linear layer.
fn vae(name: &str, Numbers { decoder_levels, .. }: Numbers) -> (Option<String>, bool) {
    let Some((half, rest)) = name.split_once('.') else { return (None, false) };
    if half != "encoder" && half != "decoder" {
        return (Some(name.to_owned()), false);
    }
    for (original, diffusers) in
        [("q.", "to_q."), ("k.", "to_k."), ("v.", "to_v."), ("proj_out.", "to_out.0."), ("norm.", "group_norm.")]
    {
        if let Some(rest) = rest.strip_prefix("mid.attn_1.").and_then(|rest| rest.strip_prefix(original)) {
            let pointwise = original != "norm." && rest == "weight";
            return (Some(format!("{half}.mid_block.attentions.0.{diffusers}{rest}")), pointwise);
        }
    }
    let renamed = || {
        if let Some(rest) = rest.strip_prefix("norm_out.") {
            return Some(format!("{half}.conv_norm_out.{rest}"));
        }
        if let Some((block, rest)) = rest.strip_prefix("mid.block_").and_then(numbered) {
            return Some(format!("{half}.mid_block.resnets.{}.{}", block.checked_sub(1)?, shortcut(rest)));
        }
        let Some((way, rest)) = rest.split_once('.').filter(|(way, _)| ["down", "up"].contains(way)) else {
            return Some(name.to_owned());
        };
        let (level, rest) = numbered(rest)?;
        // The decoder's levels are counted from the coarsest by diffusers, from the finest in the file.
        let level = if way == "up" { decoder_levels.checked_sub(level + 1)? } else { level };
        if let Some((layer, rest)) = rest.strip_prefix("block.").and_then(numbered) {
            return Some(format!("{half}.{way}_blocks.{level}.resnets.{layer}.{}", shortcut(rest)));
        }
        let rest = rest.strip_prefix(&format!("{way}sample."))?;
        Some(format!("{half}.{way}_blocks.{level}.{way}samplers.0.{rest}"))
    };
    (renamed(), false)
}

fn shortcut(name: &str) -> String {
    name.strip_prefix("nin_shortcut.").map_or_else(|| name.to_owned(), |rest| format!("conv_shortcut.{rest}"))
}

fn text_encoder(name: &str) -> Option<String> {
    // Some tools leave the first word out.
    Some(if name.starts_with("text_model.") { name.to_owned() } else { format!("text_model.{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stable_diffusion_s_own_file_become_diffusers() {
        // As they are in v1-5-pruned.safetensors, with what diffusers' conversion script makes of them.
        for (which, original, diffusers) in [
            ("unet", "model.diffusion_model.time_embed.2.bias", "time_embedding.linear_2.bias"),
            ("unet", "model.diffusion_model.input_blocks.0.0.weight", "conv_in.weight"),
            (
                "unet",
                "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
                "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight",
            ),
            (
                "unet",
                "model.diffusion_model.input_blocks.4.0.skip_connection.weight",
                "down_blocks.1.resnets.0.conv_shortcut.weight",
            ),
            ("unet", "model.diffusion_model.input_blocks.9.0.op.weight", "down_blocks.2.downsamplers.0.conv.weight"),
            (
                "unet",
                "model.diffusion_model.input_blocks.11.0.emb_layers.1.bias",
                "down_blocks.3.resnets.1.time_emb_proj.bias",
            ),
            ("unet", "model.diffusion_model.middle_block.1.proj_in.weight", "mid_block.attentions.0.proj_in.weight"),
            ("unet", "model.diffusion_model.middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight"),
            ("unet", "model.diffusion_model.output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            ("unet", "model.diffusion_model.output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias"),
            ("unet", "model.diffusion_model.output_blocks.11.1.norm.weight", "up_blocks.3.attentions.2.norm.weight"),
            ("unet", "model.diffusion_model.out.2.weight", "conv_out.weight"),
            (
                "vae",
                "first_stage_model.encoder.down.1.block.0.nin_shortcut.weight",
                "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
            ),
            (
                "vae",
                "first_stage_model.encoder.down.0.downsample.conv.bias",
                "encoder.down_blocks.0.downsamplers.0.conv.bias",
            ),
            ("vae", "first_stage_model.decoder.mid.attn_1.q.weight", "decoder.mid_block.attentions.0.to_q.weight"),
            ("vae", "first_stage_model.decoder.mid.block_2.conv1.weight", "decoder.mid_block.resnets.1.conv1.weight"),
            (
                "vae",
                "first_stage_model.decoder.up.3.block.2.norm1.weight",
                "decoder.up_blocks.0.resnets.2.norm1.weight",
            ),
            (
                "vae",
                "first_stage_model.decoder.up.1.upsample.conv.weight",
                "decoder.up_blocks.2.upsamplers.0.conv.weight",
            ),
            ("vae", "first_stage_model.decoder.norm_out.bias", "decoder.conv_norm_out.bias"),
            ("vae", "first_stage_model.post_quant_conv.weight", "post_quant_conv.weight"),
            (
                "text_encoder",
                "cond_stage_model.transformer.text_model.final_layer_norm.weight",
                "text_model.final_layer_norm.weight",
            ),
            ("text_encoder", "cond_stage_model.transformer.final_layer_norm.bias", "text_model.final_layer_norm.bias"),
        ] {
            // The names that say how many levels there are.
            let around =
                ["model.diffusion_model.input_blocks.3.0.op.bias", "first_stage_model.decoder.up.3.block.0.conv1.bias"];
            let found = part(around.into_iter().chain([original]), which);
            assert_eq!(found.get(diffusers).map(|stored| stored.name.as_str()), Some(original), "of {found:?}");
        }
    }

    #[test]
    fn what_is_not_understood_keeps_its_name() {
        let names = ["model.diffusion_model.label_emb.0.0.weight", "model_ema.decay", "first_stage_model.loss.logvar"];
        let found = part(names.into_iter(), "unet");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["label_emb.0.0.weight"]);
        assert!(part(names.into_iter(), "vae").is_empty(), "what training alone needs");
        assert!(is_original(names.into_iter()));
        assert!(!is_original(["unet.conv_in.weight"].into_iter()));
        let odd = ["model.diffusion_model.input_blocks.x.0.weight", "model.diffusion_model.output_blocks.5"];
        assert_eq!(part(odd.into_iter(), "unet").len(), 2);
    }

    #[test]
    fn an_autoencoder_is_found_in_every_file_that_holds_one() {
        let around =
            |prefix: &str, names: &[&str]| names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>();
        let original =
            ["decoder.up.3.block.0.conv1.weight", "encoder.mid.attn_1.k.weight", "loss.logvar", "quant_conv.bias"];
        let expected = [
            "decoder.up_blocks.0.resnets.0.conv1.weight",
            "encoder.mid_block.attentions.0.to_k.weight",
            "quant_conv.bias",
        ];
        for names in [around("", &original), around("first_stage_model.", &original)] {
            let found = autoencoder(names.iter().map(String::as_str).chain(["model.diffusion_model.out.2.bias"]));
            assert_eq!(found.keys().collect::<Vec<_>>(), expected);
            assert!(found["encoder.mid_block.attentions.0.to_k.weight"].pointwise);
        }
        let found = autoencoder(expected.into_iter());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected);
        assert!(found.iter().all(|(name, stored)| *name == stored.name && !stored.pointwise));
        assert!(autoencoder(["lora_unet_mid.alpha", "text_model.x"].into_iter()).is_empty());
    }

    #[test]
    fn a_folder_s_text_encoder_may_leave_its_first_word_out() {
        let long = ["text_model.encoder.layers.0.mlp.fc1.bias", "text_model.final_layer_norm.bias"];
        let short = ["encoder.layers.0.mlp.fc1.bias", "final_layer_norm.bias"];
        for names in [long, short] {
            let found = in_folder(names.into_iter(), "text_encoder");
            assert_eq!(found.keys().collect::<Vec<_>>(), long);
            assert_eq!(found.values().map(|stored| stored.name.as_str()).collect::<Vec<_>>(), names);
        }
        assert_eq!(in_folder(short.into_iter(), "unet").keys().collect::<Vec<_>>(), short);
    }
}
