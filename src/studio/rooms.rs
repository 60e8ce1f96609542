//! The studio: its rooms side by side, and what one room tells another. A room never knows the studio; what it has to
//! tell comes out of its `poll` as a plain value, and is carried on here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::advice::{Advice, Adviser, Asked};
use super::compare::{self, Comparing};
use super::cut::{self, Cutting};
use super::document::Document;
use super::export::collecting::{self, Collects};
use super::export::exporting::{self, Exports};
use super::files::knowledge::{ConceptFacts, TokenCounts};
use super::files::pictures::Loaded;
use super::files::{self, Files, model_of};
use super::library::{self, Library};
use super::models::KnownModel;
use super::notice::{Notice, Place, sentence};
use super::place::{self, Placing};
use super::places::Places;
use super::renders::{self, Renders};
use super::results::{self, Results};
use super::session::{self, Session};
use super::tasks::{Pool, Wake};
use super::train::{self, Trainings};
use super::weighing::Weigher;
use crate::engine::adapters::Held;
use crate::engine::concept_files;
use crate::engine::device::DeviceChoice;
use crate::engine::inspect::Demand;
use crate::engine::memory;
use crate::engine::weights::ModelFiles;
use crate::engine::worker::Engine;
use crate::link::Watch;
use crate::project::stamp::Stamp;
use crate::project::{Collage, Concept, Project};

/// The studio.
pub struct Studio {
    /// What is composed.
    pub document: Document,
    /// What is known of files.
    pub files: Files,
    /// Somebody being cut out of a picture.
    pub cut: Cutting,
    /// What runs.
    pub renders: Renders,
    /// What came of it.
    pub results: Results,
    /// What leaves the program.
    pub export: Exports,
    /// The project with all that it uses, being copied.
    pub collect: Collects,
    /// Two settings side by side.
    pub compare: Comparing,
    /// What is trained.
    pub train: Trainings,
    /// The photo that subjects are placed into.
    pub place: Placing,
    /// Where models and LoRAs are, and getting more.
    pub library: Library,
    /// What the program remembers, says and asks.
    pub session: Session,
    /// Whether what is about to start fits into memory.
    pub(super) weigher: Weigher,
    adviser: Adviser,
    /// Files of the project that were found nowhere when they were looked for last.
    pub(super) missing: Vec<PathBuf>,
    /// Bytes of memory that there are, where the system says so.
    memory: Option<u64>,
}

/// What is watched of a render.
fn watch(attention: bool) -> Watch {
    Watch { clusters: attention, attention, ..Watch::ALL }
}

impl Studio {
    /// A studio on a project. `file` is its own, with how it was before it was read. `wake` is called from other threads
    /// whenever there is something to [`Studio::poll`].
    ///
    /// Results, settings and unsaved work are kept in `places`, and what is there is taken up: it asks about the work of
    /// a session that ended without saving. Without places they lie in a folder that vanishes with the studio.
    ///
    /// # Errors
    /// When the system has no thread or no temporary folder to give.
    pub fn new(
        engine: Engine,
        project: Project,
        file: Option<(PathBuf, Option<Stamp>)>,
        folder: PathBuf,
        device: DeviceChoice,
        places: Option<Places>,
        wake: Wake,
    ) -> std::io::Result<Self> {
        let pool = Pool::start(wake)?;
        let session = Session::begin(places, &pool)?;
        let memory = memory::total();
        let (file, stamp) = file.unzip();
        let mut document = Document::new(project, file, folder);
        document.stamp = stamp.flatten();
        let mut studio = Self {
            document,
            files: Files::new(&pool),
            cut: Cutting::new(&pool)?,
            renders: Renders::new(engine, device, pool.tap()),
            results: Results::open(session.places(), &pool),
            export: Exports::new(&pool),
            collect: Collects::new(&pool)?,
            compare: Comparing::new(&pool)?,
            train: Trainings::new(&pool, session.places().clone()),
            place: Placing::new(&pool),
            library: Library::new(&pool, session.places().models_folder())?,
            session,
            weigher: Weigher::new(&pool),
            adviser: Adviser::default(),
            missing: Vec::new(),
            memory,
        };
        studio.bound_memory();
        studio.look_for_moved(true, Vec::new());
        studio.renders.watch_from_now(watch(studio.session.config.watch_attention));
        Ok(studio)
    }

