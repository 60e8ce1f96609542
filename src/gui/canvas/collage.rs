//! The collage board: background, layers, what is selected.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, Context, CursorIcon, DragAndDrop, Painter, Rect, Role, Sense, Shape, Stroke, Ui, pos2, vec2,
};

use super::board::{Board, Tags, canvas_size, label, small};
use super::gestures::Gesture;
use super::handles::{self, Held};
use super::memory::CanvasLook;
use super::menu;
use super::placed::{Placed, box_at, hit, placed};
use super::view::Mapping;
use crate::gui::look::{DraggedConcept, DraggedResult, Look};
use crate::gui::paint::{Pixels, Source};
use crate::gui::textures::Textures;
use crate::gui::{canvas_size, paint, theme};
use crate::project::{Background, Layout};
use crate::studio::Studio;
use crate::studio::document::geometry::Bounds;
use crate::studio::document::snap::Axis;
use crate::studio::files::pictures::{Loaded, Picture};

/// Textures are not made smaller than this, in pixels.
const LEAST_TEXTURE: u32 = 32;
/// How opaque the parts of layers are drawn that stand out over the canvas's edge.
const OVERHANG: f32 = 0.2;

/// Draws the board and takes what is dropped on it.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, memory: &mut CanvasLook, board: &Board) {
    let canvas = canvas_size(studio);
    let placed = placed(studio);
    let count = placed.len();
    let name = match count {
        0 => "Collage".to_owned(),
        1 => "Collage, 1 layer".to_owned(),
        count => format!("Collage, {count} layers"),
    };
    board.name(Role::Canvas, &name);
    let size = studio.project().canvas;
    let words = format!("Collage · {} × {}", size.width, size.height);
    let said = board.caption(ui, canvas, &words, Sense::click(), |_| ());
    canvas_size::popup(&said, studio);
    said.on_hover_cursor(CursorIcon::PointingHand)
        .on_hover_text("The size of the canvas and of the pictures: press to choose another");

    let sheet = board.map.sheet(canvas);
    for placed in placed.iter().filter(|placed| stands_out(placed.frame.bounds(), canvas)) {
        draw_layer(ui, look, &board.painter, board.map, placed, OVERHANG);
    }
    board.ground(ui, canvas);
    let inner = board.painter.with_clip_rect(sheet.intersect(board.painter.clip_rect()));
    background(ui, studio, look, board, &inner, sheet);
    for placed in &placed {
        draw_layer(ui, look, &inner, board.map, placed, 1.0);
    }
    for placed in &placed {
        stand_in(ui, board, placed);
    }
    board.border(ui, canvas);
    if count == 0 && matches!(studio.project().layout, Layout::Collage { .. }) {
        let words = match look.drops {
            true => "Drop a cutout here, or add one at the left",
            // What is copied in a file manager arrives everywhere.
            false => "Paste a cutout here (Ctrl+V), or add one at the left",
        };
        board.words(ui, canvas, words, theme::colors(ui).weak);
    }

    lit(ui, studio, look, board, &placed);
    names(ui, studio, board, &placed);
    selection(ui, studio, memory, board, &placed);
    guides(ui, memory, board);
    drop_concept(ui, studio, board, &placed);
    drop_result(ui, studio, board);
    if !board.response.contains_pointer()
        && let Some(at) = look.pointed.at
    {
        board.crosshair(ui, canvas, at);
    }
    menu::show(studio, look, memory, board);
}

fn stands_out(bounds: Bounds, canvas: (f32, f32)) -> bool {
    bounds.left < 0.0 || bounds.top < 0.0 || bounds.right > canvas.0 || bounds.bottom > canvas.1
}

