//! What was rendered of a photo, put back into it: all that exports, measures or renders it once more does so here.

use image::{DynamicImage, GrayImage, RgbImage};

use super::error::ProjectError;
use super::picture::{LayerMask, composite, cover, decode_as_it_is};
use super::{Canvas, Crop, Files, Project, placed};
use crate::photo::stitch::Unfit;
use crate::photo::{Blend, Colors, Original, stitch};

/// Which of what was rendered is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All that could change.
    All,
    /// All but what follows this layer (its index from the rearmost, 0): what was painted, and what follows the others.
    AllBut(usize),
}

/// Why nothing was put back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotPutBack {
    /// The crop is not in the photo, or the picture not of the canvas's size.
    #[error(transparent)]
    Photo(#[from] Unfit),
    /// The project or one of its files cannot be used.
    #[error(transparent)]
    Project(#[from] ProjectError),
}

/// A photo that waits for what was rendered of its crop.
pub struct PutBack {
    photo: Original,
    /// What its numbers mean as colours; None: sRGB.
    colors: Option<Colors>,
    crop: Crop,
    canvas: Canvas,
    /// What the canvas shows of the photo.
    seen: RgbImage,
    /// Where it could change.
    mask: GrayImage,
    blend: Blend,
    /// Where each layer shows.
    layers: Vec<LayerMask>,
}

impl PutBack {
    /// The photo of a project; None where it has none, or one that is scaled to cover the canvas, which is then all of the
    /// picture.
    ///
    /// # Errors
    /// When the project, the photo or a layer cannot be used.
    pub fn new(project: &Project, files: &dyn Files, which: Which) -> Result<Option<Self>, NotPutBack> {
        let Some((place, crop)) = project.place.as_ref().and_then(|place| Some((place, place.crop?))) else {
            return Ok(None);
        };
        project.validate()?;
        let bytes = files.read(&place.photo)?;
        let photo = Original::new(decode_as_it_is(&bytes, &place.photo)?, &bytes);
        let canvas = project.canvas;
        if !crop.is_inside(photo.size()) {
            return Err(Unfit::Outside { crop, photo: photo.size() }.into());
        }
        let colors = photo.colors();
        let seen = shown(&photo.pixels, colors.as_ref(), crop, canvas)?;
        let painted = placed::painted(place, files, canvas)?;
        let mut layers = composite(project, files)?.masks;
        if let Which::AllBut(layer) = which {
            layers.retain(|mask: &LayerMask| mask.layer != layer);
        }
        let mask = placed::edit_mask(place, painted.as_ref(), &layers, canvas);
        let grain = place.grain.then_some(project.seed);
        let blend = Blend { feather: place.feather, match_rim: place.match_rim, grain };
        Ok(Some(Self { photo, colors, crop, canvas, seen, mask, blend, layers }))
    }

    /// What the canvas shows of the photo as it was.
    pub fn seen(&self) -> &RgbImage {
        &self.seen
    }

    /// Where the photo could change (above 127), on the canvas.
    pub fn mask(&self) -> &GrayImage {
        &self.mask
    }

    /// Where the layers show on the canvas, but for the one that is left out.
    pub fn layers(&self) -> &[LayerMask] {
        &self.layers
    }

    /// The photo with a rendered picture of its crop put back.
    ///
    /// # Errors
    /// When the picture is not of the canvas's size.
    pub fn put(mut self, picture: &RgbImage) -> Result<Original, Unfit> {
        self.stitch(picture)?;
        Ok(self.photo)
    }

    /// What the canvas shows of the photo with a rendered picture put back.
    ///
    /// # Errors
    /// As [`PutBack::put`].
    pub fn shown(mut self, picture: &RgbImage) -> Result<RgbImage, NotPutBack> {
        self.stitch(picture)?;
        Ok(shown(&self.photo.pixels, self.colors.as_ref(), self.crop, self.canvas)?)
    }

    fn stitch(&mut self, picture: &RgbImage) -> Result<(), Unfit> {
        let colors = self.colors.as_ref();
        stitch(&mut self.photo.pixels, colors, self.crop, picture, &self.seen, &self.mask, self.blend)
    }
}

/// A piece of a photo as the canvas shows it. Only the piece is made 8 bits of four channels, and seen as what covers the
/// canvas, whose shape it has.
fn shown(photo: &DynamicImage, colors: Option<&Colors>, crop: Crop, canvas: Canvas) -> Result<RgbImage, ProjectError> {
    let piece = photo.crop_imm(crop.x, crop.y, crop.width, crop.height);
    let piece = match colors {
        Some(colors) => colors.to_srgb(piece),
        None => piece,
    };
    cover(&piece.into_rgba8(), canvas)
}
