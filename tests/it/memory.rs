//! What memory runs out of: what is said before a render that may not fit, and, ignored, what is taken at most against what
//! is said. Run the latter one at a time, since the peak is the process's:
//! `cargo test --release --test it -- --ignored --nocapture --test-threads=1 memory::peak`.

use podium::engine::adapters::Held;
use podium::engine::fit;
use podium::engine::inspect::{Demand, inspect_model};
use podium::engine::weights::ModelFiles;
use podium::project::{Canvas, Project, file};

use crate::studio::frozen;

/// An example on a canvas of another size, whose only step refines masks and aligns nothing.
fn sized(side: u32, pictures: u32) -> Project {
    let mut project = frozen("beach");
    let factor = side as f32 / project.canvas.width as f32;
    project.canvas = Canvas { width: side, height: side };
    for layer in project.layers_mut().expect("a collage") {
        layer.x *= factor;
        layer.y *= factor;
        layer.scale *= factor;
    }
    let settings = &mut project.settings;
    settings.steps = 1;
    settings.layout_alignment.enabled = false;
    settings.mask_refinement.enabled = true;
    (settings.mask_refinement.start, settings.mask_refinement.starts) = (0.0, 4);
    project.pictures = pictures;
    assert!(project.settings.refined_steps()[0]);
    project
}

#[test]
fn a_render_that_may_not_fit_is_a_note_and_with_strict_does_not_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let project = sized(2048, 16);
    let model = inspect_model(&ModelFiles::BuiltIn).expect("built in");
    let demand = Demand::of(&project, Held::default());
    // Nearly four times a machine of 16 GB.
    let needed = model.needed_bytes(demand);
    assert!(needed > 50_000_000_000, "{needed} bytes");
    if fit::room(0).is_none_or(|room| model.tight(demand, room).is_none()) {
        println!("this machine has room for it, or does not say: skipped");
        return;
    }
    file::save(&folder.path().join("large.ron"), &project).expect("saved");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_podium"))
        .args(["render", "large.ron", "-o", "out.png", "--device", "flex", "--strict"])
        .current_dir(folder.path())
        .env("PODIUM_CACHE_DIR", folder.path().join("cache"))
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !folder.path().join("out.png").exists(), "{words}");
    for part in ["built-in miniature needs about", "with --strict this ends the render"] {
        assert!(words.contains(part), "{words}");
    }
}

/// What is said where a command does not begin for want of memory; None where this machine has room.
fn refused(folder: &std::path::Path, projects: &[Project], arguments: &[&str]) -> Option<String> {
    let model = inspect_model(&ModelFiles::BuiltIn).expect("built in");
    let tight = |project: &Project| model.tight(Demand::of(project, Held::default()), fit::room(0)?);
    projects.iter().find_map(tight)?;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_podium"))
        .args(arguments)
        .current_dir(folder)
        .env("PODIUM_CACHE_DIR", folder.join("cache"))
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && words.contains("built-in miniature needs about"), "{words}");
    Some(words)
}

#[test]
fn a_comparison_and_an_evaluation_that_may_not_fit_do_not_begin_with_strict() {
    use podium::evaluate::run::one_of_each;
    use podium::evaluate::suite::Suite;

    let folder = tempfile::tempdir().expect("a folder");
    let mut project = sized(2048, 1);
    project.settings.layout_alignment.enabled = true;
    file::save(&folder.path().join("large.ron"), &project).expect("saved");
    let arguments =
        ["compare", "large.ron", "--set", "guidance_scale=2", "--out", "sides", "--device", "flex", "--strict"];
    match refused(folder.path(), &[project], &arguments) {
        Some(words) => assert!(words.contains("with --strict this ends the comparison"), "{words}"),
        None => println!("this machine has room for a comparison, or does not say: skipped"),
    }

    let text = Suite::shipped("plush").expect("shipped");
    let mut suite = Suite::from_text(std::str::from_utf8(text).expect("UTF-8")).expect("a suite");
    suite.canvas = Canvas { width: 2048, height: 2048 };
    std::fs::write(folder.path().join("suite.ron"), suite.to_text().expect("a text")).expect("written");
    let units = suite.units(&suite.choice(false, &[]).expect("its own methods"));
    let projects = one_of_each(&suite, &units, folder.path());
    assert!(projects.iter().all(|project| project.canvas.width == 2048), "as it is rendered");
    for arguments in [
        &["evaluate", "suite.ron", "--out", "all", "--device", "flex", "--strict"][..],
        &[
            "evaluate",
            "search",
            "suite.ron",
            "--out",
            "all",
            "--try",
            "guidance_scale=4,5",
            "--device",
            "flex",
            "--strict",
        ][..],
    ] {
        match refused(folder.path(), &projects, arguments) {
            Some(words) => assert!(words.contains("with --strict this ends the evaluation"), "{words}"),
            None => println!("this machine has room for an evaluation, or does not say: skipped"),
        }
        assert!(!folder.path().join("all").join("search.json").exists(), "nothing was begun");
    }
}

#[cfg(feature = "gui")]
mod asked {
    use eframe::egui::Theme;
    use eframe::egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use podium::gui::Podium;
    use podium::studio::{Press, Question};

