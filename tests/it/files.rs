//! Saving, opening, closing and recovering, as the window asks the studio for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Theme, ViewportCommand, ViewportEvent, ViewportId};
use egui_kittest::Harness;
use podium::engine::device::DeviceChoice;
use podium::gui::Podium;
use podium::gui::asks::Purpose;
use podium::project::{Background, Canvas, Layer, Layout, Project, file};
use podium::studio::places::Places;
use podium::studio::session::autosave::Autosave;
use podium::studio::{Held, Place, Question, Studio, Target};

use crate::looks::{settle, type_path, window};
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
    studio.save_to(desk.path("mine"), false, None);
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
    let Some(Question::Unsaved(held @ Held::Replace { .. })) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    studio.answer_by(held);
    rest(&mut studio);
    assert_eq!(*studio.project(), saved);
    assert_eq!((studio.document.file.as_ref(), studio.document.history.is_dirty()), (Some(&path), false));
    assert!(studio.document.history.undo_name().is_none() && studio.session.questions.front().is_none());
}

#[test]
fn a_new_project_asks_first_and_has_no_file() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    studio.ask_to(Held::New);
    assert!(studio.project().layers().is_empty(), "nothing was lost, so nothing was asked");
    say(&mut studio, "something");
    studio.save_to(desk.path("old.ron"), false, None);
    rest(&mut studio);
    say(&mut studio, "something else");
    studio.ask_to(Held::New);
    assert!(matches!(studio.session.questions.front(), Some(Question::Unsaved(Held::New))));
    assert_eq!(studio.save_and(Held::New), None, "it has a file");
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
    assert_eq!(studio.save_and(Held::Close), Some(Held::Close));
    studio.save_to(desk.path("nowhere/mine.ron"), false, Some(Held::Close));
    rest(&mut studio);
    assert!(complaints(&studio).iter().any(|words| words.contains("nowhere")), "{:?}", studio.session.notices);
    assert!(studio.document.history.is_dirty() && studio.document.file.is_none() && !studio.session.closing);
    studio.save_to(desk.path("mine.ron"), false, None);
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
    studio.save_to(desk.path("mine.ron"), false, None);
    say(&mut studio, "later");
    rest(&mut studio);
    assert!(studio.document.history.is_dirty());
    studio.document.undo();
    assert!(!studio.document.history.is_dirty(), "this is what was saved");
    assert_eq!(file::load(&desk.path("mine.ron")).expect("a project").prompt, "saved");
}

#[test]
fn an_answer_that_comes_after_another_project_was_begun_is_about_the_first_one() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "the first");
    studio.save_to(desk.path("first.ron"), false, None);
    // Nobody waits for the disk.
    studio.go_ahead(Held::New);
    say(&mut studio, "the second");
    rest(&mut studio);
    assert_eq!(file::load(&desk.path("first.ron")).expect("a project").prompt, "the first");
    assert_eq!((studio.document.file.as_ref(), studio.title().as_str()), (None, "Untitled"));
    assert!(studio.document.history.is_dirty() && !studio.save(), "the second has no file");
}

#[test]
fn what_is_changed_while_it_is_saved_to_go_on_is_asked_about_again() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "saved");
    studio.ask_to(Held::Close);
    let then = studio.save_and(Held::Close);
    // The dialog for its name was cancelled: nothing is left of the wish to close.
    assert_eq!(then, Some(Held::Close));
    studio.save_to(desk.path("mine.ron"), false, None);
    rest(&mut studio);
    assert!(!studio.session.closing && !studio.document.history.is_dirty());
    say(&mut studio, "once more");
    assert_eq!(studio.save_and(Held::Close), None);
    say(&mut studio, "typed meanwhile");
    rest(&mut studio);
    assert!(!studio.session.closing, "it would be lost");
    assert_eq!(studio.session.questions.front(), Some(&Question::Unsaved(Held::Close)));
}

