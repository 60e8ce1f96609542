//! The photos that pictures are compared with: those of a folder with their masks, or the Plush World's own drawings.

use std::path::{Path, PathBuf};

use image::GrayImage;

use super::metrics::learned::InParts;
use super::metrics::plush_photos;
use super::segmenter::{Segmenter, phrases};
use crate::engine::train::photos::{self, MaskFrom};
use crate::plush::Concept;
use crate::project::DiskFiles;
use crate::project::training::Photo;
use crate::project::training::folder::photos_in;

/// Drawings of a concept of the Plush World.
pub(super) fn drawn(concept: &Concept) -> Vec<InParts> {
    plush_photos(concept).into_iter().map(|(picture, inside)| (picture, vec![inside])).collect()
}

/// The photos of a folder, as trainings have them. What has no mask is looked through by the segmenter for the class word; without
/// one all of it is the subject.
///
/// # Errors
/// In words, where there are none, one cannot be read, or the segmenter finds nothing in one.
pub(super) fn in_folder(
    name: &str,
    class_word: &str,
    folder: &Path,
    segmenter: Option<&Segmenter>,
) -> Result<Vec<InParts>, String> {
    let found = photos_in(folder).map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err(format!("{}: holds no photo of {name}; put 3 to 15 there", folder.display()));
    }
    // Their paths are whole already.
    let files = DiskFiles { base: PathBuf::new(), assets: crate::assets::find };
    let read = |photo: &Photo| {
        let read = photos::read(&files, photo).map_err(|error| error.to_string())?;
        let Some(segmenter) = segmenter.filter(|_| read.mask_from == MaskFrom::Nothing) else {
            return Ok((read.picture, vec![inside(&read.mask)]));
        };
        let words = phrases(std::iter::once(class_word));
        let parts = segmenter.parts(&read.picture, &words)?;
        if parts.is_empty() {
            let path = photo.picture.display();
            return Err(format!(
                "{path}: nothing in it looks like a {class_word}; put its mask beside it (NAME.mask.png), or take it out"
            ));
        }
        Ok((read.picture, parts))
    };
    found.iter().map(read).collect()
}

/// What of a mask is inside, row by row.
pub(super) fn inside(mask: &GrayImage) -> Vec<bool> {
    mask.as_raw().iter().map(|value| *value > 127).collect()
}
