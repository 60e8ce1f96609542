//! Two settings of one project beside one another, over several seeds: the same for the window and the command line.
//!
//! - What do the two sides render with? `variant.rs`.
//! - What is known of a picture? `scores.rs`. Which pictures of a project can be measured by their truth, and what became of a
//!   photo? `truth.rs`.
//! - What do encoders of the user's see in it, ImageReward among them? `sight.rs`.
//! - What do all pictures say, in numbers and words? `summary.rs`.

use std::ops::RangeInclusive;

mod scores;
mod sight;
mod summary;
mod truth;
mod variant;

pub use super::encoders::Named;
pub use scores::{Score, Scores};
pub use sight::{Looks, Sight};
pub use summary::{Line, Summary, summarise};
pub use truth::{background, ruler};
pub use variant::{Start, Variant};

/// How many seeds may be compared.
pub const SEEDS: RangeInclusive<u32> = 2..=16;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its letter.
    pub fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// What is rendered, in order: the pictures of one seed, then those of the next, so that whoever stops early has pairs.
pub fn order(seeds: usize) -> impl Iterator<Item = (usize, Side)> {
    (0..seeds).flat_map(|seed| Side::BOTH.map(|side| (seed, side)))
}

#[cfg(test)]
mod tests;
