//! The rows of a training's settings, drawn off the project's one table of them.

use eframe::egui::{Button, DragValue, Response, TextEdit, Ui, Vec2, WidgetInfo};

use crate::gui::fields::{Fold, name_node, row, small, switch};
use crate::gui::{icons, theme, widgets};
use crate::project::training::fields::{FIELDS, Field, Group, SEED, Value};
use crate::project::training::{Training, TrainingPreset, TrainingSettings};
use crate::studio::Studio;

/// What an optional number becomes when it is given one.
const USUAL_SIZE: f64 = 256.0;
/// The same for the norm at which words rest.
const USUAL_NORM: f64 = 0.55;

/// Lets a widget that is dragged or typed into change the training: all its changes until it is let go are one step.
pub(super) fn edit_by(studio: &mut Studio, response: &Response, name: &str, change: impl FnOnce(&mut Training)) {
    if response.changed() {
        studio.train.draft.edit_in_gesture(response.id.value(), name, change);
    }
    if widgets::is_let_go(response) {
        studio.train.draft.end_gesture();
    }
}

/// A line of text that changes the training, with its name for screen readers.
pub(super) fn text(
    ui: &mut Ui,
    studio: &mut Studio,
    name: &str,
    hint: &str,
    value: &str,
    set: impl FnOnce(&mut Training, String),
) -> Response {
    let mut typed = value.to_owned();
    let field = ui.add(TextEdit::singleline(&mut typed).desired_width(f32::INFINITY).hint_text(hint));
    label_text(&field, name, &typed);
    edit_by(studio, &field, name, |training| set(training, typed));
    field
}

/// Gives a field of text its name for screen readers.
pub(super) fn label_text(field: &Response, name: &str, typed: &str) {
    let enabled = field.enabled();
    field.widget_info(|| {
        let mut info = WidgetInfo::text_edit(enabled, typed.to_owned(), typed.to_owned(), "");
        info.label = Some(name.to_owned());
        info
    });
}

/// Draws all groups of settings.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio) {
    let nearest = nearest(&studio.train.training().settings).settings();
    for group in Group::ALL {
        let fold = Fold { title: theme::strong(group.words()), name: group.words(), open: group == Group::Run };
        fold.show(
            ui,
            studio,
            |_, _| (),
            |_, _| (),
            |ui, studio| {
                for field in FIELDS.iter().filter(|field| field.group == group) {
                    one(ui, studio, field, &nearest);
                }
                if group == Group::Watching {
                    one(ui, studio, &SEED, &nearest);
                }
            },
        );
    }
}

/// The preset from which these settings differ least.
pub(super) fn nearest(settings: &TrainingSettings) -> TrainingPreset {
    let differ = |preset: &TrainingPreset| {
        let other = preset.settings();
        let differs = |field: &&Field| match field.value {
            Value::Switch { get, .. } => get(settings) != get(&other),
            Value::Number { get, .. } => get(settings) != get(&other),
        };
        FIELDS.iter().filter(differs).count()
    };
    TrainingPreset::ALL.into_iter().min_by_key(differ).unwrap_or(TrainingPreset::Paper)
}

fn one(ui: &mut Ui, studio: &mut Studio, field: &'static Field, nearest: &TrainingSettings) {
    let hover = hover(field, nearest);
    row(ui, field.key, field.words, &hover, |ui| {
        let now = &studio.train.training().settings;
        match field.value {
            Value::Switch { get, set } => {
                let (on, usual) = (get(now), get(nearest));
                let pressed = switch(ui, on, field.words, &hover);
                let pressed = pressed.or_else(|| (on != usual && reset(ui, field, on_off(usual))).then_some(usual));
                if let Some(on) = pressed {
                    change(studio, field, |settings| set(settings, on));
                }
            }
            Value::Number { get, set, .. } => {
                let (value, usual) = (get(now), get(nearest));
                number(ui, studio, field, value, &hover);
                if value != usual && reset(ui, field, &words(field, usual)) {
                    change(studio, field, |settings| set(settings, usual));
                }
            }
        }
    });
}

