//! How long a frame of the window takes while a render runs: `cargo bench --bench frames`.
//!
//! The window is 1280 x 800, on whatever adapter there is (lavapipe where there is no GPU).
//! - Without arguments: frames of a window without a screen are laid out, drawn and read back, which is more than a
//!   frame on a screen takes.
//! - `-- window`: the real binary under Xvfb with a pointer that moves sixty times a second ([`window::frames`]).
//! - `-- memory`: what the real window's process holds over fifty renders ([`window::memory`]).
#![allow(clippy::expect_used, reason = "a bench fails by panicking")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::{Event, Vec2, pos2};
use egui_kittest::Harness;
use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::engine::worker::{Engine, EngineOptions};
use podium::gui::Podium;
use podium::project::{Project, file};

#[path = "frames/window.rs"]
mod window;
#[path = "../tests/it/xvfb.rs"]
mod xvfb;

fn main() {
    let asks = |word: &str| std::env::args().any(|argument| argument == word);
    if asks("window") {
        return window::frames();
    }
    if asks("memory") {
        return window::memory();
    }
    let mut harness: Harness<'_, Podium> =
        Harness::builder().with_size(Vec2::new(1280.0, 800.0)).build_eframe(|context| {
            let Ok(engine) = Engine::start_with(EngineOptions::beside_a_window(None), Cache::none(), || ()) else {
                panic!("no thread")
            };
            let podium = Podium::new(&context.egui_ctx, engine, example(), PathBuf::from("."), DeviceChoice::Flex);
            let Ok(podium) = podium else { panic!("no thread") };
            podium
        });
    for _ in 0..20 {
        harness.step();
        std::thread::sleep(Duration::from_millis(20));
    }
    if let Err(words) = harness.render() {
        println!("no adapter draws: {words}");
        return;
    }
    measure(&mut harness, "at rest", 100, |_| false);
    let Some(job) = harness.state_mut().studio.render() else { panic!("nothing stands in the way") };
    measure(&mut harness, "while a render runs", 100_000, |podium| {
        podium.studio.renders.runs.get(job).is_none_or(|run| !run.state.is_active())
    });
}

/// The built-in project.
fn example() -> Project {
    let text = podium::assets::find("projects/beach.ron").and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| file::from_str(text).ok()).expect("the example is built in")
}

/// Frames with a pointer that moves, as fast as sixty a second, until something is so.
fn measure(harness: &mut Harness<'_, Podium>, what: &str, most: usize, mut until: impl FnMut(&Podium) -> bool) {
    let (mut layout, mut whole) = (Vec::new(), Vec::new());
    while whole.len() < most && !until(harness.state()) {
        let turn = whole.len() as f32 * 0.1;
        harness.event(Event::PointerMoved(pos2(640.0 + 300.0 * turn.cos(), 300.0 + 150.0 * turn.sin())));
        let begun = Instant::now();
        harness.step();
        layout.push(begun.elapsed());
        if harness.render().is_err() {
            return;
        }
        let took = begun.elapsed();
        whole.push(took);
        std::thread::sleep(Duration::from_micros(16_667).saturating_sub(took));
    }
    for (part, times) in [("laid out", layout), ("drawn too", whole)] {
        say(&format!("{what}, {part}"), times.iter().map(|time| time.as_secs_f64() * 1e3).collect());
    }
}

/// Times in milliseconds, in a line.
fn say(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    let [median, most, nearly_all] = [0.5, 0.95, 0.99].map(at);
    println!("{what}: {} frames: median {median:.1} ms, 95 % {most:.1} ms, 99 % {nearly_all:.1} ms", times.len());
}
