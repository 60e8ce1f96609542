//! Somebody is cut out of a photo, as a person would do it: open, frame, scribble, make a layer, assign, open again.

use std::path::PathBuf;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use image::GrayImage;
use podium::cut::area::{bounds, overlap};
use podium::gui::Podium;
use podium::gui::cut::Hint;
use podium::plush::{CONCEPTS, Picture, chance, draw};
use podium::studio::cut::Sight;

use crate::looks::{same_in_both_themes, settle, until, window};
use crate::story::{drag, says};
use crate::studio::small;

type Window = Harness<'static, Podium>;

/// A photo of a concept, and where it is.
fn photo(folder: &std::path::Path) -> (PathBuf, GrayImage) {
    let told = Picture::photo(&CONCEPTS[0], &mut chance::of(4, 0));
    let drawn = draw(&told, 512).expect("it can be drawn");
    let path = folder.join("holiday.png");
    drawn.picture.save(&path).expect("written");
    (path, drawn.masks.into_iter().next().expect("a figure"))
}

fn press(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click_accesskit();
    window.step();
    window.step();
}

fn cut_is_shown(window: &mut Window) {
    until(window, "the cut is shown", |podium| {
        podium.studio.cut.open().is_some_and(|open| open.picture().is_some() && !open.is_behind())
    });
    settle(window);
}

/// Drags between two places of the photo, in parts of its sides.
fn drag_on(window: &mut Window, from: (f32, f32), to: (f32, f32)) {
    let board = window.get_by_label_contains("Photo to cut").rect();
    // The photo is square and fits in the middle.
    let side = board.width().min(board.height());
    let at = |(x, y): (f32, f32)| board.center() + vec2(x - 0.5, y - 0.5) * side;
    drag(window, at(from), at(to));
    cut_is_shown(window);
}

fn chosen(window: &Window) -> GrayImage {
    let open = window.state().studio.cut.open().expect("a cut is open");
    GrayImage::clone(&open.shown().expect("it is shown").mask)
}

#[test]
fn a_figure_is_cut_out_of_a_photo_becomes_a_layer_and_opens_again() {
    let folder = tempfile::tempdir().expect("temporary");
    let (path, truth) = photo(folder.path());
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    let before = window.state().studio.project().layers().len();
    window.state_mut().studio.cut_out_of(path.clone());
    cut_is_shown(&mut window);
    assert!(says(&window).contains("of holiday.png"), "{}", says(&window));
    assert_eq!(bounds(&chosen(&window)), None);

    // A frame round the figure, then a scribble.
    let [left, top, right, bottom] = bounds(&truth).expect("somebody is there").map(|side| side as f32 / 512.0);
    drag_on(&mut window, (left - 0.02, top - 0.02), (right + 0.02, bottom + 0.02));
    assert_eq!(window.state().panels.cut.hint, Hint::Keep);
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    drag_on(&mut window, (x, y - 0.03), (x, y + 0.05));
    let found = overlap(&chosen(&window), &truth);
    assert!(found > 0.85, "{found}");
    same_in_both_themes(&mut window, "cut");

    // Each step is undone by keys, and the project behind is untouched.
    let project = window.state().studio.project().clone();
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.step();
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    cut_is_shown(&mut window);
    assert_eq!(bounds(&chosen(&window)), None);
    assert_eq!(*window.state().studio.project(), project);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Y);
    window.step();
    window.key_press_modifiers(Modifiers::COMMAND, Key::Y);
    cut_is_shown(&mut window);
    assert!((overlap(&chosen(&window), &truth) - found).abs() < 1e-9, "it is the very same again");

    // Cancel asks first.
    press(&mut window, "Cancel");
    assert!(says(&window).contains("would be lost"), "{}", says(&window));
    press(&mut window, "Go on cutting");
    assert!(window.state().studio.cut.open().is_some());

    press(&mut window, "Make a layer");
    until(&mut window, "the layer", |podium| podium.studio.project().layers().len() == before + 1);
    settle(&mut window);
    let studio = &mut window.state_mut().studio;
    assert!(studio.cut.open().is_none());
    let layer = studio.project().layers()[before].clone();
    let cut = layer.cut.clone().expect("it remembers");
    assert_eq!((layer.name.as_str(), &cut.photo), ("holiday", &path));
    assert!(cut.mask.exists() && layer.picture.exists());
    let concept = studio.project().concepts[0].name.clone();
    studio.document.assign(before, Some(concept.clone()));
    settle(&mut window);
    assert_eq!(window.state().studio.project().layers()[before].concept, Some(concept));

    // Again, with a piece taken away: the same layer, and what is left of the figure stays where it was.
    window.state_mut().studio.cut_out_of_layer(before);
    cut_is_shown(&mut window);
    let again = overlap(&chosen(&window), &truth);
    assert!(again > 0.85, "{again}");
    window.key_press(Key::R);
    window.step();
    window.event(Event::ModifiersChanged(Modifiers::ALT));
    window.step();
    drag_on(&mut window, (0.0, y), (1.0, 1.0));
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.step();
    let [_, _, _, lowest] = bounds(&chosen(&window)).expect("the upper half");
    assert!((lowest as f32 / 512.0 - y).abs() < 0.02, "{lowest}");
    press(&mut window, "Change the layer");
    until(&mut window, "the layer is another", |podium| {
        podium.studio.project().layers()[before].picture != layer.picture
    });
    let changed = window.state().studio.project().layers()[before].clone();
    assert!(changed.y < layer.y && (changed.x - layer.x).abs() < 40.0, "{changed:?}");
    assert_eq!((changed.scale, changed.concept.is_some()), (layer.scale, true));

    // One step each.
    window.state_mut().studio.document.undo();
    assert_eq!(window.state().studio.project().layers()[before].picture, layer.picture);
}