/// The layout's background, or the picture that is the whole layout.
fn background(ui: &Ui, studio: &mut Studio, look: &mut Look, board: &Board, painter: &Painter, sheet: Rect) {
    let (path, crop) = match &studio.project().layout {
        Layout::Collage { background: Background::Color([red, green, blue]), .. } => {
            painter.rect_filled(sheet, 0.0, Color32::from_rgb(*red, *green, *blue));
            return;
        }
        Layout::Collage { background: Background::Picture(path), .. } | Layout::Picture(path) => (path.clone(), None),
        Layout::Collage { background: Background::Photo, .. } => {
            let Some(place) = &studio.project().place else { return };
            (place.photo.clone(), place.crop)
        }
    };
    let canvas = canvas_size(studio);
    match studio.picture(&path) {
        Loaded::Ready(picture) => {
            let (width, height) = picture.size;
            let (width, height) = (width.max(1) as f32, height.max(1) as f32);
            let (scale, place) = match crop {
                // As `picture::crop_to_canvas` does it: the piece is the sheet, and the rest stands over.
                Some(crop) => {
                    let scale = sheet.width() / crop.width.max(1) as f32;
                    let at = sheet.left_top() - vec2(crop.x as f32, crop.y as f32) * scale;
                    (scale, Rect::from_min_size(at, vec2(width, height) * scale))
                }
                // As `picture::cover` does it: what stands over is cut off evenly.
                None => {
                    let scale = (sheet.width() / width).max(sheet.height() / height);
                    (scale, Rect::from_center_size(sheet.center(), vec2(width, height) * scale))
                }
            };
            let corners = [place.left_top(), place.right_top(), place.right_bottom(), place.left_bottom()];
            let source = source(ui.ctx(), &mut look.textures, &picture, width.max(height) * scale);
            paint::layer(painter, corners, &source, 1.0);
        }
        Loaded::Loading => board.words(ui, canvas, "Reading the background...", theme::colors(ui).weak),
        Loaded::Failed(words) => board.words(ui, canvas, &words, theme::colors(ui).amber),
    }
}

/// A picture whose longest side is drawn so many points long: not much finer than the screen shows, so that what is
/// drawn small does not flicker.
fn source(ctx: &Context, textures: &mut Textures, picture: &Arc<Picture>, points: f32) -> Source<Pixels> {
    let (width, height) = picture.shown.dimensions();
    let dots = points * ctx.pixels_per_point();
    let (mut times, mut side) = (0, width.max(height));
    while side / 2 >= LEAST_TEXTURE && (side / 2) as f32 >= dots {
        (times, side) = (times + 1, side / 2);
    }
    Source::new(&textures.halved(&picture.shown, times))
}

fn draw_layer(ui: &Ui, look: &mut Look, painter: &Painter, map: Mapping, placed: &Placed, strength: f32) {
    let opacity = placed.layer.opacity.clamp(0.0, 1.0) * strength;
    let Loaded::Ready(picture) = &placed.picture else { return };
    if !placed.layer.visible || opacity <= 0.0 {
        return;
    }
    let corners = placed.frame.corners().map(|corner| map.screen(corner));
    let around = Rect::from_points(&corners);
    if !around.is_finite() || !around.intersects(painter.clip_rect()) {
        return;
    }
    let longest = placed.frame.size.0.max(placed.frame.size.1) * map.zoom;
    let source = source(ui.ctx(), &mut look.textures, picture, longest);
    let [left_top, right_top, right_bottom, left_bottom] = corners;
    let corners = if placed.frame.flip { [right_top, left_top, left_bottom, right_bottom] } else { corners };
    paint::layer(painter, corners, &source, opacity);
}

