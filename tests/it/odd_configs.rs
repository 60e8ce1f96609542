//! Every field of a model's configurations, changed in every way that comes to mind: the model loads and computes, or says in
//! words why it cannot.

use std::path::Path;

use burn::tensor::Device;
use podium::engine::models::Models;
use podium::engine::noise;
use podium::engine::prompt::encode_plain;
use podium::engine::weights::ModelFiles;
use podium::project::Project;
use serde_json::{Value, json};
use tempfile::TempDir;

const CONFIGS: [&str; 4] =
    ["unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json"];

/// A copy of the miniature.
fn miniature() -> TempDir {
    let folder = tempfile::tempdir().expect("temporary");
    for (path, content) in podium::assets::FILES {
        let Some(path) = path.strip_prefix("miniature/") else { continue };
        let target = folder.path().join(path);
        std::fs::create_dir_all(target.parent().expect("has one")).expect("created");
        std::fs::write(target, content).expect("written");
    }
    folder
}

fn config(path: &str) -> Value {
    let name = format!("miniature/{path}");
    serde_json::from_slice(podium::assets::find(&name).expect("built in")).expect("JSON")
}

/// Other values for one.
fn others(value: &Value) -> Vec<Value> {
    let mut all = vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(7),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(u32::MAX),
        json!(u64::MAX),
        json!("nonsense"),
        json!([]),
        json!([0]),
        json!([1, 2, 3]),
        json!({}),
    ];
    if let Some(number) = value.as_u64() {
        all.extend([json!(number + 1), json!(number * 2), json!(number / 2)]);
    }
    if let Some(list) = value.as_array() {
        all.push(json!(list[..list.len() - 1]));
        all.push(list.iter().rev().cloned().collect());
        all.push(json!(list.iter().chain(&list[..1]).collect::<Vec<_>>()));
        for other in [json!(0), json!(33), json!(u64::MAX), json!("x")] {
            let changed =
                list.iter().enumerate().map(|(index, item)| if index == 1 { other.clone() } else { item.clone() });
            all.push(changed.collect());
        }
    }
    all.retain(|other| other != value);
    all
}

/// Loads a model and has each of its parts compute once. What comes out must be numbers.
fn compute(folder: &Path) -> Result<(), String> {
    let words = |error: podium::engine::EngineError| error.to_string();
    let device = Device::flex();
    let models = Models::load(&ModelFiles::Folder(folder.to_owned()), &device, &mut |_| Ok(())).map_err(words)?;
    let models = models.as_told(&Project::new()).map_err(words)?;
    let context = encode_plain(&models, "a cat").context;
    let side = models.unet.config.latent_multiple();
    let latent = noise::seeded(&[1], [models.unet.config.in_channels, side, side], &device);
    let timesteps = models.schedule.timesteps(2);
    let noise =
        models.noise_of(models.unet.predict(latent.clone(), &timesteps[..1], &context, &mut ()), &latent, timesteps[0]);
    let step = models.schedule.denoise(timesteps[0], 2);
    let pixels = models.vae.decode_scaled(latent * step.latent + noise * step.noise);
    assert!(models.vae.encode_scaled(pixels.clone()).dims()[1] == models.vae.config.latent_channels);
    let sum: f32 = pixels.into_data().iter::<f32>().sum();
    assert!(!sum.is_infinite());
    Ok(())
}

/// Tries one of `every` changes.
fn try_some(every: usize) {
    let folder = miniature();
    compute(folder.path()).expect("as it is, it computes");
    let (mut loaded, mut refused, mut count) = (0, 0, 0);
    for path in CONFIGS {
        let plain = config(path);
        let file = folder.path().join(path);
        let fields = plain.as_object().expect("an object");
        let mut changed = Vec::new();
        for (name, value) in fields {
            changed.extend(others(value).into_iter().map(|other| (name, Some(other))));
            changed.push((name, None));
        }
        for (name, other) in changed {
            count += 1;
            if count % every != 0 {
                continue;
            }
            let mut config = plain.clone();
            match &other {
                Some(other) => config[name] = other.clone(),
                None => drop(config.as_object_mut().expect("an object").remove(name)),
            }
            std::fs::write(&file, config.to_string()).expect("written");
            let said = format!("{path}: {name} = {other:?}");
            let outcome =
                std::panic::catch_unwind(|| compute(folder.path())).unwrap_or_else(|_| panic!("{said} panics"));
            match outcome {
                Ok(()) => loaded += 1,
                Err(words) => {
                    // Which file, and what about it.
                    assert!(words.contains('/') && words.len() > 40 && words.len() < 500, "{said}: {words}");
                    refused += 1;
                }
            }
        }
        std::fs::write(&file, plain.to_string()).expect("written");
    }
    println!("{loaded} load and compute, {refused} are refused");
    assert!(loaded * every > 50 && refused * every > 100, "{loaded} load, {refused} are refused");
}

