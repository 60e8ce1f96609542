//! The gallery's keys, and what they do that buttons do too.

use eframe::egui::{Event, Key, Modifiers, Ui};

use super::choice::Choice;
use super::memory::{Filter, GalleryLook, Open};
use super::rows::{Grid, card_id};
use crate::gui::{textures, widgets};
use crate::studio::results::store::Entry;
use crate::studio::{ResultId, Studio};

/// Takes the keys of this frame that are for the gallery.
pub fn take(ui: &Ui, studio: &mut Studio, gallery: &mut GalleryLook, grid: &Grid) {
    if widgets::is_asked(ui) {
        return;
    }
    let on_card = gallery.choice.focused().is_some_and(|id| ui.memory(|m| m.has_focus(card_id(id))));
    if ui.ctx().egui_wants_keyboard_input() && !on_card {
        return;
    }
    if on_card {
        gallery.choice.go_on_from_focus();
    }
    let key = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if gallery.open.is_some() && key(Key::Escape) {
        gallery.open = None;
    }
    if gallery.open.is_none() && key(Key::Enter) {
        // A card that was reached by Tab is the one meant.
        let id = if on_card { gallery.choice.focused() } else { gallery.choice.cursor() };
        if let Some(id) = id.cloned() {
            gallery.open_one(id);
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
        delete(studio, gallery, grid);
    }
    let copies = ui.input(|input| input.events.iter().any(|event| matches!(event, Event::Copy)));
    if copies && let Some(id) = gallery.choice.cursor() {
        copy(ui, studio, id);
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
    let now = gallery.choice.cursor().and_then(|id| order.iter().position(|known| *known == id));
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
        ui.memory_mut(|memory| memory.request_focus(card_id(&id)));
    }
}

/// Takes the chosen results out of the gallery and chooses the one after them.
fn delete(studio: &mut Studio, gallery: &mut GalleryLook, grid: &Grid) {
    let choice = &mut gallery.choice;
    let doomed = choice.all().to_vec();
    if doomed.is_empty() || gallery.filter == Filter::Deleted {
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
    if let (Some(Open::One(open)), Some(cursor)) = (&mut gallery.open, gallery.choice.cursor()) {
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
