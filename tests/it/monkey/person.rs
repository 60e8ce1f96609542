//! What the monkey does as a person who means it: saves, opens, begins anew, answers what is asked, crashes and comes back.
//! Whatever it does, the document, its file and the disk are compared with [`Model`](crate::plain::Model) after every frame.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::Node;
use egui_kittest::kittest::Queryable;
use podium::gui::asks::Purpose;
use podium::gui::look::Page;
use podium::project::stamp::Stamp;
use podium::project::{Project, file};
use podium::studio::places::{Places, folder_of};
use podium::studio::session::autosave::{Autosave, Recovered};
use podium::studio::{Doc, Held, Question, Studio};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::{Monkey, PATIENCE};
use crate::looks;

/// What is done about files, each of which a long run does a few times.
pub(super) const FILE_WORK: [&str; 11] = [
    "save",
    "save as",
    "open",
    "new",
    "crash",
    "recover",
    "throw away",
    "decide later",
    "save and go on",
    "go on without saving",
    "save over",
];

/// Keys that shall reach nothing beneath a question.
const BENEATH: [(Key, Modifiers); 11] = [
    (Key::Z, Modifiers::COMMAND),
    (Key::Y, Modifiers::COMMAND),
    (Key::N, Modifiers::COMMAND),
    (Key::S, Modifiers::COMMAND),
    (Key::O, Modifiers::COMMAND),
    (Key::D, Modifiers::COMMAND),
    (Key::A, Modifiers::COMMAND),
    (Key::Delete, Modifiers::NONE),
    (Key::Backspace, Modifiers::NONE),
    (Key::H, Modifiers::NONE),
    (Key::X, Modifiers::NONE),
];

/// What tells that something was done to the document.
#[derive(Default)]
pub(super) struct Seen {
    document: u64,
    revision: u64,
    /// As it was opened.
    first: Arc<Doc>,
    /// Whether masks are being painted, or wait to be painted on.
    painted: bool,
}

impl Seen {
    pub(super) fn of(studio: &Studio) -> Self {
        let (document, renders) = (&studio.document, &studio.renders);
        let stroked = renders.mask_editor.as_ref().is_some_and(|editor| editor.is_changed());
        Self {
            document: document.id(),
            revision: document.history.revision(),
            first: document.history.first().clone(),
            painted: stroked || renders.recovered().is_some(),
        }
    }
}

/// What an answer allows until the next is given.
#[derive(Default)]
pub(super) struct Agreed {
    /// Unsaved work may be given up.
    loses: bool,
    /// Painted masks may be.
    loses_masks: bool,
    /// This file may be written, though it is not the project's own.
    saves: Option<PathBuf>,
    /// Which of what a crash has left is taken up.
    recovers: Option<usize>,
}

impl Agreed {
    /// Everything may be given up.
    pub(super) fn to_lose() -> Self {
        Self { loses: true, loses_masks: true, ..Self::default() }
    }
}

/// A project as a document has it that was opened from this file.
fn on_disk(path: &Path) -> Option<Project> {
    let project = file::load_as_it_is(path).ok()?;
    Some(project.with_absolute_paths(&folder_of(path)).expect("absolute paths"))
}

impl Monkey {
    // What is seen.

    /// Takes in what was done to the document. Of what is written in the background the window may not know yet.
    pub(super) fn see_document(&mut self) {
        let seen = Seen::of(&self.window().state().studio);
        if (seen.document, seen.revision) == (self.seen.document, self.seen.revision) {
            self.seen.painted = seen.painted;
            return;
        }
        let before = std::mem::replace(&mut self.seen, seen);
        let document = &self.window().state().studio.document;
        let (project, file) = (document.project().clone(), document.file.clone());
        if !Arc::ptr_eq(&before.first, &self.seen.first) {
            let first = self.seen.first.project.clone();
            self.see_opened(first, file, before.painted);
        } else if self.seen.document != before.document {
            // What a result of another project was made from, as a step: that is not what the file holds.
            assert_eq!(file, None, "another project has this one's file");
            self.model.part();
        }
        self.model.shows(project);
    }

