//! The cards of what was found: a preview, a name, what it is. Only rows in view are drawn, and only their previews made.

use std::path::Path;

use eframe::egui::{
    Align2, FontId, Id, Image, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2,
    text, vec2,
};

use super::LibraryLook;
use crate::gui::look::Look;
use crate::gui::{icons, textures, theme, widgets};
use crate::studio::Studio;
use crate::studio::library::entry::{Entry, Kind};
use crate::studio::library::previews::Preview;

/// Between cards, in points.
const GAP: f32 = 8.0;
/// The least width of a card.
const WIDTH: f32 = 144.0;
/// What stands below a preview.
const FOOT: f32 = 40.0;

/// Draws the cards.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, library: &mut LibraryLook) {
    let Some((.., shown)) = &library.shown else { return };
    let shown = shown.clone();
    let room = ui.available_width() - 8.0;
    let columns = (((room + GAP) / (WIDTH + GAP)).floor().max(1.0)) as usize;
    let width = ((room + GAP) / columns as f32 - GAP).max(32.0);
    let size = vec2(width, width * 0.75 + FOOT);
    let mut used = None;
    ui.spacing_mut().item_spacing.y = GAP;
    let rows = shown.len().div_ceil(columns);
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, size.y, rows, |ui, range| {
        for row in range {
            let (rect, _) = ui.allocate_exact_size(vec2(room, size.y), Sense::hover());
            for (column, at) in shown.iter().skip(row * columns).take(columns).enumerate() {
                let Some(entry) = studio.library.entries().get(*at).cloned() else { continue };
                let place = Rect::from_min_size(rect.min + vec2(column as f32 * (width + GAP), 0.0), size);
                if card(ui, studio, look, library, &entry, place) {
                    used = Some(entry);
                }
            }
        }
    });
    if let Some(entry) = used {
        studio.use_found(&entry);
    }
}

/// Draws a card. Says whether it is to be used.
fn card(
    ui: &mut Ui,
    studio: &mut Studio,
    look: &mut Look,
    library: &mut LibraryLook,
    entry: &Entry,
    rect: Rect,
) -> bool {
    let colors = theme::colors(ui);
    let selected = library.chosen.as_ref() == Some(&entry.path);
    let response = ui.interact(rect, card_id(&entry.path), Sense::click());
    let fill = if selected || response.hovered() { colors.selected } else { colors.raised };
    ui.painter().rect_filled(rect, 6.0, fill);
    let picture = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - FOOT)).shrink(4.0);
    let faint = if entry.unfit.is_some() { 0.45 } else { 1.0 };
    let shown = entry.preview.as_ref().map(|path| (path, studio.library.preview(path)));
    match shown {
        Some((path, Preview::Ready(preview))) => {
            let texture = look.textures.get(ui.ctx(), ("library", path), || textures::opaque(&preview));
            let tint = theme::faded(faint);
            Image::new(&texture).tint(tint).paint_at(ui, widgets::fit(picture, texture.size_vec2()));
        }
        Some((_, Preview::Loading)) => {
            ui.painter().rect_filled(picture, 4.0, colors.line);
        }
        _ => {
            let font = FontId::proportional(28.0);
            let ink = colors.weak.gamma_multiply(faint);
            ui.painter().text(picture.center(), Align2::CENTER_CENTER, icon(entry.kind), font, ink);
        }
    }
    let foot = pos2(rect.left() + 8.0, rect.bottom() - FOOT + 2.0);
    line(ui, foot, rect.width() - 16.0, &entry.name, 13.0, colors.text.gamma_multiply(faint));
    let what = what(entry);
    line(ui, foot + vec2(0.0, 18.0), rect.width() - 16.0, &what, 11.0, colors.weak.gamma_multiply(faint));
    if entry.unfit.is_some() {
        let at = picture.right_top() + vec2(-10.0, 10.0);
        ui.painter().text(at, Align2::CENTER_CENTER, icons::WARNING, FontId::proportional(14.0), colors.amber);
    }
    if selected || response.has_focus() {
        ui.painter().rect_stroke(rect, 6.0, Stroke::new(2.0, colors.accent), StrokeKind::Inside);
    }
    let name = format!("{}, {what}", entry.name);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &name));
    let (clicked, double) = (response.clicked(), response.double_clicked());
    response.on_hover_text(match &entry.unfit {
        Some(words) => format!("{name}\n{words}"),
        None => name,
    });
    if clicked {
        library.chosen = Some(entry.path.clone());
    }
    double && entry.unfit.is_none()
}

/// The id of an entry's card.
pub fn card_id(path: &Path) -> Id {
    Id::unique(("library card", path))
}

/// What an entry is, in a few words.
pub fn what(entry: &Entry) -> String {
    format!("{}, {}", entry.what(), crate::engine::memory::words(entry.bytes))
}

fn icon(kind: Kind) -> &'static str {
    match kind {
        Kind::Model => icons::STACK,
        Kind::Lora => icons::LINK,
        Kind::Embedding => icons::SLIDERS_HORIZONTAL,
        Kind::Vae => icons::IMAGE,
        Kind::Unknown => icons::QUESTION,
    }
}

/// A line of words that is cut where it has no room.
fn line(ui: &Ui, at: Pos2, width: f32, words: &str, size: f32, color: eframe::egui::Color32) {
    let mut job = text::LayoutJob::simple_singleline(words.to_owned(), FontId::proportional(size), color);
    job.wrap = text::TextWrapping::truncate_at_width(width);
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(at, galley, color);
}

/// A preview as large as a panel is wide.
pub fn large(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry) {
    let Some(path) = &entry.preview else { return };
    let Preview::Ready(preview) = studio.library.preview(path) else { return };
    let texture = look.textures.get(ui.ctx(), ("library", path), || textures::opaque(&preview));
    let size = texture.size_vec2();
    let width = ui.available_width().min(256.0);
    let (rect, _) = ui.allocate_exact_size(Vec2::new(width, width * size.y / size.x.max(1.0)), Sense::hover());
    Image::new(&texture).paint_at(ui, rect);
}
