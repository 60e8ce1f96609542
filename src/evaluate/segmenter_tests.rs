use image::Rgb;

use super::super::finder::SURE;
use super::super::metrics::learned::{Count, Learned, LearnedMetric, Segments};
use super::super::metrics::segsim::{Embedder, HueHistogram, segsim_of_several};
use super::*;

fn find(score: f32, [left, top, right, bottom]: [f32; 4]) -> Find {
    Find { score, within: [[left, top], [right, bottom]] }
}

#[test]
fn boxes_of_one_place_are_one_subject_the_surest_and_what_is_unsure_is_none() {
    let cat = find(0.6, [10.0, 10.0, 50.0, 50.0]);
    // 30 of 50 columns in common: IoU 0.6; and 20 of 60: 0.33.
    let same = find(0.5, [20.0, 10.0, 60.0, 50.0]);
    let beside = find(0.4, [30.0, 10.0, 70.0, 50.0]);
    let unsure = find(0.31, [80.0, 80.0, 90.0, 90.0]);
    assert_eq!(distinct(vec![unsure, beside, same, cat], 0.35), vec![cat, beside]);
    assert_eq!(distinct(vec![unsure], 0.3), vec![unsure]);
    assert!(distinct(Vec::new(), 0.3).is_empty());
    assert!((overlap(cat.within, same.within) - 0.6).abs() < 1e-6);
    assert!((overlap(cat.within, beside.within) - 1.0 / 3.0).abs() < 1e-6);
    assert_eq!(overlap(cat.within, unsure.within), 0.0);
}

#[test]
fn a_box_has_the_pixels_whose_centres_are_in_it() {
    let rows = |within: [[f32; 2]; 2]| {
        let part = of_box(within, (5, 3));
        part.chunks(5).map(|row| row.iter().map(|is| if *is { '#' } else { '.' }).collect()).collect::<Vec<String>>()
    };
    assert_eq!(rows([[1.0, 1.0], [3.0, 3.0]]), [".....", ".##..", ".##.."]);
    assert_eq!(rows([[0.6, 0.4], [3.4, 1.6]]), [".##..", ".##..", "....."]);
    assert_eq!(rows([[4.9, 2.9], [5.0, 3.0]]), [".....", ".....", "....#"], "never none at all");
    assert_eq!(rows([[0.0, 0.0], [5.0, 3.0]]), ["#####"; 3]);
}

#[test]
fn what_is_asked_for_is_each_class_once_with_its_article() {
    let asked = phrases(["cat", "Cat ", "orange bear"].into_iter());
    assert_eq!(Vec::from_iter(asked), ["a cat", "an orange bear"]);
}

const RED: [u8; 3] = [210, 40, 40];
const BLUE: [u8; 3] = [40, 60, 210];
const LEFT: [f32; 4] = [4.0, 10.0, 24.0, 40.0];
const RIGHT: [f32; 4] = [40.0, 10.0, 60.0, 40.0];
const BEHIND: [f32; 4] = [26.0, 10.0, 38.0, 30.0];

/// What Algorithm 2 and the counts say of figures on grey of which every one is found, where a red and a blue one are asked for.
fn said(figures: &[([f32; 4], [u8; 3])]) -> (f64, [f64; 2]) {
    let mut picture = RgbImage::from_pixel(64, 48, Rgb([120; 3]));
    let size = picture.dimensions();
    let boxes = figures.iter().map(|(within, _)| find(0.9, *within)).collect();
    let parts: Vec<Part> = distinct(boxes, SURE).iter().map(|find| of_box(find.within, size)).collect();
    for (part, (_, color)) in parts.iter().zip(figures) {
        picture.pixels_mut().zip(part).filter(|(_, is)| **is).for_each(|(pixel, _)| *pixel = Rgb(*color));
    }
    let embed = |picture: &RgbImage, part: &Part| HueHistogram.embed(picture, part).unwrap();
    let segments: Vec<Vec<f64>> = parts.iter().map(|part| embed(&picture, part)).collect();
    // Two photos each: one of the figure alone, and one in which something grey was found beside it.
    let photos = [RED, BLUE].map(|color| {
        let photo = RgbImage::from_pixel(8, 8, Rgb(color));
        let grey = RgbImage::from_pixel(8, 8, Rgb([120; 3]));
        let (own, other) = (embed(&photo, &vec![true; 64]), embed(&grey, &vec![true; 64]));
        vec![vec![own.clone()], vec![other, own]]
    });
    let count = Count { segmenter: "by hand".into(), found: parts.len(), asked: 2 };
    let segsim = segsim_of_several(&photos, &segments);
    let learned =
        Learned { segments: Segments::Found("by hand".into()), scores: Vec::new(), missing: None, count: Some(count) };
    let share = |metric: LearnedMetric| metric.of(&learned).unwrap();
    (segsim, [share(LearnedMetric::Omission), share(LearnedMetric::Redundancy)])
}

