//! The canvas: the collage at the left, the picture at the right, at one scale and pan.
//!
//! - What is seen and how large: `view.rs`. A board's ground, caption, crosshair and tags: `board.rs`.
//! - The bar above: `bar.rs`. What the pointer is on, in words: `readout.rs`. Keys: `keys.rs`.
//! - The collage: `collage.rs` draws it, `gestures.rs` changes it, `handles.rs` and `menu.rs` are what to change it by.
//! - The picture: `picture.rs`, what is laid over it: `overlay.rs`, masks being painted: `painting.rs`.

use eframe::egui::{self, CursorIcon, Key, PointerButton, Pos2, Rect, Sense, Ui, Vec2, pos2, vec2};

mod bar;
mod board;
mod collage;
mod gestures;
mod handles;
mod keys;
mod menu;
mod overlay;
mod painting;
mod picture;
mod readout;
mod strip;
mod view;

pub use picture::{Against, Split};
pub use view::{View, ZOOM};

use super::look::{Look, Mode};
use super::{icons, widgets};
use crate::studio::Studio;
use crate::studio::document::geometry::Point;
use crate::studio::document::snap::Guide;
use board::Board;
use view::{Mapping, halves};

/// Between the two boards, in points.
const GAP: f32 = 16.0;
/// The row above a board.
const CAPTION: f32 = 28.0;
/// The row below both.
const FOOTER: f32 = 28.0;

/// Which of the two boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What a person composes.
    Collage,
    /// What the model makes of it.
    Picture,
}

/// What the canvas remembers between frames.
#[derive(Debug, Default)]
pub struct CanvasLook {
    /// Which part of the canvas is seen.
    pub view: View,
    /// The line between before and after.
    pub split: Split,
    /// Where the boards were drawn last.
    collage: Option<Mapping>,
    picture: Option<Mapping>,
    gesture: Option<gestures::Gesture>,
    guides: Vec<Guide>,
    panning: bool,
    /// The boards set [`Look::pointed`] and have to take it back.
    pointing: bool,
    /// The layer that the menu was opened on.
    menu_on: Option<usize>,
    /// When a layer was last moved by an arrow key.
    nudged: Option<f64>,
    painting: painting::Painting,
}

impl CanvasLook {
    /// Where a point of the canvas is on the screen, if that board is shown.
    pub fn screen_of(&self, side: Side, at: Point) -> Option<Pos2> {
        self.mapping(side).map(|mapping| mapping.screen(at))
    }

    /// Points on the screen per canvas pixel, if a board is shown.
    pub fn zoom(&self) -> Option<f32> {
        self.collage.or(self.picture).map(|mapping| mapping.zoom)
    }

    /// Whether something on the canvas is being dragged.
    pub fn in_gesture(&self) -> bool {
        self.gesture.is_some() || self.panning
    }

    fn mapping(&self, side: Side) -> Option<Mapping> {
        match side {
            Side::Collage => self.collage,
            Side::Picture => self.picture,
        }
    }
}

/// Where on the collage a point of the screen is, in canvas pixels. None where it is on no collage.
pub fn place_at(look: &Look, screen: Pos2) -> Option<(f32, f32)> {
    look.canvas.collage.filter(|mapping| mapping.board.contains(screen)).map(|mapping| mapping.canvas(screen))
}

/// The layer under a point of the screen, for something dropped there: the frontmost whose picture is there, or else
/// the frontmost whose box is.
pub fn layer_at(studio: &mut Studio, look: &Look, screen: Pos2) -> Option<usize> {
    let at = place_at(look, screen)?;
    let placed = collage::placed(studio);
    collage::hit(&placed, at).or_else(|| collage::box_at(&placed, at))
}

/// Draws the middle of the Compose page: the bar, the boards, the line below them.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    if studio.renders.mask_editor.is_some() && look.mode == Mode::Collage {
        look.mode = Mode::Both;
    }
    bar::show(ui, studio, look);
    painting::toolbar(ui, studio, look);
    let room = ui.available_rect_before_wrap();
    ui.allocate_rect(room, Sense::hover());
    let room = room.shrink2(vec2(12.0, 4.0));
    if room.width() < 24.0 || room.height() < FOOTER + CAPTION + 24.0 {
        (look.canvas.collage, look.canvas.picture) = (None, None);
        return;
    }
    let footer = Rect::from_min_max(pos2(room.left(), room.bottom() - FOOTER), room.max);
    let mut boards = lay_out(ui, studio, look, room.with_max_y(footer.top()));

    keys::take(ui, studio, look, &boards);
    for index in 0..boards.len() {
        navigate(ui, studio, look, &boards, index);
    }
    let canvas = canvas_size(studio);
    for board in &mut boards {
        board.map = look.canvas.view.mapping(board.map.board, canvas);
    }
    remember(look, &boards);
    point(ui, look, &boards);
    for board in &boards {
        match board.side {
            Side::Collage => {
                gestures::take(ui, studio, look, board);
                collage::show(ui, studio, look, board);
            }
            Side::Picture => picture::show(ui, studio, look, board),
        }
    }
    if !boards.iter().any(|board| board.side == Side::Collage) {
        gestures::let_go(studio, look);
    }
    foot(ui, studio, look, &boards, footer);
}

