//! Whether a training may be begun: names, tokens, prompts, ranges.

use super::super::error::ProjectError;
use super::{PLACE, RANDOM, Training, captions};

impl Training {
    /// Checks everything that can be checked without opening a photo.
    ///
    /// # Errors
    /// What is wrong first, with what to do.
    pub fn validate(&self) -> Result<(), ProjectError> {
        let name = self.name.trim();
        if name.is_empty() {
            return Err(ProjectError::value("the name", "is empty", "give the concept a name, such as mint_cat"));
        }
        if name.starts_with('.') || name.contains(['/', '\\', ':', '\0']) {
            let advice = "leave out / \\ : and a point at its beginning: it becomes the name of files";
            return Err(ProjectError::value("the name", format!("is {name:?}"), advice));
        }
        if self.class_word.trim().is_empty() {
            let advice = "say what kind of thing the concept is, such as cat";
            return Err(ProjectError::value("the class word", "is empty", advice));
        }
        self.validate_tokens()?;
        for (number, prompt) in (1..).zip(&self.prompts) {
            if !captions::has_place(prompt) {
                let place = format!("prompt {number} ({prompt:?})");
                return Err(ProjectError::value(place, "does not say where the concept is", "write <TOK> into it"));
            }
        }
        self.settings.validate()
    }

    fn validate_tokens(&self) -> Result<(), ProjectError> {
        let advice = "an ED-LoRA has two: the first for how it looks, the second for what it is";
        if self.tokens.len() != 2 {
            return Err(ProjectError::value("tokens", format!("are {}", self.tokens.len()), advice));
        }
        for (number, token) in (1..).zip(&self.tokens) {
            let place = format!("token {number} ({:?})", token.word);
            if token.word.is_empty() || token.word.contains(char::is_whitespace) || token.word == PLACE {
                let advice = "use one word that no model knows, such as <mint_cat_1>";
                return Err(ProjectError::value(place, "is no word of its own", advice));
            }
            if token.start.trim().is_empty() {
                let advice = format!("begin as a word of the model's, such as cat, or as {RANDOM}");
                return Err(ProjectError::value(place, "begins as nothing", advice));
            }
        }
        match self.tokens.as_slice() {
            [one, other] if one.word == other.word => {
                Err(ProjectError::value("tokens", format!("are both {:?}", one.word), "give each a word of its own"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(change: impl FnOnce(&mut Training)) -> String {
        let mut training = Training::new("mint_cat", "cat");
        change(&mut training);
        training.validate().unwrap_err().to_string()
    }

    #[test]
    fn a_new_training_is_valid() {
        assert_eq!(Training::new("mint_cat", "cat").validate(), Ok(()));
    }

    #[test]
    fn what_is_wrong_says_where_and_what_to_do() {
        assert!(said(|t| t.name = " ".into()).starts_with("the name is empty; give"));
        assert!(said(|t| t.name = "a/b".into()).contains("becomes the name of files"));
        assert!(said(|t| t.class_word.clear()).contains("what kind of thing"));
        assert!(said(|t| t.tokens.truncate(1)).contains("an ED-LoRA has two"));
        assert!(said(|t| t.tokens[1].word = "two words".into()).contains("token 2 (\"two words\")"));
        assert!(said(|t| t.tokens[1].word = t.tokens[0].word.clone()).contains("are both"));
        assert!(said(|t| t.tokens[0].start.clear()).contains("begins as nothing"));
        assert!(said(|t| t.prompts[1] = "a cat".into()).contains("prompt 2 (\"a cat\")"));
        assert!(said(|t| t.settings.steps = 0).contains("settings.steps"));
    }
}