    /// Another project has taken this one's place.
    fn see_opened(&mut self, project: Project, file: Option<PathBuf>, painted: bool) {
        // It may have been saved on the way.
        self.see_writes();
        if let Some(index) = self.agreed.recovers.take() {
            self.model.recover(index);
            assert_eq!((&project, &file), (self.model.now(), &self.model.file), "something else was recovered");
            return;
        }
        assert!(!self.model.is_dirty() || self.agreed.loses, "{:?} was given up unasked", self.model.now());
        assert!(!painted || self.agreed.loses_masks, "painted masks were given up unasked");
        if let Some(path) = &file {
            assert_eq!(Some(&project), self.model.on_disk(path), "{} has something else", path.display());
        }
        self.model.replace(project, file);
    }

    /// Takes in what was written where something may be: the project's own file, and what was agreed to.
    fn see_writes(&mut self) {
        for path in [self.model.file.clone(), self.agreed.saves.clone()].into_iter().flatten() {
            let stamp = Stamp::of(&path);
            if self.stamps.get(&path) == stamp.as_ref() {
                continue;
            }
            let written = on_disk(&path).expect("a saved file is a whole project");
            // What a field still held when it was saved comes after that, as a change of its own.
            let there = &self.window().state().studio.document;
            let known = [self.model.now(), there.project()].contains(&&written);
            assert!(known, "{} has what was never there: {written:?}", path.display());
            self.stamps.extend(stamp.map(|stamp| (path.clone(), stamp)));
            let now = self.model.now().clone();
            self.model.shows(written);
            self.model.write(&path);
            self.model.shows(now);
            self.agreed.saves = self.agreed.saves.take().filter(|agreed| *agreed != path);
        }
    }

    /// Compares the document with what it must be.
    pub(super) fn observe(&mut self) {
        self.see_writes();
        self.see_document();
        let document = &self.window().state().studio.document;
        assert_eq!(document.file, self.model.file, "it has another file");
        assert_eq!(document.history.is_dirty(), self.model.is_dirty(), "unsaved or not: {:?}", document.project());
    }

