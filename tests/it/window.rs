//! The window, drawn without a display on whatever adapter there is.

use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use podium::gui::Podium;
use podium::project::PromptReading;

use crate::looks::bare;
use crate::needs;
use crate::studio::small;

fn harness() -> Harness<'static, Podium> {
    bare(small("beach", 2), [1024.0, 700.0], Theme::Dark, None)
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
fn ctrl_enter_renders_before_anything_was_clicked() {
    let mut harness = harness();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    harness.step();
    assert_eq!(harness.state().studio.renders.runs.iter().count(), 1);
}

#[test]
fn the_first_screen_is_drawn() {
    if !needs::adapter() {
        return;
    }
    let mut harness = harness();
    harness.step();
    harness.step();
    let picture = harness.render().expect("an adapter draws it");
    let colours: std::collections::HashSet<[u8; 4]> = picture.pixels().map(|pixel| pixel.0).collect();
    assert!(colours.len() > 500, "the collage is not drawn: {} colours", colours.len());
}

#[test]
fn undo_takes_the_prompt_back_word_by_word() {
    let mut harness = bare(small("beach", 2), [1024.0, 700.0], Theme::Dark, None);
    harness.step();
    let before = harness.state().studio.project().prompt.clone();
    harness.get_by_role_and_label(Role::MultilineTextInput, "Prompt").focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::End);
    harness.step();
    for letter in " at noon".chars() {
        harness.event(eframe::egui::Event::Text(letter.to_string()));
        harness.step();
    }
    for expected in [format!("{before} at noon"), format!("{before} at "), format!("{before} "), before.clone()] {
        assert_eq!(harness.state().studio.project().prompt, expected);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        harness.step();
    }
    assert_eq!(harness.state().studio.document.history.undo_name(), None);
}

#[test]
fn an_arrow_with_ctrl_weighs_what_is_selected_in_the_prompt() {
    let mut project = small("beach", 2);
    project.settings.prompt_reading = PromptReading::Weighted;
    let before = project.prompt.clone();
    let mut harness = bare(project, [1024.0, 700.0], Theme::Dark, None);
    harness.step();
    let prompt = |harness: &Harness<'static, Podium>| harness.state().studio.project().prompt.clone();
    harness.get_by_role_and_label(Role::MultilineTextInput, "Prompt").focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    for weight in ["1.1", "1.2"] {
        harness.key_press_modifiers(Modifiers::COMMAND, Key::ArrowUp);
        harness.step();
        assert_eq!(prompt(&harness), format!("({before}:{weight})"));
    }
    harness.key_press_modifiers(Modifiers::COMMAND, Key::ArrowDown);
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::ArrowDown);
    harness.step();
    assert_eq!(prompt(&harness), before);
}
