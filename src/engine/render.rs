//! A render from a project to pictures: prepare, sample, decode, and tell the listener what it watches.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;

use super::error::{EngineError, Result};
use super::masks::Mask;
use super::models::Models;
use super::nets::layers::upload;
use super::nets::tap::Site;
use super::pictures::{from_tensor, host};
use super::prepare::{Desk, Prepared, prepare};
use super::preview::Preview;
use super::refine::{MaskWarning, SubjectMasks, Trouble, View};
use super::sample::{Maps, Observer, StepReport, attention_site, refinement_site, sample};
use super::scene::Scene;
use super::views::{self, ClusterViews};
use crate::link::{Event, Finished, Lane, Stage, StepView, Times, Warning};
use crate::project::Project;

/// What every step of a job began with, so that another can go on from there.
#[derive(Default)]
pub struct History {
    steps: Vec<Moment>,
}

/// What one step began with.
#[derive(Clone)]
pub struct Moment {
    step: usize,
    steps: usize,
    shape: [usize; 4],
    latents: Arc<Vec<f32>>,
    masks: Vec<Vec<SubjectMasks>>,
}

impl History {
    /// What a step began with.
    ///
    /// # Errors
    /// When the job never got there.
    pub fn at(&self, step: usize) -> Result<Moment> {
        self.steps.iter().find(|moment| moment.step == step).cloned().ok_or_else(|| {
            let last = self.steps.last().map_or(0, |moment| moment.step);
            EngineError::Job(format!("step {step} of that render was not reached; its last one is {last}"))
        })
    }
}

/// Renders a project. Gives back the pictures, and the history of the steps that were reached even where the job
/// was cancelled.
pub fn render(
    desk: &Desk<'_>,
    project: &Project,
    from: Option<(Moment, Option<Vec<Mask>>)>,
) -> (Result<Finished>, Option<History>) {
    let begun = Instant::now();
    let mut prepared = match prepare(desk, project) {
        Ok(prepared) => prepared,
        Err(error) => return (Err(error), None),
    };
    let (latents, first) = match from {
        None => (prepared.noise.clone(), 0),
        Some((moment, masks)) => match go_on(desk.models, &mut prepared, moment, masks) {
            Ok(start) => start,
            Err(error) => return (Err(error), None),
        },
    };
    let mut listener = Listener::new(desk, &prepared);
    let outcome = sample(desk.models, &mut prepared.scene, latents, first, &mut listener)
        .and_then(|latents| decode(desk, latents))
        .map(|pictures| Finished { pictures, seeds: project.seeds(), elapsed: begun.elapsed() });
    (outcome, Some(listener.history))
}

/// Latents and first step of a job that goes on from another's.
fn go_on(
    models: &Models,
    prepared: &mut Prepared,
    moment: Moment,
    masks: Option<Vec<Mask>>,
) -> Result<(Tensor<4>, usize)> {
    let scene = &mut prepared.scene;
    if prepared.noise.dims() != moment.shape {
        return Err(EngineError::Job(
            "the canvas or the number of pictures has changed since; going on needs the same".into(),
        ));
    }
    if scene.run.steps() != moment.steps {
        let (then, now) = (moment.steps, scene.run.steps());
        return Err(EngineError::Job(format!(
            "that render had {then} steps, this one has {now}; going on needs the same number"
        )));
    }
    let subjects = scene.subjects.len();
    let pictures = scene.masks.len();
    match masks {
        Some(masks) => {
            let [_, _, height, width] = moment.shape;
            if masks.len() != subjects
                || masks.iter().any(|mask| mask.size() != (height, width) || mask.on.len() != height * width)
            {
                return Err(EngineError::Job(format!(
                    "{subjects} masks of {width} x {height} cells are needed, one a subject"
                )));
            }
            if let Some(empty) = masks.iter().position(Mask::is_empty) {
                let name = &prepared.subjects[empty];
                return Err(EngineError::Job(format!("the painted mask of {name} is empty: paint where it shall be")));
            }
            scene.masks = vec![masks.into_iter().map(SubjectMasks::new).collect(); pictures];
        }
        // The masks as they had become, unless the subjects are others now.
        None if moment.masks.iter().all(|picture| picture.len() == subjects) => scene.masks = moment.masks,
        None => {}
    }
    Ok((upload(moment.latents.to_vec(), moment.shape, &models.device), moment.step))
}

/// Decodes one picture after another, so that memory does not grow with their number.
fn decode(desk: &Desk<'_>, latents: Tensor<4>) -> Result<Vec<image::RgbImage>> {
    let count = latents.dims()[0];
    let mut pictures = Vec::with_capacity(count);
    for index in 0..count {
        desk.report.progress(Stage::Decoding, index, count)?;
        let latent = latents.clone().narrow(0, index, 1);
        if host(latent.clone()).iter().any(|value| !value.is_finite()) {
            return Err(EngineError::Job(
                "the picture came out as NaN: lower the step size of layout alignment or the guidance scale".into(),
            ));
        }
        pictures.extend(from_tensor(desk.models.vae.decode_scaled(latent)));
    }
    desk.report.progress(Stage::Decoding, count, count)?;
    Ok(pictures)
}

