//! Whatever a person starts that takes memory and time: renders, also those that go on from others, comparisons, trainings.
//! What may not fit into the memory that is free is asked about first, once a press and in the same words. Spans the rooms.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compare::{self, Looks};
use super::files::model_of;
use super::notice::{Notice, Place, sentence};
use super::results::store::BEHIND;
use super::rooms::Studio;
use super::session::question::{Press, Question};
use super::train::PLACE;
use crate::engine::inspect::Demand;
use crate::engine::train::photos::side;
use crate::engine::weights::ModelFiles;
use crate::engine::worker::{model_files, training_files};
use crate::link::JobId;
use crate::project::Project;

/// A project that is about to be rendered, and where its relative paths start.
type Pressed = (Arc<Project>, PathBuf);

impl Studio {
    // Renders.

    /// Starts a render of the project as it is. Does nothing but say so where something stands in the way.
    pub fn render(&mut self) -> Option<JobId> {
        self.document.end_gesture();
        if self.is_behind() {
            return None;
        }
        if let Some(words) = self.obstacle() {
            self.notice(Place::Render, words);
            return None;
        }
        if self.asks_first(Press::Render) {
            return None;
        }
        Some(self.start_render())
    }

    /// Whether so many pictures wait for the gallery's disk that no more shall be made, which is said then: they are in memory
    /// until they are written.
    fn is_behind(&mut self) -> bool {
        let behind = self.results.store.is_behind();
        let notice = Notice::new(Place::Render, BEHIND);
        if behind {
            self.session.say(notice);
        } else {
            self.session.notices.retain(|said| *said != notice);
        }
        behind
    }

    fn start_render(&mut self) -> JobId {
        if !self.renders.seed_locked {
            self.document.roll_seed();
        }
        self.session.unsay(&Place::Render);
        self.renders.start(&self.document)
    }

    /// Renders the project as it is now from the step under the playhead on (see [`super::renders::Renders::branch`]).
    pub fn branch(&mut self) -> Option<JobId> {
        // What stands in the way is said first.
        let ready = self.renders.branch_of(&self.document).is_ok();
        if ready && (self.is_behind() || self.asks_first(Press::Branch)) {
            return None;
        }
        let branched = self.renders.branch(&self.document);
        self.or_say(branched)
    }

    /// Continues a render that was paused or failed (see [`super::renders::Renders::resume`]).
    pub fn resume(&mut self, job: JobId) -> Option<JobId> {
        if self.renders.can_resume(job) && (self.is_behind() || self.asks_first(Press::Resume(job))) {
            return None;
        }
        self.renders.resume(job)
    }

    /// Begins to paint the masks that a render shall go on with from the playhead. A running render pauses.
    pub fn edit_masks(&mut self) {
        if self.renders.mask_editor.as_ref().is_some_and(|editor| editor.is_changed()) {
            let words = "Masks are being painted already. Continue with them, or cancel first.";
            return self.notice(Place::Render, words);
        }
        if self.renders.makes_anew() {
            let words = "The render whose masks were being painted before is on its way to their step. Wait for it, or stop it.";
            return self.notice(Place::Render, words);
        }
        if self.ask_to_paint_on() {
            return;
        }
        let begun = self.renders.edit_masks();
        self.or_say(begun);
    }

    /// Goes on from where the masks were painted, with the painted masks and the run's own project.
    pub fn continue_with_masks(&mut self) -> Option<JobId> {
        let ready = self.renders.mask_editor.as_ref().is_some_and(|editor| editor.empty().is_none());
        if ready && (self.is_behind() || self.asks_first(Press::WithMasks)) {
            return None;
        }
        let begun = self.renders.continue_with_masks();
        self.or_say(begun).flatten()
    }

    /// Answers the question in hand: the render is made anew up to the step of the masks, or they are given up.
    pub fn paint_on(&mut self, wanted: bool) {
        self.session.questions.answered();
        if !wanted {
            self.renders.recover(None);
        } else if !self.is_behind() && !self.asks_first(Press::Repaint) {
            self.renders.make_anew(&self.document);
        }
    }

