//! The recogniser's own error: drawn pictures whose faults are known, and what it says of them.

use image::{GrayImage, RgbImage};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::chance::uniform;
use super::draw::{SIDE, draw};
use super::looks::{CONCEPTS, Concept, Look, Ordinary, natural, toy};
use super::picture::{Figure, Picture};
use super::recognise::{Asked, Judgement, judge, sight};
use super::scene::Setting;

/// What is wrong with a picture that was asked for with two concepts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Nothing, but the picture is as soft as the miniature's autoencoder leaves it.
    Soft,
    /// Two look-alikes are asked for and drawn.
    Alike,
    /// Each in the other's place.
    Places,
    /// Each in the other's colours.
    Colors,
    /// Each with the other's belly, ear, collar, pattern and mark.
    Details,
    /// The first is not there.
    Missing,
    /// An ordinary figure of its kind stands in the first's place.
    Plain,
    /// A toy of its kind stands in the first's place.
    Toy,
    /// The first is there once more.
    Extra,
    /// The first stands beside its place, by this share of the side.
    Shift(f64),
    /// Its look-alike stands in the first's place.
    LookAlike,
}

impl Fault {
    const ALL: [Self; 15] = [
        Self::None,
        Self::Soft,
        Self::Alike,
        Self::Places,
        Self::Colors,
        Self::Details,
        Self::Missing,
        Self::Plain,
        Self::Toy,
        Self::Extra,
        Self::Shift(0.05),
        Self::Shift(0.1),
        Self::Shift(0.15),
        Self::Shift(0.25),
        Self::LookAlike,
    ];

    fn words(self) -> String {
        match self {
            Self::None => "nothing".into(),
            Self::Soft => "nothing, but soft".into(),
            Self::Alike => "nothing; two look-alikes are asked for".into(),
            Self::Places => "each in the other's place".into(),
            Self::Colors => "each in the other's colours".into(),
            Self::Details => "each with the other's belly, ear, collar and mark".into(),
            Self::Missing => "the first is missing".into(),
            Self::Plain => "an ordinary figure in its place".into(),
            Self::Toy => "a toy in its place".into(),
            Self::Extra => "the first is there once more".into(),
            Self::Shift(by) => format!("the first stands {by} of the side beside its place"),
            Self::LookAlike => "its look-alike in its place".into(),
        }
    }

    fn is_one(self) -> bool {
        !matches!(self, Self::None | Self::Soft | Self::Alike)
    }
}

fn alike(concept: &Concept) -> Option<Concept> {
    let kind = concept.look.kind;
    CONCEPTS.into_iter().find(|other| other.look.kind == kind && other.name != concept.name)
}

/// Two that are asked for together.
fn pair(fault: Fault, rng: &mut impl Rng) -> [Concept; 2] {
    loop {
        let two: Vec<Concept> = CONCEPTS.choose_multiple(rng, 2).copied().collect();
        let same = two[0].look.kind == two[1].look.kind;
        if same == (fault == Fault::Alike) && (fault != Fault::LookAlike || alike(&two[0]).is_some()) {
            return [two[0], two[1]];
        }
    }
}

/// Five times smaller and large again, with a quarter of the picture: identities are then what the miniature's autoencoder
/// leaves of them (0.84 on average).
fn softened(picture: &RgbImage) -> RgbImage {
    use image::imageops::{FilterType, resize};
    let (width, height) = picture.dimensions();
    let small = resize(picture, width / 5, height / 5, FilterType::Triangle);
    let large = resize(&small, width, height, FilterType::Triangle);
    RgbImage::from_fn(width, height, |x, y| {
        let (a, b) = (picture.get_pixel(x, y).0, large.get_pixel(x, y).0);
        image::Rgb([0, 1, 2].map(|c| ((u32::from(a[c]) + 3 * u32::from(b[c]) + 2) / 4) as u8))
    })
}

