//! What the window knows and does, without a window: the document with its history, what is selected, what is known
//! of its files, the renders and the gallery. No egui; the window draws this and calls it.
//!
//! Nothing here waits: files are read and written by [`tasks`], renders by the engine, and [`Studio::poll`] takes in
//! what came of them.
//!
//! - What can be undone, and what is it called? `history.rs`, `edits.rs`.
//! - What runs, how far is it, how long will it take? `runs.rs`, `clock.rs`, `rendering.rs`.
//! - Where do layers lie, what does moving them by hand do, which belong together? `geometry.rs`, `snap.rs`,
//!   `groups.rs`.
//! - Which masks does a render go on with? `mask_editor.rs`.
//! - What has no effect, and where is that said? `advice.rs`.
//! - What is known of files? `pictures.rs`, `knowledge.rs`, `intake.rs`; `answer.rs` asks other threads.
//! - What is kept on disk? `places.rs`, `config.rs`, `autosave.rs`, `store/`, `results.rs`, `files.rs`.
//! - What leaves the program, in what do results differ? `export/`, `exporting.rs`, `comparing.rs`.
//! - Where may the photo change that subjects are placed into? `placing.rs`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub mod advice;
mod answer;
pub mod autosave;
pub mod clock;
pub mod comparing;
pub mod config;
pub mod edits;
pub mod export;
pub mod exporting;
pub mod files;
pub mod geometry;
pub mod groups;
pub mod history;
pub mod intake;
pub mod knowledge;
pub mod mask_editor;
pub mod palette;
pub mod pictures;
pub mod places;
pub mod placing;
pub mod rendering;
pub mod results;
pub mod runs;
pub mod snap;
pub mod store;
pub mod tasks;

pub use advice::{Advice, Place};
pub use edits::Reorder;
pub use files::{Held, Question, Target};
pub use history::{Doc, History, ResultId};
pub use mask_editor::MaskEditor;
pub use runs::{Playhead, Run, Runs};

use crate::engine::device::DeviceChoice;
use crate::engine::weights::ModelFiles;
use crate::engine::worker::{Engine, model_files};
use crate::project::picture::composite_from;
use crate::project::{Background, Canvas, Collage, Concept, DiskFiles, Layout, Project};
use answer::Answer;
use autosave::Autosave;
use config::Config;
use files::{Saved, TakenIn};
use knowledge::{ConceptFacts, Prompts, TokenCounter, TokenCounts};
use pictures::{Loaded, Picture, Pictures};
use places::Places;
use store::Store;
use tasks::Tasks;

/// What came of a piece of work.
enum Told {
    Picture { folder: PathBuf, path: PathBuf, loaded: Result<Picture, String> },
    Collage { ticket: u64, of: Drawn, collage: Result<Arc<Collage>, String> },
    Concept { key: ConceptKey, facts: Result<Arc<ConceptFacts>, String> },
    Tokens { ticket: u64, of: Prompts, counts: Result<TokenCounts, String> },
    TakenIn(Box<TakenIn>),
    Pasted { kept: Result<PathBuf, String>, size: (u32, u32), at: Option<(f32, f32)> },
    Saved(Box<Saved>),
    ConfigSaved(Result<(), String>),
    ResultProject(Result<Box<Project>, String>),
    Exported(Box<exporting::Outcome>),
    Compared { pair: (ResultId, ResultId), found: comparing::Compared },
    Placed(Box<placing::Placed>),
}

/// What a collage shows.
type Drawn = (Canvas, Layout);

/// A concept's file and the model that it shall fit.
type ConceptKey = (PathBuf, PathBuf, Option<PathBuf>);

/// Something that went wrong or that a person should know, kept at its place until it is dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it belongs.
    pub place: Place,
    /// What it says.
    pub words: String,
}

