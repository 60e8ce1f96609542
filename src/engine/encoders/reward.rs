//! ImageReward that was read: a picture and the words that it was asked for by to a score.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::RgbImage;
use serde_json::Value;

use super::config::{self, Kind};
use super::pixels::{Middle, Preparation};
use crate::bert::{LIST, WordPieces};
use crate::engine::device;
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::layers::upload;
use crate::engine::nets::vision::reward::{RewardConfig, RewardNet, RewardSizes};
use crate::engine::pictures::host;
use crate::engine::weights::{Checkpoint, Holding, compare, load_part};
use crate::link::DeviceChoice;
use crate::project::files::name_of;

pub use crate::engine::nets::vision::reward::is_reward;

/// What the file is called, where a folder is named: as its authors have it, or in another format.
const FILES: [&str; 3] = ["ImageReward.pt", "ImageReward.safetensors", "model.safetensors"];
/// The configuration beside it.
const CONFIG: &str = "med_config.json";

/// What files say of an ImageReward.
pub(super) struct Settings {
    /// The file of weights.
    pub path: PathBuf,
    config: RewardConfig,
    /// The networks' sizes.
    pub sizes: RewardSizes,
    /// How pictures are prepared.
    pub preparation: Preparation,
}

/// ImageReward.
pub struct Reward {
    name: String,
    settings: Settings,
    net: RewardNet,
    pieces: WordPieces,
    device: Device,
    fingerprint: blake3::Hash,
}

/// Whether a folder has ImageReward's file by its own name, or what lies beside it, so that it is that and no other encoder's.
pub fn is_in(folder: &Path) -> bool {
    [FILES[0], FILES[1], CONFIG].iter().any(|name| folder.join(name).is_file())
}

/// The file that is meant by a path: itself, or the one in that folder.
///
/// # Errors
/// When the folder has none.
pub fn file_of(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = FILES.iter().map(|name| path.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        let what = "holds no ImageReward.pt; get it and med_config.json of THUDM/ImageReward, or name the file itself";
        EngineError::Malformed { file: path.display().to_string(), what: what.into() }
    })
}

/// Reads what files say without reading weights.
fn read(path: &Path, checkpoint: &Checkpoint) -> Result<Settings> {
    let file = path.with_file_name(CONFIG);
    let name = file.display().to_string();
    let refuse = |what: String| EngineError::Malformed { file: name.clone(), what };
    let told = config::json(&file)?.ok_or_else(|| {
        refuse(
            "is not there, and says how ImageReward reads words; get it of THUDM/ImageReward, beside the weights"
                .into(),
        )
    })?;
    if let Some(kind) = told["model_type"].as_str().filter(|kind| *kind != "bert") {
        return Err(refuse(format!("is for a `{kind}` model, and ImageReward's is for `bert`; fetch it again")));
    }
    let mut settings = config::usual(Kind::Reward, "config");
    config::overlay(&mut settings, Some(&told));
    let config: RewardConfig = config::typed(settings, &name)?;
    let sizes = RewardSizes::of(checkpoint, &config, &name)?;
    let mut prepared = config::usual(Kind::Reward, "preprocessor");
    for key in ["size", "crop_size"] {
        prepared.insert(key.into(), sizes.side().into());
    }
    let preparation = Preparation::read(&Value::Object(prepared), &path.display().to_string())?;
    Ok(Settings { path: path.to_owned(), config, sizes, preparation })
}

/// BERT's list of words beside a file.
fn words_beside(path: &Path, vocabulary: usize) -> Result<WordPieces> {
    let list = path.with_file_name(LIST);
    let refuse = |what: String| EngineError::Malformed { file: list.display().to_string(), what };
    let pieces = WordPieces::open(&list)
        .map_err(|error| refuse(format!("{error}; put vocab.txt of bert-base-uncased (google-bert) there")))?;
    let most = pieces.largest_id() as usize;
    if most >= vocabulary {
        let what = format!(
            "has words up to number {most}, and {CONFIG} says that there are {vocabulary} (vocab_size); take the list of \
             bert-base-uncased"
        );
        return Err(refuse(what));
    }
    Ok(pieces)
}

