//! The canvas, worked with pointer and keys as a person does it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, Rect, TouchPhase, Vec2, pos2, vec2,
};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use podium::engine::device::DeviceChoice;
use podium::gui::Podium;
use podium::gui::canvas::{self, Side, View, ZOOM};
use podium::gui::look::{DraggedConcept, Mode, Overlay};
use podium::link::{JobId, Lane};
use podium::project::{Background, Canvas, Layer, Layout, Project};
use podium::studio::MaskEditor;

use crate::made_up;
use crate::studio::{engine, frozen};

/// The canvas as it looks.
mod drawn;
/// Files dropped on it.
mod drops;
/// Layers that belong together.
mod groups;
/// The list of layers.
mod list;
/// The selection by numbers.
mod numbers;

/// A window of 1440 x 900 on two layers that fill their boxes of 64 x 64 canvas pixels, the second before the first.
struct Window {
    harness: Harness<'static, Podium>,
}

/// A picture of 64 x 64: a disc on nothing.
const DISC: &str = "canvas-test-disc.png";

fn folder() -> PathBuf {
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let disc = image::RgbaImage::from_fn(64, 64, |x, y| {
            let away = (x as f32 - 31.5).hypot(y as f32 - 31.5);
            image::Rgba([200, 60, 60, if away < 31.0 { 255 } else { 0 }])
        });
        disc.save(folder.path().join(DISC)).unwrap();
        folder
    });
    folder.path().to_owned()
}

fn discs() -> Project {
    let disc = |x, y| Layer::new(folder().join(DISC), x, y);
    Project {
        canvas: Canvas { width: 256, height: 256 },
        layout: Layout::Collage {
            background: Background::Color([240; 3]),
            layers: vec![disc(80.0, 100.0), disc(120.0, 100.0)],
        },
        concepts: frozen("beach").concepts,
        ..Project::new()
    }
}

impl Window {
    fn new(project: Project) -> Self {
        Self::sized(project, Vec2::new(1440.0, 900.0))
    }

    fn sized(project: Project, size: Vec2) -> Self {
        let harness = Harness::builder().with_size(size).with_step_dt(1.0 / 30.0).build_eframe(|context| {
            Podium::new(&context.egui_ctx, engine(), project, folder(), DeviceChoice::Flex).expect("threads")
        });
        let mut window = Self { harness };
        let begun = Instant::now();
        loop {
            window.harness.step();
            if !window.app().studio.is_busy() && window.app().panels.canvas.zoom().is_some() {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(180), "the pictures were not read");
            std::thread::sleep(Duration::from_millis(5));
        }
        window.harness.step();
        window
    }

    fn app(&mut self) -> &mut Podium {
        self.harness.state_mut()
    }

    fn at(&mut self, x: f32, y: f32) -> Pos2 {
        self.app().panels.canvas.screen_of(Side::Collage, (x, y)).unwrap()
    }

    fn on_picture(&mut self, x: f32, y: f32) -> Pos2 {
        self.app().panels.canvas.screen_of(Side::Picture, (x, y)).unwrap()
    }

    fn zoom(&mut self) -> f32 {
        self.app().panels.canvas.zoom().unwrap()
    }

    fn layer(&mut self, index: usize) -> Layer {
        self.app().studio.project().layers()[index].clone()
    }

    fn undo_name(&mut self) -> Option<String> {
        self.app().studio.document.history.undo_name().map(str::to_owned)
    }

    fn button(&mut self, at: Pos2, button: PointerButton, pressed: bool, modifiers: Modifiers) {
        self.harness.event(Event::ModifiersChanged(modifiers));
        self.harness.event(Event::PointerButton { pos: at, button, pressed, modifiers });
        self.harness.step();
    }

