//! Answers that take too long for the window to wait for: a thread looks, the window draws on.

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use eframe::egui::Context;

/// An answer that takes too long for the window to wait for.
#[derive(Default)]
pub enum Asked<T> {
    #[default]
    /// Nobody has asked.
    Never,
    /// A thread looks.
    Waiting(Receiver<T>),
    /// Here it is.
    There(T),
    /// The system gave no thread, or the answer never came.
    Lost,
}

impl<T: Send + 'static> Asked<T> {
    /// The answer, once it is there; `answer` is run on a thread of its own the first time.
    pub fn get(&mut self, ctx: &Context, answer: impl FnOnce() -> T + Send + 'static) -> Option<&T> {
        match self {
            Self::Never => {
                let (sender, receiver) = bounded(1);
                let ctx = ctx.clone();
                let work = move || {
                    // The window may be gone.
                    let _ = sender.send(answer());
                    ctx.request_repaint();
                };
                let begun = std::thread::Builder::new().name("podium-looks".into()).spawn(work);
                *self = if begun.is_ok() { Self::Waiting(receiver) } else { Self::Lost };
            }
            Self::Waiting(receiver) => match receiver.try_recv() {
                Ok(answer) => *self = Self::There(answer),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => *self = Self::Lost,
            },
            Self::There(_) | Self::Lost => {}
        }
        match self {
            Self::There(answer) => Some(answer),
            _ => None,
        }
    }

    /// Whether it is being looked for.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }

    /// Whether it will never come.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_asked_for_once_and_a_thread_that_dies_keeps_nobody_waiting() {
        let ctx = Context::default();
        let mut asked = Asked::Never;
        let wait = |asked: &mut Asked<u32>| {
            while matches!(asked, Asked::Never | Asked::Waiting(_)) {
                asked.get(&ctx, || 7);
                std::thread::yield_now();
            }
        };
        wait(&mut asked);
        assert_eq!(asked.get(&ctx, || 8), Some(&7));
        let (sender, receiver) = bounded(1);
        drop(sender);
        let mut lost = Asked::Waiting(receiver);
        wait(&mut lost);
        assert!(matches!(lost, Asked::Lost));
    }
}
