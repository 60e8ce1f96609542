//! The session: what the program remembers and keeps by itself, what it says and asks, and how it ends.
//!
//! - What does it remember from one start to the next? `config.rs`.
//! - What is left after a crash? `autosave.rs`, and of painted masks `kept_painting.rs`.
//! - What has to be asked before anything goes on? `question.rs`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::autosave::Autosave;
use self::config::Config;
use self::question::{Held, Question, Questions};
use super::document::Document;
use super::document::history::Doc;
use super::notice::{Notice, Place};
use super::places::{Places, folder_of};
use super::renders::painted::Painted;
use super::tasks::{Desk, Pool};
use crate::project::hash::Known;
use crate::project::stamp::Stamp;
use crate::project::{Project, file};

pub mod autosave;
pub mod config;
mod kept_painting;
pub mod question;

/// What came of a piece of work; the number says of which save.
#[cfg_attr(test, derive(Clone))]
enum Told {
    Saved(u64, Box<Saved>),
    Done(Result<(), String>),
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Saved, Done);

/// A project that is to be written.
struct Save {
    document: u64,
    path: PathBuf,
    doc: Arc<Doc>,
    revision: u64,
    /// Whether somebody has agreed to overwrite what is there.
    agreed: bool,
    /// Whether it is the project's own file, and how that was when it was seen last.
    own: bool,
    seen: Option<Stamp>,
    then: Option<Held>,
}

/// What somebody expects of the file that is written.
#[derive(Clone, Copy)]
struct Expected {
    agreed: bool,
    own: bool,
    seen: Option<Stamp>,
}

impl Expected {
    /// # Errors
    /// What has to be asked first, where the file is another.
    fn look(self, path: &Path) -> Result<(), Unsaved> {
        match Stamp::of(path).filter(|_| !self.agreed) {
            Some(_) if !self.own => Err(Unsaved::Exists),
            // One that nobody has seen may be anybody's.
            now @ Some(_) if now != self.seen => Err(Unsaved::Changed),
            _ => Ok(()),
        }
    }
}

/// Writes what `prepare` makes of a project, given the folder where it will lie. Says how the file is then.
fn write(path: &Path, expected: Expected, prepare: impl FnOnce(&Path) -> Project) -> Result<Option<Stamp>, Unsaved> {
    expected.look(path)?;
    let project = prepare(&folder_of(path));
    // Models that are hashed for the first time take many seconds, in which another program may save too.
    expected.look(path)?;
    file::save(path, &project).map_err(|error| Unsaved::Failed(error.to_string()))?;
    Ok(Stamp::of(path))
}

/// Which configuration was written last: of two that are written at the same time the newer stays.
#[derive(Default)]
struct ConfigOrder {
    asked: AtomicU64,
    written: Mutex<u64>,
}

/// A project was written, or not.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Which document it is of; another may have taken its place meanwhile.
    pub document: u64,
    /// Its file.
    pub path: PathBuf,
    /// What was written.
    pub doc: Arc<Doc>,
    /// The history's revision of it.
    pub revision: u64,
    /// What goes on once it is saved.
    pub then: Option<Held>,
    /// How the file is now, or why it was not written.
    pub outcome: Result<Option<Stamp>, Unsaved>,
}

/// Why a project was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsaved {
    /// Another file is there already, and nobody has agreed to overwrite it.
    Exists,
    /// The project's own file is not as it was read or written last: another program, or another window, wrote it.
    Changed,
    /// It could not be, in words.
    Failed(String),
}

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// There is nothing to do.
    Told,
    /// A project was written, or not.
    Saved(Box<Saved>),
}

/// The session.
pub struct Session {
    /// What to say, and where.
    pub notices: Vec<Notice>,
    /// What has to be asked before anything goes on.
    pub questions: Questions,
    /// What the program remembers from one start to the next.
    pub config: Config,
    /// Nothing stands in the way of closing the window any more.
    pub closing: bool,
    /// What files were known by when a project that names them was saved, or looked for.
    pub known: Known,
    places: Places,
    /// Holds everything of a session that was given no places, and vanishes with it.
    _scratch: Option<tempfile::TempDir>,
    autosave: Autosave,
    /// Files of recovered work, each to be thrown away once the autosave has written the state of this number, or a later one.
    recovered: Vec<(u64, PathBuf)>,
    /// The save that is being written, by its number, and those after it: one at a time, for of two that are written at once
    /// the older could be the last, and each would take the other for another program's.
    saving: Option<u64>,
    saves: VecDeque<Save>,
    numbers: u64,
    configs: Arc<ConfigOrder>,
    desk: Desk<Told>,
}

