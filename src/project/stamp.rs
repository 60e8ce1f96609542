//! Whether a file is still as it was when it was read or written last.

use std::path::Path;
use std::time::{Duration, SystemTime};

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

    /// What is kept of it from one session to the next: the length in bytes, and the time of change since the beginning of
    /// 1970. None of a file that says it is older than that.
    pub fn parts(self) -> Option<(u64, Option<Duration>)> {
        let changed = self.changed.map(|changed| changed.duration_since(SystemTime::UNIX_EPOCH)).transpose().ok()?;
        Some((self.length, changed))
    }

    /// The stamp of [`Stamp::parts`]; None where no system's clock comes to such a time.
    pub fn of_parts((length, changed): (u64, Option<Duration>)) -> Option<Self> {
        match changed.map(|changed| SystemTime::UNIX_EPOCH.checked_add(changed)) {
            Some(None) => None,
            changed => Some(Self { length, changed: changed.flatten() }),
        }
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
        // What is kept of it is all of it.
        let kept = Stamp::of(&path).and_then(Stamp::parts).unwrap();
        assert_eq!(Stamp::of_parts(kept), Stamp::of(&path));
        assert_eq!(Stamp::of_parts((3, Some(Duration::MAX))), None);
        file.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(9)).unwrap();
        assert_eq!(Stamp::of(&path).and_then(Stamp::parts), None);
    }
}
