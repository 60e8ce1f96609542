//! The top bar: the project and its state, the pages, device, memory and model, the theme.

use eframe::egui::{self, Align, ComboBox, Layout as Arrange, RichText, Ui};

use super::asks::{Ask, Purpose, Sheet};
use super::look::{DraggedResult, Look, Page};
use super::{export, icons, theme, widgets};
use crate::engine::memory;
use crate::project::files::name_of;
use crate::studio::session::config::Theme;
use crate::studio::{Held, Place, Studio, Target};

/// The pages in their order.
const PAGES: [(Page, &str); 6] = [
    (Page::Compose, "Compose"),
    (Page::Place, "Place"),
    (Page::Compare, "Compare"),
    (Page::Train, "Train"),
    (Page::Gallery, "Gallery"),
    (Page::Library, "Library"),
];

/// What they take side by side, with the buttons at the bar's end, in points.
const ROOM_FOR_PAGES: f32 = 472.0;

/// Draws the bar.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    ui.horizontal(|ui| {
        ui.label(theme::strong("Podium").size(16.0));
        project_menu(ui, studio, look);
        undo_buttons(ui, studio);
        ui.add_space(8.0);
        pages(ui, &mut look.page);
        ui.with_layout(Arrange::right_to_left(Align::Center), |ui| {
            if widgets::icon_button(ui, icons::QUESTION, "Shortcuts and hints (?)").clicked() {
                look.ask(Ask::Toggle(Sheet::Shortcuts));
            }
            theme_button(ui, studio);
            let model = match &studio.project().model {
                None => "miniature".to_owned(),
                Some(folder) => name_of(folder),
            };
            if ui.available_width() > 100.0 && widgets::chip(ui, &model, "Model").clicked() {
                look.ask(Ask::Toggle(Sheet::Device));
            }
            if ui.available_width() > 360.0
                && let Some(bytes) = look.machine.memory(ui.ctx()).used
            {
                let words = memory::words(bytes);
                if widgets::chip(ui, &words, "Memory in use by Podium").clicked() {
                    look.ask(Ask::Toggle(Sheet::Device));
                }
            }
            let device = studio
                .renders
                .runs
                .iter()
                .rev()
                .find(|run| !run.device.is_empty())
                .map_or_else(|| studio.renders.device.to_string(), |run| run.device.clone());
            if ui.available_width() > 160.0 && widgets::chip(ui, &device, "Device").clicked() {
                look.ask(Ask::Toggle(Sheet::Device));
            }
        });
    });
    widgets::said_ui(ui, studio, &Place::Device);
    export::collect_status(ui, studio);
}

/// The pages side by side, or as a list in a window that is too narrow for them.
fn pages(ui: &mut Ui, page: &mut Page) {
    if ui.available_width() > ROOM_FOR_PAGES {
        widgets::switch_ground(ui).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for (of, words) in PAGES {
                    let response = widgets::switch_word(ui, words, of == *page);
                    // A picture that is dragged over the tab goes on to the canvas.
                    let opens = of == Page::Compose && response.dnd_hover_payload::<DraggedResult>().is_some();
                    if response.clicked() || opens {
                        *page = of;
                    }
                }
            });
        });
        return;
    }
    let chosen = PAGES.iter().find(|(of, _)| of == page).map_or("", |(_, words)| words);
    let list = ComboBox::from_id_salt("page").selected_text(chosen).width(88.0).show_ui(ui, |ui| {
        for (of, words) in PAGES {
            ui.selectable_value(page, of, words);
        }
    });
    widgets::name_list(list.response, &format!("Page: {chosen}"), "What the window shows");
}