    /// Presses at one place and moves to others; the button stays down.
    fn hold(&mut self, from: Pos2, to: &[Pos2], modifiers: Modifiers) {
        self.harness.event(Event::PointerMoved(from));
        self.harness.step();
        self.button(from, PointerButton::Primary, true, modifiers);
        for to in to {
            self.harness.event(Event::PointerMoved(*to));
            self.harness.step();
        }
    }

    fn release(&mut self, at: Pos2, modifiers: Modifiers) {
        self.button(at, PointerButton::Primary, false, modifiers);
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.harness.step();
    }

    fn drag(&mut self, from: Pos2, to: Pos2, modifiers: Modifiers) {
        self.hold(from, &[from.lerp(to, 0.5), to], modifiers);
        self.release(to, modifiers);
    }

    fn click(&mut self, at: Pos2, modifiers: Modifiers) {
        self.harness.event(Event::PointerMoved(at));
        self.harness.step();
        self.harness.event(Event::ModifiersChanged(modifiers));
        for pressed in [true, false] {
            self.harness.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers });
        }
        self.harness.step();
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.harness.step();
    }

    fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.step();
    }

    fn wheel(&mut self, at: Pos2, by: f32) {
        self.harness.event(Event::PointerMoved(at));
        self.harness.step();
        self.harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, by),
            modifiers: Modifiers::NONE,
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
        });
        // The wheel's way is spread over some frames.
        self.harness.run_steps(30);
    }

    /// The words stand right above that board; the timeline may say the same.
    fn is_caption(&mut self, side: Side, words: &str) {
        // The hints of the first minute come and go above the boards, which then move.
        self.harness.run_steps(3);
        let corner = self.app().panels.canvas.screen_of(side, (0.0, 0.0)).unwrap();
        let mut found = self.harness.query_all_by_label(words).map(|node| node.rect());
        let above = |rect: &Rect| (corner.y - rect.bottom()).abs() < 32.0 && (corner.x - rect.left()).abs() < 8.0;
        assert!(found.any(|rect| above(&rect)), "{words} does not stand above {side:?} at {corner:?}");
    }

    fn selection(&mut self) -> Vec<usize> {
        self.app().studio.document.selection().iter().copied().collect()
    }

    /// A run with a step of everything, and finished pictures if asked for.
    fn run(&mut self, pictures: u32, finished: bool) -> JobId {
        let job = made_up::run(&mut self.app().studio, pictures, 20, [11], finished);
        self.harness.run_steps(2);
        job
    }
}

#[track_caller]
fn near(a: f32, b: f32) {
    assert!((a - b).abs() < 0.05, "{a} is not {b}");
}

#[test]
fn a_drag_moves_a_layer_by_canvas_pixels_at_any_zoom_as_one_step() {
    let mut window = Window::new(discs());
    for view in [View::Fit, View::Free { center: (110.0, 100.0), zoom: 3.0 }] {
        window.app().panels.canvas.view = view;
        window.harness.step();
        let before = window.app().studio.project().clone();
        let (from, to) = (window.at(75.0, 100.0), window.at(92.0, 137.0));
        // Ctrl keeps it from snapping.
        window.drag(from, to, Modifiers::COMMAND);
        let (dx, dy) = (window.layer(0).x - before.layers()[0].x, window.layer(0).y - before.layers()[0].y);
        near(dx, 17.0);
        near(dy, 37.0);
        assert_eq!(window.layer(1), before.layers()[1]);
        assert_eq!(window.undo_name().as_deref(), Some("Move canvas-test-disc"));
        window.app().studio.document.undo();
        assert_eq!(*window.app().studio.project(), before, "one step, not one for each move");
    }
}

#[test]
fn escape_gives_a_gesture_up_and_the_rest_of_the_drag_does_nothing() {
    let mut window = Window::new(discs());
    let before = window.app().studio.project().clone();
    let (from, over, on) = (window.at(75.0, 100.0), window.at(100.0, 160.0), window.at(120.0, 190.0));
    window.hold(from, &[over], Modifiers::NONE);
    assert_ne!(*window.app().studio.project(), before);
    window.key(Modifiers::NONE, Key::Escape);
    assert_eq!(*window.app().studio.project(), before);
    window.harness.event(Event::PointerMoved(on));
    window.harness.step();
    window.release(on, Modifiers::NONE);
    assert_eq!(*window.app().studio.project(), before);
    assert_eq!(window.undo_name(), None);
}