    use crate::looks::{settle, window};
    use crate::story::says;
    use crate::studio::small;

    fn asked(fits_unwatched: bool) -> Harness<'static, Podium> {
        let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
        let words = "Built-in miniature needs about 5.6 GB for this project, and 4.0 GB of memory are free.".into();
        window.state_mut().studio.session.questions.ask(Question::Tight {
            press: Press::Render,
            words,
            fits_unwatched,
        });
        window.step();
        window.step();
        assert!(says(&window).contains("4.0 GB of memory are free"), "{}", says(&window));
        window
    }

    fn press(window: &mut Harness<'static, Podium>, name: &str) {
        window.get_by_role_and_label(Role::Button, name).click();
        window.step();
        window.step();
    }

    fn begun(window: &Harness<'static, Podium>) -> usize {
        window.state().studio.renders.runs.iter().count()
    }

    #[test]
    fn a_render_is_left_or_begun_anyway_or_begun_without_attention() {
        let mut window = asked(false);
        assert!(!says(&window).contains("Go on without recording attention"), "it would not help");
        press(&mut window, "Leave it");
        assert!(window.state().studio.session.questions.front().is_none());
        assert_eq!(begun(&window), 0);

        let mut window = asked(false);
        press(&mut window, "Render anyway");
        assert!(window.state().studio.session.questions.front().is_none());
        assert_eq!((begun(&window), window.state().studio.session.config.watch_attention), (1, true));

        let mut window = asked(true);
        press(&mut window, "Go on without recording attention");
        let studio = &window.state().studio;
        assert_eq!((begun(&window), studio.session.config.watch_attention), (1, false));
        assert!(!studio.renders.watched().clusters && !studio.renders.watched().attention);
        // The panel of model and device turns it on again.
        window.state_mut().panels.device.open = true;
        settle(&mut window);
        window.get_by_role_and_label(Role::CheckBox, "Record attention while rendering").click_accesskit();
        window.step();
        window.step();
        assert!(window.state().studio.session.config.watch_attention);
        assert!(window.state().studio.renders.watched().clusters);
    }

    #[test]
    fn masks_that_wait_are_asked_about_with_their_step() {
        let mut window = window(small("beach", 6), [1280.0, 800.0], Theme::Light);
        let words = "Masks of beach 1 were being painted before its step 4.".into();
        window.state_mut().studio.session.questions.ask(Question::Repaint { words, step: 3 });
        window.step();
        window.step();
        for words in ["before its step 4", "Render to step 3 and paint on", "Give the masks up"] {
            assert!(says(&window).contains(words), "{words} is missing: {}", says(&window));
        }
        press(&mut window, "Give the masks up");
        assert!(window.state().studio.session.questions.front().is_none());
    }
}

#[cfg(target_os = "linux")]
mod peak {
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use podium::engine::memory::{self, words};
    use podium::engine::worker::Engine;
    use podium::link::{DeviceChoice, Event, Watch};

    use super::*;
    use crate::layouts::{forget_peak, peak};
    use crate::studio::engine;

    fn finish(engine: &Engine) {
        loop {
            match engine.events().recv_timeout(Duration::from_secs(4 * 3600)).expect("the engine answers") {
                Event::Done(..) => return,
                Event::Failed(_, words) => panic!("{words}"),
                _ => {}
            }
        }
    }

    /// Renders one step of square canvases, watched or not, and compares what each takes with what is said.
    fn recorded(canvases: &[(u32, Watch)]) {
        let model = inspect_model(&ModelFiles::BuiltIn).expect("built in");
        let engine = engine();
        for (side, watch) in canvases.iter().copied() {
            let project = sized(side, 1);
            let said = model.needed_bytes(Demand::of(&project, Held::default()).watched_by(watch));
            forget_peak();
            let begun = Instant::now();
            engine.render(project, PathBuf::from("."), DeviceChoice::Flex, watch);
            finish(&engine);
            let taken = peak();
            let seen = if watch == Watch::ALL { "watched" } else { "unwatched" };
            println!(
                "{side} x {side}, {seen}: {} are said, {} were taken at most, in {:.0?}",
                words(said),
                words(taken),
                begun.elapsed()
            );
            let ratio = said as f64 / taken as f64;
            assert!((0.65..1.5).contains(&ratio), "{side}, {seen}: {ratio}");
        }
    }

    #[test]
    #[ignore = "takes minutes and 2 GB"]
    fn what_recording_attention_takes_up_to_1024_pixels_is_what_is_said() {
        let watches = [Watch::default(), Watch::ALL];
        recorded(&[512, 1024].map(|side| watches.map(|watch| (side, watch))).concat());
    }

    #[test]
    #[ignore = "takes ten minutes and 6 GB"]
    fn what_a_render_takes_at_2048_pixels_is_what_is_said() {
        recorded(&[(2048, Watch::default())]);
    }

    #[test]
    #[ignore = "takes half an hour and up to 9 GB"]
    fn what_recording_attention_takes_at_2048_pixels_is_what_is_said() {
        recorded(&[(2048, Watch::ALL)]);
    }

