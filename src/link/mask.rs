//! A mask: which cells of a grid belong to a subject. Bringing one from grid to grid is the engine's (`engine/masks.rs`).

/// Which cells of a `height` × `width` grid belong to a subject; `on` is row-major.
///
/// A mask whose `on` is not `height * width` long cannot be right; every method takes it for empty or ignores the
/// excess rather than panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Row-major cells.
    pub on: Vec<bool>,
}

impl Mask {
    /// A mask with no cell on.
    pub fn empty(height: usize, width: usize) -> Self {
        Self::from_fn(height, width, |_, _| false)
    }

    /// A mask with the cells on for which `on(row, column)` holds.
    pub fn from_fn(height: usize, width: usize, mut on: impl FnMut(usize, usize) -> bool) -> Self {
        let cells = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        Self { height, width, on: cells.map(|(y, x)| on(y, x)).collect() }
    }

    /// (height, width).
    pub fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// How many cells are on.
    pub fn count(&self) -> usize {
        self.on.iter().filter(|&&on| on).count()
    }

    /// Whether no cell is on.
    pub fn is_empty(&self) -> bool {
        !self.on.contains(&true)
    }

    /// Intersection over union, 0..1: the matching degree D of the paper's Algorithm 1. 0 where both are empty, and
    /// for masks on different grids, which have no cell in common.
    pub fn iou(&self, other: &Self) -> f32 {
        if self.size() != other.size() {
            return 0.0;
        }
        let pairs = || self.on.iter().zip(&other.on);
        let both = pairs().filter(|&(&a, &b)| a && b).count();
        let either = pairs().filter(|&(&a, &b)| a || b).count();
        if either == 0 {
            return 0.0;
        }
        both as f32 / either as f32
    }

    /// The cells on in either. On different grids there is nothing to join: `self` as it is.
    pub fn union(&self, other: &Self) -> Self {
        if self.size() != other.size() {
            return self.clone();
        }
        let on = self.on.iter().zip(&other.on).map(|(&a, &b)| a || b);
        Self { on: on.collect(), ..*self }
    }

    /// The smallest upright rectangle that holds every cell that is on, filled. Empty for an empty mask.
    pub fn bounding_rectangle(&self) -> Self {
        let cells = self.on.iter().enumerate().filter(|&(_, &on)| on);
        let positions = cells.filter_map(|(i, _)| Some((i.checked_div(self.width)?, i % self.width)));
        let bounds = positions.fold(None, |bounds, (y, x)| {
            let (top, left, bottom, right) = bounds.unwrap_or((y, x, y, x));
            Some((y.min(top), x.min(left), y.max(bottom), x.max(right)))
        });
        let Some((top, left, bottom, right)) = bounds else {
            return Self::empty(self.height, self.width);
        };
        Self::from_fn(self.height, self.width, |y, x| (top..=bottom).contains(&y) && (left..=right).contains(&x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let cells: Vec<Vec<char>> = rows.iter().map(|row| row.chars().collect()).collect();
        let width = cells.first().map_or(0, Vec::len);
        Mask::from_fn(rows.len(), width, |y, x| cells[y][x] == '#')
    }

    #[test]
    fn the_matching_degree_counts_shared_cells() {
        let a = mask(&["##.", "..."]);
        let b = mask(&[".##", "..."]);
        assert_eq!(a.iou(&b), 1.0 / 3.0);
        assert_eq!(a.union(&b), mask(&["###", "..."]));
        assert_eq!(Mask::empty(2, 3).iou(&Mask::empty(2, 3)), 0.0);
        assert_eq!(a.iou(&mask(&["##"])), 0.0);
        assert_eq!(a.union(&mask(&["##"])), a);
    }

    #[test]
    fn the_rectangle_holds_every_cell() {
        let scattered = mask(&["....", ".#..", "...#", "...."]);
        assert_eq!(scattered.bounding_rectangle(), mask(&["....", ".###", ".###", "...."]));
        assert!(Mask::empty(3, 3).bounding_rectangle().is_empty());
    }

    #[test]
    fn a_torn_mask_never_panics() {
        let torn = Mask { height: 2, width: 2, on: vec![true] };
        assert_eq!(torn.bounding_rectangle().count(), 1);
        let no_columns = Mask { height: 0, width: 0, on: vec![true] };
        assert!(no_columns.bounding_rectangle().is_empty());
    }
}
