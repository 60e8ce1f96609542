//! Somebody chosen in a picture by a click or a frame, with networks of the Segment Anything family from people's own files.
//!
//! - How is it used, from files to masks? `sam.rs`. What comes out, in which order, how large? `guess.rs`.
//! - Which encoder and decoder are these? `dialect.rs`, by the names that `onnx.rs` reads of a file without its weights, from
//!   the bytes of `wire.rs`. Which two of a folder's files go together? `find.rs`.
//! - What of weights alone, without their network? `weights.rs` has them by their names and checks them, `vit.rs` and `tiny.rs`
//!   make the encoder that they belong to, `answering.rs` the decoder, of `layers.rs`, as ONNX files in memory (`graph.rs`).
//! - What is a photo to an encoder? `prepare.rs`. Which places are meant in which frame? `frames.rs`.
//! - Who computes? `network.rs`: the runtime rten, and what it does otherwise than the files mean (`cubic.rs`). How is one told
//!   how far it is, and stops it? `stages.rs`.
//! - Where is what words name? `words.rs`, for which a frame is a prompt like any other.
//! - What can go wrong? `error.rs`. What is there to get, and where does it go? `get.rs`.
//!
//! Pictures in, masks out. Knows nothing of the rest of Podium but how BERT reads words: who opens files of tensors is handed in.

mod answering;
mod cubic;
mod dialect;
mod error;
mod find;
mod frames;
pub mod get;
mod graph;
mod guess;
mod layers;
mod network;
mod onnx;
mod prepare;
mod sam;
mod stages;
mod tiny;
mod vit;
mod weights;
mod wire;
mod words;

pub use error::Error;
pub use find::{ENDINGS, Files, Pair, choose, find, is_index, named, pieces};
pub use guess::Guess;
pub use sam::{Prompt, Sam, Seen};
pub use weights::{Open, Tensors};
pub use words::{Find, Words, find_words};

/// The list of words beside a file that finds boxes by words.
pub use crate::bert::LIST as VOCAB;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod weights_tests;
