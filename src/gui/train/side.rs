//! What the concept is called, which words are learnt, of which model, with which settings.

use eframe::egui::{Label, TextEdit, Ui};

use super::values::{self, edit_by, label_text, text};
use crate::gui::asks::Purpose;
use crate::gui::fields::{Fold, line, small};
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::link::DeviceChoice;
use crate::project::files::name_of;
use crate::project::training::Training;
use crate::studio::Studio;
use crate::studio::notice::sentence;

/// Draws it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    file(ui, studio, look);
    ui.add_space(8.0);
    names(ui, studio);
    tokens(ui, studio);
    prompts(ui, studio);
    line(ui);
    model(ui, studio);
    origin(ui, studio, look);
    encoder(ui, studio, look);
    memory(ui, studio, look);
    line(ui);
    widgets::section(ui, "Settings", |_| ());
    values::presets(ui, studio);
    values::show(ui, studio);
}

/// New, open, save.
fn file(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let file = studio.train.draft.file.clone();
    widgets::section(ui, "Concept", |_| ());
    ui.horizontal_wrapped(|ui| {
        let new = ui.button("New concept").on_hover_text("Begins anew; Ctrl+Z brings this one back");
        if new.clicked() {
            studio.new_training();
        }
        if ui.button("Open...").on_hover_text("A training's file (.ron)").clicked() {
            look.choose(Purpose::OpenTraining);
        }
        let save = ui.button(if file.is_some() { "Save" } else { "Save..." });
        let hover = file.as_ref().map_or_else(
            || "It is kept for the next start in any case; a file can be opened by `podium train` too".to_owned(),
            |file| file.display().to_string(),
        );
        if save.on_hover_text(hover).clicked() {
            save_training(studio, look);
        }
        undo(ui, studio);
    });
}

/// Saves the training to its file, or asks for one.
pub fn save_training(studio: &mut Studio, look: &mut Look) {
    match studio.train.draft.file.clone() {
        Some(file) => studio.train.save_to(file),
        None => look.choose(Purpose::SaveTraining),
    }
}

fn undo(ui: &mut Ui, studio: &mut Studio) {
    let draft = &studio.train.draft;
    let words = |what: &str, name: Option<&str>| {
        name.map_or_else(|| format!("Nothing to {what} of the training"), |name| format!("Training, {what}: {name}"))
    };
    let (back, again) = (words("undo", draft.undo_name()), words("redo", draft.redo_name()));
    let (can_undo, can_redo) = (draft.undo_name().is_some(), draft.redo_name().is_some());
    ui.add_enabled_ui(can_undo, |ui| {
        if widgets::icon_button(ui, icons::ARROW_U_UP_LEFT, &back).clicked() {
            studio.train.draft.undo();
        }
    });
    ui.add_enabled_ui(can_redo, |ui| {
        if widgets::icon_button(ui, icons::ARROW_U_UP_RIGHT, &again).clicked() {
            studio.train.draft.redo();
        }
    });
}

fn names(ui: &mut Ui, studio: &mut Studio) {
    let training = studio.train.training().clone();
    ui.label(theme::note(ui, "Name"));
    let set = |training: &mut Training, name: String| {
        let class = training.class_word.clone();
        training.rename(&name, &class);
    };
    text(ui, studio, "Name of the concept", "mint_cat", &training.name, set)
        .on_hover_text("The name of its file and of its words");
    ui.label(theme::note(ui, "Class word"));
    let set = |training: &mut Training, class: String| {
        let name = training.name.clone();
        training.rename(&name, &class);
    };
    text(ui, studio, "Class word", "cat", &training.class_word, set)
        .on_hover_text("What kind of thing it is, as a prompt says it: cat, dog, woman, chair");
}

/// The words that are learnt.
fn tokens(ui: &mut Ui, studio: &mut Studio) {
    let title = theme::note(ui, "Words that are learnt");
    Fold { title, name: "Words that are learnt", open: false }.show(
        ui,
        studio,
        |_, _| (),
        |_, _| (),
        |ui, studio| {
            let roles = ["how it looks", "what it is"];
            for (at, token) in studio.train.training().tokens.clone().into_iter().enumerate() {
                let role = roles.get(at).copied().unwrap_or("more");
                ui.label(theme::note(ui, format!("Word {}: {role}", at + 1)));
                let name = format!("Word {}", at + 1);
                text(ui, studio, &name, "<my_concept_1>", &token.word, |training, word| {
                    training.tokens.get_mut(at).into_iter().for_each(|token| token.word.clone_from(&word));
                });
                let name = format!("Word {} begins as", at + 1);
                ui.label(theme::note(ui, "begins as"));
                let hover =
                    "One word of the model's, such as cat, or <rand-0.013> for random numbers of that deviation";
                text(ui, studio, &name, "<rand-0.013>", &token.start, |training, start| {
                    training.tokens.get_mut(at).into_iter().for_each(|token| token.start.clone_from(&start));
                })
                .on_hover_text(hover);
            }
        },
    );
}

