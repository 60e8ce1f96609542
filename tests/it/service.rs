//! Rendering as a service: the same picture every time, cancelling, going on, watching.

use std::path::PathBuf;
use std::sync::Arc;

use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::engine::inspect::inspect_model;
use podium::engine::masks::Mask;
use podium::engine::weights::ModelFiles;
use podium::engine::worker::{Engine, EngineOptions};
use podium::link::{Event, Job, JobId, MaskEdit, Stage, StepView, Watch};
use podium::project::settings::{Execution, Fusion, Inversion};
use podium::project::{MaskSource, PlaceBackground, Placement, Project};

use crate::studio::{InStep, Told, difference, engine, render, small, wait};

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
    let mut project = small("snow", 4);
    let lockstep = render(&engine, &project, Watch::default()).finished();
    project.settings.execution = Execution::Sequential;
    let sequential = render(&engine, &project, Watch::default()).finished();
    assert!(difference(&lockstep.pictures[0], &sequential.pictures[0]) <= 1);
}

#[test]
fn a_batch_of_seeds_equals_its_seeds_alone() {
    let engine = engine();
    let mut project = small("beach", 4);
    // Its k-means has a seed too: each picture's own.
    assert!(project.settings.refined_steps().contains(&true));
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
    // Alignment acts on the first two steps, refinement on the second.
    let whole = small("beach", 4);
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
        let engine = InStep::start(Cache::new(cache.path(), 1 << 30));
        let job = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
        let (mut asked, mut later) = (false, Vec::new());
        let told = engine.wait(job, |event| {
            if asked {
                later.push(event.clone());
            } else if matches!(event, Event::Progress { stage: now, .. } if *now == stage) {
                engine.cancel(job);
                asked = true;
            }
        });
        assert!(asked, "never reached {stage:?}");
        assert!(matches!(told.end, Event::Cancelled(_)), "{stage:?}: {:?}", told.end);
        // Within one network evaluation: it gets no further than what it was at.
        let further = later.iter().filter(|event| matches!(event, Event::Progress { .. } | Event::Step(..))).count();
        assert_eq!(further, 0, "{stage:?}: {later:?}");
        let mut quick = project.clone();
        quick.settings.inversion = Inversion::Coarse;
        quick.settings.steps = 1;
        assert_eq!(engine.render_unwatched(&quick).finished().pictures.len(), 1, "after {stage:?}");
        // Joins the thread, so this hangs, and fails by it, where one is left.
        drop(engine);
    }
}

#[test]
fn a_panic_ends_its_job_in_words_and_the_next_job_is_as_ever() {
    let (orders, order) = crossbeam_channel::unbounded();
    // Whatever panics in the engine's thread, such as what is told of every event.
    let wake = move || {
        if order.recv() == Ok(true) {
            panic!("out of step");
        }
    };
    let engine = Engine::start(Cache::none(), wake).expect("a thread");
    let project = small("beach", 2);
    let run = |panics_at: fn(&Event) -> bool| {
        let job = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
        let mut calm = true;
        let told = wait(&engine, job, |event| {
            let now = calm && panics_at(event);
            calm &= !now;
            orders.send(now).expect("the engine waits");
        });
        (job, told)
    };
    let loads = |told: &Told| {
        told.events.iter().any(|event| matches!(event, Event::Progress { stage: Stage::LoadingModel, .. }))
    };
    let (_, whole) = run(|_| false);
    let places: [fn(&Event) -> bool; 4] = [
        |event| matches!(event, Event::Started { .. }),
        |event| matches!(event, Event::Progress { stage: Stage::Preparing, .. }),
        |event| matches!(event, Event::Step(_, view) if view.step == 1),
        |event| matches!(event, Event::Progress { stage: Stage::Decoding, .. }),
    ];
    for (number, place) in places.into_iter().enumerate() {
        let (broken, told) = run(place);
        assert!(told.failure().contains("out of step"), "{number}: {}", told.failure());
        // What it had done before is kept, even where nothing but decoding was left.
        let steps = project.settings.steps as usize;
        let on = engine.go_on(job(&project), broken, if number < 2 { 0 } else { steps }, vec![]);
        let on = wait(&engine, on, |_| orders.send(false).expect("the engine waits"));
        if number < 2 {
            assert!(on.failure().contains("no longer kept"), "{number}: {}", on.failure());
        } else {
            assert_eq!(on.finished().pictures, whole.finished().pictures, "{number}");
        }
        let (_, again) = run(|_| false);
        assert!(loads(if number < 2 { &again } else { &on }), "{number}: what was loaded may be half changed");
        assert_eq!(again.finished().pictures, whole.finished().pictures, "{number}");
    }
}

