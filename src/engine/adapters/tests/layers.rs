//! Names of layers: Stable Diffusion 1.5's, all of them, in both layouts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::change::{Kind, Part};
use super::super::modules::{self, Layer, Op};
use super::super::names::{Place, plain_configs};
use super::*;
use crate::engine::original;

/// The other layout's name of a UNet's tensor, found out by trying all of that layout's names, with `original.rs`.
fn originals() -> HashMap<String, String> {
    let resnet = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection"];
    let mut transformer: Vec<String> = ["norm", "proj_in", "proj_out"].map(String::from).into();
    for attention in ["attn1", "attn2"] {
        transformer.extend(
            ["to_q", "to_k", "to_v", "to_out.0"].map(|name| format!("transformer_blocks.0.{attention}.{name}")),
        );
    }
    let rest = ["norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"];
    transformer.extend(rest.map(|name| format!("transformer_blocks.0.{name}")));
    let mut names: Vec<String> =
        ["time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2"].map(String::from).into();
    let mut block = |at: &str, inner: &[&str], attends: bool| {
        names.extend(inner.iter().map(|name| format!("{at}.0.{name}")));
        if attends {
            names.extend(transformer.iter().map(|name| format!("{at}.1.{name}")));
        }
    };
    for input in 1..12 {
        let inner: &[&str] = if input % 3 == 0 { &["op"] } else { &resnet };
        block(&format!("input_blocks.{input}"), inner, input % 3 != 0 && input < 9);
    }
    block("middle_block", &resnet, true);
    for output in 0..12 {
        block(&format!("output_blocks.{output}"), &resnet, output > 2);
    }
    names.extend(resnet.map(|name| format!("middle_block.2.{name}")));
    names.extend(["output_blocks.2.1.conv", "output_blocks.5.2.conv", "output_blocks.8.2.conv"].map(String::from));
    let full: Vec<String> = names.iter().map(|name| format!("{}{name}.weight", original::UNET)).collect();
    let parts = original::part(full.iter().map(String::as_str), "unet");
    let within = |name: &str| name.trim_start_matches(original::UNET).trim_end_matches(".weight").to_owned();
    parts.iter().map(|(diffusers, stored)| (within(diffusers), within(&stored.name))).collect()
}

#[test]
fn every_layer_has_its_name_in_both_layouts_and_no_two_are_alike() {
    let (unet, text) = plain_configs().expect("built in");
    let names = Names::of(&unet, &text);
    let (real, text_layers) = (modules::unet(&unet), modules::text_encoder(&text));
    // 686 tensors: 96 layers without a bias.
    assert_eq!((real.len(), text_layers.len()), (391, 97));
    let attention = |path: &&String| path.contains("attn") && !path.contains("to_out");
    assert_eq!(2 * real.len() - real.keys().filter(attention).count(), 686);
    let originals = originals();
    // And a shortcut in each residual block, of which the real model has 14.
    assert_eq!(originals.len(), 399);
    let mut flattened = BTreeSet::new();
    for (diffusers, original) in &originals {
        for dotted in [diffusers, original] {
            assert!(flattened.insert(dotted.replace('.', "_")), "{dotted} flattens to another's name");
            let flat = format!("lora_unet_{}.alpha", dotted.replace('.', "_"));
            let Place::At(module, "alpha") = names.place(&flat) else { panic!("{flat} is not known") };
            assert_eq!((module.part, &module.path), (Part::Unet, diffusers), "{flat}");
            for prefix in ["", "unet.", "model.diffusion_model.", "diffusion_model."] {
                let name = format!("{prefix}{dotted}.lora_A.weight");
                let Place::At(module, "lora_A.weight") = names.place(&name) else { panic!("{name} is not known") };
                assert_eq!(&module.path, diffusers, "{name}");
            }
        }
    }
    assert_eq!(flattened.len(), 2 * 399);
    assert!(real.keys().all(|path| originals.contains_key(path)));
    for path in text_layers.keys() {
        assert!(flattened.insert(path.replace('.', "_")), "{path}");
        for prefix in ["lora_te_", "lora_te1_", "lycoris_"] {
            let flat = format!("{prefix}{}.alpha", path.replace('.', "_"));
            let Place::At(module, _) = names.place(&flat) else { panic!("{flat} is not known") };
            assert_eq!((module.part, &module.path), (Part::TextEncoder, path));
        }
    }
}

#[test]
fn names_of_no_layer_are_nowhere() {
    let names = Names::plain().expect("built in");
    for name in [
        "",
        ".",
        "..",
        "lora_unet_",
        "lora_unet_.alpha",
        "lora_unet_mid_block_attentions_1_proj_in.alpha",
        "lora_unet_text_model_encoder_layers_0_mlp_fc1.alpha",
        "lora_te_mid_block_attentions_0_proj_in.alpha",
        "lora_te_text_model_encoder_layers_12_mlp_fc1.alpha",
        "mid_block",
        "mid_block.attentions.0",
        "unet.unet.",
        "a_lora.",
        "x.to_q_lora.down.weight",
    ] {
        assert!(matches!(names.place(name), Place::Nowhere(_)), "{name}");
    }
    let processor = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q.lora_A.weight";
    assert!(
        matches!(names.place(processor), Place::At(module, "lora_A.weight") if module.path.ends_with("attn1.to_q"))
    );
    // Looked up piece by piece, this would take hours.
    assert!(matches!(names.place(&"conv_in.".repeat(1 << 20)), Place::Nowhere(_)));
    // Several wrappings, in any order.
    let wrapped = "base_model.model.unet.params.state_dict.conv_in.lora_A.weight";
    assert!(matches!(names.place(wrapped), Place::At(_, "lora_A.weight")));
}

