//! The Compare page, used as a person does: B is chosen, two seeds are rendered, scored and summed up, and B's settings are
//! taken over and undone.

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::gui::look::Page;
use podium::studio::compare::{Cell, Going, Looks};

use crate::looks::{picture_of, same_in_both_themes, settle, until, window};
use crate::story::says;
use crate::studio::small;

type Window = Harness<'static, Podium>;

fn press(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.step();
    window.step();
}

fn page(size: [f32; 2]) -> Window {
    let mut window = window(small("beach", 2), size, Theme::Dark);
    window.state_mut().look.page = Page::Compare;
    settle(&mut window);
    window
}

fn ended(podium: &mut Podium) -> bool {
    podium.studio.compare.begun().is_some_and(|begun| begun.going == Going::Done) && !podium.studio.is_busy()
}

#[test]
fn two_seeds_are_compared_and_the_better_side_s_settings_are_taken_over() {
    let mut window = page([1280.0, 800.0]);
    assert!(says(&window).contains("Choose what A and B render with"), "{}", says(&window));
    window.state_mut().studio.compare.draft.seeds = 2;

    // B: another value of a setting, chosen from the list and typed over.
    press(&mut window, "Change a setting of B");
    press(&mut window, "guidance_scale");
    window.get_by_role_and_label(Role::TextInput, "B: guidance_scale").focus();
    window.step();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.event(Event::Text("lots".into()));
    window.step();
    window.step();
    let text = says(&window);
    assert!(text.contains("B: settings.guidance_scale cannot be \"lots\"") && text.contains("a number"), "{text}");
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.event(Event::Text("3".into()));
    window.step();
    picture_of(&mut window, "compare-1-chosen");

    press(&mut window, "Start comparing");
    until(&mut window, "the first picture", |podium| {
        podium.studio.compare.begun().is_some_and(|begun| begun.done().0 >= 1)
    });
    window.step();
    picture_of(&mut window, "compare-2-running");
    press(&mut window, "Stop");
    assert!(says(&window).contains("Stopped; "), "{}", says(&window));
    press(&mut window, "Go on");
    until(&mut window, "all pictures", ended);
    settle(&mut window);
    let text = says(&window);
    for words in [
        "A, seed 26: ",
        "B, seed 27: ",
        "masks as laid out",
        "4 pictures",
        "Without layout alignment, guidance_scale=3",
        "Nothing can be told yet: 2 seeds are too few",
        "recognised",
        "cannot be told",
    ] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    assert_eq!(window.state().studio.gallery().count(), 4, "they are results like all others");

    let before = window.state().studio.project().settings.clone();
    press(&mut window, "Use B's settings");
    let now = window.state().studio.project().settings.clone();
    assert!(!now.layout_alignment.enabled && now.guidance_scale == 3.0);
    window.state_mut().studio.document.undo();
    window.step();
    assert_eq!(window.state().studio.project().settings, before);
}

/// What is drawn does not depend on how a machine rounds: the pictures and scores are made up.
#[test]
fn the_compare_page_looks_as_it_did_in_both_themes() {
    let mut window = page([1280.0, 800.0]);
    let studio = &mut window.state_mut().studio;
    studio.compare.draft.seeds = 4;
    studio.compare.draft.b.changes = vec![("guidance_scale".into(), "3".into())];
    studio.compare.begin(&studio.document, Looks::default()).expect("they differ");
    crate::made_up::comparison(studio);
    settle(&mut window);
    let there = |podium: &mut Podium| {
        let ids: Vec<_> = podium.studio.gallery().map(|entry| entry.id.clone()).collect();
        ids.iter().all(|id| podium.studio.results.store.thumbnail(id, 256).is_some())
    };
    until(&mut window, "the pictures", there);
    let cells = window.state().studio.compare.begun().expect("begun").cells.clone();
    assert!(cells.iter().flatten().any(|cell| matches!(cell, Cell::Failed(_))));
    window.run_steps(3);
    same_in_both_themes(&mut window, "compare");
}

