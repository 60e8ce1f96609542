//! How far it is, in the same words for window and command line.

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It has not begun.
    #[default]
    Waiting,
    /// Finding out what there is.
    Looking,
    /// Bytes arrive.
    Getting,
    /// What has arrived is compared with its checksum.
    Checking,
    /// The server asked for patience, or did not answer: the next try comes.
    Resting,
    /// Another program gets the same file.
    Locked,
}

impl Stage {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Looking => "Asking what there is",
            Self::Getting => "Getting",
            Self::Checking => "Checking",
            Self::Resting => "Waiting before another try",
            Self::Locked => "Another program gets the same file",
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// The file in hand.
    pub file: String,
    /// Bytes that are there, of all files.
    pub done: u64,
    /// Bytes of all files, once it is known.
    pub total: Option<u64>,
}

impl Progress {
    /// The part that is there, 0..1; None while the whole is not known.
    pub fn part(&self) -> Option<f32> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((self.done as f64 / total as f64).clamp(0.0, 1.0) as f32)
    }
}
