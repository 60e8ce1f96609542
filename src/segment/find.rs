//! Which two of a folder's files are an encoder and a decoder that go together, told without reading their weights.

use std::fs;
use std::path::{Path, PathBuf};

use super::dialect::{self, Role, role};
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

/// The pair of a folder whose encoder is the smallest file; `None` where there is none.
pub fn find(folder: &Path) -> Option<Pair> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")));
    files.sort_unstable();
    files.truncate(MOST);
    let read: Vec<(PathBuf, Told)> =
        files.into_iter().filter_map(|path| told(&path).ok().map(|told| (path, told))).collect();
    let of = |wanted: Role| read.iter().filter(move |(_, told)| role(told) == Some(wanted));
    let fits = |encoder: &(PathBuf, Told), decoder: &(PathBuf, Told)| {
        let wants = dialect::encoder(&encoder.0, &encoder.1).ok()?;
        let answers = dialect::decoder(&decoder.0, &decoder.1, &encoder.1).ok()?;
        dialect::side(&decoder.0, &wants, &answers).ok()
    };
    let mut pairs: Vec<(u64, Pair)> = Vec::new();
    for encoder in of(Role::Encoder) {
        let size = fs::metadata(&encoder.0).map_or(u64::MAX, |about| about.len());
        // Where several decoders fit, the one whose name begins like the encoder's.
        let alike = |decoder: &PathBuf| {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (one, other) = (name(&encoder.0), name(decoder));
            one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
        };
        let fitting = of(Role::Decoder).filter(|decoder| fits(encoder, decoder).is_some());
        let best = fitting.map(|(path, _)| path).max_by_key(|path| alike(path));
        if let Some(decoder) = best {
            pairs.push((size, Pair { encoder: encoder.0.clone(), decoder: decoder.clone() }));
        }
    }
    pairs.into_iter().min_by_key(|(size, _)| *size).map(|(_, pair)| pair)
}
