//! The training that is open, with its past and its future: everything that is changed can be undone.

use std::path::PathBuf;

use crate::project::training::Training;

/// Steps that can be taken back.
const MOST_STEPS: usize = 200;

/// A step that can be taken back or made again.
#[derive(Debug)]
struct Step {
    name: String,
    /// What was there on its other side.
    training: Training,
    /// That one's file and number, where the step is to another training.
    other: Option<(Option<PathBuf>, u64)>,
}

/// The training that is open.
#[derive(Debug)]
pub struct Draft {
    training: Training,
    /// Its file, once it has one.
    pub file: Option<PathBuf>,
    past: Vec<Step>,
    future: Vec<Step>,
    /// The widget whose changes are one step until it is let go.
    gesture: Option<u64>,
    revision: u64,
    /// See [`Draft::id`].
    id: u64,
    /// The last number that was given to a training.
    last_id: u64,
}

impl Draft {
    /// A training just made or opened.
    pub fn new(training: Training, file: Option<PathBuf>) -> Self {
        Self { training, file, past: Vec::new(), future: Vec::new(), gesture: None, revision: 0, id: 0, last_id: 0 }
    }

    /// Which training it is: another one in its place has another number, and undo brings it back with its own, so that an
    /// answer which comes late is not taken for one about this.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Another training in its place, as a step that can be taken back; the file is the new one's.
    pub fn replace(&mut self, name: &str, training: Training, file: Option<PathBuf>) {
        let before = std::mem::replace(&mut self.file, file);
        if self.edit(name, |present| *present = training)
            && let Some(step) = self.past.last_mut()
        {
            self.last_id += 1;
            step.other = Some((before, std::mem::replace(&mut self.id, self.last_id)));
        }
    }

    /// Puts another training beneath all steps, so that undo leads back to it in the end.
    pub fn put_beneath(&mut self, training: Training, file: Option<PathBuf>) {
        self.last_id += 1;
        let other = Some((file, self.last_id));
        self.past.insert(0, Step { name: "Begin a new training".into(), training, other });
    }

    /// The training of this number has been saved to this file.
    pub fn saved_to(&mut self, id: u64, file: PathBuf) {
        if id == self.id {
            self.file = Some(file);
            self.revision += 1;
            return;
        }
        // Another took its place; it has its file when undo brings it back.
        let steps = self.past.iter_mut().chain(&mut self.future);
        if let Some((kept, _)) = steps.filter_map(|step| step.other.as_mut()).find(|(_, other)| *other == id) {
            *kept = Some(file);
        }
    }

