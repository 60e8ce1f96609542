//! The whole photo that subjects were placed into: what was rendered of its crop put back at its own size and depth, with
//! its colour profile and what its camera noted, but without where it was taken unless somebody asks for that.

use std::path::Path;

use image::RgbImage;

use super::ExportError;
use crate::photo::{Format, Original, Unwritable};
use crate::project::disk::{Readers, replace};
use crate::project::put_back::PutBack;
pub use crate::project::put_back::Which;
use crate::project::{DiskFiles, Placement, Project, png_text};

/// The photo of a project with a rendered picture of its crop put back. `base` is the folder that the project's relative
/// paths start from.
///
/// # Errors
/// When the project has no crop, the photo or a layer cannot be read, or the picture is not of the canvas's size.
pub fn with_render(project: &Project, base: &Path, picture: &RgbImage, which: Which) -> Result<Original, ExportError> {
    let files = DiskFiles { base: base.to_owned(), assets: crate::assets::find };
    let photo = PutBack::new(project, &files, which)?.ok_or(ExportError::Nothing {
        what: "this render shows the whole photo, scaled to the canvas",
        advice: "export it as a PNG, or frame the subjects on the Place page and render again",
    })?;
    Ok(photo.put(picture)?)
}

/// What a project that places into a piece of a photo says of it; None for all others, whose picture is the canvas.
pub fn placement(project: &Project) -> Option<(&Placement, crate::project::Crop)> {
    let place = project.place.as_ref()?;
    Some((place, place.crop?))
}

/// Writes a photo as the file's ending says, PNG or JPEG. A PNG opens again as the project that made it; `seed` is the
/// picture's own. `taken_at` keeps where it was taken.
///
/// # Errors
/// When the ending is another one, or the file cannot be written.
pub fn write(
    path: &Path,
    photo: &Original,
    project: &Project,
    base: &Path,
    seed: u64,
    taken_at: bool,
) -> Result<(), ExportError> {
    let format = Format::of(path).ok_or_else(|| ExportError::Write {
        path: path.to_owned(),
        problem: "photos are written as PNG or JPEG".to_owned(),
        advice: "end its name in .png or .jpg",
    })?;
    let texts = png_text::Texts::new(project, base, seed)?;
    let bytes = photo.encode(format, taken_at, |writer| texts.write(writer)).map_err(|error| match error {
        Unwritable::Png(problem) => writing(path, &problem),
        Unwritable::Jpeg(problem) => writing(path, &problem),
    })?;
    replace(path, Readers::Everybody, |file| file.write_all(&bytes))
        .map_err(|error: std::io::Error| ExportError::writing(path, &error))
}

