//! What an adapter is at a glance: by its list of tensors and what it says of itself. None of the numbers that it changes a
//! model by is read.

use super::change::{Base, Held};
use super::names::{self, Names};
use super::sidecar::Beside;
use super::{about, held, sort};
use crate::engine::error::Result;
use crate::engine::tensors::TensorFile;

/// The most words that are kept.
const MOST_WORDS: usize = 24;

/// What shows of an adapter at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Whether it changes layers of Stable Diffusion 1.5's names.
    pub changes: bool,
    /// Whether it brings words.
    pub brings: bool,
    /// Whether it is an ED-LoRA.
    pub is_ed_lora: bool,
    /// The kind of model that it is for, where that shows.
    pub base: Option<Base>,
    /// In words, why it is not taken: what it holds, or what it is for.
    pub unfit: Option<String>,
    /// Words that call it: those that it brings, then those that it was trained with.
    pub words: Vec<String>,
    /// What it will take in memory.
    pub held: Held,
    /// The strength of use at which it acts as it was learnt, where it says one.
    pub full_at: Option<f32>,
}

/// Looks at many files, for which the names of all layers are worked out once.
pub struct Glancer {
    names: Names,
    context: usize,
}

impl Glancer {
    /// Works out the names of Stable Diffusion 1.5's layers.
    ///
    /// # Errors
    /// When the built-in configurations cannot be read.
    pub fn new() -> Result<Self> {
        let (unet, text) = names::plain_configs()?;
        Ok(Self { names: Names::plain()?, context: text.hidden_size.max(unet.cross_attention_dim) })
    }

    /// Looks at a file, of which notes say what is `beside` it; None where it is no adapter.
    ///
    /// # Errors
    /// When two of its tensors are the same to one layer.
    pub fn look(&self, file: &TensorFile, beside: &Beside) -> Result<Option<Glance>> {
        let sorted = sort::sort(file, &self.names)?;
        let changes = !sorted.groups.is_empty() || sorted.refused.is_some();
        let base = sorted.family(file, self.context).map(|evidence| evidence.base);
        let held = held::held(&sorted);
        let brings = !sorted.tokens.is_empty() || !sorted.words.is_empty();
        if !changes && !brings && base.is_none() {
            return Ok(None);
        }
        let other = base.filter(|base| !matches!(base, Base::Sd1 | Base::Other));
        let unfit = other.map(|base| format!("it is for {base}, and Podium runs Stable Diffusion 1.x"));
        let unfit = unfit.or_else(|| {
            let (refused, _) = sorted.refused.as_ref()?;
            Some(format!("it {}, which Podium does not take", refused.words()))
        });
        let about = about::of_file(file)?;
        let brought = sorted.tokens.iter().chain(&sorted.words).map(|(word, _)| word.clone());
        let trained = about.trigger_phrase.into_iter().chain(beside.words.iter().cloned()).chain(about.folder_words);
        let captions = about::trigger_words(file.metadata()).into_iter().map(|(word, _)| word);
        let mut words: Vec<String> = Vec::new();
        for word in brought.chain(trained).chain(captions) {
            if words.len() < MOST_WORDS && !words.contains(&word) {
                words.push(word);
            }
        }
        // What the tensors show is surer than what somebody wrote.
        let base = base.or(beside.base);
        let (is_ed_lora, full_at) = (!sorted.tokens.is_empty(), about.full_at);
        Ok(Some(Glance { changes, brings, is_ed_lora, base, unfit, words, held, full_at }))
    }
}
