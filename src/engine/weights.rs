//! Checkpoint files: tensors by name, checked against the shapes that the configuration asks for.
//!
//! Only this file and `concept.rs` know how checkpoints name things on disk.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor, TensorData};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::error::{EngineError, Result};
use super::floats::{self, Stored};
use super::original::{self, Stored as Renamed};

/// Where a model's files are: a folder on disk, or the files built into the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelFiles {
    /// A folder in diffusers' layout.
    Folder(PathBuf),
    /// One safetensors file in the layout of Stable Diffusion's own code. Its configuration and tokenizer are those in a
    /// folder of its name beside it, or in its own folder, laid out as diffusers does; where neither has any, they are
    /// Stable Diffusion 1.5's.
    File(PathBuf),
    /// The miniature that comes with the program.
    BuiltIn,
}

impl ModelFiles {
    /// The model at a path: one file where that ends in `.safetensors`, else a folder. The disk is not asked, so that a
    /// window may ask this at any time.
    pub fn at(path: PathBuf) -> Self {
        let is_file = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors"));
        if is_file { Self::File(path) } else { Self::Folder(path) }
    }

    /// Where it lies; None where that is the program itself.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) | Self::File(path) => Some(path),
            Self::BuiltIn => None,
        }
    }

    /// Where the small files are.
    fn settings(&self) -> Settings {
        match self {
            Self::Folder(folder) => Settings::Folder(folder.clone()),
            Self::File(file) => {
                let beside = [Some(file.with_extension("")), file.parent().map(Path::to_owned)];
                let holds = |folder: &PathBuf| folder.join("unet/config.json").is_file();
                beside.into_iter().flatten().find(holds).map_or(Settings::BuiltIn("sd15"), Settings::Folder)
            }
            Self::BuiltIn => Settings::BuiltIn("miniature"),
        }
    }

    /// How messages name a file of this model.
    pub fn name(&self, path: &str) -> String {
        match self.settings() {
            Settings::Folder(folder) => folder.join(path).display().to_string(),
            Settings::BuiltIn(model) => format!("built-in {model}/{path}"),
        }
    }

    /// Whether the file exists.
    pub fn has(&self, path: &str) -> bool {
        match self.settings() {
            Settings::Folder(folder) => folder.join(path).is_file(),
            Settings::BuiltIn(model) => crate::assets::find(&format!("{model}/{path}")).is_some(),
        }
    }

    /// Reads a small file whole.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        match self.settings() {
            Settings::Folder(folder) => {
                let file = folder.join(path);
                if !file.is_file() {
                    if folder.is_file() {
                        let what = "is a file, and those of models end in .safetensors; if it is one, rename it, else \
                                    choose a model's folder as diffusers writes it";
                        return Err(EngineError::Malformed { file: folder.display().to_string(), what: what.into() });
                    }
                    return Err(EngineError::NotAModel { path: folder, what: path.into() });
                }
                std::fs::read(&file).map_err(|source| EngineError::Read { path: file, source })
            }
            Settings::BuiltIn(model) => crate::assets::find(&format!("{model}/{path}"))
                .map(<[u8]>::to_vec)
                .ok_or_else(|| EngineError::NotAModel { path: format!("built-in {model}").into(), what: path.into() }),
        }
    }

    /// Reads a JSON file into `T`.
    ///
    /// # Errors
    /// When the file is missing or is not the JSON that `T` needs.
    pub fn json<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        serde_json::from_slice(&self.read(path)?).map_err(|error| EngineError::Malformed {
            file: self.name(path),
            what: format!("cannot be understood: {error}"),
        })
    }
}

enum Settings {
    Folder(PathBuf),
    /// Below `assets/`.
    BuiltIn(&'static str),
}

enum Bytes {
    Static(&'static [u8]),
    File(RefCell<File>),
}

struct Shard {
    name: String,
    bytes: Bytes,
    data_start: u64,
    length: u64,
    metadata: Metadata,
}

/// Where a tensor is.
struct Place {
    shard: usize,
    /// What it is called there, where that is another name.
    stored: Option<Renamed>,
}

/// The weights of one part of a model: one safetensors file, or several listed by an index.
pub struct Checkpoint {
    shards: Vec<Shard>,
    place: BTreeMap<String, Place>,
    hasher: RefCell<blake3::Hasher>,
}

impl Checkpoint {
    /// Opens `folder/stem.safetensors`, its `fp16` variant, or the shards that
    /// `folder/stem.safetensors.index.json` lists. Reads headers only.
    ///
    /// # Errors
    /// When no such file is there, or one is not a safetensors file.
    pub fn open(files: &ModelFiles, folder: &str, stems: &[&str]) -> Result<Self> {
        if let ModelFiles::File(path) = files {
            return Self::open_part(path, folder);
        }
        for stem in stems {
            for variant in ["", ".fp16"] {
                let path = format!("{folder}/{stem}{variant}.safetensors");
                if files.has(&path) {
                    return Self::from_shards(vec![open_shard(files, &path)?]);
                }
                let index = format!("{folder}/{stem}.safetensors.index{variant}.json");
                if files.has(&index) {
                    return Self::from_index(files, folder, &index);
                }
            }
        }
        let what = format!("{folder}/{}.safetensors", stems.first().unwrap_or(&"model"));
        let path = files.path().map_or_else(|| "built-in miniature".into(), Path::to_owned);
        Err(EngineError::NotAModel { path, what })
    }

