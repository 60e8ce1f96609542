//! What a running job tells its listener, and how it hears that it shall stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::error::{EngineError, Result};
use crate::link::{Event, JobId, Stage, Warning};

/// A job's line to its listener.
#[derive(Clone)]
pub struct Reporter {
    /// The job.
    pub job: JobId,
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    cancelled: Arc<AtomicBool>,
}

impl Reporter {
    /// A line for one job.
    pub fn new(
        job: JobId,
        events: Sender<Event>,
        wake: Arc<dyn Fn() + Send + Sync>,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        Self { job, events, wake, cancelled }
    }

    /// Sends an event and wakes the listener. A listener that is gone is none of the engine's business.
    pub fn send(&self, event: Event) {
        let _ = self.events.send(event);
        (self.wake)();
    }

    /// Tells how far a stage has come.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`] where the job shall stop.
    pub fn progress(&self, stage: Stage, step: usize, steps: usize) -> Result<()> {
        self.check()?;
        self.send(Event::Progress { job: self.job, stage, step, steps });
        Ok(())
    }

    /// Tells the user something while the job goes on.
    pub fn warn(&self, warning: Warning) {
        self.send(Event::Warning(self.job, warning));
    }

    /// # Errors
    /// [`EngineError::Cancelled`] where the job shall stop.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(EngineError::Cancelled) } else { Ok(()) }
    }
}
