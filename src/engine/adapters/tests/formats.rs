//! A shipped concept in every trainer's names: the same changes come out.

use std::collections::BTreeMap;

use super::super::change::{Embedding, Kind, Part};
use super::super::names::plain_configs;
use super::torch_files::{Py, tensor, text, zip_archive};
use super::*;
use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::unet::UnetConfig;

fn miniature() -> (UnetConfig, ClipConfig) {
    let json = |path: &str| crate::assets::find(path).expect("built in");
    (
        serde_json::from_slice(json("miniature/unet/config.json")).expect("a UNet's"),
        serde_json::from_slice(json("miniature/text_encoder/config.json")).expect("a text encoder's"),
    )
}

/// The shipped concept's factors in a file whose names `name` makes of the part, the path and `down` or `up`.
fn renamed(name: impl Fn(Part, &str, &str) -> String) -> Made {
    let concept = shipped();
    let mut made = Made::new("cat.safetensors");
    for (part, changes) in [(Part::Unet, &concept.unet), (Part::TextEncoder, &concept.text_encoder)] {
        for (path, change) in changes {
            let Change::LowRank { down, up, .. } = change else { panic!("{path} is no LoRA") };
            made = made.with(name(part, path, "down"), &down.shape, down.values.clone());
            made = made.with(name(part, path, "up"), &up.shape, up.values.clone());
        }
    }
    made
}

fn flat(path: &str) -> String {
    path.replace('.', "_")
}

fn letter(projection: &str) -> &str {
    match projection {
        "q_proj" => "to_q",
        "k_proj" => "to_k",
        "v_proj" => "to_v",
        _ => "to_out",
    }
}

#[test]
fn the_shipped_concept_is_an_ed_lora_that_fits_the_miniature() {
    let concept = shipped();
    assert_eq!(concept.kind, Kind::EdLora);
    let words: Vec<_> = concept.embeddings.iter().map(|word| (word.name.as_str(), word.vectors, word.layers)).collect();
    assert_eq!(words, [("<mint_cat_1>", 1, 16), ("<mint_cat_2>", 1, 16)]);
    let (unet, text) = miniature();
    super::super::check(&concept, &unet, &text).expect("fits");
    let (unet, text) = plain_configs().expect("built in");
    let error = super::super::check(&concept, &unet, &text).expect_err("another model").to_string();
    assert!(error.contains("<mint_cat_1> is 64 wide, the model's text encoder is 768 wide"), "{error}");
    assert_eq!(concept.left_aside, []);
    assert_eq!(concept.suggestions()[..2], ["<mint_cat_1>", "<mint_cat_2>"]);
}

