//! Whether what somebody is about to start fits into the memory that is free: what a model needs is looked up in the
//! background beforehand, so that a press waits for nothing.

use super::models::Models;
use super::tasks::Pool;
use crate::engine::fit;

/// What is known of models, and of the memory.
pub struct Weigher {
    /// What the models are: the project's, and those of what waits to be gone on with.
    pub models: Models,
    /// Bytes that a job may take where so many are loaded already, see [`fit::room`]; another in tests.
    pub(super) room: fn(u64) -> Option<u64>,
}

impl Weigher {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self { models: Models::new(pool), room: fit::room }
    }
}
