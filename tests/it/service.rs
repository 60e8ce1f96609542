//! Rendering as a service: the same picture every time, cancelling, going on, watching.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::engine::masks::Mask;
use podium::engine::worker::Engine;
use podium::link::{Event, Job, JobId, Stage, Watch};
use podium::project::settings::{Execution, Fusion, Inversion};
use podium::project::{MaskSource, Project};

use crate::studio::{difference, engine, render, small, wait};

#[test]
fn the_same_seed_makes_the_same_picture_twice_and_another_seed_another() {
    let engine = engine();
    let mut project = small("beach", 4);
    let first = render(&engine, &project, Watch::default()).finished();
    let again = render(&engine, &project, Watch::ALL).finished();
    assert_eq!(first.pictures, again.pictures, "watching changes nothing");
    project.seed += 1;
    assert_ne!(first.pictures, render(&engine, &project, Watch::default()).finished().pictures);
}

#[test]
fn lockstep_equals_sequential() {
    let engine = engine();
    // Every part of the method acts, with two subjects of one concept among three.
    let mut project = small("snow", 8);
    let lockstep = render(&engine, &project, Watch::default()).finished();
    project.settings.execution = Execution::Sequential;
    let sequential = render(&engine, &project, Watch::default()).finished();
    assert!(difference(&lockstep.pictures[0], &sequential.pictures[0]) <= 1);
}

#[test]
fn a_batch_of_seeds_equals_its_seeds_alone() {
    let engine = engine();
    let mut project = small("beach", 4);
    project.settings.mask_refinement.enabled = false;
    project.pictures = 2;
    let batch = render(&engine, &project, Watch::default()).finished();
    assert_eq!(batch.seeds, [project.seed, project.seed + 1]);
    project.pictures = 1;
    project.seed += 1;
    let alone = render(&engine, &project, Watch::default()).finished();
    assert!(difference(&batch.pictures[1], &alone.pictures[0]) <= 1);
}

#[test]
fn one_to_five_concepts_render() {
    let engine = engine();
    let mut project = small("meadow", 2);
    let concepts = project.concepts.clone();
    for count in 1..=5 {
        project.concepts = (0..count).map(|index| concepts[index % concepts.len()].clone()).collect();
        for (index, concept) in project.concepts.iter_mut().enumerate() {
            concept.name = format!("subject {index}");
            concept.mask = MaskSource::Points(vec![(20.0 + 22.0 * index as f32, 80.0)]);
        }
        for layer in project.layers_mut().expect("a collage") {
            layer.concept = None;
        }
        let told = render(&engine, &project, Watch { masks: true, ..Watch::default() });
        assert_eq!(told.finished().pictures.len(), 1, "{count} concepts");
        assert_eq!(told.steps()[0].masks[0].len(), count);
    }
}

/// Turns one part of the method off, or another way.
type Switch = fn(&mut Project);

#[test]
fn every_ablation_switch_changes_the_picture() {
    let engine = engine();
    let whole = small("beach", 8);
    let base = render(&engine, &whole, Watch::default()).finished();
    let switches: [(&str, Switch); 7] = [
        ("layout alignment", |p| p.settings.layout_alignment.enabled = false),
        ("self-attention", |p| p.settings.concept_injection.self_attention = false),
        ("cross-attention", |p| p.settings.concept_injection.cross_attention = false),
        ("mask refinement", |p| p.settings.mask_refinement.enabled = false),
        ("naive fusion", |p| p.settings.concept_injection.fusion = Fusion::Noise),
        ("the paper's loss", |p| p.settings.layout_alignment.loss = podium::project::settings::LayoutLoss::Norm),
        ("foreground only", |p| p.settings.layout_alignment.foreground_only = true),
    ];
    for (name, switch) in switches {
        let mut project = whole.clone();
        switch(&mut project);
        let other = render(&engine, &project, Watch::default()).finished();
        assert_ne!(base.pictures, other.pictures, "{name} has no effect");
    }
}

#[test]
fn nothing_is_computed_that_nobody_watches() {
    let engine = engine();
    let project = small("beach", 2);
    for view in render(&engine, &project, Watch::default()).steps() {
        assert!(
            view.previews.is_empty() && view.masks.is_empty() && view.clusters.is_empty() && view.attention.is_empty()
        );
    }
    let told = render(&engine, &project, Watch::ALL);
    assert_eq!(told.steps().len(), 2);
    let view = &told.steps()[0];
    assert_eq!((view.step, view.steps), (0, 2));
    assert_eq!(view.previews[0].dimensions(), (16, 16));
    assert_eq!(view.masks[0].iter().map(|mask| mask.concept.as_str()).collect::<Vec<_>>(), ["mint cat", "plum dog"]);
    // Base, two concepts, reference.
    assert_eq!(view.clusters.len(), 4);
    assert_eq!(view.attention.iter().filter(|map| map.word.is_empty()).count(), 4);
    assert!(view.attention.iter().flat_map(|map| &map.values).all(|value| (0.0..=1.0).contains(value)));
    assert!(view.loss.is_some_and(|loss| loss > 0.0) && view.gradient_norm.is_some_and(|norm| norm > 0.0));
}

