//! Starting, pausing, continuing and branching renders.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use super::mask_editor::MaskEditor;
use super::runs::{Playhead, Run, State};
use super::{Place, Studio};
use crate::link::{Job, JobId, MaskEdit, Watch};
use crate::project::Project;

impl Studio {
    /// Starts a render of the project as it is. Says nothing and does nothing but a notice where something stands in
    /// the way.
    pub fn render(&mut self) -> Option<JobId> {
        self.end_gesture();
        if let Some(words) = self.obstacle() {
            self.notice(Place::Render, words);
            return None;
        }
        if !self.seed_locked {
            self.roll_seed();
        }
        self.notices.retain(|notice| notice.place != Place::Render);
        let project = Arc::new(self.project().clone());
        let job = self.engine.render(Project::clone(&project), self.folder.clone(), self.device, Watch::ALL);
        let name = self.next_name();
        self.runs.add(job, name, project, self.folder.clone(), self.history.revision(), None);
        Some(job)
    }

    /// Draws a new seed.
    pub fn roll_seed(&mut self) {
        // Short enough to be read and typed.
        let seed = std::hash::RandomState::new().build_hasher().finish() % 1_000_000;
        self.edit("Roll the seed", |project| project.seed = seed);
    }

    fn next_name(&mut self) -> String {
        self.runs_made += 1;
        format!("{} {}", self.title(), self.runs_made)
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

    /// Continues a paused render with its own project.
    pub fn resume(&mut self, job: JobId) -> Option<JobId> {
        let run = self.runs.get(job).filter(|run| matches!(run.state, State::Paused))?.clone();
        if run.next_step() == 0 {
            // It was paused before its first step: there is nothing to go on from.
            let again = self.engine.render(Project::clone(&run.project), run.folder.clone(), self.device, Watch::ALL);
            self.runs.replaced(job);
            self.runs.add(again, run.name, run.project, run.folder, run.revision, None);
            self.runs.show(again);
            return Some(again);
        }
        let next = self.go_on(&run, run.next_step(), run.project.clone(), run.name.clone(), run.revision, Vec::new());
        self.runs.replaced(job);
        Some(next)
    }

    /// The step that a new render would begin with if it went on from the playhead; or why it cannot.
    pub fn branch_step(&self) -> Result<(JobId, usize), String> {
        let run = self.runs.shown().ok_or("Nothing has been rendered yet. Press Render first.")?;
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

    /// Renders the project as it is now from the step under the playhead of the shown run on, and compares both.
    /// Steps, size and number of pictures are the run's.
    pub fn branch(&mut self) -> Option<JobId> {
        let (job, step) = match self.branch_step() {
            Ok(found) => found,
            Err(words) => {
                self.notice(Place::Render, words);
                return None;
            }
        };
        let run = self.runs.get(job)?.clone();
        if run.project.canvas != self.project().canvas {
            self.notice(Place::Render, "The canvas has another size than that render's; a branch needs the same size. Undo the change, or render anew.");
            return None;
        }
        let mut project = self.project().clone();
        project.settings.steps = run.project.settings.steps;
        project.pictures = run.project.pictures;
        project.seed = run.project.seed;
        let revision = self.history.revision();
        let name = format!("{} from step {}", run.name, step + 1);
        let next = self.go_on(&run, step, Arc::new(project), name, revision, Vec::new());
        self.runs.compared = Some((run.job, self.runs.picture));
        Some(next)
    }

    /// Begins to paint the masks that a render shall go on with from the playhead. A running render pauses.
    pub fn edit_masks(&mut self) {
        let (job, step) = match self.branch_step() {
            Ok(found) => found,
            Err(words) => return self.notice(Place::Render, words),
        };
        self.pause(job);
        let picture = self.runs.picture;
        let Some(run) = self.runs.get(job) else { return };
        let views = run.step(step - 1).and_then(|view| view.masks.get(picture));
        self.mask_editor = views.and_then(|views| MaskEditor::new(job, step, picture, views));
        if self.mask_editor.is_none() {
            self.notice(Place::Render, "That render has no concept on any layer, so it has no masks to paint.");
        }
    }

    /// Goes on from where the masks were painted, with the painted masks and the run's own project.
    pub fn continue_with_masks(&mut self) -> Option<JobId> {
        let editor = self.mask_editor.take()?;
        if let Some(empty) = editor.empty() {
            let words = format!("The mask of {empty} is empty. Paint where it shall be, or undo the stroke.");
            self.notice(Place::Render, words);
            self.mask_editor = Some(editor);
            return None;
        }
        let run = self.runs.get(editor.job)?.clone();
        let masks = editor
            .masks()
            .iter()
            .enumerate()
            .filter(|(subject, _)| editor.changed(*subject))
            .map(|(subject, mask)| MaskEdit { picture: None, subject, mask: mask.clone() })
            .collect();
        let name = format!("{} with painted masks", run.name);
        let next = self.go_on(&run, editor.step, run.project.clone(), name, run.revision, masks);
        if matches!(run.state, State::Done(_)) {
            self.runs.compared = Some((run.job, editor.picture));
        }
        Some(next)
    }

    fn go_on(
        &mut self,
        run: &Run,
        step: usize,
        project: Arc<Project>,
        name: String,
        revision: u64,
        masks: Vec<MaskEdit>,
    ) -> JobId {
        let job = Job {
            id: run.job,
            project: Project::clone(&project),
            folder: run.folder.clone(),
            device: self.device,
            watch: Watch::ALL,
        };
        let next = self.engine.go_on(job, run.job, step, masks);
        self.runs.add(next, name, project, run.folder.clone(), revision, Some((run.job, step)));
        self.runs.show(next);
        next
    }

    /// Makes the project of a run the present one, as a step.
    pub fn restore(&mut self, job: JobId) {
        let Some(run) = self.runs.get(job) else { return };
        let (project, name) = (run.project.clone(), run.name.clone());
        self.edit(format!("Go back to the project of {name}"), |present| *present = Project::clone(&project));
    }
}
