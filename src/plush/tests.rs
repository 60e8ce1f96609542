use std::collections::BTreeMap;

use image::{GrayImage, RgbImage};

use super::chance;
use super::draw::{SIDE, cutout, draw, empty};
use super::looks::{CONCEPTS, Kind, apart, concept};
use super::picture::{MOST_FIGURES, Picture, TOKEN};
use super::recognise::sight;
use super::scene::{Setting, Things};
use super::score::{mean, score};

fn sampled(index: u64) -> Picture {
    Picture::sample(&mut chance::of(3, index))
}

#[test]
fn a_description_that_was_written_down_draws_the_very_same_picture() {
    for index in 0..6 {
        let told = sampled(index);
        assert_eq!(told, sampled(index), "the same seed is the same picture");
        let read: Picture = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
        assert_eq!(read, told);
        assert_eq!(draw(&read, 64).unwrap(), draw(&told, 64).unwrap());
    }
    assert_ne!(sampled(0), sampled(1));
}

#[test]
fn pictures_are_made_up_as_often_of_each_thing_as_world_py_does() {
    const COUNT: usize = 4000;
    let all: Vec<Picture> = (0..COUNT as u64).map(sampled).collect();
    let share = |is: &dyn Fn(&Picture) -> bool| all.iter().filter(|told| is(told)).count() as f64 / COUNT as f64;
    let close = |words: &str, share: f64, expected: f64| {
        assert!((share - expected).abs() < 0.03, "{words}: {share} and not {expected}");
    };
    for (figures, expected) in [(1, 0.35), (2, 0.5), (3, 0.15)] {
        close("figures", share(&|told| told.figures.len() == figures), expected);
    }
    for setting in Setting::ALL {
        close(setting.word(), share(&|told| told.scene.setting() == setting), 1.0 / 6.0);
        assert_eq!(Setting::in_words(&format!("A CAT {}, painted", setting.phrase())), Some(setting));
    }
    close("toys", share(&|told| told.figures[0].name.starts_with("toy ")), 0.4);
    let plain = |told: &Picture| Kind::ALL.iter().any(|kind| kind.word() == told.figures[0].name);
    close("without a colour", share(&plain), 0.3);
    let collared = share(&|told| told.figures[0].look.collar.is_some());
    close("collars, which only toys wear", collared, 0.4 * 0.7);
    let alike = |told: &Picture| told.figures.len() == 2 && told.figures[0].look.kind == told.figures[1].look.kind;
    close("the same kind again", share(&alike), 0.5 * (0.25 + 0.75 / 6.0));
    assert!(all.iter().any(|told| told.caption.starts_with("two ")), "as in: two cats in the snow");
    let low = share(&|told| matches!(told.scene.things, Things::Room { .. }) && told.scene.horizon < 0.48) * 6.0;
    close("the horizon's lower half", low, 0.5);
}

#[test]
fn captions_say_who_is_there() {
    let mut by_count: BTreeMap<usize, String> = BTreeMap::new();
    for index in 0..40 {
        let told = sampled(index);
        let caption = &told.caption;
        assert!(caption.ends_with(told.scene.setting().phrase()), "{caption}");
        assert!(told.figures.iter().all(|figure| caption.contains(&figure.name)), "{caption}");
        by_count.insert(told.figures.len(), told.caption);
    }
    assert!(by_count[&3].contains(", ") && by_count[&3].contains(" and "), "{by_count:?}");
    let photo = Picture::photo(concept("mint_cat").unwrap(), &mut chance::of(0, 0));
    assert_eq!(photo.caption, format!("{TOKEN} {}", photo.scene.setting().phrase()));
    let two = Picture::together(&CONCEPTS[..2], &mut chance::of(0, 0));
    assert!(two.caption.starts_with("a mint cat and a plum dog "), "{}", two.caption);
}

#[test]
fn look_alikes_have_nearly_the_body_of_the_first_and_another_pattern() {
    for (first, second) in [("mint_cat", "jade_cat"), ("plum_dog", "grape_dog")] {
        let (a, b) = (concept(first).unwrap().look, concept(second).unwrap().look);
        assert!(apart(a.body, b.body) <= 40.0 && a.kind == b.kind && a.pattern != b.pattern, "{first}, {second}");
        let others = [(a.belly, b.belly), (a.ear, b.ear), (a.mark, b.mark), (a.collar.unwrap(), b.collar.unwrap())];
        assert!(others.iter().all(|(a, b)| apart(*a, *b) > 40.0), "{first}, {second}");
    }
    assert!(concept("no_cat").is_none());
}

/// Mean difference of two pictures' bytes.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

#[test]
fn a_larger_picture_shows_the_same() {
    let told = sampled(5);
    let (small, large) = (draw(&told, SIDE).unwrap(), draw(&told, 1024).unwrap());
    assert_eq!(large.picture.dimensions(), (1024, 1024));
    let shrunk = image::imageops::resize(&large.picture, SIDE, SIDE, image::imageops::FilterType::Triangle);
    let off = difference(&small.picture, &shrunk);
    assert!(off < 2.5, "{off}");
    for (small, large) in small.masks.iter().zip(&large.masks) {
        let area = |mask: &GrayImage| {
            let inside = mask.as_raw().iter().filter(|value| **value > 127).count();
            inside as f64 / mask.as_raw().len() as f64
        };
        assert!((area(small) - area(large)).abs() < 0.01);
    }
}

