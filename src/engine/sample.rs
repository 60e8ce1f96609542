//! The sampling loop: the method on one screen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};

use super::align::{self, Pull, layout_keys};
use super::baselines::{OnePass, OnePassTap, residual};
use super::error::Result;
use super::inject::{Fuse, FusionMasks, Keep, Keeper, Replay, Terms};
use super::kmeans::Clusterer;
use super::models::Models;
use super::nets::tap::{Site, Tap};
use super::recorded::{Maps, Record};
use super::refine::{MaskWarning, Segmentation, SubjectMasks, cluster_counts, refine};
use super::scene::{Execution, Fusion, Group, Scene, tile};
use crate::project::settings::Spacing;

/// One step, as its observer sees it.
pub struct StepReport<'a> {
    /// Counted from 0.
    pub index: usize,
    /// The training timestep.
    pub timestep: usize,
    /// After layout alignment, before the step.
    pub latents_in: &'a Tensor<4>,
    /// The fused prediction after classifier-free guidance.
    pub noise: &'a Tensor<4>,
    /// After the step.
    pub latents: &'a Tensor<4>,
    /// Layout alignment's loss and gradient, where it acted.
    pub pull: Option<&'a Pull>,
    /// Recorded attention.
    pub maps: &'a Maps,
    /// The scene, with the masks as they are after the step.
    pub scene: &'a Scene,
    /// Whether the masks were refined.
    pub refined: bool,
    /// What the user must know of the masks, with the picture's index.
    pub warnings: &'a [(usize, MaskWarning)],
    /// How long alignment, injection and refinement took.
    pub times: [Duration; 3],
}

/// Watches a run and may stop it.
pub trait Observer {
    /// Before every network evaluation; an error stops the run.
    ///
    /// # Errors
    /// To stop the run.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Before a step, with the latents and masks it begins with.
    fn begin(&mut self, _index: usize, _latents: &Tensor<4>, _scene: &Scene) {}

    /// Attention layers it wants to see recorded at a step.
    fn wants(&self, _index: usize) -> Vec<Site> {
        Vec::new()
    }

    /// After a step.
    ///
    /// # Errors
    /// To stop the run.
    fn end(&mut self, _report: &StepReport<'_>) -> Result<()> {
        Ok(())
    }
}

/// Nobody watches.
impl Observer for () {}

/// Runs the steps from `first` on and returns the final latents.
///
/// # Shapes
/// `latents` `[pictures, channels, h, w]`: the initial noise, or what step `first` begins with.
///
/// # Errors
/// What the observer stops it with.
pub fn sample(
    models: &Models,
    scene: &mut Scene,
    latents: Tensor<4>,
    first: usize,
    observer: &mut dyn Observer,
) -> Result<Tensor<4>> {
    let mut latents = latents;
    let groups = scene.groups(latents.dims()[0]);
    let mut fusion = FusionMasks::new(&scene.subjects, &scene.masks, &models.device);
    // Only Concept Conductor refines masks, so that the others' stay as they are here; what they were when it was prepared may
    // have been painted over since.
    let method = scene.one_pass.clone();
    let mut one_pass = method.as_ref().map(|method| (method.tap(&scene.masks, &models.device), method.prompts()));
    let rounds = method.as_ref().map_or(1, OnePass::rounds);
    for index in first..scene.run.steps() {
        let timestep = scene.run.timesteps[index];
        observer.begin(index, &latents, scene);
        let begun = Instant::now();
        let pull =
            if scene.run.guided[index] { pull(models, scene, &groups, &latents, timestep, observer)? } else { None };
        if let Some(pull) = &pull {
            latents = latents - pull.gradient.clone() * scene.run.step_size;
        }
        let aligned = Instant::now();

        if let Some((tap, _)) = &mut one_pass {
            tap.begin(models.schedule.noise_to_signal(timestep));
        }
        for round in 1..rounds {
            let passes = (&fusion, one_pass.as_ref());
            latents = again(models, scene, &groups, passes, latents, (index, round), observer)?;
        }
        let mut sites = observer.wants(index);
        sites.extend(refinement_site(models).filter(|_| scene.run.refined[index]));
        let (predicted, maps) =
            predict(models, scene, &groups, (&fusion, one_pass.as_ref()), &latents, timestep, &sites, observer)?;
        let noise = models.noise_of(predicted, &latents, timestep);
        let injected = Instant::now();

        let mut warnings = Vec::new();
        if scene.run.refined[index] {
            warnings = refine_masks(models, scene, &maps, index, observer)?;
            fusion = FusionMasks::new(&scene.subjects, &scene.masks, &models.device);
        }
        let refined = Instant::now();

        let latents_in = latents;
        latents = stepped(models, scene, latents_in.clone(), noise.clone(), index);
        observer.end(&StepReport {
            index,
            timestep,
            latents_in: &latents_in,
            noise: &noise,
            latents: &latents,
            pull: pull.as_ref(),
            maps: &maps,
            scene,
            refined: scene.run.refined[index],
            warnings: &warnings,
            times: [aligned - begun, injected - aligned, refined - injected],
        })?;
    }
    Ok(latents)
}

