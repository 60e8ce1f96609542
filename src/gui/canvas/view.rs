//! Which part of the canvas is seen and how large: one scale and one pan for both boards.

use std::ops::RangeInclusive;

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::studio::document::geometry::Point;

/// Points per canvas pixel that the wheel can reach.
pub const ZOOM: RangeInclusive<f32> = 0.02..=64.0;
/// Left free around a canvas that is fitted into its board, in points.
const MARGIN: f32 = 8.0;
/// How far the middle of the board may lie from the canvas, in sizes of the canvas: far enough to find a layer that
/// was moved out, not so far that the canvas is lost.
const REACH: f32 = 4.0;

/// What is seen of the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum View {
    /// All of it, as large as there is room for, whatever becomes of the window.
    #[default]
    Fit,
    /// What somebody zoomed and panned to.
    Free {
        /// The canvas pixel in the middle of each board.
        center: Point,
        /// Points per canvas pixel.
        zoom: f32,
    },
}

impl View {
    /// From the canvas to the screen, for a board at `board`; `canvas` in canvas pixels.
    pub fn mapping(self, board: Rect, canvas: (f32, f32)) -> Mapping {
        match self {
            Self::Fit => {
                let zoom = fitting(board.size(), canvas);
                Mapping { board, zoom, center: (canvas.0 / 2.0, canvas.1 / 2.0) }
            }
            Self::Free { center, zoom } => Mapping { board, zoom, center },
        }
    }

    /// Scales by a factor; what lies under `pointer` stays there.
    pub fn zoomed(self, board: Rect, canvas: (f32, f32), pointer: Pos2, factor: f32) -> Self {
        let before = self.mapping(board, canvas);
        let zoom = (before.zoom * factor).clamp(*ZOOM.start(), *ZOOM.end());
        if !zoom.is_finite() {
            return self;
        }
        let (x, y) = before.canvas(pointer);
        let away = (pointer - board.center()) / zoom;
        Self::Free { center: near((x - away.x, y - away.y), canvas), zoom }
    }

    /// Moves what is seen by a way on the screen.
    pub fn panned(self, board: Rect, canvas: (f32, f32), by: Vec2) -> Self {
        let Mapping { zoom, center: (x, y), .. } = self.mapping(board, canvas);
        Self::Free { center: near((x - by.x / zoom, y - by.y / zoom), canvas), zoom }
    }

    /// At a scale in points per canvas pixel, the middle of the board staying where it is.
    pub fn at_zoom(self, board: Rect, canvas: (f32, f32), zoom: f32) -> Self {
        let now = self.mapping(board, canvas).zoom;
        self.zoomed(board, canvas, board.center(), zoom / now)
    }
}

/// The scale at which the canvas fills a board of this size.
pub fn fitting(board: Vec2, canvas: (f32, f32)) -> f32 {
    let room = (board - Vec2::splat(2.0 * MARGIN)).max(Vec2::splat(1.0));
    let zoom = (room.x / canvas.0.max(1.0)).min(room.y / canvas.1.max(1.0));
    zoom.clamp(*ZOOM.start(), *ZOOM.end())
}

fn near(center: Point, canvas: (f32, f32)) -> Point {
    let within = |at: f32, size: f32| if at.is_finite() { at.clamp(-REACH * size, (1.0 + REACH) * size) } else { 0.0 };
    (within(center.0, canvas.0), within(center.1, canvas.1))
}

/// From the canvas to the screen and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mapping {
    /// Where the board is, in points.
    pub board: Rect,
    /// Points per canvas pixel.
    pub zoom: f32,
    center: Point,
}

impl Mapping {
    /// Where a point of the canvas is on the screen.
    pub fn screen(self, (x, y): Point) -> Pos2 {
        self.board.center() + vec2(x - self.center.0, y - self.center.1) * self.zoom
    }

    /// Which point of the canvas is at a place on the screen.
    pub fn canvas(self, at: Pos2) -> Point {
        let away = (at - self.board.center()) / self.zoom;
        (self.center.0 + away.x, self.center.1 + away.y)
    }

    /// Where the whole canvas lies on the screen.
    pub fn sheet(self, canvas: (f32, f32)) -> Rect {
        Rect::from_two_pos(self.screen((0.0, 0.0)), self.screen(canvas))
    }

    /// The middle of the canvas pixel at a point, where that is on the canvas.
    pub fn pixel(at: Point, canvas: (f32, f32)) -> Option<(u32, u32)> {
        let inside = at.0 >= 0.0 && at.1 >= 0.0 && at.0 < canvas.0 && at.1 < canvas.1;
        inside.then_some((at.0 as u32, at.1 as u32))
    }
}

