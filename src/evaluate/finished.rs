//! What comes of a render: the picture itself, or the photo that it placed subjects into, with the render put back.

use std::borrow::Cow;

use image::{GrayImage, RgbImage};

use super::metrics::background::{Background, Change};
use crate::project::put_back::{PutBack, Which};
use crate::project::{Files, LayerMask, Placement, Project, composite, picture, placed};

/// What is measured of a render.
pub struct Finished<'a> {
    /// What the canvas shows of it in the end.
    pub picture: Cow<'a, RgbImage>,
    /// What became of the photo; none where there is none.
    pub background: Option<Background>,
}

impl<'a> Finished<'a> {
    /// A picture that has no photo.
    pub fn plain(picture: &'a RgbImage) -> Self {
        Self { picture: Cow::Borrowed(picture), background: None }
    }

    /// Of a project's render.
    ///
    /// # Errors
    /// In words, where the photo or a layer cannot be read, or the picture is not of the canvas's size.
    pub fn of(project: &Project, files: &dyn Files, picture: &'a RgbImage) -> Result<Self, String> {
        let Some(place) = &project.place else { return Ok(Self::plain(picture)) };
        match PutBack::new(project, files, Which::All).map_err(|error| error.to_string())? {
            Some(photo) => {
                let (before, layers, mask) = (photo.seen().clone(), photo.layers().to_vec(), photo.mask().clone());
                let shown = photo.shown(picture).map_err(|error| error.to_string())?;
                let masks = subjects(&layers, &mask);
                let finished = Change::outside(&masks, &before, &shown)?;
                let rendered = Change::outside(&masks, &before, picture)?;
                let background = Some(Background { finished, rendered });
                Ok(Self { picture: Cow::Owned(shown), background })
            }
            None => {
                let rendered = unpasted(project, place, files, picture)?;
                let background = Some(Background { finished: rendered, rendered });
                Ok(Self { background, ..Self::plain(picture) })
            }
        }
    }
}

/// The change where the canvas shows the whole photo, and is all that comes out.
fn unpasted(project: &Project, place: &Placement, files: &dyn Files, picture: &RgbImage) -> Result<Change, String> {
    let canvas = project.canvas;
    let read = || {
        let before = placed::seen(place, &picture::load_rgba(files, &place.photo)?, canvas)?;
        let painted = placed::painted(place, files, canvas)?;
        let layers = composite(project, files)?.masks;
        let mask = placed::edit_mask(place, painted.as_ref(), &layers, canvas);
        Ok((before, layers, mask))
    };
    let (before, layers, mask) = read().map_err(|error: crate::project::ProjectError| error.to_string())?;
    Change::outside(&subjects(&layers, &mask), &before, picture)
}

