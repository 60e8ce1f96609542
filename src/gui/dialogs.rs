//! What stands over everything else: questions before something is lost, shortcuts, the model and device panel.

use std::time::{Duration, Instant, SystemTime};

use eframe::egui::{self, Align2, Context, RichText, Ui, Window};

use super::files::Purpose;
use super::look::Look;
use super::{device, theme};
use crate::engine::memory;
use crate::studio::document::UNTITLED;
use crate::studio::{Held, Question, Studio, Target};

/// Which of them are open.
#[derive(Debug, Default)]
pub struct Dialogs {
    /// The shortcuts sheet.
    pub shortcuts: bool,
    /// Model and device.
    pub device: bool,
    memory: Option<(Instant, Option<u64>)>,
}

/// How often the memory in use is looked up.
const MEMORY_EVERY: Duration = Duration::from_secs(2);

impl Dialogs {
    /// Bytes of memory that this process has, looked up every other second while something is drawn.
    pub fn memory(&mut self, _ui: &Ui) -> Option<u64> {
        let stale = self.memory.is_none_or(|(at, _)| at.elapsed() > MEMORY_EVERY);
        if stale {
            self.memory = Some((Instant::now(), memory::resident()));
        }
        self.memory.and_then(|(_, bytes)| bytes)
    }
}

/// Draws those that are open.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let ctx = ui.ctx().clone();
    look.files.show(&ctx);
    if let Some(question) = studio.session.question.clone() {
        match question {
            Question::Unsaved(held) => unsaved(&ctx, studio, look, &held),
            Question::PodiumPicture { path, project, folder, size, at } => {
                dialog(&ctx, "A picture that Podium made", |ui| {
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
            Question::Recover(found) => recover(&ctx, studio, found),
        }
    }
    if look.dialogs.device {
        let mut open = true;
        Window::new("Model and device")
            .open(&mut open)
            .default_width(440.0)
            .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
            .collapsible(false)
            .show(&ctx, |ui| {
                let room = (ui.ctx().content_rect().height() - 96.0).max(160.0);
                egui::ScrollArea::vertical().max_height(room).show(ui, |ui| match device::show(ui, studio, look) {
                    device::Wish::None => {}
                    device::Wish::ChooseModelFolder => look.files.ask(ui.ctx(), Purpose::ModelFolder, studio),
                    device::Wish::ChooseModelFile => look.files.ask(ui.ctx(), Purpose::ModelFile, studio),
                    device::Wish::UseBuiltIn => studio.set_model(None),
                    device::Wish::UseFolder(folder) => studio.take_in(folder, Target::Model),
                    device::Wish::Device(choice) => {
                        studio.renders.device = choice;
                        studio.session.config.device = choice.to_string();
                        studio.session.save_config();
                    }
                });
            });
        look.dialogs.device &= open;
    }
    if look.dialogs.shortcuts {
        shortcuts(&ctx, studio, look);
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
                look.files.ask(ui.ctx(), Purpose::SaveProject, studio);
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

fn recover(ctx: &Context, studio: &mut Studio, found: Vec<crate::studio::session::autosave::Recovered>) {
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
                ui.label(format!("{name}, {}", ago(recovered.when)));
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

fn ago(when: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(when).unwrap_or_default().as_secs();
    match seconds {
        0..=89 => "a moment ago".into(),
        90..=5399 => format!("{} minutes ago", seconds / 60),
        5400..=129_599 => format!("{} hours ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Keys and what they do, in the groups of the sheet.
pub const SHORTCUTS: [(&str, &[(&str, &str)]); 5] = [
    (
        "Project",
        &[
            ("Ctrl+N, Ctrl+O", "New, open"),
            ("Ctrl+S, Ctrl+Shift+S", "Save, save as"),
            ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo"),
            ("Ctrl+V", "Paste a picture as a layer"),
            ("Ctrl+C", "Copy the picture shown"),
        ],
    ),
    (
        "Canvas",
        &[
            ("Space+drag, wheel", "Pan, zoom to the pointer"),
            ("Ctrl+0, Ctrl+1", "Fit, 100 %"),
            ("1, 2, 3", "Collage, picture, both"),
            ("Ctrl+\\", "Fold the panels away"),
        ],
    ),
    (
        "Layers",
        &[
            ("Arrows, Shift+arrows", "Nudge by 1, by 10"),
            ("Shift while turning", "In steps of 15 degrees"),
            ("Alt+drag, Ctrl+D", "Duplicate"),
            ("Ctrl while dragging", "No snapping"),
            ("H", "Flip"),
            ("Ctrl+A", "Select all"),
            ("Ctrl+G, Ctrl+Shift+G", "Group, ungroup; double-click for one"),
            ("Ctrl+], Ctrl+[", "Forward, backward; with Shift to the end"),
            ("Delete, Esc", "Delete; give the gesture up"),
        ],
    ),
    ("Render", &[("Ctrl+Enter", "Render"), ("Left, Right on the timeline", "A step back, a step on")]),
    ("Masks", &[("X", "Brush or eraser"), ("[, ]", "Smaller, larger brush")]),
];

fn shortcuts(ctx: &Context, studio: &mut Studio, look: &mut Look) {
    let mut open = true;
    Window::new("Shortcuts")
        .open(&mut open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, [0.0, 0.0])
        .show(ctx, |ui| {
            ui.columns(2, |columns| {
                let mut rows = [0, 0];
                for (group, keys) in &SHORTCUTS {
                    // Into the column that has less so far.
                    let column = usize::from(rows[1] < rows[0]);
                    rows[column] += keys.len() + 2;
                    let ui = &mut columns[column];
                    ui.label(theme::strong(*group));
                    egui::Grid::new(*group).num_columns(2).min_row_height(16.0).spacing([16.0, 4.0]).show(ui, |ui| {
                        for (key, what) in *keys {
                            ui.label(RichText::new(*key).small().color(theme::colors(ui).accent));
                            ui.label(RichText::new(*what).small());
                            ui.end_row();
                        }
                    });
                    ui.add_space(8.0);
                }
            });
            ui.separator();
            if ui.button("Show the first hints again").clicked() {
                look.hints.bring_back(studio);
                look.dialogs.shortcuts = false;
            }
            ui.label(RichText::new("On a Mac, Cmd stands for Ctrl.").small().color(theme::colors(ui).weak));
        });
    look.dialogs.shortcuts &= open;
}
