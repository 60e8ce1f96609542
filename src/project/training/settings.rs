//! How an ED-LoRA is trained, with the paper's values as defaults.

use serde::{Deserialize, Serialize};

/// How an ED-LoRA is trained. The defaults are those of Mix-of-Show's trainer, which the paper uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// Steps of the optimiser, 1..=100000.
    pub steps: usize,
    /// Photos a step, 1..=64.
    pub batch: usize,
    /// Rank of the low-rank changes, 1..=128.
    pub rank: usize,
    /// Side of the square that a photo is cropped to, in pixels; the model's own where it is none. A multiple of 8 · 8.
    pub size: Option<u32>,
    /// Learning rate of the two tokens' embeddings; like the others it falls to 0 in a line.
    pub embedding_rate: f64,
    /// Learning rate of the text encoder's low-rank changes; 0 leaves the text encoder as it is.
    pub text_rate: f64,
    /// Learning rate of the UNet's low-rank changes.
    pub unet_rate: f64,
    /// AdamW's weight decay.
    pub weight_decay: f64,
    /// How much the picture outside the subject's mask counts, 0..=1. The paper's is 0: only the subject counts.
    pub background: f64,
    /// Weight of the attention regularisation; 0 turns it off.
    pub attention: f64,
    /// Whether the second token's attention shall fill the mask, not only stay inside it.
    pub full_identity: bool,
    /// The noise gets this times a constant for each channel.
    pub noise_offset: f64,
    /// The embeddings stay as they are once their mean norm has passed this; none for never.
    pub embedding_norm: Option<f64>,
    /// How often a photo is resized and cropped at random, 0..=1.
    pub crop: f64,
    /// Whether photos are mirrored half of the time. Not for subjects whose left and right differ.
    pub mirror: bool,
    /// Whether the parts of captions between commas change places.
    pub shuffle: bool,
    /// How often timesteps are drawn by how much they teach (more from the middle) and not evenly, 0..=1.
    pub weighting: f64,
    /// Weight of pictures of the class that the base model draws itself beforehand; 0 for none.
    pub prior: f64,
    /// How many such pictures.
    pub prior_pictures: usize,
    /// Whether the forward pass is computed again for the gradients, block by block, which takes less memory.
    pub recompute: bool,
    /// A checkpoint every so many steps.
    pub checkpoint_every: usize,
    /// Validation pictures every so many steps; 0 for none.
    pub show_every: usize,
    /// The seed of everything that is random.
    pub seed: u64,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            steps: 1500,
            batch: 2,
            rank: 4,
            size: None,
            embedding_rate: 1e-3,
            text_rate: 1e-5,
            unet_rate: 1e-4,
            weight_decay: 0.01,
            background: 0.0,
            attention: 0.01,
            full_identity: false,
            noise_offset: 0.01,
            embedding_norm: Some(0.55),
            crop: 0.5,
            mirror: false,
            shuffle: true,
            weighting: 0.0,
            prior: 0.0,
            prior_pictures: 32,
            recompute: false,
            checkpoint_every: 100,
            show_every: 100,
            seed: 0,
        }
    }
}