/// Where the subjects stand: on their layers, or, where none does, wherever the photo may change.
fn subjects<'a>(layers: &'a [LayerMask], edit: &'a GrayImage) -> Vec<&'a GrayImage> {
    let of: Vec<&GrayImage> = layers.iter().filter(|layer| layer.concept.is_some()).map(|layer| &layer.mask).collect();
    if of.is_empty() { vec![edit] } else { of }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{Luma, Rgb, RgbaImage};

    use super::*;
    use crate::project::frame::Stand;
    use crate::project::{Canvas, Color, Concept, Crop, DiskFiles};

    /// A photo of 128 x 96 pixels whose piece of 64 x 64 at 32, 16 is the canvas at its own size, with a subject of 16 x 24
    /// pixels in the canvas's middle.
    fn project(folder: &Path) -> Project {
        photo().save(folder.join("photo.png")).unwrap();
        RgbaImage::from_pixel(16, 24, image::Rgba([9, 9, 9, 255])).save(folder.join("figure.png")).unwrap();
        let concept = Concept::new("Tom", "none.pth", "toy cat", Color([1, 2, 3]));
        let mut project = Project {
            canvas: Canvas { width: 64, height: 64 },
            concepts: vec![concept],
            prompt: "a toy cat".into(),
            ..Project::new()
        };
        let stand = Stand {
            picture: "figure.png".into(),
            middle: (64.0, 48.0),
            scale: 1.0,
            name: String::new(),
            concept: "Tom".into(),
        };
        project.place_into("photo.png", (128, 96), Crop { x: 32, y: 16, width: 64, height: 64 }, [stand]);
        if let Some(place) = &mut project.place {
            // No colour is matched, so that what is put back is known to the level.
            (place.follow, place.feather) = (Some(crate::project::Follow { margin: 4 }), 0);
            place.match_rim = false;
        }
        project
    }

    fn photo() -> RgbImage {
        RgbImage::from_fn(128, 96, |x, y| Rgb([x as u8, y as u8, 100]))
    }

    /// What the canvas shows of the photo, with a change.
    fn render(by: impl Fn(u32, u32) -> u8) -> RgbImage {
        RgbImage::from_fn(64, 64, |x, y| {
            let mut pixel = *photo().get_pixel(x + 32, y + 16);
            pixel.0[2] += by(x, y);
            pixel
        })
    }

    fn background(project: &Project, folder: &Path, picture: &RgbImage) -> Background {
        let files = DiskFiles { base: folder.to_owned(), assets: crate::assets::find };
        Finished::of(project, &files, picture).unwrap().background.unwrap()
    }

    /// Columns of the subject: 24..40; rows: 20..44.
    fn is_subject(x: u32, y: u32) -> bool {
        (24..40).contains(&x) && (20..44).contains(&y)
    }

    const NONE: Change = Change { apart: 0.0, touched: 0.0 };

    #[test]
    fn a_render_of_the_photo_as_it_is_and_one_of_another_subject_leave_the_background_alone() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        for render in [render(|_, _| 0), render(|x, y| if is_subject(x, y) { 90 } else { 0 })] {
            let found = background(&project, folder.path(), &render);
            assert_eq!(found, Background { finished: NONE, rendered: NONE });
        }
    }

    #[test]
    fn of_a_changed_render_only_the_ring_comes_into_the_photo() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        let found = background(&project, folder.path(), &render(|_, _| 60));
        // Everything outside of the subject has changed in the render.
        assert_eq!(found.rendered, Change { apart: 20.0, touched: 1.0 });
        // And in the photo what lies within 4 pixels of the subject: four sides, and a quarter of a disc at each corner, whose
        // pixels are those (a, b) from 1 to 4 with a² + b² <= 16.
        let corner = (1..=4_u32).flat_map(|a| (1..=4_u32).map(move |b| a * a + b * b)).filter(|far| *far <= 16).count();
        let ring = (2 * 4 * (16 + 24) + 4 * corner) as f64;
        let outside = f64::from(64 * 64 - 16 * 24);
        assert!((found.finished.touched - ring / outside).abs() < 1e-9, "{found:?}, {ring} of {outside}");
        assert!((found.finished.apart - 20.0 * ring / outside).abs() < 1e-9, "{found:?}");
        // What is measured by other metrics is what comes out.
        let files = DiskFiles { base: folder.path().to_owned(), assets: crate::assets::find };
        let changed = render(|_, _| 60);
        let seen = Finished::of(&project, &files, &changed).unwrap().picture.into_owned();
        assert_eq!(seen.get_pixel(32, 32), changed.get_pixel(32, 32));
        assert_eq!(seen.get_pixel(2, 2), render(|_, _| 0).get_pixel(2, 2));
    }

    #[test]
    fn where_nothing_is_put_back_all_of_the_render_counts_and_without_layers_what_was_painted_is_the_subject() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(folder.path());
        if let Some(place) = &mut project.place {
            place.crop = None;
        }
        let whole = |by: u8| {
            let files = DiskFiles { base: folder.path().to_owned(), assets: crate::assets::find };
            let place = project.place.as_ref().unwrap();
            let mut seen =
                placed::seen(place, &picture::load_rgba(&files, &place.photo).unwrap(), project.canvas).unwrap();
            seen.pixels_mut().for_each(|pixel| pixel.0[2] += by);
            background(&project, folder.path(), &seen)
        };
        assert_eq!(whole(0), Background { finished: NONE, rendered: NONE });
        let change = Change { apart: 20.0, touched: 1.0 };
        assert_eq!(whole(60), Background { finished: change, rendered: change });

        let corner = GrayImage::from_fn(64, 64, |x, _| Luma([if x < 32 { 255 } else { 0 }]));
        corner.save(folder.path().join("mask.png")).unwrap();
        project.layers_mut().unwrap().clear();
        if let Some(place) = &mut project.place {
            (place.edit_mask, place.follow) = ("mask.png".into(), None);
            place.crop = Some(Crop { x: 32, y: 16, width: 64, height: 64 });
        }
        let found = background(&project, folder.path(), &render(|x, _| if x < 32 { 60 } else { 0 }));
        assert_eq!(found, Background { finished: NONE, rendered: NONE });
    }

    #[test]
    fn a_picture_without_a_photo_is_what_it_is_and_one_of_another_size_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        let files = DiskFiles { base: folder.path().to_owned(), assets: crate::assets::find };
        let small = RgbImage::new(32, 32);
        let words = Finished::of(&project, &files, &small).err().unwrap();
        assert!(words.contains("32 x 32"), "{words}");
        let plain = Project { place: None, layout: Project::new().layout, ..project };
        let found = Finished::of(&plain, &files, &small).unwrap();
        assert!(found.background.is_none() && found.picture.as_ref() == &small);
    }
}
