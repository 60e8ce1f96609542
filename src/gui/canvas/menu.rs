//! The menu of a layer on the canvas.

use eframe::egui::{Button, PointerButton, Ui};

use super::board::Board;
use super::memory::CanvasLook;
use super::placed::{hit, placed};
use super::view::View;
use crate::gui::layer_menu;
use crate::gui::look::Look;
use crate::project::Layer;
use crate::studio::Studio;

/// Opens and draws the menu of the board.
pub fn show(studio: &mut Studio, look: &mut Look, memory: &mut CanvasLook, board: &Board) {
    if board.response.clicked_by(PointerButton::Secondary)
        && let Some(at) = board.response.interact_pointer_pos()
    {
        let under = hit(&placed(studio), board.map.canvas(at));
        if let Some(layer) = under
            && !studio.document.selection().contains(&layer)
        {
            studio.document.select_group(layer);
        }
        memory.menu_on = under;
    }
    board.response.context_menu(|ui| match memory.menu_on {
        Some(layer) => layer_menu::show(ui, studio, look, layer),
        None => of_canvas(ui, studio, memory),
    });
}

fn of_canvas(ui: &mut Ui, studio: &mut Studio, memory: &mut CanvasLook) {
    let any = studio.project().layers().iter().any(Layer::is_loose);
    if ui.add_enabled(any, Button::new("Select all layers").shortcut_text("Ctrl+A")).clicked() {
        studio.document.select_all();
        ui.close();
    }
    if ui.add(Button::new("Fit into the window").shortcut_text("Ctrl+0")).clicked() {
        memory.view = View::Fit;
        ui.close();
    }
}
