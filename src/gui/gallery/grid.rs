//! The cards in rows, of which only those in view are drawn.

use std::time::SystemTime;

use eframe::egui::{
    self, Align2, EventFilter, FontId, Image, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::choice::Choice;
use super::memory::{Filter, GalleryLook};
use super::menu::{self, Wanted};
use super::rows::{GAP, Grid, card_id};
use super::words;
use crate::gui::look::{DraggedResult, Look};
use crate::gui::{icons, textures, theme, widgets};
use crate::studio::Studio;
use crate::studio::results::store::Entry;

/// The two lines over a batch, in points.
const HEAD: f32 = 36.0;
/// Below a row, in points.
const FOOT: f32 = 12.0;

/// Draws the rows in view.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, gallery: &mut GalleryLook, grid: &Grid, side: f32) {
    let height = HEAD + side + FOOT;
    gallery.choice.focus(None);
    ScrollArea::vertical().auto_shrink(false).show_viewport(ui, |ui, viewport| {
        ui.set_height(height * grid.rows.len() as f32);
        ui.set_width(ui.available_width());
        let start = ui.min_rect().min;
        if std::mem::take(&mut gallery.choice.reveal)
            && let Some(row) = gallery.choice.cursor().and_then(|id| grid.row_of(studio.results.store.entries(), id))
        {
            let rect = Rect::from_min_size(start + vec2(0.0, row as f32 * height), vec2(side, height));
            ui.scroll_to_rect_animation(rect, None, egui::style::ScrollAnimation::none());
        }
        let first = (viewport.min.y / height).floor().max(0.0) as usize;
        let last = (viewport.max.y / height).ceil().max(0.0) as usize;
        let mut pressed = None;
        for (number, row) in grid.rows.iter().enumerate().take(last).skip(first) {
            for cell in row {
                let Some(entry) = studio.results.store.entries().get(cell.entry).cloned() else { continue };
                let corner = start + vec2(cell.column as f32 * (side + GAP), number as f32 * height);
                if let Some((count, here)) = cell.head {
                    let width = here as f32 * (side + GAP) - GAP;
                    head(ui, look, Rect::from_min_size(corner, vec2(width, HEAD)), &entry, count);
                }
                let rect = Rect::from_min_size(corner + vec2(0.0, HEAD), Vec2::splat(side));
                let deleted = gallery.filter == Filter::Deleted;
                if let Some(press) = card(ui, studio, look, &mut gallery.choice, &entry, deleted, rect) {
                    pressed = Some((entry.id.clone(), press));
                }
            }
        }
        match pressed {
            Some((id, Press::Open)) => gallery.open_one(id),
            Some((id, Press::Too)) => gallery.choice.toggle(id),
            Some((id, Press::UpTo)) => gallery.choice.up_to(id, &grid.order(studio.results.store.entries())),
            Some((id, Press::Only)) => gallery.choice.only(id),
            Some((_, Press::Back)) => gallery.restoring = true,
            None => {}
        }
    });
}

/// What a press on a card asks for.
enum Press {
    Only,
    Too,
    UpTo,
    Open,
    Back,
}

