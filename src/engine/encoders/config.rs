//! Which kind of encoder a folder holds, how large, and how it wants its pictures: `config.json` and
//! `preprocessor_config.json`.

use std::path::Path;

use burn::tensor::Device;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pixels::Preparation;
use crate::engine::error::{EngineError, Result};
use crate::engine::nets::clip::ClipConfig;
use crate::engine::nets::vision::clip::{ClipText, ClipVision, ClipVisionConfig};
use crate::engine::nets::vision::dino::{Dino, DinoConfig};
use crate::engine::weights::Weights;

/// A kind of encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// CLIP, whose vectors of pictures and of texts lie side by side.
    Clip,
    /// DINOv2, with or without registers.
    Dino,
    /// ImageReward, which gives no vector but a score of a picture and a text.
    Reward,
}

impl Kind {
    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Clip => "CLIP",
            Self::Dino => "DINOv2",
            Self::Reward => "ImageReward",
        }
    }

    /// The option of `podium evaluate` by which one is named.
    pub fn option(self) -> &'static str {
        match self {
            Self::Clip => "--clip",
            Self::Dino => "--dino",
            Self::Reward => "--reward",
        }
    }
}

/// CLIP's text encoder as its configuration has it.
#[derive(Clone, Debug)]
pub struct TextSettings {
    /// Its sizes.
    pub config: ClipConfig,
    /// The number of the token that ends a text, whose vector is the text's.
    pub end: u32,
}

/// The networks of an encoder as configurations have them.
#[derive(Clone, Debug)]
pub enum Nets {
    /// CLIP's.
    Clip {
        /// The image encoder.
        vision: ClipVisionConfig,
        /// The text encoder, where the folder holds both.
        text: Option<TextSettings>,
        /// Numbers of a vector.
        projected: usize,
    },
    /// DINOv2.
    Dino(DinoConfig),
}

/// What a folder says of its encoder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration's file, for messages.
    pub file: String,
    /// The networks.
    pub nets: Nets,
    /// How pictures are prepared.
    pub preparation: Preparation,
    /// Whether the folder itself says how.
    pub prepared_by_file: bool,
}

/// The networks that were read.
#[derive(Clone, Debug)]
pub enum Towers {
    /// CLIP's.
    Clip(Box<ClipVision>, Option<Box<ClipText>>),
    /// DINOv2.
    Dino(Box<Dino>),
}

/// The most bytes of a configuration; a real one has a few thousand.
const MOST: u64 = 1 << 20;

/// What the folder's configuration says that it is for (`clip`, `dinov2`, ...); none where it says nothing.
pub fn model_type(folder: &Path) -> Option<String> {
    let config = json(&folder.join("config.json")).ok()??;
    Some(config["model_type"].as_str()?.to_owned())
}

