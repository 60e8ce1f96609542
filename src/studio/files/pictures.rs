//! The pictures that a project names, loaded off the window's thread and kept while there is room.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbaImage;

use crate::project::files::{asset_name, resolve};
use crate::project::stamp::Stamp;
use crate::project::{DiskFiles, picture};

/// The longest side of what the canvas draws; screens are not finer.
const SHOWN_SIDE: u32 = 1024;
/// The longest side of a thumbnail, for screens of twice the density.
const THUMBNAIL_SIDE: u32 = 96;
/// Bytes of full pictures kept where nobody says otherwise.
const ROOM: u64 = 768 << 20;

/// A loaded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Width and height in its file, upright.
    pub size: (u32, u32),
    /// As it is in its file; None where it gave way to others. What draws the collage reads it again.
    pub full: Option<Arc<RgbaImage>>,
    /// For the canvas, at most 1024 pixels a side.
    pub shown: Arc<RgbaImage>,
    /// For lists, at most 96 pixels a side.
    pub thumbnail: Arc<RgbaImage>,
    /// How its file was before it was read.
    stamp: Option<Stamp>,
}

impl Picture {
    /// Makes the smaller ones.
    pub fn new(full: RgbaImage) -> Self {
        let full = Arc::new(full);
        let shown = fit(&full, SHOWN_SIDE);
        let thumbnail = fit(&shown, THUMBNAIL_SIDE);
        Self { size: full.dimensions(), full: Some(full), shown, thumbnail, stamp: None }
    }

    /// Bytes that the full picture takes beside the smaller ones.
    fn bytes(&self) -> u64 {
        let full = self.full.as_ref().filter(|full| !Arc::ptr_eq(full, &self.shown));
        full.map_or(0, |full| full.as_raw().len() as u64)
    }

    /// Without the full picture.
    fn small(&self) -> Self {
        let Self { size, shown, thumbnail, stamp, .. } = self;
        Self { size: *size, full: None, shown: shown.clone(), thumbnail: thumbnail.clone(), stamp: *stamp }
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
    let stamp = stamp_of(folder, path);
    let picture = picture::load_rgba(&files, path).map_err(|error| error.to_string())?;
    Ok(Picture { stamp, ..Picture::new(picture) })
}

/// How a picture's file is; None for what is built in.
fn stamp_of(folder: &Path, path: &Path) -> Option<Stamp> {
    asset_name(path).is_none().then(|| Stamp::of(&resolve(folder, path)))?
}

enum Slot {
    Loading,
    Ready { picture: Arc<Picture>, used: u64 },
    Failed(String),
}

/// What is known of each picture by its path, relative ones under the folder of the project at hand.
pub struct Pictures {
    slots: HashMap<(PathBuf, PathBuf), Slot>,
    clock: u64,
    /// Bytes of full pictures kept.
    room: u64,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { slots: HashMap::new(), clock: 0, room: ROOM }
    }
}

/// Pictures by folder and path, with how their files were when they were read.
pub type Seen = Vec<((PathBuf, PathBuf), Option<Stamp>)>;

/// Those of them whose files have changed since. Asks the disk.
pub fn changed(seen: Seen) -> Vec<(PathBuf, PathBuf)> {
    let is_other = |((folder, path), stamp): &((PathBuf, PathBuf), Option<Stamp>)| stamp_of(folder, path) != *stamp;
    seen.into_iter().filter(is_other).map(|(key, _)| key).collect()
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

    /// Sets how many bytes of full pictures are kept.
    pub fn set_room(&mut self, room: u64) {
        self.room = room;
        self.make_room();
    }

    /// Bytes of full pictures held.
    pub fn bytes(&self) -> u64 {
        self.ready().map(|(_, picture, _)| picture.bytes()).sum()
    }

    /// All that are there, with how their files were.
    pub fn seen(&self) -> Seen {
        self.ready().map(|(key, picture, _)| (key.clone(), picture.stamp)).collect()
    }

    /// Forgets pictures whose files have changed, so that they are read again.
    pub fn forget(&mut self, changed: &[(PathBuf, PathBuf)]) {
        changed.iter().for_each(|key| _ = self.slots.remove(key));
    }

    fn ready(&self) -> impl Iterator<Item = (&(PathBuf, PathBuf), &Arc<Picture>, u64)> {
        self.slots.iter().filter_map(|(key, slot)| match slot {
            Slot::Ready { picture, used } => Some((key, picture, *used)),
            _ => None,
        })
    }

    /// Forgets what failed, so that a file put right is found.
    pub fn try_again(&mut self) {
        self.slots.retain(|_, slot| !matches!(slot, Slot::Failed(_)));
    }

    /// Drops full pictures, those not used longest first, until the rest fits. Small versions stay, so that what the next
    /// frame draws is always there.
    fn make_room(&mut self) {
        let mut bytes = self.bytes();
        let mut ready: Vec<_> = self.ready().map(|(key, picture, used)| (used, picture.bytes(), key.clone())).collect();
        ready.sort();
        for (_, size, key) in ready.into_iter().filter(|(_, size, _)| *size > 0) {
            if bytes <= self.room {
                return;
            }
            bytes -= size;
            if let Some(Slot::Ready { picture, .. }) = self.slots.get_mut(&key) {
                *picture = Arc::new(picture.small());
            }
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
    fn small_versions_stay_where_full_pictures_give_way() {
        let mut pictures = Pictures { room: 3 * 2048 * 1024 * 4, ..Pictures::default() };
        let folder = Path::new("/work");
        for number in 0..10 {
            let path = PathBuf::from(format!("{number}.png"));
            pictures.get(folder, &path, |_, _| ());
            pictures.put(folder.into(), path, Ok(Picture::new(RgbaImage::new(2048, 1024))));
            assert!(pictures.bytes() <= 3 * 2048 * 1024 * 4, "{} bytes", pictures.bytes());
        }
        let mut whole = Vec::new();
        for number in 0..10 {
            let path = PathBuf::from(format!("{number}.png"));
            let Loaded::Ready(picture) = pictures.get(folder, &path, |_, _| panic!("asked for again")) else {
                panic!("not there")
            };
            assert_eq!((picture.size, picture.shown.dimensions()), ((2048, 1024), (1024, 512)));
            whole.push(picture.full.is_some());
        }
        assert_eq!(whole, [vec![false; 7], vec![true; 3]].concat(), "the last ones");
    }

    #[test]
    fn a_picture_that_was_edited_elsewhere_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, name) = (folder.path().join("a.png"), Path::new("a.png"));
        let save =
            |shade: u8| RgbaImage::from_pixel(4 + u32::from(shade), 4, image::Rgba([shade; 4])).save(&path).unwrap();
        save(1);
        let mut pictures = Pictures::default();
        pictures.get(folder.path(), name, |_, _| ());
        pictures.put(folder.path().into(), name.into(), load(folder.path(), name));
        assert_eq!(changed(pictures.seen()), []);
        save(2);
        let now = changed(pictures.seen());
        assert_eq!(now, [(folder.path().to_owned(), name.to_owned())]);
        pictures.forget(&now);
        let mut asked = 0;
        assert!(matches!(pictures.get(folder.path(), name, |_, _| asked += 1), Loaded::Loading));
        assert_eq!(asked, 1);
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
