//! How long a render still takes, from this device's measured times of each kind of work.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::link::{Stage, Times};
use crate::project::Project;
use crate::project::settings::{Inversion, Method};

/// Seconds that one unit of each kind of work took on a device, for pictures of one size and number of branches.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    align: Option<f64>,
    inject: Option<f64>,
    refine: Option<f64>,
    views: Option<f64>,
    invert: Option<f64>,
    decode: Option<f64>,
}

/// What was measured, by what the times depend on.
#[derive(Debug, Default)]
pub struct Measured {
    rates: HashMap<Work, Rates>,
}

/// What the time of a step depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Work {
    device: String,
    pixels: u64,
    method: Method,
    branches: usize,
    pictures: u32,
}

impl Work {
    fn of(device: &str, project: &Project) -> Self {
        let pixels = u64::from(project.canvas.width) * u64::from(project.canvas.height);
        let (branches, method) = (project.concepts.len(), project.settings.method);
        Self { device: device.into(), pixels, method, branches, pictures: project.pictures }
    }
}

fn blend(old: &mut Option<f64>, new: Duration) {
    let new = new.as_secs_f64();
    // The first step of a kind also warms caches, so it soon weighs little.
    *old = Some(old.map_or(new, |old| old + 0.3 * (new - old)));
}

impl Measured {
    /// A sampling step took this long.
    pub fn step(&mut self, device: &str, project: &Project, times: &Times, aligned: bool, refined: bool) {
        let rates = self.rates.entry(Work::of(device, project)).or_default();
        blend(&mut rates.inject, times.inject);
        blend(&mut rates.views, times.views);
        if aligned {
            blend(&mut rates.align, times.align);
        }
        if refined {
            blend(&mut rates.refine, times.refine);
        }
    }

    /// A unit of another stage took this long.
    pub fn unit(&mut self, device: &str, project: &Project, stage: Stage, took: Duration) {
        let rates = self.rates.entry(Work::of(device, project)).or_default();
        match stage {
            Stage::InvertingReference | Stage::InvertingPhoto => blend(&mut rates.invert, took),
            Stage::Decoding => blend(&mut rates.decode, took),
            Stage::LoadingModel | Stage::Preparing | Stage::Fusing | Stage::FindingMasks | Stage::Denoising => {}
            // A training counts its own steps.
            Stage::ReadingPhotos | Stage::Training | Stage::Testing => {}
        }
    }

    /// Seconds that a render still takes from `step` of `stage`; None before anything of its kind was measured.
    pub fn left(&self, device: &str, project: &Project, stage: Stage, step: usize) -> Option<f64> {
        let rates = self.rates.get(&Work::of(device, project))?;
        let settings = &project.settings;
        let inject = rates.inject?;
        let first = if stage == Stage::Denoising { step } else { 0 };
        let mut seconds = 0.0;
        if stage != Stage::Decoding {
            let (guided, refined) = (settings.guided_steps(), settings.refined_steps());
            for index in first..settings.steps as usize {
                seconds += inject + rates.views.unwrap_or(0.0);
                if guided.get(index) == Some(&true) {
                    seconds += rates.align.unwrap_or(inject);
                }
                if refined.get(index) == Some(&true) {
                    seconds += rates.refine.unwrap_or(0.0);
                }
            }
        }
        if !matches!(stage, Stage::Denoising | Stage::Decoding) {
            let done = if stage == Stage::FindingMasks { step } else { 0 };
            seconds += inject * settings.seeking_steps().saturating_sub(done) as f64;
        }
        // Only what follows a reference inverts one.
        let inverts = settings.method.is_conductor();
        if inverts && matches!(stage, Stage::LoadingModel | Stage::Preparing | Stage::InvertingReference) {
            let all = if settings.inversion == Inversion::Exact { 999 } else { settings.steps as usize };
            let done = if stage == Stage::InvertingReference { step.min(all) } else { 0 };
            seconds += (all - done) as f64 * rates.invert.unwrap_or(0.0);
        }
        let pictures = project.pictures as usize;
        let decoded = if stage == Stage::Decoding { step.min(pictures) } else { 0 };
        Some(seconds + (pictures - decoded) as f64 * rates.decode.unwrap_or(0.0))
    }
}

/// A time that counts down by the clock and takes new estimates in gently, so that it does not jump about.
#[derive(Clone, Copy, Debug)]
pub struct Countdown {
    left: f64,
    at: Instant,
}

impl Countdown {
    /// A first estimate, in seconds.
    pub fn new(left: f64, now: Instant) -> Self {
        Self { left, at: now }
    }

    /// A new estimate, in seconds.
    pub fn estimate(&mut self, left: f64, now: Instant) {
        let shown = self.left(now);
        let share = if (left - shown).abs() > 0.5 * shown.max(2.0) { 0.5 } else { 0.15 };
        *self = Self { left: shown + share * (left - shown), at: now };
    }

    /// Seconds left, at least 0.
    pub fn left(&self, now: Instant) -> f64 {
        (self.left - now.saturating_duration_since(self.at).as_secs_f64()).max(0.0)
    }
}

/// Seconds as a person reads them: `0:21`, `1:02:03`.
pub fn words(seconds: f64) -> String {
    let all = seconds.round().clamp(0.0, 359_999.0) as u64;
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: u64) -> Times {
        let took = Duration::from_millis(milliseconds);
        Times { align: took, inject: took, refine: took, views: Duration::ZERO }
    }

    #[test]
    fn nothing_is_promised_before_a_step_was_measured() {
        let project = Project::new();
        let mut measured = Measured::default();
        assert_eq!(measured.left("cpu", &project, Stage::Denoising, 0), None);
        measured.step("cpu", &project, &times(100), true, false);
        let left = measured.left("cpu", &project, Stage::Denoising, 0).unwrap();
        // 50 steps, the first 16 of them aligned.
        assert!((left - 6.6).abs() < 0.01, "{left}");
        assert!(measured.left("another", &project, Stage::Denoising, 0).is_none());
        let near_end = measured.left("cpu", &project, Stage::Denoising, 49).unwrap();
        assert!((near_end - 0.1).abs() < 1e-6, "{near_end}");
    }

    #[test]
    fn the_countdown_follows_the_clock_and_swallows_noise() {
        let start = Instant::now();
        let mut countdown = Countdown::new(20.0, start);
        let later = start + Duration::from_secs(5);
        assert!((countdown.left(later) - 15.0).abs() < 1e-9);
        countdown.estimate(17.0, later);
        assert!((countdown.left(later) - 15.3).abs() < 1e-9);
        assert_eq!(countdown.left(start + Duration::from_secs(100)), 0.0);
    }

    #[test]
    fn seconds_read_as_minutes_and_hours() {
        assert_eq!(words(21.4), "0:21");
        assert_eq!(words(3723.0), "1:02:03");
        assert_eq!(words(f64::NAN), "0:00");
    }
}
