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
    /// What might have been started when models were looked up last, as a number.
    seen: Option<u64>,
}

impl Weigher {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self { models: Models::new(pool), room: fit::room, seen: None }
    }

    /// Whether what may be started is something else than when this was asked last.
    pub(super) fn is_news(&mut self, startable: u64) -> bool {
        self.seen.replace(startable) != Some(startable)
    }
}
