//! The weights of a part of a model: tensors by diffusers' names, checked against the shapes that the configuration asks
//! for, whatever files and layout they come from.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;

use super::error::{EngineError, Result};
use super::family;
pub use super::model_files::ModelFiles;
use super::model_files::within;
use super::original::{self, Stored};
use super::tensors::{StoredType, TensorFile};

/// Where a tensor is.
struct Place {
    /// Which file.
    file: usize,
    stored: Stored,
}

/// The weights of one part of a model: in a file, or in several listed by an index.
pub struct Checkpoint {
    files: Vec<TensorFile>,
    place: BTreeMap<String, Place>,
    notes: Vec<String>,
    hasher: RefCell<blake3::Hasher>,
}

impl Checkpoint {
    /// Opens a part, `text_encoder`, `unet` or `vae`. Reads headers only.
    ///
    /// # Errors
    /// When no such file is there, or it is broken, or of another kind of model than runs.
    pub fn open(files: &ModelFiles, part: &str) -> Result<Self> {
        if part == "vae"
            && let Some(vae) = files.vae()
        {
            return Self::open_vae(&vae);
        }
        match files.model() {
            ModelFiles::File(path) => Self::open_part(path, part),
            model => Self::open_in_folder(model, part),
        }
    }

    fn open_in_folder(files: &ModelFiles, part: &str) -> Result<Self> {
        let chosen = files.weights(part)?;
        let mut notes = Vec::new();
        if !chosen.others.is_empty() {
            notes.push(format!("{} is used, and {} left aside", chosen.path, chosen.others.join(", ")));
        }
        let opened =
            if chosen.is_index { from_index(files, part, &chosen.path)? } else { vec![open(files, &chosen.path)?] };
        let mut checkpoint = Self::of(opened, |file| original::in_folder(names(file), part));
        if part == "unet" {
            family::of_folder(checkpoint.shapes()).check(&checkpoint.file_name())?;
        }
        checkpoint.notes = notes;
        Ok(checkpoint)
    }

    /// Opens one part of a single-file model: its tensors by diffusers' names.
    fn open_part(path: &Path, part: &str) -> Result<Self> {
        if !path.is_file() {
            return Err(EngineError::NotAModel { path: path.to_owned(), what: "file".into() });
        }
        let file = TensorFile::open(path)?;
        family::of_file(file.tensors().map(|(name, shape, _)| (name, shape))).check(file.name())?;
        let mut notes = Vec::new();
        if part == "unet" && names(&file).any(|name| name.starts_with(original::AVERAGED)) {
            // All others do the same, so that a file gives the same pictures everywhere.
            notes.push("its averaged (EMA) weights beside the plain ones are left aside".into());
        }
        if part == "unet" && !file.others().is_empty() {
            let others = file.others();
            let listed = others.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
            let more = others.len().checked_sub(4).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
            notes.push(format!("what its training left is skipped: {listed}{}", more.unwrap_or_default()));
        }
        let mut checkpoint = Self::of(vec![file], |file| original::part(names(file), part));
        checkpoint.notes = notes;
        if checkpoint.place.is_empty() {
            let what = match part {
                "vae" => "holds no autoencoder (VAE); choose one beside the model",
                _ => "holds no text encoder; it was saved without, and other programs take it from elsewhere",
            };
            return Err(EngineError::Malformed { file: checkpoint.file_name(), what: what.into() });
        }
        Ok(checkpoint)
    }

