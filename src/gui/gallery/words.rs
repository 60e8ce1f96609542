//! What the gallery says of times, batches and single results.

use std::time::SystemTime;

use jiff::tz::TimeZone;

use crate::gui::times::ago;
use crate::studio::results::store::Entry;

/// Whether a result's prompt holds every word of the search, or its seed is the search. `needle` is in lower case.
pub fn matches(entry: &Entry, needle: &str) -> bool {
    if needle.is_empty() || entry.seed.is_some_and(|seed| seed.to_string() == needle) {
        return true;
    }
    let prompt = entry.prompt.to_lowercase();
    needle.split_whitespace().all(|word| prompt.contains(word))
}

/// A render's time: `8.2 s`, `3 min 20 s`; None where it is not known.
pub fn took(seconds: f32) -> Option<String> {
    if !seconds.is_finite() || seconds <= 0.0 {
        return None;
    }
    Some(if seconds < 99.95 {
        format!("{seconds:.1} s")
    } else {
        let whole = seconds.round() as u64;
        format!("{} min {} s", whole / 60, whole % 60)
    })
}

/// A batch in a line: how many seeds, how long it took, when it was made.
pub fn batch(first: &Entry, count: usize, now: SystemTime, zone: &TimeZone) -> String {
    let seeds = (count > 1).then(|| format!("{count} seeds"));
    let parts: Vec<String> = seeds.into_iter().chain(took(first.took)).chain([ago(first.made, now, zone)]).collect();
    parts.join(" · ")
}

/// A result's name for screen readers and the pointer.
pub fn name(entry: &Entry, starred: bool) -> String {
    let seed = entry.seed.map_or_else(|| "unknown".to_owned(), |seed| seed.to_string());
    let star = if starred { ", starred" } else { "" };
    format!("Picture with seed {seed}{star}: {}", entry.prompt)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_batch_says_what_is_known_of_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let mut entry = Entry { made: 990, took: 8.24, ..Entry::default() };
        assert_eq!(batch(&entry, 4, now, &TimeZone::UTC), "4 seeds · 8.2 s · just now");
        entry.took = 0.0;
        assert_eq!(batch(&entry, 1, now, &TimeZone::UTC), "just now");
        assert_eq!(took(200.4).as_deref(), Some("3 min 20 s"));
    }

    #[test]
    fn a_search_finds_words_in_any_order_and_seeds() {
        let entry = Entry { prompt: "A Cat and a dog".into(), seed: Some(42), ..Entry::default() };
        for found in ["", "cat", "dog cat", "42"] {
            assert!(matches(&entry, found), "{found}");
        }
        assert!(!matches(&entry, "bird") && !matches(&entry, "4"));
    }
}
