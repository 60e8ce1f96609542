//! Writing files so that a crash or a full disk never leaves half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::ProjectError;

/// What the names of files begin with that are not yet whole.
pub(crate) const TEMPORARY: &str = ".podium-";

/// Who may read a file that is made; one that is replaced keeps its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever may read any other file that the user makes.
    Everybody,
    /// Its owner, since it tells of its user.
    Owner,
}

/// Replaces a file that a person named by these bytes, wholly or not at all. A link is followed.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ProjectError> {
    replace(path, Readers::Everybody, |file| file.write_all(bytes)).map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::IsADirectory => ProjectError::writing(path, "a folder has that name"),
        _ => ProjectError::writing(path, error),
    })
}

/// Replaces a file by what `fill` writes, wholly or not at all: into a new file in the same folder, onto the disk, and
/// only then under the name.
///
/// # Errors
/// Those of [`stage`] and [`Staged::put`].
pub(crate) fn replace<E: From<io::Error>>(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    Ok(stage(path, readers, fill)?.put()?)
}

/// A file that is whole and on the disk, but not under its name yet. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Staged {
    file: NamedTempFile,
    target: PathBuf,
}

/// Writes a file beside its place. A link is followed, and an old file's permissions are kept.
///
/// # Errors
/// What the disk or `fill` says; [`io::ErrorKind::IsADirectory`] where a folder has that name.
pub(crate) fn stage<E: From<io::Error>>(
    path: &Path,
    readers: Readers,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<Staged, E> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut writer = BufWriter::new(builder(readers).tempfile_in(folder)?);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Ok(old) = fs::metadata(&target) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok(Staged { file, target })
}

impl Staged {
    /// Its place.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives it its name, for good.
    ///
    /// # Errors
    /// When another file cannot be replaced, or the folder is gone.
    pub fn put(self) -> io::Result<()> {
        self.file.persist(&self.target).map_err(|error| error.error)?;
        if let Some(folder) = self.target.parent() {
            sync_folder(folder);
        }
        Ok(())
    }
}

/// Temporary files are their owner's by default.
fn builder(readers: Readers) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    if readers == Readers::Everybody {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = readers;
    builder
}

/// Makes the new name last through a power cut. Some file systems refuse this; the file itself is
/// whole either way, so there is nothing to report.
fn sync_folder(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_the_way_or_missing_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = write_atomically(folder.path(), b"x").unwrap_err().to_string();
        assert!(text.contains("a folder has that name"), "{text}");
        let path = folder.path().join("none/a.ron");
        let text = write_atomically(&path, b"x").unwrap_err().to_string();
        assert!(text.contains("a.ron"), "{text}");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owner_s_and_what_is_dropped_before_it_has_its_name_is_gone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let write = |file: &mut dyn Write| file.write_all(b"one");
        let staged = stage(&path, Readers::Owner, write).unwrap();
        assert_eq!((staged.target(), path.exists()), (path.as_path(), false));
        drop(staged);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        replace(&path, Readers::Owner, write).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        let open = folder.path().join("b");
        replace(&open, Readers::Everybody, write).unwrap();
        // Like any other file that the user makes.
        let usual = folder.path().join("c");
        fs::write(&usual, b"one").unwrap();
        assert_eq!(mode(&open), mode(&usual));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_survive() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"one").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomically(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
