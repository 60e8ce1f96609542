//! The picture with what is chosen of it, and what is drawn on it by hand.

use eframe::egui::{
    CursorIcon, Id, Key, Modifiers, Painter, PointerButton, Pos2, Rect, Response, Role, Sense, Shape as Drawn, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};

use super::{CutLook, Hint, Tool, mode};
use crate::cut::shapes::Point;
use crate::cut::{Mode, Scribble, Subject};
use crate::gui::paint::{self, MaskStyle, Outline, Sampling, Source};
use crate::gui::{theme, widgets};
use crate::studio::Studio;
use crate::studio::cut::{Open, Shape, Sight};

/// How much larger than it fits a photo may be shown.
const ZOOM: std::ops::RangeInclusive<f32> = 0.5..=64.0;

/// Where the photo is on the screen.
#[derive(Clone, Copy)]
struct Place {
    rect: Rect,
    /// Points to one of its pixels.
    scale: f32,
}

impl Place {
    fn screen(self, [x, y]: Point) -> Pos2 {
        self.rect.min + vec2(x, y) * self.scale
    }

    fn photo(self, at: Pos2) -> Point {
        let away = (at - self.rect.min) / self.scale;
        [away.x, away.y]
    }
}

/// Draws the board and takes what is done on it.
pub(super) fn show(ui: &mut Ui, studio: &mut Studio, cut: &mut CutLook) {
    let area = ui.available_rect_before_wrap();
    ui.allocate_rect(area, Sense::hover());
    let Some(subject) = studio.cut.open().and_then(|open| open.subject().cloned()) else { return };
    let (width, height) = subject.picture().dimensions();
    let size = vec2(width as f32, height as f32);
    let response = ui.interact(area, Id::unique("cut board"), Sense::click_and_drag());
    let name = "Photo to cut; drag with the tool in hand";
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    look_around(ui, &response, cut, area, size);
    let place = placed(cut, area, size);
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let colors = theme::colors(ui);
    paint::checker(&painter, place.rect.intersect(area), 8.0, colors.checker);
    let shown = studio.cut.open().and_then(|open| open.shown().cloned());
    let cutout = shown.as_ref().and_then(|shown| shown.cutout.clone()).filter(|_| cut.preview);
    if let Some(cutout) = cutout {
        let min = place.screen([cutout.left as f32, cutout.top as f32]);
        let (width, height) = cutout.picture.dimensions();
        let rect = Rect::from_min_size(min, vec2(width as f32, height as f32) * place.scale);
        let picture = Source::part(&cutout, |cutout: &crate::cut::Cutout| Some(&cutout.picture));
        paint::picture(&painter, rect, &picture, Sampling::Smooth);
    } else {
        let picture = Source::part(&subject, |subject: &Subject| Some(subject.picture()));
        paint::picture(&painter, place.rect, &picture, Sampling::Smooth);
        if let Some(shown) = &shown {
            let style = MaskStyle { fill: 0.4, outline: Outline::Solid, ..MaskStyle::new(colors.accent) };
            paint::mask(&painter, place.rect, &Source::new(&shown.mask), style);
        }
        match cut.tool {
            Tool::Find => hints(&painter, studio, place),
            Tool::Click => pointed(&painter, studio, place),
            _ => {}
        }
    }
    let waits = |open: &Open| open.is_behind() || open.naming().is_some() || matches!(open.sight(), Sight::Looking(_));
    if studio.cut.open().is_some_and(waits) {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
    }
    gestures(ui, studio, cut, &response, place);
    in_hand(ui, &painter, cut, &response, place);
}

fn placed(cut: &CutLook, area: Rect, size: Vec2) -> Place {
    let fitted = widgets::fit(area, size);
    let scale = (fitted.width() / size.x.max(1.0) * cut.zoom).max(1e-4);
    let min = area.center() - cut.center * size * scale;
    Place { rect: Rect::from_min_size(min, size * scale), scale }
}

