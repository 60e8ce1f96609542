//! How long a frame of the window takes while a render runs: `cargo bench --bench frames`.
//!
//! The window is 1280 x 800, on whatever adapter there is (lavapipe where there is no GPU). A frame is laid out, drawn
//! and read back, so what is measured is more than a frame on a screen takes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::{Event, Vec2, pos2};
use egui_kittest::Harness;
use podium::engine::cache::Cache;
use podium::engine::device::DeviceChoice;
use podium::engine::worker::{Engine, EngineOptions};
use podium::gui::Podium;
use podium::project::file;

fn main() {
    let text = podium::assets::find("projects/beach.ron").and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some(project) = text.and_then(|text| file::from_str(text).ok()) else { panic!("the example is built in") };
    let mut harness: Harness<'_, Podium> =
        Harness::builder().with_size(Vec2::new(1280.0, 800.0)).build_eframe(|context| {
            let Ok(engine) = Engine::start_with(EngineOptions::beside_a_window(None), Cache::none(), || ()) else {
                panic!("no thread")
            };
            let podium = Podium::new(&context.egui_ctx, engine, project, PathBuf::from("."), DeviceChoice::Flex);
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
    if std::env::args().any(|argument| argument == "memory") {
        return memory_over_renders(&mut harness);
    }
    let Some(job) = harness.state_mut().studio.render() else { panic!("nothing stands in the way") };
    measure(&mut harness, "while a render runs", 100_000, |podium| {
        podium.studio.runs.get(job).is_none_or(|run| !run.state.is_active())
    });
}

/// What the process holds after each of fifty renders of eight steps: `cargo bench --bench frames -- memory`.
///
/// Frames are laid out but not drawn: drawing one for each render, the process grew by the 4 MB of a frame each time.
fn memory_over_renders(harness: &mut Harness<'_, Podium>) {
    harness.state_mut().studio.edit("Eight steps", |project| project.settings.steps = 8);
    for number in 1..=50 {
        let Some(job) = harness.state_mut().studio.render() else { panic!("nothing stands in the way") };
        while harness.state().studio.runs.get(job).is_none_or(|run| run.state.is_active()) {
            harness.step();
            std::thread::sleep(Duration::from_millis(10));
        }
        if number % 5 == 0
            && let Some(bytes) = podium::engine::memory::resident()
        {
            println!("after {number} renders: {} MB", bytes / 1_000_000);
        }
    }
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
    for (part, times) in [("laid out", &mut layout), ("drawn too", &mut whole)] {
        times.sort();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
        println!(
            "{what}: {} frames {part}: median {:.1} ms, 95 % {:.1} ms, 99 % {:.1} ms",
            times.len(),
            at(0.5).as_secs_f64() * 1e3,
            at(0.95).as_secs_f64() * 1e3,
            at(0.99).as_secs_f64() * 1e3
        );
    }
}
