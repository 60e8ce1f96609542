//! Files that moved, as the window asks about them, and collecting from its menu.

use std::path::{Path, PathBuf};

use eframe::egui::Theme;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::project::hash::Known;
use podium::project::{Background, Canvas, Layer, Layout, Project, file};
use podium::studio::{Held, Question, Target};

use crate::looks::{same_in_both_themes, settle, type_path, until, window};
use crate::story::says;
use crate::studio::small;

type Window = Harness<'static, Podium>;

/// A project with two layers, saved in a folder of its own, whose pictures lie beside that.
fn saved(home: &Path) -> (PathBuf, [PathBuf; 2]) {
    let pictures = ["dot.png", "spot.png"].map(|name| home.join("pictures").join(name));
    std::fs::create_dir_all(home.join("pictures")).expect("created");
    std::fs::create_dir_all(home.join("work")).expect("created");
    for (picture, grey) in pictures.iter().zip([9, 99]) {
        image::RgbaImage::from_pixel(4, 4, image::Rgba([grey, grey, grey, 255])).save(picture).expect("written");
    }
    let layers = pictures.each_ref().map(|picture| Layer::new(picture, 32.0, 32.0)).to_vec();
    let project = Project {
        canvas: Canvas { width: 64, height: 64 },
        layout: Layout::Collage { background: Background::Color([240; 3]), layers },
        prompt: "a dot".into(),
        ..Project::new()
    };
    let path = home.join("work/mine.ron");
    file::save(&path, &project.with_hashes(home, &Known::default())).expect("saved");
    (path, pictures)
}

fn open(window: &mut Window, path: &Path) {
    window.state_mut().studio.take_in(path.to_owned(), Target::Open);
    settle(window);
}

fn press(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.step();
    window.step();
}

#[test]
fn what_moved_is_asked_about_once_and_used_as_one_step() {
    let home = tempfile::tempdir().expect("a folder");
    let (path, pictures) = saved(home.path());
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    open(&mut window, &path);
    assert!(window.state().studio.session.questions.front().is_none(), "nothing has moved yet");

    // One into the project's folder; the other stays beside it and is found from there.
    std::fs::rename(home.path().join("pictures"), home.path().join("work/kept")).expect("moved");
    open(&mut window, &path);
    let now = pictures.each_ref().map(|path| home.path().join("work/kept").join(path.file_name().expect("a name")));
    let found: Vec<(PathBuf, PathBuf)> = pictures.iter().cloned().zip(now.iter().cloned()).collect();
    let question = Question::Moved { found: found.clone(), missing: Vec::new() };
    assert_eq!(window.state().studio.session.questions.front(), Some(&question));
    // Asked again before it is answered, it is still one question.
    window.state_mut().studio.look_again();
    settle(&mut window);
    let said = says(&window);
    assert!(said.contains("2 files of this project are not where they were"), "{said}");
    assert!(said.contains(&now[0].display().to_string()), "{said}");
    press(&mut window, "Use them");
    settle(&mut window);
    let studio = &mut window.state_mut().studio;
    assert!(studio.session.questions.front().is_none(), "it is asked once");
    let paths = |project: &Project| project.layers().iter().map(|layer| layer.picture.clone()).collect::<Vec<_>>();
    assert_eq!(paths(studio.project()), now);
    assert!(studio.document.history.is_dirty());
    assert_eq!(studio.document.undo().as_deref(), Some("Use 2 files where they are now"));
    assert_eq!((paths(studio.project()), studio.document.history.undo_name()), (pictures.to_vec(), None));
    studio.document.redo();

    // Saved, they are named and known from there, and nothing is asked any more.
    assert!(studio.save());
    settle(&mut window);
    let kept = file::load(&path).expect("a project");
    assert_eq!(paths(&kept), ["kept/dot.png", "kept/spot.png"].map(PathBuf::from));
    assert!(kept.hashes.get(Path::new("kept/dot.png")).is_some());
    open(&mut window, &path);
    assert!(window.state().studio.session.questions.front().is_none());
}

#[test]
fn what_is_left_stays_missing_and_can_be_found_by_hand_and_what_is_another_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let (path, pictures) = saved(home.path());
    std::fs::create_dir(home.path().join("far")).expect("created");
    let far = ["dot.png", "spot.png"].map(|name| home.path().join("far").join(name));
    std::fs::rename(&pictures[0], &far[0]).expect("moved");
    // The other is edited where it lies, and has a copy as it was beside the first.
    std::fs::copy(&pictures[1], &far[1]).expect("copied");
    image::RgbaImage::from_pixel(5, 5, image::Rgba([1, 2, 3, 255])).save(&pictures[1]).expect("written");
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Light);
    open(&mut window, &path);
    let said = says(&window);
    assert!(said.contains("spot.png has other contents than when the project was saved"), "{said}");
    let studio = &mut window.state_mut().studio;
    assert_eq!((studio.session.questions.front(), studio.missing_files()), (None, &pictures[..1]));

    std::fs::remove_file(&pictures[1]).expect("removed");
    studio.look_again();
    settle(&mut window);
    let studio = &mut window.state_mut().studio;
    assert_eq!((studio.session.questions.front(), studio.missing_files()), (None, &pictures[..]));
    studio.use_found_file(pictures[0].clone(), far[0].clone());
    settle(&mut window);
    let studio = &mut window.state_mut().studio;
    assert_eq!(studio.project().layers()[0].picture, far[0]);
    assert_eq!(studio.document.history.undo_name(), Some("Find dot.png"));
    // Where one was shown, the other is found.
    let found = vec![(pictures[1].clone(), far[1].clone())];
    assert_eq!(studio.session.questions.front(), Some(&Question::Moved { found, missing: Vec::new() }));
    press(&mut window, "Leave");
    let studio = &mut window.state_mut().studio;
    assert_eq!(studio.project().layers()[1].picture, pictures[1]);
    assert!(studio.session.questions.front().is_none());
    studio.go_ahead(Held::New);
    assert!(studio.missing_files().is_empty(), "they are another project's");
}

#[test]
fn a_project_is_collected_from_its_menu_into_a_folder_of_its_name() {
    let home = tempfile::tempdir().expect("a folder");
    let (path, _) = saved(home.path());
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    open(&mut window, &path);
    press(&mut window, "Project mine");
    press(&mut window, "Collect...");
    let out = home.path().join("out");
    std::fs::create_dir(&out).expect("created");
    type_path(&mut window, &out);
    until(&mut window, "the folder", |podium| podium.studio.collect.ended.is_some());
    settle(&mut window);
    let said = says(&window);
    assert!(said.contains("The project and 2 files"), "{said}");
    let collected = file::load(&out.join("mine/project.ron")).expect("a project");
    assert_eq!(collected.layers()[0].picture, Path::new("pictures/dot.png"));
    assert!(out.join("mine/pictures/spot.png").is_file());
    press(&mut window, "Dismiss this message");
    assert!(window.state().studio.collect.ended.is_none());
}

#[test]
fn the_question_about_files_that_moved_looks_as_it_did_in_both_themes() {
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    let pair = |name: &str| (Path::new("/old").join(name), Path::new("/new/beach").join(name));
    let found = ["concepts/tom.pth", "pictures/cat.png"].map(pair).to_vec();
    let question = Question::Moved { found, missing: vec!["/old/concepts/rex.pth".into()] };
    window.state_mut().studio.session.questions.ask(question);
    settle(&mut window);
    same_in_both_themes(&mut window, "files-that-moved");
}
