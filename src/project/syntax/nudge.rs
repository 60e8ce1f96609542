//! Changing the weight of what is selected, as the WebUI does by Ctrl and an arrow.

use std::ops::Range;

/// Raises (or lowers) the weight of the selected bytes of a prompt by `by`; without a selection, of the brackets around
/// the cursor or else of the word at it. Gives the new prompt and what is selected in it: the same words.
///
/// None where there is no word to weigh.
pub fn nudge(prompt: &str, selected: Range<usize>, by: f32) -> Option<(String, Range<usize>)> {
    let inside = if selected.is_empty() {
        brackets_around(prompt, selected.start).unwrap_or_else(|| word_at(prompt, selected.start))
    } else {
        selected
    };
    let words = prompt.get(inside.clone())?;
    let start = inside.start + (words.len() - words.trim_start().len());
    let inside = start..start + words.trim().len();
    let words = words.trim();
    if words.is_empty() {
        return None;
    }
    let (before, after) = (prompt.get(..inside.start)?, prompt.get(inside.end..)?);
    let (before, after, weight) = match (before.strip_suffix('('), weight_before_close(after)) {
        (Some(rest), Some((weight, after))) if !rest.ends_with('\\') => (rest, after, weight),
        _ => (before, after, 1.0),
    };
    // Tenths of a percent: sums of 0.1 shall not show their rounding.
    let weight = ((weight + by).clamp(0.0, super::MAX_WEIGHT) * 1000.0).round() / 1000.0;
    if weight == 1.0 {
        let start = before.len();
        return Some((format!("{before}{words}{after}"), start..start + words.len()));
    }
    let start = before.len() + 1;
    Some((format!("{before}({words}:{weight}){after}"), start..start + words.len()))
}

/// The weight that closes brackets here, and what follows.
fn weight_before_close(after: &str) -> Option<(f32, &str)> {
    if let Some(rest) = after.strip_prefix(')') {
        return Some((1.1, rest));
    }
    let (number, rest) = after.strip_prefix(':')?.split_once(')')?;
    let weight = number.trim().parse::<f32>().ok().filter(|weight| weight.is_finite())?;
    Some((weight, rest))
}

/// The words of the innermost round brackets around a place, without their weight.
fn brackets_around(prompt: &str, at: usize) -> Option<Range<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let mut escaped = false;
    for (index, letter) in prompt.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match letter {
            '\\' => escaped = true,
            '(' => open.push(index),
            ')' => {
                let Some(start) = open.pop() else { continue };
                if start < at && at <= index {
                    let inside = prompt.get(start + 1..index)?;
                    let weighed = inside.rfind(':').filter(|colon| {
                        inside.get(colon + 1..).is_some_and(|number| number.trim().parse::<f32>().is_ok())
                    });
                    return Some(start + 1..start + 1 + weighed.unwrap_or(inside.len()));
                }
            }
            _ => {}
        }
    }
    None
}

/// The word at a place: up to the spaces, commas and brackets around it.
fn word_at(prompt: &str, at: usize) -> Range<usize> {
    let ends = |letter: char| letter.is_whitespace() || ",.;()[]<>:|\\\"".contains(letter);
    let before = prompt.get(..at).unwrap_or_default();
    let after = prompt.get(at..).unwrap_or_default();
    let start = before
        .rfind(ends)
        .map_or(0, |found| found + before.get(found..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    start..at + after.find(ends).unwrap_or(after.len())
}
