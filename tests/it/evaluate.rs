//! `podium evaluate`, driven from outside: the same report however the pictures were made, and what is missing is said.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::broken::assert_says;

/// Two methods, two seeds, and a case whose concept's file is missing.
const SUITE: &str = r#"(
    version: 1, name: "small", canvas: (width: 128, height: 128), seeds: 2, measure: Plush, own_prompts: Named,
    settings: (steps: 2, guidance_scale: 4.5, inversion: Coarse),
    concepts: [
        (name: "mint cat", plush: "mint_cat", file: "assets:miniature/concepts/mint_cat.safetensors", class_word: "toy cat", cutout: "assets:cutouts/grey_cat.png"),
        (name: "plum dog", plush: "plum_dog", file: "assets:miniature/concepts/plum_dog.safetensors", class_word: "toy dog", cutout: "assets:cutouts/tan_dog.png"),
        (name: "jade cat", plush: "jade_cat", file: "missing.pth", class_word: "cat", cutout: "assets:cutouts/grey_cat.png"),
    ],
    cases: [(concepts: ["mint cat", "plum dog"]), (concepts: ["jade cat", "plum dog"])],
    prompts: [(name: "beach", words: "{all} on the beach", background: "assets:scenes/beach.png")],
    methods: ["conductor", "lora_sum"],
)"#;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    command.arg("evaluate").args(arguments).current_dir(folder).env("PODIUM_CACHE_DIR", folder.join("cache"));
    command
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs what must go well.
fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("the binary starts");
    assert!(output.status.success(), "{arguments:?}: {}", out(&output));
    out(&output)
}

/// Both reports without what they cost.
fn reports(folder: &Path) -> [String; 2] {
    ["report.md", "report.html"].map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).expect("a report");
        let end = text.rfind("Time and memory").expect("what it cost stands last");
        let end = text[..end].rfind("Time and memory").unwrap_or(end);
        text[..end].to_owned()
    })
}

const SMALL: [&str; 3] = ["small.ron", "--device", "flex"];

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().chain(more).copied().collect()
}

#[test]
fn killed_and_gone_on_or_in_shards_and_merged_the_report_is_the_same() {
    let folder = tempfile::tempdir().expect("temporary");
    std::fs::write(folder.path().join("small.ron"), SUITE).expect("written");
    let said = done(folder.path(), &small(&["--out", "whole"]));
    // What is missing is said, and the rest is made.
    let failed = "jade cat + plum dog, beach, conductor, seed 1 failed: cannot read";
    assert_says(&said, &["0 of 8 pictures are there", failed, "missing.pth", "report.html"]);
    let [markdown, html] = reports(&folder.path().join("whole"));
    assert_says(&markdown, &["8 of 8 pictures are made, 4 of them failed", "missing.pth", "Table 1", "LoRA sum"]);
    assert!(html.contains("data:image/jpeg;base64,"));
    let picture = folder.path().join("whole/units/mint_cat_+_plum_dog~beach~lora_sum~1.png");
    assert_eq!(image::open(picture).expect("a picture").width(), 128);

    // Nothing is made twice; what failed is tried again.
    let again = done(folder.path(), &small(&["--out", "whole"]));
    assert_says(&again, &["4 of 8 pictures are there", "failed"]);
    assert_eq!(reports(&folder.path().join("whole")), [markdown.clone(), html.clone()]);

    let measured = done(folder.path(), &["report", "whole", "--measure"]);
    assert_says(&measured, &["4 pictures measured anew", "report.md"]);
    assert_eq!(reports(&folder.path().join("whole")), [markdown.clone(), html.clone()]);

    for part in ["1/2", "2/2"] {
        let name = format!("part{}", &part[..1]);
        // Each part by two engines.
        let said = done(folder.path(), &small(&["--out", &name, "--shard", part, "--device", "flex"]));
        assert_says(&said, &[", CPU · flex"]);
    }
    let merged = done(folder.path(), &["merge", "part1", "part2", "--out", "merged"]);
    assert_says(&merged, &["8 pictures of 2 folders"]);
    assert_eq!(reports(&folder.path().join("merged")), [markdown.clone(), html.clone()]);

    let killed = left_after_the_first(folder.path(), "killed", |run| run.kill().expect("killed"));
    assert!(!killed.contains("stopped"));
    assert_eq!(reports(&folder.path().join("killed")), [markdown, html]);
}

