//! What no picture of the Plush World has: no pixels, one pixel, one colour, nothing to see; places that are none; and what
//! each tool does where it can be worked out by hand.

use image::{GrayImage, Luma, Rgba, RgbaImage};

use super::area::bounds;
use super::shapes::Point;
use super::{
    Edge, Found, Hints, Mode, Patch, Scribble, Stop, Subject, Wand, combine, cutout, polygon, rectangle, refine,
    stroke, wand,
};

const RED: Rgba<u8> = Rgba([200, 30, 40, 255]);
const BLUE: Rgba<u8> = Rgba([20, 40, 180, 255]);

/// A red square of 20 pixels in the middle of blue.
fn square() -> RgbaImage {
    let inside = |value: u32| (20..40).contains(&value);
    RgbaImage::from_fn(60, 60, |x, y| if inside(x) && inside(y) { RED } else { BLUE })
}

fn sum(mask: &GrayImage) -> f64 {
    mask.iter().map(|value| f64::from(*value) / 255.0).sum()
}

fn dab(x: f32, y: f32, keep: bool) -> Scribble {
    Scribble { points: vec![[x, y]], radius: 3.0, keep }
}

fn cut(picture: &RgbaImage, hints: &Hints) -> GrayImage {
    let stop = Stop::default();
    let subject = Subject::new(picture.clone(), &stop).expect("nobody stops it");
    subject.cut(hints, None, &stop).expect("nobody stops it").mask
}

#[test]
fn shapes_cover_exactly_what_they_go_round() {
    let size = (30, 20);
    assert_eq!(sum(&rectangle([[4.0, 3.0], [10.0, 8.0]], size).mask), 30.0);
    let patch = rectangle([[10.5, 8.0], [4.25, 3.0]], size);
    assert_eq!((patch.left, patch.top), (4, 3));
    assert!((sum(&patch.mask) - 31.25).abs() < 0.1);
    let triangle = [[2.0, 2.0], [18.0, 2.0], [2.0, 14.0]];
    assert!((sum(&polygon(&triangle, size).mask) - 96.0).abs() < 1.0);
    // Twice round is inside as well; a figure of eight has two insides.
    let twice: Vec<Point> = [[5.0, 5.0], [15.0, 5.0], [15.0, 15.0], [5.0, 15.0]].repeat(2);
    assert!((sum(&polygon(&twice, size).mask) - 100.0).abs() < 0.5);
    let eight = [[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0]];
    assert!((sum(&polygon(&eight, size).mask) - 50.0).abs() < 1.0);
    let hard = sum(&stroke(&[[15.0, 10.0]], 6.0, 1.0, size).mask);
    assert!((hard - std::f64::consts::PI * 36.0).abs() < 3.0, "{hard}");
    let soft = sum(&stroke(&[[15.0, 10.0]], 6.0, 0.0, size).mask);
    assert!(soft < 0.6 * hard, "{soft}");
    let long = sum(&stroke(&[[5.0, 10.0], [25.0, 10.0]], 3.0, 1.0, size).mask);
    assert!((long - 20.0 * 6.0 - std::f64::consts::PI * 9.0).abs() < 3.0, "{long}");
}

#[test]
fn shapes_outside_and_places_that_are_none_cover_nothing_and_end() {
    let size = (30, 20);
    let none = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for value in none {
        assert_eq!(sum(&rectangle([[value, 0.0], [10.0, 10.0]], size).mask), 0.0);
        assert_eq!(sum(&polygon(&[[value, 0.0], [10.0, 10.0], [0.0, 10.0]], size).mask), 0.0);
        assert_eq!(sum(&stroke(&[[5.0, value]], 4.0, 1.0, size).mask), 0.0);
    }
    assert!(sum(&stroke(&[[5.0, 5.0]], f32::NAN, f32::NAN, size).mask) > 0.0);
    let far = 1e30;
    assert_eq!(sum(&rectangle([[-far, -far], [far, far]], size).mask), 600.0);
    assert_eq!(sum(&rectangle([[100.0, 100.0], [200.0, 200.0]], size).mask), 0.0);
    assert_eq!(sum(&stroke(&[[-50.0, -50.0]], 10.0, 1.0, size).mask), 0.0);
    assert!((sum(&polygon(&[[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]], size).mask) - 600.0).abs() < 1.0);
    assert_eq!(polygon(&[], size), Patch::nothing());
    assert_eq!(sum(&polygon(&[[1.0, 1.0], [5.0, 5.0]], size).mask), 0.0);
    assert_eq!(sum(&rectangle([[0.0, 0.0], [9.0, 9.0]], (0, 0)).mask), 0.0);
}

