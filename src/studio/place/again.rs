//! One subject anew while the others stay: what was rendered of the others becomes part of the photo, and the one is
//! rendered into that with the next seed.

use std::path::{Path, PathBuf};

use crate::photo::Format;
use crate::project::picture::load_rgba;
use crate::project::{DiskFiles, Project, png_text};
use crate::studio::export::photo::{Which, with_render};
use crate::studio::places::{Places, write_whole};

/// The project that makes the subject of one layer anew. `picture` is a result's file: the canvas, with its project inside.
///
/// # Errors
/// In words.
pub(super) fn project(places: &Places, picture: &Path, layer: usize) -> Result<Project, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let project = png_text::read_project(picture).map_err(|error| words(&error))?;
    let project = project.ok_or_else(|| format!("{} holds no project.", picture.display()))?;
    let title = match project.layers().get(layer) {
        Some(chosen) if chosen.concept.is_some() => chosen.title(),
        _ => return Err("That layer of the result stands for no concept. Choose one that does.".to_owned()),
    };
    if project.place.as_ref().is_none_or(|place| place.follow.is_none()) {
        return Err(format!(
            "Where {title} was placed is not known apart from the rest. Have the edit mask follow the layers, render, and \
             try again."
        ));
    }
    let files = DiskFiles { base: PathBuf::new(), assets: crate::assets::find };
    let canvas = load_rgba(&files, picture).map_err(|error| words(&error))?;
    let canvas = image::DynamicImage::from(canvas).into_rgb8();
    let photo = with_render(&project, Path::new("/"), &canvas, Which::AllBut(layer)).map_err(|error| words(&error))?;
    // Whoever exports the end result decides whether it says where it was taken.
    let bytes = photo.encode(Format::Png, true, |_| Ok(())).map_err(|error| words(&error))?;
    let name = format!("photo-{}.png", blake3::hash(&bytes).to_hex().get(..16).unwrap_or_default());
    let path = places.pasted_folder().join(name);
    if !path.exists() {
        write_whole(&path, &bytes).map_err(|error| words(&error))?;
    }
    Ok(one_alone(project, path, layer))
}

/// The project with `photo` in which all but one layer's subject stands already.
fn one_alone(mut project: Project, photo: PathBuf, layer: usize) -> Project {
    if let Some(place) = &mut project.place {
        place.photo = photo;
        // What was painted has been rendered, and stays as it came.
        place.edit_mask = PathBuf::new();
    }
    for (index, other) in project.layers_mut().into_iter().flatten().enumerate() {
        if index != layer && other.concept.is_some() {
            other.visible = false;
        }
    }
    let kept = project.layers().get(layer).and_then(|layer| layer.concept.clone());
    project.concepts.retain(|concept| Some(&concept.name) == kept.as_ref());
    for other in project.layers_mut().into_iter().flatten() {
        if other.concept != kept {
            other.concept = None;
        }
    }
    project.seed = project.seed.wrapping_add(1);
    project.pictures = 1;
    project
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, RgbaImage};

    use super::*;
    use crate::project::{Background, Canvas, Color, Concept, Crop, Follow, Layer, Layout, Placement};

    #[test]
    fn the_others_become_part_of_the_photo_and_the_one_is_alone_with_the_next_seed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        RgbImage::from_pixel(300, 200, Rgb([90, 120, 60])).save(at("photo.png")).unwrap();
        RgbaImage::from_pixel(12, 12, image::Rgba([9, 9, 9, 255])).save(at("figure.png")).unwrap();
        let layer = |x, concept: &str| Layer { concept: Some(concept.into()), ..Layer::new(at("figure.png"), x, 32.0) };
        let mut made = Project {
            canvas: Canvas { width: 64, height: 64 },
            layout: Layout::Collage { background: Background::Photo, layers: vec![layer(12.0, "a"), layer(50.0, "b")] },
            concepts: ["a", "b"].map(|name| Concept::new(name, "none.pth", "toy cat", Color([1, 2, 3]))).to_vec(),
            place: Some(Placement {
                crop: Some(Crop { x: 40, y: 40, width: 64, height: 64 }),
                follow: Some(Follow { margin: 2 }),
                ..Placement::new(at("photo.png"), "")
            }),
            seed: 41,
            ..Project::new()
        };
        let write = |project: &Project, name: &str| {
            let white = RgbImage::from_pixel(64, 64, Rgb([255; 3]));
            png_text::write_png(&at(name), &white, project, folder.path(), 41).unwrap();
        };
        write(&made, "result.png");
        let places = Places::in_folder(folder.path());
        let anew = project(&places, &at("result.png"), 1).unwrap();
        assert_eq!((anew.seed, anew.pictures), (42, 1));
        assert_eq!(anew.concepts.iter().map(|concept| concept.name.as_str()).collect::<Vec<_>>(), ["b"]);
        assert!(!anew.layers()[0].visible && anew.layers()[1].visible);
        assert_eq!(anew.validate(), Ok(()));
        let place = anew.place.as_ref().unwrap();
        assert_eq!(place.crop, made.place.as_ref().unwrap().crop);
        let photo = image::open(&place.photo).unwrap().into_rgb8();
        assert_eq!(photo.get_pixel(40 + 12, 40 + 32).0, [255; 3], "the other one stands in it");
        assert_eq!(photo.get_pixel(40 + 50, 40 + 32).0, [90, 120, 60], "and this one does not");

        assert!(project(&places, &at("result.png"), 7).unwrap_err().contains("stands for no concept"));
        assert!(project(&places, &at("photo.png"), 0).unwrap_err().contains("holds no project"));
        made.place.as_mut().unwrap().follow = None;
        write(&made, "painted.png");
        assert!(project(&places, &at("painted.png"), 0).unwrap_err().contains("follow the layers"));
    }
}
