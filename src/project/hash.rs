//! What a file's contents are known by, so that one that has moved is found again, and another of its name is not taken for it.
//!
//! A file of at most [`WHOLE`] bytes is hashed whole: BLAKE3, the number that `b3sum` prints. Of a larger one, such as a model of
//! several gigabytes, its length, its first and its last megabyte and pieces spread evenly between them are hashed, some six
//! megabytes in all. That tells apart what people have (a model's names and shapes are in the first megabyte, its weights
//! everywhere), and is no proof: somebody who changes bytes between the pieces is not found out. A folder is hashed by the
//! names in it and the hashes of its files. What was hashed how is part of the hash.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Project;
use super::files::{asset_name, resolve};
use super::stamp::Stamp;

/// The most bytes of a file that is hashed whole.
pub const WHOLE: u64 = 16 << 20;
/// Bytes at the beginning and at the end of a larger one.
const ENDS: u64 = 1 << 20;
/// Bytes of each piece between them.
const PIECE: u64 = 64 << 10;
/// How many such pieces.
const PIECES: u64 = 64;
/// How many folders deep a folder's files are looked for.
const DEPTH: usize = 4;
/// The most files of a folder that is hashed: a model's has a few dozen.
const MOST_FILES: usize = 512;
/// The most files whose hashes are kept by [`Known`].
const MOST_KNOWN: usize = 4096;
/// What hashes of each kind begin with.
const KINDS: [&str; 3] = ["blake3:", "blake3-pieces:", "blake3-folder:"];

/// A hash of a file or folder, with the way it was made: `blake3:` and 64 hexadecimal digits. One of a kind that a later
/// Podium may write is kept as it is, and is no other's equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileHash(String);

impl FileHash {
    fn new(kind: &str, hasher: &blake3::Hasher) -> Self {
        Self(format!("{kind}{}", hasher.finalize().to_hex()))
    }

    /// Its kind and its first ten digits, as pictures tell it: `blake3 0123456789`.
    pub fn short(&self) -> String {
        let (kind, digits) = self.0.split_once(':').unwrap_or(("", &self.0));
        let digits: String = digits.chars().filter(char::is_ascii_hexdigit).take(10).collect();
        format!("{kind} {digits}").trim().to_owned()
    }

    /// Whether both are known ways of hashing, and not of the same contents.
    pub fn is_other_than(&self, other: &Self) -> bool {
        let known = |hash: &Self| KINDS.iter().any(|kind| hash.0.starts_with(kind));
        known(self) && known(other) && self != other
    }
}

/// The hashes that a project remembers of its files, by their paths as it writes them.
///
/// Two projects that differ in nothing else are equal: what is remembered of files is no part of what is composed, so it is
/// no step of the history and nothing unsaved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashes(BTreeMap<PathBuf, FileHash>);

impl PartialEq for Hashes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Hashes {
    /// What is remembered of a path.
    pub fn get(&self, path: &Path) -> Option<&FileHash> {
        self.0.get(path)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers a path's hash.
    pub fn insert(&mut self, path: PathBuf, hash: FileHash) {
        self.0.insert(path, hash);
    }

    /// Has the paths changed, and gives what comes of it.
    pub(super) fn with_paths<T>(&mut self, change: impl FnOnce(Vec<&mut PathBuf>) -> T) -> T {
        let mut all: Vec<(PathBuf, FileHash)> = std::mem::take(&mut self.0).into_iter().collect();
        let outcome = change(all.iter_mut().map(|(path, _)| path).collect());
        self.0 = all.into_iter().collect();
        outcome
    }
}

/// Hashes by path, with how a file was when it was read; a folder has nothing to be known by.
type ByPath = HashMap<PathBuf, (Option<Stamp>, FileHash)>;

/// Hashes that were worked out already, for as long as the files stay as they were. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<ByPath>>);

impl Known {
    /// The hash of a file or folder. Reads at most [`WHOLE`] bytes of each file, and nothing of one that is known as it is
    /// now: nothing for a window's thread all the same.
    ///
    /// # Errors
    /// When it is not there, cannot be read, is no ordinary file, or is a folder with more than a model's files.
    pub fn hash(&self, path: &Path) -> io::Result<FileHash> {
        if !fs::metadata(path)?.is_dir() {
            return self.file(path);
        }
        let hash = self.folder(path)?;
        // Whether a folder is as it was, its files tell; what it was is known for when it is gone.
        self.keep(path, None, &hash);
        Ok(hash)
    }