#[test]
fn somebody_else_s_change_takes_the_layer_out_of_hand() {
    let mut window = Window::new(discs());
    let (from, over, on) = (window.at(75.0, 100.0), window.at(100.0, 160.0), window.at(120.0, 190.0));
    window.hold(from, &[over], Modifiers::NONE);
    window.app().studio.edit("Clear", |project| project.layers_mut().unwrap().clear());
    window.harness.event(Event::PointerMoved(on));
    window.harness.step();
    window.release(on, Modifiers::NONE);
    assert_eq!(window.app().studio.project().layers().len(), 0);
    assert_eq!(window.undo_name().as_deref(), Some("Clear"));
}

#[test]
fn a_corner_scales_about_the_opposite_one_and_with_alt_about_the_middle() {
    let mut window = Window::new(discs());
    window.app().studio.document.select_only(1);
    window.harness.step();
    // The box goes from (88, 68) to (152, 132).
    let (from, to) = (window.at(152.0, 132.0), window.at(184.0, 164.0));
    window.drag(from, to, Modifiers::NONE);
    let layer = window.layer(1);
    near(layer.scale, 1.5);
    near(layer.x - 32.0 * layer.scale, 88.0);
    near(layer.y - 32.0 * layer.scale, 68.0);
    assert_eq!(window.undo_name().as_deref(), Some("Scale canvas-test-disc"));
    window.app().studio.document.undo();
    window.harness.step();
    window.drag(from, to, Modifiers::ALT);
    let layer = window.layer(1);
    near(layer.scale, 2.0);
    near(layer.x, 120.0);
    near(layer.y, 100.0);
}

#[test]
fn the_round_handle_turns_and_shift_snaps_to_fifteen_degrees() {
    let mut window = Window::new(discs());
    window.app().studio.document.select_only(1);
    window.harness.step();
    let handle = window.at(120.0, 68.0) + vec2(0.0, -24.0);
    let center = window.at(120.0, 100.0);
    let turned = |degrees: f32| {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let away = handle - center;
        center + vec2(away.x * cosine - away.y * sine, away.x * sine + away.y * cosine)
    };
    window.drag(handle, turned(50.0), Modifiers::NONE);
    near(window.layer(1).rotation, 50.0);
    near(window.layer(1).x, 120.0);
    window.app().studio.document.undo();
    window.harness.step();
    window.drag(handle, turned(50.0), Modifiers::SHIFT);
    near(window.layer(1).rotation, 45.0);
}

#[test]
fn several_layers_scale_together_about_the_corner_of_their_box() {
    let mut window = Window::new(discs());
    window.app().studio.document.select([0, 1]);
    window.harness.step();
    // The box goes from (48, 68) to (152, 132).
    let (from, to) = (window.at(152.0, 132.0), window.at(204.0, 164.0));
    window.drag(from, to, Modifiers::NONE);
    for (index, x) in [(0, 96.0), (1, 156.0)] {
        near(window.layer(index).scale, 1.5);
        near(window.layer(index).x, x);
        near(window.layer(index).y, 116.0);
    }
    assert_eq!(window.undo_name().as_deref(), Some("Scale 2 layers"));
}

