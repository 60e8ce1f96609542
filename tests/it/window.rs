//! The window, drawn without a display on whatever adapter there is.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::Vec2;
use eframe::egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::engine::device::{self, DeviceChoice, NO_ADAPTER};
use podium::gui::Podium;
use podium::project::Project;

use crate::studio::{engine, small};
use crate::wgpu::pictures_required;

fn harness_on(project: Project) -> Harness<'static, Podium> {
    Harness::builder().with_size(Vec2::new(1024.0, 700.0)).build_eframe(|context| {
        Podium::new(&context.egui_ctx, engine(), project, PathBuf::from("."), DeviceChoice::Flex).expect("threads")
    })
}

fn harness() -> Harness<'static, Podium> {
    harness_on(small("beach", 2))
}

#[test]
fn a_press_on_render_brings_progress_and_then_the_picture() {
    let mut harness = harness();
    harness.step();
    harness.get_by_role_and_label(Role::Button, "Render").click();
    let begun = Instant::now();
    loop {
        harness.step();
        if harness.query_by_label_contains("Rendered in").is_some() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "no picture came");
        std::thread::sleep(Duration::from_millis(20));
    }
    harness.step();
    harness.get_by_role_and_label(Role::Image, "Picture");
}

#[test]
fn the_first_screen_is_drawn() {
    if device::adapters().is_empty() {
        assert!(!pictures_required(), "PODIUM_REQUIRE_PICTURES is set, but {NO_ADAPTER}");
        eprintln!("skipped 1 test, the_first_screen_is_drawn: {NO_ADAPTER}");
        return;
    }
    let mut harness = harness();
    harness.step();
    harness.step();
    let picture = harness.render().expect("an adapter draws it");
    let colours: std::collections::HashSet<[u8; 4]> = picture.pixels().map(|pixel| pixel.0).collect();
    assert!(colours.len() > 500, "the collage is not drawn: {} colours", colours.len());
}

/// Writes `screenshots/` when asked to: a collage beside its picture, and the window with both.
#[test]
fn screenshots_are_written_when_asked_for() {
    if std::env::var_os("PODIUM_WRITE_SCREENSHOTS").is_none() {
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
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
    let mut harness = harness_on(crate::studio::example("beach"));
    harness.step();
    harness.get_by_role_and_label(Role::Button, "Render").click();
    while harness.query_by_label_contains("Rendered in").is_none() {
        harness.step();
        std::thread::sleep(Duration::from_millis(50));
    }
    harness.step();
    harness.render().expect("an adapter draws it").save(folder.join("window.png")).expect("written");
}
