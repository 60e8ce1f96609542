//! Prompts as people type them: the syntax of AUTOMATIC1111's WebUI, which other programs took over.
//!
//! `(x)` weighs x by 1.1, `[x]` by 1 / 1.1, `(x:1.3)` by 1.3; brackets inside of brackets multiply, one that is not closed
//! reaches to the end, and `\(`, `\)`, `\[`, `\]`, `\\` stand for the character itself. `BREAK` begins a new chunk. Written
//! after `modules/prompt_parser.py` and `sd_hijack_clip.py` of version 1.10.1, oddities included, for the same words must
//! give the same picture; two of them are that inside of weighted brackets `BREAK` is a word, and that brackets of the two
//! kinds need not be nested.
//!
//! What Podium does not do is never silently misread: `[from:to:when]` is read as what it would be in the end, `[a|b]` as
//! its first choice, `AND` as the word, `<lora:…>` and its like as nothing, and each says so ([`Hint`]).
//!
//! - What is left out before anything is weighed? `left_out.rs`.
//! - How does a key change the weight of what is selected? `nudge.rs`.

use std::ops::Range;

pub use self::hint::{Hint, HintKind};
pub use self::left_out::{Tag, TagKind};
pub use self::nudge::nudge;

mod hint;
mod left_out;
mod nudge;

/// What a weight is at most, in size; a greater one leaves nothing of the picture.
pub const MAX_WEIGHT: f32 = 100.0;
/// What round brackets without a number multiply by, and square ones divide by.
const STEP: f64 = 1.1;
/// How many brackets inside of brackets multiply; 1.1 to this power is beyond [`MAX_WEIGHT`] already. Deeper ones are
/// matched without an effect, so that no prompt takes more than its length times this.
const DEPTH: usize = 64;

/// A prompt as it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// What is read, in order. Never empty: an empty prompt has one part without words.
    pub parts: Vec<Part>,
    /// What is not read as its writer may think, at most one of each kind.
    pub hints: Vec<Hint>,
    /// Where the prompt's bytes are signs and no words: brackets, weights, backslashes, and what is left out. In order,
    /// none touching another.
    pub signs: Vec<Range<usize>>,
    /// What of the prompt is not read at all: networks, and words that others change while they sample. In order.
    pub left_out: Vec<Range<usize>>,
    /// Networks that the prompt asks for.
    pub tags: Vec<Tag>,
}

/// A part of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words of one weight.
    Words(Words),
    /// What follows begins a chunk of its own.
    Break,
}

/// Words of one weight, without the signs.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// The words.
    pub text: String,
    /// Their weight, within ± [`MAX_WEIGHT`].
    pub weight: f32,
    /// For each byte of the words, where the prompt has it.
    origin: Vec<usize>,
}

impl Words {
    /// Where the prompt has these bytes of the words. The range may include signs that stand between them.
    pub fn span(&self, bytes: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.origin.get(index).copied();
        let start = at(bytes.start).or_else(|| self.origin.last().map(|last| last + 1)).unwrap_or_default();
        let end = bytes.end.checked_sub(1).and_then(at).map_or(start, |last| last + 1);
        start..end.max(start)
    }
}

/// A piece of words on the way to a part.
struct Piece {
    /// Bytes of the text that is weighed.
    bytes: Range<usize>,
    weight: f64,
    is_break: bool,
}

/// An open bracket.
struct Open {
    /// The first piece inside.
    first: usize,
    /// Where it stands.
    at: usize,
    counts: bool,
}

/// Reads a prompt. `tokens` are words that stand for themselves whatever signs are in them, such as a concept's tokens.
///
/// Takes time and memory in proportion to the prompt's length.
pub fn parse(prompt: &str, tokens: &[&str]) -> Prompt {
    let kept = left_out::leave_out(prompt, tokens);
    let mut weigher = Weigher {
        text: &kept.text,
        literal: &kept.literal,
        pieces: Vec::new(),
        round: Vec::new(),
        square: Vec::new(),
        signs: Vec::new(),
        hints: Vec::new(),
    };
    weigher.weigh();
    let Weigher { pieces, signs, hints: weighed, .. } = weigher;

    // From places in the text that was weighed to places in the prompt.
    let place = |bytes: &Range<usize>| {
        let start = kept.origin.get(bytes.start).copied().unwrap_or(prompt.len());
        let last = bytes.end.checked_sub(1).and_then(|last| kept.origin.get(last));
        start..last.map_or(start, |last| last + 1).max(start)
    };
    let mut hints = kept.hints;
    hints.extend(weighed.into_iter().map(|hint| Hint { span: place(&hint.span), ..hint }));
    hint::first_of_each(&mut hints);
    let mut all_signs = kept.left_out.clone();
    all_signs.extend(signs.iter().map(place));
    let parts = joined(&kept.text, &kept.origin, &pieces);
    Prompt { parts, hints, signs: tidy(all_signs), left_out: kept.left_out, tags: kept.tags }
}

