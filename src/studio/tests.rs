//! The studio without a window: from edits to a rendered, paused, repainted and continued picture.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::places::Places;
use super::renders::runs::State;
use super::*;
use crate::engine::cache::Cache;
use crate::engine::device::DeviceChoice;
use crate::engine::masks::Mask;
use crate::engine::worker::Engine;
use crate::project::{Canvas, ConceptFile, Project, PromptReading, file};

/// A project that does not change when the examples are tuned.
const FROZEN: &str = include_str!("../../tests/data/projects-v1/beach.ron");

fn studio() -> Studio {
    studio_on(project())
}

pub(super) fn project() -> Project {
    let mut project = file::from_str(FROZEN).unwrap();
    project.canvas = Canvas { width: 128, height: 128 };
    for layer in project.layers_mut().unwrap() {
        (layer.x, layer.y, layer.scale) = (layer.x / 2.0, layer.y / 2.0, layer.scale / 2.0);
    }
    project.settings.steps = 6;
    project.settings.mask_refinement.starts = 4;
    project
}

fn studio_on(project: Project) -> Studio {
    studio_in(project, None)
}

pub(super) fn studio_in(project: Project, places: Option<Places>) -> Studio {
    let engine = Engine::start(Cache::none(), || ()).unwrap();
    let mut studio =
        Studio::new(engine, project, None, ".".into(), DeviceChoice::Flex, places, Arc::new(|| ())).unwrap();
    // Whatever else runs on the machine.
    studio.weigher.room = |_| None;
    studio
}

