//! The bar over the cards: where to look, what to show, in which order.

use eframe::egui::{self, ComboBox, RichText, TextEdit, Ui};

use super::LibraryLook;
use crate::engine::adapters::Base;
use crate::gui::asks::Purpose;
use crate::gui::look::Look;
use crate::gui::{icons, theme, widgets};
use crate::studio::Studio;
use crate::studio::library::entry::Kind;
use crate::studio::library::search::Order;

/// What the button says that begins to look.
pub const FIND: &str = "Find my files";

/// Draws the bar; so many are `shown`.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, library: &mut LibraryLook, shown: usize) {
    ui.horizontal_wrapped(|ui| {
        search(ui, library);
        kinds(ui, library);
        bases(ui, library);
        order(ui, library);
        let hover = "Leaves out what is for other kinds of models, such as SDXL";
        ui.checkbox(&mut library.wish.usable, "Only what fits").on_hover_text(hover);
        ui.end_row();
        match studio.library.looking() {
            Some(walked) => {
                if ui.button("Stop looking").clicked() {
                    studio.library.stop_looking();
                }
                let words = format!("{} found in {} folders", walked.found, walked.folders);
                ui.label(theme::note(ui, words)).on_hover_text(walked.place.display().to_string());
            }
            None => {
                let words = format!("{} {FIND}", icons::MAGNIFYING_GLASS);
                let hover = "Looks through the folders of A1111, ComfyUI, InvokeAI, Krita and the hub's cache, and those that you added";
                let button = ui.button(words).on_hover_text(hover);
                widgets::name_button(&button, FIND);
                if button.clicked() {
                    studio.look_for_files();
                }
            }
        }
        folders(ui, studio, look);
        let all = studio.library.entries().len();
        if all > 0 {
            let files = if all == 1 { "file" } else { "files" };
            let words = if shown == all { format!("{all} {files}") } else { format!("{shown} of {all} {files}") };
            ui.label(theme::note(ui, words));
        }
    });
    let left_out = studio.library.looked().and_then(|looked| looked.as_ref().ok()?.left_out.clone());
    if let Some(words) = left_out {
        widgets::amber(ui, &words);
    }
}

fn search(ui: &mut Ui, library: &mut LibraryLook) {
    ui.label(RichText::new(icons::MAGNIFYING_GLASS).color(theme::colors(ui).weak));
    let words = &mut library.wish.words;
    let field = ui.add(TextEdit::singleline(words).desired_width(180.0).hint_text("Search names and trigger words"));
    let (enabled, typed) = (field.enabled(), words.clone());
    field.widget_info(|| {
        let mut info = egui::WidgetInfo::text_edit(enabled, typed.clone(), typed.clone(), "");
        info.label = Some("Search names and trigger words".into());
        info
    });
    field.on_hover_text("Shows what has all of these words in its name, trigger words, base or folder");
    if !words.is_empty() && widgets::icon_button(ui, icons::X, "Clear the search").clicked() {
        words.clear();
    }
}

fn kinds(ui: &mut Ui, library: &mut LibraryLook) {
    let kind = &mut library.wish.kind;
    let words = |kind: Option<Kind>| kind.map_or("All kinds", Kind::many);
    let list = ComboBox::from_id_salt("library kind").selected_text(words(*kind)).width(96.0).show_ui(ui, |ui| {
        for choice in std::iter::once(None).chain(Kind::ALL.map(Some)) {
            ui.selectable_value(kind, choice, words(choice));
        }
    });
    widgets::name_list(list.response, &format!("Kind: {}", words(*kind)), "Which kind of files is shown");
}

fn bases(ui: &mut Ui, library: &mut LibraryLook) {
    let base = &mut library.wish.base;
    let words = |base: Option<Base>| base.map_or_else(|| "All bases".into(), |base| base.to_string());
    let list = ComboBox::from_id_salt("library base").selected_text(words(*base)).width(104.0).show_ui(ui, |ui| {
        for choice in std::iter::once(None).chain(Base::ALL.map(Some)) {
            ui.selectable_value(base, choice, words(choice));
        }
    });
    let hover = "For which kind of model the files are that are shown";
    widgets::name_list(list.response, &format!("Base: {}", words(*base)), hover);
}

fn order(ui: &mut Ui, library: &mut LibraryLook) {
    let order = &mut library.wish.order;
    let words = |order: Order| Order::ALL.iter().find(|(known, _)| *known == order).map_or("", |(_, words)| *words);
    let list = ComboBox::from_id_salt("library order").selected_text(words(*order)).width(104.0).show_ui(ui, |ui| {
        for (choice, words) in Order::ALL {
            ui.selectable_value(order, choice, words);
        }
    });
    widgets::name_list(list.response, &format!("Order: {}", words(*order)), "In which order files are shown");
}

/// The folders that somebody added, and adding one.
fn folders(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let added = studio.session.config.library_folders.clone();
    let add = "Add a folder...";
    if added.is_empty() {
        let button = ui.button(format!("{} {add}", icons::FOLDER_OPEN));
        widgets::name_button(&button, add);
        if button.on_hover_text("Another folder in which there are models or LoRAs").clicked() {
            look.choose(Purpose::LibraryFolder);
        }
        return;
    }
    let words =
        format!("{} {} {}", icons::FOLDER_OPEN, added.len(), if added.len() == 1 { "folder" } else { "folders" });
    let menu = ui.menu_button(words, |ui| {
        for folder in &added {
            ui.horizontal(|ui| {
                let name = format!("Look through {} no more", folder.display());
                if widgets::icon_button(ui, icons::X, &name).clicked() {
                    studio.forget_library_folder(folder);
                }
                ui.label(folder.display().to_string());
            });
        }
        if ui.button(add).clicked() {
            look.choose(Purpose::LibraryFolder);
            ui.close();
        }
    });
    widgets::name_button(&menu.response, "Folders that you added");
}