#[test]
fn no_file_is_overwritten_that_nobody_was_asked_about() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    let (mine, other) = (desk.path("mine.ron"), desk.path("other.ron"));
    std::fs::write(&other, "of somebody else").expect("written");
    studio.save_to(desk.path("other"), false, None);
    rest(&mut studio);
    let overwrite = Question::Overwrite { path: other.clone(), changed: false, then: None };
    assert_eq!(studio.session.questions.answered(), Some(overwrite));
    assert_eq!(std::fs::read_to_string(&other).expect("there"), "of somebody else");
    assert!(studio.document.file.is_none());

    studio.save_to(mine.clone(), false, None);
    rest(&mut studio);
    say(&mut studio, "again");
    studio.save();
    rest(&mut studio);
    assert_eq!(
        (file::load(&mine).expect("a project").prompt.as_str(), studio.session.questions.front()),
        ("again", None)
    );
    // Another window saves to the same file.
    let mut second = desk.studio();
    second.take_in(mine.clone(), Target::Open);
    rest(&mut second);
    say(&mut second, "the second window's");
    second.save();
    rest(&mut second);
    say(&mut studio, "the first window's");
    studio.save();
    rest(&mut studio);
    let overwrite = Question::Overwrite { path: mine.clone(), changed: true, then: None };
    assert_eq!(studio.session.questions.answered(), Some(overwrite));
    assert_eq!(file::load(&mine).expect("a project").prompt, "the second window's");
    studio.save_to(mine.clone(), true, None);
    rest(&mut studio);
    assert_eq!(file::load(&mine).expect("a project").prompt, "the first window's");
    assert!(!studio.document.history.is_dirty());
}

#[test]
fn going_back_to_another_project_s_render_does_not_take_this_one_s_file() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "of the first");
    let job = made_up::run(&mut studio, 1, 1, 0..1, true);
    studio.restore(job);
    studio.save_to(desk.path("first.ron"), false, None);
    rest(&mut studio);
    studio.go_ahead(Held::New);
    say(&mut studio, "of the second");
    studio.save_to(desk.path("second.ron"), false, None);
    rest(&mut studio);
    studio.restore(job);
    assert_eq!((studio.project().prompt.as_str(), &studio.document.file), ("of the first", &None));
    assert!(!studio.save(), "it would overwrite the second");
    studio.document.undo();
    assert_eq!(studio.project().prompt, "of the second", "undo has no limit");
    studio.take_in(desk.path("second.ron"), Target::Open);
    rest(&mut studio);
    assert_eq!(studio.document.file, Some(desk.path("second.ron")));
    // The same from the gallery, whose pictures may be of any project.
    let result = studio.results.store.entries()[0].id.clone();
    studio.restore_result(&result);
    rest(&mut studio);
    assert_eq!((studio.project().prompt.as_str(), &studio.document.file), ("of the first", &None));
}

#[test]
fn a_result_used_as_a_layer_outlives_its_deletion() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    made_up::run(&mut studio, 1, 1, 0..1, true);
    rest(&mut studio);
    let begun = Instant::now();
    while studio.results.store.is_writing() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is written for ever");
        studio.poll();
    }
    let result = studio.results.store.entries()[0].id.clone();
    for _ in 0..2 {
        studio.use_result(&result);
    }
    rest(&mut studio);
    let used: Vec<PathBuf> = studio.project().layers()[1..].iter().map(|layer| layer.picture.clone()).collect();
    assert_eq!((used.len(), &used[0]), (2, &used[1]), "one copy serves both");
    studio.delete_results(std::slice::from_ref(&result), true);
    studio.close();
    assert!(!studio.results.store.path(&result).exists() && used[0].is_file());
}

