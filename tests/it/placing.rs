//! Placing into photos of any size: the real binary on photos of every kind, and how well it comes out on the miniature.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageEncoder, ImageReader, Luma, Rgb, RgbImage};
use podium::photo::plan;
use podium::plush::looks::{Kind, natural};
use podium::plush::picture::{Figure, Place};
use podium::plush::{Asked, CONCEPTS, Concept, Look, Picture, Setting, chance, concept, draw, judge, score};
use podium::project::{BaseModel, PlaceBackground, Preset, Project, file, png_text};
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::broken::assert_says;
use crate::studio::example;

const MINT: &str = "assets:miniature/concepts/mint_cat.safetensors:toy cat";
const PLUM: &str = "assets:miniature/concepts/plum_dog.safetensors:toy dog";

/// Runs the binary, with files of its own in the folder.
fn podium(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_podium"));
    command.args(arguments).current_dir(folder);
    command.env("PODIUM_CACHE_DIR", folder.join("cache")).env("PODIUM_HOME", folder.join("home"));
    let output = command.output().expect("the binary starts");
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), words)
}

/// `podium place` at the smallest size that the miniature knows, in two steps.
fn place(folder: &Path, photo: &str, output: &str, more: &[&str]) -> (bool, String) {
    let quick =
        ["-p", "a toy cat and a toy dog in a meadow", "--canvas", "128x128", "--set", "steps=2", "--device", "flex"];
    // The exact inversion has its own tests, and would be nearly all of what these take.
    let coarse = ["--set", "inversion=Coarse"];
    podium(folder, &[&["place", photo, "-o", output][..], &quick, &coarse, more].concat())
}

fn colors(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x / 4) as u8, (y / 4) as u8, ((x + y) % 251) as u8]))
}

/// A mask of a photo's size, white in a box.
fn white(folder: &Path, name: &str, size: (u32, u32), (x, y, width, height): (u32, u32, u32, u32)) {
    let inside = |at: u32, from: u32, length: u32| at >= from && at - from < length;
    let mask = GrayImage::from_fn(size.0, size.1, |u, v| {
        Luma([if inside(u, x, width) && inside(v, y, height) { 255 } else { 0 }])
    });
    mask.save(folder.join(name)).expect("written");
}

/// The box of the pixels in which two pictures of one kind differ, and how many do.
fn changed(before: &DynamicImage, after: &DynamicImage) -> (usize, Option<(u32, u32, u32, u32)>) {
    assert_eq!((before.color(), before.width(), before.height()), (after.color(), after.width(), after.height()));
    let bytes = usize::from(before.color().bytes_per_pixel());
    let mut count = 0;
    let mask = GrayImage::from_fn(before.width(), before.height(), |x, y| {
        let at = (y as usize * before.width() as usize + x as usize) * bytes;
        let differs = before.as_bytes()[at..at + bytes] != after.as_bytes()[at..at + bytes];
        count += usize::from(differs);
        Luma([if differs { 255 } else { 0 }])
    });
    (count, plan::bounds(&mask).map(|bounds| (bounds.x, bounds.y, bounds.width, bounds.height)))
}

#[test]
fn photos_of_every_kind_change_inside_the_feathered_mask_alone() {
    let folder = tempfile::tempdir().expect("temporary");
    let folder = folder.path();
    let color = DynamicImage::from(colors(900, 700));
    let mut deep = color.to_rgba16();
    deep.pixels_mut()
        .enumerate()
        .for_each(|(at, pixel)| pixel.0 = [at as u16, 9, pixel.0[2], 60_000 + (at % 5_000) as u16]);
    let kinds: [(&str, DynamicImage); 3] =
        [("gray.png", color.to_luma8().into()), ("deep.png", deep.into()), ("color.jpg", color)];
    for (name, photo) in kinds {
        photo.save(folder.join(name)).expect("written");
        // What its reader sees: a JPEG is not what was saved.
        let photo = image::open(folder.join(name)).expect("a picture");
        white(folder, "mask.png", (900, 700), (400, 300, 100, 120));
        let replace = format!("mask.png={MINT}");
        let more = ["--replace", replace.as_str(), "--margin", "8", "--feather", "4", "--save", "out.ron"];
        let (done, words) = place(folder, name, "out.png", &more);
        assert!(done, "{name}: {words}");
        let after = image::open(folder.join("out.png")).expect("a picture");
        let (count, bounds) = changed(&photo, &after);
        let (x, y, width, height) = bounds.expect("something changed");
        // The subject is half of the crop: 240 pixels, which are 128 of the canvas. 8 + 4 of those are 22.5, and as much as
        // interpolation reaches over.
        assert!(x >= 400 - 28 && y >= 300 - 28, "{name}: {bounds:?}");
        assert!(x + width <= 500 + 28 && y + height <= 420 + 28, "{name}: {bounds:?}");
        assert!(count > 9_000, "{name}: {count} pixels changed");

        // The project that was saved, and the one inside the photo, render the same.
        let (done, words) = podium(folder, &["render", "out.ron", "-o", "again.png", "--device", "flex"]);
        assert!(done, "{name}: {words}");
        assert_eq!(image::open(folder.join("again.png")).expect("a picture"), after, "{name}");
        let inside = png_text::read_project(&folder.join("out.png")).expect("readable").expect("a project");
        let place = inside.place.expect("a photo");
        assert_eq!(place.crop.map(|crop| (crop.width, crop.height)), Some((240, 240)));
        assert_eq!(place.background, PlaceBackground::Evened, "subjects keep their colours beside it");
        // What nobody said is the preset's for this model, as in the window.
        let standard = Preset::Standard.settings(BaseModel::Miniature);
        assert_eq!(inside.settings.guidance_scale, standard.guidance_scale);
        assert_eq!(inside.settings.mask_refinement, standard.mask_refinement);
    }
}