    /// Opens one part of a single-file model: its tensors by diffusers' names.
    fn open_part(path: &Path, part: &str) -> Result<Self> {
        if !path.is_file() {
            return Err(EngineError::NotAModel { path: path.to_owned(), what: "file".into() });
        }
        let shard = disk_shard(path)?;
        let tensors = shard.metadata.tensors();
        let names = tensors.keys().map(String::as_str);
        if !original::is_original(names.clone()) {
            let what = format!(
                "holds no model in the layout of Stable Diffusion's own code: none of its tensors begins with `{}`; \
                 choose such a file, or a folder as diffusers writes it",
                original::UNET
            );
            return Err(EngineError::Malformed { file: shard.name, what });
        }
        let place = original::part(names, part);
        let place = place.into_iter().map(|(name, stored)| (name, Place { shard: 0, stored: Some(stored) })).collect();
        Ok(Self { shards: vec![shard], place, hasher: RefCell::default() })
    }

    /// Opens one safetensors file on disk.
    ///
    /// # Errors
    /// When it cannot be read or is not a safetensors file.
    pub fn open_file(path: &Path) -> Result<Self> {
        Self::from_shards(vec![disk_shard(path)?])
    }

    /// Reads a safetensors file that is built into the program.
    ///
    /// # Errors
    /// When it is not a safetensors file.
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Self::from_shards(vec![static_shard(name, bytes)?])
    }

    fn from_index(files: &ModelFiles, folder: &str, index: &str) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: BTreeMap<String, String>,
        }
        let listed: Index = files.json(index)?;
        let names: BTreeSet<&String> = listed.weight_map.values().collect();
        let shards =
            names.into_iter().map(|name| open_shard(files, &format!("{folder}/{name}"))).collect::<Result<_>>()?;
        let checkpoint = Self::from_shards(shards)?;
        match listed.weight_map.keys().find(|tensor| !checkpoint.place.contains_key(*tensor)) {
            None => Ok(checkpoint),
            Some(tensor) => Err(EngineError::Malformed {
                file: files.name(index),
                what: format!("lists tensor `{tensor}`, which none of its files holds; fetch the model again"),
            }),
        }
    }

    fn from_shards(shards: Vec<Shard>) -> Result<Self> {
        let mut place = BTreeMap::new();
        for (index, shard) in shards.iter().enumerate() {
            for name in shard.metadata.tensors().keys() {
                place.insert(name.clone(), Place { shard: index, stored: None });
            }
        }
        Ok(Self { shards, place, hasher: RefCell::default() })
    }

    /// Names and shapes of all tensors, in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], Dtype)> {
        self.place.iter().filter_map(|(name, place)| {
            let info = self.shards[place.shard].metadata.info(place.name_in_file(name))?;
            Some((name.as_str(), place.shape(info), info.dtype))
        })
    }

    /// Bytes of its files, or of its tensors where a file holds more than this part.
    pub fn bytes(&self) -> u64 {
        let renamed = |(name, place): (&String, &Place)| {
            let (start, end) = self.shards[place.shard].metadata.info(place.name_in_file(name))?.data_offsets;
            place.stored.as_ref().map(|_| (end - start) as u64)
        };
        if self.place.values().any(|place| place.stored.is_some()) {
            return self.place.iter().filter_map(renamed).sum();
        }
        self.shards.iter().map(|shard| shard.length).sum()
    }

    /// The values of one tensor as f32, with its shape.
    ///
    /// # Errors
    /// When it is missing, not floating-point, or holds NaN.
    pub fn values(&self, name: &str) -> Result<(Vec<f32>, Vec<usize>)> {
        let Some((place, shard)) = self.place.get(name).map(|place| (place, &self.shards[place.shard])) else {
            return Err(EngineError::MissingTensor { file: self.file_name(), tensor: name.into(), expected: vec![] });
        };
        // `place` was built from these very headers.
        let Some(info) = shard.metadata.info(place.name_in_file(name)) else {
            return Err(EngineError::MissingTensor { file: shard.name.clone(), tensor: name.into(), expected: vec![] });
        };
        let bytes = read_range(shard, info.data_offsets)?;
        self.hasher.borrow_mut().update(name.as_bytes()).update(&bytes);
        let values = to_f32(info.dtype, &bytes).ok_or_else(|| EngineError::Malformed {
            file: shard.name.clone(),
            what: format!("tensor `{name}` is stored as {:?}; F32, F16, BF16 or F64 is needed", info.dtype),
        })?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(EngineError::NotFinite { file: shard.name.clone(), tensor: name.into() });
        }
        Ok((values, place.shape(info).to_vec()))
    }

    /// A hash of everything read so far: the same weights read in the same order give the same hash.
    pub fn digest(&self) -> blake3::Hash {
        self.hasher.borrow().finalize()
    }

    /// The file's name, or the first one's where there are several.
    pub fn file_name(&self) -> String {
        self.shards.first().map(|shard| shard.name.clone()).unwrap_or_default()
    }
}

