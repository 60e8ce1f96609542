//! What a file says of itself: kohya's `ss_…` and Stability's `modelspec.…` metadata. All of it is text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::change::{About, Prediction};
use super::group::Tensors;
use crate::engine::error::Result;
use crate::project::training::TrainingSettings;

/// The most trigger words that are kept.
const MOST_WORDS: usize = 64;
/// The most characters of a text that are kept.
const MOST_CHARACTERS: usize = 300;

/// The name of the strength of use at which a concept is as it was learnt: in metadata, and as a tensor of one number in files
/// that have none. Podium's trainer writes it; where nobody does, it is 1.
pub const FULL_AT: &str = "podium.full_at";

/// Such a strength, where it is one that a training may have.
fn full_at(strength: f32) -> Option<f32> {
    // Compared as it was rounded, so that both ends count.
    let (least, most) = (*TrainingSettings::FULL_AT.start() as f32, *TrainingSettings::FULL_AT.end() as f32);
    (least..=most).contains(&strength).then_some(strength)
}

/// What a file says of itself: its metadata, and the number that stands for one in files that have none.
///
/// # Errors
/// When that number is there and cannot be read.
pub fn of_file(file: &dyn Tensors) -> Result<About> {
    let about = about(file.metadata());
    let is_number = |(name, shape): &(String, Vec<usize>)| name == FULL_AT && matches!(shape[..], [] | [1]);
    if about.full_at.is_some() || !file.listed().iter().any(is_number) {
        return Ok(about);
    }
    let number = file.values(FULL_AT)?.first().copied();
    Ok(About { full_at: number.and_then(full_at), ..about })
}

/// What the metadata says; bases, ranks and alphas come from the tensors.
fn about(metadata: &BTreeMap<String, String>) -> About {
    let said = |key: &str| metadata.get(key).and_then(|value| text(value));
    let version = said("ss_base_model_version").unwrap_or_default();
    let prediction = match said("modelspec.prediction_type").as_deref() {
        Some("v" | "v_prediction") => Some(Prediction::V),
        Some("epsilon") => Some(Prediction::Epsilon),
        _ if version.ends_with("_v") => Some(Prediction::V),
        _ => None,
    };
    About {
        base: None,
        trained_on: said("ss_sd_model_name"),
        module: said("ss_network_module"),
        ranks: Vec::new(),
        alphas: Vec::new(),
        resolution: said("modelspec.resolution").or_else(|| said("ss_resolution").map(|size| resolution(&size))),
        likeness: said("podium.likeness")
            .and_then(|likeness| likeness.parse().ok())
            .filter(|likeness| (0.0..=1.0).contains(likeness)),
        alike: said("podium.encoder").zip(
            said("podium.alike").and_then(|cosine| cosine.parse().ok()).filter(|cosine| (-1.0..=1.0).contains(cosine)),
        ),
        full_at: said(FULL_AT).and_then(|strength| strength.parse().ok()).and_then(full_at),
        title: said("modelspec.title"),
        prediction,
        output_name: said("ss_output_name"),
        trigger_phrase: said("modelspec.trigger_phrase"),
        folder_words: folder_words(metadata),
        noted: Vec::new(),
    }
}

/// The words that pictures were captioned with, summed over their folders, the most frequent first.
pub fn trigger_words(metadata: &BTreeMap<String, String>) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (_, tags) in folders(metadata, "ss_tag_frequency") {
        for (tag, count) in tags.as_object().into_iter().flatten() {
            let count = count.as_u64().or_else(|| count.as_f64().map(|count| count as u64)).unwrap_or(0);
            if let Some(tag) = text(tag) {
                *counts.entry(tag).or_default() += count;
            }
        }
    }
    let mut words: Vec<_> =
        counts.into_iter().map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX))).collect();
    // Words of equal count stay in the order of the alphabet.
    words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    words.truncate(MOST_WORDS);
    words
}

/// The folders of the pictures, with what is said of each.
fn folders(metadata: &BTreeMap<String, String>, key: &str) -> Vec<(String, Value)> {
    match metadata.get(key).map(|text| serde_json::from_str(text)) {
        Some(Ok(Value::Object(folders))) => folders.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// `cat` of the folder `10_cat`, which kohya's trainers repeat 10 times and take for a caption where there is none.
fn folder_words(metadata: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    for (folder, _) in folders(metadata, "ss_tag_frequency").into_iter().chain(folders(metadata, "ss_dataset_dirs")) {
        let name = folder.rsplit(['/', '\\']).next().unwrap_or_default();
        let Some((repeats, word)) = name.split_once('_') else { continue };
        if repeats.is_empty() || !repeats.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        words.extend(text(word).filter(|word| !words.contains(word) && words.len() < MOST_WORDS));
    }
    words
}

/// A value as a person wrote it: None where it is empty or `None`, cut where it is longer than anyone would read.
pub fn text(value: &str) -> Option<String> {
    let value = value.trim();
    let plain = value.chars().take(MOST_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c });
    (!value.is_empty() && value != "None").then(|| plain.collect())
}

/// `512x768` of kohya's `(512, 768)`.
fn resolution(size: &str) -> String {
    size.trim_matches(['(', ')']).replace(", ", "x").replace(',', "x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn counts_of_a_tag_are_summed_over_folders_and_the_folder_names_the_subject() {
        let metadata = metadata(&[
            (
                "ss_tag_frequency",
                r#"{"10_mint cat": {"mint cat": 12, " fur": 3, "": 7}, "reg\\1_cat": {"fur": 20, "grass": 12}, "x": 1}"#,
            ),
            ("ss_dataset_dirs", r#"{"10_mint cat": {"n_repeats": 10}, "5_toy": {}, "plain": {}, "1a_b": {}}"#),
        ]);
        let words = trigger_words(&metadata);
        let words: Vec<_> = words.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        assert_eq!(words, [("fur", 23), ("grass", 12), ("mint cat", 12)]);
        assert_eq!(about(&metadata).folder_words, ["mint cat", "cat", "toy"]);
    }

    #[test]
    fn metadata_is_read_as_people_mean_it() {
        let about = about(&metadata(&[
            ("ss_base_model_version", "sd_v1_v"),
            ("ss_sd_model_name", "None"),
            ("ss_resolution", "(512, 768)"),
            ("ss_output_name", " my_cat "),
            ("ss_network_module", "networks.lora"),
            ("modelspec.title", "My\ncat"),
            ("podium.encoder", "CLIP"),
            ("podium.alike", "0.812"),
            ("podium.full_at", "0.7"),
            ("modelspec.trigger_phrase", "mint cat"),
            ("ss_tag_frequency", "not JSON"),
        ]));
        assert_eq!((about.prediction, about.trained_on.as_deref()), (Some(Prediction::V), None));
        assert_eq!(about.resolution.as_deref(), Some("512x768"));
        assert_eq!(about.alike, Some(("CLIP".to_owned(), 0.812)));
        assert_eq!(about.full_at, Some(0.7));
        for (written, meant) in [("0.1", Some(0.1)), ("2", Some(2.0)), ("0", None), ("NaN", None), ("much", None)] {
            assert_eq!(super::about(&metadata(&[(FULL_AT, written)])).full_at, meant, "{written}");
        }
        assert_eq!((about.output_name.as_deref(), about.title.as_deref()), (Some("my_cat"), Some("My cat")));
        assert_eq!(
            (about.module.as_deref(), about.trigger_phrase.as_deref()),
            (Some("networks.lora"), Some("mint cat"))
        );
        assert_eq!(about.folder_words, [] as [&str; 0]);
    }
}
