//! What a panic of the tensor library means for a person.
//!
//! burn hands most failures of a device over as panics: an operation gives a tensor back before it has run, so the
//! error comes when the values are read. Only their texts tell them apart.

use super::error::EngineError;

/// Texts of a device that has no room: cubecl's, wgpu's and the graphics drivers', in lower case.
const FULL: [&str; 8] = [
    // cubecl: an allocation that never fits, one that does not fit now, and the same while a kernel starts.
    "can't allocate buffer of size",
    "out of device memory",
    "out-of-memory error",
    "every page size the memory tracks still holds live allocations",
    // wgpu and its drivers.
    "out of memory",
    "not enough memory left",
    "out_of_device_memory",
    "out_of_host_memory",
];

/// Texts of a buffer that is larger than the device takes, whatever its memory.
const TOO_LARGE: [&str; 3] =
    ["is greater than the maximum buffer size", "buffer_binding_size` limit", "max_buffer_size"];

/// Texts of a device that is gone.
const LOST: [&str; 5] =
    ["device was poisoned", "device is poisoned", "device is lost", "device was lost", "device_lost"];

/// The error that a panic's text stands for.
pub fn of_panic(text: &str) -> EngineError {
    let low = text.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| low.contains(text));
    // A device that was lost by running out of memory says both, and what helps is to ask for less.
    if says(&TOO_LARGE) {
        EngineError::OutOfMemory { what: "an array of this render is larger than the device allows".into() }
    } else if says(&FULL) {
        EngineError::OutOfMemory { what: full(&low) }
    } else if says(&LOST) {
        EngineError::DeviceLost
    } else {
        EngineError::Panicked(causes(text))
    }
}

fn full(text: &str) -> String {
    let amount = ["allocate buffer of size: ", "device memory allocating "].iter().find_map(|before| {
        let (_, after) = text.split_once(before)?;
        let digits = after.find(|c: char| !c.is_ascii_digit()).map_or(after, |end| &after[..end]);
        digits.parse::<u64>().ok()
    });
    match amount {
        Some(bytes) => {
            format!("the device ran out of memory: there is no room for {} more", super::memory::words(bytes))
        }
        None => "the device ran out of memory".into(),
    }
}

/// The causes in one line, without the backtrace, which the log has.
fn causes(text: &str) -> String {
    let frame = |line: &str| line.split_once(':').is_some_and(|(number, _)| number.parse::<usize>().is_ok());
    let noise = ["", "Caused by:", "Backtrace", "Asked at:", "No backtrace available", "stack backtrace:"];
    let lines = text.lines().map(str::trim).take_while(|line| !frame(line)).filter(|line| !noise.contains(line));
    let all = lines.map(|line| line.trim_end_matches(':')).collect::<Vec<_>>().join(": ");
    match all.char_indices().nth(300) {
        _ if all.is_empty() => "no message".into(),
        Some((end, _)) => format!("{}...", &all[..end]),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_told_from_a_bug_and_says_what_to_lower() {
        for text in [
            // As cubecl 0.11, wgpu 30 and the drivers write them.
            "Error while reading data: use `try_into_data` instead to catch the error at runtime: An error happened during execution\nCaused by:\n  Several failures at once\nCaused by:\n  The bytes were never written (failure #26164, still claiming 1 buffer(s))\nCaused by:\n  An IO error happened\nCaused by:\n  can't allocate buffer of size: 549755813888\nNo backtrace available\nAsked at:\nNo backtrace available\n",
            "out of device memory allocating 68719476736 bytes\n",
            "Error while reading: An out-of-memory error happened during launch\nCaused by:\n  pool",
            "wgpu error: Out of Memory",
            "In Device::create_buffer\n  Not enough memory left.",
            "ERROR_OUT_OF_DEVICE_MEMORY",
            "wgpu error: Validation Error\n\nCaused by:\n  Buffer size 68719476736 is greater than the maximum buffer size (2147483648)",
            "Buffer binding 0 range 4294967296 exceeds `max_storage_buffer_binding_size` limit 134217728",
            "Buffer binding 0 range 4294967296 exceeds `max_*_buffer_binding_size` limit 134217728",
        ] {
            let error = of_panic(text);
            assert!(matches!(error, EngineError::OutOfMemory { .. }), "{text}: {error}");
            let words = error.to_string();
            for advice in ["pictures", "canvas", "Sequential", "another device"] {
                assert!(words.contains(advice), "{words}");
            }
            assert!(!words.contains('\n'), "{words}");
        }
    }

    #[test]
    fn the_bytes_that_did_not_fit_are_named_where_they_are_known() {
        let words = of_panic("can't allocate buffer of size: 68719476736\n   0: cubecl").to_string();
        assert!(words.starts_with("the device ran out of memory: there is no room for 68.7 GB more"), "{words}");
        let words = of_panic("OUT OF DEVICE MEMORY ALLOCATING 5000000 BYTES").to_string();
        assert!(words.contains("no room for 5 MB more"), "{words}");
        let words = of_panic("can't allocate buffer of size: lots").to_string();
        assert!(words.starts_with("the device ran out of memory; "), "{words}");
    }

    #[test]
    fn a_lost_device_says_how_to_go_on() {
        for text in [
            "The device was poisoned during launch\nCaused by:\n  Unknown: reset",
            "wgpu error: Validation Error\n\nCaused by:\n  Parent device is lost",
            "the wgpu device was lost (Unknown): reset",
            "VK_ERROR_DEVICE_LOST",
        ] {
            let error = of_panic(text);
            assert!(matches!(error, EngineError::DeviceLost), "{text}: {error}");
            assert!(error.to_string().contains("start Podium again"), "{error}");
        }
    }

    #[test]
    fn anything_else_stays_a_bug_to_report_with_its_causes_and_no_backtrace() {
        let text = "Error while reading data: it failed\nCaused by:\n  Several failures\nCaused by:\n  The shape is wrong\nNo backtrace available\nAsked at:\n   0: frame\n   1: frame";
        let error = of_panic(text);
        let expected = "Error while reading data: it failed: Several failures: The shape is wrong";
        assert!(matches!(&error, EngineError::Panicked(text) if text == expected), "{error}");
        assert!(matches!(of_panic(""), EngineError::Panicked(text) if text == "no message"));
        let long = of_panic(&"\u{e9}".repeat(5000));
        assert!(matches!(&long, EngineError::Panicked(text) if text.chars().count() == 303), "{long}");
    }
}
