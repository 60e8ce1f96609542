//! Where the subject is: painted over the photo by hand.

use std::sync::Arc;

use eframe::egui::{
    self, Button, CursorIcon, Id, Key, Modifiers, PointerButton, Pos2, Rect, Role, Sense, Ui, Vec2, WidgetInfo, vec2,
};
use image::{GrayImage, Luma};

use super::TrainLook;
use super::memory::Stroke;
use crate::engine::train::photos::MaskFrom;
use crate::gui::paint::{self, MaskStyle, Outline, Sampling, Source};
use crate::gui::{icons, theme, widgets};
use crate::studio::train::photos::Looked;
use crate::studio::{Studio, place};

/// The brush's radius, as a part of the photo's longer side.
const RADIUS: std::ops::RangeInclusive<f32> = 0.005..=0.3;

/// Draws a photo to be painted on.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook, at: usize) {
    let Some(name) = studio.train.training().photos.get(at).map(crate::project::training::Photo::name) else { return };
    let looked = studio.train.photo(at).and_then(|look| look.ready().cloned());
    let Some(looked) = looked else {
        train.painted = None;
        return;
    };
    keys(ui, train);
    bar(ui, studio, train, at, &name, &looked);
    ui.add_space(8.0);
    if train.painted.is_some() {
        pane(ui, studio, train, at, &name, &looked);
    }
}

/// The mask as it is painted on: nothing is inside where there is none.
fn now(looked: &Looked) -> Arc<GrayImage> {
    match looked.facts.mask_from {
        MaskFrom::Nothing => Arc::new(GrayImage::new(looked.mask.width(), looked.mask.height())),
        _ => looked.mask.clone(),
    }
}

fn keys(ui: &Ui, train: &mut TrainLook) {
    widgets::brush_keys(ui, &mut train.erase, &mut train.radius, RADIUS);
    let escape = || ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    // The stroke in hand is given up first.
    if !widgets::keys_are_taken(ui) && escape() && train.stroke.take().is_none() {
        train.painted = None;
    }
}

fn bar(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook, at: usize, name: &str, looked: &Looked) {
    ui.horizontal_wrapped(|ui| {
        let colors = theme::colors(ui);
        let done = Button::new(theme::strong("Done").color(colors.on_accent)).fill(colors.accent);
        if ui.add(done).on_hover_text("Back to the photos (Esc)").clicked() {
            (train.painted, train.stroke) = (None, None);
        }
        ui.label(format!("Paint where the subject of {name} is"));
        ui.end_row();
        let (brush, eraser) = (format!("{} Brush", icons::PAINT_BRUSH), format!("{} Eraser", icons::ERASER));
        widgets::segmented(ui, &mut train.erase, &[(false, brush.as_str()), (true, eraser.as_str())]);
        widgets::room_for(ui, 200.0);
        let label = ui.label("Radius");
        ui.spacing_mut().slider_width = 96.0;
        let slider = egui::Slider::new(&mut train.radius, RADIUS)
            .logarithmic(true)
            .custom_formatter(|part, _| format!("{:.1} %", part * 100.0));
        ui.add(slider).labelled_by(label.id).on_hover_text("Of the photo's longer side; [ and ] change it too");
        let (width, height) = looked.mask.dimensions();
        if ui.button("Clear").on_hover_text("Nothing is the subject").clicked() {
            studio.train.paint_mask(at, Arc::new(GrayImage::new(width, height)));
        }
        if ui.button("Invert").on_hover_text("What is the subject is background, and the other way round").clicked() {
            let mut inverted = GrayImage::clone(&now(looked));
            inverted.pixels_mut().for_each(|pixel| *pixel = Luma([255 - pixel.0[0]]));
            studio.train.paint_mask(at, Arc::new(inverted));
        }
        let has_file = studio.train.training().photos.get(at).is_some_and(|photo| photo.mask.is_some());
        let none = ui.add_enabled(has_file, Button::new("No mask"));
        if none.on_hover_text("The picture's own transparency counts, or all of it").clicked() {
            studio.train.drop_masks(&[at]);
        }
    });
}

fn pane(ui: &mut Ui, studio: &mut Studio, train: &mut TrainLook, at: usize, name: &str, looked: &Looked) {
    let area = ui.available_rect_before_wrap();
    let (width, height) = looked.mask.dimensions();
    let rect = widgets::fit(area, vec2(width as f32, height as f32));
    ui.allocate_rect(area, Sense::hover());
    let colors = theme::colors(ui);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    paint::picture(&painter, rect, &Source::new(&looked.picture), Sampling::Smooth);
    let response = ui.interact(rect, Id::unique("training mask"), Sense::click_and_drag());
    let label = format!("{name} with its mask; drag to paint where the subject is");
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &label));
    stroke(ui, studio, train, at, looked, &response, rect);
    let shown = train.stroke.as_ref().map_or_else(|| now(looked), |stroke| stroke.mask.clone());
    let style = MaskStyle { fill: 0.45, outline: Outline::Solid, ..MaskStyle::new(colors.accent) };
    paint::mask(&painter, rect, &Source::new(&shown), style);
    if let Some(pointer) = response.hover_pos() {
        ui.set_cursor_icon(CursorIcon::Crosshair);
        let radius = train.radius * rect.width().max(rect.height());
        painter.circle_stroke(pointer, radius, egui::Stroke::new(3.0, theme::HALO));
        painter.circle_stroke(pointer, radius, egui::Stroke::new(1.0, colors.text));
    }
}

/// Paints while the pointer is held down; letting go makes one step of it.
fn stroke(
    ui: &Ui,
    studio: &mut Studio,
    train: &mut TrainLook,
    at: usize,
    looked: &Looked,
    response: &egui::Response,
    rect: Rect,
) {
    let (width, height) = looked.mask.dimensions();
    let pixel = |pointer: Pos2| {
        let part: Vec2 = (pointer - rect.min) / rect.size().max(Vec2::splat(1.0));
        (part.x * width as f32, part.y * height as f32)
    };
    let pointer = response.interact_pointer_pos();
    let held =
        response.is_pointer_button_down_on() && ui.input(|input| input.pointer.button_down(PointerButton::Primary));
    let begins = held && ui.input(|input| input.pointer.primary_pressed());
    let radius = train.radius * width.max(height) as f32;
    if begins
        && train.stroke.is_none()
        && let Some(pointer) = pointer
    {
        // A drag has gone some way before it counts as one.
        let origin = pixel(ui.input(|input| input.pointer.press_origin()).unwrap_or(pointer));
        train.stroke = Some(Stroke { mask: now(looked), last: origin });
        dab(train, origin, radius);
    }
    if let (Some(_), Some(pointer)) = (&train.stroke, pointer) {
        dab(train, pixel(pointer), radius);
    }
    if !held && let Some(stroke) = train.stroke.take() {
        studio.train.paint_mask(at, stroke.mask);
    }
}

fn dab(train: &mut TrainLook, to: (f32, f32), radius: f32) {
    let erase = train.erase;
    if let Some(stroke) = &mut train.stroke {
        // What was handed to the painter stays as it is; the next frame draws the new one.
        let mut next = GrayImage::clone(&stroke.mask);
        place::paint(&mut next, stroke.last, to, radius, erase);
        stroke.last = to;
        if next != *stroke.mask {
            stroke.mask = Arc::new(next);
        }
    }
}
