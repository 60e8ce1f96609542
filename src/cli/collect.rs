//! `podium collect`

use std::path::PathBuf;

use clap::Args;

use super::moved::open;
use super::progress::bytes;
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
        let bar = bytes(plan.bytes());
        bar.set_message("Copying");
        let collected = plan.write(&self.out, &mut |done, _| {
            bar.set_position(done);
            interrupts.try_recv().is_err()
        });
        bar.finish_and_clear();
        say::line(collected?.words());
        Ok(())
    }
}
