//! Tests of `picture.rs`, apart from it for the many kinds of broken file that they make.

use std::fs;
use std::path::PathBuf;

use image::{Frame, ImageBuffer, Luma, LumaA, Rgba};

use super::super::files::tests::disk;
use super::*;

/// A folder of files to load.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn load(&self, name: &str) -> Result<RgbaImage, ProjectError> {
        load_rgba(&disk(self.0.path()), Path::new(name))
    }

    fn message(&self, name: &str) -> String {
        self.load(name).unwrap_err().to_string()
    }
}

/// A PNG whose header states a size, with nearly no data behind it.
fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, width, height).write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c]).unwrap();
    // Dropped without its pixels, which is the point.
    drop(writer);
    bytes
}

/// The smallest CMYK JPEG: 8 by 8 pixels, every component 128, one bit a symbol.
fn cmyk_jpeg() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8];
    bytes.extend(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00");
    bytes.extend([0xff, 0xdb, 0, 67, 0]);
    bytes.extend([1; 64]);
    bytes.extend([0xff, 0xc0, 0, 20, 8, 0, 8, 0, 8, 4]);
    for component in 1..=4 {
        bytes.extend([component, 0x11, 0]);
    }
    for class in [0x00, 0x10] {
        bytes.extend([0xff, 0xc4, 0, 20, class, 1]);
        bytes.extend([0; 16]);
    }
    bytes.extend([0xff, 0xda, 0, 14, 4]);
    for component in 1..=4 {
        bytes.extend([component, 0]);
    }
    bytes.extend([0, 63, 0, 0x00, 0xff, 0xd9]);
    bytes
}

#[test]
fn an_empty_file_a_folder_and_a_missing_file_say_what_they_are() {
    let folder = Folder::new();
    folder.write("empty.png", b"");
    fs::create_dir(folder.path("sub.png")).unwrap();
    assert!(folder.message("empty.png").contains("empty.png: the file is empty (0 bytes)"));
    assert!(folder.message("sub.png").contains("it is a folder"));
    assert!(folder.message("none.png").contains("there is no such file"));
}

#[test]
fn text_and_other_documents_named_png_are_recognized() {
    let folder = Folder::new();
    folder.write("a.png", "Dear Sir, grüße".as_bytes());
    folder.write("b.png", b"<?xml version='1.0'?><svg></svg>");
    folder.write("c.png", b"\x00\x00\x00\x18ftypavif\x00\x00");
    folder.write("d.png", &[1, 2, 3, 0, 0, 250]);
    assert!(folder.message("a.png").contains("its contents are text, whatever its name says"));
    assert!(folder.message("b.png").contains("an SVG drawing"));
    assert!(folder.message("c.png").contains("the AVIF photo is damaged or cut short"));
    assert!(folder.message("d.png").contains("choose a PNG, JPEG"));
}

#[test]
fn huge_pictures_are_refused_by_their_header() {
    let folder = Folder::new();
    folder.write("wide.png", &png_of_size(30_000, 10));
    folder.write("huge.png", &png_of_size(30_000, 30_000));
    folder.write("area.png", &png_of_size(16_000, 16_000));
    let text = folder.message("wide.png");
    assert!(text.contains("it is 30000 × 10 pixels, and a side may have at most 16384"), "{text}");
    assert!(folder.message("huge.png").contains("at most 16384"));
    let text = folder.message("area.png");
    assert!(text.contains("256 megapixels of at most 134"), "{text}");
}

#[test]
fn a_file_cut_short_is_called_damaged() {
    let folder = Folder::new();
    let noise = RgbaImage::from_fn(64, 64, |x, y| Rgba([(x * y) as u8, (x ^ y) as u8, x as u8, 255]));
    for name in ["a.png", "a.gif", "a.bmp", "a.tiff", "a.webp"] {
        noise.save(folder.path(name)).unwrap();
        let bytes = fs::read(folder.path(name)).unwrap();
        for length in [12, bytes.len() / 2] {
            folder.write(name, &bytes[..length]);
            let text = folder.message(name);
            assert!(text.contains("damaged or cut short"), "{name} {length}: {text}");
        }
    }
}

