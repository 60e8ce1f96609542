//! The cards of the concepts: what each is, what it stands for, whether it fits, how strong it is.

use eframe::egui::{self, Align, Color32, Id, Layout as Arrange, Sense, Ui, Vec2};

use super::asks::Purpose;
use super::look::{DraggedConcept, Look};
use super::{icons, textures, theme, widgets};
use crate::project::{Concept, MaskSource};
use crate::studio::document::palette;
use crate::studio::{Place, Studio};

/// The side of a thumbnail, in points.
const THUMBNAIL: f32 = 44.0;

/// What the cards remember between frames.
#[derive(Debug, Default)]
pub struct ConceptsLook {
    /// The concept being renamed, and what was typed so far.
    renaming: Option<(String, String)>,
}

/// Draws the cards.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concepts: &mut ConceptsLook) {
    widgets::section(ui, "Concepts", |ui| load_menu(ui, studio, look));
    ui.add_space(4.0);
    for concept in studio.project().concepts.clone() {
        concept_card(ui, studio, look, concepts, &concept);
        ui.add_space(4.0);
    }
    if studio.project().concepts.is_empty() {
        ui.label(theme::note(
            ui,
            "A concept is what a model learnt of your cat, your dog, your cup. Load one and drag it onto a layer.",
        ));
    }
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
        for (name, _) in crate::assets::FILES.iter().filter(|(name, _)| name.ends_with(".pth")) {
            let path = std::path::PathBuf::from(format!("assets:{name}"));
            let words = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().replace('_', " "));
            let there = studio.project().concepts.iter().any(|concept| concept.file == path);
            if ui.add_enabled(!there, egui::Button::new(words)).clicked() {
                studio.document.load_concept(path, None);
                ui.close();
            }
        }
    })
    .response
    .on_hover_text("Load an ED-LoRA file (.pth or .safetensors)");
}

/// How many layers a concept is on.
fn layers_of(studio: &Studio, name: &str) -> usize {
    studio.project().layers().iter().filter(|layer| layer.concept.as_deref() == Some(name)).count()
}

fn concept_card(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concepts: &mut ConceptsLook, concept: &Concept) {
    let facts = studio.concept_facts(concept);
    let fits = !matches!(&facts, Some(Err(_))) && !matches!(&facts, Some(Ok(facts)) if facts.misfit.is_some());
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
                let words = match &facts {
                    None => format!("stands for \"{}\" · reading its file", concept.class_word),
                    Some(Ok(facts)) if facts.misfit.is_none() => format!(
                        "stands for \"{}\" · rank {} · {} tokens · fits",
                        concept.class_word,
                        facts.rank,
                        facts.tokens.len()
                    ),
                    Some(Ok(facts)) => {
                        format!("stands for \"{}\" · rank {} · will not fit", concept.class_word, facts.rank)
                    }
                    Some(Err(_)) => "its file cannot be used".to_owned(),
                };
                let label = ui.add(egui::Label::new(theme::note(ui, words)).wrap());
                if let Some(Ok(facts)) = &facts {
                    label.on_hover_text(format!(
                        "{}\nTokens: {}\n{} wide, {:.1} thousand numbers\nColour: {}",
                        concept.file.display(),
                        facts.tokens.join(" "),
                        facts.width,
                        facts.parameters as f64 / 1000.0,
                        palette::name(concept.color)
                    ));
                }
                if !used {
                    ui.label(theme::note(ui, "not used: drag it onto a layer"));
                }
                strength(ui, studio, concept);
            });
        });
    });
    if card.response.contains_pointer() {
        look.pointed.concept = Some(concept.name.clone());
    }
    widgets::said_ui(ui, studio, &Place::Concept(concept.name.clone()));
}

fn strength(ui: &mut Ui, studio: &mut Studio, concept: &Concept) {
    let mut strength = concept.strength;
    ui.spacing_mut().slider_width = (ui.available_width() - 8.0).clamp(40.0, 200.0);
    let slider = ui.add(egui::Slider::new(&mut strength, Concept::STRENGTH).show_value(false).step_by(0.01));
    let enabled = slider.enabled();
    let name = format!("Strength of {}", concept.name);
    slider.widget_info(|| egui::WidgetInfo::slider(enabled, f64::from(strength), &name));
    let slider = slider
        .on_hover_text("The LoRA's weight: 0 has no effect, 0.7 is usual, 1 is as trained. A double click gives 0.7.");
    if slider.double_clicked() {
        studio.document.edit_concept(&concept.name, &*name, |concept| concept.strength = 0.7);
        return;
    }
    let which = concept.name.clone();
    widgets::edit_by(studio, &slider, &name, |project| {
        if let Some(concept) = project.concepts.iter_mut().find(|concept| concept.name == which) {
            concept.strength = strength;
        }
    });
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
    ui.separator();
    if ui.button("Choose another file...").clicked() {
        look.choose(Purpose::ReplaceConcept(name.clone()));
        ui.close();
    }
    if ui.button("Remove from the project").clicked() {
        studio.document.remove_concept(&name);
        ui.close();
    }
}
