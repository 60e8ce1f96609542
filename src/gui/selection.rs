//! The selected layers by numbers: where they lie, how large, turned and opaque they are, and lining them up.

use std::ops::RangeInclusive;

use eframe::egui::{DragValue, Label, Response, Ui, Vec2};

use super::{fields, icons, theme, widgets};
use crate::project::Layer;
use crate::studio::Studio;
use crate::studio::document::arrange::{Edge, Lot, Measure, Spread};

/// The width of the words before a number, in points.
const WORDS: f32 = 46.0;
/// The least and the greatest width of a number, in points.
const NUMBER: RangeInclusive<f32> = 40.0..=56.0;
/// Half of the last digit that is written.
const WRITTEN: f32 = 0.05;

/// A number of a selection: the words before it, its name, its unit, how far it goes for a point of dragging.
struct Field {
    words: &'static str,
    name: &'static str,
    hover: &'static str,
    unit: &'static str,
    speed: f64,
    range: RangeInclusive<f32>,
    decimals: usize,
    /// The width of the number, in points.
    width: f32,
}

/// Draws it; nothing where no layer that can be moved is selected.
pub fn show(ui: &mut Ui, studio: &mut Studio) {
    let Some(lot) = studio.selected_lot() else { return };
    ui.add_space(16.0);
    let words = match lot.count() {
        1 => String::new(),
        count => format!("{count} layers"),
    };
    widgets::section(ui, "Selection", |ui| {
        ui.label(theme::note(ui, words));
    });
    ui.add_space(4.0);
    fields::anchored(ui, "selection", |ui| {
        // Two in a row, with what lies between these four.
        let room = ui.available_width() / 2.0 - WORDS - 1.5 * ui.spacing().item_spacing.x;
        let width = room.floor().clamp(*NUMBER.start(), *NUMBER.end());
        let place = |words, name, hover| Field {
            words,
            name,
            hover,
            unit: "",
            speed: 1.0,
            range: Layer::POSITION,
            decimals: 1,
            width,
        };
        let size = |words, name, hover| Field { range: 1.0..=100_000.0, ..place(words, name, hover) };
        let rows = [
            [
                (Measure::X, place("X", "Selection X", "From the canvas's left edge to the box's, in pixels")),
                (Measure::Y, place("Y", "Selection Y", "From the canvas's upper edge to the box's, in pixels")),
            ],
            [
                (Measure::Width, size("Width", "Selection width", "In pixels of the canvas; the height goes with it")),
                (
                    Measure::Height,
                    size("Height", "Selection height", "In pixels of the canvas; the width goes with it"),
                ),
            ],
        ];
        for row in rows {
            ui.horizontal_wrapped(|ui| {
                for (measure, field) in row {
                    number(ui, studio, &lot, measure, &field);
                }
            });
        }
        ui.horizontal_wrapped(|ui| {
            // Several have no angle in common; the round handle turns them.
            if lot.count() == 1 {
                let angle = Field { unit: "°", ..place("Angle", "Selection angle", "Degrees clockwise") };
                number(ui, studio, &lot, Measure::Angle, &Field { range: Layer::ROTATION, ..angle });
            }
            opacity(ui, studio, &lot, width);
        });
        line_up(ui, studio, &lot);
    });
}

fn number(ui: &mut Ui, studio: &mut Studio, lot: &Lot, measure: Measure, field: &Field) {
    let now = lot.measure(measure);
    let mut wanted = now;
    let response = drag(ui, &mut wanted, field);
    // A number that was looked at and left comes back as it is written, which is no change.
    let is_meant = (wanted - now).abs() >= WRITTEN;
    widgets::edit_by(studio, &response, &format!("{} of the selection", field.words), |project| {
        if let Some(layers) = project.layers_mut().filter(|_| is_meant) {
            lot.bring(layers, measure, wanted);
        }
    });
}

fn opacity(ui: &mut Ui, studio: &mut Studio, lot: &Lot, width: f32) {
    let layers = studio.project().layers();
    let mut percent = lot.indices().find_map(|index| layers.get(index)).map_or(100.0, |layer| layer.opacity * 100.0);
    let hover = "How opaque they are drawn; their masks stay whole";
    let (words, name) = ("Opacity", "Selection opacity");
    let field = Field { words, name, hover, unit: " %", speed: 1.0, range: 0.0..=100.0, decimals: 0, width };
    let response = drag(ui, &mut percent, &field);
    let chosen: Vec<usize> = lot.indices().collect();
    widgets::edit_by(studio, &response, "Opacity of the selection", |project| {
        if let Some(layers) = project.layers_mut() {
            for index in chosen {
                layers.get_mut(index).into_iter().for_each(|layer| layer.opacity = (percent / 100.0).clamp(0.0, 1.0));
            }
        }
    });
}

/// Words and a number after them, which Tab reaches.
fn drag(ui: &mut Ui, wanted: &mut f32, field: &Field) -> Response {
    widgets::room_for(ui, WORDS + ui.spacing().item_spacing.x + field.width);
    ui.allocate_ui(Vec2::new(WORDS, 24.0), |ui| {
        ui.set_min_width(WORDS);
        ui.add(Label::new(theme::note(ui, field.words)).truncate());
    });
    let drag = DragValue::new(wanted)
        .range(field.range.clone())
        .clamp_existing_to_range(false)
        .speed(field.speed)
        .max_decimals(field.decimals)
        // Half a number would bring the layers to where nobody wants them.
        .update_while_editing(false)
        .min_size(Vec2::new(field.width, 24.0))
        .suffix(field.unit);
    let response = ui.add(drag);
    fields::name_node(ui, &response, field.name);
    response.on_hover_text(field.hover)
}

/// The buttons that line the layers up and space them out.
fn line_up(ui: &mut Ui, studio: &mut Studio, lot: &Lot) {
    let with = if lot.count() > 1 { "with each other" } else { "with the canvas" };
    // A row a direction.
    let rows = [
        (
            [
                (Edge::Left, icons::ALIGN_LEFT, "left edges"),
                (Edge::Center, icons::ALIGN_CENTER_HORIZONTAL, "centres"),
                (Edge::Right, icons::ALIGN_RIGHT, "right edges"),
            ],
            (Spread::Across, icons::COLUMNS, "Distribute from left to right (three or more)"),
        ),
        (
            [
                (Edge::Top, icons::ALIGN_TOP, "upper edges"),
                (Edge::Middle, icons::ALIGN_CENTER_VERTICAL, "middles"),
                (Edge::Bottom, icons::ALIGN_BOTTOM, "lower edges"),
            ],
            (Spread::Down, icons::ROWS, "Distribute from top to bottom (three or more)"),
        ),
    ];
    for (edges, (spread, icon, words)) in rows {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            for (edge, icon, words) in edges {
                if widgets::icon_button(ui, icon, &format!("Align {words} {with}")).clicked() {
                    studio.document.align(lot, edge);
                }
            }
            ui.add_enabled_ui(lot.count() > 2, |ui| {
                if widgets::icon_button(ui, icon, words).clicked() {
                    studio.document.distribute(lot, spread);
                }
            });
        });
    }
}
