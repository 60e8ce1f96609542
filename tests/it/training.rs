//! A concept from photos: the miniature learns from a few of them, stops, goes on, and what comes out is read back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use podium::engine::adapters;
use podium::engine::cache::Cache;
use podium::engine::models::Models;
use podium::engine::noise::seeded;
use podium::engine::pictures::to_tensor;
use podium::engine::tensors::TensorFile;
use podium::engine::train::checkpoint::State;
use podium::engine::train::loss::{Batch, Counts, slope};
use podium::engine::train::parameters::Parameters;
use podium::engine::weights::{Checkpoint, ModelFiles};
use podium::engine::worker::Engine;
use podium::link::{
    DeviceChoice, Event, JobId, Trained, TrainingEvent, TrainingJob, TrainingPicture, TrainingStep, Watch,
};
use podium::project::settings::Inversion;
use podium::project::training::{PLACE, Photo, Token, Training, TrainingSettings};
use podium::project::{Canvas, Project};

use crate::golden::Golden;

const PHOTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/training");

/// Long enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(300);

/// A training of the mint cat on the miniature.
pub fn training(steps: usize) -> Training {
    let token = |word: &str, start: &str| Token { word: word.into(), start: start.into() };
    let photo = |name: &&str| Photo {
        picture: format!("{name}.png").into(),
        mask: Some(format!("{name}.mask.png").into()),
        caption: std::fs::read_to_string(Path::new(PHOTOS).join(format!("{name}.txt"))).expect("a caption"),
    };
    Training {
        name: "mint cat".into(),
        class_word: "cat".into(),
        tokens: vec![token("<mint_1>", "toy"), token("<mint_2>", "cat")],
        photos: ["0", "1", "2", "4", "5", "7"].iter().map(photo).collect(),
        from: None,
        model: None,
        vae: None,
        encoder: None,
        prompts: vec![format!("{PLACE} on the beach")],
        settings: TrainingSettings {
            steps,
            batch: 2,
            embedding_rate: 5e-3,
            text_rate: 5e-4,
            unet_rate: 2e-3,
            background: 0.15,
            crop: 0.0,
            mirror: true,
            embedding_norm: None,
            checkpoint_every: 0,
            show_every: 0,
            // Small, since each that ends draws its test sheet.
            size: Some(128),
            ..TrainingSettings::default()
        },
    }
}

fn engine() -> Engine {
    Engine::start(Cache::none(), || ()).expect("a thread")
}

fn job(training: Training, run: &Path) -> TrainingJob {
    TrainingJob { id: JobId(0), training, folder: PHOTOS.into(), run: run.to_owned(), device: DeviceChoice::Flex }
}

