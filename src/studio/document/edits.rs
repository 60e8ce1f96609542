//! What a person does to the project, each as one named step of the history.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};

use super::geometry::clamp;
use super::groups::part_copies;
use super::{Document, palette};
use crate::project::{Background, Concept, ConceptFile, Layer, Layout, Placement, Project};
use crate::studio::notice::{Notice, Place};

/// A new layer's longest side, as a share of the canvas's shorter one.
const NEW_LAYER_SHARE: f32 = 0.5;

/// Which way a layer goes among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reorder {
    /// One nearer.
    Forward,
    /// One farther.
    Backward,
    /// Before all others.
    Front,
    /// Behind all others.
    Back,
}

impl Document {
    /// How large a new picture is shown: canvas pixels to one of its own.
    pub fn new_scale(&self, size: (u32, u32)) -> f32 {
        let canvas = self.project().canvas;
        let room = canvas.width.min(canvas.height) as f32 * NEW_LAYER_SHARE;
        (room / size.0.max(size.1).max(1) as f32).clamp(*Layer::SCALE.start(), 1.0)
    }

    /// Puts a picture on the canvas, its centre at `at` in canvas pixels, or in the middle; gives its index.
    ///
    /// # Errors
    /// When the layout has no layers.
    pub fn add_layer(&mut self, picture: PathBuf, size: (u32, u32), at: Option<(f32, f32)>) -> Result<usize, Notice> {
        let canvas = self.project().canvas;
        let (x, y) = at.unwrap_or((canvas.width as f32 / 2.0, canvas.height as f32 / 2.0));
        let mut layer = Layer::new(picture, x, y);
        layer.scale = self.new_scale(size);
        layer.name = layer.title().replace('_', " ");
        self.push_layer(layer)
    }

    /// Lays a layer over all others and selects it; gives its index.
    ///
    /// # Errors
    /// When the layout has no layers.
    pub fn push_layer(&mut self, layer: Layer) -> Result<usize, Notice> {
        self.has_layers()?;
        let name = format!("Add {}", layer.title());
        Ok(self.push(layer, name, |_| ()))
    }

    /// Adds a layer that was cut out of the photo that subjects are placed into, above all others, and selects it: it is what
    /// shall be replaced. The photo lies behind the layers from then on, and the edit mask follows them.
    ///
    /// # Errors
    /// When the layout has no layers.
    pub fn push_replaced(&mut self, layer: Layer) -> Result<usize, Notice> {
        self.has_layers()?;
        let name = format!("Replace {} in the photo", layer.title());
        Ok(self.push(layer, name, |project| {
            if let Some(place) = &mut project.place {
                place.follow.get_or_insert_default();
                project.lay_photo_behind();
            }
        }))
    }

    fn has_layers(&self) -> Result<(), Notice> {
        let words = "The layout is a finished picture, which has no layers; start a new project for a collage.";
        let is_picture = matches!(self.project().layout, Layout::Picture(_));
        if is_picture { Err(Notice::new(Place::Canvas, words)) } else { Ok(()) }
    }

    fn push(&mut self, layer: Layer, name: String, and: impl FnOnce(&mut Project)) -> usize {
        self.edit(name, |project| {
            if let Some(layers) = project.layers_mut() {
                layers.push(layer);
            }
            and(project);
        });
        let index = self.project().layers().len() - 1;
        self.select_only(index);
        index
    }

    /// Lays the collage on another background.
    pub fn set_background(&mut self, to: Background) {
        self.edit("Change the background", |project| match &mut project.layout {
            Layout::Collage { background, .. } => *background = to,
            Layout::Picture(path) => {
                if let Background::Picture(picture) = to {
                    *path = picture;
                }
            }
        });
    }

    /// Takes the selected layers away.
    pub fn delete_selected(&mut self) {
        let doomed: Vec<usize> = self.selection().iter().copied().filter(|index| !self.is_locked(*index)).collect();
        let Some(&first) = doomed.first() else { return };
        let name = match doomed.len() {
            1 => format!("Delete {}", self.project().layers()[first].title()),
            count => format!("Delete {count} layers"),
        };
        self.edit(name, |project| {
            if let Some(layers) = project.layers_mut() {
                let mut index = 0;
                layers.retain(|_| {
                    index += 1;
                    !doomed.contains(&(index - 1))
                });
            }
        });
        self.select_none();
    }

