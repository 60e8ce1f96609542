//! What a training of each concept of the Plush World knows of its subject, by its own test sheet. By hand, since it takes an hour:
//!
//!     cargo test --release --test it own_test_sheets -- --ignored --nocapture
//!
//! `PODIUM_CONCEPTS=plum_dog,jade_cat` trains these alone; `PODIUM_TRAIN_SET=full_at=1,steps=500` with other settings than the quick
//! preset's.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use podium::engine::cache::Cache;
use podium::engine::worker::Engine;
use podium::link::{DeviceChoice, Event, JobId, Trained, TrainingEvent, TrainingJob};
use podium::plush::{CONCEPTS, Concept, sight};
use podium::project::training::folder::{Said, read_folder};
use podium::project::training::{PLACE, Training, TrainingPreset};

/// The share of a test sheet that a concept is to be recognised in.
const KNOWN: f64 = 0.9;
/// How much more it is to be than before anything was learnt.
const LEARNT: f64 = 0.3;
/// All scenes of the Plush World.
const SCENES: [&str; 6] =
    ["on the beach", "in the snow", "in a meadow", "in the desert", "in the city at night", "in a living room"];

/// A training of a concept of eight drawn photos, with the quick preset and what the environment sets.
fn plan(concept: &Concept, folder: &Path) -> Training {
    let photos = folder.join("photos");
    let mut draw = Command::new(env!("CARGO_BIN_EXE_podium"));
    draw.args(["plush", "photos", concept.name]).arg(&photos).args(["--count", "8", "--seed", "0"]);
    assert!(draw.output().expect("the binary starts").status.success(), "the photos were not drawn");
    let said = Said { name: Some(concept.name.into()), class_word: Some(concept.look.kind.word().into()) };
    let mut plan = read_folder(&photos, &said).expect("photos");
    TrainingPreset::Quick.apply(&mut plan.settings);
    (plan.settings.show_every, plan.settings.checkpoint_every) = (0, 0);
    for setting in std::env::var("PODIUM_TRAIN_SET").unwrap_or_default().split(',').filter(|set| !set.is_empty()) {
        let (key, value) = setting.split_once('=').expect("KEY=VALUE");
        plan.settings.set(key, value).expect("a setting");
    }
    plan.prompts = SCENES.iter().map(|scene| format!("{PLACE} {scene}")).collect();
    plan
}

fn trained(engine: &Engine, training: Training, folder: &Path, run: &str) -> Trained {
    let (folder, run) = (folder.to_owned(), folder.join(run));
    engine.train(TrainingJob { id: JobId(0), training, folder, run, device: DeviceChoice::Flex });
    loop {
        match engine.events().recv_timeout(Duration::from_secs(3600)).expect("the engine goes on") {
            Event::Training(_, TrainingEvent::Done(trained)) => return Trained::clone(&trained),
            Event::Failed(_, words) => panic!("{words}"),
            Event::Cancelled(_) => panic!("nobody asked"),
            _ => {}
        }
    }
}

/// In how many pictures of its test sheet a concept is recognised, and how many there are.
fn recognised(concept: &Concept, trained: &Trained) -> (usize, usize) {
    let is = |picture: &image::RgbImage| sight(picture, concept).is_some_and(|seen| seen.verdict.recognised);
    (trained.sheet.iter().filter(|picture| is(&picture.picture)).count(), trained.sheet.len())
}

#[test]
#[ignore = "an hour: it trains six concepts"]
fn concepts_that_the_quick_preset_trains_are_recognised_in_nine_of_ten_pictures_of_their_own_test_sheets() {
    let wanted = std::env::var("PODIUM_CONCEPTS").unwrap_or_default();
    let is_wanted = |concept: &&Concept| wanted.is_empty() || wanted.split(',').any(|name| name == concept.name);
    let engine = Engine::start(Cache::none(), || ()).expect("a thread");
    let mut missed = Vec::new();
    for concept in CONCEPTS.iter().filter(is_wanted) {
        let folder = tempfile::tempdir().expect("temporary");
        let plan = plan(concept, folder.path());
        let mut fresh = plan.clone();
        fresh.settings.steps = 1;
        (fresh.settings.embedding_rate, fresh.settings.text_rate, fresh.settings.unet_rate) = (0.0, 0.0, 0.0);
        let (before, _) = recognised(concept, &trained(&engine, fresh, folder.path(), "before"));
        let begun = Instant::now();
        let (full_at, steps) = (plan.settings.full_at, plan.settings.steps);
        let trained = trained(&engine, plan, folder.path(), "after");
        let (seen, of) = recognised(concept, &trained);
        println!(
            "{}: {seen} of {of} recognised ({before} before), likeness {:.2}, {steps} steps, full at {full_at}, {:.0} s",
            concept.name,
            trained.likeness.unwrap_or_default(),
            begun.elapsed().as_secs_f64()
        );
        let share = |count: usize| count as f64 / of as f64;
        if share(seen) < KNOWN || share(seen) < share(before) + LEARNT {
            missed.push(format!("{}: {seen} of {of}, {before} before", concept.name));
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
