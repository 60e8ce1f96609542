//! Photos written by libavif's programs, what those read of them themselves beside; and such photos changed by hand.

use std::time::{Duration, Instant};

use image::ColorType;

use super::*;

const SAMPLES: [&str; 5] = ["plain.avif", "clear.avif", "ten.avif", "side.avif", "grid.avif"];

fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pictures").join(name);
    std::fs::read(path).unwrap()
}

fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    decode(bytes, Path::new("photo.avif"), |_| Ok(())).map_err(|error| error.to_string())
}

fn refused(bytes: &[u8]) -> String {
    decoded(bytes).expect_err("it is refused")
}

/// The file with some of its bytes changed, which stand there once.
fn changed(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = sample(name);
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert_eq!(places.len(), 1, "{name}: {from:?}");
    bytes[places[0]..][..to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn photos_of_every_kind_are_read_as_their_maker_reads_them() {
    for name in SAMPLES {
        let ours = decoded(&sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let theirs = image::load_from_memory(&sample(&format!("{name}.png"))).unwrap();
        assert_eq!((ours.width(), ours.height()), (theirs.width(), theirs.height()), "{name}");
        let (ours, theirs) = (ours.to_rgba8(), theirs.to_rgba8());
        let apart: Vec<u8> = ours.iter().zip(theirs.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
        let mean = apart.iter().map(|apart| f64::from(*apart)).sum::<f64>() / apart.len() as f64;
        let most = apart.iter().max().unwrap();
        assert!(mean < 0.4 && *most <= 4, "{name}: {mean} {most}");
    }
}

#[test]
fn more_than_eight_bits_stay_and_only_what_is_transparent_is_so() {
    let kinds = SAMPLES.map(|name| decoded(&sample(name)).unwrap().color());
    let [plain, clear, ten, side, grid] = kinds;
    assert_eq!([plain, side, grid], [ColorType::Rgb8; 3]);
    assert_eq!((clear, ten), (ColorType::Rgba8, ColorType::Rgb16));
    let clear = decoded(&sample("clear.avif")).unwrap().into_rgba8();
    assert_eq!([(1, 1), (25, 25), (35, 3)].map(|(x, y)| clear.get_pixel(x, y).0[3]), [0, 128, 255]);
    let ten = decoded(&sample("ten.avif")).unwrap().into_rgb16();
    assert!(ten.iter().any(|tone| tone % 257 != 0), "no tone lies between two of eight bits");
}

#[test]
fn only_the_brand_says_that_a_file_is_one() {
    for name in SAMPLES {
        assert!(is_avif(&sample(name)), "{name}");
        assert!(!is_avif(&sample(&format!("{name}.png"))), "{name}");
    }
    // Any HEIF by its first brand, this one by another.
    assert!(is_avif(b"\0\0\0\x18ftypmif1\0\0\0\0miafavif"));
    assert!(!is_avif(b"\0\0\0\x18ftypmif1\0\0\0\0miafheic"));
    // A version is no brand, and what follows the box is not in it.
    assert!(!is_avif(b"\0\0\0\x14ftypmif1avifmiafavif"));
    assert!(!is_avif(&sample("plain.heic")));
    for length in 0..12 {
        assert!(!is_avif(&b"\0\0\0\x18ftypavif"[..length]));
    }
}

#[test]
fn a_size_is_refused_before_anything_is_decoded() {
    let bytes = sample("grid.avif");
    let asked = std::cell::RefCell::new(Vec::new());
    let refuse = |size| {
        asked.borrow_mut().push(size);
        Err(ProjectError::picture(Path::new("photo.avif"), "it is too large", "make it smaller"))
    };
    let error = decode(&bytes, Path::new("photo.avif"), refuse).unwrap_err().to_string();
    assert!(error.contains("it is too large"), "{error}");
    assert_eq!(asked.into_inner(), [(128, 128)]);
}

#[test]
fn what_is_whole_but_not_read_is_said() {
    // The file's own word on its colours: primaries, tone curve, matrix.
    let hdr = changed("ten.avif", b"nclx\0\x0c\0\x0d\0\x06", b"nclx\0\x0c\0\x10\0\x06");
    assert!(refused(&hdr).contains("high dynamic range (HDR)"), "{}", refused(&hdr));
    let odd = changed("ten.avif", b"nclx\0\x0c\0\x0d\0\x06", b"nclx\0\x0c\0\x0d\0\x08");
    assert!(refused(&odd).contains("matrix 8"), "{}", refused(&odd));
    let asks = changed("ten.avif", b"av1C", b"av9C");
    assert!(refused(&asks).contains("asks for av9C, which is not known"), "{}", refused(&asks));
    for bytes in [hdr, odd, asks] {
        assert!(refused(&bytes).ends_with("export it as JPEG or PNG"));
    }
}

#[test]
fn pieces_that_do_not_make_up_the_whole_are_refused_unread() {
    for size in [[0, 64, 0, 128], [1, 0, 0, 128], [0, 128, 0, 64], [0, 128, 0, 0]] {
        let bytes = changed("grid.avif", &[0, 0, 1, 1, 0, 128, 0, 128], &[&[0, 0, 1, 1][..], &size].concat());
        assert!(refused(&bytes).contains("do not make up the whole"), "{size:?}: {}", refused(&bytes));
    }
    // What stands over is cut off.
    let smaller = changed("grid.avif", &[0, 0, 1, 1, 0, 128, 0, 128], &[0, 0, 1, 1, 0, 100, 0, 65]);
    let (part, whole) = (decoded(&smaller).unwrap(), decoded(&sample("grid.avif")).unwrap());
    assert_eq!(part, whole.crop_imm(0, 0, 100, 65));
}

#[test]
fn a_cut_photo_is_refused_wherever_it_ends() {
    for name in SAMPLES {
        let bytes = sample(name);
        for length in (12..bytes.len()).step_by(7) {
            let words = refused(&bytes[..length]);
            assert!(words.contains("damaged or cut short"), "{name} cut to {length}: {words}");
        }
    }
}

#[test]
fn damaged_photos_are_a_picture_or_refused_in_words_and_never_take_long() {
    let mut state = 17_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for name in SAMPLES {
        let whole = sample(name);
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random(6) {
                let at = 12 + random(whole.len() - 12);
                bytes[at] = random(256) as u8;
            }
            let begun = Instant::now();
            let size = |(width, height): (u32, u32)| {
                let fits = u64::from(width) * u64::from(height) < 1 << 20;
                if fits { Ok(()) } else { Err(ProjectError::picture(Path::new("a"), "too large", "")) }
            };
            read += usize::from(decode(&bytes, Path::new("a"), size).is_ok());
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", begun.elapsed());
        }
    }
    // Most of a file is its picture, of which any bits mean something.
    assert!(read > 50, "{read}");
}
