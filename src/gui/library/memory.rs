//! What the library's page remembers between frames.

use std::path::PathBuf;

use crate::hub::Precision;
use crate::studio::library::search::Wish;

/// What the library's page remembers between frames.
#[derive(Debug, Default)]
pub struct LibraryLook {
    /// What is looked for among what was found.
    pub wish: Wish,
    /// The entry in hand.
    pub(super) chosen: Option<PathBuf>,
    /// What is typed to be got.
    pub address: String,
    /// Which weights to get.
    pub(super) precision: Precision,
    /// The entries that fit the wish, and what they were worked out from.
    pub(super) shown: Option<(u64, Wish, Vec<usize>)>,
}
