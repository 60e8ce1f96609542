//! Whether what somebody is about to start fits into the memory that is free: what a model needs is looked up in the
//! background beforehand, so that a press waits for nothing.

use std::sync::Arc;

use super::tasks::{Desk, Pool};
use crate::engine::fit;
use crate::engine::inspect::{ModelReport, inspect_model};
use crate::engine::weights::ModelFiles;

/// A model by its files, and what it is; none where it is none, which a render will say.
type Told = (ModelFiles, Option<Arc<ModelReport>>);

/// What is known of the project's model, and of the memory.
pub struct Weigher {
    model: Option<Told>,
    /// Bytes that a job may take where so many are loaded already, see [`fit::room`]; another in tests.
    pub(super) room: fn(u64) -> Option<u64>,
    desk: Desk<Told>,
}

impl Weigher {
    /// Nothing is known yet.
    pub fn new(pool: &Pool) -> Self {
        Self { model: None, room: fit::room, desk: pool.desk() }
    }

    /// Has a model looked at, unless it is the one that was looked at last.
    pub fn look(&mut self, files: ModelFiles) {
        if self.model.as_ref().is_some_and(|(known, _)| *known == files) {
            return;
        }
        self.model = Some((files.clone(), None));
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
            // Another may have been chosen meanwhile.
            if self.model.as_ref().is_some_and(|(files, _)| *files == told.0) {
                self.model = Some(told);
            }
        }
        any
    }

    /// Whether something is being looked up.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// What a model is; none while it is not known.
    pub fn model(&self, files: &ModelFiles) -> Option<Arc<ModelReport>> {
        self.model.as_ref().filter(|(known, _)| known == files)?.1.clone()
    }
}
