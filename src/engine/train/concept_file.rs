//! The files that a trained concept is kept in: Podium's own in safetensors, Mix-of-Show's `.pth`, and a LoRA with a
//! textual inversion in kohya's names for other programs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};

use super::parameters::{Group, Parameter, Parameters, Place, Side, turned};
use super::torch_file::{self, Value};
use crate::engine::adapters::{AdapterFile, Change, FULL_AT, thumbnail_of};
use crate::engine::error::{EngineError, Result};
use crate::engine::models::Models;
use crate::engine::pictures::host;
use crate::link::Alike;
use crate::project::disk::{self, Readers};
use crate::project::training::Training;

/// A strength of use at which the factors are what was learnt; files say none.
const AS_LEARNT: f32 = 1.0;

/// What is learnt, as files have it: names, shapes and numbers.
pub struct Numbers {
    /// Each word with its embeddings, `[layers, width]`.
    words: Vec<(String, [usize; 2], Vec<f32>)>,
    /// The factors, in order.
    factors: Vec<Factor>,
    rank: usize,
    /// The strength of use at which they act as they were learnt.
    full_at: f32,
}

/// A low-rank factor.
struct Factor {
    group: Group,
    /// The module that it changes, by diffusers' path below its part of the model.
    path: String,
    side: Side,
    /// `[rank, in]` or `[out, rank]`
    shape: [usize; 2],
    numbers: Vec<f32>,
}

impl Factor {
    /// Its name below `text_encoder` or `unet`.
    fn name(&self) -> String {
        format!("{}.{}", self.path, self.side.leaf())
    }
}

impl Numbers {
    /// Those of a training, for use at strength `full_at`: of each pair of factors the second one, `up`, is divided by it, so
    /// that their product times that strength is what was learnt.
    pub fn new(parameters: &Parameters, full_at: f32) -> Self {
        let groups = parameters.groups.clone().map(host);
        let (mut words, mut factors, mut rank) = (Vec::new(), Vec::new(), 0);
        for parameter in &parameters.list {
            let numbers = &groups[parameter.group() as usize][parameter.start..][..parameter.len()];
            let [rows, columns] = parameter.shape;
            match (parameter.place, parameter.module()) {
                (Place::Word(index), _) => {
                    words.push((parameters.words[index].clone(), parameter.shape, numbers.to_vec()));
                }
                (_, Some((path, side))) => {
                    if side == Side::Down {
                        rank = columns;
                    }
                    let (shape, mut numbers) = ([columns, rows], turned(numbers, rows, columns));
                    if side == Side::Up && full_at != AS_LEARNT {
                        numbers.iter_mut().for_each(|number| *number /= full_at);
                    }
                    factors.push(Factor { group: parameter.group(), path, side, shape, numbers });
                }
                (_, None) => {}
            }
        }
        Self { words, factors, rank, full_at }
    }

    /// A file in safetensors, with what it was made of in its metadata.
    fn safetensors(&self, about: HashMap<String, String>) -> Result<Vec<u8>> {
        let words = self.words.iter().map(|(word, shape, numbers)| {
            (format!("new_concept_embedding.{word}"), shape.to_vec(), numbers.as_slice())
        });
        let factors = self.factors.iter().map(|factor| {
            (format!("{}.{}", factor.group.name(), factor.name()), factor.shape.to_vec(), factor.numbers.as_slice())
        });
        serialize(words.chain(factors).collect(), about)
    }

    /// Mix-of-Show's file, which the authors' release reads. It has no metadata, so that where the factors are for use at
    /// another strength than 1, that is a number beside `params`, which everybody else leaves alone.
    fn torch(&self) -> std::io::Result<Vec<u8>> {
        let part = |wanted: Group| {
            let of = self.factors.iter().filter(|factor| factor.group == wanted);
            Value::Dict(of.map(|of| (of.name(), Value::Tensor(&of.numbers, of.shape.to_vec()))).collect())
        };
        let words =
            self.words.iter().map(|(word, shape, numbers)| (word.clone(), Value::Tensor(numbers, shape.to_vec())));
        let full_at = [self.full_at];
        let mut entries = vec![(
            "params".into(),
            Value::Dict(vec![
                ("new_concept_embedding".into(), Value::Dict(words.collect())),
                ("text_encoder".into(), part(Group::Text)),
                ("unet".into(), part(Group::Unet)),
            ]),
        )];
        if self.full_at != AS_LEARNT {
            entries.push((FULL_AT.into(), Value::Tensor(&full_at, vec![1])));
        }
        torch_file::bytes(&Value::Dict(entries))
    }

