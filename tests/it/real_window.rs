//! The real binary in a real window: started under Xvfb, driven by xdotool, looked at by ImageMagick's import.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use podium::studio::places::Places;
use podium::studio::session::autosave::Autosave;

use crate::needs;
use crate::xvfb::{self, Running};

const SIZE: (u32, u32) = (1440, 900);

/// A screen of its own.
struct Screen {
    _server: Running,
    display: String,
    scratch: tempfile::TempDir,
}

impl Screen {
    fn open() -> Self {
        let (server, display) = xvfb::open(SIZE);
        Self { _server: server, display, scratch: tempfile::tempdir().expect("a folder") }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("XDG_RUNTIME_DIR", self.scratch.path())
            .env("PODIUM_HOME", self.home())
            .env("PODIUM_CACHE_DIR", self.scratch.path().join("cache"))
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    fn home(&self) -> PathBuf {
        self.scratch.path().join("home")
    }

    fn podium(&self) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_podium"));
        command.args(["--device", "flex"]).stdout(Stdio::null()).stderr(Stdio::inherit());
        Running(command.spawn().expect("podium starts"))
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = self.command("xdotool").args(arguments).output().expect("xdotool runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits for a window with contents and gives it the whole screen.
    fn wait_for_window(&self) -> (String, Duration) {
        let begun = Instant::now();
        let window = loop {
            let found = self.xdotool(&["search", "--onlyvisible", "--name", "Podium"]);
            if let Some(window) = found.lines().next() {
                break window.to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(180), "no window came");
            std::thread::sleep(Duration::from_millis(50));
        };
        let came = loop {
            if colours(&self.look()) > 300 {
                break begun.elapsed();
            }
            assert!(begun.elapsed() < Duration::from_secs(180), "the window stays empty");
            std::thread::sleep(Duration::from_millis(100));
        };
        self.xdotool(&["windowmove", &window, "0", "0"]);
        self.xdotool(&["windowsize", &window, &SIZE.0.to_string(), &SIZE.1.to_string()]);
        self.xdotool(&["windowfocus", &window]);
        let corner = |picture: &RgbImage| {
            colours(&image::imageops::crop_imm(picture, SIZE.0 - 250, 0, 250, SIZE.1).to_image()) > 100
        };
        wait("the window to fill the screen", Duration::from_secs(60), || corner(&self.look()));
        (window, came)
    }

    /// What is on the screen.
    fn look(&self) -> RgbImage {
        let path = self.scratch.path().join("screen.png");
        let status = self.command("import").args(["-window", "root"]).arg(&path).status().expect("import runs");
        assert!(status.success(), "no picture of the screen");
        image::open(&path).expect("a picture").into_rgb8()
    }

    /// Drags, and leaves a busy machine this long to draw a frame: a press counts only where the pointer was seen before.
    fn drag(&self, from: (u32, u32), to: (u32, u32), frame: Duration) {
        let at = |part: f32| {
            let between = |a: u32, b: u32| (a as f32 + (b as f32 - a as f32) * part).round().to_string();
            self.xdotool(&["mousemove", &between(from.0, to.0), &between(from.1, to.1)]);
            std::thread::sleep(frame);
        };
        at(0.0);
        self.xdotool(&["mousedown", "1"]);
        std::thread::sleep(frame);
        for part in 1..=4 {
            at(part as f32 / 4.0);
        }
        self.xdotool(&["mouseup", "1"]);
        std::thread::sleep(frame);
    }
}

fn colours(picture: &RgbImage) -> usize {
    picture.pixels().map(|pixel| pixel.0).collect::<std::collections::HashSet<_>>().len()
}

/// The middle of the largest orange thing in the middle of the window: the cat of the collage.
fn grey(picture: &RgbImage) -> Option<(u32, u32)> {
    let is_grey = |color: [u8; 3]| color.iter().zip([138, 140, 148]).all(|(value, cat)| value.abs_diff(cat) < 6);
    let (mut count, mut x, mut y) = (0_u64, 0_u64, 0_u64);
    for (column, row, pixel) in picture.enumerate_pixels() {
        if (280..760).contains(&column) && (90..640).contains(&row) && is_grey(pixel.0) {
            (count, x, y) = (count + 1, x + u64::from(column), y + u64::from(row));
        }
    }
    (count > 500).then(|| ((x / count) as u32, (y / count) as u32))
}

fn results(home: &Path) -> usize {
    let folder = Places::in_folder(home).results_folder();
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "png")).count()
    })
}

fn wait(what: &str, patience: Duration, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < patience, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_real_window_opens_renders_moves_a_cutout_and_survives_kill_9() {
    if !needs::programs(&["Xvfb", "xdotool", "import"], "xvfb, xdotool, imagemagick") {
        return;
    }
    let screen = Screen::open();
    let mut podium = screen.podium();
    let (_, came) = screen.wait_for_window();
    eprintln!("the window was drawn {:.1} s after the start", came.as_secs_f64());

    let before = screen.look();
    let cat = grey(&before).expect("the collage shows a grey cat");
    // Where the machine is too busy for one frame's time, the next try gives it more.
    let moved = [100, 400, 1600].into_iter().find_map(|frame| {
        let frame = Duration::from_millis(frame);
        screen.drag(cat, (cat.0 + 40, cat.1 - 30), frame);
        screen.xdotool(&["mousemove", "700", "60"]);
        std::thread::sleep(frame);
        grey(&screen.look()).filter(|at| at.0.abs_diff(cat.0) > 10)
    });
    let moved = moved.expect("the cat was dragged");
    let (right, up) = (moved.0 as i64 - cat.0 as i64, cat.1 as i64 - moved.1 as i64);
    assert!((25..=55).contains(&right) && (15..=45).contains(&up), "the cat went from {cat:?} to {moved:?}");

    screen.xdotool(&["key", "ctrl+Return"]);
    wait("a picture in the gallery", Duration::from_secs(240), || results(&screen.home()) == 1);
    let right_half = |picture: &RgbImage| {
        let picture = image::imageops::crop_imm(picture, 720, 120, 330, 400).to_image();
        colours(&picture)
    };
    let empty = right_half(&before);
    wait("the picture to be shown", Duration::from_secs(20), || right_half(&screen.look()) > empty + 200);

    // Autosave waits at most five seconds; ten are promised.
    let kept = Places::in_folder(screen.home()).autosave_folder();
    let is_kept = || {
        let files = std::fs::read_dir(&kept).into_iter().flatten().flatten();
        files.into_iter().any(|file| file.path().extension().is_some_and(|end| end == "ron"))
    };
    wait("the unsaved work to be kept", Duration::from_secs(10), is_kept);
    podium.0.kill().expect("killed");
    podium.0.wait().expect("ended");
    let places = Places::in_folder(screen.home());
    let found = Autosave::recoverable(&places);
    let recovered = found.first().expect("the work of the killed window can be recovered");
    let original = crate::studio::example("beach");
    assert_ne!(recovered.project.layers()[0].x, original.layers()[0].x, "the cat's move is lost");
    assert_eq!(recovered.project.prompt, original.prompt);
    drop(found);

    let again = screen.podium();
    screen.wait_for_window();
    assert!(colours(&screen.look()) > 300);
    drop(again);
}
