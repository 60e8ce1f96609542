//! Photos of any size, of which a render changes one piece: on pixels alone, with no model and no project.
//!
//! - Which piece of a photo does a render see? `plan.rs`.
//! - Where may it change, and how softly does that end? `soft.rs`.
//! - How does what was rendered come back into the photo? `stitch.rs`, scaled by `scale.rs` (its curve: `curve.rs`), its
//!   colours matched by `rim.rs`, its grain by `grain.rs`.
//! - What do its numbers mean as colours? `colors.rs`.
//! - How is a photo kept, with its depth, its profile and what its camera noted? `original.rs`; `exif.rs` reads those notes
//!   and takes out the place.
//!
//! There are three frames: the photo's own pixels, turned upright; the crop, a rectangle of these; and the canvas, which the
//! crop is scaled to and back from.

use serde::{Deserialize, Serialize};

pub mod colors;
pub mod curve;
mod exif;
mod grain;
pub mod original;
pub mod plan;
mod rim;
mod scale;
pub mod soft;
pub mod stitch;

pub use colors::{Colors, profile_of};
pub use original::{Format, Original, Unwritable};
pub use stitch::{Blend, stitch};

/// A rectangle of a photo, in its own pixels once it is turned upright.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Pixels left of it.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Crop {
    /// The first column to the right of it; none where the numbers end first.
    pub fn right(&self) -> Option<u32> {
        self.x.checked_add(self.width)
    }

    /// The first row below it; none where the numbers end first.
    pub fn below(&self) -> Option<u32> {
        self.y.checked_add(self.height)
    }

    /// Whether it has pixels and all of them are the photo's, which is of this width and height.
    pub fn is_inside(&self, (width, height): (u32, u32)) -> bool {
        self.width > 0
            && self.height > 0
            && self.right().is_some_and(|right| right <= width)
            && self.below().is_some_and(|below| below <= height)
    }

    /// Whether another one lies in it wholly.
    pub fn contains(&self, other: &Self) -> bool {
        self.x <= other.x && self.y <= other.y && self.right() >= other.right() && self.below() >= other.below()
    }

    /// The smallest that holds both.
    pub fn with(&self, other: &Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let end = |a: Option<u32>, b: Option<u32>| a.unwrap_or(u32::MAX).max(b.unwrap_or(u32::MAX));
        Self { x, y, width: end(self.right(), other.right()) - x, height: end(self.below(), other.below()) - y }
    }
}
