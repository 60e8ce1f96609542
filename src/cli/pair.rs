//! Segment Anything as it is named on the command line: its two files, or the folder that has both.

use std::path::Path;

use crate::segment::{Pair, find};

/// Reads `ENCODER.onnx,DECODER.onnx`, or a folder.
///
/// # Errors
/// In words, where it is neither.
pub fn pair(words: &str) -> Result<Pair, String> {
    match words.split(',').map(str::trim).collect::<Vec<_>>()[..] {
        [encoder, decoder] if !encoder.is_empty() && !decoder.is_empty() => {
            Ok(Pair { encoder: encoder.into(), decoder: decoder.into() })
        }
        [folder] if Path::new(folder).is_dir() => find(Path::new(folder))
            .ok_or_else(|| format!("{folder} has no encoder and decoder of Segment Anything that go together")),
        _ => {
            Err("it takes two files with a comma between them: encoder.onnx,decoder.onnx, or the folder that has both"
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_or_a_folder_are_a_pair() {
        let found = pair("a.onnx, b.onnx").unwrap();
        assert_eq!((found.encoder, found.decoder), ("a.onnx".into(), "b.onnx".into()));
        let folder = format!("{}/tests/data/segment", env!("CARGO_MANIFEST_DIR"));
        assert!(pair(&folder).is_ok_and(|pair| pair.encoder.starts_with(&folder) && pair.decoder.starts_with(&folder)));
        let empty = tempfile::tempdir().unwrap();
        assert!(pair(&empty.path().display().to_string()).is_err_and(|words| words.contains("has no encoder")));
        for wrong in ["a.onnx", "a,b,c", ",b", ""] {
            assert!(pair(wrong).is_err_and(|words| words.starts_with("it takes two files with a comma")), "{wrong}");
        }
    }
}
