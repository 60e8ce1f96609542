//! `podium inspect`

use std::path::Path;

use super::Outcome;
use crate::engine::adapters::{self, AdapterFile};
use crate::engine::inspect::{Demand, inspect_model};
use crate::engine::memory;
use crate::engine::original::is_original;
use crate::engine::weights::{Checkpoint, ModelFiles};
use crate::project::{self, png_text};

/// Says what a file or folder holds.
pub fn inspect(path: &Path) -> Outcome {
    let ending =
        path.extension().map(|end| end.to_ascii_lowercase().to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() {
        return model_folder(path);
    }
    match ending.as_str() {
        "ron" => describe_project(&project::file::load(path)?),
        "png" => match png_text::read_project(path)? {
            Some(project) => describe_project(&project),
            None => println!("a picture that does not hold a Podium project"),
        },
        "safetensors" => match adapters::read(path) {
            Ok(concept) => describe_concept(&concept),
            Err(_) if is_original(Checkpoint::open_file(path)?.tensors().map(|(name, ..)| name)) => {
                return describe_model(path);
            }
            // Any other safetensors file: its tensors say what it is.
            Err(_) => describe_tensors(&Checkpoint::open_file(path)?),
        },
        _ => describe_concept(&adapters::read(path)?),
    }
    Ok(())
}

fn model_folder(path: &Path) -> Outcome {
    let mut found = false;
    for part in ["text_encoder", "unet", "vae"] {
        for file in std::fs::read_dir(path.join(part)).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|end| end == "safetensors") {
                found = true;
                println!("{}", file.path().display());
                describe_tensors(&Checkpoint::open_file(&file.path())?);
            }
        }
    }
    if found {
        return describe_model(path);
    }
    Err(format!("{}: no model here; expected text_encoder/, unet/ and vae/ with safetensors files", path.display())
        .into())
}

/// What a render at the model's usual size takes, or why the model cannot be used.
fn describe_model(path: &Path) -> Outcome {
    let model = inspect_model(&ModelFiles::at(path.to_owned()))?;
    let demand = Demand { canvas: (512, 512), pictures: 1, concepts: 2, aligned: true, sequential: false };
    println!("{}", model.name);
    for part in &model.parts {
        println!("  {:14}  {} parameters, {}", part.name, part.parameters, part.dtype);
    }
    println!("  latent          {} channels, a cell is {} pixels wide", model.latent_channels, model.latent_factor);
    println!("  text context    {} tokens of width {}", model.tokens, model.context_width);
    println!("  cross-attention {} layers; blocks of {:?} channels", model.cross_attention_layers, model.channels);
    println!("  all             {} for a picture of 512 x 512 with 2 concepts", model.words(demand));
    if let Some(why) = memory::total().and_then(|available| model.shortage(demand, available)) {
        println!("  note            {why}");
    }
    Ok(())
}

fn describe_tensors(checkpoint: &Checkpoint) {
    let mut values = 0;
    let mut count = 0;
    let mut kinds = std::collections::BTreeSet::new();
    for (name, shape, dtype) in checkpoint.tensors() {
        values += shape.iter().product::<usize>();
        count += 1;
        kinds.insert(format!("{dtype:?}"));
        println!("  {name}  {dtype:?} {shape:?}");
    }
    println!("  {count} tensors, {values} values, {}", kinds.into_iter().collect::<Vec<_>>().join(" and "));
}

fn describe_concept(concept: &AdapterFile) {
    concept.summary().iter().for_each(|line| println!("{line}"));
}

fn describe_project(project: &project::Project) {
    println!("a Podium project, {} x {} pixels", project.canvas.width, project.canvas.height);
    println!("  prompt          {}", project.prompt);
    if !project.negative_prompt.is_empty() {
        println!("  to avoid        {}", project.negative_prompt);
    }
    for concept in &project.concepts {
        println!(
            "  concept         {} for \"{}\", strength {}, {}",
            concept.name,
            concept.class_word,
            concept.strength,
            concept.file.display()
        );
    }
    println!("  layers          {}", project.layers().len());
    println!("  seed            {}, {} pictures", project.seed, project.pictures);
    let settings = &project.settings;
    println!("  settings        {} steps, guidance scale {}", settings.steps, settings.guidance_scale);
    for warning in project.warnings() {
        println!("  note            {warning}");
    }
}
