//! Work that would hold the window up: files, pictures, tokenizers. Two named threads do it in turn, for all rooms;
//! each room has a desk of its own, where its answers come.
//!
//! - How do answers come in? `line.rs`.
//! - Which of them still count for whoever asked? `owed.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};

#[cfg(not(test))]
mod line;
#[cfg(test)]
#[path = "line_tests.rs"]
mod line;
mod owed;

#[cfg(test)]
pub use line::Way;
#[cfg(test)]
pub(crate) use line::kinds;
pub use line::{Answer, Line, Tap};
pub use owed::{Due, Owed};

/// Threads: one may be busy with a long export while the other loads pictures.
const THREADS: usize = 2;

type Work = Box<dyn FnOnce() + Send>;

/// Called from other threads whenever there is something to poll.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// Threads that do the work of every room. They end when the last desk and the last clone of the pool are gone.
#[derive(Clone)]
pub struct Pool {
    work: Sender<Work>,
    wake: Wake,
    tap: Tap,
}

impl Pool {
    /// Starts the threads; `wake` is called after every piece of work, from them.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(wake: Wake) -> std::io::Result<Self> {
        Self::begin("files", wake, Tap::default())
    }

    /// Threads of another name, for work that takes so long that the files of other rooms would wait for it.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn another(&self, name: &str) -> std::io::Result<Self> {
        Self::begin(name, self.wake.clone(), self.tap.clone())
    }

    fn begin(name: &str, wake: Wake, tap: Tap) -> std::io::Result<Self> {
        let (inbox, work) = unbounded::<Work>();
        for number in 0..THREADS {
            let work = work.clone();
            let run = move || {
                while let Ok(work) = work.recv() {
                    work();
                }
            };
            std::thread::Builder::new().name(format!("podium-{name}-{number}")).spawn(run)?;
        }
        Ok(Self { work: inbox, wake, tap })
    }

    /// A room's own desk.
    pub fn desk<T: Answer>(&self) -> Desk<T> {
        let (outbox, done) = unbounded();
        Desk { pool: self.clone(), outbox, done: self.tap.line(done), waiting: Arc::default() }
    }

    /// What the lines of this pool's desks have in common.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// What is called when there is something to poll.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }
}

/// Where a room gives work away and finds what came of it.
pub struct Desk<T> {
    pool: Pool,
    outbox: Sender<T>,
    done: Line<T>,
    waiting: Arc<AtomicUsize>,
}

impl<T: Answer> Desk<T> {
    /// Queues a piece of work.
    pub fn run(&self, work: impl FnOnce() -> T + Send + 'static) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let (outbox, waiting, wake) = (self.outbox.clone(), self.waiting.clone(), self.pool.wake.clone());
        // The threads live as long as this sender.
        let _ = self.pool.work.send(Box::new(move || {
            // A panic in a decoder must not take the thread with it; whoever asked hears nothing, which the pieces of
            // work guard against by catching what they can.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                // The room may be gone.
                let _ = outbox.send(done);
            }
            // After the result is in the channel: whoever sees no work waiting finds every result there.
            waiting.fetch_sub(1, Ordering::Release);
            wake();
        }));
    }

    /// What came of a piece of work, if any is done.
    pub fn next(&self) -> Option<T> {
        self.done.next()
    }

    /// Whether anything waits, is being done, or is done and not taken by [`next`](Self::next).
    pub fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0 || !self.done.is_empty()
    }

    /// Waits until nothing waits or is being done any more. Only for the end, when there is no window that would stand still.
    pub fn finish(&self) {
        while self.waiting.load(Ordering::Acquire) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The pool that does the work.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    kinds!(u32);
    kinds!(String);

    fn pool() -> Pool {
        Pool::start(Arc::new(|| ())).unwrap()
    }

    fn wait(desk: &Desk<u32>) -> Vec<u32> {
        let mut taken = Vec::new();
        while desk.is_busy() {
            taken.extend(desk.next());
            std::thread::yield_now();
        }
        taken
    }

    #[test]
    fn what_is_done_keeps_a_desk_busy_until_it_is_taken() {
        let desk = pool().desk();
        desk.run(|| 7);
        let begun = std::time::Instant::now();
        while desk.waiting.load(Ordering::Acquire) > 0 {
            assert!(begun.elapsed().as_secs() < 60, "the work was not done");
            std::thread::yield_now();
        }
        assert!(desk.is_busy());
        assert_eq!(desk.next(), Some(7));
        assert!(!desk.is_busy());
    }

    #[test]
    fn work_is_done_and_a_panic_stops_none_of_it() {
        let desk = pool().desk();
        for number in 0..20 {
            desk.run(move || if number % 5 == 0 { panic!("broken") } else { number });
        }
        assert_eq!(wait(&desk).len(), 16);
        assert!(!desk.is_busy());
    }

    #[test]
    fn every_desk_gets_its_own_answers() {
        let pool = pool();
        let (numbers, words) = (pool.desk(), pool.desk());
        for number in 0..10 {
            numbers.run(move || number);
            words.run(move || number.to_string());
        }
        let mut taken = wait(&numbers);
        taken.sort_unstable();
        assert_eq!(taken, (0..10).collect::<Vec<_>>());
        while words.is_busy() {
            if let Some(word) = words.next() {
                assert!(word.len() == 1, "{word}");
            }
        }
    }
}
