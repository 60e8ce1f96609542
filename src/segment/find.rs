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
    /// Weights alone, in one file, or the index of several.
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
/// What the weights of a folder are called as transformers writes them: one file, or the index of several.
const MODELS: [&str; 2] = ["model.safetensors", "model.safetensors.index.json"];
/// What the list of several files is called behind the name that they have in common.
const INDEX: &str = ".index.json";

/// Whether a file is called as the list of several files of weights is.
pub fn is_index(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_lowercase().ends_with(INDEX))
}

/// The index that one of several files of weights belongs to, by its name: of `model-00001-of-00002.safetensors` it is
/// `model.safetensors.index.json` beside it. None of a file that is whole.
fn index_of(piece: &Path) -> Option<PathBuf> {
    let (stem, ending) = (piece.file_stem()?.to_str()?, piece.extension()?.to_str()?);
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = stem.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(count) && is_number(number)).then(|| piece.with_file_name(format!("{stem}.{ending}{INDEX}")))
}

/// The files that these weights are kept in: the file itself, and those beside an index that belong to it.
pub fn pieces(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if is_index(path) {
        let is_its_own = |piece: &PathBuf| index_of(piece).is_some_and(|index| index.file_name() == path.file_name());
        all.extend(listed(path.parent().unwrap_or(Path::new(""))).into_iter().filter(is_its_own));
    }
    all
}

/// How many bytes weights have, in all their files.
fn size(path: &Path) -> u64 {
    let length = |path: PathBuf| fs::metadata(path).map_or(u64::MAX, |about| about.len());
    pieces(path).into_iter().map(length).fold(0, u64::saturating_add)
}

/// A file, and what it says of itself.
type Known = (PathBuf, Told);

/// The smallest network of a folder: two files whose encoder is the smallest, or weights in one file; `None` where there is
/// none. Weights may lie a folder deeper, as transformers' do. `open` opens files of tensors.
pub fn find(folder: &Path, open: Open) -> Option<Files> {
    let files = read(folder);
    let encoders = files.iter().filter(|(_, told)| role(told) == Some(Role::Encoder));
    let pairs = encoders.filter_map(|encoder| partner(encoder, &files));
    let pairs = pairs.map(|pair| (size(&pair.encoder), Files::Pair(pair)));
    let weights = weights(folder, open).into_iter().map(|path| (size(&path), Files::Weights(path)));
    pairs.chain(weights).min_by_key(|(size, _)| *size).map(|(_, files)| files)
}

/// The network that somebody means who names one file, one folder, or an encoder and a decoder. None where nothing goes with the
/// one there or in `folder`.
///
/// # Errors
/// As [`choose`].
pub fn named(paths: &[PathBuf], folder: &Path, open: Open) -> Result<Option<Files>, Error> {
    match paths {
        [encoder, decoder] => Ok(Some(Files::Pair(Pair { encoder: encoder.clone(), decoder: decoder.clone() }))),
        one => choose(one, folder, open),
    }
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
        if let Some(meant) = MODELS.map(|name| latest.join(name)).into_iter().find(|path| path.is_file()) {
            return Weights::open(&meant, open).map(|_| Some(Files::Weights(meant)));
        }
        return Err(Error::refused(latest, "has no encoder and decoder that go together, and no weights of SAM"));
    }
    if let Some(index) = index_of(latest) {
        if !index.is_file() {
            let name = index.file_name().unwrap_or_default().to_string_lossy();
            return Err(Error::advised(
                latest,
                "is one of several files",
                format!("put {name} beside it, which lists all"),
            ));
        }
        return Weights::open(&index, open).map(|_| Some(Files::Weights(index)));
    }
    if is_index(latest) || has_weights_alone(latest) {
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
    // What a name alone lies in.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
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
    // One of several is none by itself: their index stands for all.
    let is_own = |path: &PathBuf| is_index(path) || ends_with(path, &ENDINGS) && index_of(path).is_none();
    let own = listed.iter().filter(|path| is_own(path)).cloned();
    let deeper = listed.iter().flat_map(|path| MODELS.map(|name| path.join(name)));
    let may_be = |path: &PathBuf| if is_index(path) { path.is_file() } else { has_weights_alone(path) };
    let all = own.chain(deeper).filter(may_be).take(MOST);
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
