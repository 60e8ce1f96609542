//! How the window looks: every panel as a snapshot in both themes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{Theme, Vec2};
use egui_kittest::Harness;
use podium::engine::device::{self, DeviceChoice, NO_ADAPTER};
use podium::gui::Podium;
use podium::project::Project;
use podium::studio::config;

use crate::studio::engine;
use crate::wgpu::pictures_required;

/// The window on a project, without a display, everything it keeps in a folder that vanishes with it.
pub fn window(project: Project, size: [f32; 2], theme: Theme) -> Harness<'static, Podium> {
    let mut harness = Harness::builder().with_size(Vec2::from(size)).with_theme(theme).build_eframe(|context| {
        let mut podium =
            Podium::new(&context.egui_ctx, engine(), project, PathBuf::from("."), DeviceChoice::Flex).expect("threads");
        podium.studio.config.theme = if theme == Theme::Dark { config::Theme::Dark } else { config::Theme::Light };
        podium.look.files.native = false;
        podium
    });
    settle(&mut harness);
    harness
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
pub fn render(harness: &mut Harness<'_, Podium>) {
    let job = harness.state_mut().studio.render().expect("nothing stands in the way");
    until(harness, "the picture", |podium| podium.studio.runs.get(job).is_some_and(|run| run.finished().is_some()));
    settle(harness);
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

#[test]
fn the_window_draws() {
    for theme in [Theme::Dark, Theme::Light] {
        let mut harness = window(crate::studio::small("beach", 6), [1440.0, 900.0], theme);
        render(&mut harness);
        picture_of(&mut harness, &format!("window-{theme:?}"));
    }
}
