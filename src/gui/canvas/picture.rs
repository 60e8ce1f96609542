//! The picture board: what is under the playhead, beside what it is compared with.

use std::sync::Arc;

use eframe::egui::{Align2, ComboBox, CursorIcon, PointerButton, Pos2, Rect, Role, Stroke, Ui, vec2};

use super::board::{Board, label};
use super::{canvas_size, overlay, painting, readout, strip};
use crate::gui::look::{Look, Overlay};
use crate::gui::paint::{self, Pixels, Sampling, Source};
use crate::gui::{icons, theme, widgets};
use crate::link::{Finished, JobId, StepView};
use crate::project::Project;
use crate::studio::Studio;
use crate::studio::renders::runs::{Run, State};

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

/// What the board shows of a run.
#[derive(Clone)]
pub enum Face {
    /// A picture of the finished ones.
    Finished(Arc<Finished>),
    /// The small picture of a step.
    Step(Arc<StepView>),
}

impl Face {
    /// The picture to draw.
    pub fn source(&self, picture: usize) -> Source<Pixels> {
        match self {
            Self::Finished(finished) => Source::part(finished, move |finished| finished.pictures.get(picture)),
            Self::Step(step) => Source::part(step, move |step| step.previews.get(picture)),
        }
    }
}

/// The run under the playhead, or the one whose masks are painted.
pub struct Shown {
    pub job: JobId,
    pub project: Arc<Project>,
    /// Which picture of the batch.
    pub picture: usize,
    /// What is drawn; none before the first step.
    pub face: Option<Face>,
    /// The step whose masks and attention are laid over.
    pub step: Option<Arc<StepView>>,
}

/// What the board shows. None before the first render.
pub fn shown(studio: &Studio) -> Option<Shown> {
    if let Some(editor) = &studio.renders.mask_editor {
        let run = studio.renders.runs.get(editor.job)?;
        let step = editor.step.checked_sub(1).and_then(|step| run.step(step)).cloned();
        let face = step.clone().map(Face::Step);
        return Some(Shown { job: run.job, project: run.project.clone(), picture: editor.picture, face, step });
    }
    let run = studio.renders.runs.shown()?;
    let step = studio.renders.runs.step().cloned();
    let finished = run.finished().filter(|_| studio.renders.runs.shows_finished()).cloned();
    let face = finished.map(Face::Finished).or_else(|| step.clone().map(Face::Step));
    Some(Shown { job: run.job, project: run.project.clone(), picture: studio.renders.runs.picture, face, step })
}

/// Draws the board.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, board: &Board) {
    board.name(Role::Image, "Picture");
    let canvas = canvas_size(studio);
    let shown = shown(studio);
    let words = caption(studio, shown.as_ref());
    board.caption(ui, canvas, &words, |ui| split_controls(ui, studio, look));
    board.ground(ui, canvas);
    let sheet = board.map.sheet(canvas);
    let place = shown.as_ref().map_or(sheet, |shown| place_of(sheet, &shown.project));
    match &shown {
        Some(shown) if shown.face.is_some() => {
            let split = draw(ui, studio, look, board, shown, place);
            if studio.renders.mask_editor.is_some() {
                painting::show(ui, studio, look, board, &shown.project, place);
            } else {
                // What the model saw is no part of what is before the line.
                let line = split.as_ref().map_or(f32::NEG_INFINITY, |split| split.line);
                let after = board.map.board.with_min_x(line.max(board.map.board.left()));
                overlay::draw(ui, look, &board.within(after), shown, place);
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
        && let Some(at) = look.pointed
    {
        board.crosshair(ui, canvas, at);
    }
    strip::show(ui, studio, look, board);
}

/// Where a run's picture lies: on the whole sheet, or in its middle where the canvas has another shape by now.
pub fn place_of(sheet: Rect, project: &Project) -> Rect {
    let (width, height) = (project.canvas.width.max(1) as f32, project.canvas.height.max(1) as f32);
    let scale = (sheet.width() / width).min(sheet.height() / height);
    Align2::CENTER_CENTER.align_size_within_rect(vec2(width, height) * scale, sheet)
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

/// The line that was drawn, where there is one, and what to say of what is before it.
struct Line {
    /// Where it stands on the screen; left of everything where there is nothing before it.
    line: f32,
    words: String,
}

impl Line {
    fn draw(&self, ui: &Ui, board: &Board, place: Rect) {
        let seen = place.intersect(board.map.board);
        grip(ui, board, self.line, seen);
        // Nothing is before a line at the left edge; a line that is not there has words that say why.
        if self.line > seen.left() || self.line == f32::NEG_INFINITY {
            label(ui, &board.painter, seen.left_top() + vec2(8.0, 8.0), Align2::LEFT_TOP, &self.words);
        }
    }
}

fn draw(ui: &Ui, studio: &mut Studio, look: &mut Look, board: &Board, shown: &Shown, place: Rect) -> Option<Line> {
    let face = shown.face.as_ref()?;
    let after = face.source(shown.picture);
    if !look.canvas.split.on || studio.renders.mask_editor.is_some() {
        paint::picture(&board.painter, place, &after, Sampling::Smooth);
        return None;
    }
    drag_line(ui, look, board, place);
    let at = look.canvas.split.at;
    Some(match before(studio, look.canvas.split.against, face) {
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
        let share = readout::share(place, pointer);
        let mut views = step.masks.get(shown.picture).into_iter().flatten();
        if let Some(view) = views.find(|view| readout::is_on(&view.combined, share)) {
            look.pointed_concept = Some(view.concept.clone());
        }
    }
}

/// What is shown before the line, and what it is called; or why there is nothing.
fn before(studio: &mut Studio, against: Against, after: &Face) -> Result<(Source<Pixels>, String), String> {
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

fn drag_line(ui: &Ui, look: &mut Look, board: &Board, place: Rect) {
    let response = &board.response;
    if look.canvas.panning || !place.is_positive() {
        return;
    }
    let pressed = response.dragged_by(PointerButton::Primary) || response.clicked_by(PointerButton::Primary);
    if let Some(Pos2 { x, .. }) = response.interact_pointer_pos().filter(|_| pressed) {
        look.canvas.split.at = ((x - place.left()) / place.width()).clamp(0.0, 1.0);
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
    let font = super::board::body(ui);
    board.painter.text(at, Align2::CENTER_CENTER, icons::SPLIT_HORIZONTAL, font, colors.text);
}

/// The switch in the caption, and what to compare with.
fn split_controls(ui: &mut Ui, studio: &Studio, look: &mut Look) {
    if studio.renders.mask_editor.is_some() {
        return;
    }
    let split = &mut look.canvas.split;
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
    combo.response.widget_info(|| {
        eframe::egui::WidgetInfo::labeled(Role::ComboBox, true, format!("Compare the picture with: {chosen}"))
    });
    combo.response.on_hover_text(format!("Compared with: {chosen}"));
}