    #[test]
    #[ignore = "takes a quarter of an hour"]
    fn what_fifty_queued_renders_leave_is_what_the_bound_of_steps_says() {
        let mut project = sized(256, 4);
        project.settings.steps = 8;
        let model = inspect_model(&ModelFiles::BuiltIn).expect("built in");
        let said = model.needed_bytes(Demand::of(&project, Held::default()).watched_by(Watch::ALL));
        let mut studio = podium::studio::Studio::new(
            engine(),
            project,
            None,
            ".".into(),
            DeviceChoice::Flex,
            None,
            std::sync::Arc::new(|| ()),
        )
        .expect("threads");
        // A small bound, so that it acts within fifty renders.
        let bound = 24 << 20;
        studio.renders.runs.set_room(Some(bound));
        let begun = Instant::now();
        while studio.advice().is_empty() && studio.collage_now().is_none() {
            studio.poll();
            std::thread::sleep(Duration::from_millis(5));
        }
        forget_peak();
        let before = memory::resident().expect("Linux");
        for _ in 0..50 {
            studio.session.questions.answered();
            assert!(studio.render().is_some(), "{:?}", studio.session.notices);
        }
        let (mut told, mut most) = (0, 0);
        while studio.renders.runs.active().next().is_some() {
            studio.poll();
            most = most.max(studio.renders.runs.bytes());
            let left = studio.renders.runs.active().count();
            if 50 - left >= told + 10 {
                told = 50 - left;
                let now = memory::resident().expect("Linux");
                println!("after {told}: {} held, steps {}", words(now), words(studio.renders.runs.bytes()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!(
            "fifty renders: {} before, {} at most, {} are said for one; steps {} at most of {}; in {:.0?}",
            words(before),
            words(peak()),
            words(said),
            words(most),
            words(bound),
            begun.elapsed()
        );
        // What is shown stays whole, whatever the bound is: the run that runs.
        assert!(most < 2 * bound, "{most} bytes of steps");
        // Results that have no folder stay in memory, sixteen of them, with four pictures each.
        let results = 16 * 4 * 3 * 256 * 256;
        assert!(peak() < said + before + 2 * bound + results, "{} at most", words(peak()));
    }

    #[test]
    #[ignore = "writes and reads 40 photos of 12 megapixels"]
    fn what_forty_photos_of_twelve_megapixels_take_is_what_the_bound_of_pictures_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let photos: Vec<PathBuf> = (0..40).map(|number| folder.path().join(format!("{number}.jpg"))).collect();
        for (number, path) in photos.iter().enumerate() {
            let photo = image::RgbImage::from_fn(4000, 3000, |x, y| {
                image::Rgb([(x / 16) as u8, (y / 12) as u8, (number * 6) as u8])
            });
            photo.save(path).expect("written");
        }
        let mut project = Project::new();
        project.canvas = Canvas { width: 512, height: 512 };
        let layers = photos.iter().enumerate().map(|(number, path)| {
            let at = |part: usize| 32.0 + 64.0 * part as f32;
            let mut layer = podium::project::Layer::new(path, at(number % 8), at(number / 8));
            layer.scale = 0.02;
            layer
        });
        project.layers_mut().expect("a collage").extend(layers);
        let mut studio = podium::studio::Studio::new(
            engine(),
            project,
            None,
            folder.path().into(),
            DeviceChoice::Flex,
            None,
            std::sync::Arc::new(|| ()),
        )
        .expect("threads");
        let bound = 400_000_000;
        studio.files.set_room(bound);
        let before = memory::resident().expect("Linux");
        forget_peak();
        let begun = Instant::now();
        while studio.collage_now().is_none() {
            studio.poll();
            assert!(begun.elapsed() < Duration::from_secs(1800), "the collage was not drawn");
            std::thread::sleep(Duration::from_millis(5));
        }
        println!(
            "forty photos as layers: {} before, {} at most; in full size {} of at most {}; in {:.0?}",
            words(before),
            words(peak()),
            words(studio.files.picture_bytes()),
            words(bound),
            begun.elapsed()
        );
        assert!(studio.files.picture_bytes() <= bound);
        // Small versions of at most 4 MB each, and two threads that read at once: a file, its pixels, and them once more.
        let small = 40 * 1024 * 768 * 4;
        let reading = 2 * 3 * 4000 * 3000 * 4;
        assert!(peak() < before + bound + small + reading, "{} at most", words(peak()));

        // The same photos on the Train page.
        studio.train.add(photos);
        forget_peak();
        let before = memory::resident().expect("Linux");
        let begun = Instant::now();
        while studio.train.training().photos.len() < 40 || studio.is_busy() {
            studio.poll();
            let count = studio.train.training().photos.len();
            (0..count).for_each(|at| _ = studio.train.photo(at));
            assert!(begun.elapsed() < Duration::from_secs(1800), "the photos were not read");
            std::thread::sleep(Duration::from_millis(5));
        }
        println!("forty photos to train with: {} before, {} at most", words(before), words(peak()));
        assert!(peak() < before + small + 2 * reading, "{} at most", words(peak()));
    }
}
