//! The document: what a person composes, as plain data.
//!
//! A [`Project`] is cheap to clone and to compare, so that undo keeps whole copies and a render
//! keeps the copy it was started with. Nothing here knows the models or the window. Pictures are
//! read through [`Files`], so that the same project can name files on disk and files built into the
//! program (`assets:…`).
//!
//! - What is in a project? `mod.rs`, `layer.rs`, `concept.rs`, `settings.rs`, `preset.rs`, `keys.rs`.
//! - May it be rendered, and will all of it have an effect? `validate.rs`, `warning.rs`.
//! - How is it kept? `file.rs` (RON), `migration.rs` (earlier versions), `png_text.rs` and `parameters.rs` (in a picture), `disk.rs`.
//! - Is a file still as it was? `stamp.rs`; what is it known by wherever it lies? `hash.rs`; where has it moved to? `moved.rs`.
//! - What do its pictures look like together? `files.rs`, `picture.rs` (phones' photos: `heic.rs`, `avif/`), `sprite.rs`, `collage.rs`.
//! - What of a photo is on the canvas, and where may it change? `placed.rs`, `frame.rs`; how does it come back? `put_back.rs`.
//! - Which words stand for concepts? `prompt.rs`; where one prompt names all of them, `naming.rs`. What do brackets and weights in prompts mean? `syntax/`.
//! - What is a concept trained from? `training/`.
//! - What did other programs write into their pictures? `foreign/`.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod avif;
mod collage;
pub mod concept;
pub(crate) mod disk;
pub mod error;
pub mod file;
pub mod files;
pub mod foreign;
pub mod frame;
pub mod hash;
mod heic;
mod keys;
pub mod layer;
pub(crate) mod migration;
pub mod moved;
mod naming;
pub mod near;
mod parameters;
pub mod picture;
pub mod placed;
pub mod png_text;
pub mod preset;
pub mod prompt;
pub mod put_back;
pub mod settings;
mod sprite;
pub mod stamp;
pub mod syntax;
pub mod training;
mod validate;
pub mod warning;

pub use concept::{Color, Concept, ConceptFile, MaskSource};
pub use error::ProjectError;
pub use files::{DiskFiles, Files, resolve};
pub use hash::Hashes;
pub use layer::{Cut, Layer};
pub use picture::{Collage, LayerMask, composite};
pub use preset::{BaseModel, Preset};
pub use settings::{PromptReading, Settings};
pub use warning::{ProjectWarning, PromptOf};

pub use crate::photo::Crop;

/// The version of the format that this program writes, and the newest that it reads. Whoever raises it adds the step from
/// the last one to `migration.rs`.
pub const VERSION: u32 = 3;

/// A composition: the layout, the concepts, the words and the settings of one render.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The format's version; [`VERSION`] in every project that this program makes.
    pub version: u32,
    /// The size of the pictures to make.
    pub canvas: Canvas,
    /// The model: a diffusers folder, or one file in the layout of Stable Diffusion's own code; None is the built-in
    /// miniature.
    #[serde(default)]
    pub model: Option<PathBuf>,
    /// An autoencoder in place of the model's own: a file, or a folder as diffusers writes it. None: the model's.
    #[serde(default)]
    pub vae: Option<PathBuf>,
    /// What the pictures' layout is taken from: the method's reference.
    pub layout: Layout,
    /// The concepts, in the order in which their features are blended.
    #[serde(default)]
    pub concepts: Vec<Concept>,
    /// LoRAs and textual inversions that act on all branches, the base's included, and on what prompts mean there. The
    /// reference is inverted without them.
    #[serde(default)]
    pub styles: Vec<ConceptFile>,
    /// The base prompt, with a plain class word where a concept shall be.
    pub prompt: String,
    /// What the reference shows, for its inversion; None: the base prompt says it.
    #[serde(default)]
    pub reference_prompt: Option<String>,
    /// What the pictures shall not show, for every branch.
    #[serde(default)]
    pub negative_prompt: String,
    /// Places the subjects into a photo, outside of whose edit mask nothing changes.
    #[serde(default)]
    pub place: Option<Placement>,
    /// The method's numbers.
    #[serde(default)]
    pub settings: Settings,
    /// The first picture's seed; the others count up from it, past the greatest number to 0.
    #[serde(default)]
    pub seed: u64,
    /// How many pictures to make. Range: [`Project::PICTURES`].
    #[serde(default = "one")]
    pub pictures: u32,
    /// What its files' contents were known by when it was saved, or made a picture; those of the program itself have none.
    #[serde(default, skip_serializing_if = "Hashes::is_empty")]
    pub hashes: Hashes,
}