fn number(ui: &mut Ui, studio: &mut Studio, field: &'static Field, value: Option<f64>, hover: &str) {
    let Value::Number { least, most, step, none, set, .. } = field.value else { return };
    let Some(mut wanted) = value else {
        let words = none.unwrap_or("none");
        let button = ui.add(Button::new(words).min_size(Vec2::new(56.0, 24.0)));
        widgets::name_button(&button, &format!("{}: {words}", field.words));
        if button.on_hover_text(format!("{hover}\nPress for a number of its own.")).clicked() {
            let usual = if step > 1.0 { USUAL_SIZE } else { USUAL_NORM };
            change(studio, field, |settings| set(settings, Some(usual)));
        }
        return;
    };
    let speed = match step {
        0.0 => (wanted.abs() * 0.01).max(most * 1e-6),
        step => step * 0.25,
    };
    let drag = DragValue::new(&mut wanted)
        .range(least..=most)
        // A number out of range in a file is said to be, not changed behind its owner's back.
        .clamp_existing_to_range(false)
        .speed(speed)
        .custom_formatter(|value, _| short(value, step))
        .custom_parser(|typed| typed.trim().parse().ok())
        .min_size(Vec2::new(56.0, 24.0))
        .suffix(field.unit);
    let response = ui.add(drag);
    name_node(ui, &response, field.words);
    let wanted = if step > 0.0 { (wanted / step).round() * step } else { rounded(wanted) };
    edit_by(studio, &response, field.words, |training| set(&mut training.settings, Some(wanted.clamp(least, most))));
    response.on_hover_text(hover);
}

/// Three digits that say something, so that dragging leaves no long tails.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// A number as people write it: 0.0001 as 1e-4.
fn short(value: f64, step: f64) -> String {
    let plain = format!("{value}");
    if step == 0.0 && value != 0.0 && value.abs() < 0.001 { format!("{value:e}") } else { plain }
}

fn hover(field: &Field, nearest: &TrainingSettings) -> String {
    match field.value {
        Value::Switch { .. } => field.explanation.to_owned(),
        Value::Number { get, .. } => {
            let usual = words(field, get(nearest));
            format!("{}\nUse {}, usually {usual}.", field.explanation, field.range().trim_start_matches("use "))
        }
    }
}

fn words(field: &Field, value: Option<f64>) -> String {
    let Value::Number { none, step, .. } = field.value else { return String::new() };
    value.map_or_else(|| none.unwrap_or("none").to_owned(), |value| format!("{}{}", short(value, step), field.unit))
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn reset(ui: &mut Ui, field: &Field, to: &str) -> bool {
    widgets::icon_button(ui, icons::ARROW_COUNTER_CLOCKWISE, &format!("Reset {} to {to}", field.words.to_lowercase()))
        .clicked()
}

fn change(studio: &mut Studio, field: &Field, set: impl FnOnce(&mut TrainingSettings)) {
    studio.train.draft.edit(format!("Change {}", field.words.to_lowercase()), |training| set(&mut training.settings));
}

/// Draws the presets, and says when the settings are none's any more.
pub(super) fn presets(ui: &mut Ui, studio: &mut Studio) {
    let now = &studio.train.training().settings;
    let (matching, nearest) = (TrainingPreset::matching(now), nearest(now));
    ui.horizontal_wrapped(|ui| {
        let choices = TrainingPreset::ALL.map(|preset| (preset, preset.name(), preset.words()));
        if let Some(preset) = crate::gui::fields::segments(ui, "Preset", matching, &choices) {
            let name = format!("Use the {} preset", preset.name());
            studio.train.draft.edit(name, |training| preset.apply(&mut training.settings));
        }
        if matching.is_none() {
            let words = theme::note(ui, "changed").color(theme::colors(ui).amber);
            ui.label(words).on_hover_text(format!("{} is the nearest. Press one to go back to it.", nearest.name()));
        }
    });
    if let Some(preset) = matching {
        small(ui, preset.words());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!([5e-3, 1e-5, 0.0, 0.55].map(|value| short(value, 0.0)), ["0.005", "1e-5", "0", "0.55"]);
        assert_eq!(short(700.0, 1.0), "700");
        assert_eq!(rounded(0.001_234_567), 0.001_23);
    }

    #[test]
    fn the_nearest_preset_is_the_one_with_the_fewest_differences() {
        let near = TrainingSettings { steps: 20, ..TrainingSettings::quick() };
        assert_eq!(nearest(&near), TrainingPreset::Quick);
        assert_eq!(nearest(&TrainingSettings { batch: 4, ..Default::default() }), TrainingPreset::Paper);
    }
}
