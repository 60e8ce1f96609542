use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::inspect::inspect_reward;
use super::reward::{Reward, file_of, is_in};
use crate::engine::error::Result;
use crate::engine::tensors::TensorFile;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders/reward")
}

fn open(path: &Path) -> Result<Reward> {
    Reward::open_on(path, &Device::flex())
}

/// What is said of a folder or file that is refused; nothing where it is not.
fn said(path: &Path) -> String {
    open(path).err().map(|error| error.to_string()).unwrap_or_default()
}

/// The formula of `make_reward.py`.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let green = if (x / 5 + y / 4).is_multiple_of(2) { 220 } else { 30 };
        let blue = if x > y { y * 11 % 256 } else { 90 };
        Rgb([((x * 7 + y * 3) % 256) as u8, green, blue as u8])
    })
}

/// A copy of the folder that may be spoilt.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["ImageReward.pt", "med_config.json", "vocab.txt"] {
        fs::copy(data().join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// Writes the copy's tensors as safetensors in f32, in place of torch's file, changed by name: another shape and values, or
/// none at all.
fn rewrite(folder: &Path, change: impl Fn(&str, &[usize], Vec<f32>) -> Option<(Vec<usize>, Vec<f32>)>) {
    let file = TensorFile::open(&folder.join("ImageReward.pt")).unwrap();
    let mut kept: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, shape, kind) in file.tensors() {
        if !kind.is_float() {
            continue;
        }
        if let Some((shape, values)) = change(name, shape, file.values(name).unwrap()) {
            kept.push((name.to_owned(), shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()));
        }
    }
    let views = kept.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(folder.join("ImageReward.safetensors"), bytes).unwrap();
    fs::remove_file(folder.join("ImageReward.pt")).unwrap();
}

#[test]
fn scores_are_those_of_transformers_blip() {
    let told: Value = serde_json::from_slice(&fs::read(data().join("numbers.json")).unwrap()).unwrap();
    // By its folder, by its file, and in the other format.
    let other = copy();
    rewrite(other.path(), |_, shape, values| Some((shape.to_vec(), values)));
    for path in [data(), data().join("ImageReward.pt"), other.path().to_owned()] {
        let reward = open(&path).unwrap();
        for case in told.as_array().unwrap() {
            let prompt = case["prompt"].as_str().unwrap();
            let ids: Vec<u64> = reward.tokens(prompt).unwrap().into_iter().map(u64::from).collect();
            let expected: Vec<u64> = case["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
            assert_eq!(ids, expected, "{prompt}");
            for (name, (width, height)) in [("wide", (61, 45)), ("small", (19, 28))] {
                let score = reward.score(&picture(width, height), prompt).unwrap();
                let expected = case["scores"][name].as_f64().unwrap();
                assert!((score - expected).abs() < 1e-4, "{name}, {prompt}: {score}, {expected}");
            }
        }
    }
}

#[test]
fn what_is_missing_beside_the_file_is_said_with_where_to_get_it() {
    for (file, expected) in [
        ("med_config.json", ["med_config.json: is not there", "THUDM/ImageReward"]),
        ("vocab.txt", ["vocab.txt: cannot be read", "bert-base-uncased"]),
        ("ImageReward.pt", ["holds no ImageReward.pt", "THUDM/ImageReward"]),
    ] {
        let folder = copy();
        fs::remove_file(folder.path().join(file)).unwrap();
        let words = said(folder.path());
        assert!(expected.iter().all(|part| words.contains(part)), "{file}: {words}");
    }
    let folder = copy();
    assert!(is_in(folder.path()) && file_of(folder.path()).unwrap().ends_with("ImageReward.pt"));
    let list = folder.path().join("vocab.txt");
    fs::write(&list, "cat\ndog\n").unwrap();
    assert!(said(folder.path()).contains("[CLS] is not in it"), "{}", said(folder.path()));
    let own = fs::read_to_string(data().join("vocab.txt")).unwrap();
    fs::write(&list, format!("{own}one\nmore\nthan\nthere are\n")).unwrap();
    assert!(said(folder.path()).contains("words up to number 27"), "{}", said(folder.path()));
    assert!(said(Path::new("no/such.pt")).contains("cannot be read"));
}

#[test]
fn settings_that_do_not_go_with_the_file_are_told() {
    for (changes, expected) in [
        (json!({ "model_type": "roberta" }), "is for a `roberta` model"),
        (json!({ "hidden_size": 36 }), "`mlp.layers.0` takes 24 numbers, and what comes before it gives 36"),
        (json!({ "hidden_size": "many" }), "cannot be understood"),
        (json!({ "num_attention_heads": 5 }), "width 24 cannot be split into 5 heads"),
        (json!({ "num_attention_heads": 0 }), "num_attention_heads 0"),
        (json!({ "num_hidden_layers": 3 }), "tensor `blip.text_encoder.encoder.layer.2."),
        (json!({ "num_hidden_layers": 1 }), "have no place in this model"),
        (json!({ "intermediate_size": 50 }), "has shape [48, 24]"),
        (json!({ "vocab_size": 30 }), "word_embeddings.weight` has shape [26, 24]"),
        (json!({ "max_position_embeddings": 30 }), "prompt_tokens 35, where 3 to 30 can be"),
        (json!({ "hidden_act": "relu" }), "hidden_act relu"),
        (json!({ "layer_norm_eps": 0.0 }), "layer_norm_eps 0"),
        (json!({ "vision_head_width": 7 }), "32 wide, which heads of 7"),
    ] {
        let folder = copy();
        let path = folder.path().join("med_config.json");
        let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        changes.as_object().unwrap().iter().for_each(|(key, value)| settings[key] = value.clone());
        fs::write(&path, settings.to_string()).unwrap();
        let words = said(folder.path());
        assert!(words.contains(expected), "{changes}: {words}");
    }
}

#[test]
fn tensors_that_are_missing_misshapen_or_too_many_are_told_by_name() {
    let without = |gone: &'static str| {
        let folder = copy();
        rewrite(folder.path(), |name, shape, values| (name != gone).then(|| (shape.to_vec(), values)));
        said(folder.path())
    };
    for gone in ["blip.visual_encoder.pos_embed", "blip.visual_encoder.patch_embed.proj.weight"] {
        let words = without(gone);
        assert!(words.contains("holds no ImageReward") && words.contains(gone), "{words}");
    }
    for gone in [
        "blip.visual_encoder.blocks.1.attn.qkv.bias",
        "blip.text_encoder.encoder.layer.1.crossattention.self.key.weight",
        "blip.text_proj.bias",
        "mlp.layers.4.bias",
    ] {
        let words = without(gone);
        assert!(words.contains(&format!("tensor `{gone}` is missing")), "{words}");
    }
    // A chain that lacks a link does not fit, one that lacks its end gives no score.
    assert!(without("mlp.layers.4.weight").contains("`mlp.layers.6` takes 8 numbers"));
    assert!(without("mlp.layers.7.weight").contains("ends in 4 numbers, and a score is one"));
    // Without what only training needs it is whole.
    let folder = copy();
    rewrite(folder.path(), |name, shape, values| (!name.contains("_proj.")).then(|| (shape.to_vec(), values)));
    assert_eq!(said(folder.path()), "");

    let folder = copy();
    rewrite(folder.path(), |name, shape, values| {
        let shape = if name.ends_with("pos_embed") { vec![1, 34, 16] } else { shape.to_vec() };
        Some((shape, values))
    });
    assert!(said(folder.path()).contains("no square of patches"), "{}", said(folder.path()));
    let folder = copy();
    rewrite(folder.path(), |name, shape, values| {
        let shape = if name.ends_with("pos_embed") { vec![17 * 32] } else { shape.to_vec() };
        Some((shape, values))
    });
    assert!(said(folder.path()).contains("3 sides are needed"), "{}", said(folder.path()));
    let cut = copy();
    let path = cut.path().join("ImageReward.pt");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(said(cut.path()).contains("ImageReward.pt"));
}

