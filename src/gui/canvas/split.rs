//! The line between before and after: what is compared with the picture, and how the line is drawn and dragged.

use eframe::egui::{Align2, ComboBox, CursorIcon, PointerButton, Pos2, Rect, Stroke, Ui, vec2};

use super::board::{Board, body, label};
use super::shown::Face;
use crate::gui::paint::{Pixels, Source};
use crate::gui::{icons, theme, widgets};
use crate::studio::Studio;
use crate::studio::renders::runs::Run;

/// What the picture is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Against {
    /// The collage.
    #[default]
    Collage,
    /// The picture that was chosen for it, or the run that was branched off.
    Compared,
}

/// The line between before, at its left, and after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Whether it is shown.
    pub on: bool,
    /// Where it stands: 0..1 of the picture's width.
    pub at: f32,
    /// What is shown before it.
    pub against: Against,
}

impl Default for Split {
    fn default() -> Self {
        Self { on: false, at: 0.5, against: Against::default() }
    }
}

/// The line that was drawn, where there is one, and what to say of what is before it.
pub struct Line {
    /// Where it stands on the screen; left of everything where there is nothing before it.
    pub line: f32,
    pub words: String,
}

impl Line {
    /// Draws it with its words.
    pub fn draw(&self, ui: &Ui, board: &Board, place: Rect) {
        let seen = place.intersect(board.map.board);
        grip(ui, board, self.line, seen);
        // Nothing is before a line at the left edge; a line that is not there has words that say why.
        if self.line > seen.left() || self.line == f32::NEG_INFINITY {
            label(ui, &board.painter, seen.left_top() + vec2(8.0, 8.0), Align2::LEFT_TOP, &self.words);
        }
    }
}

/// What is shown before the line, and what it is called; or why there is nothing.
pub fn before(studio: &mut Studio, against: Against, after: &Face) -> Result<(Source<Pixels>, String), String> {
    match against {
        Against::Collage => match studio.collage() {
            Some(Ok(collage)) => Ok((Source::part(&collage, |collage| Some(&collage.picture)), "Collage".into())),
            Some(Err(words)) => Err(words),
            None => Err("The collage is being drawn".into()),
        },
        Against::Compared => {
            let (job, picture) =
                studio.renders.runs.compared.ok_or("Ctrl+click a picture to compare it with this one")?;
            let run = studio.renders.runs.get(job).ok_or("The other render's steps are no longer kept")?;
            let face = counterpart(run, after).ok_or("The other render has no picture yet")?;
            Ok((face.source(picture), name_of(run, picture)))
        }
    }
}

/// What another run has to show beside this: its finished picture, or the same step.
fn counterpart(run: &Run, after: &Face) -> Option<Face> {
    let newest = || run.newest().and_then(|step| run.step(step)).cloned().map(Face::Step);
    match after {
        Face::Finished(_) => run.finished().cloned().map(Face::Finished).or_else(newest),
        Face::Step(step) => run.step(step.step).cloned().map(Face::Step).or_else(newest),
    }
}

fn name_of(run: &Run, picture: usize) -> String {
    match run.project.seeds().get(picture) {
        Some(seed) => format!("{} · seed {seed}", run.name),
        None => run.name.clone(),
    }
}

/// Takes drags of the line.
pub fn drag(ui: &Ui, split: &mut Split, board: &Board, place: Rect) {
    let response = &board.response;
    if board.panning || !place.is_positive() {
        return;
    }
    let pressed = response.dragged_by(PointerButton::Primary) || response.clicked_by(PointerButton::Primary);
    if let Some(Pos2 { x, .. }) = response.interact_pointer_pos().filter(|_| pressed) {
        split.at = ((x - place.left()) / place.width()).clamp(0.0, 1.0);
    }
    if response.hovered() && !ui.input(|input| input.key_down(eframe::egui::Key::Space)) {
        ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
}

/// A small round thing on the line, which shows that it can be dragged.
fn grip(ui: &Ui, board: &Board, x: f32, seen: Rect) {
    if !seen.is_positive() || !(seen.left()..=seen.right()).contains(&x) {
        return;
    }
    let colors = theme::colors(ui);
    let at = Pos2::new(x, seen.center().y);
    board.painter.circle(at, 11.0, colors.panel, Stroke::new(1.0, colors.line));
    let font = body(ui);
    board.painter.text(at, Align2::CENTER_CENTER, icons::SPLIT_HORIZONTAL, font, colors.text);
}

/// The switch in the caption, and what to compare with.
pub fn controls(ui: &mut Ui, studio: &Studio, split: &mut Split) {
    if studio.renders.mask_editor.is_some() {
        return;
    }
    let words = "Before and after: a line that is dragged over the picture";
    if widgets::icon_toggle(ui, icons::SPLIT_HORIZONTAL, split.on, words).clicked() {
        split.on = !split.on;
        if split.on && studio.renders.runs.compared.is_some() {
            split.against = Against::Compared;
        }
    }
    if !split.on {
        return;
    }
    let other =
        studio.renders.runs.compared.and_then(|(job, picture)| Some(name_of(studio.renders.runs.get(job)?, picture)));
    let chosen = match split.against {
        Against::Collage => "Collage".to_owned(),
        Against::Compared => other.clone().unwrap_or_else(|| "Another picture".into()),
    };
    let width = (0.4 * ui.available_width()).clamp(64.0, 120.0);
    let combo = ComboBox::from_id_salt("before").selected_text(&chosen).width(width).truncate().show_ui(ui, |ui| {
        ui.selectable_value(&mut split.against, Against::Collage, "Collage");
        let words = other.clone().unwrap_or_else(|| "Another picture (Ctrl+click one of the batch)".into());
        ui.add_enabled_ui(other.is_some(), |ui| ui.selectable_value(&mut split.against, Against::Compared, words));
    });
    let name = format!("Compare the picture with: {chosen}");
    widgets::name_list(combo.response, &name, &format!("Compared with: {chosen}"));
}
