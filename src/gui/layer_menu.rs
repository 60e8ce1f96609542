//! What can be done with a layer: the same menu in the list and on the canvas.

use eframe::egui::{self, Button, Ui, ViewportCommand};

use super::asks::Purpose;
use super::look::Look;
use super::{theme, widgets};
use crate::project::Layer;
use crate::studio::{Reorder, Studio};

/// Draws the menu of a layer, which it selects if it is not.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, index: usize) {
    // The layer may be gone since the menu was opened.
    let Some(layer) = studio.project().layers().get(index).cloned() else { return ui.close() };
    let title = layer.title();
    if !studio.document.selection().contains(&index) {
        studio.document.select_group(index);
    }
    let item = |ui: &mut Ui, words: &str, keys: &str, enabled: bool, why: &str| {
        let button = Button::new(words).shortcut_text(keys);
        let clicked = ui.add_enabled(enabled, button).on_disabled_hover_text(why).clicked();
        if clicked {
            ui.close();
        }
        clicked
    };
    const LOCKED: &str = "The layer is locked";
    let loose = !layer.locked;
    name(ui, studio, index, &layer);
    ui.menu_button("Concept", |ui| concepts(ui, studio, index));
    opacity(ui, studio, index, &layer);
    ui.separator();
    if item(ui, "Flip", "H", loose, LOCKED) {
        studio.document.flip_selected();
    }
    if item(ui, "Duplicate", "Ctrl+D", true, "") {
        studio.document.duplicate_selected((12.0, 12.0));
    }
    if item(ui, "Cut", "Ctrl+X", loose, LOCKED)
        && let Some(text) = studio.document.cut_selected()
    {
        return ui.ctx().copy_text(text);
    }
    if item(ui, "Copy", "Ctrl+C", true, "")
        && let Some(text) = studio.document.copy_selected()
    {
        ui.ctx().copy_text(text);
    }
    if item(ui, "Paste", "Ctrl+V", true, "") {
        // The desktop gives what it holds as it does for the keys.
        ui.ctx().send_viewport_cmd(ViewportCommand::RequestPaste);
    }
    let can_group = studio.document.can_group();
    if item(
        ui,
        "Group",
        "Ctrl+G",
        can_group,
        "Select several layers first: Shift+click, or a frame drawn on the canvas",
    ) {
        studio.document.group_selected();
    }
    let can_ungroup = studio.document.can_ungroup();
    if item(ui, "Ungroup", "Ctrl+Shift+G", can_ungroup, "The layer is in no group") {
        studio.document.ungroup_selected();
    }
    ui.separator();
    for (words, keys, way) in [
        ("Bring to front", "Ctrl+Shift+]", Reorder::Front),
        ("Bring forward", "Ctrl+]", Reorder::Forward),
        ("Send backward", "Ctrl+[", Reorder::Backward),
        ("Send to back", "Ctrl+Shift+[", Reorder::Back),
    ] {
        if item(ui, words, keys, true, "") {
            studio.document.reorder_selected(way);
        }
    }
    ui.separator();
    let lock = if layer.locked { "Unlock" } else { "Lock" };
    if item(ui, lock, "", true, "") {
        studio.document.edit_layer(index, format!("{lock} {title}"), |layer| layer.locked = !layer.locked);
    }
    let hide = if layer.visible { "Hide" } else { "Show" };
    if item(ui, hide, "", true, "") {
        studio.document.edit_layer(index, format!("{hide} {title}"), |layer| layer.visible = !layer.visible);
    }
    if item(ui, "Show alone, or all again", "Alt+click on its eye", true, "") {
        studio.document.solo(index);
    }
    let cut = if layer.cut.is_some() { "Cut out again..." } else { "Cut out..." };
    if item(ui, cut, "", true, "") {
        studio.cut_out_of_layer(index);
    }
    if item(ui, "Choose another picture...", "", true, "") {
        look.choose(Purpose::ReplaceLayer(layer.id));
    }
    if item(ui, "Delete", "Del", loose, LOCKED) {
        studio.document.delete_selected();
    }
}

fn name(ui: &mut Ui, studio: &mut Studio, index: usize, layer: &Layer) {
    ui.horizontal(|ui| {
        let label = ui.label("Name");
        let mut name = layer.name.clone();
        let edit = egui::TextEdit::singleline(&mut name).desired_width(140.0).align(egui::Align2::LEFT_CENTER);
        let field = ui.add(edit).labelled_by(label.id);
        widgets::edit_by(studio, &field, "Rename a layer", |project| {
            if let Some(layer) = project.layers_mut().and_then(|layers| layers.get_mut(index)) {
                layer.name = name;
            }
        });
    });
}

/// How opaque a layer is drawn.
fn opacity(ui: &mut Ui, studio: &mut Studio, index: usize, layer: &Layer) {
    ui.horizontal(|ui| {
        let label = ui.label("Opacity");
        let mut percent = layer.opacity * 100.0;
        let slider = egui::Slider::new(&mut percent, 0.0..=100.0).suffix(" %").fixed_decimals(0);
        let slider =
            ui.add(slider).labelled_by(label.id).on_hover_text("How opaque the layer is drawn; its mask stays whole");
        widgets::edit_by(studio, &slider, &format!("Opacity of {}", layer.title()), |project| {
            if let Some(layer) = project.layers_mut().and_then(|layers| layers.get_mut(index)) {
                layer.opacity = (percent / 100.0).clamp(0.0, 1.0);
            }
        });
    });
}

/// Which concept a layer stands for.
fn concepts(ui: &mut Ui, studio: &mut Studio, index: usize) {
    let Some(layer) = studio.project().layers().get(index) else { return };
    let (now, concepts) = (layer.concept.clone(), studio.project().concepts.clone());
    if ui.radio(now.is_none(), "None: layout only").clicked() {
        studio.document.assign(index, None);
        ui.close();
    }
    for concept in &concepts {
        let on = now.as_ref() == Some(&concept.name);
        ui.horizontal(|ui| {
            widgets::dot(ui, theme::mark(concept.color));
            if ui.radio(on, &concept.name).clicked() {
                studio.document.assign(index, Some(concept.name.clone()));
                ui.close();
            }
        });
    }
    if concepts.is_empty() {
        ui.label("Load a concept first.");
    }
}
