//! The tools and what they take, the edge, and what becomes of the cut.

use std::ops::RangeInclusive;

use eframe::egui::{self, Button, Label, Slider, Ui};

use super::{CutLook, Hint, RADIUS, Tool, click};
use crate::cut::Edge;
use crate::gui::fields::{line, small};
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::project::files::name_of;
use crate::studio::Studio;
use crate::studio::cut::{Purpose, Refinement};

/// Between the tools, all of which stand in one row, in points.
const GAP: f32 = 4.0;

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, cut: &mut CutLook) {
    let Some(open) = studio.cut.open() else { return };
    let name = name_of(&open.photo);
    widgets::section(ui, "Cut out", |_| ());
    ui.add(Label::new(theme::note(ui, format!("of {name}"))).truncate());
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        for (tool, icon, name, _) in Tool::ALL {
            if widgets::icon_toggle(ui, icon, cut.tool == tool, name).clicked() {
                cut.take(tool);
            }
        }
    });
    ui.add_space(4.0);
    options(ui, studio, look, cut);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        if ui.button("All").on_hover_text("Choose the whole photo").clicked() {
            studio.cut.whole("All", |_| 255);
        }
        if ui.button("None").on_hover_text("Choose nothing").clicked() {
            studio.cut.whole("None", |_| 0);
        }
        if ui.button("Invert").on_hover_text("What is chosen is not, and the other way round").clicked() {
            studio.cut.whole("Invert", |value| 255 - value);
        }
        undo(ui, studio);
    });
    line(ui);
    edge(ui, studio);
    line(ui);
    let views = [(false, "Photo"), (true, "Cutout")];
    if widgets::segmented(ui, &mut cut.preview, &views) {
        studio.cut.set_preview(cut.preview);
    }
    ui.add_space(8.0);
    end(ui, studio, cut);
}

/// What the tool in hand takes.
fn options(ui: &mut Ui, studio: &mut Studio, look: &mut Look, cut: &mut CutLook) {
    const MODES: &str = "Shift adds, Alt takes away, both leave what both have.";
    match cut.tool {
        Tool::Find => {
            let hints = [(Hint::Frame, "Frame"), (Hint::Keep, "Keep"), (Hint::Remove, "Remove")];
            widgets::segmented(ui, &mut cut.hint, &hints);
            let words = match cut.hint {
                Hint::Frame => "Draw a frame round the subject.",
                Hint::Keep => "Scribble over what belongs to it; with Alt, over what does not.",
                Hint::Remove => "Scribble over what does not belong to it.",
            };
            small(ui, words);
            if cut.hint != Hint::Frame {
                radius(ui, cut);
            }
        }
        Tool::Click => click::show(ui, studio, look, &mut cut.words),
        Tool::Rectangle => {
            small(ui, MODES);
        }
        Tool::Lasso => {
            small(ui, "Drag round it, or click corners; a double-click or Enter closes the line.");
            small(ui, MODES);
        }
        Tool::Brush => {
            small(ui, "Paint over it; with Alt, take away.");
            radius(ui, cut);
            slider(ui, "Hardness", &mut cut.hardness, 0.0..=1.0, "1 has a sharp edge");
        }
        Tool::Wand => {
            small(ui, MODES);
            let mut tolerance = f32::from(cut.wand.tolerance);
            if slider(ui, "Tolerance", &mut tolerance, 0.0..=255.0, "How much each colour may differ") {
                cut.wand.tolerance = tolerance.round() as u8;
            }
            ui.checkbox(&mut cut.wand.contiguous, "Only what hangs together");
        }
    }
    ui.add_space(4.0);
}

fn radius(ui: &mut Ui, cut: &mut CutLook) {
    slider(ui, "Radius", &mut cut.radius, RADIUS, "In pixels of the photo; [ and ] change it too");
}

/// A named slider. Says whether it was moved.
fn slider(ui: &mut Ui, name: &str, value: &mut f32, range: RangeInclusive<f32>, hover: &str) -> bool {
    let long = *range.end() > 300.0;
    let decimals = match *range.end() {
        most if most <= 1.0 => 2,
        most if most <= 48.0 => 1,
        _ => 0,
    };
    ui.horizontal(|ui| {
        let width = 64.0;
        let label = ui.add_sized([width, 18.0], Label::new(name).halign(egui::Align::Min));
        ui.spacing_mut().slider_width = (ui.available_width() - 64.0).max(48.0);
        let slider = Slider::new(value, range).logarithmic(long).fixed_decimals(decimals);
        ui.add(slider).labelled_by(label.id).on_hover_text(hover).changed()
    })
    .inner
}

