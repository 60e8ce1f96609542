//! Undo and redo without limit: whole copies of the document, each named by the change that led to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::project::Project;

/// Names a finished picture in the gallery.
pub type ResultId = String;

/// Everything that undo covers: the project, and what was done to results. A result that arrives is no edit, so undoing
/// never takes a new picture away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doc {
    /// What is composed.
    pub project: Project,
    /// Results taken out of the gallery; their files go when the session ends.
    pub deleted: BTreeSet<ResultId>,
    /// Results whose mark as good was set or taken off in this session.
    pub starred: BTreeMap<ResultId, bool>,
}

/// One state of the document and what led to it.
#[derive(Clone, Debug)]
struct State {
    name: String,
    doc: Arc<Doc>,
    revision: u64,
}

/// A change in the making: all its moves are one step, and it can be given up as a whole.
#[derive(Debug)]
struct Gesture {
    key: u64,
    /// The redo states that the gesture's first move cut off, for when it is given up.
    cut: Vec<State>,
}

/// The document with its past and future.
#[derive(Debug)]
pub struct History {
    states: Vec<State>,
    at: usize,
    next_revision: u64,
    gesture: Option<Gesture>,
    saved: Arc<Doc>,
}

impl History {
    /// A document just opened, which counts as saved.
    pub fn new(doc: Doc) -> Self {
        let doc = Arc::new(doc);
        let first = State { name: "Open".into(), doc: doc.clone(), revision: 0 };
        Self { states: vec![first], at: 0, next_revision: 1, gesture: None, saved: doc }
    }

    /// Another document in place of this one; it counts as saved. Its revisions follow this one's, so that no two states of
    /// a session share a number: whoever remembers one never takes another document's state for it.
    pub fn begin(&mut self, doc: Doc) {
        let next_revision = self.next_revision;
        *self = Self::new(doc);
        self.states[0].revision = next_revision;
        self.next_revision = next_revision + 1;
    }

    fn now(&self) -> &State {
        // `at` always points into `states`, which is never empty.
        &self.states[self.at]
    }

    /// The document as it is.
    pub fn doc(&self) -> &Arc<Doc> {
        &self.now().doc
    }

    /// The document as it was opened.
    pub fn first(&self) -> &Arc<Doc> {
        &self.states[0].doc
    }

    /// A number that no other state of this history has.
    pub fn revision(&self) -> u64 {
        self.now().revision
    }

    /// Whether the project differs from what was last saved or opened.
    pub fn is_dirty(&self) -> bool {
        !Arc::ptr_eq(self.doc(), &self.saved) && self.doc().project != self.saved.project
    }

    /// The present state is on the disk.
    pub fn mark_saved(&mut self) {
        self.saved = self.doc().clone();
    }

    /// A state that was handed out by [`History::doc`] is on the disk.
    pub fn mark_saved_as(&mut self, doc: Arc<Doc>) {
        self.saved = doc;
    }

    /// The present state is on no disk, as after recovery from a crash.
    pub fn mark_unsaved(&mut self) {
        // What was written of this state counts no longer.
        self.states[self.at].revision = self.take_revision();
        // A project that cannot be anybody's, so that every state differs from it.
        self.saved = Arc::new(Doc { project: Project { version: 0, ..Project::new() }, ..Doc::default() });
    }