/// What a batch is: its prompt, and how many, how long, when.
fn head(ui: &mut Ui, look: &mut Look, rect: Rect, first: &Entry, count: usize) {
    let colors = theme::colors(ui);
    let line = |ui: &Ui, top: f32, words: &str, color| {
        let font = FontId::proportional(12.0);
        let mut job = egui::text::LayoutJob::simple_singleline(words.to_owned(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(pos2(rect.left(), top), galley, color);
    };
    line(ui, rect.top(), &first.prompt, colors.text);
    let words = words::batch(first, count, SystemTime::now(), &look.machine.zone(ui.ctx()));
    line(ui, rect.top() + 16.0, &words, colors.weak);
    ui.interact(rect, card_id(&first.id).with("head"), Sense::hover())
        .on_hover_text(format!("{}\n{words}", first.prompt));
}

fn card(
    ui: &mut Ui,
    studio: &mut Studio,
    look: &mut Look,
    choice: &mut Choice,
    entry: &Entry,
    deleted: bool,
    rect: Rect,
) -> Option<Press> {
    let colors = theme::colors(ui);
    let (selected, starred) = (choice.has(&entry.id), studio.is_starred(entry));
    let id = card_id(&entry.id);
    let response = ui.interact(rect, id, if deleted { Sense::click() } else { Sense::click_and_drag() });
    if !deleted {
        // Onto the canvas, by way of the page's tab.
        response.dnd_set_drag_payload(DraggedResult(entry.id.clone()));
    }
    let fill = if selected || response.hovered() { colors.selected } else { colors.raised };
    ui.painter().rect_filled(rect, 6.0, fill);
    thumbnail(ui, studio, look, entry, rect.shrink(4.0));
    if selected || response.has_focus() {
        ui.painter().rect_stroke(rect, 6.0, Stroke::new(2.0, colors.accent), StrokeKind::Inside);
    }
    if selected {
        badge(ui, rect.left_top() + vec2(14.0, 14.0), icons::CHECK, colors.accent, colors.on_accent);
    }
    if starred {
        let center = rect.right_top() + vec2(-14.0, 14.0);
        ui.painter().circle_filled(center, 9.0, colors.panel);
        widgets::star(ui.painter(), center, 6.5, colors.amber);
    }
    let name = words::name(entry, starred);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &name));
    if response.has_focus() {
        choice.focus(Some(entry.id.clone()));
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
    }
    let (double, clicked) = (response.double_clicked(), response.clicked());
    let modifiers = ui.input(|input| input.modifiers);
    let hover = match studio.results.store.failure(&entry.id) {
        Some(words) => format!("{name}\n{words}"),
        None => name,
    };
    let mut menu = None;
    response.context_menu(|ui| menu = menu::show(ui, studio, look, entry, deleted));
    let right = response.secondary_clicked() && !selected;
    response.on_hover_text(hover);
    match menu {
        Some(Wanted::Open) => return Some(Press::Open),
        Some(Wanted::Back) => return Some(Press::Back),
        None => {}
    }
    match (double, clicked || right) {
        (true, _) => Some(Press::Open),
        (_, true) if modifiers.command && !right => Some(Press::Too),
        (_, true) if modifiers.shift && !right => Some(Press::UpTo),
        (_, true) => Some(Press::Only),
        _ => None,
    }
}

fn badge(ui: &Ui, center: Pos2, icon: &str, ground: egui::Color32, ink: egui::Color32) {
    ui.painter().circle_filled(center, 9.0, ground);
    ui.painter().text(center, Align2::CENTER_CENTER, icon, FontId::proportional(13.0), ink);
}

/// Thumbnails are made in three sizes, so that dragging the slider does not make them anew at every point.
fn side_in_pixels(ui: &Ui, points: f32) -> u32 {
    match points * ui.pixels_per_point() {
        ..=128.0 => 128,
        ..=256.0 => 256,
        _ => 512,
    }
}

/// Paints a result small into a rectangle, keeping its shape; a quiet ground until it is there.
pub fn thumbnail(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry, rect: Rect) {
    let side = side_in_pixels(ui, rect.width().max(rect.height()));
    match studio.results.store.thumbnail(&entry.id, side) {
        Some(picture) => {
            let texture = look.textures.get(ui.ctx(), ("result", &entry.id, side), || textures::opaque(&picture));
            Image::new(&texture).paint_at(ui, widgets::fit(rect, texture.size_vec2()));
        }
        None if studio.results.store.failure(&entry.id).is_some() => {
            let amber = theme::colors(ui).amber;
            let font = FontId::proportional(20.0);
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING, font, amber);
        }
        None => {
            let size = vec2(entry.size.0.max(1) as f32, entry.size.1.max(1) as f32);
            ui.painter().rect_filled(widgets::fit(rect, size), 4.0, theme::colors(ui).line);
        }
    }
}

/// A picture's thumbnail as a part of a column, for the side panel; a press asks for it large.
pub fn thumbnail_button(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry, width: f32) -> bool {
    let shape = entry.size.1.max(1) as f32 / entry.size.0.max(1) as f32;
    // What can be done with it must be in view too.
    let height = (width * shape.clamp(0.25, 1.5)).min((ui.clip_rect().height() * 0.5).max(48.0));
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    thumbnail(ui, studio, look, entry, rect);
    if response.has_focus() {
        ui.painter().rect_stroke(rect, 4.0, (2.0, theme::colors(ui).accent), StrokeKind::Inside);
    }
    widgets::named(response, "Open large (Enter)").clicked()
}
