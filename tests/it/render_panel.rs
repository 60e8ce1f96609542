//! The right panel: Render and its progress, and every value of the method, driven by pointer and keyboard.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Theme, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, Node};
use podium::engine::cache::Cache;
use podium::engine::device::{self, DeviceChoice};
use podium::gui::Podium;
use podium::project::settings::{ClusterCounts, Execution, Fusion, Inversion, LayoutLoss, Method, PromptReading};
use podium::project::{Canvas, Preset, Project, Settings};
use podium::studio::Place;

use crate::looks::{bare, bare_on};
use crate::made_up;
use crate::studio::{InStep, small};

/// Tall enough for all of the panel.
const TALL: [f32; 2] = [1100.0, 1900.0];

fn window(project: Project, size: [f32; 2], theme: Theme, scale: f32) -> Harness<'static, Podium> {
    let mut harness = bare(project, size, theme, None);
    harness.state_mut().studio.session.config.ui_scale = scale;
    harness
}

/// A window whose engine waits after each event until the second lets it go on.
fn in_step(steps: u32) -> (Harness<'static, Podium>, impl Fn()) {
    let engine = InStep::start(Cache::none());
    // The model is loaded, which is told of in many events.
    engine.render_unwatched(&small("beach", 1)).finished();
    let (looked, engine) = engine.into_parts();
    let mut harness = bare_on(engine, small("beach", steps), TALL, Theme::Dark, None);
    harness.run_steps(3);
    // Where it does not wait, there is nothing to be let go.
    let go_on = move || {
        let _ = looked.try_send(());
    };
    (harness, go_on)
}

fn tall(steps: u32) -> Harness<'static, Podium> {
    let mut harness = window(small("beach", steps), TALL, Theme::Dark, 1.0);
    harness.run_steps(3);
    harness
}

