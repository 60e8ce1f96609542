//! Answers that change what somebody works on, and whether they still may: each is taken once, and none after another
//! project or training took the place of the one that it was asked for.

use std::collections::BTreeSet;

/// Answers that are still to come, by number.
#[derive(Debug, Default)]
pub struct Owed {
    asked: u64,
    open: BTreeSet<u64>,
    given_up: BTreeSet<u64>,
}

/// What an answer is to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is waited for.
    Now,
    /// What it was asked for is gone.
    GivenUp,
    /// It has come already, or nobody ever asked.
    Nobodys,
}

impl Owed {
    /// Something is asked; the number goes with its answer.
    pub fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.open.insert(self.asked);
        self.asked
    }

    /// What all that was asked is for is gone.
    pub fn give_up(&mut self) {
        self.given_up.append(&mut self.open);
    }

    /// An answer has come.
    pub fn take(&mut self, number: u64) -> Due {
        if self.open.remove(&number) {
            Due::Now
        } else if self.given_up.remove(&number) {
            Due::GivenUp
        } else {
            Due::Nobodys
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_once_and_not_after_it_was_given_up() {
        let mut owed = Owed::default();
        let (first, second) = (owed.ask(), owed.ask());
        assert_eq!([owed.take(second), owed.take(second)], [Due::Now, Due::Nobodys]);
        owed.give_up();
        let third = owed.ask();
        assert_eq!([owed.take(first), owed.take(first)], [Due::GivenUp, Due::Nobodys]);
        assert_eq!([owed.take(third), owed.take(99)], [Due::Now, Due::Nobodys]);
    }
}
