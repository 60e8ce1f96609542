//! The first use, from an open window to an exported picture and all of it undone, with what the window says on the way.

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Modifiers, PointerButton, Pos2, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use podium::gui::Podium;
use podium::gui::canvas::Side;
use podium::project::png_text;
use podium::studio::Playhead;
use podium::studio::renders::runs::State;

use crate::looks::{picture_of, render, settle, until, window};
use crate::studio::small;

type Window = Harness<'static, Podium>;

/// Presses at one place, moves to another in four steps and lets go.
pub fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    let button = |window: &mut Window, pos, pressed| {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        window.event(Event::PointerButton { pos, button, pressed, modifiers });
        window.step();
    };
    window.event(Event::PointerMoved(from));
    window.step();
    button(window, from, true);
    for part in 1..=4 {
        window.event(Event::PointerMoved(from.lerp(to, part as f32 / 4.0)));
        window.step();
    }
    button(window, to, false);
    window.step();
}

fn click(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Button, name).click();
    window.step();
    window.step();
}

/// Everything that the window says, in one text.
pub fn says(window: &Window) -> String {
    let nodes = window.root().children_recursive();
    let words = nodes.flat_map(|node| {
        let node = node.accesskit_node();
        [node.label(), node.value()].into_iter().flatten().collect::<Vec<_>>()
    });
    words.collect::<Vec<_>>().join("\n")
}

fn on(window: &Window, side: Side, at: (f32, f32)) -> Pos2 {
    window.state().panels.canvas.screen_of(side, at).expect("the board is shown")
}

#[test]
fn a_first_time_user_composes_renders_scrubs_paints_exports_and_undoes_all() {
    let mut window = window(small("beach", 4), [1440.0, 900.0], Theme::Dark);
    let start = window.state().studio.project().clone();
    assert!(says(&window).contains("Drag the cat, then press Render"), "{}", says(&window));
    picture_of(&mut window, "story-1-open");

    // Compose.
    let cat = start.layers()[0].clone();
    let from = on(&window, Side::Collage, (cat.x, cat.y));
    drag(&mut window, from, from + vec2(24.0, -12.0));
    let zoom = window.state().panels.canvas.zoom().expect("shown");
    let moved = window.state().studio.project().layers()[0].x - cat.x;
    assert!((moved - 24.0 / zoom).abs() < 6.0, "moved by {moved} at zoom {zoom}");

    window.get_by_label_contains("Add cutout...").click();
    settle(&mut window);
    window.get_by_role_and_label(Role::Button, "tan bear").click();
    settle(&mut window);
    assert_eq!(window.state().studio.project().layers().len(), 3);

    // Assign.
    window.get_by_label_contains("Load...").click();
    settle(&mut window);
    click(&mut window, "coral bear");
    settle(&mut window);
    assert!(says(&window).contains("coral bear is on no visible layer"), "{}", says(&window));
    let card = window.get_by_label("Drag coral bear onto a layer").rect().center();
    let layer = window.get_by_role_and_label(Role::Button, "Layer tan bear").rect().center();
    drag(&mut window, card, layer);
    settle(&mut window);
    assert_eq!(window.state().studio.project().layers()[2].concept.as_deref(), Some("coral bear"));
    let mention = window.state().studio.project().concepts[2].class_word.clone();
    assert_eq!(mention, "bear");
    assert!(says(&window).contains("does not mention \"bear\""), "{}", says(&window));
    // It may have to be scrolled to.
    window.get_by_role_and_label(Role::Button, "Add \"bear\" to the prompt").click_accesskit();
    settle(&mut window);
    assert!(!says(&window).contains("does not mention"), "{}", says(&window));

    // Render.
    click(&mut window, "Render");
    until(&mut window, "the picture", |podium| {
        podium.studio.renders.runs.shown().is_some_and(|run| run.finished().is_some())
    });
    settle(&mut window);
    assert!(says(&window).contains("Drag along the timeline"), "{}", says(&window));
    picture_of(&mut window, "story-2-rendered");

    // Scrub.
    let timeline = window.get_by_label_contains("Timeline, step").rect();
    let at = timeline.left_top() + vec2(timeline.width() * 0.3, timeline.height() * 0.3);
    drag(&mut window, at, at + vec2(2.0, 0.0));
    assert_eq!(window.state().studio.renders.runs.playhead, Playhead::At(1));
    assert!(says(&window).contains("paint where a concept shall be"), "{}", says(&window));

    // Paint a mask and go on.
    let named = |node: &egui_kittest::Node<'_>| {
        node.accesskit_node().label().is_some_and(|label| label.contains("Edit masks here..."))
    };
    window.get_all_by_role(Role::Button).find(named).expect("the button").click();
    settle(&mut window);
    let before = window.state().studio.renders.mask_editor.as_ref().expect("painting").masks().to_vec();
    let (from, to) = (on(&window, Side::Picture, (20.0, 20.0)), on(&window, Side::Picture, (50.0, 24.0)));
    drag(&mut window, from, to);
    let after = window.state().studio.renders.mask_editor.as_ref().expect("painting").masks().to_vec();
    assert_ne!(before, after, "the stroke painted nothing");
    picture_of(&mut window, "story-3-painting");
    window.get_by_label_contains("Continue with these masks").click();
    until(&mut window, "the continued picture", |podium| {
        podium.studio.renders.runs.shown().is_some_and(|run| run.from.is_some() && run.finished().is_some())
    });
    settle(&mut window);
    let run = window.state().studio.renders.runs.shown().expect("a run");
    assert!(run.steps.iter().all(Option::is_some) && matches!(run.state, State::Done(_)));

    // Keep.
    until(&mut window, "two results", |podium| podium.studio.gallery().count() == 2);
    let newest = window.state().studio.gallery().next().expect("a result").id.clone();
    let path = window.state().studio.results.store.path(&newest);
    until(&mut window, "the file", |_| path.exists());
    let inside = png_text::read_project(&path).expect("readable").expect("a project inside");
    assert_eq!(inside.prompt, window.state().studio.project().prompt);

    // Undo all.
    let mut names = Vec::new();
    while let Some(name) = window.state().studio.document.history.undo_name().map(str::to_owned) {
        names.push(name);
        window.key_press_modifiers(Modifiers::COMMAND, eframe::egui::Key::Z);
        window.step();
    }
    assert!(names.iter().all(|name| !name.is_empty()) && names.len() >= 5, "{names:?}");
    assert_eq!(*window.state().studio.project(), start);
    settle(&mut window);
    assert!(says(&window).contains("earlier version"), "the picture is not told from the project: {}", says(&window));
}

