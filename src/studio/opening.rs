//! Projects: new, open, save, recover, and what is asked before anything is lost. Spans the rooms.

use std::path::PathBuf;

use super::files::target::{Left, Target};
use super::notice::{Notice, Place};
use super::places::folder_of;
use super::renders::mask_editor::MaskEditor;
use super::rooms::Studio;
use super::session::autosave::Recovered;
use super::session::question::{Held, Question};
use super::session::{Saved, Unsaved};
use crate::project::stamp::Stamp;
use crate::project::{Canvas, Preset, Project};

impl Studio {
    /// Does what may lose something at once where nothing is lost, else asks first.
    pub fn ask_to(&mut self, held: Held) {
        if self.would_lose(&held) {
            self.session.questions.ask(Question::Unsaved(held));
        } else {
            self.go_ahead(held);
        }
    }

    fn would_lose(&self, held: &Held) -> bool {
        let stroked = self.renders.mask_editor.as_ref().is_some_and(|editor| editor.is_changed());
        let painted = stroked || self.renders.recovered().is_some();
        match held {
            Held::DropMasks => stroked,
            Held::New | Held::Replace { .. } | Held::Recover(_) => painted || self.document.history.is_dirty(),
            Held::Close => painted || self.document.history.is_dirty() || !self.loses_by_closing().is_empty(),
        }
    }

    /// Answers the question in hand by doing what was held back, whatever is lost. A project comes in place of the one that is
    /// open a moment later: it was read before anybody was asked, and is read again.
    pub fn answer_by(&mut self, held: Held) {
        self.session.questions.answered();
        match held {
            Held::Replace { from: Some(path), .. } => self.reopen(path),
            held => self.go_ahead(held),
        }
    }

    /// Opens a project in place of what is open now, which somebody has agreed to leave.
    fn reopen(&mut self, path: PathBuf) {
        let left = self.to_be_left();
        self.take_in(path, Target::Reopen(left));
    }

    /// What is lost where another project is opened now.
    pub(super) fn to_be_left(&self) -> Left {
        let painted = self.renders.mask_editor.as_ref().map(MaskEditor::version);
        Left { revision: self.document.history.revision(), painted }
    }

    /// Does it, whatever is lost.
    pub fn go_ahead(&mut self, held: Held) {
        match held {
            Held::New => self.replace_project(fresh_project(), None, PathBuf::from(".")),
            Held::Replace { project, file, folder, name, .. } => {
                self.replace_project(*project, file, folder);
                self.document.name = name;
            }
            Held::Recover(recovered) => self.recover(*recovered),
            Held::DropMasks => self.renders.mask_editor = None,
            Held::Close => self.session.closing = true,
        }
    }

    /// Opens a project in place of the present one. `file` is its own, with how it was when it was read.
    pub fn replace_project(&mut self, project: Project, file: Option<(PathBuf, Option<Stamp>)>, folder: PathBuf) {
        let (file, stamp) = file.unzip();
        if let Some(file) = &file {
            self.session.remember_recent(file);
        }
        self.results.give_up_reading();
        self.place.give_up();
        self.cut.part();
        self.document.replace(project, file, folder);
        self.document.stamp = stamp.flatten();
        self.session.is_safe(self.document.history.revision());
        self.session.questions.forget_document();
        self.session.notices.clear();
        self.renders.mask_editor = None;
        self.renders.recover(None);
        self.files.begin_anew();
        self.look_for_moved(true, Vec::new());
    }

    /// Saves to the project's file. Says whether it has one.
    pub fn save(&mut self) -> bool {
        let Some(path) = self.document.file.clone() else { return false };
        self.save_to(path, false, None);
        true
    }

    /// Saves to a file, which becomes the project's own, and then does what was held back. Unless it is `agreed`, another
    /// file that is there already, or the project's own where somebody else wrote it since, is asked about first.
    pub fn save_to(&mut self, path: PathBuf, agreed: bool, then: Option<Held>) {
        self.document.end_gesture();
        self.session.save(&self.document, path, agreed, then);
    }

