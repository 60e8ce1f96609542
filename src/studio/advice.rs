//! What will silently have no effect, said where it is set: the document's own warnings and those that need the
//! collage, the concept files or the prompts' tokens.

use std::path::PathBuf;
use std::sync::Arc;

use super::document::Document;
use super::files::Files;
use super::files::pictures::Loaded;
use super::library::Library;
use super::library::entry::Kind;
use super::notice::Place;
use super::place::Placing;
use crate::project::settings::Inversion;
use crate::project::syntax::{self, Tag, TagKind};
use crate::project::{Concept, ConceptFile, MaskSource, ProjectWarning, PromptOf, PromptReading, resolve};

/// What was advised last, worked out again only when the document or what is known of its files has changed.
#[derive(Default)]
pub struct Adviser {
    known: Option<(Seen, Arc<Vec<Advice>>)>,
    obstacle: Option<String>,
}

/// What advice depends on: the document's revision, what was learnt of files, of the photo and of the library.
type Seen = (u64, u64, u64, u64);

/// The rooms that advice asks.
pub struct Asked<'a> {
    /// What is known of files.
    pub files: &'a mut Files,
    /// The photo that subjects are placed into.
    pub place: &'a mut Placing,
    /// What was found in people's folders.
    pub library: &'a Library,
}

impl Adviser {
    /// Everything that has no effect or is wrong with the project.
    pub fn advice(&mut self, document: &Document, asked: &mut Asked<'_>) -> Arc<Vec<Advice>> {
        let Asked { files, place, library } = asked;
        let seen = (document.history.revision(), files.learnt(), place.learnt(), library.learnt());
        if let Some((known, advice)) = &self.known
            && *known == seen
        {
            return advice.clone();
        }
        let advice = Arc::new(advise(document, files, library));
        self.obstacle = obstacle(document, files, place);
        self.known = Some((seen, advice.clone()));
        advice
    }

    /// Why a render cannot start, in words.
    pub fn obstacle(&mut self, document: &Document, asked: &mut Asked<'_>) -> Option<String> {
        self.advice(document, asked);
        self.obstacle.clone()
    }
}

/// Words that belong to a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Where to show it.
    pub place: Place,
    /// What is the matter and what to do.
    pub words: String,
    /// The concept whose class word a press of a button puts into the prompt, where that is what to do.
    pub mention: Option<String>,
    /// Files that a press of a button loads as a concept, each with its strengths, where that is what to do.
    pub load: Vec<ConceptFile>,
}

impl Advice {
    fn new(place: Place, words: impl Into<String>) -> Self {
        Self { place, words: words.into(), mention: None, load: Vec::new() }
    }
}

fn place_of(warning: &ProjectWarning) -> Place {
    use ProjectWarning as W;
    match warning {
        W::EmptyPrompt | W::ClassWordNotInPrompt { .. } => Place::Prompt,
        W::ConceptOnNoLayer { concept }
        | W::LayoutHasNoLayers { concept }
        | W::ConceptWithoutMask { concept }
        | W::OwnPromptWithoutTokens { concept }
        | W::OwnPromptUnread { concept }
        | W::StrengthZero { concept } => Place::Concept(concept.clone()),
        W::HiddenLayer { layer, .. } => Place::Layer(*layer),
        W::StyleStrengthZero { .. } => Place::Project,
        W::InjectionOff | W::SwitchesUnread => Place::Setting("concept_injection"),
        W::AlignmentWeightZero | W::AlignmentHardlyActs { .. } => Place::Setting("layout_alignment"),
        W::RefinementNeverActs { .. } => Place::Setting("mask_refinement"),
        W::Unread { of: PromptOf::Base, .. } => Place::Prompt,
        W::Unread { of: PromptOf::Negative, .. } => Place::Setting("negative_prompt"),
        W::Unread { of: PromptOf::Concept(name), .. } => Place::Concept(name.clone()),
        W::NoiseLeftOut { .. } => Place::Setting("steps"),
        W::NegativePromptUnread => Place::Setting("guidance_scale"),
        W::ExecutionUnread { .. } => Place::Setting("execution"),
    }
}

