//! Playing the steps of a run one after another.

use eframe::egui::Ui;

use crate::link::JobId;
use crate::studio::{Playhead, Run, Studio};

/// How long a step is shown, in seconds: so many that a run takes a few seconds, within bounds.
fn pace(steps: usize) -> f64 {
    (5.0 / steps.max(1) as f64).clamp(1.0 / 15.0, 0.5)
}

/// A run that is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playing {
    job: JobId,
    /// When the step that is shown came, on the window's clock, in seconds.
    since: f64,
    /// The step that is shown: where it is another one, somebody else has moved the playhead.
    at: usize,
}

impl Playing {
    /// Begins with the step under the playhead, and anew where that stands at the end. None without a step.
    pub fn begin(studio: &mut Studio, now: f64) -> Option<Self> {
        let run = studio.renders.runs.shown()?;
        let (job, newest) = (run.job, run.newest()?);
        let at = match studio.renders.runs.playhead {
            Playhead::At(step) if step < newest => step,
            _ => 0,
        };
        studio.renders.runs.seek(at);
        Some(Self { job, since: now, at })
    }

    /// Goes on to the step that is due, and to the picture after the newest. None once that is there, or once somebody has
    /// moved the playhead or shows another run.
    fn go_on(self, studio: &mut Studio, now: f64) -> Option<Self> {
        let run = studio.renders.runs.shown().filter(|run| run.job == self.job)?;
        let (newest, pace) = (run.newest()?, pace(run.steps.len()));
        if studio.renders.runs.playhead != Playhead::At(self.at) {
            return None;
        }
        let due = ((now - self.since) / pace).floor();
        if due < 1.0 {
            return Some(self);
        }
        // A window that was not drawn for a while goes on from where it was.
        // `as` takes what is no number to 0.
        let at = self.at + if due < 8.0 { (due as usize).max(1) } else { 1 };
        studio.renders.runs.seek(at);
        (at <= newest).then_some(Self { since: now, at, ..self })
    }
}

/// Plays on, where something is played.
pub fn show(ui: &Ui, studio: &mut Studio, playing: &mut Option<Playing>) {
    let Some(now) = *playing else { return };
    *playing = now.go_on(studio, ui.input(|input| input.time));
    if playing.is_some() {
        let pace = studio.renders.runs.shown().map_or(1.0, |run: &Run| pace(run.steps.len()));
        ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(pace));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_a_few_seconds_to_play_whatever_its_steps() {
        assert_eq!((pace(0), pace(4), pace(20)), (0.5, 0.5, 0.25));
        assert!((pace(50) - 0.1).abs() < 1e-9 && (pace(999) - 1.0 / 15.0).abs() < 1e-9);
    }
}
