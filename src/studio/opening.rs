//! Projects: new, open, save, recover, and what is asked before anything is lost. Spans the rooms.

use std::path::PathBuf;

use super::files::target::Target;
use super::notice::{Notice, Place};
use super::places::folder_of;
use super::rooms::Studio;
use super::session::Saved;
use super::session::autosave::Recovered;
use super::session::question::{Held, Question};
use crate::project::{Canvas, Preset, Project};

impl Studio {
    /// Does what may lose something at once where nothing is lost, else asks first.
    pub fn ask_to(&mut self, held: Held) {
        let renders = matches!(held, Held::Close) && self.renders.runs.active().next().is_some();
        if self.document.history.is_dirty() || renders {
            self.session.question = Some(Question::Unsaved(held));
        } else {
            self.go_ahead(held);
        }
    }

    /// Does it, whatever is lost.
    pub fn go_ahead(&mut self, held: Held) {
        self.session.question = None;
        match held {
            Held::New => self.replace_project(fresh_project(), None, PathBuf::from(".")),
            Held::Open(path) => self.take_in(path, Target::Open),
            Held::Replace { project, file, folder, name } => {
                self.replace_project(*project, file, folder);
                self.document.name = name;
            }
            Held::Close => self.session.closing = true,
        }
    }

    /// Opens a project in place of the present one.
    pub fn replace_project(&mut self, project: Project, file: Option<PathBuf>, folder: PathBuf) {
        if let Some(file) = &file {
            self.session.remember_recent(file);
        }
        self.document.replace(project, file, folder);
        self.session.is_safe(self.document.history.revision());
        self.session.notices.clear();
        self.renders.mask_editor = None;
        self.files.begin_anew();
    }

    /// Saves to the project's file. Says whether it has one.
    pub fn save(&mut self) -> bool {
        let Some(path) = self.document.file.clone() else { return false };
        self.save_as(path);
        true
    }

    /// Saves to a file, which becomes the project's own.
    pub fn save_as(&mut self, path: PathBuf) {
        self.document.end_gesture();
        self.session.save(&self.document, path);
    }

    /// Saves, and then does what was held back. Says whether the project has a file to be saved to; if not, one must
    /// be chosen, and [`Studio::save_as`] goes on with it.
    pub fn save_and(&mut self, held: Held) -> bool {
        self.session.question = None;
        self.session.after_saving = Some(held);
        self.save()
    }

    /// A project was written, or not.
    pub(super) fn saved(&mut self, saved: Saved) {
        let Saved { path, doc, revision, outcome } = saved;
        match outcome {
            Ok(()) => {
                self.document.history.mark_saved_as(doc);
                self.document.folder = folder_of(&path);
                self.session.is_safe(revision);
                self.session.remember_recent(&path);
                self.session.unsay(&Place::Project);
                self.document.file = Some(path);
                if let Some(held) = self.session.after_saving.take() {
                    self.go_ahead(held);
                }
            }
            Err(words) => {
                self.session.after_saving = None;
                self.session.say(Notice::new(Place::Project, words));
            }
        }
    }

    /// Opens what was recovered; it counts as unsaved.
    pub fn recover(&mut self, recovered: Recovered) {
        let Recovered { project, file, folder, path, .. } = recovered;
        self.replace_project(project, None, folder);
        self.document.file = file;
        self.document.history.mark_unsaved();
        self.session.keep_recovered(&self.document, path);
        self.session.question = None;
    }
}

/// An empty project with settings that a preset knows.
fn fresh_project() -> Project {
    let mut project = Project::new();
    project.canvas = Canvas { width: 256, height: 256 };
    Preset::Standard.apply(&mut project.settings);
    project
}