#[test]
fn choices_add_up_as_their_modes_say() {
    let size = (10, 10);
    let (left, middle) = (rectangle([[0.0, 0.0], [6.0, 10.0]], size), rectangle([[4.0, 2.0], [8.0, 8.0]], size));
    let after = |mode| {
        let mut mask = GrayImage::new(10, 10);
        combine(&mut mask, &left, Mode::Replace);
        combine(&mut mask, &middle, mode);
        sum(&mask)
    };
    assert_eq!(after(Mode::Replace), 24.0);
    assert_eq!(after(Mode::Add), 72.0);
    assert_eq!(after(Mode::Subtract), 48.0);
    assert_eq!(after(Mode::Intersect), 12.0);
    let mut mask = GrayImage::new(10, 10);
    combine(&mut mask, &left, Mode::Replace);
    combine(&mut mask, &Patch::nothing(), Mode::Subtract);
    assert_eq!(sum(&mask), 60.0);
    combine(&mut mask, &Patch::nothing(), Mode::Intersect);
    assert_eq!(bounds(&mask), None);
    // A patch that was made for a larger picture.
    combine(&mut mask, &rectangle([[5.0, 5.0], [50.0, 50.0]], (60, 60)), Mode::Add);
    assert_eq!(bounds(&mask), Some([5, 5, 10, 10]));
}

#[test]
fn a_wand_takes_what_hangs_together_and_looks_alike() {
    let mut picture = square();
    picture.put_pixel(2, 2, RED);
    let stop = Stop::default();
    let chosen = |tolerance: u8, contiguous: bool| {
        let tool = Wand { tolerance, contiguous, smooth: false };
        sum(&wand(&picture, (25, 25), tool, &stop).expect("nobody stops it").mask)
    };
    assert_eq!(chosen(10, true), 400.0);
    assert_eq!(chosen(10, false), 401.0);
    assert_eq!(chosen(255, true), 3600.0);
    assert_eq!(sum(&wand(&picture, (60, 0), Wand::default(), &stop).expect("nobody stops it").mask), 0.0);
    // A ramp: beside the last pixel within tolerance, one is covered in part.
    let ramp = RgbaImage::from_fn(100, 1, |x, _| Rgba([x as u8 * 2, 0, 0, 255]));
    let tool = Wand { tolerance: 20, contiguous: true, smooth: true };
    let mask = wand(&ramp, (0, 0), tool, &stop).expect("nobody stops it").mask;
    assert_eq!(mask.get_pixel(10, 0).0, [255]);
    assert!((1..255).contains(&mask.get_pixel(11, 0).0[0]));
    assert_eq!(mask.get_pixel(12, 0).0, [0]);
    // Transparent pixels are alike, whatever colours they keep.
    let clear = RgbaImage::from_fn(8, 8, |x, y| Rgba([x as u8 * 30, y as u8 * 30, 0, 0]));
    assert_eq!(sum(&wand(&clear, (1, 1), Wand::default(), &stop).expect("nobody stops it").mask), 64.0);
}

#[test]
fn a_rectangle_or_one_scribble_is_enough_where_colours_are_plain() {
    let picture = square();
    let framed = Hints { within: Some([[15.0, 15.0], [46.0, 44.0]]), scribbles: Vec::new() };
    assert_eq!(sum(&cut(&picture, &framed)), 400.0);
    let one = Hints { within: None, scribbles: vec![dab(30.0, 30.0, true)] };
    assert_eq!(sum(&cut(&picture, &one)), 400.0);
    // What is kept is kept, whatever it looks like; the later scribble counts.
    let more =
        Hints { scribbles: vec![dab(30.0, 30.0, true), dab(8.0, 8.0, true), dab(8.0, 8.0, false)], ..one.clone() };
    assert_eq!(cut(&picture, &more).get_pixel(8, 8).0, [0]);
    let more = Hints { scribbles: vec![dab(30.0, 30.0, true), dab(8.0, 8.0, false), dab(8.0, 8.0, true)], ..one };
    assert_eq!(cut(&picture, &more).get_pixel(8, 8).0, [255]);
}