    /// Makes a change as one step. A change that changes nothing is no step. Says whether there was one.
    pub fn edit(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Doc)) -> bool {
        self.end_gesture();
        let mut doc = Doc::clone(self.doc());
        change(&mut doc);
        if doc == **self.doc() {
            return false;
        }
        self.states.truncate(self.at + 1);
        self.push(name.into(), doc);
        true
    }

    /// Makes a move of a gesture: moves with one `key` are one step until [`History::end_gesture`]. Each move starts
    /// from the state before, so `change` may change further what its last move changed.
    pub fn edit_in_gesture(&mut self, key: u64, name: impl Into<String>, change: impl FnOnce(&mut Doc)) {
        if self.gesture.as_ref().is_some_and(|gesture| gesture.key != key) {
            self.end_gesture();
        }
        let mut doc = Doc::clone(self.doc());
        change(&mut doc);
        if doc == **self.doc() {
            return;
        }
        if self.gesture.is_some() {
            let revision = self.take_revision();
            let state = &mut self.states[self.at];
            state.doc = Arc::new(doc);
            state.revision = revision;
        } else {
            let cut = self.states.split_off(self.at + 1);
            self.push(name.into(), doc);
            self.gesture = Some(Gesture { key, cut });
        }
    }

    /// The state that the gesture in hand began with; the present one where there is none.
    pub fn before_gesture(&self) -> &Arc<Doc> {
        match &self.gesture {
            Some(_) => &self.states[self.at - 1].doc,
            None => self.doc(),
        }
    }

    /// Whether a gesture is in hand.
    pub fn in_gesture(&self) -> bool {
        self.gesture.is_some()
    }

    /// Ends the gesture in hand. One that came back to where it began is no step.
    pub fn end_gesture(&mut self) {
        let Some(gesture) = self.gesture.take() else { return };
        if self.states[self.at].doc == self.states[self.at - 1].doc {
            self.drop_top(gesture.cut);
        }
    }

    /// Gives the gesture in hand up, as if it had never begun.
    pub fn cancel_gesture(&mut self) {
        if let Some(gesture) = self.gesture.take() {
            self.drop_top(gesture.cut);
        }
    }

    fn drop_top(&mut self, cut: Vec<State>) {
        self.states.truncate(self.at);
        self.at -= 1;
        self.states.extend(cut);
    }

    fn push(&mut self, name: String, doc: Doc) {
        let revision = self.take_revision();
        self.states.push(State { name, doc: Arc::new(doc), revision });
        self.at += 1;
    }

    fn take_revision(&mut self) -> u64 {
        self.next_revision += 1;
        self.next_revision - 1
    }

    /// What undo would undo.
    pub fn undo_name(&self) -> Option<&str> {
        (self.at > 0).then(|| self.now().name.as_str())
    }

    /// What redo would do again.
    pub fn redo_name(&self) -> Option<&str> {
        self.states.get(self.at + 1).map(|state| state.name.as_str())
    }

    /// Goes back one step; gives the step's name, or None at the beginning.
    pub fn undo(&mut self) -> Option<String> {
        self.end_gesture();
        let name = self.undo_name()?.to_owned();
        self.at -= 1;
        Some(name)
    }

    /// Goes forward one step; gives the step's name, or None at the end.
    pub fn redo(&mut self) -> Option<String> {
        self.end_gesture();
        let name = self.redo_name()?.to_owned();
        self.at += 1;
        Some(name)
    }

    /// The names of all steps, the first being how the document came to be, and where the present one is among them.
    pub fn steps(&self) -> (impl Iterator<Item = &str>, usize) {
        (self.states.iter().map(|state| state.name.as_str()), self.at)
    }

    /// Goes to the step of this number.
    pub fn go_to(&mut self, step: usize) {
        self.end_gesture();
        self.at = step.min(self.states.len() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        History::new(Doc::default())
    }

    fn seed(history: &History) -> u64 {
        history.doc().project.seed
    }

    #[test]
    fn every_step_is_named_and_can_be_undone_and_redone() {
        let mut history = history();
        for number in 1..=1000 {
            assert!(history.edit(format!("Seed {number}"), |doc| doc.project.seed = number));
        }
        assert_eq!(history.undo().as_deref(), Some("Seed 1000"));
        assert_eq!((seed(&history), history.redo_name()), (999, Some("Seed 1000")));
        while history.undo().is_some() {}
        assert_eq!((seed(&history), history.is_dirty()), (0, false));
        while history.redo().is_some() {}
        assert_eq!(seed(&history), 1000);
    }

    #[test]
    fn a_change_that_changes_nothing_is_no_step_and_cuts_no_future() {
        let mut history = history();
        history.edit("Seed", |doc| doc.project.seed = 1);
        history.undo();
        assert!(!history.edit("Nothing", |_| ()));
        assert_eq!(history.redo_name(), Some("Seed"));
    }

    #[test]
    fn the_moves_of_a_gesture_are_one_step() {
        let mut history = history();
        for number in 1..=50 {
            history.edit_in_gesture(7, "Move", |doc| doc.project.seed = number);
        }
        assert_eq!(history.before_gesture().project.seed, 0);
        history.end_gesture();
        history.edit_in_gesture(7, "Move again", |doc| doc.project.seed = 99);
        history.end_gesture();
        assert_eq!(history.undo().as_deref(), Some("Move again"));
        assert_eq!(history.undo().as_deref(), Some("Move"));
        assert_eq!((seed(&history), history.undo()), (0, None));
    }

    #[test]
    fn a_gesture_given_up_leaves_past_and_future_as_they_were() {
        let mut history = history();
        history.edit("One", |doc| doc.project.seed = 1);
        history.edit("Two", |doc| doc.project.seed = 2);
        history.undo();
        history.edit_in_gesture(1, "Move", |doc| doc.project.seed = 10);
        history.cancel_gesture();
        assert_eq!((seed(&history), history.redo_name()), (1, Some("Two")));
        history.edit_in_gesture(2, "Move", |doc| doc.project.seed = 10);
        history.edit_in_gesture(2, "Move", |doc| doc.project.seed = 1);
        history.end_gesture();
        assert_eq!((seed(&history), history.redo_name(), history.undo_name()), (1, Some("Two"), Some("One")));
    }

    #[test]
    fn saving_marks_a_state_and_coming_back_to_it_is_clean() {
        let mut history = history();
        history.edit("One", |doc| doc.project.seed = 1);
        history.mark_saved();
        assert!(!history.is_dirty());
        history.edit("Two", |doc| doc.project.seed = 2);
        assert!(history.is_dirty());
        history.undo();
        assert!(!history.is_dirty());
        history.mark_unsaved();
        assert!(history.is_dirty());
    }

    #[test]
    fn stars_and_deletions_are_steps_but_leave_the_project_saved() {
        let mut history = history();
        history.edit("Delete the picture", |doc| {
            doc.deleted.insert("a".into());
        });
        assert!(!history.is_dirty());
        assert_eq!(history.undo().as_deref(), Some("Delete the picture"));
        assert!(history.doc().deleted.is_empty());
    }

    #[test]
    fn no_two_states_share_a_revision() {
        let mut history = history();
        let mut seen = BTreeSet::from([history.revision()]);
        for number in 1..20 {
            history.edit_in_gesture(1, "Move", |doc| doc.project.seed = number);
            assert!(seen.insert(history.revision()));
        }
        history.end_gesture();
        history.undo();
        history.edit("Other", |doc| doc.project.seed = 500);
        assert!(seen.insert(history.revision()));
    }
}
