//! Trains a concept: an ED-LoRA, from a handful of photos.

use super::error::{EngineError, Result};
use super::models::Models;
use super::report::Reporter;
use crate::link::{Trained, TrainingJob};

/// Trains.
///
/// # Errors
/// In words.
pub fn train(_models: &Models, _job: &TrainingJob, _report: &Reporter) -> Result<Trained> {
    Err(EngineError::Job("not yet".into()))
}
