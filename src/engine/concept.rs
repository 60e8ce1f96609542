//! ED-LoRA files: a personal concept's two token embeddings and its low-rank factors.
//!
//! Only this file and `weights.rs` know how files name things.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use pytorch_reader::{DType, PytorchReader};

use super::adapters::change::Array;
use super::adapters::{self, AdapterFile, Change, Embedding};
use super::error::{EngineError, Result};
use super::floats::{self, Order, Stored};
use super::nets::clip::{ClipConfig, TextLayer, TextTap};
use super::nets::layers::{Linear, Sizes, upload};
use super::nets::site::Layer;
use super::nets::tokenizer::Placeholder;
use super::nets::unet::UnetConfig;
use super::terms::{self, ConvTerm, LinearTerm};
use super::weights::Checkpoint;

/// The low-rank change of one linear layer: `W' = W + strength · alpha · up · down`.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// `[rank, input]`
    pub down: Vec<f32>,
    /// `[output, rank]`
    pub up: Vec<f32>,
    /// The rank.
    pub rank: usize,
    /// Width in.
    pub input: usize,
    /// Width out.
    pub output: usize,
    /// The trainer's own factor, 1 unless the file says otherwise.
    pub alpha: f32,
}

/// A concept as its file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Concept {
    /// The file, for messages.
    pub file: String,
    /// The placeholder tokens, such as `<mint_cat_1>` and `<mint_cat_2>`, in order.
    pub tokens: Vec<String>,
    /// For each token, `[layers, width]`.
    embeddings: Vec<Vec<f32>>,
    /// Layer-wise embeddings of each token.
    pub layers: usize,
    /// Width of the text embeddings.
    pub width: usize,
    /// Changes of the text encoder by module path.
    pub text_encoder: BTreeMap<String, Factors>,
    /// Changes of the UNet by module path.
    pub unet: BTreeMap<String, Factors>,
}

/// Tensors by dotted name, whatever file they came from.
type Named = BTreeMap<String, (Vec<f32>, Vec<usize>)>;

