//! The Gallery and Place pages, driven as a person would.

use std::path::Path;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Theme, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::gui::canvas::Side;
use podium::gui::look::Page;
use podium::project::{Background, Layout, Project, png_text};
use podium::studio::Held;
use podium::studio::export::exporting::{Kind, Subject};
use podium::studio::place::Known;
use podium::studio::places::Places;
use podium::studio::results::store::Meta;

use crate::looks::{Dropped, render, settle, type_path, until, window, window_in};
use crate::made_up;
use crate::studio::small;

type Window = Harness<'static, Podium>;

/// Where the pictures of these tests go, for people to look at, when asked to.
fn photograph(harness: &mut Window, name: &str) {
    if std::env::var_os("PODIUM_PHOTOGRAPH").is_some() {
        harness.step();
        harness.render().expect("drawn").save(format!("/tmp/gallery-{name}.png")).expect("written");
    }
}

/// A window in the gallery, with two pictures of one render in it.
fn gallery(theme: Theme) -> Window {
    let project = Project { pictures: 2, ..small("beach", 2) };
    let mut harness = window(project, [1280.0, 800.0], theme);
    made_up::run(&mut harness.state_mut().studio, 2, 2, 0..2, true);
    settle(&mut harness);
    go_to(&mut harness, Page::Gallery);
    harness
}

fn go_to(harness: &mut Window, page: Page) {
    harness.state_mut().look.page = page;
    settle(harness);
}

fn count(harness: &Window) -> usize {
    harness.state().studio.gallery().count()
}

/// The ids of the results, as the cards lie.
fn ids(harness: &Window) -> Vec<String> {
    let mut all: Vec<_> = harness.state().studio.gallery().map(|entry| (entry.picture, entry.id.clone())).collect();
    all.sort();
    all.into_iter().map(|(_, id)| id).collect()
}

fn cards(harness: &Window) -> Vec<Pos2> {
    harness.query_all_by_label_contains("Picture with seed").map(|node| node.rect().center()).collect()
}

fn click_at(harness: &mut Window, at: Pos2, modifiers: Modifiers) {
    harness.event_modifiers(Event::PointerMoved(at), modifiers);
    for pressed in [true, false] {
        let event = Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers };
        harness.event_modifiers(event, modifiers);
    }
    harness.step();
    harness.step();
    // So that the next press is no second one of a double click.
    harness.event(Event::PointerMoved(at + Vec2::new(0.0, 0.0)));
    harness.input_mut().time = Some(harness.input().time.unwrap_or_default() + 2.0);
    harness.step();
}

fn press(harness: &mut Window, label: &str) {
    harness.get_by_label_contains(label).click();
    harness.step();
    harness.step();
}

/// Exports by the menu of the side panel, and waits.
fn export(harness: &mut Window, kind: Kind, path: &Path) {
    press(harness, "Export...");
    press(harness, kind.words());
    type_path(harness, path);
    until(harness, "the export", |podium| podium.studio.export.exporting.is_none() && !podium.studio.is_busy());
    harness.step();
}

fn notices(harness: &Window) -> Vec<String> {
    harness.state().studio.session.notices.iter().map(|notice| notice.words.clone()).collect()
}

#[test]
fn an_empty_gallery_says_what_to_do() {
    let mut harness = window(small("beach", 2), [1024.0, 700.0], Theme::Dark);
    until(&mut harness, "the list", |podium| podium.studio.results.store.is_listed());
    go_to(&mut harness, Page::Gallery);
    harness.get_by_label_contains("press Render");
    photograph(&mut harness, "empty");
    press(&mut harness, "Go to Compose");
    assert_eq!(harness.state().look.page, Page::Compose);
}

