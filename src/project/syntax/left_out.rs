//! What is left out of a prompt before anything is weighed: networks that it asks for, and words that others change or
//! exchange while they sample.

use std::ops::Range;

use super::hint::{Hint, HintKind};
use super::{is_of_word, tidy};

/// A network that a prompt asks for: `<lora:name:0.8>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// Where it stands, in bytes of the prompt.
    pub span: Range<usize>,
    /// What it is.
    pub kind: TagKind,
    /// The file's name without its ending, or the name that its trainer gave it.
    pub name: String,
    /// Strength on the text encoder; 1 where none is written.
    pub text: f32,
    /// Strength on the UNet; the text encoder's where none is written.
    pub unet: f32,
}

/// What kind of network a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagKind {
    /// `lora` or `lyco`: what Podium loads as a concept.
    Lora,
    /// Something that Podium has not.
    Other,
}

/// What is left of a prompt.
pub(super) struct Kept {
    /// Its text.
    pub text: String,
    /// For each of its bytes, where the prompt has it.
    pub origin: Vec<usize>,
    /// For each of its bytes, whether it stands for itself whatever sign it is.
    pub literal: Vec<bool>,
    /// What was left out, in order, in bytes of the prompt.
    pub left_out: Vec<Range<usize>>,
    /// Networks.
    pub tags: Vec<Tag>,
    /// What others would read differently.
    pub hints: Vec<Hint>,
}

/// How many bytes of a network's name or of words in a hint are kept.
const SHORT: usize = 256;

/// Leaves out of a prompt what Podium does not read. `tokens` stand for themselves.
pub(super) fn leave_out(prompt: &str, tokens: &[&str]) -> Kept {
    let literal = literal(prompt, tokens);
    let is_literal = |at: usize| literal.get(at).is_some_and(|literal| *literal);
    let tags = tags(prompt, &is_literal);
    let mut hints: Vec<Hint> = Vec::new();
    for (tag, kind) in &tags {
        if tag.kind == TagKind::Other {
            hints.push(Hint { span: tag.span.clone(), kind: HintKind::UnknownNetwork(kind.clone()) });
        }
    }
    let tags: Vec<Tag> = tags.into_iter().map(|(tag, _)| tag).collect();
    let mut gone: Vec<Range<usize>> = tags.iter().map(|tag| tag.span.clone()).collect();
    changing(prompt, &gone.clone(), &is_literal, &mut gone, &mut hints);
    let left_out = tidy(gone);

    let mut kept = Kept {
        text: String::with_capacity(prompt.len()),
        origin: Vec::with_capacity(prompt.len()),
        literal: Vec::with_capacity(prompt.len()),
        left_out: Vec::new(),
        tags,
        hints,
    };
    let mut from = 0;
    let end = prompt.len()..prompt.len();
    for out in left_out.iter().chain(std::iter::once(&end)) {
        kept.text.push_str(prompt.get(from..out.start).unwrap_or_default());
        kept.origin.extend(from..out.start.max(from));
        kept.literal.extend_from_slice(literal.get(from..out.start).unwrap_or_default());
        from = out.end;
    }
    kept.left_out = left_out;
    whole_prompt(&mut kept);
    kept
}

/// For each byte of the prompt whether it is of a word that stands for itself.
fn literal(prompt: &str, tokens: &[&str]) -> Vec<bool> {
    let mut literal = vec![false; prompt.len()];
    for token in tokens.iter().filter(|token| token.contains(['\\', '(', ')', '[', ']', ':', '<', '|'])) {
        for (at, found) in prompt.match_indices(token) {
            literal[at..at + found.len()].fill(true);
        }
    }
    literal
}

/// Every `<word:…>`, with the word.
fn tags(prompt: &str, is_literal: &dyn Fn(usize) -> bool) -> Vec<(Tag, String)> {
    let mut tags = Vec::new();
    // Without an end nothing is a tag, and looking for one each time would take the square of the length.
    let Some(last) = prompt.rfind('>') else { return tags };
    let mut at = 0;
    while let Some(found) = prompt.get(at..last).and_then(|rest| rest.find('<')) {
        let start = at + found;
        at = start + 1;
        let rest = prompt.get(at..=last).unwrap_or_default();
        let word = rest.get(..rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())).unwrap_or_default();
        let Some(inside) = rest.get(word.len()..).and_then(|rest| rest.strip_prefix(':')) else { continue };
        let Some((inside, _)) = inside.split_once('>') else { continue };
        if word.is_empty() || inside.is_empty() || is_literal(start) {
            continue;
        }
        at = start + 1 + word.len() + 1 + inside.len() + 1;
        tags.push((tag(word, inside, start..at), word.chars().take(SHORT).collect()));
    }
    tags
}