#[test]
fn painted_masks_are_asked_about_and_undo_leaves_the_project_alone() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    studio.edit("A concept", |project| {
        *project = Project { settings: project.settings.clone(), ..small("beach", 4) };
    });
    studio.document.history.mark_saved();
    let job = made_up::run(&mut studio, 1, 4, 0..2, false);
    studio.renders.runs.show(job);
    studio.renders.runs.seek(0);
    studio.edit_masks();
    let stroke = |studio: &mut Studio| {
        let editor = studio.renders.mask_editor.as_mut().expect("masks are painted");
        editor.begin_stroke();
        editor.paint((0.1, 0.1), (0.9, 0.9));
    };
    studio.ask_to(Held::DropMasks);
    assert!(studio.renders.mask_editor.is_none(), "there was no stroke to lose");
    studio.edit_masks();
    stroke(&mut studio);
    for held in [Held::DropMasks, Held::New] {
        studio.ask_to(held.clone());
        assert_eq!(studio.session.questions.answered(), Some(Question::Unsaved(held)));
    }
    studio.edit_masks();
    assert!(studio.renders.mask_editor.as_ref().is_some_and(|editor| editor.is_changed()), "begun anew");
    studio.ask_to(Held::DropMasks);
    studio.answer_by(Held::DropMasks);
    assert!(studio.renders.mask_editor.is_none() && studio.session.questions.front().is_none());
}

#[test]
fn closing_asks_where_something_would_be_lost_and_saving_goes_on_with_it() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    studio.ask_to(Held::Close);
    assert!(studio.session.closing && studio.session.questions.front().is_none(), "nothing would be lost");

    let mut studio = desk.studio();
    say(&mut studio, "unsaved");
    studio.ask_to(Held::Close);
    assert!(
        !studio.session.closing && matches!(studio.session.questions.front(), Some(Question::Unsaved(Held::Close)))
    );
    let then = studio.save_and(Held::Close);
    assert_eq!(then, Some(Held::Close), "a file must be chosen first");
    assert!(studio.session.questions.front().is_none() && !studio.session.closing);
    studio.save_to(desk.path("mine.ron"), false, then);
    assert!(!studio.session.closing, "not before it is saved");
    rest(&mut studio);
    assert!(studio.session.closing);

    let mut studio = desk.studio();
    made_up::run(&mut studio, 1, 4, 0..1, false);
    studio.ask_to(Held::Close);
    assert!(
        !studio.session.closing && matches!(studio.session.questions.front(), Some(Question::Unsaved(Held::Close))),
        "a render runs"
    );
    studio.go_ahead(Held::Close);
    assert!(studio.session.closing);
}

#[test]
fn work_of_a_session_that_ended_without_order_is_recovered_as_unsaved() {
    let desk = Desk::new();
    let mut lost = desk.studio();
    lost.save_to(desk.path("mine.ron"), false, None);
    rest(&mut lost);
    say(&mut lost, "lost work");
    lost.poll();
    // As a crash does, it ends without `close`.
    drop(lost);

    let mut studio = desk.studio();
    let Some(Question::Recover(found)) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    assert_eq!(found.len(), 1);
    studio.answer_by(Held::Recover(Box::new(found[0].clone())));
    assert_eq!(studio.project().prompt, "lost work");
    assert_eq!(studio.project().layers()[0].picture, desk.path("dot.png"));
    assert_eq!(studio.document.file, Some(desk.path("mine.ron")), "saving goes to its own file");
    assert!(studio.document.history.is_dirty() && studio.session.questions.front().is_none());
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
    let Some(Question::Recover(found)) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    studio.session.discard_recovered(&found[0].path);
    rest(&mut studio);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    assert_eq!(studio.project().prompt, "a dot", "what was given up does not come back");
}

