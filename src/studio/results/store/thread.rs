//! The thread that reads and writes the gallery.

use std::collections::VecDeque;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_channel::Sender;
use image::RgbImage;
use image::imageops::thumbnail;

use super::disk::{self, Keep, Listing};
use super::entry::{Entry, MOST};
use crate::project::hash::Known;
use crate::studio::document::history::ResultId;
use crate::studio::places::AGAIN;

/// Pictures that may be asked for at once; whoever scrolls past more looks at the last ones.
const ASKS: usize = 64;

/// What is done in the order in which it was told.
pub(super) enum Work {
    List,
    Keep(Arc<Keep>),
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
    /// Pictures and notes that could not be written, to be tried again: a full disk may have room in a while. Of one result
    /// no more than one.
    failed: VecDeque<Work>,
    /// When the first of them is tried again.
    again: Option<Instant>,
    /// The picture that is being written.
    writing: Option<Arc<Keep>>,
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
        let mut queue = self.queue();
        match work {
            Work::Note(entry) => queue.note(entry),
            Work::Remove(ids) => {
                // One that could not be written all this time shall not be written after it was removed.
                let before = queue.failed_pictures();
                queue.failed.retain(|failed| !failed.id().is_some_and(|id| ids.contains(id)));
                queue.waiting -= before - queue.failed_pictures();
                queue.work.push_back(Work::Remove(ids));
            }
            work => queue.work.push_back(work),
        }
        self.changed.notify_all();
    }

    /// Queues a picture, however many wait.
    pub(super) fn push_keep(&self, keep: Keep) {
        let mut queue = self.queue();
        queue.waiting += 1;
        queue.work.push_back(Work::Keep(Arc::new(keep)));
        self.changed.notify_all();
    }

    /// A picture that is not on the disk yet.
    pub(super) fn kept(&self, id: &str) -> Option<Arc<Keep>> {
        self.queue().kept(id)
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
        self.queue().failed_pictures()
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
                ask.source = ask.source.or_else(|| queue.kept(&ask.id).map(|keep| keep.picture.clone()));
                return Some(Next::Ask(ask));
            }
            if let Some(work) = queue.work.pop_front() {
                return Some(queue.begin(work));
            }
            // At the end each is tried once more, and then the last that can be said of it was said.
            let now = Instant::now();
            let due = queue.again.is_some_and(|again| again <= now);
            if (due || queue.stop)
                && let Some(failed) = queue.failed.pop_front()
            {
                return Some(queue.begin(failed));
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
        (queue.busy, queue.writing) = (false, None);
        queue.waiting -= usize::from(kept);
    }

    /// A picture or a note could not be written. It waits to be tried again, unless this is the end.
    fn finish_later(&self, failed: Work) {
        let mut queue = self.queue();
        (queue.busy, queue.writing) = (false, None);
        let is_picture = matches!(failed, Work::Keep(_));
        let removes = |work: &Work| matches!(work, Work::Remove(ids) if failed.id().is_some_and(|id| ids.contains(id)));
        if queue.stop || queue.work.iter().any(removes) {
            queue.waiting -= usize::from(is_picture);
            return;
        }
        // What was noted of it meanwhile is newer: it must not be overwritten when this is tried again.
        let newer = queue.take_notes(failed.id());
        match newer {
            Some(_) if !is_picture => {}
            _ => queue.failed.push_back(failed),
        }
        if let Some(newer) = newer {
            queue.note(newer);
        }
        queue.again = Some(Instant::now() + AGAIN);
    }
}

impl Work {
    /// The result whose picture or note it is.
    fn id(&self) -> Option<&ResultId> {
        match self {
            Self::Keep(keep) => Some(&keep.entry.id),
            Self::Note(entry) => Some(&entry.id),
            Self::List | Self::Remove(_) => None,
        }
    }
}

impl Queue {
    fn begin(&mut self, work: Work) -> Next {
        self.busy = true;
        if let Work::Keep(keep) = &work {
            self.writing = Some(keep.clone());
        }
        Next::Work(work)
    }

    /// Queues a note. One of a picture that waits to be tried again is written with it, and takes the place of an older one.
    fn note(&mut self, entry: Entry) {
        if let Some(at) = self.failed.iter().position(|failed| failed.id() == Some(&entry.id)) {
            if let Work::Keep(keep) = &mut self.failed[at] {
                Arc::make_mut(keep).entry = entry;
                return;
            }
            self.failed.remove(at);
        }
        self.work.push_back(Work::Note(entry));
    }

    /// Takes the notes of a result out of the work, and gives the newest.
    fn take_notes(&mut self, id: Option<&ResultId>) -> Option<Entry> {
        let is_note = |work: &Work| matches!(work, Work::Note(entry) if Some(&entry.id) == id);
        let newest = self.work.iter().rev().find(|work| is_note(work));
        let newest = newest.and_then(|work| if let Work::Note(entry) = work { Some(entry.clone()) } else { None });
        self.work.retain(|work| !is_note(work));
        newest
    }

