//! Reads an adapter's file, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::change::{About, AdapterFile, Base, Kind, Part};
use super::group::{Budget, Built, Group, Tensors};
use super::leaves::Leaf;
use super::modules::Op;
use super::names::{self, Names};
use super::peft::Scaling;
use super::sidecar::{self, Beside};
use super::sort::{self, Sorted};
use super::{about, ia3, loha, lokr, low_rank, words};
use crate::engine::error::{EngineError, Result};
use crate::engine::original;
use crate::engine::tensors::TensorFile;

/// The most numbers of one file, 4 GB of them: a file may say of few bytes that they are many tensors.
const MOST_NUMBERS: usize = 1 << 30;

/// The most bytes of an `adapter_config.json`.
const CONFIG_BYTES: u64 = 1 << 20;

/// What files of PEFT and diffusers are called within their folders.
const STEMS: [&str; 3] = ["adapter_model", "pytorch_lora_weights", "learned_embeds"];

impl Tensors for TensorFile {
    fn name(&self) -> &str {
        TensorFile::name(self)
    }

    fn metadata(&self) -> &BTreeMap<String, String> {
        TensorFile::metadata(self)
    }

    fn listed(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors().map(|(name, shape, _)| (name.to_owned(), shape.to_vec())).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>> {
        TensorFile::values(self, name)
    }

    fn others(&self) -> &[String] {
        TensorFile::others(self)
    }
}

/// Reads a file of an adapter, or the folder that PEFT or diffusers wrote it to, by the names that layers of Stable
/// Diffusion 1.5 have; whether it fits a model is [`super::check`]'s to say.
///
/// # Errors
/// When it cannot be read, is damaged, is for another kind of model or of a kind that is not taken: each says which.
pub fn read(path: &Path) -> Result<AdapterFile> {
    let names = Names::plain()?;
    if !path.is_dir() {
        return one(path, &names);
    }
    let within = |folder: &Path| candidates(folder).into_iter().find(|file| file.is_file());
    if let Some(file) = within(path) {
        return one(&file, &names);
    }
    let parts = [Part::Unet, Part::TextEncoder].map(|part| within(&path.join(part.to_string())));
    let mut read = parts.into_iter().flatten().map(|file| one(&file, &names));
    let Some(first) = read.next() else {
        return Err(EngineError::Malformed {
            file: path.display().to_string(),
            what: "is a folder without an adapter_model or pytorch_lora_weights; choose the file itself".into(),
        });
    };
    let joined = read.try_fold(first?, |joined, other| other.map(|other| join(joined, other)))?;
    Ok(AdapterFile { file: path.display().to_string(), ..joined })
}

/// Reads a file that is in memory, which messages and its word, if it has one, call `name`.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<AdapterFile> {
    let file = TensorFile::from_owned(name, bytes)?;
    take(&file, Scaling::of_metadata(name, Tensors::metadata(&file))?, &Names::plain()?)
}

/// Everything on the disk that [`read`] looks at for a path, and what it would look at if it were there: where none of it
/// has changed, it reads the same.
pub fn looked_at(path: &Path) -> Vec<PathBuf> {
    let files = if path.is_dir() {
        let folders = [path.to_owned(), path.join(Part::Unet.to_string()), path.join(Part::TextEncoder.to_string())];
        folders.iter().flat_map(|folder| candidates(folder)).collect()
    } else {
        vec![path.to_owned()]
    };
    let mut all: Vec<PathBuf> = files.iter().flat_map(|file| sidecar::notes(file).chain([config_of(file)])).collect();
    all.extend(files);
    all.sort();
    all.dedup();
    all
}

/// What files of PEFT and diffusers may be called within a folder, the likeliest first.
fn candidates(folder: &Path) -> Vec<PathBuf> {
    let ends = |stem: &&str| ["safetensors", "bin"].map(|end| folder.join(format!("{stem}.{end}")));
    STEMS.iter().flat_map(ends).collect()
}

