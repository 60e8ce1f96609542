//! What is known of files: the pictures, concepts and prompts that a project names, the collage that its pictures make,
//! and what somebody drops, pastes or opens. Everything is read in the background; what is asked for comes later.
//!
//! - What does a picture look like? `pictures.rs`.
//! - What is in a concept's file, how many tokens have the prompts? `knowledge.rs`.
//! - Where are the files that a prompt asks for by name? `networks.rs`.
//! - What is a file that was dropped, pasted or opened? `intake.rs`; what for, says `target.rs`.
//! - Which of several answers counts? `answer.rs`.
//! - How is a painted mask a file, and what becomes of it until it is on the disk? `painted.rs`, `keeping.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbaImage;

use self::answer::Answer;
use self::knowledge::{AsTrained, ConceptFacts, Prompts, TokenCounter, TokenCounts};
use self::networks::{Found, Sought};
use self::pictures::{Loaded, Picture, Pictures};
use self::target::{TakenIn, Target};
use super::document::Document;
use super::places::{Places, folder_of};
use super::tasks::{Desk, Due, Owed, Pool};
use crate::engine::nets::tokenizer::Placeholder;
use crate::engine::weights::ModelFiles;
use crate::engine::worker::model_files;
use crate::project::files::{asset_name, name_of};
use crate::project::hash::Known;
use crate::project::moved::{self, Moved};
use crate::project::picture::{self, composite_from};
use crate::project::stamp::Stamp;
use crate::project::{Background, Canvas, Collage, Concept, ConceptFile, Crop, DiskFiles, Layout, resolve};

mod answer;
pub mod intake;
pub mod keeping;
pub mod knowledge;
pub mod networks;
pub mod painted;
pub mod pictures;
pub mod target;

/// What came of a piece of work. What changes the project has a number, see [`Owed`].
#[cfg_attr(test, derive(Clone))]
enum Told {
    Picture { folder: PathBuf, path: PathBuf, loaded: Result<Picture, String> },
    Collage { ticket: u64, of: Drawn, collage: Result<Arc<Collage>, String> },
    Concept { key: ConceptKey, facts: Result<Arc<ConceptFacts>, String> },
    Tokens { ticket: u64, of: Prompts, counts: Result<TokenCounts, String> },
    Changed(Vec<(PathBuf, PathBuf)>),
    Networks { ticket: u64, of: Sought, found: Found },
    TakenIn(u64, Box<TakenIn>),
    Pasted { number: u64, kept: Result<PathBuf, String>, size: (u32, u32), at: Option<(f32, f32)> },
    Moved { number: u64, document: u64, moved: Moved },
}

#[cfg(test)]
crate::studio::tasks::kinds!(
    Told: Picture, Collage, Concept, Tokens, Changed, Networks, TakenIn, Pasted, Moved
);

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// More is known than before.
    Learnt,
    /// Pictures were edited elsewhere, and are read again.
    Edited,
    /// A file was looked at that somebody gave to be taken in.
    TakenIn(Box<TakenIn>),
    /// So was this one, by its name, but the project that it was given to is gone.
    TooLate(String),
    /// A pasted picture is a file now, or why not.
    Pasted {
        /// The file.
        kept: Result<PathBuf, String>,
        /// Width and height.
        size: (u32, u32),
        /// Where it shall go on the canvas.
        at: Option<(f32, f32)>,
    },
    /// A project's files were looked for.
    Moved {
        /// The document whose project it is.
        document: u64,
        /// Whether that was just opened.
        opened: bool,
        /// What has become of them.
        moved: Moved,
    },
}

/// What a collage shows: a layout on a canvas, and what of a photo is behind it.
type Drawn = (Canvas, Layout, Option<Behind>);

/// A photo behind the layers, and what of it the canvas shows.
type Behind = (PathBuf, Option<Crop>);

/// A concept's file and the model that it shall fit.
type ConceptKey = (PathBuf, PathBuf, Option<PathBuf>);

