//! Which two files are an encoder and a decoder that go together, and which one has the weights of both; told without reading
//! their weights.

use std::fs;
use std::path::{Path, PathBuf};

use super::dialect::{self, Role, role};
use super::error::Error;
use super::network::{has_weights_alone, told};
use super::onnx::Told;
use super::weights::{Open, Weights};

/// The most files of a folder that are looked at.
const MOST: usize = 64;

/// The two files of one network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Looks at the picture.
    pub encoder: PathBuf,
    /// Answers prompts.
    pub decoder: PathBuf,
}

/// The files of one network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Files {
    /// Two networks, as ONNX.
    Pair(Pair),
    /// Weights alone, in one file.
    Weights(PathBuf),
}

impl Files {
    /// What they are called, for people: without their folders.
    pub fn words(&self) -> String {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match self {
            Self::Pair(Pair { encoder, decoder }) => format!("{} and {}", name(encoder), name(decoder)),
            Self::Weights(path) => name(path),
        }
    }
}

/// Endings of files that may have weights.
pub const ENDINGS: [&str; 3] = ["safetensors", "pth", "pt"];
/// What the weights of a folder are called as transformers writes them.
const MODEL: &str = "model.safetensors";

/// A file, and what it says of itself.
type Known = (PathBuf, Told);

/// The smallest network of a folder: two files whose encoder is the smallest, or weights in one file; `None` where there is
/// none. Weights may lie a folder deeper, as transformers' do. `open` opens files of tensors.
pub fn find(folder: &Path, open: Open) -> Option<Files> {
    let files = read(folder);
    let encoders = files.iter().filter(|(_, told)| role(told) == Some(Role::Encoder));
    let size = |path: &Path| fs::metadata(path).map_or(u64::MAX, |about| about.len());
    let pairs = encoders.filter_map(|encoder| partner(encoder, &files));
    let pairs = pairs.map(|pair| (size(&pair.encoder), Files::Pair(pair)));
    let weights = weights(folder, open).into_iter().map(|path| (size(&path), Files::Weights(path)));
    pairs.chain(weights).min_by_key(|(size, _)| *size).map(|(_, files)| files)
}

/// The network that somebody means who chose these files, the latest first: weights by themselves; an encoder or a decoder with
/// another chosen one, or with what lies beside it. A folder stands for what is in it. Where nothing was chosen, [`find`] in
/// `folder`.
///
/// # Errors
/// When the latest file is of no use, or what belongs to it is not beside it.
pub fn choose(chosen: &[PathBuf], folder: &Path, open: Open) -> Result<Option<Files>, Error> {
    let Some(latest) = chosen.first() else { return Ok(find(folder, open)) };
    if latest.is_dir() {
        if let Some(files) = find(latest, open) {
            return Ok(Some(files));
        }
        // Says what is wrong with what can only be meant.
        let meant = latest.join(MODEL);
        if meant.is_file() {
            return Weights::open(&meant, open).map(|_| Some(Files::Weights(meant)));
        }
        return Err(Error::refused(latest, "has no encoder and decoder that go together, and no weights of SAM"));
    }
    if has_weights_alone(latest) {
        return Weights::open(latest, open).map(|_| Some(Files::Weights(latest.clone())));
    }
    let own = (latest.clone(), told(latest)?);
    let Some(is) = role(&own.1) else {
        // Says what it is.
        return dialect::encoder(latest, &own.1).map(|_| None);
    };
    let others = chosen[1..].iter().filter_map(|path| told(path).ok().map(|told| (path.clone(), told)));
    let others: Vec<Known> = others.collect();
    let beside = || partner(&own, &read(latest.parent().unwrap_or(Path::new("."))));
    let found = partner(&own, &others).or_else(beside);
    let (is, lacks) = if is == Role::Encoder { ("an encoder", "decoder") } else { ("a decoder", "encoder") };
    found.map(|pair| Some(Files::Pair(pair))).ok_or_else(|| {
        let words = format!("is {is}, and no {lacks} that fits lies beside it");
        Error::advised(latest, words, format!("choose its {lacks} too"))
    })
}

/// The files of a folder, in the order of their names.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort_unstable();
    files
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|own| endings.iter().any(|ending| own.eq_ignore_ascii_case(ending)))
}

/// The weights of a folder, and those of transformers' folders in it.
fn weights(folder: &Path, open: Open) -> Vec<PathBuf> {
    let listed = listed(folder);
    let own = listed.iter().filter(|path| ends_with(path, &ENDINGS)).cloned();
    let deeper = listed.iter().map(|path| path.join(MODEL));
    let all = own.chain(deeper).filter(|path| has_weights_alone(path)).take(MOST);
    all.filter(|path| Weights::open(path, open).is_ok()).collect()
}

/// The networks of a folder.
fn read(folder: &Path) -> Vec<Known> {
    let files = listed(folder).into_iter().filter(|path| ends_with(path, &["onnx"]));
    files.take(MOST).filter_map(|path| told(&path).ok().map(|told| (path, told))).collect()
}

/// A file with the other one that fits it best: where several do, the one whose name begins most like its own.
fn partner(own: &Known, others: &[Known]) -> Option<Pair> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let own_name = name(&own.0);
    let alike = |path: &Path| own_name.chars().zip(name(path).chars()).take_while(|(one, other)| one == other).count();
    let is_encoder = role(&own.1) == Some(Role::Encoder);
    let pair = |other: &Known| {
        let (encoder, decoder) = if is_encoder { (own, other) } else { (other, own) };
        let wants = dialect::encoder(&encoder.0, &encoder.1).ok()?;
        let answers = dialect::decoder(&decoder.0, &decoder.1, &encoder.1).ok()?;
        dialect::side(&decoder.0, &wants, &answers).ok()?;
        Some((alike(&other.0), Pair { encoder: encoder.0.clone(), decoder: decoder.0.clone() }))
    };
    others.iter().filter_map(pair).max_by_key(|(alike, _)| *alike).map(|(_, pair)| pair)
}
