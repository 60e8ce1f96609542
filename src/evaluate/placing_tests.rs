//! Concepts that are placed into photos, from the suite's text to the report.

use std::path::Path;

use image::{Rgb, RgbImage};

use super::compose::{project, reference};
use super::crew::Crew;
use super::desk::Desk;
use super::encoders::Encoders;
use super::methods::{METHODS, method};
use super::record::{Folder, Outcome};
use super::run::{Ending, Order, measure_again, run};
use super::suite::{Suite, open};
use crate::engine::cache::Cache;
use crate::link::DeviceChoice;
use crate::project::files::asset_name;
use crate::project::frame::Frame;
use crate::project::{Background, Canvas, Crop, DiskFiles, Layout, PlaceBackground, Project, png_text};

/// One concept and a pair, placed into a scene of 512 x 512 pixels.
const PLACING: &str = r#"(
    version: 1, name: "small", canvas: (width: 128, height: 128), seeds: 1, measure: Plush, own_prompts: Named,
    settings: (steps: 2, guidance_scale: 4.5, inversion: Coarse),
    concepts: [
        (name: "mint cat", plush: "mint_cat", file: "assets:miniature/concepts/mint_cat.safetensors", class_word: "toy cat", cutout: "assets:cutouts/grey_cat.png"),
        (name: "plum dog", plush: "plum_dog", file: "assets:miniature/concepts/plum_dog.safetensors", class_word: "toy dog", cutout: "assets:cutouts/tan_dog.png"),
    ],
    cases: [(concepts: ["mint cat"]), (concepts: ["mint cat", "plum dog"])],
    prompts: [(name: "beach", words: "{all} on the beach", photo: "assets:scenes/beach.png")],
    methods: ["conductor", "noised_photo"],
)"#;

const PHOTO: &str = "photo: \"assets:scenes/beach.png\"";

fn placing() -> Suite {
    Suite::from_text(PLACING).unwrap()
}

/// The suite with something in the place of its photo.
fn with(to: &str) -> Suite {
    Suite::from_text(&PLACING.replace(PHOTO, to)).unwrap()
}

fn files() -> DiskFiles {
    DiskFiles { base: ".".into(), assets: crate::assets::find }
}

/// The project of a method's unit of a case.
fn composed(suite: &Suite, case: usize, name: &str) -> Result<Project, String> {
    let choice = suite.choice(false, &[name.to_owned()]).unwrap();
    let units = suite.units(&choice);
    project(suite, &units[case], &files(), &|_: &Path| Ok(String::new()))
}

#[test]
fn what_makes_no_sense_of_a_photo_is_said_with_its_place() {
    let more = |more: &str| format!("{PHOTO}, {more}");
    for (from, to, said) in [
        (PHOTO, more("background: \"assets:scenes/snow.png\""), "prompt \"beach\" has a photo and a background"),
        (PHOTO, more("layout: \"assets:scenes/snow.png\""), "has a photo, and a finished layout or masks too"),
        (PHOTO, more("masks: [\"assets:scenes/snow.png\"]"), "has a photo, and a finished layout or masks too"),
        (PHOTO, "photo: \"\"".to_owned(), "has a photo without a name"),
        (
            PHOTO,
            more("places: [(x: 0.5, y: 0.5, height: 0.4)]"),
            "has 1 places, and \"mint cat + plum dog\" has 2 concepts; give one place for each concept",
        ),
        (
            PHOTO,
            more("places: [(x: 1.5, y: 0.5, height: 0.4)]"),
            "has place 1 at x 1.5, y 0.5 with height 0.4; use shares",
        ),
        (PHOTO, more("places: [(x: 0.5, y: 0.5, height: 0.0)]"), "has place 1 at x 0.5"),
        (PHOTO, more("places: [(x: 0.5, y: NaN, height: 0.5)]"), "has place 1 at x 0.5, y NaN"),
        (PHOTO, more("places: [(x: 0.5, y: 0.5)]"), "height"),
        (PHOTO, "places: [(x: 0.5, y: 0.5, height: 0.4)]".to_owned(), "has places, and no photo that they are in"),
        ("\"conductor\"", "\"lora_sum\"".to_owned(), "methods name \"lora_sum\", which has no concepts whose places"),
        ("\"conductor\"", "\"base\"".to_owned(), "the prompt \"beach\" has a photo; leave that method out"),
        (
            PHOTO,
            "background: \"assets:scenes/beach.png\"".to_owned(),
            "name \"noised_photo\", which is \"conductor\" but for what becomes of a photo, and the prompt \"beach\" has none",
        ),
    ] {
        assert!(PLACING.contains(from), "{from}");
        let found = Suite::from_text(&PLACING.replace(from, &to)).unwrap_err().to_string();
        assert!(found.contains(said), "{to}: {found}");
    }
    // Those that are named on the command line too.
    let refused = placing().choice(false, &["conductor".into(), "lora_sum".into()]).unwrap_err().to_string();
    assert!(refused.contains("name \"lora_sum\""), "{refused}");
    assert!(placing().choice(false, &["release".into(), "masked_adapters".into(), "mix_of_show".into()]).is_ok());
}