/// What is known of the files of a document.
pub struct Files {
    pictures: Pictures,
    collage: Answer<Drawn, Result<Arc<Collage>, String>>,
    concepts: HashMap<ConceptKey, Option<Result<Arc<ConceptFacts>, String>>>,
    tokens: Answer<Prompts, Result<TokenCounts, String>>,
    counter: Arc<TokenCounter>,
    networks: Answer<Sought, Found>,
    learnt: u64,
    /// What somebody gave to the project that is open.
    owed: Owed,
    /// The file that somebody asked last to be opened, by its number.
    opening: u64,
    /// The last look for files that moved, by its number, until it is answered.
    moving: Option<Moving>,
    looks: u64,
    desk: Desk<Told>,
}

/// A look for files that moved.
struct Moving {
    number: u64,
    document: u64,
    /// Whether the project was just opened.
    opened: bool,
    /// Files that somebody found by hand, with where they were.
    shown: Vec<(PathBuf, PathBuf)>,
}

impl Files {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self {
            pictures: Pictures::default(),
            collage: Answer::default(),
            concepts: HashMap::new(),
            tokens: Answer::default(),
            counter: Arc::default(),
            networks: Answer::default(),
            learnt: 0,
            owed: Owed::default(),
            opening: 0,
            moving: None,
            looks: 0,
            desk: pool.desk(),
        }
    }

    /// Takes in what was read.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            outcomes.push(self.take(told));
        }
        outcomes
    }

    fn take(&mut self, told: Told) -> Outcome {
        match told {
            Told::TakenIn(number, taken) => {
                let due = self.owed.take(number);
                return match due {
                    // Whoever asked for another one meanwhile, or for a new project, wants that.
                    _ if taken.target.opens() && (due != Due::Now || self.opening != number) => Outcome::Learnt,
                    Due::Now => Outcome::TakenIn(taken),
                    Due::GivenUp => Outcome::TooLate(name_of(&taken.path)),
                    Due::Nobodys => Outcome::Learnt,
                };
            }
            Told::Pasted { number, kept, size, at } => {
                return match self.owed.take(number) {
                    Due::Now => Outcome::Pasted { kept, size, at },
                    Due::GivenUp => Outcome::TooLate("The picture from the clipboard".into()),
                    Due::Nobodys => Outcome::Learnt,
                };
            }
            Told::Moved { number, document, moved } => {
                // An earlier look does not know what has been found since.
                return match self.moving.take_if(|moving| moving.number == number) {
                    Some(Moving { opened, .. }) => Outcome::Moved { document, opened, moved },
                    None => Outcome::Learnt,
                };
            }
            Told::Picture { folder, path, loaded } => self.pictures.put(folder, path, loaded),
            Told::Collage { ticket, of, collage } => self.collage.give(ticket, of, collage),
            Told::Concept { key, facts } => {
                self.concepts.insert(key, Some(facts));
            }
            Told::Tokens { ticket, of, counts } => self.tokens.give(ticket, of, counts),
            Told::Changed(changed) => {
                if !changed.is_empty() {
                    self.pictures.forget(&changed);
                    self.collage.ask_again();
                    self.learnt += 1;
                    return Outcome::Edited;
                }
            }
            Told::Networks { ticket, of, found } => self.networks.give(ticket, of, found),
        }
        self.learnt += 1;
        Outcome::Learnt
    }

    /// Whether files are being read, or what was read is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Counts what was learnt, so that what depends on it is worked out again only when something changed.
    pub fn learnt(&self) -> u64 {
        self.learnt
    }

    /// A picture that the project names; it is loaded in the background at first.
    pub fn picture(&mut self, document: &Document, path: &Path) -> Loaded {
        let desk = &self.desk;
        self.pictures.get(&document.folder, path, |folder, path| {
            desk.run(move || {
                let loaded = pictures::load(&folder, &path);
                Told::Picture { folder, path, loaded }
            });
        })
    }

    /// Looks again for files that were not there.
    pub fn look_again(&mut self) {
        self.pictures.try_again();
        self.concepts.retain(|_, facts| !matches!(facts, Some(Err(_))));
        self.collage.ask_again();
        self.networks.ask_again();
        self.learnt += 1;
    }

    /// Looks in the background whether pictures were edited elsewhere; those that were are read again.
    pub fn look_for_changes(&self) {
        let seen = self.pictures.seen();
        self.desk.run(move || Told::Changed(pictures::changed(seen)));
    }

    /// Sets how many bytes of full pictures are kept.
    pub fn set_room(&mut self, bytes: u64) {
        self.pictures.set_room(bytes);
    }

    /// Bytes of full pictures held.
    pub fn picture_bytes(&self) -> u64 {
        self.pictures.bytes()
    }

    /// Another project was opened: what failed is looked for again, and nothing of the last one's is shown.
    pub fn begin_anew(&mut self) {
        self.look_again();
        // A picture of another project would mislead while this one's is being drawn.
        self.collage.forget();
        self.owed.give_up();
    }

    /// The collage as the engine will see it, with every layer's visible mask: of the present project, or of the one
    /// shortly before while the new one is being drawn. None at first.
    pub fn collage(&mut self, document: &Document) -> Option<Result<Arc<Collage>, String>> {
        self.ask_for_collage(document);
        self.collage.latest().cloned()
    }

    /// The collage, only if it is of the present project.
    pub fn collage_now(&mut self, document: &Document) -> Option<Result<Arc<Collage>, String>> {
        let drawn = self.ask_for_collage(document);
        self.collage.to(&drawn).cloned()
    }

    /// Has the collage drawn again where what it shows has changed, and says what it shows.
    fn ask_for_collage(&mut self, document: &Document) -> Drawn {
        let project = document.project();
        let photo = match &project.layout {
            Layout::Collage { background: Background::Photo, .. } => {
                project.place.as_ref().map(|place| (place.photo.clone(), place.crop))
            }
            _ => None,
        };
        let drawn = (project.canvas, project.layout.clone(), photo);
        if self.collage.is_asked(&drawn) || document.history.in_gesture() {
            return drawn;
        }
        let mut paths: Vec<&PathBuf> = Vec::new();
        match &drawn.1 {
            Layout::Picture(path) => paths.push(path),
            Layout::Collage { background, layers } => {
                paths.extend(layers.iter().filter(|layer| layer.visible).map(|layer| &layer.picture));
                if let Background::Picture(path) = background {
                    paths.push(path);
                }
            }
        }
        paths.extend(drawn.2.iter().map(|(photo, _)| photo));
        let mut pictures = HashMap::new();
        for path in paths {
            match self.picture(document, path) {
                Loaded::Ready(picture) => {
                    pictures.insert(path.clone(), picture.full.clone());
                }
                Loaded::Loading => return drawn,
                Loaded::Failed(words) => {
                    let ticket = self.collage.ask(drawn.clone());
                    self.collage.give(ticket, drawn.clone(), Err(words));
                    return drawn;
                }
            }
        }
        let ticket = self.collage.ask(drawn.clone());
        let (project, of, files) = (project.clone(), drawn.clone(), on_disk(document));
        self.desk.run(move || {
            let collage = composite_from(&project, &mut |path| {
                // Every path was put in above; one that gave way to others in memory is read again.
                match pictures.get(path).cloned().flatten() {
                    Some(full) => Ok(full),
                    None => picture::load_rgba(&files, path).map(Arc::new),
                }
            });
            Told::Collage { ticket, of, collage: collage.map(Arc::new).map_err(|error| error.to_string()) }
        });
        drawn
    }

    /// What is known of a file of a concept or style; None while it is being read.
    pub fn file_facts(&mut self, document: &Document, file: &Path) -> Option<Result<Arc<ConceptFacts>, String>> {
        let key = (document.folder.clone(), file.to_owned(), document.project().model.clone());
        if let Some(facts) = self.concepts.get(&key) {
            return facts.clone();
        }
        self.concepts.insert(key.clone(), None);
        let (files, model) = (on_disk(document), model_of(document));
        self.desk.run(move || {
            let facts = knowledge::concept_facts(&files, &key.1, &model).map(Arc::new);
            Told::Concept { key, facts }
        });
        None
    }

    /// The words that a concept's files bring, as far as they have been read.
    pub fn words_of(&mut self, document: &Document, files: &[ConceptFile]) -> Vec<Placeholder> {
        let mut words: Vec<Placeholder> = Vec::new();
        for file in files {
            if let Some(Ok(facts)) = self.file_facts(document, &file.file) {
                // Of two of one name the first counts.
                let new = facts.words.iter().filter(|new| !words.iter().any(|known| known.word == new.word));
                let new: Vec<Placeholder> = new.cloned().collect();
                words.extend(new);
            }
        }
        words
    }

    /// How many tokens the prompts have: of the present project or the one shortly before. None at first.
    pub fn token_counts(&mut self, document: &Document) -> Option<TokenCounts> {
        let prompts = self.prompts(document);
        if !self.tokens.is_asked(&prompts) {
            let ticket = self.tokens.ask(prompts.clone());
            let counter = self.counter.clone();
            self.desk.run(move || {
                let counts = counter.count(&prompts);
                Told::Tokens { ticket, of: prompts, counts }
            });
        }
        self.tokens.latest()?.as_ref().ok().cloned()
    }

    /// Where the files of these names lie: beside the project, or beside a concept that it has. None while they are being
    /// looked for.
    pub fn networks(&mut self, document: &Document, names: Vec<String>) -> Option<&Found> {
        let files = document.project().concepts.iter().flat_map(Concept::files).map(|file| file.file);
        let files = files.filter(|file| asset_name(file).is_none()).map(|file| resolve(&document.folder, &file));
        let mut folders: Vec<PathBuf> = files.map(|file| folder_of(&file)).collect();
        // A project without a file lies nowhere.
        if document.file.is_some() {
            folders.push(document.folder.clone());
        }
        folders.sort();
        folders.dedup();
        let sought = Sought { names, folders };
        if !self.networks.is_asked(&sought) {
            let (ticket, of) = (self.networks.ask(sought.clone()), sought.clone());
            self.desk.run(move || {
                let found = networks::find(&of);
                Told::Networks { ticket, of, found }
            });
        }
        self.networks.to(&sought)
    }

    /// Everything that is read of the project's prompts.
    fn prompts(&mut self, document: &Document) -> Prompts {
        let project = document.project();
        let styles = self.words_of(document, &project.styles);
        let words = project.concepts.iter().map(|concept| self.words_of(document, &concept.files())).collect();
        Prompts::new(project, words, styles, model_of(document))
    }

    /// Looks at a file in the background; what it is comes as an outcome, with what it is for.
    pub fn look_at(&mut self, path: PathBuf, target: Target) {
        let path = std::path::absolute(&path).unwrap_or(path);
        let number = self.owed.ask();
        if target.opens() {
            self.opening = number;
        }
        self.desk.run(move || {
            let stamp = Stamp::of(&path);
            let found = intake::classify(&path).map_err(|error| error.to_string());
            let trained = match &found {
                Ok(intake::Intake::Concept { path }) => {
                    let files = DiskFiles { base: PathBuf::new(), assets: crate::assets::find };
                    knowledge::as_trained(&files, path)
                }
                _ => AsTrained::default(),
            };
            Told::TakenIn(number, Box::new(TakenIn { target, path, stamp, found, trained }))
        });
    }

    /// Copies a file of the gallery's to where it stays when the gallery loses it, and looks at it there.
    pub fn copy_and_look_at(&mut self, places: Places, path: PathBuf, target: Target) {
        let number = self.owed.ask();
        self.desk.run(move || {
            let kept = intake::keep_copy(&places, &path);
            let path = kept.as_ref().map_or(path, Clone::clone);
            let found = kept.and_then(|kept| intake::classify(&kept)).map_err(|error| error.to_string());
            let (stamp, trained) = (Stamp::of(&path), AsTrained::default());
            Told::TakenIn(number, Box::new(TakenIn { target, stamp, path, found, trained }))
        });
    }

    /// Looks in the background for the files of a document, where they are not where it names them; what became of them is
    /// an outcome. `shown` are some that somebody found by hand, with where they were. A project that lies nowhere has no
    /// folder to look in.
    pub fn look_for_moved(
        &mut self,
        document: &Document,
        known: Known,
        mut opened: bool,
        mut shown: Vec<(PathBuf, PathBuf)>,
    ) {
        // Only the last look is answered; what an earlier one was to find is found by it too.
        if let Some(before) = self.moving.take().filter(|before| before.document == document.id()) {
            opened |= before.opened;
            shown.extend(before.shown);
        }
        if !document.folder.is_absolute() {
            return;
        }
        self.looks += 1;
        let (number, document_id) = (self.looks, document.id());
        self.moving = Some(Moving { number, document: document_id, opened, shown: shown.clone() });
        let (project, folder) = (document.project().clone(), document.folder.clone());
        self.desk.run(move || {
            let moved = moved::look(&project, &folder, &known, &shown);
            Told::Moved { number, document: document_id, moved }
        });
    }

    /// Keeps a picture from the clipboard as a file, so that the project can name it.
    pub fn paste(&mut self, places: Places, picture: RgbaImage, at: Option<(f32, f32)>) {
        let number = self.owed.ask();
        self.desk.run(move || {
            let kept = intake::keep_pasted(&places, &picture).map_err(|error| error.to_string());
            Told::Pasted { number, kept, size: picture.dimensions(), at }
        });
    }
}

