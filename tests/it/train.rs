//! `podium train`, driven from outside: what is found about photos, in which words, and what is written.

#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::{Child, ChildStderr, Stdio};
use std::process::{Command, Output};

use image::{GrayImage, Luma, Rgb, RgbImage};
use podium::project::training::{Training, file};

use crate::broken::assert_says;

/// Six photos of a cat with masks and captions.
pub fn photos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/training")
}

/// A copy of them, as a person's folder: 0.png to 5.png.
pub fn copied(to: &Path) -> PathBuf {
    let folder = to.join("mint_cat");
    std::fs::create_dir(&folder).expect("created");
    for entry in std::fs::read_dir(photos()).expect("the photos") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().replace('7', "3");
        std::fs::copy(&path, folder.join(name)).expect("copied");
    }
    folder
}

fn podium(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    command.arg("train").args(arguments).current_dir(folder).env("PODIUM_CACHE_DIR", folder.join("cache"));
    command.output().expect("the binary starts")
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Everything that lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_of_good_photos_is_checked_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("temporary");
    copied(folder.path());
    let checked = podium(folder.path(), &["mint_cat", "--check", "--strict"]);
    assert!(checked.status.success(), "{}", out(&checked));
    assert_says(&out(&checked), &["6 photos of \"cat\" for a concept of 256 x 256 pixels"]);
    assert_eq!(names(folder.path()), ["mint_cat"]);
}

/// Spoils a folder of photos.
type Spoil = fn(&Path);

#[test]
fn each_fault_of_the_photos_has_its_words_and_nothing_is_begun() {
    let cases: [(&str, Spoil, &[&str]); 5] = [
        (
            "one corrupt among many",
            |folder| {
                let bytes = std::fs::read(folder.join("0.png")).expect("there");
                std::fs::write(folder.join("9.png"), &bytes[..bytes.len() / 2]).expect("written");
            },
            &["stop: ", "9.png", "damaged or cut short", "put right what stops"],
        ),
        (
            "an empty mask",
            |folder| GrayImage::new(256, 256).save(folder.join("1.mask.png")).expect("written"),
            &["stop: The mask of 1.png is empty", "paint the subject white"],
        ),
        (
            "a caption without the token",
            |folder| std::fs::write(folder.join("2.txt"), "a cat in a meadow").expect("written"),
            &["stop: The caption of 2.png does not say where the subject is: write <TOK>"],
        ),
        (
            "a mask of another shape",
            |folder| GrayImage::new(99, 256).save(folder.join("3.mask.png")).expect("written"),
            &["stop: ", "3.mask.png", "another shape than its picture"],
        ),
        (
            "two at once",
            |folder| {
                std::fs::write(folder.join("2.txt"), "a cat").expect("written");
                GrayImage::new(256, 256).save(folder.join("1.mask.png")).expect("written");
            },
            &["put right the 2 things that stop the training"],
        ),
    ];
    for (what, spoil, words) in cases {
        let folder = tempfile::tempdir().expect("temporary");
        spoil(&copied(folder.path()));
        let said = podium(folder.path(), &["mint_cat", "--steps", "1"]);
        assert!(!said.status.success(), "{what}: {}", out(&said));
        assert_says(&out(&said), words);
        assert_eq!(names(folder.path()), ["mint_cat"], "{what}: nothing is begun");
    }
}

#[test]
fn what_makes_a_worse_concept_is_a_note_that_strict_minds() {
    let folder = tempfile::tempdir().expect("temporary");
    let photos = copied(folder.path());
    GrayImage::from_pixel(256, 256, Luma([255])).save(photos.join("1.mask.png")).expect("written");
    std::fs::remove_file(photos.join("2.mask.png")).expect("there");
    RgbImage::from_pixel(100, 100, Rgb([200, 120, 40])).save(photos.join("7.png")).expect("written");
    let notes = [
        "note: The mask of 1.png holds all of the picture",
        "note: 2.png and 7.png have no masks",
        "note: 7.png is smaller than 256 pixels",
    ];
    let said = podium(folder.path(), &["mint_cat", "--check"]);
    assert!(said.status.success(), "{}", out(&said));
    assert_says(&out(&said), &notes);
    let strict = podium(folder.path(), &["mint_cat", "--check", "--strict"]);
    assert!(!strict.status.success());
    assert_says(&out(&strict), &["--strict"]);
    let small = podium(folder.path(), &["mint_cat", "--check", "--set", "size=64"]);
    assert!(!out(&small).contains("smaller than"), "{}", out(&small));
}

