//! What is known of concept files and prompts before anything is rendered: kind, words, rank, fit, token counts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use image::RgbaImage;

use crate::engine::adapters::glance::Glancer;
use crate::engine::adapters::{self, Held, Kind};
use crate::engine::concept_files;
use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::tokenizer::{Placeholder, Tokenizer};
use crate::engine::nets::unet::UnetConfig;
use crate::engine::train::concept_file::sheet_of;
use crate::engine::weights::ModelFiles;
use crate::project::{Concept, DiskFiles, Project, PromptReading, picture, resolve};

/// What a card says of a file of a concept or style.
#[derive(Clone, Debug)]
pub struct ConceptFacts {
    /// What kind of file it is, such as `ED-LoRA`.
    pub kind: Kind,
    /// The words that it brings.
    pub words: Vec<Placeholder>,
    /// Other words to call it by, the likeliest first: what its pictures were captioned with, what its author says.
    pub triggers: Vec<String>,
    /// The greatest rank of its factors; 0 where it has none.
    pub rank: usize,
    /// The strength of use at which it acts as it was learnt, where its file says one.
    pub full_at: Option<f32>,
    /// Everything else that a person may want to know of it, line by line.
    pub summary: Vec<String>,
    /// What it takes in memory.
    pub held: Held,
    /// Why it does not fit the model, in words; None where it does.
    pub misfit: Option<String>,
    /// A picture kept beside the file under the same name.
    pub thumbnail: Option<RgbaImage>,
    /// The page with its test sheet, where it was trained here and that lies beside it.
    pub sheet: Option<PathBuf>,
}

impl ConceptFacts {
    /// The strength that its trainer means.
    pub fn usual_strength(&self) -> f32 {
        usual_strength(self.kind == Kind::EdLora, self.full_at)
    }
}

/// What a file says of it; else the release's of an ED-LoRA, and 1, which all other trainers mean.
fn usual_strength(is_ed_lora: bool, full_at: Option<f32>) -> f32 {
    full_at.unwrap_or(if is_ed_lora { Concept::STRENGTH_OF_ED_LORA } else { 1.0 })
}

/// What the trainer of a file means by it.
#[derive(Clone, Debug, PartialEq)]
pub struct AsTrained {
    /// The strength.
    pub strength: f32,
    /// Words that call it, the likeliest first.
    pub words: Vec<String>,
}

impl Default for AsTrained {
    fn default() -> Self {
        Self { strength: 1.0, words: Vec::new() }
    }
}

/// What the trainer of a file means by it, on disk or built in; nothing in particular where it cannot be read, which is said
/// elsewhere. None of the numbers of a file on disk is read: that is the card's to do.
pub fn as_trained(files: &DiskFiles, path: &Path) -> AsTrained {
    let beside = || adapters::beside(&resolve(&files.base, path));
    let glance = || Glancer::new()?.look(&concept_files::tensors(files, path)?, &beside());
    match glance() {
        Ok(Some(glance)) => {
            AsTrained { strength: usual_strength(glance.is_ed_lora, glance.full_at), words: glance.words }
        }
        _ => AsTrained::default(),
    }
}

/// The side of a card's thumbnail, for screens of twice the density.
const THUMBNAIL_SIDE: u32 = 96;

/// Reads a file of a concept or style and checks it against a model.
///
/// # Errors
/// In words, when the file cannot be read or is of no kind that changes a model.
pub fn concept_facts(files: &DiskFiles, path: &Path, model: &ModelFiles) -> Result<ConceptFacts, String> {
    let file = concept_files::open(files, path).map_err(|error| error.to_string())?;
    let configs: Result<(UnetConfig, ClipConfig), _> =
        model.json("unet/config.json").and_then(|unet| model.json("text_encoder/config.json").map(|text| (unet, text)));
    let fit = configs.and_then(|(unet, text)| adapters::check(&file, &unet, &text));
    let words = file.embeddings.iter().map(|word| Placeholder { word: word.name.clone(), vectors: word.vectors });
    let words: Vec<Placeholder> = words.collect();
    let mut triggers = file.suggestions();
    triggers.retain(|trigger| !words.iter().any(|word| word.word == *trigger));
    Ok(ConceptFacts {
        kind: file.kind,
        words,
        triggers,
        rank: file.rank(),
        full_at: file.about.full_at,
        summary: file.summary(),
        held: file.held(),
        misfit: fit.err().map(|error| error.to_string()),
        thumbnail: thumbnail(files, path),
        sheet: sheet(files, path),
    })
}

