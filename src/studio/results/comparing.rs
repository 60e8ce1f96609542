//! In what the settings of two results differ, in words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::project::Project;
use crate::project::files::name_of;
use crate::studio::document::history::ResultId;

/// A setting that two projects have different values for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is, such as `Mask refinement, starts`.
    pub what: String,
    /// The first project's value; `none` where it has none.
    pub before: String,
    /// The second one's.
    pub after: String,
}

/// What is known of two results' differences.
pub type Compared = Result<Vec<Difference>, String>;

/// Two results, and what came of comparing them once it is known.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    pair: Option<(ResultId, ResultId)>,
    found: Option<Compared>,
}

impl Comparing {
    /// Whether these two are not the ones at hand; they are from now on.
    pub fn ask(&mut self, pair: &(ResultId, ResultId)) -> bool {
        let is_new = self.pair.as_ref() != Some(pair);
        if is_new {
            *self = Self { pair: Some(pair.clone()), found: None };
        }
        is_new
    }

    /// Takes in what came of comparing two; of others than those at hand nobody wants to know any more.
    pub fn take(&mut self, pair: &(ResultId, ResultId), found: Compared) {
        if self.pair.as_ref() == Some(pair) {
            self.found = Some(found);
        }
    }

    /// What came of it.
    pub fn found(&self) -> Option<&Compared> {
        self.found.as_ref()
    }
}

/// In what two projects differ: prompt and seed first, then everything else in the document's order, and last the files that
/// both name and that had other contents.
pub fn differences(before: &Project, after: &Project) -> Vec<Difference> {
    let contents = contents(before, after);
    let (before, after) = (facts(before), facts(after));
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.sort_by_key(|key| match key.as_str() {
        "Prompt" => 0,
        "Seed" => 1,
        key if key.starts_with("Concept ") => 2,
        key if key.starts_with("Layer ") => 3,
        _ => 4,
    });
    let value = |facts: &BTreeMap<String, String>, key: &str| {
        facts.get(key).filter(|value| !value.is_empty()).cloned().unwrap_or_else(|| "none".into())
    };
    keys.into_iter()
        .map(|key| Difference { what: key.clone(), before: value(&before, key), after: value(&after, key) })
        .filter(|difference| difference.before != difference.after)
        .chain(contents)
        .collect()
}

/// Files that both projects name, and that were known by other hashes. What only one remembers is no difference.
fn contents(before: &Project, after: &Project) -> Vec<Difference> {
    let paths = before.outside_paths().into_iter();
    let differs = paths.filter_map(|path| {
        let (left, right) = (before.hashes.get(&path)?, after.hashes.get(&path)?);
        let name = name_of(&path);
        let what = format!("Contents of {name}");
        left.is_other_than(right).then(|| Difference { what, before: left.short(), after: right.short() })
    });
    differs.collect()
}

/// Every value of a project under its name in words. Written from the document's own form, so that no setting can be
/// forgotten here.
fn facts(project: &Project) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    match serde_json::to_value(project) {
        Ok(Value::Object(fields)) => {
            for (name, value) in &fields {
                match name.as_str() {
                    // What is remembered of files is compared file by file.
                    "version" | "hashes" => {}
                    // Their own names say more than the document's.
                    "settings" => walk(&mut facts, "", value),
                    "layout" => layout(&mut facts, value),
                    "concepts" => list(&mut facts, "Concept", value),
                    "styles" => list(&mut facts, "Style", value),
                    _ => walk(&mut facts, &words(name), value),
                }
            }
        }
        // A path that is no text; everything else is.
        _ => {
            facts.insert("Project".into(), format!("{project:?}"));
        }
    }
    // The usual one is not written.
    facts.insert("Method".into(), project.settings.method.title().into());
    facts
}

fn layout(facts: &mut BTreeMap<String, String>, value: &Value) {
    match value.get("Collage") {
        Some(collage) => {
            walk(facts, "Background", collage.get("background").unwrap_or(&Value::Null));
            list(facts, "Layer", collage.get("layers").unwrap_or(&Value::Null));
        }
        None => walk(facts, "Layout", value),
    }
}

/// Layers and concepts under their own names; two of one name are told apart by number.
fn list(facts: &mut BTreeMap<String, String>, kind: &str, value: &Value) {
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for item in value.as_array().into_iter().flatten() {
        let text = |key: &str| item.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let stem =
            || text("picture").or(text("file")).and_then(|path| std::path::Path::new(path).file_stem()?.to_str());
        let name = text("name").or_else(stem).unwrap_or("without a name");
        let count = known.entry(name.to_owned()).and_modify(|count| *count += 1).or_insert(1);
        let name = if *count == 1 { format!("{kind} {name}") } else { format!("{kind} {name} ({count})") };
        walk(facts, &name, item);
        // So that one that only one project has is told of even if all its values are empty.
        facts.insert(name, "there".into());
    }
}

