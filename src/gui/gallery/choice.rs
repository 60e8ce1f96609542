//! Which results are chosen, by pointer and keys.

use eframe::egui::{Event, Key, Modifiers, Ui};

use super::grid::{self, Grid};
use super::{GalleryLook, Look, Open, View};
use crate::gui::textures;
use crate::studio::results::store::Entry;
use crate::studio::{ResultId, Studio};

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

/// Takes the keys of this frame that are for the gallery.
pub fn keys(ui: &Ui, studio: &mut Studio, look: &mut Look, grid: &Grid) {
    let gallery = &mut look.gallery;
    let on_card = gallery.choice.focused.as_ref().is_some_and(|id| ui.memory(|m| m.has_focus(grid::card_id(id))));
    if ui.ctx().egui_wants_keyboard_input() && !on_card {
        return;
    }
    if on_card && gallery.choice.cursor.is_none() {
        gallery.choice.cursor = gallery.choice.focused.clone();
    }
    let key = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if gallery.open.is_some() && key(Key::Escape) {
        gallery.open = None;
    }
    if gallery.open.is_none() && key(Key::Enter) {
        // A card that was reached by Tab is the one meant.
        let id = if on_card { gallery.choice.focused.clone() } else { gallery.choice.cursor.clone() };
        if let Some(id) = id {
            open_one(gallery, id);
        }
    }
    for (arrow, by) in
        [(Key::ArrowLeft, (-1, 0)), (Key::ArrowRight, (1, 0)), (Key::ArrowUp, (0, -1)), (Key::ArrowDown, (0, 1))]
    {
        for extend in [true, false] {
            let modifiers = if extend { Modifiers::SHIFT } else { Modifiers::NONE };
            if ui.input_mut(|input| input.consume_key(modifiers, arrow)) {
                step(ui, gallery, grid, studio.results.store.entries(), by, extend, on_card);
            }
        }
    }
    if key(Key::Delete) || key(Key::Backspace) {
        delete(studio, look, grid);
    }
    let copies = ui.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy)));
    if copies && let Some(id) = look.gallery.choice.cursor.clone() {
        copy(ui, studio, &id);
    }
}

fn step(
    ui: &Ui,
    gallery: &mut GalleryLook,
    grid: &Grid,
    entries: &[Entry],
    by: (isize, isize),
    extend: bool,
    on_card: bool,
) {
    let order = grid.order(entries);
    let now = gallery.choice.cursor.as_ref().and_then(|id| order.iter().position(|known| *known == id));
    let next = match now {
        None => 0,
        // Large, only before and after make sense.
        Some(now) if gallery.open.is_some() => now.saturating_add_signed(by.0 + by.1),
        Some(now) if by.1 == 0 => now.saturating_add_signed(by.0),
        Some(now) => grid.above_or_below(now, by.1),
    };
    let Some(&id) = order.get(next.min(order.len().saturating_sub(1))) else { return };
    let id = id.clone();
    match &mut gallery.open {
        Some(Open::Two(..)) => return,
        Some(Open::One(open)) => open.clone_from(&id),
        None => {}
    }
    if extend && gallery.open.is_none() {
        gallery.choice.up_to(id.clone(), &order);
    } else {
        gallery.choice.only(id.clone());
    }
    gallery.choice.reveal = true;
    if on_card {
        ui.memory_mut(|memory| memory.request_focus(grid::card_id(&id)));
    }
}

/// Shows a result large.
pub fn open_one(gallery: &mut GalleryLook, id: ResultId) {
    gallery.choice.only(id.clone());
    gallery.open = Some(Open::One(id));
    gallery.view = View::default();
}

/// Takes the chosen results out of the gallery and chooses the one after them.
pub fn delete(studio: &mut Studio, look: &mut Look, grid: &Grid) {
    let choice = &mut look.gallery.choice;
    let doomed = choice.chosen.clone();
    if doomed.is_empty() {
        return;
    }
    let order = grid.order(studio.results.store.entries());
    let last = order.iter().rposition(|id| doomed.contains(id)).unwrap_or(0);
    let stays = |id: &&&ResultId| !doomed.contains(id);
    let next = order.iter().skip(last).find(stays).or_else(|| order.iter().take(last).rfind(stays));
    match next.map(|id| (*id).clone()) {
        Some(next) => choice.only(next),
        None => *choice = Choice::default(),
    }
    if let (Some(Open::One(open)), Some(cursor)) = (&mut look.gallery.open, &look.gallery.choice.cursor) {
        open.clone_from(cursor);
    }
    studio.delete_results(&doomed, true);
}

/// Puts a result's picture on the clipboard, if it is in memory; else it is asked for, and the second press has it.
pub fn copy(ui: &Ui, studio: &mut Studio, id: &ResultId) {
    if let Some(picture) = studio.results.store.picture(id) {
        ui.ctx().copy_image(textures::opaque(&picture));
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
