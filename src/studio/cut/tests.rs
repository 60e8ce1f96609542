//! A picture is cut, changed by hand, undone and made into files, without a window.

use std::time::{Duration, Instant};

use image::{Rgba, RgbaImage};

use super::*;
use crate::cut::{Edge, Wand};
use crate::project::Layer;

/// A red square of 40 pixels on blue, kept as a file.
fn photo(folder: &std::path::Path) -> PathBuf {
    let inside = |value: u32| (30..70).contains(&value);
    let color = |x, y| if inside(x) && inside(y) { Rgba([200, 30, 40, 255]) } else { Rgba([20, 40, 180, 255]) };
    let path = folder.join("square.png");
    RgbaImage::from_fn(120, 100, color).save(&path).unwrap();
    path
}

fn files() -> DiskFiles {
    DiskFiles { base: PathBuf::new(), assets: |_| None }
}

fn until(cutting: &mut Cutting, so: impl Fn(&Cutting, &[Outcome]) -> bool) -> Vec<Outcome> {
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    while !so(cutting, &outcomes) {
        assert!(begun.elapsed() < Duration::from_secs(120), "it did not come");
        outcomes.extend(cutting.poll());
        std::thread::sleep(Duration::from_millis(1));
    }
    outcomes
}

fn settled(cutting: &mut Cutting) -> usize {
    until(cutting, |cutting, _| cutting.open().is_some_and(|open| open.subject.is_some() && !open.is_behind()));
    let shown = cutting.open().unwrap().shown().unwrap();
    shown.mask.iter().filter(|value| **value > 127).count()
}

fn begun(path: PathBuf, before: Option<Cut>, purpose: Purpose) -> Cutting {
    let mut cutting = Cutting::new(&Pool::start(Arc::new(|| ())).unwrap()).unwrap();
    cutting.begin(files(), path, before, purpose).unwrap();
    cutting
}

#[test]
fn scribbles_and_shapes_are_steps_that_undo_takes_back_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(photo(folder.path()), None, Purpose::NewLayer);
    assert_eq!(settled(&mut cutting), 0);
    assert!(!cutting.open().unwrap().can_finish());
    cutting.scribble(Scribble { points: vec![[40.0, 40.0], [60.0, 60.0]], radius: 4.0, keep: true });
    assert_eq!(settled(&mut cutting), 1600);
    cutting.draw(Shape::Rectangle([[0.0, 0.0], [10.0, 10.0]]), Mode::Add);
    cutting.draw(Shape::Rectangle([[30.0, 30.0], [40.0, 70.0]]), Mode::Subtract);
    assert_eq!(settled(&mut cutting), 1600 + 100 - 400);
    // A scribble counts for more than what was taken away by hand under it.
    cutting.scribble(Scribble { points: vec![[34.0, 50.0]], radius: 3.0, keep: true });
    assert!(settled(&mut cutting) > 1300);
    cutting.undo();
    cutting.undo();
    assert_eq!(settled(&mut cutting), 1700);
    cutting.redo();
    assert_eq!(settled(&mut cutting), 1300);
    cutting.draw(Shape::Wand((50, 50), Wand::default()), Mode::Replace);
    assert!((1550..=1650).contains(&settled(&mut cutting)));
    cutting.whole("Invert", |value| 255 - value);
    assert!((10350..=10450).contains(&settled(&mut cutting)));
    for _ in 0..20 {
        cutting.undo();
    }
    assert_eq!(settled(&mut cutting), 0);
    assert_eq!(cutting.open().unwrap().undo_name(), None);
}

#[test]
fn the_edge_is_one_step_however_long_a_slider_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(photo(folder.path()), None, Purpose::NewLayer);
    settled(&mut cutting);
    cutting.draw(Shape::Rectangle([[30.0, 30.0], [70.0, 70.0]]), Mode::Replace);
    settled(&mut cutting);
    for grow in 1..=5 {
        cutting.set_refinement(Refinement { edge: Edge { grow: grow as f32, ..Edge::default() }, clean: true });
    }
    // Corners are round.
    let grown = settled(&mut cutting);
    assert!((2450..=2500).contains(&grown), "{grown}");
    cutting.set_preview(true);
    until(&mut cutting, |cutting, _| cutting.open().unwrap().shown().is_some_and(|shown| shown.cutout.is_some()));
    cutting.undo();
    assert_eq!(settled(&mut cutting), 1600);
}

