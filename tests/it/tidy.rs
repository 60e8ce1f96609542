//! The project's own rules, checked on its sources. ARCHITECTURE.md states them ("Invariants").

/// Which file names which.
mod arrows;
/// Sources without comments and tests.
mod source;

use std::collections::BTreeSet;

use arrows::{arrows, circles};
use source::{Source, sources};

/// The rooms of `src`, the ground floor first, and the rooms that each may name beside itself: all that it stands on.
const FLOORS: [(&str, &[&str]); 17] = [
    ("assets", &[]),
    ("bytes", &[]),
    ("bert", &[]),
    ("cut", &[]),
    ("hub", &["bytes"]),
    ("photo", &["cut"]),
    ("plush", &[]),
    ("segment", &["bert"]),
    ("project", &["photo"]),
    ("link", &["project"]),
    ("engine", &["assets", "bert", "bytes", "link", "photo", "project"]),
    ("evaluate", &["assets", "bytes", "engine", "link", "photo", "plush", "project", "segment"]),
    ("studio", &["assets", "cut", "engine", "evaluate", "hub", "link", "photo", "project", "segment"]),
    ("cli", &["assets", "cut", "engine", "evaluate", "hub", "link", "photo", "plush", "project", "segment", "studio"]),
    ("gui", &["assets", "cut", "engine", "hub", "link", "project", "segment", "studio"]),
    (
        "lib",
        &[
            "assets", "bytes", "cli", "cut", "engine", "evaluate", "gui", "hub", "link", "photo", "plush", "project",
            "segment", "studio", "bert",
        ],
    ),
    ("main", &["lib"]),
];

/// The sources of the given rooms, without their tests' files.
fn rooms(rooms: &[&str]) -> Vec<Source> {
    let within = |source: &Source| rooms.contains(&source.room()) && !source.is_test();
    let found: Vec<Source> = sources("src").into_iter().filter(within).collect();
    for room in rooms {
        assert!(found.iter().any(|source| source.room() == *room), "there is no room {room} any more");
    }
    found
}

/// Who says one of the pieces of code, as `path: piece`.
fn who_says(sources: &[Source], pieces: &[&str]) -> Vec<String> {
    let said = |source: &Source| -> Vec<String> {
        let pieces = pieces.iter().filter(|piece| source.says(piece));
        pieces.map(|piece| format!("{}: {piece}", source.path)).collect()
    };
    sources.iter().flat_map(said).collect()
}

const NOBODY: [&str; 0] = [];

/// Crates that draw.
const WINDOW: [&str; 7] = ["egui", "eframe", "egui_plot", "egui_extras", "egui_wgpu", "winit", "rfd"];

#[test]
fn no_files_of_src_name_each_other_in_a_circle() {
    let sources = sources("src");
    let circles = circles(&arrows(&sources, false));
    let words: Vec<String> = circles.iter().map(|files| files.join(" ").replace("src/", "")).collect();
    assert!(circles.is_empty(), "move what two files need below both:\n{}", words.join("\n"));
}

#[test]
fn every_arrow_between_rooms_goes_down() {
    let sources = sources("src");
    let room = |path: &str| Source::new(path, "").room().to_owned();
    let mut up = Vec::new();
    for (from, named) in arrows(&sources, true) {
        let floor = FLOORS.iter().find(|(name, _)| *name == room(from));
        let (name, below) = floor.unwrap_or_else(|| panic!("{from}: this room has no floor in FLOORS yet"));
        let high = named.iter().filter(|to| {
            let to = room(to);
            // The crate's root names its rooms and has nothing of its own.
            to != *name && to != "lib" && !below.contains(&to.as_str())
        });
        up.extend(high.map(|to| format!("{from} names {to}")));
    }
    assert_eq!(up, NOBODY);
    // Nothing else sees to the binary, which is another crate.
    assert_eq!(who_says(&rooms(&["main"]), &["podium::engine", "podium::studio", "podium::project"]), NOBODY);
}

/// The rooms of the studio, the lowest first: each names only itself, those before it and what lies beside all of them.
const ROOMS: [&str; 11] =
    ["document", "files", "cut", "renders", "results", "export", "compare", "train", "place", "library", "session"];
/// What all rooms of the studio may name.
const BENEATH_ROOMS: [&str; 4] = ["tasks", "places", "notice", "models"];

#[test]
fn rooms_of_the_studio_know_only_those_below_them() {
    let sources = sources("src");
    let (mut up, mut known) = (Vec::new(), BTreeSet::new());
    for (from, named) in arrows(&sources, false) {
        let Some(own) = part(from, "src/studio/") else { continue };
        let Some(floor) = ROOMS.iter().position(|room| *room == own) else { continue };
        known.insert(own);
        let below = |to: &str| ROOMS[..=floor].contains(&to) || BENEATH_ROOMS.contains(&to);
        let high = named.iter().filter(|to| part(to, "src/studio/").is_some_and(|to| !below(to)));
        up.extend(high.map(|to| format!("{from} names {to}")));
    }
    assert_eq!(up, NOBODY);
    assert_eq!(known.len(), ROOMS.len());
}