/// Divides the room of both boards: side by side, or one above the other where that makes them much larger.
pub fn halves(room: Rect, gap: f32, caption: f32, canvas: (f32, f32)) -> [Rect; 2] {
    let (width, height) = ((room.width() - gap) / 2.0, (room.height() - gap) / 2.0);
    let beside = fitting(vec2(width, room.height() - caption), canvas);
    let stacked = fitting(vec2(room.width(), height - caption), canvas);
    if stacked > 1.3 * beside {
        let half = vec2(room.width(), height.max(0.0));
        let second = pos2(room.left(), room.bottom() - half.y);
        [Rect::from_min_size(room.min, half), Rect::from_min_size(second, half)]
    } else {
        let half = vec2(width.max(0.0), room.height());
        let second = pos2(room.right() - half.x, room.top());
        [Rect::from_min_size(room.min, half), Rect::from_min_size(second, half)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: (f32, f32) = (512.0, 256.0);

    fn board() -> Rect {
        Rect::from_min_size(pos2(100.0, 50.0), vec2(272.0, 300.0))
    }

    #[track_caller]
    fn near(a: Point, b: Point) {
        assert!((a.0 - b.0).hypot(a.1 - b.1) < 0.05, "{a:?} is not {b:?}");
    }

    #[test]
    fn a_fitted_canvas_fills_its_board_and_follows_it() {
        let sheet = View::Fit.mapping(board(), CANVAS).sheet(CANVAS);
        assert_eq!((sheet.width(), sheet.height(), sheet.center()), (256.0, 128.0, board().center()));
        let larger = Rect::from_min_size(pos2(0.0, 0.0), vec2(528.0, 600.0));
        assert_eq!(View::Fit.mapping(larger, CANVAS).zoom, 1.0);
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let mut view = View::Fit;
        let pointer = pos2(150.0, 230.0);
        let under = view.mapping(board(), CANVAS).canvas(pointer);
        for factor in [1.7, 3.0, 0.4, 1.1] {
            view = view.zoomed(board(), CANVAS, pointer, factor);
            near(view.mapping(board(), CANVAS).canvas(pointer), under);
        }
    }

    #[test]
    fn the_wheel_cannot_lose_the_canvas() {
        let mut view = View::Fit;
        for _ in 0..200 {
            view = view.zoomed(board(), CANVAS, pos2(101.0, 51.0), 1.5);
        }
        assert_eq!(view.mapping(board(), CANVAS).zoom, *ZOOM.end());
        for _ in 0..400 {
            view = view.zoomed(board(), CANVAS, pos2(300.0, 51.0), 0.5);
        }
        let mapping = view.mapping(board(), CANVAS);
        assert_eq!(mapping.zoom, *ZOOM.start());
        for _ in 0..100 {
            view = view.panned(board(), CANVAS, vec2(1e6, -1e6));
        }
        let (x, y) = view.mapping(board(), CANVAS).canvas(board().center());
        near((x, y), (-4.0 * 512.0, 5.0 * 256.0));
        assert_eq!(view.zoomed(board(), CANVAS, pos2(0.0, 0.0), f32::NAN), view);
    }

    #[test]
    fn panning_moves_the_canvas_with_the_pointer() {
        let view = View::Fit.panned(board(), CANVAS, vec2(10.0, -4.0));
        let before = View::Fit.mapping(board(), CANVAS).screen((0.0, 0.0));
        let after = view.mapping(board(), CANVAS).screen((0.0, 0.0));
        assert!((after - before - vec2(10.0, -4.0)).length() < 1e-3);
    }

    #[test]
    fn a_scale_is_set_about_the_middle_of_the_board() {
        let view = View::Fit.at_zoom(board(), CANVAS, 1.0);
        let mapping = view.mapping(board(), CANVAS);
        assert!((mapping.zoom - 1.0).abs() < 1e-6);
        near(mapping.canvas(board().center()), (256.0, 128.0));
    }

    #[test]
    fn tall_room_puts_one_board_above_the_other() {
        let tall = Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 700.0));
        let [first, second] = halves(tall, 16.0, 28.0, (512.0, 512.0));
        assert_eq!((first.width(), second.top()), (300.0, 358.0));
        let wide = Rect::from_min_size(pos2(0.0, 0.0), vec2(700.0, 300.0));
        let [first, second] = halves(wide, 16.0, 28.0, (512.0, 512.0));
        assert_eq!((first.right(), second.left()), (342.0, 358.0));
        let none = Rect::from_min_size(pos2(0.0, 0.0), vec2(4.0, 2.0));
        assert!(halves(none, 16.0, 28.0, (512.0, 512.0)).iter().all(|half| half.width() >= 0.0));
    }

    #[test]
    fn only_pixels_of_the_canvas_have_coordinates() {
        assert_eq!(Mapping::pixel((511.9, 0.0), CANVAS), Some((511, 0)));
        assert_eq!(Mapping::pixel((512.0, 0.0), CANVAS), None);
        assert_eq!(Mapping::pixel((-0.1, 0.0), CANVAS), None);
    }
}
