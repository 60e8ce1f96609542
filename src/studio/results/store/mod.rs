//! The gallery: finished pictures, on disk from the moment they are there, and a few of them in memory.
//!
//! [`Store`] is what the window has, and never waits for the disk; `thread.rs` does the work in the background; `disk.rs`
//! says what lies where; `recent.rs` bounds what memory holds.

mod disk;
mod entry;
mod recent;
mod thread;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use crossbeam_channel::unbounded;
use image::RgbImage;

use self::disk::{Keep, Listing};
use self::recent::Recent;
use self::thread::{Ask, Done, Shared, Work, Worker};
use crate::project::Project;
use crate::studio::document::history::ResultId;
use crate::studio::places::Places;
use crate::studio::tasks::{Line, Tap};

pub use entry::{Entry, MOST};

/// Full pictures kept in memory at most, besides those that wait to be written.
pub const PICTURES: usize = 16;
/// Pictures that may wait to be written before no more should be made (see [`Store::is_behind`]).
pub const WAITING: usize = 16;
/// What is said while so many wait.
pub const BEHIND: &str = "The disk does not keep up: more than 16 pictures wait to be written to the gallery. Wait until they \
                          are, or see whether the disk is full or gone.";
/// Bytes of thumbnails kept in memory.
const THUMBNAILS: usize = 64 << 20;
/// The longest side that a thumbnail may have.
const MOST_SIDE: u32 = 512;
/// Letters of a prompt that an entry keeps.
const EXCERPT: usize = 160;

/// What a finished picture's render tells of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// The time of the whole render.
    pub took: Duration,
    /// A number that no other render of this session has, such as the job's.
    pub batch: u64,
    /// Which picture of the render, counted from 0.
    pub picture: u32,
    /// The device, in words.
    pub device: String,
}

/// A result that is not on the disk yet.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its picture.
    pub picture: Arc<RgbImage>,
    /// What it was made from, with the picture's own seed.
    pub project: Project,
    /// Where that project's relative paths start.
    pub base: PathBuf,
}

/// The gallery. [`Store::poll`] takes in what the background has done; call it every frame.
pub struct Store {
    folder: PathBuf,
    entries: Vec<Entry>,
    is_listed: bool,
    pictures: Recent<ResultId>,
    thumbnails: Recent<(ResultId, u32)>,
    asked: HashSet<(ResultId, Option<u32>)>,
    failed: HashMap<ResultId, String>,
    /// What this session took out; another running Podium's stays its own.
    deleted: BTreeSet<ResultId>,
    messages: Vec<String>,
    shared: Arc<Shared>,
    done: Line<Done>,
    thread: Option<JoinHandle<()>>,
    session: String,
    last: u128,
    added: u64,
    /// Whether it was said that the disk does not keep up.
    told_behind: bool,
}

impl Store {
    /// Opens the gallery. The entries come with [`Store::poll`] once they are listed; `wake` is called from another
    /// thread whenever there is something to poll.
    pub fn open(places: &Places, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self::through(places, wake, &Tap::default())
    }

    /// The same, where what its thread tells comes through a tap.
    pub(super) fn through(places: &Places, wake: Arc<dyn Fn() + Send + Sync>, tap: &Tap) -> Self {
        let folder = places.results_folder();
        let shared = Arc::new(Shared::default());
        let (outbox, done) = unbounded();
        let worker = Worker::new(folder.clone(), shared.clone(), outbox, wake);
        let mut messages = Vec::new();
        let thread = std::thread::Builder::new().name("podium-gallery".into()).spawn(move || worker.run());
        let thread = thread.map_err(|error| {
            messages.push(format!("The gallery cannot be opened: the system has no thread to give ({error})."));
        });
        shared.push(Work::List);
        Self {
            folder,
            entries: Vec::new(),
            // Without a thread nothing will ever come.
            is_listed: thread.is_err(),
            pictures: Recent::new(PICTURES, usize::MAX),
            thumbnails: Recent::new(usize::MAX, THUMBNAILS),
            asked: HashSet::new(),
            failed: HashMap::new(),
            deleted: BTreeSet::new(),
            messages,
            shared,
            done: tap.line(done),
            thread: thread.ok(),
            session: format!("{:013}-{:08x}", millis(), RandomState::new().hash_one(0) as u32),
            last: 0,
            added: 0,
            told_behind: false,
        }
    }

