//! The canvas: the collage at the left, the picture at the right, at one scale and pan.
//!
//! From below:
//!
//! - What is seen and how large: `view.rs`. A board's ground, caption, crosshair and tags: `board.rs`.
//! - What lies where: `placed.rs` (layers), `shown.rs` (the run's picture).
//! - What to change layers by: `handles.rs`, `gestures.rs`. What lies over the picture: `overlay.rs`, `split.rs`. Masks
//!   being painted: `painting.rs`. What bars are made of: `switches.rs`.
//! - What all of it remembers: `memory.rs`.
//! - The boards: `collage.rs` with its `menu.rs`, `picture.rs` with its `strip.rs`. The bar above: `bar.rs`. What the
//!   pointer is on, in words: `readout.rs`. Keys: `keys.rs`.

use eframe::egui::{self, CursorIcon, Key, PointerButton, Pos2, Rect, Sense, Ui, Vec2, pos2, vec2};

mod bar;
mod board;
mod collage;
mod gestures;
mod handles;
mod keys;
mod memory;
mod menu;
mod overlay;
mod painting;
mod picture;
mod placed;
mod readout;
mod shown;
mod split;
mod strip;
mod switches;
mod view;

pub use board::Side;
pub use memory::CanvasLook;
pub use split::{Against, Split};
pub use view::{View, ZOOM};

use super::look::{Look, Mode};
use super::{icons, widgets};
use crate::studio::Studio;
use board::{Board, CAPTION, canvas_size};
use view::halves;

/// Between the two boards, in points.
const GAP: f32 = 16.0;
/// The row below both, in points.
pub const FOOTER: f32 = 28.0;

/// Where on the collage a point of the screen is, in canvas pixels. None where it is on no collage.
pub fn place_at(memory: &CanvasLook, screen: Pos2) -> Option<(f32, f32)> {
    memory.collage.filter(|mapping| mapping.board.contains(screen)).map(|mapping| mapping.canvas(screen))
}

/// The layer under a point of the screen, for something dropped there: the frontmost whose picture is there, or else
/// the frontmost whose box is.
pub fn layer_at(studio: &mut Studio, memory: &CanvasLook, screen: Pos2) -> Option<usize> {
    let at = place_at(memory, screen)?;
    let placed = placed::placed(studio);
    placed::hit(&placed, at).or_else(|| placed::box_at(&placed, at))
}

/// Draws the middle of the Compose page: the bar, the boards, the line below them.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look, memory: &mut CanvasLook) {
    if studio.renders.mask_editor.is_some() && look.mode == Mode::Collage {
        look.mode = Mode::Both;
    }
    bar::show(ui, studio, look);
    painting::toolbar(ui, studio, &mut memory.painting);
    let room = ui.available_rect_before_wrap();
    ui.allocate_rect(room, Sense::hover());
    let room = room.shrink2(vec2(12.0, 4.0));
    if room.width() < 24.0 || room.height() < FOOTER + CAPTION + 24.0 {
        (memory.collage, memory.picture) = (None, None);
        return;
    }
    let footer = Rect::from_min_max(pos2(room.left(), room.bottom() - FOOTER), room.max);
    let mut boards = lay_out(ui, studio, look, memory.view, room.with_max_y(footer.top()));

    keys::take(ui, studio, memory, &boards);
    for index in 0..boards.len() {
        navigate(ui, studio, memory, &boards, index);
    }
    let canvas = canvas_size(studio);
    for board in &mut boards {
        board.map = memory.view.mapping(board.map.board, canvas);
        board.panning = memory.panning;
    }
    remember(memory, &boards);
    point(ui, look, memory, &boards);
    for board in &boards {
        match board.side {
            Side::Collage => {
                gestures::take(ui, studio, &mut memory.hand, board);
                collage::show(ui, studio, look, memory, board);
            }
            Side::Picture => picture::show(ui, studio, look, memory, board),
        }
    }
    if !boards.iter().any(|board| board.side == Side::Collage) {
        gestures::let_go(studio, &mut memory.hand);
    }
    foot(ui, studio, look, memory, &boards, footer);
}

/// Divides the room and takes hold of the boards.
fn lay_out(ui: &mut Ui, studio: &Studio, look: &Look, view: View, room: Rect) -> Vec<Board> {
    let canvas = canvas_size(studio);
    let strip = strip::height(studio, look);
    let beneath = if room.height() > strip + CAPTION + 64.0 { strip } else { 0.0 };
    let places: Vec<(Side, Rect)> = match look.mode {
        Mode::Collage => vec![(Side::Collage, room)],
        Mode::Picture => vec![(Side::Picture, room)],
        Mode::Both => {
            let [first, second] = halves(room, GAP, CAPTION + beneath, canvas);
            vec![(Side::Collage, first), (Side::Picture, second)]
        }
    };
    places
        .into_iter()
        .map(|(side, place)| {
            let rect = Rect::from_min_max(
                pos2(place.left(), place.top() + CAPTION),
                pos2(place.right(), (place.bottom() - beneath).max(place.top() + CAPTION + 1.0)),
            );
            let response = ui.interact(rect, ui.scope_id().with(side), Sense::click_and_drag());
            Board::new(ui, side, view.mapping(rect, canvas), response, place.bottom() - rect.bottom())
        })
        .collect()
}