/// The studio.
pub struct Studio {
    /// The document, its past and its future.
    pub history: History,
    /// The project's file, once it has one.
    pub file: Option<PathBuf>,
    /// What a project without a file is called.
    pub name: String,
    /// Where the project's relative paths start.
    pub folder: PathBuf,
    /// Where to compute.
    pub device: DeviceChoice,
    /// The renders.
    pub runs: Runs,
    /// What the engine last told of the device it computes on.
    pub device_report: Option<Arc<crate::engine::device::DeviceReport>>,
    /// What the engine last told of the model it loaded.
    pub model_report: Option<Arc<crate::engine::inspect::ModelReport>>,
    /// The masks being painted, while somebody paints.
    pub mask_editor: Option<MaskEditor>,
    /// Whether a render keeps the seed; else each begins with a new one.
    pub seed_locked: bool,
    /// What to say, and where.
    pub notices: Vec<Notice>,
    /// What has to be asked before anything goes on.
    pub question: Option<Question>,
    /// What the program remembers from one start to the next.
    pub config: Config,
    /// Nothing stands in the way of closing the window any more.
    pub closing: bool,
    places: Places,
    /// Holds everything of a studio that was given no places, and vanishes with it.
    _scratch: Option<tempfile::TempDir>,
    autosave: Autosave,
    /// The gallery.
    pub store: Store,
    /// The export in hand.
    pub exporting: Option<exporting::Exporting>,
    /// The last export that is there, until another begins or somebody has seen it.
    pub exported: Option<exporting::Exported>,
    comparing: comparing::Comparing,
    placing: placing::Placing,
    /// Results marked in this session, and whether each was starred before.
    marked: BTreeMap<ResultId, Option<bool>>,
    wake: Arc<dyn Fn() + Send + Sync>,
    after_saving: Option<Held>,
    engine: Engine,
    selection: BTreeSet<usize>,
    pictures: Pictures,
    collage: Answer<Drawn, Result<Arc<Collage>, String>>,
    concepts: HashMap<ConceptKey, Option<Result<Arc<ConceptFacts>, String>>>,
    tokens: Answer<Prompts, Result<TokenCounts, String>>,
    counter: Arc<TokenCounter>,
    advice: Option<(u64, u64, Arc<Vec<Advice>>)>,
    obstacle: Option<String>,
    /// Counts what was learnt, so that advice is worked out again only when something changed.
    learnt: u64,
    runs_made: u64,
    tasks: Tasks<Told>,
}

impl Studio {
    /// A studio on a project. `wake` is called from other threads whenever there is something to [`Studio::poll`].
    ///
    /// Results, settings and unsaved work are kept in `places`, and what is there is taken up: it asks about the work of
    /// a session that ended without saving. Without places they lie in a folder that vanishes with the studio.
    ///
    /// # Errors
    /// When the system has no thread or no temporary folder to give.
    pub fn new(
        engine: Engine,
        project: Project,
        file: Option<PathBuf>,
        folder: PathBuf,
        device: DeviceChoice,
        places: Option<Places>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let tasks = Tasks::start(wake.clone())?;
        let (places, scratch) = match places {
            Some(places) => (places, None),
            None => {
                let scratch = tempfile::Builder::new().prefix("podium-").tempdir()?;
                (Places::in_folder(scratch.path()), Some(scratch))
            }
        };
        let (config, problem) = Config::load(&places);
        let found = Autosave::recoverable(&places);
        let project = project.with_absolute_paths(&folder).unwrap_or(project);
        Ok(Self {
            history: History::new(Doc { project, ..Doc::default() }),
            file,
            name: "Untitled".into(),
            folder,
            device,
            runs: Runs::default(),
            device_report: None,
            model_report: None,
            mask_editor: None,
            seed_locked: true,
            notices: problem.map(|words| Notice { place: Place::Project, words }).into_iter().collect(),
            question: (!found.is_empty()).then_some(Question::Recover(found)),
            config,
            closing: false,
            autosave: Autosave::start(&places),
            store: Store::open(&places, wake.clone()),
            exporting: None,
            exported: None,
            comparing: comparing::Comparing::default(),
            placing: placing::Placing::default(),
            marked: BTreeMap::new(),
            wake,
            places,
            _scratch: scratch,
            after_saving: None,
            engine,
            selection: BTreeSet::new(),
            pictures: Pictures::default(),
            collage: Answer::default(),
            concepts: HashMap::new(),
            tokens: Answer::default(),
            counter: Arc::default(),
            advice: None,
            obstacle: None,
            learnt: 0,
            runs_made: 0,
            tasks,
        })
    }

    /// Where things are kept.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Ends the session: nothing unsaved is left to recover.
    pub fn close(&mut self) {
        self.autosave.clean();
        self.store.close().iter().for_each(|words| log::warn!("{words}"));
    }

    /// The project as it is.
    pub fn project(&self) -> &Project {
        &self.history.doc().project
    }