fn undo(ui: &mut Ui, studio: &mut Studio) {
    let Some(open) = studio.cut.open() else { return };
    let words = |what: &str, name: Option<&str>| {
        name.map_or_else(|| format!("Nothing to {what} of the cut"), |name| format!("Cut, {what}: {name}"))
    };
    let (back, again) = (words("undo", open.undo_name()), words("redo", open.redo_name()));
    let (can_undo, can_redo) = (open.undo_name().is_some(), open.redo_name().is_some());
    ui.add_enabled_ui(can_undo, |ui| {
        if widgets::icon_button(ui, icons::ARROW_U_UP_LEFT, &back).clicked() {
            studio.cut.undo();
        }
    });
    ui.add_enabled_ui(can_redo, |ui| {
        if widgets::icon_button(ui, icons::ARROW_U_UP_RIGHT, &again).clicked() {
            studio.cut.redo();
        }
    });
}

/// What becomes of the edge.
fn edge(ui: &mut Ui, studio: &mut Studio) {
    let Some(now) = studio.cut.open().map(crate::studio::cut::Open::refinement) else { return };
    widgets::section(ui, "Edge", |_| ());
    let Refinement { mut edge, mut clean } = now;
    slider(ui, "Smooth", &mut edge.smooth, 0.0..=24.0, "Rounds off what is smaller than so many pixels");
    slider(ui, "Grow", &mut edge.grow, -24.0..=24.0, "Moves the edge outwards, or inwards below 0; in pixels");
    slider(ui, "Follow", &mut edge.follow, 0.0..=32.0, "How far the edge may follow the photo's own, such as fur");
    slider(ui, "Feather", &mut edge.feather, 0.0..=48.0, "Softens the edge over so many pixels to either side");
    let rim = ui.checkbox(&mut clean, "Clean the rim");
    rim.on_hover_text("Takes the ground's colours out of pixels at the edge that are covered in part");
    // Sliders give what is between two pixels too.
    let rounded = |value: f32| (value * 2.0).round() / 2.0;
    let edge = Edge {
        smooth: rounded(edge.smooth),
        grow: rounded(edge.grow),
        follow: rounded(edge.follow),
        feather: rounded(edge.feather),
    };
    let new = Refinement { edge, clean };
    if new != now {
        studio.cut.set_refinement(new);
    }
}

/// What becomes of the cut.
fn end(ui: &mut Ui, studio: &mut Studio, cut: &mut CutLook) {
    let Some(open) = studio.cut.open() else { return };
    let words = if matches!(open.purpose, Purpose::Layer(..)) { "Change the layer" } else { "Make a layer" };
    let (can_finish, making, changed) = (open.can_finish(), open.is_making(), open.is_changed());
    let behind = open.is_behind();
    let colors = theme::colors(ui);
    ui.horizontal_wrapped(|ui| {
        let text = theme::strong(words);
        let text = if can_finish { text.color(colors.on_accent) } else { text };
        let button = if can_finish { Button::new(text).fill(colors.accent) } else { Button::new(text) };
        let why = if making || behind { "A moment" } else { "Nothing is chosen yet" };
        let done = ui.add_enabled(can_finish, button).on_hover_text("Ctrl+Enter").on_disabled_hover_text(why);
        if done.clicked() {
            studio.finish_cut();
        }
        if ui.button("Cancel").clicked() {
            if changed {
                cut.asks = true;
            } else {
                studio.cut.close();
            }
        }
    });
    if cut.asks && studio.cut.open().is_some() {
        ui.add_space(4.0);
        widgets::amber(ui, "What was chosen would be lost.");
        ui.horizontal_wrapped(|ui| {
            if ui.button("Give it up").clicked() {
                studio.cut.close();
                cut.asks = false;
            }
            if ui.button("Go on cutting").clicked() {
                cut.asks = false;
            }
        });
    }
}