fn remember(memory: &mut CanvasLook, boards: &[Board]) {
    let of = |side| boards.iter().find(|board| board.side == side).map(|board| board.map);
    (memory.collage, memory.picture) = (of(Side::Collage), of(Side::Picture));
}

/// Zooms and pans by wheel, pinch, middle button, and the primary one while Space is held.
fn navigate(ui: &Ui, studio: &Studio, memory: &mut CanvasLook, boards: &[Board], index: usize) {
    let Some(board) = boards.get(index) else { return };
    let (canvas, rect) = (canvas_size(studio), board.map.board);
    let response = &board.response;
    let (scroll, pinch, space, pointer) = ui.input(|input| {
        let pointer = input.pointer.hover_pos();
        (input.smooth_scroll_delta(), input.zoom_delta(), input.key_down(Key::Space), pointer)
    });
    let space = space && !ui.ctx().text_edit_focused();
    if response.contains_pointer()
        && let Some(pointer) = pointer
    {
        let factor = pinch * (scroll.y / 200.0).exp();
        if factor != 1.0 {
            memory.view = memory.view.zoomed(rect, canvas, pointer, factor);
        }
        if scroll.x != 0.0 {
            memory.view = memory.view.panned(rect, canvas, vec2(scroll.x, 0.0));
        }
        if space && !memory.in_gesture() {
            ui.ctx().set_cursor_icon(CursorIcon::Grab);
        }
    }
    if response.drag_started() && memory.hand.gesture.is_none() {
        let middle = ui.input(|input| input.pointer.button_down(PointerButton::Middle));
        memory.panning = middle || space;
    }
    if memory.panning && response.dragged() {
        let by = response.drag_delta();
        if by != Vec2::ZERO {
            memory.view = memory.view.panned(rect, canvas, by);
        }
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    if !boards.iter().any(|board| board.response.dragged()) {
        memory.panning = false;
    }
}

/// Keeps the place that is pointed at, for the crosshair on the other board and for the panels below.
fn point(ui: &Ui, look: &mut Look, memory: &mut CanvasLook, boards: &[Board]) {
    let pointer = ui.input(|input| input.pointer.hover_pos());
    let over = boards.iter().find(|board| board.response.contains_pointer());
    match (over, pointer) {
        (Some(board), Some(pointer)) => {
            look.pointed.at = Some(board.map.canvas(pointer));
            memory.pointing = true;
        }
        _ if memory.pointing => {
            look.pointed.at = None;
            memory.pointing = false;
        }
        _ => {}
    }
}

/// Scale at the left; at the right what is pointed at, in words.
fn foot(ui: &mut Ui, studio: &mut Studio, look: &Look, memory: &mut CanvasLook, boards: &[Board], rect: Rect) {
    let Some(first) = boards.first() else { return };
    let canvas = canvas_size(studio);
    let board = first.map.board;
    let mut inner = ui.new_child(
        egui::UiBuilder::new()
            .id_salt("canvas-foot")
            .max_rect(rect)
            .layout(egui::Layout::left_to_right(egui::Align::Center)),
    );
    let ui = &mut inner;
    ui.spacing_mut().item_spacing.x = 4.0;
    let view = memory.view;
    if widgets::icon_button(ui, icons::MAGNIFYING_GLASS_MINUS, "Zoom out (wheel)").clicked() {
        memory.view = view.zoomed(board, canvas, board.center(), 0.8);
    }
    let dots = first.map.zoom * ui.ctx().pixels_per_point();
    let words = egui::RichText::new(format!("{:.0} %", dots * 100.0)).small();
    let percent = ui.add(egui::Button::new(words).frame_when_inactive(false).min_size(vec2(44.0, 24.0)));
    if widgets::named(percent, "Show at 100 %: a pixel of the canvas is a pixel of the screen (Ctrl+1)").clicked() {
        memory.view = view.at_zoom(board, canvas, 1.0 / ui.ctx().pixels_per_point());
    }
    if widgets::icon_button(ui, icons::MAGNIFYING_GLASS_PLUS, "Zoom in (wheel)").clicked() {
        memory.view = view.zoomed(board, canvas, board.center(), 1.25);
    }
    if widgets::icon_toggle(ui, icons::CORNERS_OUT, view == View::Fit, "Fit the canvas into the window (Ctrl+0)")
        .clicked()
    {
        memory.view = View::Fit;
    }
    let over = boards.iter().find(|board| board.response.contains_pointer());
    let (Some(over), Some(at)) = (over, look.pointed.at) else { return };
    let words = readout::words(studio, look, over, at);
    let left = ui.min_rect().right() + 12.0;
    readout::draw(ui, &words, rect.with_min_x(left), room_above(rect, boards));
}

/// How far up words that need several lines may reach.
fn room_above(footer: Rect, boards: &[Board]) -> f32 {
    boards.first().map_or(footer.top(), |board| board.map.board.top())
}
