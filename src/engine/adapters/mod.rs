//! Files that change a model or teach it words: ED-LoRAs, LoRAs of every trainer, textual inversions.
//!
//! Whatever the file, what comes out is the same: for each module of the UNet and of the text encoder, by diffusers'
//! path, what is added to it ([`Change`]), and the words it brings ([`Embedding`]).

pub mod change;

pub use change::{AdapterFile, Change, Embedding, Kind};
