//! The cards in rows, of which only those in view are drawn.

use std::time::SystemTime;

use eframe::egui::{
    self, Align2, EventFilter, FontId, Id, Image, Pos2, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::{Look, choice, words};
use crate::gui::{icons, textures, theme, widgets};
use crate::studio::results::store::Entry;
use crate::studio::{ResultId, Studio};

/// Between two cards, in points.
const GAP: f32 = 8.0;
/// The two lines over a batch, in points.
const HEAD: f32 = 36.0;
/// Below a row, in points.
const FOOT: f32 = 12.0;

/// How many cards of this side lie beside each other.
pub fn columns(width: f32, side: f32) -> usize {
    (((width - 12.0 + GAP) / (side + GAP)) as usize).max(1)
}

/// A card's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    /// Which entry of the store.
    entry: usize,
    column: usize,
    /// For the first of a batch in a row: how many of the batch there are in all, and how many of them in this row.
    head: Option<(usize, usize)>,
}

/// All cards in rows. Those of one render lie side by side, and go on in the next row where they are many.
#[derive(Debug, Default)]
pub struct Grid {
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// Lays out entries, given by their indices, the newest first.
    pub fn lay_out(entries: &[Entry], shown: &[usize], columns: usize) -> Self {
        let columns = columns.max(1);
        let mut rows: Vec<Vec<Cell>> = vec![Vec::new()];
        let is_one = |a: &usize, b: &usize| match (entries.get(*a), entries.get(*b)) {
            (Some(a), Some(b)) => !a.batch.is_empty() && a.batch == b.batch,
            _ => false,
        };
        for batch in shown.chunk_by(is_one) {
            let mut batch = batch.to_vec();
            batch.sort_by_key(|index| entries.get(*index).map(|entry| entry.picture));
            let taken = rows.last().map_or(0, Vec::len);
            if taken > 0 && taken + batch.len() > columns {
                rows.push(Vec::new());
            }
            let room = columns - rows.last().map_or(0, Vec::len);
            let first = room.min(batch.len());
            let parts = std::iter::once(&batch[..first]).chain(batch[first..].chunks(columns));
            for (number, part) in parts.enumerate() {
                if number > 0 {
                    rows.push(Vec::new());
                }
                if let Some(row) = rows.last_mut() {
                    for (place, entry) in part.iter().enumerate() {
                        let head = (place == 0).then_some((batch.len(), part.len()));
                        row.push(Cell { entry: *entry, column: row.len(), head });
                    }
                }
            }
        }
        rows.retain(|row| !row.is_empty());
        Self { rows }
    }

    /// The results as they are shown, row by row.
    pub fn order<'a>(&self, entries: &'a [Entry]) -> Vec<&'a ResultId> {
        self.rows.iter().flatten().filter_map(|cell| entries.get(cell.entry)).map(|entry| &entry.id).collect()
    }

    /// The place in the order of the card above (-1) or below (1) the one at a place.
    pub fn above_or_below(&self, at: usize, by: isize) -> usize {
        let mut before = 0;
        for (index, row) in self.rows.iter().enumerate() {
            if at < before + row.len() {
                let column = at - before;
                let Some(other) = index.checked_add_signed(by) else { return at };
                let Some(to) = self.rows.get(other) else { return at };
                let start: usize = self.rows.iter().take(other).map(Vec::len).sum();
                return start + column.min(to.len() - 1);
            }
            before += row.len();
        }
        at
    }

    fn row_of(&self, entries: &[Entry], id: &ResultId) -> Option<usize> {
        self.rows.iter().position(|row| row.iter().any(|cell| entries.get(cell.entry).is_some_and(|e| e.id == *id)))
    }
}

/// The id of a result's card.
pub fn card_id(id: &ResultId) -> Id {
    Id::unique(("result", id))
}

/// Draws the rows in view.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, grid: &Grid, side: f32) {
    let height = HEAD + side + FOOT;
    look.gallery.choice.focus(None);
    ScrollArea::vertical().auto_shrink(false).show_viewport(ui, |ui, viewport| {
        ui.set_height(height * grid.rows.len() as f32);
        ui.set_width(ui.available_width());
        let start = ui.min_rect().min;
        if std::mem::take(&mut look.gallery.choice.reveal)
            && let Some(row) =
                look.gallery.choice.cursor().and_then(|id| grid.row_of(studio.results.store.entries(), id))
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
                    head(ui, Rect::from_min_size(corner, vec2(width, HEAD)), &entry, count);
                }
                let rect = Rect::from_min_size(corner + vec2(0.0, HEAD), Vec2::splat(side));
                if let Some(press) = card(ui, studio, look, &entry, rect) {
                    pressed = Some((entry.id.clone(), press));
                }
            }
        }
        match pressed {
            Some((id, Press::Open)) => choice::open_one(&mut look.gallery, id),
            Some((id, Press::Too)) => look.gallery.choice.toggle(id),
            Some((id, Press::UpTo)) => look.gallery.choice.up_to(id, &grid.order(studio.results.store.entries())),
            Some((id, Press::Only)) => look.gallery.choice.only(id),
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
}

