//! The lines that AUTOMATIC1111's WebUI writes: the prompt, `Negative prompt: …`, and one line of `Name: value, …`.
//!
//! After `parse_generation_parameters` of `infotext_utils.py` (version 1.10.1): the last line counts as values only if it
//! has three of them, and a value is what stands before a comma, or a JSON string.

use regex::Regex;

use super::{Parameters, Program, TheirLora, stem};
use crate::project::syntax::{self, TagKind};

/// A name and its value.
const PAIR: &str = r#"\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)"#;
const NEGATIVE: &str = "Negative prompt:";

/// Names and values of a line; none where it has fewer than three.
fn pairs(line: &str) -> Vec<(String, String)> {
    // The pattern is constant, and tests use it.
    let Ok(pair) = Regex::new(PAIR) else { return Vec::new() };
    let pairs: Vec<(String, String)> =
        pair.captures_iter(line).map(|found| (found[1].to_owned(), unquoted(found[2].trim()))).collect();
    if pairs.len() < 3 { Vec::new() } else { pairs }
}

/// A value in quotes is a JSON string.
fn unquoted(value: &str) -> String {
    let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let text = quoted.then(|| serde_json::from_str::<String>(value).ok()).flatten();
    text.unwrap_or_else(|| value.to_owned())
}

fn last_line(text: &str) -> &str {
    text.trim().rsplit('\n').next().unwrap_or_default()
}

/// Whether a comment that says not who wrote it is written so.
pub(super) fn is_written_so(text: &str) -> bool {
    let pairs = pairs(last_line(text));
    pairs.iter().any(|(name, _)| name == "Steps") && pairs.iter().any(|(name, _)| name == "Seed" || name == "Sampler")
}

/// Reads the lines.
pub(super) fn read(text: &str) -> Parameters {
    let text = text.trim();
    let mut found = Parameters::new(Program::WebUi);
    if text.starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        found
            .troubles
            .push("Its parameters are written in a form of another program that Podium does not know.".into());
        return found;
    }
    let last = last_line(text);
    let pairs = pairs(last);
    let words = if pairs.is_empty() { text } else { text.get(..text.len() - last.len()).unwrap_or_default() };
    let (mut prompt, mut negative): (Vec<&str>, Option<Vec<&str>>) = (Vec::new(), None);
    for line in words.trim().lines().map(str::trim) {
        match (line.strip_prefix(NEGATIVE), &mut negative) {
            (Some(rest), None) => negative = Some(vec![rest.trim()]),
            (Some(rest), Some(lines)) => lines.push(rest.trim()),
            (None, Some(lines)) => lines.push(line),
            (None, None) => prompt.push(line),
        }
    }
    found.prompt = Some(prompt.join("\n").trim().to_owned()).filter(|prompt| !prompt.is_empty());
    found.negative_prompt = negative.map(|lines| lines.join("\n").trim().to_owned());
    let mut hashes = String::new();
    for (name, value) in pairs {
        take(&mut found, &name, value, &mut hashes);
    }
    found.loras = loras(found.prompt.as_deref().unwrap_or_default(), &hashes);
    found
}

fn take(found: &mut Parameters, name: &str, value: String, hashes: &mut String) {
    let understood = match name {
        "Steps" => set(&mut found.steps, value.parse().ok()),
        "CFG scale" => set(&mut found.guidance_scale, value.parse().ok().filter(|scale: &f32| scale.is_finite())),
        "Seed" => set(&mut found.seed, value.parse().ok()),
        "Size" => set(&mut found.size, size(&value)),
        "Clip skip" => set(&mut found.clip_skip, value.parse().ok()),
        "Model" => set(&mut found.model, Some(stem(&value))),
        "Model hash" => set(&mut found.model_hash, Some(value.clone())),
        "Sampler" => set(&mut found.sampler, Some(value.clone())),
        "Schedule type" => {
            let sampler = found.sampler.take().unwrap_or_default();
            set(&mut found.sampler, Some(format!("{sampler}, schedule {value}")))
        }
        "Lora hashes" => {
            hashes.clone_from(&value);
            true
        }
        _ => {
            found.others.push((name.to_owned(), value));
            return;
        }
    };
    if !understood {
        found.troubles.push(format!("{name} is \"{}\", which is no value for it.", super::short(&value, 40)));
    }
}

fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let understood = value.is_some();
    *field = value;
    understood
}

fn size(value: &str) -> Option<(u32, u32)> {
    let (width, height) = value.split_once('x')?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

/// The LoRAs that the prompt names, with their hashes: `name: hash, …`.
fn loras(prompt: &str, hashes: &str) -> Vec<TheirLora> {
    let hash_of = |name: &str| {
        let pair =
            |pair: &str| pair.split_once(':').map(|(name, hash)| (name.trim().to_owned(), hash.trim().to_owned()));
        hashes.split(',').filter_map(pair).find(|(known, _)| known == name).map(|(_, hash)| hash)
    };
    let tags = syntax::parse(prompt, &[]).tags;
    let tags = tags.into_iter().filter(|tag| tag.kind == TagKind::Lora);
    tags.map(|tag| TheirLora { hash: hash_of(&tag.name), name: tag.name, unet: tag.unet, text: tag.text }).collect()
}
