//! Where Podium keeps what it writes by itself, and how it writes there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::project::disk::{Readers, TEMPORARY, replace};

/// Names one folder for everything, for portable use and for tests.
const HOME: &str = "PODIUM_HOME";

/// From something that could not be written to the next try: a full disk may have room in a while.
pub const AGAIN: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(10) };

/// The folders of one user's Podium. Nothing is made until something is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    config: PathBuf,
    data: PathBuf,
}

impl Places {
    /// The platform's folders, or those in the folder that the variable `PODIUM_HOME` names.
    pub fn standard() -> Self {
        Self::choose(std::env::var_os(HOME))
    }

    fn choose(home: Option<OsString>) -> Self {
        if let Some(home) = home.filter(|home| !home.is_empty()) {
            return Self::in_folder(home);
        }
        match directories::ProjectDirs::from("", "", "podium") {
            Some(folders) => Self { config: folders.config_dir().into(), data: folders.data_dir().into() },
            None => {
                let folder = std::env::temp_dir().join("podium");
                log::warn!("this user has no home folder: settings and results go to {}", folder.display());
                Self::in_folder(folder)
            }
        }
    }

    /// Everything in one folder; a relative one starts at the working directory of this moment.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        Self { config: folder.join("config"), data: folder.join("data") }
    }

    /// What the program remembers of its user's choices: RON.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("settings.ron")
    }

    /// Projects with unsaved changes, one file a session.
    pub fn autosave_folder(&self) -> PathBuf {
        self.data.join("autosave")
    }

    /// The gallery's pictures.
    pub fn results_folder(&self) -> PathBuf {
        self.data.join("results")
    }

    /// Models and LoRAs that Podium got and that have no place in the hub's cache.
    pub fn models_folder(&self) -> PathBuf {
        self.data.join("models")
    }

    /// Networks of Segment Anything, two files each or weights in one, which people put there.
    pub fn segment_folder(&self) -> PathBuf {
        self.data.join("segment")
    }

    /// Checkpoints and concepts of trainings that have no file, a folder each.
    pub fn trainings_folder(&self) -> PathBuf {
        self.data.join("trainings")
    }

    /// The training that is open: RON.
    pub fn open_training(&self) -> PathBuf {
        self.data.join("training.ron")
    }

    /// Pictures pasted from the clipboard, so that a project can name them.
    pub fn pasted_folder(&self) -> PathBuf {
        self.data.join("pasted")
    }
}

/// The folder of a file, `.` where its path names none.
pub fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// A file of Podium's own that could not be written. Whatever was there before is still there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot write {}: {problem}; make room on that disk, or see that you may write to the folder", path.display())]
pub struct WriteError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system or the encoder said.
    pub problem: String,
}

impl WriteError {
    /// The error for a file and what stood in the way.
    pub fn new(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// Replaces a file by these bytes, wholly or not at all, making its folder where there is none.
///
/// # Errors
/// When the disk is full or the folder cannot be written to.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        replace(path, Readers::Owner, |file| file.write_all(bytes))
    };
    write().map_err(|error| WriteError::new(path, error))
}

/// After this time an unfinished file belongs to nobody who still writes.
pub(in crate::studio) const UNFINISHED: Duration = Duration::from_secs(3600);

/// Removes what writers that were killed left unfinished.
pub(in crate::studio) fn sweep_unfinished(folder: &Path) {
    for path in files(folder) {
        let is_unfinished = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY));
        let age = || fs::metadata(&path).and_then(|about| about.modified()).ok()?.elapsed().ok();
        if is_unfinished && age().is_some_and(|age| age > UNFINISHED) {
            // Tried again at the next start.
            let _ = remove(&path);
        }
    }
}

/// Everything directly in a folder; nothing where there is none.
pub(in crate::studio) fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

/// Removes a file; one that is not there counts as removed.
pub(in crate::studio) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Seconds since 1970.
pub(in crate::studio) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_variable_moves_everything_into_one_folder() {
        let places = Places::choose(Some("/tmp/stick".into()));
        let all = [places.settings_file(), places.autosave_folder(), places.results_folder(), places.pasted_folder()];
        assert!(all.iter().all(|path| path.starts_with("/tmp/stick")), "{all:?}");
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), 4);
    }

    #[test]
    fn an_empty_variable_counts_as_none_and_a_relative_one_is_made_absolute() {
        assert_eq!(Places::choose(Some("".into())), Places::choose(None));
        assert!(Places::choose(Some("stick".into())).settings_file().is_absolute());
        assert!(Places::choose(None).results_folder().is_absolute());
    }

    #[test]
    fn files_are_replaced_whole_and_their_folders_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.ron");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.ron");
        fs::create_dir(&path).unwrap();
        let text = write_whole(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("settings.ron") && text.contains("make room"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join("file"), b"").unwrap();
        assert!(write_whole(&folder.path().join("file/below.ron"), b"x").is_err());
    }

    #[test]
    fn only_unfinished_files_that_are_old_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - 2 * UNFINISHED;
        for (name, old) in [(".podium-old", true), (".podium-new", false), ("a.png", true)] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            if old {
                file.set_modified(long_ago).unwrap();
            }
        }
        sweep_unfinished(folder.path());
        let mut left: Vec<_> = files(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        left.sort();
        assert_eq!(left, [".podium-new", "a.png"]);
    }

    #[test]
    fn removing_what_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(remove(&folder.path().join("none")).is_ok());
        assert!(remove(folder.path()).is_err());
    }
}
