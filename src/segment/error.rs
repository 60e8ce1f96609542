//! What can go wrong, in words for people.

use std::path::{Path, PathBuf};

/// Why nothing is segmented.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The system does not give the file.
    #[error("cannot read {}: {problem}; see that it is there and that you may read it", path.display())]
    Unread {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The file is not what is wanted.
    #[error("{} {problem}; {advice}", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What it is.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// The runtime gave up.
    #[error("{} cannot be computed: {problem}; get its files anew, both by the same exporter where there are two", path.display())]
    Failed {
        /// Whose network.
        path: PathBuf,
        /// What the runtime says.
        problem: String,
    },
    /// Somebody's file of weights cannot be opened or read, in the words of who reads it.
    #[error("{0}")]
    Weights(String),
    /// What was clicked cannot be told to this network.
    #[error("{0}")]
    Prompt(String),
    /// Whoever watches wanted it to end.
    #[error("it was stopped")]
    Stopped,
}

/// What to get, in a line.
pub const WANTED: &str = "choose the encoder and the decoder of MobileSAM, SAM, SAM 2 or EfficientSAM as ONNX files, or SAM's \
                          or MobileSAM's own weights (safetensors, pth, pt)";

impl Error {
    pub(super) fn refused(path: &Path, problem: impl Into<String>) -> Self {
        Self::advised(path, problem, WANTED)
    }

    pub(super) fn advised(path: &Path, problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), problem: problem.into(), advice: advice.into() }
    }

    pub(super) fn failed(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Failed { path: path.to_owned(), problem: problem.to_string() }
    }

    pub(super) fn unread(path: &Path, problem: &std::io::Error) -> Self {
        Self::Unread { path: path.to_owned(), problem: problem.to_string() }
    }
}
