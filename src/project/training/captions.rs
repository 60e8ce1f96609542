//! Captions: the place of the concept in them, and templates.

use super::{PLACE, Training};

/// What a caption can be made of; `{scene}` is left to its user.
pub const TEMPLATES: [&str; 4] = ["<TOK>", "<TOK> {scene}", "a photo of <TOK>", "a photo of <TOK> {scene}"];

/// Where the scene stands in a template.
const SCENE: &str = "{scene}";

/// Whether a caption or prompt says where the concept is.
pub fn has_place(caption: &str) -> bool {
    caption.contains(PLACE)
}

/// Whether a template leaves the scene to its user.
pub fn wants_scene(template: &str) -> bool {
    template.contains(SCENE)
}

/// A template with a scene such as `on the beach`, which may be empty.
pub fn fill(template: &str, scene: &str) -> String {
    let filled = template.replace(SCENE, scene.trim());
    let words: Vec<&str> = filled.split_whitespace().collect();
    words.join(" ")
}

/// The caption with the concept's place in it: in place of its tokens, its name or its class word, whichever is found
/// first, else before everything else. A caption that has it stays as it is.
pub fn mend(caption: &str, training: &Training) -> String {
    if has_place(caption) {
        return caption.to_owned();
    }
    let tokens: Vec<&str> = training.tokens.iter().map(|token| token.word.as_str()).collect();
    let (name, class) = (training.name.trim(), training.class_word.trim());
    let spoken = name.replace(['_', '-'], " ");
    let both = format!("{name} {class}");
    let mut calls = vec![tokens.join(" ")];
    calls.extend(tokens.iter().map(|token| (*token).to_owned()));
    calls.extend([both, name.to_owned(), spoken, class.to_owned()]);
    for call in calls {
        if let Some(mended) = replaced(caption, &call) {
            return mended;
        }
    }
    let words: Vec<&str> = std::iter::once(PLACE).chain(caption.split_whitespace()).collect();
    words.join(" ")
}

/// The caption with the place instead of the first time that `call` stands there as whole words, in any case.
fn replaced(caption: &str, call: &str) -> Option<String> {
    if call.trim().is_empty() {
        return None;
    }
    let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    // Lowered letter by letter, since other alphabets' small letters may take more or fewer bytes.
    caption.char_indices().find_map(|(start, _)| {
        let (before, rest) = caption.split_at(start);
        let end = same(rest, call)?;
        let (_, after) = rest.split_at(end);
        let inside = is_word(call.chars().next()) && is_word(before.chars().next_back());
        let goes_on = is_word(call.chars().next_back()) && is_word(after.chars().next());
        (!inside && !goes_on).then(|| format!("{before}{PLACE}{after}"))
    })
}

/// How many bytes at the start of a text are `call`, in any case.
fn same(text: &str, call: &str) -> Option<usize> {
    let mut letters = text.char_indices();
    for wanted in call.chars() {
        let (_, letter) = letters.next()?;
        if !letter.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(letters.next().map_or(text.len(), |(end, _)| end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(caption: &str) -> String {
        mend(caption, &Training::new("mint_cat", "cat"))
    }

    #[test]
    fn the_class_word_or_a_token_gives_way_to_the_place() {
        assert_eq!(mended("a cat on the beach"), "a <TOK> on the beach");
        assert_eq!(mended("A photo of my Cat, a cat"), "A photo of my <TOK>, a cat");
        assert_eq!(mended("<mint_cat_1> <mint_cat_2> in the snow"), "<TOK> in the snow");
        assert_eq!(mended("<mint_cat_2> in the snow"), "<TOK> in the snow");
        assert_eq!(mended("mint_cat cat sleeping"), "<TOK> sleeping");
        assert_eq!(mended("the mint cat sleeping"), "the <TOK> sleeping");
        assert_eq!(mended("<TOK> in a cat basket"), "<TOK> in a cat basket");
    }

    #[test]
    fn parts_of_other_words_stay_and_without_any_the_place_comes_first() {
        assert_eq!(mended("concatenated cattle"), "<TOK> concatenated cattle");
        assert_eq!(mended("in the snow"), "<TOK> in the snow");
        assert_eq!(mended(""), "<TOK>");
        assert_eq!(mended("İstanbul'da bir cat"), "İstanbul'da bir <TOK>");
        let odd = Training { class_word: "  ".into(), name: String::new(), ..Training::new("a", "b") };
        assert_eq!(mend("two  cats", &odd), "<TOK> two cats");
    }

    #[test]
    fn templates_take_a_scene_or_none() {
        assert_eq!(fill("a photo of <TOK> {scene}", " on the beach "), "a photo of <TOK> on the beach");
        assert_eq!(fill("a photo of <TOK> {scene}", ""), "a photo of <TOK>");
        assert!(TEMPLATES.iter().all(|template| has_place(template)));
        assert!(wants_scene(TEMPLATES[1]) && !wants_scene(TEMPLATES[0]));
    }
}
