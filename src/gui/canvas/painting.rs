//! Painting masks on the picture: the bar above, the brush, what is painted so far.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{
    self, Button, Color32, CursorIcon, Frame, Key, Margin, Modifiers, Pos2, Rect, RichText, Role, Slider, Stroke, Ui,
    WidgetInfo,
};

use super::board::{Board, Tags};
use super::overlay;
use super::switches::{Choice, MIDDLE, chosen_button, group, switch};
use crate::engine::masks::Mask;
use crate::gui::cells::share;
use crate::gui::paint::{self, MaskStyle, Outline, Sampling, Source};
use crate::gui::{icons, theme, widgets};
use crate::link::JobId;
use crate::project::Project;
use crate::studio::{Held, MaskEditor, Studio};

/// How opaque the painted mask is filled; the others are as always.
const FILL: f32 = 0.30;
/// How fast the outline marches, in points a second.
const MARCH: f64 = 16.0;
/// Between two pictures of the marching outline.
const FRAME: Duration = Duration::from_millis(66);
/// A press with Shift that moves less than this, in points, is a click.
const STILL: f32 = 4.0;
/// How much `[` and `]` change the brush.
const STEP: f32 = 1.25;
/// What goes on with the render.
const CONTINUE: &str = "Continue with these masks";

/// What painting remembers between frames.
#[derive(Debug, Default)]
pub struct Painting {
    /// Where the stroke in hand has come to, in fractions of the picture.
    at: Option<(f32, f32)>,
    /// The stroke was given up: nothing is painted until the button is let go.
    given_up: bool,
    /// Where the last stroke ended, for a straight line from there.
    last: Option<(f32, f32)>,
    /// A press with Shift: where it began on the screen, and the radius then. A drag changes the radius, and a click paints
    /// a straight line.
    sizing: Option<(Pos2, f32)>,
    shared: Option<Shared>,
}

/// The editor's masks as the shaders take them, made anew when they change.
#[derive(Debug)]
struct Shared {
    of: (JobId, usize, usize, u64),
    masks: Vec<Arc<Mask>>,
}

impl Painting {
    fn masks(&mut self, editor: &MaskEditor) -> &[Arc<Mask>] {
        let of = (editor.job, editor.step, editor.picture, editor.version());
        if self.shared.as_ref().is_none_or(|shared| shared.of != of) {
            self.shared = Some(Shared { of, masks: editor.masks().iter().cloned().map(Arc::new).collect() });
        }
        self.shared.as_ref().map_or(&[], |shared| &shared.masks)
    }
}

/// The bar while masks are painted; forgets everything where none are.
pub fn toolbar(ui: &mut Ui, studio: &mut Studio, painting: &mut Painting) {
    let Some(editor) = &mut studio.renders.mask_editor else {
        *painting = Painting::default();
        return;
    };
    let project = studio.renders.runs.get(editor.job).map(|run| run.project.clone()).unwrap_or_default();
    let (mut cancel, mut go_on) = (false, false);
    let frame = Frame::new().fill(theme::colors(ui).selected).inner_margin(Margin::symmetric(12, 6));
    frame.show(ui, |ui| {
        let width = ui.available_width();
        ui.set_width(width);
        ui.horizontal_wrapped(|ui| {
            subjects(ui, editor, &project);
            group(ui, "tool", |ui| {
                let choices = [
                    Choice::new(false, "Brush", "Paint the mask; what is painted is taken from the others (X)"),
                    Choice::new(true, "Erase", "Take away from the mask (X)"),
                ];
                switch(ui, width, "Tool", &mut editor.erase, &choices);
            });
            group(ui, "radius", |ui| radius(ui, editor, width < MIDDLE));
            group(ui, "whole", |ui| whole(ui, editor));
            group(ui, "undo", |ui| {
                if widgets::icon_button(ui, icons::ARROW_U_UP_LEFT, "Undo the last stroke (Ctrl+Z)").clicked() {
                    editor.undo();
                }
                if widgets::icon_button(ui, icons::ARROW_U_UP_RIGHT, "Redo the stroke (Ctrl+Shift+Z)").clicked() {
                    editor.redo();
                }
            });
            group(ui, "go on", |ui| {
                let colors = theme::colors(ui);
                let face = if width < MIDDLE { "Continue" } else { CONTINUE };
                let button = ui.add(Button::new(RichText::new(face).color(colors.on_accent)).fill(colors.accent));
                widgets::name_button(&button, CONTINUE);
                let explanation = format!("Renders again from step {} on, with the masks as painted", editor.step + 1);
                go_on = button.on_hover_text(explanation).clicked();
                cancel = ui.button("Cancel").on_hover_text("Leave the masks as the render has them").clicked();
            });
            if let Some(empty) = editor.empty() {
                let words = format!("The mask of {empty} is empty: paint where it shall be");
                widgets::amber(ui, &words);
            }
        });
    });
    if cancel {
        studio.ask_to(Held::DropMasks);
    } else if go_on {
        studio.continue_with_masks();
    }
}