fn sheet(files: &DiskFiles, path: &Path) -> Option<PathBuf> {
    let on_disk = crate::project::files::asset_name(path).is_none();
    sheet_of(&resolve(&files.base, path)).filter(|_| on_disk)
}

fn thumbnail(files: &DiskFiles, path: &Path) -> Option<RgbaImage> {
    let beside = match crate::project::files::asset_name(path) {
        Some(_) => Some(path.with_extension("png")),
        None => adapters::preview_picture(&resolve(&files.base, path)),
    };
    let found = match beside {
        Some(beside) => picture::load_rgba(files, &beside).ok()?,
        None => {
            let file = concept_files::tensors(files, path).ok()?;
            // Whatever a decoder may do at a picture made to break it, the card is shown.
            let decode = || picture::decode(&adapters::thumbnail(&file)?, path).ok();
            catch_unwind(AssertUnwindSafe(decode)).ok()??.into_rgba8()
        }
    };
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
    /// How many the text encoder reads at once, start and end included: 77.
    pub positions: usize,
    /// In how many chunks the base prompt is read.
    pub chunks: usize,
    /// How many chunks a prompt may have.
    pub most_chunks: usize,
    /// What of the base prompt is not read.
    pub cut: Option<String>,
    /// What of each concept's prompt is not read.
    pub cuts: Vec<Option<String>>,
    /// What of the negative prompt is not read.
    pub negative_cut: Option<String>,
}

impl TokenCounts {
    /// How many tokens of a prompt can be read.
    pub fn room(&self) -> usize {
        // Start and end take two places of each chunk.
        self.positions.saturating_sub(2) * self.most_chunks
    }
}

/// The prompts of a project, as their branches read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompts {
    base: String,
    negative: String,
    /// Each concept's prompt, and the words that its branch understands.
    concepts: Vec<(String, Vec<Placeholder>)>,
    /// The words that all branches understand.
    styles: Vec<Placeholder>,
    reading: PromptReading,
    model: ModelFiles,
}

impl Prompts {
    /// The prompts of a project on a model; `words[i]` are those that concept i's files bring, `styles` the styles'.
    pub fn new(project: &Project, words: Vec<Vec<Placeholder>>, styles: Vec<Placeholder>, model: ModelFiles) -> Self {
        if project.settings.method.has_one_prompt() {
            return Self::in_one(project, &words, styles, model);
        }
        let concepts = project.concepts.iter().zip(words).map(|(concept, mut words)| {
            let tokens: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
            let prompt = project.branch_prompt(concept, &tokens.join(" "));
            words.extend(styles.iter().cloned());
            (prompt, words)
        });
        Self {
            base: project.prompt.clone(),
            negative: project.negative_prompt.clone(),
            concepts: concepts.collect(),
            styles,
            reading: project.settings.prompt_reading,
            model,
        }
    }