impl Place {
    fn name_in_file<'a>(&'a self, name: &'a str) -> &'a str {
        self.stored.as_ref().map_or(name, |stored| &stored.name)
    }

    /// A linear layer has no kernel, whatever the file says.
    fn shape<'a>(&self, info: &'a TensorInfo) -> &'a [usize] {
        match info.shape.as_slice() {
            [outputs_and_inputs @ .., 1, 1] if self.stored.as_ref().is_some_and(|stored| stored.pointwise) => {
                outputs_and_inputs
            }
            shape => shape,
        }
    }
}

fn open_shard(files: &ModelFiles, path: &str) -> Result<Shard> {
    match files.settings() {
        Settings::Folder(folder) => disk_shard(&folder.join(path)),
        Settings::BuiltIn(model) => match crate::assets::find(&format!("{model}/{path}")) {
            Some(bytes) => static_shard(&files.name(path), bytes),
            None => Err(EngineError::NotAModel { path: format!("built-in {model}").into(), what: path.into() }),
        },
    }
}

fn disk_shard(path: &Path) -> Result<Shard> {
    let read = |source| EngineError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read)?;
    let length = file.metadata().map_err(read)?.len();
    let mut head = [0; 8];
    let name = path.display().to_string();
    if length < 8 {
        return Err(not_safetensors(&name, "it is shorter than a header"));
    }
    file.read_exact(&mut head).map_err(read)?;
    let header = u64::from_le_bytes(head);
    if header > length.saturating_sub(8) || header > 100_000_000 {
        return Err(not_safetensors(&name, "its header is longer than the file"));
    }
    let mut bytes = head.to_vec();
    bytes.resize(8 + header as usize, 0);
    file.read_exact(&mut bytes[8..]).map_err(read)?;
    shard(name, Bytes::File(RefCell::new(file)), &bytes, length)
}

fn static_shard(name: &str, bytes: &'static [u8]) -> Result<Shard> {
    shard(name.into(), Bytes::Static(bytes), bytes, bytes.len() as u64)
}

fn shard(name: String, bytes: Bytes, head: &[u8], length: u64) -> Result<Shard> {
    let header = head.get(..8).and_then(|size| size.try_into().ok()).map_or(0, u64::from_le_bytes);
    let Some(json) = usize::try_from(header).ok().and_then(|size| head.get(8..size.checked_add(8)?)) else {
        return Err(not_safetensors(&name, "its header is longer than the file"));
    };
    let metadata: Metadata =
        serde_json::from_slice(json).map_err(|error| not_safetensors(&name, &error.to_string()))?;
    let data_start = header + 8;
    let end = metadata.tensors().values().map(|info| info.data_offsets.1).max().unwrap_or(0) as u64;
    if data_start + end > length {
        let missing = data_start + end - length;
        return Err(EngineError::Malformed {
            file: name,
            what: format!("is cut short by {missing} bytes; fetch it again"),
        });
    }
    Ok(Shard { name, bytes, data_start, length, metadata })
}

fn not_safetensors(file: &str, why: &str) -> EngineError {
    EngineError::Malformed { file: file.into(), what: format!("is not a safetensors file ({why})") }
}

