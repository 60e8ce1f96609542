//! Renders as the window follows them: what waits, what runs, every step of each, and where the playhead is.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::clock::{Countdown, Measured};
use crate::link::{Event, Finished, JobId, Stage, StepView, Warning};
use crate::project::Project;
use crate::studio::document::Document;
use crate::studio::document::history::ResultId;

/// Runs whose steps are kept; as many as the engine keeps latents of, so that each can be gone on from.
const KEPT: usize = 8;

/// What became of a run so far.
#[derive(Clone, Debug)]
pub enum State {
    /// It waits for those before it.
    Queued,
    /// It runs.
    Running,
    /// It was told to pause and ends its step.
    Pausing,
    /// It can be continued from the step after its last.
    Paused,
    /// Its pictures are there.
    Done(Arc<Finished>),
    /// It was told to stop and ends its step.
    Stopping,
    /// It was stopped.
    Stopped,
    /// It failed, in words.
    Failed(String),
}

impl State {
    /// Whether it will tell more without being asked.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Pausing | Self::Stopping)
    }
}

/// Something that a run told its user, and at which step.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The step, counted from 0, before whose end it was told; None before the first.
    pub step: Option<usize>,
    /// The words.
    pub words: String,
}

/// The state of a document that a render was started from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Which document, see [`crate::studio::Document::id`].
    pub document: u64,
    /// Its history's revision.
    pub revision: u64,
}

impl Origin {
    /// A document as it is.
    pub fn of(document: &Document) -> Self {
        Self { document: document.id(), revision: document.history.revision() }
    }
}

/// One render.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name in the engine.
    pub job: JobId,
    /// Its name for people, such as `beach 3`.
    pub name: String,
    /// What it was started with.
    pub project: Arc<Project>,
    /// Where the project's relative paths start.
    pub folder: PathBuf,
    /// What it was started from.
    pub origin: Origin,
    /// What became of it.
    pub state: State,
    /// The device, once it started.
    pub device: String,
    /// A GPU compiles its kernels at first use; true until the first step.
    pub warming_up: bool,
    /// What it does: the stage, the steps of it done, and of how many.
    pub stage: Option<(Stage, usize, usize)>,
    /// Every sampling step; those before a branch are the earlier run's.
    pub steps: Vec<Option<Arc<StepView>>>,
    /// What it told.
    pub notes: Vec<Note>,
    /// The run and step that it went on from.
    pub from: Option<(JobId, usize)>,
    /// Whether its project, rendered anew, makes the very same steps: not where it went on from other settings or masks.
    pub anew: bool,
    /// Its pictures in the gallery.
    pub results: Vec<ResultId>,
    stage_since: Instant,
    countdown: Option<Countdown>,
}

impl Run {
    /// The newest step that is there.
    pub fn newest(&self) -> Option<usize> {
        self.steps.iter().rposition(Option::is_some)
    }

    /// The step to continue a paused run from: the one after the newest.
    pub fn next_step(&self) -> usize {
        self.newest().map_or(0, |newest| newest + 1)
    }

    /// A step, if it is there.
    pub fn step(&self, index: usize) -> Option<&Arc<StepView>> {
        self.steps.get(index)?.as_ref()
    }

    /// The pictures, once done.
    pub fn finished(&self) -> Option<&Arc<Finished>> {
        match &self.state {
            State::Done(finished) => Some(finished),
            _ => None,
        }
    }

    /// How far it is, 0..1.
    pub fn part(&self) -> f32 {
        match (&self.state, self.stage) {
            (State::Done(_), _) => 1.0,
            (State::Queued, _) | (_, None) => 0.0,
            (_, Some((stage, done, of))) => {
                let part = done as f32 / of.max(1) as f32;
                match stage {
                    Stage::LoadingModel => 0.03 * part,
                    Stage::Preparing => 0.03,
                    Stage::InvertingReference | Stage::InvertingPhoto | Stage::Fusing | Stage::FindingMasks => {
                        0.03 + 0.17 * part
                    }
                    Stage::Denoising => 0.2 + 0.77 * part,
                    Stage::Decoding => 0.97 + 0.03 * part,
                    // No render has these.
                    Stage::ReadingPhotos | Stage::Training | Stage::Testing => 0.0,
                }
            }
        }
    }

    /// Seconds left, where anything of the kind was measured before.
    pub fn left(&self, now: Instant) -> Option<f64> {
        matches!(self.state, State::Running).then_some(())?;
        self.countdown.map(|countdown| countdown.left(now))
    }