    /// Bounds what renders' steps and pictures take, as the configuration has it. Where the system does not say how much
    /// memory there is, steps are bounded by their number only.
    pub fn bound_memory(&mut self) {
        let Some(total) = self.memory else { return };
        let share = |part: f32| (total as f64 * f64::from(part)) as u64;
        self.renders.runs.set_room(Some(share(self.session.config.steps_memory)));
        self.files.set_room(share(self.session.config.pictures_memory));
    }

    /// Whether renders record attention for the inspector; those that run change at their next step. Pictures are the same
    /// in any case. It is remembered.
    pub fn watch_attention(&mut self, on: bool) {
        self.session.config.watch_attention = on;
        self.session.save_config();
        self.renders.watch_from_now(watch(on));
    }

    /// Takes in what the engine and the file threads have to tell. Says whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = self.carry(|studio| studio.files.poll(), Self::of_files);
        any |= self.carry(|studio| studio.cut.poll(), Self::of_cut);
        any |= self.carry(|studio| studio.renders.poll(), Self::of_renders);
        for event in self.renders.take_others() {
            self.train.take(&event);
        }
        any |= self.carry(|studio| studio.export.poll(), Self::of_export);
        any |= self.carry(|studio| studio.collect.poll(), |_, collecting::Outcome::Ended| {});
        any |= self.carry(|studio| studio.compare.poll(), Self::of_compare);
        any |= self.compare.advance(&mut self.renders, self.results.store.is_behind());
        any |= self.carry(|studio| studio.train.poll(), Self::of_train);
        any |= self.carry(|studio| studio.place.poll(), Self::of_place);
        any |= self.carry(|studio| studio.library.poll(), |_, library::Outcome::Learnt| {});
        any |= self.carry(|studio| studio.session.poll(), Self::of_session);
        self.weigh();
        any |= self.weigher.models.poll();
        self.results.follow(&self.document);
        any |= self.carry(|studio| studio.results.poll(), Self::of_results);
        let painted = self.renders.painted();
        let paints = painted.is_some();
        self.session.paints(painted);
        if paints || self.document.history.is_dirty() {
            self.session.keep(&self.document);
        } else {
            // What was undone, or is painted no more, is nothing to recover.
            self.session.is_safe(self.document.history.revision());
        }
        any
    }

    /// Carries what a room tells to those whom it concerns. Says whether it told anything.
    fn carry<T>(&mut self, poll: impl FnOnce(&mut Self) -> Vec<T>, take: impl Fn(&mut Self, T)) -> bool {
        let outcomes = poll(self);
        let any = !outcomes.is_empty();
        outcomes.into_iter().for_each(|outcome| take(self, outcome));
        any
    }

    fn of_files(&mut self, outcome: files::Outcome) {
        match outcome {
            files::Outcome::Learnt => {}
            files::Outcome::Edited => self.place.forget_photo(),
            files::Outcome::TakenIn(taken) => self.taken_in(*taken),
            files::Outcome::TooLate(what) => self.too_late(&what),
            files::Outcome::Pasted { kept, size, at } => self.pasted(kept, size, at),
            files::Outcome::Moved { document, opened, moved } if document == self.document.id() => {
                self.moved(opened, moved);
            }
            // Another project has taken its place.
            files::Outcome::Moved { .. } => {}
        }
    }

    fn of_cut(&mut self, outcome: cut::Outcome) {
        match outcome {
            cut::Outcome::Learnt => {}
            cut::Outcome::Made(made) => self.take_cutout(&made),
            cut::Outcome::Say(notice) => self.session.say(notice),
        }
    }

    fn of_renders(&mut self, outcome: renders::Outcome) {
        if outcome == renders::Outcome::OtherMasks {
            let words = "The masks that were painted before are of other subjects than that render has now: its files \
                         have changed since. They were given up.";
            self.notice(Place::Render, words);
        }
        if let renders::Outcome::Finished(job) = outcome
            && let Some(run) = self.renders.runs.get(job)
        {
            let kept = self.results.keep(run);
            self.compare.take(run, &kept);
            self.renders.runs.keep_results(job, kept);
        }
    }

    fn of_export(&mut self, outcome: exporting::Outcome) {
        if let exporting::Outcome::Failed(words) = outcome {
            self.notice(Place::Gallery, words);
        }
    }

    fn of_compare(&mut self, outcome: compare::Outcome) {
        match outcome {
            compare::Outcome::Told => {}
            compare::Outcome::Encoder(kind, path) => self.measure_by(kind, Some(path)),
            compare::Outcome::Say(words) => self.notice(compare::PLACE, sentence(&words)),
        }
    }

    fn of_train(&mut self, outcome: train::Outcome) {
        if let train::Outcome::Say(notice) = outcome {
            self.session.say(notice);
        }
    }

    fn of_place(&mut self, outcome: place::Outcome) {
        match outcome {
            place::Outcome::Learnt => {}
            place::Outcome::Outlines(mask) => {
                self.set_edit_mask("Take the edit mask from the outlines", Arc::new(mask));
            }
            place::Outcome::Again { project, of } => {
                self.go_back_to("Make one subject anew".into(), *project, of);
            }
            place::Outcome::Say(notice) => self.session.say(notice),
        }
    }

    fn of_session(&mut self, outcome: session::Outcome) {
        if let session::Outcome::Saved(saved) = outcome {
            self.saved(*saved);
        }
    }

    fn of_results(&mut self, outcome: results::Outcome) {
        match outcome {
            results::Outcome::Told => {}
            results::Outcome::Say(words) => self.notice(Place::Gallery, words),
            results::Outcome::Project { project: Err(words), .. } => self.notice(Place::Gallery, words),
            results::Outcome::Project { project: Ok(project), document } => {
                let project = project.with_absolute_paths(Path::new("/")).unwrap_or(*project);
                self.go_back_to("Go back to a result's project".into(), project, document);
                self.look_for_moved(true, Vec::new());
            }
        }
    }

    /// Whether files are being read or written, or what was read is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.files.is_busy()
            || self.cut.is_busy()
            || self.results.is_busy()
            || self.export.is_busy()
            || self.collect.is_busy()
            || self.compare.is_busy()
            || self.train.is_busy()
            || self.place.is_busy()
            || self.library.is_busy()
            || self.session.is_busy()
            || self.weigher.models.is_busy()
    }

    /// What closing would lose beside unsaved changes, in words.
    pub fn loses_by_closing(&self) -> Vec<String> {
        let mut losses = Vec::new();
        match self.renders.runs.active().count() {
            0 => {}
            1 => losses.push("A render is not finished and would be lost.".to_owned()),
            count => losses.push(format!("{count} renders are not finished and would be lost.")),
        }
        if self.cut.open().is_some_and(cut::Open::is_changed) {
            losses.push("A picture is being cut, and no layer was made of it yet.".to_owned());
        }
        if self.train.runs.active().next().is_some() {
            let words = "A training is not finished. It leaves a checkpoint, and the same training goes on from there.";
            losses.push(words.to_owned());
        }
        match self.results.store.unwritten() {
            0 => {}
            1 => losses.push("A picture could not be written to the gallery yet and would be lost.".to_owned()),
            count => {
                losses.push(format!("{count} pictures could not be written to the gallery yet and would be lost."))
            }
        }
        if self.place.unwritten() + self.train.unwritten() > 0 {
            losses.push("Masks that were painted could not be written yet and would be lost.".to_owned());
        }
        if self.export.is_busy() {
            losses.push("An export is being written and would be given up.".to_owned());
        }
        if self.collect.is_busy() {
            losses.push("The project is being collected, which would be given up.".to_owned());
        }
        losses
    }

    /// Ends the session: what was taken out of the gallery is removed, and nothing unsaved is left to recover where somebody
    /// has agreed to lose it. Where nobody was asked, since the system ends the program, it is. The one place that waits for
    /// files, when there is no window any more.
    pub fn close(&mut self) {
        // Whoever closes has agreed to lose an export, and files shall not wait for it.
        self.export.exporting.iter().for_each(exporting::Exporting::stop);
        self.place.close();
        self.train.close();
        let (painted, agreed) = (self.renders.painted(), self.session.closing);
        let (paints, dirty) = (painted.is_some() && !agreed, self.document.history.is_dirty() && !agreed);
        if paints || dirty {
            self.session.paints(painted);
            self.session.keep(&self.document);
        }
        self.session.close(dirty.then(|| self.document.history.revision()), paints);
        self.results.follow(&self.document);
        self.results.store.close().iter().for_each(|words| log::warn!("{words}"));
    }

    // What many ask for: of one room with another, or of all.

    /// The project as it is.
    pub fn project(&self) -> &Project {
        self.document.project()
    }

    /// Changes the project as one step (see [`Document::edit`]).
    pub fn edit(&mut self, name: impl Into<String>, change: impl FnOnce(&mut Project)) -> bool {
        self.document.edit(name, change)
    }

    /// What the project is called.
    pub fn title(&self) -> String {
        self.document.title()
    }

    /// Says something at a place, once.
    pub fn notice(&mut self, place: Place, words: impl Into<String>) {
        self.session.say(Notice::new(place, words));
    }

    /// Everything that has no effect or is wrong with the project.
    pub fn advice(&mut self) -> Arc<Vec<Advice>> {
        let mut asked = Asked { files: &mut self.files, place: &mut self.place, library: &self.library };
        self.adviser.advice(&self.document, &mut asked)
    }

    /// Why a render cannot start, in words.
    pub fn obstacle(&mut self) -> Option<String> {
        let mut asked = Asked { files: &mut self.files, place: &mut self.place, library: &self.library };
        self.adviser.obstacle(&self.document, &mut asked)
    }

    /// The model that the project names.
    pub fn model(&self) -> ModelFiles {
        model_of(&self.document)
    }

    /// What a render of the project asks of the memory, as far as its concepts' files have been looked at.
    pub fn demand(&mut self) -> Demand {
        let doc = self.document.history.doc().clone();
        self.demand_of(&doc.project)
    }

    /// The same of another project that is about to be rendered.
    pub(super) fn demand_of(&mut self, project: &Project) -> Demand {
        let files = concept_files::files_of(project);
        let held = files.iter().map(|file| match self.files.file_facts(&self.document, &file.file) {
            Some(Ok(facts)) => facts.held,
            _ => Held::default(),
        });
        let adapters = held.sum();
        Demand::of(project, adapters).watched_by(self.renders.watched())
    }

    /// A picture that the project names (see [`Files::picture`]).
    pub fn picture(&mut self, path: &Path) -> Loaded {
        self.files.picture(&self.document, path)
    }

    /// The collage as the engine will see it (see [`Files::collage`]).
    pub fn collage(&mut self) -> Option<Result<Arc<Collage>, String>> {
        self.files.collage(&self.document)
    }

    /// The collage, only if it is of the present project.
    pub fn collage_now(&mut self) -> Option<Result<Arc<Collage>, String>> {
        self.files.collage_now(&self.document)
    }

    /// What is known of a file of a concept or style; None while it is being read.
    pub fn file_facts(&mut self, file: &Path) -> Option<Result<Arc<ConceptFacts>, String>> {
        self.files.file_facts(&self.document, file)
    }

    /// What calls a concept in its branch's prompt (see [`Concept::call`]): until its files are read, its name in brackets
    /// stands for tokens that they may bring.
    pub fn call_of(&mut self, concept: &Concept) -> String {
        let files = concept.files();
        let read = files.iter().all(|file| self.file_facts(&file.file).is_some());
        let words = self.files.words_of(&self.document, &files);
        let words: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        let tokens = if read { words.join(" ") } else { format!("<{}>", concept.name) };
        concept.call(&tokens).to_owned()
    }

    /// The side of the pictures that the project's model does best, in pixels: the one that it was trained on, where that is
    /// known, else Stable Diffusion 1.5's.
    pub fn picture_side(&mut self) -> u32 {
        self.model_report().and_then(Result::ok).and_then(|model| model.picture_side).unwrap_or(512)
    }

    /// What the project's model is, or in words why it cannot be used; None while that is being looked up.
    pub fn model_report(&mut self) -> Option<KnownModel> {
        let files = self.model();
        self.weigher.models.look(&files);
        self.weigher.models.known(&files)
    }

    /// How many tokens the prompts have (see [`Files::token_counts`]).
    pub fn token_counts(&mut self) -> Option<TokenCounts> {
        self.files.token_counts(&self.document)
    }
}
