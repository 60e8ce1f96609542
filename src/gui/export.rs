//! The export menu, and how far what leaves the program is.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{self, OpenUrl, ProgressBar, RichText, Ui};
use url::Url;

use super::asks::Purpose;
use super::look::{Look, Page};
use super::paint::Sampling;
use super::{icons, theme, widgets};
use crate::studio::export::collecting::Ended;
use crate::studio::export::exporting::{Kind, SheetLook, Subject};
use crate::studio::{Place, Studio};

/// The export menu for the shown run's picture, with progress and messages below it.
pub fn menu(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let Some(run) = studio.renders.runs.shown() else { return };
    let subject = Subject::Run(run.job, studio.renders.runs.picture);
    menu_for(ui, studio, look, &subject);
    if look.page != Page::Gallery {
        status(ui, studio);
        widgets::said_ui(ui, studio, &Place::Gallery);
    }
}

/// The export menu for something. What cannot be exported says why.
pub fn menu_for(ui: &mut Ui, studio: &mut Studio, look: &mut Look, subject: &Subject) {
    let menu = ui.menu_button(format!("{} Export...", icons::EXPORT), |ui| {
        ui.set_max_width(280.0);
        let mut reasons: Vec<String> = Vec::new();
        for kind in studio.export_kinds(subject) {
            let obstacle = studio.export_obstacle(subject, kind);
            let button = ui.add_enabled(obstacle.is_none(), egui::Button::new(kind.words()));
            let button = button.on_hover_text(kind.explanation());
            if let Some(words) = obstacle {
                button.on_disabled_hover_text(&words);
                if !reasons.contains(&words) {
                    reasons.push(words);
                }
            } else if button.clicked() {
                let name = kind.name(&studio.export_stem(subject));
                look.choose(Purpose::Export { subject: subject.clone(), kind, name });
                ui.close();
            }
        }
        for words in reasons {
            let words = theme::note(ui, words);
            ui.add(egui::Label::new(words).wrap());
        }
    });
    menu.response.on_hover_text("Write the picture, its steps or its masks to files");
}

/// How far the export in hand is, or where the last one was written to.
pub fn status(ui: &mut Ui, studio: &mut Studio) {
    if let Some(exporting) = studio.export.exporting.clone() {
        ui.horizontal_wrapped(|ui| {
            let bar = ProgressBar::new(exporting.part()).desired_width(96.0).desired_height(8.0);
            ui.add(bar);
            ui.label(RichText::new(exporting.words()).small());
            if ui.add_enabled(!exporting.is_stopping(), egui::Button::new("Stop the export")).clicked() {
                exporting.stop();
            }
        });
    } else if let Some(exported) = studio.export.exported.clone() {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(icons::CHECK).color(theme::colors(ui).accent));
            ui.add(egui::Label::new(RichText::new(exported.words()).small()).wrap());
            if ui.link(RichText::new("Open folder").small()).clicked()
                && let Some(address) = address(exported.folder())
            {
                ui.ctx().open_url(OpenUrl::new_tab(address));
            }
            if widgets::icon_button(ui, icons::X, "Dismiss this message").clicked() {
                studio.export.exported = None;
            }
        });
    }
}

/// How far the collecting of a project is, or what came of the last.
pub fn collect_status(ui: &mut Ui, studio: &mut Studio) {
    if let Some(collecting) = studio.collect.collecting.clone() {
        ui.horizontal_wrapped(|ui| {
            ui.add(ProgressBar::new(collecting.part()).desired_width(96.0).desired_height(8.0));
            ui.label(RichText::new(collecting.words()).small());
            if ui.add_enabled(!collecting.is_stopping(), egui::Button::new("Stop collecting")).clicked() {
                collecting.stop();
            }
        });
    } else if let Some(ended) = studio.collect.ended.clone() {
        ui.horizontal_wrapped(|ui| {
            let colors = theme::colors(ui);
            let words = RichText::new(ended.words()).small();
            match &ended {
                Ended::Collected(collected) => {
                    ui.label(RichText::new(icons::CHECK).color(colors.accent));
                    ui.add(egui::Label::new(words).wrap());
                    if ui.link(RichText::new("Open folder").small()).clicked()
                        && let Some(address) = address(&collected.folder)
                    {
                        ui.ctx().open_url(OpenUrl::new_tab(address));
                    }
                }
                Ended::Failed(_) => {
                    ui.add(egui::Label::new(words.color(colors.red)).wrap());
                }
            }
            if widgets::icon_button(ui, icons::X, "Dismiss this message").clicked() {
                studio.collect.ended = None;
            }
        });
    }
}

/// Begins the export that a path was chosen for.
pub fn begin(studio: &mut Studio, look: &Look, subject: &Subject, kind: Kind, path: PathBuf) {
    let map = look.color_map;
    let sheet = SheetLook {
        font: Arc::new(font()),
        color_map: Box::new(move |value| map.at(value)),
        smooth: look.sampling == Sampling::Smooth,
    };
    studio.start_export(subject, kind, path, sheet);
}

/// The font of the window's words, for pages that are drawn without the window.
fn font() -> Vec<u8> {
    crate::assets::find("fonts/Inter-Regular.ttf").map(<[u8]>::to_vec).unwrap_or_default()
}

/// A folder as a browser's address.
pub(super) fn address(folder: &std::path::Path) -> Option<String> {
    Url::from_file_path(std::path::absolute(folder).ok()?).ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_folder_with_any_letters_is_an_address() {
        let said = address("/tmp/my pictures/ü#1".as_ref());
        assert_eq!(said.as_deref(), Some("file:///tmp/my%20pictures/%C3%BC%231"));
    }

    #[test]
    fn the_contact_sheet_has_the_window_s_font() {
        let ctx = egui::Context::default();
        theme::install(&ctx);
        // Fonts are there from the first frame on.
        let _ = ctx.run_ui(egui::RawInput::default(), |_| ());
        let window = ctx.fonts(|fonts| {
            let fonts = fonts.definitions();
            let first = &fonts.families[&egui::FontFamily::Proportional][0];
            (*fonts.font_data[first].font).as_ref().to_vec()
        });
        assert!(font() == window, "{} and {} bytes", font().len(), window.len());
    }
}
