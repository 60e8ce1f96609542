//! The strengths of a concept's files, and what is known of each file.

use std::path::Path;
use std::sync::Arc;

use eframe::egui::{self, Align, Layout as Arrange, Ui};

use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::project::{Concept, ConceptFile, Project};
use crate::studio::Studio;
use crate::studio::files::knowledge::ConceptFacts;

/// A strength that a slider sets.
pub struct Strength<'a> {
    /// What it is the strength of, for screen readers and the list of steps.
    pub name: String,
    /// What the pointer says of it.
    pub hover: &'a str,
    /// As it is.
    pub value: f32,
    /// What a double click gives.
    pub usual: f32,
    /// What may be asked for.
    pub range: std::ops::RangeInclusive<f32>,
}

/// Draws a strength's slider; `set` puts what it comes to into the project.
pub fn slider(ui: &mut Ui, studio: &mut Studio, strength: Strength<'_>, set: impl FnOnce(&mut Project, f32)) {
    let Strength { name, hover, mut value, usual, range } = strength;
    ui.spacing_mut().slider_width = (ui.available_width() - 8.0).clamp(40.0, 200.0);
    let slider = ui.add(egui::Slider::new(&mut value, range).show_value(false).step_by(0.01));
    let enabled = slider.enabled();
    slider.widget_info(|| egui::WidgetInfo::slider(enabled, f64::from(value), &name));
    let slider = slider.on_hover_text(format!("{hover} A double click gives {usual}."));
    if slider.double_clicked() {
        studio.edit(name, |project| set(project, usual));
        return;
    }
    widgets::edit_by(studio, &slider, &name, |project| set(project, value));
}

/// Changes one concept of a project, where it is still there.
pub fn change(project: &mut Project, concept: &str, change: impl FnOnce(&mut Concept)) {
    if let Some(known) = project.concepts.iter_mut().find(|known| known.name == concept) {
        change(known);
    }
}

/// What a person reads of a file's strength.
const HOVER: &str = "The file's weight: 0 has no effect, 1 is as trained (or where the file says that it is full), above that exaggerates.";
/// The same of a strength for prompts alone.
const TEXT_HOVER: &str = "The file's weight in the text encoder, that is in what words mean.";

/// The strengths of a concept's files, its own first.
pub fn show(ui: &mut Ui, studio: &mut Studio, concept: &Concept) {
    let usual = match known(studio, &concept.file) {
        Some(Ok(facts)) => facts.usual_strength(),
        _ => Concept::STRENGTH_OF_ED_LORA,
    };
    let strength = Strength {
        name: format!("Strength of {}", concept.name),
        hover: HOVER,
        value: concept.strength,
        usual,
        range: Concept::STRENGTH,
    };
    slider(ui, studio, strength, |project, value| change(project, &concept.name, |known| known.strength = value));
    if let Some(value) = concept.text_strength {
        note_line(ui, "in prompts", value);
        let strength = Strength {
            name: format!("Text strength of {}", concept.name),
            hover: TEXT_HOVER,
            value,
            usual,
            range: Concept::STRENGTH,
        };
        slider(ui, studio, strength, |project, value| {
            change(project, &concept.name, |known| known.text_strength = Some(value));
        });
    }
    for (index, file) in concept.more.iter().enumerate() {
        let remove = |project: &mut Project| {
            change(project, &concept.name, |known| {
                if index < known.more.len() {
                    known.more.remove(index);
                }
            });
        };
        let edit = |project: &mut Project, edit: &dyn Fn(&mut ConceptFile)| {
            change(project, &concept.name, |known| known.more.iter_mut().skip(index).take(1).for_each(edit));
        };
        further(ui, studio, file, &concept.name, remove, edit);
    }
}

/// A small line with a number at its end.
fn note_line(ui: &mut Ui, words: &str, value: f32) {
    ui.horizontal(|ui| {
        ui.label(theme::note(ui, words));
        ui.with_layout(Arrange::right_to_left(Align::Center), |ui| ui.label(theme::note(ui, format!("{value:.2}"))));
    });
}

