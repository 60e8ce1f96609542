//! The command line: `podium render`, `podium place`, `podium cut`, `podium train`, `podium evaluate`, `podium compare`,
//! `podium collect`, `podium devices`, `podium inspect`, `podium get`, `podium list`, `podium plush`; without a subcommand the
//! studio opens.

#[macro_use]
mod say;

mod collect;
mod compare;
mod cut;
mod devices;
mod encoders;
mod evaluate;
mod get;
mod inspect;
mod interrupt;
mod key_value;
mod list;
mod moved;
mod networks;
mod place;
mod plush;
mod progress;
mod record;
mod render;
mod train;
mod written;

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
    /// Place concepts into a photo of any size, which stays as it is everywhere else
    Place(Box<place::Place>),
    /// Train a concept from a handful of photos
    Train(train::Train),
    /// List what can compute
    Devices,
    /// Say what a model, a LoRA, an embedding, a project or a picture is
    Inspect {
        /// The file or folder
        path: PathBuf,

        /// List every tensor too
        #[arg(long)]
        tensors: bool,
    },
    /// Get a model, LoRA, embedding or VAE from the hub, from Civitai or from any https address
    Get(get::Get),
    /// List the models, LoRAs, embeddings and VAEs that A1111, ComfyUI, InvokeAI, Krita and the hub's cache have here
    List(list::List),
    /// Cut somebody out of a photo, onto a transparent ground
    Cut(cut::Cut),
    /// Draw pictures of the Plush World, which the miniature knows, with their truth; recognise its concepts in pictures
    #[command(subcommand)]
    Plush(plush::Plush),
    /// Measure methods and settings on a suite of concepts and prompts, as the paper measures, and write a report
    Evaluate(evaluate::Evaluate),
    /// Render two settings of a project side by side over several seeds, and say which is better
    Compare(compare::Compare),
    /// Copy a project and everything that it uses into one folder, which opens on another machine
    Collect(collect::Collect),
}

/// Runs what the command line asks for. `studio` opens the window.
///
/// # Errors
/// In words for people.
pub fn run(cli: Cli, studio: impl FnOnce(Option<PathBuf>, DeviceChoice) -> Outcome) -> Outcome {
    match cli.command {
        None => studio(cli.project, cli.device),
        Some(Command::Render(command)) => command.run(),
        Some(Command::Place(command)) => command.run(),
        Some(Command::Train(command)) => command.run(),
        Some(Command::Devices) => {
            devices::list();
            Ok(())
        }
        Some(Command::Get(command)) => command.run(),
        Some(Command::List(command)) => command.run(),
        Some(Command::Cut(command)) => command.run(),
        Some(Command::Plush(command)) => command.run(),
        Some(Command::Evaluate(command)) => command.run(),
        Some(Command::Compare(command)) => command.run(),
        Some(Command::Collect(command)) => command.run(),
        Some(Command::Inspect { path, tensors }) => inspect::inspect(&path, tensors),
    }
}
