//! Placing subjects into a photo: the photo as the render sees it, and the mask of where it may change.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{GrayImage, ImageFormat, Luma, RgbImage};

use super::pictures::Loaded;
use super::places::{WriteError, write_whole};
use super::{Place, Studio, Told, geometry};
use crate::project::picture::{cover, cover_gray, load_gray};
use crate::project::{Canvas, Collage};

/// Masks kept in memory, so that undo shows an earlier one at once.
const KEPT: usize = 32;
/// How far a mask made of the layers' outlines goes beyond them, in canvas pixels: the subject's new shape needs room.
pub const MARGIN: u32 = 16;
/// What the obstacle is called while a mask is on its way to the disk.
const BEING_WRITTEN: &str = "The edit mask is still being written. Try again in a moment.";

/// Something as it is known so far.
#[derive(Clone, Debug)]
pub enum Known<T> {
    /// There is none.
    None,
    /// It is on its way.
    Loading,
    /// Here it is, of the canvas's size.
    Ready(Arc<T>),
    /// It cannot be used, in words.
    Failed(String),
}

impl<T> Known<T> {
    /// What is there.
    pub fn ready(&self) -> Option<&Arc<T>> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }
}

/// A file, from the folder that its path starts in, on a canvas.
type Key = (PathBuf, PathBuf, Canvas);

/// What is known of the placement's pictures.
#[derive(Default)]
pub(super) struct Placing {
    photo: Option<(Key, Known<RgbImage>)>,
    /// The newest last.
    masks: Vec<(Key, Known<GrayImage>)>,
    /// Masks on their way to the disk, by the number of times that each is.
    writing: HashMap<PathBuf, usize>,
}

/// What came of a piece of work for the placement.
pub(super) enum Placed {
    Photo(Key, Result<RgbImage, String>),
    Mask(Key, Result<GrayImage, String>),
    Written(PathBuf, Result<(), WriteError>),
    Outlines(GrayImage),
}

impl Placing {
    fn keep(&mut self, key: Key, mask: Known<GrayImage>) {
        self.masks.retain(|(known, _)| *known != key);
        self.masks.push((key, mask));
        let surplus = self.masks.len().saturating_sub(KEPT);
        self.masks.drain(..surplus);
    }
}

impl Studio {
    /// The photo that subjects are placed into, as it covers the canvas.
    pub fn placed_photo(&mut self) -> Known<RgbImage> {
        let Some(place) = &self.project().place else { return Known::None };
        let (path, canvas) = (place.photo.clone(), self.project().canvas);
        let key = (self.folder.clone(), path.clone(), canvas);
        if let Some((known, photo)) = &self.placing.photo
            && *known == key
        {
            return photo.clone();
        }
        match self.picture(&path) {
            Loaded::Loading => Known::Loading,
            Loaded::Failed(words) => Known::Failed(words),
            Loaded::Ready(picture) => {
                self.placing.photo = Some((key.clone(), Known::Loading));
                let full = picture.full.clone();
                self.tasks.run(move || {
                    let covered = cover(&full, canvas).map_err(|error| error.to_string());
                    Told::Placed(Box::new(Placed::Photo(key, covered)))
                });
                Known::Loading
            }
        }
    }

    /// The edit mask as it covers the canvas: white may change.
    pub fn edit_mask(&mut self) -> Known<GrayImage> {
        let Some(place) = &self.project().place else { return Known::None };
        if place.edit_mask.as_os_str().is_empty() {
            return Known::None;
        }
        let (path, canvas) = (place.edit_mask.clone(), self.project().canvas);
        let key = (self.folder.clone(), path.clone(), canvas);
        if let Some((_, mask)) = self.placing.masks.iter().find(|(known, _)| *known == key) {
            return mask.clone();
        }
        self.placing.keep(key.clone(), Known::Loading);
        let files = self.files();
        self.tasks.run(move || {
            let load = || cover_gray(&load_gray(&files, &path)?, canvas);
            let mask = load().map_err(|error| error.to_string());
            Told::Placed(Box::new(Placed::Mask(key, mask)))
        });
        Known::Loading
    }

    /// Makes this the edit mask, as one step: it is kept as a file, whose name is that of its contents, so that undo
    /// finds every earlier one.
    pub fn set_edit_mask(&mut self, name: &str, mask: Arc<GrayImage>) {
        if self.project().place.is_none() {
            return;
        }
        let mut hash = blake3::Hasher::new();
        hash.update(&mask.width().to_le_bytes()).update(mask.as_raw());
        let hash = hash.finalize().to_hex();
        let path = self.places.pasted_folder().join(format!("edit-mask-{}.png", hash.get(..16).unwrap_or_default()));
        let key = (self.folder.clone(), path.clone(), self.project().canvas);
        let changed = self.edit(name, |project| {
            if let Some(place) = &mut project.place {
                place.edit_mask = path.clone();
            }
        });
        if !changed {
            return;
        }
        self.placing.keep(key, Known::Ready(mask.clone()));
        *self.placing.writing.entry(path.clone()).or_default() += 1;
        self.tasks.run(move || {
            let written = write(&path, &mask);
            Told::Placed(Box::new(Placed::Written(path, written)))
        });
    }