    /// What a path's hash was when it was asked for last, whatever is there now.
    pub fn last(&self, path: &Path) -> Option<FileHash> {
        self.all().get(path).map(|(_, hash)| hash.clone())
    }

    /// Never left half changed, so a poisoned lock holds good hashes.
    fn all(&self) -> MutexGuard<'_, ByPath> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, path: &Path, stamp: Option<Stamp>, hash: &FileHash) {
        let mut all = self.all();
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(path.to_owned(), (stamp, hash.clone()));
    }

    fn file(&self, path: &Path) -> io::Result<FileHash> {
        // Taken before anything is read: what is written meanwhile is read again the next time.
        let stamp = Stamp::of(path);
        if let Some((known, hash)) = self.all().get(path)
            && known.is_some()
            && *known == stamp
        {
            return Ok(hash.clone());
        }
        let hash = of_file(path)?;
        self.keep(path, stamp, &hash);
        Ok(hash)
    }

    fn folder(&self, folder: &Path) -> io::Result<FileHash> {
        let mut hasher = blake3::Hasher::new();
        for (name, path) in inside(folder)? {
            let FileHash(hash) = self.file(&path)?;
            // Lengths first, so that no two lists of names and hashes are one row of bytes.
            for text in [name, hash] {
                hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
            }
        }
        Ok(FileHash::new(KINDS[2], &hasher))
    }
}

/// A folder's files with their names from there, in the names' order: the same on every system. Hidden ones, such as a
/// repository's own, are none of the folder's contents. Links are followed, and end in a loop at the bounds.
fn inside(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let (mut found, mut level) = (Vec::new(), vec![(String::new(), folder.to_owned())]);
    for _ in 0..DEPTH {
        let mut deeper = Vec::new();
        for (before, folder) in level {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
                if name.starts_with('.') {
                    continue;
                }
                let name = if before.is_empty() { name } else { format!("{before}/{name}") };
                // A link that leads nowhere is no file.
                let Ok(about) = fs::metadata(&path) else { continue };
                let list = if about.is_dir() { &mut deeper } else { &mut found };
                list.push((name, path));
                if found.len().max(deeper.len()) > MOST_FILES {
                    return Err(io::Error::other(format!("it is a folder with more than {MOST_FILES} files")));
                }
            }
        }
        level = deeper;
    }
    found.sort();
    Ok(found)
}