    /// What it does, in words: the paper's names for the parts of sampling.
    pub fn words(&self) -> String {
        match &self.state {
            State::Queued => "Waiting for its turn".into(),
            State::Pausing => "Pausing after this step".into(),
            State::Paused => format!("Paused before step {} of {}", self.next_step() + 1, self.steps.len()),
            State::Stopping => "Stopping after this step".into(),
            State::Stopped => "Stopped".into(),
            State::Failed(words) => words.clone(),
            State::Done(finished) => format!("Rendered in {:.1} s", finished.elapsed.as_secs_f64()),
            State::Running => match self.stage {
                None => "Starting".into(),
                Some((Stage::Denoising, done, of)) => {
                    let settings = &self.project.settings;
                    let index = done.min(of.saturating_sub(1));
                    let on = |steps: Vec<bool>| steps.get(index) == Some(&true);
                    let doing = match (on(settings.guided_steps()), on(settings.refined_steps())) {
                        (_, true) => "Refining masks",
                        (true, false) => "Aligning the layout",
                        (false, false) => "Injecting concepts",
                    };
                    format!("{doing} · step {} of {of}", index + 1)
                }
                Some((stage, done, of)) if of > 1 => format!("{} {done} of {of}", stage.words()),
                Some((stage, ..)) => stage.words().into(),
            },
        }
    }
}

/// Where the playhead stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Playhead {
    /// At the newest step, and at the finished picture once it is there.
    #[default]
    Live,
    /// At a step.
    At(usize),
}

/// All runs of a session, the newest last.
#[derive(Debug, Default)]
pub struct Runs {
    runs: VecDeque<Run>,
    /// The run whose steps are shown; the newest that runs, unless somebody chose another.
    pub shown: Option<JobId>,
    /// Which picture of the shown run's batch.
    pub picture: usize,
    /// Where the playhead stands in the shown run.
    pub playhead: Playhead,
    /// The run to compare with, and which picture of it.
    pub compared: Option<(JobId, usize)>,
    measured: Measured,
    /// Bytes of steps that are kept; None is without bound.
    room: Option<u64>,
}

impl Runs {
    /// A run was given to the engine. One that goes on from another takes over that one's earlier steps.
    pub fn add(
        &mut self,
        job: JobId,
        name: String,
        project: Arc<Project>,
        folder: PathBuf,
        origin: Origin,
        from: Option<(JobId, usize)>,
    ) {
        let count = project.settings.steps as usize;
        let mut steps = vec![None; count];
        let anew = from.is_none_or(|(earlier, _)| {
            self.get(earlier).is_some_and(|earlier| earlier.anew && earlier.project == project)
        });
        if let Some((earlier, step)) = from
            && let Some(earlier) = self.get(earlier)
        {
            for (to, from) in steps.iter_mut().zip(&earlier.steps).take(step) {
                to.clone_from(from);
            }
        }
        let follow = !self.active().any(|run| matches!(run.state, State::Running)) || from.is_some();
        self.runs.push_back(Run {
            job,
            name,
            project,
            folder,
            origin,
            state: State::Queued,
            device: String::new(),
            warming_up: false,
            stage: None,
            steps,
            notes: Vec::new(),
            from,
            anew,
            results: Vec::new(),
            stage_since: Instant::now(),
            countdown: None,
        });
        if follow {
            self.show(job);
        }
        self.drop_oldest();
        self.make_room();
    }

    /// Drops the oldest runs that have ended, where there are more than the engine keeps latents of: a queue of any length
    /// leaves no more steps behind than single renders do. Results stay in the gallery.
    fn drop_oldest(&mut self) {
        let most = if self.active().next().is_some() { KEPT - 1 } else { KEPT };
        while self.runs.iter().filter(|run| !run.state.is_active()).count() > most
            && let Some(oldest) = self.oldest_to_go()
        {
            self.runs.remove(oldest);
        }
    }

    /// The oldest run that may be dropped: not what is shown or compared with, has not ended, or has pictures that are not in
    /// the gallery yet.
    fn oldest_to_go(&self) -> Option<usize> {
        let (shown, compared) = (self.shown().map(|run| run.job), self.compared.map(|(job, _)| job));
        self.runs.iter().position(|run| may_go(run, shown, compared))
    }

