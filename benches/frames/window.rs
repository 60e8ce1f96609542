//! The real binary under Xvfb, driven by xdotool. Needs the packages xvfb and xdotool.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use podium::gui::frame_times::VARIABLE;

use crate::xvfb::{self, Running};

/// A screen of 1280 x 800 that Podium fills, with a project of some steps.
struct Window {
    podium: Running,
    display: String,
    folder: tempfile::TempDir,
    _screen: Running,
}

impl Window {
    fn open(steps: u32) -> Self {
        let (screen, display) = xvfb::open((1280, 800));
        let folder = tempfile::tempdir().expect("a folder");
        let mut project = crate::example();
        project.settings.steps = steps;
        let path = folder.path().join("beach.ron");
        std::fs::write(&path, podium::project::file::to_string(&project).expect("it can be written")).expect("a file");
        let podium = Command::new(env!("CARGO_BIN_EXE_podium"))
            .arg(&path)
            .args(["--device", "flex"])
            .env("DISPLAY", &display)
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("PODIUM_HOME", folder.path().join("home"))
            .env("PODIUM_CACHE_DIR", folder.path().join("cache"))
            .env(VARIABLE, folder.path().join("frames"))
            .env_remove("WAYLAND_DISPLAY")
            .spawn()
            .expect("podium starts");
        let window = Self { podium: Running(podium), display, folder, _screen: screen };
        let name = loop {
            let found = window.xdotool(&["search", "--onlyvisible", "--name", "Podium"]);
            if let Some(name) = found.lines().next() {
                break name.to_owned();
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        window.xdotool(&["windowmove", &name, "0", "0", "windowsize", &name, "1280", "800", "windowfocus", &name]);
        std::thread::sleep(Duration::from_secs(3));
        window
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.display).output();
        String::from_utf8_lossy(&output.expect("xdotool, of package xdotool").stdout).trim().to_owned()
    }

    /// Two seconds of a pointer on a round over canvas and panels, sixty times a second.
    fn move_about(&self) {
        let mut arguments = Vec::new();
        for part in 0..120 {
            let turn = part as f32 / 120.0 * std::f32::consts::TAU;
            let (x, y) = (640.0 + 500.0 * turn.cos(), 360.0 + 280.0 * turn.sin());
            arguments.extend([
                "mousemove".into(),
                format!("{x:.0}"),
                format!("{y:.0}"),
                "sleep".into(),
                "0.0167".into(),
            ]);
        }
        self.xdotool(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn pictures(&self) -> usize {
        count_pictures(&self.folder.path().join("home"))
    }

    /// The frames that came since, each with the milliseconds from the frame before, and its work alone.
    fn frames_from(&self, from: usize) -> Vec<(f64, f64)> {
        let text = std::fs::read_to_string(self.folder.path().join("frames")).unwrap_or_default();
        let frame = |line: &str| {
            let (since, work) = line.split_once(' ')?;
            Some((since.parse().ok()?, work.parse().ok()?))
        };
        text.lines().skip(from).filter_map(frame).collect()
    }
}

fn count_pictures(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries
            .flatten()
            .map(|entry| match entry.path() {
                path if path.is_dir() => count_pictures(&path),
                path => usize::from(path.extension().is_some_and(|end| end == "png")),
            })
            .sum()
    })
}

fn say(what: &str, frames: &[(f64, f64)]) {
    crate::say(&format!("{what}, from frame to frame"), frames.iter().map(|frame| frame.0).collect());
    crate::say(&format!("{what}, the window's own work"), frames.iter().map(|frame| frame.1).collect());
}

/// Frame times of the real window at rest and during a render of 50 steps, under a pointer that moves.
pub fn frames() {
    let window = Window::open(50);
    window.move_about();
    let from = window.frames_from(0).len();
    for _ in 0..3 {
        window.move_about();
    }
    say("at rest", &window.frames_from(from));
    for round in ["first render", "second render"] {
        let (from, before) = (window.frames_from(0).len(), window.pictures());
        window.xdotool(&["key", "ctrl+Return"]);
        let begun = Instant::now();
        while window.pictures() == before && begun.elapsed() < Duration::from_secs(300) {
            window.move_about();
        }
        say(&format!("{round}, {:.1} s", begun.elapsed().as_secs_f64()), &window.frames_from(from));
    }
}

/// What the real window's process holds after each fifth of fifty renders of eight steps.
pub fn memory() {
    let window = Window::open(8);
    let pid = window.podium.0.id();
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix("kB")?.trim();
        line.parse::<u64>().ok()
    };
    for number in 1..=50 {
        let before = window.pictures();
        window.xdotool(&["key", "ctrl+Return"]);
        let begun = Instant::now();
        while window.pictures() == before && begun.elapsed() < Duration::from_secs(120) {
            window.move_about();
        }
        if number % 5 == 0 || number == 1 {
            let held = resident().map_or("unknown".into(), |kilobytes| format!("{} MB", kilobytes * 1024 / 1_000_000));
            println!("after {number} renders: {held}, {} frames", window.frames_from(0).len());
        }
    }
}
