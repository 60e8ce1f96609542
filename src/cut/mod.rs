//! Cutting somebody out of a picture, without any learned model: plain functions on pixels.
//!
//! - Which part of a picture is chosen, and how do choices add up? `area.rs`.
//! - Which pixels does a rectangle, a lasso or a brush cover, and by how much? `shapes.rs`. A magic wand? `wand.rs`.
//! - Who is meant by a few scribbles? `subject.rs`: GrabCut from coarse to fine, on the sizes of `levels.rs`, with the
//!   colours of `mixture.rs` and the cheapest cut of `flow.rs`.
//! - How is the edge made right? `refine.rs`: smooth, grow, follow the colours (`guided.rs`), feather; with the distances of
//!   `distance.rs` and the means of `blur.rs`.
//! - Which colours does somebody have where the ground shines through? `rim.rs`. What is cut out in the end? `cutout.rs`.
//! - How does long work end early? `stop.rs`.
//!
//! Masks are as large as their picture: 255 is all inside, 0 outside. Knows nothing of the rest of Podium.

pub mod area;
mod blur;
pub mod cutout;
pub mod distance;
mod flow;
mod guided;
mod levels;
mod mixture;
pub mod refine;
mod rim;
pub mod shapes;
pub mod stop;
pub mod subject;
pub mod wand;

pub use area::{Mode, combine};
pub use cutout::{Cutout, cutout};
pub use refine::{Edge, refine};
pub use shapes::{Patch, polygon, rectangle, stroke};
pub use stop::Stop;
pub use subject::{Found, Hints, Scribble, Subject};
pub use wand::{Wand, wand};

#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod plush_tests;