/// What a batch is: its prompt, and how many, how long, when.
fn head(ui: &mut Ui, rect: Rect, first: &Entry, count: usize) {
    let colors = theme::colors(ui);
    let line = |ui: &Ui, top: f32, words: &str, color| {
        let font = FontId::proportional(12.0);
        let mut job = egui::text::LayoutJob::simple_singleline(words.to_owned(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(pos2(rect.left(), top), galley, color);
    };
    line(ui, rect.top(), &first.prompt, colors.text);
    let words = words::batch(first, count, SystemTime::now());
    line(ui, rect.top() + 16.0, &words, colors.weak);
    ui.interact(rect, card_id(&first.id).with("head"), Sense::hover())
        .on_hover_text(format!("{}\n{words}", first.prompt));
}

fn card(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry, rect: Rect) -> Option<Press> {
    let colors = theme::colors(ui);
    let (selected, starred) = (look.gallery.choice.has(&entry.id), studio.is_starred(entry));
    let id = card_id(&entry.id);
    let response = ui.interact(rect, id, Sense::click());
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
        badge(ui, rect.right_top() + vec2(-14.0, 14.0), icons::STAR, colors.panel, colors.amber);
    }
    let name = words::name(entry, starred);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &name));
    if response.has_focus() {
        look.gallery.choice.focus(Some(entry.id.clone()));
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
    }
    let (double, clicked) = (response.double_clicked(), response.clicked());
    let modifiers = ui.input(|input| input.modifiers);
    let hover = match studio.results.store.failure(&entry.id) {
        Some(words) => format!("{name}\n{words}"),
        None => name,
    };
    response.on_hover_text(hover);
    match (double, clicked) {
        (true, _) => Some(Press::Open),
        (_, true) if modifiers.command => Some(Press::Too),
        (_, true) if modifiers.shift => Some(Press::UpTo),
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
            Image::new(&texture).paint_at(ui, super::fit(rect, texture.size_vec2()));
        }
        None if studio.results.store.failure(&entry.id).is_some() => {
            let amber = theme::colors(ui).amber;
            let font = FontId::proportional(20.0);
            ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::WARNING, font, amber);
        }
        None => {
            let size = vec2(entry.size.0.max(1) as f32, entry.size.1.max(1) as f32);
            ui.painter().rect_filled(super::fit(rect, size), 4.0, theme::colors(ui).line);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of these sizes, the newest first, as the store has them.
    fn entries(batches: &[usize]) -> Vec<Entry> {
        let all = batches.iter().enumerate().flat_map(|(batch, count)| {
            (0..*count).rev().map(move |picture| Entry {
                id: format!("{batch}-{picture}"),
                batch: format!("batch {batch}"),
                picture: picture as u32,
                ..Entry::default()
            })
        });
        all.collect()
    }

    fn rows(batches: &[usize], columns: usize) -> Vec<Vec<String>> {
        let entries = entries(batches);
        let shown: Vec<usize> = (0..entries.len()).collect();
        let grid = Grid::lay_out(&entries, &shown, columns);
        let id = |cell: &Cell| entries[cell.entry].id.clone();
        grid.rows.iter().map(|row| row.iter().map(id).collect()).collect()
    }

    #[test]
    fn pictures_of_a_render_lie_side_by_side_in_their_order() {
        assert_eq!(rows(&[2, 1, 2], 4), [vec!["0-0", "0-1", "1-0"], vec!["2-0", "2-1"]]);
        assert_eq!(rows(&[5, 1], 3), [vec!["0-0", "0-1", "0-2"], vec!["0-3", "0-4", "1-0"]]);
        assert_eq!(rows(&[], 3), Vec::<Vec<String>>::new());
        assert_eq!(rows(&[1, 1], 0), [["0-0"], ["1-0"]]);
    }

    #[test]
    fn every_row_of_a_batch_says_how_many_it_has() {
        let entries = entries(&[5]);
        let grid = Grid::lay_out(&entries, &[0, 1, 2, 3, 4], 3);
        let heads: Vec<_> = grid.rows.iter().map(|row| row[0].head).collect();
        assert_eq!(heads, [Some((5, 3)), Some((5, 2))]);
        assert_eq!(grid.rows[0][1].head, None);
    }

    #[test]
    fn arrows_go_up_and_down_between_rows_of_different_lengths() {
        let entries = entries(&[3, 2, 3]);
        let shown: Vec<usize> = (0..entries.len()).collect();
        let grid = Grid::lay_out(&entries, &shown, 3);
        assert_eq!(grid.order(&entries)[..4], ["0-0", "0-1", "0-2", "1-0"]);
        assert_eq!(grid.above_or_below(2, 1), 4);
        assert_eq!(grid.above_or_below(4, 1), 6);
        assert_eq!(grid.above_or_below(6, -1), 4);
        assert_eq!((grid.above_or_below(1, -1), grid.above_or_below(6, 1), grid.above_or_below(99, 1)), (1, 6, 99));
    }

    #[test]
    fn results_of_earlier_versions_that_know_no_batch_stand_for_themselves() {
        let mut entries = entries(&[2]);
        entries.iter_mut().for_each(|entry| entry.batch.clear());
        let grid = Grid::lay_out(&entries, &[0, 1], 4);
        assert_eq!(grid.rows[0].iter().map(|cell| cell.head).collect::<Vec<_>>(), [Some((1, 1)), Some((1, 1))]);
    }
}