    /// Compares every project on the disk with what it must be; the first time, takes in what is there.
    pub(super) fn look_at_disk(&mut self) {
        let mut found = BTreeMap::new();
        for folder in [self.scratch.clone(), self.scratch.join("work")] {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                let name = entry.file_name().to_string_lossy().into_owned();
                assert!(!name.starts_with(".podium-"), "{name} was left behind");
                if path.extension().is_some_and(|ending| ending == "ron") {
                    let project = on_disk(&path);
                    // A training may be saved there too.
                    assert!(project.is_some() || self.model.on_disk(&path).is_none(), "{name} is no project any more");
                    found.extend(project.map(|project| (path, project)));
                }
            }
        }
        if self.stamps.is_empty() {
            for (path, project) in &found {
                self.model.put(path, project.clone());
                self.stamps.extend(Stamp::of(path).map(|stamp| (path.clone(), stamp)));
            }
            assert!(self.stamps.len() >= 5, "there are projects to open");
        }
        self.model.assert_disk(&found, &self.said());
    }

    // What is done.

    fn did(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
        let (dirty, file) = (self.model.is_dirty(), self.model.file.clone());
        self.tell(format!("{what}; unsaved {dirty}, of {file:?}"));
    }

    /// Does something about files.
    pub(super) fn work(&mut self) {
        self.meet();
        let what = self.random.random_range(0..25);
        what.hash(&mut self.trace);
        match what {
            0..6 => self.save(),
            6..12 => {
                self.did("save as");
                self.press(Key::S, Modifiers::COMMAND.plus(Modifiers::SHIFT));
                assert_eq!(self.typing(), Some(Purpose::SaveProject(None)));
            }
            12..20 => {
                self.did("open");
                self.press(Key::O, Modifiers::COMMAND);
                assert_eq!(self.typing(), Some(Purpose::OpenProject));
            }
            20..24 => {
                self.did("new");
                let (asks, before) = (self.loses(), self.seen.document);
                self.press(Key::N, Modifiers::COMMAND);
                if asks {
                    assert_eq!(self.front(), Some(Question::Unsaved(Held::New)), "it is asked before work is lost");
                } else {
                    assert_ne!(self.seen.document, before, "nothing would be lost, and no project was begun");
                    assert!(self.model.file.is_none());
                }
            }
            _ => self.crash(),
        }
        self.meet();
    }

    /// Whether another project in this one's place is asked about first.
    fn loses(&self) -> bool {
        self.model.is_dirty() || self.seen.painted
    }

    fn front(&self) -> Option<Question> {
        self.window().state().studio.session.questions.front().cloned()
    }

    fn typing(&self) -> Option<Purpose> {
        self.window().state().panels.files.typing().cloned()
    }

    fn save(&mut self) {
        self.did("save");
        let look = &mut self.window_mut().state_mut().look;
        if look.page == Page::Train {
            // There it is the training that is saved.
            look.page = Page::Compose;
        }
        let Some(path) = self.model.file.clone() else {
            self.press(Key::S, Modifiers::COMMAND);
            return assert_eq!(self.typing(), Some(Purpose::SaveProject(None)), "it has no file yet");
        };
        let (work, asks) = (self.model.now().clone(), self.model.asks(&path));
        self.press(Key::S, Modifiers::COMMAND);
        self.assert_saved(&path, asks, &work);
    }

    /// Sees that saving to a file has written what was there, or is asked about.
    fn assert_saved(&self, path: &Path, asks: Option<bool>, work: &Project) {
        match (asks, self.front()) {
            (Some(changed), Some(Question::Overwrite { path: asked, changed: said, .. })) => {
                assert_eq!((asked.as_path(), said), (path, changed), "another file is asked about");
            }
            (Some(_), front) => panic!("{} was not asked about: {front:?}", path.display()),
            (None, _) => {
                let written = self.model.on_disk(path);
                assert!(written == Some(work) || written == Some(self.model.now()), "{} was not saved", path.display());
            }
        }
    }

    /// Ends without order, and comes back.
    pub(super) fn crash(&mut self) {
        // What was done last is noted at the next look, as in any window that draws on.
        self.studio().poll();
        self.observe();
        self.did("crash");
        let painted = self.studio().renders.painted().is_some();
        // The engine waits for nobody any more.
        self.looked = crossbeam_channel::bounded(0).0;
        self.harness = None;
        self.model.crash(painted, self.start.clone());
        let found = Autosave::recoverable(&Places::in_folder(self.home.clone()));
        let offered = found.iter().map(|found| (&found.project, found.file.as_deref()));
        self.model.assert_offered(offered, &self.said());
        self.look_at_disk();
        self.ended_before += self.ended - 1;
        self.begin();
    }

    // What is asked.

    /// Lets go of all keys, and draws a frame.
    fn rest(&mut self) {
        self.frame([Event::ModifiersChanged(Modifiers::NONE)]);
    }

    /// Answers all that is asked, as a person does who reads it.
    pub(super) fn meet(&mut self) {
        for _ in 0..60 {
            self.agreed = Agreed::default();
            if let Some(question) = self.front() {
                // It is drawn, and what lies beneath lets go of the keyboard.
                self.rest();
                self.rest();
                if self.front().as_ref() == Some(&question) {
                    self.answer(&question);
                }
                continue;
            }
            match self.typing() {
                Some(Purpose::SaveProject(then)) => self.choose_where_to_save(then.is_some()),
                Some(Purpose::OpenProject) => self.choose_what_to_open(),
                _ => {
                    self.agreed = Agreed::default();
                    return;
                }
            }
        }
        panic!("it is asked for ever: {:?}", self.front());
    }

    fn choose_where_to_save(&mut self, goes_on: bool) {
        self.turn_to_path();
        if self.random.random_ratio(1, 5) {
            self.tell("save nowhere".into());
            return self.cancel_typing();
        }
        let path = self.path();
        let (work, asks) = (self.model.now().clone(), self.model.asks(&path));
        self.tell(format!("save to {}, which asks: {asks:?}", path.display()));
        self.agreed.saves = asks.is_none().then(|| path.clone());
        self.agreed.loses_masks = goes_on;
        self.type_path(&path);
        self.assert_saved(&path, asks, &work);
    }

    fn choose_what_to_open(&mut self) {
        self.turn_to_path();
        let mut all: Vec<PathBuf> = self.stamps.keys().cloned().collect();
        all.push(self.path());
        let path = all.choose(&mut self.random).expect("some").clone();
        let (there, asks, before) = (self.model.on_disk(&path).is_some(), self.loses(), self.seen.document);
        self.tell(format!("open {}", path.display()));
        self.type_path(&path);
        match self.front() {
            Some(Question::Unsaved(Held::Replace { file: Some((asked, _)), .. })) => {
                assert!(there && asks, "nothing would be lost");
                assert_eq!(asked, path);
            }
            front if asks || !there => {
                assert!(!there, "work would be lost, and it is not asked: {front:?}");
                assert_eq!(self.seen.document, before, "another project, though there is no file");
            }
            _ => assert_eq!(self.model.file.as_ref(), Some(&path), "it was not opened"),
        }
    }

    /// A file of one's own, which may be there or not.
    fn path(&mut self) -> PathBuf {
        let name = *["a.ron", "b.ron", "c.ron"].choose(&mut self.random).expect("some");
        self.scratch.join("work").join(name)
    }

    /// Turns to the field for a path. Another that somebody was typing into lets go of the keyboard, and counts.
    fn turn_to_path(&mut self) {
        self.rest();
        // Its window is measured in the first frame, and seen from the second on.
        self.rest();
        self.window().get_by_role_and_label(Role::TextInput, "Path").focus();
        self.rest();
        self.rest();
    }

    fn type_path(&mut self, path: &Path) {
        looks::type_path(self.window_mut(), path);
        self.quiet();
        self.observe();
    }

    /// Gives up typing a path.
    pub(super) fn cancel_typing(&mut self) {
        self.rest();
        let typed = self.window().get_by_role_and_label(Role::Button, "Use this path").rect();
        // Others of this name may be shown elsewhere.
        let beside = |node: &Node<'_>| {
            let rect = node.rect();
            (rect.center().y - typed.center().y).abs() < 2.0 && rect.left() > typed.left()
        };
        let all = self.window().get_all_by_role_and_label(Role::Button, "Cancel").filter(beside);
        let nearest = all.min_by(|a, b| a.rect().left().total_cmp(&b.rect().left()));
        nearest.expect("it stands beside the other button").click_accesskit();
        self.frame([]);
        assert_eq!(self.typing(), None, "it is asked on");
    }

    /// Presses a button of the question in hand, the so-manyth of its name from above.
    fn press_button(&mut self, name: &str, nth: usize) {
        let mut all: Vec<_> = self.window().get_all_by_role_and_label(Role::Button, name).collect();
        all.sort_by(|a, b| a.rect().top().total_cmp(&b.rect().top()));
        all[nth].click_accesskit();
        drop(all);
        self.frame([]);
    }

    /// Answers by one of the buttons; the last number is none of them.
    fn give(&mut self, names: &[&str], answer: usize) {
        self.tell(format!("answer {:?}", names.get(answer)));
        match names.get(answer) {
            None => self.press(Key::Escape, Modifiers::NONE),
            Some(_) if answer == 0 && self.random.random_ratio(1, 2) => self.press(Key::Enter, Modifiers::NONE),
            Some(name) => self.press_button(name, 0),
        }
    }

    fn any(&mut self, names: &[&str]) {
        let answer = self.random.random_range(0..=names.len());
        self.give(names, answer);
    }

    fn answer(&mut self, question: &Question) {
        if self.random.random_ratio(1, 4) {
            self.press_beneath();
        }
        match question {
            Question::Unsaved(held) => self.answer_unsaved(held),
            Question::Overwrite { path, changed, then } => {
                assert_eq!(self.model.asks(path), Some(*changed), "{} is asked about", path.display());
                let answer = self.random.random_range(0..3);
                let work = self.model.now().clone();
                if answer == 1 {
                    self.did("save over");
                    self.agreed.saves = Some(path.clone());
                    self.agreed.loses_masks = then.is_some();
                }
                self.give(&["Save under another name...", "Save over it"], answer);
                match answer {
                    0 => assert_eq!(self.typing(), Some(Purpose::SaveProject(then.clone()))),
                    1 => self.assert_saved(path, None, &work),
                    _ => {}
                }
            }
            Question::Recover(found) => self.answer_recover(found),
            Question::PodiumPicture { .. } => self.any(&["Use it as a picture", "Open its project"]),
            Question::OthersPicture { .. } => self.any(&["Take over its prompt and settings", "Use it as a picture"]),
            Question::Moved { found, .. } => self.any(&[if found.len() == 1 { "Use it" } else { "Use them" }]),
            Question::Repaint { step, .. } => {
                self.any(&[&format!("Render to step {step} and paint on"), "Give the masks up"]);
            }
            Question::Tight { .. } => self.any(&["Leave it"]),
        }
        assert_ne!(self.front().as_ref(), Some(question), "it was answered");
    }

    fn answer_unsaved(&mut self, held: &Held) {
        let dirty = self.model.is_dirty() && *held != Held::DropMasks;
        let keep = match (held, dirty) {
            (_, true) => "Save and go on",
            (Held::Close, false) => "Do not close",
            (_, false) => "Keep painting",
        };
        let lose = match (held, dirty) {
            (_, true) => "Go on without saving",
            (Held::Close, false) => "Close all the same",
            (Held::DropMasks, false) => "Give up the strokes",
            (_, false) => "Go on all the same",
        };
        let (answer, work) = (self.random.random_range(0..3), self.model.now().clone());
        let file = self.model.file.clone();
        let asks = file.as_deref().and_then(|file| self.model.asks(file));
        match answer {
            0 if dirty => {
                self.did("save and go on");
                self.agreed.loses_masks = true;
            }
            1 => {
                if dirty {
                    self.did("go on without saving");
                }
                self.agreed = Agreed::to_lose();
            }
            _ => {}
        }
        self.give(&[keep, lose], answer);
        if answer == 0 && dirty {
            match file {
                Some(file) => self.assert_saved(&file, asks, &work),
                None => assert_eq!(self.typing(), Some(Purpose::SaveProject(Some(held.clone())))),
            }
        }
    }

    fn answer_recover(&mut self, found: &[Recovered]) {
        // Those of one second come in any order; which is chosen shall depend on the seed alone.
        let mut order: Vec<usize> = (0..found.len()).collect();
        let text = |index: &usize| (file::to_string(&found[*index].project).expect("written"), &found[*index].file);
        order.sort_by_cached_key(text);
        let index = *order.choose(&mut self.random).expect("some");
        let Recovered { project, file, path, .. } = &found[index];
        let left = self.model.find_left(project, file.as_deref()).expect("it is what was left");
        match self.random.random_range(0..4) {
            0 | 1 => {
                self.did("recover");
                self.agreed.recovers = Some(left);
                self.press_button("Recover", index);
                assert!(self.agreed.recovers.is_none(), "nothing was recovered");
                let begun = Instant::now();
                while path.exists() {
                    // It stays until the work is kept again.
                    assert!(begun.elapsed() < PATIENCE, "{} stays", path.display());
                    self.studio().poll();
                    std::thread::sleep(Duration::from_millis(1));
                }
                self.quiet();
            }
            2 => {
                self.did("throw away");
                self.model.throw_away(left);
                self.press_button("Throw away", index);
                assert!(!path.exists(), "{} stays", path.display());
            }
            _ => {
                self.did("decide later");
                if self.random.random_ratio(1, 2) {
                    self.press(Key::Escape, Modifiers::NONE);
                } else {
                    self.press_button("Decide later", 0);
                }
            }
        }
    }

    /// Presses keys that shall do nothing while something is asked.
    fn press_beneath(&mut self) {
        // What somebody was typing beneath counts once the field has let go.
        self.rest();
        let now = |monkey: &Self| (monkey.front(), monkey.typing(), monkey.seen.document, monkey.seen.revision);
        let before = now(self);
        let (key, modifiers) = *BENEATH.choose(&mut self.random).expect("some");
        self.tell(format!("{key:?} with {modifiers:?} at a question"));
        self.press(key, modifiers);
        assert!(now(self) == before, "{key:?} reached what lies beneath a question");
        self.rest();
    }
}
