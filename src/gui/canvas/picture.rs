//! The picture board: what is under the playhead, beside what it is compared with.

use eframe::egui::{Rect, Role, Sense, Ui};

use super::board::{Board, canvas_size};
use super::memory::CanvasLook;
use super::shown::{Face, Shown, place_of, shown};
use super::split::{self, Line, Split};
use super::{overlay, painting, strip};
use crate::gui::cells::{is_on, share};
use crate::gui::look::{Look, Overlay};
use crate::gui::paint::{self, Sampling};
use crate::gui::theme;
use crate::studio::Studio;
use crate::studio::renders::runs::State;

/// Draws the board.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, memory: &mut CanvasLook, board: &Board) {
    board.name(Role::Image, "Picture");
    let canvas = canvas_size(studio);
    let shown = shown(studio);
    let words = caption(studio, shown.as_ref());
    let said = board.caption(ui, canvas, &words, Sense::hover(), |ui| split::controls(ui, studio, &mut memory.split));
    said.on_hover_text(&words);
    board.ground(ui, canvas);
    let sheet = board.map.sheet(canvas);
    let place = shown.as_ref().map_or(sheet, |shown| place_of(sheet, &shown.project));
    match &shown {
        Some(shown) if shown.face.is_some() => {
            let split = draw(ui, studio, &mut memory.split, board, shown, place);
            if studio.renders.mask_editor.is_some() {
                painting::show(ui, studio, &mut memory.painting, look.sampling, board, &shown.project, place);
            } else {
                // What the model saw is no part of what is before the line.
                let line = split.as_ref().map_or(f32::NEG_INFINITY, |split| split.line);
                let after = board.map.board.with_min_x(line.max(board.map.board.left()));
                if overlay::is_seen(ui, look, shown) {
                    overlay::draw(ui, look, &board.within(after), shown, place);
                }
                point(ui, look, board, shown, place);
            }
            if let Some(split) = split {
                split.draw(ui, board, place);
            }
        }
        _ => {
            let (words, failed) = nothing_yet(studio);
            let colors = theme::colors(ui);
            board.words(ui, canvas, &words, if failed { colors.red } else { colors.weak });
        }
    }
    board.border(ui, canvas);
    if !board.response.contains_pointer()
        && let Some(at) = look.pointed.at
    {
        board.crosshair(ui, canvas, at);
    }
    strip::show(ui, studio, look, memory, board);
}

fn caption(studio: &Studio, shown: Option<&Shown>) -> String {
    let Some(shown) = shown else { return "Picture".into() };
    match &shown.face {
        Some(Face::Finished(finished)) => match finished.seeds.get(shown.picture) {
            Some(seed) => format!("Finished · seed {seed}"),
            None => "Finished".into(),
        },
        Some(Face::Step(step)) => format!("Step {} of {} · t = {}", step.step + 1, step.steps, step.timestep),
        None => match studio.renders.runs.get(shown.job).map(|run| &run.state) {
            Some(State::Failed(_)) => "Failed".into(),
            Some(State::Stopped) => "Stopped".into(),
            _ => "Waiting...".into(),
        },
    }
}

/// What stands where there is no picture yet, and whether something went wrong.
fn nothing_yet(studio: &Studio) -> (String, bool) {
    match studio.renders.runs.shown() {
        None => ("Press Render (Ctrl+Enter)".into(), false),
        Some(run) => (run.words(), matches!(run.state, State::Failed(_))),
    }
}

fn draw(ui: &Ui, studio: &mut Studio, split: &mut Split, board: &Board, shown: &Shown, place: Rect) -> Option<Line> {
    let face = shown.face.as_ref()?;
    let after = face.source(shown.picture);
    if !split.on || studio.renders.mask_editor.is_some() {
        paint::picture(&board.painter, place, &after, Sampling::Smooth);
        return None;
    }
    split::drag(ui, split, board, place);
    let at = split.at;
    Some(match split::before(studio, split.against, face) {
        Ok((before, words)) => {
            paint::compare(&board.painter, place, [&before, &after], at, Sampling::Smooth);
            Line { line: place.left() + at * place.width(), words }
        }
        Err(words) => {
            paint::picture(&board.painter, place, &after, Sampling::Smooth);
            Line { line: f32::NEG_INFINITY, words }
        }
    })
}

/// Says whose mask the pointer is on.
fn point(ui: &Ui, look: &mut Look, board: &Board, shown: &Shown, place: Rect) {
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| board.response.hovered());
    let (Some(pointer), Some(step)) = (pointer, &shown.step) else { return };
    if look.overlay == Overlay::Masks {
        let share = share(place, pointer);
        let mut views = step.masks.get(shown.picture).into_iter().flatten();
        if let Some(view) = views.find(|view| is_on(&view.combined, share)) {
            look.pointed.concept = Some(view.concept.clone());
        }
    }
}
