//! What was found to have gone wrong with a subject in a render, in words with what to do (`engine/diagnosis`).

use std::fmt;

/// The part of the method that lost a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Layout alignment.
    Layout,
    /// The masks and their refinement.
    Masks,
    /// The attention to the subject's words.
    Attention,
}

/// Something that went wrong, where, and what to do. Its words go before and behind the step: `HAPPENED at step 24: CURE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which part of the method it went wrong in.
    pub part: Part,
    /// Whose: a concept, by name; none where it is about the picture as a whole.
    pub concept: Option<String>,
    /// Which picture of the batch, counted from 0; none where it is about all of them, or there is only one.
    pub picture: Option<usize>,
    /// At which step, counted from 0.
    pub step: usize,
    /// What happened, without numbers: `the mask of mint cat vanished`.
    pub happened: String,
    /// The numbers that show it; may be empty.
    pub detail: String,
    /// What to do, naming settings as the window and, in brackets, as the command line does.
    pub cure: String,
}

impl Finding {
    /// What happened and what to do, without numbers: the same for each picture that has it, so that they can be counted.
    pub fn summary(&self) -> String {
        format!("{}: {}", self.happened, self.cure)
    }

    /// What stands beside the number of a step, where that is said already.
    pub fn note(&self) -> String {
        self.words("")
    }

    fn words(&self, step: &str) -> String {
        let picture = self.picture.map_or_else(String::new, |picture| format!(" in picture {}", picture + 1));
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        format!("{}{step}{picture}{detail}: {}", self.happened, self.cure)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&format!(" at step {}", self.step + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_happened_where_and_what_to_do() {
        let mut finding = Finding {
            part: Part::Masks,
            concept: Some("mint cat".into()),
            picture: Some(1),
            step: 23,
            happened: "the mask of mint cat vanished".into(),
            detail: "127 of 1024 cells before".into(),
            cure: "refine later".into(),
        };
        let words = "the mask of mint cat vanished at step 24 in picture 2 (127 of 1024 cells before): refine later";
        assert_eq!(finding.to_string(), words);
        assert_eq!(finding.summary(), "the mask of mint cat vanished: refine later");
        (finding.picture, finding.detail) = (None, String::new());
        assert_eq!(finding.to_string(), "the mask of mint cat vanished at step 24: refine later");
        assert_eq!(finding.note(), finding.summary());
    }
}
