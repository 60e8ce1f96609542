//! `podium inspect`: what a file or folder is, in about ten lines. Names, shapes and sizes only: no weights are read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Outcome;
use crate::engine::adapters::{self, AdapterFile};
use crate::engine::encoders;
use crate::engine::family::{self, Family};
use crate::engine::inspect::{Demand, ModelReport, inspect_model};
use crate::engine::memory;
use crate::engine::tensors::TensorFile;
use crate::engine::weights::{Checkpoint, ModelFiles};
use crate::project::settings::Prediction;
use crate::project::{self, DiskFiles, Files, foreign, png_text};

/// Says what a file or folder holds; with `tensors` every tensor of it too.
pub fn inspect(path: &Path, tensors: bool) -> Outcome {
    let ending =
        path.extension().map(|end| end.to_ascii_lowercase().to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() {
        return folder(path, tensors);
    }
    match ending.as_str() {
        "ron" => describe_project(&project::file::load(path)?),
        "png" | "jpg" | "jpeg" | "heic" | "heif" | "avif" | "webp" => picture(path, ending == "png")?,
        _ => return file_of_tensors(path, tensors),
    }
    Ok(())
}

/// A picture's project, or what another program says that it was made with.
fn picture(path: &Path, is_png: bool) -> Outcome {
    if is_png && let Some(project) = png_text::read_project(path)? {
        describe_project(&project);
        return Ok(());
    }
    // Refuses what is too large to be read at all.
    let bytes = DiskFiles { base: PathBuf::new(), assets: |_| None }.read(path)?;
    match foreign::read(&bytes) {
        Some(parameters) => parameters.summary().iter().for_each(|line| say!("{line}")),
        None => say!("a picture that holds neither a Podium project nor another program's parameters"),
    }
    Ok(())
}

fn file_of_tensors(path: &Path, list: bool) -> Outcome {
    let file = TensorFile::open(path)?;
    if encoders::reward::is_reward(file.tensors().map(|(name, ..)| name)) {
        return describe_reward(path, list);
    }
    let family = family::of_file(file.tensors().map(|(name, shape, _)| (name, shape)));
    match family {
        Family::StableDiffusion1 => describe_model(&ModelFiles::File(path.to_owned()))?,
        // Names of embeddings are anything.
        Family::Lora | Family::Embedding | Family::Unknown => match adapters::read(path) {
            Ok(adapter) => describe_adapter(&adapter),
            Err(error) => {
                describe_file(&file, family);
                say!("  note            {error}");
            }
        },
        _ => describe_file(&file, family),
    }
    if list {
        file.tensors().for_each(|(name, shape, kind)| say!("  {name}  {kind} {shape:?}"));
    }
    Ok(())
}

fn folder(path: &Path, list: bool) -> Outcome {
    let files = ModelFiles::Folder(path.to_owned());
    if !files.has("model_index.json") && !files.has("unet/config.json") {
        // As PEFT and diffusers write LoRAs.
        if let Ok(adapter) = adapters::read(path) {
            describe_adapter(&adapter);
            return Ok(());
        }
        if encoders::reward::is_in(path) {
            return describe_reward(path, list);
        }
        // Whatever transformers wrote: an image encoder, or another kind that is refused by name.
        if encoders::config::model_type(path).is_some() {
            return describe_encoder(path, list);
        }
        let what = "no model here; expected text_encoder/, unet/ and vae/ with .safetensors or .bin files";
        return Err(format!("{}: {what}", path.display()).into());
    }
    describe_model(&files)?;
    if list {
        for part in ["text_encoder", "unet", "vae"] {
            let checkpoint = Checkpoint::open(&files, part)?;
            say!("{}", checkpoint.file_name());
            checkpoint.tensors().for_each(|(name, shape, kind)| say!("  {name}  {kind} {shape:?}"));
        }
    }
    Ok(())
}

/// An encoder by which pictures are measured.
fn describe_encoder(path: &Path, list: bool) -> Outcome {
    let about = encoders::inspect::inspect(path)?;
    describe_measure(&about, list.then(|| Checkpoint::open_folder(path)).transpose()?);
    Ok(())
}

/// ImageReward: its file, or the folder that it is in.
fn describe_reward(path: &Path, list: bool) -> Outcome {
    let about = encoders::inspect::inspect_reward(path)?;
    let file = encoders::reward::file_of(path)?;
    describe_measure(&about, list.then(|| Checkpoint::open_file(&file)).transpose()?);
    Ok(())
}

fn describe_measure((title, lines): &(String, Vec<(&'static str, String)>), tensors: Option<Checkpoint>) {
    say!("{title}");
    lines.iter().for_each(|(name, words)| say!("  {name:14}  {words}"));
    if let Some(checkpoint) = tensors {
        checkpoint.tensors().for_each(|(name, shape, kind)| say!("  {name}  {kind} {shape:?}"));
    }
}

/// What a render at the model's usual size takes, or why the model cannot be used.
fn describe_model(files: &ModelFiles) -> Outcome {
    let model = inspect_model(files)?;
    let demand = Demand::usual(512);
    let layout = match files {
        ModelFiles::File(_) => "in one file",
        _ => "a folder as diffusers writes it",
    };
    say!("{}: a model of the kind of Stable Diffusion 1.5, {layout}", model.name);
    for part in &model.parts {
        let (disk, size) = (memory::words(part.bytes_on_disk), count(part.parameters));
        say!("  {:14}  {} tensors, {size} parameters, {}, {disk}", part.name, part.tensors, part.dtype);
    }
    say!("  predicts        {}{}", model.prediction.words(), ending(&model));
    say!("  latent          {} channels, a cell is {} pixels wide", model.latent_channels, model.latent_factor);
    say!("  text context    {} tokens of width {}", model.tokens, model.context_width);
    say!("  cross-attention {} layers; blocks of {:?} channels", model.cross_attention_layers, model.channels);
    say!("  all             {} for a picture of 512 x 512 with 2 concepts", model.words(demand));
    for note in &model.notes {
        say!("  note            {note}");
    }
    if let Some(why) = memory::total().and_then(|available| model.shortage(demand, available)) {
        say!("  note            {why}");
    }
    Ok(())
}

fn ending(model: &ModelReport) -> &'static str {
    match (model.zero_snr, model.prediction) {
        (true, Prediction::Velocity) => ", its last timestep is noise alone",
        (true, _) => ", its last timestep is noise alone, which goes with velocity",
        (false, _) => "",
    }
}

fn count(values: u64) -> String {
    if values < 1_000_000 { values.to_string() } else { format!("{:.1} M", values as f64 / 1e6) }
}

/// A file of tensors that is neither a model nor a concept.
fn describe_file(file: &TensorFile, family: Family) {
    let (mut values, mut tensors, mut kinds) = (0, 0, BTreeSet::new());
    for (_, shape, kind) in file.tensors() {
        values += shape.iter().product::<usize>() as u64;
        tensors += 1;
        kinds.insert(kind.to_string());
    }
    let what = match family {
        Family::Unknown => "holds tensors of no kind that Podium knows",
        Family::Lora => "is a LoRA that Podium cannot use",
        Family::Embedding => "is a textual inversion that Podium cannot use",
        other => other.refusal().unwrap_or("is a model"),
    };
    say!("{} {what}", file.name());
    let kinds = Vec::from_iter(kinds).join(" and ");
    say!("  holds           {tensors} tensors, {} values, {kinds}, {}", count(values), memory::words(file.bytes()));
    if let Some((name, shape, _)) = file.tensors().next() {
        say!("  the first       {name} {shape:?}");
    }
    for other in file.others().iter().take(4) {
        say!("  beside          {other}");
    }
    for key in ["modelspec.architecture", "modelspec.title", "ss_base_model_version", "ss_output_name"] {
        if let Some(said) = file.metadata().get(key) {
            say!("  {key}: {}", said.chars().take(80).collect::<String>());
        }
    }
}

/// An adapter's own ten lines, the first as a heading.
fn describe_adapter(adapter: &AdapterFile) {
    for (index, line) in adapter.summary().iter().enumerate() {
        match line.split_once(": ") {
            Some((title, words)) if index > 0 => say!("  {title:<27} {words}"),
            _ => say!("{line}"),
        }
    }
}

fn describe_project(project: &project::Project) {
    say!("a Podium project, {} x {} pixels", project.canvas.width, project.canvas.height);
    say!("  prompt          {}", project.prompt);
    if !project.negative_prompt.is_empty() {
        say!("  to avoid        {}", project.negative_prompt);
    }
    for concept in &project.concepts {
        say!(
            "  concept         {} for \"{}\", strength {}, {}",
            concept.name,
            concept.class_word,
            concept.strength,
            concept.file.display()
        );
    }
    say!("  layers          {}", project.layers().len());
    say!("  seed            {}, {} pictures", project.seed, project.pictures);
    let settings = &project.settings;
    say!("  method          {}", settings.method.title());
    say!("  settings        {} steps, guidance scale {}", settings.steps, settings.guidance_scale);
    for warning in project.warnings() {
        say!("  note            {warning}");
    }
}