#[test]
fn what_is_made_is_two_files_and_opens_again_with_the_subject_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::in_folder(folder.path());
    let path = photo(folder.path());
    let mut cutting = begun(path.clone(), None, Purpose::OverBackground);
    settled(&mut cutting);
    cutting.frame([[25.0, 25.0], [76.0, 75.0]]);
    assert_eq!(settled(&mut cutting), 1600);
    // Another one is not begun over the work in hand.
    assert!(cutting.begin(files(), path.clone(), None, Purpose::NewLayer).is_err());
    cutting.finish(&places);
    let made = |cutting: &mut Cutting| {
        let is_made = |_: &Cutting, outcomes: &[Outcome]| outcomes.iter().any(|told| matches!(told, Outcome::Made(_)));
        let found = until(cutting, is_made).into_iter().find_map(|told| match told {
            Outcome::Made(made) => Some(*made),
            _ => None,
        });
        found.unwrap()
    };
    let first = made(&mut cutting);
    assert!(cutting.open().is_none());
    assert_eq!((first.size, first.photo_size, first.middle), ((40, 40), (120, 100), (50.0, 50.0)));
    assert!(first.picture.exists() && first.cut.mask.exists());
    // The photo covers a canvas of 240 x 240 by its height.
    let (x, y, scale) = first.over_background(crate::project::Canvas { width: 240, height: 240 });
    assert!((x - 96.0).abs() < 0.01 && (y - 120.0).abs() < 0.01 && (scale - 2.4).abs() < 1e-4, "{x} {y} {scale}");

    let mut layer = Layer::new(first.picture.clone(), 100.0, 100.0);
    (layer.scale, layer.rotation) = (2.0, 90.0);
    let mut cutting = begun(path, Some(first.cut), Purpose::Layer(1, 7));
    assert_eq!(settled(&mut cutting), 1600);
    assert!(!cutting.open().unwrap().is_changed());
    cutting.draw(Shape::Rectangle([[30.0, 30.0], [50.0, 70.0]]), Mode::Subtract);
    assert_eq!(settled(&mut cutting), 800);
    cutting.finish(&places);
    let second = made(&mut cutting);
    second.put_into(&mut layer);
    assert_eq!((second.middle, second.middle_before), ((60.0, 50.0), (50.0, 50.0)));
    // Ten pixels to the right, twice as large and turned a quarter: twenty down.
    assert!((layer.x - 100.0).abs() < 0.01 && (layer.y - 120.0).abs() < 0.01, "{layer:?}");
    assert_eq!(layer.cut.as_ref(), Some(&second.cut));
}

#[test]
fn a_photo_that_cannot_be_read_says_so_and_closes() {
    let mut cutting = begun("/nowhere/none.png".into(), None, Purpose::NewLayer);
    let said = |_: &Cutting, outcomes: &[Outcome]| {
        outcomes.iter().any(|told| matches!(told, Outcome::Say(notice) if notice.words.contains("none.png")))
    };
    until(&mut cutting, said);
    assert!(cutting.open().is_none());
}

/// A file of the small networks.
fn sam(name: &str) -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
}

fn looked(cutting: &mut Cutting, chosen: &[&str], folder: &std::path::Path) -> Sight {
    let chosen = chosen.iter().map(|name| sam(name)).collect();
    cutting.look(Networks { chosen, folder: folder.to_owned() });
    until(cutting, |cutting, _| !matches!(cutting.open().unwrap().sight(), Sight::Looking(_)));
    cutting.open().unwrap().sight().clone()
}

#[test]
fn what_is_done_while_a_shape_is_drawn_comes_after_it_and_undo_takes_the_shape_itself_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(photo(folder.path()), None, Purpose::NewLayer);
    settled(&mut cutting);
    let all = cutting.open().unwrap().picture().unwrap().len() / 4;
    let square = || Shape::Rectangle([[0.0, 0.0], [10.0, 10.0]]);
    // Nobody waits for the threads between these.
    cutting.draw(square(), Mode::Add);
    cutting.whole("Invert", |value| 255 - value);
    let edge =
        Refinement { clean: !cutting.open().unwrap().refinement().clean, ..cutting.open().unwrap().refinement() };
    cutting.draw(Shape::Rectangle([[0.0, 0.0], [5.0, 10.0]]), Mode::Add);
    cutting.set_refinement(edge);
    assert_eq!(settled(&mut cutting), all - 50);
    assert_eq!(cutting.open().unwrap().refinement(), edge, "the edge is as it was set last");
    cutting.draw(square(), Mode::Subtract);
    cutting.undo();
    assert_eq!(settled(&mut cutting), all - 50);
    until(&mut cutting, |cutting, _| !cutting.is_busy());
    assert_eq!(settled(&mut cutting), all - 50, "it does not come back");
    cutting.draw(square(), Mode::Subtract);
    assert_eq!(settled(&mut cutting), all - 100);
}

