//! The Train page, driven as a person would: photos, captions, masks, findings and their cures, training, use.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::gui::look::Page;
use podium::gui::train::View;
use podium::link::{Event as Told, Stage, Trained, TrainingEvent, TrainingPicture, TrainingStep};
use podium::studio::session::config;
use podium::studio::train::runs::State;

use crate::looks::{Dropped, same_in_both_themes, settle, until, window};
use crate::story::{drag, says};
use crate::studio::small;
use crate::train::copied;

type Window = Harness<'static, Podium>;

fn opened(size: [f32; 2]) -> Window {
    let mut window = window(small("beach", 4), size, Theme::Dark);
    window.state_mut().look.page = Page::Train;
    settle(&mut window);
    window
}

/// Drops everything that lies in a folder, or the folder itself.
fn drop_on(window: &mut Window, paths: &[std::path::PathBuf]) {
    for path in paths {
        window.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
    }
    window.step();
    window.input_mut().dropped_files.clear();
    settle(window);
}

fn press(window: &mut Window, name: &str) {
    // It may have to be scrolled to.
    window.get_by_role_and_label(Role::Button, name).click_accesskit();
    window.step();
    window.step();
}

fn six_photos(window: &mut Window, folder: &Path) {
    let photos = copied(folder);
    let paths: Vec<_> = (0..6).map(|number| photos.join(format!("{number}.png"))).collect();
    drop_on(window, &paths);
}

/// Writes the page as it is while a concept is trained, in both themes.
pub fn write_screenshots(to: &Path) {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1440.0, 900.0]);
    six_photos(&mut window, folder.path());
    let studio = &mut window.state_mut().studio;
    studio.train.draft.edit("As in the picture", |training| {
        training.rename("mint_cat", "cat");
        training.settings.steps = 240;
        training.settings.batch = 2;
        training.settings.show_every = 120;
    });
    let id = studio.train().expect("nothing stands in the way");
    window.state_mut().panels.train.view = View::Progress;
    until(&mut window, "the first pictures", |podium| {
        podium.studio.train.runs.shown().is_some_and(|run| run.steps().0 >= 130)
    });
    for (theme, ending) in [(config::Theme::Dark, "dark"), (config::Theme::Light, "light")] {
        window.state_mut().studio.session.config.theme = theme;
        window.event(Event::PointerGone);
        window.run_steps(4);
        let picture = window.render().expect("an adapter draws it");
        picture.save(to.join(format!("train-{ending}.png"))).expect("written");
    }
    window.state_mut().studio.pause_training(id);
}

fn type_into(window: &mut Window, field: &str, words: &str) {
    window.get_by_role_and_label(Role::TextInput, field).focus();
    window.step();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.step();
    window.event(Event::Text(words.into()));
    window.step();
    window.step();
}

#[test]
fn photos_are_dropped_captioned_masked_and_every_finding_has_its_cure() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1280.0, 800.0]);
    assert!(says(&window).contains("Drop 3 to 15 photos"), "{}", says(&window));
    assert!(says(&window).contains("There are no photos: add 3 to 15"), "{}", says(&window));
    six_photos(&mut window, folder.path());
    let text = says(&window);
    for words in ["Photo 0.png", "Caption of 5.png", "6 photos", "0.png · 256 x 256", "The class word is empty"] {
        assert!(text.contains(words), "{words}: {text}");
    }

    type_into(&mut window, "Name of the concept", "mint_cat");
    type_into(&mut window, "Class word", "cat");
    let training = window.state().studio.train.training().clone();
    assert_eq!((training.name.as_str(), training.class_word.as_str()), ("mint_cat", "cat"));
    assert_eq!(training.tokens[0].word, "<mint_cat_1>");
    assert!(says(&window).contains("Nothing is wrong with the photos"), "{}", says(&window));

    type_into(&mut window, "Caption of 1.png", "a cat in the desert");
    settle(&mut window);
    assert!(says(&window).contains("The caption of 1.png does not say"), "{}", says(&window));
    press(&mut window, "Put <TOK> into the caption");
    settle(&mut window);
    assert_eq!(window.state().studio.train.training().photos[1].caption, "a <TOK> in the desert");

    // Paint a mask: nothing of it is left, then a part of it again.
    press(&mut window, "Paint the mask of 2.png");
    settle(&mut window);
    press(&mut window, "Clear");
    settle(&mut window);
    assert!(says(&window).contains("The mask of 2.png is empty"), "{}", says(&window));
    let board = window.get_by_label_contains("2.png with its mask").rect();
    drag(&mut window, board.lerp_inside(vec2(0.3, 0.3)), board.lerp_inside(vec2(0.6, 0.5)));
    settle(&mut window);
    assert!(!says(&window).contains("The mask of 2.png is empty"), "{}", says(&window));
    let look = window.state_mut().studio.train.photo(2).expect("a photo");
    let share = look.ready().expect("read").facts.share;
    assert!((0.01..0.3).contains(&share), "{share} of the photo is masked");
    press(&mut window, "Done");

    // All of it is undone by keys, and the project behind is untouched.
    let start = window.state().studio.project().clone();
    for _ in 0..60 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.step();
    }
    assert!(window.state().studio.train.training().photos.is_empty());
    assert_eq!(*window.state().studio.project(), start);
}