fn project_menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let dirty = studio.document.history.is_dirty();
    let state = if dirty { " · edited" } else { "" };
    let title = RichText::new(format!("{}{state} {}", studio.title(), icons::CARET_DOWN));
    let title = if dirty { title.color(theme::colors(ui).amber) } else { title };
    let hover = studio
        .document
        .file
        .as_ref()
        .map_or_else(|| "This project has not been saved to a file yet".to_owned(), |file| file.display().to_string());
    let menu = ui.menu_button(title, |ui| {
        if ui.button("New").clicked() {
            studio.ask_to(Held::New);
            ui.close();
        }
        if ui.button("Open...        Ctrl+O").clicked() {
            look.choose(Purpose::OpenProject);
            ui.close();
        }
        ui.menu_button("Open recent", |ui| {
            if studio.session.config.recent_projects.is_empty() {
                ui.label("Nothing was opened or saved yet.");
            }
            for path in studio.session.config.recent_projects.clone() {
                let name = name_of(&path);
                if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
                    studio.take_in(path, Target::Open);
                    ui.close();
                }
            }
        });
        ui.menu_button("Examples", |ui| {
            for (name, bytes) in crate::assets::FILES.iter().filter(|(name, _)| name.starts_with("projects/")) {
                let words = name.trim_start_matches("projects/").trim_end_matches(".ron");
                if ui.button(words).clicked() {
                    let project =
                        std::str::from_utf8(bytes).ok().and_then(|text| crate::project::file::from_str(text).ok());
                    if let Some(project) = project {
                        studio.ask_to(Held::Replace {
                            project: Box::new(project),
                            from: None,
                            file: None,
                            folder: ".".into(),
                            name: words.to_owned(),
                        });
                    }
                    ui.close();
                }
            }
        });
        ui.separator();
        if ui.button("Save        Ctrl+S").clicked() {
            save(studio, look);
            ui.close();
        }
        if ui.button("Save as...").clicked() {
            look.choose(Purpose::SaveProject(None));
            ui.close();
        }
        collect_buttons(ui, studio, look);
        ui.separator();
        if ui.button("Model and device...").clicked() {
            look.ask(Ask::Open(Sheet::Device));
            ui.close();
        }
        if ui.button("Look for missing files again").clicked() {
            studio.look_again();
            ui.close();
        }
        find_menu(ui, studio, look);
        ui.horizontal(|ui| {
            ui.label("Size of everything");
            for (words, scale) in [("100 %", 1.0), ("125 %", 1.25), ("150 %", 1.5), ("200 %", 2.0)] {
                if ui.selectable_label((studio.session.config.ui_scale - scale).abs() < 0.01, words).clicked() {
                    studio.session.config.ui_scale = scale;
                    studio.session.save_config();
                }
            }
        });
    });
    let enabled = menu.response.enabled();
    let name = format!("Project {}{state}", studio.title());
    menu.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, &name));
    menu.response.on_hover_text(hover);
}

/// Copying the project with all that it uses.
fn collect_buttons(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    let is_free = studio.collect.collecting.is_none();
    let mut button = |words: &str, hover: &str, with_model: bool| {
        if ui.add_enabled(is_free, egui::Button::new(words)).on_hover_text(hover).clicked() {
            look.choose(Purpose::Collect { with_model });
            ui.close();
        }
    };
    button("Collect...", "Copy the project and all that it uses into one folder, which opens on another machine", true);
    if studio.project().model.is_some() {
        button("Collect without the model...", "The same, but the model stays where it is", false);
    }
}

/// Files that were found nowhere, each to be shown by hand.
fn find_menu(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    if studio.missing_files().is_empty() {
        return;
    }
    ui.menu_button("Find a missing file", |ui| {
        for path in studio.missing_files() {
            let name = name_of(path);
            if ui.button(format!("{name}...")).on_hover_text(path.display().to_string()).clicked() {
                look.choose(Purpose::Find(path.clone()));
                ui.close();
            }
        }
    });
}

/// Saves to the project's file, or asks for one.
pub fn save(studio: &mut Studio, look: &mut Look) {
    if !studio.save() {
        look.choose(Purpose::SaveProject(None));
    }
}

fn undo_buttons(ui: &mut Ui, studio: &mut Studio) {
    let (undo, redo) = (
        studio.document.history.undo_name().map(str::to_owned),
        studio.document.history.redo_name().map(str::to_owned),
    );
    let words = undo.as_ref().map_or_else(|| "Nothing to undo".to_owned(), |name| format!("Undo: {name}"));
    ui.add_enabled_ui(undo.is_some(), |ui| {
        let response = widgets::icon_button(ui, icons::ARROW_U_UP_LEFT, &words);
        if response.clicked() {
            studio.document.undo();
        }
        response.context_menu(|ui| steps_menu(ui, studio));
    });
    let words = redo.as_ref().map_or_else(|| "Nothing to redo".to_owned(), |name| format!("Redo: {name}"));
    ui.add_enabled_ui(redo.is_some(), |ui| {
        if widgets::icon_button(ui, icons::ARROW_U_UP_RIGHT, &words).clicked() {
            studio.document.redo();
        }
    });
}

/// The last steps by name; a press goes to one.
fn steps_menu(ui: &mut Ui, studio: &mut Studio) {
    let (steps, at) = studio.document.history.steps();
    let steps: Vec<(usize, String)> = steps.map(str::to_owned).enumerate().collect();
    let from = at.saturating_sub(20);
    let mut to = None;
    for (index, name) in steps.into_iter().skip(from).take(40) {
        if ui.selectable_label(index == at, name).clicked() {
            to = Some(index);
            ui.close();
        }
    }
    if let Some(to) = to {
        studio.document.go_to_step(to);
    }
}

fn theme_button(ui: &mut Ui, studio: &mut Studio) {
    let dark = ui.visuals().dark_mode;
    let (icon, words) = if dark { (icons::SUN, "Light theme") } else { (icons::MOON, "Dark theme") };
    if widgets::icon_button(ui, icon, words).clicked() {
        studio.session.config.theme = if dark { Theme::Light } else { Theme::Dark };
        studio.session.save_config();
    }
}