    /// Opens an autoencoder that is not its model's own: a file in either layout, or a folder as diffusers writes it.
    fn open_vae(path: &Path) -> Result<Self> {
        let (file, notes) = if path.is_dir() {
            let inside = path.join("vae");
            let folder = if inside.is_dir() { inside } else { path.to_owned() };
            let outside = folder.parent().map(Path::to_owned).unwrap_or_default();
            let part = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let files = ModelFiles::Folder(outside);
            let chosen = files.weights(&part)?;
            if chosen.is_index {
                let what = "is an autoencoder in several files, which none needs to be; choose it as one";
                return Err(EngineError::Malformed { file: files.name(&chosen.path), what: what.into() });
            }
            (open(&files, &chosen.path)?, chosen.others)
        } else {
            (TensorFile::open(path)?, Vec::new())
        };
        let mut checkpoint = Self::of(vec![file], |file| original::autoencoder(names(file)));
        if checkpoint.place.is_empty() {
            let what = "holds no autoencoder (VAE); choose another, or the model's own";
            return Err(EngineError::Malformed { file: checkpoint.file_name(), what: what.into() });
        }
        checkpoint.notes.push(format!("{} is used in place of the model's own", checkpoint.file_name()));
        if !notes.is_empty() {
            checkpoint.notes.push(format!("left aside: {}", notes.join(", ")));
        }
        // The autoencoder of Stable Diffusion XL has the very same shapes, and means other things by its numbers.
        let file = &checkpoint.files[0];
        let said = file.metadata().get("modelspec.architecture").map(String::as_str).into_iter().chain([file
            .name()
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or("")]);
        if said
            .into_iter()
            .any(|text| ["sdxl", "xl-base", "diffusion-xl", "xl_vae"].iter().any(|xl| text.to_lowercase().contains(xl)))
        {
            let what = "is the autoencoder of Stable Diffusion XL by its name: it fits, and its pictures would be noise; \
                        choose one of Stable Diffusion 1.5 (or rename it, if it is)";
            return Err(EngineError::Malformed { file: file.name().into(), what: what.into() });
        }
        Ok(checkpoint)
    }

    /// Opens the weights that lie in a folder itself, beside its `config.json`, as transformers writes them.
    ///
    /// # Errors
    /// When there are none, or a file is broken.
    pub fn open_folder(folder: &Path) -> Result<Self> {
        let files = ModelFiles::Folder(folder.to_owned());
        let Ok(chosen) = files.weights("") else {
            let what = "has no weights beside its config.json; put model.safetensors or pytorch_model.bin there";
            return Err(EngineError::Malformed { file: folder.display().to_string(), what: what.into() });
        };
        let opened =
            if chosen.is_index { from_index(&files, "", &chosen.path)? } else { vec![open(&files, &chosen.path)?] };
        Ok(Self::of(opened, |file| original::in_folder(names(file), "")))
    }

    /// Opens one file on disk, by its own names.
    ///
    /// # Errors
    /// When it cannot be read or is no file of tensors.
    pub fn open_file(path: &Path) -> Result<Self> {
        Ok(Self::of(vec![TensorFile::open(path)?], |file| original::in_folder(names(file), "")))
    }

    fn of(files: Vec<TensorFile>, rename: impl Fn(&TensorFile) -> BTreeMap<String, Stored>) -> Self {
        let named = files.iter().enumerate().flat_map(|(index, file)| {
            rename(file).into_iter().map(move |(name, stored)| (name, Place { file: index, stored }))
        });
        Self { place: named.collect(), files, notes: Vec::new(), hasher: RefCell::default() }
    }

    /// Names and shapes of all tensors, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], StoredType)> + Clone {
        self.place.iter().filter_map(|(name, place)| {
            let (shape, kind) = self.files[place.file].tensor(&place.stored.name)?;
            Some((name.as_str(), place.shape(shape), kind))
        })
    }

    fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> + Clone {
        self.tensors().map(|(name, shape, _)| (name, shape))
    }

    /// Shape and kind of a tensor.
    fn tensor(&self, name: &str) -> Option<(&[usize], StoredType)> {
        let place = self.place.get(name)?;
        let (shape, kind) = self.files[place.file].tensor(&place.stored.name)?;
        Some((place.shape(shape), kind))
    }

    /// Whether it holds a tensor.
    fn has(&self, name: &str) -> bool {
        self.place.contains_key(name)
    }

    /// What its user should know of it: what was chosen among several, what was left aside.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Bytes of its files, or of its tensors where a file holds more than this part.
    pub fn bytes(&self) -> u64 {
        let count: usize = self.files.iter().map(|file| file.tensors().count()).sum();
        if count == self.place.len() {
            return self.files.iter().map(TensorFile::bytes).sum();
        }
        self.tensors().map(|(_, shape, kind)| (shape.iter().product::<usize>() * kind.size().unwrap_or(0)) as u64).sum()
    }

    /// The values of one tensor as f32, with its shape.
    ///
    /// # Errors
    /// When it is missing, not floating-point, or holds NaN.
    pub fn values(&self, name: &str) -> Result<(Vec<f32>, Vec<usize>)> {
        let missing = || EngineError::MissingTensor { file: self.file_name(), tensor: name.into(), expected: vec![] };
        let place = self.place.get(name).ok_or_else(missing)?;
        let file = &self.files[place.file];
        let (shape, kind) = file.tensor(&place.stored.name).ok_or_else(missing)?;
        if !kind.is_float() {
            let what = format!("tensor `{name}` is stored as {kind}; F32, F16, BF16 or F64 is needed");
            return Err(EngineError::Malformed { file: file.name().into(), what });
        }
        let shape = place.shape(shape).to_vec();
        let (values, hash) = file.values_and_hash(&place.stored.name)?;
        self.hasher.borrow_mut().update(name.as_bytes()).update(hash.as_bytes());
        Ok((values, shape))
    }

    /// A hash of everything read so far: the same weights read in the same order give the same hash.
    pub fn digest(&self) -> blake3::Hash {
        self.hasher.borrow().finalize()
    }

    /// The file's name, or the first one's where there are several.
    pub fn file_name(&self) -> String {
        self.files.first().map(|file| file.name().to_owned()).unwrap_or_default()
    }

    /// The name of the file that holds a tensor.
    fn file_of(&self, name: &str) -> String {
        self.place.get(name).map_or_else(|| self.file_name(), |place| self.files[place.file].name().to_owned())
    }
}

