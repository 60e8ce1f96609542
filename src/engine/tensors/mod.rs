//! Files of tensors: safetensors and torch's, told apart by what is in them and never by their names.
//!
//! Opening reads a file's list of tensors and nothing more. Their numbers are read when they are asked for, a tensor at a
//! time, by all threads of the pool, and come as f32. Nothing in a pickle is ever executed: there is no code for it.
//!
//! **Bounds.** What a file says of itself is checked against what it holds before anything is allocated for it. Beside
//! the numbers of the tensor that is read, of which there are at most as many as the file has bytes (2²⁸ where a pickle
//! repeats some), opening takes at most 200 MB for a safetensors file and 350 MB for a pickle, both only for files made to
//! take it; a whole model's list takes two.
//!
//! `pytorch-reader`, burn's own, refuses the very files that Stable Diffusion was published as: Lightning keeps its
//! callbacks in them by their classes, and that crate takes texts for keys only; dictionaries of foreign classes are
//! refused too. So `pickle.rs` reads pickles as values that name each other, and `torch.rs` finds the tensors among them.
//!
//! | file         | what                                                  |
//! |--------------|-------------------------------------------------------|
//! | `kind.rs`    | how numbers are stored, and how they become f32       |
//! | `source.rs`  | bytes on disk or in memory, read at any place         |
//! | `header.rs`  | the list that a safetensors file begins with          |
//! | `pickle.rs`  | Python's pickles as values                            |
//! | `torch.rs`   | tensors among such values                             |
//! | `archive.rs` | torch's zip archive, and the stream of before 1.6     |
//! | `refuse.rs`  | what a file is that holds no tensors                  |

mod archive;
mod header;
mod kind;
mod pickle;
mod refuse;
mod source;
#[cfg(test)]
mod tests;
mod torch;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rayon::prelude::*;

use super::error::{EngineError, Result};
pub use kind::StoredType;
use source::Source;

/// Whether a file that begins so is to be opened as a file of tensors: it may be one, or what is known to be taken for one.
pub fn may_be(head: &[u8]) -> bool {
    let known = refuse::by_its_beginning(head).is_some();
    known || header::length(head).is_some() || head.starts_with(b"PK") || archive::is_stream(head)
}

/// How many numbers one task reads and converts: their bytes stay in a second-level cache.
const BLOCK: usize = 1 << 17;

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    kind: StoredType,
    shape: Vec<usize>,
    /// Where its first number begins.
    start: u64,
    layout: Layout,
}

/// How a tensor's numbers lie.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Layout {
    /// One after another.
    Plain,
    /// The next along each side is so many numbers further.
    Strided(Vec<usize>),
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A safetensors file.
    Safetensors,
    /// A torch file: `.ckpt`, `.pt`, `.pth`, `.bin`.
    Torch,
}

/// A file of tensors that was opened.
#[derive(Debug)]
pub struct TensorFile {
    name: String,
    source: Source,
    format: Format,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
    others: Vec<String>,
}

impl TensorFile {
    /// Opens a safetensors or torch file and reads its list of tensors.
    ///
    /// # Errors
    /// When it cannot be read, is neither, or is cut short or damaged: what it is instead, where that shows.
    pub fn open(path: &Path) -> Result<Self> {
        let read = |source| EngineError::Read { path: path.to_owned(), source };
        let name = path.display().to_string();
        let about = std::fs::metadata(path).map_err(read)?;
        if about.is_dir() {
            return Err(malformed(&name, "is a folder where a file of tensors is needed; choose the file in it"));
        }
        // A pipe could keep its reader waiting for ever.
        if !about.is_file() {
            return Err(malformed(&name, "is not an ordinary file; choose another"));
        }
        let file = File::open(path).map_err(read)?;
        let length = file.metadata().map_err(read)?.len();
        Self::of(name, Source::File(file, length))
    }

    /// A file that is built into the program.
    ///
    /// # Errors
    /// As [`TensorFile::open`].
    pub fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Self> {
        Self::of(name.into(), Source::Static(bytes))
    }

    /// A file that is in memory.
    ///
    /// # Errors
    /// As [`TensorFile::open`].
    pub fn from_owned(name: &str, bytes: Vec<u8>) -> Result<Self> {
        Self::of(name.into(), Source::Owned(bytes))
    }

    fn of(name: String, source: Source) -> Result<Self> {
        let head = source.head(512).map_err(|source| EngineError::Read { path: name.clone().into(), source })?;
        if head.is_empty() {
            return Err(malformed(&name, "is empty; copy it again"));
        }
        if let Some(what) = refuse::by_its_beginning(&head) {
            return Err(malformed(&name, what));
        }
        if let Some(length) = header::length(&head) {
            let header::Listed { entries, metadata } =
                header::read(&source, length).map_err(|what| malformed(&name, what))?;
            return Ok(Self { name, source, format: Format::Safetensors, entries, metadata, others: Vec::new() });
        }
        let read = if head.starts_with(b"PK") {
            archive::open_zip(&source)
        } else if archive::is_stream(&head) {
            archive::open_stream(&source)
        } else {
            Err(format!("it is {}", refuse::guess(&head)))
        };
        match read {
            Ok(archive::Torch { entries, others }) => {
                let metadata = BTreeMap::new();
                Ok(Self { name, source, format: Format::Torch, entries, metadata, others })
            }
            Err(why) if name.to_lowercase().ends_with(".safetensors") && !head.starts_with(b"PK") => {
                Err(malformed(&name, format!("is not a safetensors file ({why}); copy or download it again")))
            }
            Err(why) => Err(malformed(
                &name,
                format!(
                    "cannot be read as a torch file: {why}; nothing in it was executed. Copy or download it again, or \
                     get it as .safetensors"
                ),
            )),
        }
    }

