//! Moments in words, in the time of a place.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long ago something was made, seconds since 1970.
pub fn ago(made: u64, now: SystemTime, zone: &TimeZone) -> String {
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(made);
    let seconds = now.duration_since(made).unwrap_or_default().as_secs();
    let count = |count: u64, unit: &str| format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" });
    match seconds {
        0..=59 => "just now".into(),
        60..=3599 => count(seconds / 60, "minute"),
        3600..=86_399 => count(seconds / 3600, "hour"),
        86_400..=604_799 => count(seconds / 86_400, "day"),
        _ => date(made.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()), zone),
    }
}

/// A moment, seconds since 1970, in a time zone, in a format of `strftime`; the last moment known for one beyond it.
fn said(seconds: u64, zone: &TimeZone, format: &str) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.unwrap_or(Timestamp::MAX).to_zoned(zone.clone()).strftime(format).to_string()
}

/// The date in a time zone, from seconds since 1970: `2026-11-24`.
fn date(seconds: u64, zone: &TimeZone) -> String {
    said(seconds, zone, "%Y-%m-%d")
}

/// The date and time of day in a time zone, from seconds since 1970: `2026-11-24 15:18`.
pub fn moment(seconds: u64, zone: &TimeZone) -> String {
    said(seconds, zone, "%Y-%m-%d %H:%M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_533_523);
        let ago = |before: u64| ago(1_795_533_523 - before, now, &TimeZone::UTC);
        assert_eq!(ago(3), "just now");
        assert_eq!((ago(60).as_str(), ago(150).as_str()), ("1 minute ago", "2 minutes ago"));
        assert_eq!((ago(7200).as_str(), ago(90_000).as_str()), ("2 hours ago", "1 day ago"));
        assert_eq!(ago(30 * 86_400), "2026-10-25");
        // A clock that was set back.
        assert_eq!(super::ago(1_795_533_999, now, &TimeZone::UTC), "just now");
    }

    #[test]
    fn moments_are_said_in_the_time_of_a_place() {
        let said = |seconds, hours| moment(seconds, &TimeZone::fixed(jiff::tz::offset(hours)));
        assert_eq!(said(1_795_533_523, 0), "2026-11-24 15:18");
        assert_eq!(said(1_795_533_523, 9), "2026-11-25 00:18");
        assert_eq!((said(951_782_400, 0).as_str(), said(0, 0).as_str()), ("2000-02-29 00:00", "1970-01-01 00:00"));
        assert!(said(u64::MAX, 0).starts_with("9999-12-"));
    }
}