#[test]
fn odd_pictures_and_odd_hints_are_cut_without_harm() {
    let stop = Stop::default();
    let pictures = [
        RgbaImage::new(0, 0),
        RgbaImage::from_pixel(1, 1, RED),
        RgbaImage::from_pixel(1, 500, RED),
        RgbaImage::from_pixel(721, 3, BLUE),
        RgbaImage::from_pixel(50, 50, RED),
        RgbaImage::from_pixel(50, 50, Rgba([9, 9, 9, 0])),
        square(),
    ];
    let hints = [
        Hints::default(),
        Hints { within: Some([[-100.0, -100.0], [1e9, 1e9]]), scribbles: Vec::new() },
        Hints { within: Some([[3.0, 3.0], [3.0, 3.0]]), scribbles: Vec::new() },
        Hints { within: Some([[f32::NAN, 0.0], [3.0, 3.0]]), scribbles: Vec::new() },
        Hints { within: None, scribbles: vec![dab(-500.0, 1e8, true), dab(f32::NAN, 0.0, true)] },
        Hints { within: None, scribbles: vec![dab(0.5, 0.5, true)] },
        Hints { within: None, scribbles: vec![dab(0.5, 0.5, false)] },
        Hints {
            within: None,
            scribbles: vec![dab(0.5, 0.5, true), Scribble { points: Vec::new(), radius: 1e9, keep: false }],
        },
        Hints { within: None, scribbles: vec![Scribble { points: vec![[5.0, 5.0]], radius: 1e9, keep: true }] },
    ];
    for picture in &pictures {
        for hints in &hints {
            let subject = Subject::new(picture.clone(), &stop).expect("nobody stops it");
            let found: Found = subject.cut(hints, None, &stop).expect("nobody stops it");
            assert_eq!(found.mask.dimensions(), picture.dimensions());
            let again = subject.cut(hints, Some(&found), &stop).expect("nobody stops it");
            assert_eq!(again.mask.dimensions(), picture.dimensions());
            for clean in [false, true] {
                let edge = Edge { smooth: 3.0, grow: 2.0, follow: 4.0, feather: 2.0 };
                let mask = refine(picture, &found.mask, edge, &stop).expect("nobody stops it");
                let made = cutout(picture, &mask, clean, &stop);
                let seen = mask.iter().zip(picture.pixels()).any(|(share, pixel)| *share > 0 && pixel.0[3] > 0);
                assert_eq!(made.is_some(), seen);
            }
        }
    }
    // All of a transparent picture is outside.
    let kept = Hints { within: None, scribbles: vec![dab(25.0, 25.0, true)] };
    assert_eq!(bounds(&cut(&pictures[5], &kept)), None);
    // A picture that is kept whole.
    assert_eq!(sum(&cut(&pictures[4], &hints[8])), 2500.0);
}

#[test]
fn an_edge_is_grown_shrunk_smoothed_and_feathered_by_so_many_pixels() {
    let stop = Stop::default();
    let picture = RgbaImage::from_pixel(100, 100, BLUE);
    let mut mask = GrayImage::new(100, 100);
    combine(&mut mask, &rectangle([[30.0, 30.0], [70.0, 70.0]], (100, 100)), Mode::Replace);
    let done = |edge: Edge| refine(&picture, &mask, edge, &stop).expect("nobody stops it");
    assert_eq!(done(Edge::default()), mask);
    let wide = |mask: &GrayImage| (0..100).map(|x| f64::from(mask.get_pixel(x, 50).0[0]) / 255.0).sum::<f64>();
    assert_eq!(wide(&done(Edge { grow: 5.0, ..Edge::default() })), 50.0);
    assert_eq!(wide(&done(Edge { grow: -5.0, ..Edge::default() })), 30.0);
    assert!((wide(&done(Edge { grow: 2.5, ..Edge::default() })) - 45.0).abs() < 0.1);
    assert_eq!(bounds(&done(Edge { grow: -30.0, ..Edge::default() })), None);
    let soft = done(Edge { feather: 6.0, ..Edge::default() });
    assert!((wide(&soft) - 40.0).abs() < 0.3);
    assert_eq!(soft.get_pixel(23, 50).0, [0]);
    assert!(soft.get_pixel(25, 50).0[0] > 0 && soft.get_pixel(37, 50).0[0] == 255);
    // A spike is smoothed away, a straight edge stays.
    let mut spiked = mask.clone();
    for y in 20..30 {
        spiked.put_pixel(50, y, Luma([255]));
    }
    let smooth = refine(&picture, &spiked, Edge { smooth: 4.0, ..Edge::default() }, &stop).expect("nobody stops it");
    assert_eq!(smooth.get_pixel(50, 24).0, [0]);
    assert!((wide(&smooth) - 40.0).abs() < 0.5);
    // Numbers out of all bounds.
    let wild = Edge { smooth: f32::NAN, grow: -1e30, follow: f32::INFINITY, feather: -3.0 };
    assert_eq!(bounds(&done(wild)), None);
}

#[test]
fn an_edge_follows_the_picture_s_own() {
    // The mask is a pixel too small all round.
    let picture = square();
    let mut mask = GrayImage::new(60, 60);
    combine(&mut mask, &rectangle([[21.0, 21.0], [39.0, 39.0]], (60, 60)), Mode::Replace);
    let wrong = |mask: &GrayImage| {
        let off =
            |(share, pixel): (&u8, &Rgba<u8>)| f64::from(share.abs_diff(if *pixel == RED { 255 } else { 0 })) / 255.0;
        mask.iter().zip(picture.pixels()).map(off).sum::<f64>()
    };
    let stop = Stop::default();
    let followed = refine(&picture, &mask, Edge { follow: 8.0, ..Edge::default() }, &stop).expect("nobody stops it");
    assert!(wrong(&followed) < 0.5 * wrong(&mask), "{} {}", wrong(&mask), wrong(&followed));
    stop.raise();
    assert_eq!(refine(&picture, &mask, Edge { follow: 8.0, ..Edge::default() }, &stop), None);
    assert_eq!(
        wand(&picture, (1, 1), Wand { contiguous: true, ..Wand::default() }, &Stop::default()).map(|_| ()),
        Some(())
    );
}
