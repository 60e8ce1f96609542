//! Which two files are an encoder and a decoder that go together, told without reading their weights.

use std::fs;
use std::path::{Path, PathBuf};

use super::dialect::{self, Role, role};
use super::error::Error;
use super::network::told;
use super::onnx::Told;

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

/// A file, and what it says of itself.
type Known = (PathBuf, Told);

/// The pair of a folder whose encoder is the smallest file; `None` where there is none.
pub fn find(folder: &Path) -> Option<Pair> {
    let files = read(folder);
    let encoders = files.iter().filter(|(_, told)| role(told) == Some(Role::Encoder));
    let size = |path: &Path| fs::metadata(path).map_or(u64::MAX, |about| about.len());
    let pairs = encoders.filter_map(|encoder| partner(encoder, &files));
    pairs.min_by_key(|pair| size(&pair.encoder))
}

/// The pair that somebody means who chose these files, the latest first: with each other, or with what lies beside the latest.
/// A folder stands for what is in it. Where nothing was chosen, [`find`] in `folder`.
///
/// # Errors
/// When the latest file is of no use, or what belongs to it is not beside it.
pub fn choose(chosen: &[PathBuf], folder: &Path) -> Result<Option<Pair>, Error> {
    let Some(latest) = chosen.first() else { return Ok(find(folder)) };
    if latest.is_dir() {
        let words = "has no encoder and decoder that go together";
        return find(latest).map(Some).ok_or_else(|| Error::refused(latest, words));
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
    found.map(Some).ok_or_else(|| {
        let words = format!("is {is}, and no {lacks} that fits lies beside it");
        Error::advised(latest, words, format!("choose its {lacks} too"))
    })
}

/// The networks of a folder.
fn read(folder: &Path) -> Vec<Known> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")));
    files.sort_unstable();
    files.truncate(MOST);
    files.into_iter().filter_map(|path| told(&path).ok().map(|told| (path, told))).collect()
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
