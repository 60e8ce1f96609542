use super::*;
use crate::plush::looks::{Kind, Ordinary, natural, toy};

/// Two concepts drawn in a scene, as one might wish them: apart, as layouts have them.
fn drawn(names: &[&str], seed: u64) -> (Picture, Vec<Concept>) {
    let concepts: Vec<Concept> = names.iter().map(|name| *crate::plush::concept(name).unwrap()).collect();
    let mut told = Picture::together(&concepts, &mut chance::of(seed, 0));
    for (figure, x) in told.figures.iter_mut().zip([0.3, 0.7]) {
        (figure.place.x, figure.place.height) = (x, figure.place.height.min(0.48));
    }
    (told, concepts)
}

/// A faultless picture's ruler, and what it says of another.
fn measured(perfect: &Picture, concepts: &[Concept], seen: &Picture) -> Measures {
    let ruler = Ruler::new(concepts.to_vec(), draw(perfect, 256).unwrap().masks, &perfect.caption);
    ruler.measure(&draw(seen, 256).unwrap().picture).unwrap()
}

fn rates(of: &[Measures], metric: Metric) -> f64 {
    of.iter().map(|measures| metric.of(measures)).sum::<f64>() / of.len() as f64
}

const PAIRS: [[&str; 2]; 3] = [["mint_cat", "plum_dog"], ["coral_bear", "lime_robot"], ["mint_cat", "jade_cat"]];

/// Pictures of all pairs with a fault, measured.
fn with_fault(fault: impl Fn(&mut Picture)) -> Vec<Measures> {
    let all = (0..4).flat_map(|seed| PAIRS.map(|pair| drawn(&pair, seed)));
    let measure = |(perfect, concepts): (Picture, Vec<Concept>)| {
        let mut seen = perfect.clone();
        fault(&mut seen);
        measured(&perfect, &concepts, &seen)
    };
    all.map(measure).collect()
}

#[test]
fn a_faultless_picture_has_the_best_of_each() {
    let all = with_fault(|_| ());
    for metric in [Metric::Right, Metric::Recognised] {
        assert_eq!(rates(&all, metric), 1.0, "{metric:?}");
    }
    for metric in [Metric::Leakage, Metric::Omission, Metric::Redundancy] {
        assert!(rates(&all, metric) < 0.1, "{metric:?}: {}", rates(&all, metric));
    }
    for (metric, least) in [(Metric::SegSim, 0.9), (Metric::Identity, 0.85), (Metric::Layout, 0.75)] {
        assert!(rates(&all, metric) > least, "{metric:?}: {}", rates(&all, metric));
    }
}

#[test]
fn a_missing_subject_is_an_omission_and_nothing_else_is() {
    let all = with_fault(|seen| drop(seen.figures.pop()));
    assert!(rates(&all, Metric::Omission) > 0.95, "{}", rates(&all, Metric::Omission));
    assert_eq!(rates(&all, Metric::Redundancy), 0.0);
    assert_eq!((rates(&all, Metric::Right), rates(&all, Metric::Recognised)), (0.0, 0.5));
    // A figure in a colour nobody asked for is there, and not recognised.
    let grey = with_fault(|seen| seen.figures[0].look = natural(seen.figures[0].look.kind, Ordinary::Blue));
    assert!(rates(&grey, Metric::Omission) < 0.1, "{}", rates(&grey, Metric::Omission));
    assert_eq!(rates(&grey, Metric::Recognised), 0.5);
}

#[test]
fn a_subject_too_many_is_a_redundancy() {
    let all = with_fault(|seen| {
        // Small ones side by side, so that three have room.
        let mut third = seen.figures[0].clone();
        for (figure, x) in seen.figures.iter_mut().zip([0.16, 0.84]) {
            (figure.place.x, figure.place.height) = (x, 0.36);
        }
        (third.place.x, third.place.height) = (0.5, 0.36);
        seen.figures.push(third);
    });
    assert!(rates(&all, Metric::Redundancy) > 0.9, "{}", rates(&all, Metric::Redundancy));
    assert_eq!(rates(&all, Metric::Omission), 0.0);
    assert_eq!(rates(&all, Metric::Right), 0.0);
}

#[test]
fn a_shifted_layout_loses_overlap_and_no_subject() {
    let none = rates(&with_fault(|_| ()), Metric::Layout);
    let shifted = |by: f64| with_fault(move |seen| seen.figures.iter_mut().for_each(|figure| figure.place.foot -= by));
    let (little, much) = (shifted(0.05), shifted(0.15));
    let layout = |all: &[Measures]| rates(all, Metric::Layout);
    assert!(none > layout(&little) + 0.05 && layout(&little) > layout(&much) + 0.1, "{none} {}", layout(&much));
    assert!(rates(&much, Metric::Omission) < 0.1);
    assert!(rates(&much, Metric::SegSim) > 0.85, "what there is looks as it did");
}

