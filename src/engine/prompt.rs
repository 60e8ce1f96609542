//! Prompts to contexts: one text for all layers, or ED-LoRA's sixteen; one chunk, or several that are encoded apart.

use burn::tensor::{Tensor, TensorData};

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

/// Encodes a prompt as it stands with the base model's text encoder.
pub fn encode_plain(models: &Models, prompt: &str) -> EncodedPrompt {
    encode_base(models, models.tokenizer.encode(prompt))
}

/// Encodes tokens with the base model's text encoder.
pub fn encode_base(models: &Models, tokens: Encoded) -> EncodedPrompt {
    encode(models, &Adapter::default(), tokens)
}

/// Encodes a prompt as it stands with an adapter (see [`encode`]).
pub fn encode_custom(models: &Models, adapter: &Adapter, prompt: &str) -> EncodedPrompt {
    encode(models, adapter, models.tokenizer.encode_with(prompt, adapter.placeholders()))
}

/// Encodes tokens with an adapter: each of its words stands for one embedding, or one a cross-attention layer, and what
/// it changes in the text encoder is added to the original one. A prompt without its words (the negative one) is encoded
/// the same way. Chunks are encoded apart and joined: the context's slices are `[1, positions · chunks, width]`.
pub fn encode(models: &Models, adapter: &Adapter, tokens: Encoded) -> EncodedPrompt {
    // Without a layer-wise word all layers read the same text.
    let layers = versions(adapter, &tokens.tokens);
    let chunks = tokens.chunks(models.tokenizer.positions()).map(|(chunk, weights)| {
        weighed(models.text_encoder.forward(embed(models, adapter, chunk, layers), adapter), weights)
    });
    let slices: Vec<Tensor<3>> = Tensor::cat(chunks.collect(), 1).split(1, 0);
    EncodedPrompt { context: Context::layerwise(slices), tokens }
}

/// In how many versions tokens are read: one a cross-attention layer where a word of the adapter's is layer-wise, else one.
fn versions(adapter: &Adapter, tokens: &[Token]) -> usize {
    let learnt = tokens.iter().filter_map(|token| match token {
        Token::Placeholder(index) => Some(adapter.embedding(*index)?.dims()[0]),
        Token::Id(_) => None,
    });
    learnt.max().unwrap_or(1)
}

/// The embeddings of the tokens of a prompt without its padding, in all versions: what the text encoder reads.
///
/// # Shapes
/// `[versions, tokens, width]`
pub fn embed_bare(models: &Models, adapter: &Adapter, tokens: &Encoded) -> Tensor<3> {
    // A start, the prompt, an end.
    let bare = &tokens.tokens[..(tokens.positions.len() + 2).min(tokens.tokens.len())];
    embed(models, adapter, bare, versions(adapter, bare))
}

/// What the text encoder with an adapter's changes makes of a prompt without its padding, in all versions. A token sees only
/// those before it, so that these are the states that it has in the whole prompt too.
///
/// # Shapes
/// `[versions, tokens, width]`
pub fn states_bare(models: &Models, adapter: &Adapter, tokens: &Encoded) -> Tensor<3> {
    models.text_encoder.forward(embed_bare(models, adapter, tokens), adapter)
}

/// The embeddings of tokens, in so many versions.
fn embed(models: &Models, adapter: &Adapter, tokens: &[Token], layers: usize) -> Tensor<3> {
    let plain = models.text_encoder.embed(&[tokens.iter().map(Token::id).collect()]);
    let [_, positions, width] = plain.dims();
    let mut embeddings = plain.expand([layers, positions, width]);
    for (position, token) in tokens.iter().enumerate() {
        if let Token::Placeholder(index) = token
            && let Some(word) = adapter.embedding(*index)
        {
            let rows = word.clone().expand([layers, width]).reshape([layers, 1, width]);
            embeddings = embeddings.slice_assign([0..layers, position..position + 1, 0..width], rows);
        }
    }
    embeddings
}

/// Multiplies a chunk's encoded vectors by their tokens' weights, and then all of them by what brings the mean back to
/// what it was, as the WebUI's "Original" emphasis does. Each row (a layer's text) keeps a mean of its own.
///
/// # Shapes
/// `[rows, tokens, width]`, unchanged; one weight a token.
fn weighed(text: Tensor<3>, weights: &[f32]) -> Tensor<3> {
    // Not even the rounding of a prompt without weights may change.
    if weights.iter().all(|weight| *weight == 1.0) {
        return text;
    }
    let shape = [1, weights.len(), 1];
    let factors = Tensor::<3>::from_data(TensorData::new(weights.to_vec(), shape), &text.device());
    let mean = |text: &Tensor<3>| text.clone().mean_dim(2).mean_dim(1);
    let before = mean(&text);
    let text = text * factors;
    let after = mean(&text);
    // A mean of exactly nothing cannot be brought back to anything.
    let lost = after.clone().equal_elem(0.0);
    let restored = (before / after.mask_fill(lost.clone(), 1.0)).mask_fill(lost, 1.0);
    text * restored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_multiply_vectors_and_the_mean_comes_back() {
        let device = burn::tensor::Device::flex();
        let text = Tensor::<3>::from_data([[[1.0, 2.0], [3.0, 6.0]], [[2.0, 2.0], [1.0, 1.0]]], &device);
        let values = |text: Tensor<3>| text.into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(values(weighed(text.clone(), &[1.0, 1.0])), values(text.clone()));
        // The first row's mean is 3, weighed 5.25; the second's 1.5 and 2.
        let found = values(weighed(text.clone(), &[1.0, 2.0]));
        let (first, second) = (3.0 / 5.25, 1.5 / 2.0);
        let expected =
            [first, 2.0 * first, 6.0 * first, 12.0 * first, 2.0 * second, 2.0 * second, 2.0 * second, 2.0 * second];
        assert!(found.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 1e-5), "{found:?}");
        assert_eq!(values(weighed(text, &[0.0, 0.0])), [0.0; 8]);
    }
}
