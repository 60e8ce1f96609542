//! Writing files so that a crash or a full disk never leaves half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::ProjectError;

/// Replaces a file by these bytes, wholly or not at all.
///
/// The bytes go into a new file in the same folder, onto the disk, and only then under the name. A
/// link is followed, and an old file's permissions are kept.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ProjectError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::IsADirectory => ProjectError::writing(path, "a folder has that name"),
        _ => ProjectError::writing(path, error),
    };
    let (file, target) = stage(path, |file| file.write_all(bytes)).map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    if let Some(folder) = target.parent() {
        sync_folder(folder);
    }
    Ok(())
}

/// A file that is whole and on the disk, but not under its name yet; and the name to give it. A link is followed, and
/// an old file's permissions are kept.
///
/// # Errors
/// What the disk or `fill` says; [`io::ErrorKind::IsADirectory`] where a folder has that name.
pub(crate) fn stage<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(NamedTempFile, PathBuf), E> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut writer = BufWriter::new(builder().tempfile_in(folder)?);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Ok(old) = fs::metadata(&target) {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    Ok((file, target))
}

/// Temporary files are private by default; a saved one shall be as readable as any other that the
/// user makes.
#[cfg(unix)]
fn builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".podium-").permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".podium-");
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
