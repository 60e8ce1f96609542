//! What the method is worth: suites of concepts and prompts, rendered by several methods, measured, and put into a report by
//! which users compare settings, researchers methods, and this program's changes are judged.
//!
//! - What is evaluated? `suite.rs`; the shipped ones are `assets/suites`. By which methods? `methods.rs`.
//! - What exactly is rendered? `compose.rs`. How does it run, and go on after it was stopped? `run.rs`, of what `desk.rs` knows.
//!   Who computes, where there are several devices? `crew.rs`. What comes out where it is placed into a photo? `finished.rs`.
//! - What is kept, and how do parts made elsewhere come together? `record.rs`, `merge.rs`.
//! - What is measured of a picture? `metrics/`; with which encoders of the user's? `encoders.rs`. Who finds subjects in
//!   pictures of anything? `segmenter.rs`; by whose files, the suite's or the user's? `finder.rs`. Which photos are they compared
//!   with? `photos.rs`. What do many numbers say? `statistics.rs`.
//! - What is told of it? `report/`.
//! - Which settings are best? `search/`.
//! - Which of two settings of one project is better? `compare/`.

pub mod compare;
pub mod compose;
pub mod crew;
mod desk;
pub mod encoders;
pub mod finder;
pub mod finished;
pub mod merge;
pub mod methods;
pub mod metrics;
mod photos;
pub mod record;
pub mod report;
pub mod run;
pub mod search;
pub mod segmenter;
pub mod statistics;
pub mod suite;

#[cfg(test)]
mod placing_tests;
#[cfg(test)]
mod tests;
