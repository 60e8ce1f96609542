//! A training: the photos of a subject, the words for it, and how a concept is made of them. Plain data, as a project is.

mod settings;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use settings::TrainingSettings;

/// Where the concept's two tokens stand in captions and prompts.
pub const PLACE: &str = "<TOK>";

/// What a concept is trained from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// What the concept is called: the name of its file.
    pub name: String,
    /// The word for its kind, `cat`.
    pub class_word: String,
    /// The words that are learnt. An ED-LoRA has two: the first for how it looks, the second for what it is.
    pub tokens: Vec<Token>,
    /// The photos.
    pub photos: Vec<Photo>,
    /// A concept to go on from, in place of fresh numbers: an ED-LoRA of as many tokens and of the same rank.
    #[serde(default)]
    pub from: Option<PathBuf>,
    /// The model that it is trained on: a folder, a file, or the one that is built in.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// Another autoencoder.
    #[serde(default)]
    pub vae: Option<PathBuf>,
    /// Prompts of the validation pictures and of the test sheet, with [`PLACE`] where the concept stands.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// How.
    #[serde(default)]
    pub settings: TrainingSettings,
}

/// A word that is learnt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The word, `<mint_cat_1>`.
    pub word: String,
    /// What it begins as: a word that is one token of the model's, or `<rand-0.013>` for random numbers of that deviation.
    pub start: String,
}

/// A photo of the subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// The picture.
    pub picture: PathBuf,
    /// Where the subject is: white on black. Without one it is the picture's own alpha, or all of it.
    #[serde(default)]
    pub mask: Option<PathBuf>,
    /// What it shows, with [`PLACE`] where the subject is named.
    pub caption: String,
}
