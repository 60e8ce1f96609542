//! Where the files lie that a prompt asks for by name: `<lora:name:0.8>`.
//!
//! Folders are looked through in the background, and to stated bounds: a project may lie in a home folder. A name is a
//! file's without its ending, or the one that its trainer wrote into it; two files may have the same.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::project::near::near;

/// What is sought, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// Names, each once.
    pub names: Vec<String>,
    /// Folders, each once; those in them are looked through too.
    pub folders: Vec<PathBuf>,
}

/// The files of each name; of one that has none, an empty list.
pub type Found = HashMap<String, Vec<PathBuf>>;

/// Endings of files that may hold a LoRA.
const ENDINGS: [&str; 5] = ["safetensors", "pt", "pth", "ckpt", "bin"];
/// How many folders deep.
const DEPTH: usize = 4;
/// How many entries of folders are looked at.
const MAX_ENTRIES: usize = 20_000;
/// Into how many files one looks for the trainer's name.
const MAX_OPENED: usize = 500;
/// How much of each: the list of tensors and what the trainer noted, images in it aside.
const HEAD: u64 = 2 << 20;
/// How many files of one name are told of.
const MAX_FILES: usize = 4;

/// Looks for files.
pub fn find(sought: &Sought) -> Found {
    let files = files(&sought.folders);
    let mut found: Found = sought.names.iter().map(|name| (name.clone(), Vec::new())).collect();
    for name in &sought.names {
        let called =
            |file: &&PathBuf| file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| same(stem, name));
        found.insert(name.clone(), files.iter().filter(called).take(MAX_FILES).cloned().collect());
    }
    if found.values().any(Vec::is_empty) {
        for file in files.iter().filter(|file| ends_with(file, &["safetensors"])).take(MAX_OPENED) {
            let Some(trained) = trainers_name(file) else { continue };
            let name = sought.names.iter().find(|name| same(&trained, name));
            let listed = name.and_then(|name| found.get_mut(name)).filter(|files| files.len() < MAX_FILES);
            listed.into_iter().filter(|files| !files.contains(file)).for_each(|files| files.push(file.clone()));
        }
    }
    found
}

/// Names are compared as file systems that people take them from do.
fn same(left: &str, right: &str) -> bool {
    left == right || left.to_lowercase() == right.to_lowercase()
}

fn ends_with(file: &Path, endings: &[&str]) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

/// All files that may hold a LoRA, near ones first.
fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (path, kind) in near(folders, DEPTH, MAX_ENTRIES, |_| true) {
        if kind.is_some_and(|kind| !kind.is_dir()) && ends_with(&path, &ENDINGS) && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// The name that kohya's trainer wrote into the header of a file.
fn trainers_name(file: &Path) -> Option<String> {
    // A pipe would keep the reader waiting for ever.
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut head = Vec::new();
    File::open(file).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let (length, rest) = head.split_first_chunk::<8>()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?.min(rest.len()))?;
    const KEY: &[u8] = b"\"ss_output_name\"";
    let at = header.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let value = String::from_utf8_lossy(header.get(at..header.len().min(at + 1024))?).into_owned();
    let value = value.trim_start().strip_prefix(':')?;
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<String>();
    values.next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, header: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_file_is_found_by_its_name_or_by_its_trainer_s() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(&path("a/My_Cat.safetensors"), "{}");
        write(&path("a/b/c/other.safetensors"), r#"{"__metadata__":{"ss_output_name": "the \"dog\""},"x":1}"#);
        write(&path("a/b/c/d/e/deep.safetensors"), "{}");
        write(&path("a/my_cat.txt"), "{}");
        write(&path("z/my_cat.pt"), "{}");
        fs::write(path("a/short.safetensors"), [1, 2]).unwrap();
        fs::write(path("a/liar.safetensors"), u64::MAX.to_le_bytes()).unwrap();
        let names = ["my_cat", "the \"dog\"", "deep", "none"].map(str::to_owned).to_vec();
        let found = find(&Sought { names, folders: vec![folder.path().into(), path("nowhere"), path("a")] });
        assert_eq!(found["my_cat"], [path("a/My_Cat.safetensors"), path("z/my_cat.pt")]);
        assert_eq!(found["the \"dog\""], [path("a/b/c/other.safetensors")]);
        assert_eq!((found["deep"].len(), found["none"].len()), (0, 0));
    }
}
