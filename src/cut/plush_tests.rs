//! Every tool against the Plush World's exact masks, on fifty pictures, by scripts that do what a person would; and how long
//! the tools take on pictures of several sizes (`cargo test --release -- --ignored --nocapture times`).

use std::time::Instant;

use image::{DynamicImage, GrayImage, RgbaImage};
use rayon::prelude::*;

use super::area::{Mode, bounds, combine, overlap};
use super::shapes::{Point, polygon, rectangle, stroke};
use super::stop::Stop;
use super::subject::{Found, Hints, Scribble, Subject};
use super::wand::{Wand, wand};
use super::{Edge, cutout, refine};
use crate::plush::{Picture, chance, draw};

const COUNT: u64 = 50;
const SIDE: u32 = 256;

/// A picture with the mask of its largest figure.
pub fn photo(number: u64, side: u32) -> (RgbaImage, GrayImage) {
    let drawn = draw(&Picture::sample(&mut chance::of(18, number)), side).expect("it can be drawn");
    let seen = |mask: &GrayImage| mask.iter().filter(|value| **value > 0).count();
    let mask = drawn.masks.into_iter().max_by_key(seen).expect("there is somebody");
    (DynamicImage::ImageRgb8(drawn.picture).into_rgba8(), mask)
}

/// The mean overlap of fifty cuts with the truth, and the worst.
fn measured(
    name: &str,
    photos: &[(RgbaImage, GrayImage)],
    cut: impl Fn(&RgbaImage, &GrayImage) -> GrayImage + Sync,
) -> (f64, f64) {
    let start = Instant::now();
    let all: Vec<f64> = photos.par_iter().map(|(picture, truth)| overlap(&cut(picture, truth), truth)).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let worst = all.iter().copied().fold(1.0, f64::min);
    println!("{name:10} mean overlap {mean:.3}, worst {worst:.3}, {:.1} s", start.elapsed().as_secs_f64());
    (mean, worst)
}

/// The pixel that lies deepest within what is `true`, and about how deep.
fn deepest(inside: &[bool], wide: usize) -> (usize, f32) {
    // Steps of 3 to the side and of 4 across, from above and from below: near enough for where a hand goes.
    let high = inside.len() / wide;
    let mut far = vec![0_u16; inside.len()];
    let step = |far: &mut [u16], x: usize, y: usize, up: bool| {
        let at = |dx: i64, dy: i64| {
            let (x, y) = (x as i64 + dx, if up { y as i64 - dy } else { y as i64 + dy });
            let within = x >= 0 && y >= 0 && x < wide as i64 && y < high as i64;
            // The picture's own edge ends everything.
            if within { far[y as usize * wide + x as usize] } else { 0 }
        };
        [at(-1, -1) + 4, at(0, -1) + 3, at(1, -1) + 4, at(if up { 1 } else { -1 }, 0) + 3]
            .into_iter()
            .fold(u16::MAX, u16::min)
    };
    for y in 0..high {
        for x in 0..wide {
            far[y * wide + x] = if inside[y * wide + x] { step(&mut far, x, y, false) } else { 0 };
        }
    }
    let mut best = (0, 0);
    for y in (0..high).rev() {
        for x in (0..wide).rev() {
            let at = y * wide + x;
            far[at] = far[at].min(step(&mut far, x, y, true));
            if far[at] > best.1 {
                best = (at, far[at]);
            }
        }
    }
    (best.0, f32::from(best.1) / 3.0)
}

fn place(at: usize, wide: usize) -> Point {
    [(at % wide) as f32 + 0.5, (at / wide) as f32 + 0.5]
}

fn framed(truth: &GrayImage, margin: f32) -> [Point; 2] {
    let [left, top, right, bottom] = bounds(truth).expect("somebody is seen");
    [[left as f32 - margin, top as f32 - margin], [right as f32 + margin, bottom as f32 + margin]]
}

