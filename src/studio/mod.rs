//! What the window knows and does, without a window. No egui; the window draws this and calls it.
//!
//! Nothing here waits: files are read and written by the threads of `tasks/`, renders by the engine, and
//! [`Studio::poll`] takes in what came of them.
//!
//! A room is a folder with a struct that has its own state, its own answers from other threads and its own `poll`, and
//! can be tested without the rest. Rooms know those above them in this list and never the studio:
//!
//! - What is composed, what can be undone, what is selected? `document/`.
//! - What is known of files: pictures, concepts, prompts, what was dropped? `files/`.
//! - What is being cut out of a picture? `cut/`.
//! - What runs, how far is it, which masks does it go on with? `renders/`.
//! - What came of it, what is in the gallery, in what do results differ? `results/`.
//! - What leaves the program? `export/`.
//! - Which of two settings is better? `compare/`.
//! - What is trained, from which photos, how far is it? `train/`.
//! - Where may the photo change that subjects are placed into? `place/`.
//! - Where are a person's models and LoRAs, and how does one get more? `library/`.
//! - What is remembered, kept for a crash, said and asked? `session/`.
//!
//! Above them, what spans rooms: `rooms.rs` composes them and carries on what one tells another; `acting.rs`,
//! `starting.rs`, `opening.rs`, `moving.rs` and `taking_in.rs` are what a person does that concerns several; `advice.rs` is what has no
//! effect, and where that is said; `weighing.rs` is whether what is about to start fits into memory. Below them, what all
//! share: `tasks/` (threads and their answers), `places.rs` (folders, whole files),
//! `notice.rs` (words at a place), `models.rs` (what a model is).

mod acting;
pub mod advice;
pub mod compare;
pub mod cut;
pub mod document;
pub mod export;
pub mod files;
pub mod library;
pub mod models;
mod moving;
pub mod notice;
mod opening;
pub mod place;
pub mod places;
pub mod renders;
pub mod results;
mod rooms;
pub mod session;
mod starting;
mod taking_in;
pub mod tasks;
pub mod train;
mod weighing;

pub use advice::Advice;
pub use document::history::{Doc, History, ResultId};
pub use document::{Document, Reorder};
pub use files::target::Target;
pub use notice::{Notice, Place};
pub use renders::mask_editor::MaskEditor;
pub use renders::runs::{Playhead, Run, Runs};
pub use rooms::Studio;
pub use session::question::{Held, Press, Question};

#[cfg(test)]
mod answers_tests;
#[cfg(test)]
mod behind_tests;
#[cfg(test)]
mod tests;
