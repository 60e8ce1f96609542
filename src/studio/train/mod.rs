//! Training concepts: the training that is open, its photos and what is found about them, and the trainings that run.
//!
//! - What is open, what can be undone? `draft.rs`.
//! - What do the photos look like, are they fit? `photos.rs`; the findings are the engine's (`engine/train/photos.rs`).
//! - What waits and runs, how far is it, what has it drawn? `runs.rs`, with `curves.rs`.
//! - What is written, and where? `files.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use image::GrayImage;

use self::draft::Draft;
use self::files::{Found, KeptDraft};
use self::photos::{Key, Look, Looks};
use self::runs::{Runs, State};
use super::files::keeping::{Keeping, Kept as KeptMask};
use super::files::painted;
use super::models::{KnownModel, Models};
use super::notice::{Notice, Place, sentence};
use super::places::{AGAIN, Places, WriteError};
use super::tasks::{Desk, Due, Owed, Pool};
use crate::engine::inspect::ModelReport;
use crate::engine::memory::words;
use crate::engine::train::concept_file::sheet_of;
use crate::engine::train::photos::{Facts, Finding, Severity, inspect, side};
use crate::engine::worker::{Engine, training_files};
use crate::link::{DeviceChoice, Event, JobId, TrainingJob};
use crate::project::training::{Photo, Training, TrainingSettings, captions, file};

pub mod curves;
pub mod draft;
mod files;
pub mod photos;
pub mod runs;

/// Where messages about trainings belong.
pub const PLACE: Place = Place::Training;

/// What is said of photos that were read for a training that is no longer open.
const TOO_LATE: &str =
    "Another training was begun before those photos were read. Add them again where they are wanted.";

/// What a new training is called.
const NAME: &str = "my_concept";

/// What findings are of: the state of the training, and how much was learnt.
type Seen = (u64, u64);

/// What came of a piece of work. What changes the training that is open has a number, see [`Owed`].
#[cfg_attr(test, derive(Clone))]
enum Told {
    Looked(Key, Look),
    Found(u64, Box<Found>),
    Opened(u64, PathBuf, Result<Box<Training>, String>),
    /// The second number says which training it is, see [`Draft::id`].
    Saved(u64, u64, PathBuf, Result<(), String>),
    Painted(KeptMask, Result<(), WriteError>),
    Kept(Result<(), WriteError>),
    Left(Option<Box<KeptDraft>>),
    Sheet(u64, Option<PathBuf>),
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Looked, Found, Opened, Saved, Painted, Kept, Left, Sheet);

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// More is known than before.
    Learnt,
    /// Something to say.
    Say(Notice),
}

/// Trainings: one that is open, and those that run.
pub struct Trainings {
    /// What is open.
    pub draft: Draft,
    /// What runs, and what came of it.
    pub runs: Runs,
    places: Places,
    looks: Looks,
    /// What the training's model is.
    models: Models,
    /// Masks on their way to the disk.
    keeping: Keeping,
    findings: Option<(Seen, Arc<Vec<Finding>>)>,
    /// The state that was kept for the next start, and whether it is being written.
    kept: (u64, bool),
    /// Where it could not be, when it is tried again.
    unkept: Option<Instant>,
    /// Whether what the last session left was read: nothing is written over it before.
    is_read: bool,
    /// What is on its way into the training that is open, and files that are being written.
    owed: Owed,
    saves: Owed,
    /// The newest save that was written to each file: of two at once the newer stays.
    saved: Arc<Mutex<HashMap<PathBuf, u64>>>,
    learnt: u64,
    desk: Desk<Told>,
}

