//! Every layout and container that models come in: each holds the same model. Names and sizes are those of Stable Diffusion
//! 1.5 wherever the miniature would not do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use burn::tensor::Device;
use podium::engine::inspect::inspect_model;
use podium::engine::models::Models;
use podium::engine::nets::clip::{ClipConfig, TextEncoder};
use podium::engine::nets::unet::{Unet, UnetConfig};
use podium::engine::nets::vae::{Vae, VaeConfig};
use podium::engine::weights::{ModelFiles, listed};
use podium::engine::{memory, original};
use podium::project::Project;
use podium::project::settings::Prediction;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use crate::broken::assert_says;
use crate::golden::{assert_close_within, host};
use crate::single_file::{copy_settings, original as renamed};
use crate::torch_files::{Py, Tensor, text, write_stream, write_zip};

const PARTS: [&str; 3] = ["text_encoder", "unet", "vae"];

/// A tensor of f16: its shape, and its bytes when they are wanted.
#[derive(Clone)]
struct Half {
    shape: Vec<usize>,
    bytes: Rc<dyn Fn() -> Vec<u8>>,
}

/// A part's tensors by diffusers' names.
type Part = BTreeMap<String, Half>;

/// The miniature's tensors.
fn miniature(part: &str) -> Part {
    let stem = if part == "text_encoder" { "model" } else { "diffusion_pytorch_model" };
    let bytes = podium::assets::find(&format!("miniature/{part}/{stem}.safetensors")).expect("built in");
    let half = |(name, view): (String, TensorView<'static>)| {
        assert_eq!(view.dtype(), safetensors::Dtype::F16);
        let data = view.data();
        (name, Half { shape: view.shape().to_vec(), bytes: Rc::new(move || data.to_vec()) })
    };
    SafeTensors::deserialize(bytes).expect("whole").tensors().into_iter().map(half).collect()
}

/// How a single file has a part's tensors.
fn as_original(part: &str, tensors: &Part) -> Part {
    let rename = |(name, half): (&String, &Half)| {
        let mut half = half.clone();
        if part == "vae" && name.contains("attentions.0.to_") && name.ends_with("weight") {
            half.shape.extend([1, 1]);
        }
        (renamed(part, name), half)
    };
    tensors.iter().map(rename).collect()
}

fn write_safetensors(path: &Path, tensors: &Part) {
    // By hand, since the crate wants all bytes at once.
    let mut at = 0;
    let entry = |(name, half): (&String, &Half)| {
        let size = half.shape.iter().product::<usize>() * 2;
        at += size;
        (name.clone(), serde_json::json!({"dtype": "F16", "shape": half.shape, "data_offsets": [at - size, at]}))
    };
    let header = serde_json::Value::Object(tensors.iter().map(entry).collect()).to_string();
    let mut file = BufWriter::new(File::create(path).expect("created"));
    file.write_all(&(header.len() as u64).to_le_bytes()).expect("written");
    file.write_all(header.as_bytes()).expect("written");
    tensors.values().for_each(|half| file.write_all(&(half.bytes)()).expect("written"));
    file.flush().expect("written");
}

fn as_values(tensors: &Part) -> Vec<(Py, Py)> {
    let value = |(name, half): (&String, &Half)| {
        let length = half.shape.iter().product();
        let (shape, bytes) = (half.shape.clone(), half.bytes.clone());
        (text(name), Py::Tensor(Tensor { kind: "HalfStorage", shape, strides: None, offset: 0, length, bytes }))
    };
    tensors.iter().map(value).collect()
}

fn file(path: &Path) -> BufWriter<File> {
    BufWriter::new(File::create(path).expect("created"))
}

/// The layouts that a model is written in.
const LAYOUTS: [&str; 8] = [
    "folder.safetensors",
    "folder.fp16",
    "folder.bin",
    "folder.shards",
    "single.safetensors",
    "single.ckpt",
    "single.stream",
    "single.short",
];

