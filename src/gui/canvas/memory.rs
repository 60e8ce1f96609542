//! What the canvas remembers between frames.

use std::path::PathBuf;

use eframe::egui::Pos2;

use super::board::Side;
use super::gestures::Hand;
use super::painting::Painting;
use super::split::Split;
use super::view::{Mapping, View};
use crate::studio::document::geometry::Point;

/// What the canvas remembers between frames.
#[derive(Debug, Default)]
pub struct CanvasLook {
    /// Which part of the canvas is seen.
    pub view: View,
    /// The line between before and after.
    pub split: Split,
    /// Where the boards were drawn last.
    pub(super) collage: Option<Mapping>,
    pub(super) picture: Option<Mapping>,
    pub(super) hand: Hand,
    pub(super) panning: bool,
    /// The boards have said what is pointed at and have to take it back.
    pub(super) pointing: bool,
    /// The layer that the menu was opened on.
    pub(super) menu_on: Option<usize>,
    pub(super) painting: Painting,
    /// Files that were dropped, and when, on the window's clock: the desktop tells where only with the pointer's next move.
    pub dropped: Option<(Vec<PathBuf>, f64)>,
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
        self.hand.gesture.is_some() || self.panning
    }

    fn mapping(&self, side: Side) -> Option<Mapping> {
        match side {
            Side::Collage => self.collage,
            Side::Picture => self.picture,
        }
    }
}