/// What a training tells until it ends; `at` may act at each step.
fn follow(engine: &Engine, job: TrainingJob, mut at: impl FnMut(JobId, &TrainingStep)) -> Followed {
    let id = engine.train(job);
    let mut followed = Followed::default();
    loop {
        match engine.events().recv_timeout(PATIENCE).expect("the engine goes on") {
            Event::Training(job, event) => {
                assert_eq!(job, id);
                match event {
                    TrainingEvent::Step(step) => {
                        at(id, &step);
                        followed.steps.push(step);
                    }
                    TrainingEvent::Resumed(step) => followed.resumed = Some(step),
                    TrainingEvent::Checkpoint(step) => followed.checkpoints.push(step),
                    TrainingEvent::Drawn(picture) => {
                        followed.drawn.push((picture.step, picture.strength));
                        followed.pictures.push(picture);
                    }
                    TrainingEvent::Done(trained) => {
                        followed.trained = Some(Trained::clone(&trained));
                        return followed;
                    }
                }
            }
            Event::Cancelled(_) => return followed,
            Event::Failed(_, words) => {
                followed.failed = Some(words);
                return followed;
            }
            Event::Warning(_, warning) => followed.warnings.push(warning.to_string()),
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct Followed {
    steps: Vec<TrainingStep>,
    resumed: Option<usize>,
    checkpoints: Vec<usize>,
    drawn: Vec<(usize, f32)>,
    pictures: Vec<Arc<TrainingPicture>>,
    warnings: Vec<String>,
    trained: Option<Trained>,
    failed: Option<String>,
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn failed(training: Training, run: &Path) -> String {
    let followed = follow(&engine(), job(training, run), |_, _| ());
    followed.failed.unwrap_or_else(|| panic!("it went well: {:?}", followed.trained.map(|trained| trained.steps)))
}

#[test]
fn a_training_that_is_stopped_and_goes_on_ends_in_the_same_concept_bit_for_bit() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = engine();
    let unbroken = follow(&engine, job(training(6), whole.path()), |_, _| ()).trained.expect("trained");
    let stopped = follow(&engine, job(training(6), parts.path()), |id, step| {
        if step.step == 3 {
            engine.cancel(id);
        }
    });
    assert!(stopped.trained.is_none() && stopped.failed.is_none());
    let at = *stopped.checkpoints.last().expect("a checkpoint where it was stopped");
    assert!((3..6).contains(&at), "stopped at {at}");
    // Another engine: nothing is left but the folder.
    let again = follow(&self::engine(), job(training(6), parts.path()), |_, _| ());
    assert_eq!(again.resumed, Some(at));
    assert_eq!(again.steps.first().map(|step| step.step), Some(at + 1));
    let trained = again.trained.expect("trained");
    assert_eq!(trained.steps, 6);
    assert!(bytes(&unbroken.pth) == bytes(&trained.pth), "what was learnt differs");
    let read = |trained: &Trained| adapters::read(&trained.file).expect("it reads");
    let (one, other) = (read(&unbroken), read(&trained));
    assert!((one.unet, one.text_encoder, one.embeddings) == (other.unet, other.text_encoder, other.embeddings));
}

#[test]
fn the_files_of_a_concept_are_read_back_equal_and_one_is_for_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let followed = follow(&engine(), job(training(2), folder.path()), |_, _| ());
    let trained = followed.trained.expect("trained");
    assert_eq!(trained.sheet.len(), 2, "one prompt, two seeds");
    let own = adapters::read(&trained.file).expect("it reads");
    let pth = adapters::read(&trained.pth).expect("it reads");
    assert_eq!(own.kind, adapters::Kind::EdLora);
    assert_eq!((&own.unet, &own.text_encoder, &own.embeddings), (&pth.unet, &pth.text_encoder, &pth.embeddings));
    assert_eq!(own.unet.len(), 128, "every projection of every attention layer");
    let words: Vec<&str> = own.embeddings.iter().map(|word| word.name.as_str()).collect();
    assert_eq!(words, ["<mint_1>", "<mint_2>"]);
    assert!(own.left_aside.is_empty(), "{:?}", own.left_aside);
    let others = adapters::read(&folder.path().join("mint cat-lora.safetensors")).expect("it reads");
    assert_eq!(others.kind, adapters::Kind::Lora);
    assert_eq!((&others.unet, &others.text_encoder), (&own.unet, &own.text_encoder));
    let bundled = &others.embeddings[0];
    assert_eq!((bundled.name.as_str(), bundled.vectors, bundled.layers), ("mint cat", 2, 1));
    for name in ["mint cat.sheet.png", "mint cat.preview.png", "checkpoint.safetensors"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    // The first picture of its test sheet goes along in it.
    let inside = TensorFile::open(&trained.file).expect("it opens");
    let picture =
        image::load_from_memory(&adapters::thumbnail(&inside).expect("a picture")).expect("a JPEG").into_rgb8();
    let first = &trained.sheet[0].picture;
    assert_eq!(picture.dimensions(), (128, 128));
    let small = image::imageops::thumbnail(first, 128, 128);
    let apart: u64 = picture.iter().zip(small.iter()).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    assert!(apart / (128 * 128 * 3) < 12, "{apart}");
    // And trains on from there.
    let further = tempfile::tempdir().unwrap();
    let mut more = training(1);
    (more.from, more.settings.unet_rate, more.settings.text_rate, more.settings.embedding_rate) =
        (Some(trained.pth.clone()), 0.0, 0.0, 0.0);
    let same = follow(&engine(), job(more.clone(), further.path()), |_, _| ()).trained.expect("trained");
    assert_eq!(adapters::read(&same.file).expect("it reads").unet, own.unet, "without any rate nothing changes");
    more.settings.rank = 8;
    let words = failed(more, tempfile::tempdir().unwrap().path());
    assert!(words.contains("mint cat.pth") && words.contains("choose the rank"), "{words}");
}

/// The numbers of every pair of factors, with the second's times the file's own scale and `strength`.
fn acting(file: &adapters::AdapterFile, strength: f32) -> Vec<(String, Vec<f32>, Vec<f32>)> {
    let changes = file.unet.iter().chain(&file.text_encoder);
    let pair = |(path, change): (&String, &adapters::Change)| match change {
        adapters::Change::LowRank { down, up, scale, .. } => {
            let up = up.values.iter().map(|number| number * scale * strength).collect();
            (path.clone(), down.values.clone(), up)
        }
        other => panic!("{path}: {other:?}"),
    };
    changes.map(pair).collect()
}

fn assert_acts_alike(one: &adapters::AdapterFile, at: f32, other: &adapters::AdapterFile, other_at: f32) {
    let (one, other) = (acting(one, at), acting(other, other_at));
    assert_eq!(one.len(), other.len());
    for ((path, down, up), (other_path, other_down, other_up)) in one.iter().zip(&other) {
        assert!(path == other_path && down == other_down, "{path}");
        let near = |(one, other): (&f32, &f32)| (one - other).abs() <= 1e-6 * other.abs();
        assert!(up.iter().zip(other_up).all(near), "{path}: {up:?}, expected {other_up:?}");
    }
    assert!(other.iter().flat_map(|(.., up)| up).any(|number| *number != 0.0), "nothing was learnt");
}

#[test]
fn a_concept_that_is_full_at_a_strength_is_learnt_the_same_and_acts_there_as_the_other_does_at_1() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |full_at: f64| {
        let mut plan = training(3);
        (plan.settings.show_every, plan.settings.size, plan.settings.full_at) = (2, Some(128), full_at);
        plan
    };
    let run = |name: &str, plan: Training| follow(&engine(), job(plan, &folder.path().join(name)), |_, _| ());
    let (plain, full) = (run("plain", plan(1.0)), run("full", plan(0.7)));

    // What was learnt is the same to the bit, the optimiser's numbers included.
    let checkpoint = |name: &str| {
        let bytes = bytes(&folder.path().join(name).join("checkpoint.safetensors"));
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let mut tensors: Vec<_> = tensors.tensors().into_iter().map(|(name, of)| (name, of.data().to_vec())).collect();
        tensors.sort();
        tensors
    };
    assert_eq!(checkpoint("plain").len(), 9);
    assert!(checkpoint("plain") == checkpoint("full"), "what was learnt differs");
    // And so are the pictures, each at its own strength.
    let shown = |followed: &Followed, strength: f32| {
        let of = |picture: &&Arc<TrainingPicture>| picture.step == 2 && picture.strength == strength;
        followed.pictures.iter().find(of).expect("shown on the way").picture.clone()
    };
    assert!(shown(&full, 0.7) == shown(&plain, 1.0), "at 0.7 it acts whole");
    assert!(shown(&full, 0.0) == shown(&plain, 0.0));
    assert!(shown(&full, 1.0) != shown(&plain, 1.0), "above that it exaggerates");

    // All three files of both.
    let (plain, full) = (plain.trained.expect("trained"), full.trained.expect("trained"));
    let files = |trained: &Trained| {
        let kohya = trained.file.with_file_name("mint cat-lora.safetensors");
        [&trained.file, &trained.pth, &kohya].map(|path| adapters::read(path).expect("it reads"))
    };
    for (plain, full) in files(&plain).iter().zip(&files(&full)) {
        assert_eq!((plain.about.full_at, full.about.full_at), (None, Some(0.7)), "{}", full.file);
        assert!(full.left_aside.is_empty() && plain.tensors == full.tensors, "{:?}", full.left_aside);
        assert!(plain.embeddings == full.embeddings, "words have no strength");
        assert_acts_alike(full, 0.7, plain, 1.0);
    }

    // Training on undoes it, whatever the next one is for.
    let read = |trained: &Trained| adapters::read(&trained.file).expect("it reads");
    for (name, from, full_at) in [("1", &full.file, 1.0), ("2", &full.pth, 0.7), ("3", &plain.pth, 0.7)] {
        let mut on = plan(full_at);
        (on.from, on.settings.steps, on.settings.show_every) = (Some(from.clone()), 1, 0);
        (on.settings.unet_rate, on.settings.text_rate, on.settings.embedding_rate) = (0.0, 0.0, 0.0);
        let on = run(name, on).trained.expect("trained");
        assert_acts_alike(&read(&on), full_at as f32, &read(&plain), 1.0);
    }

    // One that has ended is written anew for another strength, without a step.
    let again = run("full", plan(1.0));
    assert_eq!((again.resumed, again.steps.len()), (Some(3), 0));
    assert!(bytes(&again.trained.expect("trained").pth) == bytes(&plain.pth), "the plain one's");
}

#[test]
fn parity_a_concept_has_the_authors_keys_shapes_and_dtypes_and_one_of_theirs_trains_on() {
    let golden = Golden::open();
    let concepts = std::fs::read_dir(golden.folder.join("concepts")).expect("the reference's concepts");
    let mut concepts: Vec<PathBuf> = concepts.map(|entry| entry.expect("readable").path()).collect();
    concepts.retain(|path| path.extension().is_some_and(|ending| ending == "pth"));
    concepts.sort();
    let theirs = concepts.first().expect("a concept of the authors'");
    let read = adapters::read(theirs).expect("it reads");
    let folder = tempfile::tempdir().unwrap();
    let mut plan = training(2);
    plan.from = Some(theirs.clone());
    plan.model = Some(golden.folder.join("model"));
    plan.tokens.iter_mut().zip(&read.embeddings).for_each(|(token, word)| token.word.clone_from(&word.name));
    (plan.settings.rank, plan.settings.size) = (read.rank(), Some(64));
    let followed = follow(&engine(), job(plan, folder.path()), |_, _| ());
    let trained = followed.trained.unwrap_or_else(|| panic!("{:?}", followed.failed));
    let listed = |path: &Path| {
        let file = Checkpoint::open_file(path).expect("a file of tensors");
        let listed = file.tensors().map(|(name, shape, kind)| (name.to_owned(), shape.to_vec(), kind.to_string()));
        listed.collect::<Vec<_>>()
    };
    let (ours, wanted) = (listed(&trained.pth), listed(theirs));
    assert!(wanted.len() > 100, "{wanted:?}");
    assert_eq!(ours, wanted);
    // It went on from their numbers: two steps of such rates move none of them far, and most of them a little.
    let (before, after) = (acting(&read, 1.0), acting(&adapters::read(&trained.pth).expect("it reads"), 1.0));
    let pairs = before.iter().zip(&after).flat_map(|(one, other)| one.2.iter().zip(&other.2));
    let moved: Vec<f32> = pairs.map(|(one, other)| (one - other).abs()).collect();
    assert!(moved.iter().all(|by| *by < 0.01), "{moved:?}");
    assert!(moved.iter().filter(|by| **by > 0.0).count() > moved.len() / 2);
}

#[test]
fn learning_from_the_same_noise_again_and_again_lowers_the_masked_loss() {
    let models =
        Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("the built-in model loads");
    let plan = training(1);
    let mut state = State::new(Parameters::new(&models, &plan).expect("words of the miniature"), &models.device);
    let picture = |name: &str| image::open(Path::new(PHOTOS).join(name)).expect("a picture");
    let latent = |name: &str| models.vae.encode_scaled(to_tensor(&picture(name).into_rgb8(), &models.device));
    let mask = |name: &str| {
        let small = picture(name).into_luma8();
        let small = image::imageops::resize(&small, 32, 32, image::imageops::FilterType::Triangle);
        small.as_raw().iter().map(|value| f32::from(*value) / 255.0).collect()
    };
    let batch = Batch {
        latents: Tensor::cat(vec![latent("0.png"), latent("4.png")], 0),
        noise: seeded(&[1, 2], [4, 32, 32], &models.device),
        timesteps: vec![350, 650],
        masks: vec![mask("0.mask.png"), mask("4.mask.png")],
        captions: vec!["<mint_1> <mint_2> in the city at night".into(), "<mint_1> <mint_2> on the beach".into()],
        weights: vec![1.0; 2],
    };
    let counts = Counts { background: 0.0, attention: 0.01, full_identity: false, recompute: false };
    let mut losses = Vec::new();
    for step in 1..=16 {
        let found = slope(&models, &state.parameters, &batch, counts);
        losses.push(found.denoising);
        for (index, (gradient, rate)) in found.gradients.into_iter().zip([5e-3, 5e-4, 2e-3]).enumerate() {
            let values = state.parameters.groups[index].clone();
            let gradient = gradient.expect("it is learnt");
            state.parameters.groups[index] = state.moments[index].step(values, gradient, step, rate, 0.01);
        }
    }
    println!("{losses:?}");
    assert!(losses[15] < 0.8 * losses[0], "{losses:?}");
}

#[test]
fn a_training_ends_early_with_the_concept_as_it_is_and_shows_it_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let mut plan = training(400);
    (plan.settings.show_every, plan.settings.checkpoint_every) = (16, 16);
    let followed = follow(&engine, job(plan, folder.path()), |id, step| {
        if step.step == 33 {
            engine.finish(id);
        }
    });
    let trained = followed.trained.expect("trained");
    assert!((33..37).contains(&trained.steps), "ended after {}", trained.steps);
    assert!(followed.steps.iter().all(|step| step.attention > 0.0 && step.norms.iter().all(|norm| *norm > 0.0)));
    assert_eq!(followed.checkpoints[..2], [16, 32]);
    let shown = [16, 32].map(|step| [(step, 0.0), (step, 0.7), (step, 1.0)]).concat();
    assert_eq!(followed.drawn[..6], shown);
    assert!(followed.warnings.is_empty(), "{:?}", followed.warnings);
}

#[test]
fn what_cannot_be_trained_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let says = |change: &dyn Fn(&mut Training), wanted: &[&str]| {
        let mut plan = training(1);
        change(&mut plan);
        let words = failed(plan, folder.path());
        for wanted in wanted {
            assert!(words.contains(wanted), "\"{words}\" does not say \"{wanted}\"");
        }
    };
    says(&|plan| plan.photos.clear(), &["no photos"]);
    says(&|plan| plan.photos[3].picture = "gone.png".into(), &["gone.png"]);
    says(&|plan| plan.photos[1].caption = "a cat".into(), &["1.png", "a cat", PLACE]);
    says(&|plan| plan.tokens[0].start = "purple elephants".into(), &["<mint_1>", "tokens of this model's"]);
    says(&|plan| plan.tokens[0].start = "<rand-x>".into(), &["<mint_1>", "<rand-0.013>"]);
    says(&|plan| plan.settings.size = Some(100), &["100 pixels", "multiple of 64"]);
    says(&|plan| plan.model = Some("/nowhere/model".into()), &["/nowhere/model"]);
    says(&|plan| plan.from = Some("0.txt".into()), &["0.txt"]);
    std::fs::write(folder.path().join("checkpoint.safetensors"), "damaged").unwrap();
    says(&|_| (), &["checkpoint.safetensors"]);
}

