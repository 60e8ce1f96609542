//! Saving, opening, closing and recovering, as the window asks the studio for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Theme, ViewportCommand, ViewportEvent, ViewportId};
use egui_kittest::Harness;
use podium::engine::device::DeviceChoice;
use podium::gui::Podium;
use podium::project::{Background, Canvas, Layer, Layout, Project, file};
use podium::studio::places::Places;
use podium::studio::session::autosave::Autosave;
use podium::studio::{Held, Place, Question, Studio, Target};

use crate::looks::{settle, window};
use crate::made_up;
use crate::studio::{engine, small};

/// A folder for a person's files and Podium's own.
struct Desk {
    folder: tempfile::TempDir,
    places: Places,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::in_folder(folder.path().join("home"));
        Self { folder, places }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A project with a picture beside it.
    fn project(&self) -> Project {
        let picture = self.path("dot.png");
        image::RgbaImage::from_pixel(4, 4, image::Rgba([9, 9, 9, 255])).save(&picture).expect("written");
        Project {
            canvas: Canvas { width: 64, height: 64 },
            layout: Layout::Collage {
                background: Background::Color([240; 3]),
                layers: vec![Layer::new(picture, 32.0, 32.0)],
            },
            prompt: "a dot".into(),
            ..Project::new()
        }
    }

    /// A session on that project.
    fn studio(&self) -> Studio {
        let places = Some(self.places.clone());
        let folder = self.folder.path().to_owned();
        let wake = Arc::new(|| ());
        Studio::new(engine(), self.project(), None, folder, DeviceChoice::Flex, places, wake).expect("threads")
    }

    fn recoverable(&self) -> Vec<String> {
        Autosave::recoverable(&self.places).into_iter().map(|found| found.project.prompt).collect()
    }
}

/// Takes in what comes until nothing is under way.
fn rest(studio: &mut Studio) {
    let begun = Instant::now();
    loop {
        studio.poll();
        if !studio.is_busy() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "files are read or written for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn say(studio: &mut Studio, prompt: &str) {
    studio.edit("Words", |project| project.prompt = prompt.into());
}

fn complaints(studio: &Studio) -> Vec<&str> {
    let of_project = studio.session.notices.iter().filter(|notice| notice.place == Place::Project);
    of_project.map(|notice| notice.words.as_str()).collect()
}

#[test]
fn what_was_saved_is_opened_again_and_names_its_pictures_from_where_it_lies() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    assert!(!studio.save(), "there is no file yet");
    say(&mut studio, "a saved dot");
    let saved = studio.project().clone();
    studio.save_as(desk.path("mine"));
    rest(&mut studio);
    let path = desk.path("mine.ron");
    assert_eq!((studio.document.file.as_ref(), studio.title().as_str()), (Some(&path), "mine"));
    assert!(!studio.document.history.is_dirty());
    assert_eq!(studio.session.config.recent_projects.first(), Some(&path));
    let text = std::fs::read_to_string(&path).expect("written");
    assert!(text.contains("\"dot.png\"") && !text.contains(desk.folder.path().to_str().expect("text")), "{text}");

    say(&mut studio, "another dot");
    assert!(studio.document.history.is_dirty());
    assert!(studio.save(), "it has a file now");
    rest(&mut studio);
    assert_eq!(file::load(&path).expect("a project").prompt, "another dot");
    say(&mut studio, "a third dot");

    // What is unsaved is asked about before another takes its place.
    std::fs::write(&path, &text).expect("written");
    studio.take_in(path.clone(), Target::Open);
    rest(&mut studio);
    assert_eq!(studio.project().prompt, "a third dot");
    let Some(Question::Unsaved(held @ Held::Replace { .. })) = studio.session.question.clone() else {
        panic!("not asked: {:?}", studio.session.question)
    };
    studio.go_ahead(held);
    assert_eq!(*studio.project(), saved);
    assert_eq!((studio.document.file.as_ref(), studio.document.history.is_dirty()), (Some(&path), false));
    assert!(studio.document.history.undo_name().is_none() && studio.session.question.is_none());
}

#[test]
fn a_new_project_asks_first_and_has_no_file() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    studio.ask_to(Held::New);
    assert!(studio.project().layers().is_empty(), "nothing was lost, so nothing was asked");
    say(&mut studio, "something");
    studio.save_as(desk.path("old.ron"));
    rest(&mut studio);
    say(&mut studio, "something else");
    studio.ask_to(Held::New);
    assert!(matches!(studio.session.question, Some(Question::Unsaved(Held::New))));
    assert!(studio.save_and(Held::New), "it has a file");
    assert_eq!(studio.project().prompt, "something else", "not before it is saved");
    rest(&mut studio);
    assert_eq!(
        (studio.project().prompt.as_str(), &studio.document.file, studio.title().as_str()),
        ("", &None, "Untitled")
    );
    assert_eq!(file::load(&desk.path("old.ron")).expect("a project").prompt, "something else");
}

#[test]
fn what_cannot_be_saved_stays_unsaved_and_says_why_until_it_can() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "precious");
    assert!(!studio.save_and(Held::Close));
    studio.save_as(desk.path("nowhere/mine.ron"));
    rest(&mut studio);
    assert!(complaints(&studio).iter().any(|words| words.contains("nowhere")), "{:?}", studio.session.notices);
    assert!(studio.document.history.is_dirty() && studio.document.file.is_none() && !studio.session.closing);
    studio.save_as(desk.path("mine.ron"));
    rest(&mut studio);
    assert_eq!(complaints(&studio), [] as [&str; 0]);
    assert!(!studio.document.history.is_dirty());
    assert!(!studio.session.closing, "closing was given up with the save that failed");
}