#[test]
fn recovered_work_is_not_written_over_what_its_file_has_become_since() {
    let desk = Desk::new();
    let mine = desk.path("mine.ron");
    let mut lost = desk.studio();
    lost.save_to(mine.clone(), false, None);
    rest(&mut lost);
    say(&mut lost, "lost work");
    lost.poll();
    drop(lost);
    // The next session decides later, and goes on with the file as it is.
    let mut between = desk.studio();
    between.session.questions.answered();
    between.take_in(mine.clone(), Target::Open);
    rest(&mut between);
    say(&mut between, "what was done since, and saved");
    assert!(between.save());
    rest(&mut between);
    between.close();
    drop(between);

    let mut studio = desk.studio();
    let Some(Question::Recover(found)) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    studio.answer_by(Held::Recover(Box::new(found[0].clone())));
    assert!(studio.save(), "it has a file");
    rest(&mut studio);
    let overwrite = Question::Overwrite { path: mine.clone(), changed: true, then: None };
    assert_eq!(studio.session.questions.answered(), Some(overwrite));
    assert_eq!(file::load(&mine).expect("a project").prompt, "what was done since, and saved");
    studio.save_to(mine.clone(), true, None);
    rest(&mut studio);
    assert_eq!(file::load(&mine).expect("a project").prompt, "lost work");
    say(&mut studio, "as usual from here");
    assert!(studio.save());
    rest(&mut studio);
    assert!(studio.session.questions.front().is_none() && !studio.document.history.is_dirty());
}

#[test]
fn a_project_that_is_opened_again_and_saved_first_is_not_shown_as_it_was_before() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    let mine = desk.path("mine.ron");
    studio.save_to(mine.clone(), false, None);
    rest(&mut studio);
    say(&mut studio, "newer than the file");
    studio.take_in(mine.clone(), Target::Open);
    rest(&mut studio);
    let Some(Question::Unsaved(held)) = studio.session.questions.front().cloned() else {
        panic!("not asked: {:?}", studio.session.questions)
    };
    assert_eq!(studio.save_and(held), None, "it has a file");
    rest(&mut studio);
    assert_eq!(studio.project().prompt, "newer than the file");
    assert_eq!(file::load(&mine).expect("a project").prompt, "newer than the file");
    assert!(!studio.document.history.is_dirty() && studio.document.history.undo_name().is_some());
    say(&mut studio, "newer still");
    assert!(studio.save());
    rest(&mut studio);
    assert!(studio.session.questions.front().is_none(), "nobody else wrote it");
}

#[test]
fn a_place_that_was_chosen_for_one_project_is_not_written_with_another() {
    let desk = Desk::new();
    let mut harness = window(small("beach", 2), [1024.0, 700.0], Theme::Dark);
    harness.state_mut().look.choose(Purpose::SaveProject(None));
    settle(&mut harness);
    harness.state_mut().studio.go_ahead(Held::New);
    let path = desk.path("beach.ron");
    type_path(&mut harness, &path);
    settle(&mut harness);
    assert!(!path.exists());
    let said = complaints(&harness.state().studio).join(" ");
    assert!(said.contains("beach.ron was not written: another project was opened"), "{said}");
    // The same for the project that is there.
    harness.state_mut().look.choose(Purpose::SaveProject(None));
    settle(&mut harness);
    type_path(&mut harness, &path);
    settle(&mut harness);
    assert!(path.exists());
}

#[test]
fn what_was_saved_or_closed_in_order_is_not_offered_again() {
    let desk = Desk::new();
    let mut saved = desk.studio();
    say(&mut saved, "saved");
    saved.save_to(desk.path("mine.ron"), false, None);
    rest(&mut saved);
    drop(saved);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    let mut closed = desk.studio();
    say(&mut closed, "given up");
    closed.poll();
    closed.go_ahead(Held::Close);
    closed.close();
    drop(closed);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    assert!(desk.studio().session.questions.front().is_none());
}

#[test]
fn what_is_unsaved_when_the_system_ends_the_program_is_offered_again() {
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "not saved");
    // No frame more, and nobody is asked.
    studio.close();
    drop(studio);
    assert_eq!(desk.recoverable(), ["not saved"]);

    // One that was still being saved is.
    let desk = Desk::new();
    let mut studio = desk.studio();
    say(&mut studio, "saved at the last moment");
    studio.save_to(desk.path("mine.ron"), false, None);
    studio.close();
    drop(studio);
    assert_eq!(desk.recoverable(), [] as [&str; 0]);
    assert_eq!(file::load(&desk.path("mine.ron")).expect("a project").prompt, "saved at the last moment");
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
