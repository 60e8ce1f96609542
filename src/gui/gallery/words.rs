//! What the gallery says of times, batches and single results.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::studio::results::store::Entry;

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

/// A moment, seconds since 1970, in a time zone, in a format of `strftime`; the last moment known for one beyond it.
fn said(seconds: u64, zone: TimeZone, format: &str) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.unwrap_or(Timestamp::MAX).to_zoned(zone).strftime(format).to_string()
}

/// The date here, from seconds since 1970: `2026-11-24`.
fn date(seconds: u64) -> String {
    said(seconds, TimeZone::system(), "%Y-%m-%d")
}

/// The date and time of day here, from seconds since 1970: `2026-11-24 15:18`.
pub fn moment(seconds: u64) -> String {
    said(seconds, TimeZone::system(), "%Y-%m-%d %H:%M")
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
        assert_eq!(ago(30 * 86_400), date(1_795_533_523 - 30 * 86_400));
        // A clock that was set back.
        assert_eq!(super::ago(1_795_533_999, now), "just now");
    }

    #[test]
    fn moments_are_said_in_the_time_of_a_place() {
        let said = |seconds, hours| said(seconds, TimeZone::fixed(jiff::tz::offset(hours)), "%Y-%m-%d %H:%M");
        assert_eq!(said(1_795_533_523, 0), "2026-11-24 15:18");
        assert_eq!(said(1_795_533_523, 9), "2026-11-25 00:18");
        assert_eq!((said(951_782_400, 0).as_str(), said(0, 0).as_str()), ("2000-02-29 00:00", "1970-01-01 00:00"));
        assert!(said(u64::MAX, 0).starts_with("9999-12-"));
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
