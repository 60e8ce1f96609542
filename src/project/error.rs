//! What can go wrong with a document or its pictures, in words for the person who has to put it
//! right.
//!
//! Every variant says what is wrong, where, and what to do. Causes are kept as text, so that an
//! error can be cloned, compared in tests and sent from the worker to the window.

use std::fmt::Display;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// A problem with a project, with one of its files, or with a value that somebody typed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProjectError {
    /// A file could not be read.
    #[error("cannot read {}: {problem}; {advice}", path.display())]
    Read {
        /// The file, as far as its path could be resolved.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        advice: String,
    },

    /// A file could not be written. Whatever was there before is still there.
    #[error(
        "cannot write {}: {problem}; choose another folder, or make room and try again",
        path.display()
    )]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the operating system or the encoder said.
        problem: String,
    },

    /// A file was read, but is not a picture that can be used.
    #[error("cannot use the picture {}: {problem}; {advice}", path.display())]
    Picture {
        /// The picture's path, as the project writes it.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        advice: String,
    },

    /// The text of a project cannot be understood.
    #[error("line {line}, column {column}: {problem}; correct that place in a text editor")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found and what was expected there.
        problem: String,
    },

    /// The project was saved by a newer Podium.
    #[error(
        "this project has format version {found}, and this Podium reads version {known}; \
         update Podium to open it"
    )]
    TooNew {
        /// The version that the file states.
        found: u64,
        /// The newest version that this program reads.
        known: u32,
    },

    /// A value is out of its range, or names something that is not there.
    #[error("{place} {problem}; {advice}")]
    Value {
        /// Which value: a dotted key or a few words such as `layer 2 (cat): opacity`.
        place: String,
        /// What is wrong with it, as the rest of a sentence that begins with the place.
        problem: String,
        /// What to do about it.
        advice: String,
    },

    /// A setting's key is not known.
    #[error("there is no setting `{key}`; {}", near_keys(near))]
    UnknownKey {
        /// The key as typed.
        key: String,
        /// The keys that look most like it, best first.
        near: Vec<String>,
    },

    /// The project cannot be expressed in the file format.
    #[error("the project cannot be saved: {problem}; rename the file or folder that it concerns")]
    Unwritable {
        /// What stands in the way; in practice a path that is not valid Unicode.
        problem: String,
    },

    /// Another problem, and the file it was found in.
    #[error("{}: {problem}", path.display())]
    InFile {
        /// The file that holds the problem.
        path: PathBuf,
        /// The problem itself.
        // Not named `source`: the message holds it already, and a printed chain of causes would
        // repeat it.
        problem: Box<ProjectError>,
    },
}

fn near_keys(near: &[String]) -> String {
    format!("did you mean {}?", near.join(", "))
}

impl ProjectError {
    /// The same problem with the file that it was found in.
    pub fn in_file(self, path: &Path) -> Self {
        Self::InFile { path: path.to_owned(), problem: Box::new(self) }
    }

    pub(super) fn value(place: impl Display, problem: impl Display, advice: impl Display) -> Self {
        Self::Value { place: place.to_string(), problem: problem.to_string(), advice: advice.to_string() }
    }

    pub(super) fn picture(path: &Path, problem: impl Display, advice: impl Display) -> Self {
        Self::Picture { path: path.to_owned(), problem: problem.to_string(), advice: advice.to_string() }
    }

    pub(super) fn read(path: &Path, problem: impl Display, advice: impl Display) -> Self {
        Self::Read { path: path.to_owned(), problem: problem.to_string(), advice: advice.to_string() }
    }

    pub(super) fn reading(path: &Path, cause: &io::Error) -> Self {
        let (problem, advice) = match cause.kind() {
            io::ErrorKind::NotFound => {
                ("there is no such file".to_owned(), "correct its path in the project, or choose the file again")
            }
            io::ErrorKind::PermissionDenied => {
                ("permission was denied".to_owned(), "change the file's permissions, or copy it to a folder of yours")
            }
            _ => (cause.to_string(), "check the disk, then try again"),
        };
        Self::read(path, problem, advice)
    }

    pub(super) fn writing(path: &Path, cause: impl Display) -> Self {
        Self::Write { path: path.to_owned(), problem: cause.to_string() }
    }
}

/// Refuses a value outside its range; NaN is outside every range.
pub(super) fn check<T: PartialOrd + Display>(
    place: impl Display,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), ProjectError> {
    if range.contains(&value) {
        return Ok(());
    }
    let advice = format!("use {} to {}", range.start(), range.end());
    Err(ProjectError::value(place, format!("is {value}"), advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_error_reads_as_what_where_and_what_to_do() {
        let error = check("settings.steps", 1000, &(1..=999)).unwrap_err();
        assert_eq!(error.to_string(), "settings.steps is 1000; use 1 to 999");
    }

    #[test]
    fn not_a_number_is_outside_every_range() {
        assert!(check("x", f32::NAN, &(0.0..=1.0)).is_err());
        assert!(check("x", f32::INFINITY, &(0.0..=1.0)).is_err());
        assert!(check("x", 1.0, &(0.0..=1.0)).is_ok());
    }

    #[test]
    fn an_error_in_a_file_names_the_file_first() {
        let inner = ProjectError::TooNew { found: 7, known: 1 };
        let text = inner.in_file(Path::new("cat.ron")).to_string();
        assert!(text.starts_with("cat.ron: this project has format version 7"), "{text}");
    }
}