/// Which subject is painted: a chip each.
fn subjects(ui: &mut Ui, editor: &mut MaskEditor, project: &Project) {
    for index in 0..editor.names().len() {
        let Some(name) = editor.names().get(index).cloned() else { continue };
        let twice = editor.names().iter().filter(|other| **other == name).count() > 1;
        let number = editor.names().iter().take(index + 1).filter(|other| **other == name).count();
        let words = if twice { format!("{name} {number}") } else { name.clone() };
        group(ui, &format!("subject {index}"), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            widgets::dot(ui, theme::mark(overlay::color_of(project, &name)));
            let on = editor.subject == index;
            let response = ui.add(chosen_button(&words, on, theme::colors(ui).raised));
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, &words));
            let changed = if editor.changed(index) { ", changed" } else { "" };
            if response.on_hover_text(format!("Paint the mask of {words}{changed}")).clicked() {
                editor.subject = index;
            }
        });
    }
}

/// What is done with the whole mask.
fn whole(ui: &mut Ui, editor: &mut MaskEditor) {
    let menu = ui.menu_button(RichText::new(icons::DOTS_THREE).size(16.0), |ui| {
        let fill = ui.add_enabled(editor.can_fill(), Button::new("Fill"));
        let hover = "Gives the subject what its mask encloses";
        if fill.on_hover_text(hover).on_disabled_hover_text("Draw around something first").clicked() {
            editor.fill();
            ui.close();
        }
        if ui.button("Clear").on_hover_text("Takes all of this mask away").clicked() {
            editor.clear();
            ui.close();
        }
        let reset = ui.add_enabled(editor.changed(editor.subject), Button::new("Reset to the step's mask"));
        if reset.on_hover_text("As the render had it at this step").clicked() {
            editor.reset();
            ui.close();
        }
    });
    widgets::named(menu.response, "Fill, clear, reset");
}

fn radius(ui: &mut Ui, editor: &mut MaskEditor, narrow: bool) {
    ui.spacing_mut().slider_width = 80.0;
    if !narrow {
        ui.label(RichText::new("Radius").color(theme::colors(ui).weak));
    }
    let slider = Slider::new(&mut editor.radius, MaskEditor::RADIUS).logarithmic(true).show_value(false);
    let response = ui.add(slider);
    let radius = editor.radius;
    response.widget_info(|| WidgetInfo::slider(true, f64::from(radius), "Radius of the brush"));
    let hover = format!("The brush's radius: {radius:.1} cells of the masks' grid ([ and ], or Shift and a drag)");
    response.on_hover_text(hover);
    if !narrow {
        ui.label(RichText::new(format!("{radius:.1} cells")).small());
    }
}

/// The keys of the editor.
pub fn keys(ui: &Ui, studio: &mut Studio) {
    let Some(editor) = &mut studio.renders.mask_editor else { return };
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::X) {
        editor.erase = !editor.erase;
    }
    let resize = |radius: f32| radius.clamp(*MaskEditor::RADIUS.start(), *MaskEditor::RADIUS.end());
    if pressed(Key::OpenBracket) {
        editor.radius = resize(editor.radius / STEP);
    }
    if pressed(Key::CloseBracket) {
        editor.radius = resize(editor.radius * STEP);
    }
}

/// Gives the stroke in hand up.
pub fn give_up(studio: &mut Studio, painting: &mut Painting) {
    if painting.at.take().is_some() {
        painting.given_up = true;
        if let Some(editor) = &mut studio.renders.mask_editor {
            editor.undo();
        }
    }
    if let Some((_, radius)) = painting.sizing.take() {
        painting.given_up = true;
        if let Some(editor) = &mut studio.renders.mask_editor {
            editor.radius = radius;
        }
    }
}

