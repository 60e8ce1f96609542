//! Where answers of other threads come in: one place for all of them, so that tests can hold any back and hand it out once
//! more (`line_tests.rs` stands here then).

use crossbeam_channel::Receiver;

/// What a thread answers.
pub trait Answer: Send + 'static {}

impl<T: Send + 'static> Answer for T {}

/// What all lines of a studio have in common.
#[derive(Clone, Debug, Default)]
pub struct Tap(());

impl Tap {
    /// A line for the answers that come through a channel.
    pub fn line<T: Answer>(&self, done: Receiver<T>) -> Line<T> {
        Line { done }
    }
}

/// Answers in the order in which they come.
#[derive(Debug)]
pub struct Line<T> {
    done: Receiver<T>,
}

impl<T: Answer> Line<T> {
    /// The next one, if any is there.
    pub fn next(&self) -> Option<T> {
        self.done.try_recv().ok()
    }

    /// Whether none is there.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }
}