/// Reads a folder's configuration.
///
/// # Errors
/// When it is missing or broken, says something that cannot be, or is for another kind of model: by name.
pub fn read(folder: &Path) -> Result<Settings> {
    let path = folder.join("config.json");
    let file = path.display().to_string();
    let malformed = |what: String| EngineError::Malformed { file: file.clone(), what };
    let Some(config) = json(&path)? else {
        let open_clip = folder.join("open_clip_config.json").is_file();
        let what = match open_clip {
            true => "is in open_clip's own layout; get the same encoder as transformers has it, with config.json",
            false => {
                "holds no image encoder: it has no config.json; choose a folder as Hugging Face has CLIP and DINOv2"
            }
        };
        return Err(EngineError::Malformed { file: folder.display().to_string(), what: what.into() });
    };
    let Some(kind) = config["model_type"].as_str() else {
        return Err(malformed(
            "does not say which model it is for (model_type); fetch the encoder's files again".into(),
        ));
    };
    let architectures: Vec<&str> =
        config["architectures"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let Some(other) = architectures.iter().find(|name| name.contains("Classification") || name.contains("Backbone"))
    {
        return Err(malformed(format!(
            "is a {other}, which was made for another purpose; get the plain encoder that it was made from"
        )));
    }
    let nets = match kind {
        "clip" | "clip_vision_model" => clip(&config, kind == "clip", &file)?,
        "dinov2" | "dinov2_with_registers" => dino(&config, kind == "dinov2_with_registers", &file)?,
        other => {
            return Err(malformed(format!(
                "is for a `{other}` model; pictures are measured with CLIP and DINOv2 (`clip`, `clip_vision_model`, `dinov2`, \
                 `dinov2_with_registers`)"
            )));
        }
    };
    let path = folder.join("preprocessor_config.json");
    let own = json(&path)?;
    let (prepared_by_file, file_of) = match &own {
        Some(_) => (true, path.display().to_string()),
        None => (false, file.clone()),
    };
    let mut settings = usual(nets.kind(), "preprocessor");
    if let Nets::Clip { vision, .. } = &nets {
        // What is left out is the size that the encoder reads.
        settings.insert("size".into(), vision.image_size.into());
        settings.insert("crop_size".into(), vision.image_size.into());
    }
    overlay(&mut settings, own.as_ref());
    let preparation = Preparation::read(&Value::Object(settings), &file_of)?;
    let [height, width] = preparation.size;
    match &nets {
        Nets::Clip { vision, .. } if [height, width] != [vision.image_size; 2] => {
            let side = vision.image_size;
            let what = format!("makes pictures of {width} x {height} pixels, and the encoder reads {side} x {side}");
            return Err(EngineError::Malformed { file: file_of, what });
        }
        Nets::Dino(config) if height.min(width) < config.patch_size => {
            let what =
                format!("makes pictures of {width} x {height} pixels, less than a patch ({})", config.patch_size);
            return Err(EngineError::Malformed { file: file_of, what });
        }
        _ => {}
    }
    Ok(Settings { file, nets, preparation, prepared_by_file })
}

fn clip(config: &Value, both: bool, file: &str) -> Result<Nets> {
    let part = |name: &str| -> Map<String, Value> {
        let mut settings = usual(Kind::Clip, name);
        if !both {
            // The whole file is the image encoder's.
            overlay(&mut settings, Some(config));
            return settings;
        }
        // The first files have the part twice, and the second is what was meant.
        let twice = &config[format!("{name}_dict")];
        overlay(&mut settings, Some(if twice.is_object() { twice } else { &config[name] }));
        settings
    };
    let usual_width = || usual_value(Kind::Clip, "projection_dim").as_u64();
    let projected = match &config["projection_dim"] {
        Value::Null => usual_width(),
        said => said.as_u64(),
    };
    let projected = projected.filter(|width| (1..=1 << 16).contains(width)).ok_or_else(|| EngineError::Malformed {
        file: file.into(),
        what: format!("projection_dim {}, where 1 to {} can be", config["projection_dim"], 1 << 16),
    })?;
    let vision: ClipVisionConfig = typed(part("vision_config"), file)?;
    vision.check(file)?;
    let text = if both {
        let settings = part("text_config");
        let end = settings.get("eos_token_id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let config: ClipConfig = typed(settings, file)?;
        // In the words of an encoder, not of a model that renders.
        config.check(file).map_err(|error| match error {
            EngineError::Unsupported { file, what } => {
                EngineError::Malformed { file, what: format!("text_config: {what}") }
            }
            other => other,
        })?;
        let what = "text_config: eos_token_id is no number of a token".to_owned();
        let end = end.ok_or_else(|| EngineError::Malformed { file: file.into(), what })?;
        Some(TextSettings { config, end })
    } else {
        None
    };
    Ok(Nets::Clip { vision, text, projected: projected as usize })
}

fn dino(config: &Value, registers: bool, file: &str) -> Result<Nets> {
    let mut settings = usual(Kind::Dino, "config");
    if registers {
        settings.insert("num_register_tokens".into(), usual_value(Kind::Dino, "registers"));
    }
    overlay(&mut settings, Some(config));
    let config: DinoConfig = typed(settings, file)?;
    config.check(file)?;
    Ok(Nets::Dino(config))
}

impl Nets {
    /// Which kind they are of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Clip { .. } => Kind::Clip,
            Self::Dino(_) => Kind::Dino,
        }
    }

    /// The side of a patch, pixels.
    pub fn patch(&self) -> usize {
        match self {
            Self::Clip { vision, .. } => vision.patch_size,
            Self::Dino(config) => config.patch_size,
        }
    }

    /// The image encoder in words: `ViT, 12 layers, 768 wide, patches of 32 pixels`.
    pub fn words(&self) -> String {
        let (layers, width, patch, registers) = match self {
            Self::Clip { vision, .. } => (vision.num_hidden_layers, vision.hidden_size, vision.patch_size, 0),
            Self::Dino(config) => {
                (config.num_hidden_layers, config.hidden_size, config.patch_size, config.num_register_tokens)
            }
        };
        let registers = if registers > 0 { format!(", {registers} registers") } else { String::new() };
        format!("{layers} layers, {width} wide, patches of {patch} pixels{registers}")
    }
}

