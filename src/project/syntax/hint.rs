//! What in a prompt is not read as its writer may think.

use std::fmt;
use std::ops::Range;

use super::MAX_WEIGHT;

/// Something in a prompt that is not read as its writer may think. `Display` says what, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// Where, in bytes of the prompt.
    pub span: Range<usize>,
    /// What.
    pub kind: HintKind,
}

/// What is not read as its writer may think.
#[derive(Clone, Debug, PartialEq)]
pub enum HintKind {
    /// A bracket of this kind is never closed.
    Unclosed(char),
    /// What stands where a weight should is no number.
    NoNumber,
    /// A weight beyond what is read.
    TooHeavy,
    /// `BREAK` in weighted brackets.
    BreakInBrackets,
    /// `[from:to:when]`; the words are what is read.
    Scheduled(String),
    /// `[a|b]`; the words are what is read.
    Alternating(String),
    /// `AND`.
    And,
    /// `:3` at the end.
    WeightAtEnd(String),
    /// `<hypernet:…>` or another network that is none of Podium's; the word before the colon.
    UnknownNetwork(String),
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            HintKind::Unclosed(bracket) => write!(
                f,
                "A {bracket} is never closed, so everything after it is weighed; close it, or write \\{bracket} for the character itself."
            ),
            HintKind::NoNumber => {
                write!(f, "What stands before a closing bracket is no weight; write a number, such as (cat:1.2).")
            }
            HintKind::TooHeavy => {
                write!(f, "Weights go from -{MAX_WEIGHT} to {MAX_WEIGHT}; 0.5 to 1.5 are usual.")
            }
            HintKind::BreakInBrackets => write!(
                f,
                "BREAK inside of brackets is read as a word, as in other programs; put it outside to begin a new chunk."
            ),
            HintKind::Scheduled(kept) => write!(
                f,
                "Podium does not change words while it samples: of [from:to:when], {} is read in all steps.",
                said(kept)
            ),
            HintKind::Alternating(kept) => {
                write!(f, "Podium does not take turns between words: of [a|b], {} is read in all steps.", said(kept))
            }
            HintKind::And => write!(
                f,
                "AND is read as the word; Podium composes by concepts and their masks, not by several prompts at once."
            ),
            HintKind::WeightAtEnd(weight) => write!(
                f,
                "\"{weight}\" at the end is read as words; other programs weigh the whole prompt by it. Put what it is meant for in brackets."
            ),
            HintKind::UnknownNetwork(kind) => {
                write!(f, "Podium has nothing called \"{kind}\", so <{kind}:…> is left out.")
            }
        }
    }
}

/// Words in quotes, cut short where they are long.
fn said(words: &str) -> String {
    let words = words.trim();
    if words.is_empty() {
        return "nothing".into();
    }
    let short: String = words.chars().take(40).collect();
    if short.len() < words.len() { format!("\"{short}…\"") } else { format!("\"{words}\"") }
}

/// Keeps the first hint of each kind: a prompt with fifty schedules has one thing to be said of it.
pub(super) fn first_of_each(hints: &mut Vec<Hint>) {
    let mut known = Vec::new();
    hints.retain(|hint| {
        let kind = std::mem::discriminant(&hint.kind);
        let is_new = !known.contains(&kind);
        if is_new {
            known.push(kind);
        }
        is_new
    });
    hints.sort_by_key(|hint| hint.span.start);
}