/// Begins, is ended after the first picture, and goes on; gives what was said until it was ended.
fn left_after_the_first(folder: &Path, name: &str, end: impl FnOnce(&mut Child)) -> String {
    let mut run = command(folder, &small(&["--out", name]));
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let first = folder.join(name).join("units/mint_cat_+_plum_dog~beach~conductor~0.json");
    let begun = Instant::now();
    while !first.exists() {
        assert!(begun.elapsed() < Duration::from_secs(300), "no picture in five minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
    end(&mut run);
    let said = out(&run.wait_with_output().expect("ended"));
    let left = done(folder, &small(&["--out", name]));
    assert!(!left.contains("0 of 8 pictures are there"), "the first picture was lost: {left}");
    said
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_a_report_of_what_is_there_and_the_same_command_goes_on() {
    let folder = tempfile::tempdir().expect("temporary");
    std::fs::write(folder.path().join("small.ron"), SUITE).expect("written");
    let said = left_after_the_first(folder.path(), "stopped", |run| {
        let pid = i32::try_from(run.id()).expect("a process");
        // SAFETY: a signal to a child of our own that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
    });
    assert_says(&said, &["stopped; the same command goes on", "report.html"]);
    assert_says(&reports(&folder.path().join("stopped"))[0], &["8 of 8 pictures are made"]);
}

#[test]
fn what_was_found_to_have_gone_wrong_is_noted_and_counted() {
    let folder = tempfile::tempdir().expect("temporary");
    let suite = SUITE.replace("(concepts: [\"jade cat\", \"plum dog\"])", "").replace("steps: 2", "steps: 12");
    std::fs::write(folder.path().join("small.ron"), suite).expect("written");
    let weak = ["--out", "weak", "--methods", "conductor", "--set", "layout_alignment.weight=0.01"];
    done(folder.path(), &small(&weak));
    let unit = std::fs::read_to_string(folder.path().join("weak/units/mint_cat_+_plum_dog~beach~conductor~0.json"));
    let note = "layout alignment hardly moved the picture: raise Step size λ (layout_alignment.weight)";
    assert_says(&unit.expect("a record"), &[note]);
    // Without numbers, which differ from picture to picture.
    let [markdown, _] = reports(&folder.path().join("weak"));
    let line = markdown.lines().find(|line| line.contains(note)).expect("the report has it");
    assert!(line.ends_with("(2 times)"), "{line}");
}

/// An encoder of the tests' own.
fn encoder(name: &str) -> String {
    format!("{}/tests/data/encoders/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn encoders_measure_what_is_there_without_making_it_again_and_what_is_made_then() {
    let folder = tempfile::tempdir().expect("temporary");
    let suite = SUITE.replace("(concepts: [\"jade cat\", \"plum dog\"])", "").replace("seeds: 2", "seeds: 1");
    // What only the suite names may be missing.
    let suite = suite.replace("measure: Plush", "measure: Plush, dino: \"encoders/none\"");
    std::fs::write(folder.path().join("small.ron"), suite).expect("written");
    let plain = done(folder.path(), &small(&["--out", "seen", "--methods", "lora_sum"]));
    assert_says(&plain, &["is not there, so nothing is measured with DINOv2"]);
    let unit = folder.path().join("seen/units/mint_cat_+_plum_dog~beach~lora_sum~0.json");
    let record =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&unit).expect("a record")).expect("a record") };
    let before = record();
    assert!(before.get("learned").is_none());
    let [without, _] = reports(&folder.path().join("seen"));
    assert!(!without.contains("CLIP-T"));

    let (clip, dino) = (encoder("clip"), encoder("dino"));
    let named = ["--out", "seen", "--clip", &clip, "--dino", &dino];
    let said = done(folder.path(), &small(&named));
    let expected =
        ["pictures are measured with CLIP clip (2 layers", "DINOv2 dino (", "1 of 2 pictures are there", "CLIP-T"];
    assert_says(&said, &expected);
    let after = record();
    assert_eq!(
        (&after["hash"], &after["cost"], &after["outcome"]),
        (&before["hash"], &before["cost"], &before["outcome"])
    );
    assert_eq!(after["learned"]["segments"], "Figures");
    assert_eq!(after["learned"]["scores"].as_array().map(Vec::len), Some(2));
    let [with, _] = reports(&folder.path().join("seen"));
    assert_says(&with, &["SegSim (CLIP) ↑ | SegSim (DINOv2) ↑ | CLIP-T ↑", "Segments: the figures that are seen"]);
    // Whoever has no encoder at hand keeps what was measured.
    done(folder.path(), &small(&["--out", "seen"]));
    assert_eq!(reports(&folder.path().join("seen"))[0], with);
    let again = done(folder.path(), &["report", "seen", "--measure", "--clip", &clip]);
    assert_says(&again, &["2 pictures measured anew"]);
    assert_eq!(reports(&folder.path().join("seen"))[0], with);

    // A third kind comes later still, and takes nothing from the others.
    let reward = encoder("reward");
    let third = done(folder.path(), &small(&["--out", "seen", "--reward", &reward]));
    assert_says(&third, &["pictures are measured with ImageReward ImageReward.pt (2 layers", "ImageReward"]);
    assert_eq!(record()["learned"]["scores"].as_array().map(Vec::len), Some(3));
    assert_says(&reports(&folder.path().join("seen"))[0], &["CLIP-T ↑ | ImageReward ↑", "the figures that are seen"]);

    let swapped = small(&["--out", "other", "--clip", &dino]);
    let output = command(folder.path(), &swapped).output().expect("the binary starts");
    assert!(!output.status.success() && !folder.path().join("other").exists());
    assert_says(&out(&output), &["is DINOv2, where CLIP is named"]);
}

#[test]
fn a_segmenter_finds_and_counts_in_pictures_that_are_there() {
    let folder = tempfile::tempdir().expect("temporary");
    let suite = SUITE.replace("(concepts: [\"jade cat\", \"plum dog\"])", "").replace("seeds: 2", "seeds: 1");
    std::fs::write(folder.path().join("small.ron"), &suite).expect("written");
    let plain = ["--out", "seen", "--methods", "lora_sum"];
    done(folder.path(), &small(&plain));
    let unit = folder.path().join("seen/units/mint_cat_+_plum_dog~beach~lora_sum~0.json");
    let record =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&unit).expect("a record")).expect("a record") };
    let before = record();
    let words = format!("{}/tests/data/segment/dino.onnx", env!("CARGO_MANIFEST_DIR"));
    let clip = encoder("clip");
    let named = [&plain[..], &["--words", &words, "--clip", &clip]].concat();
    let said = done(folder.path(), &small(&named));
    assert_says(
        &said,
        &["pictures are measured with Grounding DINO dino.onnx (sure by 0.30", "1 of 1 pictures are there"],
    );
    let after = record();
    assert_eq!((&after["hash"], &after["outcome"]), (&before["hash"], &before["outcome"]));
    let learned = &after["learned"];
    assert_eq!(learned["count"]["asked"], 2);
    assert!(
        learned["count"]["found"].as_u64().is_some() && learned["segments"]["Found"] == learned["count"]["segmenter"]
    );
    let [markdown, _] = reports(&folder.path().join("seen"));
    assert_says(
        &markdown,
        &["found n>N ↓", "Segments: what Grounding DINO dino.onnx", "boxes of one place count once"],
    );
    // Nothing is asked twice, and the same comes out.
    done(folder.path(), &small(&named));
    assert_eq!(record(), after);

    // A suite that names them itself, from its own folder, gives the same report with no flag at all.
    let networks = folder.path().join("suites/networks");
    std::fs::create_dir_all(&networks).expect("created");
    for file in ["dino.onnx", "vocab.txt"] {
        let from = format!("{}/tests/data/segment/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(from, networks.join(file)).expect("copied");
    }
    let places = format!("measure: Plush, clip: {clip:?}, segmenter: (words: \"networks/dino.onnx\"), ");
    let whole = suite.replace("measure: Plush, ", &places);
    std::fs::write(folder.path().join("suites/whole.ron"), whole).expect("written");
    let of_suite = ["suites/whole.ron", "--device", "flex", "--methods", "lora_sum", "--out", "alone"];
    let said = done(folder.path(), &of_suite);
    assert_says(&said, &["pictures are measured with Grounding DINO dino.onnx (sure by 0.30", "CLIP clip ("]);
    // All but the suite itself, which the report has word for word.
    let said_of = |name: &str| {
        let [markdown, _] = reports(&folder.path().join(name));
        markdown.split("## Settings and hashes").next().map(str::to_owned)
    };
    assert_eq!(said_of("alone"), said_of("seen"));
    assert_says(&reports(&folder.path().join("alone"))[0], &["networks/dino.onnx"]);
    // Later too, and with something of one's own in one's place, which is said.
    let measured = ["report", "alone", "--measure", "--base", "suites", "--sure", "0.5"];
    let said = done(folder.path(), &measured);
    assert_says(&said, &["--sure 0.5 in place of the suite's 0.3", "(sure by 0.50", "1 pictures measured anew"]);
    // What is not there is said, and the rest is measured; what is something else is refused before anything is made.
    std::fs::rename(networks.join("dino.onnx"), networks.join("moved.onnx")).expect("moved");
    let said = done(folder.path(), &of_suite);
    assert_says(&said, &["dino.onnx: is not there, so no subjects are found by their words", "measured with CLIP"]);
    std::fs::write(networks.join("dino.onnx"), "no network").expect("written");
    let output = command(folder.path(), &of_suite).output().expect("the binary starts");
    assert!(!output.status.success());
    assert_says(&out(&output), &["dino.onnx"]);
    for (wrong, said) in [(["--sam", "x.onnx,y.onnx"], "--words"), (["--sure", "0.1"], "from 0.3 to 1")] {
        let output =
            command(folder.path(), &small(&[&plain[..], &wrong].concat())).output().expect("the binary starts");
        assert!(!output.status.success());
        assert_says(&out(&output), &[said]);
    }
}

