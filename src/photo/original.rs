//! A photo as it is: at its own depth, 8 or 16 bits, gray or in colour, with its colour profile and what its camera noted;
//! and how it becomes a file again.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

use heifer::heifer_isobmff::HeifFile;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader, Rgb, RgbImage};
use png::{BitDepth, ColorType, Encoder, Info, Writer};

use super::colors::Colors;
use super::exif::{Keep, of_upright};

/// How good a JPEG is, of 100: hardly told from the picture itself.
const QUALITY: u8 = 95;

/// Kinds of files that photos are written as.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// Every bit as it is.
    Png,
    /// 8 bits without transparency, and small.
    Jpeg,
}

impl Format {
    /// The one that a file's ending means; none for any other ending.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::Jpeg),
            _ => None,
        }
    }
}

/// Why a photo was not encoded.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// By the encoder of PNGs.
    #[error(transparent)]
    Png(#[from] png::EncodingError),
    /// By the encoder of JPEGs.
    #[error(transparent)]
    Jpeg(#[from] image::ImageError),
}

/// A photo, upright, with what its file says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Original {
    /// Its pixels: of 8 or 16 bits, gray or in colour, with or without transparency.
    pub pixels: DynamicImage,
    /// What its numbers mean as colours; None: sRGB.
    profile: Option<Vec<u8>>,
    /// What its camera noted, with the way up that its file had.
    notes: Option<Vec<u8>>,
}

impl Original {
    /// A photo whose `pixels` were decoded from a file's `bytes` and turned upright. Numbers of other kinds than 8 or 16
    /// bits become 16.
    pub fn new(pixels: DynamicImage, bytes: &[u8]) -> Self {
        let pixels = match pixels {
            DynamicImage::ImageRgb32F(_) => pixels.into_rgb16().into(),
            DynamicImage::ImageRgba32F(_) => pixels.into_rgba16().into(),
            other => other,
        };
        let About { profile, notes } = about(bytes).unwrap_or_default();
        let profile = profile.filter(|profile| means(profile, &pixels));
        Self { pixels, profile, notes }
    }

    /// What its numbers mean as colours; None where that is sRGB.
    pub fn colors(&self) -> Option<Colors> {
        self.profile.as_deref().and_then(Colors::of)
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        (self.pixels.width(), self.pixels.height())
    }

    /// The bytes of a file. `place` keeps where the photo was taken, if its camera noted that; `texts` may write into a
    /// PNG before the pixels. Notes that are damaged are left out.
    ///
    /// # Errors
    /// What the encoder says.
    pub fn encode(
        &self,
        format: Format,
        place: bool,
        texts: impl FnOnce(&mut Writer<&mut Vec<u8>>) -> Result<(), png::EncodingError>,
    ) -> Result<Vec<u8>, Unwritable> {
        let notes = self.notes.as_deref().and_then(|notes| of_upright(notes, Keep { place }));
        match format {
            Format::Png => Ok(self.png(notes, texts)?),
            Format::Jpeg => Ok(self.jpeg(notes)?),
        }
    }

    fn png(
        &self,
        notes: Option<Vec<u8>>,
        texts: impl FnOnce(&mut Writer<&mut Vec<u8>>) -> Result<(), png::EncodingError>,
    ) -> Result<Vec<u8>, png::EncodingError> {
        let (width, height) = self.size();
        let color = self.pixels.color();
        let is_deep = color.bytes_per_pixel() / color.channel_count() == 2;
        let mut info = Info::with_size(width, height);
        info.bit_depth = if is_deep { BitDepth::Sixteen } else { BitDepth::Eight };
        info.color_type = match (color.has_color(), color.has_alpha()) {
            (false, false) => ColorType::Grayscale,
            (false, true) => ColorType::GrayscaleAlpha,
            (true, false) => ColorType::Rgb,
            (true, true) => ColorType::Rgba,
        };
        info.icc_profile = self.profile.as_deref().map(Cow::Borrowed);
        info.exif_metadata = notes.map(Cow::Owned);
        let mut bytes = Vec::new();
        let mut encoder = Encoder::with_info(&mut bytes, info)?;
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header()?;
        texts(&mut writer)?;
        if is_deep {
            // PNG has the highest byte first.
            let deep = self.pixels.as_bytes().chunks_exact(2);
            let turned: Vec<u8> = deep.flat_map(|pair| u16::from_ne_bytes([pair[0], pair[1]]).to_be_bytes()).collect();
            writer.write_image_data(&turned)?;
        } else {
            writer.write_image_data(self.pixels.as_bytes())?;
        }
        writer.finish()?;
        Ok(bytes)
    }

