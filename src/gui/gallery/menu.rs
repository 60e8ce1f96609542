//! The menu of a card.

use eframe::egui::{Button, Ui};

use super::keys;
use crate::gui::look::{Look, Page};
use crate::studio::results::store::Entry;
use crate::studio::{Place, Studio};

/// What a menu's item asks of the gallery itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// To show the result large.
    Open,
    /// To show the canvas once its project is the present one.
    Back,
}

/// Draws the menu of a result; `deleted` says that it was taken out.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry, deleted: bool) -> Option<Wanted> {
    // Asked for now, so that it is there when it shall be copied.
    studio.results.store.request(&entry.id);
    let item = |ui: &mut Ui, words: &str, keys: &str| {
        let button = Button::new(words);
        let clicked = ui.add(if keys.is_empty() { button } else { button.shortcut_text(keys) }).clicked();
        if clicked {
            ui.close();
        }
        clicked
    };
    let mut wanted = None;
    if item(ui, "Open large", "Enter") {
        wanted = Some(Wanted::Open);
    }
    if deleted {
        if item(ui, "Bring back", "") {
            studio.delete_results(std::slice::from_ref(&entry.id), false);
        }
        return wanted;
    }
    let starred = studio.is_starred(entry);
    if item(ui, if starred { "Take the star off" } else { "Star" }, "") {
        studio.star(&entry.id, !starred);
    }
    if item(ui, "Copy the picture", "Ctrl+C") {
        keys::copy(ui, studio, &entry.id);
    }
    ui.separator();
    if item(ui, "Go back to its project", "") {
        go_back(studio, entry);
        wanted = Some(Wanted::Back);
    }
    if item(ui, "Use as a layer", "or drag") {
        studio.use_result(&entry.id);
        look.page = Page::Compose;
    }
    ui.separator();
    if item(ui, "Delete", "Del") {
        studio.delete_results(std::slice::from_ref(&entry.id), true);
    }
    wanted
}

/// Asks for the project of a result to be the present one.
pub fn go_back(studio: &mut Studio, entry: &Entry) {
    studio.session.notices.retain(|notice| notice.place != Place::Gallery);
    studio.restore_result(&entry.id);
}
