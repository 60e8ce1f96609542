//! What lies where: `<id>.png`, the picture with its project in it, and beside it `<id>.ron`, what a list shows of it.
//!
//! The picture is written first and counts for itself: what lies beside it can be lost.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use super::entry::Entry;
use crate::project::hash::Known;
use crate::project::{DiskFiles, Files, Project, picture, png_text};
use crate::studio::places::{files, remove, seconds, sweep_unfinished, write_whole};

/// The most bytes of an entry that are read; a real one has a few hundred.
const MAX_BYTES: u64 = 1 << 16;
/// The lock that every running Podium shares.
const LOCK: &str = ".lock";

/// A picture to write.
#[derive(Clone)]
pub(super) struct Keep {
    pub entry: Entry,
    pub picture: Arc<RgbImage>,
    pub project: Project,
    /// Where the project's relative paths start.
    pub base: PathBuf,
    pub seed: u64,
}

pub(super) fn picture_path(folder: &Path, id: &str) -> PathBuf {
    // Not `with_extension`: a name that is not ours may have dots.
    folder.join(format!("{id}.png"))
}

fn entry_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.ron"))
}

/// The results in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// Names of pictures that are none.
    pub damaged: Vec<String>,
    /// How many older ones there are.
    pub older: usize,
}

/// Lists the newest `most` results without decoding any. With `sweep`, what an earlier session took out is removed.
pub(super) fn list(folder: &Path, most: usize, sweep: bool) -> Listing {
    let mut pictures: Vec<(u64, String)> = Vec::new();
    for path in files(folder) {
        let (Some(stem), Some(ending)) = (path.file_stem().and_then(OsStr::to_str), path.extension()) else { continue };
        if ending == "png" && !stem.starts_with('.') {
            pictures.push((time_of(stem, &path), stem.to_owned()));
        } else if ending == "ron" && sweep && !picture_path(folder, stem).exists() {
            // Its picture was removed by hand.
            let _ = remove(&path);
        }
    }
    pictures.sort_by(|a, b| b.cmp(a));
    let mut listing = Listing { older: pictures.len().saturating_sub(most), ..Listing::default() };
    for (made, id) in pictures.into_iter().take(most) {
        match entry(folder, &id, made) {
            Some(entry) if entry.deleted && sweep => {
                if let Err(words) = remove_files(folder, &id) {
                    log::warn!("{words}");
                }
            }
            Some(entry) => listing.entries.push(entry),
            None => listing.damaged.push(format!("{id}.png")),
        }
    }
    listing.entries.sort_by(|a, b| (b.made, &b.id).cmp(&(a.made, &a.id)));
    listing
}

/// Seconds since 1970, from the name of a picture that Podium wrote or else from the file.
fn time_of(stem: &str, path: &Path) -> u64 {
    match stem.split_once('-').map(|(millis, _)| (millis.len(), millis.parse::<u64>())) {
        Some((13, Ok(millis))) => millis / 1000,
        _ => fs::metadata(path).and_then(|about| about.modified()).map_or(0, seconds),
    }
}

fn entry(folder: &Path, id: &str, made: u64) -> Option<Entry> {
    let kept = read_small(&entry_path(folder, id)).and_then(|text| ron::from_str::<Entry>(&text).ok());
    match kept {
        Some(entry) => Some(Entry { id: id.to_owned(), ..entry }),
        None => Some(Entry { id: id.to_owned(), made, size: png_size(&picture_path(folder, id))?, ..Entry::default() }),
    }
}

fn read_small(path: &Path) -> Option<String> {
    let mut text = String::new();
    // A pipe would keep the reader waiting.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Width and height from a PNG's first bytes; None where it is none.
fn png_size(path: &Path) -> Option<(u32, u32)> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut head = [0; 24];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    let (start, size) = head.split_at(16);
    if start != b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" {
        return None;
    }
    let (width, height) = size.split_at(4);
    let size = [width, height].map(|bytes| bytes.try_into().map_or(0, u32::from_be_bytes));
    (!size.contains(&0)).then_some(size.into())
}

/// Writes a picture and what the list shows of it.
pub(super) fn keep(folder: &Path, keep: &Keep, known: &Known) -> Result<(), String> {
    let project = keep.project.with_hashes(&keep.base, known);
    let path = picture_path(folder, &keep.entry.id);
    let made = fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder: {error}"));
    made.and_then(|()| {
        png_text::write_png(&path, &keep.picture, &project, &keep.base, keep.seed).map_err(|error| error.to_string())
    })
    .map_err(|problem| {
        format!("The picture {} is not kept on the disk ({problem}). Save it from its menu now.", path.display())
    })?;
    note(folder, &keep.entry)
}

