//! The gallery: every finished picture with its settings, those of one render side by side.
//!
//! - Which pictures, in which rows? `rows.rs`, drawn by `grid.rs`. Which is chosen? `choice.rs`, by keys in `keys.rs`.
//! - What is known of the chosen ones, and what can be done with them? `side.rs`, and by a right click `menu.rs`.
//! - One large, or two against each other? `large.rs`.
//! - How are times and batches said? `words.rs`. What is remembered? `memory.rs`.

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel, RichText, Ui};

mod choice;
mod grid;
mod keys;
mod large;
mod memory;
mod menu;
mod rows;
mod side;
mod words;

pub use memory::GalleryLook;

use super::look::{Look, Page};
use super::{export, icons, theme, widgets};
use crate::studio::results::store::Entry;
use crate::studio::{Place, ResultId, Studio};
use memory::{Filter, Open, Order};
use rows::Grid;

/// The side of a card, in points.
const SIDE: std::ops::RangeInclusive<f32> = 96.0..=384.0;

/// Draws the Gallery page.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, gallery: &mut GalleryLook) {
    leave_once_restored(studio, look, gallery);
    let side = Frame::new().fill(theme::colors(ui).panel).inner_margin(Margin::same(12));
    let half = (ui.available_width() * 0.45).max(96.0);
    Panel::right("gallery side")
        .frame(side)
        .resizable(true)
        .default_size(288.0_f32.min(half))
        .size_range(160.0_f32.min(half)..=480.0_f32.min(half))
        .show(ui, |ui| side::show(ui, studio, look, gallery));
    let middle = Frame::new().fill(theme::colors(ui).ground).inner_margin(Margin::same(12));
    CentralPanel::default().frame(middle).show(ui, |ui| {
        widgets::said_ui(ui, studio, &Place::Gallery);
        export::status(ui, studio);
        let (filter, needle) = (gallery.filter, gallery.search.trim().to_lowercase());
        let is_shown = |entry: &Entry| {
            let is_deleted = studio.document.history.doc().deleted.contains(&entry.id);
            is_deleted == (filter == Filter::Deleted)
                && (filter != Filter::Starred || studio.is_starred(entry))
                && words::matches(entry, &needle)
        };
        let entries = studio.results.store.entries();
        let shown = entries.iter().enumerate().filter(|(_, entry)| is_shown(entry)).map(|(index, _)| index);
        let shown = in_order(studio, gallery.order, shown.collect());
        let in_all = match filter {
            Filter::Deleted => studio.deleted_results().count(),
            Filter::All | Filter::Starred => studio.gallery().count(),
        };
        let side = gallery.side.min(ui.available_width() - 24.0).max(48.0);
        let grid = Grid::lay_out(studio.results.store.entries(), &shown, rows::columns(ui.available_width(), side));
        gallery.choice.retain(&grid, studio.results.store.entries());
        close_what_is_gone(studio, gallery);
        keys::take(ui, studio, gallery, &grid);
        match gallery.open.clone() {
            Some(Open::One(id)) => large::one(ui, studio, look, gallery, &grid, &id),
            Some(Open::Two(before, after)) => large::two(ui, studio, look, gallery, &before, &after),
            None => {
                bar(ui, gallery, shown.len(), in_all);
                ui.add_space(8.0);
                if in_all == 0 && filter == Filter::Deleted {
                    let words = "Nothing was deleted. What is deleted can be brought back from here until the window is closed, \
                                 also when another project is open by then.";
                    quiet(ui, words, |_| ());
                } else if in_all == 0 {
                    empty(ui, studio, look);
                } else if shown.is_empty() {
                    nothing_matches(ui, gallery);
                } else {
                    grid::show(ui, studio, look, gallery, &grid, side);
                }
            }
        }
    });
}

/// Entries, given by their indices, the newest first, in another order; those of one render stay side by side.
fn in_order(studio: &Studio, order: Order, mut shown: Vec<usize>) -> Vec<usize> {
    let entries = studio.results.store.entries();
    let of = |index: &usize| entries.get(*index);
    match order {
        Order::Newest => {}
        Order::Oldest => shown.reverse(),
        Order::Prompt => shown.sort_by_key(|index| of(index).map(|entry| entry.prompt.to_lowercase())),
        Order::Seed => shown.sort_by_key(|index| of(index).map(|entry| entry.seed.unwrap_or(u64::MAX))),
        Order::Starred => shown.sort_by_key(|index| of(index).map(|entry| !studio.is_starred(entry))),
    }
    shown
}

