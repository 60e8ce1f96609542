//! A render from a project to pictures: prepare, sample, decode, and tell the listener what it watches.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;
use image::RgbImage;

use super::diagnosis::course::{Course, Means, Pull, Seen, Step};
use super::diagnosis::{at_end, at_step};
use super::error::{EngineError, Result};
use super::history::{History, Resume};
use super::masks::Mask;
use super::nets::tap::Site;
use super::pictures::{from_tensor, host};
use super::prepare::{Desk, Prepared, prepare};
use super::preview::Preview;
use super::prompt::Word;
use super::recorded::Maps;
use super::refine::{MaskWarning, SubjectMasks};
use super::sample::{Observer, StepReport, attention_site, refinement_site, sample};
use super::scene::Scene;
use super::seek::seek;
use super::views::{self, ClusterViews};
use crate::link::{Event, Finding, Finished, Lane, Stage, StepView, Times, Warning, Watch};
use crate::project::Project;

/// Renders a project, from its beginning or from a moment of an earlier job. `history` becomes that of all steps up to the
/// last one that was reached, however the job ends: cancelled, failed, or by a panic on its way out. Until the job has begun
/// it stays as it is given.
///
/// # Errors
/// When the project cannot be rendered, or the job is cancelled.
pub fn render(desk: &Desk<'_>, project: &Project, from: Option<Resume>, history: &mut History) -> Result<Finished> {
    let begun = Instant::now();
    let mut prepared = prepare(desk, project)?;
    let mut layout = places(&prepared.scene);
    let (latents, first) = match from {
        None => {
            let advance = &mut |step, steps| desk.report.progress(Stage::FindingMasks, step, steps);
            let steps = project.settings.seeking_steps();
            if steps > 0 {
                seek(desk.models, &mut prepared.scene, &prepared.noise, steps, advance)?;
                // Where the picture itself would have everybody.
                layout = places(&prepared.scene);
            }
            (prepared.noise.clone(), 0)
        }
        Some(Resume { earlier, moment, masks }) => {
            let painted = !masks.is_empty();
            let entered = moment.enter(&mut prepared, masks, &desk.models.device);
            // Without the masks, which may be what cannot be used.
            let (latents, first) = entered.inspect_err(|_| {
                *history =
                    Resume { earlier: earlier.clone(), moment: moment.clone(), masks: Vec::new() }.into_history();
            })?;
            *history = earlier;
            if painted {
                // Whoever paints masks says anew where everybody belongs.
                layout = places(&prepared.scene);
            }
            (latents, first)
        }
    };
    let overlap = |(place, masks): (&Mask, &SubjectMasks)| masks.combined.latent().iou(place);
    let mut listener = Listener::new(desk, &prepared, layout, history);
    let latents = sample(desk.models, &mut prepared.scene, latents, first, &mut listener)?;
    listener.tell(at_end(&listener.course));
    let Listener { layout, findings, .. } = listener;
    let pictures = prepared.scene.masks.iter().zip(&layout);
    Ok(Finished {
        overlaps: pictures.map(|(masks, places)| places.iter().zip(masks).map(overlap).collect()).collect(),
        findings,
        pictures: decode(desk, latents)?,
        seeds: project.seeds(),
        elapsed: begun.elapsed(),
    })
}

/// Where every subject of every picture is to be.
fn places(scene: &Scene) -> Vec<Vec<Mask>> {
    let of = |masks: &Vec<SubjectMasks>| masks.iter().map(|masks| masks.combined.latent().clone()).collect();
    scene.masks.iter().map(of).collect()
}

/// The 2-norm of latents.
fn length(latents: &Tensor<4>) -> f32 {
    host(latents.clone()).iter().map(|value| value * value).sum::<f32>().sqrt()
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
    /// `[picture][subject]`: where everybody is to be.
    layout: Vec<Vec<Mask>>,
    course: Course,
    /// The step at which attention is looked at, whoever watches: the middle one, when a picture has shapes and no details
    /// yet. One step costs next to nothing.
    looked: usize,
    findings: Vec<Finding>,
}