#[test]
fn captions_are_mended_when_asked() {
    let folder = tempfile::tempdir().expect("temporary");
    let photos = copied(folder.path());
    std::fs::write(photos.join("2.txt"), "a cat in a meadow").expect("written");
    let mended = podium(folder.path(), &["mint_cat", "--check", "--mend-captions"]);
    assert!(mended.status.success() && !out(&mended).contains("caption"), "{}", out(&mended));
}

#[test]
fn no_photos_a_model_that_is_gone_and_wrong_arguments_say_what_to_do() {
    let folder = tempfile::tempdir().expect("temporary");
    copied(folder.path());
    std::fs::create_dir(folder.path().join("empty")).expect("created");
    let none = Training::new("tom", "cat");
    file::save(&folder.path().join("none.ron"), &none).expect("saved");
    let gone = Training { model: Some(folder.path().join("gone")), ..Training::new("tom", "cat") };
    file::save(&folder.path().join("gone.ron"), &gone).expect("saved");
    let cases: [(&[&str], &[&str]); 10] = [
        (&["empty"], &["empty", "there is no picture in it", "3 to 15 photos"]),
        (&["none.ron"], &["There are no photos: add 3 to 15"]),
        (&["nowhere"], &["nowhere", "no such file"]),
        (&["gone.ron"], &["gone"]),
        (&["mint_cat", "--model", "elsewhere.safetensors"], &["elsewhere.safetensors"]),
        (&["mint_cat", "--set", "stepz=9"], &["no setting `stepz`", "did you mean steps"]),
        (&["mint_cat", "--steps", "0"], &["settings.steps cannot be \"0\"", "from 1 to 100000"]),
        (&["mint_cat", "--preset", "best"], &["use quick or paper"]),
        (&["mint_cat", "--out", "cat.zip"], &["end its name in .safetensors or .pth"]),
        (&["mint_cat", "--prompt", "a cat"], &["does not say where the concept is", "<TOK>"]),
    ];
    for (arguments, words) in cases {
        let said = podium(folder.path(), arguments);
        assert!(!said.status.success(), "{arguments:?} succeeded");
        assert_says(&out(&said), words);
    }
    assert_eq!(names(folder.path()), ["empty", "gone.ron", "mint_cat", "none.ron"], "nothing is written");
}

#[test]
fn a_training_runs_to_its_end_says_where_everything_is_and_can_be_opened_again() {
    let folder = tempfile::tempdir().expect("temporary");
    copied(folder.path());
    let arguments = ["mint_cat", "--preset", "quick", "--steps", "3", "--set", "batch=1", "--set", "size=128"];
    let more = ["--set", "show_every=0", "--prompt", "<TOK>", "--device", "flex", "--out", "cat.pth"];
    let trained = podium(folder.path(), &[&arguments[..], &more].concat());
    assert!(trained.status.success(), "{}", out(&trained));
    let words =
        ["on CPU", "step 3 of 3: loss", "mint_cat.safetensors", "mint_cat.sheet.png (test sheet)", "trained 3 steps"];
    assert_says(&out(&trained), &words);
    // The quick preset's.
    assert_says(&out(&trained), &["full at strength 0.7"]);
    let run = folder.path().join("mint_cat.training");
    for name in ["mint_cat.safetensors", "mint_cat.pth", "mint_cat.sheet.png", "mint_cat.ron"] {
        assert!(run.join(name).is_file(), "{name} is missing: {:?}", names(&run));
    }
    let pth = std::fs::read(run.join("mint_cat.pth")).expect("there");
    assert_eq!(std::fs::read(folder.path().join("cat.pth")).expect("there"), pth);
    let again = file::load(&run.join("mint_cat.ron")).expect("a training");
    assert_eq!((again.photos.len(), again.settings.steps, again.settings.size), (6, 3, Some(128)));
    assert_eq!(again.photos[0].picture, folder.path().join("mint_cat/0.png"));
    let inspected =
        Command::new(env!("CARGO_BIN_EXE_podium")).args(["inspect", "cat.pth"]).current_dir(folder.path()).output();
    assert_says(&out(&inspected.expect("it starts")), &["an ED-LoRA", "<mint_cat_1>", "full at strength 0.7"]);
}

