//! Getting a model: what to type, what is known to be good, how far it is.

use std::time::Instant;

use eframe::egui::{self, Key, Label, ProgressBar, TextEdit, Ui};

use super::LibraryLook;
use crate::gui::{icons, theme, widgets};
use crate::hub::Precision;
use crate::hub::known::KNOWN;
use crate::studio::Studio;
use crate::studio::library::getting::{Getting, State};

/// What the field is called.
pub const FIELD: &str = "What to get: org/name or an address";

/// Draws the field, the list and what is under way.
pub fn show(ui: &mut Ui, studio: &mut Studio, library: &mut LibraryLook) {
    widgets::section(ui, "Get a model", |_| ());
    field(ui, studio, library);
    ui.horizontal_wrapped(|ui| {
        let choices = [(Precision::Half, "Half precision"), (Precision::Full, "Full precision")];
        widgets::segmented(ui, &mut library.precision, &choices);
    });
    let words = "A repository of the hub, a page of Civitai, or the https address of a file. Models of the hub go into its cache, where other programs find them too.";
    ui.add(Label::new(theme::note(ui, words)).wrap());
    ui.add_space(4.0);
    ui.menu_button(format!("Known to be good {}", icons::CARET_DOWN), |ui| {
        for known in KNOWN {
            if ui.button(known.id).on_hover_text(known.words).clicked() {
                known.id.clone_into(&mut library.address);
                ui.close();
            }
        }
    });
    let mut act = None;
    for getting in studio.library.gettings().iter().rev() {
        ui.add_space(8.0);
        if let Some(button) = one(ui, getting) {
            act = Some((getting.id, button));
        }
    }
    match act {
        Some((id, Act::Cancel)) => studio.library.cancel(id),
        Some((id, Act::Retry)) => studio.library.retry(id),
        Some((id, Act::Dismiss)) => studio.library.dismiss(id),
        None => {}
    }
}

fn field(ui: &mut Ui, studio: &mut Studio, library: &mut LibraryLook) {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 56.0).max(64.0);
        let hint = "org/name or https://...";
        let field = ui.add(TextEdit::singleline(&mut library.address).desired_width(width).hint_text(hint));
        let (enabled, typed) = (field.enabled(), library.address.clone());
        field.widget_info(|| {
            let mut info = egui::WidgetInfo::text_edit(enabled, typed.clone(), typed.clone(), "");
            info.label = Some(FIELD.into());
            info
        });
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let ready = !library.address.trim().is_empty();
        let pressed = ui.add_enabled_ui(ready, |ui| ui.button("Get")).inner.clicked();
        if ready && (entered || pressed) {
            studio.library.get(&library.address, library.precision);
            library.address.clear();
        }
    });
}

enum Act {
    Cancel,
    Retry,
    Dismiss,
}

/// One that is being got, or was.
fn one(ui: &mut Ui, getting: &Getting) -> Option<Act> {
    let mut act = None;
    widgets::card(ui, false, None, |ui| {
        ui.add(Label::new(theme::strong(&getting.text)).truncate());
        let words = getting.words(Instant::now());
        match &getting.state {
            State::Failed(_) => {
                widgets::amber(ui, &words);
            }
            State::Running => {
                ui.add(ProgressBar::new(getting.progress.part().unwrap_or(0.0)).desired_height(6.0));
                ui.add(Label::new(theme::note(ui, words)).wrap());
            }
            _ => {
                ui.add(Label::new(theme::note(ui, words)).wrap());
            }
        }
        ui.horizontal(|ui| match getting.state {
            State::Waiting | State::Running => {
                if ui.button("Cancel").clicked() {
                    act = Some(Act::Cancel);
                }
            }
            State::Failed(_) | State::Cancelled => {
                if ui.button("Try again").clicked() {
                    act = Some(Act::Retry);
                }
                if ui.button("Dismiss").clicked() {
                    act = Some(Act::Dismiss);
                }
            }
            State::Done(_) => {
                if ui.button("Dismiss").clicked() {
                    act = Some(Act::Dismiss);
                }
            }
        });
    });
    act
}
