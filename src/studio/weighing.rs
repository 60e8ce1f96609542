//! Whether what somebody is about to start fits into the memory that is free: what a model needs is looked up in the
//! background beforehand, so that a press waits for nothing.

use std::sync::Arc;

use super::tasks::{Desk, Pool};
use crate::engine::fit;
use crate::engine::inspect::{ModelReport, inspect_model};
use crate::engine::weights::ModelFiles;

/// A model by its files, and what it is; none where it is none, which a render will say.
type Told = (ModelFiles, Option<Arc<ModelReport>>);

#[cfg(test)]
crate::studio::tasks::kinds!(Told);

/// Models that are known: the project's, and those of what waits to be gone on with.
const KEPT: usize = 32;

/// What is known of models, and of the memory.
pub struct Weigher {
    /// The one that was looked for last is the last.
    models: Vec<Told>,
    /// Bytes that a job may take where so many are loaded already, see [`fit::room`]; another in tests.
    pub(super) room: fn(u64) -> Option<u64>,
    desk: Desk<Told>,
}

impl Weigher {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self { models: Vec::new(), room: fit::room, desk: pool.desk() }
    }

    /// Has a model looked at, unless it is known already.
    pub fn look(&mut self, files: ModelFiles) {
        if let Some(known) = self.models.iter().position(|(known, _)| *known == files) {
            self.models[known..].rotate_left(1);
            return;
        }
        self.models.push((files.clone(), None));
        let surplus = self.models.len().saturating_sub(KEPT);
        self.models.drain(..surplus);
        self.desk.run(move || {
            let report = inspect_model(&files).ok().map(Arc::new);
            (files, report)
        });
    }

    /// Takes in what was looked up. Says whether there was anything.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        while let Some(told) = self.desk.next() {
            any = true;
            // Others may have been looked for meanwhile.
            if let Some(known) = self.models.iter_mut().find(|(files, _)| *files == told.0) {
                *known = told;
            }
        }
        any
    }

    /// Whether something is being looked up.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// What the answers of all rooms come through.
    #[cfg(test)]
    pub(super) fn tap(&self) -> super::tasks::Tap {
        self.desk.pool().tap().clone()
    }

    /// What a model is; none while it is not known.
    pub fn model(&self, files: &ModelFiles) -> Option<Arc<ModelReport>> {
        self.models.iter().find(|(known, _)| known == files)?.1.clone()
    }
}
