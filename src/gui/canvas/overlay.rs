//! What is laid over the picture: masks, clustered self-attention, cross-attention.

use eframe::egui::{Align2, Color32, Key, Modifiers, Rect, Ui, pos2, vec2};

use super::board::{Board, Tags, label};
use super::shown::Shown;
use crate::engine::masks::Mask;
use crate::gui::look::{Look, Overlay};
use crate::gui::paint::{self, MaskStyle, Outline, Source};
use crate::gui::{theme, views};
use crate::link::{Lane, StepView};
use crate::project::{Color, Project};
use crate::studio::document::palette;

/// How opaque the mask of the concept that is pointed at is filled.
const LIT: f32 = 0.34;
/// How opaque clusters are drawn.
const CLUSTERS: f32 = 0.62;
/// How opaque heatmaps are drawn.
const HEAT: f32 = 0.72;
/// How opaque the line of the base branch's mask is drawn.
const FAINT: f32 = 0.55;

/// A concept's colour in a render; the first of the palette where the render does not know the concept.
pub fn color_of(project: &Project, concept: &str) -> Color {
    project.concept(concept).map_or(palette::COLORS[0].1, |(_, concept)| concept.color)
}

/// The branch that is shown: the chosen one, or the base where the render has no such concept.
pub fn lane(look: &Look, project: &Project) -> Lane {
    match &look.lane {
        Lane::Concept(name) if project.concept(name).is_none() => Lane::Base,
        lane => lane.clone(),
    }
}

/// Whether overlays wait behind the finished picture, which one wants to see as it is.
pub fn is_behind(look: &Look, shown: &Shown) -> bool {
    shown.is_finished() && look.over_finished != Some(shown.job)
}

/// Whether overlays are to be seen now: not over a finished picture, unless somebody laid them there; and while O is held, the
/// other way round.
pub fn is_seen(ui: &Ui, look: &Look, shown: &Shown) -> bool {
    let held = ui.input(|input| input.key_down(Key::O) && input.modifiers == Modifiers::NONE);
    let peeks = held && !ui.ctx().text_edit_focused();
    is_behind(look, shown) == peeks
}

/// A word in words.
pub fn word_words(word: &str) -> String {
    if word.is_empty() { "all subjects".into() } else { format!("\"{word}\"") }
}

/// The words whose cross-attention a step has for a branch, in their order.
pub fn words(step: &StepView, lane: &Lane, picture: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for view in step.attention.iter().filter(|view| view.lane == *lane && view.picture == picture) {
        if !words.contains(&view.word) {
            words.push(view.word.clone());
        }
    }
    words
}

/// The word that is shown: the chosen one, or the first that the branch has.
pub fn word(look: &Look, step: &StepView, lane: &Lane, picture: usize) -> String {
    let words = words(step, lane, picture);
    if words.contains(&look.word) { look.word.clone() } else { words.into_iter().next().unwrap_or_default() }
}

/// Draws what is chosen over the picture at `place`.
pub fn draw(ui: &Ui, look: &Look, board: &Board, shown: &Shown, place: Rect) {
    let Some(step) = &shown.step else { return };
    let picture = shown.picture;
    let lane = lane(look, &shown.project);
    let missing = |what: &str| {
        let words = format!("This step has no {what} of {}", views::lane_name(&lane));
        let corner = place.intersect(board.painter.clip_rect()).left_bottom() + vec2(8.0, -8.0);
        label(ui, &board.painter, corner, Align2::LEFT_BOTTOM, &words);
    };
    match look.overlay {
        Overlay::None => {}
        Overlay::Masks => masks(ui, look, board, shown, step.masks.get(picture).map_or(0, Vec::len), place),
        Overlay::Clusters => match views::clusters(step, &lane, picture) {
            Some(index) => {
                let source = Source::part(step, move |step| step.clusters.get(index));
                paint::clusters(&board.painter, place, &source, &theme::CLUSTERS, CLUSTERS);
            }
            None => missing("self-attention"),
        },
        Overlay::Attention => {
            let word = word(look, step, &lane, picture);
            match views::attention(step, &lane, &word, picture) {
                Some(index) => {
                    let source = Source::part(step, move |step| step.attention.get(index));
                    paint::heatmap(&board.painter, place, &source, look.color_map, look.sampling, HEAT);
                    let range = step.attention.get(index).map_or((0.0, 1.0), |view| view.range);
                    let words = format!("{} · {} to {}", word_words(&word), number(range.0), number(range.1));
                    let corner = place.intersect(board.painter.clip_rect()).left_bottom() + vec2(8.0, -8.0);
                    label(ui, &board.painter, corner, Align2::LEFT_BOTTOM, &words);
                }
                None => missing("cross-attention"),
            }
        }
    }
}