/// Turns the steps into what the listener watches, and keeps the history.
struct Listener<'a> {
    desk: &'a Desk<'a>,
    names: Vec<String>,
    words: Vec<Vec<super::prepare::Word>>,
    preview: Option<Preview>,
    clusters: RefCell<ClusterViews>,
    history: History,
}

impl<'a> Listener<'a> {
    fn new(desk: &'a Desk<'a>, prepared: &Prepared) -> Self {
        Self {
            desk,
            names: prepared.subjects.clone(),
            words: prepared.words.clone(),
            preview: desk.watch.preview.then(|| Preview::of(desk.models, &prepared.reference)),
            clusters: RefCell::default(),
            history: History::default(),
        }
    }

    fn sites(&self) -> Vec<Site> {
        let models = self.desk.models;
        let clusters = refinement_site(models).filter(|_| self.desk.watch.clusters);
        let attention = attention_site(models).filter(|_| self.desk.watch.attention);
        clusters.into_iter().chain(attention).collect()
    }

    fn warn(&self, (picture, warning): (usize, MaskWarning)) {
        let name = &self.names[warning.subject];
        let view = match warning.view {
            View::Custom => "custom",
            View::Base => "base",
            View::Combined => "combined",
        };
        let happened = match warning.trouble {
            Trouble::NothingToMatch => "is too small for the attention's grid, so it was kept as it was",
            Trouble::NoCandidates => "could not be matched, so it was kept as it was",
            Trouble::Vanished => "vanished in refinement, so the old one was kept",
            Trouble::EmptyAtGrid { .. } => "is too small for the coarser layers, which no longer draw it",
        };
        let text = format!("the {view} mask of {name} in picture {} {happened}; a larger mask helps", picture + 1);
        self.desk.report.warn(Warning::Mask(text));
    }

    fn view(&self, report: &StepReport<'_>) -> StepView {
        let begun = Instant::now();
        let (desk, scene) = (self.desk, report.scene);
        let [_, _, height, width] = report.latents.dims();
        let latent = (height, width);
        let previews = self.preview.as_ref().map_or_else(Vec::new, |preview| {
            let clean = desk.models.schedule.clean(report.timestep);
            preview.see(report.latents_in.clone() * clean.latent + report.noise.clone() * clean.noise)
        });
        let (clusters, attention) = self.attention(report, latent);
        let [align, inject, refine] = report.times;
        StepView {
            step: report.index,
            steps: scene.run.steps(),
            timestep: report.timestep,
            previews,
            masks: if desk.watch.masks { views::mask_views(scene, &self.names) } else { Vec::new() },
            refined: report.refined,
            clusters,
            attention,
            loss: report.pull.map(|pull| pull.loss),
            gradient_norm: report
                .pull
                .map(|pull| host(pull.gradient.clone()).iter().map(|value| value * value).sum::<f32>().sqrt()),
            times: Times { align, inject, refine, views: begun.elapsed() },
        }
    }

    fn attention(
        &self,
        report: &StepReport<'_>,
        latent: (usize, usize),
    ) -> (Vec<crate::link::ClusterView>, Vec<crate::link::AttentionView>) {
        let (models, watch, sites) = (self.desk.models, self.desk.watch, self.sites());
        if sites.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let (mut clusters, mut attention) = (Vec::new(), Vec::new());
        let reference = report.scene.reference.as_ref();
        let reference = reference
            .map_or_else(Maps::new, |reference| views::reference_maps(models, reference, report.timestep, &sites));
        let branches = report.scene.branches.len();
        let branch_words = &self.words[..branches.min(self.words.len())];
        let lanes = views::lanes(report.scene);
        let groups = [
            (report.maps, lanes.as_slice(), branch_words),
            (&reference, &[Lane::Reference], &self.words[branch_words.len()..]),
        ];
        for (maps, lanes, words) in groups {
            if watch.clusters {
                clusters.extend(self.clusters.borrow_mut().see(models, maps, lanes, latent));
            }
            if watch.attention {
                attention.extend(views::attention_views(models, maps, lanes, words, latent));
            }
        }
        (clusters, attention)
    }
}

impl Observer for Listener<'_> {
    fn check(&self) -> Result<()> {
        self.desk.report.check()
    }

    fn begin(&mut self, index: usize, latents: &Tensor<4>, scene: &Scene) {
        self.history.steps.push(Moment {
            step: index,
            steps: scene.run.steps(),
            shape: latents.dims(),
            latents: Arc::new(host(latents.clone())),
            masks: scene.masks.clone(),
        });
    }

    fn wants(&self, _index: usize) -> Vec<Site> {
        self.sites()
    }

    fn end(&mut self, report: &StepReport<'_>) -> Result<()> {
        report.warnings.iter().for_each(|warning| self.warn(*warning));
        let view = self.view(report);
        let (job, steps) = (self.desk.report.job, view.steps);
        self.desk.report.send(Event::Step(job, Arc::new(view)));
        self.desk.report.progress(Stage::Denoising, report.index + 1, steps)
    }
}
