//! Work that would hold the window up: files, pictures, tokenizers. Two named threads do it in turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// Threads: one may be busy with a long export while the other loads pictures.
const THREADS: usize = 2;

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Threads that do work and hand back what came of it.
pub struct Tasks<T> {
    inbox: Sender<Work<T>>,
    done: Receiver<T>,
    waiting: Arc<AtomicUsize>,
}

impl<T: Send + 'static> Tasks<T> {
    /// Starts the threads; `wake` is called after every piece of work, from them.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (inbox, work) = unbounded::<Work<T>>();
        let (outbox, done) = unbounded();
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..THREADS {
            let (work, outbox, wake, waiting) = (work.clone(), outbox.clone(), wake.clone(), waiting.clone());
            let run = move || {
                while let Ok(work) = work.recv() {
                    // A panic in a decoder must not take the thread with it; whoever asked hears nothing, which the
                    // pieces of work guard against by catching what they can.
                    if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                        // The window may be gone.
                        let _ = outbox.send(done);
                    }
                    // After the result is in the channel: whoever sees no work waiting finds every result there.
                    waiting.fetch_sub(1, Ordering::Release);
                    wake();
                }
            };
            std::thread::Builder::new().name(format!("podium-files-{number}")).spawn(run)?;
        }
        Ok(Self { inbox, done, waiting })
    }

    /// Queues a piece of work.
    pub fn run(&self, work: impl FnOnce() -> T + Send + 'static) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The threads live as long as this sender.
        let _ = self.inbox.send(Box::new(work));
    }

    /// What came of a piece of work, if any is done.
    pub fn next(&self) -> Option<T> {
        self.done.try_recv().ok()
    }

    /// Whether anything waits, is being done, or is done and not taken by [`next`](Self::next).
    pub fn is_busy(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0 || !self.done.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(tasks: &Tasks<u32>) -> Vec<u32> {
        let mut taken = Vec::new();
        while tasks.is_busy() {
            taken.extend(tasks.next());
            std::thread::yield_now();
        }
        taken
    }

    #[test]
    fn what_is_done_keeps_them_busy_until_it_is_taken() {
        let tasks = Tasks::start(Arc::new(|| ())).unwrap();
        tasks.run(|| 7);
        let begun = std::time::Instant::now();
        while tasks.waiting.load(Ordering::Acquire) > 0 {
            assert!(begun.elapsed().as_secs() < 60, "the work was not done");
            std::thread::yield_now();
        }
        assert!(tasks.is_busy());
        assert_eq!(tasks.next(), Some(7));
        assert!(!tasks.is_busy());
    }

    #[test]
    fn work_is_done_and_a_panic_stops_none_of_it() {
        let tasks = Tasks::start(Arc::new(|| ())).unwrap();
        for number in 0..20 {
            tasks.run(move || if number % 5 == 0 { panic!("broken") } else { number });
        }
        assert_eq!(wait(&tasks).len(), 16);
        assert!(!tasks.is_busy());
    }
}
