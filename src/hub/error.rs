//! What can go wrong on the way, in words for people.

use std::path::{Path, PathBuf};

/// Why something could not be got.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    /// Somebody cancelled it. What has arrived stays, and the next try goes on from there.
    #[error("cancelled; what has arrived is kept, and the next try goes on from there")]
    Cancelled,
    /// What was typed is no address that Podium knows.
    #[error("{0}")]
    Address(String),
    /// The environment says not to use the network, and it is not in the cache.
    #[error("{0} is not in the cache, and HF_HUB_OFFLINE says not to use the network; unset it, then try again")]
    Offline(String),
    /// There is no such thing.
    #[error("{what}: there is no such {kind}; {advice}")]
    Missing {
        /// What was asked for.
        what: String,
        /// Repository, revision or file.
        kind: &'static str,
        /// What to do.
        advice: String,
    },
    /// A gated or private repository, or an address that wants a login.
    #[error("{what}: {problem}; {advice}")]
    Denied {
        /// What was asked for.
        what: String,
        /// Why it is not given.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// The server is busy or broken at the moment.
    #[error("{host} {problem}; try again later: what has arrived is kept")]
    Busy {
        /// The server.
        host: String,
        /// What it says, as the rest of a sentence.
        problem: String,
        /// How long it asks to wait, seconds.
        wait: Option<u64>,
    },
    /// No connection, or it broke.
    #[error(
        "{host} cannot be reached: {problem}; check the network (and HTTPS_PROXY, where one is needed), then try again: what has arrived is kept"
    )]
    Unreachable {
        /// The server.
        host: String,
        /// What the network says.
        problem: String,
    },
    /// The server's answer makes no sense.
    #[error("{host} answered in a way that makes no sense: {problem}; try again later, or another address")]
    Nonsense {
        /// The server.
        host: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The bytes are others than those that were promised.
    #[error(
        "{file} has arrived damaged: its {kind} is {found}, and should be {expected}; it was thrown away: try again, and if that does not help, tell whoever offers it"
    )]
    Damaged {
        /// The file.
        file: String,
        /// SHA-256 or size.
        kind: &'static str,
        /// What came.
        found: String,
        /// What should have come.
        expected: String,
    },
    /// There is not enough room on the disk.
    #[error("{} has room for {free} only, and {needed} are needed; make room there, or name another folder by HF_HOME", path.display())]
    Room {
        /// Where it should go.
        path: PathBuf,
        /// In words.
        needed: String,
        /// In words.
        free: String,
    },
    /// The disk refuses.
    #[error("cannot write {}: {problem}; make room on that disk, or see that you may write to the folder, then try again: what has arrived is kept", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The repository holds nothing that Podium can use.
    #[error("{what}: {problem}")]
    Unusable {
        /// The repository.
        what: String,
        /// Why, and what to do.
        problem: String,
    },
}

impl HubError {
    /// The disk refuses a file.
    pub(super) fn disk(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Disk { path: path.to_owned(), problem: problem.to_string() }
    }

    /// The server's answer makes no sense.
    pub(super) fn nonsense(host: &str, problem: impl Into<String>) -> Self {
        Self::Nonsense { host: host.into(), problem: problem.into() }
    }

    /// Whether the same may go well a little later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable { .. })
    }
}