#[test]
fn a_change_made_while_it_is_being_saved_is_still_unsaved() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "saved");
    studio.save_as(desk.path("mine.ron"));
    say(&mut studio, "later");
    rest(&mut studio);
    assert!(studio.document.history.is_dirty());
    studio.document.undo();
    assert!(!studio.document.history.is_dirty(), "this is what was saved");
    assert_eq!(file::load(&desk.path("mine.ron")).expect("a project").prompt, "saved");
}

#[test]
fn closing_asks_where_something_would_be_lost_and_saving_goes_on_with_it() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    studio.ask_to(Held::Close);
    assert!(studio.session.closing && studio.session.question.is_none(), "nothing would be lost");

    let mut studio = desk.studio();
    say(&mut studio, "unsaved");
    studio.ask_to(Held::Close);
    assert!(!studio.session.closing && matches!(studio.session.question, Some(Question::Unsaved(Held::Close))));
    assert!(!studio.save_and(Held::Close), "a file must be chosen first");
    assert!(studio.session.question.is_none() && !studio.session.closing);
    studio.save_as(desk.path("mine.ron"));
    assert!(!studio.session.closing, "not before it is saved");
    rest(&mut studio);
    assert!(studio.session.closing);

    let mut studio = desk.studio();
    made_up::run(&mut studio, 1, 4, 0..1, false);
    studio.ask_to(Held::Close);
    assert!(
        !studio.session.closing && matches!(studio.session.question, Some(Question::Unsaved(Held::Close))),
        "a render runs"
    );
    studio.go_ahead(Held::Close);
    assert!(studio.session.closing);
}

#[test]
fn work_of_a_session_that_ended_without_order_is_recovered_as_unsaved() {
    let desk = Desk::new();
    let mut lost = desk.studio();
    lost.save_as(desk.path("mine.ron"));
    rest(&mut lost);
    say(&mut lost, "lost work");
    lost.poll();
    // As a crash does, it ends without `close`.
    drop(lost);

    let mut studio = desk.studio();
    let Some(Question::Recover(found)) = studio.session.question.clone() else {
        panic!("not asked: {:?}", studio.session.question)
    };
    assert_eq!(found.len(), 1);
    studio.recover(found[0].clone());
    assert_eq!(studio.project().prompt, "lost work");
    assert_eq!(studio.project().layers()[0].picture, desk.path("dot.png"));
    assert_eq!(studio.document.file, Some(desk.path("mine.ron")), "saving goes to its own file");
    assert!(studio.document.history.is_dirty() && studio.session.question.is_none());
    let begun = Instant::now();
    while found[0].path.exists() {
        studio.poll();
        assert!(begun.elapsed() < Duration::from_secs(60), "it is this session's now");
        std::thread::sleep(Duration::from_millis(1));
    }
    // This session may crash too.
    drop(studio);
    assert_eq!(desk.recoverable(), ["lost work"]);

    let mut studio = desk.studio();
    let Some(Question::Recover(found)) = studio.session.question.clone() else {
        panic!("not asked: {:?}", studio.session.question)
    };
    studio.session.discard_recovered(&found[0].path);
    rest(&mut studio);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    assert_eq!(studio.project().prompt, "a dot", "what was given up does not come back");
}

#[test]
fn what_was_saved_or_closed_in_order_is_not_offered_again() {
    let desk = Desk::new();
    let mut saved = desk.studio();
    say(&mut saved, "saved");
    saved.save_as(desk.path("mine.ron"));
    rest(&mut saved);
    drop(saved);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    let mut closed = desk.studio();
    say(&mut closed, "given up");
    closed.poll();
    closed.close();
    drop(closed);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    assert!(desk.studio().session.question.is_none());
}

/// What the window asked of the desktop in the last frame.
fn asked(harness: &Harness<'static, Podium>) -> Vec<ViewportCommand> {
    harness.output().viewport_output[&ViewportId::ROOT].commands.clone()
}

#[test]
fn the_window_stays_open_while_it_asks_and_closes_when_it_is_told_to() {
    let close = |harness: &mut Harness<'static, Podium>| {
        let root = harness.input_mut().viewports.get_mut(&ViewportId::ROOT).expect("the window");
        root.events.push(ViewportEvent::Close);
        harness.step();
    };
    let mut harness = window(small("beach", 2), [1024.0, 700.0], Theme::Dark);
    say(&mut harness.state_mut().studio, "unsaved");
    close(&mut harness);
    assert!(asked(&harness).contains(&ViewportCommand::CancelClose), "{:?}", asked(&harness));
    settle(&mut harness);
    assert!(
        crate::story::says(&harness).contains("has changes that were not saved"),
        "{}",
        crate::story::says(&harness)
    );
    harness.state_mut().studio.go_ahead(Held::Close);
    harness.step();
    assert!(asked(&harness).contains(&ViewportCommand::Close), "{:?}", asked(&harness));

    let mut harness = window(small("beach", 2), [1024.0, 700.0], Theme::Dark);
    close(&mut harness);
    assert!(!asked(&harness).contains(&ViewportCommand::CancelClose), "nothing would be lost");
}
