//! Files that come into being wholly or not at all, one or several at once.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ExportError;
use crate::project::disk::{Readers, Staged, stage};

/// What ends the writing of a file early.
pub(super) enum Trouble {
    /// It was stopped.
    Stopped,
    /// The disk or an encoder refused.
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<png::EncodingError> for Trouble {
    fn from(error: png::EncodingError) -> Self {
        match error {
            png::EncodingError::IoError(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl From<gif::EncodingError> for Trouble {
    fn from(error: gif::EncodingError) -> Self {
        match error {
            gif::EncodingError::Io(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl From<image::ImageError> for Trouble {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::IoError(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

/// Files under construction. Dropped before [`Batch::keep`], it leaves neither files nor the folders that it made.
#[derive(Default)]
pub(super) struct Batch {
    files: Vec<Staged>,
    made: Vec<PathBuf>,
}

impl Batch {
    /// A batch of files in this folder, which is created where it is missing.
    pub fn in_folder(folder: &Path) -> Result<Self, ExportError> {
        let mut batch = Self::default();
        let missing: Vec<&Path> =
            folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => batch.made.push(path.to_owned()),
                // Somebody else made it meanwhile, and so it is theirs.
                Err(_) if path.is_dir() => {}
                Err(error) => return Err(ExportError::writing(folder, &error)),
            }
        }
        if !folder.as_os_str().is_empty() && !folder.is_dir() {
            return Err(ExportError::writing(folder, &io::ErrorKind::NotADirectory.into()));
        }
        Ok(batch)
    }

    /// Writes a file beside its place and onto the disk; nothing is under its name yet.
    pub fn write(
        &mut self,
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Trouble>,
    ) -> Result<(), ExportError> {
        match stage(path, Readers::Everybody, fill) {
            Ok(staged) => {
                self.files.push(staged);
                Ok(())
            }
            Err(Trouble::Stopped) => Err(ExportError::Stopped),
            Err(Trouble::Io(error)) => Err(ExportError::writing(path, &error)),
        }
    }

    /// Gives every file its name.
    pub fn keep(mut self) -> Result<(), ExportError> {
        for staged in std::mem::take(&mut self.files) {
            let path = staged.target().to_owned();
            staged.put().map_err(|error| ExportError::writing(&path, &error))?;
            // Nothing of it can be undone any more, so the folders stay from the first file on.
            self.made.clear();
        }
        Ok(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.files.clear();
        for folder in self.made.iter().rev() {
            // Only an empty folder goes; somebody may have put something into it meanwhile.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Writes one file, wholly or not at all.
pub(super) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<(), Trouble>) -> Result<(), ExportError> {
    let mut batch = Batch::default();
    batch.write(path, fill)?;
    batch.keep()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static [u8]) -> impl FnOnce(&mut dyn Write) -> Result<(), Trouble> {
        move |out| Ok(out.write_all(text)?)
    }

    #[test]
    fn files_get_their_names_together_and_old_ones_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, b"old").unwrap();
        let mut batch = Batch::in_folder(folder.path()).unwrap();
        batch.write(&a, bytes(b"new")).unwrap();
        batch.write(&b, bytes(b"two")).unwrap();
        assert_eq!(fs::read(&a).unwrap(), b"old");
        assert!(!b.exists());
        batch.keep().unwrap();
        assert_eq!((fs::read(&a).unwrap(), fs::read(&b).unwrap()), (b"new".to_vec(), b"two".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_batch_that_is_given_up_takes_its_folders_along_and_leaves_others() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("one/two");
        let mut batch = Batch::in_folder(&deep).unwrap();
        batch.write(&deep.join("a"), bytes(b"x")).unwrap();
        drop(batch);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_or_folder_that_cannot_be_had_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let text = write(folder.path(), bytes(b"x")).unwrap_err().to_string();
        assert!(text.contains("a folder has that name; choose another name"), "{text}");
        let path = folder.path().join("none/a.gif");
        let text = write(&path, bytes(b"x")).unwrap_err().to_string();
        assert_eq!(
            text,
            format!("cannot write {}: its folder does not exist; choose another folder, or create it", path.display())
        );
        let file = folder.path().join("file");
        fs::write(&file, b"x").unwrap();
        for below in [file.clone(), file.join("steps")] {
            let text = Batch::in_folder(&below).err().unwrap().to_string();
            assert!(text.contains("a file stands where its folder should be"), "{text}");
            assert!(text.contains(&below.display().to_string()), "{text}");
        }
        assert_eq!(fs::read(&file).unwrap(), b"x");
    }
}
