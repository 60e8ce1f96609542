//! `podium collect`

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::moved::open;
use super::{Outcome, interrupt, say};
use crate::project::hash::Known;
use crate::studio::export::collect::plan;

/// What `podium collect` is told.
#[derive(Debug, Args)]
pub struct Collect {
    /// The project (.ron), or a PNG that Podium wrote
    project: PathBuf,

    /// The folder to make: one that is not there yet, or is empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Leave the model where it is; the project goes on naming that place
    #[arg(long)]
    without_model: bool,
}

impl Collect {
    /// Copies, and says where it is.
    pub fn run(&self) -> Outcome {
        // Before any other thread begins.
        let interrupts = interrupt::listen()?;
        let (project, folder) = open(&self.project, false)?;
        let plan = plan(&project, &folder, !self.without_model, &Known::default())?;
        let bar = bar(plan.bytes());
        let collected = plan.write(&self.out, &mut |done, _| {
            bar.set_position(done);
            interrupts.try_recv().is_err()
        });
        bar.finish_and_clear();
        say::line(collected?.words());
        Ok(())
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    // The template is constant and correct, so the default style is never seen.
    let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}