#[test]
fn settings_are_changed_by_presets_and_reset_by_one_press() {
    let mut window = opened([1440.0, 900.0]);
    window.get_by_role_and_label(Role::RadioButton, "Preset: Paper").click_accesskit();
    window.step();
    window.step();
    assert_eq!(window.state().studio.train.training().settings.steps, 1500);
    window.state_mut().studio.train.draft.edit("Steps", |training| training.settings.steps = 20);
    settle(&mut window);
    assert!(says(&window).contains("changed"), "{}", says(&window));
    press(&mut window, "Reset steps to 1500");
    assert_eq!(window.state().studio.train.training().settings.steps, 1500);
    assert!(says(&window).contains("1500 steps with the rates of Mix-of-Show"), "{}", says(&window));
}

/// A training that nobody computes, as far as `steps`.
fn made_up(window: &mut Window, steps: usize) -> u64 {
    let studio = &mut window.state_mut().studio;
    studio.train.draft.edit("Name", |training| {
        training.rename("mint_cat", "cat");
        training.settings.steps = 100;
    });
    // What it tells is made up, once the engine has told the last of its own: that comes after the start was seen.
    let id = studio.train().expect("nothing stands in the way");
    let state = |podium: &Podium| podium.studio.train.runs.get(id).expect("it").state.clone();
    until(window, "the training that starts", |podium| matches!(state(podium), State::Running));
    window.state_mut().studio.pause_training(id);
    until(window, "the training that stops", |podium| matches!(state(podium), State::Paused));
    let studio = &mut window.state_mut().studio;
    let job = studio.train.runs.get(id).expect("it").job;
    let mut tell = |event: Told| studio.train.take(&event);
    tell(Told::Started { job, device: "CPU, 2 threads".into(), first_use: false });
    tell(Told::Training(job, TrainingEvent::Resumed(0)));
    tell(Told::Progress { job, stage: Stage::ReadingPhotos, step: 6, steps: 6 });
    for step in 1..=steps {
        let wave = (step as f32 * 0.7).sin() * 0.03;
        let norms = [0.4 + step as f32 * 1e-3, 0.35];
        let denoising = 0.3 / (1.0 + step as f32 * 0.05) + wave.abs();
        let took = Duration::from_millis(400);
        let told = TrainingStep { step, steps: 100, denoising, attention: 0.01, norms, took };
        tell(Told::Training(job, TrainingEvent::Step(told)));
    }
    tell(Told::Training(job, TrainingEvent::Checkpoint(steps)));
    for (index, strength) in [0.0, 0.7, 1.0].into_iter().enumerate() {
        tell(Told::Training(job, TrainingEvent::Drawn(picture(steps, strength, index as u8))));
    }
    id
}

fn picture(step: usize, strength: f32, shade: u8) -> Arc<TrainingPicture> {
    let picture = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 3, y as u8 * 3, 60 + shade * 60]));
    Arc::new(TrainingPicture {
        step,
        prompt: "<TOK> on the beach".into(),
        strength,
        seed: 1,
        picture,
        likeness: Some(0.75),
        alike: None,
    })
}