impl Place {
    /// A linear layer has no kernel, whatever the file says.
    fn shape<'a>(&self, shape: &'a [usize]) -> &'a [usize] {
        match shape {
            [outputs_and_inputs @ .., 1, 1] if self.stored.pointwise => outputs_and_inputs,
            shape => shape,
        }
    }
}

fn names(file: &TensorFile) -> impl Iterator<Item = &str> + Clone {
    file.tensors().map(|(name, ..)| name)
}

fn open(files: &ModelFiles, path: &str) -> Result<TensorFile> {
    match (files.on_disk(path), files.built_in(path)) {
        (Some(file), _) => TensorFile::open(&file),
        (None, Some(bytes)) => TensorFile::from_bytes(&files.name(path), bytes),
        (None, None) => Err(EngineError::NotAModel { path: "the program".into(), what: path.into() }),
    }
}

/// The files that an index on the disk lists, all of which lie beside it and hold what it says.
///
/// # Errors
/// When the index or one of its files cannot be read, or a file or a tensor is not there.
pub fn open_listed(index: &Path) -> Result<Vec<TensorFile>> {
    let files = ModelFiles::Folder(index.parent().unwrap_or(Path::new("")).to_owned());
    from_index(&files, "", &index.file_name().unwrap_or_default().to_string_lossy())
}

/// The files that an index lists, all of which hold what it says.
fn from_index(files: &ModelFiles, folder: &str, index: &str) -> Result<Vec<TensorFile>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let listed: Index = files.json(index)?;
    let malformed = |what: String| EngineError::Malformed { file: files.name(index), what };
    let shards: BTreeSet<&String> = listed.weight_map.values().collect();
    if let Some(odd) = shards.iter().find(|name| name.contains(['/', '\\']) || name.starts_with("..")) {
        return Err(malformed(format!("lists `{odd}`, which is not a file of its own folder; fetch the model again")));
    }
    let mut opened = Vec::new();
    for name in shards {
        let path = within(folder, name);
        if !files.has(&path) {
            return Err(malformed(format!("lists {name}, which is not there; fetch it, or the model again")));
        }
        let file = open(files, &path)?;
        let lost = listed.weight_map.iter().find(|(tensor, shard)| *shard == name && file.tensor(tensor).is_none());
        if let Some((tensor, _)) = lost {
            let what = format!("lists tensor `{tensor}`, which none of its files holds; fetch the model again");
            return Err(malformed(what));
        }
        opened.push(file);
    }
    Ok(opened)
}

/// How far loading has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// Which part of the model: `text_encoder`, `unet`, `vae`.
    pub part: &'static str,
    /// Tensors read so far.
    pub done: usize,
    /// Tensors in the part.
    pub total: usize,
}

/// In which precision the weights of linear layers, convolutions and tokens are held, which are nearly all. Everything else is
/// held in f32, and everything is computed in f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// In f32.
    Wide,
    /// Those that a file has in f16 as they are there, half as large and the same numbers; each is widened while it is
    /// multiplied with. Others are held in f32.
    AsStored,
}