    /// The engine's handle.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the project is called: its file's name, or the example's, or `Untitled`.
    pub fn title(&self) -> String {
        let stem = self.file.as_ref().and_then(|file| file.file_stem());
        stem.map_or_else(|| self.name.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Takes in what the engine and the file threads have to tell. Says whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        while let Some(told) = self.tasks.next() {
            any = true;
            self.take(told);
        }
        while let Ok(event) = self.engine.events().try_recv() {
            any = true;
            self.take_event(&event);
        }
        any |= self.store.poll();
        for words in self.store.take_messages() {
            self.notice(Place::Gallery, words);
        }
        if self.history.is_dirty() {
            self.note_for_autosave();
        }
        if let Some(words) = self.autosave.take_message() {
            self.notice(Place::Project, words);
        }
        any
    }

    /// Whether files are being read or written, or what was read is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.tasks.is_busy()
    }

    fn take(&mut self, told: Told) {
        self.learnt += 1;
        match told {
            Told::Picture { folder, path, loaded } => {
                self.pictures.put(folder, path, loaded);
            }
            Told::Collage { ticket, of, collage } => self.collage.give(ticket, of, collage),
            Told::Concept { key, facts } => {
                self.concepts.insert(key, Some(facts));
            }
            Told::Tokens { ticket, of, counts } => self.tokens.give(ticket, of, counts),
            Told::TakenIn(taken) => self.taken_in(*taken),
            Told::Pasted { kept: Ok(path), size, at } => {
                self.add_layer(path, size, at);
            }
            Told::Pasted { kept: Err(words), .. } => self.notice(Place::Canvas, words),
            Told::Saved(saved) => self.saved(*saved),
            Told::ResultProject(project) => self.take_result_project(project),
            Told::Exported(outcome) => self.take_exported(*outcome),
            Told::Compared { pair, found } => self.take_compared(pair, found),
            Told::Placed(placed) => self.take_placed(*placed),
            Told::ConfigSaved(Ok(())) => {}
            Told::ConfigSaved(Err(words)) => self.notice(Place::Project, words),
        }
    }

    fn after_change(&mut self) {
        let count = self.project().layers().len();
        self.selection.retain(|index| *index < count);
        if !self.marked.is_empty() {
            self.sync_marks();
        }
    }

    // What is selected.

    /// The selected layers, the rearmost first.
    pub fn selection(&self) -> &BTreeSet<usize> {
        &self.selection
    }

    /// The only selected layer.
    pub fn selected(&self) -> Option<usize> {
        (self.selection.len() == 1).then(|| self.selection.first().copied()).flatten()
    }

    /// Selects these layers and no others.
    pub fn select(&mut self, layers: impl IntoIterator<Item = usize>) {
        let count = self.project().layers().len();
        self.selection = layers.into_iter().filter(|index| *index < count).collect();
    }

    /// Selects one layer.
    pub fn select_only(&mut self, layer: usize) {
        self.select([layer]);
    }

    /// Selects a layer too, or no longer.
    pub fn select_toggle(&mut self, layer: usize) {
        if !self.selection.remove(&layer) && layer < self.project().layers().len() {
            self.selection.insert(layer);
        }
    }

    /// Selects every layer that can be moved by hand.
    pub fn select_all(&mut self) {
        let layers = self.project().layers().iter().enumerate();
        let chosen: Vec<usize> = layers.filter(|(_, layer)| layer.is_loose()).map(|(index, _)| index).collect();
        self.select(chosen);
    }

    /// Selects nothing.
    pub fn select_none(&mut self) {
        self.selection.clear();
    }

    /// Whether a layer cannot be moved by hand.
    pub fn is_locked(&self, layer: usize) -> bool {
        self.project().layers().get(layer).is_none_or(|layer| layer.locked)
    }

    // What is said.

