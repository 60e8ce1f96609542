use image::{GrayImage, Luma, Rgb};

use super::super::finder::{Asked, Finder, SURE};
use super::super::metrics::learned::LearnedMetric;
use super::super::suite::Choice;
use super::*;

fn encoder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(name)
}

fn both() -> Named {
    Named { clip: Some(encoder("clip")), dino: Some(encoder("dino")), reward: None }
}

const OWN: &str = r#"(
    version: 1, name: "own", canvas: (width: 128, height: 128), seeds: 1,
    concepts: [(name: "a cat", file: "cat.safetensors", class_word: "cat", photos: "photos")],
    cases: [(concepts: ["a cat"])],
    prompts: [(name: "here", words: "a cat here", layout: "layout.png", masks: ["mask.png"])],
    methods: ["conductor"],
)"#;

fn picture() -> RgbImage {
    RgbImage::from_fn(128, 128, |x, y| {
        Rgb([(x * 2) as u8, if (x / 9 + y / 7) % 2 == 0 { 200 } else { 40 }, (y * 2) as u8])
    })
}

fn mask() -> GrayImage {
    GrayImage::from_fn(128, 128, |x, y| Luma([if (30..90).contains(&x) && (20..110).contains(&y) { 255 } else { 0 }]))
}

/// A folder with a suite's layout, and the very same picture as the concept's only photo.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    for name in ["layout.png", "photos/one.png"] {
        picture().save(folder.path().join(name)).unwrap();
    }
    for name in ["mask.png", "photos/one.mask.png"] {
        mask().save(folder.path().join(name)).unwrap();
    }
    folder
}

fn suite(text: &str) -> Suite {
    Suite::from_text(text).unwrap()
}

fn all(suite: &Suite) -> Choice {
    suite.choice(false, &[]).unwrap()
}

fn open(suite: &Suite, base: &Path, named: &Named) -> Result<(Encoders, Vec<String>), String> {
    Encoders::open(suite, base, named, DeviceChoice::Flex)
}

#[test]
fn a_picture_that_shows_the_very_photo_at_its_mask_has_the_whole_segsim() {
    let (folder, suite) = (folder(), suite(OWN));
    let (encoders, missing) = open(&suite, folder.path(), &both()).unwrap();
    assert!(missing.is_empty() && encoders.words().len() == 2);
    let mut bench = Bench::new(&suite, folder.path(), &encoders);
    let choice = all(&suite);
    let unit = suite.units(&choice)[0];
    let learned = bench.measure(&unit, &picture(), None).unwrap().unwrap();
    assert_eq!((&learned.segments, &learned.missing), (&Segments::Masks, &None));
    for kind in [Kind::Clip, Kind::Dino] {
        let segsim = LearnedMetric::SegSim(kind).of(&learned).unwrap();
        assert!((segsim - 1.0).abs() < 1e-6, "{kind:?}: {segsim}");
    }
    let text = LearnedMetric::Text.of(&learned).unwrap();
    assert!((-1.0..=1.0).contains(&text) && text != 0.0, "{text}");
    assert!(encoders.have_measured(Some(&learned)) && !encoders.have_measured(None));

    // What stands outside of the mask changes nothing but how the whole goes with its words.
    let mut other = picture();
    other.enumerate_pixels_mut().filter(|(x, ..)| *x > 100).for_each(|(.., pixel)| *pixel = Rgb([255, 0, 0]));
    let outside = bench.measure(&unit, &other, None).unwrap().unwrap();
    assert!((LearnedMetric::SegSim(Kind::Clip).of(&outside).unwrap() - 1.0).abs() < 1e-6);
    assert!((LearnedMetric::Text.of(&outside).unwrap() - text).abs() > 1e-6);
    // And what stands inside does.
    let plain = RgbImage::from_pixel(128, 128, Rgb([10, 200, 10]));
    let inside = bench.measure(&unit, &plain, None).unwrap().unwrap();
    assert!(LearnedMetric::SegSim(Kind::Dino).of(&inside).unwrap() < 0.999);
}

