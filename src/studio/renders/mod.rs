//! Renders: what waits and runs, starting, pausing, continuing and branching. The room that has the engine and hears it.
//!
//! - What runs, how far is it, what did each step look like? `runs.rs`.
//! - How long will it take? `clock.rs`.
//! - Which masks does a render go on with? `mask_editor.rs`; after a crash, `painted.rs`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use self::mask_editor::MaskEditor;
use self::painted::Painted;
use self::runs::{Origin, Playhead, Run, Runs, State};
use super::document::Document;
use crate::engine::device::{AdapterKind, DeviceChoice, DeviceReport};
use crate::engine::inspect::ModelReport;
use crate::engine::worker::Engine;
use crate::link::{Event, Job, JobId, MaskEdit, Watch};
use crate::project::Project;
use crate::studio::tasks::{Line, Tap};

pub mod clock;
pub mod mask_editor;
pub mod painted;
pub mod runs;

const NOTHING: &str = "Nothing has been rendered yet. Press Render first.";

#[cfg(test)]
crate::studio::tasks::kinds!(
    Event: Started, Device, Model, Progress, Step, Warning, Training, Done, Cancelled, Failed, Unfit
);

/// What the other rooms shall know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The engine told of a render, the device or the model; nobody else has anything to do.
    Told,
    /// A render has just finished.
    Finished(JobId),
    /// The masks of an earlier session do not fit the render that was made anew for them, and were given up.
    OtherMasks,
}

/// Which masks were told of as being painted: the run, the step, the picture, the version.
type Told = (JobId, usize, usize, u64);

/// The renders of a session, and the engine that makes them.
pub struct Renders {
    /// The renders.
    pub runs: Runs,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Whether the automatic device is a GPU, as far as the window knows before the engine tells.
    pub has_gpu: bool,
    /// What is watched of the next render; see [`Renders::watch_from_now`].
    watch: Watch,
    /// Whether a render keeps the seed; else each begins with a new one.
    pub seed_locked: bool,
    /// The masks being painted, while somebody paints.
    pub mask_editor: Option<MaskEditor>,
    /// What the engine last told of the device it computes on.
    pub device_report: Option<Arc<DeviceReport>>,
    /// What the engine last told of the model it loaded.
    pub model_report: Option<Arc<ModelReport>>,
    /// Masks of an earlier session, until they are painted on or given up.
    recovered: Option<Arc<Painted>>,
    /// The render that is made anew for them.
    again: Option<JobId>,
    /// The masks that are painted as they were told last.
    painted: Option<(Told, Arc<Painted>)>,
    engine: Engine,
    events: Line<Event>,
    /// What the engine told of jobs that are no renders, and nobody has taken yet.
    others: Vec<Event>,
    /// How many were started, for their names.
    made: u64,
}

impl Renders {
    /// No render yet; what the engine tells comes through a tap.
    pub fn new(engine: Engine, device: DeviceChoice, tap: &Tap) -> Self {
        Self {
            runs: Runs::default(),
            device,
            has_gpu: false,
            watch: Watch::ALL,
            seed_locked: true,
            mask_editor: None,
            device_report: None,
            model_report: None,
            recovered: None,
            again: None,
            painted: None,
            events: tap.line(engine.events().clone()),
            engine,
            others: Vec::new(),
            made: 0,
        }
    }

    /// The engine's handle.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the next render computes on the CPU, as far as is known. A GPU does not say how much memory it has.
    pub fn on_cpu(&self) -> bool {
        let kind = self.device_report.as_ref().and_then(|report| report.kind);
        match self.device {
            DeviceChoice::Flex => true,
            DeviceChoice::Wgpu | DeviceChoice::Adapter(_) => false,
            DeviceChoice::Auto => !self.has_gpu && kind.is_none_or(|kind| kind == AdapterKind::Software),
        }
    }

    /// What is watched of renders.
    pub fn watched(&self) -> Watch {
        self.watch
    }

    /// Changes what is watched of renders, of those that run from their next step on.
    pub fn watch_from_now(&mut self, watch: Watch) {
        self.watch = watch;
        self.engine.watch(watch);
    }