pub(super) fn wait(studio: &mut Studio, what: &str, mut until: impl FnMut(&mut Studio) -> bool) {
    let begun = Instant::now();
    loop {
        studio.poll();
        if until(studio) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn settle(studio: &mut Studio) {
    wait(studio, "quiet", |studio| {
        studio.advice();
        studio.collage_now().is_some() && studio.token_counts().is_some() && !studio.is_busy()
    });
}

#[test]
fn the_example_project_has_nothing_to_complain_of() {
    for name in ["beach", "meadow", "snow", "point"] {
        let text = crate::assets::find(&format!("projects/{name}.ron")).unwrap();
        let mut studio = studio_on(file::from_str(std::str::from_utf8(text).unwrap()).unwrap());
        settle(&mut studio);
        assert_eq!(*studio.advice(), [], "{name}");
        assert_eq!(studio.obstacle(), None, "{name}");
    }
    let mut studio = studio();
    settle(&mut studio);
    let counts = studio.token_counts().unwrap();
    assert_eq!((counts.base, counts.concepts), (8, vec![10, 10]));
}

/// A PNG of one pixel that the WebUI might have written.
fn theirs(folder: &std::path::Path) -> std::path::PathBuf {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    let text = "a (fox:1.3) <lora:fox:0.8>\nNegative prompt: blurry\nSteps: 21, Sampler: Euler a, CFG scale: 6, Seed: 7, Size: 512x500";
    encoder.add_text_chunk("parameters".into(), text.into()).unwrap();
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
    let path = folder.join("theirs.png");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_picture_by_others_is_asked_about_and_taken_over_as_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut studio = studio();
    let before = studio.project().clone();
    studio.take_in(theirs(folder.path()), Target::Anywhere { at: None, layer: None });
    wait(&mut studio, "the question", |studio| studio.session.questions.front().is_some());
    let Some(Question::OthersPicture { parameters, taken, left, .. }) = studio.session.questions.front().cloned()
    else {
        panic!("another question")
    };
    studio.session.questions.answered();
    assert!(taken.contains(&"Size: 512 × 512".to_owned()), "{taken:?}");
    assert!(left.iter().any(|line| line.contains("Euler a")), "{left:?}");
    assert_eq!(*studio.project(), before, "nothing is taken before it is wanted");
    studio.take_over(&parameters);
    assert_eq!((studio.project().seed, studio.project().settings.steps), (7, 21));
    assert_eq!(studio.project().layers(), before.layers());
    studio.document.undo();
    assert_eq!(*studio.project(), before);

    // Whoever asks for a picture gets its pixels.
    studio.take_in(theirs(folder.path()), Target::Background);
    wait(&mut studio, "the background", |studio| *studio.project() != before);
    assert!(studio.session.questions.front().is_none() && studio.project().seed == before.seed);
}

#[test]
fn the_prompt_says_what_it_asks_for_in_vain_and_offers_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Red_Fox.safetensors");
    std::fs::write(&file, crate::assets::find("miniature/concepts/mint_cat.safetensors").unwrap()).unwrap();
    let mut studio = studio();
    studio.document.folder = folder.path().into();
    studio.document.file = Some(folder.path().join("project.ron"));
    let said = |studio: &mut Studio| -> Vec<Advice> {
        settle(studio);
        studio.advice().iter().filter(|advice| advice.place == Place::Prompt).cloned().collect()
    };
    let prompt = "a cat and a (dog <lora:red_fox:0.4:0.6> <lora:none:1>";
    studio.edit("Words", |project| project.prompt = prompt.into());
    assert_eq!(said(&mut studio), [], "the plain reading takes signs as they stand");
    studio.edit("Reading", |project| project.settings.prompt_reading = PromptReading::Weighted);
    let advice = said(&mut studio);
    let words: Vec<&str> = advice.iter().map(|advice| advice.words.as_str()).collect();
    assert!(words[0].contains("never closed"), "{words:?}");
    assert!(words[1].contains("red_fox") && words[2].contains("no such file"), "{words:?}");
    // The first number is the text encoder's, as in the WebUI.
    assert_eq!(advice[1].load, [ConceptFile { file: file.clone(), strength: 0.6, text_strength: Some(0.4) }]);
    studio.take_in(file, Target::AskedFor { strength: 0.6, text_strength: Some(0.4) });
    wait(&mut studio, "the concept", |studio| studio.project().concept("Red Fox").is_some());
    let (_, concept) = studio.project().concept("Red Fox").unwrap();
    assert_eq!((concept.strength, concept.text_strength), (0.6, Some(0.4)));
    assert!(said(&mut studio).iter().all(|advice| !advice.words.contains("red_fox")));
}

#[test]
fn what_has_no_effect_is_said_where_it_is_set() {
    let mut studio = studio();
    studio.edit("Move the dog away", |project| project.layers_mut().unwrap()[1].x = -500.0);
    studio.edit("Other words", |project| project.prompt = "a cat at the sea".into());
    settle(&mut studio);
    let advice = studio.advice();
    let at = |place: &Place| {
        advice.iter().filter(|advice| advice.place == *place).map(|a| a.words.clone()).collect::<Vec<_>>()
    };
    assert!(at(&Place::Layer(1))[0].contains("plum dog will not appear"), "{advice:?}");
    assert!(at(&Place::Prompt)[0].contains("does not mention \"dog\""), "{advice:?}");
    assert!(at(&Place::Concept("plum dog".into()))[0].contains("dog"), "{advice:?}");
    studio.document.mention("plum dog");
    assert_eq!(studio.project().prompt, "a cat at the sea, a dog");
}

#[test]
fn a_missing_picture_stands_in_the_way_and_says_so() {
    let mut studio = studio();
    studio.edit("Break", |project| project.layers_mut().unwrap()[0].picture = "/nowhere/cat.png".into());
    wait(&mut studio, "the failure", |studio| studio.obstacle().is_some());
    assert!(studio.obstacle().unwrap().contains("/nowhere/cat.png"));
    assert!(studio.render().is_none());
    assert!(studio.session.notices.iter().any(|notice| notice.place == Place::Render));
    studio.document.undo();
    assert_eq!(studio.obstacle(), None);
}

#[test]
fn a_render_is_paused_painted_continued_and_branched() {
    let mut studio = studio();
    settle(&mut studio);
    let job = studio.render().unwrap();
    wait(&mut studio, "a step", |studio| studio.renders.runs.get(job).unwrap().newest().is_some());
    studio.edit_masks();
    wait(&mut studio, "the pause", |studio| matches!(studio.renders.runs.get(job).unwrap().state, State::Paused));
    let editor = studio.renders.mask_editor.as_mut().unwrap();
    editor.begin_stroke();
    editor.paint((0.1, 0.1), (0.3, 0.1));
    let painted = studio.continue_with_masks().unwrap();
    wait(&mut studio, "the picture", |studio| studio.renders.runs.get(painted).unwrap().finished().is_some());
    let run = studio.renders.runs.get(painted).unwrap();
    assert!(run.steps.iter().all(Option::is_some), "the earlier steps are shown too");

    studio.renders.runs.seek(2);
    studio.edit("Other words", |project| project.prompt = "a cat and a dog in the snow".into());
    let branch = studio.branch().unwrap();
    wait(&mut studio, "the branch", |studio| studio.renders.runs.get(branch).unwrap().finished().is_some());
    assert_eq!(studio.renders.runs.compared, Some((painted, 0)));
    let pictures = |studio: &Studio, job| studio.renders.runs.get(job).unwrap().finished().unwrap().pictures[0].clone();
    assert_ne!(pictures(&studio, painted), pictures(&studio, branch));
}

/// Renders to the end and begins to paint before the fourth step.
pub(super) fn paint(studio: &mut Studio) -> (Vec<Mask>, Vec<Mask>) {
    settle(studio);
    let job = studio.render().unwrap();
    wait(studio, "the picture", |studio| studio.renders.runs.get(job).unwrap().finished().is_some());
    studio.renders.runs.seek(2);
    studio.edit_masks();
    let editor = studio.renders.mask_editor.as_mut().unwrap();
    let before = editor.masks().to_vec();
    editor.begin_stroke();
    // The sky, where nobody stands.
    editor.paint((0.1, 0.1), (0.3, 0.1));
    assert_ne!(before, editor.masks());
    (before, editor.masks().to_vec())
}

fn go_on(studio: &mut Studio) -> image::RgbImage {
    let painted = studio.continue_with_masks().unwrap();
    wait(studio, "the picture", |studio| studio.renders.runs.get(painted).unwrap().finished().is_some());
    studio.renders.runs.get(painted).unwrap().finished().unwrap().pictures[0].clone()
}

#[test]
fn masks_that_a_crash_interrupted_are_painted_on_and_make_the_very_same_picture() {
    let mut whole = studio();
    paint(&mut whole);
    let expected = go_on(&mut whole);

    let folder = tempfile::tempdir().unwrap();
    let places = Places::in_folder(folder.path());
    let mut lost = studio_in(project(), Some(places.clone()));
    let (before, painted) = paint(&mut lost);
    assert!(!lost.document.history.is_dirty(), "strokes alone are kept too");
    lost.poll();
    // As a crash does, it ends without `close`.
    drop(lost);

    let recover = || {
        let mut studio = studio_in(Project::new(), Some(places.clone()));
        let Some(Question::Recover(found)) = studio.session.questions.front().cloned() else {
            panic!("nothing was left")
        };
        let [found] = found.as_slice() else { panic!("{} were left", found.len()) };
        assert_eq!((&found.project.prompt, found.project.layers().len()), (&project().prompt, 2));
        let kept = found.painted.as_ref().expect("the masks are there");
        assert_eq!((kept.step, kept.anew), (3, true));
        assert!(kept.masks.iter().map(|(_, mask)| mask).eq(&painted));
        studio.answer_by(Held::Recover(Box::new(found.clone())));
        let path = found.path.clone();
        wait(&mut studio, "that it is this session's", |_| !path.exists());
        studio
    };
    // A second crash before anything is answered loses nothing either.
    drop(recover());
    let mut studio = recover();
    let Some(Question::Repaint { words, step: 3 }) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    assert!(words.contains("before its step 4") && words.contains("the same to the last bit"), "{words}");
    // Decided later: they wait, and are asked about before others are painted or the project is left.
    studio.session.questions.answered();
    studio.ask_to(Held::New);
    assert_eq!(studio.session.questions.answered(), Some(Question::Unsaved(Held::New)));
    studio.edit_masks();
    assert!(matches!(studio.session.questions.front(), Some(Question::Repaint { .. })));
    studio.paint_on(true);
    wait(&mut studio, "the editor", |studio| studio.renders.mask_editor.is_some());
    let editor = studio.renders.mask_editor.as_mut().unwrap();
    assert_eq!((editor.step, editor.masks()), (3, painted.as_slice()));
    assert!(editor.undo() && editor.masks() == before, "its own masks are the very same");
    assert!(editor.redo());
    assert!(go_on(&mut studio) == expected, "and so is what comes of them");
}

#[test]
fn masks_that_are_given_up_or_used_are_not_kept_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::in_folder(folder.path());
    let left = || session::autosave::Autosave::recoverable(&places);
    for used in [false, true] {
        let mut studio = studio_in(project(), Some(places.clone()));
        paint(&mut studio);
        studio.poll();
        if used {
            go_on(&mut studio);
        } else {
            studio.go_ahead(Held::DropMasks);
        }
        studio.poll();
        drop(studio);
        assert_eq!(left().len(), 0, "used: {used}");
    }
}

