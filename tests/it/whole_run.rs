//! Mask refinement and placement inside a whole run, step by step against what each step should have done.

use burn::tensor::{Device, Tensor};
use podium::engine::invert::invert;
use podium::engine::kmeans::Clusterer;
use podium::engine::models::Models;
use podium::engine::nets::layers::upload;
use podium::engine::nets::tap::Site;
use podium::engine::noise;
use podium::engine::place::{Background, Placement};
use podium::engine::prompt::encode_plain;
use podium::engine::refine::{MaskWarning, Segmentation, SubjectMasks, cluster_counts, refine};
use podium::engine::sample::{Observer, StepReport, refinement_site, sample};
use podium::engine::scene::{Execution, Refinement, Scene};

use crate::golden::{assert_close, host};
use crate::run_parity::Case;

/// A run of two pictures in a few steps, without a layout to follow.
fn scene(case: &Case, execution: Execution, steps: usize) -> Scene {
    let mut scene = case.scene(execution);
    scene.reference = None;
    scene.masks = vec![scene.masks[0].clone(); 2];
    scene.run.timesteps = case.models.schedule.timesteps(steps);
    scene.run.guided = vec![false; steps];
    scene.run.refined = vec![false; steps];
    scene
}

fn start(case: &Case, scene: &Scene) -> Tensor<4> {
    let (height, width) = scene.masks[0][0].combined.latent().size();
    noise::seeded(&[5, 6], [4, height, width], &case.models.device)
}

/// Compares every step's masks with the refinement of the attention that was recorded in it.
struct Refining<'a> {
    models: &'a Models,
    before: Vec<Vec<SubjectMasks>>,
    refined: Vec<usize>,
    /// Masks that a refinement changed.
    changed: usize,
}

impl Refining<'_> {
    fn site(&self) -> Site {
        refinement_site(self.models).expect("it has one")
    }
}

impl Observer for Refining<'_> {
    fn begin(&mut self, _: usize, _: &Tensor<4>, scene: &Scene) {
        self.before.clone_from(&scene.masks);
    }

    fn wants(&self, _: usize) -> Vec<Site> {
        vec![self.site()]
    }

    fn end(&mut self, report: &StepReport<'_>) -> podium::engine::Result<()> {
        if !report.refined {
            assert_eq!(report.scene.masks, self.before, "step {}: nothing was to change", report.index);
            return Ok(());
        }
        self.refined.push(report.index);
        let (maps, run) = (&report.maps[&self.site()], &report.scene.run);
        let subjects = &report.scene.subjects;
        let mut warnings: Vec<(usize, MaskWarning)> = Vec::new();
        for (picture, old) in self.before.iter().enumerate() {
            let segment = |branch: usize| {
                let clusterer = Clusterer::new(maps.of(branch, picture), maps.queries(), maps.keys());
                // Each picture's own, as its noise has.
                let seed = run.refinement.seed + picture as u64 + report.index as u64;
                let labels = |k| clusterer.cluster(k, run.refinement.starts, seed, &|| false).labels;
                let counts = cluster_counts(subjects.len(), run.refinement.counts);
                counts.map(|k| Segmentation { labels: labels(k), k }).collect::<Vec<_>>()
            };
            let (base, custom) = (segment(0), subjects.iter().map(|branch| segment(*branch)).collect::<Vec<_>>());
            let custom: Vec<&[Segmentation]> = custom.iter().map(Vec::as_slice).collect();
            let expected = refine(old, &base, &custom, run.refinement.overlap_threshold);
            let found = &report.scene.masks[picture];
            assert_eq!(*found, expected.masks, "step {}, picture {picture}", report.index);
            self.changed += found.iter().zip(old).filter(|(new, old)| new != old).count();
            warnings.extend(expected.warnings.into_iter().map(|warning| (picture, warning)));
        }
        assert_eq!(report.warnings, warnings);
        Ok(())
    }
}