#[test]
fn methods_that_differ_in_a_photo_alone_are_told_from_those_that_place_nothing() {
    let of = |is: fn(&super::methods::Method) -> bool| -> Vec<&str> {
        const { &METHODS }.iter().filter(|method| is(method)).map(|method| method.name).collect()
    };
    assert_eq!(of(|method| method.only_places()), ["noised_photo", "inverted_photo"]);
    assert_eq!(of(|method| !method.places()), ["lora_sum", "base"]);
    let changed = |name: &str, places| method(name).unwrap().changed(places);
    assert_eq!(changed("noised_photo", true), ["place.background=Noised"]);
    assert_eq!(changed("release", false), [""; 0]);
    assert_eq!(changed("no_refinement", true), ["mask_refinement.enabled=false"]);
}

#[test]
fn the_shipped_suite_places_built_in_concepts_into_built_in_scenes() {
    let (suite, _) = open("placing").unwrap();
    assert!(suite.places());
    let count = |full| suite.units(&suite.choice(full, &[]).unwrap()).len();
    assert_eq!((count(false), count(true)), (5 * 3 * 2 * 3, 5 * 3 * 8 * 6));
    for unit in suite.units(&suite.choice(true, &[]).unwrap()).into_iter().filter(|unit| unit.seed == 0) {
        let composed = project(&suite, &unit, &files(), &|_: &Path| Ok(String::new())).unwrap();
        // But for the edit mask, which nobody has painted.
        for path in composed.clone().paths_mut().into_iter().filter(|path| !path.as_os_str().is_empty()) {
            assert!(asset_name(path).is_some_and(|name| crate::assets::find(name).is_some()), "{}", path.display());
        }
    }
    assert!(Suite::from_text(&suite.to_text().unwrap()).is_ok_and(|again| again == suite));
}

#[test]
fn concepts_stand_in_a_photo_as_their_cutouts_do_on_the_canvas() {
    let suite = placing();
    let drawn = Suite::from_text(
        &PLACING.replace(PHOTO, "background: \"assets:scenes/beach.png\"").replace(", \"noised_photo\"", ""),
    )
    .unwrap();
    for case in 0..2 {
        let (placed, collage) =
            (composed(&suite, case, "conductor").unwrap(), composed(&drawn, case, "conductor").unwrap());
        assert_eq!(placed.validate(), Ok(()));
        assert!(matches!(&placed.layout, Layout::Collage { background: Background::Photo, .. }));
        let place = placed.place.as_ref().unwrap();
        assert_eq!(place.crop, Some(Crop { x: 0, y: 0, width: 512, height: 512 }), "half as high as the photo");
        assert!(place.follow.is_some() && place.background == PlaceBackground::Evened);
        assert_eq!(placed.layers().len(), case + 1);
        for (layer, other) in placed.layers().iter().zip(collage.layers()) {
            assert_eq!((&layer.picture, &layer.concept), (&other.picture, &other.concept));
            let apart = [layer.x - other.x, layer.y - other.y, 100.0 * (layer.scale - other.scale)];
            assert!(apart.iter().all(|apart| apart.abs() < 0.01), "{apart:?}");
        }
        assert_eq!((&placed.prompt, &placed.concepts), (&collage.prompt, &collage.concepts));
        let made = reference(&suite, &suite.cases[case], &suite.prompts[0], &files()).unwrap();
        assert_eq!((made.masks.len(), made.rows), (case + 1, 0.0..1.0));
    }
    let background = |name: &str| composed(&suite, 0, name).unwrap().place.unwrap().background;
    assert_eq!(background("noised_photo"), PlaceBackground::Noised);
    assert_eq!(background("inverted_photo"), PlaceBackground::Inverted);
    assert_eq!((background("release"), background("paper")), (PlaceBackground::Noised, PlaceBackground::Inverted));
    let (ours, theirs) = (composed(&suite, 0, "conductor").unwrap(), composed(&suite, 0, "noised_photo").unwrap());
    assert_eq!(ours.settings, theirs.settings);
}