/// A picture with a fault, as it is judged.
fn judged(fault: Fault, seed: u64) -> Judgement {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let asked = pair(fault, &mut rng);
    let mut told = Picture::together(&asked, &mut rng);
    let masks = draw(&told, SIDE).unwrap().masks;
    let (first, second) = (asked[0].look, asked[1].look);
    let look = |told: &mut Picture, index: usize, look: Look| told.figures[index].look = look;
    let dressed = |own: Look, other: Look| Look { kind: own.kind, ..other };
    match fault {
        Fault::None | Fault::Soft | Fault::Alike => {}
        Fault::Places => {
            look(&mut told, 0, second);
            look(&mut told, 1, first);
        }
        Fault::Colors => {
            look(&mut told, 0, dressed(first, second));
            look(&mut told, 1, dressed(second, first));
        }
        Fault::Details => {
            look(&mut told, 0, Look { body: first.body, ..dressed(first, second) });
            look(&mut told, 1, Look { body: second.body, ..dressed(second, first) });
        }
        Fault::Missing => drop(told.figures.remove(0)),
        Fault::Plain => {
            let color = *Ordinary::ALL.choose(&mut rng).unwrap();
            look(&mut told, 0, natural(first.kind, color));
        }
        Fault::Toy => look(&mut told, 0, toy(first.kind, &mut rng)),
        Fault::Extra => {
            // Between the two, behind them.
            let mut more: Figure = told.figures[0].clone();
            more.place.x = uniform(&mut rng, 0.45, 0.55);
            more.place.foot = 0.7;
            told.figures.insert(0, more);
        }
        Fault::Shift(by) => told.figures[0].place.x += if rng.random_bool(0.5) { by } else { -by },
        Fault::LookAlike => look(&mut told, 0, alike(&asked[0]).unwrap().look),
    }
    let mut picture = draw(&told, SIDE).unwrap().picture;
    if fault == Fault::Soft {
        picture = softened(&picture);
    }
    judge(&picture, Asked { concepts: &asked, masks: &masks, setting: Some(told.scene.setting()) }).unwrap()
}

/// What the recogniser says of `count` pictures with a fault.
#[derive(Debug, Default)]
struct Row {
    /// Shares.
    right: f64,
    first_recognised: f64,
    identity: f64,
    least_identity: f64,
    leakage: f64,
    borrowed: f64,
    outside: f64,
    most_outside: f64,
}

fn row(fault: Fault, count: u64) -> Row {
    let mut row = Row { least_identity: 1.0, ..Row::default() };
    let part = 1.0 / count as f64;
    for seed in 0..count {
        let said = judged(fault, seed);
        let first = &said.subjects[0];
        row.right += if said.right { part } else { 0.0 };
        row.first_recognised += if first.recognised { part } else { 0.0 };
        row.identity += first.score.identity * part;
        row.least_identity = row.least_identity.min(first.score.identity);
        row.leakage += first.score.leakage * part;
        row.borrowed += first.score.borrowed * part;
        let outside = said.outside - said.scenery;
        row.outside += outside * part;
        row.most_outside = row.most_outside.max(outside);
    }
    row
}

fn print(fault: Fault, row: &Row) {
    println!(
        "| {} | {:.1} % | {:.1} % | {:.3} ({:.3}) | {:.3} | {:.3} | {:.3} ({:.3}) |",
        fault.words(),
        row.right * 100.0,
        row.first_recognised * 100.0,
        row.identity,
        row.least_identity,
        row.leakage,
        row.borrowed,
        row.outside,
        row.most_outside,
    );
}

/// What is found in photos of one subject without a mask.
#[derive(Debug, Default)]
struct Sought {
    recognised: f64,
    overlap: f64,
    fit: f64,
}