fn read_range(shard: &Shard, (from, to): (usize, usize)) -> Result<Vec<u8>> {
    match &shard.bytes {
        Bytes::Static(bytes) => {
            let start = shard.data_start as usize;
            Ok(bytes[start + from..start + to].to_vec())
        }
        Bytes::File(file) => {
            let read = |source| EngineError::Read { path: shard.name.clone().into(), source };
            let mut file = file.borrow_mut();
            file.seek(SeekFrom::Start(shard.data_start + from as u64)).map_err(read)?;
            let mut bytes = vec![0; to - from];
            file.read_exact(&mut bytes).map_err(read)?;
            Ok(bytes)
        }
    }
}

fn to_f32(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let kind = match dtype {
        Dtype::F16 => Stored::F16,
        Dtype::BF16 => Stored::Bf16,
        Dtype::F32 => Stored::F32,
        Dtype::F64 => Stored::F64,
        _ => return None,
    };
    Some(floats::to_f32(kind, bytes))
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

struct Shared<'a> {
    checkpoint: &'a Checkpoint,
    device: &'a Device,
    dtype: DType,
    used: RefCell<BTreeSet<String>>,
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
        self.shared.checkpoint.place.contains_key(&self.at(name).prefix)
    }

    /// The tensor `name`, of the given shape.
    ///
    /// # Errors
    /// When it is missing, of another shape, or holds NaN.
    pub fn tensor<const D: usize>(&self, name: &str, shape: [usize; D]) -> Result<Tensor<D>> {
        let values = self.checked(name, &shape)?;
        Ok(self.upload(values, shape))
    }

    /// The matrix `name` of shape `[out, in]`, turned to `[in, out]` so that rows of tokens multiply it from the left.
    ///
    /// # Errors
    /// As [`Weights::tensor`]. A 1x1 convolution's kernel `[out, in, 1, 1]` counts as `[out, in]`.
    pub fn transposed(&self, name: &str, [out, input]: [usize; 2]) -> Result<Tensor<2>> {
        let values = self.checked(name, &[out, input])?;
        let mut turned = vec![0.0; values.len()];
        for (o, row) in values.chunks_exact(input).enumerate() {
            for (i, value) in row.iter().enumerate() {
                turned[i * out + o] = *value;
            }
        }
        Ok(self.upload(turned, [input, out]))
    }

    fn checked(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let shared = self.shared;
        let tensor = self.at(name).prefix;
        let file = shared.checkpoint.file_name();
        if !shared.checkpoint.place.contains_key(&tensor) {
            return Err(EngineError::MissingTensor { file, tensor, expected: shape.to_vec() });
        }
        let (values, found) = shared.checkpoint.values(&tensor)?;
        let same = found == shape
            || (found.len() == shape.len() + 2 && found[..shape.len()] == *shape && found[shape.len()..] == [1, 1]);
        if !same {
            return Err(EngineError::TensorShape { file, tensor, found, expected: shape.to_vec() });
        }
        let mut used = shared.used.borrow_mut();
        used.insert(tensor);
        let progress = LoadProgress { part: shared.part, done: used.len(), total: shared.checkpoint.place.len() };
        (shared.progress.borrow_mut())(progress)?;
        Ok(values)
    }

    fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), (self.shared.device, self.shared.dtype))
    }
}

/// Buffers that older exports carry along; they hold no weights.
pub(super) fn is_buffer(tensor: &str) -> bool {
    tensor.ends_with("position_ids")
}

/// Builds a part of a model from a checkpoint, and checks that nothing in the file is left over.
///
/// # Errors
/// What `build` returns, or [`EngineError::SurplusTensor`].
pub fn load_part<T>(
    checkpoint: &Checkpoint,
    part: &'static str,
    device: &Device,
    dtype: DType,
    progress: &mut dyn FnMut(LoadProgress) -> Result<()>,
    build: impl FnOnce(&Weights<'_>) -> Result<T>,
) -> Result<T> {
    let shared = Shared {
        checkpoint,
        device,
        dtype,
        used: RefCell::new(BTreeSet::new()),
        progress: RefCell::new(progress),
        part,
    };
    let built = build(&Weights { shared: &shared, prefix: String::new() })?;
    let used = shared.used.borrow();
    let surplus: Vec<_> = checkpoint.tensors().filter(|(name, ..)| !used.contains(*name) && !is_buffer(name)).collect();
    match surplus.first() {
        None => Ok(built),
        Some((tensor, found, _)) => Err(EngineError::SurplusTensor {
            file: checkpoint.file_name(),
            tensor: (*tensor).into(),
            found: found.to_vec(),
            count: surplus.len(),
        }),
    }
}
