//! What is known of the entry in hand, and what it can be used as.

use eframe::egui::{Label, Ui};

use super::LibraryLook;
use super::cards::{large, what};
use crate::gui::look::{Look, Page};
use crate::gui::{theme, widgets};
use crate::studio::Studio;
use crate::studio::library::entry::{Entry, Kind};

/// The most trigger words that are shown.
const MOST_TRIGGERS: usize = 24;

/// Draws what is known of the entry in hand.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, library: &mut LibraryLook) {
    let chosen = library.chosen.as_ref();
    let entry = studio.library.entries().iter().find(|entry| Some(&entry.path) == chosen).cloned();
    let Some(entry) = entry else { return };
    ui.add(Label::new(theme::strong(&entry.name)).wrap());
    ui.add(Label::new(theme::note(ui, format!("{}, from {}", what(&entry), entry.program))).wrap());
    large(ui, studio, look, &entry);
    ui.add(Label::new(theme::note(ui, entry.path.display().to_string())).wrap());
    if !entry.triggers.is_empty() {
        let words: Vec<&str> = entry.triggers.iter().take(MOST_TRIGGERS).map(String::as_str).collect();
        ui.add(Label::new(format!("Called by: {}", words.join(", "))).wrap());
    }
    if let Some(words) = &entry.unfit {
        widgets::amber(ui, words);
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        if let Some(words) = in_use(studio, &entry) {
            ui.label(theme::note(ui, words));
        } else if ui.add_enabled_ui(entry.unfit.is_none(), |ui| ui.button(used_as(studio, &entry))).inner.clicked() {
            studio.use_found(&entry);
        }
        if ui.button("Copy its path").clicked() {
            ui.ctx().copy_text(entry.path.display().to_string());
        }
        if ui.button("Go to Compose").clicked() {
            look.page = Page::Compose;
        }
    });
    ui.add_space(16.0);
}

/// What the button says that uses an entry.
fn used_as(studio: &Studio, entry: &Entry) -> String {
    match entry.kind {
        Kind::Model => "Use this model".into(),
        Kind::Vae => "Use this VAE".into(),
        _ => match studio.document.selected() {
            Some(layer) => format!("Make it a concept on layer {}", layer + 1),
            None => "Make it a concept".into(),
        },
    }
}

/// What an entry is in the project already.
fn in_use(studio: &Studio, entry: &Entry) -> Option<String> {
    let project = studio.project();
    if project.model.as_ref() == Some(&entry.path) {
        return Some("It is this project's model.".into());
    }
    if project.vae.as_ref() == Some(&entry.path) {
        return Some("It is this project's VAE.".into());
    }
    let concept = project.concepts.iter().find(|concept| concept.file == entry.path)?;
    Some(format!("It is the concept {}.", concept.name))
}
