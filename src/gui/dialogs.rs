//! Questions before something is lost, and about what was found.

use std::time::SystemTime;

use eframe::egui::{self, Align2, Context, Ui, Window};

use super::asks::Purpose;
use super::look::Look;
use super::times::ago;
use crate::studio::document::UNTITLED;
use crate::studio::{Held, Question, Studio};

/// Draws the question that is to be answered, if there is one.
pub fn show(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    if let Some(question) = studio.session.question.clone() {
        match question {
            Question::Unsaved(held) => unsaved(ctx, studio, look, &held),
            Question::PodiumPicture { path, project, folder, size, at } => {
                dialog(ctx, "A picture that Podium made", |ui| {
                    ui.label(format!(
                        "{} holds the project it was made from.",
                        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
                    ));
                    ui.add_space(8.0);
                    ui.horizontal(|ui| {
                        if ui.button("Open its project").clicked() {
                            studio.session.question = None;
                            studio.ask_to(Held::Replace { project, file: None, folder, name: UNTITLED.into() });
                        }
                        if ui.button("Use it as a picture").clicked() {
                            studio.session.question = None;
                            studio.add_layer(path, size, at);
                        }
                        if ui.button("Cancel").clicked() {
                            studio.session.question = None;
                        }
                    });
                });
            }
            Question::Recover(found) => recover(ctx, studio, look, found),
        }
    }
}

fn dialog(ctx: &Context, title: &str, add: impl FnOnce(&mut Ui)) {
    Window::new(title)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, [0.0, -40.0])
        .order(egui::Order::Foreground)
        .show(ctx, |ui| {
            ui.set_max_width(460.0);
            add(ui);
        });
}

fn unsaved(ctx: &Context, studio: &mut Studio, look: &mut Look, held: &Held) {
    let dirty = studio.document.history.is_dirty();
    let renders = studio.renders.runs.active().count();
    dialog(ctx, "Before you go on", |ui| {
        if dirty {
            ui.label(format!("{} has changes that were not saved.", studio.title()));
        }
        if renders > 0 && *held == Held::Close {
            let words = if renders == 1 { "A render is" } else { "Renders are" };
            ui.label(format!("{words} not finished and would be lost."));
        }
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if dirty && ui.button("Save and go on").clicked() && !studio.save_and(held.clone()) {
                look.choose(Purpose::SaveProject);
            }
            let words = if dirty { "Go on without saving" } else { "Close and lose the render" };
            if ui.button(words).clicked() {
                studio.go_ahead(held.clone());
            }
            if ui.button("Cancel").clicked() {
                studio.session.question = None;
            }
        });
    });
}

fn recover(
    ctx: &Context,
    studio: &mut Studio,
    look: &mut Look,
    found: Vec<crate::studio::session::autosave::Recovered>,
) {
    let (now, zone) = (SystemTime::now(), look.machine.zone(ctx));
    dialog(ctx, "Unsaved work was found", |ui| {
        ui.label("Podium ended without saving. What was being worked on is still here.");
        ui.add_space(8.0);
        for recovered in &found {
            let name = recovered
                .file
                .as_ref()
                .and_then(|file| file.file_stem())
                .map_or_else(|| "Untitled".to_owned(), |stem| stem.to_string_lossy().into_owned());
            ui.horizontal(|ui| {
                let when = recovered.when.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
                ui.label(format!("{name}, {}", ago(when, now, &zone)));
                if ui.button("Recover").clicked() {
                    studio.recover(recovered.clone());
                }
                if ui.button("Throw away").clicked() {
                    studio.session.discard_recovered(&recovered.path);
                    let rest: Vec<_> = found.iter().filter(|other| other.path != recovered.path).cloned().collect();
                    studio.session.question = (!rest.is_empty()).then_some(Question::Recover(rest));
                }
            });
        }
        ui.add_space(8.0);
        if ui.button("Decide later").clicked() {
            studio.session.question = None;
        }
    });
}
