//! What InvokeAI writes: one JSON object.

use serde_json::Value;

use super::{Parameters, Program, TheirLora, stem};

/// Fields that are read; `app_version` says nothing of the picture.
const KNOWN: [&str; 13] = [
    "positive_prompt",
    "negative_prompt",
    "seed",
    "steps",
    "cfg_scale",
    "width",
    "height",
    "clip_skip",
    "model",
    "scheduler",
    "loras",
    "app_version",
    "rand_device",
];

/// Reads the object.
pub(super) fn read(json: &str) -> Parameters {
    let mut found = Parameters::new(Program::InvokeAi);
    let fields = match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => {
            found.troubles.push("What InvokeAI wrote into it is no object of JSON.".into());
            return found;
        }
        Err(error) => {
            found.troubles.push(format!("What InvokeAI wrote into it is broken ({error})."));
            return found;
        }
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let whole = |key: &str| fields.get(key).and_then(Value::as_u64);
    let small = |key: &str| whole(key).and_then(|number| u32::try_from(number).ok());
    found.prompt = text("positive_prompt").filter(|prompt| !prompt.trim().is_empty());
    found.negative_prompt = text("negative_prompt");
    found.seed = whole("seed");
    found.steps = small("steps");
    found.guidance_scale = fields.get("cfg_scale").and_then(Value::as_f64).map(|scale| scale as f32);
    found.size = small("width").zip(small("height"));
    // It counts how many layers are left out.
    found.clip_skip = small("clip_skip").and_then(|skip| skip.checked_add(1));
    found.sampler = text("scheduler");
    let model = fields.get("model");
    found.model = model.and_then(name_of);
    found.model_hash = model.and_then(|model| model.get("hash")?.as_str().map(str::to_owned));
    for lora in fields.get("loras").and_then(Value::as_array).into_iter().flatten() {
        let file = lora.get("model").or_else(|| lora.get("lora"));
        let strength = lora.get("weight").and_then(Value::as_f64).unwrap_or(1.0) as f32;
        if let Some(name) = file.and_then(name_of) {
            let hash = file.and_then(|file| file.get("hash")?.as_str().map(str::to_owned));
            found.loras.push(TheirLora { name, unet: strength, text: strength, hash });
        }
    }
    for (name, value) in fields.iter().filter(|(name, _)| !KNOWN.contains(&name.as_str())) {
        let empty = match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if !empty {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.others.push((name.replace('_', " "), value));
        }
    }
    found
}

/// A model's name: today's field, or that of version 3.
fn name_of(model: &Value) -> Option<String> {
    let name = model.get("name").or_else(|| model.get("model_name")).or(Some(model))?;
    name.as_str().map(stem)
}
