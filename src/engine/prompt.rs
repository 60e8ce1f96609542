//! Prompts to contexts: one text for all layers, or ED-LoRA's sixteen.

use burn::tensor::Tensor;

use super::concept::Adapter;
use super::models::Models;
use super::nets::attention::Context;
use super::nets::tokenizer::{Encoded, Token};

/// A prompt encoded for one branch, with what the tokenizer said of it.
pub struct EncodedPrompt {
    /// The context, one row.
    pub context: Context,
    /// Its tokens.
    pub tokens: Encoded,
}

/// A word of a branch's prompt and the positions of its tokens, for the cross-attention view.
pub type Word = (String, Vec<usize>);

/// Encodes a plain prompt with the base model's text encoder.
pub fn encode_plain(models: &Models, prompt: &str) -> EncodedPrompt {
    let tokens = models.tokenizer.encode(prompt);
    let embeddings = models.text_encoder.embed(&[tokens.ids()]);
    EncodedPrompt { context: Context::plain(models.text_encoder.forward(embeddings, &())), tokens }
}

/// Encodes a prompt with an adapter: each of its words stands for one embedding, or one a cross-attention layer, and what
/// it changes in the text encoder is added to the original one. A prompt without its words (the negative one) is encoded
/// the same way.
pub fn encode_custom(models: &Models, adapter: &Adapter, prompt: &str) -> EncodedPrompt {
    let tokens = models.tokenizer.encode_with(prompt, adapter.placeholders());
    let mut embeddings = models.text_encoder.embed(&[tokens.ids()]);
    let [_, positions, width] = embeddings.dims();
    let words: Vec<(usize, &Tensor<2>)> = tokens
        .tokens
        .iter()
        .enumerate()
        .filter_map(|(position, token)| match token {
            Token::Placeholder(index) => Some((position, adapter.embedding(*index)?)),
            Token::Id(_) => None,
        })
        .collect();
    // Without a layer-wise word all layers read the same text.
    let layers = words.iter().map(|(_, word)| word.dims()[0]).max().unwrap_or(1);
    embeddings = embeddings.expand([layers, positions, width]);
    for (position, word) in words {
        let rows = word.clone().expand([layers, width]).reshape([layers, 1, width]);
        embeddings = embeddings.slice_assign([0..layers, position..position + 1, 0..width], rows);
    }
    let encoded = models.text_encoder.forward(embeddings, adapter);
    let slices: Vec<Tensor<3>> = encoded.split(1, 0);
    EncodedPrompt { context: Context::layerwise(slices), tokens }
}
