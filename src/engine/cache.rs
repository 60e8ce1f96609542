//! Results on disk, found again by a hash of everything they depend on.
//!
//! An entry is written beside its place and moved there when complete, and carries a hash of its own content, so
//! that neither a crash nor a full disk leaves a torn entry that is believed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::project::disk::{Readers, replace};

/// A folder of entries with a limit on their size, the least recently used going first.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    limit: u64,
}

/// What an entry starts with.
const MAGIC: &[u8; 8] = b"podium1\n";
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;

impl Cache {
    /// The platform's cache folder, or `PODIUM_CACHE_DIR`; at most 4 GiB.
    pub fn standard() -> Self {
        let folder = std::env::var_os("PODIUM_CACHE_DIR").map(PathBuf::from).or_else(|| {
            directories::ProjectDirs::from("", "", "podium").map(|folders| folders.cache_dir().join("inversions"))
        });
        Self { folder, limit: 4 << 30 }
    }

    /// A cache in `folder` of at most `limit` bytes.
    pub fn new(folder: &Path, limit: u64) -> Self {
        Self { folder: Some(folder.to_owned()), limit }
    }

    /// No cache: nothing is ever found.
    pub fn none() -> Self {
        Self { folder: None, limit: 0 }
    }

    fn path(&self, key: &blake3::Hash) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{key}.latents")))
    }

    /// The `count` values stored under a key. A damaged entry counts as none and is removed.
    pub fn read(&self, key: &blake3::Hash, count: usize) -> Option<Vec<f32>> {
        let path = self.path(key)?;
        let bytes = std::fs::read(&path).ok()?;
        let values = parse(&bytes, count);
        if values.is_none() {
            log::warn!("{}: damaged cache entry, computed again", path.display());
            let _ = std::fs::remove_file(&path);
        } else if let Ok(file) = std::fs::File::open(&path) {
            // The time of last use decides what goes first when space is needed; failing to note it does no harm.
            let _ = file.set_modified(SystemTime::now());
        }
        values
    }

    /// Stores values under a key, then makes room by removing the least recently used entries.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub fn write(&self, key: &blake3::Hash, values: &[f32]) -> std::io::Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else { return Ok(()) };
        let content: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        if (content.len() + HEADER) as u64 > self.limit {
            return Ok(());
        }
        std::fs::create_dir_all(folder)?;
        replace(&path, Readers::Owner, |file| -> std::io::Result<()> {
            file.write_all(MAGIC)?;
            file.write_all(blake3::hash(&content).as_bytes())?;
            file.write_all(&content)
        })?;
        self.shrink(folder)
    }

    fn shrink(&self, folder: &Path) -> std::io::Result<()> {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = std::fs::read_dir(folder)?
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "latents"))
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        entries.sort();
        let mut size: u64 = entries.iter().map(|(_, size, _)| size).sum();
        for (_, bytes, path) in entries {
            if size <= self.limit {
                break;
            }
            std::fs::remove_file(path)?;
            size -= bytes;
        }
        Ok(())
    }
}

fn parse(bytes: &[u8], count: usize) -> Option<Vec<f32>> {
    let content = bytes.get(HEADER..)?;
    let whole = bytes.starts_with(MAGIC)
        && bytes[MAGIC.len()..HEADER] == *blake3::hash(content).as_bytes()
        && content.len() == count.checked_mul(4)?;
    // `chunks_exact(4)` yields slices of exactly four bytes.
    whole.then(|| content.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> blake3::Hash {
        blake3::hash(name.as_bytes())
    }

    #[test]
    fn an_entry_reads_back_and_a_torn_or_altered_one_does_not() {
        let folder = tempfile::tempdir().expect("temporary");
        let cache = Cache::new(folder.path(), 1 << 20);
        cache.write(&key("a"), &[1.0, -2.5]).expect("written");
        assert_eq!(cache.read(&key("a"), 2), Some(vec![1.0, -2.5]));
        assert_eq!(cache.read(&key("b"), 2), None);

        let path = cache.path(&key("a")).expect("has a folder");
        let whole = std::fs::read(&path).expect("there");
        for length in [0, 7, HEADER, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).expect("torn");
            assert_eq!(cache.read(&key("a"), 2), None, "cut to {length} bytes");
        }
        let mut altered = whole.clone();
        altered[HEADER] ^= 1;
        std::fs::write(&path, altered).expect("altered");
        assert_eq!(cache.read(&key("a"), 2), None);
        assert!(!path.exists(), "a damaged entry is removed");
    }

    #[test]
    fn the_least_recently_used_entry_makes_room() {
        let folder = tempfile::tempdir().expect("temporary");
        let size = HEADER as u64 + 400;
        let cache = Cache::new(folder.path(), size * 2);
        let values = [0.5; 100];
        for (age, name) in [(30, "old"), (20, "older"), (0, "new")] {
            cache.write(&key(name), &values).expect("written");
            let time = SystemTime::now() - std::time::Duration::from_secs(age);
            let path = cache.path(&key(name)).expect("has a folder");
            std::fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("dated");
            if name == "older" {
                assert!(cache.read(&key("old"), 100).is_some(), "used again, so it stays");
            }
        }
        assert!(cache.read(&key("older"), 100).is_none());
        assert!(cache.read(&key("old"), 100).is_some() && cache.read(&key("new"), 100).is_some());
    }
}