#[test]
fn a_prompt_says_where_they_stand_and_the_canvas_shows_the_piece_around() {
    let suite = Suite::from_text(
        &PLACING
            .replace(", (concepts: [\"mint cat\", \"plum dog\"])", "")
            .replace(PHOTO, &format!("{PHOTO}, places: [(x: 0.25, y: 0.5, height: 0.25)]")),
    )
    .unwrap();
    let placed = composed(&suite, 0, "conductor").unwrap();
    let crop = placed.place.as_ref().unwrap().crop.unwrap();
    assert!((256..400).contains(&crop.width) && crop.width == crop.height, "twice as high as the cat: {crop:?}");
    let (layer, frame) = (&placed.layers()[0], Frame::of(Some(crop), (512, 512), placed.canvas));
    let (x, y) = frame.to_photo((layer.x.into(), layer.y.into()));
    assert!((x - 128.0).abs() < 0.01 && (y - 256.0).abs() < 0.01, "{x}, {y}");
    let cutout = crate::project::picture::load_rgba(&files(), &layer.picture).unwrap();
    let tall = f64::from(layer.scale) * f64::from(cutout.height()) * frame.photo_pixels();
    assert!((tall - 128.0).abs() < 0.01, "{tall}");
    let made = reference(&suite, &suite.cases[0], &suite.prompts[0], &files()).unwrap();
    let expected = [f64::from(crop.y) / 512.0, f64::from(crop.y + crop.height) / 512.0];
    assert_eq!([made.rows.start, made.rows.end], expected);
    assert!(made.rows.end < 1.0);
}

#[test]
fn a_photo_that_cannot_be_placed_into_fails_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("{:?}", folder.path().join(name).display().to_string());
    RgbImage::new(800, 200).save(folder.path().join("wide.png")).unwrap();
    RgbImage::new(1, 1).save(folder.path().join("dot.png")).unwrap();
    let failed = |suite: &Suite, case| composed(suite, case, "conductor").unwrap_err();
    let gone = failed(&with(&format!("photo: {}", at("gone.png"))), 0);
    assert!(gone.contains("gone.png"), "{gone}");
    let pair = |photo: &str| {
        let places = "places: [(x: 0.1, y: 0.5, height: 0.5), (x: 0.9, y: 0.5, height: 0.5)]";
        let text = PLACING.replace("(concepts: [\"mint cat\"]), ", "");
        Suite::from_text(&text.replace(PHOTO, &format!("photo: {}, {places}", at(photo)))).unwrap()
    };
    let apart = failed(&pair("wide.png"), 0);
    assert!(apart.contains("are in no one piece of the photo"), "{apart}");
    // As cutouts usually stand they are in the middle of it.
    assert!(composed(&with(&format!("photo: {}", at("wide.png"))), 1, "conductor").is_ok());
    let mut small = with(&format!("photo: {}", at("dot.png")));
    small.canvas = Canvas { width: 128, height: 192 };
    let small = failed(&small, 0);
    assert!(small.contains("dot.png: has 1 x 1 pixels, too few"), "{small}");
    let mut bare = placing();
    bare.concepts[0].cutout = None;
    let bare = failed(&bare, 0);
    assert!(bare.ends_with("give it one"), "{bare}");
}

/// What a unit's picture is known by.
fn hash(suite: &Suite, base: &Path, name: &str) -> String {
    let (at, encoders) = (tempfile::tempdir().unwrap(), Encoders::default());
    let folder = Folder::create(at.path()).unwrap();
    let units = suite.units(&suite.choice(false, &[name.to_owned()]).unwrap());
    let order = Order { suite, base, units: units.clone(), folder: &folder, encoders: &encoders, strips: None };
    Desk::new(&order).prepare(&units[0]).map(|prepared| prepared.hash).unwrap()
}