    fn or_say<T>(&mut self, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|words| self.notice(Place::Render, words)).ok()
    }

    // Comparisons.

    /// Begins the comparison that is chosen, of the project as it is. What stands in its way is said at its place.
    pub fn compare(&mut self) {
        self.document.end_gesture();
        self.session.unsay(&compare::PLACE);
        match self.obstacle().or_else(|| self.compare.obstacle(self.document.project())) {
            Some(words) => self.notice(compare::PLACE, words),
            None if self.asks_first(Press::Compare) => {}
            None => self.begin_comparison(),
        }
    }

    fn begin_comparison(&mut self) {
        self.compare.stop(&mut self.renders);
        let photos = self.photos_of_concepts().into_iter().filter_map(|(name, folder)| Some((name, folder?))).collect();
        let looks = Looks { encoders: self.encoders(), photos };
        if let Err(words) = self.compare.begin(&self.document, looks) {
            self.notice(compare::PLACE, words);
        }
    }

    /// Goes on with a comparison that was stopped; what failed is tried again.
    pub fn compare_on(&mut self) {
        if self.compare.can_go_on() && self.asks_first(Press::CompareOn) {
            return;
        }
        self.compare.go_on();
    }

    // Trainings.

    /// Starts the training that is open. What stands in its way is said at its place.
    pub fn train(&mut self) -> Option<u64> {
        self.session.unsay(&PLACE);
        // What stands in the way is said first.
        if self.train.obstacle().is_none() && self.asks_first(Press::Train) {
            return None;
        }
        self.start_training()
    }

    fn start_training(&mut self) -> Option<u64> {
        let started = self.train.start(self.renders.engine(), self.renders.device);
        started.map_err(|words| self.notice(PLACE, words)).ok()
    }

    /// Lets a training go on from its checkpoint.
    pub fn go_on_training(&mut self, id: u64) {
        if !(self.train.is_waiting(id) && self.asks_first(Press::TrainOn(id))) {
            self.train.go_on(self.renders.engine(), self.renders.device, id);
        }
    }

    /// Ends a training and keeps the concept as it is. One that waits has to be begun for it.
    pub fn finish_training(&mut self, id: u64) {
        if !(self.train.is_waiting(id) && self.asks_first(Press::TrainToEnd(id))) {
            self.train.finish(self.renders.engine(), self.renders.device, id);
        }
    }

    // Memory.

    /// Asks before something begins that may not fit into the memory that is free: nothing can be done when the system ends
    /// the program for it. Says whether it asks.
    fn asks_first(&mut self, press: Press) -> bool {
        let Some((words, fits_unwatched)) = self.tight(press) else { return false };
        self.session.questions.ask(Question::Tight { press, words: sentence(&words), fits_unwatched });
        true
    }

    /// Answers the question in hand by doing what was pressed, whatever memory there is.
    pub fn press_anyway(&mut self, press: Press) {
        self.session.questions.answered();
        match press {
            Press::Render | Press::Branch | Press::Resume(_) | Press::WithMasks | Press::Repaint
                if self.is_behind() => {}
            Press::Render => {
                if self.obstacle().is_none() {
                    self.start_render();
                }
            }
            Press::Branch => {
                let branched = self.renders.branch(&self.document);
                self.or_say(branched);
            }
            Press::Resume(job) => _ = self.renders.resume(job),
            Press::WithMasks => {
                let begun = self.renders.continue_with_masks();
                self.or_say(begun);
            }
            Press::Repaint => _ = self.renders.make_anew(&self.document),
            Press::Compare => self.begin_comparison(),
            Press::CompareOn => self.compare.go_on(),
            Press::Train => _ = self.start_training(),
            Press::TrainOn(id) => self.train.go_on(self.renders.engine(), self.renders.device, id),
            Press::TrainToEnd(id) => self.train.finish(self.renders.engine(), self.renders.device, id),
        }
    }

    /// Has the models looked at of whatever may be started next, where that has changed.
    pub(super) fn weigh(&mut self) {
        let startable = self.startable();
        if !self.weigher.is_news(startable) {
            return;
        }
        for run in self.train.runs.iter().filter(|run| run.state.is_waiting()) {
            self.weigher.models.look(&training_files(&run.training, Path::new(".")));
        }
        for run in self.renders.runs.iter().filter(|run| !run.state.is_active()) {
            self.weigher.models.look(&model_files(&run.project, &run.folder));
        }
        if let Some(painted) = self.renders.recovered() {
            self.weigher.models.look(&model_files(&painted.project, &painted.folder));
        }
        self.weigher.models.look(&model_of(&self.document));
    }

    /// A number for all that may be started next: it costs a poll nothing, as looking models up would.
    fn startable(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let document = &self.document;
        (document.id(), document.history.revision(), &document.folder).hash(&mut hasher);
        for run in self.train.runs.iter().filter(|run| run.state.is_waiting()) {
            ("training", run.id).hash(&mut hasher);
        }
        for run in self.renders.runs.iter().filter(|run| !run.state.is_active()) {
            ("render", run.job.0).hash(&mut hasher);
        }
        if let Some(painted) = self.renders.recovered() {
            let project = &painted.project;
            (&project.model, &project.vae, &painted.folder).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Why something may not fit, and whether it does where nobody watches attention; None where it does, or where it is not
    /// known.
    fn tight(&mut self, press: Press) -> Option<(String, bool)> {
        if !self.renders.on_cpu() {
            return None;
        }
        let runs = self.renders.runs.active().next().is_some() || self.train.runs.active().next().is_some();
        let loaded = match &self.renders.model_report {
            // What a job takes that runs now is free when its turn comes that waits.
            _ if runs => u64::MAX,
            Some(model) => model.total_bytes,
            None => 0,
        };
        let room = (self.weigher.room)(loaded)?;
        if press == Press::Train {
            return Some((self.train.tight(room)?, false));
        }
        if let Press::TrainOn(id) | Press::TrainToEnd(id) = press {
            let training = self.train.runs.get(id)?.training.clone();
            let files = training_files(&training, Path::new("."));
            let model = self.weigher.models.known(&files)?.ok()?;
            let side = side(&training.settings, model.picture_side, &files).ok()?;
            return Some((model.training_tight(&training.settings, side, room)?, false));
        }
        let pressed = self.pressed(press)?;
        pressed
            .into_iter()
            .find_map(|(project, folder)| self.tight_render(&project, model_files(&project, &folder), room))
    }

    /// The projects that something renders; one after the other where there are several.
    fn pressed(&self, press: Press) -> Option<Vec<Pressed>> {
        let one = |project: Project, folder: &Path| vec![(Arc::new(project), folder.to_owned())];
        let of_run = |job: JobId| {
            let run = self.renders.runs.get(job)?;
            Some(vec![(run.project.clone(), run.folder.clone())])
        };
        let (document, present) = (&self.document, self.project());
        match press {
            Press::Render => Some(one(present.clone(), &document.folder)),
            Press::Branch => {
                let (run, _, project) = self.renders.branch_of(document).ok()?;
                Some(one(project, &run.folder))
            }
            Press::Resume(job) => of_run(job),
            Press::WithMasks => of_run(self.renders.mask_editor.as_ref()?.job),
            Press::Repaint => {
                let painted = self.renders.recovered()?;
                Some(vec![(painted.project.clone(), painted.folder.clone())])
            }
            // A comparison's pictures are made one by one.
            Press::Compare => Some(one(Project { pictures: 1, ..present.clone() }, &document.folder)),
            Press::CompareOn => Some(self.compare.begun()?.projects().to_vec()),
            Press::Train | Press::TrainOn(_) | Press::TrainToEnd(_) => None,
        }
    }

    fn tight_render(&mut self, project: &Project, files: ModelFiles, room: u64) -> Option<(String, bool)> {
        let model = self.weigher.models.known(&files)?.ok()?;
        let demand = self.demand_of(project);
        let words = model.tight(demand, room)?;
        let fits_unwatched = model.tight(Demand { watched: false, ..demand }, room).is_none();
        Some((words, fits_unwatched))
    }
}
