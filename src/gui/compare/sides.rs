//! The two cards: what each side begins with, and which settings it changes.

use eframe::egui::{Align, ComboBox, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};

use crate::gui::{icons, theme, widgets};
use crate::project::Settings;
use crate::studio::Studio;
use crate::studio::compare::{Side, Start};

/// Width of a setting's value.
const VALUE: f32 = 72.0;

/// Between both.
const GAP: f32 = 12.0;
/// What both need beside one another.
const WIDE: f32 = 520.0;

/// Draws both, beside one another where there is room.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    let room = ui.available_width();
    if room < WIDE {
        for side in Side::BOTH {
            card(ui, studio, side);
        }
        return;
    }
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let size = vec2((room - GAP) / 2.0, 0.0);
        for side in Side::BOTH {
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| card(ui, studio, side));
        }
    });
}

fn card(ui: &mut Ui, studio: &mut Studio, side: Side) {
    ui.spacing_mut().item_spacing.x = 8.0;
    widgets::card(ui, false, Some(color(ui, side)), |ui| one(ui, studio, side));
}

/// The colour that a side has on the page.
pub(super) fn color(ui: &Ui, side: Side) -> eframe::egui::Color32 {
    let colors = theme::colors(ui);
    match side {
        Side::A => colors.align,
        Side::B => colors.refine,
    }
}

fn one(ui: &mut Ui, studio: &mut Studio, side: Side) {
    let letter = side.letter();
    ui.horizontal(|ui| {
        ui.label(theme::strong(letter).size(16.0).color(color(ui, side)));
        start(ui, studio, side);
    });
    let mut gone = None;
    for index in 0..studio.compare.draft.side(side).changes.len() {
        ui.horizontal_wrapped(|ui| {
            let (key, value) = &mut studio.compare.draft.side_mut(side).changes[index];
            if widgets::icon_button(ui, icons::X, &format!("{letter} changes {key} no more")).clicked() {
                gone = Some(index);
            }
            ui.label(RichText::new(key.as_str()).small());
            let field = ui.add(TextEdit::singleline(value).desired_width(VALUE));
            widgets::name_field(&field, &format!("{letter}: {key}"), value);
        });
    }
    if let Some(index) = gone {
        studio.compare.draft.side_mut(side).changes.remove(index);
    }
    change(ui, studio, side);
}

fn start(ui: &mut Ui, studio: &mut Studio, side: Side) {
    let variant = studio.compare.draft.side_mut(side);
    let words = variant.start.words();
    let width = (ui.available_width() - 8.0).clamp(80.0, 260.0);
    let list = ComboBox::from_id_salt(("compare", side.letter())).selected_text(&words).width(width).truncate();
    let list = list.show_ui(ui, |ui| {
        for choice in Start::all() {
            ui.selectable_value(&mut variant.start, choice, choice.words());
        }
    });
    let hover = match variant.start {
        Start::Method(method) => method.about,
        Start::Preset(_) => "The preset's settings, whatever the project has",
        Start::Project => "The settings that the project has when Compare is pressed",
    };
    widgets::name_list(list.response, &format!("{} begins with: {words}", side.letter()), hover);
}

/// The menu of settings that can be changed.
fn change(ui: &mut Ui, studio: &mut Studio, side: Side) {
    let mut chosen = None;
    let menu = ui.menu_button(RichText::new(format!("{} Change a setting", icons::PLUS)).small(), |ui| {
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            let changed = &studio.compare.draft.side(side).changes;
            for key in Settings::keys().into_iter().filter(|key| !changed.iter().any(|(known, _)| known == key)) {
                if ui.button(&key).clicked() {
                    chosen = Some(key);
                    ui.close();
                }
            }
        });
    });
    widgets::name_button(&menu.response, &format!("Change a setting of {}", side.letter()));
    if let Some(key) = chosen {
        // As it is now, to be typed over.
        let now = studio.compare.draft.side(side).settings(studio.project());
        let value = now.ok().and_then(|settings| settings.get(&key)).unwrap_or_default();
        studio.compare.draft.side_mut(side).changes.push((key, value));
    }
}