    /// Every result, the newest first, those taken out included; at most [`MOST`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the results of earlier sessions are among the entries.
    pub fn is_listed(&self) -> bool {
        self.is_listed
    }

    /// One result.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Where a result's picture is, or will be as soon as it is written.
    pub fn path(&self, id: &str) -> PathBuf {
        disk::picture_path(&self.folder, id)
    }

    /// Takes in a finished picture: it is among the entries and in memory at once, and is written in the background,
    /// with its project in it.
    ///
    /// `base` is where the project's relative paths start and `seed` the picture's own. Never waits and drops nothing:
    /// where the disk is stuck, that is said, and [`Store::is_behind`] keeps further renders from being started.
    pub fn add(&mut self, picture: &RgbImage, project: &Project, base: &Path, seed: u64, meta: Meta) -> ResultId {
        self.last = self.last.max(millis());
        self.added += 1;
        // In the order of being made, and with no other Podium's of the same millisecond in the way.
        let random = RandomState::new().hash_one(self.added) as u16;
        let id = format!("{:013}-{:06}-{random:04x}", self.last, self.added);
        let entry = Entry {
            id: id.clone(),
            made: (self.last / 1000) as u64,
            took: meta.took.as_secs_f32(),
            seed: Some(seed),
            batch: format!("{}-{}", self.session, meta.batch),
            picture: meta.picture,
            starred: false,
            deleted: false,
            prompt: excerpt(&project.prompt),
            size: picture.dimensions(),
            device: meta.device,
        };
        self.entries.insert(0, entry.clone());
        self.entries.truncate(MOST);
        let picture = Arc::new(picture.clone());
        self.pictures.put(id.clone(), picture.clone());
        if self.thread.is_some() {
            let keep = Keep { entry, picture, project: project.clone(), base: base.to_owned(), seed };
            self.shared.push_keep(keep);
            if self.is_behind() && !self.told_behind {
                self.told_behind = true;
                self.messages.push(format!("{BEHIND} They are in memory until then: do not close the window."));
            }
        }
        id
    }

    /// A result that is not on the disk yet. None where it is, so that its file can be read.
    pub fn waiting(&self, id: &str) -> Option<Waiting> {
        let keep = self.shared.kept(id)?;
        let project = Project { seed: keep.seed, pictures: 1, ..keep.project.clone() };
        Some(Waiting { picture: keep.picture.clone(), project, base: keep.base.clone() })
    }

    /// Pictures that could not be written so far; they are kept in memory and tried again.
    pub fn unwritten(&self) -> usize {
        self.shared.failed()
    }

    /// Whether so many pictures wait to be written that no more should be made: memory must stay bounded.
    pub fn is_behind(&self) -> bool {
        self.shared.waiting() > WAITING
    }

    /// A result's picture where it is in memory. Where it is not, it is asked for, and comes with a later poll unless
    /// [`Store::failure`] says why not.
    pub fn picture(&mut self, id: &str) -> Option<Arc<RgbImage>> {
        let found = self.pictures.get(&id.to_owned());
        if found.is_none() {
            self.ask(id, None);
        }
        found
    }

    /// A small picture of a result, whose longer side has `side` pixels, or fewer where the result has fewer. None as
    /// with [`Store::picture`]. Range of `side`: 1 to 512.
    pub fn thumbnail(&mut self, id: &str, side: u32) -> Option<Arc<RgbImage>> {
        let side = side.clamp(1, MOST_SIDE);
        let found = self.thumbnails.get(&(id.to_owned(), side));
        if found.is_none() {
            self.ask(id, Some(side));
        }
        found
    }

    /// Asks for a picture that is not in memory, so that it is there when it is needed.
    pub fn request(&mut self, id: &str) {
        if !self.pictures.holds(&id.to_owned()) {
            self.ask(id, None);
        }
    }

    /// Why a result's picture cannot be shown, in words.
    pub fn failure(&self, id: &str) -> Option<&str> {
        self.failed.get(id).map(String::as_str)
    }

