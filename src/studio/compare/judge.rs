//! ImageReward as it is named, read when the first picture is scored.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use image::RgbImage;

use crate::evaluate::compare::{Reward, rewarded};
use crate::link::DeviceChoice;
use crate::project::Project;

/// ImageReward, or where it is.
pub(super) struct Judge {
    path: PathBuf,
    reward: OnceLock<Result<Reward, String>>,
}

impl Judge {
    /// Of a file, or the folder that it is in. Nothing is read yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, reward: OnceLock::new() }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The score of a project's picture. Takes seconds, and longer the first time: on the processor, so that renders keep the
    /// whole of a GPU's memory.
    ///
    /// # Errors
    /// In words, where the file cannot be read, or gives no number.
    pub(super) fn score(&self, picture: &RgbImage, project: &Project) -> Result<f64, String> {
        let open = || Reward::open(&self.path, DeviceChoice::Flex).map_err(|error| error.to_string());
        match self.reward.get_or_init(open) {
            Ok(reward) => rewarded(reward, picture, project),
            Err(words) => Err(words.clone()),
        }
    }
}