fn until(harness: &mut Harness<'_, Podium>, what: &str, so: impl Fn(&Harness<'_, Podium>) -> bool) {
    let begun = Instant::now();
    while !so(harness) {
        harness.step();
        assert!(begun.elapsed() < Duration::from_secs(180), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn press(harness: &mut Harness<'_, Podium>, role: Role, name: &str) {
    harness.get_by_role_and_label(role, name).click();
    harness.run_steps(3);
}

fn says(harness: &Harness<'_, Podium>, words: &str) -> bool {
    harness.query_all_by_label_contains(words).next().is_some()
}

/// Opens every part that is folded.
fn unfold(harness: &mut Harness<'_, Podium>) {
    for part in ["Advanced layout alignment", "Advanced concept injection", "Advanced mask refinement", "Sampling"] {
        press(harness, Role::DisclosureTriangle, part);
    }
    harness.run_steps(3);
}

fn project<'a>(harness: &'a Harness<'_, Podium>) -> &'a Project {
    harness.state().studio.project()
}

/// The number of the present step of the history.
fn step(harness: &Harness<'_, Podium>) -> usize {
    harness.state().studio.document.history.steps().1
}

/// Types a number into the field of this name, as somebody who came there by Tab does.
fn enter(harness: &mut Harness<'_, Podium>, role: Role, name: &str, text: &str) {
    harness.get_by_role_and_label(role, name).focus();
    harness.run_steps(2);
    if role == Role::TextInput {
        harness.key_press_modifiers(eframe::egui::Modifiers::COMMAND, Key::A);
    }
    for letter in text.chars() {
        harness.get_by_role_and_label(role, name).type_text(&letter.to_string());
        harness.step();
    }
    harness.key_press(Key::Enter);
    harness.run_steps(3);
}

/// Keeps a picture of the window where `PODIUM_LOOK_DIR` says.
fn keep(harness: &mut Harness<'_, Podium>, name: &str) {
    if let Some(folder) = std::env::var_os("PODIUM_LOOK_DIR").filter(|_| !device::adapters().is_empty()) {
        harness.remove_cursor();
        harness.run_steps(2);
        // A software adapter may give up on a large window while a render takes the processor.
        match harness.render() {
            Ok(picture) => picture.save(PathBuf::from(folder).join(name)).expect("written"),
            Err(words) => eprintln!("{name} was not drawn: {words}"),
        }
    }
}

#[test]
fn render_is_pressed_another_is_queued_and_taken_out_and_the_picture_comes() {
    let (mut harness, go_on) = in_step(3);
    press(&mut harness, Role::Button, "Render");
    until(&mut harness, "the first step", |harness| {
        let there = harness.state().studio.renders.runs.iter().any(|run| run.newest().is_some());
        // Where it is, the engine waits until it has been used.
        if !there {
            go_on();
        }
        there
    });
    press(&mut harness, Role::Button, "Queue another");
    assert!(says(&harness, "1 more queued"));
    keep(&mut harness, "render-running.png");
    press(&mut harness, Role::Button, "Stop Untitled 2");
    until(&mut harness, "the queue to empty", |harness| !says(harness, "more queued"));
    until(&mut harness, "the picture", |harness| {
        go_on();
        says(harness, "Rendered in")
    });
    assert!(!says(&harness, "Of an earlier version"));
    assert!(harness.query_by_role_and_label(Role::Button, "Pause").is_none());
    enter(&mut harness, Role::SpinButton, "Guidance scale", "3");
    assert!(says(&harness, "Of an earlier version"));
    harness.state_mut().studio.document.undo();
    harness.run_steps(2);
    assert!(!says(&harness, "Of an earlier version"));
}

#[test]
fn a_paused_render_is_continued_to_its_end() {
    let (mut harness, go_on) = in_step(6);
    press(&mut harness, Role::Button, "Render");
    until(&mut harness, "a few steps", |harness| {
        let there = harness.state().studio.renders.runs.iter().any(|run| run.newest() >= Some(2));
        if !there {
            go_on();
        }
        there
    });
    press(&mut harness, Role::Button, "Pause");
    until(&mut harness, "the pause", |harness| {
        go_on();
        says(harness, "Paused before step 4 of 6")
    });
    assert!(harness.query_by_role_and_label(Role::Button, "Stop").is_some());
    keep(&mut harness, "render-paused.png");
    press(&mut harness, Role::Button, "Continue");
    until(&mut harness, "the picture", |harness| {
        go_on();
        says(harness, "Rendered in")
    });
    let runs: Vec<_> = harness.state().studio.renders.runs.iter().collect();
    assert_eq!(runs.len(), 2);
    assert!(runs[1].finished().is_some() && runs[1].from.is_some_and(|(_, step)| step == 3));
}

#[test]
fn what_stands_in_the_way_of_a_render_stands_once_under_a_button_that_can_be_pressed() {
    let mut harness = tall(2);
    harness.state_mut().studio.edit("Break", |project| project.settings.steps = 0);
    harness.run_steps(2);
    for _ in 0..2 {
        assert_eq!(harness.query_all_by_label_contains("settings.steps is 0").count(), 1);
        press(&mut harness, Role::Button, "Render");
    }
    assert!(harness.state().studio.renders.runs.iter().next().is_none());
    // What is wrong is put right where it is said; the field did not change it by itself.
    assert_eq!(project(&harness).settings.steps, 0);
    enter(&mut harness, Role::SpinButton, "Steps", "2");
    assert!(!says(&harness, "settings.steps is 0"));
    press(&mut harness, Role::Button, "Render");
    until(&mut harness, "the picture", |harness| says(harness, "Rendered in"));
}

#[test]
fn a_preset_is_one_step_and_says_when_it_was_changed() {
    let mut harness = tall(2);
    for preset in Preset::ALL {
        press(&mut harness, Role::RadioButton, &format!("Preset: {}", preset.name()));
        assert_eq!(Preset::matching(project(&harness)), Some(preset));
        assert!(!says(&harness, "changed"));
        assert_eq!(
            harness.state().studio.document.history.undo_name(),
            Some(format!("Preset {}", preset.name()).as_str())
        );
    }
    enter(&mut harness, Role::SpinButton, "Step size λ", "20");
    assert!(says(&harness, "changed"));
    // Its own preset's value is one press away.
    press(&mut harness, Role::Button, "Reset step size λ to 10");
    assert!(!says(&harness, "changed"));
    assert_eq!(Preset::matching(project(&harness)), Some(Preset::Paper));
}

#[test]
fn what_a_project_came_with_is_as_good_as_a_preset() {
    let mut harness = tall(50);
    let opened = project(&harness).settings.clone();
    assert!(Preset::matching(project(&harness)).is_none() && !says(&harness, "changed"));
    // Nothing of it is offered to be reset.
    assert!(harness.query_by_label("Reset step size λ to 10").is_none());
    press(&mut harness, Role::RadioButton, "Preset: Draft");
    assert_eq!(project(&harness).settings.steps, 20);
    press(&mut harness, Role::RadioButton, "Preset: As opened");
    assert_eq!(project(&harness).settings, opened);
    assert_eq!(harness.state().studio.document.history.undo_name(), Some("Preset As opened"));
    enter(&mut harness, Role::SpinButton, "Step size λ", "20");
    assert!(says(&harness, "changed"));
    press(&mut harness, Role::Button, "Reset step size λ to 30");
    assert_eq!(project(&harness).settings, opened);
}

#[test]
fn the_numbers_of_rows_are_one_column_and_the_scroll_bar_stands_beside_it() {
    // So low that it scrolls.
    let mut harness = window(small("beach", 50), [1440.0, 800.0], Theme::Dark, 1.0);
    harness.run_steps(4);
    let names = ["Seed", "Pictures", "Steps", "Guidance scale", "Until step", "Step size λ"];
    let rects = names.map(|name| {
        let role = if name == "Seed" { Role::TextInput } else { Role::SpinButton };
        harness.get_by_role_and_label(role, name).rect()
    });
    for (name, rect) in names.iter().zip(rects) {
        assert!((rect.left() - rects[1].left()).abs() < 1.0, "{name} begins at {rect:?}");
        assert!((rect.right() - rects[1].right()).abs() < 1.0, "{name} ends at {rect:?}");
    }
    assert!(rects[0].right() <= 1440.0 - 12.0, "the bar has its room");
}

type Check = fn(&Project) -> bool;

#[test]
fn every_number_is_typed_by_keyboard_as_one_step_that_can_be_undone() {
    let mut harness = tall(20);
    unfold(&mut harness);
    let numbers: [(&str, &str, Check); 14] = [
        ("Pictures", "3", |project| project.pictures == 3),
        ("Steps", "123", |project| project.settings.steps == 123),
        ("Guidance scale", "3.5", |project| project.settings.guidance_scale == 3.5),
        ("Until step", "85.5", |project| project.settings.layout_alignment.end == 85.5),
        ("Step size λ", "25", |project| project.settings.layout_alignment.weight == 25.0),
        ("Align every", "2.5", |project| project.settings.layout_alignment.every == 2.5),
        ("Concepts' share α", "0.25", |project| project.settings.layout_alignment.alpha == 0.25),
        ("First refined step", "40", |project| project.settings.mask_refinement.start == 40.0),
        ("Last refined step", "95", |project| project.settings.mask_refinement.end == 95.0),
        ("Refine every", "10", |project| project.settings.mask_refinement.every == 10.0),
        ("Starts", "17", |project| project.settings.mask_refinement.starts == 17),
        ("Overlap threshold", "0.125", |project| project.settings.mask_refinement.overlap_threshold == 0.125),
        ("Canvas width", "250", |project| project.canvas == Canvas { width: 256, height: 128 }),
        ("Canvas height", "320", |project| project.canvas == Canvas { width: 128, height: 320 }),
    ];
    for (name, typed, check) in numbers {
        let (before, at) = (project(&harness).clone(), step(&harness));
        enter(&mut harness, Role::SpinButton, name, typed);
        assert!(check(project(&harness)), "{name}: {:?}", project(&harness).settings);
        assert_eq!((step(&harness), harness.state().studio.document.history.undo_name()), (at + 1, Some(name)));
        harness.state_mut().studio.document.undo();
        harness.run_steps(2);
        assert_eq!(*project(&harness), before, "{name}");
    }
}

#[test]
fn a_number_out_of_range_ends_at_its_range() {
    let mut harness = tall(20);
    for (typed, end) in [("9999", 999), ("0", 1), ("nonsense", 1)] {
        enter(&mut harness, Role::SpinButton, "Steps", typed);
        assert_eq!(project(&harness).settings.steps, end, "{typed}");
    }
    enter(&mut harness, Role::SpinButton, "Guidance scale", "NaN");
    assert!(Settings::GUIDANCE_SCALE.contains(&project(&harness).settings.guidance_scale));
}

#[test]
fn a_number_is_dragged_as_one_step() {
    let mut harness = tall(20);
    let at = step(&harness);
    let field = harness.get_by_role_and_label(Role::SpinButton, "Until step").rect().center();
    harness.drag_at(field);
    harness.step();
    for by in 1..=10 {
        harness.hover_at(field + Vec2::new(by as f32 * 4.0, 0.0));
        harness.step();
    }
    harness.drop_at(field + Vec2::new(40.0, 0.0));
    harness.run_steps(2);
    let end = project(&harness).settings.layout_alignment.end;
    assert!(end > 65.0 && end < 100.0, "{end}");
    assert_eq!((step(&harness), harness.state().studio.document.history.in_gesture()), (at + 1, false));
    harness.state_mut().studio.document.undo();
    assert_eq!(project(&harness).settings.layout_alignment.end, 60.0);
}

#[test]
fn every_switch_and_choice_changes_its_own_setting_as_one_step() {
    let mut harness = tall(20);
    unfold(&mut harness);
    let presses: [(Role, &str, Check); 13] = [
        (Role::Switch, "Layout alignment", |project| !project.settings.layout_alignment.enabled),
        (Role::Switch, "Foreground only", |project| project.settings.layout_alignment.foreground_only),
        (Role::RadioButton, "Layout loss: 2-norm", |project| {
            project.settings.layout_alignment.loss == LayoutLoss::Norm
        }),
        (Role::Switch, "Self-attention", |project| !project.settings.concept_injection.self_attention),
        (Role::Switch, "Cross-attention", |project| !project.settings.concept_injection.cross_attention),
        (Role::Switch, "Concept injection", |project| {
            let injection = &project.settings.concept_injection;
            !injection.self_attention && !injection.cross_attention
        }),
        (Role::RadioButton, "Fusion: Noise", |project| project.settings.concept_injection.fusion == Fusion::Noise),
        (Role::Switch, "Mask refinement", |project| !project.settings.mask_refinement.enabled),
        (Role::RadioButton, "Clusters: N to 2N", |project| {
            project.settings.mask_refinement.clusters == ClusterCounts::Paper
        }),
        (Role::RadioButton, "Inversion: Exact", |project| project.settings.inversion == Inversion::Exact),
        (Role::RadioButton, "Prompt reading: Weighted", |project| {
            project.settings.prompt_reading == PromptReading::Weighted
        }),
        (Role::RadioButton, "Execution: Sequential", |project| project.settings.execution == Execution::Sequential),
        (Role::Button, "Roll the seed", |project| project.seed != small("beach", 20).seed),
    ];
    for (role, name, check) in presses {
        let (before, at) = (project(&harness).clone(), step(&harness));
        press(&mut harness, role, name);
        assert!(check(project(&harness)), "{name}");
        assert_eq!(step(&harness), at + 1, "{name}");
        harness.state_mut().studio.document.undo();
        harness.run_steps(3);
        assert_eq!(*project(&harness), before, "{name}");
    }
}

#[test]
fn another_method_is_one_step_and_what_it_has_not_cannot_be_set() {
    let mut harness = tall(20);
    let at = step(&harness);
    assert!(!harness.get_by_role_and_label(Role::Switch, "Mask refinement").accesskit_node().is_disabled());
    let methods = [Method::MixOfShow, Method::MaskedAdapters, Method::ResidualOnly, Method::ConceptConductor];
    for method in methods {
        press(&mut harness, Role::ComboBox, "Method");
        harness.get_by_label(method.title()).click();
        harness.run_steps(3);
        assert_eq!(project(&harness).settings.method, method);
        assert!(says(&harness, method.about()));
        for part in ["Layout alignment", "Concept injection", "Mask refinement"] {
            let switch = harness.get_by_role_and_label(Role::Switch, part);
            assert_eq!(switch.accesskit_node().is_disabled(), !method.is_conductor(), "{part}, {method:?}");
        }
        keep(&mut harness, &format!("method-{method:?}.png"));
    }
    assert_eq!(step(&harness), at + 4);
}

#[test]
fn what_another_method_does_not_read_is_greyed_said_in_amber_and_not_shown() {
    let mut harness = tall(20);
    press(&mut harness, Role::DisclosureTriangle, "Sampling");
    press(&mut harness, Role::RadioButton, "Execution: Sequential");
    press(&mut harness, Role::RadioButton, "Inversion: Exact");
    let disabled = |harness: &Harness<'_, Podium>| {
        harness.get_by_role_and_label(Role::RadioButton, "Execution: Lockstep").accesskit_node().is_disabled()
    };
    // What a concept's branch reads is a text, and no label of anything.
    let reads = |harness: &Harness<'static, Podium>, words: &str| crate::story::says(harness).contains(words);
    // By the release's rule every class word is replaced.
    let own = "a <mint_cat_1> <mint_cat_2> and a <mint_cat_1> <mint_cat_2>";
    let begun = Instant::now();
    while !reads(&harness, own) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", crate::story::says(&harness));
        std::thread::sleep(Duration::from_millis(10));
        harness.step();
    }
    assert!(!disabled(&harness) && !says(&harness, "has no effect"));
    for (method, one_prompt) in [(Method::MaskedAdapters, true), (Method::RegionalSampling, false)] {
        harness.state_mut().studio.edit("Method", |project| project.settings.method = method);
        harness.run_steps(3);
        assert!(disabled(&harness), "{method:?}");
        assert!(says(&harness, "Sequential execution has no effect"), "{method:?}");
        assert!(says(&harness, "The exact inversion has no effect on the picture"), "{method:?}");
        assert_eq!(reads(&harness, own), !one_prompt, "{method:?}");
        let all = "<mint_cat_1> <mint_cat_2> and a <plum_dog_1> <plum_dog_2>";
        assert_eq!(reads(&harness, all), one_prompt, "{method:?}");
    }
}

#[test]
fn the_whole_range_of_seeds_can_be_typed_and_what_is_no_seed_is_said() {
    let mut harness = tall(2);
    let at = step(&harness);
    enter(&mut harness, Role::TextInput, "Seed", "18446744073709551615");
    assert_eq!((project(&harness).seed, step(&harness)), (u64::MAX, at + 1));
    let field = |harness: &Harness<'_, Podium>| {
        harness.get_by_role_and_label(Role::TextInput, "Seed").value().unwrap_or_default()
    };
    assert_eq!(field(&harness), "18446744073709551615");
    harness.get_by_role_and_label(Role::TextInput, "Seed").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::TextInput, "Seed").type_text("x");
    harness.run_steps(2);
    assert!(says(&harness, "A seed is a whole number"));
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert_eq!((project(&harness).seed, field(&harness).as_str()), (u64::MAX, "18446744073709551615"));
    assert!(!says(&harness, "A seed is a whole number"));
    harness.state_mut().studio.document.undo();
    harness.run_steps(2);
    assert_eq!(field(&harness), small("beach", 2).seed.to_string());

    press(&mut harness, Role::Button, "Locked: every render keeps this seed");
    assert!(!harness.state().studio.renders.seed_locked);
    press(&mut harness, Role::Button, "Unlocked: each render rolls a new one");
    assert!(harness.state().studio.renders.seed_locked);
}