#[test]
fn word_concept_layer_and_mask_are_linked_by_colour_and_by_name() {
    let mut window = window(small("beach", 2), [1440.0, 900.0], Theme::Dark);
    let text = says(&window);
    for name in ["Layer orange cat, mint cat", "Layer brown dog, plum dog", "Drag mint cat onto a layer"] {
        assert!(text.contains(name), "{name} is not said:\n{text}");
    }
    // Pointing at one lights all of them.
    let card = window.get_by_label("Drag plum dog onto a layer").rect().center();
    window.event(Event::PointerMoved(card));
    window.step();
    window.step();
    window.step();
    assert_eq!(window.state().look.pointed.lit.as_deref(), Some("plum dog"));
    let layer = window.get_by_role_and_label(Role::Button, "Layer orange cat, mint cat").rect();
    window.event(Event::PointerMoved(layer.left_center() + vec2(60.0, 0.0)));
    window.step();
    window.step();
    window.step();
    assert_eq!(window.state().look.pointed.lit.as_deref(), Some("mint cat"));
}

#[test]
fn whatever_has_no_effect_is_said_in_the_window() {
    let mut window = window(small("beach", 4), [1440.0, 900.0], Theme::Light);
    assert!(!says(&window).contains("no effect"), "{}", says(&window));
    type Change = fn(&mut podium::project::Project);
    let cases: [(&str, Change); 7] = [
        ("The prompt is empty", |project| project.prompt.clear()),
        ("does not mention \"dog\"", |project| project.prompt = "a cat".into()),
        ("The strength of mint cat is 0", |project| project.concepts[0].strength = 0.0),
        ("plum dog is on no visible layer", |project| {
            project
                .layers_mut()
                .into_iter()
                .flatten()
                .for_each(|layer| layer.visible = layer.concept.as_deref() != Some("plum dog"));
        }),
        ("behind other layers or outside the canvas", |project| {
            if let Some(layers) = project.layers_mut() {
                layers[0].x = -900.0;
            }
        }),
        ("between the start and the end of mask refinement", |project| {
            project.settings.mask_refinement.start = 199.0;
            project.settings.mask_refinement.end = 120.0;
        }),
        ("the negative prompt has no effect", |project| {
            project.negative_prompt = "blurry".into();
            project.settings.guidance_scale = 1.0;
        }),
    ];
    for (words, change) in &cases {
        window.state_mut().studio.edit("A case", change);
        settle(&mut window);
        assert!(says(&window).contains(words), "not said: {words}\n{}", says(&window));
        window.state_mut().studio.document.undo();
        settle(&mut window);
        assert!(!says(&window).contains(words), "still said: {words}");
    }
}

#[test]
fn render_says_why_it_cannot_start_and_loses_nothing() {
    let mut window = window(small("beach", 2), [1440.0, 900.0], Theme::Dark);
    window.state_mut().studio.edit("Break", |project| {
        if let Some(layers) = project.layers_mut() {
            layers[0].picture = "/nowhere/cat.png".into();
        }
    });
    until(&mut window, "the failure", |podium| podium.studio.obstacle().is_some());
    click(&mut window, "Render");
    assert!(says(&window).contains("/nowhere/cat.png"), "{}", says(&window));
    assert_eq!(window.state().studio.renders.runs.iter().count(), 0);
    window.state_mut().studio.document.undo();
    settle(&mut window);
    render(&mut window);
}
