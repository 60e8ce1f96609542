//! The menu of a layer on the canvas.

use eframe::egui::{self, Button, PointerButton, Ui};

use super::board::Board;
use super::{View, collage, keys};
use crate::gui::layers;
use crate::gui::look::Look;
use crate::studio::{Reorder, Studio};

/// Opens and draws the menu of the board.
pub fn show(studio: &mut Studio, look: &mut Look, board: &Board) {
    if board.response.clicked_by(PointerButton::Secondary)
        && let Some(at) = board.response.interact_pointer_pos()
    {
        let under = collage::hit(&collage::placed(studio), board.map.canvas(at));
        if let Some(layer) = under
            && !studio.selection().contains(&layer)
        {
            studio.select_only(layer);
        }
        look.canvas.menu_on = under;
    }
    board.response.context_menu(|ui| match look.canvas.menu_on {
        Some(layer) => of_layer(ui, studio, layer),
        None => of_canvas(ui, studio, look),
    });
}

fn of_canvas(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let loose: Vec<usize> = studio
        .project()
        .layers()
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.visible && !layer.locked)
        .map(|(index, _)| index)
        .collect();
    if ui.add_enabled(!loose.is_empty(), Button::new("Select all layers")).clicked() {
        studio.select(loose);
        ui.close();
    }
    if ui.add(Button::new("Fit into the window").shortcut_text("Ctrl+0")).clicked() {
        look.canvas.view = View::Fit;
        ui.close();
    }
}

fn of_layer(ui: &mut Ui, studio: &mut Studio, index: usize) {
    // The layer may be gone since the menu was opened.
    let Some(layer) = studio.project().layers().get(index).cloned() else { return ui.close() };
    let title = layer.title();
    ui.add(egui::Label::new(egui::RichText::new(&title).strong()).truncate());
    let item = |ui: &mut Ui, words: &str, keys: &str, enabled: bool| {
        let button = Button::new(words).shortcut_text(keys);
        let clicked = ui.add_enabled(enabled, button).on_disabled_hover_text("The layer is locked").clicked();
        if clicked {
            ui.close();
        }
        clicked
    };
    let loose = !layer.locked;
    ui.menu_button("Concept", |ui| layers::concept_menu(ui, studio, index));
    layers::opacity(ui, studio, index, &layer);
    ui.separator();
    if item(ui, "Flip", "H", loose) {
        keys::flip(studio);
    }
    if item(ui, "Duplicate", "Ctrl+D", true) {
        studio.duplicate_selected((12.0, 12.0));
    }
    for (words, shortcut, way) in [
        ("Bring to front", "Ctrl+Shift+]", Reorder::Front),
        ("Bring forward", "Ctrl+]", Reorder::Forward),
        ("Send backward", "Ctrl+[", Reorder::Backward),
        ("Send to back", "Ctrl+Shift+[", Reorder::Back),
    ] {
        if item(ui, words, shortcut, true) {
            studio.reorder(index, way);
        }
    }
    ui.separator();
    let lock = if layer.locked { "Unlock" } else { "Lock" };
    if item(ui, lock, "", true) {
        studio.edit_layer(index, format!("{lock} {title}"), |layer| layer.locked = !layer.locked);
    }
    let hide = if layer.visible { "Hide" } else { "Show" };
    if item(ui, hide, "", true) {
        studio.edit_layer(index, format!("{hide} {title}"), |layer| layer.visible = !layer.visible);
    }
    if item(ui, "Delete", "Del", loose) {
        studio.delete_selected();
    }
}