#[test]
fn what_is_clicked_on_is_a_step_and_another_of_its_masks_too() {
    let (folder, path) = (tempfile::tempdir().unwrap(), sam("photo.png"));
    let mut cutting = begun(path.clone(), None, Purpose::NewLayer);
    settled(&mut cutting);
    // Nobody would answer.
    cutting.point([85.0, 70.0], true);
    assert_eq!(cutting.open().unwrap().undo_name(), None);
    match looked(&mut cutting, &[], folder.path()) {
        Sight::Missing(words) => assert!(words.contains("mobile_sam_image_encoder.onnx"), "{words}"),
        other => panic!("{other:?}"),
    }
    match looked(&mut cutting, &["photo.png"], folder.path()) {
        Sight::Blind(words) => assert!(words.contains("photo.png is a picture"), "{words}"),
        other => panic!("{other:?}"),
    }
    for name in ["sam.onnx", "decoder.onnx"] {
        std::fs::copy(sam(name), folder.path().join(name)).unwrap();
    }
    // Clicked before the networks have seen it, and answered once they have.
    cutting.look(Networks { chosen: Vec::new(), folder: folder.path().to_owned() });
    cutting.point([85.0, 70.0], true);
    settled(&mut cutting);
    let networks = crate::segment::Sam::open(&sam("sam.onnx"), &sam("decoder.onnx")).unwrap();
    let picture = image::open(&path).unwrap().to_rgba8();
    let seen = networks.look(&picture, &|_| true).unwrap();
    let masks = |prompt: &crate::segment::Prompt| -> Vec<GrayImage> {
        networks.masks(&seen, prompt).unwrap().iter().map(|guess| guess.mask()).collect()
    };
    let one = masks(&crate::segment::Prompt { clicks: vec![[85.0, 70.0]], ..Default::default() });
    let shown = |cutting: &Cutting| GrayImage::clone(&cutting.open().unwrap().shown().unwrap().mask);
    assert_eq!(shown(&cutting), one[0]);
    assert_eq!(cutting.open().unwrap().answer().map(|(at, count, _)| (at, count)), Some((0, 4)));
    cutting.choose(2);
    settled(&mut cutting);
    assert_eq!(shown(&cutting), one[2]);
    // More clicks and a frame ask anew, from the first mask on.
    cutting.point([160.0, 90.0], false);
    cutting.point_within([[60.0, 18.0], [110.0, 115.0]]);
    settled(&mut cutting);
    let all = crate::segment::Prompt {
        clicks: vec![[85.0, 70.0]],
        not: vec![[160.0, 90.0]],
        within: Some([[60.0, 18.0], [110.0, 115.0]]),
    };
    assert_eq!(shown(&cutting), masks(&all)[0]);
    assert_eq!(cutting.open().unwrap().undo_name(), Some("Frame"));
    for _ in 0..3 {
        cutting.undo();
    }
    settled(&mut cutting);
    assert_eq!(shown(&cutting), one[0]);
    // Kept, with somebody else beside it and a piece taken away by hand.
    cutting.settle();
    cutting.draw(Shape::Rectangle([[0.0, 0.0], [200.0, 70.0]]), Mode::Subtract);
    cutting.point([160.0, 90.0], true);
    settled(&mut cutting);
    let other = masks(&crate::segment::Prompt { clicks: vec![[160.0, 90.0]], ..Default::default() });
    for (x, y, pixel) in shown(&cutting).enumerate_pixels() {
        let either = one[0].get_pixel(x, y).0[0].max(other[0].get_pixel(x, y).0[0]);
        assert_eq!(pixel.0[0], if y < 70 { 0 } else { either }, "{x} {y}");
    }
    for _ in 0..10 {
        cutting.undo();
    }
    assert_eq!(settled(&mut cutting), 0);
}