#[test]
fn each_refined_step_s_masks_are_the_refinement_of_its_own_attention_picture_by_picture() {
    let case = Case::coarse(&Device::flex(), 128);
    let mut ends = Vec::new();
    for execution in [Execution::Lockstep, Execution::Sequential] {
        let refining = || {
            let mut scene = scene(&case, execution, 4);
            scene.run.refined = vec![false, true, false, true];
            scene.run.refinement = Refinement { starts: 4, seed: 3, ..scene.run.refinement };
            scene
        };
        let mut watched = refining();
        let mut observer = Refining { models: &case.models, before: Vec::new(), refined: Vec::new(), changed: 0 };
        let noise = start(&case, &watched);
        let latents = sample(&case.models, &mut watched, noise.clone(), 0, &mut observer).expect("nothing stops it");
        assert_eq!(observer.refined, [1, 3]);
        assert!(observer.changed > 4, "refinement changed {} of 8 masks", observer.changed);
        assert_ne!(watched.masks[0], watched.masks[1], "both pictures have the same masks");

        // Nobody who watches is needed for it.
        let mut alone = refining();
        let again = sample(&case.models, &mut alone, noise.clone(), 0, &mut ()).expect("nothing stops it");
        assert!(alone.masks == watched.masks);
        assert_eq!(host(again), host(latents.clone()));
        // And the picture follows the masks.
        let mut fixed = scene(&case, execution, 4);
        let other = sample(&case.models, &mut fixed, noise, 0, &mut ()).expect("nothing stops it");
        assert_ne!(host(other), host(latents));
        ends.push(watched.masks);
    }
    assert!(ends[0] == ends[1], "lockstep and sequential refine to the same masks");
}

/// Compares what stands outside the edit mask after every step with the photo's inverted latent there.
struct Outside<'a> {
    models: &'a Models,
    placement: &'a Placement,
    latent: Vec<f32>,
    compared: usize,
}

impl Observer for Outside<'_> {
    fn end(&mut self, report: &StepReport<'_>) -> podium::engine::Result<()> {
        let Background::Inverted { trajectory, .. } = &self.placement.background else { panic!("not inverted") };
        let next = report.scene.run.timesteps.get(report.index + 1).copied();
        let photo = match next {
            Some(timestep) => host(trajectory.at(timestep, self.models).expect("visited")),
            None => self.latent.clone(),
        };
        let cells = host(self.placement.mask.clone());
        let found = host(report.latents.clone());
        let (mut outside, mut expected, mut inside) = (Vec::new(), Vec::new(), 0);
        for (index, value) in found.iter().enumerate() {
            if cells[index % cells.len()] == 0.0 {
                outside.push(*value);
                expected.push(photo[index % photo.len()]);
            } else {
                inside += usize::from(*value != photo[index % photo.len()]);
            }
        }
        assert_close(&format!("outside after step {}", report.index), &outside, &expected);
        assert!(inside > found.len() / 4, "the mask's inside is the run's own");
        self.compared += 1;
        Ok(())
    }
}

#[test]
fn inverted_placement_keeps_the_photo_s_inverted_latent_outside_the_edit_mask_at_every_step() {
    let case = Case::coarse(&Device::flex(), 64);
    let (models, steps) = (&case.models, 3);
    let photo = image::open(case.golden.folder.join("photo.png")).expect("a picture").to_rgb8();
    let photo = image::imageops::thumbnail(&photo, 64, 64);
    let latent = models.vae.encode_scaled(podium::engine::pictures::to_tensor(&photo, &models.device));
    let context = encode_plain(models, case.golden.text("reference_prompt")).context;
    let mut visited = models.schedule.timesteps(steps);
    visited.sort_unstable();
    let trajectory = invert(models, latent.clone(), &context, &visited, &mut |_, _| Ok(())).expect("nothing stops it");
    // The right half may change.
    let half: Vec<f32> = (0..64).map(|cell| f32::from(u8::from(cell % 8 >= 4))).collect();
    let placement = || Placement {
        mask: upload(half.clone(), [1, 1, 8, 8], &models.device),
        background: Background::Inverted { trajectory: trajectory.clone(), latent: latent.clone() },
    };
    let mut scene = scene(&case, Execution::Lockstep, steps);
    scene.placement = Some(placement());
    let mut observer = Outside { models, placement: &placement(), latent: host(latent.clone()), compared: 0 };
    let noise = start(&case, &scene);
    sample(models, &mut scene, noise, 0, &mut observer).expect("nothing stops it");
    assert_eq!(observer.compared, steps);
}
