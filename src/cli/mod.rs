//! The command line: `podium render`, `podium devices`, `podium inspect`; without a subcommand the studio opens.

mod devices;
mod inspect;
mod record;
mod render;
mod say;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::link::DeviceChoice;

/// What a command ends with: words for people.
pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Compose pictures out of several personal concepts.
#[derive(Debug, Parser)]
#[command(name = "podium", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    /// A project to open in the studio
    project: Option<PathBuf>,

    /// Where the studio computes: auto (a real GPU, else the CPU), flex (the CPU) or wgpu (a GPU)
    #[arg(long, default_value_t)]
    device: DeviceChoice,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Render a project to a picture, without a window
    Render(render::Render),
    /// List what can compute
    Devices,
    /// Say what a model folder, a concept, a project or a picture by Podium holds
    Inspect {
        /// The file or folder
        path: PathBuf,
    },
}

/// Runs what the command line asks for. `studio` opens the window.
///
/// # Errors
/// In words for people.
pub fn run(cli: Cli, studio: impl FnOnce(Option<PathBuf>, DeviceChoice) -> Outcome) -> Outcome {
    match cli.command {
        None => studio(cli.project, cli.device),
        Some(Command::Render(command)) => command.run(),
        Some(Command::Devices) => {
            devices::list();
            Ok(())
        }
        Some(Command::Inspect { path }) => inspect::inspect(&path),
    }
}
