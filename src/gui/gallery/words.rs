//! What the gallery says of times, batches and single results.

use std::time::{Duration, SystemTime};

use crate::studio::store::Entry;

/// Whether a result's prompt holds every word of the search, or its seed is the search. `needle` is in lower case.
pub fn matches(entry: &Entry, needle: &str) -> bool {
    if needle.is_empty() || entry.seed.is_some_and(|seed| seed.to_string() == needle) {
        return true;
    }
    let prompt = entry.prompt.to_lowercase();
    needle.split_whitespace().all(|word| prompt.contains(word))
}

/// How long ago something was made, seconds since 1970.
pub fn ago(made: u64, now: SystemTime) -> String {
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(made);
    let seconds = now.duration_since(made).unwrap_or_default().as_secs();
    let count = |count: u64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match seconds {
        0..=59 => "just now".into(),
        60..=3599 => count(seconds / 60, "minute"),
        3600..=86_399 => count(seconds / 3600, "hour"),
        86_400..=604_799 => count(seconds / 86_400, "day"),
        _ => date(made.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())),
    }
}

/// A date, from seconds since 1970: `2026-11-24`, in universal time.
pub fn date(seconds: u64) -> String {
    // Days from a year that begins in March, so that the leap day is the last (Hinnant's civil_from_days).
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// The date and time of day in universal time: `2026-11-24 15:18 UTC`.
pub fn moment(seconds: u64) -> String {
    let minutes = seconds % 86_400 / 60;
    format!("{} {:02}:{:02} UTC", date(seconds), minutes / 60, minutes % 60)
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
pub fn batch(first: &Entry, count: usize, now: SystemTime) -> String {
    let seeds = (count > 1).then(|| format!("{count} seeds"));
    let parts: Vec<String> = seeds.into_iter().chain(took(first.took)).chain([ago(first.made, now)]).collect();
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
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_533_523);
        let ago = |before: u64| ago(1_795_533_523 - before, now);
        assert_eq!(ago(3), "just now");
        assert_eq!((ago(60).as_str(), ago(150).as_str()), ("1 minute ago", "2 minutes ago"));
        assert_eq!((ago(7200).as_str(), ago(90_000).as_str()), ("2 hours ago", "1 day ago"));
        assert_eq!(ago(30 * 86_400), "2026-10-25");
        assert_eq!(moment(1_795_533_523), "2026-11-24 15:18 UTC");
        assert_eq!((date(951_782_400).as_str(), date(0).as_str()), ("2000-02-29", "1970-01-01"));
        // A clock that was set back.
        assert_eq!(super::ago(1_795_533_999, now), "just now");
    }

    #[test]
    fn a_batch_says_what_is_known_of_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let mut entry = Entry { made: 990, took: 8.24, ..Entry::default() };
        assert_eq!(batch(&entry, 4, now), "4 seeds · 8.2 s · just now");
        entry.took = 0.0;
        assert_eq!(batch(&entry, 1, now), "just now");
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
