//! Segment Anything as it is named on the command line: its weights, their folder, or its two ONNX files.

use std::path::{Path, PathBuf};

use crate::segment::{Error, Files, named};
use crate::studio::cut::open_tensors;

/// What --sam names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Networks {
    /// Two files, in either order.
    Two(PathBuf, PathBuf),
    /// One file or folder.
    One(PathBuf),
}

impl Networks {
    /// What is named.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self.clone() {
            Self::Two(encoder, decoder) => vec![encoder, decoder],
            Self::One(path) => vec![path],
        }
    }

    /// The files that are meant: of one ONNX file, or a folder, with what goes with it there or in `folder`. None where nothing
    /// does.
    ///
    /// # Errors
    /// In words, where what is named is no such file.
    pub fn files(&self, folder: &Path) -> Result<Option<Files>, Error> {
        named(&self.paths(), folder, &open_tensors)
    }
}

/// Reads `WEIGHTS`, `FOLDER` or `ENCODER.onnx,DECODER.onnx`.
///
/// # Errors
/// In words, where it is none of them.
pub fn networks(words: &str) -> Result<Networks, String> {
    match words.split(',').map(str::trim).collect::<Vec<_>>()[..] {
        [one] if !one.is_empty() => Ok(Networks::One(one.into())),
        // A comma may be part of one file's name.
        _ if Path::new(words).exists() => Ok(Networks::One(words.into())),
        [encoder, decoder] if !encoder.is_empty() && !decoder.is_empty() => {
            Ok(Networks::Two(encoder.into(), decoder.into()))
        }
        _ => {
            Err("it takes one file of weights, or two files with a comma between them: encoder.onnx,decoder.onnx"
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_a_folder_or_two_files_are_networks() {
        assert_eq!(networks("a.onnx, b.onnx").unwrap(), Networks::Two("a.onnx".into(), "b.onnx".into()));
        assert_eq!(networks("sam.pth").unwrap(), Networks::One("sam.pth".into()));
        assert_eq!(networks("a.onnx,b.onnx").unwrap().paths(), ["a.onnx", "b.onnx"].map(PathBuf::from));
        for wrong in ["a,b,c", ",b", ""] {
            assert!(networks(wrong).is_err_and(|words| words.starts_with("it takes one file of weights")), "{wrong}");
        }
        let empty = tempfile::tempdir().unwrap();
        let folder = format!("{}/tests/data/segment", env!("CARGO_MANIFEST_DIR"));
        assert!(networks(&folder).unwrap().files(empty.path()).unwrap().is_some());
    }
}
