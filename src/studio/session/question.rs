//! What the window has to ask, and what waits for the answer.

use std::path::PathBuf;

use super::autosave::Recovered;
use crate::project::Project;

/// Something that waits for an answer before it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Begin a new project.
    New,
    /// Open this file.
    Open(PathBuf),
    /// Open this project, read already.
    Replace {
        /// The project.
        project: Box<Project>,
        /// Its file, where saving shall go.
        file: Option<PathBuf>,
        /// Where its paths start.
        folder: PathBuf,
        /// What it is called where it has no file.
        name: String,
    },
    /// Close the window.
    Close,
}

/// What the window has to ask.
#[derive(Clone, Debug)]
pub enum Question {
    /// The project has unsaved changes, or a render would be lost.
    Unsaved(Held),
    /// A picture that holds a project was dropped.
    PodiumPicture {
        /// The picture.
        path: PathBuf,
        /// The project in it.
        project: Box<Project>,
        /// Where its paths start.
        folder: PathBuf,
        /// Width and height.
        size: (u32, u32),
        /// Where it was dropped.
        at: Option<(f32, f32)>,
    },
    /// There is work of a session that ended without saving.
    Recover(Vec<Recovered>),
}
