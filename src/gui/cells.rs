//! Which cell of a mask or a grid is at a place of the picture.

use eframe::egui::{Pos2, Rect};

use crate::engine::masks::Mask;

/// Where in a picture a point of the screen is: 0..1 from its left and from its top, if it is in it.
pub fn share(place: Rect, at: Pos2) -> (f32, f32) {
    ((at.x - place.left()) / place.width(), (at.y - place.top()) / place.height())
}

/// Whether a mask has the cell at a place, 0..1 from the left and from the top.
pub fn is_on(mask: &Mask, share: (f32, f32)) -> bool {
    cell((mask.height, mask.width), share).and_then(|cell| mask.on.get(cell)).copied().unwrap_or(false)
}

/// The row and column of a grid (rows, columns) at a place, 0..1 from the left and from the top.
pub fn row_and_column((rows, columns): (usize, usize), (x, y): (f32, f32)) -> Option<(usize, usize)> {
    let inside = (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y);
    let at = |share: f32, count: usize| ((share * count as f32) as usize).min(count.saturating_sub(1));
    (inside && rows > 0 && columns > 0).then(|| (at(y, rows), at(x, columns)))
}

/// The same as the number of the cell, row by row.
pub fn cell(grid: (usize, usize), share: (f32, f32)) -> Option<usize> {
    row_and_column(grid, share).map(|(row, column)| row * grid.1 + column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_fall_into_cells_row_by_row() {
        assert_eq!(cell((2, 4), (0.0, 0.0)), Some(0));
        assert_eq!(cell((2, 4), (0.99, 0.5)), Some(7));
        assert_eq!(cell((2, 4), (1.0, 0.5)), None);
        assert_eq!(cell((2, 4), (-0.1, 0.5)), None);
        assert_eq!(cell((0, 4), (0.5, 0.5)), None);
        assert_eq!(cell((2, 4), (f32::NAN, 0.5)), None);
    }
}