/// What of a prompt is not read at all, in order (see [`Prompt::left_out`]).
pub fn left_out(prompt: &str) -> Vec<Range<usize>> {
    left_out::leave_out(prompt, &[]).left_out
}

/// Pieces of one weight that follow each other are one part, as BPE must see them in one.
fn joined(text: &str, origin: &[usize], pieces: &[Piece]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        // In the WebUI a break is a piece of weight −1; multiplied, it is a word of that weight.
        if piece.is_break && piece.weight == -1.0 {
            parts.push(Part::Break);
            continue;
        }
        let weight = (piece.weight as f32).clamp(-MAX_WEIGHT, MAX_WEIGHT);
        let (words, places) = (text.get(piece.bytes.clone()), origin.get(piece.bytes.clone()));
        let (words, places) = (words.unwrap_or_default(), places.unwrap_or_default());
        if let Some(Part::Words(last)) = parts.last_mut().filter(|_| !words.is_empty())
            && last.weight == weight
        {
            last.text.push_str(words);
            last.origin.extend_from_slice(places);
        } else if !words.is_empty() {
            parts.push(Part::Words(Words { text: words.to_owned(), weight, origin: places.to_vec() }));
        }
    }
    if parts.is_empty() {
        parts.push(Part::Words(Words { text: String::new(), weight: 1.0, origin: Vec::new() }));
    }
    parts
}

/// In order, with those that touch as one.
fn tidy(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut tidied: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match tidied.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => tidied.push(range),
        }
    }
    tidied
}

/// Reads brackets and weights.
struct Weigher<'a> {
    text: &'a str,
    /// For each byte, whether it stands for itself.
    literal: &'a [bool],
    pieces: Vec<Piece>,
    round: Vec<Open>,
    square: Vec<Open>,
    signs: Vec<Range<usize>>,
    /// Their places are in the text.
    hints: Vec<Hint>,
}

