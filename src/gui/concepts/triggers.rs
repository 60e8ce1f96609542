//! The words that call a concept: chips to choose from, and a field to type over.

use eframe::egui::{self, Button, RichText, Ui};

use super::files;
use crate::gui::widgets;
use crate::project::Concept;
use crate::studio::Studio;

/// How many words a card offers; a file may name thousands.
const OFFERED: usize = 8;

/// Draws the chips and the field, where the concept's files name words or bring none of their own.
pub fn show(ui: &mut Ui, studio: &mut Studio, concept: &Concept) {
    let (mut offered, mut brought, mut read): (Vec<String>, usize, bool) = (Vec::new(), 0, true);
    for file in concept.files() {
        match files::known(studio, &file.file) {
            Some(Ok(facts)) => {
                brought += facts.words.len();
                for word in facts.triggers.iter().take(OFFERED) {
                    if offered.len() < OFFERED && !offered.contains(word) {
                        offered.push(word.clone());
                    }
                }
            }
            Some(Err(_)) => {}
            None => read = false,
        }
    }
    if !read || (brought > 0 && concept.trigger.is_none()) {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
        for word in &offered {
            let on = concept.has_trigger(word);
            let chip = ui.add(Button::new(RichText::new(word).small()).selected(on).corner_radius(8.0));
            let enabled = chip.enabled();
            let name = format!("{} is called {word}", concept.name);
            chip.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, enabled, on, &name));
            let does = if on { "Takes the word out of" } else { "Puts the word into" };
            if chip.on_hover_text(format!("{does} what calls {} in its own prompt", concept.name)).clicked() {
                let step = format!("Trigger words of {}", concept.name);
                studio.document.edit_concept(&concept.name, step, |concept| concept.toggle_trigger(word));
            }
        }
    });
    let mut typed = concept.trigger.clone().unwrap_or_default();
    let hint = format!("called by \"{}\"", concept.class_word);
    let field = egui::TextEdit::singleline(&mut typed).hint_text(hint).desired_width(f32::INFINITY);
    let field = ui.add(field.font(egui::TextStyle::Small));
    let (enabled, name) = (field.enabled(), format!("Trigger words of {}", concept.name));
    field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, enabled, &name));
    let field = field.on_hover_text(
        "The words that its file was trained with: they stand in place of the class word in this concept's own prompt",
    );
    widgets::edit_by(studio, &field, &name, |project| {
        files::change(project, &concept.name, |concept| {
            concept.trigger = Some(typed).filter(|typed| !typed.is_empty());
        });
    });
}