fn one() -> u32 {
    1
}

/// The size of the pictures, in pixels.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// A multiple of [`Canvas::STEP`] in [`Canvas::SIDE`].
    pub width: u32,
    /// A multiple of [`Canvas::STEP`] in [`Canvas::SIDE`].
    pub height: u32,
}

/// Where the layout comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Layout {
    /// Cutouts laid on a background.
    Collage {
        /// What lies behind all layers.
        background: Background,
        /// In drawing order: the first is the rearmost.
        layers: Vec<Layer>,
    },
    /// A finished picture, scaled to cover the canvas.
    Picture(PathBuf),
}

/// What lies behind all layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Background {
    /// One colour: red, green, blue, 0 to 255 each, sRGB.
    Color([u8; 3]),
    /// A picture, scaled to cover the canvas.
    Picture(PathBuf),
    /// The photo that subjects are placed into ([`Project::place`]), as the canvas shows it: layers stand in it where their
    /// subjects shall, and what has no layer is its own reference.
    Photo,
}

/// Object placement: the render changes a photo only inside a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The photo.
    pub photo: PathBuf,
    /// A gray picture, scaled to cover the canvas; white may change, black stays. Empty: nothing was painted.
    pub edit_mask: PathBuf,
    /// Which latent stands outside the mask during sampling.
    #[serde(default)]
    pub background: PlaceBackground,
    /// What of the photo the canvas shows, of the canvas's exact shape: the render sees this piece, and what is exported is
    /// the whole photo with the piece put back. None: the photo is scaled to cover the canvas, and what is exported is
    /// the canvas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// Has the edit mask follow the layers that stand for concepts; what is painted may change too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<Follow>,
    /// How far beyond the edit mask the render fades into the photo when it is put back, in canvas pixels. Range:
    /// [`Placement::REACH`].
    #[serde(default = "feather", skip_serializing_if = "is_usual_feather")]
    pub feather: u32,
    /// Whether the slight change of colour that an autoencoder makes is undone when the render is put back, by what it made
    /// of the photo all around the edit mask.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub match_rim: bool,
    /// Whether the photo's grain is laid over the render when it is put back, where that is smoother than the photo around.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grain: bool,
}

/// How an edit mask follows layers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follow {
    /// How far the mask goes beyond where the layers show, in canvas pixels: a subject's new shape needs room. Range:
    /// [`Placement::REACH`].
    pub margin: u32,
}

impl Default for Follow {
    fn default() -> Self {
        Self { margin: 16 }
    }
}

impl Placement {
    /// How far margins and feathers may reach, in canvas pixels.
    pub const REACH: std::ops::RangeInclusive<u32> = 0..=256;

    /// Places into a photo that covers the canvas, changing it where a mask is white.
    pub fn new(photo: impl Into<PathBuf>, edit_mask: impl Into<PathBuf>) -> Self {
        Self {
            photo: photo.into(),
            edit_mask: edit_mask.into(),
            background: PlaceBackground::default(),
            crop: None,
            follow: None,
            feather: feather(),
            match_rim: true,
            grain: false,
        }
    }
}

fn feather() -> u32 {
    12
}

fn is_usual_feather(pixels: &u32) -> bool {
    *pixels == feather()
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands on references")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

/// Which latent of the photo stands outside the edit mask at each step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum PlaceBackground {
    /// The photo's latent with the run's own first noise added, as the release does.
    #[default]
    Noised,
    /// The photo's inverted latent, as the paper says; it keeps the background better.
    Inverted,
    /// The inverted latent with its noise made even: an inversion leaves part of the colours around in what should be noise, and
    /// what is rendered beside that takes on the opposite ones.
    Evened,
}

impl Project {
    /// How many pictures one render may make.
    pub const PICTURES: std::ops::RangeInclusive<u32> = 1..=16;

    /// An empty white collage of 512 by 512 pixels, with the default settings.
    pub fn new() -> Self {
        Self {
            version: VERSION,
            canvas: Canvas { width: 512, height: 512 },
            model: None,
            vae: None,
            layout: Layout::Collage { background: Background::Color([255; 3]), layers: Vec::new() },
            concepts: Vec::new(),
            styles: Vec::new(),
            prompt: String::new(),
            reference_prompt: None,
            negative_prompt: String::new(),
            place: None,
            settings: Settings::default(),
            seed: 0,
            pictures: one(),
            hashes: Hashes::default(),
        }
    }

