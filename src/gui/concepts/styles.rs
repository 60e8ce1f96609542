//! The cards of the styles: files that act on the whole picture.

use eframe::egui::Ui;

use super::files;
use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::project::{ConceptFile, Project};
use crate::studio::Studio;

/// Draws the cards below the concepts'.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.add_space(8.0);
    widgets::section(ui, "Styles", |ui| {
        let button = ui.button(format!("{} Add...", icons::PLUS));
        if widgets::named(button, "Add a LoRA or textual inversion that acts on the whole picture").clicked() {
            look.choose(Purpose::Styles);
        }
    });
    for (index, style) in studio.project().styles.clone().iter().enumerate() {
        widgets::card(ui, false, None, |ui| {
            let remove = |project: &mut Project| {
                if index < project.styles.len() {
                    project.styles.remove(index);
                }
            };
            let edit = |project: &mut Project, edit: &dyn Fn(&mut ConceptFile)| {
                project.styles.iter_mut().skip(index).take(1).for_each(edit);
            };
            files::further(ui, studio, style, "the styles", remove, edit);
            words(ui, studio, style);
        });
        ui.add_space(4.0);
    }
}

/// The words that a style's prompt should have.
fn words(ui: &mut Ui, studio: &mut Studio, style: &ConceptFile) {
    let Some(Ok(facts)) = files::known(studio, &style.file) else { return };
    let own = facts.words.iter().map(|word| word.word.as_str());
    let said: Vec<&str> = own.chain(facts.triggers.iter().map(String::as_str)).take(4).collect();
    if !said.is_empty() {
        ui.label(theme::note(ui, format!("words for the prompt: {}", said.join(", "))));
    }
}
