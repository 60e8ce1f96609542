//! Files of concepts and styles, as projects name them: opening them, keeping what was read, and what they will take.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::adapters::glance::Glancer;
use super::adapters::{self, AdapterFile, Beside, Held};
use super::error::Result;
use super::tensors::TensorFile;
use crate::project::stamp::Stamp;
use crate::project::{self, ConceptFile, DiskFiles, Files, Project};

/// Opens a concept's file as a project names it: on disk, or built in.
///
/// # Errors
/// When it cannot be read or is of no kind that changes a model.
pub fn open(files: &DiskFiles, path: &Path) -> Result<AdapterFile> {
    if project::files::asset_name(path).is_some() {
        return adapters::from_bytes(&path.display().to_string(), files.read(path)?);
    }
    adapters::read(&project::resolve(&files.base, path))
}

/// What the files of a project's concepts and styles take in memory, from their names and shapes alone. Those of concepts
/// that have no subject are counted too: they are opened all the same. A file that cannot be looked at counts as nothing;
/// the render will say what is the matter.
pub fn held(files: &DiskFiles, project: &Project) -> Held {
    let Ok(glancer) = Glancer::new() else { return Held::default() };
    files_of(project).iter().filter_map(|file| glance(&glancer, files, &file.file)).sum()
}

/// All files of a project's concepts and styles.
pub fn files_of(project: &Project) -> Vec<ConceptFile> {
    project.concepts.iter().flat_map(project::Concept::files).chain(project.styles.iter().cloned()).collect()
}

/// The tensors of one file as a project names it: on disk, or built in. None of a file on disk is read yet but their list.
///
/// # Errors
/// When it cannot be read, or is no file of tensors.
pub fn tensors(files: &DiskFiles, path: &Path) -> Result<TensorFile> {
    if project::files::asset_name(path).is_some() {
        return TensorFile::from_owned(&path.display().to_string(), files.read(path)?);
    }
    TensorFile::open(&project::resolve(&files.base, path))
}

fn glance(glancer: &Glancer, files: &DiskFiles, path: &Path) -> Option<Held> {
    let held = |file: &TensorFile| Some(glancer.look(file, &Beside::default()).ok()??.held);
    let folder = project::resolve(&files.base, path);
    if !folder.is_dir() {
        return held(&tensors(files, path).ok()?);
    }
    // One of a folder's own, or one of each part.
    let there = adapters::looked_at(&folder).into_iter().filter(|file| file.is_file());
    Some(there.filter_map(|file| held(&TensorFile::open(&file).ok()?)).sum())
}

/// Everything that decides what a file is read as, and how it is on the disk.
type Sources = Vec<(PathBuf, Option<Stamp>)>;

/// What was read of adapters' files, so that the next render reads nothing: of each path the last, for as long as nothing
/// that is read for it has changed. What is used least recently is let go of.
#[derive(Debug)]
pub struct Kept {
    /// Bytes that may be kept.
    room: u64,
    /// The one used last at the end.
    files: Mutex<VecDeque<(PathBuf, Sources, Arc<AdapterFile>)>>,
}

impl Kept {
    /// Keeps at most `room` bytes of numbers, in f32 as they are read.
    pub fn new(room: u64) -> Self {
        Self { room, files: Mutex::default() }
    }

