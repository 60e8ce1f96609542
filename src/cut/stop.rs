//! Ends long work early: whoever has one can raise it, and the work looks at it every few milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag between whoever waits for some work and the work. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the work to end; what it has so far is thrown away.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to end.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// `None` where the work is to end, to be asked with `?`.
    pub(super) fn go_on(&self) -> Option<()> {
        if self.is_raised() { None } else { Some(()) }
    }
}