#[test]
fn the_panel_beside_the_photo_keeps_its_margins_whatever_is_in_hand() {
    let folder = tempfile::tempdir().expect("temporary");
    let (path, _) = photo(folder.path());
    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    window.state_mut().studio.cut_out_of(path);
    cut_is_shown(&mut window);
    for key in [Key::C, Key::S, Key::R, Key::L, Key::B, Key::W] {
        window.key_press(key);
        window.step();
        settle(&mut window);
        let board = window.get_by_label_contains("Photo to cut").rect();
        let heading = window.get_by_role_and_label(Role::Label, "Cut out").rect();
        let gap = heading.left() - board.right();
        // The board's own margin, a line, and the panel's.
        assert!((19.5..22.0).contains(&gap), "{key:?}: {gap} points between the photo and the panel's words");
        for name in ["Magic wand (W)", "Nothing to redo of the cut"] {
            let right = window.get_by_role_and_label(Role::Button, name).rect().right();
            assert!(right <= 1280.0 - 12.0 + 0.5, "{key:?}: {name} ends at {right}");
        }
    }
}

/// Where a place of the small photo is on the screen; the photo is 200 x 140 and fits in the middle.
fn on_the_photo(window: &Window, [x, y]: [f32; 2]) -> eframe::egui::Pos2 {
    let board = window.get_by_label_contains("Photo to cut").rect();
    let scale = (board.width() / 200.0).min(board.height() / 140.0);
    board.center() + vec2(x - 100.0, y - 70.0) * scale
}

fn sight_is(window: &mut Window, what: &str, so: impl Fn(&Sight) -> bool) {
    until(window, what, |podium| podium.studio.cut.open().is_some_and(|open| so(open.sight())));
    settle(window);
}

