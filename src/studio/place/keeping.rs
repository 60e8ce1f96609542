//! Edit masks on their way to the disk. What it does not take stays in memory and is tried again: a full disk may have room
//! in a while, and nobody shall have to paint anew.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::GrayImage;

use crate::studio::places::WriteError;

/// From a mask that could not be written to the next try.
const AGAIN: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(10) };

/// A mask and its file.
pub(super) type Kept = (PathBuf, Arc<GrayImage>);

/// The masks that are not on the disk yet.
#[derive(Default)]
pub(super) struct Keeping {
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

    /// One was written, or not. Gives the words for that, once however many are not.
    pub fn take(&mut self, kept: Kept, written: Result<(), WriteError>, now: Instant) -> Option<String> {
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
        (!said).then(|| format!("The edit mask was not written: {error}. It is kept in memory and tried again."))
    }

    /// Those that are to be tried again by now.
    pub fn due(&mut self, now: Instant) -> Vec<Kept> {
        match self.again {
            Some(again) if again <= now => self.rest(),
            _ => Vec::new(),
        }
    }

    /// All that could not be written.
    pub fn rest(&mut self) -> Vec<Kept> {
        self.again = None;
        std::mem::take(&mut self.failed)
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::super::{Outcome, Placing};
    use super::*;
    use crate::project::{Placement, Project};
    use crate::studio::document::Document;
    use crate::studio::places::Places;
    use crate::studio::tasks::Pool;

    /// A room, its document, and a file where the folder of masks should be.
    struct Bench {
        placing: Placing,
        document: Document,
        places: Places,
        said: Vec<String>,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let places = Places::in_folder(folder.path());
            std::fs::create_dir_all(places.pasted_folder().parent().unwrap()).unwrap();
            std::fs::write(places.pasted_folder(), "in the way").unwrap();
            let project = Project { place: Some(Placement::new("photo.png", "")), ..Project::new() };
            let placing = Placing::new(&Pool::start(Arc::new(|| ())).unwrap());
            let document = Document::new(project, None, "/work".into());
            Self { placing, document, places, said: Vec::new(), _folder: folder }
        }

        /// Paints a mask, and says where it shall be.
        fn paint(&mut self, shade: u8) -> PathBuf {
            let mask = Arc::new(GrayImage::from_pixel(8, 8, Luma([shade])));
            self.placing.set_edit_mask(&mut self.document, &self.places, "Paint", mask);
            self.document.project().place.as_ref().unwrap().edit_mask.clone()
        }

        fn until(&mut self, what: &str, so: impl Fn(&Placing) -> bool) {
            let begun = Instant::now();
            loop {
                for outcome in self.placing.poll() {
                    if let Outcome::Say(notice) = outcome {
                        self.said.push(notice.words);
                    }
                }
                if so(&self.placing) {
                    return;
                }
                assert!(begun.elapsed() < Duration::from_secs(120), "waited in vain: {what}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn a_mask_that_the_disk_does_not_take_is_said_once_and_written_when_it_does() {
        let mut bench = Bench::new();
        let masks = [bench.paint(255), bench.paint(200)];
        bench.until("both were tried", |placing| placing.unwritten() == 2);
        let begun = Instant::now();
        bench.until("they were tried again", |_| begun.elapsed() > AGAIN * 3);
        assert!(bench.said.len() == 1 && bench.said[0].contains("tried again"), "{:?}", bench.said);
        assert!(masks.iter().all(|mask| !mask.exists()));
        std::fs::remove_file(bench.places.pasted_folder()).unwrap();
        bench.until("both are written", |_| masks.iter().all(|mask| mask.exists()));
        bench.until("that is known", |placing| placing.unwritten() == 0 && !placing.is_busy());
        assert_eq!(bench.said.len(), 1);
    }

    #[test]
    fn what_could_not_be_written_is_tried_once_more_at_the_end() {
        let mut bench = Bench::new();
        let mask = bench.paint(255);
        bench.until("it was tried", |placing| placing.unwritten() == 1);
        std::fs::remove_file(bench.places.pasted_folder()).unwrap();
        bench.placing.close();
        assert!(mask.exists());
    }

    #[test]
    fn what_is_told_twice_is_taken_once() {
        let (mut keeping, now) = (Keeping::default(), Instant::now());
        let kept = || (PathBuf::from("/a.png"), Arc::new(GrayImage::new(1, 1)));
        let failed = || Err(WriteError::new("/a.png".as_ref(), "no space"));
        keeping.begin("/a.png".as_ref());
        assert!(keeping.take(kept(), failed(), now).is_some());
        assert_eq!((keeping.take(kept(), failed(), now), keeping.unwritten()), (None, 1));
        assert!(keeping.due(now).is_empty() && keeping.is_awaited("/a.png".as_ref()));
        assert_eq!(keeping.due(now + AGAIN).len(), 1);
        keeping.begin("/a.png".as_ref());
        assert_eq!(keeping.take(kept(), Ok(()), now), None);
        assert!(!keeping.is_awaited("/a.png".as_ref()));
    }
}
