//! The document: what is composed, every change that a person makes to it, and what of it is selected. No files and no
//! threads: everything here is done when the call returns.
//!
//! - What can be undone, and what is it called? `history.rs`.
//! - What does a person do to layers, concepts and words? `edits.rs`.
//! - What is selected, which layers belong together? `selection.rs`, `groups.rs`. What is copied of them? `clipboard.rs`.
//! - Where do layers lie, and what does moving them by hand do? `geometry.rs`, `snap.rs`. And by numbers? `arrange.rs`.
//! - Which colours tell concepts apart? `palette.rs`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use self::history::{Doc, History};
use crate::project::Project;
use crate::project::stamp::Stamp;

pub mod arrange;
pub mod clipboard;
pub mod edits;
pub mod geometry;
pub mod groups;
pub mod history;
pub mod palette;
mod selection;
pub mod snap;

pub use edits::Reorder;
pub use history::ResultId;

/// What a project is called that has neither a file nor a name.
pub const UNTITLED: &str = "Untitled";

/// A project in the making, with its past, its future and what of it is selected.
pub struct Document {
    /// The document's states; changed through the functions here, so that the selection follows.
    pub history: History,
    /// The project's file, once it has one.
    pub file: Option<PathBuf>,
    /// How that file was when it was read or written last; None where that is not known.
    pub stamp: Option<Stamp>,
    /// What a project without a file is called.
    pub name: String,
    /// Where the project's relative paths start.
    pub folder: PathBuf,
    /// The selected layers, the rearmost first.
    selection: BTreeSet<usize>,
    /// The same by their numbers, which no other layer of this history ever had: so undo and redo keep to them.
    chosen: BTreeSet<u32>,
    /// The greatest number that a layer of this history had.
    last_id: u32,
    /// See [`Document::id`].
    id: u64,
}

impl Document {
    /// A project just opened, which counts as saved. Its paths become absolute.
    pub fn new(project: Project, file: Option<PathBuf>, folder: PathBuf) -> Self {
        let project = project.with_absolute_paths(&folder).unwrap_or(project);
        let mut document = Self {
            history: History::new(Doc::default()),
            file,
            stamp: None,
            id: 0,
            name: UNTITLED.into(),
            folder,
            selection: BTreeSet::new(),
            chosen: BTreeSet::new(),
            last_id: 0,
        };
        document.begin(Doc { project, ..Doc::default() });
        document
    }

    /// Another project in place of this one; what was done to results stays.
    pub fn replace(&mut self, project: Project, file: Option<PathBuf>, folder: PathBuf) {
        let Doc { deleted, starred, .. } = Doc::clone(self.history.doc());
        let before = std::mem::replace(self, Self::new(project, file, folder));
        let doc = Doc { project: self.project().clone(), deleted, starred };
        self.history = before.history;
        self.id = before.id + 1;
        self.begin(doc);
    }

    /// From here on it is another document, without a file: what it shows now is not what that file holds. Undo stays.
    pub fn part_from_file(&mut self) {
        (self.file, self.stamp, self.name) = (None, None, UNTITLED.into());
        self.id += 1;
    }

    /// Which document of the session it is: another project in its place has another number, so that an answer which
    /// comes late is not taken for one about this.
    pub fn id(&self) -> u64 {
        self.id
    }

    fn begin(&mut self, mut doc: Doc) {
        doc.project.number_layers(&mut self.last_id);
        self.history.begin(doc);
    }

    /// The project as it is.
    pub fn project(&self) -> &Project {
        &self.history.doc().project
    }

    /// Which layer has this number, where there still is one: it may have been moved or deleted since.
    pub fn layer_of(&self, number: u32) -> Option<usize> {
        self.project().layers().iter().position(|layer| layer.id == number)
    }

    /// What the project is called: its file's name, or the example's, or `Untitled`.
    pub fn title(&self) -> String {
        let stem = self.file.as_ref().and_then(|file| file.file_stem());
        stem.map_or_else(|| self.name.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Changes the project as one step. Nothing happens where nothing changes. The selection follows.
    pub fn edit(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Project)) -> bool {
        self.edit_doc(name, |doc| change(&mut doc.project))
    }

    /// Changes anything that undo covers as one step, results' marks too.
    pub fn edit_doc(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Doc)) -> bool {
        let last = &mut self.last_id;
        let changed = self.history.edit(name, |doc| {
            change(doc);
            doc.project.number_layers(last);
        });
        self.follow();
        changed
    }

    /// Changes the project as a move of a gesture (see [`History::edit_in_gesture`]).
    pub fn edit_in_gesture(&mut self, key: u64, name: impl Into<String>, change: impl FnOnce(&mut Project)) {
        let last = &mut self.last_id;
        self.history.edit_in_gesture(key, name, |doc| {
            change(&mut doc.project);
            doc.project.number_layers(last);
        });
        self.follow();
    }

    /// Ends the gesture in hand.
    pub fn end_gesture(&mut self) {
        self.history.end_gesture();
        self.follow();
    }

    /// Gives the gesture in hand up.
    pub fn cancel_gesture(&mut self) {
        self.history.cancel_gesture();
        self.follow();
    }

    /// Takes the last step back.
    pub fn undo(&mut self) -> Option<String> {
        let name = self.history.undo();
        self.follow();
        name
    }

    /// Makes the last step taken back again.
    pub fn redo(&mut self) -> Option<String> {
        let name = self.history.redo();
        self.follow();
        name
    }

    /// Goes to a step of the history by its number.
    pub fn go_to_step(&mut self, step: usize) {
        self.history.go_to(step);
        self.follow();
    }

    /// Finds the selected layers again where the project has changed.
    fn follow(&mut self) {
        let layers = self.project().layers().iter().enumerate();
        let chosen = layers.filter(|(_, layer)| self.chosen.contains(&layer.id)).map(|(index, _)| index).collect();
        self.selection = chosen;
    }
}