    /// Sets how many bytes of steps are kept.
    pub fn set_room(&mut self, bytes: Option<u64>) {
        self.room = bytes;
        self.make_room();
    }

    /// Bytes of all steps that are kept, and of the pictures that they ended in. What runs share counts once.
    pub fn bytes(&self) -> u64 {
        let mut seen = HashSet::new();
        let steps = self.runs.iter().flat_map(|run| run.steps.iter().flatten());
        let steps: u64 = steps.filter(|step| seen.insert(Arc::as_ptr(step))).map(|step| step.bytes()).sum();
        let pictures = self.runs.iter().filter_map(Run::finished).flat_map(|finished| &finished.pictures);
        steps + pictures.map(|picture| picture.as_raw().len() as u64).sum::<u64>()
    }

    /// Drops attention, and then whole runs, the oldest first, until the rest fits. What is shown or compared with, or
    /// has not ended, stays whole; of the others previews and masks go last.
    fn make_room(&mut self) {
        let Some(room) = self.room else { return };
        if self.bytes() <= room {
            return;
        }
        let (shown, compared) = (self.shown().map(|run| run.job), self.compared.map(|(job, _)| job));
        let free = |run: &Run| may_go(run, shown, compared);
        for index in 0..self.runs.len() {
            if free(&self.runs[index]) {
                for step in self.runs[index].steps.iter_mut().flatten() {
                    if step.map_bytes() > 0 {
                        *step = Arc::new(step.without_maps());
                    }
                }
                if self.bytes() <= room {
                    return;
                }
            }
        }
        while self.bytes() > room
            && let Some(oldest) = self.oldest_to_go()
        {
            self.runs.remove(oldest);
        }
    }

    /// Shows a run from its newest step on.
    pub fn show(&mut self, job: JobId) {
        self.shown = Some(job);
        self.playhead = Playhead::Live;
        let pictures = self.get(job).map_or(1, |run| run.project.pictures as usize);
        self.picture = self.picture.min(pictures.saturating_sub(1));
    }

    /// A run by its name.
    pub fn get(&self, job: JobId) -> Option<&Run> {
        self.runs.iter().find(|run| run.job == job)
    }