/// Writes a model in a layout, without its settings, and says where it is.
fn write(layout: &str, folder: &Path, parts: &BTreeMap<&str, Part>) -> PathBuf {
    if layout.starts_with("folder") {
        for (part, tensors) in parts {
            let within = folder.join(part);
            std::fs::create_dir_all(&within).expect("created");
            let (stem, old) = match *part {
                "text_encoder" => ("model", "pytorch_model"),
                _ => ("diffusion_pytorch_model", "diffusion_pytorch_model"),
            };
            match layout {
                "folder.safetensors" => write_safetensors(&within.join(format!("{stem}.safetensors")), tensors),
                "folder.fp16" => write_safetensors(&within.join(format!("{stem}.fp16.safetensors")), tensors),
                "folder.bin" => write_zip(&Py::Ordered(as_values(tensors)), file(&within.join(format!("{old}.bin")))),
                _ => {
                    let half = tensors.len() / 2;
                    let shards = [("1", tensors.iter().take(half)), ("2", tensors.iter().take(usize::MAX))];
                    let mut map = BTreeMap::new();
                    for (number, shard) in shards {
                        let name = format!("{stem}-0000{number}-of-00002.safetensors");
                        let shard = shard.skip(if number == "1" { 0 } else { half });
                        let shard: Part = shard.map(|(name, half)| (name.clone(), half.clone())).collect();
                        map.extend(shard.keys().map(|tensor| (tensor.clone(), name.clone())));
                        write_safetensors(&within.join(&name), &shard);
                    }
                    let index = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
                    std::fs::write(within.join(format!("{stem}.safetensors.index.json")), index.to_string())
                        .expect("written");
                }
            }
        }
        return folder.to_owned();
    }
    let mut all: Part = parts.iter().flat_map(|(part, tensors)| as_original(part, tensors)).collect();
    if layout == "single.short" {
        let short = |(name, half): (String, Half)| (name.replace("transformer.text_model.", "transformer."), half);
        all = all.into_iter().map(short).collect();
    }
    // What such files carry along: spoilt positions, averaged weights, what training leaves.
    let number = Half { shape: vec![1], bytes: Rc::new(|| vec![0, 0x7e]) };
    for name in [
        "cond_stage_model.transformer.text_model.embeddings.position_ids",
        "model_ema.diffusion_modelinput_blocks00bias",
        "first_stage_model.loss.logvar",
        "alphas_cumprod",
    ] {
        all.insert(name.into(), number.clone());
    }
    let path = folder.join(format!(
        "plush{}",
        if layout == "single.ckpt" {
            ".ckpt"
        } else if layout == "single.stream" {
            ".pt"
        } else {
            ".safetensors"
        }
    ));
    let values = || {
        let class = Py::Class("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint");
        Py::Dict(vec![
            (text("state_dict"), Py::Ordered(as_values(&all))),
            (text("epoch"), Py::Whole(7)),
            (text("callbacks"), Py::Dict(vec![(class, Py::None)])),
        ])
    };
    match layout {
        "single.ckpt" => write_zip(&values(), file(&path)),
        "single.stream" => write_stream(&values(), file(&path)),
        _ => write_safetensors(&path, &all),
    }
    path
}

fn load(files: &ModelFiles) -> Result<Models, String> {
    Models::load(files, &Device::flex(), &mut |_| Ok(())).map_err(|error| error.to_string())
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("temporary")
}

#[test]
fn every_layout_loads_to_the_same_model() {
    let parts: BTreeMap<&str, Part> = PARTS.into_iter().map(|part| (part, miniature(part))).collect();
    let expected = load(&ModelFiles::BuiltIn).expect("built in").fingerprint;
    for layout in LAYOUTS {
        let folder = folder();
        let path = write(layout, folder.path(), &parts);
        copy_settings(folder.path());
        let files = ModelFiles::at(path);
        let found = load(&files).unwrap_or_else(|error| panic!("{layout}: {error}"));
        assert_eq!(found.fingerprint, expected, "{layout}");
        let notes = inspect_model(&files).unwrap_or_else(|error| panic!("{layout}: {error}")).notes;
        let said = |words: &str| notes.iter().any(|note| note.contains(words));
        assert_eq!(said("averaged (EMA) weights"), layout.starts_with("single"), "{layout}: {notes:?}");
        assert_eq!(said("epoch (7)"), ["single.ckpt", "single.stream"].contains(&layout), "{layout}: {notes:?}");
    }
}

