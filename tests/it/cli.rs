//! The real binary, driven from outside.

use std::path::Path;
use std::process::{Command, Output};

use crate::broken::assert_says;
use crate::studio::small;

fn podium(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_podium"))
        .args(arguments)
        .current_dir(folder)
        .env("PODIUM_CACHE_DIR", folder.join("cache"))
        .output()
        .expect("the binary starts")
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn render_writes_a_picture_that_renders_again_to_itself() {
    let folder = tempfile::tempdir().expect("temporary");
    let project = small("beach", 2);
    podium::project::file::save(&folder.path().join("small.ron"), &project).expect("saved");
    let first = podium(folder.path(), &["render", "small.ron", "-o", "first.png", "--seed", "7", "--record", "steps"]);
    assert!(first.status.success(), "{}", out(&first));
    let again = podium(folder.path(), &["render", "first.png", "-o", "again.png", "--device", "flex"]);
    assert!(again.status.success(), "{}", out(&again));
    let open = |name: &str| image::open(folder.path().join(name)).expect("a picture").to_rgb8();
    assert_eq!(open("first.png"), open("again.png"));

    let log = std::fs::read_to_string(folder.path().join("steps/log.jsonl")).expect("a log");
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.iter().filter(|line| line["step"].is_u64()).count(), 2);
    for name in [
        "step001-preview1.png",
        "step002-mask1-1-mint_cat-combined.png",
        "step001-clusters1-reference.png",
        "step002-attention1-plum_dog.png",
    ] {
        assert!(folder.path().join("steps").join(name).is_file(), "{name} is missing");
    }

    let inspected = out(&podium(folder.path(), &["inspect", "first.png"]));
    assert_says(&inspected, &["a Podium project", "mint cat", "seed            7"]);
    let bytes = std::fs::read(folder.path().join("first.png")).expect("there");
    let text = String::from_utf8_lossy(&bytes);
    assert_says(&text, &["parameters", "a cat and a dog on the beach", "Steps: 2", "Seed: 7"]);
}

#[test]
fn settings_from_the_command_line_take_effect_and_wrong_ones_say_which_are_near() {
    let folder = tempfile::tempdir().expect("temporary");
    podium::project::file::save(&folder.path().join("small.ron"), &small("beach", 2)).expect("saved");
    let wrong =
        podium(folder.path(), &["render", "small.ron", "-o", "out.png", "--set", "mask_refinment.enabled=false"]);
    assert!(!wrong.status.success());
    assert_says(&out(&wrong), &["mask_refinement.enabled"]);
    let range = podium(folder.path(), &["render", "small.ron", "-o", "out.png", "--set", "guidance_scale=9000"]);
    assert_says(&out(&range), &["guidance_scale", "50"]);
    let right = podium(folder.path(), &["render", "small.ron", "-o", "out.png", "--set", "pictures=1", "--steps", "1"]);
    assert_says(&out(&right), &["pictures"]);
    let nowhere = podium(folder.path(), &["render", "small.ron", "-o", "no/such/out.png"]);
    assert_says(&out(&nowhere), &["no/such", "no such folder"]);
    let missing = podium(folder.path(), &["render", "gone.ron", "-o", "out.png"]);
    assert_says(&out(&missing), &["gone.ron"]);
}

#[test]
fn devices_and_inspect_answer_without_a_display() {
    let folder = tempfile::tempdir().expect("temporary");
    let devices = podium(folder.path(), &["devices"]);
    assert!(devices.status.success());
    assert_says(&out(&devices), &["flex", "auto"]);
    let concept = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/miniature/concepts/mint_cat.pth");
    assert_says(
        &out(&podium(folder.path(), &["inspect", concept])),
        &["<mint_cat_1> <mint_cat_2>", "rank            4", "16 layers of width 64"],
    );
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/miniature");
    assert_says(
        &out(&podium(folder.path(), &["inspect", model])),
        &["688 tensors", "F16", "16 layers", "4 channels", "needs about"],
    );
    let text = podium(folder.path(), &["inspect", concat!(env!("CARGO_MANIFEST_DIR"), "/rustfmt.toml")]);
    assert!(!text.status.success());
    assert_says(&out(&text), &["rustfmt.toml"]);
}

#[cfg(feature = "gui")]
#[test]
fn without_a_display_the_studio_says_what_is_missing_and_the_way_on() {
    let folder = tempfile::tempdir().expect("temporary");
    let output = Command::new(env!("CARGO_BIN_EXE_podium"))
        .current_dir(folder.path())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the binary starts");
    assert!(!output.status.success());
    assert_says(&out(&output), &["the window cannot open", "libxkbcommon-x11-0", "podium render"]);
}

#[cfg(not(feature = "gui"))]
#[test]
fn without_its_window_the_studio_says_so_and_the_way_on() {
    let folder = tempfile::tempdir().expect("temporary");
    let output = podium(folder.path(), &[]);
    assert!(!output.status.success());
    assert_says(&out(&output), &["without its window", "podium render"]);
}
