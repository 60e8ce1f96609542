//! The side panel: what is known of the chosen results, and what can be done with them.

use eframe::egui::{self, Grid as Table, RichText, ScrollArea, Ui};

use super::{Look, Open, View, choice, export, grid, words};
use crate::gui::look::Page;
use crate::gui::{icons, theme, widgets};
use crate::studio::export::exporting::Subject;
use crate::studio::results::store::Entry;
use crate::studio::{Place, ResultId, Studio};

/// Draws the panel.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let chosen = look.gallery.choice.all().to_vec();
        match chosen.as_slice() {
            [] => hint(ui, studio),
            [id] => {
                if let Some(entry) = studio.results.store.entry(id).cloned() {
                    one(ui, studio, look, &entry);
                }
            }
            many => several(ui, studio, look, many),
        }
    });
}

fn hint(ui: &mut Ui, studio: &Studio) {
    let words = if studio.gallery().next().is_none() {
        "What is known of a picture stands here: its prompt, seed and times."
    } else {
        "Select a picture to see how it was made. Ctrl+click selects more, Shift+click a range; two can be compared. \
         Double-click opens one large."
    };
    ui.add(egui::Label::new(RichText::new(words).small().color(theme::colors(ui).weak)).wrap());
}

fn one(ui: &mut Ui, studio: &mut Studio, look: &mut Look, entry: &Entry) {
    let is_large = look.gallery.open.is_some();
    if !is_large && grid::thumbnail_button(ui, studio, look, entry, ui.available_width()) {
        choice::open_one(&mut look.gallery, entry.id.clone());
    }
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        let starred = studio.is_starred(entry);
        let name = if starred { "Take the star off" } else { "Star this picture" };
        if widgets::icon_toggle(ui, icons::STAR, starred, name).clicked() {
            studio.star(&entry.id, !starred);
        }
        // Asked for now, so that it is there when it is wanted.
        studio.results.store.request(&entry.id);
        if widgets::icon_button(ui, icons::COPY, "Copy the picture (Ctrl+C)").clicked() {
            choice::copy(ui, studio, &entry.id);
        }
        if widgets::icon_button(ui, icons::TRASH, "Delete (Del); Ctrl+Z brings it back").clicked() {
            delete(studio, look, std::slice::from_ref(&entry.id));
        }
        export::menu_for(ui, studio, look, &Subject::Result(entry.id.clone()));
    });
    ui.add_space(4.0);
    let back = ui.button(format!("{} Go back to its project", icons::CLOCK_COUNTER_CLOCKWISE));
    if back.on_hover_text("Opens the project that made this picture; Ctrl+Z returns to the present one").clicked() {
        studio.session.notices.retain(|notice| notice.place != Place::Gallery);
        studio.restore_result(&entry.id);
        look.gallery.restoring = true;
    }
    let layer = ui.button(format!("{} Use as a layer", icons::STACK));
    if layer.on_hover_text("Puts this picture on the canvas of the present project").clicked() {
        studio.use_result(&entry.id);
        look.page = Page::Compose;
    }
    ui.add_space(12.0);
    ui.add(egui::Label::new(&entry.prompt).wrap());
    ui.add_space(8.0);
    facts(ui, entry);
    if let Some(failure) = studio.results.store.failure(&entry.id) {
        widgets::amber(ui, failure);
    }
}

fn facts(ui: &mut Ui, entry: &Entry) {
    let weak = theme::colors(ui).weak;
    Table::new("facts of a result").num_columns(2).min_row_height(16.0).spacing([16.0, 4.0]).show(ui, |ui| {
        let mut row = |what: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                ui.label(RichText::new(what).small().color(weak));
                ui.add(egui::Label::new(RichText::new(value).small()).wrap());
                ui.end_row();
            }
        };
        row("Seed", entry.seed.map(|seed| seed.to_string()));
        row("Size", (entry.size.0 > 0).then(|| format!("{} × {}", entry.size.0, entry.size.1)));
        row("Time", words::took(entry.took));
        row("Device", Some(entry.device.clone()));
        row("Made", Some(words::moment(entry.made)));
    });
}

fn several(ui: &mut Ui, studio: &mut Studio, look: &mut Look, chosen: &[ResultId]) {
    ui.label(format!("{} pictures selected", chosen.len()));
    ui.add_space(8.0);
    if let [before, after] = chosen {
        for id in chosen {
            if let Some(entry) = studio.results.store.entry(id).cloned() {
                let width = (ui.available_width() / 2.0).min(160.0);
                let seed = entry.seed.map_or_else(|| "Seed unknown".to_owned(), |seed| format!("Seed {seed}"));
                ui.label(RichText::new(seed).small().color(theme::colors(ui).weak));
                if grid::thumbnail_button(ui, studio, look, &entry, width) {
                    choice::open_one(&mut look.gallery, id.clone());
                }
            }
        }
        ui.add_space(4.0);
        let words = format!("{} Compare", icons::SPLIT_HORIZONTAL);
        if ui.button(words).on_hover_text("Both large, with what differs in their settings").clicked() {
            look.gallery.open = Some(Open::Two(before.clone(), after.clone()));
            look.gallery.view = View::default();
        }
    } else {
        let words = "Select two to compare them.";
        ui.label(RichText::new(words).small().color(theme::colors(ui).weak));
    }
    ui.add_space(4.0);
    let all_starred =
        chosen.iter().all(|id| studio.results.store.entry(id).is_some_and(|entry| studio.is_starred(entry)));
    let (words, star) = if all_starred { ("Take the stars off", false) } else { ("Star all", true) };
    if ui.button(format!("{} {words}", icons::STAR)).clicked() {
        for id in chosen {
            studio.star(id, star);
        }
    }
    let delete_all = ui.button(format!("{} Delete {} pictures", icons::TRASH, chosen.len()));
    if delete_all.on_hover_text("Ctrl+Z brings them back").clicked() {
        delete(studio, look, chosen);
    }
}

fn delete(studio: &mut Studio, look: &mut Look, doomed: &[ResultId]) {
    if look.gallery.open.is_some() {
        look.gallery.open = None;
    }
    studio.delete_results(doomed, true);
}