#[test]
fn swapped_attributes_are_leakage() {
    let swap = |bodies: bool| {
        with_fault(move |seen| {
            let [a, b] = [seen.figures[0].look, seen.figures[1].look];
            let swapped = |own: crate::plush::Look, other: crate::plush::Look| match bodies {
                true => crate::plush::Look { body: other.body, ..own },
                false => crate::plush::Look { kind: own.kind, body: own.body, ..other },
            };
            (seen.figures[0].look, seen.figures[1].look) = (swapped(a, b), swapped(b, a));
        })
    };
    let details = swap(false);
    assert!(rates(&details, Metric::Leakage) > 0.9, "{}", rates(&details, Metric::Leakage));
    assert_eq!(rates(&details, Metric::Right), 0.0);
    // Bodies of look-alikes count for each other, so only the other pairs are told by them.
    let bodies: Vec<Measures> = swap(true).chunks(3).flat_map(|all| all[..2].to_vec()).collect();
    assert!(rates(&bodies, Metric::Leakage) > 0.9, "{}", rates(&bodies, Metric::Leakage));
    assert!(rates(&bodies, Metric::SegSim) < 0.9);
}

#[test]
fn segsim_is_algorithm_2() {
    let photos = [vec![vec![1.0, 0.0], vec![0.0, 1.0]], vec![vec![1.0, 1.0]]];
    assert_eq!(segsim(&photos, &[]), 0.0, "a picture without segments");
    let half = 0.5_f64.sqrt();
    let expected = ((1.0 + 0.0) / 2.0 + half) / 2.0;
    assert!((segsim(&photos, &[vec![2.0, 0.0]]) - expected).abs() < 1e-12);
    // Segments are pooled, and what is opposite counts as nothing.
    let more = segsim(&photos, &[vec![2.0, 0.0], vec![0.0, 3.0], vec![-1.0, -1.0]]);
    assert!((more - (1.0 + half) / 2.0).abs() < 1e-12);
    assert_eq!(segsim::cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
}

#[test]
fn segsim_tells_concepts_apart_and_look_alikes_too() {
    for [a, b] in PAIRS {
        let of = |name| crate::plush::concept(name).unwrap();
        let (ceiling, floor) = anchors(of(a), of(b));
        assert!(ceiling > 0.95 && floor < ceiling - 0.1, "{a} and {b}: {ceiling} {floor}");
    }
}

#[test]
fn a_picture_of_another_size_is_refused_in_words() {
    let (told, concepts) = drawn(&PAIRS[0], 1);
    let ruler = Ruler::new(concepts, draw(&told, 128).unwrap().masks, &told.caption);
    let words = ruler.measure(&draw(&told, 256).unwrap().picture).unwrap_err();
    assert!(words.contains("128 x 128") && words.contains("256 x 256"), "{words}");
}

#[test]
fn nothing_is_seen_in_empty_scenes_and_in_pictures_of_nothing() {
    let (told, concepts) = drawn(&PAIRS[0], 1);
    let ruler = |caption: &str| Ruler::new(concepts.clone(), draw(&told, 256).unwrap().masks, caption);
    for setting in Setting::ALL {
        for seed in 100..104 {
            let scene = setting.sample(&mut chance::of(seed, 0));
            let picture = crate::plush::draw::empty(&scene, 256).unwrap();
            assert_eq!(ruler(setting.phrase()).measure(&picture).unwrap().figures, 0, "{setting:?} {seed}");
        }
    }
    let black = RgbImage::new(256, 256);
    assert_eq!(ruler("somewhere").measure(&black).unwrap().figures, 0, "of no scene nothing is known");
}

#[test]
fn two_who_touch_are_two_where_two_should_stand_and_one_alone_is_one() {
    for seed in 0..4 {
        let (mut told, concepts) = drawn(&PAIRS[0], seed);
        let (left, right) = (told.figures[0].place, told.figures[1].place);
        told.figures[1].place.x = left.x + 0.62 * left.height.min(right.height);
        told.figures[1].place.foot = left.foot;
        assert_eq!(measured(&told, &concepts, &told).figures, 2, "{seed}");
        // Who stands in the middle of both places is one.
        let mut one = told.clone();
        one.figures.truncate(1);
        one.figures[0].place.x = (told.figures[0].place.x + told.figures[1].place.x) / 2.0;
        assert_eq!(measured(&told, &concepts, &one).figures, 1, "{seed}");
    }
}

/// How often figures are miscounted, over toys and ordinary figures in all scenes.
#[test]
fn figures_are_counted_with_a_known_error() {
    let (mut pictures, mut wrong) = (0, 0);
    for setting in Setting::ALL {
        let backdrop = Backdrop::of(Some(setting));
        for seed in 0..6 {
            let mut rng = chance::of(seed, 7);
            let kinds = [Kind::Cat, Kind::Robot];
            let cast = kinds.map(|kind| (String::new(), toy(kind, &mut rng))).to_vec();
            let told: Picture = Picture::of(cast, setting, &mut rng);
            let seen = draw(&told, 256).unwrap();
            pictures += 1;
            wrong += usize::from(figures::find(&seen.picture, &backdrop, &seen.masks).len() != 2);
        }
    }
    assert!(wrong * 10 <= pictures, "{wrong} of {pictures} are miscounted");
}
