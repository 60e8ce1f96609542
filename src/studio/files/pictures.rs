//! The pictures that a project names, loaded off the window's thread and kept while there is room.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbaImage;

use crate::project::{DiskFiles, picture};

/// The longest side of what the canvas draws; screens are not finer.
const SHOWN_SIDE: u32 = 1024;
/// The longest side of a thumbnail, for screens of twice the density.
const THUMBNAIL_SIDE: u32 = 96;
/// Bytes of full pictures kept; beyond, those not used longest are dropped and loaded again when needed.
const ROOM: usize = 768 << 20;

/// A loaded picture.
#[derive(Debug)]
pub struct Picture {
    /// As it is in its file.
    pub full: Arc<RgbaImage>,
    /// For the canvas, at most 1024 pixels a side.
    pub shown: Arc<RgbaImage>,
    /// For lists, at most 96 pixels a side.
    pub thumbnail: Arc<RgbaImage>,
}

impl Picture {
    /// Makes the smaller ones.
    pub fn new(full: RgbaImage) -> Self {
        let full = Arc::new(full);
        let shown = fit(&full, SHOWN_SIDE);
        let thumbnail = fit(&shown, THUMBNAIL_SIDE);
        Self { full, shown, thumbnail }
    }

    fn bytes(&self) -> usize {
        self.full.as_raw().len() + self.shown.as_raw().len()
    }
}

/// The picture, or a smaller one of the same shape.
fn fit(picture: &Arc<RgbaImage>, side: u32) -> Arc<RgbaImage> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= side {
        return picture.clone();
    }
    let scaled = |length: u32| ((u64::from(length) * u64::from(side) / u64::from(longest)) as u32).max(1);
    Arc::new(picture::shrink_to(picture, scaled(width), scaled(height)).unwrap_or_else(|_| RgbaImage::new(1, 1)))
}

/// Loads a picture as a project names it.
///
/// # Errors
/// In words, when there is no such file or it is no picture that can be used.
pub fn load(folder: &Path, path: &Path) -> Result<Picture, String> {
    let files = DiskFiles { base: folder.to_owned(), assets: crate::assets::find };
    picture::load_rgba(&files, path).map(Picture::new).map_err(|error| error.to_string())
}

enum Slot {
    Loading,
    Ready { picture: Arc<Picture>, used: u64 },
    Failed(String),
}

/// What is known of each picture by its path, relative ones under the folder of the project at hand.
#[derive(Default)]
pub struct Pictures {
    slots: HashMap<(PathBuf, PathBuf), Slot>,
    clock: u64,
}

/// The state of one picture.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// Not there yet.
    Loading,
    /// There.
    Ready(Arc<Picture>),
    /// It cannot be used, in words.
    Failed(String),
}

impl Pictures {
    /// A picture; `load` is called once with folder and path where it is not known yet.
    pub fn get(&mut self, folder: &Path, path: &Path, load: impl FnOnce(PathBuf, PathBuf)) -> Loaded {
        self.clock += 1;
        let base = if crate::project::files::asset_name(path).is_some() { Path::new("") } else { folder };
        let key = (base.to_owned(), path.to_owned());
        match self.slots.get_mut(&key) {
            Some(Slot::Ready { picture, used }) => {
                *used = self.clock;
                Loaded::Ready(picture.clone())
            }
            Some(Slot::Loading) => Loaded::Loading,
            Some(Slot::Failed(words)) => Loaded::Failed(words.clone()),
            None => {
                self.slots.insert(key, Slot::Loading);
                load(base.to_owned(), path.to_owned());
                Loaded::Loading
            }
        }
    }

    /// A picture came.
    pub fn put(&mut self, folder: PathBuf, path: PathBuf, loaded: Result<Picture, String>) {
        let slot = match loaded {
            Ok(picture) => Slot::Ready { picture: Arc::new(picture), used: self.clock },
            Err(words) => Slot::Failed(words),
        };
        self.slots.insert((folder, path), slot);
        self.make_room();
    }

    /// Forgets what failed, so that a file put right is found.
    pub fn try_again(&mut self) {
        self.slots.retain(|_, slot| !matches!(slot, Slot::Failed(_)));
    }

    fn make_room(&mut self) {
        let mut ready: Vec<(u64, usize, (PathBuf, PathBuf))> = self
            .slots
            .iter()
            .filter_map(|(key, slot)| match slot {
                Slot::Ready { picture, used } => Some((*used, picture.bytes(), key.clone())),
                _ => None,
            })
            .collect();
        let mut bytes: usize = ready.iter().map(|(_, bytes, _)| bytes).sum();
        ready.sort();
        for (_, size, key) in ready {
            if bytes <= ROOM {
                return;
            }
            bytes -= size;
            self.slots.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_asked_for_once_and_comes_in_three_sizes() {
        let mut pictures = Pictures::default();
        let mut asked = 0;
        let path = Path::new("assets:scenes/beach.png");
        for _ in 0..2 {
            assert!(matches!(pictures.get(Path::new("/x"), path, |_, _| asked += 1), Loaded::Loading));
        }
        assert_eq!(asked, 1);
        pictures.put(PathBuf::new(), path.into(), load(Path::new("/x"), path));
        let Loaded::Ready(picture) = pictures.get(Path::new("/elsewhere"), path, |_, _| ()) else {
            panic!("not there")
        };
        assert!(picture.thumbnail.width().max(picture.thumbnail.height()) <= THUMBNAIL_SIDE);
    }

    #[test]
    fn a_wide_picture_keeps_its_shape() {
        let picture = Picture::new(RgbaImage::new(4096, 2));
        assert_eq!(picture.shown.dimensions(), (1024, 1));
        assert_eq!(picture.thumbnail.dimensions(), (96, 1));
    }

    #[test]
    fn what_cannot_be_used_says_why_until_it_is_tried_again() {
        let mut pictures = Pictures::default();
        let (folder, path) = (Path::new("/nowhere"), Path::new("cat.png"));
        pictures.get(folder, path, |_, _| ());
        pictures.put(folder.into(), path.into(), load(folder, path));
        let Loaded::Failed(words) = pictures.get(folder, path, |_, _| ()) else { panic!("loaded") };
        assert!(words.contains("/nowhere/cat.png"), "{words}");
        pictures.try_again();
        assert!(matches!(pictures.get(folder, path, |_, _| ()), Loaded::Loading));
    }
}
