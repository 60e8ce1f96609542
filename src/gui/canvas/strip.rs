//! The pictures of one render side by side, below the picture: a click shows one, Ctrl+click compares it.

use eframe::egui::{self, Rect, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::board::{Board, canvas_size};
use super::memory::CanvasLook;
use super::shown::{Face, shown};
use super::split::Against;
use crate::gui::look::{Look, Mode};
use crate::gui::paint::{self, Sampling};
use crate::gui::theme;
use crate::studio::Studio;

/// The side of a picture, in points.
const SIDE: f32 = 48.0;
/// The room that the strip takes, in points.
const HEIGHT: f32 = 80.0;

/// The room that is needed; none where a render makes one picture, or while masks are painted, which are seen on one.
pub fn height(studio: &Studio, look: &Look) -> f32 {
    let several = studio.renders.runs.shown().is_some_and(|run| run.project.pictures > 1);
    if several && look.mode != Mode::Collage && studio.renders.mask_editor.is_none() { HEIGHT } else { 0.0 }
}

/// Draws the strip below the board.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &Look, memory: &mut CanvasLook, board: &Board) {
    if height(studio, look) == 0.0 || board.beneath < HEIGHT {
        return;
    }
    let Some(shown) = shown(studio) else { return };
    let seeds = shown.project.seeds();
    let below = board.map.board;
    let left =
        board.map.sheet(canvas_size(studio)).left().clamp(below.left(), (below.right() - SIDE).max(below.left()));
    let rect = Rect::from_min_max(pos2(left, below.bottom() + 8.0), pos2(below.right(), below.bottom() + HEIGHT));
    let mut inner = ui.new_child(egui::UiBuilder::new().id_salt("strip").max_rect(rect));
    ScrollArea::horizontal().id_salt("strip").auto_shrink([false, true]).show(&mut inner, |ui| {
        ui.horizontal(|ui| {
            for (index, seed) in seeds.into_iter().enumerate() {
                let compared = studio.renders.runs.compared == Some((shown.job, index));
                let on = shown.picture == index;
                if picture_button(ui, shown.face.as_ref(), index, seed, on, compared) {
                    if ui.input(|input| input.modifiers.command) {
                        studio.renders.runs.compared = Some((shown.job, index));
                        memory.split.on = true;
                        memory.split.against = Against::Compared;
                    } else {
                        studio.renders.runs.picture = index;
                    }
                }
            }
        });
    });
}

/// One picture with its seed. Says whether it was clicked.
fn picture_button(ui: &mut Ui, face: Option<&Face>, index: usize, seed: u64, on: bool, compared: bool) -> bool {
    let colors = theme::colors(ui);
    let words = RichText::new(seed.to_string()).small().color(if on { colors.text } else { colors.weak });
    let inner = ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::click());
        ui.painter().rect_filled(rect, 4.0, colors.raised);
        if let Some(face) = face {
            paint::picture(ui.painter(), rect, &face.source(index), Sampling::Smooth);
        }
        let stroke = match (on, compared) {
            (true, _) => Stroke::new(2.0, colors.accent),
            (false, true) => Stroke::new(2.0, colors.playhead),
            _ if response.hovered() || response.has_focus() => Stroke::new(1.0, colors.accent),
            _ => Stroke::new(1.0, colors.line),
        };
        ui.painter().rect_stroke(rect, 4.0, stroke, StrokeKind::Outside);
        ui.scope(|ui| {
            ui.set_max_width(SIDE);
            ui.add(egui::Label::new(words).truncate()).on_hover_text(format!("Seed {seed}"));
        });
        response
    });
    let name = format!("Picture {}, seed {seed}", index + 1);
    inner.inner.widget_info(|| WidgetInfo::selected(Role::Button, true, on, &name));
    let what = if compared { "Compared with the shown one" } else { "Click to show, Ctrl+click to compare" };
    inner.inner.on_hover_text(format!("{name}\n{what}")).clicked()
}
