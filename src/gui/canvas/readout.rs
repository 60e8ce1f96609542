//! What the pointer is on, in words.

use eframe::egui::{Align2, CornerRadius, Rect, Ui, vec2};

use super::board::{Board, Side, canvas_size, small};
use super::view::Mapping;
use super::{overlay, placed, shown};
use crate::gui::cells::{cell, is_on, share};
use crate::gui::look::{Look, Overlay};
use crate::gui::{theme, views};
use crate::studio::Studio;
use crate::studio::document::geometry::Point;

/// The pixel that is pointed at and what is there: the layer, the masks, the cluster, the attention.
pub fn words(studio: &mut Studio, look: &Look, board: &Board, at: Point) -> String {
    let canvas = canvas_size(studio);
    let mut parts = Vec::new();
    match Mapping::pixel(at, canvas) {
        Some((x, y)) => parts.push(format!("{x}, {y}")),
        None => parts.push(format!("{:.0}, {:.0} · outside the canvas", at.0.floor(), at.1.floor())),
    }
    let layers = placed::placed(studio);
    if let Some(placed) = placed::hit(&layers, at).and_then(|index| layers.get(index)) {
        let title = placed.layer.title();
        parts.push(match (&placed.layer.concept, placed.layer.locked) {
            (Some(concept), _) => format!("{title} ({concept})"),
            (None, true) => format!("{title} (locked)"),
            (None, false) => title,
        });
    }
    parts.extend(of_step(studio, look, board, at, canvas));
    parts.join(" · ")
}

/// What the shown step has at a place of the canvas.
fn of_step(studio: &Studio, look: &Look, board: &Board, at: Point, canvas: (f32, f32)) -> Vec<String> {
    let Some(shown) = shown::shown(studio) else { return Vec::new() };
    // The picture lies on the sheet as it does on its board, whichever board is pointed at.
    let place = shown::place_of(board.map.sheet(canvas), &shown.project);
    let share = share(place, board.map.screen(at));
    if let Some(editor) = &studio.renders.mask_editor {
        let names = editor.names().iter().zip(editor.masks());
        return vec![belongs(names.filter(|(_, mask)| is_on(mask, share)).map(|(name, _)| name.as_str()))];
    }
    let Some(step) =
        shown.step.as_ref().filter(|_| board.side == Side::Picture || look.mode != crate::gui::look::Mode::Collage)
    else {
        return Vec::new();
    };
    let lane = overlay::lane(look, &shown.project);
    match look.overlay {
        Overlay::None => Vec::new(),
        Overlay::Masks => {
            let views = step.masks.get(shown.picture).into_iter().flatten();
            vec![belongs(views.filter(|view| is_on(&view.combined, share)).map(|view| view.concept.as_str()))]
        }
        Overlay::Clusters => {
            let view = views::clusters(step, &lane, shown.picture).and_then(|index| step.clusters.get(index));
            let label = view.and_then(|view| view.labels.get(cell(view.grid, share)?));
            label.map(|label| format!("cluster {}", label + 1)).into_iter().collect()
        }
        Overlay::Attention => {
            let word = overlay::word(look, step, &lane, shown.picture);
            let view = views::attention(step, &lane, &word, shown.picture).and_then(|index| step.attention.get(index));
            let value = view.and_then(|view| {
                let value = view.values.get(cell(view.grid, share)?)?;
                Some(view.range.0 + value * (view.range.1 - view.range.0))
            });
            let words = value.map(|value| format!("{} {}", overlay::word_words(&word), overlay::number(value)));
            words.into_iter().collect()
        }
    }
}

fn belongs<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "in no mask".into() } else { format!("in the mask of {}", names.join(", ")) }
}

/// Draws the words at the right end of the foot, in several lines over the canvas where one is not enough.
pub fn draw(ui: &Ui, words: &str, foot: Rect, highest: f32) {
    let colors = theme::colors(ui);
    let galley = ui.painter().layout(words.to_owned(), small(ui), colors.weak, (foot.width() - 16.0).max(80.0));
    let size = galley.size();
    let mut rect = Align2::RIGHT_CENTER.align_size_within_rect(size, foot.shrink2(vec2(8.0, 0.0)));
    if size.y > foot.height() - 8.0 {
        // A taller one grows upwards.
        rect = rect.translate(vec2(0.0, (foot.bottom() - 4.0 - rect.bottom()).min(0.0)));
        rect = rect.translate(vec2(0.0, (highest - rect.top()).max(0.0)));
        ui.painter().rect_filled(rect.expand(4.0), CornerRadius::same(4), colors.panel);
    }
    ui.painter().galley(rect.min, galley, colors.weak);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_named_or_said_to_be_none() {
        assert_eq!(belongs(["mint cat", "plum dog"].into_iter()), "in the mask of mint cat, plum dog");
        assert_eq!(belongs([].into_iter()), "in no mask");
    }
}
