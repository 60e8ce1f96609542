//! What the canvas's bars are made of: groups that stay together, switches that become lists where there is no room.

use eframe::egui::{Align, Button, Color32, ComboBox, Layout, Role, Ui, WidgetInfo, vec2};

use crate::gui::{theme, widgets};

/// Those narrower than this have a drop-down list instead of the longest switch: all must fit into one row, or the
/// canvas would jump from one overlay to the next.
pub const MIDDLE: f32 = 820.0;
/// Those narrower than this have drop-down lists instead of all switches.
pub const NARROW: f32 = 620.0;
/// What has more letters than this is cut in a drop-down list.
const LONG: usize = 16;
/// The least height of a group.
const ROW: f32 = 28.0;

/// One of a few things to choose.
pub struct Choice<'a, T> {
    value: T,
    words: &'a str,
    explanation: &'a str,
}

impl<'a, T> Choice<'a, T> {
    pub fn new(value: T, words: &'a str, explanation: &'a str) -> Self {
        Self { value, words, explanation }
    }
}

/// Things that stay together when the bar wraps. How wide they are is known from the frame before.
pub fn group(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(("group", name));
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let room = vec2(known.unwrap_or(24.0).min(ui.max_rect().width()), ROW);
    let shown = ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        add(ui);
        ui.min_rect().width()
    });
    let width = shown.inner;
    if known.is_none_or(|known| (known - width).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(id, width));
        ui.ctx().request_discard("a group of the canvas's bar has another width");
    }
}

/// A switch of a few words of which one is on; a drop-down list where there is no room for it.
/// `width` is the bar's, in points.
pub fn switch<T: PartialEq + Clone>(ui: &mut Ui, width: f32, name: &str, chosen: &mut T, choices: &[Choice<'_, T>]) {
    if width < NARROW || (width < MIDDLE && choices.len() > 3) {
        list(ui, name, chosen, choices);
    } else {
        segments(ui, chosen, choices);
    }
}

/// A switch of a few words of which one is on.
pub fn segments<T: PartialEq + Clone>(ui: &mut Ui, chosen: &mut T, choices: &[Choice<'_, T>]) {
    let colors = theme::colors(ui);
    widgets::switch_ground(ui).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for Choice { value, words, explanation } in choices {
                let on = value == chosen;
                let response = ui.add(chosen_button(words, on, colors.selected));
                response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, *words));
                if response.on_hover_text(*explanation).clicked() {
                    *chosen = value.clone();
                }
            }
        });
    });
}

/// A button that stands out where it is the chosen one of several.
pub fn chosen_button(words: &str, on: bool, fill: Color32) -> Button<'_> {
    if on { Button::new(words).fill(fill) } else { Button::new(words).frame_when_inactive(false) }
}

/// A drop-down list as wide as what is chosen, within bounds: names can be of any length, the bar is one row.
pub fn drop_down(name: &str, chosen: &str) -> ComboBox<'static> {
    let list = ComboBox::from_id_salt(name).selected_text(chosen.to_owned());
    if chosen.chars().count() > LONG { list.width(128.0).truncate() } else { list.width(56.0) }
}

fn list<T: PartialEq + Clone>(ui: &mut Ui, name: &str, chosen: &mut T, choices: &[Choice<'_, T>]) {
    let now = choices.iter().find(|choice| choice.value == *chosen).map_or("", |choice| choice.words);
    let combo = drop_down(name, now).show_ui(ui, |ui| {
        for Choice { value, words, explanation } in choices {
            ui.selectable_value(chosen, value.clone(), *words).on_hover_text(*explanation);
        }
    });
    widgets::name_list(combo.response, &format!("{name}: {now}"), name);
}