#[test]
fn weights_alone_see_the_photo_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(sam("small.png"), None, Purpose::NewLayer);
    settled(&mut cutting);
    match looked(&mut cutting, &["weights.pth"], folder.path()) {
        Sight::Seen(eyes) => assert_eq!((eyes.name(), eyes.files.words()), ("SAM", "weights.pth".to_owned())),
        other => panic!("{other:?}"),
    }
    match looked(&mut cutting, &["logits.safetensors"], folder.path()) {
        Sight::Blind(words) => assert!(words.contains("has no weights of Segment Anything"), "{words}"),
        other => panic!("{other:?}"),
    }
    // In Podium's folder nobody has to choose them.
    std::fs::copy(sam("mobile.pt"), folder.path().join("mobile_sam.pt")).unwrap();
    match looked(&mut cutting, &[], folder.path()) {
        Sight::Seen(eyes) => assert_eq!(eyes.name(), "MobileSAM"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn looking_ends_when_it_is_told_to_and_what_waits_for_it_goes_on_without() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(sam("photo.png"), None, Purpose::NewLayer);
    settled(&mut cutting);
    cutting.draw(Shape::Rectangle([[0.0, 0.0], [10.0, 10.0]]), Mode::Add);
    assert_eq!(settled(&mut cutting), 100);
    cutting.look(Networks { chosen: vec![sam("sam.onnx"), sam("decoder.onnx")], folder: folder.path().to_owned() });
    cutting.point([85.0, 70.0], true);
    cutting.stop_looking();
    assert!(matches!(cutting.open().unwrap().sight(), Sight::Unasked));
    assert_eq!(settled(&mut cutting), 100);
    until(&mut cutting, |cutting, _| !cutting.is_busy());
    assert!(matches!(cutting.open().unwrap().sight(), Sight::Unasked), "what comes late is of no use");
    // Asked again, it answers the click that waits.
    cutting.look(Networks { chosen: vec![sam("sam.onnx"), sam("decoder.onnx")], folder: folder.path().to_owned() });
    until(&mut cutting, |cutting, _| cutting.open().unwrap().answer().is_some());
    assert!(settled(&mut cutting) > 100);
    // What a network cannot be told is said, and nothing hangs on it.
    let few = vec![sam("hf.decoder.onnx"), sam("hf.encoder.onnx")];
    cutting.look(Networks { chosen: few, folder: folder.path().to_owned() });
    cutting.point_within([[60.0, 18.0], [110.0, 115.0]]);
    let said = |_: &Cutting, outcomes: &[Outcome]| {
        outcomes.iter().any(|told| matches!(told, Outcome::Say(notice) if notice.words.contains("frame")))
    };
    until(&mut cutting, said);
    settled(&mut cutting);
}

#[test]
fn what_words_name_is_a_frame_like_one_that_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut cutting = begun(sam("photo.png"), None, Purpose::NewLayer);
    settled(&mut cutting);
    for name in ["sam.onnx", "decoder.onnx"] {
        std::fs::copy(sam(name), folder.path().join(name)).unwrap();
    }
    let networks = || Networks { chosen: Vec::new(), folder: folder.path().to_owned() };
    assert!(matches!(looked(&mut cutting, &[], folder.path()), Sight::Seen(_)));
    cutting.name("a dog".into(), networks());
    let said = |_: &Cutting, outcomes: &[Outcome]| {
        outcomes.iter().any(|told| matches!(told, Outcome::Say(notice) if notice.words.contains("Grounding DINO")))
    };
    until(&mut cutting, said);
    for name in ["dino.onnx", "vocab.txt"] {
        std::fs::copy(sam(name), folder.path().join(name)).unwrap();
    }
    cutting.name("a dog".into(), networks());
    until(&mut cutting, |cutting, _| cutting.open().unwrap().pointed().prompt.within.is_some());
    let picture = image::open(sam("photo.png")).unwrap().to_rgba8();
    let found = crate::segment::Words::open(&sam("dino.onnx")).unwrap().find(&picture, "a dog", &|_| true).unwrap();
    let open = cutting.open().unwrap();
    assert_eq!((open.pointed().prompt.within, open.undo_name()), (Some(found[0].within), Some("Frame")));
    assert_eq!(open.naming(), None);
    settled(&mut cutting);
    cutting.undo();
    assert_eq!(settled(&mut cutting), 0);
    // One that is stopped says nothing and changes nothing, and the next is looked for from its beginning.
    cutting.name("a dog".into(), networks());
    assert!(cutting.open().unwrap().naming().is_some());
    cutting.stop_naming();
    assert_eq!(cutting.open().unwrap().naming(), None);
    let outcomes = until(&mut cutting, |cutting, _| !cutting.is_busy());
    assert!(!outcomes.iter().any(|told| matches!(told, Outcome::Say(_))), "{outcomes:?}");
    let open = cutting.open().unwrap();
    assert_eq!((open.pointed().prompt.within, open.undo_name()), (None, None));
    cutting.name("a dog".into(), networks());
    cutting.stop_naming();
    cutting.name("a dog".into(), networks());
    until(&mut cutting, |cutting, _| cutting.open().unwrap().pointed().prompt.within.is_some());
    assert_eq!(cutting.open().unwrap().naming(), None);
}
