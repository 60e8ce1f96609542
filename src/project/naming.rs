//! One prompt that names all concepts, each by what calls it: for methods with one pass for all of them.

use std::collections::HashMap;
use std::ops::Range;

use super::prompt::is_same_word;
use super::settings::Method;
use super::{Concept, Project};

/// A prompt that names concepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The prompt.
    pub prompt: String,
    /// Where in it a concept is called: bytes, with the concept's place in the project.
    pub places: Vec<(Range<usize>, usize)>,
}

impl Project {
    /// What calls a concept whose files bring the words `tokens` in the one prompt that names all: those, or what was typed for
    /// them; its class word where the method tells the model of it in another way.
    pub fn called<'a>(&self, concept: &'a Concept, tokens: &'a str) -> &'a str {
        if self.settings.method == Method::ResidualOnly { &concept.class_word } else { concept.call(tokens) }
    }

    /// The base prompt with what calls each concept (`calls[i]`; None for one that has no subject) in the place of its own
    /// class word. The concepts of one class word take turns; where it stands fewer times than they are, the last place has
    /// all that are left ("Two toys" becomes "Two `<a>` and `<b>`"). One that the prompt does not mention stands at its end.
    pub fn naming(&self, calls: &[Option<String>]) -> Naming {
        let called: Vec<(usize, &str, &str)> = (self.concepts.iter().zip(calls).enumerate())
            .filter_map(|(index, (concept, call))| Some((index, concept.class_word.as_str(), call.as_deref()?)))
            .collect();
        let class_words: Vec<&str> = called.iter().map(|(_, class_word, _)| *class_word).collect();
        let spans = self.class_word_spans(&self.prompt, &class_words);
        let mut named = Naming { prompt: String::new(), places: Vec::new() };
        let mut name = |prompt: &mut String, (index, _, call): (usize, &str, &str)| {
            let start = prompt.len();
            prompt.push_str(call);
            named.places.push((start..prompt.len(), index));
        };
        let (mut prompt, mut done) = (String::new(), 0);
        let mut met: HashMap<usize, usize> = HashMap::new();
        for (span, first) in &spans {
            prompt.push_str(self.prompt.get(done..span.start).unwrap_or_default());
            done = span.end;
            let of_one_word: Vec<_> =
                called.iter().filter(|(_, word, _)| is_same_word(word, class_words[*first])).copied().collect();
            let nth = met.entry(*first).or_default();
            let is_last = *nth + 1 == spans.iter().filter(|(_, other)| other == first).count();
            // The word stands for the first concept that has it, so there is one.
            let at = (*nth).min(of_one_word.len() - 1);
            let here = if is_last { &of_one_word[at..] } else { &of_one_word[at..=at] };
            for (place, concept) in here.iter().enumerate() {
                if place > 0 {
                    prompt.push_str(" and ");
                }
                name(&mut prompt, *concept);
            }
            *nth += 1;
        }
        prompt.push_str(self.prompt.get(done..).unwrap_or_default());
        for concept in &called {
            let is_met = spans.iter().any(|(_, first)| is_same_word(class_words[*first], concept.1));
            if !is_met {
                prompt.push_str(if prompt.trim().is_empty() { "" } else { ", " });
                name(&mut prompt, *concept);
            }
        }
        named.prompt = prompt;
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Color, Concept};

    /// What a prompt becomes with concepts of these class words, called `<0>`, `<1>`, ...; and who is called where.
    fn named(prompt: &str, class_words: &[&str]) -> (String, Vec<usize>) {
        let concepts = class_words.iter().enumerate();
        let concepts = concepts.map(|(index, word)| Concept::new(format!("{index}"), "x.pth", *word, Color([0; 3])));
        let project = Project { prompt: prompt.into(), concepts: concepts.collect(), ..Project::new() };
        let calls: Vec<_> = (0..class_words.len()).map(|index| Some(format!("<{index}>"))).collect();
        let Naming { prompt, places } = project.naming(&calls);
        for (place, index) in &places {
            assert_eq!(prompt[place.clone()], format!("<{index}>"));
        }
        (prompt, places.into_iter().map(|(_, index)| index).collect())
    }

    #[test]
    fn each_concept_stands_in_the_place_of_its_own_class_word() {
        assert_eq!(named("a dog and a cat at sea", &["cat", "dog"]), ("a <1> and a <0> at sea".into(), vec![1, 0]));
        assert_eq!(named("a cat beside a cat", &["cat"]), ("a <0> beside a <0>".into(), vec![0, 0]));
        assert_eq!(named("a teddy bear", &["bear", "teddy bear"]), ("a <1>, <0>".into(), vec![1, 0]));
    }

    #[test]
    fn those_of_one_class_word_take_turns_and_none_is_left_out() {
        assert_eq!(named("a toy and a toy", &["toy", "Toy"]), ("a <0> and a <1>".into(), vec![0, 1]));
        assert_eq!(named("Two toys on a stage", &["toy", "toy"]), ("Two <0> and <1> on a stage".into(), vec![0, 1]));
        let three = named("toys and toys", &["toy", "toy", "toy"]);
        assert_eq!(three, ("<0> and <1> and <2>".into(), vec![0, 1, 2]));
        assert_eq!(named("a beach", &["cat"]), ("a beach, <0>".into(), vec![0]));
        assert_eq!(named(" ", &["cat"]).1, [0]);
    }

    #[test]
    fn a_concept_is_called_by_its_words_but_where_the_method_wants_its_class_word() {
        let concept = Concept::new("Tom", "x.pth", "cat", Color([0; 3]));
        let typed = Concept { trigger: Some("tomcat".into()), ..concept.clone() };
        let of = |method, concept: &Concept| {
            let mut project = Project::new();
            project.settings.method = method;
            project.called(concept, "<t>").to_owned()
        };
        assert_eq!(
            (of(Method::ConstrainedMerge, &concept), of(Method::FoundMasks, &typed)),
            ("<t>".into(), "tomcat".into())
        );
        assert_eq!(
            (of(Method::ResidualOnly, &concept), of(Method::ResidualOnly, &typed)),
            ("cat".into(), "cat".into())
        );
    }

    #[test]
    fn a_concept_without_a_call_keeps_its_class_word() {
        let mut project = Project { prompt: "a cat and a dog".into(), ..Project::new() };
        let concept = |word: &str| Concept::new(word, "x.pth", word, Color([0; 3]));
        project.concepts = vec![concept("cat"), concept("dog")];
        let found = project.naming(&[None, Some("<d>".into())]);
        assert_eq!((found.prompt.as_str(), found.places), ("a cat and a <d>", vec![(12..15, 1)]));
    }
}
