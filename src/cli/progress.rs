//! The progress bar of a job, with what every job tells.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::say::aside;
use crate::link::{Event, Stage};

/// A bar of a correct, constant template, and how far it goes.
fn styled(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    // The template is correct, so the default style is never seen.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A bar of files that are copied or got, so many bytes of them; its message is which file.
pub fn bytes(total: u64) -> ProgressBar {
    styled(total, "{msg:48!} {bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
}

/// A bar that shows the stage of a job and how far it is.
pub struct Progress {
    /// The bar itself.
    pub bar: ProgressBar,
    stage: Option<Stage>,
}

impl Progress {
    /// A bar of a correct, constant template.
    pub fn new(template: &str) -> Self {
        let bar = styled(1, template);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, stage: None }
    }

    /// Begins a stage, unless it is the one that is shown. Says whether it is new.
    pub fn enter(&mut self, stage: Stage) -> bool {
        let new = self.stage != Some(stage);
        if new {
            self.stage = Some(stage);
            self.bar.reset();
        }
        new
    }

    /// Shows how far the stage is.
    pub fn set(&self, done: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
    }

    /// Takes in that a job began or advanced; of other events nothing.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Started { device, first_use, .. } => {
                let warm_up = if *first_use { "; its first use compiles kernels, which takes a while" } else { "" };
                aside(&self.bar, format_args!("on {device}{warm_up}"));
            }
            Event::Progress { stage, step, steps, .. } => {
                if self.enter(*stage) {
                    self.bar.set_message(stage.words());
                }
                self.set(*step, *steps);
            }
            _ => {}
        }
    }
}