    /// Copies the selected layers in front of themselves, `by` canvas pixels aside, and selects the copies.
    pub fn duplicate_selected(&mut self, by: (f32, f32)) {
        let chosen: Vec<usize> = self.selection().iter().copied().collect();
        if chosen.is_empty() {
            return;
        }
        let name =
            if chosen.len() == 1 { "Duplicate a layer".into() } else { format!("Duplicate {} layers", chosen.len()) };
        let before = self.project().layers().len();
        self.edit(name, |project| {
            if let Some(layers) = project.layers_mut() {
                let mut copies: Vec<Layer> = chosen.iter().filter_map(|index| layers.get(*index)).cloned().collect();
                part_copies(&mut copies, layers);
                layers.extend(copies.into_iter().map(|mut layer| {
                    layer.x = clamp(layer.x + by.0, &Layer::POSITION);
                    layer.y = clamp(layer.y + by.1, &Layer::POSITION);
                    layer
                }));
            }
        });
        self.select(before..self.project().layers().len());
    }

    /// Changes every selected layer that is not locked.
    pub fn edit_selected(&mut self, name: impl Into<String>, mut change: impl FnMut(&mut Layer)) {
        let chosen: Vec<usize> = self.selection().iter().copied().filter(|index| !self.is_locked(*index)).collect();
        self.edit(name, |project| {
            if let Some(layers) = project.layers_mut() {
                chosen.iter().for_each(|index| layers.get_mut(*index).into_iter().for_each(&mut change));
            }
        });
    }

    /// Mirrors the selected layers, each about its own middle.
    pub fn flip_selected(&mut self) {
        self.edit_selected(self.step_name("Flip"), |layer| layer.flip = !layer.flip);
    }

    /// What a step is called that does something with the selected layers.
    fn step_name(&self, verb: &str) -> String {
        match self.selected().and_then(|index| self.project().layers().get(index)) {
            Some(layer) => format!("{verb} {}", layer.title()),
            None => format!("{verb} {} layers", self.selection().len()),
        }
    }

    /// Moves the selected layers by canvas pixels. Nudges that follow each other are one step.
    pub fn nudge(&mut self, by: (f32, f32)) {
        let chosen: Vec<usize> = self.selection().iter().copied().filter(|index| !self.is_locked(*index)).collect();
        if chosen.is_empty() {
            return;
        }
        const NUDGE: u64 = u64::MAX;
        self.edit_in_gesture(NUDGE, "Nudge", |project| {
            if let Some(layers) = project.layers_mut() {
                for index in chosen {
                    if let Some(layer) = layers.get_mut(index) {
                        layer.x = clamp(layer.x + by.0, &Layer::POSITION);
                        layer.y = clamp(layer.y + by.1, &Layer::POSITION);
                    }
                }
            }
        });
    }

    /// Changes one layer as one step.
    pub fn edit_layer(&mut self, index: usize, name: impl Into<String>, change: impl FnOnce(&mut Layer)) {
        self.edit(name, |project| {
            if let Some(layer) = project.layers_mut().and_then(|layers| layers.get_mut(index)) {
                change(layer);
            }
        });
    }

    /// Moves the selected layers in the order of drawing; among themselves they keep it.
    pub fn reorder_selected(&mut self, way: Reorder) {
        let chosen = self.selection().clone();
        let order = reordered(self.project().layers().len(), &chosen, way);
        self.edit(self.step_name("Reorder"), |project| {
            if let Some(layers) = project.layers_mut() {
                *layers = order.iter().filter_map(|index| layers.get(*index)).cloned().collect();
            }
        });
        self.select((0..order.len()).filter(|place| chosen.contains(&order[*place])));
    }

    /// Moves a layer to another place in the order of drawing, 0 being the rearmost.
    pub fn move_layer(&mut self, from: usize, to: usize) {
        let count = self.project().layers().len();
        if from >= count || to >= count || from == to {
            return;
        }
        let title = self.project().layers()[from].title();
        self.edit(format!("Reorder {title}"), |project| {
            if let Some(layers) = project.layers_mut() {
                let layer = layers.remove(from);
                layers.insert(to, layer);
            }
        });
        self.select_only(to);
    }