#[test]
fn models_are_looked_up_when_what_may_be_started_changes_and_not_at_each_poll() {
    let mut studio = studio();
    settle(&mut studio);
    let polled = |studio: &mut Studio| {
        let before = studio.weigher.models.looks;
        (0..20).for_each(|_| _ = studio.poll());
        studio.weigher.models.looks - before
    };
    assert_eq!(polled(&mut studio), 0);
    studio.edit("Words", |project| project.prompt += " at noon");
    assert_eq!(polled(&mut studio), 1, "the project's");
    studio.document.folder = "/elsewhere".into();
    assert_eq!(polled(&mut studio), 1, "its path may start elsewhere");
    settle(&mut studio);
    let job = studio.render().unwrap();
    studio.renders.stop(job);
    wait(&mut studio, "the end", |studio| studio.renders.runs.active().next().is_none());
    assert_eq!(polled(&mut studio), 0);
    assert!(studio.renders.runs.iter().all(|run| !run.state.is_active()));
    studio.document.undo();
    assert_eq!(polled(&mut studio), 2, "the render's, and the project's");
}

#[test]
fn strokes_that_are_painted_while_a_project_is_read_again_are_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.ron");
    file::save(&other, &Project { prompt: "another".into(), ..Project::new() }).unwrap();
    let mut studio = studio();
    paint(&mut studio);
    studio.take_in(other, Target::Open);
    let asked = |studio: &mut Studio| {
        wait(studio, "the question", |studio| studio.session.questions.front().is_some());
        let Some(Question::Unsaved(held)) = studio.session.questions.front().cloned() else { panic!("another") };
        held
    };
    let held = asked(&mut studio);
    studio.answer_by(held);
    // What was agreed to were the strokes before this one.
    let editor = studio.renders.mask_editor.as_mut().unwrap();
    editor.begin_stroke();
    editor.paint((0.5, 0.1), (0.7, 0.1));
    let held = asked(&mut studio);
    assert!(studio.renders.mask_editor.is_some() && studio.project().prompt != "another");
    studio.answer_by(held);
    wait(&mut studio, "the other project", |studio| studio.project().prompt == "another");
    assert!(studio.renders.mask_editor.is_none());
}

