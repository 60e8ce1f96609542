use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::config::{self, Kind};
use super::encoder::ImageEncoder;
use super::inspect::inspect;
use crate::engine::error::Result;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders")
}

fn numbers() -> Value {
    serde_json::from_slice(&fs::read(data().join("numbers.json")).unwrap()).unwrap()
}

/// The formula of `make.py`.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let green = if (x / 5 + y / 4).is_multiple_of(2) { 220 } else { 30 };
        let blue = if x > y { y * 11 % 256 } else { 90 };
        Rgb([((x * 7 + y * 3) % 256) as u8, green, blue as u8])
    })
}

const PICTURES: [(&str, (u32, u32)); 3] = [("wide", (61, 45)), ("small", (19, 28)), ("even", (64, 64))];
const FOLDERS: [&str; 4] = ["clip", "clip_vision", "dino", "dino_registers"];

fn open(folder: &Path) -> Result<ImageEncoder> {
    ImageEncoder::open_on(folder, &Device::flex())
}

fn apart(found: &[f32], expected: &Value) -> f64 {
    let expected: Vec<f64> = expected.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
}

#[test]
fn pictures_are_prepared_to_the_very_bytes_that_the_processors_make() {
    for folder in FOLDERS {
        let settings = config::read(&data().join(folder)).unwrap();
        for (name, (width, height)) in PICTURES {
            let found = settings.preparation.resized(&picture(width, height)).unwrap();
            let expected = image::open(data().join(format!("pixels/{folder}-{name}.png"))).unwrap().to_rgb8();
            assert_eq!(found.dimensions(), expected.dimensions(), "{folder} {name}");
            let pairs = found.as_raw().iter().zip(expected.as_raw());
            let most = pairs.map(|(found, expected)| found.abs_diff(*expected)).max();
            assert_eq!(most, Some(0), "{folder} {name}");
        }
    }
}

#[test]
fn vectors_of_pictures_are_those_of_transformers() {
    let numbers = numbers();
    for folder in FOLDERS {
        let encoder = open(&data().join(folder)).unwrap();
        let pictures = PICTURES.map(|(_, (width, height))| picture(width, height));
        for (vector, (name, _)) in encoder.embed(&pictures).unwrap().iter().zip(PICTURES) {
            let apart = apart(vector, &numbers[folder]["pictures"][name]);
            assert!(apart < 1e-4, "{folder} {name}: {apart}");
        }
        assert_eq!(encoder.kind() == Kind::Dino, folder.starts_with("dino"));
    }
}

#[test]
fn vectors_of_words_are_those_of_transformers_where_an_encoder_reads_words() {
    let numbers = numbers();
    let encoder = open(&data().join("clip")).unwrap();
    for text in numbers["clip"]["texts"].as_array().unwrap() {
        let words = text["prompt"].as_str().unwrap();
        let vector = encoder.embed_words(words).unwrap().unwrap();
        let apart = apart(&vector, &text["embedding"]);
        assert!(apart < 1e-4, "{words:?}: {apart}");
    }
    for folder in ["clip_vision", "dino"] {
        let encoder = open(&data().join(folder)).unwrap();
        assert!(!encoder.reads_words());
        assert_eq!(encoder.embed_words("a cat").unwrap(), None);
    }
}