#[test]
fn a_checkpoint_of_another_training_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let trained = follow(&engine(), job(training(1), folder.path()), |_, _| ()).trained;
    assert!(trained.is_some());
    let checkpoint: PathBuf = folder.path().join("checkpoint.safetensors");
    let before = bytes(&checkpoint);
    let mut other = training(2);
    other.photos.pop();
    let words = failed(other, folder.path());
    assert!(words.contains("another training") && words.contains("choose another folder"), "{words}");
    assert!(bytes(&checkpoint) == before);
    // More steps of the same one go on.
    let more = follow(&engine(), job(training(2), folder.path()), |_, _| ());
    assert_eq!((more.resumed, more.trained.expect("trained").steps), (Some(1), 2));
}

#[test]
fn a_training_that_shows_the_subject_s_colours_ends_early_and_says_how_alike_its_pictures_are() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, mask: bool| {
        let mut plan = training(3);
        (plan.settings.show_every, plan.settings.enough) = (2, 0.001);
        // Large enough for a cat to be found in.
        plan.settings.size = None;
        if mask {
            let encoder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/encoders/clip");
            plan.encoder = Some(encoder.into());
        } else {
            plan.photos.iter_mut().for_each(|photo| photo.mask = None);
        }
        follow(&engine(), job(plan, &folder.path().join(name)), |_, _| ())
    };
    let enough = run("enough", true);
    let trained = enough.trained.expect("trained");
    assert_eq!((trained.steps, enough.warnings.len()), (2, 0));
    let likeness = trained.likeness.expect("the photos have masks");
    let of_sheet: Vec<f32> = trained.sheet.iter().filter_map(|picture| picture.likeness).collect();
    assert!(of_sheet.len() == 2 && (likeness - (of_sheet[0] + of_sheet[1]) / 2.0).abs() < 1e-6, "{of_sheet:?}");
    // It is told of the concept wherever it goes.
    let file = adapters::read(&trained.file).expect("a concept");
    assert!((file.about.likeness.expect("in its file") - likeness).abs() < 0.001);
    // So is what an encoder of the user's says.
    let alike = trained.alike.clone().expect("the training names an encoder");
    let of_sheet: Vec<f32> = trained.sheet.iter().filter_map(|picture| Some(picture.alike.as_ref()?.cosine)).collect();
    assert!(of_sheet.len() == 2 && (alike.cosine - (of_sheet[0] + of_sheet[1]) / 2.0).abs() < 1e-6, "{of_sheet:?}");
    assert!(!alike.whole, "the concept's words, which begin as a toy cat, are heeded where a cat is");
    let (encoder, cosine) = file.about.alike.clone().expect("in its file");
    assert!(encoder == "CLIP" && (cosine - alike.cosine).abs() < 0.001, "{encoder} {cosine}");

    // Without masks nobody knows, so all steps are taken.
    let unknown = run("unknown", false);
    assert_eq!(unknown.trained.map(|trained| (trained.steps, trained.likeness)), Some((3, None)));
    assert!(unknown.warnings[0].contains("no photo has a mask"), "{:?}", unknown.warnings);
}

