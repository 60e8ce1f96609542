//! An encoder that was read: pictures and words to vectors.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::config::{self, Kind, Settings, Towers};
use crate::engine::device;
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::layers::upload;
use crate::engine::nets::tokenizer::Tokenizer;
use crate::engine::pictures::host;
use crate::engine::weights::{Checkpoint, Holding, ModelFiles, load_part};
use crate::link::DeviceChoice;
use crate::project::files::name_of;

/// Pictures that run at once.
const AT_ONCE: usize = 8;

/// An image encoder, with its text encoder where it has one.
pub struct ImageEncoder {
    name: String,
    settings: Settings,
    towers: Towers,
    tokenizer: Option<Tokenizer>,
    device: Device,
    fingerprint: blake3::Hash,
}

impl ImageEncoder {
    /// Reads an encoder from a folder as Hugging Face has it, onto a device.
    ///
    /// # Errors
    /// When a file is missing or broken, says something that cannot be, or is of another kind: by name. When a device was
    /// asked for by name that is not there.
    pub fn open(folder: &Path, device: DeviceChoice) -> Result<Self> {
        Self::open_on(folder, &device::open(device)?.device)
    }

    /// [`ImageEncoder::open`] onto a device that is open.
    ///
    /// # Errors
    /// As [`ImageEncoder::open`].
    pub fn open_on(folder: &Path, device: &Device) -> Result<Self> {
        let settings = config::read(folder)?;
        let checkpoint = Checkpoint::open_folder(folder)?;
        let towers = load_part(&checkpoint, "encoder", device, Holding::Wide, &mut |_| Ok(()), |weights| {
            settings.build(weights, device)
        })?;
        let tokenizer = match &settings.nets {
            config::Nets::Clip { text: Some(text), .. } => {
                let tokenizer = Tokenizer::load_in(&words_in(folder)?, "", text.config.max_position_embeddings)?;
                let (most, entries) = (tokenizer.largest_id() as usize, text.config.vocab_size);
                if most >= entries {
                    let what = format!(
                        "vocab_size {entries}, where the vocabulary has words up to number {most}; they do not belong together"
                    );
                    return Err(EngineError::Malformed { file: settings.file.clone(), what });
                }
                Some(tokenizer)
            }
            _ => None,
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(checkpoint.digest().as_bytes()).update(format!("{:?}", settings.nets).as_bytes());
        hasher.update(format!("{:?}", settings.preparation).as_bytes());
        let name = name_of(folder);
        Ok(Self { name, settings, towers, tokenizer, device: device.clone(), fingerprint: hasher.finalize() })
    }

    /// Which kind it is of.
    pub fn kind(&self) -> Kind {
        self.settings.nets.kind()
    }

    /// What it is, in a line, by which two are told apart: `CLIP vit-base-patch32 (12 layers, ...; 0123456789abcdef)`.
    pub fn words(&self) -> String {
        let (kind, nets) = (self.kind().words(), self.settings.nets.words());
        format!("{kind} {} ({nets}; {})", self.name, &self.fingerprint.to_hex()[..16])
    }

    /// How pictures are prepared for it.
    pub fn preparation(&self) -> &super::pixels::Preparation {
        &self.settings.preparation
    }

    /// Whether it reads words too.
    pub fn reads_words(&self) -> bool {
        self.tokenizer.is_some()
    }

    /// The vectors of pictures of any size, in their order.
    ///
    /// # Errors
    /// When a picture has no pixel or is far too narrow, or what comes out is no number.
    pub fn embed(&self, pictures: &[RgbImage]) -> Result<Vec<Vec<f32>>> {
        let (side, preparation) = (self.settings.nets.patch(), &self.settings.preparation);
        let [rows, columns] = preparation.grid(side);
        let mut vectors = Vec::with_capacity(pictures.len());
        for some in pictures.chunks(AT_ONCE) {
            let mut values = Vec::new();
            for picture in some {
                values.extend(preparation.patches(picture, side)?);
            }
            let patches = upload(values, [some.len(), rows * columns, 3 * side * side], &self.device);
            let found = match &self.towers {
                Towers::Clip(vision, _) => vision.forward(patches),
                Towers::Dino(dino) => dino.forward(patches),
            };
            vectors.extend(self.sound(found)?);
        }
        Ok(vectors)
    }

    /// The vector of words; none where this encoder reads none. What is too long for it is cut, as its processor cuts it.
    ///
    /// # Errors
    /// When what comes out is no number.
    pub fn embed_words(&self, words: &str) -> Result<Option<Vec<f32>>> {
        let (Some(tokenizer), Towers::Clip(_, Some(text))) = (&self.tokenizer, &self.towers) else { return Ok(None) };
        let config::Nets::Clip { text: Some(settings), .. } = &self.settings.nets else { return Ok(None) };
        let ids = tokenizer.encode(words).ids();
        let end = end_of(&ids, settings.end);
        Ok(self.sound(text.forward(ids, end))?.pop())
    }

    /// The rows of a tensor on the host.
    fn sound(&self, vectors: Tensor<2>) -> Result<Vec<Vec<f32>>> {
        let [rows, width] = vectors.dims();
        let values = host(vectors);
        if values.len() != rows * width || values.iter().any(|value| !value.is_finite()) {
            return Err(EngineError::Job(format!(
                "{} gives no numbers for a picture or a text; its files may be damaged: fetch them again",
                self.name
            )));
        }
        Ok(values.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect())
    }
}

/// Where a text ends: at the token that the configuration names. The first files name 2 there, which ends nothing; then it is
/// the one with the greatest number, as it is in CLIP's vocabulary.
fn end_of(ids: &[u32], named: u32) -> usize {
    const OF_OLD: u32 = 2;
    let wanted = if named == OF_OLD { ids.iter().copied().max().unwrap_or(0) } else { named };
    ids.iter().position(|id| *id == wanted).unwrap_or(0)
}

/// Where the vocabulary of CLIP's text encoder is: beside its configuration, or in a folder of its own.
fn words_in(folder: &Path) -> Result<ModelFiles> {
    let files = ModelFiles::Folder(folder.to_owned());
    if files.has("vocab.json") || files.has("tokenizer.json") {
        return Ok(files);
    }
    let within = ModelFiles::Folder(folder.join("tokenizer"));
    if within.has("vocab.json") || within.has("tokenizer.json") {
        return Ok(within);
    }
    let what =
        "reads words too, and has no vocabulary: put vocab.json and merges.txt (or tokenizer.json) beside config.json";
    Err(EngineError::Malformed { file: folder.display().to_string(), what: what.into() })
}