/// Draws the masks, takes the brush.
pub fn show(
    ui: &Ui,
    studio: &mut Studio,
    painting: &mut Painting,
    sampling: Sampling,
    board: &Board,
    project: &Project,
    place: Rect,
) {
    let Some(editor) = &mut studio.renders.mask_editor else { return };
    if place.is_positive() {
        brush(ui, editor, painting, board, place);
    }
    let subject = editor.subject;
    let names = editor.names().to_vec();
    let masks = painting.masks(editor);
    // The painted one last, over the others.
    let order = (0..masks.len()).filter(|index| *index != subject).chain([subject]);
    let mut tags = Tags::default();
    for index in order {
        let (Some(mask), Some(name)) = (masks.get(index), names.get(index)) else { continue };
        let color = overlay::color_of(project, name);
        let active = index == subject;
        let outline = if active { Outline::Marching(march(ui)) } else { Outline::Solid };
        let fill = if active { FILL } else { MaskStyle::FILL };
        let style = MaskStyle { color: theme::mark(color), fill, outline, sampling };
        paint::mask(&board.painter, place, &Source::new(mask), style);
        overlay::tag(ui, &mut tags, board, mask, name, color, place);
    }
    let color = names.get(subject).map(|name| theme::mark(overlay::color_of(project, name)));
    let cells = masks.first().map_or(1, |mask| mask.width).max(1);
    let Some(editor) = &studio.renders.mask_editor else { return };
    ring(ui, editor, board, place.width() / cells as f32, color.unwrap_or(theme::colors(ui).accent));
}

/// How far the outline has marched. Asks for the next frame, but only while somebody looks.
fn march(ui: &Ui) -> f32 {
    let (time, looked_at) = ui.input(|input| (input.time, input.focused));
    if looked_at {
        ui.ctx().request_repaint_after(FRAME);
    }
    // It repeats long before single precision would make it stutter.
    ((time * MARCH) % 4096.0) as f32
}

fn brush(ui: &Ui, editor: &mut MaskEditor, painting: &mut Painting, board: &Board, place: Rect) {
    let (pressed, space, shift, pointer) = ui.input(|input| {
        let pointer = input.pointer.latest_pos();
        (input.pointer.primary_down(), input.key_down(Key::Space), input.modifiers.shift, pointer)
    });
    let held = board.response.is_pointer_button_down_on() && pressed && !space && !board.panning;
    let Some(pointer) = pointer.filter(|_| held) else {
        if let Some((at, radius)) = painting.sizing.take()
            && !pressed
            && radius == editor.radius
        {
            // A click with Shift: a straight line from where the last stroke ended.
            let to = share(place, at);
            editor.begin_stroke();
            editor.paint(painting.last.unwrap_or(to), to);
            painting.last = Some(to);
        }
        painting.last = painting.at.take().or(painting.last);
        painting.given_up &= pressed;
        return;
    };
    if painting.given_up {
        return;
    }
    if painting.at.is_none() && (shift || painting.sizing.is_some()) {
        let (from, radius) = *painting.sizing.get_or_insert((pointer, editor.radius));
        let cells = (pointer.x - from.x) * cells_per_point(editor, place);
        if (pointer - from).length() >= STILL || radius != editor.radius {
            editor.radius = (radius + cells).clamp(*MaskEditor::RADIUS.start(), *MaskEditor::RADIUS.end());
        }
        return;
    }
    let to = share(place, pointer);
    match painting.at {
        None => {
            editor.begin_stroke();
            editor.paint(to, to);
        }
        Some(from) if from != to => editor.paint(from, to),
        Some(_) => {}
    }
    painting.at = Some(to);
}

/// How many cells of the masks' grid a point on the screen is.
fn cells_per_point(editor: &MaskEditor, place: Rect) -> f32 {
    editor.masks().first().map_or(1, |mask| mask.width).max(1) as f32 / place.width().max(1.0)
}

/// A ring as large as the brush follows the pointer.
fn ring(ui: &Ui, editor: &MaskEditor, board: &Board, cell: f32, color: Color32) {
    let pointer: Option<Pos2> = ui.input(|input| input.pointer.hover_pos());
    let held = board.response.is_pointer_button_down_on();
    let Some(pointer) = pointer.filter(|_| (board.response.hovered() || held) && !board.panning) else { return };
    let radius = (editor.radius * cell).max(2.0);
    let colors = theme::colors(ui);
    board.painter.circle_stroke(pointer, radius, Stroke::new(3.0, colors.ground.gamma_multiply(0.6)));
    let color = if editor.erase { colors.text } else { color };
    board.painter.circle_stroke(pointer, radius, Stroke::new(1.5, color));
    if !ui.input(|input| input.key_down(egui::Key::Space)) {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
    }
}