#[test]
fn what_is_near_to_all_of_the_memory_is_asked_about_once_a_press() {
    let mut studio = studio();
    settle(&mut studio);
    studio.weigher.room = |_| Some(100_000_000);
    assert_eq!(studio.render(), None);
    assert_eq!(studio.render(), None);
    let Some(Question::Tight { press: Press::Render, words, .. }) = studio.session.questions.answered() else {
        panic!("not asked")
    };
    assert!(words.starts_with("Built-in miniature needs about ") && words.contains("100 MB"), "{words}");
    assert_eq!(studio.session.questions.front(), None, "once");
    assert_eq!(studio.renders.runs.active().count(), 0);

    // A GPU does not say how much memory it has.
    studio.renders.device = DeviceChoice::Wgpu;
    assert!(!studio.renders.on_cpu());
    studio.renders.device = DeviceChoice::Auto;
    assert!(studio.renders.on_cpu());
    studio.renders.has_gpu = true;
    assert!(!studio.renders.on_cpu());
    studio.renders.device = DeviceChoice::Flex;

    // A comparison that cannot begin says so in its place, another is asked about.
    studio.compare.draft.b = studio.compare.draft.a.clone();
    studio.compare();
    assert_eq!(studio.session.questions.front(), None);
    assert!(studio.session.notices.iter().any(|notice| notice.place == Place::Comparing));
    studio.compare.draft = compare::Draft::default();
    studio.compare();
    assert!(matches!(studio.session.questions.front(), Some(Question::Tight { press: Press::Compare, .. })));
    assert!(studio.compare.begun().is_none());
    studio.press_anyway(Press::Compare);
    assert!(studio.compare.begun().is_some());
    studio.stop_comparing();

    studio.render();
    studio.press_anyway(Press::Render);
    assert_eq!((studio.renders.runs.active().count(), studio.session.questions.front()), (1, None));
    // Where there is room, or the system does not say, nobody is asked.
    studio.weigher.room = |_| Some(1 << 50);
    assert!(studio.render().is_some());
    studio.weigher.room = |_| None;
    assert!(studio.render().is_some());
    let waiting: Vec<_> = studio.renders.runs.active().map(|run| run.job).collect();
    waiting.into_iter().for_each(|job| studio.renders.stop(job));
}

