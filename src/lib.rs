//! Podium: a studio for composing pictures out of several personal concepts.
//!
//! ```text
//! main -> {cli, gui} -> studio -> {engine -> link -> project -> photo -> cut, hub, segment}
//!          cli -> evaluate -> {engine, plush}
//! ```
//!
//! [`project`] is the document: plain data. [`engine`] holds the models and the algorithm and knows nothing of
//! egui. [`hub`] gets models and knows none of them, [`cut`] cuts somebody out of a picture, [`segment`] does so with
//! networks from people's own files, [`bert`] is how BERT reads words in some of these, [`photo`] puts what was
//! rendered back into photos of any size, [`plush`] draws pictures whose truth is known and measures others by them,
//! [`evaluate`] measures methods by that. [`link`] is all that the engine and its listeners say to each other. Arrows go
//! down only. See ARCHITECTURE.md for the map.

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking"))]

pub mod assets;
pub mod bert;
pub mod bytes;
pub mod cli;
pub mod cut;
pub mod engine;
pub mod evaluate;
#[cfg(feature = "gui")]
pub mod gui;
pub mod hub;
pub mod link;
pub mod photo;
pub mod plush;
pub mod project;
pub mod segment;
pub mod studio;

/// The allocator of every binary of this crate: flex allocates a buffer an operation, and mimalloc halves the time
/// of a network pass against the system allocator (measured).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
