//! Files that change a model or teach it words: ED-LoRAs, LoRAs of every trainer, textual inversions.
//!
//! Whatever the file, what comes out is the same: for each module of the UNet and of the text encoder, by diffusers'
//! path, what is added to it ([`Change`]), and the words it brings ([`Embedding`]). Only this folder knows how adapters'
//! files name things.
//!
//! [`read`] goes in steps: `sort` finds out what each tensor is, by `names` (which layer), `leaves` (what it is to that
//! layer) and `words`; `family` which kind of model it is for; then `low_rank`, `loha`, `lokr` and `ia3` make the changes
//! of the layers, scaled as `peft` says; `about` reads what the file says of itself, `sidecar` what lies beside it. `glance`
//! goes no further than names and shapes, for lists of many files, and `held` counts by them what a file will take.

mod about;
pub mod change;
mod family;
mod fit;
pub mod glance;
mod group;
mod held;
mod ia3;
mod leaves;
mod loha;
mod lokr;
mod low_rank;
pub mod modules;
mod names;
mod peft;
mod read;
mod sidecar;
mod sort;
mod summary;
#[cfg(test)]
mod tests;
mod words;

pub use about::FULL_AT;
pub use change::{About, AdapterFile, Base, Change, Embedding, Held, Kind, Part, Prediction};
pub use fit::{check, check_word};
pub use read::{from_bytes, looked_at, read};
pub use sidecar::{Beside, beside, has_thumbnail, in_base64, preview_picture, thumbnail, thumbnail_of};