#[test]
fn results_are_starred_filtered_deleted_and_brought_back() {
    let mut harness = gallery(Theme::Dark);
    assert_eq!((count(&harness), cards(&harness).len()), (2, 2));
    until(&mut harness, "thumbnails", |podium| {
        let ids: Vec<_> = podium.studio.gallery().map(|entry| entry.id.clone()).collect();
        ids.iter().all(|id| podium.studio.results.store.thumbnail(id, 256).is_some())
    });
    photograph(&mut harness, "dark");
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    press(&mut harness, "Star this picture");
    assert_eq!(harness.state().studio.document.history.undo_name(), Some("Star a picture"));
    harness.get_by_label("Starred").click();
    harness.step();
    harness.step();
    assert_eq!(cards(&harness).len(), 1);
    harness.get_by_label_contains("1 of 2 pictures");
    harness.get_by_label("All").click();
    harness.step();
    harness.step();
    let field = harness.get_by_label("Search prompts and seeds");
    field.focus();
    harness.step();
    harness.get_by_label("Search prompts and seeds").type_text("nowhere");
    harness.step();
    harness.step();
    harness.get_by_label_contains("No picture has these words");
    press(&mut harness, "Show all pictures");
    assert_eq!(cards(&harness).len(), 2);

    let last = cards(&harness)[1];
    click_at(&mut harness, last, Modifiers::NONE);
    harness.key_press(Key::Delete);
    harness.step();
    assert_eq!(count(&harness), 1);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    assert_eq!(count(&harness), 2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    assert!(harness.state().studio.gallery().all(|entry| !harness.state().studio.is_starred(entry)));
}

#[test]
fn keys_at_a_question_do_nothing_to_the_pictures_beneath_and_answer_it_at_once() {
    let mut harness = gallery(Theme::Dark);
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    harness.key_press(Key::Enter);
    harness.step();
    settle(&mut harness);
    harness.state_mut().studio.edit("Words", |project| project.prompt.push_str(", unsaved"));
    harness.state_mut().studio.ask_to(Held::New);
    harness.step();
    harness.step();
    harness.step();
    harness.key_press(Key::Delete);
    harness.step();
    assert_eq!(count(&harness), 2, "a picture was deleted behind a question");
    harness.get_by_label_contains("has changes that were not saved");
    harness.key_press(Key::Escape);
    harness.step();
    assert!(harness.state().studio.session.questions.front().is_none(), "Escape answers it");
    harness.key_press(Key::Delete);
    harness.step();
    assert_eq!(count(&harness), 1, "the keys are the gallery's again");
}

#[test]
fn what_was_deleted_is_brought_back_also_when_another_project_is_open_by_then() {
    let mut harness = gallery(Theme::Dark);
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    harness.key_press(Key::Delete);
    harness.step();
    assert_eq!(count(&harness), 1);
    harness.state_mut().studio.go_ahead(Held::New);
    settle(&mut harness);
    assert_eq!(harness.state().studio.document.history.undo_name(), None, "undo does not reach back");
    go_to(&mut harness, Page::Gallery);
    harness.get_by_label("Deleted").click();
    harness.step();
    harness.step();
    assert_eq!(cards(&harness).len(), 1);
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    press(&mut harness, "Bring back");
    harness.get_by_label_contains("Nothing was deleted");
    harness.get_by_label("All").click();
    harness.step();
    harness.step();
    assert_eq!((count(&harness), cards(&harness).len()), (2, 2));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    assert_eq!(count(&harness), 1, "that too is a step");
}

#[test]
fn pictures_are_shown_in_the_order_that_was_chosen() {
    let mut harness = window(small("beach", 1), [1280.0, 800.0], Theme::Light);
    let studio = &mut harness.state_mut().studio;
    for (batch, (prompt, seed)) in [("a cat", 7), ("a dog", 3), ("a bear", 5)].into_iter().enumerate() {
        let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([90, 99, 160]));
        let project = Project { prompt: prompt.into(), ..studio.project().clone() };
        let meta = Meta { batch: batch as u64, ..Meta::default() };
        studio.results.store.add(&picture, &project, Path::new("/"), seed, meta);
    }
    go_to(&mut harness, Page::Gallery);
    let order = |harness: &Window| -> Vec<u64> {
        let mut all: Vec<(f32, u64)> = [3, 5, 7]
            .map(|seed| {
                let name = format!("Picture with seed {seed}");
                let left = harness.get_by_label_contains(&name).rect().left();
                (left, seed)
            })
            .into();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all.into_iter().map(|(_, seed)| seed).collect()
    };
    assert_eq!(order(&harness), [5, 3, 7]);
    for (words, expected) in
        [("Oldest first", [7, 3, 5]), ("By prompt", [5, 7, 3]), ("By seed", [3, 5, 7]), ("Newest first", [5, 3, 7])]
    {
        harness.get_by_label_contains("Order: ").click();
        harness.step();
        harness.step();
        // In the list, which is open over what says the same.
        harness.get_all_by_label(words).last().expect("in the list").click();
        harness.step();
        harness.step();
        harness.step();
        assert_eq!(order(&harness), expected, "{words}");
    }
}

