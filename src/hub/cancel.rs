//! A way to stop what runs on another thread, even while it waits for a server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::HubError;

/// Stops what it was given to, from any thread. Clones stop the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    set: Arc<AtomicBool>,
    /// Its connections are shut, so that no read waits any longer.
    agent: Arc<Mutex<Option<ureq::Agent>>>,
}

impl Cancel {
    /// Stops it.
    pub fn cancel(&self) {
        self.set.store(true, Ordering::Release);
        let agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(agent) = agent {
            agent.shutdown();
        }
    }

    /// Whether it was stopped.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Goes on unless it was stopped.
    pub(super) fn check(&self) -> Result<(), HubError> {
        if self.is_set() { Err(HubError::Cancelled) } else { Ok(()) }
    }

    /// Notes whose connections to shut.
    pub(super) fn watch(&self, agent: &ureq::Agent) {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent.clone());
        if self.is_set() {
            self.cancel();
        }
    }

    /// Rests so long, or until it is stopped.
    pub(super) fn rest(&self, time: Duration) -> Result<(), HubError> {
        let begun = Instant::now();
        loop {
            self.check()?;
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}
