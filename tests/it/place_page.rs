//! A subject in a photo is replaced, as a person would do it: choose the photo, cut out who is to go, assign a concept, frame,
//! render, and have the whole photo back.

use eframe::egui::accesskit::Role;
use eframe::egui::{Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::cut::area::bounds;
use podium::gui::Podium;
use podium::gui::look::Page;
use podium::plush::{CONCEPTS, Picture, chance, draw};
use podium::project::frame::Frame;
use podium::project::{Background, Layout, PlaceBackground};
use podium::studio::export::exporting::{Kind, Subject};

use crate::looks::{render, same_in_both_themes, settle, until, window};
use crate::story::{drag, says};
use crate::studio::small;

fn press(window: &mut Harness<'static, Podium>, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click_accesskit();
    window.step();
    window.step();
}

#[test]
fn who_is_cut_out_of_a_photo_is_replaced_in_it_and_the_whole_photo_comes_back() {
    let folder = tempfile::tempdir().expect("temporary");
    let told = Picture::photo(&CONCEPTS[0], &mut chance::of(4, 0));
    let drawn = draw(&told, 1024).expect("it can be drawn");
    let photo = folder.path().join("holiday.png");
    drawn.picture.save(&photo).expect("written");
    let [left, top, right, bottom] = bounds(&drawn.masks[0]).expect("a figure").map(|side| side as f32 / 1024.0);

    let mut project = small("beach", 2);
    project.layers_mut().expect("a collage").clear();
    project.concepts.truncate(1);
    let concept = project.concepts[0].name.clone();
    let mut window = window(project, [1280.0, 800.0], Theme::Dark);
    window.state_mut().studio.document.set_photo(photo.clone());
    window.state_mut().look.page = Page::Place;
    settle(&mut window);

    press(&mut window, "Replace something in it...");
    until(&mut window, "the photo is read", |podium| {
        podium.studio.cut.open().is_some_and(|open| open.picture().is_some() && !open.is_behind())
    });
    assert_eq!(window.state().look.page, Page::Compose);
    settle(&mut window);
    let board = window.get_by_label_contains("Photo to cut").rect();
    let side = board.width().min(board.height());
    let at = |x: f32, y: f32| board.center() + vec2(x - 0.5, y - 0.5) * side;
    drag(&mut window, at(left - 0.02, top - 0.02), at(right + 0.02, bottom + 0.02));
    until(&mut window, "the cut is found", |podium| podium.studio.cut.open().is_some_and(|open| !open.is_behind()));
    press(&mut window, "Make a layer");
    until(&mut window, "the layer", |podium| podium.studio.project().layers().len() == 1);

    // It lies over its own place, the photo behind it, and the mask follows.
    let studio = &mut window.state_mut().studio;
    let layout = studio.project().layout.clone();
    assert!(matches!(layout, Layout::Collage { background: Background::Photo, .. }), "{layout:?}");
    assert!(studio.project().place.as_ref().is_some_and(|place| place.follow.is_some()));
    let evened = studio.project().place.as_ref().is_some_and(|place| place.background == PlaceBackground::Evened);
    assert!(evened, "as the command line does it");
    let canvas = studio.project().canvas;
    let middle = |studio: &podium::studio::Studio| {
        let (project, layer) = (studio.project(), &studio.project().layers()[0]);
        let crop = project.place.as_ref().and_then(|place| place.crop);
        let (x, y) = Frame::of(crop, (1024, 1024), canvas).to_photo((layer.x.into(), layer.y.into()));
        (x as f32 / 1024.0, y as f32 / 1024.0)
    };
    let near = |(x, y): (f32, f32)| (x - (left + right) / 2.0).abs() < 0.03 && (y - (top + bottom) / 2.0).abs() < 0.03;
    assert!(near(middle(studio)), "{:?}", middle(studio));

    studio.document.assign(0, Some(concept));
    window.state_mut().look.page = Page::Place;
    until(&mut window, "the mask follows", |podium| {
        podium.studio.edit_mask_with_layers().ready().is_some_and(|mask| mask.pixels().any(|pixel| pixel.0 != [0]))
    });
    // No choice of the panel reaches under the photo.
    let photo = window.get_by_label_contains("Photo with its edit mask").rect();
    for choice in ["Noised", "Inverted", "Evened"] {
        let button = window.get_by_label(choice).rect();
        assert!(button.right() < photo.left(), "{choice} at {button} is cut off at the photo's {photo}");
    }
    press(&mut window, "Frame the subjects");
    until(&mut window, "a piece is shown", |podium| {
        podium.studio.project().place.as_ref().is_some_and(|place| place.crop.is_some())
    });
    let studio = &window.state().studio;
    assert!(near(middle(studio)), "it stays where it is in the photo: {:?}", middle(studio));
    until(&mut window, "all is shown", |podium| {
        podium.studio.placed_photo().ready().is_some() && podium.studio.edit_mask_with_layers().ready().is_some()
    });
    settle(&mut window);
    let text = says(&window);
    for words in ["The mask follows the layers", "Margin", "Feather", "Show the whole photo", "pixels of the photo"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    same_in_both_themes(&mut window, "place-piece");

    let job = render(&mut window);
    assert!(says(&window).contains("Export the whole photo..."), "{}", says(&window));
    assert_eq!(window.state().studio.export_obstacle(&Subject::Run(job, 0), Kind::Photo), None);
}