/// What a camera notes of a portrait: it lay on its side, at 48° N. Big-endian TIFF.
fn notes() -> Vec<u8> {
    let mut notes = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    notes.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
    notes.extend(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0");
    // At 38: the table of the place.
    notes.extend(b"\0\x01\0\x02\0\x05\0\0\0\x03\0\0\0\x38\0\0\0\0");
    for number in [48_u32, 1, 51, 1, 293_700, 10_007] {
        notes.extend(number.to_be_bytes());
    }
    notes
}

#[test]
fn a_portrait_of_twelve_megapixels_is_placed_into_upright_and_does_not_say_where_it_was_taken() {
    let folder = tempfile::tempdir().expect("temporary");
    let folder = folder.path();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_exif_metadata(notes()).expect("taken");
    encoder.encode_image(&colors(4000, 3000)).expect("encoded");
    std::fs::write(folder.join("portrait.jpg"), bytes).expect("written");
    let mut upright = image::open(folder.join("portrait.jpg")).expect("a picture");
    upright = upright.rotate90();
    assert_eq!((upright.width(), upright.height()), (3000, 4000));

    // Two far apart, one of them at the border: one render after another.
    let (mint, plum) = (
        format!("assets:cutouts/grey_cat.png@0,3900,300={MINT}"),
        format!("assets:cutouts/tan_dog.png@2000,500,400={PLUM}"),
    );
    let (done, words) = place(folder, "portrait.jpg", "out.png", &["--add", &mint, "--add", &plum]);
    assert!(done, "{words}");
    assert_says(&words, &["2 renders, one after another"]);
    let after = image::open(folder.join("out.png")).expect("a picture");
    let (count, _) = changed(&upright, &after);
    assert!(count > 50_000 && count < 1_500_000, "{count} pixels changed");
    assert_eq!(after.to_rgb8().get_pixel(1000, 2500), upright.to_rgb8().get_pixel(1000, 2500));

    let exif = |name: &str| {
        let reader = ImageReader::open(folder.join(name)).expect("there").with_guessed_format().expect("read");
        let mut decoder = reader.into_decoder().expect("a picture");
        decoder.exif_metadata().expect("readable").expect("the camera's notes")
    };
    let says = |notes: &[u8]| notes.windows(4).any(|window| window == 293_700_u32.to_be_bytes());
    assert!(says(&notes()) && !says(&exif("out.png")));
    let more = ["--add", plum.as_str(), "--keep-gps"];
    let (done, words) = place(folder, "portrait.jpg", "out.jpg", &more);
    assert!(done, "{words}");
    assert!(says(&exif("out.jpg")));
    let jpeg = image::open(folder.join("out.jpg")).expect("a picture");
    assert_eq!((jpeg.width(), jpeg.height()), (3000, 4000), "it is upright, and says so");
}

#[test]
fn masks_at_the_border_of_one_pixel_of_all_and_of_nothing_and_what_else_is_wrong() {
    let folder = tempfile::tempdir().expect("temporary");
    let folder = folder.path();
    colors(300, 260).save(folder.join("photo.png")).expect("written");
    let before = image::open(folder.join("photo.png")).expect("a picture");
    white(folder, "pixel.png", (300, 260), (150, 100, 1, 1));
    white(folder, "corner.png", (300, 260), (290, 250, 10, 10));
    white(folder, "all.png", (300, 260), (0, 0, 300, 260));
    white(folder, "none.png", (300, 260), (0, 0, 0, 0));
    white(folder, "other.png", (30, 26), (0, 0, 9, 9));
    for (mask, most) in [("corner.png", 1_100), ("all.png", 68_000)] {
        let (done, words) = place(folder, "photo.png", "out.png", &["--replace", &format!("{mask}={MINT}")]);
        assert!(done, "{mask}: {words}");
        let (count, _) = changed(&before, &image::open(folder.join("out.png")).expect("a picture"));
        assert!(count > 0 && count < most, "{mask}: {count}");
    }
    let fails = |arguments: &[&str], says: &[&str]| {
        let (done, words) = place(folder, "photo.png", "no.png", arguments);
        assert!(!done, "{words}");
        assert_says(&words, says);
        assert!(!folder.join("no.png").exists());
    };
    fails(&["--replace", &format!("none.png={MINT}")], &["none.png: the mask is empty"]);
    fails(&["--replace", &format!("pixel.png={MINT}")], &["is empty on the latent's grid", "make it larger"]);
    fails(&["--replace", &format!("other.png={MINT}")], &["30 x 26 pixels and the photo, upright, 300 x 260"]);
    fails(&["--add", &format!("assets:cutouts/tan_dog.png@900,900={PLUM}")], &["lies beside the photo"]);
    fails(&["--replace", "all.png"], &["write =CONCEPT:WORD behind it"]);
    fails(&[], &["nothing to place"]);
    let (done, words) = place(folder, "photo.png", "no.webp", &["--replace", &format!("all.png={MINT}")]);
    assert!(!done && words.contains("end its name in .png or .jpg"), "{words}");
}

#[test]
fn the_example_photos_are_placed_into() {
    let folder = tempfile::tempdir().expect("temporary");
    let folder = folder.path();
    let photo = podium::assets::find("photos/meadow.png").expect("built in");
    let before = image::load_from_memory(photo).expect("a picture");
    assert!(before.width() >= 1024 && before.height() >= 1024 && photo.len() < 300_000);
    for name in ["photo", "photo-add"] {
        let mut project = example(name);
        project.settings.steps = 2;
        file::save(&folder.join("example.ron"), &project).expect("saved");
        let (done, words) = podium(folder, &["render", "example.ron", "-o", "out.png", "--device", "flex"]);
        assert!(done, "{name}: {words}");
        let after = image::open(folder.join("out.png")).expect("a picture");
        let (count, bounds) = changed(&before, &after);
        let crop = project.place.and_then(|place| place.crop).expect("a crop");
        let (x, y, width, height) = bounds.expect("something changed");
        assert!(x > crop.x && y > crop.y && x + width < crop.x + crop.width && y + height < crop.y + crop.height);
        assert!(count > 30_000, "{name}: {count}");
    }
}

/// The concepts that the miniature comes with, and the plain words under which they come out in their own colours.
const KNOWN: [(&str, &str); 4] =
    [("mint_cat", "green cat"), ("plum_dog", "blue dog"), ("coral_bear", "red bear"), ("lime_robot", "green robot")];

/// A photo of two ordinary figures, smaller than in the pictures that the miniature was trained with; the first is of the
/// concept's kind.
fn photo(index: u64, of: &Concept) -> Picture {
    let mut rng = chance::of(77, index);
    let others: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != of.look.kind).collect();
    let other = *others.choose(&mut rng).expect("kinds");
    let setting = *Setting::ALL.choose(&mut rng).expect("settings");
    let mut figure = |kind: Kind, low: f64, high: f64| {
        let color = *kind.natural().choose(&mut rng).expect("colours");
        let place = Place {
            x: rng.random_range(low..high),
            foot: rng.random_range(0.75..0.92),
            height: rng.random_range(0.22..0.3),
            flip: rng.random_bool(0.5),
        };
        Figure { name: format!("{} {}", color.word(), kind.word()), look: natural(kind, color), place }
    };
    let figures = vec![figure(of.look.kind, 0.2, 0.35), figure(other, 0.65, 0.8)];
    let caption = format!("a {} {}", of.look.kind.word(), setting.phrase());
    Picture { caption, scene: setting.sample(&mut rng), figures }
}