impl Holding {
    /// As suits a device: as stored on a GPU that computes with f16. The CPU's kernels pack weights as f32 in any case.
    pub fn on(device: &Device) -> Self {
        let half = *device != Device::flex() && device.supports_dtype(DType::F16);
        if half { Self::AsStored } else { Self::Wide }
    }
}

struct Shared<'a> {
    /// Where tensors come from; without one they are only listed.
    checkpoint: Option<&'a Checkpoint>,
    /// Whether they are read; otherwise only their names and shapes are compared.
    reads: bool,
    device: &'a Device,
    holding: Holding,
    /// What was asked for, with its shape.
    used: RefCell<BTreeMap<String, Vec<usize>>>,
    progress: RefCell<&'a mut dyn FnMut(LoadProgress) -> Result<()>>,
    part: &'static str,
}

/// A place in a checkpoint: hands out tensors by name and remembers which were used.
#[derive(Clone)]
pub struct Weights<'a> {
    shared: &'a Shared<'a>,
    prefix: String,
}

impl Weights<'_> {
    /// The place `name` below this one.
    #[must_use]
    pub fn at(&self, name: impl std::fmt::Display) -> Self {
        let prefix = if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) };
        Self { shared: self.shared, prefix }
    }

    /// Whether the file holds `name` here.
    pub fn has(&self, name: &str) -> bool {
        self.shared.checkpoint.is_some_and(|checkpoint| checkpoint.has(&self.at(name).prefix))
    }

    /// The tensor `name`, of the given shape.
    ///
    /// # Errors
    /// When it is missing, of another shape, or holds NaN.
    pub fn tensor<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        Ok(match self.checked(name, &shape)? {
            Some(values) => self.upload(values, shape, DType::F32),
            None => self.blank(shape),
        })
    }

    /// Likewise of a tensor that is only multiplied with or picked from, which may be held in f16 (see [`Holding`]).
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn factor<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        Ok(match self.checked(name, &shape)? {
            Some(values) => self.upload(values, shape, self.held(name)),
            None => self.blank(shape),
        })
    }

    /// The matrix `name` of shape `[out, in]`, turned to `[in, out]` so that rows of tokens multiply it from the left; held as
    /// [`Weights::factor`] is.
    ///
    /// # Errors
    /// As [`Weights::tensor`]. A 1x1 convolution's kernel `[out, in, 1, 1]` counts as `[out, in]`.
    pub fn transposed(&self, name: &str, [out, input]: [usize; 2]) -> Result<Tensor<2>> {
        Ok(match self.checked(name, &[out, input])? {
            Some(values) => self.upload(turned(&values, input), [input, out], self.held(name)),
            None => self.blank([input, out]),
        })
    }

    /// The kernels `name` of a convolution `[out, channels, side, side]` that takes what it sees only once, turned to
    /// `[channels · side · side, out]`.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn unfolded(&self, name: &str, [out, channels, height, width]: [usize; 4]) -> Result<Tensor<2>> {
        let input = channels * height * width;
        Ok(match self.checked(name, &[out, channels, height, width])? {
            Some(values) => self.upload(turned(&values, input), [input, out], self.held(name)),
            None => self.blank([input, out]),
        })
    }

    /// The matrices that lie one below another as `name`, `[N · out, in]`, each turned as [`Weights::transposed`] turns one.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn parts<const N: usize>(&self, name: &str, [out, input]: [usize; 2]) -> Result<[Tensor<2>; N]> {
        Ok(match self.checked(name, &[N * out, input])? {
            Some(values) => std::array::from_fn(|part| {
                let own = &values[part * out * input..][..out * input];
                self.upload(turned(own, input), [input, out], self.held(name))
            }),
            None => std::array::from_fn(|_| self.blank([input, out])),
        })
    }

    /// Counts the tensor `name` as used, which only training needs.
    ///
    /// # Errors
    /// As [`Weights::tensor`].
    pub fn leave(&self, name: &str, shape: &[usize]) -> Result<()> {
        self.checked(name, shape).map(drop)
    }

    /// The values of `name`, or none where they are not to be read.
    fn checked(&self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>> {
        let shared = self.shared;
        let tensor = self.at(name).prefix;
        let Some(checkpoint) = shared.checkpoint else {
            shared.used.borrow_mut().insert(tensor, shape.to_vec());
            return Ok(None);
        };
        let file = || checkpoint.file_of(&tensor);
        let Some((found, _)) = checkpoint.tensor(&tensor) else {
            return Err(EngineError::MissingTensor { file: file(), tensor, expected: shape.to_vec() });
        };
        let same = found == shape
            || (found.len() == shape.len() + 2 && found[..shape.len()] == *shape && found[shape.len()..] == [1, 1]);
        if !same {
            let (file, found, expected) = (file(), found.to_vec(), shape.to_vec());
            return Err(EngineError::TensorShape { file, tensor, found, expected });
        }
        let values = if shared.reads { Some(checkpoint.values(&tensor)?.0) } else { None };
        let mut used = shared.used.borrow_mut();
        used.insert(tensor, shape.to_vec());
        if shared.reads {
            let progress = LoadProgress { part: shared.part, done: used.len(), total: checkpoint.place.len() };
            (shared.progress.borrow_mut())(progress)?;
        }
        Ok(values)
    }

    /// The precision in which the tensor `name` is held, where it may be held in another than f32.
    fn held(&self, name: &str) -> DType {
        let Shared { checkpoint, holding, .. } = self.shared;
        let stored = checkpoint.and_then(|checkpoint| checkpoint.tensor(&self.at(name).prefix));
        let half = *holding == Holding::AsStored && stored.is_some_and(|(_, kind)| kind == StoredType::F16);
        if half { DType::F16 } else { DType::F32 }
    }

    fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D], dtype: DType) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (self.shared.device, dtype))
    }

    /// A tensor in place of one that is not read: one number, repeated without taking room.
    fn blank<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        Tensor::<D>::zeros([1; D], (self.shared.device, DType::F32)).expand(shape)
    }
}