/// Everything to say about a document's project.
fn advise(document: &Document, files: &mut Files, library: &Library) -> Vec<Advice> {
    let project = document.project();
    let mut all: Vec<Advice> = Vec::new();
    for warning in project.warnings() {
        all.push(Advice::new(place_of(&warning), warning.to_string()));
        // A class word that is missing is said on the concept's card too: there it is noticed first.
        if let ProjectWarning::ClassWordNotInPrompt { concept, .. } = &warning {
            let said = Advice::new(Place::Concept(concept.clone()), warning.to_string());
            all.push(Advice { mention: Some(concept.clone()), ..said });
        }
    }
    for (index, layer) in project.layers().iter().enumerate() {
        if let Loaded::Failed(words) = files.picture(document, &layer.picture) {
            all.push(Advice::new(Place::Layer(index), words));
        }
    }
    if let Some(Ok(collage)) = files.collage_now(document) {
        for mask in collage.masks.iter().filter(|mask| mask.is_hidden()) {
            let Some(layer) = project.layers().get(mask.layer).filter(|layer| layer.opacity > 0.0) else { continue };
            let words = match &mask.concept {
                Some(concept) => format!(
                    "{} cannot be seen behind other layers or outside the canvas, so {concept} will not appear there; bring it to the front or move it.",
                    layer.title()
                ),
                None => format!(
                    "{} cannot be seen behind other layers or outside the canvas; bring it to the front or move it.",
                    layer.title()
                ),
            };
            all.push(Advice::new(Place::Layer(mask.layer), words));
        }
    }
    for concept in &project.concepts {
        let place = Place::Concept(concept.name.clone());
        for file in concept.files() {
            let words = unusable(document, files, &file);
            all.extend(words.map(|words| Advice::new(place.clone(), words)));
        }
        all.extend(uncalled(document, files, concept).map(|words| Advice::new(place, words)));
    }
    for style in &project.styles {
        let words = unusable(document, files, style);
        all.extend(words.map(|words| Advice::new(Place::Project, words)));
    }
    advise_of_cuts(document, files, &mut all);
    advise_of_networks(document, files, library, &mut all);
    if project.concepts.is_empty() && !project.layers().is_empty() {
        let words = "No concept is loaded, so the picture follows the collage and the prompt alone. Load a concept and drag it onto a layer.";
        all.push(Advice::new(Place::Project, words));
    }
    let settings = &project.settings;
    let points = project.concepts.iter().any(|concept| matches!(concept.mask, MaskSource::Points(_)));
    if !settings.method.is_conductor() && settings.inversion == Inversion::Exact && project.place.is_none() && !points {
        let words = format!(
            "The exact inversion has no effect on the picture: {} follows no layout reference, whose attention is shown \
             alone. Coarse shows it sooner.",
            settings.method.title()
        );
        all.push(Advice::new(Place::Setting("inversion"), words));
    }
    all
}

/// Why a file of a concept or style cannot be used with the project's model; None where it can, or is being read.
fn unusable(document: &Document, files: &mut Files, file: &ConceptFile) -> Option<String> {
    match files.file_facts(document, &file.file)? {
        Err(words) => Some(words),
        Ok(facts) => facts.misfit.clone(),
    }
}

/// What to do where nothing but its class word calls a concept, and its files know words that would.
fn uncalled(document: &Document, files: &mut Files, concept: &Concept) -> Option<String> {
    let typed = concept.trigger.as_ref().is_some_and(|trigger| !trigger.trim().is_empty());
    let all = concept.files();
    if typed || concept.prompt.is_some() || !files.words_of(document, &all).is_empty() {
        return None;
    }
    let mut known = Vec::new();
    for file in &all {
        known.extend(files.file_facts(document, &file.file)?.ok()?.triggers.iter().take(3).cloned());
    }
    let name = &concept.name;
    (!known.is_empty()).then(|| {
        format!(
            "{name} is called by the word \"{}\" alone; its file was trained with words such as {}: choose them on its card.",
            concept.class_word,
            known.join(", ")
        )
    })
}

/// What of the prompts is not read, since it does not fit.
fn advise_of_cuts(document: &Document, files: &mut Files, all: &mut Vec<Advice>) {
    let Some(counts) = files.token_counts(document) else { return };
    let mut say = |place, prompt: &str, tokens: usize, cut: &Option<String>| {
        let Some(cut) = cut else { return };
        let start: String = cut.chars().take(120).collect();
        let cut = if start.len() < cut.len() { format!("{start}…") } else { start };
        let room = counts.room();
        let words = format!("{prompt} has {tokens} tokens and {room} are read; \"{cut}\" is not. Shorten it.");
        all.push(Advice::new(place, words));
    };
    say(Place::Prompt, "The prompt", counts.base, &counts.cut);
    say(Place::Setting("negative_prompt"), "The negative prompt", counts.negative, &counts.negative_cut);
    // The base prompt's cut is theirs too, unless theirs is written by hand or their tokens need more room.
    if counts.cut.is_none() {
        for (concept, (tokens, cut)) in document.project().concepts.iter().zip(counts.concepts.iter().zip(&counts.cuts))
        {
            let place = Place::Concept(concept.name.clone());
            say(place, &format!("The prompt of {}", concept.name), *tokens, cut);
        }
    }
}

/// How many files of one name in the library are offered.
const MAX_OFFERS: usize = 4;