#[test]
fn a_unit_is_known_by_its_photo_s_bytes_and_by_how_it_is_placed() {
    let folder = tempfile::tempdir().unwrap();
    let photo = |shade: u8| RgbImage::from_pixel(300, 300, Rgb([shade, 9, 9])).save(folder.path().join("photo.png"));
    photo(1).unwrap();
    let suite = with("photo: \"photo.png\"");
    let first = hash(&suite, folder.path(), "conductor");
    // What else lies beside the suite is nothing to it.
    std::fs::write(folder.path().join("other.txt"), "other").unwrap();
    assert_eq!(hash(&suite, folder.path(), "conductor"), first);
    let others = ["noised_photo", "inverted_photo"].map(|name| hash(&suite, folder.path(), name));
    assert!(others.iter().all(|other| *other != first) && others[0] != others[1]);
    let mut moved = suite.clone();
    moved.cases.truncate(1);
    moved.prompts[0].places = vec![super::suite::Place { x: 0.5, y: 0.5, height: 0.4 }];
    assert!(hash(&moved, folder.path(), "conductor") != first);
    photo(2).unwrap();
    assert!(hash(&suite, folder.path(), "conductor") != first);
}

#[test]
fn a_placed_picture_is_made_and_measured_and_measured_again_the_same() {
    let mut suite = placing();
    suite.cases.truncate(1);
    let at = tempfile::tempdir().unwrap();
    let choice = suite.choice(false, &["conductor".into()]).unwrap();
    let folder = Folder::create(at.path()).unwrap();
    let plan = folder.begin(&suite, &choice).unwrap();
    let encoders = Encoders::default();
    let units = suite.units(&choice);
    let name = units[0].name();
    let order =
        Order { suite: &suite, base: Path::new("."), units, folder: &folder, encoders: &encoders, strips: None };
    let (_stop, interrupts) = crossbeam_channel::unbounded();
    let mut crew = Crew::start(&[DeviceChoice::Flex], &Cache::none()).unwrap();
    assert_eq!(run(&order, &mut crew, &interrupts, &mut |_| ()), Ok(Ending::Done));
    let record = folder.record(&name).unwrap();
    assert!(matches!(&record.outcome, Outcome::Made(Some(measures)) if measures.subjects.len() == 1), "{record:?}");
    let background = record.background.unwrap();
    // Of what the model made of the whole piece only what is around the cat comes into the photo.
    assert!(background.finished.apart > 0.0 && background.finished.apart < background.rendered.apart, "{background:?}");
    assert!((0.0..1.0).contains(&background.finished.touched), "{background:?}");
    let picture = folder.picture(&name);
    assert_eq!(image::open(&picture).unwrap().to_rgb8().dimensions(), (128, 128));
    let inside = png_text::read_project(&picture).unwrap().unwrap();
    assert!(inside.place.is_some_and(|place| place.crop.is_some()), "it opens as what it was made of");

    // As if an older program had measured it, which knew nothing of photos.
    let path = picture.with_extension("json");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(json.as_object_mut().unwrap().remove("background").is_some());
    std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
    assert_eq!(folder.record(&name).unwrap().background, None);
    assert_eq!(measure_again(&order), Ok(1));
    let again = folder.record(&name).unwrap();
    assert_eq!((&again.hash, &again.outcome, again.background), (&record.hash, &record.outcome, record.background));
    // Where the suite measures nothing else, photos are measured all the same.
    let mut bare = record.clone();
    (bare.outcome, bare.background) = (Outcome::Made(None), None);
    folder.keep(&bare).unwrap();
    assert_eq!(measure_again(&order), Ok(1));
    assert_eq!(folder.record(&name).unwrap().background, record.background);
    folder.keep(&record).unwrap();

    let [_, markdown] = super::report::write(&folder, &plan).unwrap();
    let markdown = std::fs::read_to_string(markdown).unwrap();
    let cell = format!("| {:.3} [", background.finished.apart);
    for words in
        ["| background ↓ | background touched ↓ | background unpasted ↓ |", &cell, "outside of the subjects' masks"]
    {
        assert!(markdown.contains(words), "{words} is missing: {markdown}");
    }
}