#[test]
fn whatever_goes_on_from_what_is_there_is_asked_about_its_memory_too() {
    let mut studio = studio();
    settle(&mut studio);
    let done = studio.render().unwrap();
    wait(&mut studio, "the picture", |studio| studio.renders.runs.get(done).unwrap().finished().is_some());
    let paused = studio.render().unwrap();
    wait(&mut studio, "a step", |studio| studio.renders.runs.get(paused).unwrap().newest().is_some());
    studio.renders.pause(paused);
    wait(&mut studio, "the pause", |studio| matches!(studio.renders.runs.get(paused).unwrap().state, State::Paused));
    studio.compare();
    studio.stop_comparing();
    wait(&mut studio, "that nothing runs", |studio| studio.renders.runs.active().next().is_none() && !studio.is_busy());
    let count = studio.renders.runs.iter().count();
    studio.renders.runs.show(done);
    studio.renders.runs.seek(2);
    studio.weigher.room = |_| Some(100_000_000);
    let asked = |studio: &mut Studio, press: Press| {
        assert_eq!(studio.renders.runs.iter().count(), count, "{press:?}: it began unasked");
        match studio.session.questions.front() {
            Some(Question::Tight { press: asked, words, .. }) => {
                assert_eq!(*asked, press);
                assert!(words.contains(" needs about ") && words.contains("100 MB"), "{words}");
            }
            other => panic!("{press:?}: {other:?}"),
        }
    };
    let stop = |studio: &mut Studio| {
        let job = studio.renders.runs.iter().next_back().unwrap().job;
        assert!(studio.renders.runs.get(job).unwrap().state.is_active(), "it began");
        studio.renders.stop(job);
        wait(studio, "the end", |studio| studio.renders.runs.active().next().is_none());
    };

    assert_eq!(studio.branch(), None);
    asked(&mut studio, Press::Branch);
    studio.session.questions.answered();
    assert_eq!(studio.resume(paused), None);
    asked(&mut studio, Press::Resume(paused));
    studio.session.questions.answered();
    studio.edit_masks();
    let editor = studio.renders.mask_editor.as_mut().unwrap();
    editor.begin_stroke();
    editor.paint((0.1, 0.1), (0.3, 0.1));
    let painted = studio.renders.painted();
    assert_eq!(studio.continue_with_masks(), None);
    asked(&mut studio, Press::WithMasks);
    assert!(studio.renders.mask_editor.is_some(), "what was painted is still there");
    studio.session.questions.answered();
    studio.go_ahead(Held::DropMasks);
    studio.renders.recover(painted.clone());
    studio.ask_to_paint_on();
    studio.paint_on(true);
    asked(&mut studio, Press::Repaint);
    assert!(studio.renders.recovered().is_some() && !studio.renders.makes_anew());
    studio.session.questions.answered();
    studio.renders.recover(None);
    studio.compare_on();
    asked(&mut studio, Press::CompareOn);
    assert_eq!(studio.compare.begun().unwrap().going, compare::Going::Stopped);

    // And whoever wants it all the same has it.
    studio.press_anyway(Press::CompareOn);
    assert_eq!(studio.compare.begun().unwrap().going, compare::Going::On);
    studio.stop_comparing();
    studio.branch();
    studio.press_anyway(Press::Branch);
    stop(&mut studio);
    studio.resume(paused);
    studio.press_anyway(Press::Resume(paused));
    stop(&mut studio);
    assert_eq!(studio.session.questions.front(), None);
}

