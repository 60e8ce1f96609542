//! Room on disks: found out before anything is got, so that nobody waits an hour for a disk that is full.

use std::path::Path;

use super::error::HubError;
pub use crate::bytes::words;

/// What stays free on the disk, for everything else that runs.
const SPARE: u64 = 64 << 20;

/// How many bytes this user may still write at a place, or where it will be made; None where the system does not say.
#[cfg(unix)]
pub fn free(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|path| path.exists())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// How many bytes this user may still write at a place; not known here, so a full disk is met when it is full.
#[cfg(not(unix))]
pub fn free(_: &Path) -> Option<u64> {
    None
}

/// Refuses what has no room.
///
/// # Errors
/// With both sizes in words.
pub fn check(free: fn(&Path) -> Option<u64>, path: &Path, needed: u64) -> Result<(), HubError> {
    match free(path) {
        Some(free) if needed > 0 && free < needed.saturating_add(SPARE) => {
            Err(HubError::Room { path: path.to_owned(), needed: words(needed), free: words(free) })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_disk_says_what_is_free_even_for_a_folder_to_come() {
        let folder = tempfile::tempdir().unwrap();
        let free = free(&folder.path().join("not/yet")).unwrap();
        assert!(free > 0 && free < 1 << 60, "{free}");
    }

    #[test]
    fn what_has_no_room_says_both_sizes() {
        let path = Path::new("/models");
        assert!(check(|_| Some(10 << 30), path, 4 << 30).is_ok());
        assert!(check(|_| None, path, u64::MAX).is_ok());
        assert!(check(|_| Some(0), path, 0).is_ok());
        let words = check(|_| Some(3_000_000_000), path, u64::MAX).unwrap_err().to_string();
        assert!(words.contains("/models") && words.contains("3.0 GB"), "{words}");
    }
}