    /// Shows a layer alone, or all of them again where it is alone already, as one step.
    pub fn solo(&mut self, index: usize) {
        let layers = self.project().layers();
        let Some(title) = layers.get(index).map(Layer::title) else { return };
        let alone = layers.iter().enumerate().all(|(other, layer)| layer.visible == (other == index));
        let name = if alone { "Show all layers".to_owned() } else { format!("Show {title} alone") };
        self.edit(name, |project| {
            let layers = project.layers_mut().into_iter().flatten().enumerate();
            layers.for_each(|(other, layer)| layer.visible = alone || other == index);
        });
    }

    /// Lets a layer stand for a concept, or for none.
    pub fn assign(&mut self, layer: usize, concept: Option<String>) {
        let Some(title) = self.project().layers().get(layer).map(Layer::title) else { return };
        if concept.as_ref().is_some_and(|name| self.project().concept(name).is_none()) {
            return;
        }
        let name = match &concept {
            Some(concept) => format!("Assign {concept} to {title}"),
            None => format!("Take the concept off {title}"),
        };
        self.edit_layer(layer, name, |layer| layer.concept = concept);
    }

    /// Adds a concept's file at its strengths and gives back the concept's name; one that is there already is not added
    /// twice. `words` are those that call it, the likeliest first.
    pub fn add_concept(&mut self, file: ConceptFile, words: &[String]) -> String {
        let ConceptFile { file, strength, text_strength } = file;
        if let Some(known) = self.concept_of(&file) {
            return known;
        }
        let stem = stem_of(&file);
        let name = free_name_of(self.project(), &stem);
        let class_word = guess_class_word(self.project(), &stem, words);
        let color = palette::free(self.project());
        let concept = Concept { strength, text_strength, ..Concept::new(name.clone(), file, class_word, color) };
        self.edit(format!("Load {name}"), |project| project.concepts.push(concept));
        name
    }

    /// The name of the concept that has this file.
    fn concept_of(&self, file: &Path) -> Option<String> {
        self.project().concepts.iter().find(|concept| concept.file == file).map(|known| known.name.clone())
    }

    /// Takes a concept out of the project and off its layers.
    pub fn remove_concept(&mut self, name: &str) {
        self.edit(format!("Remove {name}"), |project| {
            project.concepts.retain(|concept| concept.name != name);
            for layer in project.layers_mut().into_iter().flatten() {
                if layer.concept.as_deref() == Some(name) {
                    layer.concept = None;
                }
            }
        });
    }

    /// Gives a concept another name, on its layers too.
    ///
    /// # Errors
    /// In words, when the name is taken or empty.
    pub fn rename_concept(&mut self, from: &str, to: &str) -> Result<(), Notice> {
        let to = to.trim();
        if to == from {
            return Ok(());
        }
        if to.is_empty() || self.project().concept(to).is_some() {
            let words = if to.is_empty() {
                "A concept needs a name.".to_owned()
            } else {
                format!("There is a concept called {to} already; choose another name.")
            };
            return Err(Notice::new(Place::Concept(from.into()), words));
        }
        self.edit(format!("Rename {from}"), |project| {
            for concept in project.concepts.iter_mut().filter(|concept| concept.name == from) {
                concept.name = to.to_owned();
            }
            for layer in project.layers_mut().into_iter().flatten() {
                if layer.concept.as_deref() == Some(from) {
                    layer.concept = Some(to.to_owned());
                }
            }
        });
        Ok(())
    }

    /// Changes one concept as one step.
    pub fn edit_concept(&mut self, concept: &str, name: impl Into<String>, change: impl FnOnce(&mut Concept)) {
        self.edit(name, |project| {
            if let Some(found) = project.concepts.iter_mut().find(|known| known.name == concept) {
                change(found);
            }
        });
    }

    /// Takes the photo that objects are placed into.
    pub fn set_photo(&mut self, path: PathBuf) {
        self.edit("Choose a photo", |project| match &mut project.place {
            Some(place) => place.photo = path,
            None => {
                project.place = Some(Placement::new(path, PathBuf::new()));
            }
        });
    }

    /// Composes freely again.
    pub fn remove_photo(&mut self) {
        self.edit("Remove the photo", |project| project.place = None);
    }

    /// Adds a further file to a concept, unless it has it.
    pub fn add_file(&mut self, concept: &str, file: PathBuf, strength: f32) {
        let known = |concept: &Concept| concept.files().iter().any(|known| known.file == file);
        if self.project().concept(concept).is_none_or(|(_, concept)| known(concept)) {
            return;
        }
        let file = ConceptFile { strength, ..ConceptFile::new(file) };
        self.edit_concept(concept, format!("Add {} to {concept}", file.title()), |concept| concept.more.push(file));
    }