    /// A file as a project names it, read only where it is not kept as it is now.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self, files: &DiskFiles, path: &Path) -> Result<Arc<AdapterFile>> {
        let (whole, sources) = match project::files::asset_name(path) {
            Some(_) => (path.to_owned(), Vec::new()),
            None => {
                let whole = project::resolve(&files.base, path);
                let stamps = adapters::looked_at(&whole).into_iter().map(|path| (path.clone(), Stamp::of(&path)));
                (whole, stamps.collect())
            }
        };
        // Stamps are taken before anything is read: what is written meanwhile is read again the next time.
        self.get(whole, sources, || open(files, path))
    }

    fn get(
        &self,
        path: PathBuf,
        sources: Sources,
        read: impl FnOnce() -> Result<AdapterFile>,
    ) -> Result<Arc<AdapterFile>> {
        // The list is never left half changed, so a poisoned lock holds a good one. It is held while a file is read: only
        // the engine's thread asks.
        let mut kept = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(known, ..)| *known == path).and_then(|at| kept.remove(at));
        let file = match known {
            Some((_, before, file)) if before == sources => file,
            // What is no longer right must not take room while the new is read.
            known => {
                drop(known);
                Arc::new(read()?)
            }
        };
        if file.held().bytes <= self.room {
            kept.push_back((path, sources, file.clone()));
        }
        while kept.iter().map(|(.., file)| file.held().bytes).sum::<u64>() > self.room {
            kept.pop_front();
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Color, Concept};

    fn files(base: &Path) -> DiskFiles {
        DiskFiles { base: base.to_owned(), assets: crate::assets::find }
    }

    fn write(path: &Path, asset: &str) {
        let bytes = crate::assets::find(&format!("miniature/concepts/{asset}.safetensors")).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_file_is_read_once_until_it_or_what_lies_beside_it_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let (path, kept) = (folder.path().join("cat.pth"), Kept::new(100_000_000));
        let open = || kept.open(&files, Path::new("cat.pth")).unwrap();
        write(&path, "mint_cat");
        let first = open();
        assert!(Arc::ptr_eq(&first, &open()), "it was read again");
        write(&path, "coral_bear");
        let second = open();
        assert_eq!(second.embeddings[0].name, "<coral_bear_1>");
        std::fs::write(folder.path().join("cat.json"), r#"{"activation text": "a bear"}"#).unwrap();
        let third = open();
        assert_eq!(third.about.noted, ["a bear"]);
        assert!(Arc::ptr_eq(&third, &open()));
        std::fs::remove_file(&path).unwrap();
        assert!(kept.open(&files, Path::new("cat.pth")).is_err(), "what is gone is not pretended to be there");
        let built_in = Path::new("assets:miniature/concepts/mint_cat.safetensors");
        let [one, two] = [(); 2].map(|()| kept.open(&files, built_in).unwrap());
        assert!(Arc::ptr_eq(&one, &two) && *one == *kept.open(&files, built_in).unwrap());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for_and_what_was_used_last_stays() {
        let (folder, read) = (tempfile::tempdir().unwrap(), std::cell::Cell::new(0));
        write(&folder.path().join("x.pth"), "mint_cat");
        let one = adapters::read(&folder.path().join("x.pth")).unwrap();
        let kept = Kept::new(one.held().bytes * 2);
        let open = |name: &str| {
            let before = read.get();
            kept.get(name.into(), Vec::new(), || {
                read.set(before + 1);
                Ok(one.clone())
            })
            .unwrap();
            read.get() > before
        };
        assert_eq!(["a", "b", "a", "c", "a", "b"].map(open), [true, true, false, true, false, true]);
        let small = Kept::new(one.held().bytes - 1);
        let file = |kept: &Kept| kept.get("a".into(), Vec::new(), || Ok(one.clone())).unwrap();
        assert!(!Arc::ptr_eq(&file(&small), &file(&small)), "too large to be kept");
    }

    #[test]
    fn what_files_will_hold_is_known_without_reading_them() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        write(&folder.path().join("cat.pth"), "mint_cat");
        let one = adapters::read(&folder.path().join("cat.pth")).unwrap().held();
        assert!(one.bytes > 100_000);
        let mut project = Project::new();
        assert_eq!(held(&files, &project), Held::default());
        project.concepts.push(Concept::new("cat", "cat.pth", "cat", Color([0; 3])));
        assert_eq!(held(&files, &project), one);
        project.concepts[0].more.push(ConceptFile::new("assets:miniature/concepts/mint_cat.safetensors"));
        project.styles.push(ConceptFile::new("cat.pth"));
        project.styles.push(ConceptFile::new("missing.pth"));
        assert_eq!(held(&files, &project), [one; 3].into_iter().sum());
    }
}