    fn get_mut(&mut self, job: JobId) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.job == job)
    }

    /// The run that made a result, while its steps are kept, and which picture of it.
    pub fn of_result(&self, result: &str) -> Option<(&Run, usize)> {
        let run = self.iter().find(|run| run.results.iter().any(|id| id == result))?;
        Some((run, run.results.iter().position(|id| id == result)?))
    }

    /// The run whose steps are shown.
    pub fn shown(&self) -> Option<&Run> {
        self.shown.and_then(|job| self.get(job)).or_else(|| self.runs.back())
    }

    /// All runs, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter()
    }

    /// Those that wait or run, in the engine's order.
    pub fn active(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.state.is_active())
    }

    /// The step under the playhead of the shown run.
    pub fn step(&self) -> Option<&Arc<StepView>> {
        let run = self.shown()?;
        match self.playhead {
            Playhead::Live => run.step(run.newest()?),
            Playhead::At(step) => {
                run.step(step).or_else(|| run.steps[..step.min(run.steps.len())].iter().flatten().next_back())
            }
        }
    }

    /// Whether the finished picture is what the playhead shows.
    pub fn shows_finished(&self) -> bool {
        self.playhead == Playhead::Live && self.shown().is_some_and(|run| run.finished().is_some())
    }

    /// Moves the playhead by some steps; past the newest it is live.
    pub fn seek_by(&mut self, by: isize) {
        let Some(newest) = self.shown().and_then(Run::newest) else { return };
        let now = match self.playhead {
            Playhead::Live => newest + 1,
            Playhead::At(step) => step,
        };
        self.seek(now.saturating_add_signed(by));
    }

    /// Moves the playhead to a step; past the newest it is live.
    pub fn seek(&mut self, step: usize) {
        let newest = self.shown().and_then(Run::newest);
        self.playhead = match newest {
            Some(newest) if step <= newest => Playhead::At(step),
            _ => Playhead::Live,
        };
    }

    /// A run's pictures were put into the gallery.
    pub fn keep_results(&mut self, job: JobId, results: Vec<ResultId>) {
        if let Some(run) = self.get_mut(job) {
            run.results = results;
        }
        self.drop_oldest();
        self.make_room();
    }

    /// A run goes on with masks that were painted for it.
    pub(super) fn painted_over(&mut self, job: JobId) {
        if let Some(run) = self.get_mut(job) {
            run.anew = false;
        }
    }

    /// A run was told to pause.
    pub fn pausing(&mut self, job: JobId) {
        if let Some(run) = self.get_mut(job).filter(|run| matches!(run.state, State::Running)) {
            run.state = State::Pausing;
        }
    }

    /// A run was told to stop. What waits is stopped at once; the engine answers only when its turn comes.
    pub fn stopping(&mut self, job: JobId) {
        if let Some(run) = self.get_mut(job) {
            match run.state {
                State::Queued | State::Paused => run.state = State::Stopped,
                State::Running | State::Pausing => run.state = State::Stopping,
                State::Stopping | State::Stopped | State::Done(_) | State::Failed(_) => {}
            }
        }
    }

    /// A paused run was continued as another, which takes its place.
    pub fn replaced(&mut self, job: JobId) {
        if let Some(run) = self.get_mut(job) {
            run.state = State::Stopped;
        }
    }

    /// Which run an event is of. Facts about the device and the model belong to none, nor does a training.
    pub(super) fn of_event(&self, event: &Event) -> Option<usize> {
        let job = event.job()?;
        self.runs.iter().position(|run| run.job == job)
    }

    /// Takes in what the engine tells. Gives the run's name back where it has just finished.
    pub fn take(&mut self, event: &Event, now: Instant) -> Option<JobId> {
        let index = self.of_event(event)?;
        let job = self.runs[index].job;
        let (run, measured) = (&mut self.runs[index], &mut self.measured);
        if run.finished().is_some() {
            // Its pictures are in the gallery; nothing that comes late changes that, or puts them there once more.
            return None;
        }
        match event {
            Event::Started { device, first_use, .. } => {
                run.device.clone_from(device);
                run.warming_up = *first_use;
                if matches!(run.state, State::Queued) {
                    run.state = State::Running;
                }
                run.stage_since = now;
            }
            Event::Progress { stage, step, steps, .. } => {
                if let Some((before, done, _)) = run.stage
                    && before == *stage
                    && *step > done
                {
                    let took = now.saturating_duration_since(run.stage_since) / (*step - done) as u32;
                    measured.unit(&run.device, &run.project, *stage, took);
                }
                run.stage_since = now;
                run.stage = Some((*stage, *step, *steps));
                if let Some(left) = measured.left(&run.device, &run.project, *stage, *step) {
                    match &mut run.countdown {
                        Some(countdown) => countdown.estimate(left, now),
                        None => run.countdown = Some(Countdown::new(left, now)),
                    }
                }
            }
            Event::Step(_, view) => {
                run.warming_up = false;
                measured.step(&run.device, &run.project, &view.times, view.loss.is_some(), view.refined);
                if let Some(place) = run.steps.get_mut(view.step) {
                    *place = Some(view.clone());
                }
                self.make_room();
            }
            Event::Warning(_, warning) => {
                let step = match run.stage {
                    Some((Stage::Denoising, done, _)) => Some(done),
                    _ => None,
                };
                // A finding knows its step, which stands beside it.
                let note = match warning {
                    Warning::Finding(finding) => Note { step: Some(finding.step), words: finding.note() },
                    _ => Note { step, words: warning.to_string() },
                };
                if !run.notes.contains(&note) {
                    run.notes.push(note);
                }
            }
            Event::Done(_, finished) => {
                run.state = State::Done(finished.clone());
                return Some(job);
            }
            // One that waits to be gone on with waits on, however often it is told that it was ended.
            Event::Cancelled(_) | Event::Failed(..) if !run.state.is_active() => {}
            Event::Cancelled(_) => {
                run.state = if matches!(run.state, State::Pausing) { State::Paused } else { State::Stopped };
            }
            Event::Failed(_, words) => run.state = State::Failed(words.clone()),
            Event::Device(_) | Event::Model(_) | Event::Training(..) | Event::Unfit(_) => {}
        }
        None
    }
}

/// Whether a run's steps may be dropped: see [`Runs::oldest_to_go`].
fn may_go(run: &Run, shown: Option<JobId>, compared: Option<JobId>) -> bool {
    let is_told = !matches!(run.state, State::Done(_)) || !run.results.is_empty();
    !run.state.is_active() && is_told && Some(run.job) != shown && Some(run.job) != compared
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