    /// Takes in what the engine has to tell.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(event) = self.events.next() {
            outcomes.push(self.take(&event));
            if self.runs.of_event(&event).is_none() {
                self.others.push(event);
            }
        }
        outcomes.extend(self.paint_on());
        outcomes
    }

    /// What the engine told of jobs that are no renders, in order.
    pub fn take_others(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.others)
    }

    fn take(&mut self, event: &Event) -> Outcome {
        match event {
            Event::Device(report) => self.device_report = Some(report.clone()),
            Event::Model(report) => self.model_report = Some(report.clone()),
            _ => {}
        }
        self.runs.take(event, Instant::now()).map_or(Outcome::Told, Outcome::Finished)
    }

    /// Starts a render of the document as it is.
    pub fn start(&mut self, document: &Document) -> JobId {
        self.made += 1;
        let name = format!("{} {}", document.title(), self.made);
        self.start_of(Arc::new(document.project().clone()), document.folder.clone(), name, Origin::of(document))
    }

    /// Starts a render of any project, under a name.
    pub fn start_of(&mut self, project: Arc<Project>, folder: PathBuf, name: String, origin: Origin) -> JobId {
        let job = self.engine.render(Project::clone(&project), folder.clone(), self.device, self.watch);
        self.runs.add(job, name, project, folder, origin, None);
        job
    }

    /// Ends a render, running, queued or paused.
    pub fn stop(&mut self, job: JobId) {
        self.engine.cancel(job);
        self.runs.stopping(job);
    }

    /// Lets a render end its step and wait.
    pub fn pause(&mut self, job: JobId) {
        if self.runs.get(job).is_some_and(|run| matches!(run.state, State::Running)) {
            self.runs.pausing(job);
            self.engine.cancel(job);
        }
    }

    /// Whether a render can be continued: it is paused, or failed.
    pub fn can_resume(&self, job: JobId) -> bool {
        self.runs.get(job).as_ref().is_some_and(waits)
    }

    /// Continues a paused render, or one that failed, with its own project, on the device that is chosen now. One that
    /// failed before its first step begins anew.
    pub fn resume(&mut self, job: JobId) -> Option<JobId> {
        let run = self.runs.get(job).filter(waits)?.clone();
        if run.next_step() == 0 {
            // It was paused before its first step: there is nothing to go on from.
            let again = self.engine.render(Project::clone(&run.project), run.folder.clone(), self.device, self.watch);
            self.runs.replaced(job);
            self.runs.add(again, run.name, run.project, run.folder, run.origin, None);
            self.runs.show(again);
            return Some(again);
        }
        let next = self.go_on(&run, run.next_step(), run.project.clone(), run.name.clone(), run.origin, Vec::new());
        self.runs.replaced(job);
        Some(next)
    }

    /// The step that a new render would begin with if it went on from the playhead; or why it cannot.
    pub fn branch_step(&self) -> Result<(JobId, usize), String> {
        let run = self.runs.shown().ok_or(NOTHING)?;
        let step = match self.runs.playhead {
            Playhead::At(step) => step + 1,
            Playhead::Live => run.next_step(),
        };
        if run.newest().is_none() {
            return Err("The render has not made a step yet. Wait for its first step.".into());
        }
        if step >= run.steps.len() {
            return Err(
                "The playhead is at the last step, where nothing is left to do. Drag it to an earlier step.".into()
            );
        }
        Ok((run.job, step))
    }

    /// What a branch is: the run and step that it goes on from, and its project.
    ///
    /// # Errors
    /// In words, where there is no such step or the canvas has another size.
    pub fn branch_of(&self, document: &Document) -> Result<(&Run, usize, Project), String> {
        let (job, step) = self.branch_step()?;
        let run = self.runs.get(job).ok_or(NOTHING)?;
        if run.project.canvas != document.project().canvas {
            return Err("The canvas has another size than that render's; a branch needs the same size. \
                        Undo the change, or render anew."
                .into());
        }
        let mut project = document.project().clone();
        project.settings.steps = run.project.settings.steps;
        project.pictures = run.project.pictures;
        project.seed = run.project.seed;
        Ok((run, step, project))
    }

    /// Renders the project as it is now from the step under the playhead of the shown run on, and compares both.
    /// Steps, size and number of pictures are the run's.
    ///
    /// # Errors
    /// Those of [`Renders::branch_of`].
    pub fn branch(&mut self, document: &Document) -> Result<JobId, String> {
        let (run, step, project) = self.branch_of(document)?;
        let run = run.clone();
        let name = format!("{} from step {}", run.name, step + 1);
        let next = self.go_on(&run, step, Arc::new(project), name, Origin::of(document), Vec::new());
        self.runs.compared = Some((run.job, self.runs.picture));
        Ok(next)
    }

    /// Begins to paint the masks that a render shall go on with from the playhead. A running render pauses.
    ///
    /// # Errors
    /// In words, where there is no such step or it has no masks.
    pub fn edit_masks(&mut self) -> Result<(), String> {
        let (job, step) = self.branch_step()?;
        self.pause(job);
        let picture = self.runs.picture;
        let run = self.runs.get(job).ok_or(NOTHING)?;
        let views = run.step(step - 1).and_then(|view| view.masks.get(picture));
        self.mask_editor = views.and_then(|views| MaskEditor::new(job, step, picture, views));
        match self.mask_editor {
            Some(_) => Ok(()),
            None => Err("That render has no concept on any layer, so it has no masks to paint.".into()),
        }
    }

    /// Goes on from where the masks were painted, with the painted masks and the run's own project. None where nobody
    /// paints, or the run is no longer kept.
    ///
    /// # Errors
    /// In words, where a mask is empty; painting goes on.
    pub fn continue_with_masks(&mut self) -> Result<Option<JobId>, String> {
        let Some(editor) = self.mask_editor.take() else { return Ok(None) };
        if let Some(empty) = editor.empty() {
            let words = format!("The mask of {empty} is empty. Paint where it shall be, or undo the stroke.");
            self.mask_editor = Some(editor);
            return Err(words);
        }
        let Some(run) = self.runs.get(editor.job).cloned() else { return Ok(None) };
        let masks = editor
            .masks()
            .iter()
            .enumerate()
            .filter(|(subject, _)| editor.changed(*subject))
            .map(|(subject, mask)| MaskEdit { picture: None, subject, mask: mask.clone() })
            .collect();
        let name = format!("{} with painted masks", run.name);
        let next = self.go_on(&run, editor.step, run.project.clone(), name, run.origin, masks);
        if matches!(run.state, State::Done(_)) {
            self.runs.compared = Some((run.job, editor.picture));
        }
        Ok(Some(next))
    }

    // Painted masks over the end of a session.

    /// What is to be kept for a crash: the masks that are being painted, or those of an earlier session that wait.
    pub fn painted(&mut self) -> Option<Arc<Painted>> {
        let editor = self.mask_editor.as_ref().filter(|editor| editor.is_changed());
        let run = editor.and_then(|editor| self.runs.get(editor.job));
        let (Some(editor), Some(run)) = (editor, run) else {
            self.painted = None;
            return self.recovered.clone();
        };
        let told = (editor.job, editor.step, editor.picture, editor.version());
        if self.painted.as_ref().is_none_or(|(before, _)| *before != told) {
            let masks = editor.names().iter().cloned().zip(editor.masks().iter().cloned());
            let painted = Painted {
                name: run.name.clone(),
                project: run.project.clone(),
                folder: run.folder.clone(),
                step: editor.step,
                picture: editor.picture,
                masks: masks.collect(),
                anew: run.anew,
            };
            self.painted = Some((told, Arc::new(painted)));
        }
        self.painted.as_ref().map(|(_, painted)| painted.clone())
    }

    /// Masks of an earlier session that wait to be painted on.
    pub fn recovered(&self) -> Option<&Arc<Painted>> {
        self.recovered.as_ref()
    }

    /// Whether the render that they are of is being made anew.
    pub fn makes_anew(&self) -> bool {
        self.again.is_some()
    }

    /// Takes masks of an earlier session up, or gives those up that wait.
    pub fn recover(&mut self, painted: Option<Arc<Painted>>) {
        (self.recovered, self.again) = (painted, None);
    }

    /// Renders what the masks of an earlier session are of anew; where it comes to their step, it pauses, and they are
    /// painted on. None where none wait, or it is being made already.
    pub fn make_anew(&mut self, document: &Document) -> Option<JobId> {
        let painted = self.recovered.clone().filter(|_| self.again.is_none())?;
        let (project, folder) = (painted.project.clone(), painted.folder.clone());
        let job = self.start_of(project, folder, painted.name.clone(), Origin::of(document));
        self.again = Some(job);
        Some(job)
    }

    /// Goes on painting once the render that is made anew has come to the step.
    fn paint_on(&mut self) -> Option<Outcome> {
        let (job, painted) = (self.again?, self.recovered.clone()?);
        if self.mask_editor.as_ref().is_some_and(MaskEditor::is_changed) {
            // Others are being painted; these come after them.
            return None;
        }
        // Whoever paused it went on with another job in its place.
        let after = self.runs.iter().find(|run| run.from.is_some_and(|(from, _)| from == job)).map(|run| run.job);
        if let Some(after) = after.filter(|_| self.runs.get(job).is_none_or(|run| !run.state.is_active())) {
            self.again = Some(after);
            return None;
        }
        let run = self.runs.get(job);
        let Some(view) = run.and_then(|run| run.step(painted.step.checked_sub(1)?)).cloned() else {
            if run.is_none_or(|run| !run.state.is_active() && !matches!(run.state, State::Paused)) {
                // It failed or was stopped, which it says itself; the masks wait on.
                self.again = None;
            }
            return None;
        };
        self.again = None;
        let views = view.masks.get(painted.picture);
        let editor = views.and_then(|views| MaskEditor::new(job, painted.step, painted.picture, views));
        self.recovered = None;
        let Some(mut editor) = editor else { return Some(Outcome::OtherMasks) };
        if !editor.take(&painted.masks) {
            return Some(Outcome::OtherMasks);
        }
        self.pause(job);
        self.runs.show(job);
        self.runs.picture = painted.picture;
        self.runs.seek(painted.step - 1);
        self.mask_editor = Some(editor);
        Some(Outcome::Told)
    }

    fn go_on(
        &mut self,
        run: &Run,
        step: usize,
        project: Arc<Project>,
        name: String,
        origin: Origin,
        masks: Vec<MaskEdit>,
    ) -> JobId {
        let job = Job {
            id: run.job,
            project: Project::clone(&project),
            folder: run.folder.clone(),
            device: self.device,
            watch: self.watch,
        };
        let repainted = !masks.is_empty();
        let next = self.engine.go_on(job, run.job, step, masks);
        self.runs.add(next, name, project, run.folder.clone(), origin, Some((run.job, step)));
        if repainted {
            self.runs.painted_over(next);
        }
        self.runs.show(next);
        next
    }
}

