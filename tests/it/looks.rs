//! How the window looks: every panel as a snapshot in both themes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, Rect, Theme, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, SnapshotOptions, try_image_snapshot_options};
use image::RgbaImage;
use podium::engine::device::{self, DeviceChoice};
use podium::engine::worker::Engine;
use podium::gui::Podium;
use podium::gui::inspector::Tile;
use podium::gui::look::{Overlay, Page};
use podium::link::JobId;
use podium::project::Project;
use podium::studio::places::Places;
use podium::studio::renders::runs::State;
use podium::studio::session::config;

use crate::studio::engine;
use crate::{made_up, needs};

/// A file that is dropped on the window.
#[derive(Debug)]
pub struct Dropped(pub PathBuf);

impl eframe::egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// The window on a project, without a display, everything it keeps in a folder that vanishes with it.
pub fn window(project: Project, size: [f32; 2], theme: Theme) -> Harness<'static, Podium> {
    window_in(project, size, theme, None)
}

/// The window, its files read; what it keeps lies in these places.
pub fn window_in(project: Project, size: [f32; 2], theme: Theme, places: Option<Places>) -> Harness<'static, Podium> {
    let mut harness = bare(project, size, theme, places);
    settle(&mut harness);
    harness
}

/// The window before its first frame.
pub fn bare(project: Project, size: [f32; 2], theme: Theme, places: Option<Places>) -> Harness<'static, Podium> {
    bare_on(engine(), project, size, theme, places)
}

/// The same on this engine.
pub fn bare_on(
    engine: Engine,
    project: Project,
    size: [f32; 2],
    theme: Theme,
    places: Option<Places>,
) -> Harness<'static, Podium> {
    Harness::builder().with_size(Vec2::from(size)).with_theme(theme).build_eframe(|context| {
        let folder = PathBuf::from(".");
        let podium = Podium::kept(&context.egui_ctx, engine, project, folder, DeviceChoice::Flex, places);
        let mut podium = podium.expect("threads");
        podium.studio.session.config.theme =
            if theme == Theme::Dark { config::Theme::Dark } else { config::Theme::Light };
        podium.panels.files.native = false;
        podium
    })
}

/// Steps until files are read and nothing is left to do at once.
pub fn settle(harness: &mut Harness<'_, Podium>) {
    until(harness, "the files are read", |podium| podium.studio.collage_now().is_some() && !podium.studio.is_busy());
    harness.step();
    harness.step();
}

/// Steps until something is so.
pub fn until(harness: &mut Harness<'_, Podium>, what: &str, mut so: impl FnMut(&mut Podium) -> bool) {
    let begun = Instant::now();
    loop {
        harness.step();
        if so(harness.state_mut()) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "waited in vain: {what}");
        // At first often, since files are there soon; then seldom, since what draws takes the processor from what renders.
        let rest = if begun.elapsed() < Duration::from_millis(200) { 2 } else { 25 };
        std::thread::sleep(Duration::from_millis(rest));
    }
}

/// Types a path where a dialog would be: the desktop has none here, and that there is none is looked up on a thread.
pub fn type_path(window: &mut Harness<'static, Podium>, path: &Path) {
    let begun = Instant::now();
    while !crate::story::says(window).contains("Use this path") {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody asks for a path");
        window.step();
    }
    window.get_by_role_and_label(Role::TextInput, "Path").focus();
    window.step();
    // In place of what stands there.
    let modifiers = Modifiers::COMMAND;
    let all = Event::Key { key: Key::A, physical_key: None, pressed: true, repeat: false, modifiers };
    window.input_mut().events.extend([all, Event::Text(path.display().to_string())]);
    window.step();
    window.get_by_role_and_label(Role::Button, "Use this path").click_accesskit();
    window.step();
    window.step();
}

/// Renders the project in hand to its end.
pub fn render(harness: &mut Harness<'_, Podium>) -> JobId {
    let job = harness.state_mut().studio.render().expect("nothing stands in the way");
    until(harness, "the picture", |podium| match &podium.studio.renders.runs.get(job).expect("the run").state {
        State::Failed(words) => panic!("{words}"),
        state => matches!(state, State::Done(_)),
    });
    settle(harness);
    job
}