    /// Takes the union of where concepts' layers show, widened by [`MARGIN`], for the edit mask.
    pub fn edit_mask_from_outlines(&mut self) {
        let collage = match self.collage_now() {
            Some(Ok(collage)) => collage,
            Some(Err(words)) => return self.notice(PLACE, words),
            None => return self.notice(PLACE, "The layers are still being drawn. Try again in a moment."),
        };
        if !collage.masks.iter().any(|mask| mask.concept.is_some() && !mask.is_hidden()) {
            let words =
                "No layer that stands for a concept can be seen. Drag a concept onto a layer first, or paint the mask.";
            return self.notice(PLACE, words);
        }
        self.tasks.run(move || Told::Placed(Box::new(Placed::Outlines(outlines(&collage, MARGIN)))));
    }

    /// Composes freely again.
    pub fn remove_photo(&mut self) {
        self.edit("Remove the photo", |project| project.place = None);
    }

    /// Looks again for a photo or mask that was not there.
    pub fn look_for_photo_again(&mut self) {
        self.look_again();
        self.placing.photo = None;
        self.placing.masks.retain(|(_, mask)| !matches!(mask, Known::Failed(_)));
    }

    /// Why the placement keeps a render from starting, in words with what to do; None where it does not, or is not
    /// known to yet.
    pub fn place_obstacle(&mut self) -> Option<String> {
        let place = self.project().place.clone()?;
        if let Known::Failed(words) = self.placed_photo() {
            return Some(format!("The photo: {words}"));
        }
        if self.placing.writing.contains_key(&place.edit_mask) {
            return Some(BEING_WRITTEN.into());
        }
        match self.edit_mask() {
            Known::None => Some(
                "The photo has no edit mask, so nothing of it may change. Paint on the Place page where the subjects \
                 go, or remove the photo there."
                    .into(),
            ),
            Known::Failed(words) => Some(format!("The edit mask: {words}")),
            Known::Ready(mask) if is_empty(&mask) => Some(
                "The edit mask is empty, so nothing of the photo may change. Paint on the Place page where the \
                 subjects go, or remove the photo there."
                    .into(),
            ),
            Known::Ready(_) | Known::Loading => None,
        }
    }

    pub(super) fn take_placed(&mut self, placed: Placed) {
        match placed {
            Placed::Photo(key, photo) => {
                if let Some((known, slot)) = &mut self.placing.photo
                    && *known == key
                {
                    *slot = known_of(photo);
                }
            }
            Placed::Mask(key, mask) => {
                // One that was painted meanwhile is newer than its file.
                if let Some((_, slot @ Known::Loading)) = self.placing.masks.iter_mut().find(|(known, _)| *known == key)
                {
                    *slot = known_of(mask);
                }
            }
            Placed::Written(path, written) => {
                if let Some(count) = self.placing.writing.get_mut(&path) {
                    *count -= 1;
                    if *count == 0 {
                        self.placing.writing.remove(&path);
                    }
                }
                if let Err(error) = written {
                    self.notice(
                        PLACE,
                        format!("The edit mask was not kept: {error}. Undo the stroke and paint it again."),
                    );
                }
            }
            Placed::Outlines(mask) => self.set_edit_mask("Take the edit mask from the outlines", Arc::new(mask)),
        }
    }
}

/// Where messages about the placement belong.
pub const PLACE: Place = Place::Setting("place");

fn known_of<T>(found: Result<T, String>) -> Known<T> {
    found.map_or_else(Known::Failed, |value| Known::Ready(Arc::new(value)))
}

/// Whether a mask has nothing in it once it is thresholded.
pub fn is_empty(mask: &GrayImage) -> bool {
    mask.pixels().all(|pixel| pixel.0 <= [127])
}

fn write(path: &Path, mask: &GrayImage) -> Result<(), WriteError> {
    if path.exists() {
        return Ok(());
    }
    let mut bytes = Cursor::new(Vec::new());
    mask.write_to(&mut bytes, ImageFormat::Png).map_err(|error| WriteError::new(path, error))?;
    write_whole(path, bytes.get_ref())
}