/// A probability: three digits that count.
pub fn number(value: f32) -> String {
    if value != 0.0 && value.abs() < 0.001 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

fn masks(ui: &Ui, look: &Look, board: &Board, shown: &Shown, subjects: usize, place: Rect) {
    let Some(step) = &shown.step else { return };
    let picture = shown.picture;
    let sampling = look.sampling;
    for subject in 0..subjects {
        let Some(view) = step.masks.get(picture).and_then(|views| views.get(subject)) else { continue };
        let color = theme::mark(color_of(&shown.project, &view.concept));
        let line = |outline, color: Color32| MaskStyle { color, fill: 0.0, outline, sampling };
        if look.masks.combined {
            let source = Source::part(step, move |step| Some(&step.masks.get(picture)?.get(subject)?.combined));
            let fill = if look.pointed.lit.as_ref() == Some(&view.concept) { LIT } else { MaskStyle::FILL };
            let style = MaskStyle { fill, ..line(Outline::Solid, color) };
            paint::mask(&board.painter, place, &source, style);
        }
        if look.masks.base {
            let source = Source::part(step, move |step| Some(&step.masks.get(picture)?.get(subject)?.base));
            paint::mask(&board.painter, place, &source, line(Outline::Solid, color.gamma_multiply(FAINT)));
        }
        if look.masks.custom {
            let source = Source::part(step, move |step| Some(&step.masks.get(picture)?.get(subject)?.custom));
            paint::mask(&board.painter, place, &source, line(Outline::Dashed, color));
        }
    }
    if !(look.masks.combined || look.masks.base || look.masks.custom) {
        return;
    }
    let mut tags = Tags::default();
    for view in step.masks.get(picture).into_iter().flatten() {
        let mask = if look.masks.combined {
            &view.combined
        } else if look.masks.custom {
            &view.custom
        } else {
            &view.base
        };
        tag(ui, &mut tags, board, mask, &view.concept, color_of(&shown.project, &view.concept), place);
    }
}

/// A concept's name at the top of its mask.
pub fn tag(ui: &Ui, tags: &mut Tags, board: &Board, mask: &Mask, name: &str, color: Color, place: Rect) {
    let Some((x, y)) = top_of(mask).filter(|_| place.width() >= Tags::LEAST_SHEET) else { return };
    let anchor = pos2(place.left() + x * place.width(), place.top() + y * place.height() - 4.0);
    tags.put(ui, &board.painter, anchor, true, name, color);
}

/// The middle of the columns and the top of the rows of a mask's largest connected part, 0..1: crumbs elsewhere do not
/// draw the name away from its subject. None where the mask is empty.
fn top_of(mask: &Mask) -> Option<(f32, f32)> {
    let part = largest_part(mask);
    let cells = part.into_iter().map(|cell| (cell / mask.width, cell % mask.width));
    let extent = cells.fold(None, |extent: Option<(usize, usize, usize)>, (row, column)| {
        let (left, right, top) = extent.unwrap_or((column, column, row));
        Some((left.min(column), right.max(column), top.min(row)))
    });
    let (left, right, top) = extent?;
    let x = (left + right + 1) as f32 / 2.0 / mask.width.max(1) as f32;
    Some((x, top as f32 / mask.height.max(1) as f32))
}

/// The cells of the largest part whose cells touch side by side; the first of equally large ones.
fn largest_part(mask: &Mask) -> Vec<usize> {
    let (width, count) = (mask.width, mask.on.len());
    if width == 0 {
        return Vec::new();
    }
    let mut left = mask.on.clone();
    let mut largest = Vec::new();
    for start in 0..count {
        if !left[start] {
            continue;
        }
        left[start] = false;
        let (mut part, mut next) = (vec![start], 0);
        while let Some(&cell) = part.get(next) {
            next += 1;
            let column = cell % width;
            let beside = [
                (column > 0).then(|| cell - 1),
                (column + 1 < width).then(|| cell + 1),
                cell.checked_sub(width),
                Some(cell + width),
            ];
            for other in beside.into_iter().flatten().filter(|&other| other < count) {
                if std::mem::take(&mut left[other]) {
                    part.push(other);
                }
            }
        }
        if part.len() > largest.len() {
            largest = part;
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_above_the_middle_of_its_mask() {
        let mask = Mask::from_fn(4, 8, |row, column| row >= 2 && (2..4).contains(&column));
        assert_eq!(top_of(&mask), Some((3.0 / 8.0, 0.5)));
        let crumb = Mask::from_fn(4, 8, |row, column| row >= 2 && (2..4).contains(&column) || (row, column) == (0, 7));
        assert_eq!(top_of(&crumb), top_of(&mask));
        assert_eq!(top_of(&Mask::empty(4, 4)), None);
        assert_eq!(top_of(&Mask { height: 0, width: 0, on: vec![true] }), None);
    }

    #[test]
    fn small_probabilities_keep_their_digits() {
        assert_eq!((number(0.0), number(0.31), number(0.00042)), ("0.000".into(), "0.310".into(), "4.2e-4".into()));
    }
}
