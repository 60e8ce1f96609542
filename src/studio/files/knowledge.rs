//! What is known of concept files and prompts before anything is rendered: tokens, rank, fit, token counts.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use image::RgbaImage;

use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::tokenizer::Tokenizer;
use crate::engine::nets::unet::UnetConfig;
use crate::engine::prepare::open_concept;
use crate::engine::weights::ModelFiles;
use crate::project::{DiskFiles, Project, picture};

/// What a card says of a concept's file.
#[derive(Clone, Debug)]
pub struct ConceptFacts {
    /// Its placeholder tokens.
    pub tokens: Vec<String>,
    /// The greatest rank of its factors.
    pub rank: usize,
    /// Width of its text embeddings.
    pub width: usize,
    /// Numbers held.
    pub parameters: usize,
    /// Why it does not fit the model, in words; None where it does.
    pub misfit: Option<String>,
    /// A picture kept beside the file under the same name.
    pub thumbnail: Option<RgbaImage>,
}

/// The side of a card's thumbnail, for screens of twice the density.
const THUMBNAIL_SIDE: u32 = 96;

/// Reads a concept's file and checks it against a model.
///
/// # Errors
/// In words, when the file cannot be read or is no ED-LoRA.
pub fn concept_facts(files: &DiskFiles, path: &Path, model: &ModelFiles) -> Result<ConceptFacts, String> {
    let concept = open_concept(files, path).map_err(|error| error.to_string())?;
    let misfit =
        match (model.json::<UnetConfig>("unet/config.json"), model.json::<ClipConfig>("text_encoder/config.json")) {
            (Ok(unet), Ok(text)) => concept.check(&unet, &text).err().map(|error| error.to_string()),
            (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
        };
    Ok(ConceptFacts {
        rank: concept.rank(),
        width: concept.width,
        parameters: concept.parameters(),
        misfit,
        thumbnail: thumbnail(files, path),
        tokens: concept.tokens,
    })
}

fn thumbnail(files: &DiskFiles, path: &Path) -> Option<RgbaImage> {
    let found = ["png", "jpg", "jpeg", "webp"].iter().find_map(|ending| {
        let beside = path.with_extension(ending);
        picture::load_rgba(files, &beside).ok()
    })?;
    let (width, height) = found.dimensions();
    let longest = width.max(height);
    if longest <= THUMBNAIL_SIDE {
        return Some(found);
    }
    let scaled = |length: u32| (length * THUMBNAIL_SIDE / longest).max(1);
    picture::shrink_to(&found, scaled(width), scaled(height)).ok()
}

/// How many tokens the prompts have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Of the base prompt, without start and end.
    pub base: usize,
    /// Of each concept's prompt.
    pub concepts: Vec<usize>,
    /// Of the negative prompt.
    pub negative: usize,
    /// How many the text encoder reads, start and end included: 77.
    pub positions: usize,
    /// What of the base prompt is not read.
    pub cut: Option<String>,
}

/// The prompts of a project, as their branches read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompts {
    base: String,
    negative: String,
    /// Each concept's prompt, and the placeholders in it.
    concepts: Vec<(String, Vec<String>)>,
    model: ModelFiles,
}

impl Prompts {
    /// The prompts of a project on a model; `tokens[i]` are concept i's placeholders.
    pub fn new(project: &Project, tokens: &[Vec<String>], model: ModelFiles) -> Self {
        let concepts = project.concepts.iter().enumerate().map(|(index, concept)| {
            let tokens = tokens.get(index).cloned().unwrap_or_default();
            (project.branch_prompt(concept, &tokens.join(" ")), tokens)
        });
        Self {
            base: project.prompt.clone(),
            negative: project.negative_prompt.clone(),
            concepts: concepts.collect(),
            model,
        }
    }
}

/// Counts tokens, and keeps the last model's tokenizer: reading a vocabulary takes longer than a letter is typed.
#[derive(Default)]
pub struct TokenCounter {
    kept: Mutex<Option<(ModelFiles, usize, Tokenizer)>>,
}

impl TokenCounter {
    /// Counts the tokens of prompts.
    ///
    /// # Errors
    /// In words, when the model's tokenizer cannot be read.
    pub fn count(&self, prompts: &Prompts) -> Result<TokenCounts, String> {
        let model = &prompts.model;
        // A tokenizer is never left half changed, so a poisoned lock holds a good one.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|(of, ..)| of != model) {
            let config: ClipConfig = model.json("text_encoder/config.json").map_err(|error| error.to_string())?;
            let positions = config.max_position_embeddings;
            let tokenizer = Tokenizer::load(model, positions).map_err(|error| error.to_string())?;
            *kept = Some((model.clone(), positions, tokenizer));
        }
        let Some((_, positions, tokenizer)) = kept.as_ref() else { unreachable!("put in just now") };
        let base = tokenizer.encode(&prompts.base);
        let concepts = prompts.concepts.iter().map(|(prompt, tokens)| tokenizer.encode_with(prompt, tokens).length);
        Ok(TokenCounts {
            base: base.length,
            concepts: concepts.collect(),
            negative: tokenizer.encode(&prompts.negative).length,
            positions: *positions,
            cut: base.cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Color, Concept};

    fn files() -> DiskFiles {
        DiskFiles { base: "/nowhere".into(), assets: crate::assets::find }
    }

    #[test]
    fn a_built_in_concept_fits_the_miniature_and_shows_itself() {
        let path = Path::new("assets:miniature/concepts/mint_cat.pth");
        let facts = concept_facts(&files(), path, &ModelFiles::BuiltIn).unwrap();
        assert_eq!((facts.tokens.len(), facts.rank, facts.misfit), (2, 4, None));
        assert!(facts.thumbnail.is_some());
    }

    #[test]
    fn a_file_that_is_no_concept_says_so() {
        let path = Path::new("assets:cutouts/orange_cat.png");
        let words = concept_facts(&files(), path, &ModelFiles::BuiltIn).unwrap_err();
        assert!(words.contains("orange_cat.png"), "{words}");
    }

    #[test]
    fn prompts_are_counted_with_each_concept_s_own_tokens() {
        let mut project = Project::new();
        project.prompt = "a cat and a dog on the beach".into();
        project.concepts.push(Concept::new("mint cat", "x.pth", "cat", Color([0; 3])));
        let tokens = vec![vec!["<mint_cat_1>".to_owned(), "<mint_cat_2>".to_owned()]];
        let counter = TokenCounter::default();
        let counts = counter.count(&Prompts::new(&project, &tokens, ModelFiles::BuiltIn)).unwrap();
        assert_eq!((counts.base, counts.concepts.as_slice(), counts.cut.clone()), (8, &[9][..], None));
        project.prompt = "beach ".repeat(100);
        let counts = counter.count(&Prompts::new(&project, &tokens, ModelFiles::BuiltIn)).unwrap();
        assert_eq!((counts.base, counts.positions), (100, 77));
        assert!(counts.cut.unwrap().starts_with("beach"));
    }
}
