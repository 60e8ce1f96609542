//! The library: where a person's models, LoRAs and embeddings are, and getting more of them.
//!
//! - What was found? `entry.rs`; by name, folder and beginning of a file, `look.rs`.
//! - Where is it looked for? `roots.rs`, with ComfyUI's list of further folders, `yaml.rs`; how, `walk.rs`.
//! - What of it is shown? `search.rs`. What does it look like? `previews.rs`.
//! - What is being got? `getting.rs`; how, is [`crate::hub`]'s.
//!
//! Nothing is looked for before somebody asks, and nothing of it is kept on the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use image::RgbImage;

use self::entry::{Entry, Kind, Program};
use self::getting::{Getting, State};
use self::previews::{Preview, Previews};
use self::roots::Machine;
use self::walk::Walked;
use super::tasks::{Desk, Line, Pool};
use crate::hub::{self, Cancel, Got, Hub, HubError, Precision, Wanted};
use crate::project::files::name_of;

pub mod entry;
pub mod getting;
pub mod look;
pub mod previews;
pub mod roots;
pub mod search;
pub mod walk;
mod yaml;

/// How often a thread tells how far it is.
const TELL: Duration = Duration::from_millis(100);
/// The most that are kept in the list of what is being got.
const MOST_GETTINGS: usize = 50;

/// What came of a piece of work.
#[cfg_attr(test, derive(Clone))]
enum Told {
    /// The number says of which search.
    Walked(u64, Result<Walked, String>),
    Got {
        id: u64,
        outcome: Result<(Got, Option<Box<Entry>>), HubError>,
    },
    Preview {
        path: PathBuf,
        made: Option<RgbImage>,
    },
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Walked, Got, Preview);

/// Something that a search has come upon.
#[cfg_attr(test, derive(Clone))]
struct Found {
    /// The number of the search.
    look: u64,
    /// How many it had found before.
    at: usize,
    entry: Entry,
}

#[cfg(test)]
crate::studio::tasks::kinds!(Found);

/// What the other rooms shall know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More is known than before.
    Learnt,
}

/// A search through folders that is under way.
struct Search {
    cancel: Cancel,
    told: Arc<Mutex<Walked>>,
}

/// The library.
pub struct Library {
    /// Where files are got from; None: as the environment says.
    pub hub: Option<Hub>,
    /// Whether the usual folders of other programs are looked through, beside those that somebody added.
    pub usual: bool,
    downloads: PathBuf,
    entries: Vec<Entry>,
    walked: Option<Result<Walked, String>>,
    search: Option<Search>,
    /// How often was looked; the number of the last search.
    looks: u64,
    /// Which search's finds are taken in, and how many of them were: none of one that was given up.
    taken: Option<(u64, usize)>,
    /// What searches come upon, as they do.
    finds: Sender<Found>,
    found: Line<Found>,
    gettings: Vec<Getting>,
    numbers: u64,
    previews: Previews,
    learnt: u64,
    /// Previews take moments, and share the threads of all rooms.
    desk: Desk<Told>,
    /// A search and a download may take an hour, and have threads of their own.
    long: Desk<Told>,
}