/// Draws the window, sees that its top bar is there, and saves the picture among this run's, for people to look at;
/// none where there is no adapter.
pub fn picture_of(harness: &mut Harness<'_, Podium>, name: &str) -> Option<RgbaImage> {
    if !needs::adapter_for(&format!("the picture {name}")) {
        return None;
    }
    let picture = harness.render().expect("an adapter draws it");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).expect("created");
    picture.save(folder.join(format!("{name}.png"))).expect("written");
    // In a narrow window the pages are a list.
    let list = harness.query_all_by_label_contains("Page: ").next().map(|list| list.rect());
    let pages = ["Compose", "Place", "Gallery"].into_iter().map(|page| {
        let tab = list.unwrap_or_else(|| harness.get_all_by_label(page).next().expect("the tab").rect());
        (page, tab)
    });
    for (page, tab) in pages {
        let seen = colours(&picture, tab, harness.ctx.pixels_per_point());
        assert!(seen > 8, "{name}: of {page} in the top bar only {seen} colours are seen at {tab:?}");
    }
    Some(picture)
}

/// How many colours there are in a part of the window, in points.
fn colours(picture: &RgbaImage, part: Rect, scale: f32) -> usize {
    let part = part * scale;
    let (left, top) = (part.left() as u32, part.top() as u32);
    let part = image::imageops::crop_imm(picture, left, top, part.width() as u32, part.height() as u32).to_image();
    part.pixels().map(|pixel| pixel.0).collect::<HashSet<_>>().len()
}

/// Brings the window into a state, or back.
type Change = fn(&mut Podium);

/// The states of the window that snapshots show: name, what leads there, what leads back. From the fourth on there is a
/// finished render.
const SCENES: [(&str, Change, Change); 9] = [
    ("shortcuts", |p| p.panels.shortcuts.open = true, |p| p.panels.shortcuts.open = false),
    ("place", |p| p.look.page = Page::Place, |p| p.look.page = Page::Compose),
    ("device", |p| p.panels.device.open = true, |p| p.panels.device.open = false),
    (
        "compose",
        |p| {
            made_up::run(&mut p.studio, 2, 6, 0..6, true);
        },
        |_| (),
    ),
    (
        "attention",
        |p| {
            p.look.overlay = Overlay::Attention;
            p.studio.renders.runs.seek(2);
        },
        |p| p.look.overlay = Overlay::Masks,
    ),
    (
        "painting",
        |p| {
            p.studio.renders.runs.seek(1);
            p.studio.edit_masks();
        },
        |p| p.studio.renders.mask_editor = None,
    ),
    (
        "inspector",
        |p| {
            p.panels.inspector.large = Some(Tile::Attention);
            p.studio.renders.runs.seek(3);
        },
        |p| p.panels.inspector.large = None,
    ),
    ("gallery", |p| p.look.page = Page::Gallery, |p| p.look.page = Page::Compose),
    ("train", |p| p.look.page = Page::Train, |p| p.look.page = Page::Compose),
];

/// Steps until nothing more comes from files and threads.
fn calm(window: &mut Harness<'static, Podium>) {
    settle(window);
    let there = |podium: &mut Podium| {
        let ids: Vec<_> = podium.studio.gallery().map(|entry| entry.id.clone()).collect();
        podium.look.page != Page::Gallery
            || ids.iter().all(|id| podium.studio.results.store.thumbnail(id, 256).is_some())
    };
    until(window, "the pictures of the gallery", there);
    let waiting = ["Looking for adapters", "Reading its configuration"];
    let begun = Instant::now();
    while waiting.iter().any(|words| crate::story::says(window).contains(words)) {
        assert!(begun.elapsed() < Duration::from_secs(60), "no answer came");
        std::thread::sleep(Duration::from_millis(5));
        window.step();
    }
    window.run_steps(3);
}

