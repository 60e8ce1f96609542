//! Whether an adapter fits a model.

use super::change::{AdapterFile, Change, Embedding, Part};
use super::modules::{self, Layer, Layers};
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::unet::UnetConfig;

/// Checks an adapter against a model: each layer's shape, the widths of words and how many layers they speak to.
///
/// # Errors
/// [`EngineError::ConceptMisfit`], naming the layer and both shapes.
pub fn check(file: &AdapterFile, unet: &UnetConfig, text: &ClipConfig) -> Result<()> {
    let misfit = |what: String| Err(EngineError::ConceptMisfit { file: file.file.clone(), what });
    let cross = unet.transformers().len();
    for word in &file.embeddings {
        if let Err(what) = check_word(word, text.hidden_size, cross) {
            return misfit(what);
        }
    }
    for (part, changes, layers) in [
        (Part::Unet, &file.unet, modules::unet(unet)),
        (Part::TextEncoder, &file.text_encoder, modules::text_encoder(text)),
    ] {
        for (path, change) in changes {
            if let Err(what) = fits(path, change, &layers) {
                return misfit(format!("its module {part}.{path} {what}; it was trained on another model"));
            }
        }
    }
    Ok(())
}

/// Checks a word that a file brings against the width of a model's text encoder and the number of its cross-attention
/// layers.
///
/// # Errors
/// Why it does not fit, as the rest of a sentence about the file.
pub fn check_word(embedding: &Embedding, width: usize, transformers: usize) -> std::result::Result<(), String> {
    let name = &embedding.name;
    if embedding.width != width {
        return Err(format!(
            "its word {name} is {} wide, the model's text encoder is {width} wide; it was trained on another model",
            embedding.width
        ));
    }
    if embedding.layers != 1 && embedding.layers != transformers {
        return Err(format!(
            "its word {name} has {} embeddings, the model has {transformers} cross-attention layers",
            embedding.layers
        ));
    }
    let numbers = embedding.vectors.checked_mul(embedding.layers * width);
    if embedding.vectors == 0 || numbers != Some(embedding.values.len()) {
        return Err(format!(
            "its word {name} has {} numbers for {} vectors; the file is damaged",
            embedding.values.len(),
            embedding.vectors
        ));
    }
    Ok(())
}

fn fits(path: &str, change: &Change, layers: &Layers) -> std::result::Result<(), String> {
    let Some(layer) = layers.get(path) else { return Err("is no layer of this model".into()) };
    let expected = layer.shape();
    let found = change.shape(layer);
    if found == expected {
        return Ok(());
    }
    Err(format!("changes a weight of shape {found:?}, the model's is {expected:?}"))
}

impl Change {
    /// The shape of the difference, as far as it can be told from its factors; `layer` is where it goes.
    fn shape(&self, layer: &Layer) -> Vec<usize> {
        match self {
            Self::LowRank { down, mid, up, .. } => {
                let kernel = mid.as_ref().map_or(down.shape.get(2..), |mid| mid.shape.get(2..)).unwrap_or_default();
                let sides = [up.shape.first(), down.shape.get(1)].into_iter().flatten();
                sides.chain(kernel).copied().collect()
            }
            Self::Kronecker { left, right, .. } => {
                let sides = left.shape.iter().zip(&right.shape).map(|(a, b)| a.saturating_mul(*b));
                sides.chain(right.shape.iter().skip(2).copied()).collect()
            }
            Self::Scaled { weight, on_input } => {
                let mut shape = layer.shape();
                if let Some(axis) = shape.get_mut(usize::from(*on_input)) {
                    *axis = weight.len();
                }
                shape
            }
            // Both products are of one size, as the reader has seen.
            Self::Hadamard { up: [up, _], down: [down, _], .. } => {
                up.shape.iter().take(1).chain(down.shape.iter().skip(1)).copied().collect()
            }
        }
    }
}
