//! `podium plush`, driven from outside.

use std::path::Path;
use std::process::{Command, Output};

use podium::plush::{Picture, draw};

use crate::broken::assert_says;

fn plush(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    command.arg("plush").args(arguments).current_dir(folder).output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs what must go well.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = plush(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", out(&output));
    out(&output)
}

/// The names of a folder's files, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn photos_of_a_concept_come_with_masks_and_captions_and_the_same_seed_gives_the_same() {
    let folder = tempfile::tempdir().expect("temporary");
    let at = |path: &str| folder.path().join(path);
    let photos = |name: &str, seed: &str| {
        let said = done(folder.path(), &["photos", "jade_cat", name, "--count", "3", "--seed", seed, "--side", "96"]);
        assert_says(&said, &["3 photos of jade cat", name]);
    };
    photos("some/a", "4");
    photos("b", "4");
    photos("c", "5");
    let expected: Vec<String> =
        (0..3).flat_map(|index| ["mask.png", "png", "txt"].map(|end| format!("{index}.{end}"))).collect();
    assert_eq!(names(&at("some/a")), expected);
    for name in &expected {
        let bytes = |folder: &str| std::fs::read(at(folder).join(name)).expect("there");
        assert_eq!(bytes("some/a"), bytes("b"), "{name}");
    }
    let picture = |path: &str| image::open(at(path)).expect("a picture");
    assert_ne!(picture("b/0.png"), picture("c/0.png"));
    assert_eq!(picture("b/0.png").color(), image::ColorType::Rgb8);
    assert_eq!(picture("b/0.mask.png").color(), image::ColorType::L8);
    assert_eq!((picture("b/2.png").width(), picture("b/2.mask.png").height()), (96, 96));
    let caption = std::fs::read_to_string(at("b/1.txt")).expect("a caption");
    assert!(caption.starts_with("<TOK> "), "{caption}");
}

#[test]
fn pictures_come_with_their_truth_which_draws_them_again_and_by_which_they_are_right() {
    let folder = tempfile::tempdir().expect("temporary");
    let at = |path: &str| folder.path().join(path);
    done(folder.path(), &["pictures", "own", "--of", "mint_cat,plum_dog", "--count", "2"]);
    done(folder.path(), &["pictures", "any", "--count", "2", "--side", "64"]);
    assert_eq!(names(&at("own")).len(), 10, "picture, caption, description and two masks each");
    assert!(at("any/1.mask-1.png").is_file());
    let text = std::fs::read_to_string(at("own/1.json")).expect("a description");
    let told: Picture = serde_json::from_str(&text).expect("readable");
    let drawn = draw(&told, 256).expect("drawable");
    assert_eq!(image::open(at("own/1.png")).expect("a picture").to_rgb8(), drawn.picture);
    assert_eq!(image::open(at("own/1.mask-2.png")).expect("a picture").to_luma8(), drawn.masks[1]);
    assert_eq!(std::fs::read_to_string(at("own/1.txt")).expect("a caption"), told.caption);

    done(folder.path(), &["draw", "own/1.json", "again.png"]);
    assert_eq!(image::open(at("again.png")).expect("a picture").to_rgb8(), drawn.picture);

    let right = done(folder.path(), &["score", "own/1.png", "own/1.json"]);
    assert_says(&right, &["mint_cat    recognised: identity 0.9", "plum_dog    recognised", "the picture is right"]);
    let wrong = done(folder.path(), &["score", "own/0.png", "own/1.json"]);
    assert_says(&wrong, &["the picture is not right"]);
    let found = done(folder.path(), &["find", "plum_dog", "own/0.png"]);
    assert_says(&found, &["plum_dog    recognised", "found at", "as grape_dog it would have"]);
    assert_says(&done(folder.path(), &["find", "lime_robot", "own/0.png"]), &["lime_robot  not"]);
}

#[test]
fn cutouts_and_scenes_are_written_and_the_list_names_everything() {
    let folder = tempfile::tempdir().expect("temporary");
    assert_says(&done(folder.path(), &["cutouts", "c", "--side", "64"]), &["30 cutouts"]);
    let cutout = image::open(folder.path().join("c/mint_cat.png")).expect("a picture");
    assert_eq!(cutout.color(), image::ColorType::Rgba8);
    assert_says(&done(folder.path(), &["scenes", "s", "--side", "64"]), &["6 scenes"]);
    assert_eq!(names(&folder.path().join("s")).len(), 6);
    assert_says(&done(folder.path(), &["list"]), &["teapot", "in the city at night", "grape_dog", "orange"]);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().expect("temporary");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("0.txt", "mine");
    write("none.json", "{\"caption\": 3}");
    write("file", "no folder");
    done(folder.path(), &["pictures", "any", "--count", "1", "--of", "mint_cat", "--side", "64"]);
    let mut told: Picture =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("any/0.json")).expect("there")).expect("good");
    told.figures[0].place.height = 1e9;
    write("huge.json", &serde_json::to_string(&told).expect("text"));
    told.figures.clear();
    write("empty.json", &serde_json::to_string(&told).expect("text"));
    let cases: [(&[&str], &[&str]); 9] = [
        (&["photos", "mint_dog", "p"], &["no concept mint_dog", "mint_cat", "grape_dog"]),
        (&["photos", "mint_cat", "."], &["0.txt is there already", "another folder"]),
        (&["photos", "mint_cat", "file"], &["cannot make the folder file"]),
        (&["photos", "mint_cat", "p", "--side", "9000"], &["9000", "2048"]),
        (&["draw", "none.json", "o.png"], &["none.json describes no picture", "line 1"]),
        (&["draw", "huge.json", "o.png"], &["the height of figure 1 (mint cat) is 1000000000", "between 0.02 and 4"]),
        (&["draw", "gone.json", "o.png"], &["gone.json"]),
        (&["score", "file", "any/0.json"], &["file"]),
        (&["score", "any/0.png", "empty.json"], &["no figure in it is a concept"]),
    ];
    for (arguments, words) in cases {
        let output = plush(folder.path(), arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        let said = out(&output);
        assert_says(&said, words);
        assert!(!said.contains("panicked"), "{said}");
    }
    assert!(!folder.path().join("o.png").exists() && !folder.path().join("0.png").exists());
    assert_eq!(std::fs::read_to_string(folder.path().join("0.txt")).expect("there"), "mine");
}