/// Replaces the first figure of a photo by a concept, unless the folder has that already. Whether it is recognised, and by
/// how much the other figure's score changes.
fn replaced(folder: &Path, index: u64, seed: u64, steps: &str) -> (bool, f64, String) {
    let (name, word) = KNOWN[index as usize % KNOWN.len()];
    let of = concept(name).expect("one of the Plush World");
    let picture = photo(index, of);
    let drawn = draw(&picture, 1024).expect("it can be drawn");
    let (before, mask, out) =
        (format!("{index}.png"), format!("{index}-mask.png"), format!("{index}-seed-{seed}-steps-{steps}.png"));
    let phrase = picture.scene.setting().phrase();
    let replace = format!("{mask}=assets:miniature/concepts/{name}.safetensors:{word}");
    let (prompt, seed, steps) = (format!("a {word} {phrase}"), seed.to_string(), format!("steps={steps}"));
    let arguments = [
        &["place", &before, "-o", &out, "-p", &prompt, "--replace", &replace][..],
        &["--seed", &seed, "--margin", "12", "--device", "flex"],
        &["--set", &steps, "--set", "guidance_scale=4.5", "--set", "inversion=Coarse"],
        &["--set", "layout_alignment.weight=20"],
    ];
    // The binary writes it as a whole or not at all.
    if !folder.join(&out).exists() {
        drawn.picture.save(folder.join(&before)).expect("written");
        drawn.masks[0].save(folder.join(&mask)).expect("written");
        let (done, words) = podium(folder, &arguments.concat());
        assert!(done, "{words}");
    }
    let after = image::open(folder.join(&out)).expect("a picture").to_rgb8();
    let asked = Asked { concepts: &[*of], masks: &drawn.masks[..1], setting: None };
    let verdict = judge(&after, asked).expect("it fits").subjects[0];
    let other: Look = picture.figures[1].look;
    let identity =
        |picture: &RgbImage| score(picture, &[other], &drawn.masks[1..2]).expect("it fits").layers[0].identity;
    let apart = (identity(&after) - identity(&drawn.picture)).abs();
    (verdict.recognised, apart, format!("{name} for {} {phrase}: {:?}", picture.figures[0].name, verdict.score))
}

