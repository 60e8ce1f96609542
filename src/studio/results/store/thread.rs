//! The thread that reads and writes the gallery.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use image::RgbImage;
use image::imageops::thumbnail;

use super::disk::{self, Keep, Listing};
use super::entry::{Entry, MOST};
use crate::project::hash::Known;
use crate::studio::document::history::ResultId;

/// From a picture that could not be written to the next try.
const AGAIN: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(10) };

/// Pictures that may be asked for at once; whoever scrolls past more looks at the last ones.
const ASKS: usize = 64;

/// What is done in the order in which it was told.
pub(super) enum Work {
    List,
    Keep(Box<Keep>),
    Note(Entry),
    Remove(Vec<ResultId>),
}

/// A picture to load, or a small one of it.
pub(super) struct Ask {
    pub id: ResultId,
    pub side: Option<u32>,
    /// The picture, where it is in memory.
    pub source: Option<Arc<RgbImage>>,
}

/// What came of it.
#[cfg_attr(test, derive(Clone))]
pub(super) enum Done {
    Listed(Listing),
    Loaded {
        id: ResultId,
        side: Option<u32>,
        picture: Result<Arc<RgbImage>, String>,
    },
    /// Something went wrong, in words.
    Told(String),
}

#[cfg(test)]
crate::studio::tasks::kinds!(Done: Listed, Loaded, Told);

