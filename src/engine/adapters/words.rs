//! The words that a file brings: ED-LoRA's layer-wise tokens, textual inversions alone or bundled in a LoRA.

use super::change::Embedding;
use super::group::{Found, Tensors};
use crate::engine::error::{EngineError, Result};

/// The most vectors of one word: a prompt has fewer tokens.
const MOST_VECTORS: usize = 1024;
/// The most words of one file in diffusers' form, which has nothing but the words themselves to be known by.
const MOST_WORDS: usize = 64;

/// What a tensor's name says of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word<'a> {
    /// A token of an ED-LoRA, with one embedding a layer.
    Layerwise(&'a str),
    /// A word that a LoRA's file brings along.
    Bundled(&'a str),
    /// The word that the file is called by.
    OfFile,
}

/// What a tensor's name says of a word, of a trainer's that marks its words as such.
pub fn word(name: &str) -> Option<Word<'_>> {
    let name = name.strip_prefix("state_dict.").unwrap_or(name);
    if let Some(token) = name.strip_prefix("new_concept_embedding.") {
        return Some(Word::Layerwise(token));
    }
    if let Some(rest) = name.strip_prefix("bundle_emb.") {
        let word = rest.find(".string_to_param.").map(|end| &rest[..end]);
        let word = word.or_else(|| rest.strip_suffix(".emb_params")).or_else(|| rest.strip_suffix(".clip_l"));
        return word.filter(|word| !word.is_empty()).map(Word::Bundled);
    }
    (name.starts_with("string_to_param.") || name == "emb_params" || name == "clip_l").then_some(Word::OfFile)
}

/// Whether these tensors are diffusers' form of a textual inversion: a table of tokens, with nothing that says so.
pub fn are_words(found: &[Found<'_>]) -> bool {
    let width = |found: &Found<'_>| match *found.shape {
        [width] | [_, width] => Some(width),
        _ => None,
    };
    let Some(first) = found.first().and_then(width) else { return false };
    let is_layer = |name: &str| [".weight", ".bias", ".alpha"].iter().any(|end| name.ends_with(end));
    found.len() <= MOST_WORDS
        && first > 1
        && found.iter().all(|found| width(found) == Some(first) && !is_layer(&found.name))
}

/// An ED-LoRA's token: `[layers, width]`, or `[width]` where all layers share it.
///
/// # Errors
/// When it has another shape.
pub fn layerwise(token: &str, found: &Found<'_>) -> Result<Embedding> {
    let (layers, width) = match *found.shape {
        [width] if width > 0 => (1, width),
        [layers, width] if layers > 0 && width > 0 => (layers, width),
        _ => {
            return Err(malformed(
                found,
                format!("token `{token}` has an embedding of shape {:?} where [layers, width] is needed", found.shape),
            ));
        }
    };
    Ok(Embedding { name: token.into(), vectors: 1, layers, width, values: found.read()? })
}

/// A textual inversion's word: `[vectors, width]` or `[width]`.
///
/// # Errors
/// When it has another shape.
pub fn plain(name: &str, found: &Found<'_>) -> Result<Embedding> {
    let (vectors, width) = match *found.shape {
        [width] if width > 0 => (1, width),
        [vectors, width] if vectors > 0 && width > 0 => (vectors, width),
        _ => {
            return Err(malformed(
                found,
                format!("word `{name}` has an embedding of shape {:?} where [vectors, width] is needed", found.shape),
            ));
        }
    };
    if vectors > MOST_VECTORS {
        return Err(malformed(found, format!("word `{name}` has {vectors} vectors, more than any prompt has tokens")));
    }
    Ok(Embedding { name: name.into(), vectors, layers: 1, width, values: found.read()? })
}

/// The word that a file is called by in prompts: its name without folder and ending.
pub fn of_file(file: &dyn Tensors) -> String {
    let name = file.name();
    let stem = std::path::Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.unwrap_or_else(|| name.to_owned())
}

fn malformed(found: &Found<'_>, what: String) -> EngineError {
    EngineError::Malformed { file: found.file.name().into(), what }
}