    /// The file's name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Bytes of the whole file.
    pub fn bytes(&self) -> u64 {
        self.source.len()
    }

    /// What a safetensors file says of itself (`__metadata__`); a torch file says nothing.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Names, shapes and kinds of all tensors, in the order of their names. What lay in a pickle's dictionaries has the
    /// path through them, with dots; of a trainer's checkpoint that has `state_dict`, the names are those in it.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize], StoredType)> + Clone {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry.shape.as_slice(), entry.kind))
    }

    /// Shape and kind of a tensor; none where there is no such tensor.
    pub fn tensor(&self, name: &str) -> Option<(&[usize], StoredType)> {
        self.entries.get(name).map(|entry| (entry.shape.as_slice(), entry.kind))
    }

    /// What a pickle holds beside tensors, and was skipped: a trainer's `epoch (12)`, `optimizer_states (372 tensors)`.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// A tensor's numbers, row by row. As many as its shape says, all finite.
    ///
    /// # Errors
    /// When there is no such tensor, it is no numbers that can be read, or it holds NaN.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        self.read(name, None)
    }

    /// [`TensorFile::values`], and a hash of how they are stored.
    ///
    /// # Errors
    /// As [`TensorFile::values`].
    pub fn values_and_hash(&self, name: &str) -> Result<(Vec<f32>, blake3::Hash)> {
        let mut hasher = blake3::Hasher::new();
        let values = self.read(name, Some(&mut hasher))?;
        Ok((values, hasher.finalize()))
    }

    fn read(&self, name: &str, hasher: Option<&mut blake3::Hasher>) -> Result<Vec<f32>> {
        let Some(entry) = self.entries.get(name) else {
            return Err(EngineError::MissingTensor { file: self.name.clone(), tensor: name.into(), expected: vec![] });
        };
        let Some(size) = entry.kind.size() else {
            let what = format!("tensor `{name}` is stored as {}; F32, F16, BF16 or F64 is needed", entry.kind);
            return Err(malformed(&self.name, what));
        };
        // Both were checked when the file was opened: a shape overflows nothing.
        let mut values = vec![0.0; entry.shape.iter().product()];
        let outcome = match &entry.layout {
            Layout::Plain => self.read_plain(entry, size, &mut values, hasher),
            Layout::Strided(strides) => self.read_strided(entry, size, strides, &mut values, hasher),
        };
        match outcome.map_err(|error| self.unread(name, error))? {
            true => Ok(values),
            false => Err(EngineError::NotFinite { file: self.name.clone(), tensor: name.into() }),
        }
    }

    /// Whether all are finite. The hash is of the blocks' hashes, so that every task makes its own.
    fn read_plain(
        &self,
        entry: &Entry,
        size: usize,
        values: &mut [f32],
        hasher: Option<&mut blake3::Hasher>,
    ) -> std::io::Result<bool> {
        let hashes = hasher.is_some();
        let block = |bytes: &mut Vec<u8>, (index, values): (usize, &mut [f32])| {
            bytes.resize(values.len() * size, 0);
            self.source.read_at(entry.start + (index * BLOCK * size) as u64, bytes)?;
            kind::widen(entry.kind, bytes, values);
            let hash = hashes.then(|| blake3::hash(bytes));
            Ok((kind::all_finite(values), hash))
        };
        let blocks: std::io::Result<Vec<_>> =
            values.par_chunks_mut(BLOCK).enumerate().map_init(Vec::new, block).collect();
        let blocks = blocks?;
        if let Some(hasher) = hasher {
            for hash in blocks.iter().filter_map(|(_, hash)| hash.as_ref()) {
                hasher.update(hash.as_bytes());
            }
        }
        Ok(blocks.iter().all(|(finite, _)| *finite))
    }

    fn read_strided(
        &self,
        entry: &Entry,
        size: usize,
        strides: &[usize],
        values: &mut [f32],
        hasher: Option<&mut blake3::Hasher>,
    ) -> std::io::Result<bool> {
        if values.is_empty() {
            return Ok(true);
        }
        let sides = || entry.shape.iter().zip(strides);
        let reach = sides().map(|(side, stride)| (side - 1) * stride).sum::<usize>() + 1;
        // What the tensor reaches over lies in the file, which bounds it.
        let mut bytes = vec![0; reach * size];
        self.source.read_at(entry.start, &mut bytes)?;
        let mut stored = vec![0.0; reach];
        kind::widen(entry.kind, &bytes, &mut stored);
        for (index, value) in values.iter_mut().enumerate() {
            let (_, at) =
                sides().rev().fold((index, 0), |(left, at), (side, stride)| (left / side, at + left % side * stride));
            *value = stored[at];
        }
        if let Some(hasher) = hasher {
            hasher.update(&bytes);
            for stride in strides {
                hasher.update(&stride.to_le_bytes());
            }
        }
        Ok(kind::all_finite(values))
    }

    fn unread(&self, name: &str, error: std::io::Error) -> EngineError {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            let what = format!("ends before its tensor `{name}` does: it became shorter since it was opened");
            return malformed(&self.name, what);
        }
        EngineError::Read { path: self.name.clone().into(), source: error }
    }
}

fn malformed(file: &str, what: impl Into<String>) -> EngineError {
    EngineError::Malformed { file: file.into(), what: what.into() }
}