#[test]
fn a_training_is_watched_and_its_concept_is_used_on_a_layer() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1280.0, 800.0]);
    six_photos(&mut window, folder.path());
    same_in_both_themes(&mut window, "train-photos");
    let id = made_up(&mut window, 60);
    window.state_mut().panels.train.view = View::Progress;
    settle(&mut window);
    let text = says(&window);
    for words in ["Paused after step 60 of 100", "Go on", "Stop and keep", "Checkpoint after step 60", "strength 0.7"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    same_in_both_themes(&mut window, "train-progress");

    let studio = &mut window.state_mut().studio;
    let (job, run) = studio.train.runs.get(id).map(|run| (run.job, run.folder.clone())).expect("it");
    std::fs::create_dir_all(&run).expect("created");
    let file = run.join("mint_cat.pth");
    std::fs::write(run.join("mint_cat.sheet.png"), b"a page").expect("written");
    let concept = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/miniature/concepts/mint_cat.safetensors");
    std::fs::copy(concept, &file).expect("copied");
    let sheet = (0..6).map(|at| picture(100, 0.7, at)).collect();
    let trained = Trained {
        file: file.clone(),
        pth: file.clone(),
        steps: 100,
        sheet,
        likeness: Some(0.75),
        alike: None,
        elapsed: Duration::from_secs(40),
    };
    studio.train.take(&Told::Training(job, TrainingEvent::Done(Arc::new(trained))));
    studio.document.select_only(0);
    settle(&mut window);
    let text = says(&window);
    for words in [
        "Trained 100 steps in 40 s · likeness 0.75",
        "seed 1, likeness 0.75",
        "Test sheet of mint_cat",
        "mint_cat.sheet.png",
        "0.png",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    same_in_both_themes(&mut window, "train-done");
    press(&mut window, "Use on layer 1");
    let project = window.state().studio.project().clone();
    let concept = project.concepts.last().expect("one");
    assert_eq!((&concept.file, concept.class_word.as_str()), (&file, "cat"));
    assert_eq!(project.layers()[0].concept.as_ref(), Some(&concept.name));
    assert!(says(&window).contains(&format!("It is the concept {}.", concept.name)), "{}", says(&window));
    press(&mut window, "Go to Compose");
    assert_eq!(window.state().look.page, Page::Compose);
    window.state_mut().studio.document.undo();
    assert_eq!(window.state().studio.project().concepts.len(), project.concepts.len() - 1, "it was one step");
}

#[test]
fn everything_of_the_page_can_be_reached_in_a_small_window() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1024.0, 700.0]);
    six_photos(&mut window, folder.path());
    made_up(&mut window, 10);
    for _ in 0..2 {
        settle(&mut window);
        crate::looks::picture_of(&mut window, "train-small");
        let text = says(&window);
        for words in ["Start training", "Findings", "New concept", "Class word", "Progress"] {
            assert!(text.contains(words), "{words} is missing: {text}");
        }
        window.state_mut().studio.session.config.ui_scale = 2.0;
    }
}

#[test]
fn a_running_training_is_asked_about_before_the_window_closes() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1024.0, 700.0]);
    six_photos(&mut window, folder.path());
    let studio = &mut window.state_mut().studio;
    assert!(studio.loses_by_closing().is_empty());
    studio.train.draft.edit("Name", |training| training.rename("mint_cat", "cat"));
    let id = studio.train().expect("nothing stands in the way");
    let losses = studio.loses_by_closing().join(" ");
    assert!(losses.contains("leaves a checkpoint"), "{losses}");
    studio.pause_training(id);
}

#[test]
fn six_photos_are_trained_for_twenty_steps_used_on_a_layer_and_rendered() {
    let folder = tempfile::tempdir().expect("temporary");
    let mut window = opened([1280.0, 800.0]);
    six_photos(&mut window, folder.path());
    type_into(&mut window, "Name of the concept", "mint_cat");
    type_into(&mut window, "Class word", "cat");
    window.state_mut().studio.train.draft.edit("Short", |training| {
        training.settings.steps = 20;
        training.settings.size = Some(128);
        training.settings.batch = 1;
        training.settings.show_every = 10;
        training.prompts.truncate(1);
    });
    settle(&mut window);
    press(&mut window, "Start training");
    until(&mut window, "the concept", |podium| match podium.studio.train.runs.shown().map(|run| &run.state) {
        Some(State::Failed(words)) => panic!("{words}"),
        state => matches!(state, Some(State::Done(_))),
    });
    settle(&mut window);
    let run = window.state().studio.train.runs.shown().expect("a run").clone();
    assert_eq!((run.steps(), run.curves.points().len()), ((20, 20), 20));
    let on_the_way = run.pictures.iter().filter(|picture| picture.step == 10);
    let strengths: Vec<f32> = on_the_way.map(|picture| picture.strength).collect();
    assert_eq!(strengths, [0.0, 0.7, 1.0]);
    assert!(run.curves.points().iter().all(|point| point.denoising.is_finite() && point.norms[0] > 0.0));
    crate::looks::picture_of(&mut window, "story-train-done");
    window.state_mut().studio.document.select_only(0);
    window.step();
    window.step();
    press(&mut window, "Use on layer 1");
    press(&mut window, "Go to Compose");
    let name = window.state().studio.project().layers()[0].concept.clone().expect("a concept");
    settle(&mut window);
    crate::looks::render(&mut window);
    crate::looks::picture_of(&mut window, "story-train-rendered");
    let project = &window.state().studio.renders.runs.shown().expect("a run").project;
    assert_eq!((project.settings.steps, project.layers()[0].concept.as_ref()), (4, Some(&name)));
}
