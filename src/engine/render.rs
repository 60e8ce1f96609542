//! A render from a project to pictures: prepare, sample, decode, and tell the listener what it watches.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;
use image::RgbImage;

use super::error::{EngineError, Result};
use super::history::{History, Resume};
use super::nets::tap::Site;
use super::pictures::{from_tensor, host};
use super::prepare::{Desk, Prepared, prepare};
use super::preview::Preview;
use super::prompt::Word;
use super::refine::{MaskWarning, Trouble, View};
use super::sample::{Maps, Observer, StepReport, attention_site, refinement_site, sample};
use super::scene::Scene;
use super::views::{self, ClusterViews};
use crate::link::{Event, Finished, Lane, Stage, StepView, Times, Warning, Watch};
use crate::project::Project;

/// Renders a project, from its beginning or from a moment of an earlier job. `history` becomes that of all steps up to the
/// last one that was reached, however the job ends: cancelled, failed, or by a panic on its way out. Until the job has begun
/// it stays as it is given.
///
/// # Errors
/// When the project cannot be rendered, or the job is cancelled.
pub fn render(desk: &Desk<'_>, project: &Project, from: Option<Resume>, history: &mut History) -> Result<Finished> {
    let begun = Instant::now();
    let (latents, first, mut prepared) = match from {
        None => {
            let prepared = prepare(desk, project)?;
            (prepared.noise.clone(), 0, prepared)
        }
        Some(Resume { earlier, moment, masks }) => {
            let mut prepared = prepare(desk, project)?;
            let entered = moment.enter(&mut prepared, masks, &desk.models.device);
            // Without the masks, which may be what cannot be used.
            let (latents, first) = entered.inspect_err(|_| {
                *history =
                    Resume { earlier: earlier.clone(), moment: moment.clone(), masks: Vec::new() }.into_history();
            })?;
            *history = earlier;
            (latents, first, prepared)
        }
    };
    let mut listener = Listener::new(desk, &prepared, history);
    let latents = sample(desk.models, &mut prepared.scene, latents, first, &mut listener)?;
    Ok(Finished { pictures: decode(desk, latents)?, seeds: project.seeds(), elapsed: begun.elapsed() })
}

/// Decodes one picture after another, so that memory does not grow with their number.
fn decode(desk: &Desk<'_>, latents: Tensor<4>) -> Result<Vec<RgbImage>> {
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
    names: Arc<[String]>,
    words: Vec<Vec<Word>>,
    reference: RgbImage,
    /// What the step in hand shows: asked for once a step, so that what is recorded is what is shown.
    watch: Watch,
    /// Made when it is first asked for: it may cost a pass of the autoencoder.
    preview: OnceCell<Preview>,
    clusters: RefCell<ClusterViews>,
    history: &'a mut History,
}

impl<'a> Listener<'a> {
    fn new(desk: &'a Desk<'a>, prepared: &Prepared, history: &'a mut History) -> Self {
        Self {
            desk,
            names: prepared.subjects.clone(),
            words: prepared.words.clone(),
            reference: prepared.reference.clone(),
            watch: desk.report.watch(),
            preview: OnceCell::new(),
            clusters: RefCell::default(),
            history,
        }
    }

    fn sites(&self) -> Vec<Site> {
        let models = self.desk.models;
        let clusters = refinement_site(models).filter(|_| self.watch.clusters);
        let attention = attention_site(models).filter(|_| self.watch.attention);
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
        let previews = if self.watch.preview {
            let preview = self.preview.get_or_init(|| Preview::of(desk.models, &self.reference));
            let clean = desk.models.schedule.clean(report.timestep);
            preview.see(report.latents_in.clone() * clean.latent + report.noise.clone() * clean.noise)
        } else {
            Vec::new()
        };
        let (clusters, attention) = self.attention(report, latent);
        let [align, inject, refine] = report.times;
        StepView {
            step: report.index,
            steps: scene.run.steps(),
            timestep: report.timestep,
            previews,
            masks: if self.watch.masks { views::mask_views(scene, &self.names) } else { Vec::new() },
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
        let (models, watch, sites) = (self.desk.models, self.watch, self.sites());
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
        self.watch = self.desk.report.watch();
        self.history.record(index, latents, scene, &self.names);
    }

    fn wants(&self, _index: usize) -> Vec<Site> {
        self.sites()
    }

    fn end(&mut self, report: &StepReport<'_>) -> Result<()> {
        report.warnings.iter().for_each(|warning| self.warn(*warning));
        // Here rather than when the next step begins: a job that is stopped in between can go on without a step's loss,
        // and one that is stopped while it decodes, without any.
        self.history.record(report.index + 1, report.latents, report.scene, &self.names);
        let view = self.view(report);
        let (job, steps) = (self.desk.report.job, view.steps);
        self.desk.report.send(Event::Step(job, Arc::new(view)));
        self.desk.report.progress(Stage::Denoising, report.index + 1, steps)
    }
}
