//! ED-LoRA files: a personal concept's two token embeddings and its low-rank factors.
//!
//! Only this file and `weights.rs` know how files name things.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use pytorch_reader::{DType, PytorchReader};

use super::error::{EngineError, Result};
use super::floats::{self, Order, Stored};
use super::nets::clip::{ClipConfig, TextProjection, TextTap};
use super::nets::layers::upload;
use super::nets::tap::{Kind, Projection, Site};
use super::nets::unet::UnetConfig;
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
        let modules = unet_modules(unet);
        for (path, factors) in &self.unet {
            match modules.get(path.as_str()) {
                None => return misfit(format!("its module unet.{path} is not an attention layer of this model")),
                Some(&(.., input, output)) => check_widths(self, "unet", path, factors, input, output)?,
            }
        }
        for (path, factors) in &self.text_encoder {
            match text_module(path).filter(|(layer, _)| *layer < text.num_hidden_layers) {
                None => {
                    return misfit(format!("its module text_encoder.{path} is not an attention layer of this model"));
                }
                Some(_) => check_widths(self, "text_encoder", path, factors, text.hidden_size, text.hidden_size)?,
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

/// Every module path of the UNet that a LoRA may change: its site, projection and widths.
fn unet_modules(config: &UnetConfig) -> HashMap<String, (Site, Projection, usize, usize)> {
    let mut modules = HashMap::new();
    for (site, channels, source) in config.sites() {
        for projection in Projection::ALL {
            let from_source = matches!(projection, Projection::Key | Projection::Value) && site.kind == Kind::Cross;
            let input = if from_source { source } else { channels };
            modules.insert(format!("{site}.{}", projection.checkpoint_name()), (site, projection, input, channels));
        }
    }
    modules
}

fn text_module(path: &str) -> Option<(usize, TextProjection)> {
    let rest = path.strip_prefix("text_model.encoder.layers.")?;
    let (layer, rest) = rest.split_once('.')?;
    let name = rest.strip_prefix("self_attn.")?;
    let (projection, _) = TextProjection::ALL.into_iter().find(|(_, known)| *known == name)?;
    Some((layer.parse().ok()?, projection))
}

/// A concept's factors on the device, with its strength multiplied in: `x → x A B`.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// `A` `[input, rank]` and `B` `[rank, output]` by layer.
    unet: HashMap<(Site, Projection), (Tensor<2>, Tensor<2>)>,
    text: HashMap<(usize, TextProjection), (Tensor<2>, Tensor<2>)>,
    /// For each token, `[layers, width]`.
    embeddings: Vec<Tensor<2>>,
}

impl Adapter {
    /// Puts a concept on the device. `strength` is the paper's a, 0.7 by default.
    ///
    /// # Errors
    /// When the concept does not fit the model.
    pub fn new(
        concept: &Concept,
        strength: f32,
        unet: &UnetConfig,
        text: &ClipConfig,
        device: &Device,
    ) -> Result<Self> {
        concept.check(unet, text)?;
        let modules = unet_modules(unet);
        let upload_pair = |factors: &Factors| {
            let scale = strength * factors.alpha;
            let a = upload(transpose(&factors.down, factors.input), [factors.input, factors.rank], device);
            let mut b = transpose(&factors.up, factors.rank);
            b.iter_mut().for_each(|value| *value *= scale);
            (a, upload(b, [factors.rank, factors.output], device))
        };
        let unet = concept.unet.iter().filter_map(|(path, factors)| {
            let &(site, projection, ..) = modules.get(path)?;
            Some(((site, projection), upload_pair(factors)))
        });
        let text =
            concept.text_encoder.iter().filter_map(|(path, factors)| Some((text_module(path)?, upload_pair(factors))));
        let embed = |values: &Vec<f32>| upload(values.clone(), [concept.layers, concept.width], device);
        Ok(Self {
            unet: unet.collect(),
            text: text.collect(),
            embeddings: concept.embeddings.iter().map(embed).collect(),
        })
    }

    /// The factors of one layer of the UNet.
    pub fn factors(&self, site: Site, projection: Projection) -> Option<&(Tensor<2>, Tensor<2>)> {
        self.unet.get(&(site, projection))
    }

    /// The layers of the UNet that it changes.
    pub fn changed(&self) -> impl Iterator<Item = (Site, Projection)> + '_ {
        self.unet.keys().copied()
    }

    /// Numbers held.
    pub fn len(&self) -> usize {
        let factors = self.unet.values().chain(self.text.values());
        let factors: usize = factors.map(|(a, b)| a.shape().num_elements() + b.shape().num_elements()).sum();
        factors + self.embeddings.iter().map(|embedding| embedding.shape().num_elements()).sum::<usize>()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The layer-wise embeddings of placeholder `token`: `[layers, width]`.
    pub fn embedding(&self, token: usize) -> Option<&Tensor<2>> {
        self.embeddings.get(token)
    }
}

impl TextTap for Adapter {
    fn project(&self, layer: usize, which: TextProjection, input: &Tensor<3>, output: Tensor<3>) -> Tensor<3> {
        match self.text.get(&(layer, which)) {
            Some((a, b)) => {
                output + input.clone().matmul(a.clone().unsqueeze::<3>()).matmul(b.clone().unsqueeze::<3>())
            }
            None => output,
        }
    }
}

/// `[rows, columns]` to `[columns, rows]`; `columns` is not 0 where there are values.
fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
