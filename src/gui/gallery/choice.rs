//! Which results are chosen.

use super::rows::Grid;
use crate::studio::ResultId;
use crate::studio::results::store::Entry;

/// The chosen results.
#[derive(Debug, Default)]
pub struct Choice {
    /// In the order in which they were chosen.
    chosen: Vec<ResultId>,
    /// Where a range begins.
    anchor: Option<ResultId>,
    /// The one chosen last, from which arrow keys go on.
    cursor: Option<ResultId>,
    /// The card that has the keyboard's focus.
    focused: Option<ResultId>,
    /// The cursor was moved by keys and must be brought into view.
    pub reveal: bool,
}

impl Choice {
    /// The chosen results, the first chosen first.
    pub fn all(&self) -> &[ResultId] {
        &self.chosen
    }

    /// Whether a result is chosen.
    pub fn has(&self, id: &str) -> bool {
        self.chosen.iter().any(|chosen| chosen == id)
    }

    /// The one from which keys go on.
    pub fn cursor(&self) -> Option<&ResultId> {
        self.cursor.as_ref()
    }

    /// The card that has the keyboard's focus.
    pub fn focused(&self) -> Option<&ResultId> {
        self.focused.as_ref()
    }

    /// Keys go on from the card that has the focus, where they have nothing yet to go on from.
    pub fn go_on_from_focus(&mut self) {
        if self.cursor.is_none() {
            self.cursor = self.focused.clone();
        }
    }

    /// Chooses one and no other.
    pub fn only(&mut self, id: ResultId) {
        self.chosen = vec![id.clone()];
        self.anchor = Some(id.clone());
        self.cursor = Some(id);
    }

    /// Chooses one too, or no longer.
    pub fn toggle(&mut self, id: ResultId) {
        match self.chosen.iter().position(|chosen| *chosen == id) {
            Some(at) => drop(self.chosen.remove(at)),
            None => self.chosen.push(id.clone()),
        }
        self.anchor = Some(id.clone());
        self.cursor = Some(id);
    }

    /// Chooses all from where the last choice began to here; `order` is as they are shown.
    pub fn up_to(&mut self, id: ResultId, order: &[&ResultId]) {
        let at = |id: &ResultId| order.iter().position(|known| *known == id);
        let (Some(from), Some(to)) = (self.anchor.as_ref().and_then(at), at(&id)) else {
            return self.only(id);
        };
        let range = order.get(from.min(to)..=from.max(to)).unwrap_or_default();
        self.chosen = range.iter().map(|id| (*id).clone()).collect();
        if from > to {
            self.chosen.reverse();
        }
        self.cursor = Some(id);
    }

    /// The card that has the keyboard's focus in this frame.
    pub fn focus(&mut self, id: Option<ResultId>) {
        self.focused = id;
    }

    /// Forgets what is not shown any more. Where the cursor was taken out, the one after it is chosen.
    pub fn retain(&mut self, grid: &Grid, entries: &[Entry]) {
        if self.chosen.is_empty() && self.cursor.is_none() {
            return;
        }
        let shown: std::collections::HashSet<&ResultId> = grid.order(entries).into_iter().collect();
        self.chosen.retain(|id| shown.contains(id));
        for known in [&mut self.anchor, &mut self.cursor, &mut self.focused] {
            if known.as_ref().is_some_and(|id| !shown.contains(id)) {
                *known = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Vec<ResultId> {
        ["a", "b", "c", "d", "e"].map(str::to_owned).into()
    }

    #[test]
    fn a_range_goes_from_where_the_choice_began_in_the_order_of_choosing() {
        let ids = ids();
        let order: Vec<&ResultId> = ids.iter().collect();
        let mut choice = Choice::default();
        choice.only("d".into());
        choice.up_to("b".into(), &order);
        assert_eq!(choice.all(), ["d", "c", "b"]);
        choice.up_to("e".into(), &order);
        assert_eq!(choice.all(), ["d", "e"]);
        choice.toggle("a".into());
        choice.toggle("d".into());
        assert_eq!(choice.all(), ["e", "a"]);
        // The anchor is gone from the order: a range is a single one then.
        choice.up_to("b".into(), &order[1..3]);
        assert_eq!(choice.all(), ["b"]);
    }
}