/// Where layers with a concept show, and all within `margin` pixels of it.
fn outlines(collage: &Collage, margin: u32) -> GrayImage {
    let (width, height) = collage.picture.dimensions();
    let mut inside = vec![false; width as usize * height as usize];
    for layer in collage.masks.iter().filter(|layer| layer.concept.is_some()) {
        for (cell, pixel) in inside.iter_mut().zip(layer.mask.pixels()) {
            *cell |= pixel.0[0] > 127;
        }
    }
    widen(&inside, (width, height), margin)
}

/// White within `margin` pixels of what is inside.
fn widen(inside: &[bool], (width, height): (u32, u32), margin: u32) -> GrayImage {
    let (columns, far) = (width as usize, i64::from(margin));
    // For each row, how many cells to the left of a column are inside: a run of cells is then looked at in one step.
    let counts: Vec<Vec<u32>> = inside
        .chunks(columns.max(1))
        .map(|row| {
            let mut count = 0;
            let sums = row.iter().map(|cell| {
                count += u32::from(*cell);
                count
            });
            std::iter::once(0).chain(sums).collect()
        })
        .collect();
    let reach: Vec<i64> = (-far..=far).map(|down| ((far * far - down * down) as f64).sqrt() as i64).collect();
    GrayImage::from_fn(width, height, |x, y| {
        let near = (-far..=far).zip(&reach).any(|(down, reach)| {
            let Ok(row) = usize::try_from(i64::from(y) + down) else { return false };
            let Some(counts) = counts.get(row) else { return false };
            let from = (i64::from(x) - reach).max(0) as usize;
            let to = ((i64::from(x) + reach + 1) as usize).min(columns);
            counts.get(to) > counts.get(from)
        });
        Luma([if near { 255 } else { 0 }])
    })
}

/// Paints on a mask from one point to another, in canvas pixels: white, or black where `erase`.
pub fn paint(mask: &mut GrayImage, from: (f32, f32), to: (f32, f32), radius: f32, erase: bool) {
    let (width, height) = mask.dimensions();
    let numbers = [from.0, from.1, to.0, to.1, radius];
    if !numbers.iter().all(|number| number.is_finite()) {
        return;
    }
    let span = |a: f32, b: f32, most: u32| {
        let first = (a.min(b) - radius).floor().clamp(0.0, most as f32) as u32;
        let last = (a.max(b) + radius).ceil().clamp(0.0, most as f32) as u32;
        first..last
    };
    let value = Luma([if erase { 0 } else { 255 }]);
    for y in span(from.1, to.1, height) {
        for x in span(from.0, to.0, width) {
            if geometry::distance((x as f32 + 0.5, y as f32 + 0.5), from, to) <= radius {
                mask.put_pixel(x, y, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white(mask: &GrayImage) -> usize {
        mask.pixels().filter(|pixel| pixel.0 == [255]).count()
    }

    #[test]
    fn a_stroke_is_as_wide_as_its_brush_and_erasing_takes_it_away() {
        let mut mask = GrayImage::new(64, 64);
        paint(&mut mask, (16.0, 32.0), (48.0, 32.0), 4.0, false);
        assert_eq!(mask.get_pixel(32, 28).0, [255]);
        assert_eq!(mask.get_pixel(32, 35).0, [255]);
        assert_eq!(mask.get_pixel(32, 36).0, [0]);
        assert_eq!(mask.get_pixel(12, 32).0, [255]);
        assert_eq!(mask.get_pixel(11, 32).0, [0]);
        assert!(!is_empty(&mask));
        paint(&mut mask, (0.0, 32.0), (64.0, 32.0), 5.0, true);
        assert!(is_empty(&mask));
    }

    #[test]
    fn strokes_outside_the_canvas_or_of_no_numbers_harm_nothing() {
        let mut mask = GrayImage::new(64, 64);
        paint(&mut mask, (-500.0, -500.0), (-100.0, 900.0), 8.0, false);
        paint(&mut mask, (f32::NAN, 0.0), (5.0, f32::INFINITY), 8.0, false);
        assert!(is_empty(&mask));
        paint(&mut mask, (-500.0, 32.0), (900.0, 32.0), 1.0, false);
        assert_eq!(white(&mask), 128);
    }

    #[test]
    fn a_widened_point_is_a_disc() {
        let mut inside = vec![false; 64 * 64];
        inside[32 * 64 + 32] = true;
        let mask = widen(&inside, (64, 64), 16);
        let naive = (0..64i64 * 64).filter(|at| (at % 64 - 32).pow(2) + (at / 64 - 32).pow(2) <= 256).count();
        assert_eq!(white(&mask), naive);
        let mut corner = vec![false; 64 * 64];
        corner[0] = true;
        assert_eq!(widen(&corner, (64, 64), 2).get_pixel(2, 0).0, [255]);
        assert_eq!(white(&widen(&corner, (64, 64), 0)), 1);
        assert_eq!(white(&widen(&vec![false; 64 * 64], (64, 64), 16)), 0);
    }
}