/// Turns `[rows, columns]` to `[columns, rows]`, in blocks that stay in the cache, by all threads of the pool.
fn turned(values: &[f32], columns: usize) -> Vec<f32> {
    /// Columns that a task turns: a line of the cache holds as many.
    const LINES: usize = 16;
    /// Rows that are turned at once.
    const ROWS: usize = 64;
    let rows = values.len() / columns.max(1);
    let mut turned = vec![0.0; values.len()];
    if rows == 0 {
        return turned;
    }
    turned.par_chunks_mut(LINES * rows).enumerate().for_each(|(block, lines)| {
        for first in (0..rows).step_by(ROWS) {
            for (line, out) in lines.chunks_exact_mut(rows).enumerate() {
                let column = block * LINES + line;
                let out = out[first..].iter_mut().take(ROWS);
                out.enumerate().for_each(|(row, to)| *to = values[(first + row) * columns + column]);
            }
        }
    });
    turned
}

/// Buffers that older exports carry along; they hold no weights.
pub(super) fn is_buffer(tensor: &str) -> bool {
    tensor.ends_with("position_ids")
}

/// Names and shapes of all tensors that a part asks for, by how it is built.
///
/// # Errors
/// What `build` returns.
pub fn listed<T>(build: impl Fn(&Weights<'_>) -> Result<T>) -> Result<BTreeMap<String, Vec<usize>>> {
    let device = Device::flex();
    let progress: &mut dyn FnMut(LoadProgress) -> Result<()> = &mut |_| Ok(());
    let progress = RefCell::new(progress);
    let (used, holding, part) = (RefCell::default(), Holding::Wide, "");
    let shared = Shared { checkpoint: None, reads: false, device: &device, holding, used, progress, part };
    build(&Weights { shared: &shared, prefix: String::new() })?;
    Ok(shared.used.take())
}

/// Compares a checkpoint's names and shapes with what a part asks for. Nothing is read.
///
/// # Errors
/// What `build` returns, or [`EngineError::SurplusTensor`].
pub fn compare<T>(checkpoint: &Checkpoint, build: impl Fn(&Weights<'_>) -> Result<T>) -> Result<()> {
    let device = Device::flex();
    let progress: &mut dyn FnMut(LoadProgress) -> Result<()> = &mut |_| Ok(());
    let progress = RefCell::new(progress);
    let (used, holding, part) = (RefCell::default(), Holding::Wide, "");
    let shared = Shared { checkpoint: Some(checkpoint), reads: false, device: &device, holding, used, progress, part };
    build(&Weights { shared: &shared, prefix: String::new() })?;
    let used = shared.used.borrow();
    let without = |name: &&str| !used.contains_key(*name) && !is_buffer(name);
    let surplus: Vec<_> = checkpoint.shapes().filter(|(name, _)| without(name)).collect();
    match surplus.first() {
        None => Ok(()),
        Some((tensor, found)) => Err(EngineError::SurplusTensor {
            file: checkpoint.file_of(tensor),
            tensor: (*tensor).into(),
            found: found.to_vec(),
            count: surplus.len(),
        }),
    }
}

/// Builds a part of a model from a checkpoint, once it is sure that all names and shapes of the file are those that it asks
/// for, and none is left over.
///
/// # Errors
/// What `build` returns, or [`EngineError::SurplusTensor`].
pub fn load_part<T>(
    checkpoint: &Checkpoint,
    part: &'static str,
    device: &Device,
    holding: Holding,
    progress: &mut dyn FnMut(LoadProgress) -> Result<()>,
    build: impl Fn(&Weights<'_>) -> Result<T>,
) -> Result<T> {
    compare(checkpoint, &build)?;
    let (used, progress) = (RefCell::default(), RefCell::new(progress));
    let shared = Shared { checkpoint: Some(checkpoint), reads: true, device, holding, used, progress, part };
    build(&Weights { shared: &shared, prefix: String::new() })
}

#[cfg(test)]
mod tests {
    use burn::tensor::FloatDType;

    use super::*;
    use crate::engine::nets::clip::{ClipConfig, TextEncoder};
    use crate::engine::pictures::host;

    /// The CPU computes with f16 too, and so does here what GPUs do.
    #[test]
    fn weights_that_a_file_has_in_half_precision_are_held_so_and_encode_a_prompt_the_same() {
        let (files, device) = (ModelFiles::BuiltIn, Device::flex());
        let config: ClipConfig = files.json("text_encoder/config.json").unwrap();
        let (words, width) = (config.vocab_size, config.hidden_size);
        let load = |holding| {
            let checkpoint = Checkpoint::open(&files, "text_encoder").unwrap();
            let progress: &mut dyn FnMut(LoadProgress) -> Result<()> = &mut |_| Ok(());
            load_part(&checkpoint, "text_encoder", &device, holding, progress, |weights| {
                let at = weights.at("text_model");
                let tokens: Tensor<2> = at.at("embeddings.token_embedding").factor("weight", [words, width])?;
                let query: Tensor<2> =
                    at.at("encoder.layers.0.self_attn.q_proj").transposed("weight", [width, width])?;
                let norm: Tensor<1> = at.at("final_layer_norm").tensor("weight", [width])?;
                Ok((TextEncoder::load(weights, config.clone(), &device, "")?, [tokens, query], norm))
            })
            .unwrap()
        };
        let (wide, wide_factors, _) = load(Holding::Wide);
        let (narrow, factors, norm) = load(Holding::AsStored);
        assert_eq!(norm.dtype(), DType::F32);
        for (factor, wide) in factors.into_iter().zip(wide_factors) {
            assert_eq!((factor.dtype(), wide.dtype()), (DType::F16, DType::F32));
            assert!(host(factor.cast(FloatDType::F32)) == host(wide), "not a number is lost");
        }
        let ids = [(0..77).map(|id| id % words as u32).collect::<Vec<u32>>()];
        let encode = |encoder: &TextEncoder| host(encoder.forward(encoder.embed(&ids), &()));
        let (found, expected) = (encode(&narrow), encode(&wide));
        let apart = found.iter().zip(&expected).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        assert!(found.len() == 77 * width && apart < 1e-4, "{apart} apart");
        assert_eq!(Holding::on(&device), Holding::Wide, "its own kernels pack weights as f32");
    }

    #[test]
    fn a_matrix_is_turned_whatever_its_size() {
        for (rows, columns) in [(1, 1), (3, 5), (64, 16), (65, 17), (200, 33), (0, 4), (7, 0)] {
            let values: Vec<f32> = (0..rows * columns).map(|value| value as f32).collect();
            let found = turned(&values, columns);
            let expected = (0..columns).flat_map(|column| (0..rows).map(move |row| (row * columns + column) as f32));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{rows} x {columns}");
        }
    }
}
