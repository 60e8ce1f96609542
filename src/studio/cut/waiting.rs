//! Changes that wait for a shape that is still being drawn: each is made to what those before it left.

use std::collections::VecDeque;

use super::shape::Shape;
use super::steps::Chosen;
use crate::cut::Mode;

/// One change.
pub(super) enum Change {
    /// A shape, which is drawn in the background.
    Shape(Shape, Mode),
    /// One that is made at once: what its step is called, and what it does.
    Now(&'static str, Box<dyn FnOnce(&mut Chosen)>),
}

/// Changes in the order in which they were made by hand.
#[derive(Default)]
pub(super) struct Waiting {
    queue: VecDeque<Change>,
    /// A shape is being drawn.
    drawing: bool,
    /// It was taken back meanwhile.
    taken_back: bool,
}

impl Waiting {
    /// Whether anything is not made yet.
    pub fn is_behind(&self) -> bool {
        self.drawing || !self.queue.is_empty()
    }

    /// Whether a shape is being drawn.
    pub fn is_drawing(&self) -> bool {
        self.drawing
    }

    /// One more.
    pub fn push(&mut self, change: Change) {
        self.queue.push_back(change);
    }

    /// Takes the last back, one that is being drawn too. False where none waits.
    pub fn take_back(&mut self) -> bool {
        if self.queue.pop_back().is_some() {
            return true;
        }
        let waits = self.drawing && !self.taken_back;
        self.taken_back |= waits;
        waits
    }

    /// What can be made now. A shape is being drawn from then on, until [`Waiting::drawn`].
    pub fn next(&mut self) -> Option<Change> {
        if self.drawing {
            return None;
        }
        let change = self.queue.pop_front()?;
        self.drawing = matches!(change, Change::Shape(..));
        Some(change)
    }

    /// A shape is drawn. False where it was taken back meanwhile.
    pub fn drawn(&mut self) -> bool {
        self.drawing = false;
        !std::mem::take(&mut self.taken_back)
    }
}
