//! Prompts to contexts: one text for all layers, or ED-LoRA's sixteen.

use burn::tensor::Tensor;

use super::concept::{Adapter, Concept};
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

/// Encodes a prompt with a concept: its tokens stand for one embedding a cross-attention layer, and its LoRA is
/// added to the original text encoder. A prompt without the tokens (the negative one) is encoded the same way.
pub fn encode_custom(models: &Models, concept: &Concept, adapter: &Adapter, prompt: &str) -> EncodedPrompt {
    let tokens = models.tokenizer.encode_with(prompt, &concept.tokens);
    let plain = models.text_encoder.embed(&[tokens.ids()]);
    // Without a token of the concept's all layers read the same text, as the negative prompt's do.
    if !tokens.tokens.iter().any(|token| matches!(token, Token::Placeholder(_))) {
        return EncodedPrompt { context: Context::plain(models.text_encoder.forward(plain, adapter)), tokens };
    }
    let [_, positions, width] = plain.dims();
    let mut embeddings = plain.expand([concept.layers, positions, width]);
    for (position, token) in tokens.tokens.iter().enumerate() {
        if let Token::Placeholder(index) = token
            && let Some(embedding) = adapter.embedding(*index)
        {
            let rows = embedding.clone().reshape([concept.layers, 1, width]);
            embeddings = embeddings.slice_assign([0..concept.layers, position..position + 1, 0..width], rows);
        }
    }
    let encoded = models.text_encoder.forward(embeddings, adapter);
    let slices: Vec<Tensor<3>> = encoded.split(1, 0);
    EncodedPrompt { context: Context::layerwise(slices), tokens }
}