/// The prompts of the pictures on the way and of the test sheet.
fn prompts(ui: &mut Ui, studio: &mut Studio) {
    let title = theme::note(ui, "Prompts of the test sheet");
    let name = "Prompts of the test sheet";
    Fold { title, name, open: false }.show(
        ui,
        studio,
        |_, _| (),
        |_, _| (),
        |ui, studio| {
            let mut typed = studio.train.training().prompts.join("\n");
            let field = ui.add(TextEdit::multiline(&mut typed).desired_rows(3).desired_width(f32::INFINITY));
            label_text(&field, name, &typed);
            edit_by(studio, &field, name, |training| {
                training.prompts = typed.lines().map(str::to_owned).collect();
            });
            small(ui, "A line each, with <TOK> where the concept stands.");
        },
    );
}

/// What a step needs of the memory. A GPU does not say how much it has.
fn memory(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let total = look.machine.memory(ui.ctx()).total;
    let total = total.filter(|_| studio.renders.device == DeviceChoice::Flex);
    let half =
        !studio.renders.on_cpu() && studio.renders.device_report.as_ref().is_some_and(|report| report.half_weights);
    if let Some((needed, shortage)) = studio.train.memory(total, half) {
        small(ui, &needed);
        if let Some(words) = shortage {
            widgets::amber(ui, &sentence(&words));
        }
    }
}

/// What the first step begins with.
fn origin(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let from = studio.train.training().from.clone();
    let name = from.as_ref().map(|from| name_of(from));
    let words = name.map_or_else(|| "Begins with fresh numbers".to_owned(), |name| format!("Goes on from {name}"));
    let label = ui.add(Label::new(theme::note(ui, words)).wrap());
    if let Some(from) = &from {
        label.on_hover_text(from.display().to_string());
    }
    ui.horizontal_wrapped(|ui| {
        let choose = ui.small_button("Go on from a concept...");
        let hover =
            "An ED-LoRA of as many words and of the same rank: yours, or one by Mix-of-Show or the authors' trainer";
        if choose.on_hover_text(hover).clicked() {
            look.choose(Purpose::TrainingFrom);
        }
        if from.is_some() && ui.small_button("Begin anew").on_hover_text("With fresh numbers").clicked() {
            studio.train.go_on_from(None);
        }
    });
}

/// What compares pictures with the photos, beside their colours.
fn encoder(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let encoder = studio.train.training().encoder.clone();
    if let Some(folder) = &encoder {
        let name = name_of(folder);
        let label =
            ui.add(Label::new(theme::note(ui, format!("Pictures are compared with the photos by {name}"))).wrap());
        label.on_hover_text(folder.display().to_string());
    }
    ui.horizontal_wrapped(|ui| {
        let choose = ui.small_button("Image encoder...");
        let hover = "A folder with CLIP or DINOv2 as Hugging Face has it (config.json, model.safetensors): it says how alike \
                     the subject of pictures and of photos is, each inside its mask";
        if choose.on_hover_text(hover).clicked() {
            look.choose(Purpose::TrainingEncoder);
        }
        if encoder.is_some() && ui.small_button("No encoder").on_hover_text("Compare by colours alone").clicked() {
            studio.train.compare_by(None);
        }
    });
}

/// The model that it is trained on.
fn model(ui: &mut Ui, studio: &mut Studio) {
    let (training, project) = (studio.train.training(), studio.project());
    let named =
        |path: Option<&std::path::PathBuf>| path.map_or_else(|| "the miniature".to_owned(), |path| name_of(path));
    let (own, other) = (named(training.model.as_ref()), named(project.model.as_ref()));
    let differs = (&training.model, &training.vae) != (&project.model, &project.vae);
    let (model, vae) = (project.model.clone(), project.vae.clone());
    ui.add(Label::new(theme::note(ui, format!("Trained on {own}"))).wrap());
    if let Some(Ok(side)) = studio.train.side() {
        small(ui, &format!("Photos are cropped to {side} x {side} pixels."));
    }
    if differs {
        let words = format!("Train on the project's model: {other}");
        if ui.small_button(words).on_hover_text("A concept is for the model that it was trained on").clicked() {
            studio.train.draft.edit("Change the model of the training", |training| {
                (training.model, training.vae) = (model, vae);
            });
        }
    }
}
