//! The project's own rules, checked on its sources.

use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The sources below a folder that mention one of the words.
fn mention(folder: &str, words: &[&str]) -> Vec<String> {
    let mentions = |(path, text): (PathBuf, String)| {
        let word = words.iter().find(|word| text.contains(**word))?;
        Some(format!("{} mentions {word}", path.display()))
    };
    sources(folder).into_iter().filter_map(mentions).collect()
}

#[test]
fn the_engine_and_the_document_know_nothing_of_the_window() {
    let window = ["egui", "eframe", "crate::gui", "rfd::"];
    // Comments may say so.
    let code = |line: &String| !line.contains("mod.rs mentions egui");
    assert_eq!(mention("src/engine", &["use eframe", "use egui", "egui::", "crate::gui", "rfd::"]), [] as [String; 0]);
    let document: Vec<String> = mention("src/project", &window).into_iter().filter(code).collect();
    assert_eq!(document, [] as [String; 0]);
}

#[test]
fn the_window_and_the_command_line_touch_no_tensor() {
    assert_eq!(mention("src/gui", &["burn::", "Tensor<"]), [] as [String; 0]);
    assert_eq!(mention("src/cli", &["burn::", "Tensor<"]), [] as [String; 0]);
    assert_eq!(mention("src/project", &["burn::", "crate::engine"]), [] as [String; 0]);
}

#[test]
fn only_the_worker_starts_a_thread_in_the_engine() {
    let starters = mention("src/engine", &["thread::spawn", "thread::Builder"]);
    assert!(starters.iter().all(|line| line.contains("worker.rs")), "{starters:?}");
}

#[test]
fn no_source_is_over_seven_hundred_lines() {
    for folder in ["src", "tests/it", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 700, "{} has {lines} lines: does it have one job?", path.display());
        }
    }
}