#[test]
fn an_autoencoder_in_every_layout_takes_the_place_of_the_model_s_own() {
    let plain = miniature("vae");
    let expected = load(&ModelFiles::BuiltIn).expect("built in").fingerprint;
    let bare = |prefix: &str| -> Part {
        let names = as_original("vae", &plain).into_iter();
        names.map(|(name, half)| (name.replacen("first_stage_model.", prefix, 1), half)).collect()
    };
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    write_safetensors(&at("diffusers.safetensors"), &plain);
    write_safetensors(&at("original.safetensors"), &bare(""));
    write_safetensors(&at("whole.safetensors"), &bare("first_stage_model."));
    let loss = (text("loss.discriminator.main.0.bias"), Py::Whole(3));
    let mut values = as_values(&bare(""));
    values.push(loss);
    write_zip(&Py::Dict(vec![(text("state_dict"), Py::Ordered(values))]), file(&at("original.vae.pt")));
    std::fs::create_dir(at("own")).expect("created");
    write_safetensors(&at("own/diffusion_pytorch_model.safetensors"), &plain);
    std::fs::write(at("own/config.json"), podium::assets::find("miniature/vae/config.json").expect("built in"))
        .expect("written");
    for name in ["diffusers.safetensors", "original.safetensors", "whole.safetensors", "original.vae.pt", "own"] {
        let files = ModelFiles::BuiltIn.with_vae(Some(at(name)));
        let found = load(&files).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.fingerprint, expected, "{name}");
        let notes = inspect_model(&files).expect("a model").notes;
        assert!(notes.iter().any(|note| note.contains("in place of the model's own")), "{notes:?}");
    }

    // Without one, a single file says so; one beside it under its name is taken.
    let parts: BTreeMap<&str, Part> = PARTS[..2].iter().map(|part| (*part, miniature(part))).collect();
    let path = write("single.ckpt", &at("own"), &parts);
    copy_settings(&at("own"));
    let files = ModelFiles::at(path.clone());
    assert_says(&load(&files).err().expect("no autoencoder"), &["plush.ckpt", "holds no autoencoder (VAE)"]);
    std::fs::copy(at("original.vae.pt"), path.with_extension("vae.pt")).expect("copied");
    assert_eq!(load(&files).expect("complete").fingerprint, expected);

    // What is no autoencoder, or one of another model.
    let error = load(&ModelFiles::BuiltIn.with_vae(Some(path))).err().expect("none in it");
    assert_says(&error, &["plush.ckpt", "holds no autoencoder"]);
    std::fs::copy(at("diffusers.safetensors"), at("sdxl_vae.safetensors")).expect("copied");
    let error = load(&ModelFiles::BuiltIn.with_vae(Some(at("sdxl_vae.safetensors")))).err().expect("of another model");
    assert_says(&error, &["sdxl_vae.safetensors", "Stable Diffusion XL"]);
    let config = std::fs::read_to_string(at("own/config.json")).expect("there").replace("0.54973", "0.13025");
    std::fs::write(at("own/config.json"), config).expect("written");
    std::fs::rename(at("own/plush.ckpt"), at("plush.ckpt")).expect("moved");
    let error = load(&ModelFiles::BuiltIn.with_vae(Some(at("own")))).err().expect("of another model");
    assert_says(&error, &["scaling_factor 0.13025", "Stable Diffusion XL"]);
}

/// Names and shapes of all of Stable Diffusion 1.5's tensors, as its networks ask for them.
fn full_size(part: &str) -> BTreeMap<String, Vec<usize>> {
    let config = podium::assets::find(&format!("sd15/{part}/config.json")).expect("built in");
    let device = Device::flex();
    match part {
        "text_encoder" => {
            let config: ClipConfig = serde_json::from_slice(config).expect("JSON");
            listed(|weights| TextEncoder::load(weights, config.clone(), &device, "")).expect("listed")
        }
        "unet" => {
            let config: UnetConfig = serde_json::from_slice(config).expect("JSON");
            listed(|weights| Unet::load(weights, config.clone(), &device)).expect("listed")
        }
        _ => {
            let config: VaeConfig = serde_json::from_slice(config).expect("JSON");
            listed(|weights| Vae::load(weights, config.clone())).expect("listed")
        }
    }
}