    /// Says something at a place, once.
    pub fn notice(&mut self, place: Place, words: impl Into<String>) {
        let notice = Notice { place, words: words.into() };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Everything that has no effect or is wrong with the project.
    pub fn advice(&mut self) -> Arc<Vec<Advice>> {
        let now = (self.history.revision(), self.learnt);
        if let Some((revision, learnt, advice)) = &self.advice
            && (*revision, *learnt) == now
        {
            return advice.clone();
        }
        let advice = Arc::new(advice::advise(self));
        self.obstacle = advice::obstacle(self);
        self.advice = Some((now.0, now.1, advice.clone()));
        advice
    }

    /// Why a render cannot start, in words.
    pub fn obstacle(&mut self) -> Option<String> {
        self.advice();
        self.obstacle.clone()
    }

    // What is known of files.

    /// The model that the project names.
    pub fn model(&self) -> ModelFiles {
        model_files(self.project(), &self.folder)
    }

    fn files(&self) -> DiskFiles {
        DiskFiles { base: self.folder.clone(), assets: crate::assets::find }
    }

    /// A picture that the project names; it is loaded in the background at first.
    pub fn picture(&mut self, path: &Path) -> Loaded {
        let tasks = &self.tasks;
        self.pictures.get(&self.folder, path, |folder, path| {
            tasks.run(move || {
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
        self.learnt += 1;
    }

    /// The collage as the engine will see it, with every layer's visible mask: of the present project, or of the one
    /// shortly before while the new one is being drawn. None at first.
    pub fn collage(&mut self) -> Option<Result<Arc<Collage>, String>> {
        self.ask_for_collage();
        self.collage.latest().cloned()
    }

    /// The collage, only if it is of the present project.
    pub fn collage_now(&mut self) -> Option<Result<Arc<Collage>, String>> {
        let drawn = self.ask_for_collage();
        self.collage.to(&drawn).cloned()
    }

    /// Has the collage drawn again where what it shows has changed, and says what it shows.
    fn ask_for_collage(&mut self) -> Drawn {
        let drawn = (self.project().canvas, self.project().layout.clone());
        if self.collage.is_asked(&drawn) || self.history.in_gesture() {
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
        let mut pictures = HashMap::new();
        for path in paths {
            match self.picture(path) {
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
        let (project, of) = (self.project().clone(), drawn.clone());
        self.tasks.run(move || {
            let collage = composite_from(&project, &mut |path| {
                // Every path was put in above.
                pictures.get(path).cloned().ok_or_else(|| crate::project::ProjectError::Unwritable {
                    problem: format!("{} was not loaded", path.display()),
                })
            });
            Told::Collage { ticket, of, collage: collage.map(Arc::new).map_err(|error| error.to_string()) }
        });
        drawn
    }

    /// What is known of a concept's file; None while it is being read.
    pub fn concept_facts(&mut self, concept: &Concept) -> Option<Result<Arc<ConceptFacts>, String>> {
        let key = (self.folder.clone(), concept.file.clone(), self.project().model.clone());
        if let Some(facts) = self.concepts.get(&key) {
            return facts.clone();
        }
        self.concepts.insert(key.clone(), None);
        let (files, model) = (self.files(), self.model());
        self.tasks.run(move || {
            let facts = knowledge::concept_facts(&files, &key.1, &model).map(Arc::new);
            Told::Concept { key, facts }
        });
        None
    }

    /// How many tokens the prompts have: of the present project or the one shortly before. None at first.
    pub fn token_counts(&mut self) -> Option<TokenCounts> {
        let prompts = self.prompts();
        if !self.tokens.is_asked(&prompts) {
            let ticket = self.tokens.ask(prompts.clone());
            let counter = self.counter.clone();
            self.tasks.run(move || {
                let counts = counter.count(&prompts);
                Told::Tokens { ticket, of: prompts, counts }
            });
        }
        self.tokens.latest()?.as_ref().ok().cloned()
    }

    /// Everything that is read of the project's prompts.
    fn prompts(&mut self) -> Prompts {
        let project = self.project().clone();
        let mut tokens = |concept: &Concept| match self.concept_facts(concept) {
            Some(Ok(facts)) => facts.tokens.clone(),
            _ => Vec::new(),
        };
        let tokens: Vec<Vec<String>> = project.concepts.iter().map(&mut tokens).collect();
        Prompts::new(&project, &tokens, self.model())
    }

    fn take_event(&mut self, event: &crate::link::Event) {
        match event {
            crate::link::Event::Device(report) => self.device_report = Some(report.clone()),
            crate::link::Event::Model(report) => self.model_report = Some(report.clone()),
            _ => {}
        }
        if let Some(done) = self.runs.take(event, Instant::now()) {
            self.keep_results(done);
        }
    }
}

#[cfg(test)]
mod tests;
