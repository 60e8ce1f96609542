//! What other threads work out of the present state: asked for once, and of answers that come in another order than
//! they were asked for the newest counts.

/// The answer to the newest question, or to one shortly before while that is being worked out.
pub(super) struct Answer<Q, A> {
    asked: Option<Q>,
    tickets: u64,
    /// The last ticket whose answer nobody wants any more.
    forgotten: u64,
    known: Option<(u64, Q, A)>,
}

impl<Q, A> Default for Answer<Q, A> {
    fn default() -> Self {
        Self { asked: None, tickets: 0, forgotten: 0, known: None }
    }
}

impl<Q: Clone + PartialEq, A> Answer<Q, A> {
    /// Whether this is what was asked last.
    pub fn is_asked(&self, question: &Q) -> bool {
        self.asked.as_ref() == Some(question)
    }

    /// Notes a question; the ticket goes with its answer.
    pub fn ask(&mut self, question: Q) -> u64 {
        self.asked = Some(question);
        self.tickets += 1;
        self.tickets
    }

    /// Takes an answer in, unless one to a later question came before it.
    pub fn give(&mut self, ticket: u64, question: Q, answer: A) {
        if ticket > self.forgotten && self.known.as_ref().is_none_or(|(known, ..)| *known < ticket) {
            self.known = Some((ticket, question, answer));
        }
    }

    /// The newest answer.
    pub fn latest(&self) -> Option<&A> {
        self.known.as_ref().map(|(_, _, answer)| answer)
    }

    /// The answer to this question.
    pub fn to(&self, question: &Q) -> Option<&A> {
        self.known.as_ref().filter(|(_, of, _)| of == question).map(|(_, _, answer)| answer)
    }

    /// Forgets the question and its answer, that too which is still to come: it is another project's.
    pub fn forget(&mut self) {
        // Tickets go on: one that is given out twice would let the old answer be taken for the new one.
        (self.asked, self.known, self.forgotten) = (None, None, self.tickets);
    }

    /// Lets the same question be asked again.
    pub fn ask_again(&mut self) {
        self.asked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_to_an_early_question_does_not_replace_a_newer_one() {
        let mut answer = Answer::default();
        let (early, late) = (answer.ask("early"), answer.ask("late"));
        assert!(answer.is_asked(&"late") && !answer.is_asked(&"early"));
        assert_eq!(answer.latest(), None);
        answer.give(late, "late", 2);
        answer.give(early, "early", 1);
        assert_eq!((answer.latest(), answer.to(&"late"), answer.to(&"early")), (Some(&2), Some(&2), None));
        answer.ask_again();
        assert!(!answer.is_asked(&"late"));
    }

    #[test]
    fn an_answer_that_was_forgotten_before_it_came_neither_shows_nor_outranks_the_next() {
        let mut answer = Answer::default();
        let tickets = [answer.ask("one"), answer.ask("two"), answer.ask("three")];
        answer.forget();
        assert!(!answer.is_asked(&"three"));
        let next = answer.ask("of the next project");
        answer.give(tickets[2], "three", 3);
        assert_eq!(answer.latest(), None);
        answer.give(next, "of the next project", 4);
        assert_eq!((answer.latest(), answer.to(&"of the next project")), (Some(&4), Some(&4)));
    }
}