#[test]
fn a_right_click_offers_what_can_be_done_with_the_picture_under_the_pointer() {
    let mut harness = gallery(Theme::Dark);
    let second = cards(&harness)[1];
    harness.event(Event::PointerMoved(second));
    for pressed in [true, false] {
        let (button, modifiers) = (PointerButton::Secondary, Modifiers::NONE);
        harness.event(Event::PointerButton { pos: second, button, pressed, modifiers });
    }
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Star").click();
    settle(&mut harness);
    let starred = |harness: &Window| {
        let studio = &harness.state().studio;
        studio.gallery().filter(|entry| studio.is_starred(entry)).map(|entry| entry.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(starred(&harness), [ids(&harness)[1].clone()]);
    harness.get_by_label_contains("Take the star off");
}

#[test]
fn a_picture_is_dragged_onto_the_canvas_by_way_of_the_page_s_tab() {
    let mut harness = gallery(Theme::Dark);
    until(&mut harness, "the files", |podium| !podium.studio.results.store.is_writing());
    let before = harness.state().studio.project().layers().len();
    let card = cards(&harness)[0];
    let tab = harness.get_all_by_label("Compose").next().expect("the tab").rect().center();
    harness.drag_at(card);
    harness.step();
    for part in [0.2, 0.6, 1.0] {
        harness.hover_at(card.lerp(tab, part));
        harness.step();
    }
    harness.step();
    assert_eq!(harness.state().look.page, Page::Compose);
    harness.step();
    let at = harness.state().panels.canvas.screen_of(Side::Collage, (64.0, 40.0)).expect("the board is shown");
    harness.hover_at(at);
    harness.step();
    harness.get_by_role_and_label(Role::Canvas, "Collage, 2 layers");
    harness.drop_at(at);
    harness.step();
    until(&mut harness, "the layer", move |podium| podium.studio.project().layers().len() == before + 1);
    let layer = harness.state().studio.project().layers()[before].clone();
    assert!((layer.x - 64.0).abs() < 1.0 && (layer.y - 40.0).abs() < 1.0, "{layer:?}");
}

#[test]
fn arrows_move_and_shift_extends_and_enter_opens_large() {
    let mut harness = gallery(Theme::Light);
    let all = ids(&harness);
    harness.key_press(Key::ArrowRight);
    harness.step();
    harness.step();
    harness.get_by_label("Star this picture");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.step();
    harness.step();
    harness.get_by_label("2 pictures selected");
    photograph(&mut harness, "light-two");
    harness.key_press(Key::ArrowLeft);
    harness.step();
    harness.key_press(Key::Enter);
    harness.step();
    let id = all[0].clone();
    until(&mut harness, "the picture", move |podium| podium.studio.results.store.picture(&id).is_some());
    harness.step();
    harness.get_by_label_contains("All pictures");
    assert!(harness.get_by_label_contains("Picture with seed").rect().width() > 400.0);
    photograph(&mut harness, "large");
    harness.key_press(Key::Escape);
    harness.step();
    harness.step();
    assert_eq!(cards(&harness).len(), 2);
}

#[test]
fn two_results_are_compared_with_what_differs_in_words() {
    let mut harness = gallery(Theme::Dark);
    harness.state_mut().studio.edit("Other words", |project| {
        project.prompt = "a cat and a dog in the snow".into();
        project.settings.guidance_scale = 3.0;
        project.pictures = 1;
    });
    settle(&mut harness);
    render(&mut harness);
    let all = cards(&harness);
    assert_eq!(all.len(), 3);
    click_at(&mut harness, all[1], Modifiers::NONE);
    click_at(&mut harness, all[0], Modifiers::COMMAND);
    // The page of that name comes first.
    harness.get_all_by_label_contains("Compare").last().expect("the button").click();
    harness.step();
    harness.step();
    until(&mut harness, "both projects", |podium| !podium.studio.is_busy());
    harness.step();
    harness.step();
    harness.get_by_label("a cat and a dog in the snow");
    harness.get_by_label("Guidance scale");
    harness.get_by_label("3");
    harness.get_by_label("Before and after");
    photograph(&mut harness, "compare");
    press(&mut harness, "Side by side");
    photograph(&mut harness, "beside");
    let doomed = ids(&harness);
    harness.state_mut().studio.delete_results(&doomed, true);
    harness.step();
    harness.step();
    harness.get_by_label_contains("press Render");
}

#[test]
fn an_exported_picture_opens_again_as_the_project_that_made_it() {
    let mut harness = gallery(Theme::Dark);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.png");
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    press(&mut harness, "Export...");
    photograph(&mut harness, "menu");
    harness.key_press(Key::Escape);
    harness.step();
    harness.step();
    export(&mut harness, Kind::Png, &path);
    harness.get_by_label_contains(&format!("The picture is in {}", path.display()));
    harness.get_by_label("Open folder");
    photograph(&mut harness, "exported");
    let studio = &harness.state().studio;
    let run = studio.renders.runs.iter().next().expect("a run");
    let made = Project { pictures: 1, ..Project::clone(&run.project) };
    let made = made.with_absolute_paths(&run.folder).expect("absolute");
    assert_eq!(png_text::read_project(&path).expect("read"), Some(made));
    let finished = run.finished().expect("finished");
    assert_eq!(image::open(&path).expect("a picture").into_rgb8(), finished.pictures[0]);
}

#[test]
fn steps_animations_sheet_and_masks_are_written_where_the_typed_path_says() {
    let mut harness = gallery(Theme::Dark);
    let folder = tempfile::tempdir().expect("a folder");
    let second = cards(&harness)[1];
    click_at(&mut harness, second, Modifiers::NONE);
    let at = |name: &str| folder.path().join(name);
    export(&mut harness, Kind::Gif, &at("way"));
    assert_eq!(image::image_dimensions(at("way.gif")).expect("a GIF"), (128, 128));
    export(&mut harness, Kind::Apng, &at("way.png"));
    assert_eq!(image::image_dimensions(at("way.png")).expect("a PNG"), (128, 128));
    export(&mut harness, Kind::Sheet, &at("sheet.png"));
    let (width, height) = image::image_dimensions(at("sheet.png")).expect("a sheet");
    assert!(width > 300 && height > 600, "{width} × {height}");
    if std::env::var_os("PODIUM_PHOTOGRAPH").is_some() {
        std::fs::copy(at("sheet.png"), "/tmp/gallery-sheet.png").expect("copied");
    }
    export(&mut harness, Kind::Steps, &at("steps"));
    let picture = image::open(at("steps").join("step002.png")).expect("the last step").into_rgb8();
    let studio = &harness.state().studio;
    assert_eq!(picture, studio.renders.runs.iter().next().expect("a run").finished().expect("finished").pictures[1]);
    export(&mut harness, Kind::Masks, &at("masks"));
    assert!(at("masks").join("masks.png").is_file());
    assert_eq!(notices(&harness), Vec::<String>::new());

    export(&mut harness, Kind::Gif, &at("none").join("way.gif"));
    let said = notices(&harness);
    assert!(said[0].starts_with("Cannot write ") && said[0].contains("its folder does not exist"), "{said:?}");
    harness.get_by_label_contains("its folder does not exist");
}

#[test]
fn a_result_of_an_earlier_session_exports_its_picture_and_says_that_its_steps_are_gone() {
    let home = tempfile::tempdir().expect("a folder");
    let places = Some(Places::in_folder(home.path()));
    let mut harness = window_in(small("beach", 1), [1280.0, 800.0], Theme::Dark, places.clone());
    render(&mut harness);
    let picture = {
        let podium = harness.state_mut();
        let picture =
            podium.studio.renders.runs.iter().next().expect("a run").finished().expect("finished").pictures[0].clone();
        podium.studio.go_ahead(Held::Close);
        podium.studio.close();
        picture
    };
    drop(harness);

    let mut harness = window_in(small("snow", 1), [1280.0, 800.0], Theme::Dark, places);
    until(&mut harness, "the list", |podium| podium.studio.results.store.is_listed());
    go_to(&mut harness, Page::Gallery);
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    press(&mut harness, "Export...");
    harness.get_by_label_contains("The steps of this picture are no longer kept");
    harness.key_press(Key::Escape);
    harness.step();
    harness.step();
    let path = home.path().join("again.png");
    export(&mut harness, Kind::Png, &path);
    assert_eq!(image::open(&path).expect("a picture").into_rgb8(), picture);
    let project = png_text::read_project(&path).expect("read").expect("a project");
    assert_eq!(project.prompt, small("beach", 1).prompt);
    let subject = Subject::Result(ids(&harness)[0].clone());
    assert!(harness.state().studio.export_obstacle(&subject, Kind::Sheet).is_some());

    press(&mut harness, "Go back to its project");
    until(&mut harness, "the project", |podium| podium.look.page == Page::Compose);
    assert_eq!(harness.state().studio.project().prompt, small("beach", 1).prompt);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    assert_eq!(harness.state().studio.project().prompt, small("snow", 1).prompt);
}

#[test]
fn of_many_results_only_those_in_view_are_drawn() {
    let mut harness = window(small("beach", 1), [1280.0, 800.0], Theme::Light);
    let studio = &mut harness.state_mut().studio;
    let project = studio.project().clone();
    for number in 0..300u32 {
        let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([(number % 256) as u8, 99, 160]));
        let meta = Meta { batch: u64::from(number / 3), picture: number % 3, ..Meta::default() };
        studio.results.store.add(&picture, &project, Path::new("/"), u64::from(number), meta);
    }
    go_to(&mut harness, Page::Gallery);
    harness.get_by_label("300 pictures");
    let drawn = cards(&harness).len();
    assert!((6..80).contains(&drawn), "{drawn} cards");
    photograph(&mut harness, "many");
    // The last one is reached by keys, and brought into view.
    for _ in 0..110 {
        harness.key_press(Key::ArrowDown);
        harness.step();
    }
    harness.step();
    harness.get_by_label_contains("Picture with seed 0");
}

#[test]
fn the_gallery_and_the_place_page_fit_a_small_window_at_twice_the_size() {
    let mut harness = gallery(Theme::Dark);
    harness.state_mut().studio.session.config.ui_scale = 2.0;
    harness.set_size(Vec2::new(1024.0, 700.0));
    settle(&mut harness);
    let first = cards(&harness)[0];
    click_at(&mut harness, first, Modifiers::NONE);
    photograph(&mut harness, "zoomed");
    // 512 by 350 points: everything of the first rows lies inside.
    for label in ["Star this picture", "Size of the pictures", "Search prompts and seeds"] {
        let rect = harness.get_by_label(label).rect();
        assert!(rect.right() <= 512.0 && rect.bottom() <= 350.0, "{label}: {rect:?}");
    }
    place_photo(&mut harness);
    go_to(&mut harness, Page::Place);
    photograph(&mut harness, "zoomed-place");
    harness.get_by_label_contains("Photo with its edit mask");
}

// The Place page.

/// Takes the background of the collage for the photo.
fn place_photo(harness: &mut Window) {
    let project = harness.state().studio.project();
    let Layout::Collage { background: Background::Picture(photo), .. } = &project.layout else { panic!("no scene") };
    let photo = photo.clone();
    harness.state_mut().studio.document.set_photo(photo);
    settle(harness);
}

fn place_page(theme: Theme) -> Window {
    let mut harness = window(small("beach", 2), [1280.0, 800.0], theme);
    go_to(&mut harness, Page::Place);
    harness.get_by_label_contains("Here your subjects go into a photo");
    harness.get_by_label("Choose a photo...");
    photograph(&mut harness, "place-none");
    // Another scene than the collage's.
    harness.state_mut().studio.document.set_photo("assets:scenes/night.png".into());
    settle(&mut harness);
    harness
}

/// A stroke across the photo, in parts of its width and height.
fn stroke(harness: &mut Window, from: (f32, f32), to: (f32, f32)) {
    let rect = harness.get_by_label_contains("Photo with its edit mask").rect();
    let at = |part: (f32, f32)| rect.min + Vec2::new(part.0 * rect.width(), part.1 * rect.height());
    harness.hover_at(at(from));
    harness.step();
    harness.drag_at(at(from));
    harness.step();
    for part in [0.3, 0.7, 1.0] {
        harness.hover_at(at((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)));
        harness.step();
    }
    harness.drop_at(at(to));
    harness.step();
    harness.step();
}

fn white(harness: &mut Window) -> usize {
    match harness.state_mut().studio.edit_mask() {
        Known::Ready(mask) => mask.pixels().filter(|pixel| pixel.0 == [255]).count(),
        other => panic!("no mask: {other:?}"),
    }
}

#[test]
fn a_stroke_on_the_photo_is_one_step_and_a_file_and_a_render_stays_outside_of_it() {
    let mut harness = place_page(Theme::Dark);
    assert!(harness.state_mut().studio.obstacle().expect("no mask yet").contains("has no edit mask"));
    // On the page, and beside Render too.
    assert!(harness.query_all_by_label_contains("The photo has no edit mask").count() >= 1);
    let steps = harness.state().studio.document.history.steps().1;
    stroke(&mut harness, (0.2, 0.6), (0.8, 0.6));
    assert_eq!(harness.state().studio.document.history.steps().1, steps + 1);
    assert_eq!(harness.state().studio.document.history.undo_name(), Some("Paint the edit mask"));
    let first = white(&mut harness);
    assert!(first > 1000, "{first}");
    until(&mut harness, "the file", |podium| !podium.studio.is_busy());
    let path = harness.state().studio.project().place.as_ref().expect("a placement").edit_mask.clone();
    let file = image::open(&path).expect("a file").into_luma8();
    assert_eq!(file.dimensions(), (128, 128));
    assert_eq!(file.pixels().filter(|pixel| pixel.0 == [255]).count(), first);

    stroke(&mut harness, (0.5, 0.8), (0.5, 0.9));
    assert!(white(&mut harness) > first);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.step();
    assert_eq!(white(&mut harness), first);
    photograph(&mut harness, "place-painted");

    render(&mut harness);
    let podium = harness.state_mut();
    let photo = podium.studio.placed_photo().ready().expect("a photo").clone();
    let finished = podium.studio.renders.runs.shown().and_then(|run| run.finished()).expect("finished").clone();
    // How far the upper rows are from the photo, whose sky is not the one of the prompt.
    let apart = |picture: &image::RgbImage| {
        let of = |x: u32, y: u32| {
            let (a, b) = (photo.get_pixel(x, y).0, picture.get_pixel(x, y).0);
            a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>()
        };
        (0..32).map(|y| (0..128).map(|x| of(x, y)).sum::<u32>()).sum::<u32>() / (32 * 128)
    };
    let collage = podium.studio.collage_now().expect("drawn").expect("no trouble");
    let (placed, other) = (apart(&finished.pictures[0]), apart(&collage.picture));
    println!("the sky is {placed} from the photo's, the collage's {other}");
    // The autoencoder does not know every colour.
    assert!(placed * 3 < other, "{placed} from the photo, and {other} would be the prompt's");
    harness.step();
    harness.get_by_label("Line between the photo and the picture");
    photograph(&mut harness, "place-rendered");
}

#[test]
fn the_edit_mask_is_erased_inverted_cleared_and_taken_from_the_layers() {
    let mut harness = place_page(Theme::Light);
    stroke(&mut harness, (0.1, 0.5), (0.9, 0.5));
    let painted = white(&mut harness);
    harness.key_press(Key::X);
    harness.step();
    stroke(&mut harness, (0.5, 0.5), (0.9, 0.5));
    let erased = white(&mut harness);
    assert!(erased < painted && erased > 0, "{erased} of {painted}");
    harness.get_by_label("Invert").click();
    harness.step();
    harness.step();
    assert_eq!(white(&mut harness), 128 * 128 - erased);
    press(&mut harness, "Clear");
    assert_eq!(white(&mut harness), 0);
    until(&mut harness, "the file", |podium| !podium.studio.is_busy());
    assert!(harness.state_mut().studio.obstacle().expect("empty").contains("is empty"));
    press(&mut harness, "From the layers' outlines");
    until(&mut harness, "the outlines", |podium| !podium.studio.is_busy());
    harness.step();
    let outlines = white(&mut harness);
    let collage = harness.state_mut().studio.collage_now().expect("drawn").expect("no trouble");
    let layers: usize = collage.masks.iter().map(|m| m.mask.pixels().filter(|p| p.0[0] > 127).count()).sum();
    assert!(outlines > layers && layers > 500, "{outlines}, {layers}");
    photograph(&mut harness, "place-outlines");
    // Further down, where one would scroll to.
    let press_below = |harness: &mut Window, label: &str| {
        harness.get_by_label_contains(label).click_accesskit();
        harness.step();
        harness.step();
    };
    press_below(&mut harness, "Inverted");
    assert_eq!(harness.state().studio.document.history.undo_name(), Some("Background of the photo"));
    press_below(&mut harness, "Remove the photo");
    assert_eq!(harness.state().studio.project().place, None);
    assert_eq!(harness.state_mut().studio.obstacle(), None);
    for _ in 0..3 {
        harness.state_mut().studio.document.undo();
    }
    assert_eq!(white(&mut harness), 0);
}

#[test]
fn a_picture_dropped_on_the_place_page_becomes_the_photo() {
    let mut harness = window(small("beach", 2), [1280.0, 800.0], Theme::Dark);
    go_to(&mut harness, Page::Place);
    let scenes = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/scenes");
    let scene = std::fs::read_dir(scenes).expect("scenes").flatten().next().expect("one").path();
    harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(scene.clone())));
    harness.step();
    harness.input_mut().dropped_files.clear();
    until(&mut harness, "the photo", |podium| podium.studio.project().place.is_some());
    assert_eq!(harness.state().studio.project().place.as_ref().expect("a placement").photo, scene);
}
