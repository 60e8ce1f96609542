//! The bottom panel: at the left the timeline, which is the steps of the shown run over the three lanes of the method
//! and the layout loss; at the right the inspector's tiles of the step under the playhead.
//!
//! - Which run, and what can be done from here? `header.rs`.
//! - What is scrubbed, and how high is what? `track.rs`, `axis.rs`.
//! - What is drawn along the steps? `strip.rs`, `lanes.rs`, `curve.rs`, `notes.rs`.

mod axis;
mod curve;
mod header;
mod lanes;
mod notes;
mod strip;
mod track;

use std::collections::BTreeSet;

use eframe::egui::{Rect, Ui, UiBuilder, pos2};

pub use curve::number;
pub use lanes::{Plan, plans, spans};
pub use strip::{Cell, cells, preview};

use super::inspector::{self, Tile};
use super::look::Look;
use crate::studio::Studio;

/// The height of the row under the header, where there is something to say.
const SAY: f32 = 16.0;

/// What timeline and inspector remember between frames.
#[derive(Debug)]
pub struct TimelineLook {
    /// What the inspector shows large, in a window.
    pub large: Option<Tile>,
    /// Whether the window with the curves is open.
    pub curves: bool,
    /// The names of the curves that are not drawn.
    pub hidden_curves: BTreeSet<String>,
    /// Whether layout loss and gradient norm are drawn on a logarithmic scale.
    pub log: bool,
    /// The opacity of attention over the step's preview, 0..1.
    pub opacity: f32,
    /// Whether the inspector shows masks in a grid, each by itself, rather than over each other.
    pub side_by_side: bool,
    /// The shares of the masks, worked out once a step.
    pub(super) areas: inspector::Areas,
    /// How wide the header's buttons were in the frame before, in points.
    header_width: f32,
}

impl Default for TimelineLook {
    fn default() -> Self {
        Self {
            large: None,
            curves: false,
            hidden_curves: BTreeSet::new(),
            log: false,
            opacity: 0.85,
            side_by_side: false,
            areas: inspector::Areas::default(),
            header_width: 0.0,
        }
    }
}

/// Draws the bottom panel, and the inspector's windows where they are open.
pub fn show(ui: &mut Ui, studio: &mut Studio, look: &mut Look) {
    let rect = ui.available_rect_before_wrap();
    let tiles = inspector::tiles_width(rect.size());
    let split = rect.right() - tiles.map_or(0.0, |width| width + 16.0);
    let left = Rect::from_min_max(rect.min, pos2(split, rect.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| {
        header::show(ui, studio, look, tiles.is_some());
        let say = header::to_say(studio);
        if !say.is_empty() {
            header::say(ui, studio, say);
        }
        // The rows above may have asked for more than there is.
        let rest = Rect::from_min_max(pos2(left.left(), ui.cursor().top()), left.max);
        ui.scope_builder(UiBuilder::new().max_rect(rest), |ui| track::show(ui, studio, look));
    });
    if let Some(width) = tiles {
        let right = Rect::from_min_max(pos2(rect.right() - width, rect.top()), rect.max);
        ui.scope_builder(UiBuilder::new().max_rect(right), |ui| inspector::tiles(ui, studio, look));
    }
    inspector::windows(ui.ctx(), studio, look);
}
