//! What a file is, by its name, the folder it lies in and its beginning. Weights are never read.

use std::fs;
use std::path::Path;

use super::entry::Kind;
use crate::engine::adapters::glance::Glancer;
use crate::engine::adapters::{self, Base, Beside};
use crate::engine::family::{self, Family};
use crate::engine::tensors::TensorFile;
use crate::engine::weights::ModelFiles;

/// The most files of a model's folder that are weighed.
const MOST_WEIGHED: usize = 300;
/// The most characters of a reason that are kept.
const MOST_CHARACTERS: usize = 300;

/// What shows at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What it is for.
    pub kind: Kind,
    /// The kind of model that it is or is for.
    pub base: Option<Base>,
    /// Words that call it.
    pub triggers: Vec<String>,
    /// In words, why it cannot be used.
    pub unfit: Option<String>,
    /// Whether it has a picture in it.
    pub pictured: bool,
}

/// Looks at many files.
pub struct Looker(Option<Glancer>);

impl Default for Looker {
    fn default() -> Self {
        // Without the names of layers kinds show by folders alone.
        Self(Glancer::new().map_err(|error| log::warn!("{error}")).ok())
    }
}

impl Looker {
    /// Looks at a file or folder; `hint` is what its folder is for.
    pub fn look(&self, path: &Path, hint: Kind) -> Seen {
        if path.is_dir() {
            let refused = family::check_index(&ModelFiles::at(path.to_owned())).err();
            let base = refused.is_none().then_some(Base::Sd1);
            let unfit = refused.map(|error| short(&error.to_string()));
            return Seen { kind: Kind::Model, base, unfit, ..Seen::default() };
        }
        match TensorFile::open(path) {
            Ok(file) => {
                let seen = self.of_file(&file, hint, &adapters::beside(path));
                Seen { pictured: adapters::has_thumbnail(&file), ..seen }
            }
            Err(error) => Seen { kind: hint, unfit: Some(short(&error.to_string())), ..Seen::default() },
        }
    }

    fn of_file(&self, file: &TensorFile, hint: Kind, beside: &Beside) -> Seen {
        let family = family::of_file(file.tensors().map(|(name, shape, _)| (name, shape)));
        let kind = match family {
            Family::Lora | Family::Embedding | Family::Unknown => return self.of_adapter(file, hint, beside),
            Family::Autoencoder => return Seen { kind: Kind::Vae, base: beside.base, ..Seen::default() },
            Family::ControlNet | Family::Motion | Family::TextEncoder | Family::ImageEncoder | Family::UnetAlone => {
                Kind::Unknown
            }
            _ => Kind::Model,
        };
        let base = match family {
            Family::StableDiffusion1 => Some(Base::Sd1),
            Family::StableDiffusion2 => Some(Base::Sd2),
            Family::Xl => Some(Base::Sdxl),
            Family::StableDiffusion3 => Some(Base::Sd3),
            Family::Flux => Some(Base::Flux),
            _ => beside.base,
        };
        Seen { kind, base, unfit: family.refusal().map(|words| format!("it {words}")), ..Seen::default() }
    }

    fn of_adapter(&self, file: &TensorFile, hint: Kind, beside: &Beside) -> Seen {
        let glance = self.0.as_ref().map(|glancer| glancer.look(file, beside));
        match glance {
            Some(Ok(Some(glance))) => Seen {
                kind: match (glance.changes, glance.brings) {
                    (true, _) => Kind::Lora,
                    (false, true) => Kind::Embedding,
                    // Its base shows, by names that only other models have or by what it says of itself.
                    (false, false) => hint,
                },
                base: glance.base.filter(|base| *base != Base::Other),
                triggers: glance.words,
                unfit: glance.unfit,
                pictured: false,
            },
            Some(Err(error)) => Seen { kind: hint, unfit: Some(short(&error.to_string())), ..Seen::default() },
            Some(Ok(None)) | None => Seen { kind: hint, base: beside.base, ..Seen::default() },
        }
    }
}

/// A reason as a list shows it.
fn short(words: &str) -> String {
    if words.chars().count() <= MOST_CHARACTERS {
        return words.to_owned();
    }
    words.chars().take(MOST_CHARACTERS - 3).chain("...".chars()).collect()
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
