//! A prompt of more tokens than the text encoder reads, as several that it reads apart: AUTOMATIC1111's chunks.
//!
//! After `tokenize_line` of `sd_hijack_clip.py` (version 1.10.1): a chunk that is full is followed by another; where the
//! last comma is near, what follows it moves on with what does not fit, so that no phrase is torn; what a concept learnt
//! stays whole.

use std::ops::Range;

/// A token of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// An entry of the vocabulary.
    Id(u32),
    /// The `n`th vector of all placeholders given to the tokenizer, counted through.
    Placeholder(usize),
}

impl Token {
    /// Its number in the vocabulary; 0 of a placeholder, which has none.
    pub fn id(&self) -> u32 {
        match self {
            Self::Id(id) => *id,
            Self::Placeholder(_) => 0,
        }
    }
}

/// How far back the last comma may be for a phrase to move on as a whole: the WebUI's setting as it comes.
const BACKTRACK: usize = 20;

/// A token of a prompt with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// The token.
    pub token: Token,
    /// Which bytes of the prompt it stands for.
    pub span: Range<usize>,
    /// What its encoded vector is multiplied by.
    pub weight: f32,
}

/// What a prompt consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A token.
    Token(Weighed),
    /// What follows begins a chunk.
    Break,
}

/// Lays the tokens of a prompt out in chunks of at most `room` tokens; an empty prompt is one empty chunk.
pub fn lay_out(entries: Vec<Entry>, room: usize, comma: Option<u32>) -> Vec<Vec<Weighed>> {
    let room = room.max(1);
    let is_learnt =
        |entry: Option<&Entry>| matches!(entry, Some(Entry::Token(Weighed { token: Token::Placeholder(_), .. })));
    // How many learnt vectors follow each other from each place on, counted from the end.
    let mut runs = vec![0_usize; entries.len() + 1];
    for index in (0..entries.len()).rev() {
        runs[index] = if is_learnt(entries.get(index)) { runs[index + 1] + 1 } else { 0 };
    }
    let mut chunks = Vec::new();
    let mut chunk: Vec<Weighed> = Vec::new();
    let mut last_comma: Option<usize> = None;
    let mut inside = false;
    for (index, entry) in entries.into_iter().enumerate() {
        let weighed = match entry {
            Entry::Token(weighed) => weighed,
            Entry::Break => {
                chunks.push(std::mem::take(&mut chunk));
                (last_comma, inside) = (None, false);
                continue;
            }
        };
        if matches!(weighed.token, Token::Id(id) if Some(id) == comma) {
            last_comma = Some(chunk.len());
        } else if let Some(at) = last_comma.filter(|at| chunk.len() == room && chunk.len() - at <= BACKTRACK) {
            let moved = chunk.split_off(at + 1);
            chunks.push(std::mem::replace(&mut chunk, moved));
            last_comma = None;
        }
        if chunk.len() == room {
            chunks.push(std::mem::take(&mut chunk));
            last_comma = None;
        }
        // What is longer than a whole chunk is torn anyway.
        let begins = runs[index] > 0 && !inside;
        if begins && runs[index] <= room && chunk.len() + runs[index] > room {
            chunks.push(std::mem::take(&mut chunk));
            last_comma = None;
        }
        inside = runs[index] > 0;
        chunk.push(weighed);
    }
    if !chunk.is_empty() || chunks.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMA: u32 = 9;

    /// Letters are words, a comma is one, `<` is something learnt, `/` a break; each token's span is its place.
    fn entries(text: &str) -> Vec<Entry> {
        let entry = |(at, letter): (usize, char)| {
            let token = match letter {
                '/' => return Entry::Break,
                ',' => Token::Id(COMMA),
                '<' => Token::Placeholder(0),
                _ => Token::Id(1),
            };
            Entry::Token(Weighed { token, span: at..at + 1, weight: 1.0 })
        };
        text.char_indices().map(entry).collect()
    }

    /// Where each chunk begins and how long it is.
    fn laid(text: &str, room: usize) -> Vec<(usize, usize)> {
        let chunks = lay_out(entries(text), room, Some(COMMA));
        chunks.iter().map(|chunk| (chunk.first().map_or(0, |first| first.span.start), chunk.len())).collect()
    }

    #[test]
    fn a_chunk_that_is_full_is_followed_by_another() {
        assert_eq!(laid("", 75), [(0, 0)]);
        assert_eq!(laid(&"x".repeat(75), 75), [(0, 75)]);
        assert_eq!(laid(&"x".repeat(76), 75), [(0, 75), (75, 1)]);
        assert_eq!(laid(&"x".repeat(160), 75), [(0, 75), (75, 75), (150, 10)]);
    }

    #[test]
    fn a_comma_near_the_end_takes_its_phrase_along() {
        // The comma is token 60: 15 tokens follow it, and all of them move on.
        let text = format!("{},{}", "x".repeat(60), "x".repeat(20));
        assert_eq!(laid(&text, 75), [(0, 61), (61, 20)]);
        // At token 55 it is the last that is near enough, at 54 it is too far.
        let far = |at: usize| laid(&format!("{},{}", "x".repeat(at), "x".repeat(30)), 75);
        assert_eq!(far(55), [(0, 56), (56, 30)]);
        assert_eq!(far(54), [(0, 75), (75, 10)]);
        // A comma that does not fit begins the next chunk itself, as the WebUI has it.
        assert_eq!(laid(&format!("{},{}", "x".repeat(75), "y"), 75), [(0, 75), (75, 2)]);
        // As the 75th token it ends its chunk, and nothing moves.
        assert_eq!(laid(&format!("{},{}", "x".repeat(74), "yy"), 75), [(0, 75), (75, 2)]);
    }

    #[test]
    fn a_break_ends_a_chunk_even_an_empty_one() {
        assert_eq!(laid("xx/x", 75), [(0, 2), (3, 1)]);
        assert_eq!(laid("/x", 75), [(0, 0), (1, 1)]);
        assert_eq!(laid("x/", 75), [(0, 1)]);
        assert_eq!(laid("x//y", 75), [(0, 1), (0, 0), (3, 1)]);
    }

    #[test]
    fn what_was_learnt_stays_whole_unless_no_chunk_could_hold_it() {
        assert_eq!(laid("xxx<<<x", 5), [(0, 3), (3, 4)]);
        assert_eq!(laid("xx<<<x", 5), [(0, 5), (5, 1)]);
        assert_eq!(laid("x<<<<<<<<x", 5), [(0, 5), (5, 5)]);
        // A comma before it is near, but the chunk is not full: the phrase stays and only what was learnt moves.
        assert_eq!(laid("x,x<<<", 5), [(0, 3), (3, 3)]);
    }
}