/// A file beside others: its name and kind, its strengths, a button that removes it. `owner` is what it belongs to.
pub fn further(
    ui: &mut Ui,
    studio: &mut Studio,
    file: &ConceptFile,
    owner: &str,
    remove: impl FnOnce(&mut Project),
    edit: impl Fn(&mut Project, &dyn Fn(&mut ConceptFile)),
) {
    let title = file.title();
    let mut gone = false;
    ui.horizontal(|ui| {
        ui.with_layout(Arrange::right_to_left(Align::Center), |ui| {
            gone = widgets::icon_button(ui, icons::X, &format!("Remove {title} from {owner}")).clicked();
            ui.label(theme::note(ui, format!("{:.2}", file.strength)));
            ui.with_layout(Arrange::left_to_right(Align::Center), |ui| {
                let label = ui.add(egui::Label::new(&title).truncate());
                about(label, &file.file, known(studio, &file.file).as_ref());
            });
        });
    });
    if gone {
        studio.edit(format!("Remove {title} from {owner}"), remove);
        return;
    }
    ui.label(theme::note(ui, in_a_line(known(studio, &file.file).as_ref(), file.strength)));
    let strength = Strength {
        name: format!("Strength of {title}"),
        hover: HOVER,
        value: file.strength,
        usual: 1.0,
        range: ConceptFile::STRENGTH,
    };
    slider(ui, studio, strength, |project, value| edit(project, &|file| file.strength = value));
    if let Some(value) = file.text_strength {
        note_line(ui, "in prompts", value);
        let strength = Strength {
            name: format!("Text strength of {title}"),
            hover: TEXT_HOVER,
            value,
            usual: 1.0,
            range: ConceptFile::STRENGTH,
        };
        slider(ui, studio, strength, |project, value| edit(project, &|file| file.text_strength = Some(value)));
    }
}

/// What is known of a file, or why nothing is.
pub type Known = Option<Result<Arc<ConceptFacts>, String>>;

/// What is known of a file.
pub fn known(studio: &mut Studio, file: &Path) -> Known {
    studio.file_facts(file)
}

/// What is known of a file that acts at this strength, in a few words.
pub fn in_a_line(known: Option<&Result<Arc<ConceptFacts>, String>>, strength: f32) -> String {
    match known {
        None => "reading its file".to_owned(),
        Some(Err(_)) => "its file cannot be used".to_owned(),
        Some(Ok(facts)) => {
            let mut said = vec![facts.kind.to_string()];
            if facts.rank > 0 {
                said.push(format!("rank {}", facts.rank));
            }
            // Where it acts as it was learnt there is nothing to say.
            let other = facts.full_at.filter(|full| (full - strength).abs() > 0.005);
            said.extend(other.map(|full| format!("full at {full}")));
            match facts.words.len() {
                0 => {}
                1 => said.push("1 word".to_owned()),
                count => said.push(format!("{count} words")),
            }
            said.push(if facts.misfit.is_none() { "fits" } else { "will not fit" }.to_owned());
            said.join(" · ")
        }
    }
}

/// Everything that is known of a file, under the pointer.
pub fn about(label: egui::Response, file: &Path, known: Option<&Result<Arc<ConceptFacts>, String>>) {
    let Some(Ok(facts)) = known else { return };
    let mut lines = vec![file.display().to_string()];
    lines.extend(facts.summary.iter().cloned());
    label.on_hover_text(lines.join("\n"));
}

/// What can be done with a concept's files, as entries of its menu.
pub fn menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look, concept: &Concept) {
    let name = &concept.name;
    let mut apart = concept.text_strength.is_some();
    let label = ui.checkbox(&mut apart, "A strength of its own for prompts");
    if label
        .on_hover_text("How much the file changes what words mean, apart from how much it changes pictures")
        .changed()
    {
        let strength = apart.then_some(concept.strength);
        studio.document.edit_concept(name, format!("Text strength of {name}"), |concept| {
            concept.text_strength = strength;
        });
    }
    if ui.button("Add a file...").on_hover_text("A textual inversion beside a LoRA, or a second LoRA").clicked() {
        look.choose(Purpose::MoreOf(name.clone()));
        ui.close();
    }
}
