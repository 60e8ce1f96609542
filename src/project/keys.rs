//! Settings by dotted key, for `--set mask_refinement.enabled=false` on the command line.
//!
//! Keys are read off the serialized default settings, so a new field has its key without a table to
//! keep up.

use serde_json::Value;
use strsim::levenshtein;

use super::error::ProjectError;
use super::settings::Settings;

/// How many similar keys an error for an unknown one lists.
const NEAR_KEYS: usize = 4;

impl Settings {
    /// Every dotted key that [`Settings::set`] takes, in the order of the fields' names.
    pub fn keys() -> Vec<String> {
        let mut keys = Vec::new();
        collect_keys("", &to_value(&Self::default()), &mut keys);
        keys
    }

    /// A value by its dotted key, as [`Settings::set`] takes it; none where there is no such key.
    pub fn get(&self, key: &str) -> Option<String> {
        match to_value(self).pointer(&format!("/{}", key.replace('.', "/")))? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_f64() => Some((number.as_f64()? as f32).to_string()),
            Value::Object(_) => None,
            other => Some(other.to_string()),
        }
    }

    /// Sets one value by its dotted key, such as `layout_alignment.weight` or `inversion`.
    ///
    /// Nothing changes when the key is unknown, the value is of another kind, or the settings would
    /// leave their ranges.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ProjectError> {
        let (key, value) = (key.trim(), value.trim());
        let pointer = format!("/{}", key.replace('.', "/"));
        let defaults = to_value(&Self::default());
        let kind = match defaults.pointer(&pointer) {
            Some(Value::Object(_)) | None => return Err(unknown_key(key)),
            Some(leaf) => leaf,
        };
        let parsed = parse_like(kind, value).map_err(|advice| not_understood(key, value, advice))?;

        let mut tree = to_value(self);
        match tree.pointer_mut(&pointer) {
            Some(leaf) => *leaf = parsed,
            None => return Err(unknown_key(key)),
        }
        let changed: Self =
            serde_json::from_value(tree).map_err(|error| not_understood(key, value, format!("it says: {error}")))?;
        changed.validate()?;
        *self = changed;
        Ok(())
    }
}

fn to_value(settings: &Settings) -> Value {
    // Plain numbers, flags and names under text keys always have a JSON form; were that to change,
    // every key would be reported as unknown.
    let mut value = serde_json::to_value(settings).unwrap_or(Value::Null);
    // In files it is written only where it differs; its key is there in any case.
    if let (Some(fields), Ok(method)) = (value.as_object_mut(), serde_json::to_value(settings.method)) {
        fields.insert("method".into(), method);
    }
    value
}

fn collect_keys(prefix: &str, value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                collect_keys(&key, field, keys);
            }
        }
        _ => keys.push(prefix.to_owned()),
    }
}

/// The value typed, as the JSON kind that the setting has, or what to write instead.
fn parse_like(kind: &Value, text: &str) -> Result<Value, String> {
    match kind {
        Value::Bool(_) => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("write true or false".to_owned()),
        },
        Value::Number(number) if number.is_u64() => match text.parse::<u32>() {
            Ok(whole) => Ok(Value::from(whole)),
            Err(_) => Err("write a whole number".to_owned()),
        },
        Value::Number(_) => match text.parse::<f32>() {
            // JSON has no other numbers than finite ones.
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err("write a number such as 7.5".to_owned()),
        },
        _ => Ok(Value::from(text)),
    }
}

fn not_understood(key: &str, value: &str, advice: String) -> ProjectError {
    ProjectError::value(format!("settings.{key}"), format!("cannot be {value:?}"), advice)
}

