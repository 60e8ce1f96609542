//! Everything that a report says, before it is written in one way or another.

use super::sheets::Sheet;
use super::tables::Table;

/// What is said of a strip of what the method saw.
pub(super) const STRIP: &str = "Masks and attention of Concept Conductor, seed 0, from step to step";

/// A report.
pub(super) struct Report {
    pub(super) title: String,
    /// Paragraphs.
    pub(super) about: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) sheets: Vec<Sheet>,
    /// What failed: which unit, and why.
    pub(super) failures: Vec<String>,
    /// What the engine said of pictures that it made, and how often.
    pub(super) notes: Vec<String>,
    /// Names and values: settings, hashes.
    pub(super) facts: Vec<(String, String)>,
    pub(super) cost: Table,
}
