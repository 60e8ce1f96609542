//! What a panel of values is made of: numbers, switches and choices, each with its name, range, explanation and
//! default, each changed as one step that can be undone; and parts that fold.

use std::fmt::Display;
use std::ops::RangeInclusive;

use eframe::egui::collapsing_header::CollapsingState;
use eframe::egui::emath::Numeric;
use eframe::egui::{
    self, Align, Button, CornerRadius, DragValue, Id, Label, Layout, Rect, Response, RichText, Role, Sense, Stroke,
    StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo, pos2,
};

use super::{icons, theme, widgets};
use crate::project::Project;
use crate::studio::Studio;

/// The width of a row's number, in points: wide enough for most with their units, so that they are one column.
pub(super) const FIELD: f32 = 80.0;
/// The width of one of two numbers in a row, in points.
const HALF: f32 = 56.0;

/// A number, as it is said.
pub(super) struct Number<T> {
    /// What stands before it.
    words: &'static str,
    /// Its own name, for screen readers and the history; no other field has it.
    name: &'static str,
    /// One sentence.
    explanation: &'static str,
    /// What stands after it, with the space before.
    unit: &'static str,
    /// What it may be; nothing else can be entered.
    range: RangeInclusive<T>,
    /// How far it goes for a point of dragging.
    speed: f64,
    /// Digits after the point at most.
    decimals: usize,
    /// What is one press away.
    default: T,
}

impl<T: Numeric + Display> Number<T> {
    /// A whole number that is called by the words before it.
    pub fn new(words: &'static str, explanation: &'static str, range: RangeInclusive<T>, default: T) -> Self {
        Self { words, name: words, explanation, unit: "", range, speed: 0.25, decimals: 0, default }
    }

    /// With a name of its own, where other fields have the same words before them.
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// With something after it.
    pub fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// That goes so far for a point of dragging, with so many digits after the point at most.
    pub fn by(self, speed: f64, decimals: usize) -> Self {
        Self { speed, decimals, ..self }
    }

    /// The sentence, the range and the default.
    fn hover(&self) -> String {
        let (Self { explanation, unit, default, .. }, from, to) = (self, self.range.start(), self.range.end());
        format!("{explanation}\nFrom {from} to {to}{unit}, usually {default}. Drag, or press and type.")
    }

    /// The number's field alone.
    pub fn field(&self, ui: &mut Ui, studio: &mut Studio, value: T, set: impl FnOnce(&mut Project, T)) {
        self.any_field(ui, studio, value, (true, HALF), set);
    }

    /// The number's field, so wide; `at_once`: while it is typed, not only once it is.
    fn any_field(
        &self,
        ui: &mut Ui,
        studio: &mut Studio,
        value: T,
        (at_once, width): (bool, f32),
        set: impl FnOnce(&mut Project, T),
    ) -> Response {
        let mut wanted = value;
        let drag = DragValue::new(&mut wanted)
            .range(self.range.clone())
            // A number out of range in a file is said to be, not changed behind its owner's back.
            .clamp_existing_to_range(false)
            .speed(self.speed)
            .max_decimals(self.decimals)
            .custom_formatter(|value, _| short(value, self.decimals))
            .update_while_editing(at_once)
            .min_size(Vec2::new(width, 24.0))
            .suffix(self.unit);
        let response = ui.add(drag);
        name_node(ui, &response, self.name);
        widgets::edit_by(studio, &response, self.name, |project| set(project, wanted));
        response.on_hover_text(self.hover())
    }

    /// A row: words, the field at the right end, and beside it a way back to the default where it is not there.
    pub fn row(&self, ui: &mut Ui, studio: &mut Studio, value: T, set: impl Fn(&mut Project, T)) {
        self.any_row(ui, studio, value, true, set);
    }

    /// As [`Number::row`], for a number that must not be taken half typed.
    pub fn row_when_typed(&self, ui: &mut Ui, studio: &mut Studio, value: T, set: impl Fn(&mut Project, T)) {
        self.any_row(ui, studio, value, false, set);
    }

