//! What other threads work out of the present state: asked for once, and of answers that come in another order than
//! they were asked for the newest counts.

/// The answer to the newest question, or to one shortly before while that is being worked out.
pub(super) struct Answer<Q, A> {
    asked: Option<Q>,
    tickets: u64,
    known: Option<(u64, Q, A)>,
}

impl<Q, A> Default for Answer<Q, A> {
    fn default() -> Self {
        Self { asked: None, tickets: 0, known: None }
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
        if self.known.as_ref().is_none_or(|(known, ..)| *known < ticket) {
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
}
