//! How an ED-LoRA is trained, with the paper's values as defaults.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::super::concept::Concept;

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
    /// The noise gets this times a constant for each channel: what the latent shows is then no proof of the subject's colour,
    /// and its words must tell. Little of it, and guidance drives a figure of the miniature to another hue.
    pub noise_offset: f64,
    /// The embeddings stay as they are once their mean norm has passed this; none for never.
    pub embedding_norm: Option<f64>,
    /// How often a photo is resized and cropped at random, 0..=1.
    pub crop: f64,
    /// Whether photos are mirrored half of the time. Not for subjects whose left and right differ.
    pub mirror: bool,
    /// Whether the parts of captions between commas change places.
    pub shuffle: bool,
    /// How much more timesteps with much noise count, 0..=1: a row's loss is divided by ᾱ to this power. At 1 it is the loss
    /// of the velocity (Salimans & Ho 2022), under which colours, which are decided there, are learnt sooner.
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
    /// It ends early once validation pictures show this much of the subject's own colours (mean over up to four prompts at
    /// strength 0.7, 0..=1); 0 for never.
    pub enough: f64,
    /// The strength of use at which the concept is as it was learnt, in [`TrainingSettings::FULL_AT`]. The paper's is 1: its
    /// concepts are learnt whole and used at 0.7. Nothing of what is learnt depends on it: the files' factors are divided by
    /// it, and so are those that pictures on the way are drawn with.
    pub full_at: f64,
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
            enough: 0.0,
            full_at: 1.0,
            seed: 0,
        }
    }
}

impl TrainingSettings {
    /// The strengths at which a concept may be as it was learnt: up to the greatest that a concept may be used at.
    pub const FULL_AT: RangeInclusive<f64> = 0.1..=2.0;

    /// The strength that the finished concept is to be used at: where it is as it was learnt, or, where that is at 1, at the
    /// release's, as the paper uses what it learnt whole.
    pub fn strength_of_use(&self) -> f64 {
        if self.full_at == 1.0 { f64::from(Concept::STRENGTH_OF_ED_LORA) } else { self.full_at }
    }

    /// For small machines and for the miniature: minutes on two cores.
    pub fn quick() -> Self {
        Self {
            steps: 350,
            batch: 4,
            rank: 4,
            embedding_rate: 5e-3,
            text_rate: 5e-4,
            unet_rate: 2e-3,
            background: 0.15,
            attention: 0.0,
            mirror: true,
            crop: 0.0,
            embedding_norm: None,
            noise_offset: 0.5,
            shuffle: false,
            // Where the release and the test sheet use a concept: 0.7 of what the miniature learnt is too little.
            full_at: 0.7,
            ..Self::default()
        }
    }
}

/// A complete set of settings to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingPreset {
    /// Minutes on a small machine.
    Quick,
    /// As Mix-of-Show's trainer, and so the paper, has it.
    Paper,
}

impl TrainingPreset {
    /// All of them, the quickest first.
    pub const ALL: [Self; 2] = [Self::Quick, Self::Paper];

    /// The name to show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "Quick",
            Self::Paper => "Paper",
        }
    }

    /// One sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Quick => "350 steps at higher rates: minutes on a small machine, and what the miniature wants.",
            Self::Paper => "1500 steps with the rates of Mix-of-Show's trainer, which the paper uses.",
        }
    }

    /// The settings that it stands for.
    pub fn settings(self) -> TrainingSettings {
        match self {
            Self::Quick => TrainingSettings::quick(),
            Self::Paper => TrainingSettings::default(),
        }
    }

    /// Replaces all settings but the seed, and those that depend on the machine: size and what saves memory.
    pub fn apply(self, settings: &mut TrainingSettings) {
        let TrainingSettings { seed, size, recompute, .. } = *settings;
        *settings = TrainingSettings { seed, size, recompute, ..self.settings() };
    }

    /// The preset that these settings are, or None where something was changed; what [`Self::apply`] leaves is not
    /// compared.
    pub fn matching(settings: &TrainingSettings) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| {
            let mut applied = settings.clone();
            preset.apply(&mut applied);
            applied == *settings
        })
    }
}

impl std::str::FromStr for TrainingPreset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|preset| preset.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| "use quick or paper".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_that_was_applied_is_recognized_until_something_changes() {
        for preset in TrainingPreset::ALL {
            let mut settings = TrainingSettings { seed: 7, size: Some(128), recompute: true, ..Default::default() };
            preset.apply(&mut settings);
            assert_eq!(TrainingPreset::matching(&settings), Some(preset));
            assert_eq!((settings.seed, settings.size, settings.recompute), (7, Some(128), true));
            assert_eq!(settings.validate(), Ok(()));
            settings.full_at = 1.5;
            assert_eq!(TrainingPreset::matching(&settings), None);
            preset.apply(&mut settings);
            settings.steps += 1;
            assert_eq!(TrainingPreset::matching(&settings), None);
            assert_eq!(preset.name().to_lowercase().parse(), Ok(preset));
        }
        assert_eq!((TrainingSettings::quick().full_at, TrainingSettings::default().full_at), (0.7, 1.0));
        for (full_at, used_at) in [(0.7, 0.7), (1.0, 0.7), (0.85, 0.85)] {
            let settings = TrainingSettings { full_at, ..Default::default() };
            assert_eq!(settings.strength_of_use() as f32, used_at);
        }
    }
}
