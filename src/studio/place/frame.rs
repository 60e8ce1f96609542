//! Another piece of a photo on the canvas: planned around what is to change, with layers and painted masks that stay where they
//! are in the photo.

use image::{GrayImage, Luma};

use crate::photo::{Crop, plan};
use crate::project::frame::Frame;
use crate::project::picture::LayerMask;
use crate::project::{Canvas, Layer, Layout, MaskSource, Placement, Project};

/// The boxes of the photo's pixels that hold what is to change, one for each layer that stands for a concept and one for what
/// was painted.
pub fn subjects(
    place: &Placement,
    masks: &[LayerMask],
    painted: Option<&GrayImage>,
    photo: (u32, u32),
    canvas: Canvas,
) -> Vec<Crop> {
    let frame = Frame::of(place.crop, photo, canvas);
    let layers = masks.iter().filter(|layer| layer.concept.is_some()).map(|layer| &layer.mask);
    layers.chain(painted).filter_map(|mask| frame.box_in_photo(plan::bounds(mask)?, photo)).collect()
}

/// Shows another piece of the photo, or all of it: layers and points stay where they are in the photo. What was painted has to
/// be redrawn by [`moved`].
pub fn reframe(project: &mut Project, photo: (u32, u32), crop: Option<Crop>) {
    let canvas = project.canvas;
    let Some(place) = &mut project.place else { return };
    let (old, new) = (Frame::of(place.crop, photo, canvas), Frame::of(crop, photo, canvas));
    place.crop = crop;
    let carried = |x: f32, y: f32| new.to_canvas(old.to_photo((x.into(), y.into())));
    if let Layout::Collage { layers, .. } = &mut project.layout {
        for layer in layers {
            let (x, y) = carried(layer.x, layer.y);
            let scale = f64::from(layer.scale) * old.photo_pixels() / new.photo_pixels();
            layer.x = (x as f32).clamp(*Layer::POSITION.start(), *Layer::POSITION.end());
            layer.y = (y as f32).clamp(*Layer::POSITION.start(), *Layer::POSITION.end());
            layer.scale = (scale as f32).clamp(*Layer::SCALE.start(), *Layer::SCALE.end());
        }
    }
    for concept in &mut project.concepts {
        if let MaskSource::Points(points) = &mut concept.mask {
            for point in points {
                let (x, y) = carried(point.0, point.1);
                *point = (x as f32, y as f32);
            }
        }
    }
}

/// A mask that was painted on one piece of a photo, as it is on another; what lies beside that is lost.
pub fn moved(mask: &GrayImage, old: Frame, new: Frame) -> GrayImage {
    let (width, height) = mask.dimensions();
    GrayImage::from_fn(width, height, |x, y| {
        let (u, v) = old.to_canvas(new.to_photo((f64::from(x) + 0.5, f64::from(y) + 0.5)));
        if u < 0.0 || v < 0.0 {
            return Luma([0]);
        }
        // Both casts saturate, past the mask's end.
        mask.get_pixel_checked(u as u32, v as u32).copied().unwrap_or(Luma([0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Background;

    const CANVAS: Canvas = Canvas { width: 64, height: 64 };
    const PHOTO: (u32, u32) = (400, 300);
    const CROP: Crop = Crop { x: 100, y: 50, width: 128, height: 128 };

    fn project() -> Project {
        Project {
            canvas: CANVAS,
            layout: Layout::Collage { background: Background::Photo, layers: vec![Layer::new("cat.png", 10.0, 20.0)] },
            place: Some(Placement::new("photo.png", "")),
            ..Project::new()
        }
    }

    #[test]
    fn layers_stay_where_they_are_in_the_photo_and_come_back() {
        let mut project = project();
        let before = project.clone();
        let place = |project: &Project| {
            let frame = Frame::of(project.place.as_ref().unwrap().crop, PHOTO, CANVAS);
            let layer = &project.layers()[0];
            let (x, y) = frame.to_photo((layer.x.into(), layer.y.into()));
            (x, y, f64::from(layer.scale) / frame.canvas_pixels())
        };
        let (x, y, size) = place(&project);
        // The whole photo covers the canvas: 300 pixels are 64.
        assert!((x - (50.0 + 10.0 * 300.0 / 64.0)).abs() < 1e-3 && (y - 20.0 * 300.0 / 64.0).abs() < 1e-3);
        reframe(&mut project, PHOTO, Some(CROP));
        let after = place(&project);
        assert!((after.0 - x).abs() < 1e-3 && (after.1 - y).abs() < 1e-3 && (after.2 - size).abs() < 1e-3, "{after:?}");
        assert_ne!(project.layers()[0].x, 10.0);
        reframe(&mut project, PHOTO, None);
        let layer = &project.layers()[0];
        assert!((layer.x - 10.0).abs() < 1e-3 && (layer.scale - 1.0).abs() < 1e-5);
        assert_eq!(project.place, before.place);
    }

    #[test]
    fn what_is_to_change_is_boxed_in_the_photo_s_pixels() {
        let mut place = Placement::new("photo.png", "");
        place.crop = Some(CROP);
        let mask = |inside: fn(u32, u32) -> bool| {
            GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]))
        };
        let layer = |concept: Option<&str>| LayerMask {
            layer: 0,
            concept: concept.map(str::to_owned),
            mask: mask(|x, y| (10..20).contains(&x) && (5..10).contains(&y)),
        };
        let painted = mask(|x, y| x == 63 && y == 63);
        let found = subjects(&place, &[layer(None), layer(Some("Tom"))], Some(&painted), PHOTO, CANVAS);
        let expected = [Crop { x: 120, y: 60, width: 20, height: 10 }, Crop { x: 226, y: 176, width: 2, height: 2 }];
        assert_eq!(found, expected);
        assert!(subjects(&place, &[layer(None)], Some(&mask(|_, _| false)), PHOTO, CANVAS).is_empty());
    }

    #[test]
    fn what_was_painted_is_redrawn_where_it_was_in_the_photo() {
        let (whole, piece) = (Frame::of(None, PHOTO, CANVAS), Frame::of(Some(CROP), PHOTO, CANVAS));
        // Photo columns 50 + 20 * 4.6875 = 143.75 to 167.2, which are 21.9 to 33.6 of the piece's.
        let mask = GrayImage::from_fn(64, 64, |x, _| Luma([if (20..25).contains(&x) { 255 } else { 0 }]));
        let on_piece = moved(&mask, whole, piece);
        let columns: Vec<u32> = (0..64).filter(|x| on_piece.get_pixel(*x, 30).0 == [255]).collect();
        assert_eq!(columns, (22..34).collect::<Vec<_>>());
        assert_eq!(moved(&mask, whole, whole), mask);
    }
}
