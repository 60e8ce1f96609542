//! Painted masks on their way to the disk. What it does not take stays in memory and is tried again: a full disk may have
//! room in a while, and nobody shall have to paint anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use image::GrayImage;

use super::painted;
use crate::studio::places::{AGAIN, WriteError};

/// A mask and its file.
pub type Kept = (PathBuf, Arc<GrayImage>);

/// The masks that are not on the disk yet.
#[derive(Debug, Default)]
pub struct Keeping {
    /// Those that are being written, by the number of times that each is.
    writing: HashMap<PathBuf, usize>,
    /// Those that could not be, the oldest first.
    failed: Vec<Kept>,
    /// When they are tried again.
    again: Option<Instant>,
    /// Whether it was said that one could not be written, since one last could.
    told: bool,
}

impl Keeping {
    /// One is being written.
    pub fn begin(&mut self, path: &Path) {
        *self.writing.entry(path.to_owned()).or_default() += 1;
        self.failed.retain(|(failed, _)| failed != path);
    }

    /// Whether a mask is not on the disk yet.
    pub fn is_awaited(&self, path: &Path) -> bool {
        self.writing.contains_key(path) || self.failed.iter().any(|(failed, _)| failed == path)
    }

    /// How many could not be written so far.
    pub fn unwritten(&self) -> usize {
        self.failed.len()
    }

    /// One was written, or not. Gives what is to be said of that, once however many are not; it begins with `what`.
    pub fn take(&mut self, what: &str, kept: Kept, written: Result<(), WriteError>, now: Instant) -> Option<String> {
        // What nobody waits for was told already.
        let count = self.writing.get_mut(&kept.0)?;
        *count -= 1;
        if *count == 0 {
            self.writing.remove(&kept.0);
        }
        let Err(error) = written else {
            self.told = false;
            return None;
        };
        self.failed.retain(|(failed, _)| *failed != kept.0);
        self.failed.push(kept);
        self.again = Some(now + AGAIN);
        let said = std::mem::replace(&mut self.told, true);
        (!said).then(|| format!("{what} was not written: {error}. It is kept in memory and tried again."))
    }

    /// Those that are to be tried again by now.
    pub fn due(&mut self, now: Instant) -> Vec<Kept> {
        match self.again {
            Some(again) if again <= now => self.rest(),
            _ => Vec::new(),
        }
    }

    /// Tries all that could not be written once more, at the end of the session, and waits for that.
    pub fn end(&mut self) {
        for (path, mask) in self.rest() {
            if let Err(error) = painted::write(&path, &mask) {
                log::warn!("{error}");
            }
        }
    }

    fn rest(&mut self) -> Vec<Kept> {
        self.again = None;
        std::mem::take(&mut self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_twice_is_taken_once() {
        let (mut keeping, now) = (Keeping::default(), Instant::now());
        let kept = || (PathBuf::from("/a.png"), Arc::new(GrayImage::new(1, 1)));
        let failed = || Err(WriteError::new("/a.png".as_ref(), "no space"));
        keeping.begin("/a.png".as_ref());
        assert!(keeping.take("The mask", kept(), failed(), now).is_some());
        assert_eq!((keeping.take("The mask", kept(), failed(), now), keeping.unwritten()), (None, 1));
        assert!(keeping.due(now).is_empty() && keeping.is_awaited("/a.png".as_ref()));
        assert_eq!(keeping.due(now + AGAIN).len(), 1);
        keeping.begin("/a.png".as_ref());
        assert_eq!(keeping.take("The mask", kept(), Ok(()), now), None);
        assert!(!keeping.is_awaited("/a.png".as_ref()));
    }
}