    fn jpeg(&self, notes: Option<Vec<u8>>) -> Result<Vec<u8>, image::ImageError> {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        let unsupported = image::ImageError::Unsupported;
        if let Some(profile) = &self.profile {
            encoder.set_icc_profile(profile.clone()).map_err(unsupported)?;
        }
        // A block of a JPEG has at most so many bytes; more notes than that are none of a camera's.
        if let Some(notes) = notes.filter(|notes| notes.len() < 65_000) {
            encoder.set_exif_metadata(notes).map_err(unsupported)?;
        }
        let color = self.pixels.color();
        match (color.has_color(), color.has_alpha()) {
            (false, false) => encoder.encode_image(&self.pixels.to_luma8())?,
            (false, true) => encoder.encode_image(&DynamicImage::from(over_white(&self.pixels)).into_luma8())?,
            (true, _) => encoder.encode_image(&over_white(&self.pixels))?,
        }
        Ok(bytes)
    }
}

/// A photo of 8 bits, white where it is transparent.
fn over_white(pixels: &DynamicImage) -> RgbImage {
    if !pixels.color().has_alpha() {
        return pixels.to_rgb8();
    }
    let rgba = pixels.to_rgba8();
    let mut over = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in over.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        // At most 255.
        *to = Rgb([red, green, blue].map(|light| ((light * alpha + 255 * (255 - alpha) + 127) / 255) as u8));
    }
    over
}

/// What a file says of its pixels.
#[derive(Default)]
struct About {
    profile: Option<Vec<u8>>,
    notes: Option<Vec<u8>>,
}

/// The colour profile and the notes in a file; None where it cannot be read.
fn about(bytes: &[u8]) -> Option<About> {
    // A phone's photo (HEIC, AVIF), whose colours are sRGB once it is decoded.
    if let Ok(file) = HeifFile::parse(bytes) {
        return Some(About { profile: None, notes: file.exif(file.primary_id).ok().flatten() });
    }
    let format = image::guess_format(bytes).ok()?;
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().ok()?;
    let profile = decoder.icc_profile().ok().flatten();
    let notes = decoder.exif_metadata().ok().flatten();
    Some(About { profile, notes })
}

/// Whether a colour profile is for such numbers: that of a print's inks is not, once they have become red, green and blue.
fn means(profile: &[u8], pixels: &DynamicImage) -> bool {
    let space = profile.get(16..20);
    if pixels.color().has_color() { space == Some(b"RGB ") } else { space == Some(b"GRAY") }
}

#[cfg(test)]
mod tests {
    use image::metadata::Orientation;
    use image::{GrayImage, Luma};

    use super::super::exif::tests::notes;
    use super::*;

    fn profile(space: &[u8; 4]) -> Vec<u8> {
        let mut profile = vec![0; 128];
        profile[16..20].copy_from_slice(space);
        profile
    }

    fn decode(bytes: &[u8]) -> (DynamicImage, Option<Vec<u8>>, Option<Vec<u8>>) {
        let format = image::guess_format(bytes).unwrap();
        let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder().unwrap();
        let (profile, notes) = (decoder.icc_profile().unwrap(), decoder.exif_metadata().unwrap());
        assert_eq!(decoder.orientation().unwrap(), Orientation::NoTransforms);
        (DynamicImage::from_decoder(decoder).unwrap(), profile, notes)
    }