#[test]
fn without_photos_words_are_measured_all_the_same_and_it_is_said_why_no_more_is() {
    let folder = folder();
    for (text, why) in [
        (OWN.replace(", photos: \"photos\"", ""), "a cat has no photos to be compared with"),
        (OWN.replace("photos: \"photos\"", "photos: \"nowhere\""), "nowhere"),
    ] {
        let suite = suite(&text);
        let (encoders, _) = open(&suite, folder.path(), &both()).unwrap();
        let choice = all(&suite);
        let unit = suite.units(&choice)[0];
        let learned = Bench::new(&suite, folder.path(), &encoders).measure(&unit, &picture(), None).unwrap().unwrap();
        assert!(learned.missing.as_ref().is_some_and(|words| words.contains(why)), "{learned:?}");
        assert_eq!(LearnedMetric::SegSim(Kind::Clip).of(&learned), None);
        assert!(LearnedMetric::Text.of(&learned).is_some());
    }
}

#[test]
fn the_plush_world_s_figures_are_its_segments_and_its_drawings_its_photos() {
    let suite = super::super::tests::small();
    let (encoders, _) = open(&suite, Path::new("."), &both()).unwrap();
    let choice = all(&suite);
    let unit = suite.units(&choice)[0];
    let files = DiskFiles { base: PathBuf::from("."), assets: crate::assets::find };
    let reference = compose::reference(&suite, unit.case, unit.prompt, &files).unwrap();
    let known = suite.concepts_of(unit.case).filter_map(|subject| plush::concept(subject.plush.as_deref()?).copied());
    let ruler = Ruler::new(known.collect(), reference.masks.clone(), &unit.prompt.words);
    let mut bench = Bench::new(&suite, Path::new("."), &encoders);
    let learned = bench.measure(&unit, &reference.picture, Some(&ruler)).unwrap().unwrap();
    assert_eq!((&learned.segments, learned.missing.is_none()), (&Segments::Figures, true));
    let segsim = LearnedMetric::SegSim(Kind::Clip).of(&learned).unwrap();
    assert!((0.0..=1.0).contains(&segsim));
    // Nobody is in an empty picture.
    let nobody = bench.measure(&unit, &RgbImage::new(128, 128), Some(&ruler)).unwrap().unwrap();
    let figures = ruler.figures(&RgbImage::new(128, 128)).len();
    assert!(figures > 0 || LearnedMetric::SegSim(Kind::Clip).of(&nobody) == Some(0.0));
}

#[test]
fn an_encoder_that_only_the_suite_names_may_be_missing_and_one_that_the_user_names_may_not() {
    let folder = folder();
    let named = suite(&OWN.replace("seeds: 1,", "seeds: 1, clip: \"no/clip\", dino: \"no/dino\","));
    let (none, missing) = open(&named, folder.path(), &Named::default()).unwrap();
    assert!(none.is_empty() && missing.len() == 2);
    assert!(missing[0].contains("nothing is measured with CLIP") && missing[1].contains("--dino"), "{missing:?}");
    let gone = Named { clip: Some(folder.path().join("gone")), ..Named::default() };
    assert!(open(&named, folder.path(), &gone).err().unwrap().contains("holds no image encoder"));
    let swapped = Named { clip: Some(encoder("dino")), ..Named::default() };
    let words = open(&named, folder.path(), &swapped).err().unwrap();
    assert!(words.contains("is DINOv2, where CLIP is named"), "{words}");
    // The user's come before the suite's.
    let (own, notes) = open(&named, folder.path(), &both()).unwrap();
    assert_eq!((own.words().len(), notes.len()), (2, 2));
    assert!(notes[0].starts_with("--clip ") && notes[0].ends_with(" in place of the suite's no/clip"), "{notes:?}");
    assert!(named.is_alike(&suite(&OWN.replace(", photos: \"photos\"", ""))));
}

