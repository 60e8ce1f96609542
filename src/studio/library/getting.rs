//! Something that is being got, as a list shows it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::memory;
use crate::hub::{Cancel, Got, Precision, Progress, Stage};

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Another one comes first.
    Waiting,
    /// It is under way.
    Running,
    /// It is there.
    Done(Got),
    /// In words, why not.
    Failed(String),
    /// Somebody cancelled it.
    Cancelled,
}

/// Something that is being got.
#[derive(Debug)]
pub struct Getting {
    /// Its own number.
    pub id: u64,
    /// What was typed.
    pub text: String,
    /// Which weights.
    pub precision: Precision,
    /// How far it is.
    pub state: State,
    /// How far, in bytes.
    pub progress: Progress,
    pub(super) cancel: Cancel,
    pub(super) told: Arc<Mutex<Progress>>,
    /// When bytes began to come, and how many were there then.
    since: Option<(Instant, u64)>,
}

impl Getting {
    /// Not begun yet.
    pub(super) fn new(id: u64, text: String, precision: Precision) -> Self {
        Self {
            id,
            text,
            precision,
            state: State::Waiting,
            progress: Progress::default(),
            cancel: Cancel::default(),
            told: Arc::default(),
            since: None,
        }
    }

    /// Looks at what its thread has told. Says whether that is anything new.
    pub(super) fn follow(&mut self, now: Instant) -> bool {
        if self.state != State::Running {
            return false;
        }
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if told == self.progress {
            return false;
        }
        self.progress = told;
        if self.progress.stage == Stage::Getting && self.since.is_none() {
            self.since = Some((now, self.progress.done));
        }
        true
    }

    /// Whether it waits or is under way.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Waiting | State::Running)
    }

    /// How far it is, in words.
    pub fn words(&self, now: Instant) -> String {
        match &self.state {
            State::Waiting => Stage::Waiting.words().into(),
            State::Running => self.running(now),
            State::Done(got) => got.words(),
            State::Failed(words) => words.clone(),
            State::Cancelled => "Cancelled. What has arrived is kept, and the next try goes on from there.".into(),
        }
    }

    fn running(&self, now: Instant) -> String {
        let progress = &self.progress;
        let mut words = progress.stage.words().to_owned();
        if !progress.file.is_empty() {
            words += &format!(" {}", progress.file);
        }
        if let Some(total) = progress.total {
            words += &format!(": {} of {}", memory::words(progress.done), memory::words(total));
        } else if progress.done > 0 {
            words += &format!(": {}", memory::words(progress.done));
        }
        if let (Stage::Getting, Some((since, before))) = (progress.stage, self.since) {
            words += &speed(progress, now.saturating_duration_since(since), before);
        }
        words
    }
}

/// `, 12 MB a second, 3 minutes left`; nothing before it is known well enough.
fn speed(progress: &Progress, time: Duration, before: u64) -> String {
    let came = progress.done.saturating_sub(before);
    if time < Duration::from_secs(2) || came == 0 {
        return String::new();
    }
    let rate = came as f64 / time.as_secs_f64();
    let left = progress.total.map(|total| total.saturating_sub(progress.done) as f64 / rate);
    let left = left.map_or_else(String::new, |seconds| format!(", {} left", duration(seconds)));
    format!(", {} a second{left}", memory::words(rate as u64))
}

fn duration(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{:.0} s", seconds.max(1.0)),
        ..5400.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_comes_with_speed_and_time_left() {
        let mut getting = Getting::new(1, "a/b".into(), Precision::Half);
        let begun = Instant::now();
        assert_eq!(getting.words(begun), "Waiting");
        getting.state = State::Running;
        let mut tell = |done: u64, at: u64| {
            *getting.told.lock().unwrap() =
                Progress { stage: Stage::Getting, file: "unet/x.safetensors".into(), done, total: Some(2_000_000_000) };
            assert!(getting.follow(begun + Duration::from_secs(at)));
            getting.words(begun + Duration::from_secs(at))
        };
        assert_eq!(tell(1_000_000_000, 0), "Getting unet/x.safetensors: 1.0 GB of 2.0 GB");
        let words = tell(1_100_000_000, 10);
        assert_eq!(
            words,
            "Getting unet/x.safetensors: 1.1 GB of 2.0 GB, 10 MB a second, 90 s left".replace("90 s", "2 minutes")
        );
        assert!(!getting.follow(begun));
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!([0.2, 30.0, 300.0, 9000.0].map(duration), ["1 s", "30 s", "5 minutes", "2.5 hours"]);
    }
}