#[test]
fn the_negative_prompt_is_typed_as_one_step() {
    let mut harness = tall(2);
    let at = step(&harness);
    let find = |harness: &Harness<'_, Podium>| -> usize {
        harness.query_all_by_label("Negative prompt").filter(|node| is_text(node)).count()
    };
    assert_eq!(find(&harness), 1);
    let focus = |harness: &Harness<'_, Podium>| {
        harness.query_all_by_label("Negative prompt").filter(is_text).for_each(|node| node.focus());
    };
    focus(&harness);
    harness.run_steps(2);
    for letter in "blurry".chars() {
        harness.query_all_by_label("Negative prompt").filter(is_text).for_each(|node| {
            node.type_text(&letter.to_string());
        });
        harness.step();
    }
    assert_eq!((project(&harness).negative_prompt.as_str(), step(&harness)), ("blurry", at + 1));
    enter(&mut harness, Role::SpinButton, "Guidance scale", "1");
    assert!(says(&harness, "the negative prompt has no effect"));
}

fn is_text(node: &Node<'_>) -> bool {
    use egui_kittest::kittest::NodeT;
    matches!(node.accesskit_node().role(), Role::TextInput | Role::MultilineTextInput)
}

#[test]
fn turning_both_attentions_off_says_that_no_concept_will_appear() {
    let mut harness = tall(20);
    press(&mut harness, Role::Switch, "Self-attention");
    assert!(!says(&harness, "Neither self-attention nor cross-attention"));
    press(&mut harness, Role::Switch, "Cross-attention");
    assert!(says(&harness, "Neither self-attention nor cross-attention"));
    // The group's switch turns both on again.
    press(&mut harness, Role::Switch, "Concept injection");
    assert!(!says(&harness, "Neither self-attention nor cross-attention"));
    let injection = &project(&harness).settings.concept_injection;
    assert!(injection.self_attention && injection.cross_attention);
}

