//! A folder of masks that the disk does not take for a while.

use std::time::{Duration, Instant};

use image::Luma;

use super::*;
use crate::project::Placement;

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
    bench.until("they were tried again", |_| begun.elapsed() > Duration::from_millis(200));
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