    /// The layers in drawing order; none when the layout is a finished picture.
    pub fn layers(&self) -> &[Layer] {
        match &self.layout {
            Layout::Collage { layers, .. } => layers,
            Layout::Picture(_) => &[],
        }
    }

    /// The layers to change; None when the layout is a finished picture.
    pub fn layers_mut(&mut self) -> Option<&mut Vec<Layer>> {
        match &mut self.layout {
            Layout::Collage { layers, .. } => Some(layers),
            Layout::Picture(_) => None,
        }
    }

    /// Lays the photo that subjects are placed into behind the layers. Where it was not there before, its latents get even
    /// noise, beside which a subject keeps its own colours.
    pub fn lay_photo_behind(&mut self) {
        let Layout::Collage { background, .. } = &mut self.layout else { return };
        if *background != Background::Photo {
            *background = Background::Photo;
            if let Some(place) = &mut self.place {
                place.background = PlaceBackground::Evened;
            }
        }
    }

    /// Gives every layer a number of its own: one that has none, or that of an earlier layer, gets one past `last`, the
    /// greatest so far, which grows with it.
    pub fn number_layers(&mut self, last: &mut u32) {
        let layers = self.layers_mut().map(Vec::as_mut_slice).unwrap_or_default();
        *last = layers.iter().map(|layer| layer.id).fold(*last, u32::max);
        let mut seen = HashSet::from([0]);
        for index in 0..layers.len() {
            if !seen.insert(layers[index].id) {
                let taken = |id: &u32| *id == 0 || layers.iter().any(|layer| layer.id == *id);
                // The end of the numbers is reached only by a file that was written to reach it.
                let next = last.checked_add(1).or_else(|| (1..=u32::MAX).find(|id| !taken(id))).unwrap_or_default();
                *last = next.max(*last);
                layers[index].id = next;
                seen.insert(next);
            }
        }
    }

    /// The concept of this name, with its place in the order of blending.
    pub fn concept(&self, name: &str) -> Option<(usize, &Concept)> {
        self.concepts.iter().enumerate().find(|(_, concept)| concept.name == name)
    }

    /// The class words of all concepts, in their order.
    pub fn class_words(&self) -> Vec<&str> {
        self.concepts.iter().map(|concept| concept.class_word.as_str()).collect()
    }

    /// Where class words stand in a prompt ([`prompt::class_word_spans`]), as prompts are read: a word in what is left out,
    /// such as a network's name, is none.
    pub fn class_word_spans(&self, prompt: &str, class_words: &[&str]) -> Vec<(Range<usize>, usize)> {
        let mut spans = prompt::class_word_spans(prompt, class_words);
        if self.settings.prompt_reading == PromptReading::Weighted {
            let left_out = syntax::left_out(prompt);
            // They are in order and do not overlap.
            let ends_after = |at: usize| left_out.get(left_out.partition_point(|out| out.end <= at));
            spans.retain(|(span, _)| ends_after(span.start).is_none_or(|out| out.start >= span.end));
        }
        spans
    }

    /// The base prompt with `tokens` in the place of every class word ([`prompt::custom_prompt`]).
    pub fn prompt_with(&self, tokens: &str) -> String {
        prompt::replaced(&self.prompt, &self.class_word_spans(&self.prompt, &self.class_words()), tokens)
    }

    /// The prompt of a concept's branch, whose files bring `tokens`; what calls the concept ([`Concept::call`]) stands
    /// for it. The one written by hand, or else the base prompt under the paper's rule ([`prompt::custom_prompt`]).
    pub fn branch_prompt(&self, concept: &Concept, tokens: &str) -> String {
        let call = concept.call(tokens);
        match &concept.prompt {
            Some(own) => own.replace(prompt::TOKEN_MARK, call),
            None => self.prompt_with(call),
        }
    }

    /// What the reference shows, in words.
    pub fn prompt_for_reference(&self) -> &str {
        self.reference_prompt.as_deref().unwrap_or(&self.prompt)
    }