    fn kept(&self, id: &str) -> Option<Arc<Keep>> {
        let waiting = self.work.iter().chain(&self.failed).find_map(|work| match work {
            Work::Keep(keep) if keep.entry.id == id => Some(keep),
            _ => None,
        });
        waiting.or(self.writing.as_ref().filter(|keep| keep.entry.id == id)).cloned()
    }

    fn failed_pictures(&self) -> usize {
        self.failed.iter().filter(|failed| matches!(failed, Work::Keep(_))).count()
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
    /// Whether it was said that a picture or a note could not be written, since one last could.
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
                        (failed @ (Work::Keep(_) | Work::Note(_)), Ok(Err(words))) => {
                            // Once, however many wait and however often they are tried.
                            if !std::mem::replace(&mut self.told, true) {
                                let words = words.trim_end_matches('.');
                                self.tell(Done::Told(format!("{words}. It is kept in memory and tried again.")));
                            }
                            self.shared.finish_later(failed);
                        }
                        (work, done) => {
                            let kept = matches!(work, Work::Keep(_));
                            if matches!(work, Work::Keep(_) | Work::Note(_)) && matches!(done, Ok(Ok(_))) {
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

    fn keep(id: &str) -> Keep {
        let entry = Entry { id: id.into(), ..Entry::default() };
        let picture = Arc::new(RgbImage::new(2, 1));
        Keep { entry, picture, project: Project::new(), base: PathBuf::new(), seed: 0 }
    }

    fn starred(id: &str) -> Work {
        Work::Note(Entry { id: id.into(), starred: true, ..Entry::default() })
    }

    /// Takes the next piece of work, which fails.
    fn fails(shared: &Shared) {
        let Some(Next::Work(work)) = shared.next(true) else { panic!("no work") };
        shared.finish_later(work);
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
    fn what_is_noted_of_a_picture_that_cannot_be_written_is_written_with_it() {
        let shared = Shared::default();
        shared.push_keep(keep("a"));
        shared.push_keep(keep("b"));
        fails(&shared);
        shared.push(starred("a"));
        // Noted while it is being written, and fails.
        let Some(Next::Work(work)) = shared.next(true) else { panic!("no work") };
        assert_eq!(shared.kept("b").unwrap().entry.id, "b", "it is not on the disk yet");
        shared.push(starred("b"));
        shared.finish_later(work);
        assert_eq!((shared.failed(), shared.waiting()), (2, 2));
        shared.stop();
        for id in ["a", "b"] {
            let Some(Next::Work(Work::Keep(keep))) = shared.next(true) else { panic!("it is tried once more") };
            assert_eq!((keep.entry.id.as_str(), keep.entry.starred), (id, true));
            shared.finish(true);
        }
        assert_eq!((name(shared.next(true)).as_str(), shared.waiting()), ("end", 0));
        assert!(shared.kept("a").is_none());
    }

    #[test]
    fn a_note_that_cannot_be_written_is_tried_again_and_never_after_a_newer_one() {
        let shared = Shared::default();
        shared.push(starred("a"));
        fails(&shared);
        assert_eq!((shared.failed(), shared.waiting()), (0, 0), "it is no picture");
        shared.push(Work::Note(Entry { id: "a".into(), deleted: true, ..Entry::default() }));
        // And one that is noted anew while it is being written.
        shared.push(starred("b"));
        let Some(Next::Work(Work::Note(entry))) = shared.next(true) else { panic!("no note") };
        assert_eq!((entry.id.as_str(), entry.deleted), ("a", true));
        shared.finish(false);
        let Some(Next::Work(older)) = shared.next(true) else { panic!("no note") };
        shared.push(Work::Note(Entry { id: "b".into(), deleted: true, ..Entry::default() }));
        shared.finish_later(older);
        shared.stop();
        let Some(Next::Work(Work::Note(entry))) = shared.next(true) else { panic!("no note") };
        assert_eq!((entry.id.as_str(), entry.deleted), ("b", true));
        shared.finish(false);
        assert_eq!(name(shared.next(true)), "end");
    }

    #[test]
    fn what_was_taken_out_before_it_could_be_written_is_not_written_at_the_end() {
        let shared = Shared::default();
        shared.push_keep(keep("a"));
        shared.push_keep(keep("b"));
        fails(&shared);
        fails(&shared);
        shared.push(Work::Remove(vec!["a".into()]));
        assert_eq!((shared.failed(), shared.waiting()), (1, 1));
        shared.stop();
        let turn = || {
            let next = name(shared.next(true));
            shared.finish(next.starts_with("keep"));
            next
        };
        assert_eq!([turn(), turn(), turn()], ["other", "keep b", "end"]);
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