impl Trainings {
    /// Nothing is known yet; what was open at the end of the last session is read in the background.
    pub fn new(pool: &Pool, places: Places) -> Self {
        let desk: Desk<Told> = pool.desk();
        let path = places.open_training();
        desk.run(move || Told::Left(files::left(&path).map(Box::new)));
        Self {
            draft: Draft::new(fresh(None, None), None),
            runs: Runs::default(),
            places,
            looks: Looks::default(),
            models: Models::new(pool),
            keeping: Keeping::default(),
            findings: None,
            kept: (0, false),
            unkept: None,
            is_read: false,
            owed: Owed::default(),
            saves: Owed::default(),
            saved: Arc::default(),
            learnt: 0,
            desk,
        }
    }

    /// Takes in what was read and written.
    pub fn poll(&mut self) -> Vec<Outcome> {
        for (path, mask) in self.keeping.due(Instant::now()) {
            self.write_mask(path, mask);
        }
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            self.learnt += 1;
            outcomes
                .push(self.take_told(told).map_or(Outcome::Learnt, |words| Outcome::Say(Notice::new(PLACE, words))));
        }
        if self.models.poll() {
            self.learnt += 1;
            outcomes.push(Outcome::Learnt);
        }
        self.keep();
        outcomes
    }

    /// Whether anything is being read or written, or is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy() || self.models.is_busy()
    }

    /// Takes in what the engine tells of a training.
    pub fn take(&mut self, event: &Event) {
        let Some(id) = self.runs.take(event, Instant::now()) else { return };
        if let Some(concept) = self.runs.get(id).and_then(|run| Some(run.trained()?.file.clone())) {
            self.desk.run(move || Told::Sheet(id, sheet_of(&concept)));
        }
    }

    /// Words that a person must see, where there are any.
    fn take_told(&mut self, told: Told) -> Option<String> {
        match told {
            Told::Looked(key, look) => self.looks.put(key, look),
            Told::Found(number, found) => {
                return match self.owed.take(number) {
                    Due::Now => self.take_found(*found),
                    Due::GivenUp => Some(TOO_LATE.to_owned()),
                    Due::Nobodys => None,
                };
            }
            Told::Opened(number, path, opened) => match (self.owed.take(number), opened) {
                (Due::Now, Ok(training)) => self.draft.replace("Open a training", *training, Some(path)),
                (Due::Now, Err(words)) => return Some(sentence(&words)),
                // Whoever began a new one meanwhile wants that.
                (Due::GivenUp | Due::Nobodys, _) => {}
            },
            Told::Saved(number, id, path, saved) => match (self.saves.take(number), saved) {
                (Due::Now, Ok(())) => self.draft.saved_to(id, path),
                (Due::Now, Err(words)) => return Some(sentence(&words)),
                (Due::GivenUp | Due::Nobodys, _) => {}
            },
            Told::Painted(kept, written) => return self.keeping.take("The mask", kept, written, Instant::now()),
            Told::Kept(written) => {
                self.kept.1 = false;
                let Err(error) = written else {
                    self.unkept = None;
                    return None;
                };
                // Said once: it is tried again, though nothing more is changed.
                if self.unkept.replace(Instant::now() + AGAIN).is_some() {
                    return None;
                }
                return Some(format!("The training is not kept for the next start: {error}. Save it to a file."));
            }
            Told::Left(_) if self.is_read => {}
            Told::Left(left) => {
                self.is_read = true;
                let left = left?;
                if self.draft.revision() == 0 {
                    self.draft = Draft::new(left.training, left.file);
                } else {
                    self.draft.put_beneath(left.training, left.file);
                    let words = "The training that was open before has been read only now: undo leads back to it.";
                    return Some(words.into());
                }
            }
            Told::Sheet(id, page) => {
                if let Some(run) = self.runs.get_mut(id) {
                    run.sheet = page;
                }
            }
        }
        None
    }

    // What is open.

    /// The training as it is.
    pub fn training(&self) -> &Training {
        self.draft.training()
    }

    /// Begins a new training of a model, as a step that can be taken back.
    pub fn begin(&mut self, model: Option<PathBuf>, vae: Option<PathBuf>) {
        self.owed.give_up();
        self.draft.replace("Begin a new training", fresh(model, vae), None);
    }

    /// Waits until what was saved, painted or is kept for the next start is written, at the end of the session.
    pub fn close(&mut self) {
        self.unkept = self.unkept.map(|_| Instant::now());
        // What is kept waits for what was being kept.
        for _ in 0..2 {
            self.desk.finish();
            for outcome in self.poll() {
                if let Outcome::Say(notice) = outcome {
                    log::warn!("{}", notice.words);
                }
            }
        }
        self.desk.finish();
        self.keeping.end();
    }

    /// Takes photos, folders of photos or a training's file in, in the background.
    pub fn add(&mut self, paths: Vec<PathBuf>) {
        let number = self.owed.ask();
        self.desk.run(move || Told::Found(number, Box::new(files::find(&paths))));
    }

    fn take_found(&mut self, found: Found) -> Option<String> {
        let Found { training, photos, notes } = found;
        // Only a training that nobody has begun gets names and classes from folders.
        let is_new = self.training().photos.is_empty();
        match training {
            Some((read, file)) if is_new || file.is_some() => {
                let name = format!("Open {}", read.name);
                let read = if file.is_some() { read } else { self.as_own(read) };
                self.draft.replace(&name, read, file);
                self.add_photos(photos);
            }
            Some((read, _)) => self.add_photos(read.photos.into_iter().chain(photos).collect()),
            None => self.add_photos(photos),
        }
        (!notes.is_empty()).then(|| notes.join(" "))
    }

    /// What was made of a folder, with what is set already: settings, model, and names that somebody gave.
    fn as_own(&self, read: Training) -> Training {
        let own = self.training();
        let (named, classed) = (own.name != NAME, !own.class_word.is_empty());
        let (name, class) = (read.name.clone(), read.class_word.clone());
        let mut read = Training {
            settings: own.settings.clone(),
            model: own.model.clone(),
            vae: own.vae.clone(),
            encoder: own.encoder.clone(),
            prompts: own.prompts.clone(),
            ..read
        };
        read.rename(if named { &own.name } else { &name }, if classed { &own.class_word } else { &class });
        read
    }

    fn add_photos(&mut self, photos: Vec<Photo>) {
        let known: Vec<PathBuf> = self.training().photos.iter().map(|photo| photo.picture.clone()).collect();
        let new: Vec<Photo> = photos.into_iter().filter(|photo| !known.contains(&photo.picture)).collect();
        let name = match new.as_slice() {
            [one] => format!("Add {}", one.name()),
            many => format!("Add {} photos", many.len()),
        };
        self.draft.edit(name, |training| training.photos.extend(new));
    }

    /// Leaves photos out, as one step.
    pub fn leave_out(&mut self, photos: &[usize]) {
        let name = match photos {
            [one] => {
                self.training().photos.get(*one).map_or_else(String::new, |photo| format!("Leave {} out", photo.name()))
            }
            many => format!("Leave {} photos out", many.len()),
        };
        self.draft.edit(name, |training| {
            let mut index = 0;
            training.photos.retain(|_| {
                index += 1;
                !photos.contains(&(index - 1))
            });
        });
    }

    /// Puts the concept's place into captions that do not have it, as one step.
    pub fn mend_captions(&mut self, photos: &[usize]) {
        self.draft.edit("Mend captions", |training| {
            let before = training.clone();
            for photo in photos.iter().filter_map(|at| before.photos.get(*at).zip(Some(*at))) {
                training.photos[photo.1].caption = captions::mend(&photo.0.caption, &before);
            }
        });
    }

    /// Takes a file as the mask of a photo, as one step.
    pub fn set_mask(&mut self, at: usize, path: PathBuf) {
        let Some(name) = self.training().photos.get(at).map(Photo::name) else { return };
        self.draft.edit(format!("Choose a mask for {name}"), |training| training.photos[at].mask = Some(path));
    }

    /// Begins with the numbers of a concept in place of fresh ones, as one step; None: anew again. Whether the file fits is
    /// said when the training starts.
    pub fn go_on_from(&mut self, concept: Option<PathBuf>) {
        let name = match &concept {
            Some(_) => "Go on from a concept",
            None => "Begin the training anew",
        };
        self.draft.edit(name, |training| training.from = concept);
    }

    /// Names the image encoder that compares pictures with the photos, as one step; None: nothing does. Whether the folder
    /// holds one is said when the training starts.
    pub fn compare_by(&mut self, encoder: Option<PathBuf>) {
        let name = match &encoder {
            Some(_) => "Choose an image encoder",
            None => "Use no image encoder",
        };
        self.draft.edit(name, |training| training.encoder = encoder);
    }

    /// Takes masks away, as one step: a picture's own transparency counts again.
    pub fn drop_masks(&mut self, photos: &[usize]) {
        self.draft.edit("Take masks away", |training| {
            for at in photos {
                training.photos.get_mut(*at).into_iter().for_each(|photo| photo.mask = None);
            }
        });
    }

    /// Makes this the mask of a photo, as one step: it is kept as a file whose name is that of its contents, so that undo
    /// finds every earlier one.
    pub fn paint_mask(&mut self, at: usize, mask: Arc<GrayImage>) {
        let Some(photo) = self.training().photos.get(at).cloned() else { return };
        let path = painted::path(&self.places, "mask", &mask);
        self.looks.repaint(&photo, path.clone(), mask.clone());
        self.learnt += 1;
        let changed = self.draft.edit(format!("Paint the mask of {}", photo.name()), |training| {
            training.photos[at].mask = Some(path.clone());
        });
        if changed {
            self.write_mask(path, mask);
        }
    }

    fn write_mask(&mut self, path: PathBuf, mask: Arc<GrayImage>) {
        self.keeping.begin(&path);
        self.desk.run(move || {
            let written = painted::write(&path, &mask);
            Told::Painted((path, mask), written)
        });
    }

    /// Masks that could not be written so far; they are kept in memory and tried again.
    pub fn unwritten(&self) -> usize {
        self.keeping.unwritten()
    }

    /// Opens a training's file in the background.
    pub fn open(&mut self, path: PathBuf) {
        self.owed.give_up();
        let number = self.owed.ask();
        self.desk.run(move || {
            let opened = file::load(&path).map(Box::new);
            Told::Opened(number, path, opened.map_err(|error| error.to_string()))
        });
    }

    /// Saves to a file, which becomes the training's own. A name without ending gets `.ron`.
    pub fn save_to(&mut self, path: PathBuf) {
        self.draft.end_gesture();
        let path = if path.extension().is_none() { path.with_extension("ron") } else { path };
        let (training, own) = (self.training().clone(), self.draft.file.as_ref() == Some(&path));
        let (number, id, order) = (self.saves.ask(), self.draft.id(), self.saved.clone());
        self.desk.run(move || {
            let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
            if order.get(&path).is_some_and(|written| *written > number) {
                return Told::Saved(number, id, path, Ok(()));
            }
            // A training is written over, since a name is chosen for it; nothing else is.
            let other = !own && path.exists() && file::load(&path).is_err();
            let saved = match other {
                true => Err(format!("{} is there already and is no training; choose another name", path.display())),
                false => file::save(&path, &training).map_err(|error| error.to_string()),
            };
            if saved.is_ok() {
                order.insert(path.clone(), number);
            }
            Told::Saved(number, id, path, saved)
        });
    }

    /// Keeps what is open for the next start, once it has changed and nothing older is being written.
    fn keep(&mut self) {
        let (kept, writing) = self.kept;
        let due = self.unkept.is_some_and(|again| again <= Instant::now());
        if writing || !self.is_read || (kept == self.draft.revision() && !due) {
            return;
        }
        self.kept = (self.draft.revision(), true);
        let draft = KeptDraft { file: self.draft.file.clone(), training: self.training().clone() };
        let path = self.places.open_training();
        self.desk.run(move || Told::Kept(files::keep(&path, &draft)));
    }

    // The photos.

    /// A photo of the open training; it is read where it is not known.
    pub fn photo(&mut self, at: usize) -> Option<Look> {
        let photo = self.draft.training().photos.get(at)?;
        let desk = &self.desk;
        Some(self.looks.get(photo, |photo| {
            desk.run(move || {
                // Whatever a decoder does at a broken file, the answer comes.
                let looked = std::panic::catch_unwind(|| photos::look(&photo));
                let name = photo.name();
                let looked =
                    looked.unwrap_or_else(|_| Err(format!("{name}: it cannot be decoded; choose another photo")));
                let look = looked.map_or_else(Look::Failed, |looked| Look::Ready(Arc::new(looked)));
                Told::Looked(photos::key(&photo), look)
            });
        }))
    }

    /// A photo of any training, where it is known.
    pub fn known_photo(&self, photo: &Photo) -> Option<&Look> {
        self.looks.known(photo)
    }

    /// Looks again for photos that could not be read.
    pub fn look_again(&mut self) {
        self.looks.look_again();
        self.models.forget();
        self.learnt += 1;
    }

    /// The side that photos are cropped to, in pixels; None until the model's own is known.
    pub fn side(&mut self) -> Option<Result<u32, String>> {
        let model = self.model();
        let training = self.draft.training();
        match model {
            None => training.settings.size.map(Ok),
            // A model that is gone says so, whatever the size.
            Some(Err(words)) => Some(Err(words)),
            Some(Ok(model)) => {
                let files = training_files(training, Path::new("."));
                Some(side(&training.settings, model.picture_side, &files).map_err(|error| error.to_string()))
            }
        }
    }

    /// What the model is; None until it was looked at.
    fn model(&mut self) -> Option<KnownModel> {
        let files = training_files(self.draft.training(), Path::new("."));
        self.models.look(&files);
        self.models.known(&files)
    }

    /// What a step of the training needs of the memory, in words; and why it does not fit into `total` bytes, where it does
    /// not. `half` says that the device holds weights in half precision which files have so. None until the model is known.
    pub fn memory(&mut self, total: Option<u64>, half: bool) -> Option<(String, Option<String>)> {
        let side = self.side()?.ok()?;
        let (model, settings) = (self.model()?.ok()?, &self.draft.training().settings);
        let held = half.then(|| ModelReport::clone(&model).with_half_weights());
        let held = held.as_ref().unwrap_or(&model);
        let weights = if held.total_bytes < model.total_bytes { ", with weights in half precision" } else { "" };
        let needed = format!("Needs about {}{weights}.", words(held.training_bytes(settings, side)));
        Some((needed, total.and_then(|total| held.training_shortage(settings, side, total))))
    }

    /// Why the training may not fit into `room` bytes that are free, in words (see
    /// [`crate::engine::inspect::ModelReport::training_tight`]).
    pub fn tight(&mut self, room: u64) -> Option<String> {
        let side = self.side()?.ok()?;
        self.model()?.ok()?.training_tight(&self.draft.training().settings, side, room)
    }

    /// What is found about the photos, as far as they are read.
    pub fn findings(&mut self) -> Arc<Vec<Finding>> {
        let looks: Vec<Look> = (0..self.training().photos.len()).filter_map(|at| self.photo(at)).collect();
        let side = self.side().and_then(Result::ok);
        let state = (self.draft.revision(), self.learnt);
        if let Some((known, findings)) = &self.findings
            && *known == state
        {
            return findings.clone();
        }
        let fact = |look: &Look| match look {
            Look::Loading => None,
            Look::Ready(looked) => Some(Ok(Facts::clone(&looked.facts))),
            Look::Failed(words) => Some(Err(words.clone())),
        };
        let facts: Vec<_> = looks.iter().map(fact).collect();
        let findings = Arc::new(inspect(self.training(), &facts, side));
        self.findings = Some((state, findings.clone()));
        findings
    }

    /// Why the training cannot begin, in words with what to do.
    pub fn obstacle(&mut self) -> Option<String> {
        if let Some(finding) = self.findings().iter().find(|finding| finding.kind.severity() == Severity::Stops) {
            return Some(finding.words.clone());
        }
        if let Err(error) = self.training().validate() {
            return Some(sentence(&error.to_string()));
        }
        if let Some(Err(words)) = self.side() {
            return Some(sentence(&words));
        }
        let mut masks = self.training().photos.iter().filter_map(|photo| photo.mask.as_ref());
        if masks.any(|mask| self.keeping.is_awaited(mask)) {
            return Some("A mask is still being written. Try again in a moment.".into());
        }
        let loading = (0..self.training().photos.len()).any(|at| matches!(self.photo(at), Some(Look::Loading)));
        loading.then(|| "The photos are still being read. Try again in a moment.".into())
    }

    // What runs.

    /// Starts the open training.
    ///
    /// # Errors
    /// In words, where something stands in the way.
    pub fn start(&mut self, engine: &Engine, device: DeviceChoice) -> Result<u64, String> {
        self.draft.end_gesture();
        if let Some(words) = self.obstacle() {
            return Err(words);
        }
        let training = Arc::new(self.training().clone());
        let folder = files::run_folder(&self.places, &training, self.draft.file.as_deref());
        if self.runs.active().any(|run| run.folder == folder) {
            return Err("This training is under way already.".into());
        }
        // One that waits to be gone on with is this one.
        let waits =
            self.runs.iter().find(|run| run.folder == folder && run.state.is_waiting() && run.training == training);
        if let Some(id) = waits.map(|run| run.id) {
            self.go_on(engine, device, id);
            self.runs.shown = Some(id);
            return Ok(id);
        }
        let job = engine.train(job(&training, &folder, device));
        Ok(self.runs.add(job, training, folder))
    }

    /// Lets a training write a checkpoint and wait.
    pub fn pause(&mut self, engine: &Engine, id: u64) {
        let Some(run) = self.runs.get_mut(id) else { return };
        match run.state {
            // The engine answers only when its turn comes.
            State::Queued => run.state = State::Paused,
            State::Running => run.state = State::Pausing,
            _ => return,
        }
        engine.cancel(run.job);
    }

    /// Lets a training go on from its checkpoint, on the device that is chosen now. One that failed is tried again.
    pub fn go_on(&mut self, engine: &Engine, device: DeviceChoice, id: u64) {
        let Some(run) = self.runs.get_mut(id).filter(|run| run.state.is_waiting()) else { return };
        run.begun_again(engine.train(job(&run.training, &run.folder, device)));
    }

    /// Whether a training waits to be gone on with: it is paused, or failed.
    pub fn is_waiting(&self, id: u64) -> bool {
        self.runs.get(id).is_some_and(|run| run.state.is_waiting())
    }

    /// Ends a training and keeps the concept as it is.
    pub fn finish(&mut self, engine: &Engine, device: DeviceChoice, id: u64) {
        if self.runs.get(id).is_some_and(|run| run.state.is_waiting()) {
            self.go_on(engine, device, id);
        }
        let Some(run) = self.runs.get_mut(id) else { return };
        if matches!(run.state, State::Queued | State::Running) {
            run.state = State::Finishing;
            engine.finish(run.job);
        }
    }
}

/// A new training: quick for the miniature, else as the paper has it.
fn fresh(model: Option<PathBuf>, vae: Option<PathBuf>) -> Training {
    let settings = if model.is_none() { TrainingSettings::quick() } else { TrainingSettings::default() };
    Training { model, vae, settings, ..Training::new(NAME, "") }
}

fn job(training: &Training, run: &Path, device: DeviceChoice) -> TrainingJob {
    // The engine gives the number; paths are absolute.
    let (id, folder) = (JobId(0), PathBuf::from("."));
    TrainingJob { id, training: training.clone(), folder, run: run.to_owned(), device }
}

#[cfg(test)]
mod tests;