    /// The seed of each picture.
    pub fn seeds(&self) -> Vec<u64> {
        (0..self.pictures).map(|picture| self.seed.wrapping_add(u64::from(picture))).collect()
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A project that uses every kind of field: two concepts on three layers, and a photo to place
    /// them in.
    pub(crate) fn example() -> Project {
        let mut cat = Layer::new("pictures/cat.png", 100.0, 120.5);
        cat.concept = Some("Tom".into());
        let mut second = cat.clone();
        second.x = 300.0;
        second.flip = true;
        let mut dog = Layer::new("assets:cutouts/dog.png", 200.0, 400.0);
        dog.rotation = -12.5;
        dog.concept = Some("Rex".into());
        let mut tom = Concept::new("Tom", "concepts/tom.pth", "cat", Color([45, 212, 191]));
        tom.strength = 0.9;
        let rex = Concept::new("Rex", "/models/rex.pth", "dog", Color([230, 159, 0]));
        let mut project = Project {
            layout: Layout::Collage {
                background: Background::Picture("beach.jpg".into()),
                layers: vec![cat, second, dog],
            },
            concepts: vec![tom, rex],
            prompt: "Two cats and a \"dog\"\non the beach".into(),
            negative_prompt: "blurry".into(),
            place: Some(Placement { background: PlaceBackground::Inverted, ..Placement::new("photo.png", "mask.png") }),
            seed: 42,
            pictures: 3,
            ..Project::new()
        };
        project.number_layers(&mut 0);
        project
    }

    #[test]
    fn every_layer_gets_a_number_that_none_had_before_and_keeps_it() {
        let mut project = Project::new();
        let ids = |project: &Project| project.layers().iter().map(|layer| layer.id).collect::<Vec<_>>();
        let mut set = |of: &[u32], last: &mut u32| {
            let layer = |id: &u32| Layer { id: *id, ..Layer::new("cat.png", 0.0, 0.0) };
            *project.layers_mut().unwrap() = of.iter().map(layer).collect();
            project.number_layers(last);
            ids(&project)
        };
        let mut last = 0;
        assert_eq!((set(&[0, 0, 0], &mut last), last), (vec![1, 2, 3], 3));
        assert_eq!((set(&[1, 1, 0], &mut last), last), (vec![1, 4, 5], 5));
        assert_eq!((set(&[9, 2, 9], &mut last), last), (vec![9, 2, 10], 10));
        assert_eq!(set(&[u32::MAX, u32::MAX, 1, 0], &mut 0), [u32::MAX, 2, 1, 3]);
    }

    #[test]
    fn a_photo_laid_behind_the_layers_has_even_noise_unless_somebody_chose_otherwise_since() {
        let mut project = example();
        let background = |project: &Project| project.place.as_ref().unwrap().background;
        project.lay_photo_behind();
        assert!(matches!(&project.layout, Layout::Collage { background: Background::Photo, .. }));
        assert_eq!(background(&project), PlaceBackground::Evened);
        project.place.as_mut().unwrap().background = PlaceBackground::Noised;
        project.lay_photo_behind();
        assert_eq!(background(&project), PlaceBackground::Noised);

        let mut picture = Project { layout: Layout::Picture("beach.png".into()), ..example() };
        let before = picture.clone();
        picture.lay_photo_behind();
        assert_eq!(picture, before);
    }

    #[test]
    fn each_picture_has_the_next_seed_and_the_last_number_wraps() {
        let mut project = Project::new();
        project.pictures = 3;
        project.seed = u64::MAX - 1;
        assert_eq!(project.seeds(), [u64::MAX - 1, u64::MAX, 0]);
    }

    #[test]
    fn a_branch_s_prompt_names_its_tokens_for_every_concept() {
        let project = example();
        let prompt = project.branch_prompt(&project.concepts[0], "<t1> <t2>");
        assert_eq!(prompt, "Two <t1> <t2> and a \"<t1> <t2>\"\non the beach");
    }

    #[test]
    fn a_prompt_written_by_hand_replaces_only_its_mark() {
        let mut project = example();
        project.concepts[0].prompt = Some("a <TOK> beside a dog".into());
        let prompt = project.branch_prompt(&project.concepts[0], "<t>");
        assert_eq!(prompt, "a <t> beside a dog");
    }

    #[test]
    fn a_concept_without_tokens_is_called_by_its_trigger_words_or_its_class_word() {
        let mut project = example();
        assert_eq!(project.branch_prompt(&project.concepts[1], ""), "Two dog and a \"dog\"\non the beach");
        project.concepts[1].trigger = Some("rexdog, collar".into());
        let prompt = project.branch_prompt(&project.concepts[1], "");
        assert_eq!(prompt, "Two rexdog, collar and a \"rexdog, collar\"\non the beach");
        project.concepts[1].prompt = Some("<TOK> asleep".into());
        assert_eq!(project.branch_prompt(&project.concepts[1], ""), "rexdog, collar asleep");
    }

    #[test]
    fn the_base_prompt_describes_the_reference_unless_another_does() {
        let mut project = example();
        assert_eq!(project.prompt_for_reference(), project.prompt);
        project.reference_prompt = Some("a collage".into());
        assert_eq!(project.prompt_for_reference(), "a collage");
    }
}
