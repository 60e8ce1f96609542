//! The photos of trainings as the window shows them: small, with their masks and what an inspection needs to know.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use image::{GrayImage, RgbImage, RgbaImage};

use crate::engine::train::photos::{self, Facts, MaskFrom};
use crate::project::picture::{cover_gray, shrink_to};
use crate::project::training::Photo;
use crate::project::{Canvas, DiskFiles};

/// The longest side of a photo as it is shown, in pixels; masks are painted in these.
const SIDE: u32 = 768;
/// Photos that are kept in memory.
const KEPT: usize = 48;

/// A photo's files.
pub(super) type Key = (PathBuf, Option<PathBuf>);

/// The files of a photo.
pub(super) fn key(photo: &Photo) -> Key {
    (photo.picture.clone(), photo.mask.clone())
}

/// A photo that was read.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The picture, at most 768 pixels wide and high.
    pub picture: Arc<RgbImage>,
    /// Its mask, as large: 255 is the subject. All of it where there is none.
    pub mask: Arc<GrayImage>,
    /// What an inspection needs to know.
    pub facts: Facts,
}

/// A photo as far as it is known.
#[derive(Clone, Debug)]
pub enum Look {
    /// It is being read.
    Loading,
    /// Here it is.
    Ready(Arc<Looked>),
    /// It cannot be used, in words.
    Failed(String),
}

impl Look {
    /// What is there.
    pub fn ready(&self) -> Option<&Arc<Looked>> {
        match self {
            Self::Ready(looked) => Some(looked),
            _ => None,
        }
    }
}

/// Reads a photo. The paths are absolute.
pub(super) fn look(photo: &Photo) -> Result<Looked, String> {
    let files = DiskFiles { base: PathBuf::new(), assets: crate::assets::find };
    let read = photos::read(&files, photo).map_err(|error| error.to_string())?;
    let facts = Facts::of(&read);
    let (width, height) = read.picture.dimensions();
    let longer = width.max(height);
    if longer <= SIDE {
        return Ok(Looked { picture: Arc::new(read.picture), mask: Arc::new(read.mask), facts });
    }
    // Sides of at most 16384 pixels times 768 fit 32 bits.
    let side = |side: u32| (side * SIDE / longer).max(1);
    let size = Canvas { width: side(width), height: side(height) };
    let whole = RgbaImage::from_fn(width, height, |x, y| {
        let [red, green, blue] = read.picture.get_pixel(x, y).0;
        image::Rgba([red, green, blue, 255])
    });
    let small = shrink_to(&whole, size.width, size.height).map_err(|error| error.to_string())?;
    let picture = image::DynamicImage::ImageRgba8(small).into_rgb8();
    let mask = cover_gray(&read.mask, size).map_err(|error| error.to_string())?;
    Ok(Looked { picture: Arc::new(picture), mask: Arc::new(mask), facts })
}

/// The photos that are known.
#[derive(Debug, Default)]
pub(super) struct Looks {
    known: HashMap<Key, (Look, u64)>,
    used: u64,
}

impl Looks {
    /// A photo; `read` is called where nothing is known of it, and brings it by [`Self::put`].
    pub fn get(&mut self, photo: &Photo, read: impl FnOnce(Photo)) -> Look {
        self.used += 1;
        let used = self.used;
        let (look, last) = self.known.entry(key(photo)).or_insert_with(|| {
            read(photo.clone());
            (Look::Loading, used)
        });
        *last = used;
        look.clone()
    }

    /// A photo, where something is known of it.
    pub fn known(&self, photo: &Photo) -> Option<&Look> {
        self.known.get(&key(photo)).map(|(look, _)| look)
    }

    /// What came of reading one.
    pub fn put(&mut self, key: Key, look: Look) {
        self.used += 1;
        self.known.insert(key, (look, self.used));
        // What was asked for lately stays, however much it is: dropped, it would be read anew in each frame.
        let lately = self.used.saturating_sub(2 * self.known.len() as u64);
        while self.known.len() > KEPT {
            let old = self.known.iter().filter(|(_, (_, used))| *used < lately);
            let oldest = old.min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            self.known.remove(&oldest);
        }
    }

    /// A photo whose mask was painted: what is known of its picture with another mask.
    pub fn repaint(&mut self, photo: &Photo, path: PathBuf, mask: Arc<GrayImage>) {
        let Some(Look::Ready(before)) = self.known(photo).cloned() else { return };
        let mut facts = before.facts.clone();
        let inside = mask.pixels().filter(|pixel| pixel.0[0] > 127).count();
        facts.share = inside as f32 / mask.pixels().len().max(1) as f32;
        facts.mask_from = MaskFrom::File;
        let looked = Looked { picture: before.picture.clone(), mask, facts };
        self.put((photo.picture.clone(), Some(path)), Look::Ready(Arc::new(looked)));
    }

    /// How many are kept.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets those that could not be used.
    pub fn look_again(&mut self) {
        self.known.retain(|_, (look, _)| !matches!(look, Look::Failed(_)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_that_are_shown_stay_however_many_and_others_go() {
        let photo = |number: usize| Photo::new(format!("{number}.png").into());
        let (mut looks, mut read) = (Looks::default(), 0);
        for _ in 0..3 {
            for number in 0..100 {
                let mut wanted = false;
                looks.get(&photo(number), |_| wanted = true);
                if wanted {
                    read += 1;
                    looks.put(key(&photo(number)), Look::Failed(String::new()));
                }
            }
        }
        assert_eq!((read, looks.len()), (100, 100));
        for _ in 0..50 {
            (0..10).for_each(|number| {
                looks.get(&photo(number), |_| panic!("it is there"));
            });
        }
        looks.put(key(&photo(200)), Look::Loading);
        assert_eq!(looks.len(), KEPT, "of those that nobody shows any more the oldest are gone");
        assert!(looks.known(&photo(9)).is_some() && looks.known(&photo(10)).is_none());
    }
}