/// What is drawn where a layer's picture is not there: dashes while it is read, words where it cannot be.
fn stand_in(ui: &Ui, board: &Board, placed: &Placed) {
    if !placed.layer.visible {
        return;
    }
    let colors = theme::colors(ui);
    let corners = placed.frame.corners().map(|corner| board.map.screen(corner));
    let mut path = corners.to_vec();
    path.extend(corners.first());
    match &placed.picture {
        Loaded::Ready(_) => {}
        Loaded::Loading => {
            let dashes = Shape::dashed_line(&path, Stroke::new(1.5, colors.weak), 6.0, 4.0);
            board.painter.extend(dashes);
        }
        Loaded::Failed(words) => {
            board.painter.add(Shape::closed_line(corners.to_vec(), Stroke::new(2.0, colors.amber)));
            let middle = board.map.screen(placed.frame.center);
            let most = (placed.frame.size.0 * board.map.zoom).max(120.0);
            let galley = board.painter.layout(words.clone(), small(ui), colors.amber, most);
            let place = Align2::CENTER_CENTER.anchor_size(middle, galley.size());
            board.painter.rect_filled(place.expand(4.0), 4.0, colors.panel);
            board.painter.galley(place.min, galley, colors.amber);
        }
    }
}

/// Outlines the layers of the concept that is pointed at, wherever it is, and says which one that is on this board.
fn lit(ui: &Ui, studio: &Studio, look: &mut Look, board: &Board, placed: &[Placed]) {
    if let Some(concept) =
        look.pointed.lit.as_ref().and_then(|name| studio.project().concept(name)).map(|(_, concept)| concept)
    {
        let stroke = Stroke::new(2.0, theme::mark(concept.color));
        for placed in placed.iter().filter(|placed| placed.layer.concept.as_ref() == Some(&concept.name)) {
            let corners = placed.frame.corners().map(|corner| board.map.screen(corner)).to_vec();
            board.painter.add(Shape::closed_line(corners, stroke));
        }
    }
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| board.response.hovered());
    let under = pointer.and_then(|pointer| hit(placed, board.map.canvas(pointer)));
    if let Some(concept) = under.and_then(|index| placed.get(index)?.layer.concept.clone()) {
        look.pointed.concept = Some(concept);
    }
}

/// The concept of each layer that stands for one.
fn names(ui: &Ui, studio: &Studio, board: &Board, placed: &[Placed]) {
    let mut tags = Tags::default();
    if board.map.sheet(canvas_size(studio)).width() < Tags::LEAST_SHEET {
        return;
    }
    for placed in placed.iter().filter(|placed| placed.layer.visible) {
        let concept = placed.layer.concept.as_ref().and_then(|name| studio.project().concept(name));
        let Some((_, concept)) = concept else { continue };
        let bounds = placed.frame.bounds();
        let anchor = board.map.screen((bounds.center().0, bounds.bottom));
        tags.put(ui, &board.painter, pos2(anchor.x, anchor.y + 4.0), false, &concept.name, concept.color);
    }
}

/// Outlines of the selected layers, the handles of what can be moved, the rubber band.
fn selection(ui: &Ui, studio: &Studio, memory: &CanvasLook, board: &Board, placed: &[Placed]) {
    let colors = theme::colors(ui);
    let chosen: Vec<&Placed> =
        placed.iter().filter(|placed| studio.document.selection().contains(&placed.index)).collect();
    let frame = handles::frame(studio, placed);
    for placed in &chosen {
        let corners = placed.frame.corners().map(|corner| board.map.screen(corner)).to_vec();
        if placed.is_loose() {
            if chosen.len() > 1 {
                let thin = Stroke::new(1.0, colors.accent.gamma_multiply(0.7));
                board.painter.add(Shape::closed_line(corners, thin));
            }
        } else {
            let mut path = corners.clone();
            path.extend(corners.first());
            board.painter.extend(Shape::dashed_line(&path, Stroke::new(1.0, colors.weak), 4.0, 4.0));
        }
    }
    if let Some(frame) = frame {
        handles::draw(ui, board, frame);
    }
    if let Some((from, to)) = memory.hand.gesture.as_ref().and_then(Gesture::band) {
        let band = Rect::from_two_pos(board.map.screen(from), board.map.screen(to));
        board.painter.rect_filled(band, 0.0, colors.accent.gamma_multiply(0.15));
        let stroke = Stroke::new(1.0, colors.accent);
        board.painter.rect_stroke(band, 0.0, stroke, eframe::egui::StrokeKind::Middle);
    }
    cursor(ui, studio, memory, board, placed);
}