#[test]
fn another_encoder_s_scores_take_the_place_of_its_kind_and_others_stay() {
    let scores = |kind, encoder: &str| learned::Scores { kind, encoder: encoder.into(), segsim: Some(0.5), text: None };
    let of = |scores| Learned { segments: Segments::Masks, scores, missing: None, count: None };
    let before = of(vec![scores(Kind::Clip, "old"), scores(Kind::Dino, "dino")]);
    let after = of(vec![scores(Kind::Clip, "new")]).after(Some(before.clone()));
    let names: Vec<&str> = after.scores.iter().map(|scores| scores.encoder.as_str()).collect();
    assert_eq!(names, ["new", "dino"]);
    let text = serde_json::to_string(&after).unwrap();
    assert_eq!(serde_json::from_str::<Learned>(&text).unwrap(), after);
    // A SegSim of other segments does not stand beside one of these.
    let found = || Learned { segments: Segments::Found("a segmenter".into()), ..of(vec![scores(Kind::Clip, "new")]) };
    let alone = found().after(Some(before.clone()));
    assert_eq!(alone, found());
    // Who only counts changes nothing else.
    let count = Count { segmenter: "a segmenter".into(), found: 3, asked: 2 };
    let counts = Learned { count: Some(count.clone()), scores: Vec::new(), ..found() };
    let counted = counts.after(Some(before.clone()));
    assert_eq!(counted, Learned { count: Some(count), ..before });
    let shares = [LearnedMetric::Omission, LearnedMetric::Redundancy].map(|metric| metric.of(&counted));
    assert_eq!((shares, LearnedMetric::Omission.of(&alone)), ([Some(0.0), Some(1.0)], None));
    let text = serde_json::to_string(&counted).unwrap();
    assert_eq!(serde_json::from_str::<Learned>(&text).unwrap(), counted);
}

/// The tests' own network that finds boxes by words.
fn segmenter() -> Segmenter {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment/dino.onnx");
    Segmenter::open(&file, None, SURE).unwrap()
}

#[test]
fn what_a_segmenter_finds_is_compared_and_counted_and_photos_without_a_mask_are_looked_through() {
    let (folder, suite) = (folder(), suite(&OWN.replace("class_word: \"cat\"", "class_word: \"dog\"")));
    std::fs::remove_file(folder.path().join("photos/one.mask.png")).unwrap();
    let choice = all(&suite);
    let unit = suite.units(&choice)[0];
    let with = |named: &Named| open(&suite, folder.path(), named).unwrap().0.with(Some(segmenter()));
    let encoders = with(&both());
    let name = segmenter().name().to_owned();
    assert_eq!(encoders.words().last(), Some(&name));
    let learned = Bench::new(&suite, folder.path(), &encoders).measure(&unit, &picture(), None).unwrap().unwrap();
    assert_eq!((&learned.segments, &learned.missing), (&Segments::Found(name.clone()), &None));
    // The very photo is the picture, so that what is found in one is found in the other.
    let segsim = LearnedMetric::SegSim(Kind::Clip).of(&learned).unwrap();
    assert!((segsim - 1.0).abs() < 1e-6, "{segsim}");
    let count = learned.count.clone().unwrap();
    assert!(count.segmenter == name && count.asked == 1 && count.found >= 1, "{count:?}");
    assert!(encoders.have_measured(Some(&learned)));
    // Without encoders it counts the same, and nothing else.
    let alone = with(&Named::default());
    let counted = Bench::new(&suite, folder.path(), &alone).measure(&unit, &picture(), None).unwrap().unwrap();
    assert_eq!((counted.count.as_ref(), counted.scores.len()), (Some(&count), 0));
    assert!(alone.have_measured(Some(&counted)) && !encoders.have_measured(Some(&counted)));
    // What was measured by masks is measured again, and not by those who have no segmenter.
    let (plain, _) = open(&suite, folder.path(), &both()).unwrap();
    let masks = Bench::new(&suite, folder.path(), &plain).measure(&unit, &picture(), None).unwrap().unwrap();
    assert!(masks.segments == Segments::Masks && !encoders.have_measured(Some(&masks)));
    assert!(plain.have_measured(Some(&learned)));
}

#[test]
fn a_suite_that_names_its_segmenter_measures_as_the_same_on_the_command_line() {
    let folder = folder();
    let dog = OWN.replace("class_word: \"cat\"", "class_word: \"dog\"");
    let plain = suite(&dog);
    for file in ["dino.onnx", "vocab.txt", "sam.onnx"] {
        std::fs::copy(data(file), folder.path().join(file)).unwrap();
    }
    let with = |words: &str| suite(&dog.replace("seeds: 1,", &format!("seeds: 1, segmenter: {words},")));
    let named = with("(words: \"dino.onnx\")");
    assert!(named.is_alike(&plain) && named != plain, "no picture depends on it");
    let again = Suite::from_text(&named.to_text().unwrap());
    assert!(again.is_ok_and(|again| again == named) && !plain.to_text().unwrap().contains("segmenter"));
    let no_tensors = |_: &Path| Err("no tensors are asked for".to_owned());
    let opened = |suite: &Suite| {
        let (finder, notes) = Finder::chosen(suite.segmenter.as_ref(), folder.path(), &Asked::default()).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
        Segmenter::of(&finder.unwrap(), folder.path(), &no_tensors)
    };
    // The very segmenter that `--words` opens, by its name, which has its files' hash.
    let found = opened(&named).unwrap();
    assert_eq!(found.name(), segmenter().name());
    let choice = all(&named);
    let unit = named.units(&choice)[0];
    let encoders = Encoders::default().with(Some(found));
    let counted = Bench::new(&named, folder.path(), &encoders).measure(&unit, &picture(), None).unwrap().unwrap();
    assert!(counted.count.is_some_and(|count| count.asked == 1 && count.found >= 1));
    // Files of another kind are refused by their names, in either place.
    let words = opened(&with("(words: \"sam.onnx\")")).err().unwrap();
    assert!(words.contains("sam.onnx") && words.contains("does not find boxes by words"), "{words}");
    let sam = opened(&with("(words: \"dino.onnx\", sam: [\"photos\"])")).err().unwrap();
    assert!(sam.contains("photos"), "{sam}");
}

