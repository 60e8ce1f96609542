//! What trainers say of alpha apart from the layers: diffusers' metadata, PEFT's `adapter_config.json`.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use std::collections::BTreeMap;

use super::change::Part;
use super::names::Module;
use crate::engine::error::{EngineError, Result};

/// What a product is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The factor.
    pub factor: f32,
    /// The alpha it comes from, where there is one.
    pub alpha: Option<f32>,
}

/// Alphas of layers that have none of their own.
#[derive(Clone, Debug, Default)]
pub struct Scaling {
    unet: Rule,
    text_encoder: Rule,
    factor: bool,
}

/// The alphas of one part of a model.
#[derive(Clone, Debug, Default)]
struct Rule {
    alpha: Option<f32>,
    /// Whether it is divided by the root of the rank.
    rank_stabilised: bool,
    /// Alphas of the layers whose path ends so.
    patterns: Vec<(Pattern, f32)>,
}

#[derive(Clone, Debug)]
enum Pattern {
    Literal(String),
    Expression(Regex),
}

impl Pattern {
    /// The most patterns of one file: far more than a model has layers.
    const MOST: usize = 1024;

    fn new(text: &str) -> Option<Self> {
        if text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return Some(Self::Literal(text.into()));
        }
        // The bound on what one compiles to is in bytes.
        let expression = RegexBuilder::new(&format!(r"^(?:.*\.)?(?:{text})$")).size_limit(1 << 17).build();
        expression.ok().map(Self::Expression)
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Literal(text) => {
                path.strip_suffix(text.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Expression(expression) => expression.is_match(path),
        }
    }
}

impl Scaling {
    /// Mix-of-Show multiplies by alpha itself.
    pub fn as_factor() -> Self {
        Self { factor: true, ..Self::default() }
    }

    /// Whether the layers' own alphas are not divided by the rank.
    pub fn alpha_is_factor(&self) -> bool {
        self.factor
    }

    /// What a safetensors file's metadata says: diffusers writes `lora_adapter_metadata`, others `lora_alpha` itself.
    ///
    /// # Errors
    /// When that cannot be understood.
    pub fn of_metadata(file: &str, metadata: &BTreeMap<String, String>) -> Result<Self> {
        let written = match metadata.get("lora_adapter_metadata") {
            None => Value::Object(metadata.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
            Some(text) => serde_json::from_str(text).map_err(|error| EngineError::Malformed {
                file: file.into(),
                what: format!("has `lora_adapter_metadata` that cannot be understood: {error}"),
            })?,
        };
        let rule = |part: &str| {
            Rule::new(file, |key| {
                let own = written.get(format!("{part}.{key}"));
                own.or_else(|| written.get(key)).or_else(|| written.get(part)?.get(key))
            })
        };
        Ok(Self { unet: rule("unet")?, text_encoder: rule("text_encoder")?, factor: false })
    }

    /// What PEFT's `adapter_config.json` says.
    ///
    /// # Errors
    /// When it cannot be understood, or says that biases were trained too.
    pub fn of_config(file: &str, text: &[u8]) -> Result<Self> {
        let malformed = |what: String| EngineError::Malformed { file: file.into(), what };
        let written: Value =
            serde_json::from_slice(text).map_err(|error| malformed(format!("cannot be understood: {error}")))?;
        let bias = written.get("bias").and_then(Value::as_str).unwrap_or("none");
        if bias != "none" {
            return Err(malformed(format!(
                "says that biases were trained (bias: {bias}), which Podium cannot add; train it without"
            )));
        }
        let rule = Rule::new(file, |key| written.get(key).or_else(|| written.get(key.strip_prefix("lora_")?)))?;
        Ok(Self { unet: rule.clone(), text_encoder: rule, factor: false })
    }

    /// What a product of this rank at this layer is multiplied by: 1 where nothing is said.
    pub fn scale(&self, module: &Module, rank: usize) -> Scale {
        let rule = if module.part == Part::Unet { &self.unet } else { &self.text_encoder };
        let own = rule.patterns.iter().find(|(pattern, _)| pattern.matches(&module.path)).map(|(_, alpha)| *alpha);
        let alpha = own.or(rule.alpha);
        let rank = rank as f32;
        let divisor = if rule.rank_stabilised { rank.sqrt() } else { rank };
        Scale { factor: alpha.map_or(1.0, |alpha| alpha / divisor), alpha }
    }
}

impl Rule {
    fn new<'a>(file: &str, get: impl Fn(&str) -> Option<&'a Value>) -> Result<Self> {
        let malformed = |what: String| EngineError::Malformed { file: file.into(), what };
        let number = |key: &str, value: &Value| {
            let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
            number.ok_or_else(|| malformed(format!("says {key}: {value}; a number is needed")))
        };
        let alpha = match get("lora_alpha") {
            None | Some(Value::Null) => None,
            Some(value) => Some(number("lora_alpha", value)?),
        };
        let mut patterns = Vec::new();
        for (text, value) in get("alpha_pattern").and_then(Value::as_object).into_iter().flatten() {
            let pattern = Pattern::new(text).filter(|_| patterns.len() < Pattern::MOST);
            let pattern =
                pattern.ok_or_else(|| malformed(format!("has an alpha_pattern `{text}` that is too much")))?;
            patterns.push((pattern, number("alpha_pattern", value)?));
        }
        let rank_stabilised = get("use_rslora").and_then(Value::as_bool).unwrap_or(false);
        Ok(Self { alpha, rank_stabilised, patterns })
    }
}

/// A text as the JSON that it is, or else as itself.
fn plain(text: &str) -> Value {
    match text {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        "None" => Value::Null,
        // Whatever is long is a list of tags or a picture.
        _ if text.len() > 100_000 => Value::Null,
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.into())),
    }
}