impl Settings {
    /// Builds the networks.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn build(&self, weights: &Weights<'_>, device: &Device) -> Result<Towers> {
        match &self.nets {
            Nets::Clip { vision, text, projected } => {
                let load = |text: &TextSettings| ClipText::load(weights, &text.config, *projected, device, &self.file);
                let text = text.as_ref().map(load).transpose()?.map(Box::new);
                Ok(Towers::Clip(Box::new(ClipVision::load(weights, vision, *projected, &self.file)?), text))
            }
            Nets::Dino(config) => {
                let dino = Dino::load(weights, config, self.preparation.size, device, &self.file)?;
                Ok(Towers::Dino(Box::new(dino)))
            }
        }
    }
}

/// What files of a kind mean where they say nothing: a part of the built-in list.
pub(super) fn usual(kind: Kind, part: &str) -> Map<String, Value> {
    match usual_value(kind, part) {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

fn usual_value(kind: Kind, key: &str) -> Value {
    let path = match kind {
        Kind::Clip => "encoders/clip.json",
        Kind::Dino => "encoders/dinov2.json",
        Kind::Reward => "encoders/image_reward.json",
    };
    let all: Option<Value> = crate::assets::find(path).and_then(|bytes| serde_json::from_slice(bytes).ok());
    all.map_or(Value::Null, |all| all[key].clone())
}

/// Takes over what somebody says; what is null is not said.
pub(super) fn overlay(settings: &mut Map<String, Value>, over: Option<&Value>) {
    for (key, value) in over.and_then(Value::as_object).into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        settings.insert(key.clone(), value.clone());
    }
}

pub(super) fn typed<T: DeserializeOwned>(settings: Map<String, Value>, file: &str) -> Result<T> {
    serde_json::from_value(Value::Object(settings)).map_err(|error| EngineError::Malformed {
        file: file.into(),
        what: format!("cannot be understood: {error}; fetch the encoder's files again"),
    })
}

/// A JSON file; none where there is no such file.
pub(super) fn json(path: &Path) -> Result<Option<Value>> {
    let read = |source| EngineError::Read { path: path.to_owned(), source };
    if !path.is_file() {
        return Ok(None);
    }
    let malformed = |what: String| EngineError::Malformed { file: path.display().to_string(), what };
    let length = std::fs::metadata(path).map_err(read)?.len();
    if length > MOST {
        return Err(malformed(format!("has {length} bytes, and such files have a few thousand; fetch it again")));
    }
    let value: Value = serde_json::from_slice(&std::fs::read(path).map_err(read)?)
        .map_err(|error| malformed(format!("cannot be understood: {error}; fetch it again")))?;
    match value.is_object() {
        true => Ok(Some(value)),
        false => Err(malformed("holds no settings; fetch it again".into())),
    }
}