impl Concept {
    /// Reads a `.pth` of Mix-of-Show (a torch pickle, of which nothing is ever executed) or a safetensors file
    /// with the same names.
    ///
    /// # Errors
    /// When the file is not one of these, is cut short, or is not an ED-LoRA.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, path.display().to_string())
    }

    /// Opens a file that messages call `file`.
    fn open_as(path: &Path, file: String) -> Result<Self> {
        let read = |source| EngineError::Read { path: file.clone().into(), source };
        if path.is_dir() {
            return Err(EngineError::Malformed {
                file,
                what: "is a folder; choose the concept's .pth or .safetensors file".into(),
            });
        }
        if std::fs::metadata(path).map_err(read)?.len() == 0 {
            return Err(EngineError::Malformed { file, what: "is empty; copy the concept again".into() });
        }
        let safetensors = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("safetensors"));
        let named =
            if safetensors { from_safetensors(&Checkpoint::open_file(path)?)? } else { from_pickle(path, &file)? };
        Self::from_named(file, named)
    }

    /// Reads a concept from memory; `name` tells the format by its ending.
    ///
    /// # Errors
    /// As [`Concept::open`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        // The pickle reader works on files, since a torch archive is read tensor by tensor.
        let ending = if name.ends_with(".safetensors") { ".safetensors" } else { ".pth" };
        let read = |source| EngineError::Read { path: name.into(), source };
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().map_err(read)?;
        file.write_all(bytes).and_then(|()| file.flush()).map_err(read)?;
        Self::open_as(file.path(), name.into())
    }

    fn from_named(file: String, named: Named) -> Result<Self> {
        let malformed = |what: String| EngineError::Malformed { file: file.clone(), what };
        let (mut embeddings, mut text, mut unet) = (Vec::new(), Named::new(), Named::new());
        for (name, tensor) in named {
            if tensor.0.iter().any(|value| !value.is_finite()) {
                return Err(EngineError::NotFinite { file, tensor: name });
            }
            let short = name.strip_prefix("params.").unwrap_or(&name);
            if let Some(token) = short.strip_prefix("new_concept_embedding.") {
                embeddings.push((token.to_owned(), tensor));
            } else if let Some(path) = short.strip_prefix("text_encoder.") {
                text.insert(path.into(), tensor);
            } else if let Some(path) = short.strip_prefix("unet.") {
                unet.insert(path.into(), tensor);
            } else {
                return Err(malformed(format!(
                    "holds `{name}`, which no ED-LoRA has; expected new_concept_embedding, text_encoder and unet"
                )));
            }
        }
        if embeddings.is_empty() {
            return Err(malformed(
                "holds no new_concept_embedding, so it is no ED-LoRA (a plain LoRA has no tokens of its own)".into(),
            ));
        }
        embeddings.sort_by(|(a, _), (b, _)| a.cmp(b));
        let shape = embeddings[0].1.1.clone();
        let &[layers, width] = shape.as_slice() else {
            return Err(malformed(format!(
                "token `{}` has an embedding of shape {shape:?} where [16, width] is needed",
                embeddings[0].0
            )));
        };
        if let Some((token, (_, other))) = embeddings.iter().find(|(_, (_, other))| *other != shape) {
            return Err(malformed(format!(
                "token `{token}` has an embedding of shape {other:?}, the first one of {shape:?}"
            )));
        }
        Ok(Self {
            tokens: embeddings.iter().map(|(token, _)| token.clone()).collect(),
            embeddings: embeddings.into_iter().map(|(_, (values, _))| values).collect(),
            layers,
            width,
            text_encoder: pair_factors(&file, "text_encoder", text)?,
            unet: pair_factors(&file, "unet", unet)?,
            file,
        })
    }

    /// The greatest rank of its factors.
    pub fn rank(&self) -> usize {
        self.text_encoder.values().chain(self.unet.values()).map(|factors| factors.rank).max().unwrap_or(0)
    }

    /// The tokens as they are written in a prompt.
    pub fn words(&self) -> String {
        self.tokens.join(" ")
    }

    /// Numbers held, all together.
    pub fn parameters(&self) -> usize {
        let factors =
            self.text_encoder.values().chain(self.unet.values()).map(|factors| factors.down.len() + factors.up.len());
        factors.sum::<usize>() + self.embeddings.iter().map(Vec::len).sum::<usize>()
    }

    /// Checks the concept against a model: widths, module paths, number of layer-wise embeddings.
    ///
    /// # Errors
    /// [`EngineError::ConceptMisfit`], naming the module and both sizes.
    pub fn check(&self, unet: &UnetConfig, text: &ClipConfig) -> Result<()> {
        let misfit = |what: String| Err(EngineError::ConceptMisfit { file: self.file.clone(), what });
        if self.width != text.hidden_size {
            return misfit(format!(
                "its tokens are {} wide, the model's text encoder is {} wide; it was trained on another model",
                self.width, text.hidden_size
            ));
        }
        let layers = unet.transformers().len();
        if self.layers != layers {
            return misfit(format!(
                "each token has {} embeddings, the model has {layers} cross-attention layers",
                self.layers
            ));
        }
        for (part, changed, layers) in [
            ("unet", &self.unet, sizes_of(unet.layers())),
            ("text_encoder", &self.text_encoder, sizes_of(text.layers())),
        ] {
            for (path, factors) in changed {
                match layers.get(path) {
                    None => return misfit(format!("its module {part}.{path} is not a layer of this model")),
                    Some(sizes) => check_widths(self, part, path, factors, sizes.input, sizes.output)?,
                }
            }
        }
        Ok(())
    }
}

fn check_widths(
    concept: &Concept,
    part: &str,
    path: &str,
    factors: &Factors,
    input: usize,
    output: usize,
) -> Result<()> {
    if (factors.input, factors.output) == (input, output) {
        return Ok(());
    }
    let what = format!(
        "its module {part}.{path} maps {} to {} channels, the model's maps {input} to {output}; it was trained on another model",
        factors.input, factors.output
    );
    Err(EngineError::ConceptMisfit { file: concept.file.clone(), what })
}

fn from_safetensors(checkpoint: &Checkpoint) -> Result<Named> {
    let names: Vec<String> = checkpoint.tensors().map(|(name, ..)| name.to_owned()).collect();
    names.into_iter().map(|name| checkpoint.values(&name).map(|tensor| (name, tensor))).collect()
}