#[test]
fn strips_show_what_the_full_method_saw_and_pictures_without_are_made_again_as_they_were() {
    let folder = tempfile::tempdir().expect("temporary");
    let suite = SUITE.replace("(concepts: [\"jade cat\", \"plum dog\"])", "");
    std::fs::write(folder.path().join("small.ron"), suite).expect("written");
    let plain = done(folder.path(), &small(&["--out", "seen"]));
    assert_says(&plain, &["0 of 4 pictures are there"]);
    let unit = folder.path().join("seen/units/mint_cat_+_plum_dog~beach~conductor~0.png");
    let pixels = || image::open(&unit).expect("a picture").into_rgb8();
    let before = pixels();
    let strip = folder.path().join("seen/strips/mint_cat_+_plum_dog~beach.png");
    let [markdown, html] = reports(&folder.path().join("seen"));
    assert!(!strip.exists() && !markdown.contains("strips/") && !html.contains("data:image/png;base64,"));

    let asked = small(&["--out", "seen", "--strips"]);
    assert_says(&done(folder.path(), &asked), &["3 of 4 pictures are there"]);
    assert!(pixels() == before, "watching changes nothing");
    let drawn = image::open(&strip).expect("a strip");
    // A row each: the picture, clusters and attention of base, two concepts and reference, two masks; 72 pixels a cell.
    assert!(drawn.height() > 7 * 72 && drawn.width() > 2 * 72, "{} x {}", drawn.width(), drawn.height());
    let [markdown, html] = reports(&folder.path().join("seen"));
    assert_says(&markdown, &["Masks and attention of Concept Conductor", "strips/mint_cat_+_plum_dog~beach.png"]);
    assert!(html.contains("data:image/png;base64,"));
    // Nothing is made twice, and what is merged has it too.
    assert_says(&done(folder.path(), &asked), &["4 of 4 pictures are there"]);
    done(folder.path(), &["merge", "seen", "--out", "merged"]);
    assert_eq!(reports(&folder.path().join("merged")), [markdown, html]);
    assert!(folder.path().join("merged/strips/mint_cat_+_plum_dog~beach.png").exists());
}

