//! What the window has to ask, one question after the other, and what waits for the answers.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::autosave::Recovered;
use crate::link::JobId;
use crate::project::Project;
use crate::project::foreign::Parameters;
use crate::project::stamp::Stamp;

/// Something that waits for an answer before it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Begin a new project.
    New,
    /// Open this project, read already.
    Replace {
        /// The project.
        project: Box<Project>,
        /// The file or picture that it was read from. Once somebody was asked, it is read again: it may have been changed.
        from: Option<PathBuf>,
        /// Its file, where saving shall go, with how it was when it was read.
        file: Option<(PathBuf, Option<Stamp>)>,
        /// Where its paths start.
        folder: PathBuf,
        /// What it is called where it has no file.
        name: String,
    },
    /// Open what a crash left.
    Recover(Box<Recovered>),
    /// Give up the masks that are being painted.
    DropMasks,
    /// Close the window.
    Close,
}

/// What somebody pressed that takes memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// A render.
    Render,
    /// A render of the project as it is that goes on from a step of another.
    Branch,
    /// A render that goes on with painted masks.
    WithMasks,
    /// A render that was paused or failed, gone on with.
    Resume(JobId),
    /// The render anew whose masks were being painted in an earlier session.
    Repaint,
    /// A comparison's renders.
    Compare,
    /// Those that a comparison lacks.
    CompareOn,
    /// A training.
    Train,
    /// A training that was paused or failed, gone on with.
    TrainOn(u64),
    /// The same, to be ended with what it has learnt.
    TrainToEnd(u64),
}

impl Press {
    /// Whether it means nothing any more once another project is open.
    fn is_of_document(self) -> bool {
        match self {
            Self::Render | Self::Branch | Self::WithMasks | Self::Repaint | Self::Compare => true,
            Self::Resume(_) | Self::CompareOn | Self::Train | Self::TrainOn(_) | Self::TrainToEnd(_) => false,
        }
    }
}

/// What the window has to ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Something would be lost: unsaved changes, painted masks, a render, a picture or an export that is not written.
    Unsaved(Held),
    /// A file that saving would overwrite.
    Overwrite {
        /// The file.
        path: PathBuf,
        /// Whether it is the project's own, and another program wrote it since it was read; else it is some other file.
        changed: bool,
        /// What goes on once it is saved.
        then: Option<Held>,
    },
    /// A picture that holds a project was dropped.
    PodiumPicture {
        /// The picture.
        path: PathBuf,
        /// Width and height.
        size: (u32, u32),
        /// Where it was dropped.
        at: Option<(f32, f32)>,
    },
    /// A picture was dropped in which another program wrote how it was made.
    OthersPicture {
        /// The picture.
        path: PathBuf,
        /// Width and height.
        size: (u32, u32),
        /// Where it was dropped.
        at: Option<(f32, f32)>,
        /// What it says.
        parameters: Box<Parameters>,
        /// What can be taken over, a line each.
        taken: Vec<String>,
        /// What cannot, or means something else here, a sentence each.
        left: Vec<String>,
    },
    /// There is work of a session that ended without saving.
    Recover(Vec<Recovered>),
    /// Files of the project are not where it names them, and were found elsewhere.
    Moved {
        /// Where they were, and where they are.
        found: Vec<(PathBuf, PathBuf)>,
        /// Those that were not found, a line each.
        missing: Vec<String>,
    },
    /// Masks were being painted when that session ended: whether their render shall be made anew up to their step.
    Repaint {
        /// What is to be known: sentences.
        words: String,
        /// The step that is painted before, counted from 0.
        step: usize,
    },
    /// What is about to start may not fit into the memory that is free.
    Tight {
        /// What was pressed.
        press: Press,
        /// How much it needs, how much there is, what makes it smaller: sentences.
        words: String,
        /// Whether it fits where nobody watches attention.
        fits_unwatched: bool,
    },
}

/// Questions in the order in which they came up. None takes another's place.
#[derive(Debug, Default)]
pub struct Questions {
    queue: VecDeque<Question>,
}

impl Questions {
    /// What is to be answered now.
    pub fn front(&self) -> Option<&Question> {
        self.queue.front()
    }

    /// Asks, after what is asked already. The same is not asked twice, and of what is held back because something
    /// would be lost only the last: whoever presses Close while being asked about New means Close. So it is with files that
    /// have moved, which are looked for again.
    pub fn ask(&mut self, question: Question) {
        let replaces = |other: &Question| match (&question, other) {
            (Question::Unsaved(_), Question::Unsaved(_)) | (Question::Moved { .. }, Question::Moved { .. }) => true,
            // The memory that is free changes from press to press.
            (Question::Tight { press, .. }, Question::Tight { press: asked, .. }) => press == asked,
            _ => false,
        };
        if let Some(before) = self.queue.iter().position(replaces) {
            self.queue[before] = question;
        } else if !self.queue.contains(&question) {
            self.queue.push_back(question);
        }
    }

    /// The first question was answered.
    pub fn answered(&mut self) -> Option<Question> {
        self.queue.pop_front()
    }

    /// Puts what is left of a question in its place.
    pub fn replace_front(&mut self, question: Question) {
        if let Some(front) = self.queue.front_mut() {
            *front = question;
        }
    }

    /// Forgets what concerns a document that is gone.
    pub fn forget_document(&mut self) {
        let of_document = |question: &Question| {
            matches!(
                question,
                Question::Unsaved(_) | Question::Overwrite { .. } | Question::Moved { .. } | Question::Repaint { .. }
            ) || matches!(question, Question::Tight { press, .. } if press.is_of_document())
        };
        self.queue.retain(|question| !of_document(question));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_wait_for_each_other_and_the_last_wish_to_leave_counts() {
        let mut questions = Questions::default();
        questions.ask(Question::Recover(Vec::new()));
        questions.ask(Question::Unsaved(Held::New));
        questions.ask(Question::Recover(Vec::new()));
        questions.ask(Question::Unsaved(Held::Close));
        assert_eq!(questions.answered(), Some(Question::Recover(Vec::new())));
        assert_eq!(questions.answered(), Some(Question::Unsaved(Held::Close)));
        assert_eq!(questions.answered(), None);
    }

    #[test]
    fn of_files_that_moved_is_asked_once_and_no_more_once_their_project_is_gone() {
        let mut questions = Questions::default();
        let moved = |name: &str| Question::Moved { found: vec![(name.into(), "/b".into())], missing: Vec::new() };
        questions.ask(moved("a"));
        questions.ask(Question::Recover(Vec::new()));
        questions.ask(moved("b"));
        assert_eq!(questions.front(), Some(&moved("b")));
        questions.forget_document();
        assert_eq!(questions.answered(), Some(Question::Recover(Vec::new())));
        assert_eq!(questions.answered(), None);
    }

    #[test]
    fn what_may_not_fit_is_asked_once_with_the_latest_numbers_and_not_after_its_project_is_gone() {
        let mut questions = Questions::default();
        let tight = |press, words: &str| Question::Tight { press, words: words.into(), fits_unwatched: false };
        questions.ask(tight(Press::Render, "1 GB are free"));
        questions.ask(tight(Press::Render, "2 GB are free"));
        questions.ask(tight(Press::Train, "1 GB are free"));
        assert_eq!(questions.front(), Some(&tight(Press::Render, "2 GB are free")));
        questions.forget_document();
        assert_eq!(questions.answered(), Some(tight(Press::Train, "1 GB are free")));
        assert_eq!(questions.answered(), None);
    }
}