impl Session {
    /// Begins a session, and asks about the work of one that ended without saving. Without places everything lies in a
    /// folder that vanishes with the session.
    ///
    /// # Errors
    /// When the system has no temporary folder to give.
    pub fn begin(places: Option<Places>, pool: &Pool) -> std::io::Result<Self> {
        let (places, scratch) = match places {
            Some(places) => (places, None),
            None => {
                let scratch = tempfile::Builder::new().prefix("podium-").tempdir()?;
                (Places::in_folder(scratch.path()), Some(scratch))
            }
        };
        let (config, problem) = Config::load(&places);
        let (found, mut questions) = (Autosave::recoverable(&places), Questions::default());
        if !found.is_empty() {
            questions.ask(Question::Recover(found));
        }
        Ok(Self {
            notices: problem.map(|words| Notice::new(Place::Project, words)).into_iter().collect(),
            questions,
            config,
            closing: false,
            known: Known::default(),
            autosave: Autosave::start(&places),
            recovered: Vec::new(),
            saving: None,
            saves: VecDeque::new(),
            numbers: 0,
            configs: Arc::default(),
            places,
            _scratch: scratch,
            desk: pool.desk(),
        })
    }

    /// Where things are kept.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Takes in what was written.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            outcomes.push(match told {
                Told::Saved(number, saved) if self.saving == Some(number) => {
                    self.saving = None;
                    self.tell_next(&saved);
                    self.write_next();
                    Outcome::Saved(saved)
                }
                // It was told already.
                Told::Saved(..) => Outcome::Told,
                Told::Done(done) => {
                    if let Err(words) = done {
                        self.say(Notice::new(Place::Project, words));
                    }
                    Outcome::Told
                }
            });
        }
        let confirmed = self.autosave.confirmed();
        for (_, path) in self.recovered.extract_if(.., |(number, _)| *number <= confirmed).collect::<Vec<_>>() {
            self.discard_recovered(&path);
        }
        if let Some(words) = self.autosave.take_message() {
            self.say(Notice::new(Place::Project, words));
            outcomes.push(Outcome::Told);
        }
        outcomes
    }

    /// Whether anything is being written, or what came of it is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Says something, once.
    pub fn say(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Takes back what is said at a place.
    pub fn unsay(&mut self, place: &Place) {
        self.notices.retain(|notice| notice.place != *place);
    }

    /// Writes a document to a file in the background; what came of it is an outcome, with what shall go on then. Unless
    /// it is `agreed`, no other file is overwritten, and the project's own only where it is as it was last seen.
    pub fn save(&mut self, document: &Document, path: PathBuf, agreed: bool, then: Option<Held>) {
        let path = if path.extension().is_some() { path } else { path.with_extension(file::EXTENSION) };
        let path = std::path::absolute(&path).unwrap_or(path);
        let (doc, revision) = (document.history.doc().clone(), document.history.revision());
        let own = document.file.as_ref() == Some(&path);
        self.saves.push_back(Save {
            document: document.id(),
            path,
            doc,
            revision,
            agreed,
            own,
            seen: document.stamp,
            then,
        });
        self.write_next();
    }

    /// The saves after one that was written find its file as that left it.
    fn tell_next(&mut self, saved: &Saved) {
        let Ok(stamp) = saved.outcome else { return };
        let same = |next: &&mut Save| next.document == saved.document && next.path == saved.path;
        self.saves.iter_mut().filter(same).for_each(|next| (next.own, next.seen) = (true, stamp));
    }

    fn write_next(&mut self) {
        if self.saving.is_some() {
            return;
        }
        let Some(save) = self.saves.pop_front() else { return };
        self.numbers += 1;
        let (number, known) = (self.numbers, self.known.clone());
        self.saving = Some(number);
        self.desk.run(move || {
            let Save { document, path, doc, revision, agreed, own, seen, then } = save;
            let expected = Expected { agreed, own, seen };
            let prepared = |folder: &Path| doc.project.with_hashes(folder, &known).with_relative_paths(folder);
            let save = || write(&path, expected, prepared);
            // Whatever happens, the answer comes: what is saved after it waits for it.
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(save)).unwrap_or_else(|_| {
                let words =
                    format!("{} was not saved: this program broke off. Save it under another name.", path.display());
                Err(Unsaved::Failed(words))
            });
            Told::Saved(number, Box::new(Saved { document, path, doc, revision, then, outcome }))
        });
    }

    /// Keeps the configuration on the disk.
    pub fn save_config(&self) {
        let (config, places, order) = (self.config.clone(), self.places.clone(), self.configs.clone());
        let number = order.asked.fetch_add(1, Ordering::Relaxed) + 1;
        self.desk.run(move || {
            let mut written = order.written.lock().unwrap_or_else(PoisonError::into_inner);
            if *written > number {
                return Told::Done(Ok(()));
            }
            let done = config.save(&places).map_err(|error| error.to_string());
            if done.is_ok() {
                *written = number;
            }
            Told::Done(done)
        });
    }

    /// Puts a project file first among the recent ones.
    pub fn remember_recent(&mut self, file: &Path) {
        self.config.remember_recent(file);
        self.save_config();
    }

    /// The masks that are being painted, which are kept with the document from the next [`Session::keep`] on. Says whether
    /// there were any before.
    pub fn paints(&mut self, painted: Option<Arc<Painted>>) -> bool {
        self.autosave.paint(painted)
    }

    /// Keeps what is not saved, for a crash. Costs nothing where nothing has changed.
    pub fn keep(&mut self, document: &Document) {
        let revision = document.history.revision();
        self.autosave.read_as(document.stamp);
        self.autosave.note(document.project(), document.file.as_deref(), &document.folder, revision);
    }

    /// This revision of the document needs no keeping any more.
    pub fn is_safe(&mut self, revision: u64) {
        self.autosave.saved(revision);
    }

    /// Keeps a document that was recovered, and throws the file that it came from away once that is done: a second
    /// crash finds one or the other.
    pub fn keep_recovered(&mut self, document: &Document, path: PathBuf) {
        self.keep(document);
        self.recovered.push((self.autosave.told(), path));
    }

    /// Throws recovered work away.
    pub fn discard_recovered(&self, path: &Path) {
        let path = path.to_owned();
        self.desk.run(move || Told::Done(Autosave::discard(&path).map_err(|error| error.to_string())));
    }

    /// Ends the session in order: what was to be written is. Nothing unsaved is left to recover but what nobody has agreed to
    /// lose: the document at the revision `unsaved`, and masks that are being `painted`, as they were kept last. Waits until
    /// it is so.
    pub fn close(&mut self, mut unsaved: Option<u64>, painted: bool) {
        while self.saving.is_some() || self.desk.is_busy() {
            self.desk.finish();
            for outcome in self.poll() {
                let Outcome::Saved(saved) = outcome else { continue };
                match saved.outcome {
                    Ok(_) => unsaved = unsaved.filter(|revision| *revision != saved.revision),
                    Err(trouble) => log::warn!("{} was not saved at the end: {trouble:?}", saved.path.display()),
                }
            }
        }
        if unsaved.is_some() || painted {
            self.autosave.leave();
        } else {
            self.autosave.clean();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn session(places: Option<Places>) -> Session {
        Session::begin(places, &Pool::start(Arc::new(|| ())).unwrap()).unwrap()
    }

    fn document() -> Document {
        Document::new(Project::new(), None, "/work".into())
    }

    fn saved(session: &mut Session) -> Saved {
        let begun = Instant::now();
        loop {
            for outcome in session.poll() {
                if let Outcome::Saved(saved) = outcome {
                    return *saved;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing was saved");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_document_is_saved_in_the_background_under_an_ending() {
        let folder = tempfile::tempdir().unwrap();
        let (mut session, mut document) = (session(None), document());
        document.edit("Words", |project| project.prompt = "a cat".into());
        session.save(&document, folder.path().join("cat"), false, None);
        let told = saved(&mut session);
        let path = folder.path().join("cat.ron");
        assert_eq!((told.outcome, told.path), (Ok(Stamp::of(&path)), path));
        assert_eq!(told.revision, document.history.revision());
        assert_eq!(file::load(&folder.path().join("cat.ron")).unwrap().prompt, "a cat");
        // The ending was added, so nobody was asked about this file, and it is not this document's.
        session.save(&document, folder.path().join("cat"), false, None);
        assert_eq!(saved(&mut session).outcome, Err(Unsaved::Exists));
        session.save(&document, folder.path().join("cat"), true, Some(Held::New));
        let told = saved(&mut session);
        assert_eq!((told.outcome.is_ok(), told.then), (true, Some(Held::New)));
        session.save(&document, folder.path().join("no/such/folder/cat.ron"), false, None);
        let Err(Unsaved::Failed(words)) = saved(&mut session).outcome else { panic!("written") };
        assert!(words.contains("cat.ron"), "{words}");
    }

    #[test]
    fn a_file_that_was_written_by_another_since_is_not_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (mut session, mut document) = (session(None), document());
        let path = folder.path().join("cat.ron");
        session.save(&document, path.clone(), false, None);
        document.stamp = saved(&mut session).outcome.unwrap();
        document.file = Some(path.clone());
        session.save(&document, path.clone(), false, None);
        document.stamp = saved(&mut session).outcome.unwrap();
        std::fs::write(&path, "somebody else's").unwrap();
        session.save(&document, path.clone(), false, None);
        assert_eq!(saved(&mut session).outcome, Err(Unsaved::Changed));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
        session.save(&document, path.clone(), true, None);
        assert!(saved(&mut session).outcome.is_ok());
        // One that is gone is written anew.
        std::fs::remove_file(&path).unwrap();
        session.save(&document, path.clone(), false, None);
        assert!(saved(&mut session).outcome.is_ok() && path.exists());
    }

    #[test]
    fn a_file_that_is_written_while_a_save_prepares_or_that_nobody_has_seen_is_not_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.ron");
        let saved = |words: &str, expected: Expected, meanwhile: Option<&str>| {
            write(&path, expected, |within| {
                assert_eq!(within, folder.path());
                meanwhile.iter().for_each(|text| std::fs::write(&path, text).unwrap());
                Project { prompt: words.into(), ..Project::new() }
            })
        };
        let there = || file::load(&path).map(|project| project.prompt);
        let new = Expected { agreed: false, own: false, seen: None };
        assert_eq!(saved("one", new, Some("somebody's")), Err(Unsaved::Exists));
        std::fs::remove_file(&path).unwrap();
        let seen = saved("one", new, None).unwrap();
        let own = Expected { own: true, seen, ..new };
        assert_eq!(saved("two", own, Some("somebody else's")), Err(Unsaved::Changed));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
        // Work of an earlier Podium's crash does not know how its file was.
        assert_eq!(saved("two", Expected { seen: None, ..own }, None), Err(Unsaved::Changed));
        assert!(saved("two", Expected { agreed: true, ..own }, Some("agreed to")).is_ok());
        assert_eq!(there().unwrap(), "two");
    }

    #[test]
    fn saves_in_quick_succession_are_written_in_their_order_and_none_is_taken_for_another_program_s() {
        let folder = tempfile::tempdir().unwrap();
        let (mut session, mut document) = (session(None), document());
        let path = folder.path().join("cat.ron");
        for number in 0..20 {
            document.edit("Words", |project| project.prompt = format!("cat {number}"));
            session.save(&document, path.clone(), false, None);
        }
        for _ in 0..20 {
            assert!(saved(&mut session).outcome.is_ok());
        }
        assert_eq!(file::load(&path).unwrap().prompt, "cat 19");
        // Another document's is asked about all the same.
        session.save(&document, path.clone(), true, None);
        document.part_from_file();
        session.save(&document, path, false, None);
        assert!(saved(&mut session).outcome.is_ok());
        assert_eq!(saved(&mut session).outcome, Err(Unsaved::Exists));
    }

    #[test]
    fn what_is_still_being_written_when_the_session_ends_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path().join("home"));
        let (mut session, mut document) = (session(Some(places.clone())), document());
        for number in 0..3 {
            document.edit("Words", |project| project.prompt = format!("cat {number}"));
            session.save(&document, folder.path().join(format!("{number}.ron")), false, None);
            session.config.ui_scale = 1.0 + number as f32 / 10.0;
            session.save_config();
        }
        session.keep(&document);
        session.close(Some(document.history.revision()), false);
        assert_eq!(Autosave::recoverable(&places), [], "it was saved at last");
        for number in 0..3 {
            let written = file::load(&folder.path().join(format!("{number}.ron"))).unwrap();
            assert_eq!(written.prompt, format!("cat {number}"));
        }
        assert_eq!(Config::load(&places).0.ui_scale, 1.2, "the newest");
    }

    #[test]
    fn a_thing_is_said_once_and_taken_back_by_its_place() {
        let mut session = session(None);
        for _ in 0..2 {
            session.say(Notice::new(Place::Render, "No"));
        }
        session.say(Notice::new(Place::Canvas, "No"));
        assert_eq!(session.notices.len(), 2);
        session.unsay(&Place::Render);
        assert_eq!(session.notices, [Notice::new(Place::Canvas, "No")]);
    }

    #[test]
    fn what_a_session_left_is_asked_about_at_the_next_and_can_be_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::in_folder(folder.path());
        let (mut first, mut document) = (session(Some(places.clone())), document());
        document.edit("Words", |project| project.prompt = "lost".into());
        first.keep(&document);
        drop(first);
        let second = session(Some(places.clone()));
        let Some(Question::Recover(found)) = second.questions.front() else { panic!("nothing was asked") };
        assert_eq!(found[0].project.prompt, "lost");
        second.discard_recovered(&found[0].path);
        let begun = Instant::now();
        while found[0].path.exists() {
            assert!(begun.elapsed() < Duration::from_secs(120), "it is still there");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(session(Some(places)).questions.front().is_none());
    }
}