fn from_pickle(path: &Path, file: &str) -> Result<Named> {
    let malformed = |what: String| EngineError::Malformed { file: file.into(), what };
    let reader = PytorchReader::new(path).map_err(|error| {
        malformed(format!(
            "cannot be read as a torch file: {error}; nothing in it was executed. If it is an ED-LoRA, save it again"
        ))
    })?;
    let mut named = Named::new();
    for (name, tensor) in reader.tensors() {
        let bytes = tensor.read().map_err(|error| malformed(format!("is cut short or damaged: {error}")))?;
        let values = native_to_f32(tensor.dtype(), &bytes).ok_or_else(|| {
            malformed(format!("tensor `{name}` is stored as {:?}; a floating-point type is needed", tensor.dtype()))
        })?;
        named.insert(name.clone(), (values, tensor.shape().to_vec()));
    }
    Ok(named)
}

/// The pickle reader hands out native-endian bytes.
fn native_to_f32(dtype: DType, bytes: &[u8]) -> Option<Vec<f32>> {
    let kind = match dtype {
        DType::F16 => Stored::F16,
        DType::BF16 => Stored::Bf16,
        DType::F32 => Stored::F32,
        DType::F64 => Stored::F64,
        _ => return None,
    };
    Some(floats::to_f32(kind, Order::Native, bytes))
}

/// A 1x1 convolution's factor carries two trailing ones.
fn matrix(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [rows, columns] | [rows, columns, 1, 1] => Some([rows, columns]),
        _ => None,
    }
}

fn pair_factors(file: &str, part: &str, named: Named) -> Result<BTreeMap<String, Factors>> {
    let malformed = |what: String| EngineError::Malformed { file: file.into(), what };
    let mut factors = BTreeMap::new();
    for (name, (down, shape)) in &named {
        let Some(path) = name.strip_suffix(".lora_down.weight") else {
            let known = name.strip_suffix(".lora_up.weight").map(|path| format!("{path}.lora_down.weight"));
            let paired = known.is_some_and(|down| named.contains_key(&down)) || name.ends_with("alpha");
            if !paired {
                return Err(malformed(format!(
                    "holds `{part}.{name}` without its lora_down; the file is incomplete or no ED-LoRA"
                )));
            }
            continue;
        };
        let Some((up, up_shape)) = named.get(&format!("{path}.lora_up.weight")) else {
            return Err(malformed(format!("holds `{part}.{name}` without its lora_up; the file is incomplete")));
        };
        let (Some([rank, input]), Some([output, up_rank])) = (matrix(shape), matrix(up_shape)) else {
            return Err(malformed(format!(
                "`{part}.{path}` has factors of shapes {shape:?} and {up_shape:?}; matrices are needed"
            )));
        };
        if rank != up_rank || rank == 0 {
            return Err(malformed(format!(
                "`{part}.{path}` has factors of ranks {rank} and {up_rank}; they must be equal"
            )));
        }
        let alpha = named.get(&format!("{path}.alpha")).and_then(|(values, _)| values.first()).copied().unwrap_or(1.0);
        factors.insert(path.to_owned(), Factors { down: down.clone(), up: up.clone(), rank, input, output, alpha });
    }
    Ok(factors)
}

fn sizes_of<L: ToString>(layers: Vec<(L, Sizes)>) -> HashMap<String, Sizes> {
    layers.into_iter().map(|(layer, sizes)| (layer.to_string(), sizes)).collect()
}

impl From<&Concept> for AdapterFile {
    fn from(concept: &Concept) -> Self {
        let change = |factors: &Factors| Change::LowRank {
            down: Array { values: factors.down.clone(), shape: vec![factors.rank, factors.input] },
            mid: None,
            up: Array { values: factors.up.clone(), shape: vec![factors.output, factors.rank] },
            scale: factors.alpha,
        };
        let changes = |all: &BTreeMap<String, Factors>| {
            all.iter().map(|(path, factors)| (path.clone(), change(factors))).collect()
        };
        let embedding = |(name, values): (&String, &Vec<f32>)| Embedding {
            name: name.clone(),
            vectors: 1,
            layers: concept.layers,
            width: concept.width,
            values: values.clone(),
        };
        Self {
            file: concept.file.clone(),
            kind: adapters::Kind::EdLora,
            unet: changes(&concept.unet),
            text_encoder: changes(&concept.text_encoder),
            embeddings: concept.tokens.iter().zip(&concept.embeddings).map(embedding).collect(),
            trigger_words: Vec::new(),
            about: adapters::About::default(),
            tensors: 0,
            left_aside: Vec::new(),
        }
    }
}

/// One of the files of a concept or style, and how strongly it acts.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What it holds.
    pub file: &'a AdapterFile,
    /// Its strength in the UNet; 1 is as trained.
    pub strength: f32,
    /// Its strength in the text encoder. The words that it brings have none.
    pub text_strength: f32,
}