/// A result that was taken out is not shown large any more, nor one that was brought back among those taken out.
fn close_what_is_gone(studio: &Studio, gallery: &mut GalleryLook) {
    let deleted = &studio.document.history.doc().deleted;
    let is_there = |id: &ResultId| {
        studio.results.store.entry(id).is_some() && deleted.contains(id) == (gallery.filter == Filter::Deleted)
    };
    let gone = match &gallery.open {
        Some(Open::One(id)) => !is_there(id),
        Some(Open::Two(before, after)) => !is_there(before) || !is_there(after),
        None => false,
    };
    if gone {
        gallery.open = None;
    }
}

/// Shows the canvas once a result's project is the present one. What went wrong is said here.
fn leave_once_restored(studio: &Studio, look: &mut Look, gallery: &mut GalleryLook) {
    if gallery.restoring && !studio.is_busy() {
        gallery.restoring = false;
        if !studio.session.notices.iter().any(|notice| notice.place == Place::Gallery) {
            look.page = Page::Compose;
        }
    }
}

fn bar(ui: &mut Ui, gallery: &mut GalleryLook, shown: usize, in_all: usize) {
    ui.horizontal_wrapped(|ui| {
        let filters = [(Filter::All, "All"), (Filter::Starred, "Starred"), (Filter::Deleted, "Deleted")];
        widgets::segmented(ui, &mut gallery.filter, &filters);
        widgets::room_for(ui, 120.0);
        let now = Order::ALL.iter().find(|(order, _)| *order == gallery.order).map_or("", |(_, words)| words);
        let list = egui::ComboBox::from_id_salt("gallery order").selected_text(now).width(96.0).show_ui(ui, |ui| {
            for (order, words) in Order::ALL {
                ui.selectable_value(&mut gallery.order, order, words);
            }
        });
        widgets::name_list(list.response, &format!("Order: {now}"), "In which order the pictures lie");
        ui.label(RichText::new(icons::MAGNIFYING_GLASS).color(theme::colors(ui).weak));
        let field = egui::TextEdit::singleline(&mut gallery.search).desired_width(160.0).hint_text("Search prompts");
        let field = ui.add(field);
        let (enabled, typed) = (field.enabled(), gallery.search.clone());
        field.widget_info(|| {
            let mut info = egui::WidgetInfo::text_edit(enabled, typed.clone(), typed.clone(), "");
            info.label = Some("Search prompts and seeds".into());
            info
        });
        field.on_hover_text("Shows pictures whose prompt holds all of these words, or whose seed this is");
        if !gallery.search.is_empty() && widgets::icon_button(ui, icons::X, "Clear the search").clicked() {
            gallery.search.clear();
        }
        widgets::room_for(ui, 104.0);
        ui.spacing_mut().slider_width = 96.0;
        let slider = ui.add(egui::Slider::new(&mut gallery.side, SIDE).show_value(false));
        let (enabled, value) = (slider.enabled(), f64::from(gallery.side));
        slider.widget_info(|| egui::WidgetInfo::slider(enabled, value, "Size of the pictures"));
        slider.on_hover_text("Size of the pictures");
        let words = match (shown, in_all) {
            (1, 1) => "1 picture".to_owned(),
            (shown, all) if shown == all => format!("{all} pictures"),
            (shown, all) => format!("{shown} of {all} pictures"),
        };
        ui.label(theme::note(ui, words));
    });
}

fn empty(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    let words = if studio.results.store.is_listed() {
        "No pictures yet. Every finished picture is kept here by itself, with the project that made it: \
         go to Compose and press Render."
    } else {
        "Reading the gallery"
    };
    quiet(ui, words, |ui| {
        if studio.results.store.is_listed() && ui.button("Go to Compose").clicked() {
            look.page = Page::Compose;
        }
    });
}

fn nothing_matches(ui: &mut Ui, gallery: &mut GalleryLook) {
    let words = match (gallery.filter == Filter::Starred, gallery.search.trim().is_empty()) {
        (true, true) => "No picture is starred. Select one and press the star to find it here again.",
        (true, false) => "No starred picture has these words in its prompt.",
        (false, _) => "No picture has these words in its prompt.",
    };
    quiet(ui, words, |ui| {
        if ui.button("Show all pictures").clicked() {
            gallery.filter = Filter::All;
            gallery.search.clear();
        }
    });
}

/// A few words in the middle of an empty place, with what to do.
fn quiet(ui: &mut Ui, words: &str, add: impl FnOnce(&mut Ui)) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).min(160.0));
        ui.label(RichText::new(icons::IMAGES).size(32.0).color(theme::colors(ui).weak));
        widgets::centered_words(ui, words, 360.0);
        ui.add_space(8.0);
        add(ui);
    });
}