/// Reads `NAME:te:unet:dyn`, where each number may be given by its name.
fn tag(word: &str, inside: &str, span: Range<usize>) -> Tag {
    let kind = if matches!(word, "lora" | "lyco") { TagKind::Lora } else { TagKind::Other };
    let strength = |text: &str| text.trim().parse::<f32>().ok().filter(|number| number.is_finite());
    let (mut name, mut text, mut unet, mut place) = (String::new(), None, None, 0);
    for argument in inside.split(':').take(8) {
        match argument.split_once('=') {
            Some(("te", number)) if place > 0 => text = strength(number),
            Some(("unet", number)) if place > 0 => unet = strength(number),
            Some(("dyn", _)) if place > 0 => {}
            _ => {
                match place {
                    0 => name = argument.trim().chars().take(SHORT).collect(),
                    1 => text = strength(argument),
                    2 => unet = strength(argument),
                    _ => {}
                }
                place += 1;
            }
        }
    }
    let text = text.unwrap_or(1.0);
    Tag { span, kind, name, text, unet: unet.unwrap_or(text) }
}

/// An open bracket with the signs in it that belong to no bracket inside.
struct Open {
    at: usize,
    round: bool,
    colons: Vec<usize>,
    bars: Vec<usize>,
}

/// Finds `[from:to:when]` and `[a|b]` and leaves out all but what is read of them.
fn changing(
    prompt: &str,
    tags: &[Range<usize>],
    is_literal: &dyn Fn(usize) -> bool,
    gone: &mut Vec<Range<usize>>,
    hints: &mut Vec<Hint>,
) {
    let (mut open, mut tags, mut escaped): (Vec<Open>, _, _) = (Vec::new(), tags.iter().peekable(), false);
    for (at, &byte) in prompt.as_bytes().iter().enumerate() {
        while tags.peek().is_some_and(|tag| tag.end <= at) {
            tags.next();
        }
        if std::mem::take(&mut escaped) || is_literal(at) || tags.peek().is_some_and(|tag| tag.contains(&at)) {
            continue;
        }
        match byte {
            b'\\' => escaped = true,
            b'(' | b'[' => open.push(Open { at, round: byte == b'(', colons: Vec::new(), bars: Vec::new() }),
            b':' => open.last_mut().into_iter().for_each(|open| open.colons.push(at)),
            b'|' => open.last_mut().into_iter().for_each(|open| open.bars.push(at)),
            b')' if open.last().is_some_and(|open| open.round) => {
                open.pop();
            }
            b']' => {
                if let Some(open) = open.pop_if(|open| !open.round) {
                    close(prompt, &open, at, gone, hints);
                }
            }
            _ => {}
        }
    }
}

/// Square brackets from `open` to `end`: if they change while sampling, all but what is read of them goes.
fn close(prompt: &str, open: &Open, end: usize, gone: &mut Vec<Range<usize>>, hints: &mut Vec<Hint>) {
    let span = open.at..end + 1;
    let words = |range: Range<usize>| -> String { prompt.get(range).unwrap_or_default().chars().take(SHORT).collect() };
    if let Some(&bar) = open.bars.first() {
        let kept = words(open.at + 1..bar);
        hints.push(Hint { span, kind: HintKind::Alternating(kept) });
        gone.extend([open.at..open.at + 1, bar..end + 1]);
        return;
    }
    let (from, when) = match open.colons[..] {
        [when] => (open.at, when),
        [from, when] => (from, when),
        _ => return,
    };
    let number = prompt.get(when + 1..end).unwrap_or_default().trim();
    let is_number = number.starts_with(|c: char| c == '.' || c.is_ascii_digit()) && number.parse::<f64>().is_ok();
    if is_number {
        hints.push(Hint { span, kind: HintKind::Scheduled(words(from + 1..when)) });
        gone.extend([open.at..from + 1, when..end + 1]);
    }
}

/// What concerns the whole prompt: `AND`, and a weight at its end.
fn whole_prompt(kept: &mut Kept) {
    let text = kept.text.as_str();
    let place = |at: usize| kept.origin.get(at).copied().unwrap_or_default();
    let is_word = |(at, word): &(usize, &str)| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    };
    let and = text.match_indices("AND").find(is_word).map(|(at, word)| place(at)..place(at) + word.len());
    let trimmed = text.trim_end();
    let number = trimmed.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
    let unsigned = number.strip_suffix(['+', '-']).unwrap_or(number).trim_end();
    let is_weight =
        number.len() < trimmed.len() && trimmed.get(number.len()..).is_some_and(|it| it.parse::<f64>().is_ok());
    let weight = unsigned.strip_suffix(':').filter(|_| is_weight).map(|before| {
        let words = trimmed.get(before.len()..).unwrap_or_default();
        let shown: String = words.chars().take(16).collect();
        Hint { span: place(before.len())..place(trimmed.len() - 1) + 1, kind: HintKind::WeightAtEnd(shown) }
    });
    kept.hints.extend(and.map(|span| Hint { span, kind: HintKind::And }));
    kept.hints.extend(weight);
}