/// Where PEFT writes its settings.
fn config_of(file: &Path) -> PathBuf {
    file.with_file_name("adapter_config.json")
}

fn one(path: &Path, names: &Names) -> Result<AdapterFile> {
    let file = TensorFile::open(path)?;
    let config = config_of(path);
    let is_peft = path.file_stem().is_some_and(|stem| stem == STEMS[0]) && config.is_file();
    let scaling = if is_peft {
        Scaling::of_config(&config.display().to_string(), &small_file(&config)?)?
    } else {
        Scaling::of_metadata(Tensors::name(&file), Tensors::metadata(&file))?
    };
    let mut taken = take(&file, scaling, names)?;
    let Beside { words, base } = sidecar::beside(path);
    taken.about.noted = words;
    // What the tensors show is surer than what somebody wrote.
    taken.about.base = taken.about.base.or(base);
    Ok(taken)
}

fn small_file(path: &Path) -> Result<Vec<u8>> {
    let read = |source| EngineError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    if bytes > CONFIG_BYTES {
        let what = format!("has {bytes} bytes; a trainer's settings have a few thousand");
        return Err(EngineError::Malformed { file: path.display().to_string(), what });
    }
    std::fs::read(path).map_err(read)
}

/// Two parts of one adapter, each from a file of its own.
fn join(mut first: AdapterFile, other: AdapterFile) -> AdapterFile {
    first.unet.extend(other.unet);
    first.text_encoder.extend(other.text_encoder);
    first.embeddings.extend(other.embeddings);
    first.left_aside.extend(other.left_aside);
    first.tensors += other.tensors;
    first.kind = first.kind.max(other.kind);
    let ranks: BTreeSet<usize> = first.about.ranks.iter().chain(&other.about.ranks).copied().collect();
    first.about.ranks = ranks.into_iter().collect();
    first.about.alphas.extend(other.about.alphas);
    first.about.alphas.sort_by(f32::total_cmp);
    first.about.alphas.dedup();
    first
}

/// Everything that is in a file of tensors, by the names of a model's layers.
///
/// # Errors
/// As [`read`].
pub fn take(file: &dyn Tensors, scaling: Scaling, names: &Names) -> Result<AdapterFile> {
    let (unet, text) = names::plain_configs()?;
    let sorted = sort::sort(file, names)?;
    let family = sorted.family(file, text.hidden_size.max(unet.cross_attention_dim));
    let base = family.as_ref().map(|evidence| evidence.base);
    if let Some(evidence) = family.filter(|evidence| !matches!(evidence.base, Base::Sd1 | Base::Other)) {
        let what = format!("is for {} ({})", evidence.base, evidence.sign);
        return Err(EngineError::Unsupported { file: file.name().into(), what });
    }
    if let Some((refused, tensor)) = &sorted.refused {
        let what = format!(
            "{} (`{tensor}`); Podium takes none of these, since half of one gives wrong pictures. Use a version without, or \
             merge it into a model and choose that",
            refused.words()
        );
        return Err(EngineError::Malformed { file: file.name().into(), what });
    }
    if sorted.numbers() > MOST_NUMBERS {
        let what = format!("holds {} numbers, more than any adapter has; it is damaged", sorted.numbers());
        return Err(EngineError::Malformed { file: file.name().into(), what });
    }
    let is_ed_lora = !sorted.tokens.is_empty();
    let scaling = if is_ed_lora { Scaling::as_factor() } else { scaling };
    let mut taken = AdapterFile {
        file: file.name().into(),
        kind: Kind::TextualInversion,
        unet: BTreeMap::new(),
        text_encoder: BTreeMap::new(),
        embeddings: Vec::new(),
        trigger_words: about::trigger_words(file.metadata()),
        about: About { base: base.filter(|base| *base == Base::Sd1), ..about::of_file(file)? },
        tensors: sorted.count,
        left_aside: Vec::new(),
    };
    let Sorted { mut tokens, words, groups, aside, .. } = sorted;
    taken.left_aside = aside;
    tokens.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (token, found) in &tokens {
        taken.embeddings.push(words::layerwise(token, found)?);
    }
    if let Some(odd) = taken.embeddings.windows(2).find(|pair| pair[0].layers != pair[1].layers) {
        let what = format!(
            "token `{}` has {} embeddings, `{}` has {}; they must have as many",
            odd[0].name, odd[0].layers, odd[1].name, odd[1].layers
        );
        return Err(EngineError::Malformed { file: file.name().into(), what });
    }
    for (word, found) in &words {
        taken.embeddings.push(words::plain(word, found)?);
    }
    taken.take_changes(groups, &scaling)?;
    if is_ed_lora {
        taken.kind = Kind::EdLora;
    }
    if taken.unet.is_empty() && taken.text_encoder.is_empty() && taken.embeddings.is_empty() {
        return Err(nothing(file, &taken));
    }
    Ok(taken)
}

