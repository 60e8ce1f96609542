//! What selected layers are taken hold of by: four corners to scale, a round one above the top to turn. They keep
//! their size on the screen.

use eframe::egui::{Align2, CursorIcon, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, Vec2, vec2};

use super::board::Board;
use super::placed::Placed;
use crate::gui::theme;
use crate::studio::Studio;
use crate::studio::document::geometry::{Bounds, Frame};

/// The side of a corner's square, in points.
const SQUARE: f32 = 8.0;
/// How far from its middle a handle is taken hold of, in points.
const REACH: f32 = 9.0;
/// From the top edge to the round handle, in points.
const STALK: f32 = 24.0;

/// A handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A corner, in the order of [`Frame::corners`].
    Corner(usize),
    /// The round one.
    Turn,
}

/// The box that the handles are at: the selected layer's own, or the upright one around several. Of layers that can
/// be moved; none where there is none, or while masks are painted, when the layers are not what is worked on.
pub fn frame(studio: &Studio, placed: &[Placed]) -> Option<Frame> {
    if studio.renders.mask_editor.is_some() {
        return None;
    }
    let mut loose =
        placed.iter().filter(|placed| placed.is_loose() && studio.document.selection().contains(&placed.index));
    let first = loose.next()?.frame;
    let rest: Vec<Bounds> = loose.map(|placed| placed.frame.bounds()).collect();
    if rest.is_empty() {
        return Some(first);
    }
    Some(Frame::upright(rest.into_iter().fold(first.bounds(), Bounds::union)))
}

fn places(board: &Board, frame: Frame) -> ([Pos2; 4], Pos2, Pos2) {
    let corners = frame.corners().map(|corner| board.map.screen(corner));
    let top = board.map.screen(frame.top());
    let (x, y) = frame.up();
    (corners, top, top + vec2(x, y) * STALK)
}

/// The handle under the pointer, with the frame that it belongs to.
pub fn under(board: &Board, frame: Option<Frame>, pointer: Pos2) -> Option<(Held, Frame)> {
    let frame = frame?;
    let (corners, _, turn) = places(board, frame);
    if turn.distance(pointer) <= REACH {
        return Some((Held::Turn, frame));
    }
    // What is small on the screen must still have a middle to be moved by.
    let side = frame.size.0.min(frame.size.1) * board.map.zoom;
    let reach = REACH.min((side / 3.0).max(4.0));
    let (corner, distance) =
        corners.iter().map(|corner| corner.distance(pointer)).enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (distance <= reach).then_some((Held::Corner(corner), frame))
}

/// Which way a corner goes.
pub fn cursor(frame: Frame, corner: usize) -> CursorIcon {
    let (x, y) = frame.corners().get(corner).map_or((1.0, 1.0), |at| (at.0 - frame.center.0, at.1 - frame.center.1));
    let (wide, high) = (x.abs(), y.abs());
    if wide > 3.0 * high {
        CursorIcon::ResizeHorizontal
    } else if high > 3.0 * wide {
        CursorIcon::ResizeVertical
    } else if x * y > 0.0 {
        CursorIcon::ResizeNwSe
    } else {
        CursorIcon::ResizeNeSw
    }
}

/// Draws the frame and its handles.
pub fn draw(ui: &Ui, board: &Board, frame: Frame) {
    let colors = theme::colors(ui);
    let (corners, top, turn) = places(board, frame);
    if !Rect::from_points(&corners).is_finite() {
        return;
    }
    // A wide faint line below, since the accent alone cannot be seen on every picture.
    for (width, color) in [(3.0, colors.ground.gamma_multiply(0.4)), (1.0, colors.accent)] {
        let stroke = Stroke::new(width, color);
        board.painter.add(Shape::closed_line(corners.to_vec(), stroke));
        board.painter.line_segment([top, turn], stroke);
    }
    let fill = if colors.dark { colors.text } else { colors.raised };
    let stroke = Stroke::new(1.5, colors.accent);
    for corner in corners {
        let square = Align2::CENTER_CENTER.anchor_size(corner, Vec2::splat(SQUARE));
        board.painter.rect(square, 1.0, fill, stroke, StrokeKind::Middle);
    }
    board.painter.circle(turn, SQUARE / 2.0, fill, stroke);
}
