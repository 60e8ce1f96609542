//! Plush World: pictures whose truth is known. The miniature has seen nothing else, so what a render should show can be
//! drawn, and what it shows can be measured without any learned detector.
//!
//! - Which kinds, colours and concepts are there? `looks.rs`. Which scenes? `scene.rs`.
//! - What is a picture drawn from, and how is one made up, with its caption? `picture.rs`; `chance.rs` has the seeds.
//! - How is it drawn, with one exact mask for each figure; cutouts and empty scenes? `draw.rs`, from `figure.rs` and
//!   `backdrop.rs`, by the shapes of `raster.rs`, at twice its size, made smaller by `shrink.rs`.
//! - Which colours are the same? `hue.rs`. How is a picture scored? `score.rs`. Where is somebody, without a mask? `find.rs`.
//! - What do "recognised" and "right" mean? `recognise.rs`, and only there.
//!
//! From the same numbers the pictures are, to the last bit, those of the kit's `world.py` (`assets/miniature/recipe`), with
//! which the miniature was trained; the random numbers themselves are our own.

mod backdrop;
pub mod chance;
pub mod draw;
mod figure;
pub mod find;
pub mod hue;
pub mod looks;
pub mod picture;
mod raster;
pub mod recognise;
pub mod scene;
pub mod score;
mod shrink;

pub use draw::{Drawn, cutout, draw, empty};
pub use find::{Found, find};
pub use looks::{CONCEPTS, Concept, Look, concept};
pub use picture::Picture;
pub use recognise::{Asked, Judgement, Sighting, Verdict, judge, sight};
pub use scene::Setting;
pub use score::{Scores, mean, score};

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