/// The hash of a file, read from its disk.
fn of_file(path: &Path) -> io::Result<FileHash> {
    // A pipe or a device could make the reader wait, or be fed, for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not an ordinary file"));
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    if length <= WHOLE {
        // One that grows meanwhile is read no further.
        io::copy(&mut file.take(WHOLE), &mut hasher)?;
        return Ok(FileHash::new(KINDS[0], &hasher));
    }
    hasher.update(&length.to_le_bytes());
    let last = length - ENDS;
    let between = (0..PIECES).map(|piece| (ENDS + (last - ENDS - PIECE) / (PIECES - 1) * piece, PIECE));
    for (from, bytes) in [(0, ENDS)].into_iter().chain(between).chain([(last, ENDS)]) {
        file.seek(SeekFrom::Start(from))?;
        let read = io::copy(&mut (&mut file).take(bytes), &mut hasher)?;
        if read < bytes {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
    }
    Ok(FileHash::new(KINDS[1], &hasher))
}

impl Project {
    /// The paths of all files outside of the program that the project names, each once.
    pub fn outside_paths(&self) -> Vec<PathBuf> {
        let mut project = self.clone();
        let outside = |path: &PathBuf| asset_name(path).is_none() && !path.as_os_str().is_empty();
        let mut paths: Vec<PathBuf> =
            project.paths_mut().into_iter().map(|path| path.clone()).filter(outside).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// The same project with its files' hashes as they are now; `base` is where its relative paths start. Of a file that cannot
    /// be read it goes on remembering what it did. Reads files: nothing for a window's thread.
    pub fn with_hashes(&self, base: &Path, known: &Known) -> Self {
        let mut hashes = Hashes::default();
        for path in self.outside_paths() {
            let now = known.hash(&resolve(base, &path)).ok();
            if let Some(hash) = now.or_else(|| self.hashes.get(&path).cloned()) {
                hashes.insert(path, hash);
            }
        }
        Self { hashes, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::super::{Layer, file};
    use super::*;

    fn hash(path: &Path) -> FileHash {
        Known::default().hash(path).unwrap()
    }

    #[test]
    fn a_small_file_s_hash_is_what_other_programs_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"").unwrap();
        // BLAKE3's own test vector.
        let empty = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(hash(&path), FileHash(empty.into()));
        assert_eq!(hash(&path).short(), "blake3 af1349b9f5");
        fs::write(&path, b"x").unwrap();
        assert!(hash(&path).is_other_than(&FileHash(empty.into())));
        // What a later Podium may write says nothing.
        assert!(!hash(&path).is_other_than(&FileHash("sha9:00".into())));
    }

    #[test]
    fn a_large_file_is_told_apart_by_its_length_its_ends_and_pieces_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let length = 3 * WHOLE + 12_345;
        File::create(&path).unwrap().set_len(length).unwrap();
        let first = hash(&path);
        assert!(first.0.starts_with("blake3-pieces:"), "{first:?}");
        let write = |at: u64, byte: u8| {
            use std::io::Write;
            let mut file = File::options().write(true).open(&path).unwrap();
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        for at in [0, ENDS - 1, ENDS, length - ENDS, length - 1] {
            write(at, 1);
            assert_ne!(hash(&path), first, "a byte at {at}");
            write(at, 0);
        }
        assert_eq!(hash(&path), first);
        File::options().write(true).open(&path).unwrap().set_len(length + 1).unwrap();
        assert_ne!(hash(&path), first, "longer");
        // The shortest that is not hashed whole.
        File::options().write(true).open(&path).unwrap().set_len(WHOLE + 1).unwrap();
        assert!(hash(&path).0.starts_with("blake3-pieces:"));
    }

    #[test]
    fn a_folder_is_known_by_its_names_and_contents_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let fill = |name: &str, config: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.join("unet")).unwrap();
            fs::write(path.join("unet/config.json"), config).unwrap();
            fs::write(path.join("model_index.json"), "{}").unwrap();
            path
        };
        let (one, other) = (fill("a", "1"), fill("b", "1"));
        assert_eq!(hash(&one), hash(&other));
        fs::create_dir(other.join(".git")).unwrap();
        fs::write(other.join(".git/HEAD"), "x").unwrap();
        assert_eq!(hash(&one), hash(&other));
        assert!(hash(&fill("c", "2")).is_other_than(&hash(&one)));
        fs::rename(other.join("unet"), other.join("vae")).unwrap();
        assert_ne!(hash(&one), hash(&other));
        for number in 0..=MOST_FILES {
            fs::write(one.join(number.to_string()), "").unwrap();
        }
        assert!(Known::default().hash(&one).unwrap_err().to_string().contains("more than 512 files"));
    }

    #[cfg(unix)]
    #[test]
    fn loops_of_links_and_devices_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        std::os::unix::fs::symlink("self", folder.path().join("self")).unwrap();
        assert!(Known::default().hash(folder.path()).is_ok());
        assert!(Known::default().hash(&folder.path().join("self")).is_err());
        assert!(
            Known::default().hash(Path::new("/dev/zero")).unwrap_err().to_string().contains("not an ordinary file")
        );
    }

    #[test]
    fn what_is_known_is_not_read_again_until_it_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, known) = (folder.path().join("a"), Known::default());
        fs::write(&path, b"one").unwrap();
        let when = fs::metadata(&path).unwrap().modified().unwrap();
        let first = known.hash(&path).unwrap();
        // Other contents under the same length and time are not noticed, which shows that nothing was read.
        fs::write(&path, b"two").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
        assert_eq!(known.clone().hash(&path).unwrap(), first);
        fs::write(&path, b"three").unwrap();
        assert_ne!(known.hash(&path).unwrap(), first);
        let last = known.last(&path);
        fs::remove_file(&path).unwrap();
        assert!(known.hash(&path).is_err());
        assert_eq!(known.last(&path), last);
    }

    #[test]
    fn a_project_remembers_its_files_and_those_that_are_gone_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        fs::create_dir(base.join("pictures")).unwrap();
        fs::write(base.join("pictures/cat.png"), b"cat").unwrap();
        fs::write(base.join("beach.jpg"), b"beach").unwrap();
        let project = example().with_hashes(base, &Known::default());
        let remembered = |project: &Project, path: &str| project.hashes.get(Path::new(path)).cloned();
        assert_eq!(remembered(&project, "pictures/cat.png"), Some(hash(&base.join("pictures/cat.png"))));
        assert!(remembered(&project, "beach.jpg").is_some());
        for none in ["assets:cutouts/dog.png", "photo.png", ""] {
            assert_eq!(remembered(&project, none), None, "{none}");
        }
        assert_eq!(project, example(), "what is remembered is no part of what is composed");

        // In a file and back, from wherever it is read.
        let text = file::to_string(&project).unwrap();
        assert!(text.contains("\"pictures/cat.png\": \"blake3:"), "{text}");
        let read = file::from_str(&text).unwrap();
        assert_eq!(remembered(&read, "beach.jpg"), remembered(&project, "beach.jpg"));
        let absolute = read.with_absolute_paths(base).unwrap();
        let full = base.join("beach.jpg").display().to_string();
        assert_eq!(remembered(&absolute, &full), remembered(&project, "beach.jpg"));
        assert_eq!(remembered(&absolute, "beach.jpg"), None);
        let relative = absolute.with_relative_paths(base);
        assert_eq!(remembered(&relative, "beach.jpg"), remembered(&project, "beach.jpg"));

        fs::remove_file(base.join("beach.jpg")).unwrap();
        let mut later = project.with_hashes(base, &Known::default());
        assert_eq!(remembered(&later, "beach.jpg"), remembered(&project, "beach.jpg"));
        later.layers_mut().unwrap().retain(|layer| layer.picture != Path::new("pictures/cat.png"));
        later = later.with_hashes(base, &Known::default());
        assert_eq!(remembered(&later, "pictures/cat.png"), None, "it names it no more");
    }

    #[test]
    fn a_project_without_hashes_writes_none_and_any_text_for_one_is_read() {
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("a.png", 0.0, 0.0));
        let text = file::to_string(&project).unwrap();
        assert!(!text.contains("hashes"), "{text}");
        let text = text.replacen("prompt:", "hashes: {\"a.png\": \"crc:17\"}, prompt:", 1);
        let read = file::from_str(&text).unwrap();
        assert_eq!(read.hashes.get(Path::new("a.png")), Some(&FileHash("crc:17".into())));
        assert_eq!(read.hashes.get(Path::new("a.png")).unwrap().short(), "crc 17");
    }
}
