//! Which tensor of a file is what: goes by names and shapes alone, before any is read.

use std::collections::BTreeMap;

use super::about::FULL_AT;
use super::family::{self, Evidence};
use super::group::{self, Found, Group, Tensors};
use super::leaves::{self, Leaf, Refused};
use super::names::{Module, Names, Place};
use super::words::{self, Word};
use crate::engine::error::{EngineError, Result};

/// The tensors of a file by what they are.
pub struct Sorted<'a> {
    /// ED-LoRA's tokens.
    pub tokens: Vec<(String, Found<'a>)>,
    /// Textual inversions.
    pub words: Vec<(String, Found<'a>)>,
    /// What changes layers.
    pub groups: BTreeMap<Module, Group<'a>>,
    /// What is of no use, with why.
    pub aside: Vec<(String, String)>,
    /// The first tensor of a kind of file that is not taken.
    pub refused: Option<(Refused, String)>,
    /// How many tensors there are.
    pub count: usize,
    /// Whether it is a trainer's checkpoint, with its own state beside what it trained.
    is_state: bool,
}

/// The most words that are taken out of one file.
const MOST_WORDS: usize = 256;

/// Sorts the tensors of a file.
///
/// # Errors
/// When two tensors are the same to one layer.
pub fn sort<'a>(file: &'a dyn Tensors, names: &Names) -> Result<Sorted<'a>> {
    let mut listed = file.listed();
    // What the file says of itself is nothing that it changes.
    listed.retain(|(name, _)| name != FULL_AT);
    // A trainer's checkpoint has what it trained below `params`.
    let is_state = listed.iter().any(|(name, _)| name.starts_with("params."));
    let mut sorted = Sorted {
        tokens: Vec::new(),
        words: Vec::new(),
        groups: BTreeMap::new(),
        aside: Vec::new(),
        refused: None,
        count: listed.len(),
        is_state,
    };
    let mut unknown = Vec::new();
    for (name, shape) in listed {
        let found = Found { file, name, shape };
        let name = found.name.clone();
        let inner = name.strip_prefix("params.");
        if is_state && inner.is_none() {
            sorted.leave(name, "is the trainer's own state, beside the `params` it trained");
            continue;
        }
        match words::word(inner.unwrap_or(&name)) {
            Some(Word::Layerwise(token)) => sorted.tokens.push((token.into(), found)),
            Some(Word::Bundled(word)) => sorted.add_word(word.into(), found),
            Some(Word::OfFile) => sorted.add_word(words::of_file(file), found),
            None => match names.place(&name) {
                Place::At(module, leaf) => sorted.add(file, names, module, leaf, found)?,
                Place::Nowhere(why) => unknown.push((found, why)),
            },
        }
    }
    let nothing = sorted.groups.is_empty() && sorted.tokens.is_empty() && sorted.words.is_empty();
    let unfounded: Vec<Found<'_>> = unknown.iter().map(|(found, _)| found.clone()).collect();
    if nothing && words::are_words(&unfounded) {
        sorted.words = unfounded.into_iter().map(|found| (found.name.clone(), found)).collect();
    } else {
        unknown.into_iter().for_each(|(found, why)| sorted.leave(found.name, why));
    }
    sorted.leave_weights();
    sorted.aside.extend(file.others().iter().map(|name| (name.clone(), "is no tensor".to_owned())));
    Ok(sorted)
}

impl<'a> Sorted<'a> {
    fn leave(&mut self, name: String, why: &str) {
        self.aside.push((name, why.to_owned()));
    }

    fn add_word(&mut self, word: String, found: Found<'a>) {
        if self.words.len() >= MOST_WORDS {
            return self.leave(found.name, "is one word too many; no file has so many");
        }
        if self.words.iter().any(|(known, _)| *known == word) {
            return self.leave(found.name, "is a second embedding of one word, of which only the first is used");
        }
        self.words.push((word, found));
    }

    fn add(
        &mut self,
        file: &'a dyn Tensors,
        names: &Names,
        module: Module,
        leaf: &str,
        found: Found<'a>,
    ) -> Result<()> {
        let leaf = leaves::leaf(leaf, found.shape.len());
        // Every path that names know has an operation.
        let Some(op) = names.op(&module) else {
            self.leave(found.name, "belongs to no layer");
            return Ok(());
        };
        match leaf {
            Leaf::Foreign => {
                self.leave(found.name, "is of no format that is known here");
                return Ok(());
            }
            Leaf::Refused(refused) => {
                self.refused = self.refused.take().or(Some((refused, found.name)));
                return Ok(());
            }
            _ => {}
        }
        let group = self.groups.entry(module.clone()).or_insert_with(|| Group {
            file: file.name(),
            module,
            op,
            tensors: BTreeMap::new(),
        });
        let name = found.name.clone();
        if let Some(other) = group.tensors.insert(leaf, found) {
            let what = format!(
                "holds `{}` and `{name}`, two names of the same thing; the file was put together wrongly",
                other.name
            );
            return Err(EngineError::Malformed { file: file.name().into(), what });
        }
        Ok(())
    }

    /// Weights without IA3's axis are a model's own.
    fn leave_weights(&mut self) {
        if self.groups.values().any(|group| group.get(Leaf::OnInput).is_some()) {
            return;
        }
        for group in self.groups.values_mut() {
            if let Some(weight) = group.tensors.remove(&Leaf::Weight) {
                self.aside.push((weight.name, "is a weight of a model itself, no change of one".into()));
            }
        }
        self.groups.retain(|_, group| !group.tensors.is_empty());
    }

    /// How many numbers there are to read.
    pub fn numbers(&self) -> usize {
        let words = self.tokens.iter().chain(&self.words).map(|(_, found)| found);
        let factors = self.groups.values().flat_map(|group| group.tensors.values());
        let count = |found: &Found<'_>| group::product(&found.shape).unwrap_or(usize::MAX);
        words.chain(factors).map(count).fold(0, usize::saturating_add)
    }

    /// The kind of model that the file is for, as far as its tensors or its metadata say; `context` is the width of Stable
    /// Diffusion 1.5's text context.
    pub fn family(&self, file: &dyn Tensors, context: usize) -> Option<Evidence> {
        let listed = file.listed();
        let trained = |name: &&str| !self.is_state || name.starts_with("params.");
        let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).filter(trained).collect();
        let widths = self.groups.iter().filter_map(|(module, group)| Some((module, group.inputs()?)));
        let embedding = || {
            let (word, found) = self.words.iter().chain(&self.tokens).next()?;
            family::by_embedding(word, *found.shape.last()?, context)
        };
        family::by_names(names.iter().copied())
            .or_else(|| family::by_widths(widths, context))
            .or_else(embedding)
            .or_else(|| family::by_metadata(file.metadata()))
    }
}
