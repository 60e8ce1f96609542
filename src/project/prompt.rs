//! Words of the prompt that stand for concepts, and the prompts of the custom branches.
//!
//! The paper samples along several paths: branch i reads the base prompt with *every* concept's
//! class word replaced by concept i's own tokens, so that each branch draws its concept wherever
//! any of them may come to lie.

use std::ops::Range;

/// What stands for a concept's tokens in a prompt written by hand, as in the trainer's captions.
pub const TOKEN_MARK: &str = "<TOK>";

/// The prompt of one custom branch: the base prompt with every class word of any concept replaced
/// by `tokens`.
///
/// Articles and everything else stay as they are: with `<a> <b>`, "A dog and a cat" becomes
/// "A `<a> <b>` and a `<a> <b>`".
pub fn custom_prompt(base: &str, class_words: &[&str], tokens: &str) -> String {
    replaced(base, &class_word_spans(base, class_words), tokens)
}

/// A prompt with `tokens` in the place of what stands at `spans`, which are in order.
pub(super) fn replaced(base: &str, spans: &[(Range<usize>, usize)], tokens: &str) -> String {
    let mut prompt = String::with_capacity(base.len());
    let mut done = 0;
    for (span, _) in spans {
        prompt.push_str(base.get(done..span.start).unwrap_or_default());
        prompt.push_str(tokens);
        done = span.end;
    }
    prompt.push_str(base.get(done..).unwrap_or_default());
    prompt
}

/// Where class words stand in a prompt: byte ranges in order, each with the index of the class
/// word.
///
/// Whole words only, in any case, with an `s` or `es` of a plural included. Where several class
/// words fit, the longest wins ("teddy bear" before "bear"); of equal ones, the first. A word that
/// a hyphen or underscore joins to another ("cat-like") is another word, and `<cat>` is a token,
/// not a word.
pub fn class_word_spans(prompt: &str, class_words: &[&str]) -> Vec<(Range<usize>, usize)> {
    let mut words: Vec<(usize, Vec<char>)> =
        class_words.iter().map(|word| normalized(word)).enumerate().filter(|(_, word)| !word.is_empty()).collect();
    words.sort_by_key(|(_, word)| std::cmp::Reverse(word.len()));

    let mut spans = Vec::new();
    let mut before = None;
    let mut free_from = 0;
    for (at, letter) in prompt.char_indices() {
        if at >= free_from && !before.is_some_and(joins_words) {
            let rest = prompt.get(at..).unwrap_or_default();
            let found = words.iter().find_map(|(index, word)| Some((word_length(rest, word)?, *index)));
            if let Some((length, index)) = found {
                spans.push((at..at + length, index));
                free_from = at + length;
            }
        }
        before = Some(letter);
    }
    spans
}

/// Whether two class words are the same to [`class_word_spans`].
pub(super) fn is_same_word(one: &str, other: &str) -> bool {
    normalized(one) == normalized(other)
}

/// Lower case, with every run of spaces one space.
fn normalized(word: &str) -> Vec<char> {
    let parts: Vec<&str> = word.split_whitespace().collect();
    parts.join(" ").chars().flat_map(char::to_lowercase).collect()
}

/// How many bytes at the start of `text` are this word or its plural, ending where a word ends.
fn word_length(text: &str, word: &[char]) -> Option<usize> {
    let stem = prefix_length(text, word)?;
    let rest = text.get(stem..)?;
    [&[][..], &['s'], &['e', 's']].into_iter().find_map(|ending| {
        let length = prefix_length(rest, ending)?;
        let next = rest.get(length..)?.chars().next();
        (!next.is_some_and(ends_no_word)).then_some(stem + length)
    })
}

/// How many bytes at the start of `text` match normalized letters, ignoring case and the width of
/// spaces.
fn prefix_length(text: &str, mut letters: &[char]) -> Option<usize> {
    let mut after_space = false;
    for (at, found) in text.char_indices() {
        if after_space && found.is_whitespace() {
            continue;
        }
        if letters.is_empty() {
            return Some(at);
        }
        after_space = found.is_whitespace();
        if after_space {
            letters = letters.strip_prefix(&[' '])?;
        } else {
            // One letter may have several in lower case (the Turkish dotted capital I).
            for lower in found.to_lowercase() {
                letters = letters.strip_prefix(&[lower])?;
            }
        }
    }
    letters.is_empty().then_some(text.len())
}

fn joins_words(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '<')
}

fn ends_no_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &str = "<V1_1> <V1_2>";

    #[test]
    fn every_class_word_of_any_concept_becomes_this_concepts_tokens() {
        let prompt = custom_prompt("A dog and a cat on the beach", &["dog", "cat"], TOKENS);
        assert_eq!(prompt, "A <V1_1> <V1_2> and a <V1_1> <V1_2> on the beach");
    }

    #[test]
    fn case_plurals_and_punctuation_do_not_matter() {
        let prompt = custom_prompt("Cats, a DOG's bone and two buses!", &["cat", "dog", "bus"], "<t>");
        assert_eq!(prompt, "<t>, a <t>'s bone and two <t>!");
    }

    #[test]
    fn parts_of_words_are_left_alone() {
        for prompt in ["a category", "a bobcat", "cat-like", "a copy-cat", "cat_1", "<cat>", "cat9", "catss"] {
            assert_eq!(custom_prompt(prompt, &["cat"], "<t>"), prompt);
        }
        assert_eq!(custom_prompt("an orange cat - asleep", &["cat"], "<t>"), "an orange <t> - asleep");
    }

    #[test]
    fn the_longest_class_word_wins() {
        let spans = class_word_spans("a teddy  bear and a bear", &["bear", "teddy bear"]);
        assert_eq!(spans, [(2..13, 1), (20..24, 0)]);
    }

    #[test]
    fn of_two_concepts_with_one_class_word_the_first_is_found() {
        assert_eq!(class_word_spans("two cats", &["cat", "cat"]), [(4..8, 0)]);
    }

    #[test]
    fn letters_of_any_alphabet_are_compared_without_case() {
        let prompt = "Ein BÄR, ein Bär, 猫 и КОТ";
        let spans = class_word_spans(prompt, &["bär", "猫", "кот"]);
        let found: Vec<_> = spans.into_iter().map(|(span, word)| (&prompt[span], word)).collect();
        assert_eq!(found, [("BÄR", 0), ("Bär", 0), ("猫", 1), ("КОТ", 2)]);
    }

    #[test]
    fn empty_words_and_empty_prompts_find_nothing() {
        assert!(class_word_spans("a cat", &["", "  "]).is_empty());
        assert!(class_word_spans("", &["cat"]).is_empty());
        assert_eq!(custom_prompt("a cat", &[], "<t>"), "a cat");
    }
}
