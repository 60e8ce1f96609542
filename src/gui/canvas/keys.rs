//! The canvas's keys. They act only where no text field or other control has the keyboard.

use eframe::egui::{Key, Modifiers, Popup, Ui};

use super::board::{Board, Side, canvas_size};
use super::memory::CanvasLook;
use super::view::View;
use super::{gestures, painting};
use crate::gui::widgets;
use crate::studio::{Reorder, Studio};

/// Nudges that follow each other within so many seconds are one step.
const NUDGE_REST: f64 = 0.6;

const ARROWS: [(Key, (f32, f32)); 4] = [
    (Key::ArrowLeft, (-1.0, 0.0)),
    (Key::ArrowRight, (1.0, 0.0)),
    (Key::ArrowUp, (0.0, -1.0)),
    (Key::ArrowDown, (0.0, 1.0)),
];

/// Takes the keys of this frame.
pub fn take(ui: &Ui, studio: &mut Studio, memory: &mut CanvasLook, boards: &[Board]) {
    rest(ui, studio, memory);
    let ctx = ui.ctx();
    let focused = ctx.memory(|memory| memory.focused());
    let ours = focused.is_none_or(|id| boards.iter().any(|board| board.response.id == id));
    if widgets::is_asked(ui) || !ours || !ui.is_enabled() {
        return;
    }
    let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
    zoom(ui, studio, memory, boards);
    if !Popup::is_any_open(ctx) && pressed(Modifiers::NONE, Key::Escape) && !gestures::give_up(studio, &mut memory.hand)
    {
        if studio.renders.mask_editor.is_some() {
            painting::give_up(studio, &mut memory.painting);
        } else {
            studio.document.select_none();
        }
    }
    if studio.renders.mask_editor.is_some() {
        painting::keys(ui, studio);
        return;
    }
    if memory.hand.gesture.is_some() {
        return;
    }
    if memory.split.on && boards.iter().any(|board| board.side == Side::Picture && board.response.has_focus()) {
        for (key, by) in [(Key::ArrowLeft, -0.01), (Key::ArrowRight, 0.01)] {
            if pressed(Modifiers::NONE, key) {
                memory.split.at = (memory.split.at + by).clamp(0.0, 1.0);
            }
        }
    }
    if pressed(Modifiers::COMMAND, Key::A) {
        studio.document.select_all();
    }
    if studio.document.selection().is_empty() {
        return;
    }
    arrows(ui, studio, memory);
    if pressed(Modifiers::NONE, Key::Delete) || pressed(Modifiers::NONE, Key::Backspace) {
        studio.document.delete_selected();
    }
    if pressed(Modifiers::COMMAND, Key::D) {
        studio.document.duplicate_selected((12.0, 12.0));
    }
    // The shifted ones first: without Shift they would match too.
    for (modifiers, key, way) in [
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::CloseBracket, Reorder::Front),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::CloseCurlyBracket, Reorder::Front),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::OpenBracket, Reorder::Back),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::OpenCurlyBracket, Reorder::Back),
        (Modifiers::COMMAND, Key::CloseBracket, Reorder::Forward),
        (Modifiers::COMMAND, Key::OpenBracket, Reorder::Backward),
    ] {
        if pressed(modifiers, key) {
            studio.document.reorder_selected(way);
        }
    }
    if pressed(Modifiers::COMMAND | Modifiers::SHIFT, Key::G) {
        studio.document.ungroup_selected();
    }
    if pressed(Modifiers::COMMAND, Key::G) {
        studio.document.group_selected();
    }
    if pressed(Modifiers::NONE, Key::H) {
        studio.document.flip_selected();
    }
}

fn zoom(ui: &Ui, studio: &Studio, memory: &mut CanvasLook, boards: &[Board]) {
    let Some(board) = boards.first().map(|board| board.map.board) else { return };
    // Also keeps egui from taking Ctrl+0 for the size of everything.
    if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Num0)) {
        memory.view = View::Fit;
    }
    if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Num1)) {
        let zoom = 1.0 / ui.ctx().pixels_per_point();
        memory.view = memory.view.at_zoom(board, canvas_size(studio), zoom);
    }
}

fn arrows(ui: &Ui, studio: &mut Studio, memory: &mut CanvasLook) {
    for (key, (x, y)) in ARROWS {
        let far = ui.input_mut(|input| input.count_and_consume_key(Modifiers::SHIFT, key));
        let near = ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
        let steps = (far * 10 + near) as f32;
        if steps > 0.0 {
            studio.document.nudge((x * steps, y * steps));
            memory.hand.nudged = Some(ui.input(|input| input.time));
        }
    }
}

/// Ends a run of nudges once no arrow is held and a while has gone by.
fn rest(ui: &Ui, studio: &mut Studio, memory: &mut CanvasLook) {
    let Some(since) = memory.hand.nudged else { return };
    let (now, held) = ui.input(|input| (input.time, ARROWS.iter().any(|(key, _)| input.key_down(*key))));
    if held {
        memory.hand.nudged = Some(now);
    } else if now - since >= NUDGE_REST {
        gestures::end_nudges(studio, &mut memory.hand);
    } else {
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(NUDGE_REST - (now - since)));
    }
}