/// `of`: what is looked for, given what is drawn; `soft`: as [`Fault::Soft`].
fn sought(count: u64, soft: bool, drawn: impl Fn(&Concept, &mut ChaCha8Rng) -> Option<Picture>) -> Sought {
    let mut all = Sought::default();
    let mut looked = 0.0;
    for seed in 0..count {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let concept = CONCEPTS[seed as usize % CONCEPTS.len()];
        let Some(told) = drawn(&concept, &mut rng) else { continue };
        let mut drawn = draw(&told, SIDE).unwrap();
        if soft {
            drawn.picture = softened(&drawn.picture);
        }
        looked += 1.0;
        if let Some(sighting) = sight(&drawn.picture, &concept) {
            all.recognised += f64::from(u8::from(sighting.verdict.recognised));
            all.fit += sighting.found.fit;
            all.overlap += drawn.masks.first().map_or(0.0, |mask| iou(mask, &sighting.found.mask));
        }
    }
    Sought { recognised: all.recognised / looked, overlap: all.overlap / looked, fit: all.fit / looked }
}

fn iou(a: &GrayImage, b: &GrayImage) -> f64 {
    let pairs = || a.as_raw().iter().zip(b.as_raw());
    let both = pairs().filter(|(a, b)| **a > 127 && **b > 127).count();
    both as f64 / pairs().filter(|(a, b)| **a > 127 || **b > 127).count().max(1) as f64
}

fn photo(concept: &Concept, rng: &mut ChaCha8Rng) -> Option<Picture> {
    Some(Picture::photo(concept, rng))
}

fn of_look_alike(concept: &Concept, rng: &mut ChaCha8Rng) -> Option<Picture> {
    Some(Picture::photo(&alike(concept)?, rng))
}

fn of_toy(concept: &Concept, rng: &mut ChaCha8Rng) -> Option<Picture> {
    let cast = vec![("toy".to_owned(), toy(concept.look.kind, rng))];
    Some(Picture::of(cast, Setting::any(rng), rng))
}

fn of_nobody(_: &Concept, rng: &mut ChaCha8Rng) -> Option<Picture> {
    Some(Picture::of(Vec::new(), Setting::any(rng), rng))
}

#[test]
fn right_pictures_are_right_and_faults_are_seen() {
    for fault in Fault::ALL {
        let row = row(fault, 12);
        print(fault, &row);
        match fault {
            Fault::None | Fault::Soft | Fault::Alike => assert!(row.right >= 0.85, "{fault:?}: {row:?}"),
            // So little is no fault to everybody.
            Fault::Shift(by) if by < 0.1 => {}
            _ => assert!(fault.is_one() && row.right <= 0.1, "{fault:?}: {row:?}"),
        }
    }
}

#[test]
fn a_subject_is_found_where_it_is_and_nobody_where_nobody_is() {
    let found = sought(12, false, photo);
    assert!(found.recognised >= 0.99 && found.overlap > 0.9, "{found:?}");
    assert!(sought(12, false, of_look_alike).recognised < 0.1);
    assert!(sought(12, false, of_toy).recognised < 0.1);
    assert!(sought(12, false, of_nobody).recognised < 0.1);
}

#[test]
#[ignore = "minutes: prints the tables of assets/miniature/README.md"]
fn the_recogniser_s_error_on_two_hundred_pictures_of_each_fault() {
    println!(
        "| what is wrong | right | the first recognised | its identity (least) | leakage | borrowed | outside (most) |"
    );
    println!("|---|---|---|---|---|---|---|");
    for fault in Fault::ALL {
        print(fault, &row(fault, 200));
    }
    println!("| what is drawn | recognised | overlap of the masks | fit |\n|---|---|---|---|");
    let kinds: [(&str, Sought); 5] = [
        ("the concept", sought(200, false, photo)),
        ("the concept, soft", sought(200, true, photo)),
        ("its look-alike", sought(200, false, of_look_alike)),
        ("a toy of its kind", sought(200, false, of_toy)),
        ("nobody", sought(200, false, of_nobody)),
    ];
    for (words, found) in kinds {
        println!("| {words} | {:.1} % | {:.3} | {:.3} |", found.recognised * 100.0, found.overlap, found.fit);
    }
}