impl<'a> Listener<'a> {
    fn new(desk: &'a Desk<'a>, prepared: &Prepared, layout: Vec<Vec<Mask>>, history: &'a mut History) -> Self {
        let run = &prepared.scene.run;
        let means = Means {
            aligns: run.guided.contains(&true),
            refines: run.refined.contains(&true),
            places: prepared.scene.placement.is_some(),
        };
        let subjects = prepared.subjects.to_vec();
        let mut listener = Self {
            desk,
            names: prepared.subjects.clone(),
            words: prepared.words.clone(),
            reference: prepared.reference.clone(),
            watch: desk.report.watch(),
            preview: OnceCell::new(),
            clusters: RefCell::default(),
            history,
            layout,
            course: Course { subjects, means, start: Vec::new(), steps: Vec::new() },
            looked: run.steps() / 2,
            findings: Vec::new(),
        };
        listener.course.start = listener.seen(&prepared.scene, &[]);
        listener
    }

    fn sites(&self) -> Vec<Site> {
        let models = self.desk.models;
        let clusters = refinement_site(models).filter(|_| self.watch.clusters);
        let attention = attention_site(models).filter(|_| self.watch.attention);
        clusters.into_iter().chain(attention).collect()
    }

    /// Tells findings, and keeps them.
    fn tell(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.desk.report.warn(Warning::Finding(finding.clone()));
            self.findings.push(finding);
        }
    }

    /// Takes a step into the course.
    fn follow(&mut self, report: &StepReport<'_>) {
        let mut seen = self.seen(report.scene, report.warnings);
        if report.index == self.looked {
            self.look(report, &mut seen);
        }
        let pull = report.pull.map(|pull| {
            let by = length(&pull.gradient) * report.scene.run.step_size as f32;
            Pull { step: report.index, loss: pull.loss, moved: by / length(report.latents_in).max(f32::MIN_POSITIVE) }
        });
        self.course.steps.push(Step { index: report.index, pull, seen });
        self.tell(at_step(&self.course));
    }

    fn seen(&self, scene: &Scene, warnings: &[(usize, MaskWarning)]) -> Vec<Vec<Seen>> {
        let coarsest = self.desk.models.unet.config.coarsest_attention().unwrap_or(0);
        let of = |(picture, (layout, masks)): (usize, (&Vec<Mask>, &Vec<SubjectMasks>))| {
            let own: Vec<MaskWarning> =
                warnings.iter().filter(|(of, _)| *of == picture).map(|(_, warning)| *warning).collect();
            Seen::all(layout, masks, &own, coarsest)
        };
        self.layout.iter().zip(&scene.masks).enumerate().map(of).collect()
    }

    /// Looks at how much the concepts' words are heeded inside of their masks.
    fn look(&self, report: &StepReport<'_>, seen: &mut [Vec<Seen>]) {
        let Some(maps) = attention_site(self.desk.models).and_then(|site| report.maps.get(&site)) else { return };
        for (picture, seen) in seen.iter_mut().enumerate() {
            for (index, seen) in seen.iter_mut().enumerate() {
                let (branch, masks) = (report.scene.subjects[index], &report.scene.masks[picture][index]);
                let words = self.words.get(branch).map_or(&[][..], Vec::as_slice);
                seen.attention = views::heeded(maps, (branch, picture), words, &masks.combined);
            }
        }
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
            gradient_norm: report.pull.map(|pull| length(&pull.gradient)),
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

    fn wants(&self, index: usize) -> Vec<Site> {
        let mut sites = self.sites();
        let attention = attention_site(self.desk.models).filter(|site| index == self.looked && !sites.contains(site));
        sites.extend(attention);
        sites
    }

    fn end(&mut self, report: &StepReport<'_>) -> Result<()> {
        self.follow(report);
        // Here rather than when the next step begins: a job that is stopped in between can go on without a step's loss,
        // and one that is stopped while it decodes, without any.
        self.history.record(report.index + 1, report.latents, report.scene, &self.names);
        let view = self.view(report);
        let (job, steps) = (self.desk.report.job, view.steps);
        self.desk.report.send(Event::Step(job, Arc::new(view)));
        self.desk.report.progress(Stage::Denoising, report.index + 1, steps)
    }
}
