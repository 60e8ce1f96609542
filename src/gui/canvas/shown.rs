//! What the picture board shows of a run, and where on the canvas that lies.

use std::sync::Arc;

use eframe::egui::{Align2, Rect, vec2};

use crate::gui::paint::{Pixels, Source};
use crate::link::{Finished, JobId, StepView};
use crate::project::Project;
use crate::studio::Studio;

/// What the board shows of a run.
#[derive(Clone)]
pub enum Face {
    /// A picture of the finished ones.
    Finished(Arc<Finished>),
    /// The small picture of a step.
    Step(Arc<StepView>),
}

impl Face {
    /// The picture to draw.
    pub fn source(&self, picture: usize) -> Source<Pixels> {
        match self {
            Self::Finished(finished) => Source::part(finished, move |finished| finished.pictures.get(picture)),
            Self::Step(step) => Source::part(step, move |step| step.previews.get(picture)),
        }
    }
}

/// The run under the playhead, or the one whose masks are painted.
pub struct Shown {
    pub job: JobId,
    pub project: Arc<Project>,
    /// Which picture of the batch.
    pub picture: usize,
    /// What is drawn; none before the first step.
    pub face: Option<Face>,
    /// The step whose masks and attention are laid over.
    pub step: Option<Arc<StepView>>,
}

impl Shown {
    /// Whether it is the finished picture.
    pub fn is_finished(&self) -> bool {
        matches!(self.face, Some(Face::Finished(_)))
    }
}

/// What the board shows. None before the first render.
pub fn shown(studio: &Studio) -> Option<Shown> {
    if let Some(editor) = &studio.renders.mask_editor {
        let run = studio.renders.runs.get(editor.job)?;
        let step = editor.step.checked_sub(1).and_then(|step| run.step(step)).cloned();
        let face = step.clone().map(Face::Step);
        return Some(Shown { job: run.job, project: run.project.clone(), picture: editor.picture, face, step });
    }
    let run = studio.renders.runs.shown()?;
    let step = studio.renders.runs.step().cloned();
    let finished = run.finished().filter(|_| studio.renders.runs.shows_finished()).cloned();
    let face = finished.map(Face::Finished).or_else(|| step.clone().map(Face::Step));
    Some(Shown { job: run.job, project: run.project.clone(), picture: studio.renders.runs.picture, face, step })
}

/// Where a run's picture lies: on the whole sheet, or in its middle where the canvas has another shape by now.
pub fn place_of(sheet: Rect, project: &Project) -> Rect {
    let (width, height) = (project.canvas.width.max(1) as f32, project.canvas.height.max(1) as f32);
    let scale = (sheet.width() / width).min(sheet.height() / height);
    Align2::CENTER_CENTER.align_size_within_rect(vec2(width, height) * scale, sheet)
}
