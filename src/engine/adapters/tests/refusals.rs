//! What is refused, and in which words.

use super::*;

const LINEAR: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";
const CONV: &str = "lora_unet_mid_block_resnets_0_conv1";

fn lora(layer: &str) -> Made {
    Made::new("f.safetensors")
        .any(format!("{layer}.lora_down.weight"), &[2, 8])
        .any(format!("{layer}.lora_up.weight"), &[8, 2])
}

#[track_caller]
fn says(made: &Made, words: &[&str]) {
    let error = made.refused();
    assert!(error.starts_with(&made.name), "{error}");
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
}

#[test]
fn kinds_that_are_not_taken_are_named_with_what_to_do() {
    for (leaf, shape, kind) in [
        ("dora_scale", &[8, 1][..], "is a DoRA"),
        ("oft_blocks", &[2, 4, 4], "is an OFT"),
        ("oft_diag", &[2, 4, 4], "is an OFT"),
        ("oft_blocks", &[2, 2, 4, 4], "is a BOFT"),
        ("a1.weight", &[8, 2], "is a GLoRA"),
        ("diff", &[8, 8], "full differences"),
        ("diff_b", &[8], "full differences"),
    ] {
        let made = lora(LINEAR).any(format!("{LINEAR}.{leaf}"), shape);
        says(&made, &[kind, &format!("`{LINEAR}.{leaf}`"), "merge it into a model"]);
    }
    for leaf in ["w_norm", "b_norm"] {
        let norm = format!("lora_unet_mid_block_attentions_0_norm.{leaf}");
        says(&lora(LINEAR).any(norm, &[8]), &["full differences"]);
    }
    let peft = "base_model.model.mid_block.attentions.0.proj_in";
    says(&Made::new("p").any(format!("{peft}.lora_magnitude_vector"), &[8]), &["is a DoRA"]);
    says(&Made::new("p").any(format!("{peft}.lora_B.bias"), &[8]), &["full differences of weights, norms or biases"]);
    says(&Made::new("p").any(format!("{peft}.ia3_l"), &[8, 1]), &["IA3 file as PEFT"]);
}

#[test]
fn files_for_other_models_say_which_they_are_for_and_how_it_shows() {
    let name = |name: &str| Made::new("f.safetensors").any(name, &[2, 8]);
    let of_width = |layer: &str, width: usize| {
        Made::new("f.safetensors")
            .any(format!("{layer}.lora_down.weight"), &[2, width])
            .any(format!("{layer}.lora_up.weight"), &[8, 2])
    };
    let q_proj = "lora_te_text_model_encoder_layers_0_self_attn_q_proj";
    for (made, base, sign) in [
        (lora(LINEAR).said("ss_base_model_version", "sdxl_base_v1-0"), "Stable Diffusion XL", "sdxl_base_v1-0"),
        (lora(LINEAR).said("ss_base_model_version", "sd_v2_v"), "Stable Diffusion 2", "sd_v2_v"),
        (lora(LINEAR).said("modelspec.architecture", "flux-1-dev/lora"), "Flux", "flux-1-dev"),
        (
            lora(LINEAR).said("modelspec.architecture", "stable-diffusion-3-medium/lora"),
            "Stable Diffusion 3",
            "3-medium",
        ),
        (lora(LINEAR).said("ss_v2", "True"), "Stable Diffusion 2", "ss_v2"),
        (of_width(LINEAR, 2048), "Stable Diffusion XL", "attn2.to_k takes 2048 channels"),
        (of_width(LINEAR, 1024), "Stable Diffusion 2", "takes 1024 channels"),
        (of_width(q_proj, 1024), "Stable Diffusion 2", "q_proj takes 1024 channels"),
        (name("lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha"), "Stable Diffusion XL", "lora_te2_"),
        (
            name("text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight"),
            "Stable Diffusion XL",
            "text_encoder_2",
        ),
        (
            name("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q.alpha"),
            "Stable Diffusion XL",
            "transformer_blocks_1",
        ),
        (name("lora_unet_joint_blocks_0_x_block_attn_qkv.alpha"), "Stable Diffusion 3", "joint_blocks"),
        (name("transformer.transformer_blocks.0.attn.to_q.lora_A.weight"), "Stable Diffusion 3", "transformer."),
        (name("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"), "Flux", "single_transformer_blocks"),
        (name("lora_unet_double_blocks_0_img_attn_qkv.alpha").any("lora_te2_x.alpha", &[]), "Flux", "double_blocks"),
        (name("clip_g").any("clip_l", &[2, 768]), "Stable Diffusion XL", "`clip_g`"),
        (lora(LINEAR).any("bundle_emb.cat.clip_g", &[2, 1280]), "Stable Diffusion XL", "`bundle_emb.cat.clip_g`"),
        (Made::new("f.safetensors").any("emb_params", &[2, 1024]), "Stable Diffusion 2", "1024 wide"),
    ] {
        says(&made, &[&format!("is for {base} ("), sign, "Podium runs Stable Diffusion 1.5"]);
    }
    // Tensors have the last word: metadata survives merges.
    let merged = of_width(LINEAR, 768).said("ss_base_model_version", "sdxl_base_v1-0").taken();
    assert_eq!(merged.about.base, Some(super::super::Base::Sd1));
    // What nobody has heard of may be a person's own name for it.
    assert_eq!(lora(LINEAR).said("ss_base_model_version", "my_mix").taken().about.base, None);
    assert_eq!(lora(LINEAR).said("ss_base_model_version", "sd_v1").taken().about.base, Some(super::super::Base::Sd1));
}