#[test]
fn a_photo_s_inverted_background_is_another_than_noise_and_keeps_the_photo() {
    let folder = tempfile::tempdir().expect("temporary");
    let mask = folder.path().join("mask.png");
    let right = |x: u32, _| image::Luma([if x >= 64 { 255 } else { 0 }]);
    image::GrayImage::from_fn(128, 128, right).save(&mask).expect("written");
    let engine = engine();
    let mut project = small("beach", 4);
    let mut place = |background| {
        let photo = "assets:scenes/night.png";
        project.place = Some(Placement { background, ..Placement::new(photo, &mask) });
        let told = render(&engine, &project, Watch::default());
        let inverts = |event: &Event| matches!(event, Event::Progress { stage: Stage::InvertingPhoto, .. });
        (told.finished().pictures[0].clone(), told.events.iter().any(inverts))
    };
    let (noised, inverts) = place(PlaceBackground::Noised);
    assert!(!inverts);
    let (inverted, inverts) = place(PlaceBackground::Inverted);
    assert!(inverts);
    // The same inversion, and other latents.
    let (evened, inverts) = place(PlaceBackground::Evened);
    assert!(inverts);
    assert_ne!(evened, inverted);
    let apart = |columns: std::ops::Range<u32>| {
        let places = columns.flat_map(|x| (0..128).map(move |y| (x, y)));
        let sums = places.map(|(x, y)| {
            let (a, b) = (noised.get_pixel(x, y).0, inverted.get_pixel(x, y).0);
            a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>()
        });
        sums.sum::<f64>() / 128.0
    };
    // After the last step the photo's own latent stands outside either way.
    let (outside, inside) = (apart(0..32) / 32.0, apart(80..112) / 32.0);
    println!("{outside} apart outside, {inside} inside");
    assert!(inside > 4.0 * outside && inside > 3.0, "{outside} apart outside, {inside} inside");
}