/// The panels of the window, none of which knows another.
const PANELS: [&str; 21] = [
    "canvas",
    "compare",
    "concepts",
    "cut",
    "device",
    "dialogs",
    "files",
    "gallery",
    "hints",
    "inspector",
    "layers",
    "library",
    "place",
    "prompt",
    "render",
    "selection",
    "settings",
    "shortcuts",
    "timeline",
    "topbar",
    "train",
];

#[test]
fn no_panel_of_the_window_names_another() {
    let sources = sources("src");
    let panel = |path: &str| PANELS.into_iter().find(|panel| part(path, "src/gui/") == Some(panel));
    let (mut across, mut known) = (Vec::new(), BTreeSet::new());
    for (from, named) in arrows(&sources, true) {
        let Some(own) = panel(from) else { continue };
        known.insert(own);
        let others = named.iter().filter(|to| panel(to).is_some_and(|other| other != own));
        across.extend(others.map(|to| format!("{from} names {to}")));
    }
    assert_eq!(across, NOBODY);
    assert_eq!(known.len(), PANELS.len());
}

/// The folder or file right below a room that a source belongs to.
fn part<'a>(path: &'a str, room: &str) -> Option<&'a str> {
    path.strip_prefix(room)?.split(['/', '.']).next()
}

#[test]
fn only_the_window_knows_egui() {
    let below = rooms(&[
        "assets", "bytes", "cut", "hub", "photo", "plush", "segment", "project", "link", "engine", "evaluate",
        "studio", "cli", "main", "lib", "bert",
    ]);
    assert_eq!(who_says(&below, &WINDOW), NOBODY);
}

#[test]
fn only_the_engine_knows_burn_and_no_tensor_leaves_it() {
    let others = rooms(&[
        "assets", "bytes", "cut", "evaluate", "hub", "photo", "plush", "segment", "project", "link", "studio", "cli",
        "gui", "main", "lib", "bert",
    ]);
    assert_eq!(who_says(&others, &["burn", "burn_wgpu", "cubecl", "Tensor"]), NOBODY);
}

#[test]
fn only_the_worker_starts_a_thread_in_the_engine_and_catches_panics() {
    let engine = rooms(&["engine"]);
    let starts = ["thread::spawn", "thread::scope", "thread::Builder", "ThreadPoolBuilder::new", "rayon::spawn"];
    let starters = who_says(&engine, &starts);
    let worker = "src/engine/worker.rs: ";
    assert!(!starters.is_empty() && starters.iter().all(|said| said.starts_with(worker)), "{starters:?}");
    assert_eq!(who_says(&engine, &["catch_unwind("]), [format!("{worker}catch_unwind(")]);
    let named = engine.iter().find(|source| source.path == "src/engine/worker.rs").expect("the worker");
    assert!(named.says("thread::Builder::new().name("), "the engine's thread has a name");
}

#[test]
fn no_global_state_but_the_allocator() {
    let all = rooms(&FLOORS.map(|(room, _)| room));
    assert_eq!(who_says(&all, &["static", "thread_local!"]), ["src/lib.rs: static"]);
}

#[test]
fn only_a_network_s_layers_call_a_tap() {
    let engine = rooms(&["engine"]);
    let at_layers = ["tap.linear(", "tap.conv("];
    let at_attention =
        ["tap.key(", "tap.wants_logits(", "tap.logits(", "tap.mix(", "tap.wants_probs(", "tap.probs(", "tap.output("];
    // The text encoder's taps are its own.
    let expected = ["clip.rs: tap.linear(", "tapped.rs: tap.linear(", "tapped.rs: tap.conv("];
    assert_eq!(who_says(&engine, &at_layers), expected.map(|said| format!("src/engine/nets/{said}")));
    let expected = at_attention.map(|call| format!("src/engine/nets/attention.rs: {call}"));
    assert_eq!(who_says(&engine, &at_attention), expected);
    // Whoever has one by another name; tap.rs hands on to both taps of a pair.
    let asked = who_says(&engine, &[".wants_probs(", ".probs(site"]);
    let expected =
        ["attention.rs: .wants_probs(", "attention.rs: .probs(site", "tap.rs: .wants_probs(", "tap.rs: .probs(site"];
    assert_eq!(asked, expected.map(|said| format!("src/engine/nets/{said}")));
}

/// Channels, tokens and words of Stable Diffusion 1.5, which only its configuration files may say.
const SIZES: [&str; 8] = ["77", "320", "640", "768", "1280", "49406", "49407", "49408"];

#[test]
fn no_size_of_stable_diffusion_is_in_the_engine() {
    assert_eq!(who_says(&rooms(&["engine"]), &SIZES), NOBODY);
}

