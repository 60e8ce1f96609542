//! Which picture lies where: the cards in rows, those of one render side by side.

use eframe::egui::Id;

use crate::studio::ResultId;
use crate::studio::results::store::Entry;

/// Between two cards, in points.
pub const GAP: f32 = 8.0;

/// How many cards of this side lie beside each other.
pub fn columns(width: f32, side: f32) -> usize {
    (((width - 12.0 + GAP) / (side + GAP)) as usize).max(1)
}

/// A card's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which entry of the store.
    pub entry: usize,
    pub column: usize,
    /// For the first of a batch in a row: how many of the batch there are in all, and how many of them in this row.
    pub head: Option<(usize, usize)>,
}

/// All cards in rows. Those of one render that made several have rows of their own; single ones lie side by side.
#[derive(Debug, Default)]
pub struct Grid {
    pub rows: Vec<Vec<Cell>>,
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
            // After several of one render nothing else stands in their row.
            let after_several = rows.last().and_then(|row| row.first()?.head).is_some_and(|(count, _)| count > 1);
            if taken > 0 && (taken + batch.len() > columns || batch.len() > 1 || after_several) {
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

    /// The row that a result lies in.
    pub fn row_of(&self, entries: &[Entry], id: &ResultId) -> Option<usize> {
        self.rows.iter().position(|row| row.iter().any(|cell| entries.get(cell.entry).is_some_and(|e| e.id == *id)))
    }
}

/// The id of a result's card.
pub fn card_id(id: &ResultId) -> Id {
    Id::unique(("result", id))
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
        assert_eq!(rows(&[2, 1, 1, 2], 4), [vec!["0-0", "0-1"], vec!["1-0", "2-0"], vec!["3-0", "3-1"]]);
        assert_eq!(rows(&[5, 1], 3), [vec!["0-0", "0-1", "0-2"], vec!["0-3", "0-4"], vec!["1-0"]]);
        assert_eq!(rows(&[1, 1, 1], 2), [vec!["0-0", "1-0"], vec!["2-0"]]);
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