/// What the files of one concept, or all styles, add to the model, on the device and with their strengths multiplied in.
#[derive(Clone, Debug, Default)]
pub struct Adapter {
    linears: HashMap<Layer, Vec<LinearTerm>>,
    convs: HashMap<Layer, Vec<ConvTerm>>,
    text: HashMap<TextLayer, Vec<LinearTerm>>,
    placeholders: Vec<Placeholder>,
    /// Of every vector of every placeholder, in their order: `[layers or 1, width]`.
    embeddings: Vec<Tensor<2>>,
}

impl Adapter {
    /// Puts files on the device. What several of them change adds up.
    ///
    /// # Errors
    /// [`EngineError::ConceptMisfit`] when one does not fit the model, naming the module and both sizes.
    pub fn new(parts: &[Part<'_>], unet: &UnetConfig, text: &ClipConfig, device: &Device) -> Result<Self> {
        let unet_layers: HashMap<String, (Layer, Sizes)> = by_path(unet.layers());
        let text_layers: HashMap<String, (TextLayer, Sizes)> = by_path(text.layers());
        let transformers = unet.transformers().len();
        let mut adapter = Self::default();
        for Part { file, strength, text_strength } in parts {
            let misfit = |what: String| EngineError::ConceptMisfit { file: file.file.clone(), what };
            let at = |part: &str, path: &str, what: String| misfit(format!("its module {part}.{path} {what}"));
            let unknown = || "is not a layer of this model".to_owned();
            // What is turned off takes no memory and no time.
            for (path, change) in file.unet.iter().filter(|_| *strength != 0.0) {
                let (layer, sizes) = unet_layers.get(path).ok_or_else(|| at("unet", path, unknown()))?;
                let wrong = |what| at("unet", path, what);
                if sizes.kernel.is_none() {
                    let term = LinearTerm::new(change, *strength, *sizes, device).map_err(wrong)?;
                    add(adapter.linears.entry(*layer).or_default(), term, LinearTerm::joined);
                } else {
                    let term = ConvTerm::new(change, *strength, *sizes, device).map_err(wrong)?;
                    add(adapter.convs.entry(*layer).or_default(), term, ConvTerm::joined);
                }
            }
            for (path, change) in file.text_encoder.iter().filter(|_| *text_strength != 0.0) {
                let (layer, sizes) = text_layers.get(path).ok_or_else(|| at("text_encoder", path, unknown()))?;
                let term = LinearTerm::new(change, *text_strength, *sizes, device);
                let term = term.map_err(|what| at("text_encoder", path, what))?;
                add(adapter.text.entry(*layer).or_default(), term, LinearTerm::joined);
            }
            for embedding in &file.embeddings {
                check_embedding(embedding, text.hidden_size, transformers).map_err(misfit)?;
                adapter.teach(embedding, device);
            }
        }
        Ok(adapter)
    }

    fn teach(&mut self, embedding: &Embedding, device: &Device) {
        let Embedding { name, vectors, layers, width, values } = embedding;
        self.placeholders.push(Placeholder { word: name.clone(), vectors: *vectors });
        let each = values.chunks_exact(layers * width);
        self.embeddings.extend(each.map(|vector| upload(vector.to_vec(), [*layers, *width], device)));
    }

    /// What it adds to a linear layer of the UNet.
    pub fn linear(&self, layer: Layer) -> &[LinearTerm] {
        self.linears.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// What it adds to a convolution of the UNet.
    pub fn conv(&self, layer: Layer) -> &[ConvTerm] {
        self.convs.get(&layer).map_or(&[], Vec::as_slice)
    }

    /// The linear layers of the UNet that it changes.
    pub fn changed_linears(&self) -> impl Iterator<Item = Layer> + '_ {
        self.linears.keys().copied()
    }

    /// The convolutions of the UNet that it changes.
    pub fn changed_convs(&self) -> impl Iterator<Item = Layer> + '_ {
        self.convs.keys().copied()
    }

    /// Numbers held.
    pub fn len(&self) -> usize {
        let linears = self.linears.values().chain(self.text.values()).flatten().map(LinearTerm::numbers);
        let convs = self.convs.values().flatten().map(ConvTerm::numbers);
        let words = self.embeddings.iter().map(|embedding| embedding.shape().num_elements());
        linears.chain(convs).chain(words).sum()
    }

