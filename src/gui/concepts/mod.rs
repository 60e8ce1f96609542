//! The cards of the concepts and styles: what each is, what it stands for, whether it fits, how strong it is.

use eframe::egui::{Button, Ui};

use super::asks::Purpose;
use super::look::Look;
use super::{icons, theme, widgets};
use crate::project::{Concept, ConceptFile};
use crate::studio::{Place, Studio};

mod card;
mod files;
mod memory;
mod styles;
mod triggers;

pub use memory::ConceptsLook;

/// Draws the cards.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concepts: &mut ConceptsLook) {
    widgets::section(ui, "Concepts", |ui| load_menu(ui, studio, look));
    ui.add_space(4.0);
    for concept in studio.project().concepts.clone() {
        card::show(ui, studio, look, concepts, &concept);
        ui.add_space(4.0);
    }
    if studio.project().concepts.is_empty() {
        ui.label(theme::note(
            ui,
            "A concept is what a model learnt of your cat, your dog, your cup. Load one and drag it onto a layer.",
        ));
    }
    styles::show(ui, studio, look);
    widgets::said_ui(ui, studio, &Place::Project);
}

fn load_menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.menu_button(format!("{} Load...", icons::PLUS), |ui| {
        if ui.button(format!("{} Choose a file...", icons::FOLDER_OPEN)).clicked() {
            look.choose(Purpose::Concepts);
            ui.close();
        }
        ui.separator();
        ui.label(theme::note(ui, "Built in, for the miniature"));
        let is_concept = |name: &str| name.starts_with("miniature/concepts/") && name.ends_with(".safetensors");
        for (name, _) in crate::assets::FILES.iter().filter(|(name, _)| is_concept(name)) {
            let path = std::path::PathBuf::from(format!("assets:{name}"));
            let words = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().replace('_', " "));
            let there = studio.project().concepts.iter().any(|concept| concept.file == path);
            if ui.add_enabled(!there, Button::new(words)).clicked() {
                let file = ConceptFile { strength: Concept::STRENGTH_OF_ED_LORA, ..ConceptFile::new(path) };
                studio.document.load_concept(file, None, &[]);
                ui.close();
            }
        }
    })
    .response
    .on_hover_text("Load a LoRA of any trainer, an ED-LoRA or a textual inversion, made for Stable Diffusion 1.5");
}