#[test]
fn others_of_other_words_or_weights_are_told_apart_and_the_same_is_known_anywhere() {
    let hash = |path: &Path| open(path).unwrap().words().rsplit("; ").next().unwrap().to_owned();
    let folder = copy();
    let own = hash(&data());
    assert_eq!(own, hash(folder.path()));
    let list = fs::read_to_string(data().join("vocab.txt")).unwrap();
    fs::write(folder.path().join("vocab.txt"), list.replace("cat\ndog", "dog\ncat")).unwrap();
    assert!(own != hash(folder.path()));
    // Both in f32, so that one number is all that differs.
    let rewritten = |more: f32| {
        let folder = copy();
        rewrite(folder.path(), |name, shape, mut values| {
            values[0] += if name == "mlp.layers.7.bias" { more } else { 0.0 };
            Some((shape.to_vec(), values))
        });
        hash(folder.path())
    };
    assert!(rewritten(0.0) == rewritten(0.0) && rewritten(0.0) != rewritten(1.0));
}

#[test]
fn odd_pictures_and_words_are_scored_or_told_and_nothing_panics() {
    let reward = open(&data()).unwrap();
    assert!(reward.score(&RgbImage::new(0, 4), "a cat").unwrap_err().to_string().contains("without any pixel"));
    for (width, height) in [(1, 1), (1, 300), (300, 2)] {
        assert!(reward.score(&picture(width, height), "a cat").unwrap().is_finite());
    }
    for words in ["", "   ", "\u{200b}", "猫", &"x".repeat(300)] {
        assert!(reward.score(&picture(20, 20), words).unwrap().is_finite(), "{words:?}");
    }
}

#[test]
fn a_file_says_what_it_is_without_its_weights_being_read() {
    let (title, lines) = inspect_reward(&data()).unwrap();
    assert!(title.starts_with("ImageReward.pt: ImageReward"), "{title}");
    let all: Vec<String> = lines.iter().map(|(name, words)| format!("{name}: {words}")).collect();
    let all = all.join("\n");
    for expected in [
        "networks: 2 layers, 32 wide, patches of 8 pixels; words: 2 layers, 24 wide",
        "pictures: the shorter side to 32 pixels (bicubic), the middle 32 x 32 pixels of it",
        "--reward",
    ] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
}