/// The wheel zooms about the pointer; the middle button pans, and so does the first one with Space.
fn look_around(ui: &Ui, response: &Response, cut: &mut CutLook, area: Rect, size: Vec2) {
    let place = placed(cut, area, size);
    let pans =
        response.dragged_by(PointerButton::Middle) || (response.dragged() && ui.input(|i| i.key_down(Key::Space)));
    if pans {
        cut.path.clear();
        cut.center -= response.drag_delta() / place.rect.size().max(Vec2::splat(1.0));
    }
    if let Some(at) = response.hover_pos() {
        let factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 200.0).exp());
        if factor.is_finite() && (factor - 1.0).abs() > 1e-4 {
            let under = place.photo(at);
            cut.zoom = (cut.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
            let away = placed(cut, area, size).screen(under) - at;
            cut.center += away / placed(cut, area, size).rect.size().max(Vec2::splat(1.0));
        }
    }
    cut.center = cut.center.clamp(Vec2::ZERO, Vec2::splat(1.0));
    if !widgets::is_asked(ui) && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Num0)) {
        (cut.zoom, cut.center) = (1.0, Vec2::splat(0.5));
    }
}

/// What was scribbled: green is kept, red removed.
fn hints(painter: &Painter, studio: &Studio, place: Place) {
    let Some(open) = studio.cut.open() else { return };
    let hints = open.hints();
    if let Some(corners) = hints.within {
        let rect = Rect::from_two_pos(place.screen(corners[0]), place.screen(corners[1]));
        frame(painter, rect);
    }
    for scribble in &hints.scribbles {
        line(painter, &scribble.points, scribble.radius, scribble.keep, place);
    }
}

/// What was pointed at: green belongs to it, red does not.
fn pointed(painter: &Painter, studio: &Studio, place: Place) {
    let Some(open) = studio.cut.open() else { return };
    let prompt = &open.pointed().prompt;
    if let Some(corners) = prompt.within {
        frame(painter, Rect::from_two_pos(place.screen(corners[0]), place.screen(corners[1])));
    }
    let belong = prompt.clicks.iter().map(|at| (at, theme::KEEP));
    for (at, color) in belong.chain(prompt.not.iter().map(|at| (at, theme::REMOVE))) {
        let at = place.screen(*at);
        painter.circle_filled(at, 7.0, theme::HALO);
        painter.circle_filled(at, 5.0, color);
    }
}

fn frame(painter: &Painter, rect: Rect) {
    painter.rect_stroke(rect, 0.0, Stroke::new(3.0, theme::HALO), StrokeKind::Middle);
    painter.rect_stroke(rect, 0.0, Stroke::new(1.0, theme::KEEP), StrokeKind::Middle);
}

fn line(painter: &Painter, points: &[Point], radius: f32, keep: bool, place: Place) {
    let color = if keep { theme::KEEP } else { theme::REMOVE };
    let width = (2.0 * radius * place.scale).max(2.0);
    let points: Vec<Pos2> = points.iter().map(|point| place.screen(*point)).collect();
    if let [alone] = points[..] {
        painter.circle_filled(alone, width / 2.0, color);
    } else {
        painter.add(Drawn::line(points, Stroke::new(width, color)));
    }
}

/// Takes drags and clicks.
fn gestures(ui: &Ui, studio: &mut Studio, cut: &mut CutLook, response: &Response, place: Place) {
    let primary = PointerButton::Primary;
    let (held, begins, panning) = ui.input(|input| {
        let down = input.pointer.button_down(primary);
        (down, input.pointer.primary_pressed(), input.key_down(Key::Space))
    });
    let held = held && response.is_pointer_button_down_on() && !panning;
    let pointer = response.interact_pointer_pos();
    if held && begins && cut.path.is_empty() {
        let origin = ui.input(|input| input.pointer.press_origin()).or(pointer);
        cut.path.extend(origin.map(|origin| place.photo(origin)));
    }
    if let (Some(pointer), Some(last)) = (pointer, cut.path.last().copied())
        && (place.screen(last) - pointer).length() >= 1.5
    {
        cut.path.push(place.photo(pointer));
    }
    let modifiers = ui.input(|input| input.modifiers);
    if !held && !cut.path.is_empty() {
        let path = std::mem::take(&mut cut.path);
        done(studio, cut, path, modifiers, place);
    }
    if cut.tool == Tool::Lasso && cut.corners.len() >= 3 {
        let enter = || !widgets::is_asked(ui) && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
        if response.double_clicked() || enter() {
            let corners = std::mem::take(&mut cut.corners);
            studio.cut.draw(Shape::Lasso(corners), mode(modifiers, Mode::Replace));
        }
    }
}