fn writing(path: &Path, problem: &dyn std::fmt::Display) -> ExportError {
    ExportError::Write {
        path: path.to_owned(),
        problem: problem.to_string(),
        advice: "write it as the other of PNG and JPEG",
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageEncoder, Luma, Rgb, RgbaImage};

    use super::*;
    use crate::project::{Background, Canvas, Concept, Crop, Follow, Layer, Layout};

    /// A photo on disk, and a project with two figures in its middle; the left one's layer is the rearmost.
    fn project(folder: &Path) -> Project {
        let photo = RgbImage::from_fn(400, 300, |x, y| Rgb([(x / 2) as u8, (y / 2) as u8, 90]));
        photo.save(folder.join("photo.png")).unwrap();
        RgbaImage::from_pixel(16, 24, image::Rgba([9, 9, 9, 255])).save(folder.join("figure.png")).unwrap();
        let layer = |x, concept: &str| Layer { concept: Some(concept.into()), ..Layer::new("figure.png", x, 32.0) };
        let color = crate::project::Color([1, 2, 3]);
        Project {
            canvas: Canvas { width: 64, height: 64 },
            layout: Layout::Collage { background: Background::Photo, layers: vec![layer(16.0, "a"), layer(48.0, "b")] },
            concepts: ["a", "b"].map(|name| Concept::new(name, "none.pth", "toy cat", color)).to_vec(),
            prompt: "a toy cat".into(),
            place: Some(Placement {
                crop: Some(Crop { x: 100, y: 50, width: 128, height: 128 }),
                follow: Some(Follow { margin: 2 }),
                feather: 2,
                match_rim: false,
                ..Placement::new("photo.png", "")
            }),
            ..Project::new()
        }
    }

    fn changed(folder: &Path, photo: &Original) -> Vec<(u32, u32)> {
        let before = image::open(folder.join("photo.png")).unwrap().into_rgb8();
        let after = photo.pixels.to_rgb8();
        before
            .enumerate_pixels()
            .filter(|(x, y, pixel)| after.get_pixel(*x, *y) != *pixel)
            .map(|(x, y, _)| (x, y))
            .collect()
    }

    #[test]
    fn a_render_comes_back_into_the_photo_where_its_layers_are_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        let rendered = RgbImage::from_pixel(64, 64, Rgb([250, 250, 250]));
        let all = with_render(&project, folder.path(), &rendered, Which::All).unwrap();
        let places = changed(folder.path(), &all);
        assert_eq!(all.pixels.to_rgb8().get_pixel(100 + 32, 50 + 64).0, [250; 3]);
        assert_eq!(all.pixels.to_rgb8().get_pixel(100 + 96, 50 + 64).0, [250; 3]);
        // Figures of 16 x 24 canvas pixels with a margin of 2, a feather of 2 and what scaling reaches over.
        assert!(places.iter().all(|(x, y)| (104..224).contains(x) && (78..150).contains(y)), "{places:?}");
        let one = with_render(&project, folder.path(), &rendered, Which::AllBut(0)).unwrap();
        assert!(changed(folder.path(), &one).iter().all(|(x, _)| *x > 160));
        assert!(!changed(folder.path(), &one).is_empty());
    }

    #[test]
    fn what_is_written_opens_as_the_project_and_the_ending_says_the_kind() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        let photo = with_render(&project, folder.path(), &RgbImage::new(64, 64), Which::All).unwrap();
        let path = folder.path().join("out.png");
        write(&path, &photo, &project, folder.path(), 7, false).unwrap();
        let inside = png_text::read_project(&path).unwrap().unwrap();
        assert_eq!((inside.seed, inside.place.unwrap().photo), (7, folder.path().join("photo.png")));
        assert_eq!(image::open(&path).unwrap(), photo.pixels);
        let jpeg = folder.path().join("out.jpg");
        write(&jpeg, &photo, &project, folder.path(), 7, false).unwrap();
        assert_eq!(image::open(&jpeg).unwrap().into_rgb8().dimensions(), (400, 300));
        let error = write(&folder.path().join("out.webp"), &photo, &project, folder.path(), 7, false).unwrap_err();
        assert!(error.to_string().contains("end its name in .png or .jpg"), "{error}");
    }

    #[test]
    fn a_render_without_a_crop_a_crop_beside_the_photo_and_a_picture_of_another_size_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let fails = |change: fn(&mut Placement), side: u32| {
            let mut project = project(folder.path());
            project.place.iter_mut().for_each(change);
            with_render(&project, folder.path(), &RgbImage::new(side, side), Which::All).unwrap_err().to_string()
        };
        assert!(fails(|place| place.crop = None, 64).contains("shows the whole photo"));
        let beside = |place: &mut Placement| place.crop = Some(Crop { x: 300, y: 0, width: 128, height: 128 });
        assert!(fails(beside, 64).contains("the photo, which has 400 x 300"));
        assert!(fails(|_| (), 32).contains("32 x 32"));
    }

    #[test]
    fn a_render_comes_back_into_a_wide_gamut_in_its_own_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path());
        // The same photo, as a phone has it.
        let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        let photo = image::open(folder.path().join("photo.png")).unwrap().into_rgb8();
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile.clone()).unwrap();
        encoder.write_image(&photo, 400, 300, image::ExtendedColorType::Rgb8).unwrap();
        std::fs::write(folder.path().join("photo.png"), bytes).unwrap();
        let before = image::open(folder.path().join("photo.png")).unwrap().into_rgb8();
        assert_eq!(before, photo, "the numbers are the same");

        let rendered = RgbImage::from_pixel(64, 64, Rgb([220, 60, 40]));
        let placed = with_render(&project, folder.path(), &rendered, Which::All).unwrap();
        let found = placed.pixels.to_rgb8().get_pixel(100 + 32, 50 + 64).0;
        let mut wanted = [[220.0, 60.0, 40.0]];
        crate::photo::Colors::of(&profile).unwrap().numbers_of(&mut wanted);
        assert!(found.iter().zip(wanted[0]).all(|(a, b)| (f32::from(*a) - b).abs() <= 1.0), "{found:?}, {wanted:?}");
        assert!(i32::from(found[0]) < 215, "a red of sRGB is less of a wide gamut's: {found:?}");
        assert!(changed(folder.path(), &placed).iter().all(|(x, y)| (104..224).contains(x) && (78..150).contains(y)));
        let path = folder.path().join("out.png");
        write(&path, &placed, &project, folder.path(), 7, false).unwrap();
        let mut decoder =
            image::codecs::png::PngDecoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).unwrap();
        assert_eq!(image::ImageDecoder::icc_profile(&mut decoder).unwrap(), Some(profile), "and it says so");
        // What windows and models see of it is the colour that was rendered.
        let seen = crate::project::picture::decode(&std::fs::read(&path).unwrap(), &path).unwrap().into_rgb8();
        let seen = seen.get_pixel(100 + 32, 50 + 64).0;
        assert!(seen.iter().zip([220, 60, 40]).all(|(a, b)| a.abs_diff(b) <= 2), "{seen:?}");
    }

    #[test]
    fn what_was_painted_is_put_back_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(folder.path());
        let corner = GrayImage::from_fn(64, 64, |x, y| Luma([if x > 55 && y > 55 { 255 } else { 0 }]));
        corner.save(folder.path().join("mask.png")).unwrap();
        if let Some(place) = &mut project.place {
            place.edit_mask = "mask.png".into();
        }
        let white = RgbImage::from_pixel(64, 64, Rgb([255; 3]));
        let photo = with_render(&project, folder.path(), &white, Which::All).unwrap();
        assert!(changed(folder.path(), &photo).contains(&(100 + 120, 50 + 120)));
    }
}