#[test]
fn incomplete_and_impossible_layers_are_named() {
    let without = |leaf: &str| {
        let mut made = lora(LINEAR);
        made.tensors.remove(&format!("{LINEAR}.{leaf}"));
        made
    };
    let path = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
    says(&without("lora_up.weight"), &[LINEAR, path, "has no lora_up", "incomplete"]);
    says(&without("lora_down.weight"), &[LINEAR, path, "has no lora_down", "incomplete"]);
    let with = |made: Made, leaf: &str, shape: &[usize]| made.any(format!("{LINEAR}.{leaf}"), shape);
    says(&with(lora(LINEAR), "lora_up.weight", &[8, 3]), &["ranks 2 and 3", "[2, 8] and [8, 3]"]);
    says(&with(lora(LINEAR), "lora_up.weight", &[8]), &["lora_up (lora_B) of shape [8]", "a matrix"]);
    says(&with(lora(LINEAR), "lora_down.weight", &[2, 8, 3, 3]), &["[2, 8, 3, 3]", "linear"]);
    says(&with(lora(LINEAR), "lora_down.weight", &[0, 8]), &["ranks 0 and 2"]);
    says(&with(lora(LINEAR), "alpha", &[2]), &["alpha of shape [2]"]);
    says(&with(lora(LINEAR), "hada_w1_a", &[8, 2]), &["two kinds"]);
    says(&lora(CONV), &["[2, 8]", "convolution of 3 x 3 pixels"]);
    says(
        &lora(CONV).any(format!("{CONV}.lora_mid.weight"), &[2, 3, 3, 3]),
        &["lora_mid of shape [2, 3, 3, 3]", "[2, 2, 3, 3]"],
    );
    says(&lora("lora_unet_mid_block_attentions_0_norm"), &["is a norm, which no LoRA changes"]);
    let twice = lora(LINEAR).any("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight", &[2, 8]);
    says(&twice, &["two names of the same thing", &format!("{LINEAR}.lora_down.weight")]);
    says(&with(Made::new("f"), "hada_w1_a", &[8, 2]), &["has no hada_w1_b"]);
    says(&with(Made::new("f"), "lokr_w1", &[2, 2]), &["has no lokr_w2_a"]);
    says(&with(Made::new("f"), "on_input", &[]), &["has no weight"]);
    let lokr = Made::new("f").any(format!("{CONV}.lokr_w1"), &[2, 2]);
    says(&lokr.clone().any(format!("{CONV}.lokr_w2"), &[2, 2]), &["lokr_w2 of shape [2, 2]"]);
    let split = lokr.any(format!("{CONV}.lokr_w2_a"), &[2, 2]).any(format!("{CONV}.lokr_w2_b"), &[2, 10]);
    says(&split, &["10 columns", "3 x 3"]);
    let huge = |half: &str, shape: &[usize]| (format!("{LINEAR}.hada_{half}"), shape.to_vec(), vec![f32::MAX; 4]);
    let mut infinite = Made::new("f");
    for (name, shape, values) in
        [huge("w1_a", &[4, 1]), huge("w1_b", &[1, 4]), huge("w2_a", &[4, 1]), huge("w2_b", &[1, 4])]
    {
        infinite = infinite.with(name, &shape, values);
    }
    says(&infinite, &["too large to multiply"]);
    says(&with(with(Made::new("f"), "lokr_w1", &[2, 2]), "lokr_w1_a", &[2, 2]), &["lokr_w1 both whole and split"]);
    let token = Made::new("e").any("new_concept_embedding.<a>", &[2, 2, 2]);
    says(&token, &["token `<a>`", "[2, 2, 2]"]);
    let tokens = Made::new("e").any("new_concept_embedding.<a>", &[2, 8]).any("new_concept_embedding.<b>", &[3, 8]);
    says(&tokens, &["`<a>` has 2", "`<b>` has 3"]);
    says(&Made::new("e").any("emb_params", &[2000, 4]), &["2000 vectors"]);
}