impl Weigher<'_> {
    fn weigh(&mut self) {
        let mut at = 0;
        while let Some(&byte) = self.text.as_bytes().get(at) {
            at = if self.is_sign(at) { self.sign(byte, at) } else { self.run(at) };
        }
        // The WebUI closes round brackets before square ones; products do not mind the order.
        for (stack, factor, bracket) in [(&self.round, STEP, '('), (&self.square, 1.0 / STEP, '[')] {
            if let Some(open) = stack.last() {
                self.hints.push(Hint { span: open.at..open.at + 1, kind: HintKind::Unclosed(bracket) });
            }
            for open in stack.iter().filter(|open| open.counts) {
                multiply(&mut self.pieces, open.first, factor);
            }
        }
        let broken = self.pieces.iter().find(|piece| piece.is_break && piece.weight != -1.0);
        if let Some(piece) = broken {
            self.hints.push(Hint { span: piece.bytes.clone(), kind: HintKind::BreakInBrackets });
        }
        let beyond = self.pieces.iter().find(|piece| piece.weight.abs() > f64::from(MAX_WEIGHT));
        if let Some(piece) = beyond {
            self.hints.push(Hint { span: piece.bytes.clone(), kind: HintKind::TooHeavy });
        }
    }

    fn is_sign(&self, at: usize) -> bool {
        let byte = self.text.as_bytes().get(at);
        byte.is_some_and(|byte| b"\\()[]:".contains(byte)) && !self.literal.get(at).is_some_and(|literal| *literal)
    }

    /// Reads the sign at `at`; gives where to go on.
    fn sign(&mut self, byte: u8, at: usize) -> usize {
        match byte {
            b'\\' => {
                self.signs.push(at..at + 1);
                let next = self.text.as_bytes().get(at + 1);
                // Before anything else a backslash is nothing at all.
                if !next.is_some_and(|next| b"\\()[]".contains(next)) {
                    return at + 1;
                }
                self.word(at + 1..at + 2);
                return at + 2;
            }
            b'(' | b'[' => {
                let stack = if byte == b'(' { &mut self.round } else { &mut self.square };
                stack.push(Open { first: self.pieces.len(), at, counts: stack.len() < DEPTH });
                self.signs.push(at..at + 1);
            }
            b')' => {
                if !self.close(b')', STEP, at..at + 1) {
                    self.word(at..at + 1);
                }
            }
            b']' => {
                if !self.close(b']', 1.0 / STEP, at..at + 1) {
                    self.word(at..at + 1);
                }
            }
            _ => return self.colon(at),
        }
        at + 1
    }

    /// A colon: the end of weighted brackets, or a word.
    fn colon(&mut self, at: usize) -> usize {
        let after = self.text.get(at + 1..).unwrap_or_default();
        let number = after.trim_start();
        let is_digit = |c: char| c == '.' || c.is_ascii_digit();
        let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
        let rest = unsigned.trim_start_matches(is_digit);
        let digits = rest.len() < unsigned.len();
        let close = self.text.len() - rest.trim_start().len();
        if !digits || !self.is_sign(close) || self.text.as_bytes().get(close) != Some(&b')') {
            self.word(at..at + 1);
            return at + 1;
        }
        let number = number.get(..number.len() - rest.len()).unwrap_or_default();
        match number.parse::<f64>() {
            // Clamped before it is multiplied, so that no product leaves the numbers.
            Ok(weight) if self.close(b')', weight.clamp(-1e3, 1e3), at..close + 1) => {}
            Ok(_) => self.word(at..close + 1),
            Err(_) => {
                self.hints.push(Hint { span: at..close, kind: HintKind::NoNumber });
                self.word(at..close);
                return close;
            }
        }
        close + 1
    }

    /// Closes the last open bracket of a kind, by a sign at `sign`. Says whether there was one.
    fn close(&mut self, bracket: u8, factor: f64, sign: Range<usize>) -> bool {
        let stack = if bracket == b')' { &mut self.round } else { &mut self.square };
        let Some(open) = stack.pop() else { return false };
        self.signs.push(sign);
        if open.counts {
            multiply(&mut self.pieces, open.first, factor);
        }
        true
    }

    /// Words up to the next sign, parted at each `BREAK`; gives where to go on.
    fn run(&mut self, from: usize) -> usize {
        let end = (from..self.text.len()).find(|&at| self.is_sign(at)).unwrap_or(self.text.len());
        let (mut begun, mut sought) = (from, from);
        while let Some(found) = self.text.get(sought..end).and_then(|rest| rest.find(BREAK)) {
            let (start, after) = (sought + found, sought + found + BREAK.len());
            sought = after;
            let text = self.text;
            let within = |range: Range<usize>| text.get(range).unwrap_or_default();
            let joined = within(from..start).chars().next_back().is_some_and(is_of_word)
                || within(after..end).chars().next().is_some_and(is_of_word);
            if joined || self.literal.get(start).is_some_and(|literal| *literal) {
                continue;
            }
            // The spaces around it belong to it.
            let before = within(begun..start.max(begun)).trim_end().len();
            self.word(begun..begun + before);
            self.pieces.push(Piece { bytes: start..after, weight: -1.0, is_break: true });
            let rest = within(after..end);
            begun = after + (rest.len() - rest.trim_start().len());
        }
        self.word(begun..end);
        end
    }

    fn word(&mut self, bytes: Range<usize>) {
        if !bytes.is_empty() {
            self.pieces.push(Piece { bytes, weight: 1.0, is_break: false });
        }
    }
}

/// The word that begins a new chunk.
const BREAK: &str = "BREAK";

/// Whether a letter joins those beside it to one word.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn multiply(pieces: &mut [Piece], from: usize, factor: f64) {
    for piece in pieces.iter_mut().skip(from) {
        piece.weight = (piece.weight * factor).clamp(-1e6, 1e6);
    }
}

#[cfg(test)]
#[path = "../syntax_tests.rs"]
mod tests;
