//! Pictures, masks and attention, drawn by the shaders in `shaders/` as part of egui's own pass.
//!
//! Every function takes a [`Painter`] and the place of the *whole* drawing in points, which may lie outside the window
//! or reach far beyond it; what the painter's clip lets through is drawn, blended over what lies below as egui blends.
//! Rows run downwards. What cannot be drawn (a grid whose length does not fit its size, an empty place, a place that is
//! not finite) is not, and neither is anything where egui has no wgpu to draw with; nothing here fails.
//!
//! Textures are uploaded once and dropped when they were not drawn for 120 frames, or their owner is gone; see
//! [`Source`]. Places are on screen: inside an [`eframe::egui::Scene`], whose layer is transformed, transform them before.
//!
//! [`Painter`]: eframe::egui::Painter

mod cache;
mod color_map;
mod draw;
mod drawing;
mod gpu;
mod grounds;
mod setup;
mod source;
mod style;

pub use color_map::{ColorMap, ENTRIES};
pub use draw::{checker, clusters, compare, heatmap, layer, mask, picture};
pub use grounds::Grounds;
pub use setup::{install, textures};
pub use source::{Cells, Grid, Labels, Pixels, Raw, Source, Texels, Values};
pub use style::{MaskStyle, Outline, Sampling};