/// The outline of the largest piece of a mask, as a hand would draw it: a place every few pixels, a little off.
fn outline(truth: &GrayImage, step: usize) -> Vec<Point> {
    let inside = |x: i64, y: i64| {
        let within = x >= 0 && y >= 0 && x < i64::from(truth.width()) && y < i64::from(truth.height());
        within && truth.get_pixel(x as u32, y as u32).0[0] > 127
    };
    // Along the pixels' edges, the subject to the right, from the first pixel's upper left corner.
    let mut longest = Vec::new();
    let first =
        truth.enumerate_pixels().find(|(_, _, pixel)| pixel.0[0] > 127).map(|(x, y, _)| (i64::from(x), i64::from(y)));
    if let Some(first) = first {
        let (mut at, mut way) = (first, (1_i64, 0_i64));
        loop {
            longest.push([at.0 as f32, at.1 as f32]);
            at = (at.0 + way.0, at.1 + way.1);
            let ahead = |way: (i64, i64), side: i64| {
                // The pixel ahead, to the left (-1) or to the right (1) of a corner.
                let right = (-way.1, way.0);
                let x = at.0 * 2 + way.0 + side * right.0 - 1;
                let y = at.1 * 2 + way.1 + side * right.1 - 1;
                inside(x.div_euclid(2), y.div_euclid(2))
            };
            way = if ahead(way, -1) {
                (way.1, -way.0)
            } else if ahead(way, 1) {
                way
            } else {
                (-way.1, way.0)
            };
            if at == first {
                break;
            }
        }
    }
    let off = |(index, point): (usize, [f32; 2])| {
        [point[0] + (index % 3) as f32 * 0.5 - 0.5, point[1] + (index % 5) as f32 * 0.25 - 0.5]
    };
    longest.into_iter().step_by(step).enumerate().map(off).collect()
}

/// A robot with a wand: clicks where most is missing, Shift held, and takes away where most is too much.
fn by_wand(picture: &RgbaImage, truth: &GrayImage) -> GrayImage {
    let size = picture.dimensions();
    let mut mask = GrayImage::new(size.0, size.1);
    for _ in 0..12 {
        let missing: Vec<bool> = mask.iter().zip(truth.iter()).map(|(own, truth)| *own < 128 && *truth > 127).collect();
        let (at, deep) = deepest(&missing, size.0 as usize);
        if deep < 2.0 {
            break;
        }
        let [x, y] = place(at, size.0 as usize);
        let tool = Wand { tolerance: 24, ..Wand::default() };
        let patch = wand(picture, (x as u32, y as u32), tool, &Stop::default()).expect("nobody stops it");
        let mut more = mask.clone();
        combine(&mut more, &patch, Mode::Add);
        // A person undoes a click that spills over.
        if overlap(&more, truth) > overlap(&mask, truth) {
            mask = more;
        } else {
            combine(&mut mask, &stroke(&[[x, y]], deep, 1.0, size), Mode::Add);
        }
    }
    mask
}

/// A robot with a brush: dabs as large as fit where most is missing.
fn by_brush(picture: &RgbaImage, truth: &GrayImage) -> GrayImage {
    let size = picture.dimensions();
    let mut mask = GrayImage::new(size.0, size.1);
    for _ in 0..40 {
        let missing: Vec<bool> = mask.iter().zip(truth.iter()).map(|(own, truth)| *own < 128 && *truth > 127).collect();
        let (at, deep) = deepest(&missing, size.0 as usize);
        if deep < 1.0 {
            break;
        }
        combine(&mut mask, &stroke(&[place(at, size.0 as usize)], deep + 1.0, 0.9, size), Mode::Add);
    }
    mask
}

/// A robot that scribbles: a rectangle, then at most eight dabs, each where most is wrong.
pub fn scribbled(picture: &RgbaImage, truth: &GrayImage, framed_first: bool) -> (Found, Hints) {
    let stop = Stop::default();
    let wide = picture.width() as usize;
    let subject = Subject::new(picture.clone(), &stop).expect("nobody stops it");
    let mut hints = Hints { within: framed_first.then(|| framed(truth, 4.0)), scribbles: Vec::new() };
    let mut found: Option<Found> = None;
    let dabs = if framed_first { 8 } else { 10 };
    for dab in 0..=dabs {
        if dab > 0 || framed_first {
            found = Some(subject.cut(&hints, found.as_ref(), &stop).expect("nobody stops it"));
        }
        let blank = GrayImage::new(picture.width(), picture.height());
        let mask = found.as_ref().map_or(&blank, |found| &found.mask);
        let wrong = |keep: bool| -> Vec<bool> {
            mask.iter().zip(truth.iter()).map(|(own, truth)| (*own > 127) != keep && (*truth > 127) == keep).collect()
        };
        let (missing, spilled) = (deepest(&wrong(true), wide), deepest(&wrong(false), wide));
        let keep = missing.1 >= spilled.1;
        let (at, deep) = if keep { missing } else { spilled };
        if deep < 2.0 || dab == dabs {
            break;
        }
        let radius = (deep * 0.6).clamp(1.0, picture.width() as f32 / 40.0);
        hints.scribbles.push(Scribble { points: vec![place(at, wide)], radius, keep });
    }
    (found.expect("it was cut at least once"), hints)
}

