//! Which encoders of the user's measure the pictures, and which photos they compare them with.

use eframe::egui::{Label, Ui};

use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::project::files::name_of;
use crate::studio::Studio;
use crate::studio::compare::EncoderKind;

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    widgets::section(ui, "Measured by", |_| ());
    let config = &studio.session.config;
    let chosen = [(EncoderKind::Clip, config.clip.clone()), (EncoderKind::Dino, config.dino.clone())];
    let any = chosen.iter().any(|(_, folder)| folder.is_some());
    for (kind, folder) in chosen {
        let Some(folder) = folder else { continue };
        ui.horizontal(|ui| {
            let name = format!("Measure by {} no more", kind.words());
            if widgets::icon_button(ui, icons::X, &name).clicked() {
                studio.measure_by(kind, None);
            }
            let words = theme::note(ui, format!("{}: {}", kind.words(), name_of(&folder)));
            ui.add(Label::new(words).truncate()).on_hover_text(folder.display().to_string());
        });
    }
    let hover = "A folder with CLIP or DINOv2 as Hugging Face has it (config.json, model.safetensors): pictures of the next \
                 comparison are measured by it too, how alike subjects are to photos of their concepts and, with CLIP, how well \
                 a picture goes with its prompt";
    if ui.small_button("Image encoder...").on_hover_text(hover).clicked() {
        look.choose(Purpose::ComparisonEncoder);
    }
    if any {
        photos(ui, studio, look);
    }
}

/// Of concepts whose looks only photos tell, where these are.
fn photos(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    for (name, folder) in studio.photos_of_concepts() {
        ui.horizontal_wrapped(|ui| {
            let (words, hover) = match &folder {
                Some(folder) => (format!("{name}: photos in {}", name_of(folder)), folder.display().to_string()),
                None => (format!("{name}: no photos"), "Without photos only the prompt is compared".to_owned()),
            };
            ui.add(Label::new(theme::note(ui, words)).wrap()).on_hover_text(hover);
            let button = ui.small_button("Photos...");
            widgets::name_button(&button, &format!("Choose photos of {name}"));
            if button.on_hover_text("The folder of its photos, their masks beside them (NAME.mask.png)").clicked() {
                look.choose(Purpose::PhotosOf(name.clone()));
            }
        });
    }
}