#[test]
fn masks_that_are_empty_or_full_train_without_harm() {
    let folder = tempfile::tempdir().unwrap();
    for (name, light) in [("empty", 0), ("full", 255)] {
        let mask = folder.path().join(format!("{name}.png"));
        image::GrayImage::from_pixel(256, 256, image::Luma([light])).save(&mask).expect("written");
        let mut plan = training(2);
        // Nothing counts outside of masks, so with empty ones nothing does.
        plan.settings.background = 0.0;
        plan.photos.iter_mut().for_each(|photo| photo.mask = Some(mask.clone()));
        let followed = follow(&engine(), job(plan, &folder.path().join(name)), |_, _| ());
        let losses: Vec<f32> = followed.steps.iter().map(|step| step.denoising).collect();
        assert!(losses.len() == 2 && losses.iter().all(|loss| loss.is_finite()), "{name}: {losses:?}");
        assert_eq!(losses[0] > 0.0, light > 0, "{name}: {losses:?}");
        assert_eq!(followed.trained.expect("trained").steps, 2);
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_said_and_the_concept_comes_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = training(3);
    plan.settings.checkpoint_every = 1;
    let blocked = folder.path().join("checkpoint.safetensors");
    let followed = follow(&engine(), job(plan, folder.path()), |_, step| {
        // As a disk does that is full from here on, for this file alone.
        if step.step == 1 {
            let _ = std::fs::remove_file(&blocked);
            std::fs::create_dir_all(blocked.join("in the way")).expect("made");
        }
    });
    let trained = followed.trained.expect("trained");
    assert!(trained.steps == 3 && trained.file.exists() && trained.pth.exists());
    assert!(
        followed.warnings.iter().any(|words| words.contains("no checkpoint after step")),
        "{:?}",
        followed.warnings
    );
}

#[test]
fn a_render_waits_for_the_training_before_it_and_comes_then() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine();
    let trained = engine.train(job(training(2), folder.path()));
    let mut project = Project::new();
    project.canvas = Canvas { width: 128, height: 128 };
    (project.settings.steps, project.settings.inversion) = (1, Inversion::Coarse);
    let rendered = engine.render(project, PathBuf::from("."), DeviceChoice::Flex, Watch::default());
    let mut order = Vec::new();
    while order.len() < 2 {
        match engine.events().recv_timeout(PATIENCE).expect("the engine goes on") {
            Event::Training(id, TrainingEvent::Done(_)) => order.push(id),
            Event::Done(id, _) => order.push(id),
            Event::Failed(_, words) => panic!("{words}"),
            _ => {}
        }
    }
    assert_eq!(order, [trained, rendered]);
}
