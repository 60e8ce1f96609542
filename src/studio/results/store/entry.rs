//! What the gallery's list shows of a result.

use serde::{Deserialize, Serialize};

use crate::studio::document::history::ResultId;

/// Results listed at most, the newest.
pub const MOST: usize = 5000;

/// What the gallery knows of a result without opening its picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its name: the file's, without the ending.
    pub id: ResultId,
    /// Seconds since 1970.
    pub made: u64,
    /// Seconds that its render took, for all pictures of the batch; 0 where it is not known.
    pub took: f32,
    /// Its own seed; None where it is not known.
    pub seed: Option<u64>,
    /// The same for all pictures of one render, and for no others; empty where it is not known.
    pub batch: String,
    /// Which picture of its batch, counted from 0.
    pub picture: u32,
    /// Marked as good.
    pub starred: bool,
    /// Taken out of the gallery; its files go when the session ends.
    pub deleted: bool,
    /// How its prompt begins.
    pub prompt: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The device that made it, in words.
    pub device: String,
}