/// The model that a document names.
pub fn model_of(document: &Document) -> ModelFiles {
    model_files(document.project(), &document.folder)
}

/// The files that a document's paths lead to.
pub fn on_disk(document: &Document) -> DiskFiles {
    DiskFiles { base: document.folder.clone(), assets: crate::assets::find }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::project::{Layer, Project};

    fn files() -> Files {
        Files::new(&Pool::start(Arc::new(|| ())).unwrap())
    }

    fn document(picture: &str) -> Document {
        let mut project = Project::new();
        project.prompt = "a cat".into();
        project.layers_mut().unwrap().push(Layer::new(picture, 100.0, 100.0));
        Document::new(project, None, "/nowhere".into())
    }

    /// Polls until something is there, and gives back what came meanwhile.
    fn wait<T>(files: &mut Files, mut there: impl FnMut(&mut Files) -> Option<T>) -> (T, Vec<Outcome>) {
        let (begun, mut outcomes) = (Instant::now(), Vec::new());
        loop {
            if let Some(found) = there(files) {
                return (found, outcomes);
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not come");
            outcomes.extend(files.poll());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_collage_is_drawn_of_the_document_and_not_while_a_gesture_is_in_hand() {
        let (mut files, mut document) = (files(), document("assets:cutouts/orange_cat.png"));
        let (collage, outcomes) = wait(&mut files, |files| files.collage_now(&document));
        assert_eq!(collage.unwrap().picture.dimensions(), (512, 512));
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Learnt)));
        document.edit_in_gesture(1, "Move", |project| project.layers_mut().unwrap()[0].x = 300.0);
        assert!(files.collage_now(&document).is_none());
        assert!(files.collage(&document).is_some(), "the last one is still shown");
        document.end_gesture();
        assert!(wait(&mut files, |files| files.collage_now(&document)).0.is_ok());
    }

    #[test]
    fn what_is_missing_says_so_and_is_learnt() {
        let (mut files, document) = (files(), document("missing.png"));
        let before = files.learnt();
        let (collage, _) = wait(&mut files, |files| files.collage_now(&document));
        assert!(collage.unwrap_err().contains("missing.png"));
        assert!(files.learnt() > before);
    }

    #[test]
    fn tokens_are_counted_and_a_file_is_looked_at_for_whoever_asked() {
        let (mut files, document) = (files(), document("missing.png"));
        files.look_at("/nowhere/at/all.png".into(), Target::Cutout);
        let (counts, mut outcomes) = wait(&mut files, |files| files.token_counts(&document));
        assert_eq!(counts.base, 2);
        outcomes.extend(wait(&mut files, |files| (!files.is_busy()).then_some(())).1);
        let taken = outcomes.iter().find_map(|outcome| match outcome {
            Outcome::TakenIn(taken) => Some(taken),
            _ => None,
        });
        let taken = taken.unwrap();
        assert_eq!(taken.target, Target::Cutout);
        assert!(taken.found.as_ref().unwrap_err().contains("no such file"));
    }
}