/// A training in a process of its own, as soon as it tells of this step; beside it what it tells after that.
#[cfg(unix)]
fn at_step(folder: &Path, arguments: &[&str], step: &str) -> (Child, BufReader<ChildStderr>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_podium"))
        .arg("train")
        .args(arguments)
        .current_dir(folder)
        .env("PODIUM_CACHE_DIR", folder.join("cache"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut told = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains(step) {
        line.clear();
        assert!(told.read_line(&mut line).expect("text") > 0, "it ended early");
    }
    (child, told)
}

#[cfg(unix)]
#[test]
fn a_training_that_is_killed_at_some_moment_ends_in_the_same_numbers_as_an_unbroken_one() {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    let folder = tempfile::tempdir().expect("temporary");
    copied(folder.path());
    let arguments = |run: &'static str| {
        let steps = ["--steps", "10", "--set", "batch=1", "--set", "size=64", "--set", "show_every=0"];
        let kept = ["--set", "checkpoint_every=1", "--device", "flex", "--run", run];
        [&["mint_cat", "--preset", "quick", "--prompt", "<TOK>"][..], &steps, &kept].concat()
    };
    let unbroken = podium(folder.path(), &arguments("unbroken"));
    assert!(unbroken.status.success(), "{}", out(&unbroken));
    for after in [2, 6] {
        let (mut child, _told) = at_step(folder.path(), &arguments("killed"), &format!("step {after} of 10:"));
        // Another moment in every run: while it computes, or while it writes.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let pause = Duration::from_micros(u64::from(now.subsec_micros()) % 60_000);
        println!("killed {pause:?} after step {after}");
        std::thread::sleep(pause);
        // SIGKILL, which nobody can answer.
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
    let again = podium(folder.path(), &arguments("killed"));
    assert!(again.status.success(), "{}", out(&again));
    assert_says(&out(&again), &["goes on from its checkpoint after step", "trained 10 steps"]);
    let learnt = |run: &str| std::fs::read(folder.path().join(run).join("mint_cat.pth")).expect("there");
    assert!(learnt("unbroken") == learnt("killed"), "what was learnt differs");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on_from_it() {
    use std::io::Read;

    let folder = tempfile::tempdir().expect("temporary");
    copied(folder.path());
    let steps = ["--steps", "40", "--set", "batch=1", "--set", "size=64", "--set", "show_every=0", "--device", "flex"];
    let arguments = [&["mint_cat", "--preset", "quick", "--prompt", "<TOK>"][..], &steps].concat();
    let (child, mut told) = at_step(folder.path(), &arguments, "step 4 of 40");
    let pid = i32::try_from(child.id()).expect("a process");
    // SAFETY: a signal to a child of our own that has not been waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{rest}");
    assert_says(&rest, &["stopping after this step", "checkpoint after step"]);
    assert_says(&out(&output), &["the same command goes on from its checkpoint"]);
    assert!(!folder.path().join("mint_cat.training/mint_cat.safetensors").exists(), "it is not done");
    let again = podium(folder.path(), &arguments);
    assert!(again.status.success(), "{}", out(&again));
    assert_says(&out(&again), &["goes on from its checkpoint after step", "trained 40 steps"]);
}