/// What the window's thread and this one share.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    work: VecDeque<Work>,
    /// The last is the next.
    asks: VecDeque<Ask>,
    /// Pictures that could not be written, to be tried again: a full disk may have room in a while.
    failed: VecDeque<Box<Keep>>,
    /// When the first of them is tried again.
    again: Option<Instant>,
    /// Pictures in `work` and `failed`, and the one being written.
    waiting: usize,
    /// Work is being done.
    busy: bool,
    stop: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, work: Work) {
        self.queue().work.push_back(work);
        self.changed.notify_all();
    }

    /// Queues a picture, however many wait.
    pub(super) fn push_keep(&self, keep: Box<Keep>) {
        let mut queue = self.queue();
        queue.waiting += 1;
        queue.work.push_back(Work::Keep(keep));
        self.changed.notify_all();
    }

    /// Queues a wish before the others. Returns one that had to go to make room.
    pub(super) fn ask(&self, ask: Ask) -> Option<Ask> {
        let mut queue = self.queue();
        queue.asks.push_back(ask);
        self.changed.notify_all();
        if queue.asks.len() > ASKS { queue.asks.pop_front() } else { None }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting
    }

    /// Pictures that could not be written so far.
    pub(super) fn failed(&self) -> usize {
        self.queue().failed.len()
    }

    pub(super) fn is_writing(&self) -> bool {
        let queue = self.queue();
        queue.busy || !queue.work.is_empty()
    }

    /// Ends the thread once all work is done; what is only to be looked at is dropped.
    pub(super) fn stop(&self) {
        let mut queue = self.queue();
        queue.stop = true;
        queue.asks.clear();
        self.changed.notify_all();
    }

    /// The next thing to do; None at the end. A wish goes before work, and work before the next wish, so that neither
    /// waits for all of the other.
    fn next(&self, asked: bool) -> Option<Next> {
        let mut queue = self.queue();
        loop {
            // Whoever listed nothing yet has nothing to wish for that is not in memory.
            let turn_of_work = asked || matches!(queue.work.front(), Some(Work::List));
            let work_first = turn_of_work && !queue.work.is_empty();
            if !work_first && let Some(mut ask) = queue.asks.pop_back() {
                // It may not be on the disk yet.
                ask.source = ask.source.or_else(|| queue.kept(&ask.id));
                return Some(Next::Ask(ask));
            }
            if let Some(work) = queue.work.pop_front() {
                queue.busy = true;
                return Some(Next::Work(work));
            }
            // At the end each is tried once more, and then the last that can be said of it was said.
            let now = Instant::now();
            let due = queue.again.is_some_and(|again| again <= now);
            if (due || queue.stop)
                && let Some(keep) = queue.failed.pop_front()
            {
                queue.busy = true;
                return Some(Next::Work(Work::Keep(keep)));
            }
            if queue.stop {
                return None;
            }
            queue = match queue.again.filter(|_| !queue.failed.is_empty()) {
                Some(again) => {
                    let rest = again.saturating_duration_since(now);
                    self.changed.wait_timeout(queue, rest).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Work is done; `kept` of it were pictures.
    fn finish(&self, kept: bool) {
        let mut queue = self.queue();
        queue.busy = false;
        queue.waiting -= usize::from(kept);
    }

    /// A picture could not be written. It waits to be tried again, unless this is the end.
    fn finish_later(&self, keep: Box<Keep>) {
        let mut queue = self.queue();
        queue.busy = false;
        if queue.stop {
            queue.waiting -= 1;
        } else {
            queue.failed.push_back(keep);
            queue.again = Some(Instant::now() + AGAIN);
        }
    }
}

impl Queue {
    fn kept(&self, id: &str) -> Option<Arc<RgbImage>> {
        let in_work = self.work.iter().find_map(|work| match work {
            Work::Keep(keep) if keep.entry.id == id => Some(keep.picture.clone()),
            _ => None,
        });
        in_work.or_else(|| self.failed.iter().find(|keep| keep.entry.id == id).map(|keep| keep.picture.clone()))
    }
}

enum Next {
    Work(Work),
    Ask(Ask),
}

/// The thread itself.
pub(super) struct Worker {
    folder: PathBuf,
    shared: Arc<Shared>,
    outbox: Sender<Done>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Held as long as the session.
    lock: Option<File>,
    /// Whether it was said that a picture could not be written, since one last could.
    told: bool,
    /// What the projects in the pictures remember of their files.
    known: Known,
}

impl Worker {
    pub(super) fn new(
        folder: PathBuf,
        shared: Arc<Shared>,
        outbox: Sender<Done>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self { folder, shared, outbox, wake, lock: None, told: false, known: Known::default() }
    }

    pub(super) fn run(mut self) {
        let mut asked = false;
        while let Some(next) = self.shared.next(asked) {
            asked = matches!(next, Next::Ask(_));
            match next {
                Next::Ask(ask) => self.load(ask),
                Next::Work(work) => {
                    // A panic in an encoder costs one picture and not the gallery.
                    let done = catch_unwind(AssertUnwindSafe(|| self.work(&work)));
                    match (work, done) {
                        (Work::Keep(keep), Ok(Err(words))) => {
                            // Once, however many wait and however often they are tried.
                            if !std::mem::replace(&mut self.told, true) {
                                let words = words.trim_end_matches('.');
                                self.tell(Done::Told(format!("{words}. It is kept in memory and tried again.")));
                            }
                            self.shared.finish_later(keep);
                        }
                        (work, done) => {
                            let kept = matches!(work, Work::Keep(_));
                            if kept && matches!(done, Ok(Ok(_))) {
                                self.told = false;
                            }
                            let told = |words| vec![Done::Told(words)];
                            let done = done.map(|done| done.unwrap_or_else(told));
                            for done in done.unwrap_or_else(|_| told(PANIC.to_owned())) {
                                self.tell(done);
                            }
                            self.shared.finish(kept);
                        }
                    }
                }
            }
        }
    }

    fn tell(&self, done: Done) {
        // The window may be gone.
        let _ = self.outbox.send(done);
        (self.wake)();
    }

    fn work(&mut self, work: &Work) -> Result<Vec<Done>, String> {
        let outcome = match work {
            Work::List => {
                let (listing, lock) = disk::begin(&self.folder, MOST);
                self.lock = lock;
                return Ok(vec![Done::Listed(listing)]);
            }
            Work::Keep(keep) => disk::keep(&self.folder, keep, &self.known),
            Work::Note(entry) => disk::note(&self.folder, entry),
            Work::Remove(ids) => {
                let outcomes = ids.iter().map(|id| disk::remove_files(&self.folder, id));
                return Ok(outcomes.filter_map(Result::err).map(Done::Told).collect());
            }
        };
        outcome.map(|()| Vec::new())
    }

    fn load(&self, ask: Ask) {
        let Ask { id, side, source } = ask;
        let load = || {
            let picture = source.map_or_else(|| disk::load(&self.folder, &id), Ok)?;
            Ok(match side {
                Some(side) => small(&picture, side),
                None => picture,
            })
        };
        let picture = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err(PANIC.to_owned()));
        self.tell(Done::Loaded { id, side, picture });
    }
}

const PANIC: &str = "The gallery met a fault of this program while it read or wrote a picture; the others are not touched. \
                     Please report it with what the terminal says.";

/// The picture at a longer side of `side`, or as it is where it is smaller.
fn small(picture: &Arc<RgbImage>, side: u32) -> Arc<RgbImage> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return picture.clone();
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longest)).max(1) as u32;
    Arc::new(thumbnail(&**picture, scaled(width), scaled(height)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    fn keep(id: &str) -> Box<Keep> {
        let entry = Entry { id: id.into(), ..Entry::default() };
        let picture = Arc::new(RgbImage::new(2, 1));
        Box::new(Keep { entry, picture, project: Project::new(), base: PathBuf::new(), seed: 0 })
    }

    fn ask(id: &str) -> Ask {
        Ask { id: id.into(), side: None, source: None }
    }

    fn name(next: Option<Next>) -> String {
        match next {
            Some(Next::Ask(ask)) => format!("ask {}", ask.id),
            Some(Next::Work(Work::Keep(keep))) => format!("keep {}", keep.entry.id),
            Some(Next::Work(Work::List)) => "list".into(),
            Some(Next::Work(_)) => "other".into(),
            None => "end".into(),
        }
    }

    #[test]
    fn a_picture_that_is_not_written_yet_is_taken_from_the_queue() {
        let shared = Shared::default();
        shared.push_keep(keep("a"));
        shared.ask(ask("a"));
        let Some(Next::Ask(ask)) = shared.next(false) else { panic!("no wish") };
        assert_eq!(ask.source.unwrap().dimensions(), (2, 1));
    }

    #[test]
    fn wishes_and_work_take_turns_and_all_work_is_done_before_the_end() {
        let shared = Shared::default();
        shared.push(Work::List);
        shared.push_keep(keep("a"));
        shared.push_keep(keep("b"));
        for id in ["x", "y", "z"] {
            shared.ask(ask(id));
        }
        let mut asked = false;
        let mut turn = || {
            let next = shared.next(asked);
            asked = matches!(next, Some(Next::Ask(_)));
            name(next)
        };
        assert_eq!([turn(), turn(), turn()], ["list", "ask z", "keep a"]);
        shared.stop();
        assert_eq!([turn(), turn()], ["keep b", "end"]);
    }

    #[test]
    fn the_oldest_wish_goes_when_there_are_too_many() {
        let shared = Shared::default();
        for number in 0..ASKS {
            assert!(shared.ask(ask(&number.to_string())).is_none());
        }
        assert_eq!(shared.ask(ask("last")).unwrap().id, "0");
        assert_eq!(name(shared.next(false)), "ask last");
    }

    #[test]
    fn a_picture_counts_as_waiting_until_it_is_written() {
        let shared = Shared::default();
        shared.push_keep(keep("a"));
        shared.push_keep(keep("b"));
        assert_eq!((name(shared.next(true)).as_str(), shared.waiting()), ("keep a", 2), "the one being written counts");
        shared.finish(true);
        assert_eq!((name(shared.next(true)).as_str(), shared.waiting()), ("keep b", 1));
    }
}
