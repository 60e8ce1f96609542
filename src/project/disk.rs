//! Writing files and folders so that a crash or a full disk never leaves half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

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

/// A folder that is being filled, and is not under its name yet. Dropped, it is gone with all that is in it.
#[derive(Debug)]
pub(crate) struct StagedFolder {
    folder: TempDir,
    target: PathBuf,
}

/// Begins a folder beside its place, which whoever may read other folders of the user may read too.
///
/// # Errors
/// What the disk says; [`io::ErrorKind::AlreadyExists`] where something is in its place, be it a folder with anything in it.
pub(crate) fn stage_folder(path: &Path) -> io::Result<StagedFolder> {
    let target = fs::canonicalize(path).or_else(|_| std::path::absolute(path))?;
    if !is_free(&target)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let beside = target.parent().ok_or(io::ErrorKind::AlreadyExists)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    Ok(StagedFolder { folder: builder.tempdir_in(beside)?, target })
}

/// Whether there is nothing at a path, or an empty folder.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

impl StagedFolder {
    /// Where it is filled.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives it its name, for good. What is in it is on the disk already, if whoever filled it saw to that.
    ///
    /// # Errors
    /// When something has come to be in its place, or the disk refuses. Then it is gone.
    pub fn put(self) -> io::Result<()> {
        if !is_free(&self.target)? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // An empty folder in its place gives way everywhere; one that is filled at this moment does not go.
        match fs::remove_dir(&self.target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(self.folder.path(), &self.target)?;
        // It is under another name now, where there is nothing to remove.
        let _ = self.folder.keep();
        if let Some(beside) = self.target.parent() {
            sync_folder(beside);
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

    #[test]
    fn a_folder_has_its_name_once_it_is_full_and_never_takes_another_s_place() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("new");
        let fill = |staged: &StagedFolder| fs::write(staged.path().join("a"), b"one").unwrap();
        let names = || fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
        let staged = stage_folder(&target).unwrap();
        fill(&staged);
        assert!(!target.exists());
        drop(staged);
        assert!(names().is_empty(), "{:?}", names());
        // An empty folder is as good as none.
        fs::create_dir(&target).unwrap();
        let (first, late) = (stage_folder(&target).unwrap(), stage_folder(&target).unwrap());
        fill(&first);
        first.put().unwrap();
        assert_eq!(fs::read(target.join("a")).unwrap(), b"one");
        assert_eq!(late.put().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(stage_folder(&target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(stage_folder(&target.join("a")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(stage_folder(&home.path().join("no/such")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(names(), ["new"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::create_dir(home.path().join("usual")).unwrap();
            let mode = |name: &str| fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode("new"), mode("usual"));
        }
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