    fn any_row(&self, ui: &mut Ui, studio: &mut Studio, value: T, at_once: bool, set: impl Fn(&mut Project, T)) {
        row(ui, self.name, self.words, &self.hover(), |ui| {
            self.any_field(ui, studio, value, (at_once, FIELD), &set);
            self.reset(ui, studio, value, &set);
        });
    }

    /// The way back to the default, where the value is another.
    pub fn reset(&self, ui: &mut Ui, studio: &mut Studio, value: T, set: impl FnOnce(&mut Project, T)) {
        let (default, unit) = (self.default, self.unit);
        if value != default && reset_button(ui, self.name, &format!("{default}{unit}")) {
            studio.edit(format!("Reset {}", lower(self.name)), |project| set(project, default));
        }
    }
}

/// A number without digits that say nothing: 60, 7.5.
fn short(value: f64, decimals: usize) -> String {
    let words = format!("{value:.decimals$}");
    if words.contains('.') { words.trim_end_matches('0').trim_end_matches('.').to_owned() } else { words }
}

/// Words with their first letter small, as they stand inside a sentence.
fn lower(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Gives a widget its name where its role and value are its own.
pub(super) fn name_node(ui: &Ui, response: &Response, name: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
}

fn reset_button(ui: &mut Ui, name: &str, default: &str) -> bool {
    widgets::icon_button(ui, icons::ARROW_COUNTER_CLOCKWISE, &format!("Reset {} to {default}", lower(name))).clicked()
}

/// A part whose widgets keep their identities whatever comes and goes above it: messages and progress must not take the
/// keyboard from a field.
pub(super) fn anchored<R>(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope_builder(UiBuilder::new().scope_id(Id::unique(("field", name))), add).inner
}

/// A row: what `add` adds from the right end on, then the words, cut short where there is no room.
pub(super) fn row<R>(ui: &mut Ui, name: &str, words: &str, hover: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    anchored(ui, name, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                let added = add(ui);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(Label::new(words).truncate()).on_hover_text(hover);
                });
                added
            })
            .inner
        })
        .inner
    })
}

/// Several widgets at the right end of a row, of this width in all, which Tab reaches from left to right.
pub(super) fn together<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.allocate_ui_with_layout(Vec2::new(width, 24.0), Layout::left_to_right(Align::Center), add).inner
}

/// The one kind of switch: a knob that stands right where it is on. Gives what it shall be when it was pressed.
pub(super) fn switch(ui: &mut Ui, on: bool, name: &str, explanation: &str) -> Option<bool> {
    let colors = theme::colors(ui);
    let (place, response) = ui.allocate_exact_size(Vec2::new(32.0, 24.0), Sense::click());
    let track = Rect::from_center_size(place.center(), Vec2::new(30.0, 16.0));
    let (fill, knob, x) = match on {
        true => (colors.accent, colors.on_accent, track.right() - 8.0),
        false => (colors.line, colors.text, track.left() + 8.0),
    };
    let edge = if response.hovered() || response.has_focus() { colors.text } else { fill };
    ui.painter().rect(track, CornerRadius::same(8), fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    ui.painter().circle_filled(pos2(x, track.center().y), 5.5, knob);
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::selected(Role::Switch, enabled, on, name));
    response.on_hover_text(explanation).clicked().then_some(!on)
}

/// A switch that changes the project.
pub(super) fn turn(
    ui: &mut Ui,
    studio: &mut Studio,
    words: &'static str,
    explanation: &str,
    on: bool,
    set: impl FnOnce(&mut Project, bool),
) {
    if let Some(on) = switch(ui, on, words, explanation) {
        let name = format!("Turn {} {}", lower(words), if on { "on" } else { "off" });
        studio.edit(name, |project| set(project, on));
    }
}

/// A row with a switch.
pub(super) fn switch_row(
    ui: &mut Ui,
    studio: &mut Studio,
    words: &'static str,
    explanation: &str,
    on: bool,
    set: impl FnOnce(&mut Project, bool),
) {
    row(ui, words, words, explanation, |ui| {
        turn(ui, studio, words, explanation, on, set);
    });
}