    /// Adds a file that acts on the whole picture, unless it is there.
    pub fn add_style(&mut self, file: PathBuf, strength: f32) {
        if self.project().styles.iter().any(|known| known.file == file) {
            return;
        }
        let style = ConceptFile { strength, ..ConceptFile::new(file) };
        self.edit(format!("Add the style {}", style.title()), |project| project.styles.push(style));
    }

    /// Adds a concept's file to the project at its strengths, and to a layer. `words` are those that call it.
    pub fn load_concept(&mut self, file: ConceptFile, layer: Option<usize>, words: &[String]) {
        let name = self.add_concept(file, words);
        if let Some(layer) = layer {
            self.assign(layer, Some(name));
        }
    }

    /// Adds a concept that was trained here, with the class word that it was trained for and the strength that it is for, and
    /// puts it on a layer, all as one step; one that is there already is not added twice. Gives its name.
    pub fn add_trained(&mut self, file: PathBuf, class_word: &str, strength: f32, layer: Option<usize>) -> String {
        let known = self.concept_of(&file);
        let is_new = known.is_none();
        let name = known.unwrap_or_else(|| free_name_of(self.project(), &stem_of(&file)));
        let color = palette::free(self.project());
        let concept = Concept { strength, ..Concept::new(name.clone(), file, class_word.to_owned(), color) };
        let words = if layer.is_some() { format!("Use {name} on a layer") } else { format!("Load {name}") };
        self.edit(words, |project| {
            if is_new {
                project.concepts.push(concept);
            }
            let layer = layer.and_then(|index| project.layers_mut()?.get_mut(index));
            layer.into_iter().for_each(|layer| layer.concept = Some(name.clone()));
        });
        name
    }

    /// Draws a new seed.
    pub fn roll_seed(&mut self) {
        // Short enough to be read and typed.
        let seed = RandomState::new().build_hasher().finish() % 1_000_000;
        self.edit("Roll the seed", |project| project.seed = seed);
    }

    /// Puts a concept's class word into the prompt, which has no effect on it otherwise.
    pub fn mention(&mut self, concept: &str) {
        let Some((_, found)) = self.project().concept(concept) else { return };
        let word = found.class_word.clone();
        self.edit(format!("Add \"{word}\" to the prompt"), |project| {
            if project.class_word_spans(&project.prompt, &[&word]).is_empty() {
                let prompt = project.prompt.trim_end().to_owned();
                project.prompt = if prompt.is_empty() { format!("a {word}") } else { format!("{prompt}, a {word}") };
            }
        });
    }
}

/// The order of `count` layers after the chosen ones went a way: which layer comes to stand at each place.
fn reordered(count: usize, chosen: &BTreeSet<usize>, way: Reorder) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let passes = |over: usize, under: usize| chosen.contains(&over) && !chosen.contains(&under);
    match way {
        Reorder::Front => order.sort_by_key(|index| chosen.contains(index)),
        Reorder::Back => order.sort_by_key(|index| !chosen.contains(index)),
        Reorder::Forward => {
            for place in (1..count).rev() {
                if passes(order[place - 1], order[place]) {
                    order.swap(place - 1, place);
                }
            }
        }
        Reorder::Backward => {
            for place in 1..count {
                if passes(order[place], order[place - 1]) {
                    order.swap(place - 1, place);
                }
            }
        }
    }
    order
}

/// What a concept's file is called, without its ending.
fn stem_of(file: &Path) -> String {
    file.file_stem().map_or_else(|| "concept".into(), |stem| stem.to_string_lossy().into_owned())
}

/// A name for the concept of a file that is called so, which no other has.
fn free_name_of(project: &Project, stem: &str) -> String {
    let wanted = stem.replace(['_', '-'], " ");
    let wanted = wanted.trim();
    let wanted = if wanted.is_empty() { "concept" } else { wanted };
    let taken = |name: &str| project.concept(name).is_some();
    if !taken(wanted) {
        return wanted.to_owned();
    }
    (2..).map(|number| format!("{wanted} {number}")).find(|name| !taken(name)).unwrap_or_else(|| wanted.to_owned())
}

