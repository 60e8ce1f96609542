//! The canvas's size, to be chosen: among the settings, and where it is read over the canvas.

use eframe::egui::{Button, ComboBox, Popup, PopupCloseBehavior, Response, Ui};

use super::fields::{Number, anchored, name_node, row, small};
use crate::project::Canvas;
use crate::studio::Studio;

/// Shapes that are often wanted, as parts of the side that the model was trained on: 2 : 3 and 3 : 2 beside squares.
const SHAPES: [(u32, u32, u32, &str); 6] = [
    (4, 4, 4, "square"),
    (4, 6, 4, "portrait"),
    (6, 4, 4, "landscape"),
    (5, 5, 4, "square"),
    (6, 6, 4, "square"),
    (4, 4, 8, "small"),
];

/// The sizes that a model whose pictures have this side is often asked for, the first being its own.
fn sizes(side: u32) -> Vec<(Canvas, &'static str)> {
    let mut all: Vec<(Canvas, &str)> = Vec::new();
    for (width, height, of, kind) in SHAPES {
        let canvas =
            Canvas { width: whole(side.saturating_mul(width) / of), height: whole(side.saturating_mul(height) / of) };
        if !all.iter().any(|(known, _)| *known == canvas) {
            all.push((canvas, kind));
        }
    }
    all
}

fn words(canvas: Canvas) -> String {
    format!("{} × {}", canvas.width, canvas.height)
}

/// The list of sizes. Says whether one was pressed.
fn choices(ui: &mut Ui, studio: &mut Studio) -> bool {
    let (now, side) = (studio.project().canvas, studio.picture_side());
    let mut pressed = false;
    for (canvas, kind) in sizes(side) {
        let usual = if canvas == (Canvas { width: side, height: side }) { ", the model's own" } else { "" };
        let words = format!("{}, {kind}{usual}", words(canvas));
        if ui.selectable_label(now == canvas, words).clicked() {
            studio.edit("Canvas size", |project| project.canvas = canvas);
            pressed = true;
        }
    }
    pressed
}

/// Width and height, typed; what each is called, since both may be on the screen twice.
fn sides(ui: &mut Ui, studio: &mut Studio, names: [&'static str; 2]) {
    let (canvas, own) = (studio.project().canvas, studio.picture_side());
    let [width, height] = names;
    let side = |words, name| {
        Number::new(words, "In pixels; a multiple of 64.", Canvas::SIDE, whole(own)).named(name).unit(" px").by(4.0, 0)
    };
    let number = side("Width", width);
    number.row_when_typed(ui, studio, canvas.width, |project, width| project.canvas.width = whole(width));
    let number = side("Height", height);
    number.row_when_typed(ui, studio, canvas.height, |project, height| project.canvas.height = whole(height));
}

/// The rows among the settings.
pub fn rows(ui: &mut Ui, studio: &mut Studio) {
    let side = studio.picture_side();
    let hover = format!("The size of the pictures. The model does best near {side} pixels a side.");
    row(ui, "Canvas size", "Canvas", &hover, |ui| {
        let shown = ComboBox::from_id_salt("canvas size")
            .selected_text(words(studio.project().canvas))
            .width(104.0)
            .show_ui(ui, |ui| choices(ui, studio));
        name_node(ui, &shown.response, "Canvas size");
        shown.response.on_hover_text(&hover);
    });
    sides(ui, studio, ["Canvas width", "Canvas height"]);
    anchored(ui, "canvas note", |ui| {
        small(ui, "Layers keep their places on the canvas; those beyond its edge are cut.")
    });
}

/// Lets words that say the size open what it is chosen from.
pub fn popup(words: &Response, studio: &mut Studio) {
    let stays = PopupCloseBehavior::CloseOnClickOutside;
    Popup::menu(words).close_behavior(stays).width(200.0).show(|ui| {
        let mut done = choices(ui, studio);
        ui.separator();
        sides(ui, studio, ["Width of the canvas", "Height of the canvas"]);
        let canvas = studio.project().canvas;
        let turned = Canvas { width: canvas.height, height: canvas.width };
        let swap = ui.add_enabled(turned != canvas, Button::new("Swap width and height"));
        if swap.clicked() {
            studio.edit("Swap width and height", |project| project.canvas = turned);
            done = true;
        }
        if done {
            ui.close();
        }
    });
}

/// The nearest length that a side may have.
fn whole(side: u32) -> u32 {
    let step = Canvas::STEP;
    (side.saturating_add(step / 2) / step * step).clamp(*Canvas::SIDE.start(), *Canvas::SIDE.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_always_a_multiple_that_the_model_takes() {
        for (typed, side) in
            [(0, *Canvas::SIDE.start()), (500, 512), (512, 512), (543, 512), (u32::MAX, *Canvas::SIDE.end())]
        {
            assert_eq!(whole(typed), side);
            assert_eq!(whole(typed) % Canvas::STEP, 0);
        }
    }

    #[test]
    fn sizes_follow_the_model_and_none_is_offered_twice() {
        let of = |side| sizes(side).iter().map(|(canvas, _)| (canvas.width, canvas.height)).collect::<Vec<_>>();
        assert_eq!(of(512), [(512, 512), (512, 768), (768, 512), (640, 640), (768, 768), (256, 256)]);
        assert_eq!(of(256), [(256, 256), (256, 384), (384, 256), (320, 320), (384, 384), (128, 128)]);
        let least = of(*Canvas::SIDE.start());
        assert!(least.iter().enumerate().all(|(at, size)| !least[..at].contains(size)), "{least:?}");
    }
}
