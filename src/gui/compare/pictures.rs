//! The pictures in two rows, a column a seed, each with its scores below it.

use eframe::egui::{
    Align2, FontId, Image, Label, Rect, RichText, Role, ScrollArea, Sense, StrokeKind, Ui, Vec2, WidgetInfo, pos2,
    text, vec2,
};

use super::large;
use super::memory::{At, CompareLook};
use super::sides::color;
use crate::gui::look::Look;
use crate::gui::zoomed::View;
use crate::gui::{icons, textures, theme, widgets};
use crate::studio::Studio;
use crate::studio::compare::{Cell, Comparison, Score, Scores, Side};

/// Between pictures.
const GAP: f32 = 8.0;
/// The sides' letters before the rows.
const LETTER: f32 = 28.0;
/// A line of small words.
const LINE: f32 = 15.0;
/// Lines below a picture; where encoders have seen any, one more.
const LINES: f32 = 3.0;
/// Over the columns.
const HEAD: f32 = 18.0;
/// How large a picture is, at least and at most.
const SIDES: (f32, f32) = (112.0, 208.0);

/// Draws them.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, compare: &mut CompareLook) {
    let Some(begun) = studio.compare.begun().cloned() else { return };
    for (side, words) in Side::BOTH.into_iter().zip(&begun.words) {
        ui.horizontal(|ui| {
            ui.set_height(LINE);
            ui.label(theme::strong(side.letter()).small().color(color(ui, side)));
            ui.add(Label::new(RichText::new(words).small()).truncate());
        });
    }
    let count = begun.seeds.len() as f32;
    let room = ui.available_width() - LETTER - 8.0;
    let side = (room / count - GAP).clamp(SIDES.0, SIDES.1);
    let seen = |cell: &Cell| matches!(cell, Cell::Made(_, scores) if scores.learned.is_some());
    let more = if begun.cells.iter().flatten().any(seen) { 1.0 } else { 0.0 };
    let cell = vec2(side, side + (LINES + more) * LINE + 4.0);
    ScrollArea::horizontal().auto_shrink([false, true]).show(ui, |ui| {
        let size = vec2(LETTER + count * (side + GAP), HEAD + 2.0 * (cell.y + GAP));
        let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
        let colors = theme::colors(ui);
        for (column, seed) in begun.seeds.iter().enumerate() {
            let left = rect.left() + LETTER + column as f32 * (side + GAP);
            line(
                ui,
                Rect::from_min_size(pos2(left, rect.top()), vec2(side, LINE)),
                &format!("seed {seed}"),
                colors.weak,
            );
        }
        for (row, which) in Side::BOTH.into_iter().enumerate() {
            let top = rect.top() + HEAD + row as f32 * (cell.y + GAP);
            let letter = pos2(rect.left() + LETTER / 2.0 - 2.0, top + side / 2.0);
            let font = FontId::proportional(16.0);
            ui.painter().text(letter, Align2::CENTER_CENTER, which.letter(), font, color(ui, which));
            for column in 0..begun.seeds.len() {
                let left = rect.left() + LETTER + column as f32 * (side + GAP);
                let place = Rect::from_min_size(pos2(left, top), cell);
                if ui.is_rect_visible(place) && one(ui, studio, look, &begun, (column, which), place) {
                    compare.open = Some((column, which));
                    compare.view = View::default();
                }
            }
        }
    });
}