    /// A LoRA in kohya's names with its words as an embedding of one vector each. Other programs have one text for all
    /// layers, so a word's vector is the mean of its layers'.
    fn kohya(&self, name: &str, about: HashMap<String, String>) -> Result<Vec<u8>> {
        let (mut tensors, alpha) = (Vec::new(), [self.rank as f32]);
        let mut bundle = Vec::new();
        let mut width = 0;
        for (_, [layers, wide], numbers) in &self.words {
            width = *wide;
            let mean =
                |column: usize| (0..*layers).map(|layer| numbers[layer * wide + column]).sum::<f32>() / *layers as f32;
            bundle.extend((0..*wide).map(mean));
        }
        tensors.push((
            format!("bundle_emb.{name}.string_to_param.*"),
            vec![self.words.len(), width],
            bundle.as_slice(),
        ));
        for Factor { group, path, side, shape, numbers } in &self.factors {
            let prefix = if *group == Group::Text { "lora_te" } else { "lora_unet" };
            let layer = format!("{prefix}_{}", path.replace('.', "_"));
            if *side == Side::Down {
                tensors.push((format!("{layer}.alpha"), Vec::new(), alpha.as_slice()));
            }
            tensors.push((format!("{layer}.{}", side.leaf()), shape.to_vec(), numbers.as_slice()));
        }
        serialize(tensors, about)
    }
}

/// The bytes of a safetensors file of float32 tensors, each with its name and shape, and what is said about them.
///
/// # Errors
/// When they cannot be put together.
pub(super) fn serialize(tensors: Vec<(String, Vec<usize>, &[f32])>, about: HashMap<String, String>) -> Result<Vec<u8>> {
    let bytes = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let held: BTreeMap<String, (Vec<usize>, Vec<u8>)> =
        tensors.into_iter().map(|(name, shape, numbers)| (name, (shape, bytes(numbers)))).collect();
    let views = held
        .iter()
        .map(|(name, (shape, bytes))| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)));
    views
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .and_then(|views| safetensors::serialize(views, Some(about)))
        .map_err(|error| EngineError::Job(format!("a file of tensors could not be put together ({error})")))
}

/// What the name of a test sheet ends in, in place of the concept's own ending.
const SHEET: &str = "sheet.png";

/// The page with a concept's test sheet, where one lies beside the concept.
pub fn sheet_of(concept: &Path) -> Option<PathBuf> {
    Some(concept.with_extension(SHEET)).filter(|page| page.is_file())
}

/// Where a concept's files lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Podium's own.
    pub own: PathBuf,
    /// Mix-of-Show's.
    pub torch: PathBuf,
    /// For other programs.
    pub kohya: PathBuf,
    /// The test sheet.
    pub sheet: PathBuf,
    /// A small picture for lists of files.
    pub preview: PathBuf,
}

impl Places {
    /// In a folder, by the concept's name.
    pub fn of(folder: &Path, name: &str) -> Self {
        let plain = |c: char| if c.is_alphanumeric() || "-_. ()".contains(c) { c } else { '_' };
        let name: String = name.trim().chars().map(plain).collect();
        let name = if name.trim_matches('.').is_empty() { "concept".to_owned() } else { name };
        let file = |end: &str| folder.join(format!("{name}{end}"));
        Self {
            own: file(".safetensors"),
            torch: file(".pth"),
            kohya: file("-lora.safetensors"),
            sheet: file(&format!(".{SHEET}")),
            preview: file(".preview.png"),
        }
    }
}

/// What a test sheet says of its concept, where it has one yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// How much of the subject's own colours its pictures show.
    pub likeness: Option<f32>,
    /// How alike an encoder finds them and the photos.
    pub alike: Option<Alike>,
    /// Its first picture, small, as a JPEG.
    pub thumbnail: Option<Vec<u8>>,
}

