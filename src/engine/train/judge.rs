//! How alike pictures and photos are by an image encoder that the user has: the number on a test sheet that knows shapes too.
//!
//! It is the mean cosine of the picture's vector with those of the photos, each cut out by its mask as SegSim cuts segments
//! out. A picture's mask is what its own making tells (`heed.rs`). Where that tells nothing the whole picture is shown: what
//! surrounds the subject lowers the number then, and only pictures of the same prompt say something by being compared.

use std::path::Path;

use burn::tensor::Device;
use image::RgbImage;

use super::photos::ReadPhoto;
use crate::engine::encoders::encoder::ImageEncoder;
use crate::engine::encoders::segment::cut_out;
use crate::engine::error::{EngineError, Result};
use crate::link::{Alike, Mask};

/// An encoder with the vectors of a training's photos.
pub struct Judge {
    encoder: ImageEncoder,
    photos: Vec<Vec<f32>>,
}

impl Judge {
    /// Reads an encoder and shows it the photos.
    ///
    /// # Errors
    /// When the folder holds no encoder that can be used, or no photo shows anything inside its mask.
    pub fn new(folder: &Path, photos: &[ReadPhoto], device: &Device) -> Result<Self> {
        let encoder = ImageEncoder::open_on(folder, device)?;
        let cut = |photo: &ReadPhoto| cut_out(&photo.picture, |x, y| photo.mask.get_pixel(x, y).0[0] > 127);
        let cut: Vec<RgbImage> = photos.iter().filter_map(cut).collect();
        if cut.is_empty() {
            let what = "no photo shows anything inside its mask, so that no encoder can compare pictures with them";
            return Err(EngineError::Job(what.into()));
        }
        let photos = encoder.embed(&cut)?;
        Ok(Self { encoder, photos })
    }

    /// How alike a picture and the photos are; `place` is where its subject is, of as many cells as the picture has pixels.
    /// Without it, or with an empty one, the whole picture is compared.
    ///
    /// # Errors
    /// When the encoder gives no numbers.
    pub fn alike(&self, picture: &RgbImage, place: Option<&Mask>) -> Result<Alike> {
        let inside = |place: &Mask, x: u32, y: u32| place.on.get(y as usize * place.width + x as usize) == Some(&true);
        let cut = place.and_then(|place| cut_out(picture, |x, y| inside(place, x, y)));
        let shown = cut.as_ref().unwrap_or(picture);
        let vector = self.encoder.embed(std::slice::from_ref(shown))?.pop().unwrap_or_default();
        let sum: f64 = self.photos.iter().map(|photo| cosine(photo, &vector)).sum();
        let cosine = (sum / self.photos.len() as f64) as f32;
        Ok(Alike { encoder: self.encoder.kind().words().into(), cosine, whole: cut.is_none() })
    }
}

/// 0 where one is all zeros.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use image::{GrayImage, Luma, Rgb};

    use super::super::photos::MaskFrom;
    use super::*;

    fn encoder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(name)
    }

    /// A subject of a pattern before a colour.
    fn photo(around: u8) -> ReadPhoto {
        let inside = |x: u32, y: u32| (8..40).contains(&x) && (8..40).contains(&y);
        let look = |x: u32, y: u32| if inside(x, y) { [x as u8 * 6, y as u8 * 6, 90] } else { [around, 250, around] };
        ReadPhoto {
            name: "photo".into(),
            picture: RgbImage::from_fn(64, 48, |x, y| Rgb(look(x, y))),
            mask: GrayImage::from_fn(64, 48, |x, y| Luma([if inside(x, y) { 255 } else { 0 }])),
            mask_from: MaskFrom::File,
            caption: String::new(),
        }
    }

    #[test]
    fn a_picture_of_nothing_but_the_subject_is_wholly_alike_whatever_stood_around_it() {
        for name in ["clip", "dino"] {
            let judge = Judge::new(&encoder(name), &[photo(10), photo(200)], &Device::flex()).unwrap();
            let subject = RgbImage::from_fn(32, 32, |x, y| Rgb([(x + 8) as u8 * 6, (y + 8) as u8 * 6, 90]));
            let alike = judge.alike(&subject, None).unwrap();
            assert!((alike.cosine - 1.0).abs() < 1e-5 && alike.whole, "{alike:?}");
            let encoder = if name == "clip" { "CLIP" } else { "DINOv2" };
            assert_eq!(alike.words(), format!("{encoder} 1.00 (whole picture)"));
            let other = judge.alike(&RgbImage::from_pixel(32, 32, Rgb([250, 20, 20])), None).unwrap();
            assert!(other.cosine < alike.cosine - 1e-3, "{other:?}");
        }
    }

    #[test]
    fn only_what_is_inside_its_place_is_compared_and_nothing_inside_is_the_whole_picture() {
        for name in ["clip", "dino"] {
            let judge = Judge::new(&encoder(name), &[photo(10)], &Device::flex()).unwrap();
            // The subject elsewhere, before something else.
            let picture = RgbImage::from_fn(96, 64, |x, y| {
                let inside = (50..82).contains(&x) && (20..52).contains(&y);
                Rgb(if inside { [(x - 42) as u8 * 6, (y - 12) as u8 * 6, 90] } else { [x as u8, 30, 255 - y as u8] })
            });
            let place = Mask::from_fn(64, 96, |y, x| (50..82).contains(&x) && (20..52).contains(&y));
            let alike = judge.alike(&picture, Some(&place)).unwrap();
            assert!((alike.cosine - 1.0).abs() < 1e-5 && !alike.whole, "{alike:?}");
            assert!(alike.words().ends_with(" 1.00"), "{}", alike.words());
            let beside = Mask::from_fn(64, 96, |y, x| (10..42).contains(&x) && (20..52).contains(&y));
            let other = judge.alike(&picture, Some(&beside)).unwrap();
            assert!(other.cosine < alike.cosine - 1e-3 && !other.whole, "{other:?}");
            let whole = judge.alike(&picture, None).unwrap();
            assert!(whole.whole && whole.cosine < alike.cosine - 1e-3, "{whole:?}");
            assert_eq!(judge.alike(&picture, Some(&Mask::empty(64, 96))).unwrap(), whole);
        }
    }

    #[test]
    fn an_encoder_that_cannot_be_used_and_photos_that_show_nothing_are_told() {
        let empty = ReadPhoto { mask: GrayImage::new(64, 48), ..photo(0) };
        let words = Judge::new(&encoder("clip"), &[empty], &Device::flex()).err().unwrap().to_string();
        assert!(words.contains("inside its mask"), "{words}");
        let words = Judge::new(&encoder("none"), &[photo(0)], &Device::flex()).err().unwrap().to_string();
        assert!(words.contains("holds no image encoder"), "{words}");
    }
}