/// The LoRAs that the prompts ask for and the project has not.
fn advise_of_networks(document: &Document, files: &mut Files, library: &Library, all: &mut Vec<Advice>) {
    let project = document.project();
    if project.settings.prompt_reading == PromptReading::Plain {
        return;
    }
    let own = project.concepts.iter().filter_map(|concept| concept.prompt.as_deref());
    let tags = [project.prompt.as_str()].into_iter().chain(own).flat_map(|prompt| syntax::parse(prompt, &[]).tags);
    let mut wanted: Vec<Tag> = Vec::new();
    for tag in tags.filter(|tag| tag.kind == TagKind::Lora && !tag.name.is_empty()) {
        if wanted.iter().all(|other| *other.name != tag.name) {
            wanted.push(tag);
        }
    }
    if wanted.is_empty() {
        return;
    }
    let names = wanted.iter().map(|tag| tag.name.clone()).collect();
    let Some(found) = files.networks(document, names) else { return };
    for Tag { name, unet, text, .. } in wanted {
        let mut there = found.get(&name).cloned().unwrap_or_default();
        let kept = library.entries().iter().filter(|entry| entry.kind == Kind::Lora);
        for entry in kept.filter(|entry| entry.name.eq_ignore_ascii_case(&name)).take(MAX_OFFERS) {
            if !there.contains(&entry.path) {
                there.push(entry.path.clone());
            }
        }
        let is_loaded = |file: &PathBuf| {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            stem.eq_ignore_ascii_case(&name) || there.contains(&resolve(&document.folder, file))
        };
        let files = project.concepts.iter().flat_map(Concept::files).chain(project.styles.iter().cloned());
        if files.map(|file| file.file).any(|file| is_loaded(&file)) {
            continue;
        }
        let words = match there.as_slice() {
            [] => format!(
                "The prompt asks for the LoRA {name}, and no such file lies beside the project, beside a concept or in the library; load it as a concept, or take <lora:…> out."
            ),
            [_] => format!("The prompt asks for the LoRA {name}. Here each LoRA is a concept with a place of its own."),
            _ => format!("The prompt asks for the LoRA {name}, and several files are called so."),
        };
        let [strength, text] = [unet, text].map(|it| it.clamp(*Concept::STRENGTH.start(), *Concept::STRENGTH.end()));
        let text_strength = Some(text).filter(|text| *text != strength);
        let load = there.into_iter().map(|file| ConceptFile { file, strength, text_strength }).collect();
        all.push(Advice { load, ..Advice::new(Place::Prompt, words) });
    }
}

/// Why a render cannot start, in words with what to do; None where it can.
fn obstacle(document: &Document, files: &mut Files, place: &mut Placing) -> Option<String> {
    let project = document.project();
    if let Err(error) = project.validate() {
        return Some(format!("{error}."));
    }
    for layer in project.layers().iter().filter(|layer| layer.visible) {
        if let Loaded::Failed(words) = files.picture(document, &layer.picture) {
            return Some(format!("Layer {}: {words}", layer.title()));
        }
    }
    if let Some(words) = place.obstacle(document, files) {
        return Some(words);
    }
    let used = |concept: &&Concept| {
        project.layers().iter().any(|layer| layer.is_seen() && layer.concept.as_ref() == Some(&concept.name))
            || !matches!(concept.mask, crate::project::MaskSource::Layers)
    };
    for concept in project.concepts.iter().filter(used) {
        for file in concept.files() {
            if let Some(words) = unusable(document, files, &file) {
                return Some(format!("Concept {}: {words}", concept.name));
            }
        }
    }
    for style in &project.styles {
        if let Some(words) = unusable(document, files, style) {
            return Some(format!("Style {}: {words}", style.title()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::tasks::Pool;
    use super::*;
    use crate::project::{Layer, Project};

    #[test]
    fn advice_is_worked_out_anew_only_when_something_was_learnt_or_changed() {
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let (mut files, mut place) = (Files::new(&pool), Placing::new(&pool));
        let folder = tempfile::tempdir().unwrap();
        let library = Library::new(&pool, folder.path().into()).unwrap();
        let mut asked = Asked { files: &mut files, place: &mut place, library: &library };
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("missing.png", 0.0, 0.0));
        let mut document = Document::new(project, None, PathBuf::from("/nowhere"));
        let mut adviser = Adviser::default();
        let at = |advice: &[Advice], place: &Place| advice.iter().any(|advice| advice.place == *place);

        let first = adviser.advice(&document, &mut asked);
        assert!(at(&first, &Place::Prompt) && !at(&first, &Place::Layer(0)), "{first:?}");
        assert!(Arc::ptr_eq(&first, &adviser.advice(&document, &mut asked)));
        let begun = Instant::now();
        while adviser.obstacle(&document, &mut asked).is_none() {
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing was learnt of the picture");
            asked.files.poll();
        }
        assert!(at(&adviser.advice(&document, &mut asked), &Place::Layer(0)));
        document.edit("Words", |project| project.prompt = "a cat".into());
        assert!(!at(&adviser.advice(&document, &mut asked), &Place::Prompt));
    }
}
