//! Whether a file is still as it was when it was read or written last.

use std::path::Path;
use std::time::SystemTime;

/// A file's length and time of change. Two that are equal are taken for the same contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    changed: Option<SystemTime>,
}

impl Stamp {
    /// Looks at a file; None where there is none, or it cannot be looked at. Asks the disk: not for every frame.
    pub fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self { length: about.len(), changed: about.modified().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_anew_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(Stamp::of(&path), None);
        std::fs::write(&path, "one").unwrap();
        let first = Stamp::of(&path);
        assert!(first.is_some() && first == Stamp::of(&path));
        std::fs::write(&path, "other").unwrap();
        assert_ne!(first, Stamp::of(&path));
        let (file, later) = (std::fs::File::options().write(true).open(&path).unwrap(), SystemTime::now());
        let same = Stamp::of(&path);
        file.set_modified(later + std::time::Duration::from_secs(9)).unwrap();
        assert_ne!(same, Stamp::of(&path), "as long, and written later");
    }
}
