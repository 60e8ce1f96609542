//! A training: the photos of a subject, the words for it, and how a concept is made of them. Plain data, as a project is.
//!
//! - What is in it? `mod.rs`, `settings.rs`; which keys, words and ranges do its settings have? `fields.rs`.
//! - May it be begun? `validate.rs`; what its photos are like is the engine's (`engine/train/photos.rs`).
//! - How is it kept? `file.rs`. What is made of a folder of pictures? `folder.rs`.
//! - What do captions say? `captions.rs`.

pub mod captions;
pub mod fields;
pub mod file;
pub mod folder;
mod settings;
mod validate;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::ProjectError;
use super::files::name_of;
use super::files::{make_absolute, make_relative};
pub use settings::{TrainingPreset, TrainingSettings};

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
    /// A folder with CLIP or DINOv2, which says how alike the pictures and the photos are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<PathBuf>,
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

/// Prompts of a new training's pictures.
const PROMPTS: [&str; 4] = ["<TOK>", "<TOK> on the beach", "<TOK> in the snow", "<TOK> in the city at night"];

/// What a token that says how something looks begins as.
pub const RANDOM: &str = "<rand-0.013>";

impl Training {
    /// A training without photos, with the usual two tokens: one that begins at random, one that begins as the class word.
    pub fn new(name: &str, class_word: &str) -> Self {
        Self {
            name: name.into(),
            class_word: class_word.into(),
            tokens: Self::usual_tokens(name, class_word),
            photos: Vec::new(),
            from: None,
            model: None,
            vae: None,
            encoder: None,
            prompts: PROMPTS.map(str::to_owned).to_vec(),
            settings: TrainingSettings::default(),
        }
    }

    /// The two tokens of a name and class word.
    pub fn usual_tokens(name: &str, class_word: &str) -> Vec<Token> {
        let plain: String =
            name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
        let token = |number: usize, start: &str| Token { word: format!("<{plain}_{number}>"), start: start.into() };
        // Of several words the last is the kind: `old dog`.
        let kind = class_word.split_whitespace().next_back().unwrap_or("object");
        vec![token(1, RANDOM), token(2, kind)]
    }

    /// Gives it a name or class word; tokens that nobody has changed follow.
    pub fn rename(&mut self, name: &str, class_word: &str) {
        if self.tokens == Self::usual_tokens(&self.name, &self.class_word) {
            self.tokens = Self::usual_tokens(name, class_word);
        }
        (self.name, self.class_word) = (name.into(), class_word.into());
    }

    /// Every path in it, to change: the concept to go on from, model, autoencoder, encoder, photos and masks.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        let own = self.from.iter_mut().chain(&mut self.model);
        let mut paths: Vec<&mut PathBuf> = own.chain(&mut self.vae).chain(&mut self.encoder).collect();
        for photo in &mut self.photos {
            paths.push(&mut photo.picture);
            paths.extend(&mut photo.mask);
        }
        paths
    }

    /// The same with paths that hold wherever it is kept: absolute, or built in.
    ///
    /// # Errors
    /// When the working folder is gone.
    pub fn with_absolute_paths(&self, base: &Path) -> Result<Self, ProjectError> {
        let mut training = self.clone();
        make_absolute(training.paths_mut(), base)?;
        Ok(training)
    }

    /// The same with the paths of files below `base` written from there, so that the folder can be moved.
    pub fn with_relative_paths(&self, base: &Path) -> Self {
        let mut training = self.clone();
        make_relative(training.paths_mut(), base);
        training
    }

    /// The folder for its checkpoints and the concept where nobody names another: beside its file, or beside the folder
    /// that its photos came from.
    pub fn run_folder(&self, beside: &Path) -> PathBuf {
        beside.join(format!("{}.training", self.name.trim()))
    }
}

impl Photo {
    /// A photo that is captioned by the concept alone.
    pub fn new(picture: PathBuf) -> Self {
        Self { picture, mask: None, caption: PLACE.into() }
    }

    /// What it is called: its file's name.
    pub fn name(&self) -> String {
        name_of(&self.picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_training_has_two_tokens_that_follow_its_name() {
        let mut training = Training::new("Mint Cat", "cat");
        assert_eq!(training.tokens[0], Token { word: "<mint_cat_1>".into(), start: RANDOM.into() });
        assert_eq!(training.tokens[1], Token { word: "<mint_cat_2>".into(), start: "cat".into() });
        training.rename("rex", "old dog");
        assert_eq!((training.tokens[0].word.as_str(), training.tokens[1].start.as_str()), ("<rex_1>", "dog"));
        training.tokens[0].word = "<mine>".into();
        training.rename("tom", "cat");
        assert_eq!((training.tokens[0].word.as_str(), training.name.as_str()), ("<mine>", "tom"));
    }

    #[test]
    fn every_path_can_be_made_absolute_and_relative_again() {
        let mut training = Training::new("tom", "cat");
        training.model = Some("models/sd15".into());
        training.from = Some("tom.pth".into());
        training.photos = vec![Photo { mask: Some("m/1.png".into()), ..Photo::new("1.png".into()) }];
        training.photos.push(Photo::new("/elsewhere/2.png".into()));
        let base = Path::new("/base");
        let absolute = training.with_absolute_paths(base).unwrap();
        assert_eq!(absolute.photos[0].mask.as_deref(), Some(Path::new("/base/m/1.png")));
        assert_eq!(absolute.model.as_deref(), Some(Path::new("/base/models/sd15")));
        assert_eq!(absolute.from.as_deref(), Some(Path::new("/base/tom.pth")));
        assert_eq!(absolute.photos[1].picture, Path::new("/elsewhere/2.png"));
        assert_eq!(absolute.with_relative_paths(base), training);
        assert_eq!(training.run_folder(base), Path::new("/base/tom.training"));
    }
}
