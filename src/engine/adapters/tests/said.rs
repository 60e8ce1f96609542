//! What a file says of itself, and the lines that say it to people.

use super::super::change::{Base, Kind, Prediction};
use super::*;

#[test]
fn a_kohya_file_is_summed_up_in_about_ten_lines() {
    let layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    let made = Made::new("/models/my_cat.safetensors")
        .any(format!("{layer}.lora_down.weight"), &[4, 768])
        .any(format!("{layer}.lora_up.weight"), &[640, 4])
        .with(format!("{layer}.alpha"), &[], vec![2.0])
        .any("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", &[8, 768])
        .any("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", &[3072, 8])
        .any("bundle_emb.fluff.emb_params", &[2, 768])
        .any("oddity", &[1])
        .said("ss_base_model_version", "sd_v1_v")
        .said("ss_sd_model_name", "dream.safetensors")
        .said("ss_network_module", "networks.lora")
        .said("ss_resolution", "(512, 512)")
        .said("ss_output_name", "my_cat")
        .said("modelspec.title", "My cat")
        .said("modelspec.trigger_phrase", "photo of mint cat")
        .said("ss_tag_frequency", r#"{"10_mint cat": {"mint cat": 20, "grass": 4}, "5_cat": {"grass": 3}}"#);
    let read = made.taken();
    assert_eq!(
        read.summary(),
        [
            "a LoRA, 37 thousand numbers in 6 tensors".to_owned(),
            "called: My cat, by its trainer my_cat".into(),
            "base: Stable Diffusion 1.5, trained on dream.safetensors".into(),
            "rank: 4 to 8, alpha 2".into(),
            "trained: by networks.lora, at 512x512, predicting the velocity (v), for models that do".into(),
            "words it brings: fluff (2 tokens)".into(),
            "trigger phrase: photo of mint cat".into(),
            "trigger words: cat, mint cat (20), grass (7)".into(),
            "changes in the UNet: 1 attention".into(),
            "changes in the text encoder: 1 feed-forward".into(),
            "left aside: `oddity`, which is of no format that is known here, or belongs to no layer of Stable Diffusion 1.5"
                .into(),
        ]
    );
    assert_eq!(read.suggestions(), ["fluff", "photo of mint cat", "mint cat", "cat", "grass", "my_cat"]);
    assert_eq!((read.about.prediction, read.about.base), (Some(Prediction::V), Some(Base::Sd1)));
    assert_eq!(read.parameters(), 4 * (768 + 640) + 8 * (768 + 3072) + 2 * 768);
}

#[test]
fn a_torch_file_says_by_a_number_of_its_own_at_which_strength_it_is_full() {
    let of = |number: f32| {
        let made = Made::new("cat.pth").any("params.new_concept_embedding.<cat_1>", &[16, 768]);
        made.with("podium.full_at", &[1], vec![number]).taken()
    };
    let read = of(0.7);
    assert_eq!((read.about.full_at, read.tensors, read.left_aside.len()), (Some(0.7), 1, 0));
    assert!(read.summary().contains(&"trained: full at strength 0.7".to_owned()), "{:?}", read.summary());
    // What no training would write says nothing.
    assert_eq!(of(0.0).about.full_at, None);
    let matrix = Made::new("cat.pth").any("params.new_concept_embedding.<cat_1>", &[16, 768]);
    assert_eq!(matrix.with("podium.full_at", &[1, 2], vec![0.7; 2]).taken().about.full_at, None);
}

#[test]
fn an_ed_lora_is_summed_up_with_its_tokens() {
    let read = shipped();
    let lines = read.summary();
    assert!(lines[0].starts_with("an ED-LoRA, "), "{lines:?}");
    assert!(lines.contains(&"base: not said, and its tensors do not show it".to_owned()), "{lines:?}");
    let words = "words it brings: <mint_cat_1> (one embedding for each of 16 layers), <mint_cat_2> (one";
    assert!(lines.iter().any(|line| line.starts_with(words)), "{lines:?}");
    assert!(lines.contains(&"changes in the UNet: 128 attention".to_owned()), "{lines:?}");
    assert!(lines.len() <= 10);
    assert_eq!(read.kind, Kind::EdLora);
}