#[test]
fn every_tool_cuts_figures_out_of_fifty_pictures() {
    let photos: Vec<(RgbaImage, GrayImage)> = (0..COUNT).into_par_iter().map(|number| photo(number, SIDE)).collect();
    let (mean, _) = measured("rectangle", &photos, |picture, truth| {
        let mut mask = GrayImage::new(picture.width(), picture.height());
        combine(&mut mask, &rectangle(framed(truth, 0.0), picture.dimensions()), Mode::Replace);
        mask
    });
    assert!(mean > 0.5, "{mean}");
    let (mean, worst) = measured("lasso", &photos, |picture, truth| {
        let mut mask = GrayImage::new(picture.width(), picture.height());
        combine(&mut mask, &polygon(&outline(truth, 5), picture.dimensions()), Mode::Replace);
        mask
    });
    assert!(mean > 0.94 && worst > 0.4, "{mean} {worst}");
    let (mean, _) = measured("brush", &photos, by_brush);
    assert!(mean > 0.9, "{mean}");
    let (mean, _) = measured("wand", &photos, by_wand);
    assert!(mean > 0.85, "{mean}");
    let (mean, worst) = measured("cut", &photos, |picture, truth| scribbled(picture, truth, true).0.mask);
    assert!(mean >= 0.9 && worst > 0.6, "{mean} {worst}");
    // Without a rectangle it takes more scribbles: smaller pictures, for the time.
    let photos: Vec<(RgbaImage, GrayImage)> = (0..COUNT).into_par_iter().map(|number| photo(number, 128)).collect();
    let (mean, _) = measured("scribbles", &photos, |picture, truth| scribbled(picture, truth, false).0.mask);
    assert!(mean >= 0.9, "{mean}");
}

#[test]
#[ignore = "takes half a minute; prints how long the tools take"]
fn times_by_the_size_of_the_picture() {
    for side in [512, 1024, 2048, 4096_u32] {
        let (mut cuts, mut firsts, mut mores, mut ready) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for number in 0..4 {
            let (picture, truth) = photo(number, side.min(2048));
            let grown = |side| image::imageops::resize(&picture, side, side, image::imageops::FilterType::Triangle);
            let picture = if side > 2048 { grown(side) } else { picture };
            let truth = image::imageops::resize(&truth, side, side, image::imageops::FilterType::Nearest);
            let noisy = noisy(picture);
            let stop = Stop::default();
            let start = Instant::now();
            let subject = Subject::new(noisy.clone(), &stop).expect("nobody stops it");
            ready.push(start.elapsed());
            let mut hints = Hints { within: Some(framed(&truth, 8.0)), scribbles: Vec::new() };
            let start = Instant::now();
            let found = subject.cut(&hints, None, &stop).expect("nobody stops it");
            firsts.push(start.elapsed());
            let inside: Vec<bool> = truth.iter().map(|value| *value > 127).collect();
            let (at, deep) = deepest(&inside, side as usize);
            hints.scribbles.push(Scribble { points: vec![place(at, side as usize)], radius: deep * 0.5, keep: true });
            let start = Instant::now();
            let found = subject.cut(&hints, Some(&found), &stop).expect("nobody stops it");
            mores.push(start.elapsed());
            cuts.push((noisy, truth, found));
        }
        let mean = |times: &[std::time::Duration]| {
            times.iter().map(|time| time.as_secs_f64()).sum::<f64>() / times.len() as f64
        };
        let over = |(_, truth, found): &(RgbaImage, GrayImage, Found)| overlap(&found.mask, truth);
        let quality = cuts.iter().map(over).sum::<f64>() / cuts.len() as f64;
        let (picture, truth, found) = &cuts[0];
        let stop = Stop::default();
        let timed = |work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        };
        let edge = Edge { smooth: 2.0, grow: -1.0, follow: 8.0, feather: 1.0 };
        let mut refined = GrayImage::new(0, 0);
        let edges = timed(&mut || refined = refine(picture, &found.mask, edge, &stop).expect("nobody stops it"));
        let clean = timed(&mut || drop(cutout(picture, &refined, true, &stop)));
        let [x, y] =
            place(deepest(&truth.iter().map(|value| *value > 127).collect::<Vec<_>>(), side as usize).0, side as usize);
        let wands = timed(&mut || drop(wand(picture, (x as u32, y as u32), Wand::default(), &stop)));
        let lasso = timed(&mut || drop(polygon(&outline(truth, 5), picture.dimensions())));
        let brush = timed(&mut || drop(stroke(&[[0.0, 0.0], [x, y]], side as f32 / 20.0, 0.5, picture.dimensions())));
        println!(
            "{side}: ready {:.3} s, first cut {:.3}, one more scribble {:.3} (overlap {quality:.3}); edge {edges:.3}, \
             cutout {clean:.3}, wand {wands:.3}, lasso {lasso:.3}, brush {brush:.3}",
            mean(&ready),
            mean(&firsts),
            mean(&mores)
        );
    }
}

