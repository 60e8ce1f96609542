//! Checkpoints: everything that a training needs to go on as if it had never stopped, in one safetensors file.

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};

use super::adam::Moments;
use super::concept_file;
use super::parameters::{Group, Parameters};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::layers::upload;
use crate::engine::pictures::host;
use crate::engine::tensors::TensorFile;

/// The checkpoint's name in the folder of a training.
pub const NAME: &str = "checkpoint.safetensors";
/// The version of its contents.
const VERSION: &str = "1";

/// A training at one moment.
#[derive(Clone, Debug)]
pub struct State {
    /// What is learnt.
    pub parameters: Parameters,
    /// The optimiser's running means, in the order of the groups.
    pub moments: [Moments; 3],
    /// Steps done.
    pub step: usize,
    /// Whether the embeddings have reached their norm and stay as they are.
    pub words_done: bool,
}

impl State {
    /// Before the first step.
    pub fn new(parameters: Parameters, device: &Device) -> Self {
        let moments = [0, 1, 2].map(|group: usize| Moments::none(parameters.groups[group].dims()[0], device));
        Self { parameters, moments, step: 0, words_done: false }
    }

    /// Writes it, wholly or not at all: an earlier one stays until this one is on the disk.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, folder: &Path, of: &blake3::Hash) -> Result<()> {
        let mut held = Vec::new();
        for group in Group::ALL {
            let Moments { mean, square } = &self.moments[group as usize];
            let values = &self.parameters.groups[group as usize];
            for (what, tensor) in [("values", values), ("mean", mean), ("square", square)] {
                held.push((format!("{}.{what}", group.name()), host(tensor.clone())));
            }
        }
        let tensors = held.iter().map(|(name, numbers)| (name.clone(), vec![numbers.len()], numbers.as_slice()));
        let metadata = HashMap::from([
            ("podium.checkpoint".to_owned(), VERSION.to_owned()),
            ("podium.training".to_owned(), of.to_hex().to_string()),
            ("podium.step".to_owned(), self.step.to_string()),
            ("podium.words_done".to_owned(), self.words_done.to_string()),
        ]);
        concept_file::put(&folder.join(NAME), &concept_file::serialize(tensors.collect(), metadata)?)
    }

    /// Reads the checkpoint in a folder; none where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or is of another training than `of`.
    pub fn read(folder: &Path, of: &blake3::Hash, fresh: Parameters, device: &Device) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            _ => {}
        }
        let damaged = |what: &str| damaged(&path, what);
        let file = TensorFile::open(&path)?;
        let said = |key: &str| file.metadata().get(key).map(String::as_str);
        match said("podium.checkpoint") {
            Some(VERSION) => {}
            Some(_) => return Err(damaged("is a checkpoint of a newer Podium; go on with that one")),
            None => return Err(damaged("is no checkpoint of a training")),
        }
        if said("podium.training") != Some(of.to_hex().as_str()) {
            return Err(damaged("is of another training: photos, captions, words, settings or the model have changed"));
        }
        let step = said("podium.step").and_then(|step| step.parse().ok());
        let step = step.ok_or_else(|| damaged("does not say how far it is"))?;
        let words_done = said("podium.words_done") == Some("true");
        let numbers = |group: Group, what: &str| -> Result<Tensor<1>> {
            let name = format!("{}.{what}", group.name());
            let wanted = fresh.groups[group as usize].dims()[0];
            let values = match file.tensor(&name) {
                Some((shape, _)) if *shape == [wanted] => file.values(&name)?,
                _ => return Err(damaged(&format!("has no tensor `{name}` of {wanted} numbers"))),
            };
            if values.iter().any(|value| !value.is_finite()) {
                return Err(damaged(&format!("holds what is no number in `{name}`")));
            }
            Ok(upload(values, [wanted], device))
        };
        let mut moments = Vec::with_capacity(3);
        let mut groups = Vec::with_capacity(3);
        for group in Group::ALL {
            groups.push(numbers(group, "values")?);
            moments.push(Moments { mean: numbers(group, "mean")?, square: numbers(group, "square")? });
        }
        let (Ok(groups), Ok(moments)) = (groups.try_into(), moments.try_into()) else {
            unreachable!("one was pushed for each of the three groups")
        };
        Ok(Some(Self { parameters: Parameters { groups, ..fresh }, moments, step, words_done }))
    }
}

fn damaged(path: &Path, what: &str) -> EngineError {
    let what = format!("{what}; to begin anew, choose another folder or remove this file");
    EngineError::Malformed { file: path.display().to_string(), what }
}