    fn ask(&mut self, id: &str, side: Option<u32>) {
        let key = (id.to_owned(), side);
        if self.thread.is_none() || self.failed.contains_key(id) || !self.asked.insert(key) {
            return;
        }
        let source = side.and_then(|_| self.pictures.get(&id.to_owned()));
        // What was asked for long ago is no longer looked at; if it is, it is asked for again.
        if let Some(dropped) = self.shared.ask(Ask { id: id.to_owned(), side, source }) {
            self.asked.remove(&(dropped.id, dropped.side));
        }
    }

    /// Marks a result as good, or not. Says whether there is such a result.
    pub fn set_starred(&mut self, id: &str, starred: bool) -> bool {
        self.change(id, |entry| entry.starred = starred)
    }

    /// Takes a result out of the gallery, or puts it back. Its files stay until [`Store::close`] or, after a crash, the
    /// next start. Says whether there is such a result.
    pub fn set_deleted(&mut self, id: &str, deleted: bool) -> bool {
        if !self.change(id, |entry| entry.deleted = deleted) {
            return false;
        }
        if deleted {
            self.deleted.insert(id.to_owned());
        } else {
            self.deleted.remove(id);
        }
        true
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Entry)) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) else { return false };
        let before = entry.clone();
        change(entry);
        if *entry != before {
            self.shared.push(Work::Note(entry.clone()));
        }
        true
    }

    /// Takes in what the background has done. Says whether anything is new.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        self.told_behind &= self.is_behind();
        while let Some(done) = self.done.next() {
            any = true;
            match done {
                Done::Listed(_) if self.is_listed => {}
                Done::Listed(listing) => self.take_in(listing),
                Done::Loaded { id, side, picture } => {
                    self.asked.remove(&(id.clone(), side));
                    match (picture, side) {
                        (Ok(picture), None) => self.pictures.put(id, picture),
                        (Ok(picture), Some(side)) => self.thumbnails.put((id, side), picture),
                        (Err(words), _) => {
                            if self.failed.insert(id, words.clone()).is_none() {
                                self.messages.push(words);
                            }
                        }
                    }
                }
                Done::Told(words) => self.messages.push(words),
            }
        }
        any
    }

    fn take_in(&mut self, listing: Listing) {
        let known: HashSet<ResultId> = self.entries.iter().map(|entry| entry.id.clone()).collect();
        self.entries.extend(listing.entries.into_iter().filter(|entry| !known.contains(&entry.id)));
        self.entries.sort_by(|a, b| (b.made, &b.id).cmp(&(a.made, &a.id)));
        self.entries.truncate(MOST);
        self.is_listed = true;
        let folder = self.folder.display();
        if let Some(first) = listing.damaged.first() {
            let what = match listing.damaged.len() {
                1 => format!("{first} in {folder} is no picture that can be read, and is"),
                count => {
                    format!("{first} and {} others in {folder} are no pictures that can be read, and are", count - 1)
                }
            };
            self.messages
                .push(format!("{what} left out of the gallery: replace or remove what you do not need there."));
        }
        if listing.older > 0 {
            self.messages.push(format!(
                "The gallery shows the newest {MOST} results; {} older ones are in {folder}.",
                listing.older
            ));
        }
    }

    /// What went wrong since the last call, in words for people.
    pub fn take_messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.messages)
    }

    /// Full pictures in memory: those kept for showing, and those that wait to be written.
    pub fn pictures_held(&self) -> usize {
        self.pictures.len() + self.shared.waiting()
    }

    /// Whether anything waits to be written.
    pub fn is_writing(&self) -> bool {
        self.shared.is_writing()
    }

    /// Whether any picture that was asked for is still to come.
    pub fn is_reading(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Ends the session: writes what waits and removes the files of what this session took out. Returns what went
    /// wrong, in words.
    pub fn close(&mut self) -> Vec<String> {
        let gone = std::mem::take(&mut self.deleted);
        self.shared.push(Work::Remove(gone.into_iter().collect()));
        self.end();
        self.poll();
        self.take_messages()
    }

    fn end(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // Its panics are caught and told; nothing more can be done at the end.
            let _ = thread.join();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end();
    }
}

fn millis() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

/// How a prompt begins, on one line.
fn excerpt(prompt: &str) -> String {
    let line = prompt.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests;
