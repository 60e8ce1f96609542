//! What a file is, by its name, the folder it lies in and its beginning. Weights are never read.

use std::fs;
use std::path::{Path, PathBuf};

use super::entry::Kind;

/// The most files of a model's folder that are weighed.
const MOST_WEIGHED: usize = 300;

/// What shows at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What it is for.
    pub kind: Kind,
    /// The kind of model that it is for, in words.
    pub base: Option<String>,
    /// Words that call it.
    pub triggers: Vec<String>,
    /// In words, why it cannot be used.
    pub unfit: Option<String>,
}

/// Looks at a file or folder; `hint` is what its folder is for.
pub fn look(path: &Path, hint: Kind) -> Seen {
    let _ = path;
    Seen { kind: hint, ..Seen::default() }
}

/// Whether a folder is a model in diffusers' layout.
pub fn is_model_folder(folder: &Path) -> bool {
    folder.join("model_index.json").is_file() || folder.join("unet/config.json").is_file()
}

/// Whether a file's name is one of weights as a whole: no shard, no trainer's state.
pub fn may_be_weights(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let ends = [".safetensors", ".ckpt", ".pt", ".pth", ".bin"].iter().any(|end| lower.ends_with(end));
    let state = ["optimizer.", "scheduler.", "training_args.", "random_states", "rng_state", "scaler."];
    ends && !lower.contains("-of-0") && !state.iter().any(|begin| lower.starts_with(begin))
}

/// Bytes of the weights of a model's folder.
pub fn weight(folder: &Path) -> u64 {
    let below = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_WEIGHED);
    let parts = ["", "unet", "vae", "text_encoder"].map(|part| folder.join(part));
    let files = parts.iter().flat_map(|part| below(part)).map(|entry| entry.path());
    let weights = files.filter(|path| path.file_name().is_some_and(|name| may_be_weights(&name.to_string_lossy())));
    // Links are followed: the hub's cache is made of them.
    weights.filter_map(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file).map(|about| about.len()).sum()
}

/// The picture beside a file that shows what it does, as A1111 and model sites put it there.
pub fn preview(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let endings = ["preview.png", "preview.jpg", "preview.jpeg", "preview.webp", "png", "jpg", "jpeg", "webp"];
    endings.iter().map(|ending| path.with_file_name(format!("{stem}.{ending}"))).find(|picture| picture.is_file())
}
