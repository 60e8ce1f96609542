//! `podium`: the studio, and a command line that needs no display.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use podium::cli::{Cli, run};

fn main() -> ExitCode {
    quiet_libraries();
    #[cfg(feature = "gui")]
    prefer_x11();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,wgpu_core=error,wgpu_hal=error"))
        .init();
    match run(Cli::parse(), studio) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening.
            let _ = writeln!(std::io::stderr(), "podium: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Vulkan drivers ask the desktop's libraries for a folder, which print that it is missing into whatever a command prints.
fn quiet_libraries() {
    const FOLDER: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::args_os().len() > 1 && std::env::var_os(FOLDER).is_none() {
        // SAFETY: nothing was started before this, so there is no other thread that could read the environment.
        unsafe { std::env::set_var(FOLDER, std::env::temp_dir()) };
    }
}

/// Takes X11 where a desktop has both: what is dropped on the window arrives there.
#[cfg(feature = "gui")]
fn prefer_x11() {
    use podium::gui::display;
    if display::passes_over_wayland() {
        // SAFETY: nothing was started before this, so there is no other thread that could read the environment.
        display::WAYLAND.iter().for_each(|name| unsafe { std::env::remove_var(name) });
    }
}

#[cfg(feature = "gui")]
use podium::gui::open as studio;

#[cfg(not(feature = "gui"))]
fn studio(_: Option<std::path::PathBuf>, _: podium::link::DeviceChoice) -> podium::cli::Outcome {
    Err("this podium was built without its window; use `podium render`".into())
}