#[test]
fn a_press_on_a_picture_shows_it_large_and_arrows_go_to_the_other_side_and_seeds() {
    let mut window = page([1280.0, 800.0]);
    let studio = &mut window.state_mut().studio;
    studio.compare.draft.seeds = 4;
    studio.compare.begin(&studio.document, Looks::default()).expect("they differ");
    crate::made_up::comparison(studio);
    settle(&mut window);
    let first = window.state().studio.compare.begun().expect("begun").seeds[0];
    window.get_by_label_contains(&format!("A, seed {first}: ")).click();
    window.step();
    window.step();
    let large = |window: &Window, side: &str, seed: u64| {
        let name = format!("{side}, seed {seed}, large");
        let wide = window.query_by_label(&name).map(|node| node.rect().width());
        wide.is_some_and(|wide| wide > 600.0)
    };
    assert!(large(&window, "A", first), "{}", says(&window));
    let key = |window: &mut Window, key: Key| {
        window.key_press(key);
        window.step();
        window.step();
    };
    key(&mut window, Key::ArrowDown);
    assert!(large(&window, "B", first));
    // B's second picture failed, so that there is nothing to go to.
    key(&mut window, Key::ArrowRight);
    assert!(large(&window, "B", first));
    key(&mut window, Key::ArrowUp);
    key(&mut window, Key::ArrowRight);
    assert!(large(&window, "A", first + 1));
    key(&mut window, Key::Escape);
    assert!(window.query_by_label_contains(&format!("A, seed {first}: ")).is_some());
    // What is not there cannot be pressed.
    window.get_by_label_contains(&format!("B, seed {}: failed", first + 1)).click();
    window.step();
    window.step();
    assert!(window.query_by_label_contains(&format!("A, seed {first}: ")).is_some());
}

#[test]
fn the_compare_page_stands_in_a_small_window_and_with_sixteen_seeds() {
    let mut window = page([700.0, 520.0]);
    window.state_mut().studio.compare.draft.seeds = 16;
    window.step();
    picture_of(&mut window, "compare-small-empty");
    let studio = &mut window.state_mut().studio;
    studio.compare.begin(&studio.document, Looks::default()).expect("they differ");
    crate::made_up::comparison(studio);
    settle(&mut window);
    picture_of(&mut window, "compare-small");
    let text = says(&window);
    for words in ["Change a setting of A", "Change a setting of B", "Start comparing", "32 pictures"] {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
}

#[test]
fn an_encoder_that_is_chosen_is_shown_until_it_is_put_away_and_a_folder_without_one_is_said() {
    let folder = |name: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(name);
    let mut window = page([1280.0, 800.0]);
    assert!(says(&window).contains("Image encoder..."), "{}", says(&window));
    window.state_mut().studio.choose_encoder(folder("dino"));
    until(&mut window, "the encoder", |podium| podium.studio.session.config.dino.is_some());
    settle(&mut window);
    let text = says(&window);
    assert!(text.contains("DINOv2: dino") && !text.contains("Photos..."), "the miniature's concepts need none: {text}");
    picture_of(&mut window, "compare-encoder");
    press(&mut window, "Measure by DINOv2 no more");
    assert_eq!(window.state().studio.session.config.dino, None);

    // ImageReward by its file, which the other button asks for.
    assert!(text.contains("ImageReward..."), "{text}");
    window.state_mut().studio.choose_encoder(folder("reward/ImageReward.pt"));
    until(&mut window, "ImageReward", |podium| podium.studio.session.config.reward.is_some());
    settle(&mut window);
    assert!(says(&window).contains("ImageReward: ImageReward.pt"), "{}", says(&window));
    press(&mut window, "Measure by ImageReward no more");
    assert_eq!(window.state().studio.session.config.reward, None);

    window.state_mut().studio.choose_encoder(folder("pixels"));
    until(&mut window, "words", |podium| !podium.studio.session.notices.is_empty());
    settle(&mut window);
    assert!(
        says(&window).contains("pixels") && window.state().studio.session.config.clip.is_none(),
        "{}",
        says(&window)
    );
}
