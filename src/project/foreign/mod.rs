//! What other programs wrote into their pictures: prompt, seed, steps and what else made them.
//!
//! A PNG carries texts beside its pixels, a JPEG or WebP a comment in its EXIF data. AUTOMATIC1111's WebUI and its kin
//! write a few lines of text, ComfyUI and InvokeAI write JSON. Nothing of it is trusted: a text has at most [`MAX_TEXT`]
//! bytes once unpacked, a picture at most [`MAX_TEXTS`] of them, and what is broken is said in words.
//!
//! - Where in a picture is text? `texts.rs`, `exif.rs`.
//! - What does it say? `webui.rs`, `comfy.rs`, `invoke.rs`.
//! - What of it can a project take over? `take_over.rs`.

use std::fmt;

pub use self::take_over::TakenOver;

mod comfy;
mod exif;
mod invoke;
mod take_over;
mod texts;
mod webui;

/// The most bytes of a text once unpacked: ComfyUI's graphs have some hundred thousand.
pub const MAX_TEXT: usize = 8 << 20;
/// How many texts of a picture are looked at.
pub const MAX_TEXTS: usize = 32;

/// Which program wrote a picture's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// AUTOMATIC1111's WebUI, or one that writes as it does.
    WebUi,
    /// ComfyUI.
    ComfyUi,
    /// InvokeAI.
    InvokeAi,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebUi => "AUTOMATIC1111's WebUI or one like it",
            Self::ComfyUi => "ComfyUI",
            Self::InvokeAi => "InvokeAI",
        })
    }
}

/// A LoRA that a picture was made with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TheirLora {
    /// The file's name without its ending, or the name that its trainer gave it.
    pub name: String,
    /// Strength on the UNet.
    pub unet: f32,
    /// Strength on the text encoder.
    pub text: f32,
    /// The program's own hash of it.
    pub hash: Option<String>,
}

/// What a picture was made from, as far as its text says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// Who wrote it.
    pub program: Program,
    /// What the picture shows.
    pub prompt: Option<String>,
    /// What it shall not show.
    pub negative_prompt: Option<String>,
    /// The seed of its noise.
    pub seed: Option<u64>,
    /// Sampling steps.
    pub steps: Option<u32>,
    /// Weight of classifier-free guidance.
    pub guidance_scale: Option<f32>,
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Which of the text encoder's layers is read, counted from the last, which is 1.
    pub clip_skip: Option<u32>,
    /// The model's name.
    pub model: Option<String>,
    /// The program's own hash of the model.
    pub model_hash: Option<String>,
    /// The sampler, with its schedule.
    pub sampler: Option<String>,
    /// The LoRAs.
    pub loras: Vec<TheirLora>,
    /// Everything else that it says, by name.
    pub others: Vec<(String, String)>,
    /// What of the text could not be understood, as sentences.
    pub troubles: Vec<String>,
}

impl Parameters {
    /// Nothing is known yet.
    fn new(program: Program) -> Self {
        Self {
            program,
            prompt: None,
            negative_prompt: None,
            seed: None,
            steps: None,
            guidance_scale: None,
            size: None,
            clip_skip: None,
            model: None,
            model_hash: None,
            sampler: None,
            loras: Vec::new(),
            others: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// Whether it says nothing that anybody could use.
    fn is_empty(&self) -> bool {
        *self == Self { program: self.program, ..Self::new(self.program) }
    }

    /// All that it says, a line each, shortened where it is long.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = vec![format!("Made by {}", self.program)];
        let mut line = |name: &str, value: Option<String>| {
            lines
                .extend(value.filter(|value| !value.is_empty()).map(|value| format!("{name}: {}", short(&value, 300))));
        };
        line("Prompt", self.prompt.clone());
        line("Negative prompt", self.negative_prompt.clone());
        line("Seed", self.seed.map(|seed| seed.to_string()));
        line("Steps", self.steps.map(|steps| steps.to_string()));
        line("Guidance scale", self.guidance_scale.map(|scale| scale.to_string()));
        line("Size", self.size.map(|(width, height)| format!("{width} x {height}")));
        line("Clip skip", self.clip_skip.map(|skip| skip.to_string()));
        let hash = self.model_hash.as_ref().map(|hash| format!(" (hash {hash})")).unwrap_or_default();
        line("Model", self.model.as_ref().map(|model| format!("{model}{hash}")));
        line("Sampler", self.sampler.clone());
        for lora in &self.loras {
            line("LoRA", Some(lora.to_string()));
        }
        for (name, value) in &self.others {
            line(name, Some(value.clone()));
        }
        lines.extend(self.troubles.iter().cloned());
        lines
    }
}

impl fmt::Display for TheirLora {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.unet)?;
        if self.text != self.unet {
            write!(f, " ({} on the text encoder)", self.text)?;
        }
        self.hash.iter().try_for_each(|hash| write!(f, ", hash {hash}"))
    }
}

/// What another program wrote into a picture; None where it wrote nothing, or nothing that is known.
///
/// `bytes` are the file's: PNG, JPEG or WebP. The pixels are not looked at.
pub fn read(bytes: &[u8]) -> Option<Parameters> {
    let texts = texts::texts(bytes);
    let text = |keyword: &str| texts.iter().find(|(key, _)| key == keyword).map(|(_, text)| text.as_str());
    let found = if let Some(json) = text("invokeai_metadata") {
        invoke::read(json)
    } else if let Some(lines) = text("parameters") {
        webui::read(lines)
    } else if let Some(json) = text("prompt").filter(|text| text.trim_start().starts_with(['{', '['])) {
        comfy::read(json)
    } else {
        texts.iter().find_map(|(_, text)| comment(text))?
    };
    Some(found).filter(|found| !found.is_empty())
}

/// A comment, which says itself who wrote it.
fn comment(text: &str) -> Option<Parameters> {
    let text = text.trim();
    let json = text.strip_prefix("prompt:").or_else(|| text.strip_prefix("Prompt:")).unwrap_or(text).trim_start();
    if json.starts_with('{') && json.contains("class_type") {
        return Some(comfy::read(json));
    }
    if text.starts_with('{') && text.contains("positive_prompt") {
        return Some(invoke::read(text));
    }
    webui::is_written_so(text).then(|| webui::read(text))
}

/// The start of a text on one line.
fn short(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start: String = line.chars().take(most).collect();
    if start.len() < line.len() { format!("{start}…") } else { line }
}

/// A file's name without its folders and ending, whichever system's separators it has.
fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let known = [".safetensors", ".ckpt", ".pt", ".pth", ".bin"];
    let ending = known.iter().find(|ending| name.to_lowercase().ends_with(*ending));
    ending.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(name).to_owned()
}

#[cfg(test)]
#[path = "../foreign_tests.rs"]
mod tests;