/// Reads all files but the weights, and compares what they say with the weights' names and shapes.
///
/// # Errors
/// As [`Reward::open`].
pub(super) fn compared(path: &Path) -> Result<(Settings, WordPieces)> {
    let path = file_of(path)?;
    let checkpoint = Checkpoint::open_file(&path)?;
    let settings = read(&path, &checkpoint)?;
    let device = Device::flex();
    compare(&checkpoint, |weights| RewardNet::load(weights, &settings.sizes, &device))?;
    let pieces = words_beside(&path, settings.sizes.reading.vocabulary)?;
    Ok((settings, pieces))
}

/// Whether a file, or the one in a folder, can be used, by all but its numbers.
///
/// # Errors
/// As [`Reward::open`].
pub fn check(path: &Path) -> Result<()> {
    compared(path).map(drop)
}

impl Reward {
    /// Reads ImageReward from its file, or from the folder that it is in, onto a device. `med_config.json` and BERT's
    /// `vocab.txt` must be beside it.
    ///
    /// # Errors
    /// When a file is missing or broken, says something that cannot be, or is another model's: by name. When a device was asked
    /// for by name that is not there.
    pub fn open(path: &Path, device: DeviceChoice) -> Result<Self> {
        Self::open_on(path, &device::open(device)?.device)
    }

    /// [`Reward::open`] onto a device that is open.
    ///
    /// # Errors
    /// As [`Reward::open`].
    pub fn open_on(path: &Path, device: &Device) -> Result<Self> {
        // Whatever is missing is said before a gigabyte is read.
        let (settings, pieces) = compared(path)?;
        let checkpoint = Checkpoint::open_file(&settings.path)?;
        let net = load_part(&checkpoint, "reward", device, Holding::Wide, &mut |_| Ok(()), |weights| {
            RewardNet::load(weights, &settings.sizes, device)
        })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(checkpoint.digest().as_bytes()).update(format!("{:?}", settings.config).as_bytes());
        hasher.update(format!("{:?}", settings.preparation).as_bytes()).update(pieces.hash().as_bytes());
        let name = name_of(&settings.path);
        Ok(Self { name, settings, net, pieces, device: device.clone(), fingerprint: hasher.finalize() })
    }

    /// What it is, in a line, by which two are told apart: `ImageReward ImageReward.pt (24 layers, ...; 0123456789abcdef)`.
    pub fn words(&self) -> String {
        let (kind, sizes) = (Kind::Reward.words(), self.settings.sizes.words());
        format!("{kind} {} ({sizes}; {})", self.name, &self.fingerprint.to_hex()[..16])
    }

    /// How well a picture of any size goes with words, and pleases: a number without bounds, standardised by its authors' mean
    /// and deviation. Words that are too many are cut, as its own code cuts them.
    ///
    /// # Errors
    /// When the picture has no pixel or is far too narrow, or what comes out is no number.
    pub fn score(&self, picture: &RgbImage, words: &str) -> Result<f64> {
        let Settings { sizes, preparation, config, .. } = &self.settings;
        let side = sizes.seeing.patch;
        // As torchvision cuts the middle out, which its authors' code does it with.
        let values = preparation.patches_of(&preparation.resized_about(picture, Middle::Even)?, side);
        let [rows, columns] = preparation.grid(side);
        let patches = upload(values, [1, rows * columns, 3 * side * side], &self.device);
        let ids = self.tokens(words)?;
        let found = host(self.net.forward(patches, &ids)).first().copied().filter(|score| score.is_finite());
        let Some(score) = found else {
            return Err(EngineError::Job(format!(
                "{} gives no number for a picture and its words; its files may be damaged: fetch them again",
                self.name
            )));
        };
        Ok((f64::from(score) - config.reward_mean) / config.reward_std)
    }

    /// The ids of a text with both its marks, cut to what is read.
    pub(super) fn tokens(&self, words: &str) -> Result<Vec<u32>> {
        let found = self.pieces.encode(words);
        let found = found.map_err(|error| EngineError::Job(format!("the words {words:?} cannot be read: {error}")))?;
        let most = self.settings.config.prompt_tokens.saturating_sub(2);
        let text = found.into_iter().take(most);
        Ok([self.pieces.begins].into_iter().chain(text).chain([self.pieces.ends]).collect())
    }
}
