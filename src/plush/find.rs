//! Where a subject is, when nobody says: a test sheet's picture has no layout.
//!
//! [`find`] knows what the figure looks like, so it moves the figure's own drawing over the picture. The measure of a place
//! is how well the pixels that have the body's colour there agree with those that the drawing has: intersection over union
//! with all of them in the picture. The best place gives the mask, and the mask is scored as any other.

use image::{GrayImage, RgbImage};

use super::draw::{alone, silhouette};
use super::hue::Hues;
use super::looks::Look;
use super::picture::Place;
use super::score::{LayerScore, inside, scores};

/// A subject that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Where it stands.
    pub place: Place,
    /// Its silhouette there, of the picture's size: 255 inside.
    pub mask: GrayImage,
    /// How well the body's colour agrees with the figure's drawing, 0..1; perfect pictures have 0.9 and more.
    pub fit: f64,
    /// The scores at that mask.
    pub score: LayerScore,
    /// Share of the pixels outside the mask that have the body's colour.
    pub outside: f64,
}

/// Less than this share of the picture in the body's colour is nobody.
const LEAST: f64 = 0.008;

/// Cells a side, when places are tried out, and when the best is made better.
const COARSE: usize = 64;
const FINE: usize = 128;

/// The heights that are tried, in hundredths of the picture's side.
const HEIGHTS: std::ops::RangeInclusive<u32> = 20..=84;

/// A place that is tried: x and foot in cells, the height in hundredths of the side.
#[derive(Debug, Clone, Copy)]
struct Try {
    x: i32,
    foot: i32,
    height: u32,
    flip: bool,
}

/// Looks for a subject in a picture of any size. None where hardly anything has its body's colour.
pub fn find(look: &Look, picture: &RgbImage) -> Option<Found> {
    let (hues, side) = (Hues::of(picture), picture.width().min(picture.height()));
    let body = hues.body(look);
    if side == 0 || (body.iter().filter(|is| **is).count() as f64) < LEAST * body.len() as f64 {
        return None;
    }
    let coarse = Cells::of(&body, hues.width, hues.height, COARSE);
    let (mut best, mut fit) = (None, 0.0);
    for height in HEIGHTS.step_by(4) {
        for flip in [false, true] {
            let drawing = Drawing::of(look, height, flip, COARSE);
            for (x, foot) in (0..=COARSE as i32).step_by(2).flat_map(|x| (16..=72).step_by(2).map(move |y| (x, y))) {
                let agreed = coarse.agree(&drawing, x, foot);
                if agreed > fit {
                    (best, fit) = (Some(Try { x, foot, height, flip }), agreed);
                }
            }
        }
    }
    let rough = best?;
    let fine = Cells::of(&body, hues.width, hues.height, FINE);
    let scale = (FINE / COARSE) as i32;
    let (mut best, mut fit) = (Try { x: rough.x * scale, foot: rough.foot * scale, ..rough }, 0.0);
    for height in rough.height.saturating_sub(4).max(2)..=rough.height + 4 {
        let drawing = Drawing::of(look, height, rough.flip, FINE);
        for (dx, dy) in (-5..=5).flat_map(|dx| (-5..=5).map(move |dy| (dx, dy))) {
            let (x, foot) = (rough.x * scale + dx, rough.foot * scale + dy);
            let agreed = fine.agree(&drawing, x, foot);
            if agreed > fit {
                (best, fit) = (Try { x, foot, height, flip: rough.flip }, agreed);
            }
        }
    }
    let share = |cells: i32| f64::from(cells) / FINE as f64;
    let height = f64::from(best.height) / 100.0;
    let place = Place { x: share(best.x), foot: share(best.foot), height, flip: best.flip };
    let mask = silhouette(look, place, picture.width(), picture.height());
    let all = scores(&hues, std::slice::from_ref(look), &[inside(&mask)]);
    let score = *all.layers.first()?;
    Some(Found { place, mask, fit, score, outside: all.outside })
}

/// Which cells of a square over the picture have mostly the body's colour.
struct Cells {
    side: usize,
    set: Vec<bool>,
    count: usize,
}

impl Cells {
    fn of(body: &[bool], width: usize, height: usize, side: usize) -> Self {
        let mut counts = vec![(0_u32, 0_u32); side * side];
        for (at, is) in body.iter().enumerate() {
            let cell = &mut counts[(at / width) * side / height * side + (at % width) * side / width];
            cell.0 += u32::from(*is);
            cell.1 += 1;
        }
        // Of a picture that has fewer pixels than there are cells, some cells are empty.
        let set: Vec<bool> = counts.iter().map(|(is, all)| is * 2 > *all).collect();
        Self { side, count: set.iter().filter(|is| **is).count(), set }
    }

    /// Intersection over union with a drawing whose feet are at a cell.
    fn agree(&self, drawing: &Drawing, x: i32, foot: i32) -> f64 {
        let side = self.side as i32;
        let mut both = 0;
        for (dx, dy) in &drawing.body {
            let (x, y) = (x + dx, foot + dy);
            if (0..side).contains(&x) && (0..side).contains(&y) && self.set[(y * side + x) as usize] {
                both += 1;
            }
        }
        let either = self.count + drawing.body.len() - both;
        both as f64 / either.max(1) as f64
    }
}

/// The cells of a figure that have its body's colour, from its feet.
struct Drawing {
    body: Vec<(i32, i32)>,
}

impl Drawing {
    fn of(look: &Look, height: u32, flip: bool, side: usize) -> Self {
        // In a square twice as large, so that all of it is inside.
        let room = side * 2;
        let share = f64::from(height) / 200.0;
        let place = Place { x: 0.5, foot: 0.75, height: share, flip };
        let (drawn, covered) = alone(look, place, room);
        let hues = Hues::of(&drawn);
        let (x, y) = (room as i32 / 2, (0.75 * room as f64) as i32);
        let body = hues.body(look);
        let cells = body.iter().zip(&covered).enumerate().filter(|(_, (body, inside))| **body && **inside > 0);
        let from_feet = |at: usize| ((at % room) as i32 - x, (at / room) as i32 - y);
        Self { body: cells.map(|(at, _)| from_feet(at)).collect() }
    }
}
