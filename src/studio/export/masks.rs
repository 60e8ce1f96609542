//! Where each subject ended up: its masks as pictures, and their outlines over the picture.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};

use super::draw::{is_on, mask_picture, mask_sized, plain, scaled, write_gray, write_rgb};
use super::whole::Batch;
use super::{ExportError, Progress, Take};
use crate::engine::masks::Mask;
use crate::link::MaskView;
use crate::project::Project;

/// The colour of a concept that the project does not have.
pub(super) const UNKNOWN: [u8; 3] = [160, 160, 160];

/// The line around an outline, which keeps it visible on a ground of its own colour.
const RIM: [u8; 3] = [16, 16, 16];

/// The file with all outlines.
const OVERVIEW: &str = "masks.png";

/// Writes the masks of the newest step that has any, white on black and of the canvas's size: for each subject its
/// custom, base and combined one, such as `mask1-Tom-custom.png`; and, in `masks.png`, the picture with an outline in
/// the concept's colour around each combined mask.
///
/// The folder is created; other files in it are left alone. The paths come back subject by subject, the overview last.
///
/// # Errors
/// When the render has no masks, a file cannot be written, or `progress` stops; then no file is there that was not
/// before.
pub fn masks(folder: &Path, take: &Take, progress: &mut Progress<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let of = |view: &'_ crate::link::StepView| view.masks.get(take.picture).is_some_and(|masks| !masks.is_empty());
    let view = take.steps.iter().rev().find(|view| of(view));
    let subjects = view.and_then(|view| view.masks.get(take.picture)).ok_or(ExportError::Nothing {
        what: "the render has no masks",
        advice: "give a concept to a layer and render, or wait for the first step",
    })?;
    let size = take.size()?;
    let mut batch = Batch::in_folder(folder)?;
    let total = subjects.len() * 3 + 1;
    let mut paths = Vec::with_capacity(total);
    for (index, subject) in subjects.iter().enumerate() {
        for (kind, mask) in [("custom", &subject.custom), ("base", &subject.base), ("combined", &subject.combined)] {
            if !progress(paths.len(), total) {
                return Err(ExportError::Stopped);
            }
            let path = folder.join(format!("mask{}-{}-{kind}.png", index + 1, plain(&subject.concept)));
            batch.write(&path, |out| write_gray(&mask_picture(&mask_sized(mask, size)), out))?;
            paths.push(path);
        }
    }
    if !progress(paths.len(), total) {
        return Err(ExportError::Stopped);
    }
    let path = folder.join(OVERVIEW);
    batch.write(&path, |out| write_rgb(&overview(take, subjects, size), out))?;
    paths.push(path);
    batch.keep()?;
    progress(total, total);
    Ok(paths)
}

/// The picture so far, or white, with every subject's outline.
fn overview(take: &Take, subjects: &[MaskView], size: (u32, u32)) -> RgbImage {
    let mut picture = match take.newest() {
        Some(picture) => scaled(picture, size),
        None => RgbImage::from_pixel(size.0, size.1, Rgb([255; 3])),
    };
    for subject in subjects {
        outline(&mut picture, &mask_sized(&subject.combined, size), color_of(&take.project, &subject.concept));
    }
    picture
}

/// The colour of a concept by name.
pub(super) fn color_of(project: &Project, concept: &str) -> [u8; 3] {
    project.concept(concept).map_or(UNKNOWN, |(_, concept)| concept.color.0)
}

/// Draws a mask's border on a picture of its size: a line inside of it, at least 2 pixels wide, and a dark rim of one
/// pixel outside.
fn outline(picture: &mut RgbImage, mask: &Mask, color: [u8; 3]) {
    let width = (picture.width().min(picture.height()) / 256).max(2) as i64;
    let at = |x: i64, y: i64| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x), Ok(y)) => is_on(mask, x, y),
        _ => false,
    };
    // Whether some cell within `reach` is on, or is off: looked for along eight directions only.
    let near = |x: i64, y: i64, reach: i64, on: bool| {
        let directions = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
        (1..=reach).any(|far| directions.iter().any(|(right, down)| at(x + right * far, y + down * far) == on))
    };
    for (column, row, pixel) in picture.enumerate_pixels_mut() {
        let (x, y) = (i64::from(column), i64::from(row));
        if at(x, y) {
            if near(x, y, width, false) {
                *pixel = Rgb(color);
            }
        } else if near(x, y, 1, true) {
            *pixel = Rgb(RIM);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{RESULT, anything, running, take};
    use super::*;

    fn white(path: &Path) -> Vec<(u32, u32)> {
        let picture = image::open(path).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        let picture = picture.into_luma8();
        assert_eq!(picture.dimensions(), (128, 64));
        assert!(picture.pixels().all(|pixel| pixel.0 == [0] || pixel.0 == [255]));
        picture.enumerate_pixels().filter(|(.., pixel)| pixel.0 == [255]).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn every_mask_of_the_last_step_comes_back_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("masks");
        let paths = masks(&here, &take(), &mut anything()).unwrap();
        let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "mask1-Tom-custom.png",
                "mask1-Tom-base.png",
                "mask1-Tom-combined.png",
                "mask2-Rex_2-custom.png",
                "mask2-Rex_2-base.png",
                "mask2-Rex_2-combined.png",
                "masks.png"
            ]
        );
        assert_eq!(fs::read_dir(&here).unwrap().count(), 7);
        // Cells are 8 pixels wide; the last step's masks of Tom start at column 3 (see `tests::step`).
        let all = |from: u32, to: u32| (0..64).flat_map(move |y| (from..to).map(move |x| (x, y))).collect::<Vec<_>>();
        assert_eq!(white(&paths[0]), all(24, 32));
        assert_eq!(white(&paths[1]), all(24, 40));
        assert_eq!(white(&paths[2]), all(24, 48));
        assert_eq!(white(&paths[5]), all(96, 128));
    }

    #[test]
    fn the_overview_shows_the_picture_inside_coloured_outlines() {
        let folder = tempfile::tempdir().unwrap();
        masks(folder.path(), &take(), &mut anything()).unwrap();
        let picture = image::open(folder.path().join("masks.png")).unwrap().into_rgb8();
        let at = |x, y| picture.get_pixel(x, y).0;
        let (tom, rex) = (take().project.concepts[0].color.0, take().project.concepts[1].color.0);
        assert_eq!([at(23, 30), at(24, 30), at(25, 30), at(26, 30)], [RIM, tom, tom, RESULT]);
        assert_eq!(at(36, 0), tom, "the outline is closed at the picture's edge");
        assert_eq!([at(95, 30), at(96, 30), at(110, 30), at(127, 30)], [RIM, rex, RESULT, rex]);
        assert_eq!(at(70, 30), RESULT);
    }

    #[test]
    fn a_running_render_shows_its_preview_and_one_without_subjects_has_no_masks() {
        let folder = tempfile::tempdir().unwrap();
        masks(folder.path(), &running(), &mut anything()).unwrap();
        let picture = image::open(folder.path().join("masks.png")).unwrap().into_rgb8();
        assert_eq!(picture.get_pixel(70, 30).0, [40, 0, 200]);
        let text = masks(folder.path(), &Take { picture: 5, ..take() }, &mut anything()).unwrap_err().to_string();
        assert!(text.starts_with("the render has no masks; "), "{text}");
    }

    #[test]
    fn a_stop_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        for stop in [0, 3, 6] {
            let stopped = masks(&folder.path().join("a"), &take(), &mut |done, total| {
                assert_eq!(total, 7);
                done < stop
            });
            assert!(matches!(stopped, Err(ExportError::Stopped)));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