fn unknown_key(key: &str) -> ProjectError {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let mut near: Vec<(usize, String)> = Settings::keys()
        .into_iter()
        .filter_map(|known| {
            let in_group = known.starts_with(&format!("{key}."));
            let whole = levenshtein(key, &known);
            let distance = levenshtein(&last(key), &last(&known)).min(whole);
            // A third of the letters wrong is still a typing error; more is another word. What is nearest as a whole is
            // named first: groups share names.
            (in_group || distance <= key.len().min(24) / 3).then_some((whole, known))
        })
        .collect();
    near.sort();
    let mut near: Vec<String> = near.into_iter().map(|(_, known)| known).collect();
    let is_group = near.iter().any(|known| known.starts_with(&format!("{key}.")));
    if near.is_empty() {
        near = Settings::keys();
    } else if !is_group {
        near.truncate(NEAR_KEYS);
    }
    ProjectError::UnknownKey { key: key.to_owned(), near }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Inversion, LayoutLoss, Method};
    use super::*;

    #[test]
    fn every_key_can_be_set_to_the_value_it_has() {
        let defaults = to_value(&Settings::default());
        let keys = Settings::keys();
        assert_eq!(keys.len(), 26, "{keys:?}");
        for key in keys {
            let leaf = &defaults[&key.split('.').next().unwrap()];
            let leaf = key.split('.').nth(1).map_or(leaf, |name| &leaf[name]);
            let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
            let mut settings = Settings::default();
            assert_eq!(settings.set(&key, &text), Ok(()), "{key}");
            assert_eq!(settings, Settings::default(), "{key}");
        }
    }

    #[test]
    fn what_is_got_of_a_key_can_be_set_again() {
        let mut settings = Settings::default();
        settings.set("guidance_scale", "4.1").unwrap();
        settings.set("inversion", "Coarse").unwrap();
        assert_eq!(settings.get("guidance_scale").as_deref(), Some("4.1"));
        assert_eq!(settings.get("layout_alignment.enabled").as_deref(), Some("true"));
        assert_eq!((settings.get("mask_refinement"), settings.get("none")), (None, None));
        let mut other = Settings::default();
        for key in Settings::keys() {
            other.set(&key, &settings.get(&key).unwrap()).unwrap();
        }
        assert_eq!(other, settings);
    }

    #[test]
    fn flags_numbers_and_names_are_set_by_key() {
        let mut settings = Settings::default();
        settings.set("mask_refinement.enabled", "false").unwrap();
        settings.set("layout_alignment.weight", "5").unwrap();
        settings.set("steps", " 20 ").unwrap();
        settings.set("inversion", "Coarse").unwrap();
        settings.set("method", "MixOfShow").unwrap();
        settings.set("layout_alignment.loss", "Norm").unwrap();
        assert!(!settings.mask_refinement.enabled);
        assert_eq!(settings.layout_alignment.weight, 5.0);
        assert_eq!(settings.steps, 20);
        assert_eq!(settings.inversion, Inversion::Coarse);
        assert_eq!(settings.layout_alignment.loss, LayoutLoss::Norm);
        assert_eq!(settings.method, Method::MixOfShow);
        settings.set("method", "ConceptConductor").unwrap();
        assert!(settings.method.is_conductor());
    }

    #[test]
    fn an_unknown_key_is_answered_with_near_ones() {
        let near = |key: &str| match Settings::default().set(key, "1") {
            Err(ProjectError::UnknownKey { near, .. }) => near,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("stepz")[0], "steps");
        assert_eq!(near("weight"), ["layout_alignment.weight"]);
        assert_eq!(near("layout_aligment.weight")[0], "layout_alignment.weight");
        assert_eq!(near("mask_refinement").len(), 7);
        assert_eq!(near("qqqqqqqq"), Settings::keys());
        for odd in ["", ".", "steps.", "steps.x", "~1", "steps/x"] {
            assert!(!near(odd).is_empty(), "{odd}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_refused_with_what_to_write() {
        let error = |key: &str, value: &str| {
            let mut settings = Settings::default();
            let error = settings.set(key, value).unwrap_err().to_string();
            assert_eq!(settings, Settings::default());
            error
        };
        let text = error("steps", "many");
        assert_eq!(text, "settings.steps cannot be \"many\"; write a whole number");
        assert!(error("steps", "2.5").contains("whole number"));
        assert!(error("mask_refinement.enabled", "maybe").contains("true or false"));
        assert!(error("guidance_scale", "NaN").contains("a number"));
        let text = error("inversion", "coarse");
        assert!(text.contains("`Exact`") && text.contains("`Coarse`"), "{text}");
        assert!(error("steps", "0").contains("use 1 to 999"));
    }
}