    /// The training as it is.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Counts its states: another number, another state.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Changes it as one step. Nothing happens where nothing changes; says whether something did.
    pub fn edit(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Training)) -> bool {
        self.gesture = None;
        self.change(name, change)
    }

    /// Changes it as a part of a step that lasts until another begins or [`Self::end_gesture`] is called.
    pub fn edit_in_gesture(&mut self, key: u64, name: impl Into<String>, change: impl FnOnce(&mut Training)) {
        if self.gesture == Some(key) {
            let before = self.training.clone();
            change(&mut self.training);
            self.revision += u64::from(before != self.training);
        } else if self.change(name, change) {
            self.gesture = Some(key);
        }
    }

    /// What is changed next is another step.
    pub fn end_gesture(&mut self) {
        self.gesture = None;
    }

    fn change(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Training)) -> bool {
        let before = self.training.clone();
        change(&mut self.training);
        if before == self.training {
            return false;
        }
        self.past.push(Step { name: name.into(), training: before, other: None });
        let surplus = self.past.len().saturating_sub(MOST_STEPS);
        self.past.drain(..surplus);
        self.future.clear();
        self.revision += 1;
        true
    }

    /// What undo would take back.
    pub fn undo_name(&self) -> Option<&str> {
        self.past.last().map(|step| step.name.as_str())
    }

    /// What redo would make again.
    pub fn redo_name(&self) -> Option<&str> {
        self.future.last().map(|step| step.name.as_str())
    }

    /// Takes the last step back. Says whether there was one.
    pub fn undo(&mut self) -> bool {
        self.gesture = None;
        let Some(step) = self.past.pop() else { return false };
        let step = self.cross(step);
        self.future.push(step);
        true
    }

    /// Makes the last step taken back again. Says whether there was one.
    pub fn redo(&mut self) -> bool {
        self.gesture = None;
        let Some(step) = self.future.pop() else { return false };
        let step = self.cross(step);
        self.past.push(step);
        true
    }

    /// Goes to a step's other side, and gives the step back as it is seen from there.
    fn cross(&mut self, step: Step) -> Step {
        self.revision += 1;
        let training = std::mem::replace(&mut self.training, step.training);
        let other =
            step.other.map(|(file, id)| (std::mem::replace(&mut self.file, file), std::mem::replace(&mut self.id, id)));
        Step { name: step.name, training, other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_back_and_made_again_and_a_gesture_is_one() {
        let mut draft = Draft::new(Training::new("tom", "cat"), None);
        let start = draft.training().clone();
        assert!(!draft.edit("Nothing", |_| ()) && !draft.undo() && draft.revision() == 0);
        for letters in ["r", "re", "rex"] {
            draft.edit_in_gesture(7, "Rename", |training| training.name = letters.into());
        }
        draft.end_gesture();
        draft.edit_in_gesture(7, "Rename", |training| training.name = "rexy".into());
        assert!(draft.edit("Class", |training| training.class_word = "dog".into()));
        let end = draft.training().clone();
        assert_eq!(draft.undo_name(), Some("Class"));
        assert!(draft.undo() && draft.undo());
        assert_eq!((draft.training().name.as_str(), draft.redo_name()), ("rex", Some("Rename")));
        assert!(draft.undo() && !draft.undo());
        assert_eq!(*draft.training(), start);
        while draft.redo() {}
        assert_eq!(*draft.training(), end);
        let before = draft.revision();
        draft.undo();
        assert!(draft.revision() > before, "a state that comes again has another number");
        draft.edit("Other", |training| training.settings.steps = 9);
        assert_eq!(draft.redo_name(), None);
    }

    #[test]
    fn another_training_brings_its_file_and_undo_the_one_before() {
        let mut draft = Draft::new(Training::new("tom", "cat"), None);
        draft.saved_to(draft.id(), "/tom.ron".into());
        draft.replace("Open rex", Training::new("rex", "dog"), Some("/rex.ron".into()));
        draft.edit("Steps", |training| training.settings.steps = 9);
        assert_eq!(draft.file, Some("/rex.ron".into()));
        assert!(draft.undo() && draft.file == Some("/rex.ron".into()));
        assert!(draft.undo() && draft.file == Some("/tom.ron".into()) && draft.training().name == "tom");
        assert!(draft.redo() && draft.file == Some("/rex.ron".into()) && draft.training().name == "rex");
    }

    #[test]
    fn a_save_that_ends_late_is_about_the_training_that_was_saved() {
        let mut draft = Draft::new(Training::new("tom", "cat"), None);
        let tom = draft.id();
        draft.replace("Open rex", Training::new("rex", "dog"), None);
        let rex = draft.id();
        draft.saved_to(tom, "/tom.ron".into());
        assert_eq!(draft.file, None, "rex was never saved");
        assert!(draft.undo() && draft.id() == tom && draft.file == Some("/tom.ron".into()));
        draft.saved_to(rex, "/rex.ron".into());
        assert!(draft.file == Some("/tom.ron".into()));
        assert!(draft.redo() && draft.id() == rex && draft.file == Some("/rex.ron".into()));
        draft.put_beneath(Training::new("left", "fox"), Some("/left.ron".into()));
        assert!(draft.undo() && draft.undo() && draft.training().name == "left");
        assert!(draft.file == Some("/left.ron".into()) && draft.redo() && draft.file == Some("/tom.ron".into()));
    }
}
