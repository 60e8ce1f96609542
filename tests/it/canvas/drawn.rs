//! The canvas as it looks: every overlay is drawn and differs from the others.

use std::path::PathBuf;

use eframe::egui::{Event, vec2};
use podium::engine::device::{self, NO_ADAPTER};
use podium::gui::look::Overlay;
use podium::studio::MaskEditor;
use podium::studio::session::config::Theme;

use super::{Window, step};
use crate::studio::example;
use crate::wgpu::pictures_required;

/// Every overlay in both themes and at several sizes. With `PODIUM_LOOK_AT` naming a folder, the pictures are written
/// there for somebody to look at.
#[test]
fn overlays_and_boards_are_drawn_in_both_themes_and_at_every_size() {
    if device::adapters().is_empty() {
        assert!(!pictures_required(), "PODIUM_REQUIRE_PICTURES is set, but {NO_ADAPTER}");
        eprintln!("skipped 1 test, overlays_and_boards_are_drawn_in_both_themes_and_at_every_size: {NO_ADAPTER}");
        return;
    }
    let folder = std::env::var_os("PODIUM_LOOK_AT").map(PathBuf::from);
    let sizes = [
        ("large", vec2(1440.0, 900.0), 1.0),
        ("small", vec2(1024.0, 700.0), 1.0),
        ("double", vec2(1440.0, 900.0), 2.0),
    ];
    for (name, size, scale) in sizes {
        let mut window = Window::sized(example("beach"), size);
        window.app().studio.session.config.ui_scale = scale;
        window.app().studio.session.config.theme = if name == "small" { Theme::Light } else { Theme::Dark };
        // At twice the size there is no room for the panels at the sides; Ctrl+\ folds them away.
        window.app().look.folded = scale > 1.0;
        window.harness.run_steps(3);
        let mut seen: Vec<image::RgbaImage> = Vec::new();
        let mut look = |window: &mut Window, part: &str| {
            window.harness.run_steps(3);
            let picture = window.harness.render().expect("an adapter draws it");
            if let Some(folder) = &folder {
                picture.save(folder.join(format!("canvas-{name}-{part}.png"))).expect("written");
            }
            assert!(!seen.contains(&picture), "{name}: {part} changed nothing");
            seen.push(picture);
        };
        look(&mut window, "first");
        window.app().studio.document.select_only(0);
        look(&mut window, "chosen");
        let job = window.run(1, false);
        look(&mut window, "masks");
        window.app().look.masks.custom = true;
        window.app().look.masks.base = true;
        look(&mut window, "all-masks");
        window.app().look.overlay = Overlay::Clusters;
        look(&mut window, "clusters");
        window.app().look.overlay = Overlay::Attention;
        look(&mut window, "attention");
        window.app().panels.canvas.split.on = true;
        look(&mut window, "split");
        window.app().panels.canvas.split.on = false;
        let views = step(1).masks[0].clone();
        window.app().studio.renders.mask_editor = MaskEditor::new(job, 12, 0, &views);
        look(&mut window, "painting");
        window.app().studio.renders.mask_editor = None;
        window.app().look.overlay = Overlay::Masks;
        window.app().studio.document.select([0, 1]);
        window.run(4, true);
        look(&mut window, "batch");
        if window.app().panels.canvas.zoom().is_some() {
            let pointer = window.at(100.0, 160.0);
            window.harness.event(Event::PointerMoved(pointer));
            look(&mut window, "pointed");
        }
    }
}