#[test]
fn fields_of_a_configuration_may_be_anything() {
    // No divisor of how many values each field is given, so that all kinds of values come up.
    try_some(13);
}

#[test]
#[ignore = "minutes: a model is loaded for each"]
fn every_field_of_a_configuration_may_be_anything() {
    try_some(1);
}

#[test]
fn what_is_odd_about_a_configuration_is_named() {
    let folder = miniature();
    for (path, name, value, words) in [
        (CONFIGS[0], "in_channels", json!(9), "in_channels 9: this is an inpainting model"),
        (CONFIGS[0], "in_channels", json!(8), "in_channels 8: this is an editing model"),
        (CONFIGS[0], "in_channels", json!(5), "in_channels 5 and out_channels 4"),
        (CONFIGS[0], "cross_attention_dim", json!(128), "cross_attention_dim 128, and the text encoder is 64 wide"),
        (CONFIGS[0], "block_out_channels", json!([32, 64, 96, 256]), "has shape [128"),
        (CONFIGS[0], "attention_head_dim", json!(5), "32 channels cannot be split into 5 heads"),
        (CONFIGS[0], "norm_num_groups", json!(0), "cannot be split into 0 norm groups"),
        (CONFIGS[0], "norm_eps", json!(0), "norm_eps 0"),
        (CONFIGS[0], "freq_shift", json!(16), "freq_shift 16"),
        (CONFIGS[0], "mid_block_type", json!("UNetMidBlock2D"), "mid_block_type \"UNetMidBlock2D\""),
        (CONFIGS[0], "conv_in_kernel", json!(1), "conv_in_kernel 1"),
        (CONFIGS[0], "layers_per_block", json!(1_000_000), "layers_per_block 1000000"),
        (CONFIGS[1], "scaling_factor", json!(0), "scaling_factor 0"),
        (CONFIGS[1], "scaling_factor", json!(-1.5), "scaling_factor -1.5"),
        (CONFIGS[1], "shift_factor", json!(0.1159), "shift_factor"),
        (CONFIGS[1], "latent_channels", json!(16), "in_channels 4, and the autoencoder's latent has 16"),
        (CONFIGS[1], "down_block_types", json!(["AttnDownEncoderBlock2D"]), "block type AttnDownEncoderBlock2D"),
        (CONFIGS[2], "num_attention_heads", json!(5), "cannot be split into 5 heads"),
        (CONFIGS[2], "hidden_act", json!("relu"), "hidden_act relu"),
        (CONFIGS[2], "max_position_embeddings", json!(2), "hold no prompt"),
        (CONFIGS[2], "vocab_size", json!(10), "vocab_size 10, where the tokenizer has words up to number"),
        (CONFIGS[2], "layer_norm_eps", json!(1e300), "layer_norm_eps"),
        (CONFIGS[3], "beta_schedule", json!("squaredcos_cap_v2"), "beta_schedule squaredcos_cap_v2"),
        (CONFIGS[3], "beta_end", json!(1.5), "beta_end 1.5"),
        (CONFIGS[3], "prediction_type", json!("sample"), "prediction_type sample"),
    ] {
        let mut config = config(path);
        let plain = config.to_string();
        config[name] = value;
        std::fs::write(folder.path().join(path), config.to_string()).expect("written");
        let error = compute(folder.path()).expect_err("refused");
        assert!(error.contains(words), "{name}: {error}");
        std::fs::write(folder.path().join(path), plain).expect("written");
    }
}