/// Words side by side of which at most one is chosen, each with a sentence under the pointer. Gives the one pressed.
pub(super) fn segments<T: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    chosen: Option<T>,
    choices: &[(T, &str, &str)],
) -> Option<T> {
    let mut pressed = None;
    widgets::switch_ground(ui).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(2.0);
            for (value, words, explanation) in choices {
                let on = chosen == Some(*value);
                let response = widgets::switch_word(ui, words, on);
                let enabled = response.enabled();
                let label = format!("{name}: {words}");
                response.widget_info(|| WidgetInfo::selected(Role::RadioButton, enabled, on, &label));
                if response.on_hover_text(*explanation).clicked() && !on {
                    pressed = Some(*value);
                }
            }
        });
    });
    pressed
}

/// A value out of a few, with the sentence of the chosen one under them.
pub(super) fn choice<T: PartialEq + Copy>(
    ui: &mut Ui,
    studio: &mut Studio,
    words: &'static str,
    (value, default): (T, T),
    choices: &[(T, &str, &str)],
    set: impl Fn(&mut Project, T),
) {
    let find = |wanted: T| choices.iter().find(|(value, ..)| *value == wanted);
    let explanation = find(value).map_or("", |(_, _, explanation)| explanation);
    row(ui, words, words, explanation, |ui| {
        let default_words = find(default).map_or("the default", |(_, words, _)| words);
        if value != default && reset_button(ui, words, default_words) {
            studio.edit(format!("Reset {}", lower(words)), |project| set(project, default));
        }
    });
    anchored(ui, &format!("{words} choices"), |ui| {
        if let Some(pressed) = segments(ui, words, Some(value), choices) {
            studio.edit(format!("Change {}", lower(words)), |project| set(project, pressed));
        }
    });
    small(ui, explanation);
}

/// Small words that explain.
pub(super) fn small(ui: &mut Ui, words: &str) -> Response {
    let words = theme::note(ui, words);
    ui.add(Label::new(words).wrap())
}

/// A title that folds what stands below it.
pub(super) struct Fold<'a> {
    /// What it says.
    pub title: RichText,
    /// Its own name; no other part has it.
    pub name: &'a str,
    /// Whether it is unfolded at first.
    pub open: bool,
}

impl Fold<'_> {
    /// Draws the title, `right` at its right end, `under` below it in any case, and `body` where it is unfolded.
    pub fn show(
        self,
        ui: &mut Ui,
        studio: &mut Studio,
        right: impl FnOnce(&mut Ui, &mut Studio),
        under: impl FnOnce(&mut Ui, &mut Studio),
        body: impl FnOnce(&mut Ui, &mut Studio),
    ) {
        let id = Id::unique(("fold", self.name));
        let mut state = CollapsingState::load_with_default_open(ui.ctx(), id, self.open);
        anchored(ui, self.name, |ui| {
            ui.horizontal(|ui| {
                // Title and switch line up with the rows below.
                ui.spacing_mut().button_padding.x = 2.0;
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    right(ui, studio);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        let open = state.is_open();
                        let caret = if open { icons::CARET_DOWN } else { icons::CARET_RIGHT };
                        let title = (RichText::new(caret).small(), self.title);
                        let response = ui.add(Button::new(title).frame_when_inactive(false).truncate());
                        let enabled = response.enabled();
                        response.widget_info(|| WidgetInfo::labeled(Role::DisclosureTriangle, enabled, self.name));
                        ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
                        let hover = if open { "Fold this part away" } else { "Unfold this part" };
                        if response.on_hover_text(hover).clicked() {
                            state.toggle(ui);
                        }
                    });
                });
            });
            under(ui, studio);
        });
        state.show_body_unindented(ui, |ui| body(ui, studio));
    }
}

/// A folded part of lesser things.
pub(super) fn advanced(ui: &mut Ui, studio: &mut Studio, name: &str, body: impl FnOnce(&mut Ui, &mut Studio)) {
    let title = theme::note(ui, "Advanced");
    Fold { title, name, open: false }.show(ui, studio, |_, _| (), |_, _| (), body);
}

/// A thin line between parts.
pub(super) fn line(ui: &mut Ui) {
    ui.add_space(4.0);
    ui.add(egui::Separator::default().spacing(8.0));
}