#[test]
fn alt_drag_leaves_the_layer_and_moves_a_copy_as_one_step() {
    let mut window = Window::new(discs());
    let before = window.app().studio.project().clone();
    let (from, to) = (window.at(75.0, 100.0), window.at(85.0, 190.0));
    window.drag(from, to, Modifiers::ALT | Modifiers::COMMAND);
    assert_eq!(window.app().studio.project().layers()[..2], before.layers()[..]);
    near(window.layer(2).x, 90.0);
    near(window.layer(2).y, 190.0);
    assert_eq!(window.selection(), [2]);
    window.app().studio.document.undo();
    assert_eq!(*window.app().studio.project(), before);

    window.hold(from, &[to], Modifiers::ALT);
    window.key(Modifiers::NONE, Key::Escape);
    window.release(to, Modifiers::NONE);
    assert_eq!(*window.app().studio.project(), before);
    assert_eq!(window.selection(), [0]);
}

#[test]
fn a_click_takes_the_frontmost_layer_that_is_not_clear_there() {
    let mut window = Window::new(discs());
    // Both discs, the front one's corner over the rear one, nothing.
    for (at, chosen) in [((100.0, 100.0), vec![1]), ((93.0, 74.0), vec![0]), ((200.0, 200.0), vec![])] {
        let place = window.at(at.0, at.1);
        window.click(place, Modifiers::NONE);
        assert_eq!(window.selection(), chosen, "at {at:?}");
    }
    let (rear, front) = (window.at(60.0, 100.0), window.at(140.0, 100.0));
    window.click(rear, Modifiers::NONE);
    window.click(front, Modifiers::SHIFT);
    assert_eq!(window.selection(), [0, 1]);
    window.click(rear, Modifiers::COMMAND);
    assert_eq!(window.selection(), [1]);
    window.app().studio.document.edit_layer(1, "Hide", |layer| layer.visible = false);
    let both = window.at(100.0, 100.0);
    window.click(both, Modifiers::NONE);
    assert_eq!(window.selection(), [0]);
}

#[test]
fn a_drag_on_nothing_is_a_rubber_band() {
    let mut window = Window::new(discs());
    let (from, first, both) = (window.at(30.0, 200.0), window.at(80.0, 110.0), window.at(130.0, 90.0));
    window.hold(from, &[from.lerp(first, 0.5), first], Modifiers::NONE);
    assert_eq!(window.selection(), [0]);
    window.harness.event(Event::PointerMoved(both));
    window.harness.step();
    assert_eq!(window.selection(), [0, 1]);
    window.release(both, Modifiers::NONE);
    assert_eq!(window.selection(), [0, 1]);
    assert_eq!(window.undo_name(), None);
}

#[test]
fn a_locked_layer_can_be_chosen_and_not_moved() {
    let mut window = Window::new(discs());
    window.app().studio.document.edit_layer(1, "Lock", |layer| layer.locked = true);
    let (from, to) = (window.at(130.0, 100.0), window.at(170.0, 180.0));
    window.click(from, Modifiers::NONE);
    assert_eq!(window.selection(), [1]);
    window.drag(from, to, Modifiers::NONE);
    near(window.layer(1).x, 120.0);
    assert_eq!(window.undo_name().as_deref(), Some("Lock"));
}

#[test]
fn the_menu_of_a_layer_belongs_to_the_layer_under_the_pointer() {
    let mut window = Window::new(discs());
    window.app().studio.document.select_only(1);
    let rear = window.at(60.0, 100.0);
    window.harness.event(Event::PointerMoved(rear));
    window.harness.step();
    for pressed in [true, false] {
        window.button(rear, PointerButton::Secondary, pressed, Modifiers::NONE);
    }
    window.harness.run_steps(3);
    assert_eq!(window.selection(), [0]);
    window.harness.get_by_role_and_label(Role::Button, "Bring to front Ctrl+Shift+]").click();
    window.harness.run_steps(3);
    assert_eq!((window.layer(0).x, window.layer(1).x), (120.0, 80.0));
    assert_eq!(window.undo_name().as_deref(), Some("Reorder canvas-test-disc"));
}