#[test]
fn foreign_tensors_are_left_aside_and_named_but_never_refuse_a_file() {
    let made = lora(LINEAR)
        .any(format!("{LINEAR}.scale_weight"), &[1])
        .any("lora_unet_label_emb_0_0.lora_down.weight", &[2, 8])
        .any("lora_te_text_projection.alpha", &[])
        .any("lora_unet_mid_block_resnets_0_conv2.alpha", &[])
        .any("mid_block.resnets.0.conv2.weight", &[8])
        .any("whatever", &[3]);
    let read = made.taken();
    assert_eq!((read.unet.len(), read.tensors, read.left_aside.len()), (1, 8, 6));
    let why: BTreeMap<_, _> = read.left_aside.iter().cloned().collect();
    for (name, reason) in [
        ("whatever", "no format"),
        ("lora_te_text_projection.alpha", "does not have"),
        ("lora_unet_mid_block_resnets_0_conv2.alpha", "an alpha without its factors"),
        ("mid_block.resnets.0.conv2.weight", "a weight of a model itself"),
    ] {
        assert!(why[name].contains(reason), "{name}: {}", why[name]);
    }
    let summary = read.summary();
    assert!(
        summary.last().expect("lines").starts_with("left aside: `")
            && summary.last().expect("lines").ends_with("and 5 more")
    );
}

#[test]
fn files_that_are_no_adapters_say_what_they_are() {
    says(&Made::new("empty"), &["holds no tensors at all"]);
    let model = Made::new("m").any("conv_in.weight", &[8, 4, 3, 3]).any("conv_in.bias", &[8]);
    says(&model, &["a model's own weights", "choose it as the model"]);
    let model = Made::new("m").any("model.diffusion_model.foo.weight", &[8]).any("cond_stage_model.logit_scale", &[]);
    says(&model, &["a model's own weights"]);
    let other = Made::new("o").any("linear.weight", &[8, 4]).any("linear.bias", &[8]);
    says(&other, &["none of its 2 tensors belongs to a layer", "`linear.bias`"]);
    let shapes = Made::new("o").any("a", &[8, 4]).any("b", &[8, 5]);
    says(&shapes, &["no LoRA and no embedding"]);
}

#[test]
fn products_past_any_layer_s_size_are_refused_before_they_are_made() {
    let side = 1 << 14;
    let made = Made::new("huge")
        .any(format!("{LINEAR}.hada_w1_a"), &[side, 1])
        .any(format!("{LINEAR}.hada_w1_b"), &[1, side])
        .any(format!("{LINEAR}.hada_w2_a"), &[side, 1])
        .any(format!("{LINEAR}.hada_w2_b"), &[1, side]);
    // At rank 1 it stays low-rank, whatever its size.
    assert!(made.read().is_ok());
    let lokr = Made::new("huge")
        .any(format!("{LINEAR}.lokr_w1"), &[1, 1])
        .any(format!("{LINEAR}.lokr_w2_a"), &[side, 1])
        .any(format!("{LINEAR}.lokr_w2_b"), &[1, side]);
    says(&lokr, &["[16384, 16384]", "more than any layer"]);
    /// A file of few bytes that says it is large, as a pickle can.
    struct Boasting(Made);
    impl Tensors for Boasting {
        fn name(&self) -> &str {
            "boasting"
        }
        fn metadata(&self) -> &BTreeMap<String, String> {
            &self.0.metadata
        }
        fn listed(&self) -> Vec<(String, Vec<usize>)> {
            self.0.listed().into_iter().map(|(name, _)| (name, vec![1 << 20, 1 << 20])).collect()
        }
        fn values(&self, _: &str) -> Result<Vec<f32>> {
            panic!("nothing is read")
        }
        fn others(&self) -> &[String] {
            &[]
        }
    }
    let error = take(&Boasting(lora(LINEAR)), Scaling::default(), &Names::plain().expect("built in"));
    assert!(error.expect_err("too large").to_string().contains("more than any adapter has"));
}
