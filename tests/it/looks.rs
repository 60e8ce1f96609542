//! How the window looks: every panel as a snapshot in both themes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{Event, Theme, Vec2};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotOptions};
use podium::engine::device::{self, DeviceChoice, NO_ADAPTER};
use podium::gui::Podium;
use podium::gui::inspector::Tile;
use podium::gui::look::{Overlay, Page};
use podium::link::JobId;
use podium::project::Project;
use podium::studio::places::Places;
use podium::studio::renders::runs::State;
use podium::studio::session::config;

use crate::studio::engine;
use crate::wgpu::pictures_required;

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
    Harness::builder().with_size(Vec2::from(size)).with_theme(theme).build_eframe(|context| {
        let folder = PathBuf::from(".");
        let podium = Podium::kept(&context.egui_ctx, engine(), project, folder, DeviceChoice::Flex, places);
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
        std::thread::sleep(Duration::from_millis(5));
    }
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

/// Saves a picture of the window among this run's, for people to look at; nothing where there is no adapter.
pub fn picture_of(harness: &mut Harness<'_, Podium>, name: &str) {
    if device::adapters().is_empty() {
        assert!(!pictures_required(), "PODIUM_REQUIRE_PICTURES is set, but {NO_ADAPTER}");
        eprintln!("skipped 1 picture, {name}: {NO_ADAPTER}");
        return;
    }
    let picture = harness.render().expect("an adapter draws it");
    let colours: std::collections::HashSet<[u8; 4]> = picture.pixels().map(|pixel| pixel.0).collect();
    assert!(colours.len() > 300, "{name} shows next to nothing: {} colours", colours.len());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).expect("created");
    picture.save(folder.join(format!("{name}.png"))).expect("written");
}

/// Brings the window into a state.
type Prepare = fn(&mut Harness<'_, Podium>);

/// The states of the window that snapshots show, by name.
const SCENES: [(&str, Prepare); 8] = [
    ("compose", |window| {
        render(window);
    }),
    ("shortcuts", |window| window.state_mut().panels.shortcuts.open = true),
    ("attention", |window| {
        render(window);
        window.state_mut().look.overlay = Overlay::Attention;
        window.state_mut().studio.renders.runs.seek(2);
    }),
    ("painting", |window| {
        render(window);
        window.state_mut().studio.renders.runs.seek(1);
        window.state_mut().studio.edit_masks();
    }),
    ("inspector", |window| {
        render(window);
        window.state_mut().panels.inspector.large = Some(Tile::Attention);
        window.state_mut().studio.renders.runs.seek(3);
    }),
    ("gallery", |window| {
        render(window);
        window.state_mut().look.page = Page::Gallery;
        until(window, "the file", |podium| !podium.studio.results.store.is_writing());
    }),
    ("place", |window| window.state_mut().look.page = Page::Place),
    ("device", |window| window.state_mut().panels.device.open = true),
];

fn calm(window: &mut Harness<'_, Podium>) {
    settle(window);
    for _ in 0..20 {
        window.step();
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Pixels that may differ where nothing was rendered: the memory in use is never the same.
const MAY_DIFFER: usize = 2000;
/// Pixels that may differ where a render is shown: times and dates too, and pictures differ a little between processors.
const MAY_DIFFER_RENDERED: usize = 1280 * 800 / 20;

#[test]
fn every_panel_looks_as_it_did_in_both_themes() {
    if device::adapters().is_empty() {
        assert!(!pictures_required(), "PODIUM_REQUIRE_PICTURES is set, but {NO_ADAPTER}");
        eprintln!("skipped {} snapshots: {NO_ADAPTER}", SCENES.len() * 2);
        return;
    }
    let mut wrong = Vec::new();
    for theme in [Theme::Dark, Theme::Light] {
        for (name, prepare) in SCENES {
            let mut window = window(crate::studio::small("beach", 6), [1280.0, 800.0], theme);
            prepare(&mut window);
            calm(&mut window);
            let shown = format!("{name}-{}", if theme == Theme::Dark { "dark" } else { "light" });
            picture_of(&mut window, &shown);
            let rendered = window.state().studio.renders.runs.iter().next().is_some();
            let options = SnapshotOptions::new()
                .threshold(2.0)
                .max_failed_pixels(if rendered { MAY_DIFFER_RENDERED } else { MAY_DIFFER })
                .output_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots"));
            wrong.extend(window.try_snapshot_options(&shown, &options).err().map(|error| error.to_string()));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_SNAPSHOTS=1 takes the new ones:\n{}", wrong.join("\n"));
}

#[test]
fn at_two_hundred_percent_and_in_a_small_window_everything_is_drawn() {
    for (size, scale) in [([1024.0, 700.0], 1.0), ([1440.0, 900.0], 2.0)] {
        let mut window = window(crate::studio::small("beach", 2), size, Theme::Dark);
        window.state_mut().studio.session.config.ui_scale = scale;
        render(&mut window);
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
    for name in ["beach", "meadow", "snow", "point"] {
        let project = crate::studio::example(name);
        let collage = podium::project::composite(&project, &files).expect("a collage").picture;
        let finished = crate::studio::render(&engine, &project, Default::default()).finished();
        let (width, height) = collage.dimensions();
        let mut pair = image::RgbImage::from_pixel(width * 2 + 8, height, image::Rgb([255; 3]));
        image::imageops::replace(&mut pair, &collage, 0, 0);
        image::imageops::replace(&mut pair, &finished.pictures[0], i64::from(width) + 8, 0);
        pair.save(folder.join(format!("{name}.png"))).expect("written");
    }
    for theme in [Theme::Dark, Theme::Light] {
        let ending = if theme == Theme::Dark { "dark" } else { "light" };
        let save = |window: &mut Harness<'_, Podium>, name: &str| {
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
    }
}
