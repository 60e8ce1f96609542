//! What is known of the machine. Threads look it up: the window waits for no file, not even for those of `/proc`.

use std::time::{Duration, Instant};

use eframe::egui::Context;
use jiff::tz::TimeZone;

use super::background::Asked;
use crate::engine::memory;

/// How often the memory in use is looked up.
const MEMORY_EVERY: Duration = Duration::from_secs(2);

/// Memory, in bytes; none where the system does not say, or has not yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// What this process holds.
    pub used: Option<u64>,
    /// What it may hold.
    pub total: Option<u64>,
}

impl Memory {
    fn look() -> Self {
        Self { used: memory::resident(), total: memory::total() }
    }
}

/// The machine, as far as anybody has asked.
#[derive(Default)]
pub struct Machine {
    memory: Memory,
    newer: Asked<Memory>,
    looked: Option<Instant>,
    threads: Asked<usize>,
    zone: Asked<TimeZone>,
}

impl Machine {
    /// Its memory, looked up every other second while something is drawn.
    pub fn memory(&mut self, ctx: &Context) -> Memory {
        let stale = self.looked.is_none_or(|at| at.elapsed() > MEMORY_EVERY);
        if stale && !self.newer.is_waiting() {
            self.looked = Some(Instant::now());
            self.newer = Asked::Never;
        }
        if let Some(memory) = self.newer.get(ctx, Memory::look) {
            self.memory = *memory;
        }
        self.memory
    }

    /// How many threads compute at once.
    pub fn threads(&mut self, ctx: &Context) -> Option<usize> {
        self.threads.get(ctx, || std::thread::available_parallelism().map_or(1, usize::from)).copied()
    }

    /// The time zone here; UTC until it is known.
    pub fn zone(&mut self, ctx: &Context) -> TimeZone {
        self.zone.get(ctx, TimeZone::system).cloned().unwrap_or(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_asked_for_is_there_soon_and_stays_while_it_is_looked_up_again() {
        let (ctx, mut machine) = (Context::default(), Machine::default());
        let begun = Instant::now();
        while machine.memory(&ctx).used.is_none() || machine.threads(&ctx).is_none() {
            assert!(begun.elapsed().as_secs() < 60, "no answer");
            std::thread::yield_now();
        }
        machine.looked = begun.checked_sub(2 * MEMORY_EVERY);
        let again = machine.memory(&ctx);
        assert!(machine.newer.is_waiting() && again.used.is_some() && again.used < again.total);
    }
}