#[test]
fn every_trainer_s_names_are_read_as_the_same_changes() {
    let concept = shipped();
    let kohya = |prefix: &'static str, text: &'static str| {
        move |part: Part, path: &str, half: &str| {
            let prefix = if part == Part::Unet { prefix } else { text };
            format!("{prefix}{}.lora_{half}.weight", flat(path))
        }
    };
    let letters = |half: &str| if half == "down" { "A" } else { "B" };
    let files = [
        ("kohya", renamed(kohya("lora_unet_", "lora_te_"))),
        ("kohya te1", renamed(kohya("lora_unet_", "lora_te1_"))),
        ("lycoris", renamed(kohya("lycoris_", "lycoris_"))),
        ("dotted, as ED-LoRA", renamed(|part, path, half| format!("{part}.{path}.lora_{half}.weight"))),
        ("without a part", renamed(|_, path, half| format!("{path}.lora_{half}.weight"))),
        ("PEFT", renamed(|_, path, half| format!("base_model.model.{path}.lora_{}.weight", letters(half)))),
        ("diffusers, PEFT", renamed(|part, path, half| format!("{part}.{path}.lora_{}.weight", letters(half)))),
        (
            "raw PEFT",
            renamed(|part, path, half| format!("{part}.base_model.model.{path}.lora_{}.default.weight", letters(half))),
        ),
        (
            "diffusers 0.12 and CLIP of 0.16",
            renamed(|part, path, half| {
                let (owner, projection) = path.strip_suffix(".0").unwrap_or(path).rsplit_once('.').expect("an owner");
                match part {
                    Part::Unet => format!("{owner}.processor.{projection}_lora.{half}.weight"),
                    Part::TextEncoder => format!("{path}.{}_lora.{half}.weight", letter(projection)),
                }
            }),
        ),
        (
            "diffusers 0.17",
            renamed(|part, path, half| {
                let (owner, projection) = path.strip_suffix(".0").unwrap_or(path).rsplit_once('.').expect("an owner");
                let projection = if part == Part::Unet { projection } else { letter(projection) };
                let processor = if part == Part::Unet { ".processor" } else { "" };
                format!("{part}.{owner}{processor}.{projection}_lora.{half}.weight")
            }),
        ),
        (
            "diffusers 0.22",
            renamed(|part, path, half| {
                let leaf = if part == Part::Unet { "lora" } else { "lora_linear_layer" };
                format!("{part}.{path}.{leaf}.{half}.weight")
            }),
        ),
        ("a trainer's checkpoint", {
            let made = renamed(|part, path, half| format!("params.{part}.{path}.lora_{half}.weight"));
            made.any("optimizer.state.0.exp_avg", &[4, 4]).any("epoch", &[])
        }),
    ];
    for (format, made) in files {
        let read = made.taken();
        assert_eq!(read.kind, Kind::Lora, "{format}");
        assert!(read.unet == concept.unet && read.text_encoder == concept.text_encoder, "{format}");
        assert_eq!(read.embeddings, [], "{format}");
        let state = if format == "a trainer's checkpoint" { 2 } else { 0 };
        assert_eq!((read.left_aside.len(), read.tensors), (state, made.tensors.len()), "{format}");
        let (unet, text) = miniature();
        super::super::check(&read, &unet, &text).unwrap_or_else(|error| panic!("{format}: {error}"));
    }
}

#[test]
fn of_four_pairs_of_diffusers_0_16_the_layer_s_own_counts() {
    let layer = "text_model.encoder.layers.1.self_attn.k_proj";
    let mut made = Made::new("old.bin");
    for other in ["to_q", "to_k", "to_v", "to_out"] {
        made = made.any(format!("{layer}.{other}_lora.down.weight"), &[2, 64]);
        made = made.any(format!("{layer}.{other}_lora.up.weight"), &[64, 2]);
    }
    let read = made.taken();
    let Some(Change::LowRank { down, .. }) = read.text_encoder.get(layer) else { panic!("{read:?}") };
    assert_eq!(down.values, made.tensors[&format!("{layer}.to_k_lora.down.weight")].1);
    assert_eq!((read.text_encoder.len(), read.left_aside.len()), (1, 6));
}

#[test]
fn alpha_and_the_rank_of_each_layer_make_its_scale() {
    let one = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";
    let two = "lora_te_text_model_encoder_layers_0_mlp_fc1";
    let made = Made::new("k.safetensors")
        .any(format!("{one}.lora_down.weight"), &[4, 128])
        .any(format!("{one}.lora_up.weight"), &[128, 4])
        .with(format!("{one}.alpha"), &[], vec![2.0])
        .any(format!("{two}.lora_down.weight"), &[8, 64])
        .any(format!("{two}.lora_up.weight"), &[256, 8]);
    let read = made.taken();
    let scale = |change: &Change| match change {
        Change::LowRank { scale, down, .. } => (*scale, down.shape[0]),
        other => panic!("{other:?}"),
    };
    assert_eq!(read.unet.values().map(scale).collect::<Vec<_>>(), [(0.5, 4)]);
    assert_eq!(read.text_encoder.values().map(scale).collect::<Vec<_>>(), [(1.0, 8)]);
    assert_eq!((read.about.ranks.as_slice(), read.about.alphas.as_slice(), read.rank()), (&[4, 8][..], &[2.0][..], 8));
}

