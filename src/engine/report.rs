//! What a running job tells its listener, and how it hears that it shall stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crossbeam_channel::Sender;

use super::error::{EngineError, Result};
use crate::link::{Event, JobId, Stage, Warning, Watch};

/// What its listener may change while a job waits or runs.
#[derive(Debug, Default)]
pub struct Wishes {
    cancelled: AtomicBool,
    enough: AtomicBool,
    watch: AtomicU8,
}

impl Wishes {
    /// To run, and to show this much.
    pub fn new(watch: Watch) -> Self {
        Self { cancelled: AtomicBool::new(false), enough: AtomicBool::new(false), watch: AtomicU8::new(to_bits(watch)) }
    }

    /// To stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// To end with what there is: of a training, the concept as it is.
    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    /// To show this much from the next step on.
    pub fn set_watch(&self, watch: Watch) {
        self.watch.store(to_bits(watch), Ordering::Relaxed);
    }

    /// How much to show.
    pub fn watch(&self) -> Watch {
        from_bits(self.watch.load(Ordering::Relaxed))
    }
}

/// One byte, so that a step never sees half of a change.
fn to_bits(Watch { preview, masks, clusters, attention }: Watch) -> u8 {
    [preview, masks, clusters, attention].iter().rev().fold(0, |bits, &on| bits << 1 | u8::from(on))
}

fn from_bits(bits: u8) -> Watch {
    let on = |bit: u8| bits >> bit & 1 == 1;
    Watch { preview: on(0), masks: on(1), clusters: on(2), attention: on(3) }
}

/// A job's line to its listener.
#[derive(Clone)]
pub struct Reporter {
    /// The job.
    pub job: JobId,
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    wishes: Arc<Wishes>,
}

impl Reporter {
    /// A line for one job.
    pub fn new(job: JobId, events: Sender<Event>, wake: Arc<dyn Fn() + Send + Sync>, wishes: Arc<Wishes>) -> Self {
        Self { job, events, wake, wishes }
    }

    /// What the listener wants to see now.
    pub fn watch(&self) -> Watch {
        self.wishes.watch()
    }

    /// Whether the job shall end with what there is.
    pub fn is_enough(&self) -> bool {
        self.wishes.enough.load(Ordering::Relaxed)
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
        if self.wishes.cancelled.load(Ordering::Relaxed) { Err(EngineError::Cancelled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wish_to_watch_comes_back_as_it_was() {
        for bits in 0..16 {
            let watch = from_bits(bits);
            assert_eq!(to_bits(watch), bits);
            let wishes = Wishes::new(Watch::default());
            wishes.set_watch(watch);
            assert_eq!(wishes.watch(), watch);
        }
        assert_eq!(from_bits(to_bits(Watch::ALL)), Watch::ALL);
        assert_eq!(to_bits(Watch { clusters: true, ..Watch::default() }), 4);
    }
}