#[test]
fn algorithm_2_and_the_counts_on_pictures_whose_answer_is_known() {
    let near = |one: f64, other: f64| (one - other).abs() < 1e-6;
    let (right, counts) = said(&[(LEFT, RED), (RIGHT, BLUE)]);
    assert!(near(right, 1.0) && counts == [0.0, 0.0], "{right} {counts:?}");
    // Segments are pooled, so that places do not count: swapped is as good.
    let (swapped, counts) = said(&[(LEFT, BLUE), (RIGHT, RED)]);
    assert!(near(swapped, 1.0) && counts == [0.0, 0.0], "{swapped} {counts:?}");
    // One is missing: the other serves for it as far as it is alike.
    let (missing, counts) = said(&[(LEFT, RED)]);
    assert!((0.499..0.99).contains(&missing) && counts == [1.0, 0.0], "{missing} {counts:?}");
    // One too many, and both in one's colours.
    let (extra, counts) = said(&[(LEFT, RED), (RIGHT, BLUE), (BEHIND, BLUE)]);
    assert!(near(extra, 1.0) && counts == [0.0, 1.0], "{extra} {counts:?}");
    let (leaked, counts) = said(&[(LEFT, RED), (RIGHT, RED)]);
    assert!(near(leaked, missing) && counts == [0.0, 0.0], "{leaked} {counts:?}");
    // Nobody at all is the worst.
    assert_eq!(said(&[]), (0.0, [1.0, 0.0]));
}

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/segment").join(name)
}

#[test]
fn networks_find_boxes_and_masks_within_them() {
    let picture = image::open(data("words.png")).unwrap().to_rgb8();
    let seen = DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
    let finds = Words::open(&data("dino.onnx")).unwrap().find(&seen, "dogs", &|_| true).unwrap();
    let asked = BTreeSet::from(["dogs".to_owned()]);
    let boxes = Segmenter::open(&data("dino.onnx"), None, SURE).unwrap();
    let parts = boxes.parts(&picture, &asked).unwrap();
    let expected: Vec<Part> =
        distinct(finds.clone(), SURE).iter().map(|find| of_box(find.within, picture.dimensions())).collect();
    assert!(parts == expected && !parts.is_empty(), "{} of {}", parts.len(), expected.len());
    // Asked for twice in other words, nobody is there twice.
    let twice = boxes.parts(&picture, &BTreeSet::from(["dogs".to_owned(), "dogs.".to_owned()])).unwrap();
    assert_eq!(twice, parts);
    // A threshold leaves the surest.
    let sure = Segmenter::open(&data("dino.onnx"), None, finds[0].score).unwrap();
    assert_eq!(sure.parts(&picture, &asked).unwrap(), parts[..1]);
    assert!(
        sure.name() != boxes.name() && boxes.name().starts_with("Grounding DINO dino.onnx (sure by 0.30 and more; ")
    );

    let files = Files::Pair(Pair { encoder: data("sam.onnx"), decoder: data("decoder.onnx") });
    let no_tensors = |_: &Path| Err("no tensors are asked for".to_owned());
    let both = Segmenter::open(&data("dino.onnx"), Some((&files, &no_tensors)), SURE).unwrap();
    assert!(both.name().starts_with(boxes.name()) && both.name().contains("sam.onnx ("), "{}", both.name());
    let masks = both.parts(&picture, &asked).unwrap();
    assert_eq!(masks.len(), parts.len(), "what is counted are boxes");
    assert!(masks.iter().all(|mask| mask.len() == parts[0].len() && mask.contains(&true)));
    assert!(masks != parts, "masks are not their boxes");
}