    /// Whether it changes nothing and knows no words.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words that it knows, for [`super::nets::tokenizer::Tokenizer::encode_with`].
    pub fn placeholders(&self) -> &[Placeholder] {
        &self.placeholders
    }

    /// The words that it knows, as they are written in a prompt.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.placeholders.iter().map(|placeholder| placeholder.word.as_str()).collect();
        words.join(" ")
    }

    /// What stands for vector `index` of all placeholders, counted through: `[layers, width]`, one a cross-attention layer,
    /// or `[1, width]` for all of them.
    pub fn embedding(&self, index: usize) -> Option<&Tensor<2>> {
        self.embeddings.get(index)
    }

    /// What reads a branch's prompts: this concept with all styles, whose words yield to its own where they are the same.
    /// Nothing is copied, and only what prompts need is taken.
    #[must_use]
    pub fn reading_with(&self, styles: &Self) -> Self {
        let mut text = self.text.clone();
        for (layer, terms) in &styles.text {
            text.entry(*layer).or_default().extend(terms.iter().cloned());
        }
        Self {
            text,
            placeholders: [self.placeholders.as_slice(), &styles.placeholders].concat(),
            embeddings: [self.embeddings.as_slice(), &styles.embeddings].concat(),
            ..Self::default()
        }
    }
}

/// Checks a file against a model without putting anything on a device.
///
/// # Errors
/// As [`Adapter::new`].
pub fn check(file: &AdapterFile, unet: &UnetConfig, text: &ClipConfig) -> Result<()> {
    let misfit = |what: String| EngineError::ConceptMisfit { file: file.file.clone(), what };
    for (part, changes, layers) in
        [("unet", &file.unet, sizes_of(unet.layers())), ("text_encoder", &file.text_encoder, sizes_of(text.layers()))]
    {
        for (path, change) in changes {
            let at = |what: String| misfit(format!("its module {part}.{path} {what}"));
            let sizes = layers.get(path).ok_or_else(|| at("is not a layer of this model".into()))?;
            terms::check(change, *sizes).map_err(at)?;
        }
    }
    let transformers = unet.transformers().len();
    file.embeddings
        .iter()
        .try_for_each(|embedding| check_embedding(embedding, text.hidden_size, transformers).map_err(misfit))
}

/// How many layers of the UNet a file changes, by what they do (see [`Layer::what`]), the most first.
pub fn changed_by_kind(file: &AdapterFile, unet: &UnetConfig) -> Vec<(&'static str, usize)> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (layer, _) in unet.layers().iter().filter(|(layer, _)| file.unet.contains_key(&layer.to_string())) {
        *counts.entry(layer.what()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Adds a term to those of a layer: into one that is there where that is possible, so that the layer costs no more products.
fn add<T>(terms: &mut Vec<T>, term: T, joined: impl Fn(&T, &T) -> Option<T>) {
    for known in terms.iter_mut() {
        if let Some(both) = joined(known, &term) {
            *known = both;
            return;
        }
    }
    terms.push(term);
}

fn by_path<L: ToString>(layers: Vec<(L, Sizes)>) -> HashMap<String, (L, Sizes)> {
    layers.into_iter().map(|(layer, sizes)| (layer.to_string(), (layer, sizes))).collect()
}

fn check_embedding(embedding: &Embedding, width: usize, transformers: usize) -> std::result::Result<(), String> {
    let name = &embedding.name;
    if embedding.width != width {
        return Err(format!(
            "its word {name} is {} wide, the model's text encoder is {width} wide; it was trained on another model",
            embedding.width
        ));
    }
    if embedding.layers != 1 && embedding.layers != transformers {
        return Err(format!(
            "its word {name} has {} embeddings, the model has {transformers} cross-attention layers",
            embedding.layers
        ));
    }
    let numbers = embedding.vectors.checked_mul(embedding.layers * width);
    if embedding.vectors == 0 || numbers != Some(embedding.values.len()) {
        return Err(format!(
            "its word {name} has {} numbers for {} vectors; the file is damaged",
            embedding.values.len(),
            embedding.vectors
        ));
    }
    Ok(())
}

impl TextTap for Adapter {
    fn linear(&self, layer: TextLayer, of: &Linear, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        let Some(terms) = self.text.get(&layer) else { return output };
        let plain = output.clone();
        terms.iter().fold(output, |sum, term| sum + term.of(of, input, &plain))
    }
}