#[test]
fn arrow_keys_nudge_and_a_run_of_them_is_one_step() {
    let mut window = Window::new(discs());
    window.app().studio.document.select_only(0);
    window.harness.step();
    window.key(Modifiers::NONE, Key::ArrowRight);
    window.key(Modifiers::NONE, Key::ArrowRight);
    window.key(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!((window.layer(0).x, window.layer(0).y), (82.0, 110.0));
    assert!(window.app().studio.document.history.in_gesture());
    window.harness.run_steps(24);
    assert!(!window.app().studio.document.history.in_gesture());
    window.key(Modifiers::NONE, Key::ArrowLeft);
    window.harness.run_steps(24);
    assert_eq!(window.app().studio.document.undo().as_deref(), Some("Nudge"));
    assert_eq!((window.layer(0).x, window.layer(0).y), (82.0, 110.0));
    assert_eq!(window.app().studio.document.undo().as_deref(), Some("Nudge"));
    assert_eq!((window.layer(0).x, window.layer(0).y), (80.0, 100.0));
}

#[test]
fn keys_delete_copy_reorder_and_flip_what_is_chosen() {
    let mut window = Window::new(discs());
    window.app().studio.document.select_only(0);
    window.harness.step();
    window.key(Modifiers::NONE, Key::H);
    assert!(window.layer(0).flip);
    window.key(Modifiers::COMMAND, Key::D);
    assert_eq!((window.layer(2).x, window.layer(2).y, window.selection()), (92.0, 112.0, vec![2]));
    window.key(Modifiers::COMMAND, Key::OpenBracket);
    assert_eq!(window.selection(), [1]);
    window.key(Modifiers::COMMAND | Modifiers::SHIFT, Key::OpenBracket);
    assert_eq!(window.selection(), [0]);
    window.key(Modifiers::NONE, Key::Delete);
    assert_eq!((window.app().studio.project().layers().len(), window.selection()), (2, vec![]));
}

#[test]
fn the_wheel_keeps_the_point_under_the_pointer_and_has_ends() {
    let mut window = Window::new(discs());
    let pointer = window.at(40.0, 60.0);
    let before = window.zoom();
    window.wheel(pointer, 120.0);
    assert!(window.zoom() > 1.5 * before, "{} after {before}", window.zoom());
    let after = window.at(40.0, 60.0);
    assert!(after.distance(pointer) < 0.5, "{after:?} was {pointer:?}");
    for _ in 0..6 {
        window.wheel(pointer, 900.0);
    }
    near(window.zoom(), *ZOOM.end());
    for _ in 0..12 {
        window.wheel(pointer, -900.0);
    }
    near(window.zoom(), *ZOOM.start());
    window.key(Modifiers::COMMAND, Key::Num0);
    near(window.zoom(), before);
    window.key(Modifiers::COMMAND, Key::Num1);
    near(window.zoom(), 1.0);
}

#[test]
fn the_middle_button_and_space_pan_both_boards() {
    let mut window = Window::new(discs());
    let before = (window.at(0.0, 0.0), window.on_picture(0.0, 0.0));
    let from = window.on_picture(128.0, 128.0);
    window.harness.event(Event::PointerMoved(from));
    window.harness.step();
    window.button(from, PointerButton::Middle, true, Modifiers::NONE);
    for by in [20.0, 40.0] {
        window.harness.event(Event::PointerMoved(from + vec2(by, by / 2.0)));
        window.harness.step();
    }
    window.button(from + vec2(40.0, 20.0), PointerButton::Middle, false, Modifiers::NONE);
    let moved = (window.at(0.0, 0.0) - before.0, window.on_picture(0.0, 0.0) - before.1);
    assert!((moved.0 - moved.1).length() < 0.01 && moved.0.x > 15.0, "{moved:?}");

    let project = window.app().studio.project().clone();
    window.harness.key_down(Key::Space);
    let on_layer = window.at(100.0, 100.0);
    window.drag(on_layer, on_layer + vec2(-30.0, 0.0), Modifiers::NONE);
    window.harness.key_up(Key::Space);
    window.harness.step();
    assert_eq!(*window.app().studio.project(), project);
    assert!(window.at(100.0, 100.0).x < on_layer.x - 15.0);
}

#[test]
fn a_moved_layer_comes_to_rest_in_the_middle_of_the_canvas() {
    let mut window = Window::new(discs());
    window.app().studio.edit("One", |project| project.layers_mut().unwrap().truncate(1));
    window.harness.run_steps(2);
    let within = 4.0 / window.zoom();
    let (from, to) = (window.at(80.0, 100.0), window.at(128.0 + within, 128.0 - within));
    window.drag(from, to, Modifiers::NONE);
    let (x, y) = (window.layer(0).x, window.layer(0).y);
    // Where it is dropped is a number of points on the screen.
    assert!((x - 128.0).abs() < 1e-3 && (y - 128.0).abs() < 1e-3, "{x}, {y}");
}

#[test]
fn a_concept_dropped_on_a_layer_is_assigned_to_it() {
    let mut window = Window::new(discs());
    let at = window.at(140.0, 100.0);
    window.hold(pos2(5.0, 5.0), &[], Modifiers::NONE);
    let ctx = window.harness.ctx.clone();
    eframe::egui::DragAndDrop::set_payload(&ctx, DraggedConcept("plum dog".into()));
    window.harness.event(Event::PointerMoved(at));
    window.harness.step();
    window.release(at, Modifiers::NONE);
    assert_eq!(window.layer(1).concept.as_deref(), Some("plum dog"));
    assert_eq!(window.layer(0).concept, None);
    assert_eq!(window.undo_name().as_deref(), Some("Assign plum dog to canvas-test-disc"));
}

#[test]
fn places_for_dropped_files_are_told_from_the_screen() {
    let mut window = Window::new(discs());
    let (on, off) = (window.at(140.0, 100.0), window.on_picture(140.0, 100.0));
    let app = window.app();
    let (x, y) = canvas::place_at(&app.panels.canvas, on).unwrap();
    near(x, 140.0);
    near(y, 100.0);
    assert_eq!(canvas::layer_at(&mut app.studio, &app.panels.canvas, on), Some(1));
    assert_eq!(canvas::place_at(&app.panels.canvas, off), None);
    app.look.mode = Mode::Picture;
    window.harness.run_steps(2);
    let app = window.app();
    assert_eq!(canvas::place_at(&app.panels.canvas, on), None);
}

#[test]
fn painting_changes_the_masks_and_escape_gives_the_stroke_up() {
    let mut window = Window::new(discs());
    let job = window.run(1, false);
    let views = made_up::masks();
    window.app().studio.renders.mask_editor = MaskEditor::new(job, 12, 0, &views);
    window.app().look.mode = Mode::Collage;
    window.harness.run_steps(3);
    let painted = |window: &mut Window| window.app().studio.renders.mask_editor.as_ref().unwrap().masks()[0].count();
    let before = painted(&mut window);
    let (from, to) = (window.on_picture(20.0, 20.0), window.on_picture(120.0, 20.0));
    window.drag(from, to, Modifiers::NONE);
    let after = painted(&mut window);
    // A band of 100 canvas pixels, 12 cells, and two cells to each side of it.
    assert!(after > before + 40 && after < before + 90, "{before} cells became {after}");
    window.hold(from, &[to], Modifiers::NONE);
    window.key(Modifiers::NONE, Key::Escape);
    window.release(to, Modifiers::NONE);
    assert_eq!(painted(&mut window), after);

    // A hint may have come or gone above the boards.
    window.harness.run_steps(2);
    window.key(Modifiers::NONE, Key::X);
    let (from, to) = (window.on_picture(20.0, 20.0), window.on_picture(120.0, 20.0));
    window.drag(from, to, Modifiers::NONE);
    let erased = painted(&mut window);
    assert!(erased < after - 40, "{after} cells became {erased}");
    let radius = window.app().studio.renders.mask_editor.as_ref().unwrap().radius;
    window.key(Modifiers::NONE, Key::CloseBracket);
    near(window.app().studio.renders.mask_editor.as_ref().unwrap().radius, 1.25 * radius);
    window.harness.get_by_role_and_label(Role::RadioButton, "plum dog").click();
    window.harness.run_steps(2);
    assert_eq!(window.app().studio.renders.mask_editor.as_ref().unwrap().subject, 1);
    window.harness.get_by_role_and_label(Role::Button, "Cancel").click();
    window.harness.run_steps(2);
    assert!(window.app().studio.renders.mask_editor.is_none());
}

#[test]
fn the_brush_is_sized_by_a_drag_with_shift_and_a_click_with_shift_paints_a_straight_line() {
    let mut window = Window::new(discs());
    let job = window.run(1, false);
    window.app().studio.document.select_only(1);
    window.app().studio.renders.mask_editor = MaskEditor::new(job, 12, 0, &made_up::masks());
    window.harness.run_steps(3);
    let editor = |window: &mut Window| window.app().studio.renders.mask_editor.clone().unwrap();
    let before = editor(&mut window);
    let (from, to) = (window.on_picture(20.0, 20.0), window.on_picture(60.0, 20.0));
    // 40 canvas pixels are five cells of 8.
    window.drag(from, to, Modifiers::SHIFT);
    near(editor(&mut window).radius, before.radius + 5.0);
    assert!(!editor(&mut window).is_changed(), "nothing is painted");
    window.app().studio.renders.mask_editor.as_mut().unwrap().radius = 1.3;
    window.hold(from, &[], Modifiers::NONE);
    window.release(from, Modifiers::NONE);
    let dot = editor(&mut window).masks()[0].count() - before.masks()[0].count();
    let end = window.on_picture(20.0, 120.0);
    window.hold(end, &[], Modifiers::SHIFT);
    window.release(end, Modifiers::SHIFT);
    let line = editor(&mut window).masks()[0].count() - before.masks()[0].count();
    assert!(dot > 0 && line >= dot + 20, "{dot} cells became {line}");
    for (item, count) in [("Clear", 0), ("Reset to the step's mask", before.masks()[0].count())] {
        window.harness.get_by_role_and_label(Role::Button, "Fill, clear, reset").click();
        window.harness.run_steps(3);
        window.harness.get_by_role_and_label(Role::Button, item).click();
        window.harness.run_steps(3);
        assert_eq!(editor(&mut window).masks()[0].count(), count, "{item}");
    }
    // The handles of the layer are out of the way: a drag from one turns nothing.
    let handle = window.at(152.0, 132.0);
    window.drag(handle, handle + vec2(20.0, 20.0), Modifiers::NONE);
    near(window.layer(1).scale, 1.0);
}

#[test]
fn the_picture_s_caption_says_what_is_under_the_playhead() {
    let mut window = Window::new(discs());
    window.harness.get_by_role_and_label(Role::Image, "Picture");
    window.run(1, false);
    window.is_caption(Side::Picture, "Step 12 of 20 · t = 450");
    window.is_caption(Side::Collage, "Collage · 256 × 256");
    let mut window = Window::new(discs());
    window.run(3, true);
    window.is_caption(Side::Picture, "Finished · seed 0");
    window.harness.get_by_label("Picture 3, seed 2").click();
    window.harness.run_steps(2);
    window.is_caption(Side::Picture, "Finished · seed 2");
    assert_eq!(window.app().studio.renders.runs.picture, 2);
}

#[test]
fn overlays_go_when_the_picture_is_finished_and_come_by_choice() {
    let mut window = Window::sized(discs(), vec2(1920.0, 1080.0));
    let on = |window: &Window, words: &str| {
        let node = window.harness.get_by_role_and_label(Role::RadioButton, words).accesskit_node().toggled();
        node == Some(eframe::egui::accesskit::Toggled::True)
    };
    let seen = |window: &mut Window| window.harness.query_by_label("Combined").is_some();
    window.run(1, false);
    assert!(on(&window, "Masks") && seen(&mut window), "a step has its masks");
    let job = window.run(1, true);
    window.app().studio.renders.runs.show(job);
    window.harness.run_steps(3);
    assert!(on(&window, "None") && !seen(&mut window), "the finished picture is seen as it is");
    window.harness.get_by_role_and_label(Role::RadioButton, "Masks").click();
    window.harness.run_steps(3);
    assert!(on(&window, "Masks") && seen(&mut window));
    assert_eq!(window.app().look.over_finished, Some(job));
    window.harness.get_by_role_and_label(Role::RadioButton, "None").click();
    window.harness.run_steps(3);
    assert_eq!((window.app().look.over_finished, window.app().look.overlay), (None, Overlay::Masks));
    window.app().studio.renders.runs.seek(11);
    window.harness.run_steps(3);
    assert!(on(&window, "Masks"), "its steps still have them");
}

#[test]
fn ctrl_click_compares_and_a_drag_moves_the_line() {
    let mut window = Window::new(discs());
    let job = window.run(3, true);
    let at = window.harness.get_by_label("Picture 2, seed 1").rect().center();
    window.click(at, Modifiers::COMMAND);
    assert_eq!(window.app().studio.renders.runs.compared, Some((job, 1)));
    assert!(window.app().panels.canvas.split.on);
    let (from, to) = (window.on_picture(128.0, 50.0), window.on_picture(64.0, 60.0));
    window.drag(from, to, Modifiers::NONE);
    near(window.app().panels.canvas.split.at, 0.25);
    window.harness.get_by_label_contains("Compare the picture with: a run 1");
}

#[test]
fn the_canvas_stays_where_it_is_whatever_is_laid_over_the_picture() {
    for (width, height) in [(1024.0, 700.0), (1280.0, 800.0), (1440.0, 900.0), (1920.0, 1080.0)] {
        let mut window = Window::sized(discs(), vec2(width, height));
        window.run(1, false);
        let mut places = Vec::new();
        for (overlay, own) in [
            (Overlay::None, ""),
            (Overlay::Masks, ""),
            (Overlay::Clusters, "Branch: "),
            (Overlay::Attention, "Word: all subjects"),
        ] {
            window.app().look.overlay = overlay;
            window.harness.run_steps(3);
            assert_eq!(window.app().look.overlay, overlay);
            assert!(own.is_empty() || window.harness.query_all_by_label_contains(own).next().is_some(), "{own}");
            let corners = [window.at(0.0, 0.0), window.at(256.0, 256.0), window.on_picture(0.0, 0.0)];
            places.push((corners, window.zoom()));
        }
        assert!(places.iter().all(|place| *place == places[0]), "{width} x {height}: {places:?}");
    }
}

#[test]
fn the_bar_offers_what_can_be_seen() {
    let mut window = Window::sized(discs(), vec2(1920.0, 1080.0));
    window.run(1, false);
    assert!(window.harness.query_by_label("Branch: Reference").is_none());
    window.harness.get_by_role_and_label(Role::RadioButton, "Cross-attention").click();
    window.harness.run_steps(3);
    assert_eq!(window.app().look.overlay, Overlay::Attention);
    window.harness.get_by_label("Word: all subjects");
    window.harness.get_by_role_and_label(Role::RadioButton, "Branch: mint cat").click();
    window.harness.run_steps(2);
    assert_eq!(window.app().look.lane, Lane::Concept("mint cat".into()));
    window.harness.get_by_role_and_label(Role::RadioButton, "Collage").click();
    window.harness.run_steps(2);
    assert_eq!(window.app().look.mode, Mode::Collage);
    assert!(window.harness.query_by_label("Branch: mint cat").is_none());
}