/// One picture with its scores. Says whether it was pressed, to be shown large.
fn one(ui: &mut Ui, studio: &mut Studio, look: &mut Look, begun: &Comparison, at: At, place: Rect) -> bool {
    let colors = theme::colors(ui);
    let (index, side) = at;
    let picture = Rect::from_min_size(place.min, Vec2::splat(place.width()));
    let cell = &begun.cells[index][side as usize];
    let seed = begun.seeds[index];
    let size = begun.projects[0].canvas;
    let frame = widgets::fit(picture, vec2(size.width as f32, size.height as f32));
    let words = match cell {
        Cell::Made(id, _) | Cell::Measuring(id) => {
            thumbnail(ui, studio, look, id, frame);
            match cell {
                Cell::Made(_, scores) => scores.words(),
                _ => "being measured".to_owned(),
            }
        }
        Cell::Failed(words) => {
            ui.painter().rect_filled(frame, 4.0, colors.raised);
            sign(ui, frame, icons::WARNING, colors.amber);
            format!("failed: {words}")
        }
        Cell::Waiting => {
            ui.painter().rect_filled(frame, 4.0, colors.raised);
            "waits".to_owned()
        }
        Cell::Rendering(job) => {
            ui.painter().rect_filled(frame, 4.0, colors.raised);
            preview(ui, studio, look, *job, frame);
            studio.renders.runs.get(*job).map_or_else(String::new, |run| run.words())
        }
    };
    let below = |number: f32| {
        let top = picture.bottom() + 3.0 + number * LINE;
        Rect::from_min_size(pos2(place.left(), top), vec2(place.width(), LINE))
    };
    match cell {
        Cell::Made(_, scores) => {
            for (number, words) in lines(scores).into_iter().enumerate() {
                let lost = number == 2 && !scores.findings.is_empty();
                line(ui, below(number as f32), &words, if lost { colors.amber } else { colors.text });
            }
        }
        Cell::Failed(words) => line(ui, below(0.0), words, colors.amber),
        _ => line(ui, below(0.0), &words, colors.weak),
    }
    let is_there = large::result(begun, at).is_some();
    let sense = if is_there { Sense::click() } else { Sense::hover() };
    let response = ui.interact(place, ui.scope_id().with(("compared", index, side.letter())), sense);
    if response.has_focus() {
        ui.painter().rect_stroke(frame, 4.0, (2.0, colors.accent), StrokeKind::Inside);
    }
    let name = format!("{}, seed {seed}: {words}", side.letter());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let findings = match cell {
        Cell::Made(_, scores) => scores.findings.iter().map(|words| format!("\n{words}")).collect(),
        _ => String::new(),
    };
    let large = if is_there { "\nPress to see it large" } else { "" };
    response.on_hover_text(format!("{name}{findings}{large}")).clicked()
}

/// What stands below a picture that is there; of encoders last.
fn lines(scores: &Scores) -> Vec<String> {
    let value = |score: Score| score.value(scores).map(|value| score.write(value));
    let truth = scores.measures.as_ref().map(|measures| {
        let known = measures.recognised();
        format!("{known}/{} recognised · {} figures", measures.subjects.len(), measures.figures)
    });
    let followed = value(Score::Followed).map_or_else(String::new, |value| format!("masks {value} · "));
    let time = format!("{followed}{:.0} s", scores.seconds);
    let findings = match scores.findings.as_slice() {
        [] => "no findings".to_owned(),
        [one] => one.clone(),
        many => format!("{} findings", many.len()),
    };
    let lines = match truth {
        Some(truth) => [truth, time, findings],
        None => [time, String::new(), findings],
    };
    lines.into_iter().chain(scores.seen()).collect()
}

/// Paints a line of small words, cut where it has no room.
fn line(ui: &Ui, place: Rect, words: &str, color: eframe::egui::Color32) {
    let mut job = text::LayoutJob::simple_singleline(words.to_owned(), FontId::proportional(12.0), color);
    job.wrap = text::TextWrapping::truncate_at_width(place.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(place.min, galley, color);
}

fn sign(ui: &Ui, place: Rect, icon: &str, color: eframe::egui::Color32) {
    ui.painter().text(place.center(), Align2::CENTER_CENTER, icon, FontId::proportional(24.0), color);
}

fn thumbnail(ui: &mut Ui, studio: &mut Studio, look: &mut Look, id: &String, place: Rect) {
    // The sizes of the gallery, so that a picture is made small once for both.
    let side = if place.width().max(place.height()) * ui.pixels_per_point() <= 128.0 { 128 } else { 256 };
    match studio.results.store.thumbnail(id, side) {
        Some(picture) => {
            let texture = look.textures.get(ui.ctx(), ("result", id, side), || textures::opaque(&picture));
            Image::new(&texture).paint_at(ui, place);
        }
        None if studio.results.store.failure(id).is_some() => sign(ui, place, icons::WARNING, theme::colors(ui).amber),
        None => {
            ui.painter().rect_filled(place, 4.0, theme::colors(ui).line);
        }
    }
}

/// What the newest step of a render looks like.
fn preview(ui: &mut Ui, studio: &Studio, look: &mut Look, job: crate::link::JobId, place: Rect) {
    let run = studio.renders.runs.get(job);
    let Some((step, view)) = run.and_then(|run| Some((run.newest()?, run.step(run.newest()?)?))) else { return };
    if let Some(picture) = view.previews.first() {
        let texture = look.textures.get(ui.ctx(), ("compared", job, step), || textures::opaque(picture));
        Image::new(&texture).paint_at(ui, place);
    }
}