#[test]
fn every_name_of_stable_diffusion_1_5_is_understood_in_both_layouts() {
    for (part, count, numbers) in
        [("unet", 686, 859_520_964), ("text_encoder", 196, 123_060_480), ("vae", 248, 83_653_863)]
    {
        let expected = full_size(part);
        assert_eq!(expected.len(), count, "{part}");
        let values: usize = expected.values().map(|shape| shape.iter().product::<usize>()).sum();
        assert_eq!(values, numbers, "{part}");
        // Every one is found in the other layout's file, under the name that diffusers' own script gives it, and no two
        // have one name.
        let names: BTreeMap<String, &String> = expected.keys().map(|name| (renamed(part, name), name)).collect();
        assert_eq!(names.len(), count, "{part}");
        let others = PARTS.into_iter().filter(|other| *other != part).flat_map(full_size_names);
        let all: BTreeSet<String> = names.keys().cloned().chain(others).collect();
        let found = original::part(all.iter().map(String::as_str), part);
        assert_eq!(found.len(), count, "{part}");
        for (original, name) in names {
            assert_eq!(found.get(name).map(|stored| &stored.name), Some(&original));
        }
        let found = original::in_folder(expected.keys().map(String::as_str), part);
        assert!(found.len() == count && found.iter().all(|(name, stored)| *name == stored.name));
    }
}

fn full_size_names(part: &str) -> Vec<String> {
    full_size(part).keys().map(|name| renamed(part, name)).collect()
}

#[test]
fn clip_skip_leaves_the_last_layers_out_and_keeps_the_last_norm() {
    let whole = load(&ModelFiles::BuiltIn).expect("built in");
    let layers = whole.text_encoder.config.num_hidden_layers;
    let folder = folder();
    copy_settings(folder.path());
    let mut parts: BTreeMap<&str, Part> = PARTS.into_iter().map(|part| (part, miniature(part))).collect();
    let last = format!("text_model.encoder.layers.{}.", layers - 1);
    parts.entry("text_encoder").and_modify(|tensors| tensors.retain(|name, _| !name.starts_with(&last)));
    write("folder.safetensors", folder.path(), &parts);
    let path = folder.path().join("text_encoder/config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("there")).expect("JSON");
    config["num_hidden_layers"] = (layers - 1).into();
    std::fs::write(&path, config.to_string()).expect("written");
    let shorter = load(&ModelFiles::at(folder.path().to_owned())).expect("complete");

    let mut project = Project::new();
    project.settings.clip_skip = 2;
    let skipping = whole.as_told(&project).expect("enough layers");
    let encode = |models: &Models| {
        let ids = models.tokenizer.encode("a cat on the beach").ids();
        host(models.text_encoder.forward(models.text_encoder.embed(&[ids]), &()))
    };
    assert_eq!(encode(&skipping), encode(&shorter));
    assert_ne!(encode(&skipping), encode(&whole));
    assert_ne!(skipping.fingerprint, whole.fingerprint, "inversions depend on it");
    assert_eq!(whole.as_told(&Project::new()).expect("as it is").fingerprint, whole.fingerprint);
    project.settings.clip_skip = layers as u32 + 1;
    let error = whole.as_told(&project).err().expect("too many").to_string();
    assert_says(&error, &["clip skip", &format!("set 1 to {layers}")]);
}

#[test]
fn a_model_told_to_predict_velocity_samples_and_inverts_as_the_formula_says() {
    let plain = load(&ModelFiles::BuiltIn).expect("built in");
    let mut project = Project::new();
    project.settings.prediction = Prediction::Velocity;
    let told = plain.as_told(&project).expect("it may");
    assert_ne!(told.fingerprint, plain.fingerprint);
    let latent = podium::engine::noise::seeded(&[4], [4, 8, 8], &plain.device);
    let velocity = podium::engine::noise::seeded(&[5], [4, 8, 8], &plain.device);
    let noise = host(told.noise_of(velocity.clone(), &latent, 321));
    let mix = told.schedule.noised(Some(321));
    let expected = host(velocity.clone() * mix.latent + latent.clone() * mix.noise);
    assert_close_within("noise", &noise, &expected, 1e-6);
    assert_eq!(host(plain.noise_of(velocity.clone(), &latent, 321)), host(velocity));
    // One step of an inversion: the network's answer is taken for a velocity.
    let context = podium::engine::prompt::encode_plain(&plain, "a cat").context;
    let invert = |models: &Models| {
        let found = podium::engine::invert::invert(models, latent.clone(), &context, &[21], &mut |_, _| Ok(()));
        host(found.expect("nobody stops it").at(21, models).expect("visited"))
    };
    let predicted = plain.unet.predict(latent.clone(), &[21], &context, &mut ());
    let (step, mix) = (plain.schedule.invert(Some(0), 21), plain.schedule.noised(Some(21)));
    let noise = predicted.clone() * mix.latent + latent.clone() * mix.noise;
    let expected = latent.clone() * step.latent + noise * step.noise;
    assert_close_within("inverted", &invert(&told), &host(expected), 1e-5);
    assert_close_within(
        "inverted",
        &invert(&plain),
        &host(latent.clone() * step.latent + predicted * step.noise),
        1e-5,
    );
}

/// Numbers of f16 that look random, the same for the same name; all between -1/16 and 1/16.
pub fn made_up(name: &str, count: usize) -> Vec<u8> {
    let mut state =
        blake3::hash(name.as_bytes()).as_bytes()[..8].iter().fold(1_u64, |state, byte| state << 8 | u64::from(*byte))
            | 1;
    let mut bytes = Vec::with_capacity(count * 2);
    while bytes.len() < count * 2 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Signs and mantissas at will, the exponents of numbers from 1/32 to 1/16.
        for word in state.to_le_bytes().as_chunks::<2>().0 {
            bytes.extend((u16::from_le_bytes(*word) & 0x83ff | 0x2800).to_le_bytes());
        }
    }
    bytes.truncate(count * 2);
    bytes
}

