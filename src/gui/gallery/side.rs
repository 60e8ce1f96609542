//! The side panel: what is known of the chosen results, and what can be done with them.

use eframe::egui::{self, ScrollArea, Ui};

use super::memory::{Filter, GalleryLook, Open};
use super::{grid, keys, menu, words};
use crate::gui::look::{Look, Page};
use crate::gui::zoomed::View;
use crate::gui::{export, icons, tables, theme, times, widgets};
use crate::studio::export::exporting::Subject;
use crate::studio::results::store::Entry;
use crate::studio::{ResultId, Studio};

/// Draws the panel.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, gallery: &mut GalleryLook) {
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        let chosen = gallery.choice.all().to_vec();
        match chosen.as_slice() {
            [] => hint(ui, studio),
            [id] => {
                if let Some(entry) = studio.results.store.entry(id).cloned() {
                    one(ui, studio, look, gallery, &entry);
                }
            }
            many => several(ui, studio, look, gallery, many),
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
    ui.add(egui::Label::new(theme::note(ui, words)).wrap());
}

fn one(ui: &mut Ui, studio: &mut Studio, look: &mut Look, gallery: &mut GalleryLook, entry: &Entry) {
    let is_large = gallery.open.is_some();
    if !is_large && grid::thumbnail_button(ui, studio, look, entry, ui.available_width()) {
        gallery.open_one(entry.id.clone());
    }
    ui.add_space(8.0);
    if gallery.filter == Filter::Deleted {
        bring_back(ui, studio, std::slice::from_ref(&entry.id));
        ui.add_space(8.0);
        ui.add(egui::Label::new(&entry.prompt).wrap());
        ui.add_space(8.0);
        return facts(ui, look, entry);
    }
    ui.horizontal_wrapped(|ui| {
        let starred = studio.is_starred(entry);
        let name = if starred { "Take the star off" } else { "Star this picture" };
        let toggle = widgets::icon_toggle(ui, icons::STAR, starred, name);
        if starred {
            widgets::star(ui.painter(), toggle.rect.center(), 8.0, theme::colors(ui).amber);
        }
        if toggle.clicked() {
            studio.star(&entry.id, !starred);
        }
        // Asked for now, so that it is there when it is wanted.
        studio.results.store.request(&entry.id);
        if widgets::icon_button(ui, icons::COPY, "Copy the picture (Ctrl+C)").clicked() {
            keys::copy(ui, studio, &entry.id);
        }
        if widgets::icon_button(ui, icons::TRASH, "Delete (Del); Ctrl+Z brings it back").clicked() {
            delete(studio, gallery, std::slice::from_ref(&entry.id));
        }
        export::menu_for(ui, studio, look, &Subject::Result(entry.id.clone()));
    });
    ui.add_space(4.0);
    let back = ui.button(format!("{} Go back to its project", icons::CLOCK_COUNTER_CLOCKWISE));
    if back.on_hover_text("Opens the project that made this picture; Ctrl+Z returns to the present one").clicked() {
        menu::go_back(studio, entry);
        gallery.restoring = true;
    }
    let layer = ui.button(format!("{} Use as a layer", icons::STACK));
    if layer.on_hover_text("Puts this picture on the canvas of the present project").clicked() {
        studio.use_result(&entry.id);
        look.page = Page::Compose;
    }
    ui.add_space(12.0);
    ui.add(egui::Label::new(&entry.prompt).wrap());
    ui.add_space(8.0);
    facts(ui, look, entry);
    if let Some(failure) = studio.results.store.failure(&entry.id) {
        widgets::amber(ui, failure);
    }
}

fn facts(ui: &mut Ui, look: &mut Look, entry: &Entry) {
    let zone = look.machine.zone(ui.ctx());
    let all = [
        ("Seed", entry.seed.map(|seed| seed.to_string())),
        ("Size", (entry.size.0 > 0).then(|| format!("{} × {}", entry.size.0, entry.size.1))),
        ("Time", words::took(entry.took)),
        ("Device", Some(entry.device.clone())),
        ("Made", Some(times::moment(entry.made, &zone))),
    ];
    let known = all.into_iter().filter_map(|(what, value)| Some((what, value.filter(|value| !value.is_empty())?)));
    tables::facts(ui, "facts of a result", &known.collect::<Vec<_>>());
}

fn several(ui: &mut Ui, studio: &mut Studio, look: &mut Look, gallery: &mut GalleryLook, chosen: &[ResultId]) {
    ui.label(format!("{} pictures selected", chosen.len()));
    ui.add_space(8.0);
    if let [before, after] = chosen {
        for id in chosen {
            if let Some(entry) = studio.results.store.entry(id).cloned() {
                let width = (ui.available_width() / 2.0).min(160.0);
                let seed = entry.seed.map_or_else(|| "Seed unknown".to_owned(), |seed| format!("Seed {seed}"));
                ui.label(theme::note(ui, seed));
                if grid::thumbnail_button(ui, studio, look, &entry, width) {
                    gallery.open_one(id.clone());
                }
            }
        }
        ui.add_space(4.0);
        let words = format!("{} Compare", icons::SPLIT_HORIZONTAL);
        if ui.button(words).on_hover_text("Both large, with what differs in their settings").clicked() {
            gallery.open = Some(Open::Two(before.clone(), after.clone()));
            gallery.view = View::default();
        }
    } else {
        let words = "Select two to compare them.";
        ui.label(theme::note(ui, words));
    }
    ui.add_space(4.0);
    if gallery.filter == Filter::Deleted {
        return bring_back(ui, studio, chosen);
    }
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
        delete(studio, gallery, chosen);
    }
}

/// The button that brings results back that were taken out, also where undo does not reach back so far any more.
fn bring_back(ui: &mut Ui, studio: &mut Studio, doomed: &[ResultId]) {
    let button = ui.button(format!("{} Bring back", icons::ARROW_COUNTER_CLOCKWISE));
    if button.on_hover_text("Puts it into the gallery again").clicked() {
        studio.delete_results(doomed, false);
    }
}

fn delete(studio: &mut Studio, gallery: &mut GalleryLook, doomed: &[ResultId]) {
    if gallery.open.is_some() {
        gallery.open = None;
    }
    studio.delete_results(doomed, true);
}