/// Pieces of the names in checkpoint files, and the files that may have them in quotes: a network knows its own layers'
/// names as diffusers writes them, `original.rs` the layout of Stable Diffusion's own code, `family.rs` those by which kinds
/// of models are told apart, `adapters/` what trainers of LoRAs and of words write, `train/` what it writes itself.
const NAMES: [(&[&str], &[&str]); 4] = [
    (&["diffusion_model.", "first_stage_model", "cond_stage_model"], &["engine/original.rs", "engine/family.rs"]),
    (&["lora_down", "lora_up", "new_concept_embedding"], &["engine/adapters/", "engine/train/"]),
    (
        &["lora_unet", "lora_te", "lora_A", "hada_", "lokr_", "string_to_param", "emb_params"],
        &["engine/adapters/", "engine/family.rs", "engine/train/"],
    ),
    (
        &[
            "down_blocks",
            "up_blocks",
            "mid_block",
            "transformer_blocks",
            "resnets.",
            "text_model",
            "to_q",
            "attn1",
            "conv_in",
        ],
        &["engine/nets/", "engine/original.rs", "engine/family.rs", "engine/adapters/"],
    ),
];

#[test]
fn names_in_checkpoint_files_are_known_to_those_who_read_them() {
    let sources: Vec<Source> = sources("src").into_iter().filter(|source| !source.is_test()).collect();
    for (names, readers) in NAMES {
        let mut known = 0;
        for source in &sources {
            let Some(quote) = source.quotes.iter().find(|quote| names.iter().any(|name| quote.contains(name))) else {
                continue;
            };
            let reads = readers.iter().any(|reader| source.path.starts_with(&format!("src/{reader}")));
            assert!(reads, "{} has {quote:?}", source.path);
            known += 1;
        }
        assert!(known > 0, "nobody knows {names:?} any more");
    }
}

/// Where a colour may be written beside `theme.rs`, and why.
const COLORED: [(&str, &str, &str); 1] =
    [("src/gui/paint/", "Color32::", "lines over pictures are black and white, whatever the theme")];

#[test]
fn colors_are_named_in_the_theme_alone() {
    let mut found = Vec::new();
    for source in rooms(&["gui"]).iter().filter(|source| source.path != "src/gui/theme.rs") {
        for (index, kind) in source.code.iter().enumerate() {
            let word = |ahead: usize| source.code.get(index + ahead).map_or("", String::as_str);
            let (name, first) = (word(2), word(4));
            if !["Color32", "Rgba", "Hsva", "HsvaGamma"].contains(&kind.as_str()) || word(1) != "::" {
                continue;
            }
            // No colour at all, and one to be put in later; what is made of the document's colours is no name.
            let constant = name.starts_with(char::is_uppercase) && !["TRANSPARENT", "PLACEHOLDER"].contains(&name);
            let literal = name.starts_with("from_") && first.starts_with(|c: char| c.is_ascii_digit());
            if constant || literal {
                found.push(format!("{}: {kind}::{name}", source.path));
            }
        }
        let hex = |quote: &&String| {
            let digits = quote.strip_prefix('#').unwrap_or_default();
            digits.len() >= 6 && digits.chars().all(|c| c.is_ascii_hexdigit())
        };
        found.extend(source.quotes.iter().filter(hex).map(|quote| format!("{}: {quote}", source.path)));
        found.extend(who_says(std::slice::from_ref(source), &["hex_color!"]));
    }
    none_but(found, &COLORED);
}

/// What would make a frame wait, for a file or for another thread.
const WAITS: [&str; 21] = [
    "fs",
    "File",
    "OpenOptions::new",
    "Command::new",
    "image::open",
    ".exists(",
    ".try_exists(",
    ".is_file(",
    ".is_dir(",
    ".is_symlink(",
    ".metadata(",
    ".canonicalize(",
    ".read_dir(",
    ".recv(",
    ".recv_timeout(",
    ".join()",
    ".wait(",
    ".lock(",
    "thread::sleep",
    "thread::scope",
    "block_on(",
];

/// Who may wait all the same, and why.
const WAITING: [(&str, &str, &str); 5] = [
    ("src/gui/display.rs", ".exists(", "which display there is, before there is a window"),
    ("src/gui/files.rs", "block_on(", "the thread of a file dialog"),
    ("src/gui/files.rs", ".exists(", "whether the desktop has dialogs, looked up on a thread"),
    ("src/gui/frame_times.rs", "fs", "a measurement that a developer asks for"),
    ("src/gui/frame_times.rs", "File", "a measurement that a developer asks for"),
];

#[test]
fn no_frame_waits_for_a_file_or_a_thread() {
    none_but(who_says(&rooms(&["gui"]), &WAITS), &WAITING);
}

/// Asserts that only listed exceptions were found, and that none is listed that nobody needs any more.
fn none_but(found: Vec<String>, listed: &[(&str, &str, &str)]) {
    let is = |said: &String, (path, piece, _): &(&str, &str, &str)| {
        said.split_once(": ").is_some_and(|(file, said)| file.starts_with(path) && said.starts_with(piece))
    };
    for exception in listed {
        assert!(found.iter().any(|said| is(said, exception)), "nobody needs {exception:?} any more");
    }
    let others: Vec<&String> =
        found.iter().filter(|said| !listed.iter().any(|exception| is(said, exception))).collect();
    assert_eq!(others, NOBODY);
}

#[test]
fn no_source_is_over_seven_hundred_lines() {
    for source in ["src", "tests/it", "benches"].into_iter().flat_map(sources) {
        let lines = source.text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines: does it have one job?", source.path);
    }
}