/// Words of captions that name no subject.
const NO_SUBJECTS: [&str; 10] =
    ["the", "and", "with", "from", "photo", "picture", "image", "drawing", "painting", "style"];

/// The word that a concept most likely stands for: what of its file's name or of the words that call it the prompt
/// mentions, else the last word of its file's name.
fn guess_class_word(project: &Project, stem: &str, calls: &[String]) -> String {
    let words = |text: &str| -> Vec<String> {
        text.split(|letter: char| !letter.is_alphabetic())
            .filter(|word| word.len() > 1)
            .map(str::to_lowercase)
            .collect()
    };
    let mentioned = |word: &String| !project.class_word_spans(&project.prompt, &[word]).is_empty();
    let of_stem = words(stem);
    // "teddy bear" as a whole before "bear"; of a phrase the last word names what it is about.
    let of_call = |call: &String| {
        let whole = Some(call.trim().to_lowercase()).filter(|call| !call.starts_with('<'));
        let parts =
            words(call).into_iter().rev().filter(|word| word.len() > 2 && !NO_SUBJECTS.contains(&word.as_str()));
        whole.into_iter().chain(parts).find(mentioned)
    };
    let found = of_stem.iter().find(|word| mentioned(word)).cloned();
    let found = found.or_else(|| calls.iter().find_map(of_call));
    found.or_else(|| of_stem.last().cloned()).unwrap_or_else(|| "object".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_go_forward_and_backward_together_and_stop_at_the_ends() {
        let after = |chosen: &[usize], way| reordered(5, &chosen.iter().copied().collect(), way);
        assert_eq!(after(&[0, 2], Reorder::Front), [1, 3, 4, 0, 2]);
        assert_eq!(after(&[2, 4], Reorder::Back), [2, 4, 0, 1, 3]);
        assert_eq!(after(&[0, 1], Reorder::Forward), [2, 0, 1, 3, 4]);
        assert_eq!(after(&[1, 4], Reorder::Forward), [0, 2, 1, 3, 4]);
        assert_eq!(after(&[0, 3, 4], Reorder::Backward), [0, 1, 3, 4, 2]);
        assert_eq!(after(&[], Reorder::Front), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_layer_is_shown_alone_and_then_all_are_again() {
        let mut project = Project::new();
        let hidden = Layer { visible: false, ..Layer::new("c.png", 0.0, 0.0) };
        project.layers_mut().unwrap().extend([Layer::new("a.png", 0.0, 0.0), Layer::new("b.png", 0.0, 0.0), hidden]);
        let mut document = Document::new(project, None, "/work".into());
        let shown = |document: &Document| document.project().layers().iter().map(|l| l.visible).collect::<Vec<_>>();
        document.solo(2);
        assert_eq!(shown(&document), [false, false, true]);
        document.solo(2);
        assert_eq!(shown(&document), [true, true, true]);
        assert_eq!(document.undo().as_deref(), Some("Show all layers"));
        assert_eq!(document.undo().as_deref(), Some("Show c alone"));
        assert_eq!(shown(&document), [true, true, false]);
        document.solo(9);
        assert_eq!(document.undo(), None);
    }

    #[test]
    fn a_concept_stands_for_what_of_its_words_the_prompt_mentions() {
        let mut project = Project::new();
        project.settings.prompt_reading = crate::project::PromptReading::Weighted;
        let mut guess = |prompt: &str, stem: &str, calls: &[&str]| {
            project.prompt = prompt.into();
            guess_class_word(&project, stem, &calls.iter().map(|call| (*call).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(guess("a cat on a sofa", "fluffy_v2", &["mint cat", "sofa"]), "cat");
        assert_eq!(guess("a photo of a teddy bear", "bobo", &["photo of bobo", "teddy bear"]), "teddy bear");
        assert_eq!(guess("a photo of a bear", "bobo", &["photo of bobo", "teddy bear"]), "bear");
        assert_eq!(guess("a Bear and a cat", "x_bear", &["cat"]), "bear", "the file's own name goes before");
        assert_eq!(guess("a bear", "x", &["<coral_bear_1>", "<coral_bear_2>"]), "bear");
        assert_eq!(guess("a house <lora:red:1>", "red_fox", &["red"]), "fox", "what asks for a file mentions nothing");
        assert_eq!(guess("the sea", "123", &["photo"]), "object");
        assert_eq!(guess("a photo of the sea", "123", &["the photo"]), "object");
    }
}
