//! Small pictures of what was found, made in the background; how many are kept is bounded.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::engine::adapters;
use crate::engine::tensors::{self as stored, TensorFile};
use crate::project::picture;

/// The longest side of a preview, pixels.
pub const SIDE: u32 = 256;
/// The most that are kept: 192 kB each.
const MOST: usize = 256;
/// The most that are being made at once; of those farther down in the list is asked again.
const MOST_ASKED: usize = 16;
/// The largest file that is decoded for this.
const MAX_BYTES: u64 = 32 << 20;
/// How much of a file is looked at to tell whether it is a picture or has one in its metadata.
const HEAD: u64 = 512;

/// A preview, as far as it is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// It is being made.
    Loading,
    /// Here it is.
    Ready(Arc<RgbImage>),
    /// It cannot be shown.
    Failed,
}

/// The previews that are known.
#[derive(Debug, Default)]
pub struct Previews {
    known: HashMap<PathBuf, (Preview, u64)>,
    asked: usize,
    clock: u64,
}

impl Previews {
    /// The preview of a picture; `make` is called where it has to be made.
    pub fn get(&mut self, path: &Path, make: impl FnOnce(PathBuf)) -> Preview {
        self.clock += 1;
        if let Some((preview, used)) = self.known.get_mut(path) {
            *used = self.clock;
            return preview.clone();
        }
        if self.asked < MOST_ASKED {
            self.asked += 1;
            self.known.insert(path.to_owned(), (Preview::Loading, self.clock));
            make(path.to_owned());
        }
        Preview::Loading
    }

    /// Takes one in that was made, and drops those that were not looked at for longest.
    pub fn put(&mut self, path: PathBuf, made: Option<RgbImage>) {
        if !matches!(self.known.get(&path), Some((Preview::Loading, _))) {
            return;
        }
        self.asked = self.asked.saturating_sub(1);
        let made = made.map_or(Preview::Failed, |picture| Preview::Ready(Arc::new(picture)));
        self.known.insert(path, (made, self.clock));
        while self.known.len() > MOST {
            let waits = |preview: &Preview| matches!(preview, Preview::Loading);
            let settled = self.known.iter().filter(|(_, (preview, _))| !waits(preview));
            let oldest = settled.min_by_key(|(_, (_, used))| *used).map(|(path, _)| path.clone());
            let Some(oldest) = oldest else { return };
            self.known.remove(&oldest);
        }
    }

    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.known.len()
    }
}

/// Makes one: small, upright, without transparency. Takes a while, and memory for the whole picture.
pub fn make(path: &Path) -> Option<RgbImage> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let mut bytes = Vec::new();
    if stored::may_be(&head) {
        bytes = adapters::thumbnail(&TensorFile::open(path).ok()?)?;
    } else {
        File::open(path).ok()?.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return None;
    }
    let whole = picture::decode(&bytes, path).ok()?;
    Some(whole.thumbnail(SIDE, SIDE).into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_kept_and_no_more_those_looked_at_last() {
        let mut previews = Previews::default();
        let path = |number: usize| PathBuf::from(format!("/{number}.png"));
        for number in 0..MOST + 50 {
            assert_eq!(previews.get(&path(number), |_| ()), Preview::Loading);
            // The first is looked at all the time.
            previews.get(&path(0), |_| ());
            previews.put(path(number), Some(RgbImage::new(1, 1)));
        }
        assert_eq!(previews.len(), MOST);
        let mut asked = Vec::new();
        assert!(matches!(previews.get(&path(0), |path| asked.push(path)), Preview::Ready(_)));
        assert!(matches!(previews.get(&path(1), |path| asked.push(path)), Preview::Loading));
        assert_eq!(asked, [path(1)]);
    }

    #[test]
    fn not_all_of_a_long_list_are_made_at_once() {
        let mut previews = Previews::default();
        let mut asked = 0;
        for number in 0..100 {
            previews.get(Path::new(&format!("/{number}.png")), |_| asked += 1);
        }
        assert_eq!(asked, MOST_ASKED);
        previews.put("/0.png".into(), None);
        assert_eq!(previews.get(Path::new("/0.png"), |_| asked += 1), Preview::Failed);
        previews.get(Path::new("/99.png"), |_| asked += 1);
        assert_eq!(asked, MOST_ASKED + 1);
    }

    #[test]
    fn a_picture_becomes_small_and_what_is_none_becomes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        RgbImage::new(1000, 500).save(&path).unwrap();
        assert_eq!(make(&path).unwrap().dimensions(), (256, 128));
        std::fs::write(&path, b"no picture").unwrap();
        assert!(make(&path).is_none() && make(folder.path()).is_none());
    }
}
