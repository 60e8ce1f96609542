//! The canvas as it looks: every overlay is drawn, on its own board, and differs from the others.

use std::collections::HashSet;
use std::path::PathBuf;

use eframe::egui::{Event, Pos2, Rect, vec2};
use image::RgbaImage;
use podium::gui::canvas::Side;
use podium::gui::look::Overlay;
use podium::studio::MaskEditor;
use podium::studio::session::config::Theme;

use super::Window;
use crate::studio::frozen;
use crate::{made_up, needs};

/// What was drawn, and where the boards are on it.
struct Drawn {
    picture: RgbaImage,
    boards: [Rect; 2],
}

impl Drawn {
    fn new(window: &mut Window) -> Self {
        window.harness.run_steps(3);
        let picture = window.harness.render().expect("an adapter draws it");
        let scale = window.harness.ctx.pixels_per_point();
        let canvas = window.app().studio.project().canvas;
        let far = (canvas.width as f32, canvas.height as f32);
        let look = &window.app().panels.canvas;
        let on = |side, at| look.screen_of(side, at).expect("the board is shown") * scale;
        let board = |side| Rect::from_min_max(on(side, (0.0, 0.0)), on(side, far)).shrink(2.0);
        Self { picture, boards: [Side::Collage, Side::Picture].map(board) }
    }

    /// How much of each board is not as it was, 0..1.
    fn changed(&self, before: &Self) -> [f32; 2] {
        let count = |rect: Rect| {
            let (width, height) = (rect.width() as u32, rect.height() as u32);
            let (left, top) = (rect.left() as u32, rect.top() as u32);
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (left + x, top + y)));
            let other = places.filter(|&(x, y)| self.picture.get_pixel(x, y) != before.picture.get_pixel(x, y)).count();
            other as f32 / (width * height) as f32
        };
        assert_eq!(self.boards, before.boards, "the boards moved");
        self.boards.map(count)
    }

    /// The colour at a place of the picture, in parts of its sides.
    fn at(&self, x: f32, y: f32) -> [u8; 3] {
        let Pos2 { x, y } = self.boards[1].min + self.boards[1].size() * vec2(x, y);
        let [r, g, b, _] = self.picture.get_pixel(x as u32, y as u32).0;
        [r, g, b]
    }
}

/// Every overlay in both themes and at several sizes. With `PODIUM_LOOK_AT` naming a folder, the pictures are written
/// there for somebody to look at.
#[test]
fn overlays_and_boards_are_drawn_in_both_themes_and_at_every_size() {
    if !needs::adapter() {
        return;
    }
    let folder = std::env::var_os("PODIUM_LOOK_AT").map(PathBuf::from);
    let sizes = [
        ("large", vec2(1440.0, 900.0), 1.0),
        ("small", vec2(1024.0, 700.0), 1.0),
        ("double", vec2(1440.0, 900.0), 2.0),
    ];
    for (name, size, scale) in sizes {
        let mut window = Window::sized(frozen("beach"), size);
        window.app().studio.session.config.ui_scale = scale;
        window.app().studio.session.config.theme = if name == "small" { Theme::Light } else { Theme::Dark };
        // At twice the size there is no room for the panels at the sides; Ctrl+\ folds them away.
        window.app().look.folded = scale > 1.0;
        window.harness.run_steps(3);
        let look = |window: &mut Window, part: &str| {
            let drawn = Drawn::new(window);
            if let Some(folder) = &folder {
                drawn.picture.save(folder.join(format!("canvas-{name}-{part}.png"))).expect("written");
            }
            drawn
        };
        // How much of collage and picture a change may have changed.
        let assert_changed = |what: &str, now: &Drawn, before: &Drawn, collage: [f32; 2], picture: [f32; 2]| {
            let shares = now.changed(before);
            println!("{name}: {what} changed {shares:?}");
            for (share, [least, most]) in shares.into_iter().zip([collage, picture]) {
                assert!((least..=most).contains(&share), "{name}: {what} changed {shares:?} of the boards");
            }
        };
        let (none, lines, most) = ([0.0, 0.0], [0.002, 0.3], [0.6, 1.0]);
        let first = look(&mut window, "first");
        window.app().studio.document.select_only(0);
        let chosen = look(&mut window, "chosen");
        assert_changed("choosing a layer", &chosen, &first, lines, none);
        let job = window.run(1, false);
        // The hints of the first minute change above the boards when there is a run.
        window.harness.run_steps(3);
        let masks = look(&mut window, "masks");
        window.app().look.masks.custom = true;
        window.app().look.masks.base = true;
        let all = look(&mut window, "all-masks");
        assert_changed("the branches' masks", &all, &masks, none, lines);
        window.app().look.masks.combined = false;
        window.app().look.masks.custom = false;
        window.app().look.masks.base = false;
        let bare = look(&mut window, "no-masks");
        assert_changed("taking all masks off", &bare, &all, none, [0.1, 0.5]);
        window.app().look.masks.combined = true;
        window.app().look.overlay = Overlay::Clusters;
        let clusters = look(&mut window, "clusters");
        assert_changed("clusters", &clusters, &bare, none, most);
        // Bands, from top to bottom.
        let bands = [0.1, 0.3, 0.5, 0.7, 0.9].map(|y| clusters.at(0.3, y));
        let different: HashSet<[u8; 3]> = bands.into_iter().collect();
        assert_eq!(different.len(), made_up::CLUSTERS, "{name}: {bands:?}");
        window.app().look.overlay = Overlay::Attention;
        let attention = look(&mut window, "attention");
        assert_changed("attention", &attention, &clusters, none, most);
        // The made-up picture grows brighter to the right too: it is the map that is seen, and not what lies beneath.
        assert_changed("attention over the picture", &attention, &bare, none, most);
        // In a small window the label with the range takes most of the lower part.
        let bright = |x: f32| attention.at(x, 0.6).iter().map(|value| u32::from(*value)).sum::<u32>();
        assert!(bright(0.05) < bright(0.5) && bright(0.5) < bright(0.95), "{name}: it does not grow to the right");
        window.app().look.overlay = Overlay::Masks;
        let views = made_up::masks();
        window.app().studio.renders.mask_editor = MaskEditor::new(job, 12, 0, &views);
        look(&mut window, "painting");
        window.app().studio.renders.mask_editor = None;
        window.app().studio.document.select([0, 1]);
        let finished = window.run(4, true);
        let batch = look(&mut window, "batch");
        window.app().studio.renders.runs.compared = Some((finished, 3));
        window.app().panels.canvas.split.on = true;
        window.app().panels.canvas.split.at = 0.5;
        let split = look(&mut window, "split");
        assert_changed("comparing", &split, &batch, none, [0.35, 0.65]);
        window.app().panels.canvas.split.on = false;
        window.app().studio.renders.runs.compared = None;
        let batch = look(&mut window, "batch");
        let pointer = window.at(100.0, 160.0);
        window.harness.event(Event::PointerMoved(pointer));
        let pointed = look(&mut window, "pointed");
        assert_changed("pointing", &pointed, &batch, [0.0001, 0.2], [0.0001, 0.2]);
    }
}
