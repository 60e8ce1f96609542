//! Why a photo is not decoded.

use heifer::heifer_isobmff;

use super::super::error::ProjectError;

/// Why a photo is not decoded.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is not what it says.
    Damaged(String),
    /// It is whole, and of a kind that is not read.
    Unusual(String),
    /// It was refused by whoever wants it.
    Refused(ProjectError),
}

impl From<heifer_isobmff::Error> for Fault {
    fn from(error: heifer_isobmff::Error) -> Self {
        match error {
            heifer_isobmff::Error::Unimplemented(what) => Self::Unusual(what.to_owned()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// The file is not what it says.
pub(super) fn damaged<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Damaged(what.to_owned()))
}

/// It is whole, and of a kind that is not read.
pub(super) fn unusual<T>(what: &str) -> Result<T, Fault> {
    Err(Fault::Unusual(what.to_owned()))
}