/// Whether a render waits to be continued.
fn waits(run: &&Run) -> bool {
    matches!(run.state, State::Paused | State::Failed(_))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::cache::Cache;
    use crate::project::{Canvas, file};

    fn document() -> Document {
        let text = crate::assets::find("projects/point.ron").unwrap();
        let mut project = file::from_str(std::str::from_utf8(text).unwrap()).unwrap();
        project.canvas = Canvas { width: 128, height: 128 };
        project.concepts.clear();
        project.settings.steps = 2;
        Document::new(project, None, ".".into())
    }

    #[test]
    fn a_render_runs_to_its_end_and_can_be_branched_only_on_a_canvas_of_its_size() {
        let (mut document, engine) = (document(), Engine::start(Cache::none(), || ()).unwrap());
        let mut renders = Renders::new(engine, DeviceChoice::Flex, &Tap::default());
        assert_eq!(renders.branch(&document), Err(NOTHING.to_owned()));
        let job = renders.start(&document);
        assert_eq!(renders.runs.get(job).unwrap().name, "Untitled 1");
        let begun = Instant::now();
        while !renders.poll().contains(&Outcome::Finished(job)) {
            assert!(begun.elapsed() < Duration::from_secs(120), "it did not finish");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(renders.device_report.is_some() && renders.model_report.is_some());
        renders.runs.seek(0);
        assert!(renders.edit_masks().unwrap_err().contains("no masks"));
        assert_eq!(renders.continue_with_masks(), Ok(None));
        document.edit("Widen", |project| project.canvas.width = 192);
        assert!(renders.branch(&document).unwrap_err().contains("another size"));
        document.undo();
        let branch = renders.branch(&document).unwrap();
        assert_eq!(renders.runs.get(branch).unwrap().from, Some((job, 1)));
        renders.stop(branch);
    }
}