/// The cursor says what a press would do.
fn cursor(ui: &Ui, studio: &Studio, memory: &CanvasLook, board: &Board, placed: &[Placed]) {
    if memory.panning || DragAndDrop::has_any_payload(ui.ctx()) {
        return;
    }
    if let Some(icon) = memory.hand.gesture.as_ref().and_then(Gesture::cursor) {
        ui.ctx().set_cursor_icon(icon);
        return;
    }
    let (pointer, alt, space) =
        ui.input(|input| (input.pointer.hover_pos(), input.modifiers.alt, input.key_down(eframe::egui::Key::Space)));
    let Some(pointer) = pointer.filter(|_| board.response.hovered() && !space) else { return };
    let icon = match handles::under(board, handles::frame(studio, placed), pointer) {
        Some((Held::Corner(corner), frame)) => handles::cursor(frame, corner),
        Some((Held::Turn, _)) => CursorIcon::Grab,
        None => match hit(placed, board.map.canvas(pointer)).and_then(|index| placed.get(index)) {
            Some(placed) if placed.layer.locked => CursorIcon::PointingHand,
            Some(_) if alt => CursorIcon::Copy,
            Some(_) => CursorIcon::Move,
            None => CursorIcon::Default,
        },
    };
    ui.ctx().set_cursor_icon(icon);
}

/// The lines that what is moved came to rest at.
fn guides(ui: &Ui, memory: &CanvasLook, board: &Board) {
    let stroke = Stroke::new(1.0, theme::colors(ui).playhead);
    for guide in &memory.hand.guides {
        let (from, to) = match guide.axis {
            Axis::Vertical => ((guide.at, guide.from), (guide.at, guide.to)),
            Axis::Horizontal => ((guide.from, guide.at), (guide.to, guide.at)),
        };
        board.painter.line_segment([board.map.screen(from), board.map.screen(to)], stroke);
    }
}

/// A picture of the gallery's held over the board becomes a layer there when it is let go.
fn drop_result(ui: &Ui, studio: &mut Studio, board: &Board) {
    let Some(dragged) = board.response.dnd_hover_payload::<DraggedResult>() else { return };
    let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
    label(ui, &board.painter, pointer + vec2(12.0, 12.0), Align2::LEFT_TOP, "Becomes a layer here");
    if board.response.dnd_release_payload::<DraggedResult>().is_some() {
        studio.use_result_at(&dragged.0, board.map.canvas(pointer));
    }
}

/// A concept's card held over the board: the layer that would take it is outlined, and takes it when it is let go.
fn drop_concept(ui: &Ui, studio: &mut Studio, board: &Board, placed: &[Placed]) {
    let Some(dragged) = board.response.dnd_hover_payload::<DraggedConcept>() else { return };
    let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
    let at = board.map.canvas(pointer);
    let under = hit(placed, at).or_else(|| box_at(placed, at));
    let concept = studio.project().concept(&dragged.0).map(|(_, concept)| concept.clone());
    if let (Some(placed), Some(concept)) = (under.and_then(|index| placed.get(index)), &concept) {
        let corners = placed.frame.corners().map(|corner| board.map.screen(corner)).to_vec();
        board.painter.add(Shape::convex_polygon(
            corners,
            theme::mark(concept.color).gamma_multiply(0.25),
            Stroke::new(2.0, theme::mark(concept.color)),
        ));
        let words = format!("{} becomes {}", placed.layer.title(), concept.name);
        label(ui, &board.painter, pointer + eframe::egui::vec2(12.0, 12.0), Align2::LEFT_TOP, &words);
    }
    if board.response.dnd_release_payload::<DraggedConcept>().is_some()
        && let Some(index) = under
    {
        studio.document.assign(index, Some(dragged.0.clone()));
        studio.document.select_only(index);
    }
}
