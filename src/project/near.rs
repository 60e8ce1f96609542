//! What lies in folders and below them, near ones first: where files are looked for that nobody has named.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType};
use std::path::PathBuf;

/// At most so many entries (`most`) of these folders and those below them, level by level, `depth` levels in all, each folder's
/// by their names. Folders whose names `enters` refuses are not looked into, nor are links to folders, since they may lead
/// in circles. The kind is none where the system does not say it.
pub fn near(
    folders: &[PathBuf],
    depth: usize,
    most: usize,
    enters: impl Fn(&OsStr) -> bool,
) -> Vec<(PathBuf, Option<FileType>)> {
    let (mut found, mut level) = (Vec::new(), folders.to_vec());
    for _ in 0..depth {
        let mut deeper = Vec::new();
        for folder in level {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let mut entries: Vec<DirEntry> = entries.flatten().take(most - found.len()).collect();
            entries.sort_by_key(DirEntry::file_name);
            for entry in entries {
                let (path, kind) = (entry.path(), entry.file_type().ok());
                if kind.is_some_and(|kind| kind.is_dir()) && enters(&entry.file_name()) {
                    deeper.push(path.clone());
                }
                found.push((path, kind));
            }
        }
        level = deeper;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_ones_come_first_and_no_more_than_so_many_and_so_deep() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        fs::create_dir_all(root.join(".hidden")).unwrap();
        for name in ["z", "b/y", "b/c/x", ".hidden/w"] {
            fs::write(root.join(name), "").unwrap();
        }
        let of = |depth, most| -> Vec<String> {
            let found = near(&[root.to_owned()], depth, most, |name| !name.to_string_lossy().starts_with('.'));
            found.iter().map(|(path, _)| path.strip_prefix(root).unwrap().display().to_string()).collect()
        };
        assert_eq!(of(9, 100), [".hidden", "b", "z", "b/c", "b/y", "b/c/x"]);
        assert_eq!(of(2, 100), [".hidden", "b", "z", "b/c", "b/y"]);
        assert_eq!(of(9, 4).len(), 4);
        assert!(near(&[root.join("none")], 9, 9, |_| true).is_empty());
    }
}
