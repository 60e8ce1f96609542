//! `podium`: the studio, and a command line that needs no display.

use std::process::ExitCode;

use clap::Parser;
use podium::cli::{Cli, run};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,wgpu_core=error,wgpu_hal=error"))
        .init();
    match run(Cli::parse(), studio) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("podium: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "gui")]
use podium::gui::open as studio;

#[cfg(not(feature = "gui"))]
fn studio(_: Option<std::path::PathBuf>, _: podium::link::DeviceChoice) -> podium::cli::Outcome {
    Err("this podium was built without its window; use `podium render`".into())
}
