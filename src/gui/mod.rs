//! The window: egui only. It draws the [`crate::studio`] and calls it, and never waits for anything.
//!
//! In floors; each file names only files of floors below its own, or below it on its own floor:
//!
//! 1. How things look and are drawn: `theme.rs` (all colours and sizes), `icons.rs`, `textures.rs`, `paint/` (our
//!    shaders), `gpu.rs`, `display.rs`, `frame_times.rs`; `background.rs` and `machine.rs` (what a thread looks up), `times.rs`, `cells.rs`.
//! 2. What several panels share: `look.rs` (what the window shows), `asks.rs` (what one panel wants of another),
//!    `widgets.rs`, `fields.rs`, `tables.rs`, `views.rs`, `layer_menu.rs`, `canvas_size.rs`, `zoomed.rs`, `export.rs`, `preset.rs`.
//! 3. The panels, none of which knows another; each owns what it remembers: `topbar.rs`, `layers.rs`, `concepts.rs`, `selection.rs`,
//!    `canvas/`, `cut/`, `prompt.rs`, `render.rs`, `settings.rs`, `timeline/`, `inspector/`, `place.rs`, `compare/`, `train/`, `gallery/`, `library/`, `hints.rs`;
//!    and what stands over them: `files.rs`, `dialogs.rs`, `device.rs`, `shortcuts.rs`.
//! 4. Who knows them all: `keys.rs` (shortcuts, what is dropped and pasted), `frame.rs` (what stands where), `app.rs` (the
//!    window's life).

mod app;
pub mod asks;
mod background;
pub mod canvas;
mod canvas_size;
mod cells;
mod compare;
mod concepts;
pub mod cut;
mod device;
mod dialogs;
pub mod display;
mod export;
mod fields;
mod files;
mod frame;
pub mod frame_times;
mod gallery;
mod gpu;
mod hints;
#[allow(missing_docs, reason = "the names are the icons'")]
mod icons;
pub mod inspector;
mod keys;
mod layer_menu;
mod layers;
mod library;
pub mod look;
mod machine;
pub mod paint;
mod place;
mod preset;
mod prompt;
mod render;
mod selection;
mod settings;
mod shortcuts;
mod tables;
mod textures;
mod theme;
mod timeline;
mod times;
mod topbar;
pub mod train;
mod views;
mod widgets;
mod zoomed;

pub use app::{Podium, open};
pub use frame::Panels;