#[test]
fn a_queued_job_can_be_cancelled_before_it_starts() {
    let engine = InStep::start(Cache::none());
    let first = engine.render(small("beach", 2), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let second = engine.render(small("beach", 2), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    engine.cancel(second);
    assert_eq!(engine.wait(first, |_| ()).finished().pictures.len(), 1);
    let told = engine.wait(second, |_| ());
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

fn start(engine: &Engine, project: &Project) -> JobId {
    engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch { masks: true, ..Watch::default() })
}

fn paint(subject: usize, mask: &Mask) -> MaskEdit {
    MaskEdit { picture: None, subject, mask: mask.clone() }
}

/// The combined masks before a step, as its predecessor left them: `[picture][subject]`.
fn masks_after(told: &Told, step: usize) -> Vec<Vec<Mask>> {
    let steps = told.steps();
    let view = steps.iter().find(|view| view.step == step).unwrap_or_else(|| panic!("no step {step}"));
    view.masks.iter().map(|picture| picture.iter().map(|mask| mask.combined.clone()).collect()).collect()
}

#[test]
fn going_on_from_a_step_repeats_the_rest_and_other_masks_change_it() {
    let engine = engine();
    let project = small("beach", 6);
    let first = start(&engine, &project);
    let whole = wait(&engine, first, |_| ()).finished();

    let again = engine.go_on(job(&project), first, 3, vec![]);
    let told = wait(&engine, again, |_| ());
    assert_eq!(told.steps().len(), 3, "steps 3, 4 and 5");
    assert_eq!(told.finished().pictures, whole.pictures);

    let left = Mask::from_fn(16, 16, |_, x| x < 4);
    let right = Mask::from_fn(16, 16, |_, x| x >= 12);
    let mut frozen = project.clone();
    frozen.settings.mask_refinement.enabled = false;
    let painted = engine.go_on(job(&frozen), first, 3, vec![paint(0, &left), paint(1, &right)]);
    let told = wait(&engine, painted, |_| ());
    assert_ne!(told.finished().pictures, whole.pictures);
    assert_eq!(told.steps()[0].masks[0][0].combined, left);

    let none = Mask::from_fn(16, 16, |_, _| false);
    for (step, masks, words) in [
        (7, vec![], "was not reached"),
        (3, vec![paint(2, &left)], "there are 2"),
        (3, vec![paint(1, &none)], "plum dog is empty"),
        (3, vec![MaskEdit { picture: Some(1), ..paint(0, &left) }], "there are 1"),
        (3, vec![paint(0, &Mask::from_fn(8, 8, |_, _| true))], "16 x 16"),
    ] {
        let wrong = engine.go_on(job(&project), first, step, masks);
        let told = wait(&engine, wrong, |_| ());
        assert!(told.failure().contains(words), "{}", told.failure());
    }
    let unknown = engine.go_on(job(&project), JobId(999), 0, vec![]);
    assert!(wait(&engine, unknown, |_| ()).failure().contains("no longer kept"));
}

#[test]
fn a_continued_job_can_be_gone_on_from_at_any_step_of_it_or_before() {
    let engine = engine();
    let mut project = small("beach", 5);
    project.settings.mask_refinement.enabled = false;
    let first = start(&engine, &project);
    let whole = wait(&engine, first, |_| ()).finished();

    let left = Mask::from_fn(16, 16, |_, x| x < 4);
    let second = engine.go_on(job(&project), first, 2, vec![paint(0, &left)]);
    let painted = wait(&engine, second, |_| ()).finished();
    assert_ne!(painted.pictures, whole.pictures);

    // Before its own first step it is the first job; from there on it is itself, with the painted mask.
    for (step, pictures) in [(0, &whole.pictures), (1, &whole.pictures), (2, &painted.pictures), (4, &painted.pictures)]
    {
        let third = engine.go_on(job(&project), second, step, vec![]);
        let told = wait(&engine, third, |_| ());
        assert_eq!(&told.finished().pictures, pictures, "from step {step}");
        let mask = masks_after(&told, step)[0][0].clone();
        assert_eq!(mask == left, step >= 2, "the mask at step {step}");
    }
    // After the last step only decoding is left.
    let end = engine.go_on(job(&project), second, 5, vec![]);
    let told = wait(&engine, end, |_| ());
    assert!(told.steps().is_empty());
    assert_eq!(told.finished().pictures, painted.pictures);
}

#[test]
fn a_continued_job_stopped_while_it_gets_ready_goes_on_with_its_painted_masks() {
    let engine = InStep::start(Cache::none());
    let mut project = small("beach", 4);
    project.settings.mask_refinement.enabled = false;
    let first = start(&engine, &project);
    engine.wait(first, |_| ()).finished();
    let left = Mask::from_fn(16, 16, |_, x| x < 4);
    let painted = engine.go_on(job(&project), first, 2, vec![paint(0, &left)]);
    let painted = engine.wait(painted, |_| ()).finished();

    let stopped = engine.go_on(job(&project), first, 2, vec![paint(0, &left)]);
    let told = engine.wait(stopped, |event| {
        if matches!(event, Event::Started { .. }) {
            engine.cancel(stopped);
        }
    });
    assert!(matches!(told.end, Event::Cancelled(_)), "{:?}", told.end);
    assert!(told.steps().is_empty(), "it was stopped while it got ready");
    let queued = engine.go_on(job(&project), stopped, 2, vec![]);
    engine.cancel(queued);
    assert!(matches!(engine.wait(queued, |_| ()).end, Event::Cancelled(_)));
    let again = engine.go_on(job(&project), queued, 2, vec![]);
    assert_eq!(engine.wait(again, |_| ()).finished().pictures, painted.pictures);
}

#[test]
fn a_job_paused_after_every_step_ends_in_the_same_pictures_bit_for_bit() {
    let engine = InStep::start(Cache::none());
    // Two concepts, two pictures, masks refined at every step from the second on, layout alignment at the first ones.
    let mut project = small("beach", 6);
    project.pictures = 2;
    project.settings.mask_refinement.start = 40.0;
    project.settings.mask_refinement.end = 200.0;
    project.settings.mask_refinement.every = 1.0;
    let uninterrupted = engine.render_unwatched(&project);
    assert!(uninterrupted.steps().iter().filter(|view| view.refined).count() >= 3, "masks are refined");
    let whole = uninterrupted.finished();
    assert_eq!(whole.pictures.len(), 2);

    let mut current = start(&engine, &project);
    for step in 0..6 {
        let told = engine.wait(current, |event| {
            if matches!(event, Event::Step(..)) {
                engine.cancel(current);
            }
        });
        assert!(matches!(told.end, Event::Cancelled(_)), "step {step}: {:?}", told.end);
        assert_eq!(told.steps().iter().map(|view| view.step).collect::<Vec<_>>(), [step]);
        current = engine.go_on(job(&project), current, step + 1, vec![]);
    }
    let told = engine.wait(current, |_| ());
    assert!(told.steps().is_empty(), "only decoding is left");
    assert_eq!(told.finished().pictures, whole.pictures);
}

#[test]
fn a_mask_painted_for_one_picture_leaves_the_other_as_it_was() {
    let engine = engine();
    let mut project = small("beach", 4);
    project.pictures = 2;
    project.settings.mask_refinement.enabled = false;
    let first = start(&engine, &project);
    let whole = wait(&engine, first, |_| ());
    let left = Mask::from_fn(16, 16, |_, x| x < 4);
    let edit = MaskEdit { picture: Some(1), ..paint(0, &left) };
    let second = engine.go_on(job(&project), first, 1, vec![edit]);
    let told = wait(&engine, second, |_| ());
    let (before, after) = (masks_after(&whole, 1), masks_after(&told, 1));
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], [left, before[1][1].clone()]);
    assert_eq!(told.finished().pictures[0], whole.finished().pictures[0]);
    assert_ne!(told.finished().pictures[1], whole.finished().pictures[1]);
}