/// One step of DDIM, and the photo's latents where a photo is placed into.
pub(super) fn stepped(models: &Models, scene: &Scene, latents: Tensor<4>, noise: Tensor<4>, index: usize) -> Tensor<4> {
    let step = models.schedule.denoise_to(scene.run.timesteps[index], arrival(models, scene, index));
    let latents = latents * step.latent + noise * step.noise;
    match &scene.placement {
        Some(placement) => placement.blend(models, latents, scene.run.timesteps.get(index + 1).copied()),
        None => latents,
    }
}

/// The timestep that a step arrives at; none where that is the clean latent.
fn arrival(models: &Models, scene: &Scene, index: usize) -> Option<usize> {
    match scene.run.spacing {
        Spacing::Leading => models.schedule.arrival(scene.run.timesteps[index], scene.run.steps()),
        Spacing::Even => scene.run.timesteps.get(index + 1).copied(),
    }
}

/// A step, and with fresh noise back to where it began (Cones 2's self-recurrence).
fn again(
    models: &Models,
    scene: &Scene,
    groups: &[Group],
    passes: (&FusionMasks, Option<&(OnePassTap<'_>, usize)>),
    latents: Tensor<4>,
    (index, round): (usize, usize),
    observer: &dyn Observer,
) -> Result<Tensor<4>> {
    let timestep = scene.run.timesteps[index];
    let (predicted, _) = predict(models, scene, groups, passes, &latents, timestep, &[], observer)?;
    let noise = models.noise_of(predicted, &latents, timestep);
    let less = stepped(models, scene, latents, noise, index);
    let back = models.schedule.renoise(arrival(models, scene, index), timestep);
    let moment = (round - 1) * scene.run.steps() + index;
    let fresh = residual::fresh_noise(scene.run.refinement.seed, moment, less.dims(), &models.device);
    Ok(less * back.latent + fresh * back.noise)
}

/// Layout alignment at one step; none without a reference at this timestep.
fn pull(
    models: &Models,
    scene: &Scene,
    groups: &[Group],
    latents: &Tensor<4>,
    timestep: usize,
    observer: &dyn Observer,
) -> Result<Option<Pull>> {
    let Some(reference) = &scene.reference else { return Ok(None) };
    let Some(reference_latent) = reference.trajectory.at(timestep, models) else { return Ok(None) };
    observer.check()?;
    let Some(keys) = layout_keys(models, reference_latent, timestep, &reference.context, None) else { return Ok(None) };
    let groups: Vec<align::Group<'_>> = groups
        .iter()
        .map(|group| align::Group {
            stacked: &group.stacked,
            context: &group.conditional,
            weights: scene.loss_weights(&group.branches),
        })
        .collect();
    observer.check()?;
    Ok(align::pull(models, latents, timestep, &keys, &groups, &scene.run.alignment))
}

/// The guided, fused prediction `[pictures, channels, h, w]` and the recorded attention of all branches.
#[expect(clippy::too_many_arguments, reason = "the step's own state, used here only")]
fn predict(
    models: &Models,
    scene: &Scene,
    groups: &[Group],
    (fusion, one_pass): (&FusionMasks, Option<&(OnePassTap<'_>, usize)>),
    latents: &Tensor<4>,
    timestep: usize,
    sites: &[Site],
    observer: &dyn Observer,
) -> Result<(Tensor<4>, Maps)> {
    let pictures = latents.dims()[0];
    let mut kept: Vec<Keep> = scene.branches.iter().skip(1).map(|_| Keep::default()).collect();
    let mut noises: Vec<Option<Tensor<4>>> = scene.branches.iter().map(|_| None).collect();
    let mut parts: Vec<(usize, Maps)> = Vec::new();
    for group in groups {
        observer.check()?;
        let branches = group.branches.len();
        let rows = tile(latents, branches * 2);
        let mut record = Record::new(sites.to_vec(), branches, pictures, 2);
        let terms = Terms(&group.stacked);
        let both = &group.both;
        let pass = |tap: &mut dyn Tap| models.unet.predict(rows.clone(), &[timestep], both, tap);
        let noise = match (one_pass, scene.run.fusion, group.branches[0], scene.run.execution) {
            (Some((tap, prompts)), ..) => {
                record.prompts = *prompts;
                pass(&mut (tap, (terms, &mut record)))
            }
            (None, Fusion::Features(fused), _, Execution::Lockstep) => {
                pass(&mut (terms, (&mut record, Fuse { masks: fusion, fused, branches })))
            }
            (None, Fusion::Features(fused), 0, Execution::Sequential) => {
                pass(&mut (terms, (&mut record, Replay { masks: fusion, fused, kept: &kept })))
            }
            (None, Fusion::Features(fused), branch, Execution::Sequential) => {
                pass(&mut (terms, (&mut record, Keeper(&mut kept[branch - 1], fused))))
            }
            (None, Fusion::Noise, ..) => pass(&mut (terms, &mut record)),
        };
        for (position, &branch) in group.branches.iter().enumerate() {
            noises[branch] =
                Some(guide(noise.clone().narrow(0, position * 2 * pictures, 2 * pictures), scene.run.guidance_scale));
        }
        parts.push((group.branches[0], record.maps));
    }
    let noise = fuse_noises(scene, noises, &models.device);
    Ok((noise, join_maps(parts)))
}

/// Classifier-free guidance: `e_uncond + scale · (e_cond − e_uncond)`.
pub(super) fn guide(halves: Tensor<4>, scale: f64) -> Tensor<4> {
    let pictures = halves.dims()[0] / 2;
    let unconditional = halves.clone().narrow(0, 0, pictures);
    let conditional = halves.narrow(0, pictures, pictures);
    unconditional.clone() + (conditional - unconditional) * scale
}

/// The base branch's prediction, which already holds the fused features; or Eq. 3's naive fusion of all predictions.
fn fuse_noises(scene: &Scene, noises: Vec<Option<Tensor<4>>>, device: &Device) -> Tensor<4> {
    let mut noises = noises.into_iter();
    let Some(mut fused) = noises.next().flatten() else {
        unreachable!("every scene has a base branch, and every branch ran")
    };
    if scene.run.fusion != Fusion::Noise {
        return fused;
    }
    let custom: Vec<Option<Tensor<4>>> = noises.collect();
    let [pictures, channels, height, width] = fused.dims();
    for (subject, &branch) in scene.subjects.iter().enumerate() {
        let Some(own) = custom.get(branch - 1).cloned().flatten() else { continue };
        let on: Vec<bool> = scene.masks.iter().flat_map(|masks| masks[subject].combined.latent().on.clone()).collect();
        let mask =
            Tensor::<4, burn::tensor::Bool>::from_data(TensorData::new(on, [pictures, 1, height, width]), device);
        fused = fused.mask_where(mask.expand([pictures, channels, height, width]), own);
    }
    fused
}

/// Puts the branches' maps back in their order.
fn join_maps(mut parts: Vec<(usize, Maps)>) -> Maps {
    parts.sort_by_key(|(branch, _)| *branch);
    let mut parts = parts.into_iter().map(|(_, maps)| maps);
    let mut joined = parts.next().unwrap_or_default();
    for (site, recorded) in parts.flatten() {
        match joined.entry(site) {
            Entry::Occupied(mut before) => before.get_mut().append(recorded),
            Entry::Vacant(place) => _ = place.insert(recorded),
        }
    }
    joined
}

/// The 6th decoder self-attention: refinement, point masks and the self-attention view read it.
pub fn refinement_site(models: &Models) -> Option<Site> {
    models.unet.config.clustered_site()
}

/// The 5th decoder cross-attention, which the cross-attention view reads.
pub fn attention_site(models: &Models) -> Option<Site> {
    models.unet.config.looked_site()
}

/// Refines the masks of every picture from the attention recorded in this step (Algorithm 1).
fn refine_masks(
    models: &Models,
    scene: &mut Scene,
    maps: &Maps,
    index: usize,
    observer: &dyn Observer,
) -> Result<Vec<(usize, MaskWarning)>> {
    let Some(maps) = refinement_site(models).and_then(|site| maps.get(&site)) else { return Ok(Vec::new()) };
    let mut warnings = Vec::new();
    let mut refined: Vec<Vec<SubjectMasks>> = Vec::with_capacity(scene.masks.len());
    for (picture, old) in scene.masks.iter().enumerate() {
        let mut segmentations: HashMap<usize, Vec<Segmentation>> = HashMap::new();
        for &branch in scene.subjects.iter().chain([&0]) {
            if let Entry::Vacant(place) = segmentations.entry(branch) {
                observer.check()?;
                let map = (maps.of(branch, picture), maps.queries());
                place.insert(segment(scene, map, (picture, index), observer));
            }
        }
        observer.check()?;
        // Every branch that a subject has was segmented above.
        let custom: Vec<&[Segmentation]> =
            scene.subjects.iter().map(|branch| segmentations[branch].as_slice()).collect();
        let outcome = refine(old, &segmentations[&0], &custom, scene.run.refinement.overlap_threshold);
        warnings.extend(outcome.warnings.into_iter().map(|warning| (picture, warning)));
        refined.push(outcome.masks);
    }
    scene.masks = refined;
    Ok(warnings)
}

fn segment(
    scene: &Scene,
    (map, tokens): (&[f32], usize),
    (picture, index): (usize, usize),
    observer: &dyn Observer,
) -> Vec<Segmentation> {
    let settings = scene.run.refinement;
    // Each picture's own seed, as its noise has: rendered alone it must come out the same.
    let seed = settings.seed.wrapping_add(picture as u64).wrapping_add(index as u64);
    let clusterer = Clusterer::new(map, tokens, map.len() / tokens.max(1));
    let cluster = |k| {
        let labels = clusterer.cluster(k, settings.starts, seed, &|| observer.check().is_err()).labels;
        Segmentation { labels, k }
    };
    cluster_counts(scene.subjects.len(), settings.counts).map(cluster).collect()
}