#[test]
fn peft_s_settings_scale_where_the_layers_have_no_alpha() {
    let path = |layer: usize, name: &str| format!("mid_block.attentions.0.transformer_blocks.0.attn{layer}.{name}");
    let base = |made: Made| {
        let mut made = made;
        for path in [path(1, "to_q"), path(1, "to_k"), path(2, "to_q")] {
            made = made.any(format!("unet.{path}.lora_A.weight"), &[4, 128]);
            made = made.any(format!("unet.{path}.lora_B.weight"), &[128, 4]);
        }
        made
    };
    let scales = |read: &AdapterFile| -> Vec<f32> {
        let scale = |change: &Change| if let Change::LowRank { scale, .. } = change { *scale } else { f32::NAN };
        [path(1, "to_q"), path(1, "to_k"), path(2, "to_q")].iter().map(|path| scale(&read.unet[path])).collect()
    };
    assert_eq!(scales(&base(Made::new("a")).taken()), [1.0; 3]);
    let diffusers = r#"{"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_k": 1}, "text_encoder.lora_alpha": 99}"#;
    assert_eq!(scales(&base(Made::new("a")).said("lora_adapter_metadata", diffusers).taken()), [2.0, 0.25, 2.0]);
    assert_eq!(scales(&base(Made::new("a")).said("unet.lora_alpha", "2").taken()), [0.5; 3]);
    assert_eq!(scales(&base(Made::new("a")).said("lora_alpha", "2").taken()), [0.5; 3]);
    let alpha = format!("unet.{}.alpha", path(1, "to_q"));
    let own = base(Made::new("a")).said("lora_alpha", "2").with(alpha, &[1], vec![12.0]);
    assert_eq!(scales(&own.taken()), [3.0, 0.5, 0.5]);
    let config = br#"{"peft_type": "LORA", "r": 4, "lora_alpha": 6, "use_rslora": true, "bias": "none",
        "alpha_pattern": {"attn2.*": 2, "k": 100, "(to_k|to_v)": 4}}"#;
    let scaling = Scaling::of_config("adapter_config.json", config).expect("understood");
    let read = take(&base(Made::new("a")), scaling, &Names::plain().expect("built in")).expect("taken");
    assert_eq!(scales(&read), [3.0, 2.0, 1.0]);
    for (config, word) in [
        (&br#"{"bias": "lora_only"}"#[..], "biases"),
        (br#"{"lora_alpha": "x"}"#, "lora_alpha"),
        (br#"{"alpha_pattern": {"(": 1}}"#, "alpha_pattern"),
        (b"[", "understood"),
    ] {
        let error = Scaling::of_config("adapter_config.json", config).expect_err("refused").to_string();
        assert!(error.contains(word) && error.starts_with("adapter_config.json"), "{error}");
    }
}

#[test]
fn a_folder_of_peft_is_read_part_by_part_with_its_settings() {
    let folder = tempfile::tempdir().expect("temporary");
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    };
    let error = super::super::read(folder.path()).expect_err("nothing there").to_string();
    assert!(error.contains("is a folder without an adapter_model"), "{error}");
    let made = |path: &str, input: usize, output: usize| {
        Made::new("")
            .any(format!("base_model.model.{path}.lora_A.weight"), &[2, input])
            .any(format!("base_model.model.{path}.lora_B.weight"), &[output, 2])
            .bytes()
    };
    write("unet/adapter_model.safetensors", &made("mid_block.attentions.0.proj_in", 128, 128));
    write("unet/adapter_config.json", br#"{"lora_alpha": 4, "r": 2}"#);
    write("text_encoder/adapter_model.safetensors", &made("text_model.encoder.layers.0.mlp.fc1", 64, 256));
    write("text_encoder/adapter_config.json", br#"{"lora_alpha": 1, "r": 2}"#);
    let read = super::super::read(folder.path()).expect("both parts");
    let scale = |changes: &BTreeMap<String, Change>| match changes.values().next() {
        Some(Change::LowRank { scale, .. }) => *scale,
        other => panic!("{other:?}"),
    };
    assert_eq!((scale(&read.unet), scale(&read.text_encoder), read.tensors), (2.0, 0.5, 4));
    assert_eq!(read.about.alphas, [1.0, 4.0]);
    assert_eq!(read.file, folder.path().display().to_string());
}

#[test]
fn half_precision_is_read_as_it_is_stored() {
    let key = "lora_unet_conv_in.lora_down.weight";
    let made = Made::new("f.safetensors").any("lora_unet_conv_in.lora_up.weight", &[32, 1]).any(key, &[1, 4, 3, 3]);
    let plain = take(&opened(&made), Scaling::default(), &Names::plain().expect("built in")).expect("taken");
    assert_eq!(plain.unet, made.taken().unet);
    let halves: Vec<half::bf16> = made.tensors[key].1.iter().map(|value| half::bf16::from_f32(*value)).collect();
    let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let up: Vec<u8> = (0..32).flat_map(|value| half::f16::from_f32(value as f32).to_le_bytes()).collect();
    let view =
        |dtype, shape: &[usize], bytes| safetensors::tensor::TensorView::new(dtype, shape.into(), bytes).expect("fits");
    let file = safetensors::serialize(
        [
            (key, view(safetensors::Dtype::BF16, &[1, 4, 3, 3], &bytes)),
            ("lora_unet_conv_in.lora_up.weight", view(safetensors::Dtype::F16, &[32, 1], &up)),
        ],
        None,
    );
    let file = TensorFile::from_owned("h.safetensors", file.expect("serialized")).expect("opened");
    let read = take(&file, Scaling::default(), &Names::plain().expect("built in")).expect("taken");
    let Some(Change::LowRank { down, up, .. }) = read.unet.get("conv_in") else { panic!("{read:?}") };
    assert_eq!(down.values, halves.iter().map(|half| half.to_f32()).collect::<Vec<_>>());
    assert_eq!(up.values, (0..32).map(|value| value as f32).collect::<Vec<_>>());
    assert_eq!(read.kind, Kind::LoCon);
}

#[test]
fn textual_inversions_are_words_of_any_number_of_vectors() {
    let word = |name: &str, vectors: usize, values: &[f32]| Embedding {
        name: name.into(),
        vectors,
        layers: 1,
        width: 8,
        values: values.to_vec(),
    };
    let a1111 = Made { others: vec!["name (my_cat)".into(), "step (500)".into()], ..Made::new("/tmp/my cat.pt") };
    let a1111 = a1111.any("string_to_param.*", &[3, 8]);
    let read = a1111.taken();
    assert_eq!(read.kind, Kind::TextualInversion);
    assert_eq!(read.embeddings, [word("my cat", 3, &a1111.tensors["string_to_param.*"].1)]);
    assert_eq!(read.left_aside.len(), 2);
    let kohya = Made::new("fur.safetensors").any("emb_params", &[2, 8]);
    assert_eq!(kohya.taken().embeddings, [word("fur", 2, &kohya.tensors["emb_params"].1)]);
    let diffusers = Made::new("learned_embeds.bin").any("<cat.toy>", &[8]).any("<cat.toy>_1", &[1, 8]);
    let read = diffusers.taken();
    assert_eq!(read.embeddings[0], word("<cat.toy>", 1, &diffusers.tensors["<cat.toy>"].1));
    assert_eq!((read.embeddings.len(), read.suggestions()), (2, vec!["<cat.toy>".into(), "<cat.toy>_1".into()]));
    let lora = "lora_unet_mid_block_attentions_0_proj_in";
    let bundled = Made::new("with.safetensors")
        .any("bundle_emb.my.cat.string_to_param.*", &[2, 8])
        .any("bundle_emb.dog.emb_params", &[1, 8])
        .any(format!("{lora}.lora_down.weight"), &[2, 16])
        .any(format!("{lora}.lora_up.weight"), &[16, 2]);
    let read = bundled.taken();
    assert_eq!(read.kind, Kind::Lora);
    let names: Vec<_> = read.embeddings.iter().map(|word| (word.name.as_str(), word.vectors)).collect();
    assert_eq!(names, [("dog", 1), ("my.cat", 2)]);
    assert_eq!((read.unet.len(), read.left_aside.len()), (1, 0));
}

#[test]
fn torch_files_of_a_webui_and_of_a_trainer_are_read_as_they_were_written() {
    let values: Vec<f32> = (0..24).map(|value| value as f32 / 8.0).collect();
    let webui = Py::Dict(vec![
        (text("string_to_token"), Py::Dict(vec![(text("*"), Py::Whole(265))])),
        (text("string_to_param"), Py::Dict(vec![(text("*"), Py::Parameter(tensor(&[3, 8], &values)))])),
        (text("name"), text("cat")),
        (text("step"), Py::Whole(500)),
    ]);
    let folder = tempfile::tempdir().expect("temporary");
    let path = folder.path().join("my_cat.pt");
    std::fs::write(&path, zip_archive(&webui)).expect("written");
    let read = super::super::read(&path).expect("a textual inversion");
    let word = Embedding { name: "my_cat".into(), vectors: 3, layers: 1, width: 8, values: values.clone() };
    assert_eq!((read.kind, read.embeddings), (Kind::TextualInversion, vec![word]));
    let aside: Vec<&str> = read.left_aside.iter().map(|(name, _)| name.as_str()).collect();
    assert!(aside.iter().any(|name| name.contains("step")), "{aside:?}");

    let layer = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
    let factors = Py::Ordered(vec![
        (text(&format!("{layer}.lora_down.weight")), Py::Tensor(tensor(&[1, 8], &values[..8]))),
        (text(&format!("{layer}.lora_up.weight")), Py::Tensor(tensor(&[8, 1], &values[8..16]))),
    ]);
    let token = Py::Dict(vec![(text("<my_cat_1>"), Py::Tensor(tensor(&[3, 8], &values)))]);
    let params = Py::Dict(vec![(text("unet"), factors), (text("new_concept_embedding"), token)]);
    let moments = Py::Dict(vec![(text("exp_avg"), Py::Tensor(tensor(&[8], &values[..8])))]);
    let checkpoint = Py::Dict(vec![
        (text("epoch"), Py::Whole(7)),
        (text("optimizer"), Py::Dict(vec![(text("state"), moments)])),
        (text("params"), params),
    ]);
    let path = folder.path().join("edlora_model-latest.pth");
    std::fs::write(&path, zip_archive(&checkpoint)).expect("written");
    let read = super::super::read(&path).expect("an ED-LoRA");
    assert_eq!((read.kind, read.embeddings[0].name.as_str()), (Kind::EdLora, "<my_cat_1>"));
    assert_eq!((read.embeddings[0].layers, read.embeddings[0].vectors), (3, 1));
    let Some(Change::LowRank { down, up, scale, .. }) = read.unet.get(layer) else { panic!("{read:?}") };
    assert_eq!((&down.values[..], &up.values[..], *scale), (&values[..8], &values[8..16], 1.0));
    let aside: Vec<&str> = read.left_aside.iter().map(|(name, _)| name.as_str()).collect();
    assert!(aside.iter().any(|name| name.contains("epoch")), "{aside:?}");
    assert!(aside.iter().any(|name| name.contains("optimizer")), "{aside:?}");
}
