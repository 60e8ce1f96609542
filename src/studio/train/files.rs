//! What trainings read and write: photos that were dropped, what was open.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::notice::sentence;
use super::super::places::{Places, WriteError, folder_of, write_whole};
use crate::project::files::name_of;
use crate::project::picture::KINDS;
use crate::project::training::folder::{Said, is_photo, photo, read_folder};
use crate::project::training::{Photo, Training, file};

/// What was dropped, once it is looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// A training, and its file where it is one; else it was made of a folder.
    pub training: Option<(Training, Option<PathBuf>)>,
    /// Photos.
    pub photos: Vec<Photo>,
    /// What could not be taken, in sentences.
    pub notes: Vec<String>,
}

/// Looks at what was dropped.
pub(super) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            match read_folder(path, &Said::default()) {
                Ok(training) if found.training.is_none() => found.training = Some((training, None)),
                Ok(training) => found.photos.extend(training.photos),
                Err(error) => found.notes.push(sentence(&error.to_string())),
            }
        } else if ending == "ron" {
            match file::load(path) {
                Ok(training) => found.training = Some((training, Some(path.clone()))),
                Err(error) => found.notes.push(sentence(&error.to_string())),
            }
        } else if is_photo(path) {
            match std::path::absolute(path) {
                Ok(path) => found.photos.push(photo(path)),
                Err(error) => found.notes.push(format!("{}: {error}.", path.display())),
            }
        } else if !is_beside(path, &ending) {
            let name = name_of(path);
            found
                .notes
                .push(format!("{name} is no photo: choose {KINDS} files, a folder of them, or a training (.ron)."));
        }
    }
    found
}

/// Whether a file belongs to a photo beside it: a mask, a caption. It is found with the photo.
fn is_beside(path: &Path, ending: &str) -> bool {
    let is_mask = path.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("mask"));
    ["txt", "caption"].contains(&ending) || is_mask
}

/// What was open when a session ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptDraft {
    /// Its file.
    pub file: Option<PathBuf>,
    /// The training, paths absolute.
    pub training: Training,
}

/// Keeps what is open.
pub(super) fn keep(path: &Path, draft: &KeptDraft) -> Result<(), WriteError> {
    let text = ron::ser::to_string(draft).map_err(|error| WriteError::new(path, error))?;
    write_whole(path, text.as_bytes())
}

/// What the last session left, where it can be read. What cannot be is put aside under a name that ends in `.broken`, since
/// what is kept next would take its place.
pub(super) fn left(path: &Path) -> Option<KeptDraft> {
    let read = std::fs::read_to_string(path);
    if read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return None;
    }
    let text = read.map_err(|error| error.to_string());
    let left = text.and_then(|text| ron::from_str(&text).map_err(|error| error.to_string()));
    left.inspect_err(|problem| {
        let aside = path.with_extension("broken");
        log::warn!("{}: {problem}; it is kept as {}, and a new training is begun", path.display(), aside.display());
        // Where it cannot be renamed, there is hardly a way to write over it either.
        let _ = std::fs::rename(path, aside);
    })
    .ok()
}

/// The folder of a training's checkpoints and concept: beside its file, or among Podium's own, where each training has
/// one that is named by what it is, so that another's concept is never written over.
pub(super) fn run_folder(places: &Places, training: &Training, file: Option<&Path>) -> PathBuf {
    if let Some(file) = file {
        return training.run_folder(&folder_of(file));
    }
    let text = file::to_string(training).unwrap_or_default();
    let hash = blake3::hash(text.as_bytes()).to_hex();
    places.trainings_folder().join(format!("{}-{}", training.name.trim(), hash.get(..8).unwrap_or_default()))
}