/// Photos are never flat: as much noise as a good camera's.
fn noisy(mut picture: RgbaImage) -> RgbaImage {
    let mut state = 1_u64;
    for pixel in picture.pixels_mut() {
        for value in &mut pixel.0[..3] {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let noise = ((state >> 60) as i32 - 8) + ((state >> 56 & 15) as i32 - 7);
            *value = (i32::from(*value) + noise / 2).clamp(0, 255) as u8;
        }
    }
    picture
}

#[test]
fn a_picture_can_be_cut_with_noise_too() {
    let mut all = 0.0;
    for number in 0..8 {
        let (picture, truth) = photo(number, 256);
        all += overlap(&scribbled(&noisy(picture), &truth, true).0.mask, &truth) / 8.0;
    }
    assert!(all >= 0.9, "{all}");
}

#[test]
fn going_on_from_a_cut_that_is_undone_gives_the_very_same_again() {
    let (picture, truth) = photo(3, 256);
    let (found, mut hints) = scribbled(&picture, &truth, true);
    let subject = Subject::new(picture, &Stop::default()).expect("nobody stops it");
    let stop = Stop::default();
    hints.scribbles.push(Scribble { points: vec![[5.0, 5.0], [30.0, 9.0]], radius: 4.0, keep: false });
    let once = subject.cut(&hints, Some(&found), &stop);
    assert_eq!(once, subject.cut(&hints, Some(&found), &stop));
    stop.raise();
    assert_eq!(subject.cut(&hints, Some(&found), &stop), None);
}

#[test]
fn a_clean_rim_has_the_subject_s_own_colour() {
    // A red disc on green, mixed at its rim.
    let size = (120, 120);
    let disc = stroke(&[[60.0, 60.0]], 40.0, 0.6, size);
    let mut mask = GrayImage::new(120, 120);
    combine(&mut mask, &disc, Mode::Replace);
    let mixed = |share: u8| {
        let a = f32::from(share) / 255.0;
        image::Rgba([(220.0 * a) as u8 + (20.0 * (1.0 - a)) as u8, (200.0 * (1.0 - a)) as u8, 30, 255])
    };
    let picture = RgbaImage::from_fn(120, 120, |x, y| mixed(mask.get_pixel(x, y).0[0]));
    let stop = Stop::default();
    let green = |clean: bool| {
        let cut = cutout(&picture, &mask, clean, &stop).expect("there is a disc");
        let rim: Vec<u8> =
            cut.picture.pixels().filter(|pixel| (60..200).contains(&pixel.0[3])).map(|pixel| pixel.0[1]).collect();
        rim.iter().map(|value| f64::from(*value)).sum::<f64>() / rim.len() as f64
    };
    let (before, after) = (green(false), green(true));
    assert!(before > 60.0 && after < 25.0, "{before} {after}");
    let cut = cutout(&picture, &mask, true, &stop).expect("there is a disc");
    assert_eq!((cut.left, cut.top), (20, 20));
    assert_eq!(cut.picture.get_pixel(40, 40), picture.get_pixel(60, 60));
}
