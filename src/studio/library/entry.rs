//! What was found: a file or a model's folder, as a list shows it.

use std::fmt;
use std::path::PathBuf;

use crate::engine::adapters::Base;

/// What a file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A whole model.
    Model,
    /// What changes a model for a subject or style: LoRA and its relatives, and ED-LoRA.
    Lora,
    /// A word that was learned: textual inversion.
    Embedding,
    /// The part of a model that makes pictures of latents.
    Vae,
    /// Something with weights whose kind does not show.
    #[default]
    Unknown,
}

impl Kind {
    /// All of them, as lists show them.
    pub const ALL: [Self; 5] = [Self::Model, Self::Lora, Self::Embedding, Self::Vae, Self::Unknown];

    /// In words, one of them.
    pub fn words(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Lora => "LoRA",
            Self::Embedding => "embedding",
            Self::Vae => "VAE",
            Self::Unknown => "unknown",
        }
    }

    /// In words, several of them.
    pub fn many(self) -> &'static str {
        match self {
            Self::Model => "Models",
            Self::Lora => "LoRAs",
            Self::Embedding => "Embeddings",
            Self::Vae => "VAEs",
            Self::Unknown => "Others",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.words().eq_ignore_ascii_case(text.trim_end_matches('s')));
        found.ok_or_else(|| format!("\"{text}\" is no kind of file; write model, lora, embedding, vae or unknown"))
    }
}

/// Whose folder something lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// AUTOMATIC1111's stable-diffusion-webui, and forks of it.
    A1111,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
    /// Krita's AI Diffusion.
    Krita,
    /// The cache of the Hugging Face hub.
    Hub,
    /// What Podium got.
    Podium,
    /// A folder that somebody added.
    Folder,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A1111 => "A1111",
            Self::ComfyUi => "ComfyUI",
            Self::InvokeAi => "InvokeAI",
            Self::Krita => "Krita",
            Self::Hub => "the hub's cache",
            Self::Podium => "Podium",
            Self::Folder => "your folder",
        })
    }
}

/// A file or folder that was found. All of it is from names, sizes and the beginnings of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file, or a model's folder.
    pub path: PathBuf,
    /// What it is for.
    pub kind: Kind,
    /// What people call it: a file's name without its ending, or `org/name` of the hub.
    pub name: String,
    /// Whose folder it lies in.
    pub program: Program,
    /// Bytes, of a folder's weights together.
    pub bytes: u64,
    /// When it was changed last, seconds since 1970.
    pub changed: u64,
    /// A picture that shows what it does: beside it, or the file itself where it has one in it.
    pub preview: Option<PathBuf>,
    /// The kind of model that it is or is for, where that shows.
    pub base: Option<Base>,
    /// Words that call it.
    pub triggers: Vec<String>,
    /// In words, why Podium cannot use it, where that shows.
    pub unfit: Option<String>,
}

impl Entry {
    /// What it is, in a few words.
    pub fn what(&self) -> String {
        let base = self.base.map_or_else(String::new, |base| format!(" for {base}"));
        format!("{}{base}", self.kind.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_people_write_them() {
        for (text, kind) in [("lora", Kind::Lora), ("LoRAs", Kind::Lora), ("vae", Kind::Vae), ("models", Kind::Model)] {
            assert_eq!(text.parse(), Ok(kind));
        }
        assert!("loar".parse::<Kind>().unwrap_err().contains("embedding"));
    }
}