#[test]
fn a_training_that_goes_on_is_asked_about_its_memory_too() {
    let mut studio = studio();
    let photos = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/training");
    studio.train.add(vec![photos]);
    wait(&mut studio, "the photos", |studio| {
        studio.train.findings();
        studio.train.training().photos.len() == 6 && studio.train.obstacle().is_none() && !studio.is_busy()
    });
    let id = studio.train().unwrap();
    // It waits for its turn, so that it is paused at once.
    studio.pause_training(id);
    assert!(studio.train.is_waiting(id));
    settle(&mut studio);
    studio.weigher.room = |_| Some(1_000_000);
    for press in [Press::TrainOn(id), Press::TrainToEnd(id)] {
        match press {
            Press::TrainOn(id) => studio.go_on_training(id),
            _ => studio.finish_training(id),
        }
        assert!(studio.train.is_waiting(id), "it began unasked");
        match studio.session.questions.answered() {
            Some(Question::Tight { press: asked, words, .. }) => {
                assert_eq!(asked, press);
                assert!(words.contains("photos of 256 pixels") && words.contains("of memory are free"), "{words}");
            }
            other => panic!("{other:?}"),
        }
    }
    studio.go_on_training(id);
    studio.press_anyway(Press::TrainOn(id));
    assert!(!studio.train.is_waiting(id));
}

#[test]
fn attention_is_recorded_unless_somebody_turns_it_off_and_the_picture_is_the_same() {
    let mut studio = studio();
    settle(&mut studio);
    let mut pictures = Vec::new();
    for on in [true, false] {
        studio.watch_attention(on);
        assert_eq!((studio.session.config.watch_attention, studio.demand().watched), (on, on));
        let job = studio.render().unwrap();
        wait(&mut studio, "the picture", |studio| studio.renders.runs.get(job).unwrap().finished().is_some());
        let run = studio.renders.runs.get(job).unwrap();
        let seen = run.steps.iter().flatten();
        assert!(seen.clone().all(|step| step.attention.is_empty() != on && step.clusters.is_empty() != on));
        assert!(seen.clone().all(|step| !step.masks.is_empty() && !step.previews.is_empty()));
        pictures.push(run.finished().unwrap().pictures.clone());
    }
    assert!(pictures[0] == pictures[1]);
}

#[test]
fn layers_are_added_assigned_duplicated_reordered_and_all_of_it_undone() {
    let mut studio = studio();
    let before = studio.project().clone();
    let index = studio.add_layer("assets:cutouts/tan_bear.png".into(), (256, 256), Some((20.0, 30.0))).unwrap();
    let file = ConceptFile::new("assets:miniature/concepts/coral_bear.safetensors");
    let name = studio.document.add_concept(file, &["<coral_bear_1>".into()]);
    assert_eq!((name.as_str(), studio.project().concepts[2].class_word.as_str()), ("coral bear", "bear"));
    studio.document.assign(index, Some(name.clone()));
    studio.document.duplicate_selected((10.0, 10.0));
    assert_eq!(studio.document.selected(), Some(3));
    studio.document.reorder_selected(Reorder::Back);
    assert_eq!(studio.project().layers()[0].concept.as_ref(), Some(&name));
    studio.document.nudge((1.0, 0.0));
    studio.document.nudge((1.0, 0.0));
    studio.document.end_gesture();
    studio.rename_concept(&name, "Teddy");
    assert!(studio.project().layers().iter().all(|layer| layer.concept.as_deref() != Some("coral bear")));
    studio.document.remove_concept("Teddy");
    studio.document.select(0..4);
    studio.document.delete_selected();
    let mut names = Vec::new();
    while let Some(name) = studio.document.undo() {
        names.push(name);
    }
    assert_eq!(names.len(), 9, "{names:?}");
    assert_eq!(*studio.project(), before);
    assert!(names.contains(&"Assign coral bear to tan bear".to_owned()), "{names:?}");
}