#[test]
fn going_on_with_a_concept_less_or_more_keeps_the_masks_of_the_others() {
    let engine = engine();
    let mut both = small("beach", 6);
    both.settings.mask_refinement.start = 40.0;
    both.settings.mask_refinement.end = 200.0;
    both.settings.mask_refinement.every = 1.0;
    let mut frozen = both.clone();
    frozen.settings.mask_refinement.enabled = false;
    let first = start(&engine, &both);
    let told = wait(&engine, first, |_| ());
    let (fresh, refined) = (masks_after(&told, 0), masks_after(&told, 3));
    assert!(fresh[0][0] != refined[0][0] && fresh[0][1] != refined[0][1], "refinement changed both masks");

    // The cat's layer no longer carries its concept.
    let mut alone = frozen.clone();
    alone.layers_mut().expect("a collage")[0].concept = None;
    let second = engine.go_on(job(&alone), first, 4, vec![]);
    let told = wait(&engine, second, |_| ());
    assert_eq!(told.steps()[0].masks[0].iter().map(|mask| mask.concept.as_str()).collect::<Vec<_>>(), ["plum dog"]);
    assert_eq!(masks_after(&told, 4), [[refined[0][1].clone()]]);
    assert_eq!(told.finished().pictures.len(), 1);

    // And it carries it again: the dog's mask as it had become, the cat's from the layer.
    let third = engine.go_on(job(&frozen), second, 5, vec![]);
    let told = wait(&engine, third, |_| ());
    assert_eq!(masks_after(&told, 5), [[fresh[0][0].clone(), refined[0][1].clone()]]);
}