/// Covers what is another on each machine: memory, threads, adapters.
fn cover(window: &Harness<'static, Podium>, picture: &mut RgbaImage) {
    let adapters: Vec<String> = device::adapters().into_iter().map(|adapter| adapter.name).collect();
    let mut parts: Vec<Rect> = Vec::new();
    for node in window.root().children_recursive() {
        let words = [node.accesskit_node().label(), node.accesskit_node().value()];
        let differs = |words: &String| {
            let known = ["in use by Podium", "threads", "Device: "].iter().any(|part| words.contains(part));
            known || adapters.iter().any(|name| words.contains(name))
        };
        if words.iter().flatten().any(differs) {
            parts.push(node.rect());
        }
    }
    assert!(parts.len() >= 2, "the device and the memory stand in the top bar");
    // The top bar is filled from the right: how far its chips reach to the left depends on their words.
    let bar = parts.iter().copied().filter(|part| part.top() < 40.0).reduce(Rect::union).expect("the top bar has some");
    parts.push(bar.with_min_x(bar.right() - 220.0));
    for part in parts {
        // Words below it are as wide as their numbers, and so would be what covers them: one digit is 120 pixels.
        let part = if part.top() < 40.0 { part } else { part.with_max_x(part.right().max(part.left() + 420.0)) };
        // A chip's own width depends on its words, and moves the next one.
        let part = part.expand2(Vec2::new(16.0, 2.0)).intersect(window.ctx.content_rect());
        for y in part.top() as u32..part.bottom() as u32 {
            for x in part.left() as u32..part.right() as u32 {
                picture.put_pixel(x, y, image::Rgba([128, 128, 128, 255]));
            }
        }
    }
}

/// Pixels that may differ: another version of the rasterizer may round an edge otherwise.
const MAY_DIFFER: usize = 100;
/// While masks are painted: the outline of the one in hand marches.
const MARCHING: usize = 800;

/// Compares the window with a snapshot; says what is wrong.
fn snapshot(window: &mut Harness<'static, Podium>, shown: &str, may_differ: usize) -> Option<String> {
    calm(window);
    let mut picture = picture_of(window, shown).expect("there is an adapter");
    cover(window, &mut picture);
    let options = SnapshotOptions::new()
        .threshold(2.0)
        .max_failed_pixels(may_differ)
        .output_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"));
    try_image_snapshot_options(&picture, shown, &options).err().map(|error| error.to_string())
}

/// Compares the window as it is with its snapshots in both themes.
pub fn same_in_both_themes(window: &mut Harness<'static, Podium>, name: &str) {
    if !needs::software_adapter() {
        return;
    }
    let mut wrong = Vec::new();
    for (theme, ending) in [(config::Theme::Dark, "dark"), (config::Theme::Light, "light")] {
        window.state_mut().studio.session.config.theme = theme;
        wrong.extend(snapshot(window, &format!("{name}-{ending}"), MAY_DIFFER));
    }
    assert!(wrong.is_empty(), "UPDATE_SNAPSHOTS=1 takes the new ones:\n{}", wrong.join("\n"));
}

#[test]
fn every_panel_looks_as_it_did_in_both_themes() {
    // The snapshots are drawn by software, which draws the same everywhere.
    if !needs::software_adapter() {
        return;
    }
    let mut window = window(crate::studio::small("beach", 6), [1280.0, 800.0], Theme::Dark);
    let mut wrong = Vec::new();
    for (name, there, back) in SCENES {
        there(window.state_mut());
        for (theme, ending) in [(config::Theme::Dark, "dark"), (config::Theme::Light, "light")] {
            window.state_mut().studio.session.config.theme = theme;
            let may_differ = if name == "painting" { MARCHING } else { MAY_DIFFER };
            wrong.extend(snapshot(&mut window, &format!("{name}-{ending}"), may_differ));
        }
        back(window.state_mut());
    }
    assert!(wrong.is_empty(), "UPDATE_SNAPSHOTS=1 takes the new ones:\n{}", wrong.join("\n"));
}

#[test]
fn at_two_hundred_percent_and_in_a_small_window_everything_is_drawn() {
    for (size, scale) in [([1024.0, 700.0], 1.0), ([1440.0, 900.0], 2.0)] {
        let mut window = window(crate::studio::small("beach", 2), size, Theme::Dark);
        window.state_mut().studio.session.config.ui_scale = scale;
        made_up::run(&mut window.state_mut().studio, 1, 2, 0..2, true);
        settle(&mut window);
        picture_of(&mut window, &format!("size-{}-{scale}", size[0]));
        let text = crate::story::says(&window);
        for words in ["Render", "Timeline", "Layers", "Concepts"] {
            assert!(text.contains(words), "{words} is missing at {size:?}, {scale}");
        }
    }
}

