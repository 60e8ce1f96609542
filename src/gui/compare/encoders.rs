//! Which encoders of the user's measure the pictures, ImageReward among them, and which photos they compare them with.

use eframe::egui::{Label, Ui};

use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::project::files::name_of;
use crate::studio::Studio;

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    widgets::section(ui, "Measured by", |_| ());
    let encoders = studio.encoders();
    for (kind, path) in encoders.each() {
        let Some(path) = path else { continue };
        ui.horizontal(|ui| {
            let name = format!("Measure by {} no more", kind.words());
            if widgets::icon_button(ui, icons::X, &name).clicked() {
                studio.measure_by(kind, None);
            }
            let words = theme::note(ui, format!("{}: {}", kind.words(), name_of(path)));
            ui.add(Label::new(words).truncate()).on_hover_text(path.display().to_string());
        });
    }
    let hover = "A folder with CLIP or DINOv2 as Hugging Face has it (config.json, model.safetensors): pictures of the next \
                 comparison are measured by it too, how alike subjects are to photos of their concepts and, with CLIP, how well \
                 a picture goes with its prompt";
    ui.horizontal_wrapped(|ui| {
        if ui.button("Image encoder...").on_hover_text(hover).clicked() {
            look.choose(Purpose::ComparisonEncoder);
        }
        // A dialog for folders shows no files.
        let hover = "ImageReward.pt, with med_config.json and BERT's vocab.txt beside it: how well pictures of the next comparison \
                     go with their prompt, and please";
        if ui.button("ImageReward...").on_hover_text(hover).clicked() {
            look.choose(Purpose::RewardFile);
        }
    });
    if encoders.clip.is_some() || encoders.dino.is_some() {
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
            let button = ui.button("Photos...");
            widgets::name_button(&button, &format!("Choose photos of {name}"));
            if button.on_hover_text("The folder of its photos, their masks beside them (NAME.mask.png)").clicked() {
                look.choose(Purpose::PhotosOf(name.clone()));
            }
        });
    }
}
