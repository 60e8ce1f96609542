//! A concept's card: its face, what it stands for and whether it fits, its strengths, its words, its menu.

use eframe::egui::{self, Align, Color32, Id, Layout as Arrange, Sense, Ui, Vec2};

use super::memory::ConceptsLook;
use super::{files, triggers};
use crate::gui::asks::Purpose;
use crate::gui::export::address;
use crate::gui::look::{DraggedConcept, Look};
use crate::gui::{icons, textures, theme, widgets};
use crate::project::{Concept, MaskSource};
use crate::studio::document::palette;
use crate::studio::{Place, Studio};

/// The side of a thumbnail, in points.
const THUMBNAIL: f32 = 44.0;

/// How many layers a concept is on.
fn layers_of(studio: &Studio, name: &str) -> usize {
    studio.project().layers().iter().filter(|layer| layer.concept.as_deref() == Some(name)).count()
}

/// Draws a concept's card.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concepts: &mut ConceptsLook, concept: &Concept) {
    let facts = files::known(studio, &concept.file);
    let mut all = vec![facts.clone()];
    all.extend(concept.more.iter().map(|file| files::known(studio, &file.file)));
    let fits = all.iter().flatten().all(|known| known.as_ref().is_ok_and(|facts| facts.misfit.is_none()));
    let used = layers_of(studio, &concept.name) > 0 || !matches!(concept.mask, MaskSource::Layers);
    let edge = match (fits, used) {
        (false, _) => theme::colors(ui).amber,
        (true, true) => theme::mark(concept.color),
        (true, false) => theme::colors(ui).line,
    };
    let lit = look.pointed.lit.as_ref() == Some(&concept.name);
    let id = Id::unique(("concept", &concept.name));
    let card = widgets::card(ui, lit, Some(edge), |ui| {
        ui.horizontal_top(|ui| {
            let drag = ui.dnd_drag_source(id, DraggedConcept(concept.name.clone()), |ui| {
                let (rect, _) = ui.allocate_exact_size(Vec2::splat(THUMBNAIL), Sense::hover());
                face(ui, look, concept, facts.as_ref().and_then(|facts| facts.as_ref().ok()), rect);
            });
            let handle = drag.response.on_hover_cursor(egui::CursorIcon::Grab);
            widgets::named(handle, &format!("Drag {} onto a layer", concept.name));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.horizontal(|ui| {
                    ui.with_layout(Arrange::right_to_left(Align::Center), |ui| {
                        ui.menu_button(icons::DOTS_THREE, |ui| concept_menu(ui, studio, look, concepts, concept))
                            .response
                            .on_hover_text(format!("More about {}", concept.name));
                        ui.label(theme::note(ui, format!("{:.2}", concept.strength)));
                        ui.with_layout(Arrange::left_to_right(Align::Center), |ui| {
                            ui.add(egui::Label::new(&concept.name).truncate());
                        });
                    });
                });
                let words = format!(
                    "stands for \"{}\" · {}",
                    concept.class_word,
                    files::in_a_line(facts.as_ref(), concept.strength)
                );
                let label = ui.add(egui::Label::new(theme::note(ui, words)).wrap());
                files::about(label, &concept.file, facts.as_ref());
                if !used {
                    ui.label(theme::note(ui, "not used: drag it onto a layer"));
                }
                files::show(ui, studio, concept);
                triggers::show(ui, studio, concept);
            });
        });
    });
    if card.response.contains_pointer() {
        look.pointed.concept = Some(concept.name.clone());
    }
    widgets::said_ui(ui, studio, &Place::Concept(concept.name.clone()));
}

/// The concept's picture, or its first letter on its colour.
fn face(
    ui: &mut Ui,
    look: &mut Look,
    concept: &Concept,
    facts: Option<&std::sync::Arc<crate::studio::files::knowledge::ConceptFacts>>,
    rect: egui::Rect,
) {
    match facts.and_then(|facts| facts.thumbnail.as_ref()) {
        Some(thumbnail) => {
            let key = ("concept", &concept.file, thumbnail.len());
            let texture = look.textures.get(ui.ctx(), key, || textures::transparent(thumbnail));
            widgets::paint_fitted(ui, &texture, rect);
        }
        None => {
            let initial =
                concept.name.chars().next().map_or_else(|| "?".into(), |letter| letter.to_uppercase().to_string());
            ui.painter().rect_filled(rect, 6.0, theme::mark(concept.color));
            let ink: Color32 = theme::on_mark(concept.color);
            ui.painter().text(
                rect.center(),
                egui::Align2::CENTER_CENTER,
                initial,
                egui::FontId::proportional(20.0),
                ink,
            );
        }
    }
}

fn concept_menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concepts: &mut ConceptsLook, concept: &Concept) {
    let name = concept.name.clone();
    ui.menu_button("Assign to", |ui| {
        let layers: Vec<(usize, String)> =
            studio.project().layers().iter().map(|layer| layer.title()).enumerate().collect();
        if layers.is_empty() {
            ui.label("There is no layer yet.");
        }
        for (index, title) in layers.into_iter().rev() {
            if ui.button(title).clicked() {
                studio.document.assign(index, Some(name.clone()));
                ui.close();
            }
        }
    });
    ui.horizontal(|ui| {
        let label = ui.label("Name");
        let typed = concepts.renaming.get_or_insert_with(|| (name.clone(), name.clone()));
        if typed.0 != name {
            *typed = (name.clone(), name.clone());
        }
        let field = ui.add(egui::TextEdit::singleline(&mut typed.1).desired_width(140.0)).labelled_by(label.id);
        if field.lost_focus() {
            let to = typed.1.clone();
            concepts.renaming = None;
            studio.rename_concept(&name, &to);
        }
    });
    ui.horizontal(|ui| {
        let label = ui.label("Stands for");
        let mut word = concept.class_word.clone();
        let field = ui.add(egui::TextEdit::singleline(&mut word).desired_width(108.0)).labelled_by(label.id);
        let field = field.on_hover_text("The plain word in the prompt that this concept replaces, such as cat");
        widgets::edit_by(studio, &field, &format!("Class word of {name}"), |project| {
            if let Some(concept) = project.concepts.iter_mut().find(|concept| concept.name == name) {
                concept.class_word = word;
            }
        });
    });
    ui.horizontal(|ui| {
        ui.label("Colour");
        for (words, color) in palette::COLORS {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::click());
            ui.painter().circle_filled(rect.center(), 7.0, theme::mark(color));
            if color == concept.color {
                ui.painter().circle_stroke(rect.center(), 8.0, (1.5, theme::colors(ui).text));
            }
            if widgets::named(response, words).clicked() {
                studio.document.edit_concept(&name, format!("Colour of {name}"), |concept| concept.color = color);
            }
        }
    });
    let facts = studio.file_facts(&concept.file).and_then(Result::ok);
    if let Some(address) = facts.and_then(|facts| address(facts.sheet.as_ref()?))
        && ui.button("Show its test sheet").on_hover_text("What it drew when it had been trained").clicked()
    {
        ui.ctx().open_url(egui::OpenUrl::new_tab(address));
        ui.close();
    }
    ui.separator();
    files::menu(ui, studio, look, concept);
    if ui.button("Choose another file...").clicked() {
        look.choose(Purpose::ReplaceConcept(name.clone()));
        ui.close();
    }
    if ui.button("Remove from the project").clicked() {
        studio.document.remove_concept(&name);
        ui.close();
    }
}