/// A drag or a click has ended.
fn done(studio: &mut Studio, cut: &mut CutLook, path: Vec<Point>, modifiers: Modifiers, place: Place) {
    let (Some(first), Some(last)) = (path.first().copied(), path.last().copied()) else { return };
    let moved = (place.screen(first) - place.screen(last)).length() > 3.0 || path.len() > 3;
    match cut.tool {
        Tool::Find => match (cut.hint, modifiers.alt) {
            (Hint::Frame, false) if moved => {
                studio.cut.frame([first, last]);
                cut.hint = Hint::Keep;
            }
            (Hint::Frame, _) => {}
            (hint, alt) => {
                let keep = hint == Hint::Keep && !alt;
                studio.cut.scribble(Scribble { points: path, radius: cut.radius, keep });
            }
        },
        Tool::Click if moved => studio.cut.point_within([first, last]),
        Tool::Click => {
            let size = studio.cut.open().and_then(|open| Some(open.picture()?.dimensions()));
            let inside = |(width, height): (u32, u32)| {
                (0.0..width as f32).contains(&first[0]) && (0.0..height as f32).contains(&first[1])
            };
            if size.is_some_and(inside) {
                studio.cut.point(first, !modifiers.alt);
            }
        }
        Tool::Rectangle if moved => {
            studio.cut.draw(Shape::Rectangle([first, last]), mode(modifiers, Mode::Replace));
        }
        Tool::Rectangle => {}
        Tool::Lasso if moved && cut.corners.is_empty() => {
            studio.cut.draw(Shape::Lasso(path), mode(modifiers, Mode::Replace));
        }
        Tool::Lasso => cut.corners.push(last),
        Tool::Brush => {
            let way = if modifiers.alt { Mode::Subtract } else { Mode::Add };
            studio.cut.draw(Shape::Stroke(path, cut.radius, cut.hardness), way);
        }
        Tool::Wand if first[0] >= 0.0 && first[1] >= 0.0 => {
            let at = (first[0] as u32, first[1] as u32);
            studio.cut.draw(Shape::Wand(at, cut.wand), mode(modifiers, Mode::Replace));
        }
        Tool::Wand => {}
    }
}

/// What is being drawn, and the brush under the pointer.
fn in_hand(ui: &Ui, painter: &Painter, cut: &CutLook, response: &Response, place: Place) {
    let alt = ui.input(|input| input.modifiers.alt);
    let brush = matches!(cut.tool, Tool::Brush) || (cut.tool == Tool::Find && cut.hint != Hint::Frame);
    let keep = !alt && cut.hint != Hint::Remove;
    if let (Some(first), Some(last)) = (cut.path.first(), cut.path.last()) {
        match cut.tool {
            Tool::Find if cut.hint != Hint::Frame => line(painter, &cut.path, cut.radius, keep, place),
            Tool::Brush => line(painter, &cut.path, cut.radius, !alt, place),
            Tool::Find | Tool::Click | Tool::Rectangle => {
                frame(painter, Rect::from_two_pos(place.screen(*first), place.screen(*last)));
            }
            Tool::Lasso => outline(painter, &cut.path, None, place),
            Tool::Wand => {}
        }
    }
    let pointer = response.hover_pos();
    if !cut.corners.is_empty() {
        outline(painter, &cut.corners, pointer, place);
    }
    if let Some(at) = pointer {
        ui.set_cursor_icon(CursorIcon::Crosshair);
        if brush {
            painter.circle_stroke(at, cut.radius * place.scale, Stroke::new(3.0, theme::HALO));
            painter.circle_stroke(at, cut.radius * place.scale, Stroke::new(1.0, theme::colors(ui).text));
        }
    }
}

fn outline(painter: &Painter, points: &[Point], pointer: Option<Pos2>, place: Place) {
    let line: Vec<Pos2> = points.iter().map(|point| place.screen(*point)).chain(pointer).collect();
    painter.add(Drawn::line(line.clone(), Stroke::new(3.0, theme::HALO)));
    painter.add(Drawn::line(line, Stroke::new(1.5, theme::KEEP)));
}