#[test]
fn it_is_said_after_which_step_a_setting_no_longer_acts() {
    let mut harness = tall(50);
    assert!(says(&harness, "acts on steps 1–16 of 50"));
    enter(&mut harness, Role::SpinButton, "Until step", "100");
    assert!(says(&harness, "acts on steps 1–26 of 50"));
}

#[test]
fn messages_and_progress_above_a_field_do_not_take_the_keyboard_from_it() {
    let mut harness = tall(20);
    harness.get_by_role_and_label(Role::SpinButton, "Step size λ").focus();
    harness.run_steps(2);
    let type_one = |harness: &mut Harness<'_, Podium>, letter: &str| {
        harness.get_by_role_and_label(Role::SpinButton, "Step size λ").type_text(letter);
        harness.run_steps(2);
    };
    type_one(&mut harness, "4");
    harness.state_mut().studio.notice(Place::Render, "Something happened.");
    harness.run_steps(2);
    type_one(&mut harness, "5");
    made_up::run(&mut harness.state_mut().studio, 1, 20, 0..3, false);
    harness.run_steps(2);
    type_one(&mut harness, "6");
    assert_eq!(project(&harness).settings.layout_alignment.weight, 456.0);
}

#[test]
fn nothing_is_cut_in_the_narrowest_panel() {
    for (theme, scale, name) in [(Theme::Dark, 1.0, "dark"), (Theme::Light, 1.0, "light"), (Theme::Dark, 2.0, "200")] {
        let size = if scale > 1.0 { [2048.0, 3800.0] } else { [1024.0, 1900.0] };
        let mut harness = window(small("beach", 50), size, theme, scale);
        harness.run_steps(4);
        unfold(&mut harness);
        // A message, a render under way and values that differ from their defaults: all that there can be.
        harness.state_mut().studio.edit("Change", |project| {
            project.settings.layout_alignment.weight = 999.125;
            project.settings.layout_alignment.alpha = 0.125;
            project.settings.mask_refinement.overlap_threshold = 0.125;
            project.settings.mask_refinement.start = 150.5;
            project.settings.mask_refinement.end = 150.5;
            project.seed = u64::MAX;
        });
        made_up::run(&mut harness.state_mut().studio, 1, 50, 0..3, false);
        harness.state_mut().studio.notice(Place::Render, "Something that has to be said happened.");
        harness.run_steps(3);
        // Drags the panel's edge as far right as it goes.
        let right = harness.ctx.content_rect().right();
        let edge = harness.get_by_role_and_label(Role::Button, "Pause").rect().left() - 12.0;
        harness.drag_at(eframe::egui::pos2(edge, 300.0));
        harness.step();
        harness.hover_at(eframe::egui::pos2(right - 100.0, 300.0));
        harness.run_steps(2);
        harness.drop_at(eframe::egui::pos2(right - 100.0, 300.0));
        harness.run_steps(3);
        let (from, to) = (right - 240.0, right);
        let names = [
            (Role::Button, "Pause"),
            (Role::Button, "Stop"),
            (Role::Button, "Queue another"),
            (Role::TextInput, "Seed"),
            (Role::Button, "Roll the seed"),
            (Role::SpinButton, "Guidance scale"),
            (Role::RadioButton, "Preset: Paper"),
            (Role::SpinButton, "Step size λ"),
            (Role::Button, "Reset step size λ to 30"),
            (Role::SpinButton, "Concepts' share α"),
            (Role::RadioButton, "Layout loss: 2-norm"),
            (Role::Switch, "Foreground only"),
            (Role::RadioButton, "Fusion: Noise"),
            (Role::SpinButton, "First refined step"),
            (Role::SpinButton, "Last refined step"),
            (Role::Button, "Reset first refined step to 50"),
            (Role::RadioButton, "Clusters: N to 2N"),
            (Role::SpinButton, "Overlap threshold"),
            (Role::RadioButton, "Execution: Sequential"),
            (Role::ComboBox, "Method"),
            (Role::ComboBox, "Canvas size"),
            (Role::SpinButton, "Canvas height"),
        ];
        keep(&mut harness, &format!("render-narrow-{name}.png"));
        for (role, control) in names {
            let rect = harness.get_by_role_and_label(role, control).rect();
            assert!(rect.left() >= from && rect.right() <= to, "{control} at {rect:?}, panel {from}..{to}");
            assert!(rect.width() >= 16.0 && rect.height() >= 16.0, "{control} is only {rect:?}");
        }
    }
}

#[test]
fn the_panel_of_model_and_device_says_what_there_is_and_changes_the_device() {
    let mut harness = window(small("beach", 2), [1024.0, 800.0], Theme::Dark, 1.0);
    harness.state_mut().panels.device.open = true;
    until(&mut harness, "the adapters and the model", |harness| {
        says(harness, "UNet: 32") && !says(harness, "Looking for adapters")
    });
    keep(&mut harness, "render-device.png");
    for adapter in device::adapters() {
        assert!(says(&harness, &adapter.name));
    }
    press(&mut harness, Role::RadioButton, "Automatic");
    assert_eq!(harness.state().studio.renders.device, DeviceChoice::Auto);
    press(&mut harness, Role::RadioButton, "CPU (flex)");
    assert_eq!(harness.state().studio.renders.device, DeviceChoice::Flex);
    let nowhere = PathBuf::from("/nowhere/at all");
    harness.state_mut().studio.set_model(Some(nowhere));
    until(&mut harness, "why it is no model", |harness| says(harness, "text_encoder/config.json"));
    press(&mut harness, Role::RadioButton, "Built-in miniature");
    assert_eq!(project(&harness).model, None);
    until(&mut harness, "the model again", |harness| says(harness, "UNet: 32"));
}