#[test]
fn what_cannot_be_evaluated_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().expect("temporary");
    std::fs::write(folder.path().join("small.ron"), SUITE).expect("written");
    std::fs::write(folder.path().join("broken.ron"), SUITE.replace("seeds: 2", "seeds: none")).expect("written");
    for (arguments, said) in [
        (vec!["nothing", "--out", "x"], "the shipped suites are plush, placing and paper"),
        (vec!["broken.ron", "--out", "x"], "line 2, column"),
        (vec!["plush"], "--out"),
        (small(&["--out", "x", "--methods", "conductor,magic"]), "name \"magic\"; there are conductor, release"),
        (small(&["--out", "x", "--shard", "3/2"]), "such as 3/8"),
        (vec!["small.ron", "--out", "x", "--device", "flex,tpu"], "`tpu` is no device; choose auto, flex"),
        (small(&["--out", "x", "--set", "step=3"]), "did you mean"),
        (small(&["--out", "small.ron"]), "small.ron"),
        (vec!["report", "."], "holds no evaluation"),
        (vec!["merge", ".", "--out", "x"], "holds no evaluation"),
        (vec!["suite", "none"], "there are plush, placing and paper"),
        (vec!["search", "small.ron", "--out", "x", "--try", "guidance_scale"], "such as guidance_scale=4,5,6"),
        (vec!["search", "small.ron", "--out", "x", "--try", "step=3,4"], "did you mean"),
        (vec!["search", "paper", "--out", "x", "--try", "steps=3,4"], "measures nothing"),
        (vec!["search", "small.ron", "--out", "x"], "--try"),
    ] {
        let output = command(folder.path(), &arguments).output().expect("the binary starts");
        assert!(!output.status.success(), "{arguments:?}");
        assert_says(&out(&output), &[said]);
    }
    assert!(!folder.path().join("x/units").exists(), "nothing was begun");
    assert_says(&done(folder.path(), &small(&["--out", "x", "--list"])), &["lora_sum", "8 pictures"]);
    let text = done(folder.path(), &["suite", "paper"]);
    std::fs::write(folder.path().join("mine.ron"), text).expect("written");
    assert_says(&done(folder.path(), &["mine.ron", "--out", "x", "--list"]), &["4800 pictures"]);
}
