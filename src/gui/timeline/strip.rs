//! The strip of step previews.

use std::ops::Range;

use eframe::egui::{self, CornerRadius, Rect, Ui, Vec2, pos2};

use super::axis::Axis;
use crate::gui::textures::Textures;
use crate::gui::theme;
use crate::gui::views::preview;
use crate::studio::Run;

/// A picture may lose up to this share of itself where that fills its cell.
const CUT: f32 = 0.3;
/// A thousand thumbnails would be nothing that anybody could see.
const MOST: usize = 120;

/// One cell of the strip: the steps that it stands for, and the one that it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The steps that it stands for.
    pub steps: Range<usize>,
    /// The one in their middle.
    pub shown: usize,
}

/// As many cells as fit, all as wide as each other.
pub fn cells(steps: usize, fits: usize) -> Vec<Cell> {
    let count = steps.min(fits.clamp(1, MOST));
    let at = |half: usize| half * steps / (2 * count.max(1));
    let cell = |cell: usize| {
        let steps = at(2 * cell)..at(2 * cell + 2);
        Cell { shown: at(2 * cell + 1).min(steps.end.saturating_sub(1)), steps }
    };
    (0..count).map(cell).collect()
}

/// Draws the strip of a run, or of one that is not there yet: `aspect` is a picture's width by its height.
pub fn draw(ui: &Ui, row: Rect, axis: Axis, aspect: f32, run: Option<&Run>, picture: usize, textures: &mut Textures) {
    let colors = theme::colors(ui);
    let fits = (row.width() / (row.height() * aspect).max(8.0)) as usize;
    let cells = cells(axis.steps, fits);
    let width = row.width() / cells.len().max(1) as f32;
    for (index, cell) in cells.iter().enumerate() {
        let left = row.left() + width * index as f32;
        let place = Rect::from_min_max(pos2(left, row.top()), pos2(left + width - 1.0, row.bottom()));
        let view = run.and_then(|run| Some((run.job, run.step(cell.shown)?)));
        let ground = if view.is_some() { colors.raised } else { colors.raised.gamma_multiply(0.5) };
        ui.painter().rect_filled(place, CornerRadius::same(2), ground);
        let Some((job, view)) = view else { continue };
        let Some(texture) = preview(ui.ctx(), textures, job.0, view, picture) else { continue };
        let (place, uv) = fitted(place, aspect);
        egui::Image::from_texture(&texture).uv(uv).corner_radius(2).paint_at(ui, place);
    }
}

/// Where a picture goes in a cell, and which part of it: all of it, or what fills the cell where that is most of it.
fn fitted(cell: Rect, aspect: f32) -> (Rect, Rect) {
    let full = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let wider = cell.width() / (cell.height() * aspect).max(1.0);
    if wider > 1.0 / (1.0 - CUT) {
        let size = Vec2::new(cell.height() * aspect, cell.height());
        (Rect::from_center_size(cell.center(), size), full)
    } else {
        let kept = if wider > 1.0 { Vec2::new(1.0, 1.0 / wider) } else { Vec2::new(wider, 1.0) };
        (cell, Rect::from_center_size(full.center(), kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cover_all_steps_and_show_one_of_their_own() {
        for (steps, fits) in [(1, 20), (4, 20), (20, 17), (50, 17), (999, 25), (999, 100_000), (7, 0)] {
            let cells = cells(steps, fits);
            assert!(cells.len() <= fits.clamp(1, MOST) && cells.len() <= steps, "{steps} in {fits}");
            assert_eq!((cells[0].steps.start, cells.last().unwrap().steps.end), (0, steps));
            assert!(cells.windows(2).all(|pair| pair[0].steps.end == pair[1].steps.start));
            assert!(cells.iter().all(|cell| cell.steps.contains(&cell.shown)), "{steps} in {fits}");
        }
        assert_eq!(cells(0, 20), []);
    }

    #[test]
    fn a_picture_fills_its_cell_or_stands_in_its_middle() {
        let cell = Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(46.0, 40.0));
        let (place, uv) = fitted(cell, 1.0);
        assert_eq!(place, cell);
        assert!((uv.height() - 40.0 / 46.0).abs() < 1e-6 && uv.width() == 1.0);
        let (place, _) = fitted(Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(175.0, 40.0)), 1.0);
        assert_eq!((place.width(), place.center().x), (40.0, 87.5));
    }
}
