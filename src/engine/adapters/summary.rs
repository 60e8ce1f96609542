//! What a file is, in about ten lines for people.

use std::collections::BTreeMap;

use super::change::{AdapterFile, Change, Embedding, Kind, Prediction};

/// The most words, and the most tensors left aside, that are named.
const NAMED: usize = 8;

impl AdapterFile {
    /// What it is, in about ten lines.
    pub fn summary(&self) -> Vec<String> {
        let about = &self.about;
        let mut lines = vec![self.headline()];
        let mut line = |title: &str, words: String| {
            if !words.is_empty() {
                lines.push(format!("{title}: {words}"));
            }
        };
        let named: Vec<&str> = [&about.title, &about.output_name].into_iter().flatten().map(String::as_str).collect();
        line("called", named.join(", by its trainer "));
        line("base", self.base());
        line("rank", self.ranks());
        line("trained", self.training());
        line("words it brings", several(self.embeddings.iter().map(embedding)));
        line("trigger phrase", about.trigger_phrase.clone().unwrap_or_default());
        line("words noted beside it", several(about.noted.iter().cloned()));
        let folders = about.folder_words.iter().cloned();
        let captions = self.trigger_words.iter().map(|(word, count)| format!("{word} ({count})"));
        line("trigger words", several(folders.filter(|word| !self.captioned(word)).chain(captions)));
        line("changes in the UNet", layers(&self.unet));
        line("changes in the text encoder", layers(&self.text_encoder));
        line("held in memory", self.in_memory());
        line("left aside", self.aside());
        lines
    }

    fn captioned(&self, word: &str) -> bool {
        self.trigger_words.iter().any(|(caption, _)| caption == word)
    }

    fn headline(&self) -> String {
        let article = if matches!(self.kind, Kind::EdLora | Kind::Ia3) { "an" } else { "a" };
        let used = self.tensors.saturating_sub(self.left_aside.len().min(self.tensors));
        format!("{article} {}, {} numbers in {used} tensors", self.kind, count(self.parameters()))
    }

    /// The kind of model that it is for, and which.
    pub fn base(&self) -> String {
        let kind = self.about.base.map_or("not said, and its tensors do not show it".into(), |base| base.to_string());
        match &self.about.trained_on {
            Some(model) => format!("{kind}, trained on {model}"),
            None => kind,
        }
    }

    /// Its ranks and alphas; empty where it has none.
    pub fn ranks(&self) -> String {
        let (Some(least), Some(most)) = (self.about.ranks.first(), self.about.ranks.last()) else {
            return String::new();
        };
        let ranks = if least == most { least.to_string() } else { format!("{least} to {most}") };
        match (self.about.alphas.first(), self.about.alphas.last()) {
            (Some(least), Some(most)) if least == most => format!("{ranks}, alpha {most}"),
            (Some(least), Some(most)) => format!("{ranks}, alpha {least} to {most}"),
            _ => ranks,
        }
    }

    fn training(&self) -> String {
        let about = &self.about;
        let prediction = about.prediction.map(|prediction| match prediction {
            Prediction::Epsilon => "predicting the noise".to_owned(),
            Prediction::V => "predicting the velocity (v), for models that do".to_owned(),
        });
        let module = about.module.as_ref().map(|module| format!("by {module}"));
        let size = about.resolution.as_ref().map(|size| format!("at {size}"));
        let likeness = about.likeness.map(|likeness| format!("likeness {likeness:.2} on its test sheet"));
        let alike = about.alike.as_ref().map(|(encoder, cosine)| format!("{encoder} {cosine:.2} with its photos"));
        let full = about.full_at.map(|strength| format!("full at strength {strength}"));
        [module, size, prediction, likeness, alike, full].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The memory that a LoHa takes, which may be many times its file, and what of it costs time instead.
    fn in_memory(&self) -> String {
        if self.kind != Kind::LoHa {
            return String::new();
        }
        let changes = || self.unet.values().chain(self.text_encoder.values());
        let anew = changes().filter(|change| matches!(change, Change::Hadamard { .. })).count();
        let megabytes = (self.parameters() * size_of::<f32>()) as f64 / 1e6;
        format!("{megabytes:.0} MB; {anew} of {} layers are multiplied out in every pass", changes().count())
    }

    fn aside(&self) -> String {
        let (Some((name, why)), count) = (self.left_aside.first(), self.left_aside.len()) else {
            return String::new();
        };
        let rest = if count > 1 { format!(", and {} more", count - 1) } else { String::new() };
        format!("`{name}`, which {why}{rest}")
    }
}

fn embedding(word: &Embedding) -> String {
    match (word.vectors, word.layers) {
        (1, 1) => word.name.clone(),
        (1, layers) => format!("{} (one embedding for each of {layers} layers)", word.name),
        (vectors, _) => format!("{} ({vectors} tokens)", word.name),
    }
}

fn several(words: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = words.collect();
    let more = all.len().saturating_sub(NAMED);
    let named = all.get(..NAMED.min(all.len())).unwrap_or_default().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// How many layers of each kind.
fn layers(changes: &BTreeMap<String, Change>) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for path in changes.keys() {
        *kinds.entry(kind(path)).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}

/// What a layer is for, as people say it.
fn kind(path: &str) -> &'static str {
    let has = |piece: &str| path.contains(piece);
    match path {
        _ if has("attn") => "attention",
        _ if has(".ff.") || has(".mlp.") => "feed-forward",
        _ if has(".proj_") => "in and out of transformers",
        _ if has("time_emb") => "time embedding",
        _ if has("resnets") => "convolutions",
        _ if has("samplers") => "samplers",
        _ => "first and last",
    }
}

fn count(numbers: usize) -> String {
    match numbers {
        0..10_000 => numbers.to_string(),
        10_000..1_000_000 => format!("{} thousand", numbers / 1000),
        _ => format!("{:.1} million", numbers as f64 / 1e6),
    }
}