    fn colors() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, (x + y) as u8]))
    }

    /// A photo from a camera that lay on its side.
    fn camera() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        encoder.set_icc_profile(profile(b"RGB ")).unwrap();
        encoder.set_exif_metadata(notes(true, 6)).unwrap();
        encoder.encode_image(&colors()).unwrap();
        bytes
    }

    fn upright(bytes: &[u8]) -> DynamicImage {
        let mut decoder = ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().into_decoder().unwrap();
        let orientation = decoder.orientation().unwrap();
        let mut picture = DynamicImage::from_decoder(decoder).unwrap();
        picture.apply_orientation(orientation);
        picture
    }

    #[test]
    fn a_camera_s_photo_is_written_upright_with_its_profile_and_notes_but_without_the_place() {
        let bytes = camera();
        let photo = Original::new(upright(&bytes), &bytes);
        assert_eq!(photo.size(), (30, 40));
        let place = 2937u32.to_be_bytes();
        let has = |notes: &[u8], piece: &[u8]| notes.windows(piece.len()).any(|window| window == piece);
        for format in [Format::Png, Format::Jpeg] {
            for keep in [false, true] {
                let (pixels, profile, notes) = decode(&photo.encode(format, keep, |_| Ok(())).unwrap());
                let notes = notes.unwrap();
                assert_eq!(has(&notes, &place), keep);
                assert!(has(&notes, b"Maker"));
                assert_eq!(profile, photo.profile);
                assert_eq!((pixels.width(), pixels.height()), (30, 40));
                if format == Format::Png {
                    assert_eq!(pixels, photo.pixels);
                }
            }
        }
    }

    #[test]
    fn a_phone_s_photo_brings_its_notes_too_and_its_place_is_left_out() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pictures/side.avif");
        let bytes = std::fs::read(path).unwrap();
        let photo = Original::new(colors().into(), &bytes);
        assert_eq!(photo.profile, None);
        let has = |notes: &[u8], piece: &[u8]| notes.windows(piece.len()).any(|window| window == piece);
        // The seconds of its latitude, in hundredths.
        let place = |notes: &[u8]| has(notes, &2937u32.to_be_bytes()) || has(notes, &2937u32.to_le_bytes());
        for keep in [false, true] {
            let notes = decode(&photo.encode(Format::Jpeg, keep, |_| Ok(())).unwrap()).2.unwrap();
            assert_eq!((place(&notes), has(&notes, b"Maker")), (keep, true));
        }
        for end in (0..bytes.len()).step_by(5) {
            let _ = Original::new(colors().into(), &bytes[..end]);
        }
    }

    #[test]
    fn every_kind_of_photo_is_the_same_again_as_a_png() {
        let color = DynamicImage::from(DynamicImage::from(colors()).to_rgba8());
        let mut deep = color.to_rgba16();
        deep.pixels_mut().enumerate().for_each(|(at, pixel)| pixel.0[0] = (at * 37) as u16);
        let deep = DynamicImage::from(deep);
        let kinds: [DynamicImage; 8] = [
            color.to_luma8().into(),
            color.to_luma_alpha8().into(),
            color.to_rgb8().into(),
            color,
            deep.to_luma16().into(),
            deep.to_luma_alpha16().into(),
            deep.to_rgb16().into(),
            deep,
        ];
        for pixels in kinds {
            let photo = Original { pixels, profile: None, notes: None };
            let bytes = photo.encode(Format::Png, false, |_| Ok(())).unwrap();
            assert_eq!(Original::new(decode(&bytes).0, &bytes), photo, "{:?}", photo.pixels.color());
            let jpeg = decode(&photo.encode(Format::Jpeg, false, |_| Ok(())).unwrap()).0;
            assert_eq!(jpeg.color().has_color(), photo.pixels.color().has_color());
        }
    }

    #[test]
    fn a_jpeg_is_white_where_the_photo_is_transparent() {
        let photo = Original { pixels: image::RgbaImage::new(16, 16).into(), profile: None, notes: None };
        let jpeg = decode(&photo.encode(Format::Jpeg, false, |_| Ok(())).unwrap()).0;
        assert_eq!(jpeg.to_rgb8().get_pixel(8, 8).0, [255; 3]);
    }

    #[test]
    fn a_profile_for_other_numbers_than_the_photo_has_is_left_out() {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        encoder.set_icc_profile(profile(b"CMYK")).unwrap();
        encoder.encode_image(&colors()).unwrap();
        assert_eq!(Original::new(upright(&bytes), &bytes).profile, None);
        let gray = GrayImage::from_pixel(4, 4, Luma([3]));
        assert!(means(&profile(b"GRAY"), &gray.clone().into()) && !means(&profile(b"RGB "), &gray.into()));
        assert_eq!(Original::new(colors().into(), b"nothing").profile, None);
    }

    #[test]
    fn the_ending_says_what_is_written() {
        assert_eq!(Format::of(Path::new("a/b.PNG")), Some(Format::Png));
        assert_eq!(Format::of(Path::new("b.jpeg")), Some(Format::Jpeg));
        assert_eq!(Format::of(Path::new("b.JPG")), Some(Format::Jpeg));
        assert_eq!(Format::of(Path::new("b.webp")), None);
        assert_eq!(Format::of(Path::new("png")), None);
    }
}