impl Library {
    /// Nothing is known yet. `downloads` is where files go that have no place in the hub's cache.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(pool: &Pool, downloads: PathBuf) -> std::io::Result<Self> {
        let (finds, found) = unbounded();
        Ok(Self {
            hub: None,
            usual: true,
            downloads,
            entries: Vec::new(),
            walked: None,
            search: None,
            looks: 0,
            taken: None,
            finds,
            found: pool.tap().line(found),
            gettings: Vec::new(),
            numbers: 0,
            previews: Previews::default(),
            learnt: 0,
            desk: pool.desk(),
            long: pool.another("library")?.desk(),
        })
    }

    /// Takes in what was found and got.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut any = self.take_found();
        while let Some(told) = self.desk.next().or_else(|| self.long.next()) {
            any = true;
            match told {
                Told::Walked(number, walked) if number == self.looks && self.walked.is_none() => {
                    self.take_found();
                    (self.walked, self.search) = (Some(walked), None);
                }
                // Of a search that was given up for the one that is under way.
                Told::Walked(..) => {}
                Told::Preview { path, made } => self.previews.put(path, made),
                Told::Got { id, outcome } => self.take_got(id, outcome),
            }
        }
        let now = Instant::now();
        for getting in &mut self.gettings {
            any |= getting.follow(now);
        }
        if any { vec![Outcome::Learnt] } else { Vec::new() }
    }

    /// Whether pictures are being made that somebody looks at. What may take an hour is asked of [`Self::is_working`].
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Whether something is looked for or got, or what came of it is not taken in yet.
    pub fn is_working(&self) -> bool {
        self.long.is_busy() || !self.found.is_empty()
    }

    /// Counts how often what was found has changed; how far a download is does not count.
    pub fn learnt(&self) -> u64 {
        self.learnt
    }

    // Looking.

    /// Everything that was found.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Looks through the usual folders and those that somebody added, in the background. One that is under way is given
    /// up. What was found before is looked for anew.
    pub fn look(&mut self, added: Vec<PathBuf>) {
        self.stop_looking();
        self.entries.clear();
        self.learnt += 1;
        let search = Search { cancel: Cancel::default(), told: Arc::default() };
        let (cancel, told) = (search.cancel.clone(), search.told.clone());
        let (hub, usual, downloads) = (self.hub.clone(), self.usual, self.downloads.clone());
        let wake = self.long.pool().wake();
        self.search = Some(search);
        self.walked = None;
        self.looks += 1;
        self.taken = Some((self.looks, 0));
        let (number, finds) = (self.looks, self.finds.clone());
        self.long.run(move || {
            let hub = match hub.map_or_else(Hub::standard, Ok) {
                Ok(hub) => hub,
                Err(words) => return Told::Walked(number, Err(words)),
            };
            let roots = if usual {
                roots::roots(&Machine::this(), &hub, &downloads, &added)
            } else {
                let nowhere = Machine { home: None, data: None, variable: &|_| None };
                roots::roots(&nowhere, &hub, &downloads, &added)
            };
            let (mut last, mut count) = (Instant::now(), 0);
            let walked = walk::walk(&roots, &cancel, &mut |news| match news {
                walk::Told::Found(entry) => {
                    // The studio may be gone.
                    let _ = finds.send(Found { look: number, at: count, entry: *entry });
                    count += 1;
                }
                walk::Told::At(walked) => {
                    if last.elapsed() >= TELL {
                        last = Instant::now();
                        walked.clone_into(&mut told.lock().unwrap_or_else(PoisonError::into_inner));
                        wake();
                    }
                }
            });
            Told::Walked(number, Ok(walked))
        });
    }

    /// Gives up looking; what was found stays.
    pub fn stop_looking(&mut self) {
        if let Some(search) = self.search.take() {
            search.cancel.cancel();
            self.taken = None;
        }
    }

    /// How far a search is that is under way.
    pub fn looking(&self) -> Option<Walked> {
        let search = self.search.as_ref()?;
        Some(search.told.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// What came of the last search; None where nobody has looked yet.
    pub fn looked(&self) -> Option<&Result<Walked, String>> {
        self.walked.as_ref()
    }

    fn take_found(&mut self) -> bool {
        let before = self.entries.len();
        while let Some(Found { look, at, entry }) = self.found.next() {
            // Each is taken once, and none of a search that was given up.
            if let Some((number, taken)) = &mut self.taken
                && (*number, *taken) == (look, at)
            {
                *taken += 1;
                self.entries.push(entry);
            }
        }
        let any = self.entries.len() > before;
        self.learnt += u64::from(any);
        any
    }

    /// A picture of an entry, small.
    pub fn preview(&mut self, picture: &Path) -> Preview {
        let desk = &self.desk;
        self.previews.get(picture, |path| {
            desk.run(move || {
                // Whatever a decoder does at a broken file, the answer comes.
                let made = std::panic::catch_unwind(|| previews::make(&path)).ok().flatten();
                Told::Preview { path, made }
            });
        })
    }

    // Getting.

    /// What is being got, and what came of it; the oldest first.
    pub fn gettings(&self) -> &[Getting] {
        &self.gettings
    }

    /// Gets what was typed: a repository of the hub, a page or an address. One at a time; others wait.
    pub fn get(&mut self, text: &str, precision: Precision) {
        let text = text.trim().to_owned();
        if self.gettings.iter().any(|other| other.text == text && other.is_open()) {
            return;
        }
        self.gettings.retain(|other| other.text != text);
        self.numbers += 1;
        self.gettings.push(Getting::new(self.numbers, text, precision));
        while self.gettings.len() > MOST_GETTINGS {
            let Some(closed) = self.gettings.iter().position(|getting| !getting.is_open()) else { break };
            self.gettings.remove(closed);
        }
        self.begin_next();
    }

    /// Cancels one.
    pub fn cancel(&mut self, id: u64) {
        if let Some(getting) = self.gettings.iter_mut().find(|getting| getting.id == id) {
            match getting.state {
                State::Waiting => getting.state = State::Cancelled,
                // Its thread tells when it has stopped.
                State::Running => getting.cancel.cancel(),
                _ => {}
            }
        }
    }

    /// Tries one again that failed or was cancelled.
    pub fn retry(&mut self, id: u64) {
        let Some(getting) = self.gettings.iter().find(|getting| getting.id == id && !getting.is_open()) else { return };
        let (text, precision) = (getting.text.clone(), getting.precision);
        self.get(&text, precision);
    }

    /// Takes one that is over out of the list.
    pub fn dismiss(&mut self, id: u64) {
        self.gettings.retain(|getting| getting.id != id || getting.is_open());
    }

    fn begin_next(&mut self) {
        if self.gettings.iter().any(|getting| getting.state == State::Running) {
            return;
        }
        let Some(getting) = self.gettings.iter_mut().find(|getting| getting.state == State::Waiting) else { return };
        getting.state = State::Running;
        let (id, text, precision) = (getting.id, getting.text.clone(), getting.precision);
        let (cancel, told) = (getting.cancel.clone(), getting.told.clone());
        let (hub, folder, wake) = (self.hub.clone(), self.downloads.clone(), self.long.pool().wake());
        self.long.run(move || {
            let mut last: Option<Instant> = None;
            let mut tell = |progress: &hub::Progress| {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                let news = told.stage != progress.stage || told.file != progress.file;
                if news || last.is_none_or(|last| last.elapsed() >= TELL) {
                    last = Some(Instant::now());
                    progress.clone_into(&mut told);
                    drop(told);
                    wake();
                }
            };
            let outcome = get(hub, &text, precision, &folder, &cancel, &mut tell);
            Told::Got { id, outcome }
        });
    }

    fn take_got(&mut self, id: u64, outcome: Result<(Got, Option<Box<Entry>>), HubError>) {
        if !self.gettings.iter().any(|getting| getting.id == id && getting.state == State::Running) {
            return;
        }
        let state = match outcome {
            Ok((got, entry)) => {
                if let Some(entry) = entry {
                    self.entries.retain(|other| other.path != entry.path);
                    self.entries.push(*entry);
                    self.learnt += 1;
                }
                State::Done(got)
            }
            Err(HubError::Cancelled) => State::Cancelled,
            Err(error) => State::Failed(format!("{error}.")),
        };
        if let Some(getting) = self.gettings.iter_mut().find(|getting| getting.id == id) {
            getting.state = state;
        }
        self.begin_next();
    }
}

impl Drop for Library {
    /// Threads that look or get must not outlive the studio by an hour.
    fn drop(&mut self) {
        self.stop_looking();
        self.gettings.iter().for_each(|getting| getting.cancel.cancel());
    }
}

/// Gets something, and looks at what it is.
fn get(
    hub: Option<Hub>,
    text: &str,
    precision: Precision,
    folder: &Path,
    cancel: &Cancel,
    tell: &mut dyn FnMut(&hub::Progress),
) -> Result<(Got, Option<Box<Entry>>), HubError> {
    let hub = hub.map_or_else(Hub::standard, Ok).map_err(HubError::Address)?;
    let wanted = Wanted::parse(text, &hub.endpoint)?;
    let got = hub::get(&hub, &wanted, precision, folder, cancel, tell)?;
    let (name, program) = match &wanted {
        Wanted::Repository { id, .. } => (id.clone(), Program::Hub),
        Wanted::File { id, path, .. } => {
            (format!("{id}/{}", walk::stem(path.rsplit('/').next().unwrap_or(path))), Program::Hub)
        }
        _ => (walk::stem(&name_of(&got.path)).to_owned(), Program::Podium),
    };
    let looker = look::Looker::default();
    let entry = walk::entry(&looker, &got.path, name, Kind::Unknown, program).map(Box::new);
    Ok((got, entry))
}

#[cfg(test)]
mod tests;