#[test]
fn a_locked_layer_is_neither_nudged_nor_deleted() {
    let mut studio = studio();
    studio.document.edit_layer(0, "Lock", |layer| layer.locked = true);
    let before = studio.project().clone();
    studio.document.select([0]);
    studio.document.nudge((5.0, 5.0));
    studio.document.delete_selected();
    studio.document.edit_selected("Flip", |layer| layer.flip = !layer.flip);
    assert_eq!(*studio.project(), before);
}

/// A kohya file that changes one layer of the miniature, with the captions of its pictures.
fn kohya(path: &std::path::Path) {
    let numbers = |count: usize| (0..count).flat_map(|index| (index as f32 / 100.0).to_le_bytes()).collect::<Vec<u8>>();
    let (factor, alpha) = (numbers(2 * 32), 2.0f32.to_le_bytes());
    let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    let view = |shape: &[usize], bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes).unwrap()
    };
    let tensors = [
        (format!("{module}.lora_down.weight"), view(&[2, 32], &factor)),
        (format!("{module}.lora_up.weight"), view(&[32, 2], &factor)),
        (format!("{module}.alpha"), view(&[], &alpha)),
    ];
    let tags = r#"{"10_pets": {"tomcat": 10, "red collar": 4}}"#;
    let metadata = [("ss_tag_frequency".to_owned(), tags.to_owned())].into();
    safetensors::serialize_to_file(tensors, Some(metadata), path).unwrap();
}

#[test]
fn a_lora_is_loaded_as_its_trainer_means_it_and_called_by_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my_bear.safetensors");
    kohya(&path);
    let ed_lora = folder.path().join("lime_robot.pth");
    std::fs::write(&ed_lora, crate::assets::find("miniature/concepts/lime_robot.safetensors").unwrap()).unwrap();
    let mut studio = studio();
    let layer = Some(studio.project().layers()[1].id);
    studio.take_in(path.clone(), Target::Anywhere { at: None, layer });
    wait(&mut studio, "the concept", |studio| studio.project().concepts.len() == 3);
    let concept = studio.project().concepts[2].clone();
    assert_eq!((concept.name.as_str(), concept.class_word.as_str(), concept.strength), ("my bear", "bear", 1.0));
    assert_eq!(studio.project().layers()[1].concept.as_deref(), Some("my bear"));
    settle(&mut studio);
    let place = Place::Concept("my bear".into());
    let said = |studio: &mut Studio| {
        let advice = studio.advice();
        advice.iter().filter(|advice| advice.place == place).map(|advice| advice.words.clone()).collect::<String>()
    };
    let words = said(&mut studio);
    assert!(words.contains("called by the word \"bear\" alone") && words.contains("tomcat"), "{words}");
    assert_eq!(studio.call_of(&concept), "bear");
    studio.document.edit_concept("my bear", "Trigger words", |concept| concept.toggle_trigger("tomcat"));
    settle(&mut studio);
    assert!(!said(&mut studio).contains("alone"));
    let concept = studio.project().concepts[2].clone();
    assert_eq!(studio.call_of(&concept), "tomcat");

    // A file whose name says nothing stands for what of its captions the prompt mentions.
    let nameless = folder.path().join("v7.safetensors");
    std::fs::copy(&path, &nameless).unwrap();
    studio.edit("Words", |project| project.prompt = "a Tomcat and a dog on the beach".into());
    studio.take_in(nameless, Target::Concept);
    wait(&mut studio, "the concept", |studio| studio.project().concept("v7").is_some());
    assert_eq!(studio.project().concept("v7").unwrap().1.class_word, "tomcat");
    studio.document.remove_concept("v7");

    // Further files and styles, each once and each a step.
    for _ in 0..2 {
        studio.take_in(ed_lora.clone(), Target::MoreOf("my bear".into()));
        studio.take_in(path.clone(), Target::Style);
        settle(&mut studio);
    }
    let more = &studio.project().concepts[2].more;
    assert_eq!(more.iter().map(|file| file.strength).collect::<Vec<_>>(), [0.7]);
    assert_eq!(studio.project().styles.iter().map(|file| file.strength).collect::<Vec<_>>(), [1.0]);
    let concept = studio.project().concepts[2].clone();
    assert_eq!(studio.call_of(&concept), "tomcat", "what was chosen goes before the file's own words");
    assert_eq!(studio.obstacle(), None);
}