/// Writes `screenshots/` when asked to: the window in each of its states, and each example's collage beside its picture.
#[test]
fn screenshots_are_written_when_asked_for() {
    if std::env::var_os("PODIUM_WRITE_SCREENSHOTS").is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    std::fs::create_dir_all(&folder).expect("created");
    let files = podium::project::DiskFiles { base: PathBuf::from("."), assets: podium::assets::find };
    let engine = engine();
    for name in crate::examples::EXAMPLES {
        let project = crate::studio::example(name);
        let collage = podium::project::composite(&project, &files).expect("a collage").picture;
        let finished = crate::studio::render(&engine, &project, Default::default()).finished();
        let (width, height) = collage.dimensions();
        let mut pair = image::RgbImage::from_pixel(width * 2 + 8, height, image::Rgb([255; 3]));
        image::imageops::replace(&mut pair, &collage, 0, 0);
        image::imageops::replace(&mut pair, &finished.pictures[0], i64::from(width) + 8, 0);
        pair.save(folder.join(format!("{name}.png"))).expect("written");
    }
    write_photo(&folder);
    for theme in [Theme::Dark, Theme::Light] {
        let ending = if theme == Theme::Dark { "dark" } else { "light" };
        let save = |window: &mut Harness<'static, Podium>, name: &str| {
            window.event(Event::PointerGone);
            calm(window);
            let picture = window.render().expect("an adapter draws it");
            picture.save(folder.join(format!("{name}-{ending}.png"))).expect("written");
        };
        let mut window = window(crate::studio::example("beach"), [1440.0, 900.0], theme);
        window.state_mut().studio.document.name = "beach".into();
        // The state that the design's drawing shows: under way, a cat selected.
        window.state_mut().studio.document.select_only(0);
        let job = window.state_mut().studio.render().expect("nothing stands in the way");
        until(&mut window, "half of the steps", |podium| {
            podium.studio.renders.runs.get(job).is_some_and(|run| run.newest() >= Some(24))
        });
        let picture = window.render().expect("an adapter draws it");
        picture.save(folder.join(format!("window-{ending}.png"))).expect("written");
        until(&mut window, "the picture", |podium| {
            podium.studio.renders.runs.get(job).is_some_and(|run| run.finished().is_some())
        });
        save(&mut window, "finished");
        window.state_mut().look.overlay = Overlay::Attention;
        window.state_mut().studio.renders.runs.seek(20);
        save(&mut window, "attention");
        window.state_mut().look.overlay = Overlay::Masks;
        window.state_mut().studio.edit_masks();
        save(&mut window, "painting");
        window.state_mut().studio.renders.mask_editor = None;
        window.state_mut().studio.edit("Several", |project| {
            project.pictures = 4;
            project.settings.steps = 20;
        });
        render(&mut window);
        window.state_mut().look.page = Page::Gallery;
        until(&mut window, "the files", |podium| !podium.studio.results.store.is_writing());
        settle(&mut window);
        window.get_all_by_label_contains("Picture with seed").next().expect("a picture").click();
        settle(&mut window);
        window.get_by_label("Star this picture").click();
        save(&mut window, "gallery");

        let mut window = self::window(crate::studio::example("photo"), [1440.0, 900.0], theme);
        window.state_mut().studio.document.name = "photo".into();
        window.state_mut().look.page = Page::Place;
        render(&mut window);
        settle(&mut window);
        save(&mut window, "place");
        crate::cut_page::open_the_meadow(&mut window);
        save(&mut window, "cut");
    }
    crate::train_page::write_screenshots(&folder);
}

/// The example photo and what becomes of it, whole, side by side at half the size.
fn write_photo(folder: &Path) {
    let rendered = tempfile::tempdir().expect("temporary");
    let out = rendered.path().join("photo.png");
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/projects/photo.ron");
    let mut podium = std::process::Command::new(env!("CARGO_BIN_EXE_podium"));
    podium.arg("render").arg(project).arg("-o").arg(&out).args(["--device", "flex"]);
    assert!(podium.status().expect("it runs").success());
    let before = podium::assets::find("photos/meadow.png").expect("built in");
    let before = image::load_from_memory(before).expect("a picture").to_rgb8();
    let after = image::open(&out).expect("a picture").to_rgb8();
    let (width, height) = (before.width() / 2, before.height() / 2);
    let mut pair = image::RgbImage::from_pixel(width * 2 + 8, height, image::Rgb([255; 3]));
    for (picture, at) in [(before, 0), (after, i64::from(width) + 8)] {
        let half = image::imageops::resize(&picture, width, height, image::imageops::FilterType::Triangle);
        image::imageops::replace(&mut pair, &half, at, 0);
    }
    pair.save(folder.join("photo.png")).expect("written");
}