/// The canvas's size, in canvas pixels.
fn canvas_size(studio: &Studio) -> (f32, f32) {
    let canvas = studio.project().canvas;
    (canvas.width.max(1) as f32, canvas.height.max(1) as f32)
}

/// Divides the room and takes hold of the boards.
fn lay_out(ui: &mut Ui, studio: &Studio, look: &Look, room: Rect) -> Vec<Board> {
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
            Board::new(ui, side, look.canvas.view.mapping(rect, canvas), response, place.bottom() - rect.bottom())
        })
        .collect()
}

fn remember(look: &mut Look, boards: &[Board]) {
    let of = |side| boards.iter().find(|board| board.side == side).map(|board| board.map);
    (look.canvas.collage, look.canvas.picture) = (of(Side::Collage), of(Side::Picture));
}

/// Zooms and pans by wheel, pinch, middle button, and the primary one while Space is held.
fn navigate(ui: &Ui, studio: &Studio, look: &mut Look, boards: &[Board], index: usize) {
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
            look.canvas.view = look.canvas.view.zoomed(rect, canvas, pointer, factor);
        }
        if scroll.x != 0.0 {
            look.canvas.view = look.canvas.view.panned(rect, canvas, vec2(scroll.x, 0.0));
        }
        if space && !look.canvas.in_gesture() {
            ui.ctx().set_cursor_icon(CursorIcon::Grab);
        }
    }
    if response.drag_started() && look.canvas.gesture.is_none() {
        let middle = ui.input(|input| input.pointer.button_down(PointerButton::Middle));
        look.canvas.panning = middle || space;
    }
    if look.canvas.panning && response.dragged() {
        let by = response.drag_delta();
        if by != Vec2::ZERO {
            look.canvas.view = look.canvas.view.panned(rect, canvas, by);
        }
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    if !boards.iter().any(|board| board.response.dragged()) {
        look.canvas.panning = false;
    }
}

/// Keeps the place that is pointed at, for the crosshair on the other board and for the panels below.
fn point(ui: &Ui, look: &mut Look, boards: &[Board]) {
    let pointer = ui.input(|input| input.pointer.hover_pos());
    let over = boards.iter().find(|board| board.response.contains_pointer());
    match (over, pointer) {
        (Some(board), Some(pointer)) => {
            look.pointed = Some(board.map.canvas(pointer));
            look.canvas.pointing = true;
        }
        _ if look.canvas.pointing => {
            look.pointed = None;
            look.canvas.pointing = false;
        }
        _ => {}
    }
}

/// Scale at the left; at the right what is pointed at, in words.
fn foot(ui: &mut Ui, studio: &mut Studio, look: &mut Look, boards: &[Board], rect: Rect) {
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
    let view = look.canvas.view;
    if widgets::icon_button(ui, icons::MAGNIFYING_GLASS_MINUS, "Zoom out (wheel)").clicked() {
        look.canvas.view = view.zoomed(board, canvas, board.center(), 0.8);
    }
    let dots = first.map.zoom * ui.ctx().pixels_per_point();
    let words = egui::RichText::new(format!("{:.0} %", dots * 100.0)).small();
    let percent = ui.add(egui::Button::new(words).frame_when_inactive(false).min_size(vec2(44.0, 24.0)));
    if widgets::named(percent, "Show at 100 %: a pixel of the canvas is a pixel of the screen (Ctrl+1)").clicked() {
        look.canvas.view = view.at_zoom(board, canvas, 1.0 / ui.ctx().pixels_per_point());
    }
    if widgets::icon_button(ui, icons::MAGNIFYING_GLASS_PLUS, "Zoom in (wheel)").clicked() {
        look.canvas.view = view.zoomed(board, canvas, board.center(), 1.25);
    }
    if widgets::icon_toggle(ui, icons::CORNERS_OUT, view == View::Fit, "Fit the canvas into the window (Ctrl+0)")
        .clicked()
    {
        look.canvas.view = View::Fit;
    }
    let over = boards.iter().find(|board| board.response.contains_pointer());
    let (Some(over), Some(at)) = (over, look.pointed) else { return };
    let words = readout::words(studio, look, over, at);
    let left = ui.min_rect().right() + 12.0;
    readout::draw(ui, &words, rect.with_min_x(left), room_above(rect, boards));
}

/// How far up words that need several lines may reach.
fn room_above(footer: Rect, boards: &[Board]) -> f32 {
    boards.first().map_or(footer.top(), |board| board.map.board.top())
}