#[test]
fn watching_begins_and_ends_while_a_job_runs_and_changes_nothing_in_the_picture() {
    let engine = InStep::start(Cache::none());
    let project = small("beach", 6);
    let unwatched = engine.render_unwatched(&project).finished();
    let first = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let queued = engine.render(project.clone(), PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let told = engine.wait(first, |event| {
        if let Event::Step(_, view) = event {
            match view.step {
                1 => engine.watch(Watch::ALL),
                3 => engine.watch(Watch { masks: true, ..Watch::default() }),
                _ => {}
            }
        }
    });
    assert_eq!(told.finished().pictures, unwatched.pictures);
    let steps = told.steps();
    // Previews, masks, clusters, attention. Base, two concepts, reference.
    let seen = |view: &Arc<StepView>| {
        let maps = view.attention.iter().filter(|map| map.word.is_empty()).count();
        (view.previews.len(), view.masks.len(), view.clusters.len(), maps)
    };
    let (nothing, all, masks) = ((0, 0, 0, 0), (1, 1, 4, 4), (0, 1, 0, 0));
    assert_eq!(steps.iter().map(seen).collect::<Vec<_>>(), [nothing, nothing, all, all, masks, masks]);
    // The job that waited hears of it too.
    let told = engine.wait(queued, |_| ());
    assert_eq!(told.steps().iter().map(seen).collect::<Vec<_>>(), [masks; 6]);
    assert_eq!(told.finished().pictures, unwatched.pictures);
    // A later job begins with what it was started with.
    let mut quick = project.clone();
    quick.settings.steps = 1;
    assert_eq!(engine.render_unwatched(&quick).steps().iter().map(seen).collect::<Vec<_>>(), [nothing]);
}

#[test]
fn the_engine_says_what_it_computes_on_and_which_model_it_loaded() {
    let engine = engine();
    let project = small("beach", 1);
    let facts = |told: &Told| {
        let (mut devices, mut models) = (Vec::new(), Vec::new());
        for event in &told.events {
            match event {
                Event::Device(report) => devices.push(report.clone()),
                Event::Model(report) => models.push(report.clone()),
                _ => {}
            }
        }
        (devices, models)
    };
    let (devices, models) = facts(&render(&engine, &project, Watch::default()));
    assert_eq!(devices.len(), 3, "at the beginning, with the model, at the end");
    assert_eq!((devices[0].backend.as_str(), devices[0].precision, devices[0].kind), ("flex", "f32", None));
    assert!(devices[0].threads >= 1 && devices[0].pool.is_none());
    if cfg!(target_os = "linux") {
        assert!(devices[0].process_bytes.expect("Linux says") < devices[0].total_bytes.expect("Linux says"));
    }
    assert_eq!(models.len(), 1);
    assert_eq!(*models[0], inspect_model(&ModelFiles::BuiltIn).expect("built in"));
    let (devices, models) = facts(&render(&engine, &project, Watch::default()));
    assert_eq!((devices.len(), models.len()), (2, 0), "the model is loaded already");
}

#[test]
fn a_model_whose_file_was_written_anew_is_loaded_anew() {
    let folder = tempfile::tempdir().expect("temporary");
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/miniature");
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        std::fs::create_dir(folder.path().join(part)).expect("a folder");
        for entry in std::fs::read_dir(from.join(part)).expect("there") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).expect("copied");
        }
    }
    let engine = engine();
    let project = Project { model: Some(folder.path().into()), ..small("beach", 1) };
    let loads = || {
        let told = render(&engine, &project, Watch::default());
        told.finished();
        told.events.iter().any(|event| matches!(event, Event::Progress { stage: Stage::LoadingModel, .. }))
    };
    assert_eq!([loads(), loads()], [true, false]);
    let weights = folder.path().join("unet/diffusion_pytorch_model.safetensors");
    let file = std::fs::File::options().write(true).open(weights).expect("there");
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(5)).expect("dated");
    assert_eq!([loads(), loads()], [true, false]);
}

#[test]
fn a_subject_that_cannot_be_seen_is_left_out_as_its_note_says() {
    let engine = engine();
    let mut project = small("beach", 1);
    let concept = project.layers()[0].concept.clone().expect("a concept");
    project.layers_mut().expect("layers")[0].opacity = 0.0;
    let told = render(&engine, &project, Watch { masks: true, ..Watch::default() });
    told.finished();
    let notes: Vec<String> = told
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Warning(_, warning) => Some(warning.to_string()),
            _ => None,
        })
        .collect();
    assert!(notes.iter().any(|note| note.contains(&concept)), "{notes:?}");
}

#[test]
fn one_thread_in_the_background_makes_the_same_picture() {
    let project = small("beach", 2);
    let whole = render(&engine(), &project, Watch::default()).finished();
    let options = EngineOptions { threads: Some(1), ..EngineOptions::beside_a_window(None) };
    let engine = Engine::start_with(options, Cache::none(), || ()).expect("a thread");
    let told = render(&engine, &project, Watch::default());
    assert_eq!(told.finished().pictures, whole.pictures);
    let threads = told.events.iter().find_map(|event| match event {
        Event::Device(report) => Some(report.threads),
        _ => None,
    });
    assert_eq!(threads, Some(1));
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
    let golden = crate::run_parity::Case::coarse(&burn::tensor::Device::flex(), 64);
    let files: Vec<PathBuf> = golden.golden.list("concepts");
    let size = |file: &PathBuf| std::fs::metadata(golden.golden.folder.join(file)).expect("there").len() as usize;
    let on_disk: usize = files.iter().map(size).sum();
    let held = golden.scene(podium::engine::scene::Execution::Lockstep).concept_bytes();
    println!("{held} bytes held for {on_disk} bytes of files");
    assert!(held < 4 * on_disk, "{held} bytes held for {on_disk} bytes of files");
}