/// A copy of a folder that may be spoilt.
fn copy(folder: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(data().join(folder)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// What is said of a folder in whose file settings are changed; null takes one out.
fn said(folder: &str, file: &str, changes: &Value) -> String {
    let copy = copy(folder);
    let path = copy.path().join(file);
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        settings[key] = value.clone();
    }
    fs::write(&path, settings.to_string()).unwrap();
    match open(copy.path()) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn other_kinds_of_encoders_are_refused_by_name() {
    let kind = |kind: &str| said("dino", "config.json", &json!({ "model_type": kind }));
    assert!(kind("siglip").contains("is for a `siglip` model; pictures are measured with CLIP and DINOv2"));
    assert!(kind("clip_text_model").contains("`clip_text_model`"));
    let none = said("dino", "config.json", &json!({ "model_type": null }));
    assert!(none.contains("does not say which model it is for"), "{none}");
    let other = said("dino", "config.json", &json!({ "architectures": ["Dinov2ForImageClassification"] }));
    assert!(other.contains("is a Dinov2ForImageClassification"), "{other}");
    let processor = said("clip", "preprocessor_config.json", &json!({ "image_processor_type": "ViTImageProcessor" }));
    assert!(processor.contains("is for a ViTImageProcessor"), "{processor}");
    let empty = tempfile::tempdir().unwrap();
    let words = open(empty.path()).err().unwrap().to_string();
    assert!(words.contains("holds no image encoder: it has no config.json"), "{words}");
    fs::write(empty.path().join("open_clip_config.json"), "{}").unwrap();
    let words = open(empty.path()).err().unwrap().to_string();
    assert!(words.contains("open_clip's own layout"), "{words}");
}

#[test]
fn settings_that_do_not_go_with_the_weights_are_told_with_file_and_shapes() {
    for (folder, changes, expected) in [
        ("dino", json!({ "hidden_size": 48 }), "tensor `embeddings."),
        ("dino", json!({ "num_hidden_layers": 1 }), "have no place in this model"),
        ("dino", json!({ "num_hidden_layers": 3 }), "tensor `encoder.layer.2."),
        ("dino", json!({ "patch_size": 7 }), "tensor `embeddings."),
        ("dino", json!({ "use_swiglu_ffn": true }), "mlp.weights_in"),
        ("dino_registers", json!({ "num_register_tokens": 2 }), "register_tokens` has shape [1, 3, 24]"),
        ("dino", json!({ "hidden_act": "relu" }), "hidden_act relu"),
        ("dino", json!({ "num_attention_heads": 5 }), "width 32 cannot be split into 5 heads"),
        ("dino", json!({ "num_attention_heads": 0 }), "num_attention_heads 0"),
        ("dino", json!({ "patch_size": 57 }), "patch_size 57"),
        ("dino", json!({ "image_size": 4_000_000_000_u32 }), "image_size 4000000000"),
        ("dino", json!({ "mlp_ratio": -1 }), "mlp_ratio -1"),
        ("dino", json!({ "num_channels": 4 }), "num_channels 4"),
        ("dino", json!({ "layer_norm_eps": 0.0 }), "layer_norm_eps 0"),
        ("dino", json!({ "hidden_size": "many" }), "cannot be understood"),
        ("clip", json!({ "projection_dim": 25 }), "_projection.weight` has shape [24, 32]"),
        ("clip", json!({ "projection_dim": 0 }), "projection_dim 0"),
        (
            "clip",
            json!({ "vision_config": { "hidden_size": 32, "num_attention_heads": 4, "image_size": 64, "patch_size": 8 } }),
            "32 x 32 pixels",
        ),
        ("clip", json!({ "text_config": { "hidden_act": "relu" } }), "text_config: hidden_act relu"),
    ] {
        let words = said(folder, "config.json", &changes);
        assert!(words.contains(expected), "{changes}: {words}");
    }
    for (changes, expected) in [
        (json!({ "crop_size": 40 }), "makes pictures of 40 x 40 pixels, and the encoder reads 32 x 32"),
        (json!({ "crop_size": 0 }), "crop_size 0"),
        (json!({ "size": { "shortest_edge": 1_000_000 } }), "which is no size"),
        (json!({ "resample": 1 }), "resample 1"),
        (json!({ "image_std": [1, 1, 0] }), "image_std"),
        (json!({ "image_mean": [0.5] }), "image_mean [0.5]"),
        (json!({ "do_center_crop": false }), "do_center_crop is false"),
    ] {
        let words = said("clip", "preprocessor_config.json", &changes);
        assert!(words.contains(expected), "{changes}: {words}");
    }
}

#[test]
fn files_that_are_missing_or_cut_short_are_named() {
    let without = |file: &str| {
        let copy = copy("clip");
        fs::remove_file(copy.path().join(file)).unwrap();
        open(copy.path()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(without("model.safetensors").contains("has no weights beside its config.json"));
    assert!(without("vocab.json").contains("has no vocabulary"));
    assert_eq!(without("preprocessor_config.json"), "", "the usual preparation is taken");
    let cut = copy("dino");
    let path = cut.path().join("pytorch_model.bin");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(open(cut.path()).err().unwrap().to_string().contains("pytorch_model.bin"));
    let broken = copy("dino");
    fs::write(broken.path().join("config.json"), "{").unwrap();
    assert!(open(broken.path()).err().unwrap().to_string().contains("cannot be understood"));
}

#[test]
fn a_picture_that_cannot_be_measured_is_an_error_and_an_odd_one_is_not() {
    let encoder = open(&data().join("clip")).unwrap();
    assert!(encoder.embed(&[RgbImage::new(0, 4)]).unwrap_err().to_string().contains("without any pixel"));
    let narrow = encoder.embed(&[RgbImage::new(1, 1), picture(1, 700), picture(300, 2)]).unwrap();
    assert!(narrow.iter().flatten().all(|value| value.is_finite()) && narrow.len() == 3);
    assert_eq!(encoder.embed(&[]).unwrap().len(), 0);
}

#[test]
fn more_pictures_than_run_at_once_have_the_vectors_that_each_has_alone() {
    let encoder = open(&data().join("dino")).unwrap();
    let pictures: Vec<RgbImage> = (20..31).map(|side| picture(side, 40)).collect();
    let together = encoder.embed(&pictures).unwrap();
    for (vector, picture) in together.iter().zip(&pictures) {
        let alone = encoder.embed(std::slice::from_ref(picture)).unwrap();
        let apart = vector.iter().zip(&alone[0]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "{apart}");
    }
}

#[test]
fn a_folder_says_what_it_is_without_its_weights_being_read() {
    let (title, lines) = inspect(&data().join("clip")).unwrap();
    assert_eq!(title, "clip: CLIP, an image encoder by which pictures are measured");
    let all: Vec<String> = lines.iter().map(|(name, words)| format!("{name}: {words}")).collect();
    let all = all.join("\n");
    for expected in [
        "image encoder: 2 layers, 32 wide, patches of 8 pixels",
        "text encoder: 2 layers, 32 wide, 20 tokens",
        "vectors: 24 numbers",
        "the shorter side to 32 pixels (bicubic), the middle 32 x 32 pixels of it",
        "--clip",
    ] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
    let (title, lines) = inspect(&data().join("dino_registers")).unwrap();
    assert!(title.contains("DINOv2") && lines[0].1.ends_with("3 registers"), "{lines:?}");
    let (_, lines) = inspect(&data().join("clip_vision")).unwrap();
    assert!(lines.iter().any(|(_, words)| words.contains("words cannot be measured")));
    assert!(lines.iter().any(|(_, words)| words.contains("preprocessor_config.json is missing")));
}

#[test]
fn encoders_of_other_weights_or_preparation_are_told_apart() {
    let words = |folder: &Path| open(folder).unwrap().words();
    let own = words(&data().join("clip_vision"));
    assert!(own.starts_with("CLIP clip_vision (2 layers, 24 wide, patches of 10 pixels; "), "{own}");
    let copy = copy("clip_vision");
    let hash = |words: &str| words.rsplit("; ").next().unwrap().to_owned();
    assert_eq!(hash(&own), hash(&words(copy.path())), "the same files have the same name anywhere");
    let changed =
        json!({ "image_processor_type": "CLIPImageProcessor", "size": 40, "crop_size": 40, "image_mean": [0, 0, 0] });
    fs::write(copy.path().join("preprocessor_config.json"), changed.to_string()).unwrap();
    assert!(hash(&own) != hash(&words(copy.path())));
}