#[test]
fn every_cut_of_a_jpeg_gives_a_picture_or_an_error_and_never_a_panic() {
    let folder = Folder::new();
    image::RgbImage::from_fn(16, 16, |x, y| Rgb([(x * 16) as u8, (y * 16) as u8, 9]))
        .save(folder.path("a.jpg"))
        .unwrap();
    let bytes = fs::read(folder.path("a.jpg")).unwrap();
    for length in 0..bytes.len() {
        let _either = decode(&bytes[..length], Path::new("a.jpg"));
    }
}

#[test]
fn a_cmyk_jpeg_is_read_as_rgb() {
    let picture = decode(&cmyk_jpeg(), Path::new("print.jpg")).unwrap().into_rgba8();
    assert_eq!(picture.dimensions(), (8, 8));
    let [red, green, blue, alpha] = picture.get_pixel(3, 3).0;
    assert!(red == green && green == blue && (50..80).contains(&red), "{red} {green} {blue}");
    assert_eq!(alpha, 255);
}

#[test]
fn sixteen_bit_pictures_keep_their_brightness() {
    let folder = Folder::new();
    let deep: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_pixel(3, 3, Luma([0x8080]));
    deep.save(folder.path("deep.png")).unwrap();
    assert_eq!(folder.load("deep.png").unwrap().get_pixel(1, 1).0, [128, 128, 128, 255]);
    let gray = load_gray(&disk(folder.0.path()), Path::new("deep.png")).unwrap();
    assert_eq!(gray.get_pixel(1, 1).0, [128]);
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let folder = Folder::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(fs::File::create(folder.path("a.gif")).unwrap());
    for color in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        encoder.encode_frame(Frame::new(RgbaImage::from_pixel(4, 4, Rgba(color)))).unwrap();
    }
    drop(encoder);
    assert_eq!(folder.load("a.gif").unwrap().get_pixel(0, 0).0, [255, 0, 0, 255]);
}

#[test]
fn a_mask_is_dark_where_it_is_transparent() {
    let folder = Folder::new();
    let mut mask = ImageBuffer::from_pixel(2, 1, LumaA([255_u8, 255]));
    mask.put_pixel(1, 0, LumaA([255, 51]));
    mask.save(folder.path("mask.png")).unwrap();
    let gray = load_gray(&disk(folder.0.path()), Path::new("mask.png")).unwrap();
    assert_eq!(gray.into_raw(), [255, 51]);
}

#[test]
fn a_picture_covers_the_canvas_from_its_middle() {
    // Green in the middle third; the sides are cut off.
    let wide = RgbaImage::from_fn(192, 64, |x, _| {
        let green = (64..128).contains(&x);
        Rgba(if green { [0, 255, 0, 255] } else { [255, 0, 0, 255] })
    });
    let canvas = Canvas { width: 64, height: 64 };
    let covered = cover(&wide, canvas).unwrap();
    assert!(covered.pixels().all(|pixel| pixel.0 == [0, 255, 0]));
    let mask = GrayImage::from_fn(192, 64, |x, _| Luma([if (64..128).contains(&x) { 255 } else { 0 }]));
    assert!(cover_gray(&mask, canvas).unwrap().pixels().all(|pixel| pixel.0 == [255]));
}

#[test]
fn transparency_of_a_background_is_white_and_its_colours_do_not_bleed() {
    let picture = RgbaImage::from_fn(128, 128, |x, _| Rgba([255, 0, 0, if x < 64 { 255 } else { 0 }]));
    let covered = cover(&picture, Canvas { width: 64, height: 64 }).unwrap();
    assert_eq!(covered.get_pixel(10, 10).0, [255, 0, 0]);
    assert_eq!(covered.get_pixel(50, 10).0, [255, 255, 255]);
}

#[test]
fn a_photo_is_turned_upright_as_its_camera_noted() {
    let folder = Folder::new();
    let file = fs::File::create(folder.path("a.jpg")).unwrap();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(file);
    // A TIFF header and one entry: orientation 6, a quarter turn clockwise.
    let note = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    image::ImageEncoder::set_exif_metadata(&mut encoder, note.to_vec()).unwrap();
    encoder.encode_image(&image::RgbImage::new(24, 16)).unwrap();
    assert_eq!(folder.load("a.jpg").unwrap().dimensions(), (16, 24));
}

#[test]
fn nothing_to_scale_is_an_error_and_not_a_panic() {
    assert!(cover(&RgbaImage::new(0, 0), Canvas { width: 64, height: 64 }).is_err());
}