impl AdapterFile {
    fn take_changes(&mut self, groups: BTreeMap<names::Module, Group<'_>>, scaling: &Scaling) -> Result<()> {
        let mut budget = Budget::default();
        let (mut ranks, mut kind) = (BTreeSet::new(), None::<Kind>);
        for (module, group) in groups {
            let Some(built) = build(&group, scaling, &mut budget)? else {
                let alphas = group.tensors.into_values();
                self.left_aside.extend(alphas.map(|found| (found.name, "is an alpha without its factors".into())));
                continue;
            };
            if let (None, Some(alpha)) = (built.rank, group.get(Leaf::Alpha)) {
                let why = "is an alpha that counts for nothing, since the factors are whole";
                self.left_aside.push((alpha.name.clone(), why.into()));
            }
            ranks.extend(built.rank);
            self.about.alphas.extend(built.alpha);
            kind = kind.max(Some(built.kind));
            let changes = if module.part == Part::Unet { &mut self.unet } else { &mut self.text_encoder };
            changes.insert(module.path, built.change);
        }
        self.about.ranks = ranks.into_iter().collect();
        self.about.alphas.sort_by(f32::total_cmp);
        self.about.alphas.dedup();
        self.kind = kind.unwrap_or(self.kind);
        Ok(())
    }
}

/// What a layer's tensors add to it; none where they are nothing but an alpha.
fn build(group: &Group<'_>, scaling: &Scaling, budget: &mut Budget) -> Result<Option<Built>> {
    let Some(kind) = group.kind()? else { return Ok(None) };
    if group.op == Op::Norm {
        return Err(group.malformed(format!("is a norm, which no {kind} changes; the file is damaged")));
    }
    let built = match kind {
        Kind::LoHa => loha::build(group, scaling, budget)?,
        Kind::LoKr => lokr::build(group, scaling, budget)?,
        Kind::Ia3 => ia3::build(group)?,
        _ => low_rank::build(group, scaling)?,
    };
    if !built.change.is_finite() {
        return Err(group.malformed("has numbers too large to multiply; the file is damaged".into()));
    }
    Ok(Some(built))
}

/// Says that a file has nothing to take, and what it may be.
fn nothing(file: &dyn Tensors, taken: &AdapterFile) -> EngineError {
    let listed = file.listed();
    let example = listed.first().map(|(name, _)| name.as_str());
    let names = listed.iter().map(|(name, _)| name.as_str());
    let weights = taken.left_aside.iter().any(|(_, why)| why.contains("of a model itself"));
    let what = match example {
        None => "holds no tensors at all; fetch it again".to_owned(),
        Some(_) if weights || original::is_original(names) => {
            "holds a model's own weights, no LoRA and no embedding; choose it as the model, not as a concept".into()
        }
        Some(example) => format!(
            "holds no LoRA and no embedding that Podium knows: none of its {} tensors belongs to a layer of Stable \
             Diffusion 1.5 (one is `{example}`)",
            listed.len()
        ),
    };
    EngineError::Malformed { file: file.name().into(), what }
}