    /// Likewise, where one prompt names all concepts: it is the base's and everybody's.
    fn in_one(project: &Project, words: &[Vec<Placeholder>], styles: Vec<Placeholder>, model: ModelFiles) -> Self {
        let calls = project.concepts.iter().zip(words).map(|(concept, words)| {
            let tokens: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
            Some(project.called(concept, &tokens.join(" ")).to_owned())
        });
        let calls: Vec<Option<String>> = calls.collect();
        let base = project.naming(&calls).prompt;
        let known: Vec<Placeholder> = words.iter().flatten().chain(&styles).cloned().collect();
        Self {
            negative: project.negative_prompt.clone(),
            concepts: vec![(base.clone(), known.clone()); calls.len()],
            base,
            styles: known,
            reading: project.settings.prompt_reading,
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
        let read = |prompt: &str, words: &[Placeholder]| tokenizer.read(prompt, prompts.reading, words);
        let base = read(&prompts.base, &prompts.styles);
        let negative = read(&prompts.negative, &prompts.styles);
        let concepts = prompts.concepts.iter().map(|(prompt, words)| read(prompt, words));
        let (concepts, cuts) = concepts.map(|concept| (concept.length, concept.cut)).unzip();
        Ok(TokenCounts {
            base: base.length,
            concepts,
            negative: negative.length,
            positions: *positions,
            chunks: tokenizer.chunks_of(&base),
            most_chunks: Tokenizer::most_chunks(prompts.reading),
            cut: base.cut,
            cuts,
            negative_cut: negative.cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Color;

    fn files() -> DiskFiles {
        DiskFiles { base: "/nowhere".into(), assets: crate::assets::find }
    }

    #[test]
    fn a_built_in_concept_fits_the_miniature_and_shows_itself() {
        let path = Path::new("assets:miniature/concepts/mint_cat.safetensors");
        let facts = concept_facts(&files(), path, &ModelFiles::BuiltIn).unwrap();
        assert_eq!((facts.kind, facts.words.len(), facts.rank, facts.misfit.clone()), (Kind::EdLora, 2, 4, None));
        assert!(facts.summary.iter().any(|line| line.contains("changes in the UNet: 128 attention")), "{facts:?}");
        assert!(facts.thumbnail.is_some());
    }

    #[test]
    fn a_file_that_says_at_which_strength_it_is_full_is_used_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.safetensors");
        let built_in = crate::assets::find("miniature/concepts/mint_cat.safetensors").unwrap();
        let tensors = safetensors::SafeTensors::deserialize(built_in).unwrap();
        for (said, strength) in [(None, 0.7), (Some("0.85"), 0.85), (Some("9"), 0.7)] {
            let about = said.map(|said: &str| [("podium.full_at".to_owned(), said.to_owned())].into());
            std::fs::write(&path, safetensors::serialize(tensors.tensors(), about).unwrap()).unwrap();
            assert_eq!(as_trained(&files(), &path).strength, strength, "{said:?}");
            let facts = concept_facts(&files(), &path, &ModelFiles::BuiltIn).unwrap();
            assert_eq!((facts.usual_strength(), facts.full_at.is_some()), (strength, strength == 0.85));
            let words = facts.summary.iter().any(|line| line.contains("full at strength 0.85"));
            assert_eq!(words, said == Some("0.85"), "{:?}", facts.summary);
        }
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
        let word = |word: &str| Placeholder { word: word.into(), vectors: 1 };
        let words = || vec![vec![word("<mint_cat_1>"), word("<mint_cat_2>")]];
        let counter = TokenCounter::default();
        let counts = counter.count(&Prompts::new(&project, words(), Vec::new(), ModelFiles::BuiltIn)).unwrap();
        assert_eq!((counts.base, counts.concepts.as_slice(), counts.cut.clone()), (8, &[9][..], None));
        project.prompt = "beach ".repeat(100);
        let counts = counter.count(&Prompts::new(&project, words(), Vec::new(), ModelFiles::BuiltIn)).unwrap();
        assert_eq!((counts.base, counts.chunks, counts.cut.clone(), counts.room()), (100, 2, None, 75 * 32));
        project.settings.prompt_reading = PromptReading::Plain;
        let counts = counter.count(&Prompts::new(&project, words(), Vec::new(), ModelFiles::BuiltIn)).unwrap();
        assert_eq!((counts.base, counts.positions, counts.chunks, counts.room()), (100, 77, 1, 75));
        assert!(counts.cuts[0].is_some() && counts.negative_cut.is_none());
        assert!(counts.cut.unwrap().starts_with("beach"));
    }
}