#[test]
fn masks_have_what_is_seen_and_nothing_twice() {
    let mut told = Picture::together(&CONCEPTS[..2], &mut chance::of(1, 0));
    let lone = draw(&told, SIDE).unwrap().masks;
    // The second steps in front of the first.
    told.figures[1].place.x = told.figures[0].place.x;
    told.figures[1].place.foot = told.figures[0].place.foot + 0.02;
    let masks = draw(&told, SIDE).unwrap().masks;
    let count = |mask: &GrayImage| mask.as_raw().iter().filter(|value| **value > 0).count();
    assert!(count(&masks[0]) < count(&lone[0]) / 2, "{} of {}", count(&masks[0]), count(&lone[0]));
    let twice = masks[0].as_raw().iter().zip(masks[1].as_raw()).filter(|(a, b)| **a > 0 && **b > 0).count();
    // Only what is half of one and half of the other.
    assert!(twice <= 8, "{twice}");
    assert!(masks.iter().all(|mask| mask.as_raw().iter().all(|value| *value == 0 || *value == 255)));
}

#[test]
fn what_cannot_be_drawn_is_said_and_nothing_else_happens() {
    let good = sampled(2);
    let mut bad = vec![good.clone(); 4];
    bad[0].figures[0].place.height = f64::NAN;
    bad[1].figures[0].place.x = 1e300;
    bad[2].scene.horizon = -1.0;
    bad[3].figures = vec![good.figures[0].clone(); MOST_FIGURES + 1];
    for (told, said) in bad.iter().zip(["the height of figure 1", "from the left", "the horizon", "number of figures"])
    {
        let words = draw(told, 64).unwrap_err().to_string();
        assert!(words.contains(said) && words.contains("must be between"), "{words}");
    }
    for setting in Setting::ALL {
        let mut text = serde_json::to_value(setting.sample(&mut chance::of(0, 0))).unwrap();
        spoil(&mut text);
        let scene = serde_json::from_value(text).unwrap();
        let said = empty(&scene, 64).unwrap_err().to_string();
        assert!(said.contains("in the scene") || said.contains("the horizon"), "{setting:?}: {said}");
    }
    // At the bounds all is drawn, however odd.
    let mut odd = good;
    odd.figures[0].place.height = 4.0;
    odd.figures[0].place.foot = 3.0;
    odd.figures[0].place.x = -2.0;
    odd.scene.horizon = 0.95;
    assert!(draw(&odd, 0).is_ok());
}

/// Makes the last number of a scene enormous.
fn spoil(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(all) => all.iter_mut().take(1).for_each(spoil),
        serde_json::Value::Object(all) => {
            for (name, inner) in all {
                if !["color", "lit", "setting"].contains(&name.as_str()) {
                    spoil(inner);
                }
            }
        }
        serde_json::Value::Number(number) => *number = serde_json::Number::from_f64(5.0e9).unwrap(),
        _ => {}
    }
}

#[test]
fn a_cutout_touches_all_its_sides_and_has_its_body_s_colour_to_the_rim() {
    for concept in CONCEPTS {
        let cut = cutout(&concept.look, 256);
        let (width, height) = cut.dimensions();
        let opaque = |x: u32, y: u32| cut.get_pixel(x, y).0[3] > 40;
        assert!((0..width).any(|x| opaque(x, 0)) && (0..width).any(|x| opaque(x, height - 1)), "{}", concept.name);
        assert!((0..height).any(|y| opaque(0, y)) && (0..height).any(|y| opaque(width - 1, y)), "{}", concept.name);
        assert_eq!(cut.get_pixel(0, 0).0[3], 0, "corners are empty");
    }
}

#[test]
fn scores_of_nothing_are_zero_and_masks_that_do_not_fit_are_refused() {
    let cat = concept("mint_cat").unwrap();
    let picture = RgbImage::new(32, 32);
    let said = score(&picture, &[cat.look], &[GrayImage::new(32, 32)]).unwrap();
    assert_eq!((said.layers[0].identity, said.layers[0].layout_iou, said.outside), (0.0, 0.0, 0.0));
    assert!(!said.layers[0].present);
    let none = mean(&[]);
    assert_eq!((none.identity, none.all_present, none.pictures), (0.0, 0.0, 0));
    assert!(score(&picture, &[cat.look], &[]).unwrap_err().to_string().contains("one mask for each"));
    let words = score(&picture, &[cat.look], &[GrayImage::new(8, 32)]).unwrap_err().to_string();
    assert!(words.contains("mask 1 is 8 x 32"), "{words}");
    for (width, height) in [(0, 0), (1, 1), (300, 7)] {
        assert!(sight(&RgbImage::new(width, height), cat).is_none());
        // All of it is the body: whatever is found is judged without a panic.
        sight(&RgbImage::from_pixel(width, height, image::Rgb(cat.look.body)), cat);
    }
}