#[test]
fn a_render_cancelled_at_every_stage_leaves_a_usable_engine() {
    let cache = tempfile::tempdir().expect("temporary");
    let mut project = small("beach", 4);
    project.settings.inversion = Inversion::Exact;
    let stages = [Stage::LoadingModel, Stage::Preparing, Stage::InvertingReference, Stage::Denoising, Stage::Decoding];
    for stage in stages {
        if stage == Stage::Denoising {
            project.settings.inversion = Inversion::Coarse;
        }
        let engine = Engine::start(Cache::new(cache.path(), 1 << 30), || ()).expect("a thread");
        let job = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
        let mut asked: Option<Instant> = None;
        let told = wait(&engine, job, |event| {
            if matches!(event, Event::Progress { stage: now, .. } if *now == stage) && asked.is_none() {
                engine.cancel(job);
                asked = Some(Instant::now());
            }
        });
        let asked = asked.unwrap_or_else(|| panic!("never reached {stage:?}"));
        // Decoding can be over before the word arrives; every other stage has more to do.
        if stage != Stage::Decoding {
            assert!(matches!(told.end, Event::Cancelled(_)), "{stage:?}: {:?}", told.end);
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{stage:?} answered after {:?}", asked.elapsed());
        let mut quick = project.clone();
        quick.settings.inversion = Inversion::Coarse;
        quick.settings.steps = 1;
        assert_eq!(render(&engine, &quick, Watch::default()).finished().pictures.len(), 1, "after {stage:?}");
        // Joins the thread, so this hangs, and fails by it, where one is left.
        drop(engine);
    }
}

#[test]
fn a_queued_job_can_be_cancelled_before_it_starts() {
    let engine = engine();
    let first = engine.render(small("beach", 2), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let second = engine.render(small("beach", 2), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    engine.cancel(second);
    assert_eq!(wait(&engine, first, |_| ()).finished().pictures.len(), 1);
    let told = wait(&engine, second, |_| ());
    assert!(matches!(told.end, Event::Cancelled(_)) && told.events.is_empty());
}

fn job(project: &Project) -> Job {
    Job {
        id: JobId(0),
        project: project.clone(),
        folder: PathBuf::from("."),
        device: DeviceChoice::Flex,
        watch: Watch { masks: true, ..Watch::default() },
    }
}

#[test]
fn going_on_from_a_step_repeats_the_rest_and_other_masks_change_it() {
    let engine = engine();
    let project = small("beach", 6);
    let first = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let whole = wait(&engine, first, |_| ()).finished();

    let again = engine.go_on(job(&project), first, 3, None);
    let told = wait(&engine, again, |_| ());
    assert_eq!(told.steps().len(), 3, "steps 3, 4 and 5");
    assert_eq!(told.finished().pictures, whole.pictures);

    let left = Mask::from_fn(16, 16, |_, x| x < 4);
    let right = Mask::from_fn(16, 16, |_, x| x >= 12);
    let mut frozen = project.clone();
    frozen.settings.mask_refinement.enabled = false;
    let painted = engine.go_on(job(&frozen), first, 3, Some(vec![left.clone(), right]));
    let told = wait(&engine, painted, |_| ());
    assert_ne!(told.finished().pictures, whole.pictures);
    assert_eq!(told.steps()[0].masks[0][0].combined, left);

    for (step, masks, words) in [
        (7, None, "was not reached"),
        (3, Some(vec![left.clone()]), "2 masks"),
        (3, Some(vec![left.clone(), Mask::from_fn(16, 16, |_, _| false)]), "is empty"),
    ] {
        let wrong = engine.go_on(job(&project), first, step, masks);
        let told = wait(&engine, wrong, |_| ());
        assert!(told.failure().contains(words), "{}", told.failure());
    }
    let unknown = engine.go_on(job(&project), JobId(999), 0, None);
    assert!(wait(&engine, unknown, |_| ()).failure().contains("no longer kept"));
}

#[test]
fn an_inversion_is_found_again_and_a_changed_picture_is_not() {
    let folder = tempfile::tempdir().expect("temporary");
    let engine = Engine::start(Cache::new(folder.path(), 1 << 30), || ()).expect("a thread");
    let inverted = |told: &crate::studio::Told| {
        told.events.iter().any(|event| matches!(event, Event::Progress { stage: Stage::InvertingReference, .. }))
    };
    let mut project = small("beach", 2);
    let first = render(&engine, &project, Watch::default());
    let second = render(&engine, &project, Watch::default());
    assert!(inverted(&first) && !inverted(&second));
    assert_eq!(first.finished().pictures, second.finished().pictures);
    project.layers_mut().expect("a collage")[0].x += 5.0;
    assert!(inverted(&render(&engine, &project, Watch::default())));
}

#[test]
fn a_concept_takes_less_than_four_times_its_file_on_the_device() {
    let golden = crate::run_parity::Case::coarse(&burn::tensor::Device::flex());
    let files: Vec<PathBuf> = golden.golden.list("concepts");
    let size = |file: &PathBuf| std::fs::metadata(golden.golden.folder.join(file)).expect("there").len() as usize;
    let on_disk: usize = files.iter().map(size).sum();
    let held = golden.scene(podium::engine::scene::Execution::Lockstep).concept_bytes();
    println!("{held} bytes held for {on_disk} bytes of files");
    assert!(held < 4 * on_disk, "{held} bytes held for {on_disk} bytes of files");
}