/// The most memory that this process held since [`forget_peak`], in bytes.
pub fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("said");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Seconds that all threads of this process computed.
pub fn computed() -> f64 {
    let state = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name may hold spaces; ticks are hundredths of a second.
    let fields: Vec<&str> = state.rsplit(')').next().expect("fields").split_whitespace().collect();
    [11, 12].map(|field: usize| fields[field].parse::<f64>().expect("a number")).iter().sum::<f64>() / 100.0
}

pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
}

/// Made-up weights for all of Stable Diffusion 1.5's tensors.
fn made_up_parts() -> BTreeMap<&'static str, Part> {
    let part = |part: &'static str| {
        let half = |(name, shape): (String, Vec<usize>)| {
            let (of, count) = (format!("{part} {name}"), shape.iter().product());
            (name, Half { shape, bytes: Rc::new(move || made_up(&of, count)) })
        };
        (part, full_size(part).into_iter().map(half).collect())
    };
    PARTS.into_iter().map(part).collect()
}

/// Writes Stable Diffusion 1.5's configurations and tokenizer into a model's folder.
fn write_settings(folder: &Path) {
    for (name, bytes) in
        podium::assets::FILES.iter().filter_map(|(name, bytes)| Some((name.strip_prefix("sd15/")?, bytes)))
    {
        let to = folder.join(name);
        std::fs::create_dir_all(to.parent().expect("has one")).expect("created");
        std::fs::write(to, bytes).expect("written");
    }
}

/// Writes a model of the full size with made-up weights into a folder, as diffusers does.
pub fn write_full_size(folder: &Path) {
    write("folder.safetensors", folder, &made_up_parts());
    write_settings(folder);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "writes some 20 GB, one layout after another, and takes minutes"]
fn the_full_size_loads_from_every_layout_in_the_time_and_memory_that_it_takes() {
    let parts = made_up_parts();
    let mut first = None;
    for layout in LAYOUTS {
        let folder = folder();
        let path = write(layout, folder.path(), &parts);
        if layout.starts_with("folder") {
            write_settings(folder.path());
        }
        let files = ModelFiles::at(path.clone());
        let begun = Instant::now();
        let report = inspect_model(&files).unwrap_or_else(|error| panic!("{layout}: {error}"));
        let inspected = begun.elapsed();
        let before = memory::resident().expect("Linux");
        forget_peak();
        let (begun, before_that) = (Instant::now(), computed());
        let models = load(&files).unwrap_or_else(|error| panic!("{layout}: {error}"));
        let (elapsed, held, seconds) = (begun.elapsed(), peak() - before, computed() - before_that);
        let ratio = held as f64 / report.total_bytes as f64;
        println!(
            "{layout}: inspected in {inspected:?}, loaded in {elapsed:?} ({seconds:.1} s computing); {} of weights in f32, {} at most, {ratio:.3} times",
            memory::words(report.total_bytes),
            memory::words(held)
        );
        assert!(ratio < 1.3, "{layout}: {ratio}");
        assert_eq!(*first.get_or_insert(models.fingerprint), models.fingerprint, "{layout}");
    }
}