/// Writes what the list shows of a picture.
pub(super) fn note(folder: &Path, entry: &Entry) -> Result<(), String> {
    let path = entry_path(folder, &entry.id);
    let text = ron::ser::to_string_pretty(entry, ron::ser::PrettyConfig::new().new_line("\n"))
        .map_err(|error| format!("Cannot write {}: {error}.", path.display()))?;
    write_whole(&path, (text + "\n").as_bytes())
        .map_err(|error| format!("What the gallery shows of a picture: {error}."))
}

/// Removes a result's files; the picture first, so that one that cannot be removed stays known as taken out.
pub(super) fn remove_files(folder: &Path, id: &str) -> Result<(), String> {
    let (path, beside) = (picture_path(folder, id), entry_path(folder, id));
    let removed: io::Result<()> = remove(&path).and_then(|()| remove(&beside));
    removed.map_err(|error| format!("Cannot remove {}: {error}. Remove it by hand.", path.display()))
}

/// A result's picture.
pub(super) fn load(folder: &Path, id: &str) -> Result<Arc<RgbImage>, String> {
    let path = picture_path(folder, id);
    let files = DiskFiles { base: folder.to_owned(), assets: |_| None };
    let decoded = files.read(&path).and_then(|bytes| picture::decode(&bytes, &path));
    decoded.map(|picture| Arc::new(picture.into_rgb8())).map_err(|error| format!("A result cannot be shown: {error}."))
}

/// Takes this process's share of the folder's lock, after a look at what earlier sessions left if no other Podium runs.
/// What comes back is to be kept as long as the session.
pub(super) fn begin(folder: &Path, most: usize) -> (Listing, Option<File>) {
    let lock = fs::create_dir_all(folder)
        .and_then(|()| File::options().create(true).append(true).open(folder.join(LOCK)))
        .map_err(|error| log::warn!("{}: {error}", folder.display()))
        .ok();
    // Where there are no locks, taking results out and a second Podium at once may go badly; results that were not taken
    // out are safe everywhere.
    let alone = lock.as_ref().is_none_or(|lock| !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    if alone {
        sweep_unfinished(folder);
    }
    let listing = list(folder, most, alone);
    if let Some(lock) = &lock {
        let _ = lock.unlock();
        let _ = lock.try_lock_shared();
    }
    (listing, lock)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn write(folder: &Path, name: &str, days_ago: u64) -> PathBuf {
        let path = folder.join(name);
        RgbImage::new(3, 2).save(&path).unwrap();
        let when = SystemTime::now() - Duration::from_secs(days_ago * 86_400);
        File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
        path
    }

    fn ids(listing: &Listing) -> Vec<&str> {
        listing.entries.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn pictures_without_entries_are_listed_by_their_time_and_size() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "old.v2.png", 9);
        write(folder.path(), "new.png", 1);
        write(folder.path(), "1000000000000-000001-abcd.png", 0);
        let listing = list(folder.path(), 10, true);
        assert_eq!(ids(&listing), ["new", "old.v2", "1000000000000-000001-abcd"]);
        assert!(listing.entries.iter().all(|entry| entry.size == (3, 2) && entry.seed.is_none()));
        assert_eq!(listing.entries[2].made, 1_000_000_000);
    }

    #[test]
    fn the_newest_are_listed_and_the_rest_counted() {
        let folder = tempfile::tempdir().unwrap();
        for days in 1..=7 {
            write(folder.path(), &format!("{days}.png"), days);
        }
        let listing = list(folder.path(), 3, true);
        assert_eq!((ids(&listing), listing.older), (vec!["1", "2", "3"], 4));
    }

    #[test]
    fn what_is_no_picture_is_left_out_and_a_damaged_entry_is_done_without() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "good.png", 1);
        fs::write(folder.path().join("good.ron"), "(((").unwrap();
        fs::write(folder.path().join("empty.png"), "").unwrap();
        fs::write(folder.path().join("text.png"), "this is not a picture but a text").unwrap();
        fs::create_dir(folder.path().join("folder.png")).unwrap();
        fs::write(folder.path().join("lonely.ron"), "()").unwrap();
        let mut listing = list(folder.path(), 10, true);
        assert_eq!(ids(&listing), ["good"]);
        listing.damaged.sort();
        assert_eq!(listing.damaged, ["empty.png", "folder.png", "text.png"]);
        assert!(!folder.path().join("lonely.ron").exists());
        assert!(folder.path().join("text.png").exists(), "nothing is removed that was not taken out");
    }

    #[test]
    fn an_entry_of_another_version_is_read_as_far_as_it_is_known() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.png", 1);
        fs::write(folder.path().join("a.ron"), "(made: 5, mood: \"happy\", starred: true)").unwrap();
        let entry = list(folder.path(), 10, true).entries.remove(0);
        assert_eq!((entry.id.as_str(), entry.made, entry.starred), ("a", 5, true));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_empty_gallery() {
        let listing = list(Path::new("/nowhere/at/all"), 10, true);
        assert!(listing.entries.is_empty() && listing.damaged.is_empty());
    }
}