fn walk(facts: &mut BTreeMap<String, String>, under: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                // The name is in the heading already, and a layer's number says nothing to people.
                if (name == "name" || name == "id") && !under.is_empty() {
                    continue;
                }
                let name = words(name);
                let name = if under.is_empty() { name } else { format!("{under}, {}", name.to_lowercase()) };
                walk(facts, &name, value);
            }
        }
        value => {
            facts.insert(under.to_owned(), said(value));
        }
    }
}

/// A field's name in words: `mask_refinement` is `Mask refinement`.
fn words(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(on) => if *on { "on" } else { "off" }.into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            // Numbers with fractions are of 32 bits in the document; with 64 they show digits that nobody typed.
            (None, Some(value)) => (value as f32).to_string(),
            _ => number.to_string(),
        },
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| format!("{name} {}", said(value))).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::hash::Known;
    use crate::project::{Canvas, Layer};

    fn project() -> Project {
        let text = crate::assets::find("projects/beach.ron").unwrap();
        crate::project::file::from_str(std::str::from_utf8(text).unwrap()).unwrap()
    }

    fn line(difference: &Difference) -> String {
        format!("{}: {} / {}", difference.what, difference.before, difference.after)
    }

    #[test]
    fn equal_projects_differ_in_nothing() {
        assert_eq!(differences(&project(), &project()), []);
    }

    #[test]
    fn a_file_that_was_another_is_a_difference_and_one_that_only_one_remembers_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut plain = project();
        plain.layers_mut().unwrap()[0].picture = "cat.png".into();
        let known = |contents: &str| {
            std::fs::write(folder.path().join("cat.png"), contents).unwrap();
            plain.with_hashes(folder.path(), &Known::default())
        };
        let (one, other) = (known("one"), known("another"));
        assert_eq!(differences(&one, &plain), []);
        assert_eq!(differences(&one, &known("one")), []);
        let said: Vec<String> = differences(&one, &other).iter().map(line).collect();
        assert!(said.len() == 1 && said[0].starts_with("Contents of cat.png: blake3 "), "{said:?}");
    }

    #[test]
    fn every_difference_is_named_in_words_the_prompt_and_seed_first() {
        let (before, mut after) = (project(), project());
        let seed = before.seed;
        after.prompt = "a cat in the snow".into();
        after.seed = 77;
        after.canvas = Canvas { width: 512, height: 256 };
        after.settings.mask_refinement.starts = 7;
        after.settings.guidance_scale = 0.1;
        after.settings.method = crate::project::settings::Method::MixOfShow;
        after.concepts[0].strength = 0.35;
        after.layers_mut().unwrap()[0].flip = !before.layers()[0].flip;
        let concept = before.concepts[0].name.clone();
        let layer = before.layers()[0].title();
        let lines: Vec<String> = differences(&before, &after).iter().map(line).collect();
        assert_eq!(lines[0], format!("Prompt: {} / a cat in the snow", before.prompt));
        assert_eq!(lines[1], format!("Seed: {seed} / 77"));
        assert_eq!(lines[2], format!("Concept {concept}, strength: {} / 0.35", before.concepts[0].strength));
        assert!(lines[3].starts_with(&format!("Layer {layer}, flip: ")), "{lines:?}");
        let starts = before.settings.mask_refinement.starts;
        assert!(lines.contains(&format!("Mask refinement, starts: {starts} / 7")), "{lines:?}");
        assert!(lines.contains(&format!("Guidance scale: {} / 0.1", before.settings.guidance_scale)), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("Canvas, width: ")), "{lines:?}");
        assert!(lines.contains(&"Method: Concept Conductor / Mix-of-Show".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_layer_that_only_one_has_is_told_of_and_two_of_one_name_are_told_apart() {
        let before = project();
        let mut after = before.clone();
        let mut twin = Layer::new("twin.png", 1.0, 2.0);
        twin.name = before.layers()[0].title();
        after.layers_mut().unwrap().push(twin);
        let lines: Vec<String> = differences(&before, &after).iter().map(line).collect();
        let name = before.layers()[0].title();
        assert!(lines.contains(&format!("Layer {name} (2): none / there")), "{lines:?}");
        assert!(lines.contains(&format!("Layer {name} (2), x: none / 1")), "{lines:?}");
    }
}
