//! Where the canvas lies in a photo, and pictures that stand there for concepts: projects that place into photos as
//! `podium place` and evaluations compose them.

use std::path::PathBuf;

use super::{Background, Canvas, Crop, Follow, Layer, Layout, PlaceBackground, Placement, Project};

/// Where the canvas lies in the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The photo's column at the canvas's left edge.
    left: f64,
    /// The photo's row at the canvas's upper edge.
    top: f64,
    /// Photo pixels per canvas pixel.
    scale: f64,
}

impl Frame {
    /// The frame of a crop, or of the whole photo that covers the canvas; `photo` is its width and height.
    pub fn of(crop: Option<Crop>, photo: (u32, u32), canvas: Canvas) -> Self {
        let (width, height) = (f64::from(canvas.width.max(1)), f64::from(canvas.height.max(1)));
        match crop {
            Some(crop) => Self { left: crop.x.into(), top: crop.y.into(), scale: f64::from(crop.width.max(1)) / width },
            None => {
                let (across, down) = (f64::from(photo.0.max(1)), f64::from(photo.1.max(1)));
                // As `picture::cover` does it: what stands over is cut off evenly.
                let scale = (across / width).min(down / height);
                Self { left: (across - width * scale) / 2.0, top: (down - height * scale) / 2.0, scale }
            }
        }
    }

    /// A place of the canvas in the photo.
    pub fn to_photo(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.left + x * self.scale, self.top + y * self.scale)
    }

    /// A place of the photo on the canvas.
    pub fn to_canvas(&self, (x, y): (f64, f64)) -> (f64, f64) {
        ((x - self.left) / self.scale, (y - self.top) / self.scale)
    }

    /// How many canvas pixels one of the photo's is long.
    pub fn canvas_pixels(&self) -> f64 {
        1.0 / self.scale
    }

    /// How many of the photo's pixels one of the canvas's is long.
    pub fn photo_pixels(&self) -> f64 {
        self.scale
    }

    /// The box of the photo's pixels that one of the canvas's holds, as far as the photo goes; None where it is beside it.
    pub fn box_in_photo(&self, of: Crop, photo: (u32, u32)) -> Option<Crop> {
        let (left, top) = self.to_photo((of.x.into(), of.y.into()));
        let (right, below) =
            self.to_photo((f64::from(of.x) + f64::from(of.width), f64::from(of.y) + f64::from(of.height)));
        // Casts saturate at 0.
        let (x, y) = (left.floor() as u32, top.floor() as u32);
        let (right, below) = ((right.ceil() as u32).min(photo.0), (below.ceil() as u32).min(photo.1));
        (x < right && y < below).then(|| Crop { x, y, width: right - x, height: below - y })
    }
}

/// The box of the photo's pixels that a picture of this size about this middle lies in; None where it is beside the photo.
pub fn box_around((x, y): (f64, f64), (width, height): (f64, f64), photo: (u32, u32)) -> Option<Crop> {
    // Casts saturate at 0.
    let (left, top) = ((x - width / 2.0).floor() as u32, (y - height / 2.0).floor() as u32);
    let right = ((x + width / 2.0).ceil() as u32).min(photo.0);
    let below = ((y + height / 2.0).ceil() as u32).min(photo.1);
    (left < right && top < below).then(|| Crop { x: left, y: top, width: right - left, height: below - top })
}

/// A picture that stands in a photo for a concept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stand {
    /// The picture; where it is transparent, the photo shows through.
    pub picture: PathBuf,
    /// Its middle, in the photo's pixels.
    pub middle: (f64, f64),
    /// Photo pixels per pixel of the picture.
    pub scale: f64,
    /// What its layer is called; when empty, as its file.
    pub name: String,
    /// The name of the project's concept.
    pub concept: String,
}

impl Project {
    /// Places these pictures' concepts into a piece of a photo, which has the size `photo_size` and the canvas's shape: they
    /// are all of its layout, and the photo may change where they are and a little around.
    pub fn place_into(
        &mut self,
        photo: impl Into<PathBuf>,
        photo_size: (u32, u32),
        crop: Crop,
        stands: impl IntoIterator<Item = Stand>,
    ) {
        let frame = Frame::of(Some(crop), photo_size, self.canvas);
        let layer = |stand: Stand| {
            let (x, y) = frame.to_canvas(stand.middle);
            Layer {
                scale: (stand.scale * frame.canvas_pixels()) as f32,
                name: stand.name,
                concept: Some(stand.concept),
                ..Layer::new(stand.picture, x as f32, y as f32)
            }
        };
        self.layout =
            Layout::Collage { background: Background::Photo, layers: stands.into_iter().map(layer).collect() };
        self.place = Some(Placement {
            crop: Some(crop),
            follow: Some(Follow::default()),
            // With fresh noise the rim of a small canvas took on patches of whatever lies beside the subject, and beside the
            // inversion as it is subjects had other colours than their own.
            background: PlaceBackground::Evened,
            ..Placement::new(photo, PathBuf::new())
        });
        self.number_layers(&mut 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cutout_s_box_ends_at_the_photo_s_border() {
        let at = |x, y| box_around((x, y), (20.0, 10.0), (100, 80));
        assert_eq!(at(50.0, 40.0), Some(Crop { x: 40, y: 35, width: 20, height: 10 }));
        assert_eq!(at(0.0, 0.0), Some(Crop { x: 0, y: 0, width: 10, height: 5 }));
        assert_eq!(at(110.0, 40.0), None);
        assert_eq!(at(-10.0, 40.0), None);
    }

    #[test]
    fn pictures_stand_on_the_canvas_where_they_are_in_the_photo() {
        let mut project = Project { canvas: Canvas { width: 64, height: 64 }, ..Project::new() };
        let stand = |x: f64| Stand {
            picture: "cat.png".into(),
            middle: (x, 100.0),
            scale: 0.5,
            name: "cat".into(),
            concept: "Tom".into(),
        };
        let crop = Crop { x: 100, y: 36, width: 128, height: 128 };
        project.place_into("photo.png", (400, 300), crop, [stand(120.0), stand(200.0)]);
        let places: Vec<(f32, f32, f32)> =
            project.layers().iter().map(|layer| (layer.x, layer.y, layer.scale)).collect();
        assert_eq!(places, [(10.0, 32.0, 0.25), (50.0, 32.0, 0.25)]);
        assert_eq!(project.layers().iter().map(|layer| layer.id).collect::<Vec<_>>(), [1, 2]);
        let place = project.place.as_ref().unwrap();
        assert_eq!((place.crop, place.background), (Some(crop), PlaceBackground::Evened));
        assert!(place.follow.is_some() && place.edit_mask.as_os_str().is_empty());
        assert!(matches!(&project.layout, Layout::Collage { background: Background::Photo, .. }));
    }
}