#[test]
fn a_figure_in_a_photo_becomes_a_concept_and_the_other_one_stays() {
    let folder = tempfile::tempdir().expect("temporary");
    let (recognised, apart, words) = replaced(folder.path(), 1, 0, "25");
    assert!(recognised && apart < 0.02, "{apart}: {words}");
}

/// Prints how many of 20 photos by 2 seeds come out, a line each (`PODIUM_PHOTOS` says how many of the photos). What was
/// rendered stays in the folder that `PODIUM_PHOTOS_DIR` names, and the next time only what is missing there is rendered: a
/// folder for each state of the program.
#[test]
#[ignore = "takes 40 renders of the miniature"]
fn how_often_a_new_concept_is_recognised_in_a_photo() {
    let temporary = tempfile::tempdir().expect("temporary");
    let kept = std::env::var_os("PODIUM_PHOTOS_DIR").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).expect("made");
    let photos = std::env::var("PODIUM_PHOTOS").ok().and_then(|many| many.parse().ok()).unwrap_or(20);
    let (mut count, mut most) = (0, 0.0_f64);
    for index in 0..photos {
        for seed in 0..2 {
            let (recognised, apart, words) = replaced(folder, index, seed, "50");
            println!("photo {index} seed {seed}: {recognised}, the other changes by {apart:.4}; {words}");
            count += u64::from(recognised);
            most = most.max(apart);
        }
    }
    println!("recognised: {count} of {}; the others change by at most {most:.4}", 2 * photos);
    assert!(count * 10 >= 2 * photos * 9, "only {count} of {} are recognised", 2 * photos);
    assert!(most < 0.02, "the others' scores changed by {most}");
    assert!(CONCEPTS.len() > KNOWN.len());
}

/// What is saved means the same when it is read again: fields that older projects lack.
#[test]
fn a_project_with_a_photo_survives_saving_and_one_without_says_nothing_of_it() {
    let project = example("photo");
    let text = file::to_string(&project).expect("written down");
    assert_eq!(file::from_str(&text), Ok(project.clone()));
    let mut plain: Project = project;
    if let Some(place) = &mut plain.place {
        (place.crop, place.follow) = (None, None);
    }
    let text = file::to_string(&plain).expect("written down");
    assert!(["crop", "follow", "feather", "match_rim"].iter().all(|word| !text.contains(word)), "{text}");
}