/// A file of Stable Diffusion 1.5's full size at rank 1: names as kohya's trainer writes them.
fn full_size(spelled: impl Fn(&str) -> String, with: impl Fn(&str) -> bool) -> Made {
    let (unet, text) = plain_configs().expect("built in");
    let mut made = Made::new("full.safetensors");
    let parts = [("lora_unet_", modules::unet(&unet)), ("lora_te_", modules::text_encoder(&text))];
    for (prefix, layers) in parts {
        for (path, Layer { op, input, output }) in layers.into_iter().filter(|(path, _)| with(path)) {
            let spelled = if prefix == "lora_unet_" { spelled(&path) } else { path.clone() };
            let flat = format!("{prefix}{}", spelled.replace('.', "_"));
            let (down, up) = match op {
                // kohya's trainer sees these as the convolutions that they are in the model's file.
                _ if path.contains("proj_in") || path.contains("proj_out") => {
                    (vec![1, input, 1, 1], vec![output, 1, 1, 1])
                }
                Op::Linear => (vec![1, input], vec![output, 1]),
                Op::Conv(kernel) => (vec![1, input, kernel, kernel], vec![output, 1, 1, 1]),
                Op::Norm => continue,
            };
            let ones = |shape: &[usize]| vec![1.0; shape.iter().product()];
            made = made.with(format!("{flat}.lora_down.weight"), &down, ones(&down));
            made = made.with(format!("{flat}.lora_up.weight"), &up, ones(&up));
            made = made.with(format!("{flat}.alpha"), &[], vec![1.0]);
        }
    }
    made
}

#[test]
fn kohya_s_files_of_full_size_are_taken_whole_in_both_layouts() {
    let originals = originals();
    let (unet, text) = plain_configs().expect("built in");
    // What the trainer takes by default, and what it takes with `conv_dim`.
    let linear = |path: &str| {
        let of_transformers = path.contains("attentions") && !path.contains("norm");
        of_transformers || path.contains("self_attn") || path.contains("mlp")
    };
    let lora = full_size(str::to_owned, linear);
    assert_eq!(lora.tensors.len(), 792);
    let read = lora.taken();
    assert_eq!((read.kind, read.unet.len(), read.text_encoder.len()), (Kind::Lora, 192, 72));
    assert_eq!(read.left_aside, []);
    super::super::check(&read, &unet, &text).expect("fits");
    let other = full_size(|path| originals[path].clone(), linear).taken();
    assert!(read.unet == other.unet && read.text_encoder == other.text_encoder);
    let locon = full_size(str::to_owned, |path| linear(path) || !path.contains("text_model")).taken();
    // All but the norms: 391 - 109.
    assert_eq!((locon.kind, locon.unet.len()), (Kind::LoCon, 282));
    super::super::check(&locon, &unet, &text).expect("fits");
    let other = full_size(|path| originals[path].clone(), |path| linear(path) || !path.contains("text_model")).taken();
    assert!(locon.unet == other.unet && locon.text_encoder == other.text_encoder);
    let words = locon.summary().join("\n");
    assert!(words.contains("64 feed-forward") || words.contains("32 feed-forward"), "{words}");
}

#[test]
fn layers_of_the_built_in_models_are_those_of_their_files() {
    let config = |path: &str| crate::assets::find(path).expect("built in");
    let unet = serde_json::from_slice(config("miniature/unet/config.json")).expect("understood");
    let text = serde_json::from_slice(config("miniature/text_encoder/config.json")).expect("understood");
    for (layers, path) in [
        (modules::unet(&unet), "miniature/unet/diffusion_pytorch_model.safetensors"),
        (modules::text_encoder(&text), "miniature/text_encoder/model.safetensors"),
    ] {
        let file = TensorFile::from_bytes(path, config(path)).expect("safetensors");
        let listed: BTreeMap<&str, &[usize]> = file.tensors().map(|(name, shape, _)| (name, shape)).collect();
        for (layer, described) in &layers {
            let shape =
                listed.get(format!("{layer}.weight").as_str()).unwrap_or_else(|| panic!("{path} has no {layer}"));
            let squeezed: &[usize] = if described.op == Op::Linear { &shape[..2] } else { shape };
            assert_eq!(described.shape(), squeezed, "{layer}");
        }
        let weights = listed.keys().filter(|name| name.ends_with(".weight") && !name.contains("embeddings."));
        assert_eq!(weights.count(), layers.len());
    }
}

#[test]
fn a_lora_that_does_not_fit_names_layer_and_both_shapes() {
    let layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";
    let read = Made::new("wide.safetensors")
        .any(format!("{layer}.lora_down.weight"), &[2, 48])
        .any(format!("{layer}.lora_up.weight"), &[1280, 2])
        .taken();
    let (unet, text) = plain_configs().expect("built in");
    let error = super::super::check(&read, &unet, &text).expect_err("too narrow").to_string();
    let path = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q";
    for words in ["wide.safetensors", path, "[1280, 48]", "[1280, 1280]", "trained on another model"] {
        assert!(error.contains(words), "{error}");
    }
    let shortcut = "lora_unet_down_blocks_0_resnets_0_conv_shortcut";
    let read = Made::new("s.safetensors")
        .any(format!("{shortcut}.lora_down.weight"), &[2, 320, 1, 1])
        .any(format!("{shortcut}.lora_up.weight"), &[320, 2, 1, 1])
        .taken();
    let error = super::super::check(&read, &unet, &text).expect_err("no such layer").to_string();
    assert!(error.contains("conv_shortcut is no layer of this model"), "{error}");
}