/// A network of the tests' own.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
}

#[test]
fn what_is_no_network_for_words_is_refused_by_name() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment");
    let refused = |file: &str| Segmenter::open(&data.join(file), None, 0.3).err().unwrap();
    assert!(refused("sam.onnx").contains("does not find boxes by words"));
    assert!(refused("nowhere.onnx").contains("nowhere.onnx"));
}

#[test]
fn imagereward_scores_a_picture_with_its_words_and_needs_no_photos() {
    let folder = folder();
    // The suite's own path, without photos.
    let text = OWN.replace(", photos: \"photos\"", "");
    let suite = suite(&text.replace("seeds: 1,", &format!("seeds: 1, reward: {:?},", encoder("reward"))));
    assert!(suite.is_alike(&self::suite(&text)), "no picture depends on it");
    let (encoders, missing) = open(&suite, folder.path(), &Named::default()).unwrap();
    assert!(missing.is_empty() && !encoders.is_empty());
    assert!(encoders.words()[0].starts_with("ImageReward ImageReward.pt (2 layers, 32 wide"), "{:?}", encoders.words());
    let choice = all(&suite);
    let unit = suite.units(&choice)[0];
    let measure = |encoders: &Encoders, picture: &RgbImage| {
        Bench::new(&suite, folder.path(), encoders).measure(&unit, picture, None)
    };
    let learned = measure(&encoders, &picture()).unwrap().unwrap();
    assert_eq!((learned.scores.len(), &learned.missing), (1, &None));
    let score = |learned: &Learned| LearnedMetric::Reward.of(learned).unwrap();
    assert!(score(&learned).is_finite() && LearnedMetric::Text.of(&learned).is_none());
    let plain = measure(&encoders, &RgbImage::from_pixel(128, 128, Rgb([10, 200, 10]))).unwrap().unwrap();
    assert!((score(&plain) - score(&learned)).abs() > 1e-3, "{plain:?} {learned:?}");
    assert!(encoders.have_measured(Some(&learned)) && !encoders.have_measured(None));

    // Beside others, and after them.
    let (others, _) =
        open(&suite, folder.path(), &Named { reward: Some(encoder("reward/ImageReward.pt")), ..both() }).unwrap();
    assert!(!others.have_measured(Some(&learned)));
    let together = measure(&others, &picture()).unwrap().unwrap();
    let kinds: Vec<Kind> = together.scores.iter().map(|scores| scores.kind).collect();
    assert_eq!(kinds, [Kind::Clip, Kind::Dino, Kind::Reward]);
    assert_eq!(score(&together), score(&learned));
    assert!(LearnedMetric::Text.of(&together).is_some_and(|text| text.abs() <= 1.0));
    let again = learned.after(Some(together.clone()));
    assert_eq!(again, together, "what others said of photos stays");

    let gone = self::suite(&text.replace("seeds: 1,", "seeds: 1, reward: \"no/reward\","));
    let (none, missing) = open(&gone, folder.path(), &Named::default()).unwrap();
    assert!(none.is_empty() && missing[0].contains("nothing is measured with ImageReward"), "{missing:?}");
    assert!(missing[0].contains("--reward"), "{missing:?}");
    let swapped = Named { reward: Some(encoder("clip")), ..Named::default() };
    assert!(open(&gone, folder.path(), &swapped).err().unwrap().contains("med_config.json: is not there"));
}