/// Writes all of a concept's files, each wholly or not at all; `seen` is what its test sheet says.
///
/// # Errors
/// What the disk says.
pub fn write(
    places: &Places,
    parameters: &Parameters,
    training: &Training,
    models: &Models,
    steps: usize,
    seen: &Seen,
) -> Result<()> {
    let numbers = Numbers::new(parameters, training.settings.full_at as f32);
    let settings = ron::ser::to_string(&training.settings).unwrap_or_default();
    let words = parameters.words.join(" ");
    let about = || {
        let mut about = HashMap::from([
            ("modelspec.title".to_owned(), training.name.clone()),
            ("podium.class_word".to_owned(), training.class_word.clone()),
            ("podium.model".to_owned(), models.fingerprint.to_hex().to_string()),
            ("podium.settings".to_owned(), settings.clone()),
            ("podium.steps".to_owned(), steps.to_string()),
        ]);
        if numbers.full_at != AS_LEARNT {
            about.insert(FULL_AT.to_owned(), numbers.full_at.to_string());
        }
        about.extend(seen.likeness.map(|likeness| ("podium.likeness".to_owned(), format!("{likeness:.3}"))));
        if let Some(alike) = &seen.alike {
            about.insert("podium.encoder".to_owned(), alike.encoder.clone());
            about.insert("podium.alike".to_owned(), format!("{:.3}", alike.cosine));
        }
        about.extend(seen.thumbnail.as_deref().map(thumbnail_of));
        about
    };
    let mut own = about();
    own.insert("modelspec.trigger_phrase".into(), words);
    put(&places.own, &numbers.safetensors(own)?)?;
    let torch = numbers.torch().map_err(|source| EngineError::Write { path: places.torch.clone(), source })?;
    put(&places.torch, &torch)?;
    let mut lora = about();
    let kohya = [
        ("modelspec.trigger_phrase", training.name.clone()),
        ("ss_network_module", "networks.lora".into()),
        ("ss_network_dim", numbers.rank.to_string()),
        ("ss_network_alpha", numbers.rank.to_string()),
        ("ss_output_name", training.name.clone()),
        ("ss_base_model_version", "sd_v1".into()),
    ];
    lora.extend(kohya.map(|(key, value)| (key.to_owned(), value)));
    put(&places.kohya, &numbers.kohya(&training.name, lora)?)
}

/// Writes a file wholly or not at all.
pub fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = disk::replace(path, Readers::Everybody, |file| file.write_all(bytes));
    written.map_err(|source| EngineError::Write { path: path.to_owned(), source })
}

/// The numbers of a concept that was trained before, to go on from, as they were learnt: where its file says at which strength
/// that is, its factors are brought back to it.
///
/// # Errors
/// When it is no ED-LoRA of this model, or has another number of words or another rank than the training.
pub fn read(models: &Models, training: &Training, file: &AdapterFile) -> Result<Parameters> {
    let misfit = |what: String| EngineError::ConceptMisfit { file: file.file.clone(), what };
    if file.embeddings.len() != training.tokens.len() {
        let (has, wanted) = (file.embeddings.len(), training.tokens.len());
        return Err(misfit(format!("brings {has} words, and the training has {wanted}")));
    }
    let words = training.tokens.iter().map(|token| token.word.clone()).collect();
    Parameters::from_numbers(models, words, training.settings.rank, |parameter| {
        numbers_of(file, parameter).map_err(misfit)
    })
}

fn numbers_of(file: &AdapterFile, parameter: &Parameter) -> std::result::Result<Vec<f32>, String> {
    let [rows, columns] = parameter.shape;
    let (path, changes, side) = match parameter.place {
        Place::Word(index) => {
            let word = &file.embeddings[index];
            let layers = if word.layers == 1 { rows } else { 1 };
            if word.vectors != 1 || word.layers * layers != rows || word.width != columns {
                let (name, width) = (&word.name, word.width);
                return Err(format!(
                    "has a word `{name}` of {} vectors of {width} numbers, where the model has {rows} of {columns}",
                    word.layers
                ));
            }
            return Ok(word.values.repeat(layers));
        }
        Place::Text(layer, side) => (layer.to_string(), &file.text_encoder, side),
        Place::Unet(layer, side) => (layer.to_string(), &file.unet, side),
    };
    let Some(Change::LowRank { down, mid: None, up, scale }) = changes.get(&path) else {
        return Err(format!("has no low-rank change of {path}, which is trained"));
    };
    let whole = file.about.full_at.unwrap_or(AS_LEARNT);
    let (array, factor) = if side == Side::Down { (down, 1.0) } else { (up, *scale * whole) };
    if array.values.len() != rows * columns || array.shape.first() != Some(&columns) {
        return Err(format!(
            "has a factor of shape {:?} at {path}, where {:?} is needed; choose the rank that it has",
            array.shape,
            [columns, rows]
        ));
    }
    Ok(turned(&array.values, columns, rows).into_iter().map(|value| value * factor).collect())
}