#[test]
fn what_is_clicked_on_is_chosen_once_there_are_networks_and_another_of_its_masks_is_a_button_away() {
    let folder = tempfile::tempdir().expect("temporary");
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment");
    let path = folder.path().join("holiday.png");
    std::fs::copy(data.join("photo.png"), &path).expect("copied");
    // PyTorch's four masks for a click, one below the other.
    let all = image::open(data.join("sam-click.png")).expect("PyTorch's masks").to_luma8();
    let truth = |at: u32| image::imageops::crop_imm(&all, 0, at * 140, 200, 140).to_image();
    let which = |mask: &GrayImage| (0..4).find(|at| overlap(mask, &truth(*at)) > 0.99);

    let mut window = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    let before = window.state().studio.project().layers().len();
    window.state_mut().studio.cut_out_of(path);
    cut_is_shown(&mut window);
    // Without files the panel says what to get and where to put it, and the other tools stand.
    window.key_press(Key::S);
    window.step();
    sight_is(&mut window, "there are no networks", |sight| matches!(sight, Sight::Missing(_)));
    let own = window.state().studio.session.places().segment_folder();
    let said = says(&window);
    assert!(said.contains("mobile_sam_image_encoder.onnx") && said.contains("Apache-2.0"), "{said}");
    assert!(said.contains(&*own.to_string_lossy()) && said.contains("Choose files"), "{said}");
    let at = on_the_photo(&window, [85.0, 70.0]);
    drag(&mut window, at, at);
    assert!(!window.state().studio.cut.open().expect("open").is_changed(), "nobody would answer");

    std::fs::create_dir_all(&own).expect("a folder");
    for name in ["sam.onnx", "decoder.onnx"] {
        std::fs::copy(data.join(name), own.join(name)).expect("copied");
    }
    press(&mut window, "Look again");
    sight_is(&mut window, "the networks have seen the photo", |sight| matches!(sight, Sight::Seen(_)));
    assert!(says(&window).contains("sam.onnx and decoder.onnx"), "{}", says(&window));
    drag(&mut window, at, at);
    cut_is_shown(&mut window);
    assert!(says(&window).contains("1 of 4"), "{}", says(&window));
    let first = which(&chosen(&window)).expect("one of PyTorch's");
    same_in_both_themes(&mut window, "cut-click");
    press(&mut window, "The next mask");
    cut_is_shown(&mut window);
    assert!(says(&window).contains("2 of 4"), "{}", says(&window));
    let second = which(&chosen(&window)).expect("one of PyTorch's");
    assert!(first != second && first != 0 && second != 0, "the three readings of one click come first");

    // What it is not, and a frame; each a step.
    window.event(Event::ModifiersChanged(Modifiers::ALT));
    window.step();
    let elsewhere = on_the_photo(&window, [160.0, 90.0]);
    drag(&mut window, elsewhere, elsewhere);
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.step();
    cut_is_shown(&mut window);
    let (from, to) = (on_the_photo(&window, [60.0, 18.0]), on_the_photo(&window, [110.0, 115.0]));
    drag(&mut window, from, to);
    cut_is_shown(&mut window);
    let pointed = window.state().studio.cut.open().expect("open").pointed().clone();
    assert_eq!((pointed.prompt.clicks.len(), pointed.prompt.not.len(), pointed.choose), (1, 1, 0));
    assert!(pointed.prompt.within.is_some());
    for _ in 0..3 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.step();
    }
    cut_is_shown(&mut window);
    assert_eq!(which(&chosen(&window)), Some(first), "the first mask again");

    // It stays while somebody else is pointed at, and becomes a layer.
    press(&mut window, "Keep it");
    cut_is_shown(&mut window);
    assert_eq!(which(&chosen(&window)), Some(first));
    assert!(window.state().studio.cut.open().expect("open").pointed().prompt.is_empty());
    press(&mut window, "Make a layer");
    until(&mut window, "the layer", |podium| podium.studio.project().layers().len() == before + 1);
}

/// Opens the example photo for cutting, and frames the dog in it.
pub fn open_the_meadow(window: &mut Window) {
    window.state_mut().studio.cut_out_of_placed_photo();
    window.state_mut().look.page = podium::gui::look::Page::Compose;
    cut_is_shown(window);
    let board = window.get_by_label_contains("Photo to cut").rect();
    // The photo is 3 by 2 and fits in the middle.
    let side = vec2(board.width().min(board.height() * 1.5), board.height().min(board.width() / 1.5));
    let at = |x: f32, y: f32| board.center() + vec2(x - 0.5, y - 0.5) * side;
    drag(window, at(0.2, 0.45), at(0.4, 0.83));
    cut_is_shown(window);
}
