//! The hub's cache, laid out exactly as other programs have it, so that each finds what another got.
//!
//! ```text
//! models--ORG--NAME/refs/REVISION            the commit that a branch or tag was at
//! models--ORG--NAME/blobs/CHECKSUM           the bytes; CHECKSUM.incomplete while they arrive
//! models--ORG--NAME/snapshots/COMMIT/PATH    a link to the bytes, or the bytes where there can be no links (Windows)
//! .locks/models--ORG--NAME/CHECKSUM.lock     held by whoever gets these bytes
//! ```

use std::fs::{self, File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cancel::Cancel;
use super::error::HubError;
use super::listing::Remote;
use super::names;

/// A repository's place in the cache.
#[derive(Clone, Debug)]
pub struct Cached {
    root: PathBuf,
    locks: PathBuf,
}

/// While it is held nobody else writes the same file. It is let go when dropped.
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "dropping it unlocks")] File);

impl Cached {
    /// The place of `org/name`; nothing is made yet.
    pub fn new(cache: &Path, id: &str) -> Self {
        let folder = format!("models--{}", id.replace('/', "--"));
        Self { root: cache.join(&folder), locks: cache.join(".locks").join(folder) }
    }

    /// Where a file's bytes lie.
    pub fn blob(&self, file: &Remote) -> PathBuf {
        self.root.join("blobs").join(file.sum.hex())
    }

    /// Where they lie while they arrive.
    pub fn incomplete(&self, file: &Remote) -> PathBuf {
        self.root.join("blobs").join(format!("{}.incomplete", file.sum.hex()))
    }

    /// A commit's folder.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// The commit that a revision was at when it was asked for last.
    pub fn commit_of(&self, revision: &str) -> Option<String> {
        if names::is_commit(revision) {
            return Some(revision.to_owned());
        }
        if !names::is_revision(revision) {
            return None;
        }
        let mut text = String::new();
        File::open(self.root.join("refs").join(revision)).ok()?.take(100).read_to_string(&mut text).ok()?;
        Some(text.trim().to_owned()).filter(|commit| names::is_commit(commit))
    }

    /// Whether a file is there, whole, at a commit.
    pub fn has(&self, commit: &str, file: &Remote) -> bool {
        has_size(&self.snapshot(commit).join(&file.path), file.size)
    }

    /// Whether its bytes are there, under whatever commit.
    pub fn has_blob(&self, file: &Remote) -> bool {
        has_size(&self.blob(file), file.size)
    }

    /// How many of its bytes have arrived already.
    pub fn arrived(&self, file: &Remote) -> u64 {
        fs::metadata(self.incomplete(file)).map_or(0, |about| about.len().min(file.size))
    }

    /// Makes the folders that a file needs.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn make_room(&self, commit: &str, file: &Remote) -> Result<(), HubError> {
        let pointer = self.snapshot(commit).join(&file.path);
        for folder in [self.root.join("blobs").as_path(), pointer.parent().unwrap_or(&pointer), &self.locks] {
            fs::create_dir_all(folder).map_err(|error| HubError::disk(folder, error))?;
        }
        Ok(())
    }

    /// Waits until nobody else gets this file; `waiting` is told once where somebody does.
    ///
    /// # Errors
    /// When it is cancelled, or the disk refuses.
    pub fn hold(&self, file: &Remote, cancel: &Cancel, waiting: &mut dyn FnMut()) -> Result<Held, HubError> {
        hold(&self.locks.join(format!("{}.lock", file.sum.hex())), cancel, waiting)
    }

    /// Gives arrived bytes their name, and lets the commit show them.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put(&self, commit: &str, file: &Remote) -> Result<(), HubError> {
        let (incomplete, blob) = (self.incomplete(file), self.blob(file));
        fs::rename(&incomplete, &blob).map_err(|error| HubError::disk(&blob, error))?;
        self.show(commit, file)
    }

    /// Lets a commit show bytes that are there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn show(&self, commit: &str, file: &Remote) -> Result<(), HubError> {
        let pointer = self.snapshot(commit).join(&file.path);
        let up = "../".repeat(file.path.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{}", file.sum.hex()));
        point(&pointer, &target, &self.blob(file)).map_err(|error| HubError::disk(&pointer, error))
    }

    /// Notes the commit that a revision is at.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if names::is_commit(revision) || !names::is_revision(revision) {
            return Ok(());
        }
        let path = self.root.join("refs").join(revision);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            let mut file = tempfile::Builder::new().tempfile_in(path.parent().unwrap_or(&path))?;
            std::io::Write::write_all(&mut file, commit.as_bytes())?;
            readable(file.as_file())?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| HubError::disk(&path, error))
    }
}

/// Temporary files are their owner's alone; what lies in the cache may be read like any other file.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// A relative link; where there can be none, the file itself is put there.
fn point(pointer: &Path, target: &Path, blob: &Path) -> std::io::Result<()> {
    if fs::read_link(pointer).is_ok_and(|to| to == target) {
        return Ok(());
    }
    // Somebody's broken link, or one to older bytes.
    if fs::symlink_metadata(pointer).is_ok() {
        fs::remove_file(pointer)?;
    }
    match link(target, pointer) {
        Ok(()) => Ok(()),
        // Another Podium was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) => fs::rename(blob, pointer),
    }
}

#[cfg(unix)]
fn link(target: &Path, pointer: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

#[cfg(windows)]
fn link(target: &Path, pointer: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, pointer)
}

#[cfg(not(any(unix, windows)))]
fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn has_size(path: &Path, size: u64) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() == size)
}

/// Takes a lock file for itself, waiting while somebody else has it.
///
/// # Errors
/// When it is cancelled, or the disk refuses.
pub fn hold(path: &Path, cancel: &Cancel, waiting: &mut dyn FnMut()) -> Result<Held, HubError> {
    let open = File::options().create(true).truncate(false).write(true).open(path);
    let file = open.map_err(|error| HubError::disk(path, error))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Held(file)),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    waiting();
                }
                cancel.rest(Duration::from_millis(100))?;
            }
            // Some network file systems have no locks: better without one than not at all.
            Err(TryLockError::Error(error)) => {
                log::info!("{}: no lock ({error})", path.display());
                return Ok(Held(file));
            }
        }
    }
}

/// A repository that lies in a cache, with the folder of the commit that its revision was at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// `org/name`.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// The models of a cache, each at the newest commit of `main`, else at the one that was written last. At most `most`.
pub fn snapshots(cache: &Path, most: usize) -> Vec<Snapshot> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten().take(100_000) {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_prefix("models--")) else { continue };
        let id = id.replacen("--", "/", 1);
        if let Some(folder) = at(cache, &id, "main")
            && found.len() < most
        {
            found.push(Snapshot { id, folder });
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// The folder of a repository at a revision, if the cache has it; for `main` any commit will do where it was not noted.
pub fn at(cache: &Path, id: &str, revision: &str) -> Option<PathBuf> {
    let cached = Cached::new(cache, id);
    if let Some(commit) = cached.commit_of(revision) {
        let folder = cached.snapshot(&commit);
        return folder.is_dir().then_some(folder);
    }
    if revision != "main" {
        return None;
    }
    let entries = fs::read_dir(cached.root.join("snapshots")).ok()?;
    let dated = entries.flatten().take(1000).filter(|entry| entry.path().is_dir());
    let dated = dated.map(|entry| (entry.metadata().and_then(|about| about.modified()).ok(), entry.path()));
    dated.max().map(|(_, folder)| folder)
}
