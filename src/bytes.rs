//! How large something is, in words.

/// Bytes in words: `512 MB`, `1.7 GB`; powers of ten, as on the label of a memory card.
pub fn words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..999_500_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_as_people_say_them() {
        let said = [0, 999, 1_001, 999_999, 27_400_000, 999_499_999, 999_500_000, 1_720_000_000].map(words);
        assert_eq!(said, ["0 bytes", "999 bytes", "2 kB", "1000 kB", "27 MB", "999 MB", "1.0 GB", "1.7 GB"]);
    }
}