    /// Answers the question in hand by saving, and then doing what was held back. Gives that back where the project has
    /// no file yet: one must be chosen, and goes to [`Studio::save_to`] with it.
    pub fn save_and(&mut self, held: Held) -> Option<Held> {
        self.session.questions.answered();
        match self.document.file.clone() {
            Some(path) => {
                self.save_to(path, false, Some(held));
                None
            }
            None => Some(held),
        }
    }

    /// A project was written, or not.
    pub(super) fn saved(&mut self, saved: Saved) {
        let Saved { document, path, doc, revision, then, outcome } = saved;
        // Another project may have taken its place meanwhile; this one's file and state are none of its business.
        let is_here = document == self.document.id();
        match outcome {
            Ok(stamp) => {
                self.session.remember_recent(&path);
                if !is_here {
                    return;
                }
                self.document.history.mark_saved_as(doc);
                self.document.folder = folder_of(&path);
                if revision == self.document.history.revision() {
                    self.session.is_safe(revision);
                }
                self.session.unsay(&Place::Project);
                (self.document.file, self.document.stamp) = (Some(path), stamp);
                if let Some(held) = then {
                    self.after_saving(held);
                }
            }
            Err(trouble @ (Unsaved::Exists | Unsaved::Changed)) if is_here => {
                let changed = trouble == Unsaved::Changed;
                self.session.questions.ask(Question::Overwrite { path, changed, then });
            }
            Err(Unsaved::Exists | Unsaved::Changed) => {
                let words = format!(
                    "{} was not saved: another file is there now. Its changes were given up with the project.",
                    path.display()
                );
                self.session.say(Notice::new(Place::Project, words));
            }
            Err(Unsaved::Failed(words)) => self.session.say(Notice::new(Place::Project, words)),
        }
    }

    /// Goes on with what was held back while the project was written. Where it was changed again meanwhile, that is not saved,
    /// and is asked about. A project that waits to be opened was read before that: where its file is the one that was written, it
    /// is open already; any other is read again, since it may have been changed while somebody was asked.
    fn after_saving(&mut self, held: Held) {
        let dirty = self.document.history.is_dirty();
        match held {
            Held::Replace { file: Some((path, _)), .. } if self.document.file.as_ref() == Some(&path) => {}
            Held::Replace { from: Some(path), .. } if dirty => self.take_in(path, Target::Open),
            Held::Replace { from: Some(path), .. } => self.reopen(path),
            held if dirty => self.ask_to(held),
            held => self.go_ahead(held),
        }
    }

    /// Opens what was recovered; it counts as unsaved.
    fn recover(&mut self, recovered: Recovered) {
        let Recovered { project, file, stamp, folder, path, painted, .. } = recovered;
        self.replace_project(project, None, folder);
        // Its file may have been written since, by another session: saving asks then.
        (self.document.file, self.document.stamp) = (file, stamp);
        self.document.history.mark_unsaved();
        self.renders.recover(painted);
        // Before it is kept: this session may crash too.
        self.session.paints(self.renders.painted());
        self.session.keep_recovered(&self.document, path);
        self.ask_to_paint_on();
    }

    /// Asks whether the render is made anew whose masks were being painted in an earlier session. Says whether any wait.
    pub(super) fn ask_to_paint_on(&mut self) -> bool {
        let Some(painted) = self.renders.recovered() else { return false };
        let question = Question::Repaint { words: painted.words(self.renders.on_cpu()), step: painted.step };
        self.session.questions.ask(question);
        true
    }
}

/// An empty project with settings that a preset knows.
fn fresh_project() -> Project {
    let mut project = Project::new();
    project.canvas = Canvas { width: 256, height: 256 };
    Preset::Standard.apply(&mut project);
    project
}
