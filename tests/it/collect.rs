//! Files that move, and projects that move with all their files: the real binary, driven from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::RgbImage;
use podium::project::files::asset_name;
use podium::project::hash::Known;
use podium::project::{Project, file, png_text};

use crate::broken::assert_says;
use crate::studio::small;

/// A folder of a project's, with what the program keeps beside it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("temporary"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn podium(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
        command.args(arguments).current_dir(self.0.path()).env("PODIUM_CACHE_DIR", self.at("cache"));
        command.output().expect("the binary starts")
    }

    fn render(&self, project: &str, output: &str, more: &[&str]) -> Output {
        self.podium(&[&["render", project, "-o", output, "--device", "flex"], more].concat())
    }

    fn picture(&self, name: &str) -> RgbImage {
        image::open(self.at(name)).expect("a picture").to_rgb8()
    }
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", out(output));
}

/// Writes a built-in file to a folder, and has a project's path lead there.
fn take_out(path: &mut PathBuf, folder: &Path) {
    let name = asset_name(path).expect("built in").to_owned();
    std::fs::create_dir_all(folder).expect("created");
    // What a name stands for today may have another ending.
    let ending = if name.contains("concepts") { "safetensors" } else { "png" };
    let file = folder.join(Path::new(&name).file_name().expect("a name")).with_extension(ending);
    std::fs::write(&file, podium::assets::find(&name).expect("built in")).expect("written");
    *path = file;
}

/// A small project whose first layer and first concept are files of its owner's, which it knows.
fn project(desk: &Desk) -> Project {
    let mut project = small("beach", 2);
    take_out(&mut project.layers_mut().expect("a collage")[0].picture, &desk.at("own/pictures"));
    take_out(&mut project.concepts[0].file, &desk.at("own"));
    let project = project.with_hashes(desk.0.path(), &Known::default());
    std::fs::create_dir_all(desk.at("work")).expect("created");
    file::save(&desk.at("work/mine.ron"), &project).expect("saved");
    project
}

#[test]
fn a_collected_project_makes_the_same_picture_where_nothing_else_is_left_of_it() {
    let desk = Desk::new();
    project(&desk);
    done(&desk.render("work/mine.ron", "before.png", &[]));
    let said = desk.podium(&["collect", "work/mine.ron", "--out", "all"]);
    done(&said);
    assert_says(&out(&said), &["The project and 2 files", "are in all"]);
    // A picture is a project too.
    done(&desk.podium(&["collect", "before.png", "--out", "of-picture"]));
    for gone in ["own", "work"] {
        std::fs::remove_dir_all(desk.at(gone)).expect("removed");
    }
    std::fs::create_dir(desk.at("other")).expect("created");
    for (collected, elsewhere) in [("all", "other/all"), ("of-picture", "other/of-picture")] {
        std::fs::rename(desk.at(collected), desk.at(elsewhere)).expect("moved");
        let after = format!("{}.png", elsewhere.replace('/', "-"));
        let said = desk.render(&format!("{elsewhere}/project.ron"), &after, &[]);
        done(&said);
        for note in ["has moved", "other contents", "is missing"] {
            assert!(!out(&said).contains(note), "{}", out(&said));
        }
        assert_eq!(desk.picture("before.png"), desk.picture(&after), "{}", out(&said));
    }

    // What it was made of is in the picture.
    let inside = png_text::read_project(&desk.at("before.png")).expect("read").expect("a project");
    let concept = inside.hashes.get(&inside.concepts[0].file).expect("known");
    let bytes = std::fs::read(desk.at("before.png")).expect("there");
    let line = format!("Podium concept hashes: \"mint cat: {}\"", concept.short());
    assert_says(&String::from_utf8_lossy(&bytes), &[&line]);
}

#[test]
fn a_file_that_moved_is_used_and_said_and_another_of_its_name_is_not_used() {
    let desk = Desk::new();
    let project = project(&desk);
    let picture = project.layers()[0].picture.clone();
    done(&desk.render("work/mine.ron", "before.png", &[]));
    let moved = desk.at("work/sub/deep").join(picture.file_name().expect("a name"));
    std::fs::create_dir_all(moved.parent().expect("a folder")).expect("created");
    std::fs::rename(&picture, &moved).expect("moved");
    let said = desk.render("work/mine.ron", "after.png", &[]);
    done(&said);
    let note = format!("note: {} has moved; ", picture.display());
    let found = format!("work/sub/deep/{} has the same contents and is used", picture.file_name().unwrap().display());
    assert_says(&String::from_utf8_lossy(&said.stderr), &[&note, &found]);
    assert_eq!(desk.picture("before.png"), desk.picture("after.png"));
    let inside = png_text::read_project(&desk.at("after.png")).expect("read").expect("a project");
    assert!(inside.layers()[0].picture.ends_with("work/sub/deep/orange_cat.png"), "{:?}", inside.layers()[0].picture);
    let strict = desk.render("work/mine.ron", "strict.png", &["--strict"]);
    assert!(!strict.status.success() && !desk.at("strict.png").exists(), "{}", out(&strict));
    assert_says(&out(&strict), &["has moved", "--strict"]);

    // What has its name only.
    std::fs::write(&moved, podium::assets::find("cutouts/tan_bear.png").expect("built in")).expect("written");
    let other = desk.render("work/mine.ron", "other.png", &[]);
    assert!(!other.status.success() && !desk.at("other.png").exists(), "{}", out(&other));
    assert_says(&out(&other), &["nothing shows that it is the same file", "no such file"]);

    // What lies where it should, and is another.
    std::fs::rename(&moved, &picture).expect("moved");
    let changed = desk.render("work/mine.ron", "changed.png", &[]);
    done(&changed);
    assert_says(&out(&changed), &["has other contents than when the project was saved"]);
    assert_ne!(desk.picture("before.png"), desk.picture("changed.png"));
}

#[test]
fn what_cannot_be_collected_says_why_and_leaves_nothing() {
    let desk = Desk::new();
    let mut project = project(&desk);
    std::fs::create_dir_all(desk.at("full/of")).expect("created");
    let said = desk.podium(&["collect", "work/mine.ron", "--out", "full"]);
    assert!(!said.status.success(), "{}", out(&said));
    assert_says(&out(&said), &["full: there is something already"]);
    project.concepts[1].file = "gone.pth".into();
    project.layers_mut().expect("a collage")[1].picture = "gone.png".into();
    file::save(&desk.at("work/mine.ron"), &project).expect("saved");
    let said = desk.podium(&["collect", "work/mine.ron", "--out", "all"]);
    assert!(!said.status.success() && !desk.at("all").exists(), "{}", out(&said));
    assert_says(&out(&said), &["2 files that the project names are missing", "gone.pth", "gone.png"]);
}
