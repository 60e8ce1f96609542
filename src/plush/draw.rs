//! Draws pictures, cutouts and empty scenes: everything at twice its size, then made smaller.

use image::{GrayImage, RgbImage, RgbaImage};

use super::backdrop::backdrop;
use super::figure::{Spot, figure};
use super::looks::{Color, Look};
use super::picture::{Figure, Picture, Place, Undrawable};
use super::raster::Sheet;
use super::scene::Scene;
use super::shrink::shrink;

/// How many times finer than the picture it is drawn.
const FINER: usize = 2;

/// The side of `world.py`'s pictures, pixels.
pub const SIDE: u32 = 256;

/// The sides that can be drawn, pixels.
pub const SIDES: std::ops::RangeInclusive<u32> = 16..=2048;

/// A drawn picture and where its figures are.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The picture.
    pub picture: RgbImage,
    /// For each figure what of it is seen: 255 inside, 0 outside.
    pub masks: Vec<GrayImage>,
}

/// Draws a picture, `side` pixels wide and high (cut to [`SIDES`]).
///
/// # Errors
/// A description with numbers that cannot be drawn.
pub fn draw(description: &Picture, side: u32) -> Result<Drawn, Undrawable> {
    description.check()?;
    let (side, n) = sizes(side);
    let mut sheet = backdrop(&description.scene, n);
    let count = description.figures.len();
    let mut masks: Vec<Option<Sheet<u8>>> = vec![None; count];
    let mut order: Vec<usize> = (0..count).collect();
    // The order of the list among those whose feet are level.
    order.sort_by(|a, b| description.figures[*a].place.foot.total_cmp(&description.figures[*b].place.foot));
    for index in order {
        let silhouette = stand(&mut sheet, &description.figures[index], n);
        for behind in masks.iter_mut().flatten() {
            for (pixel, hidden) in behind.pixels.iter_mut().zip(&silhouette.pixels) {
                if *hidden > 0 {
                    *pixel = 0;
                }
            }
        }
        masks[index] = Some(silhouette);
    }
    let mask = |sheet: Sheet<u8>| {
        let pixels: Vec<[u8; 1]> = sheet.pixels.into_iter().map(|value| [value]).collect();
        gray((side, side), shrink(&pixels, (n, n), (side, side)))
    };
    Ok(Drawn { picture: rgb(&sheet.pixels, n, side), masks: masks.into_iter().flatten().map(mask).collect() })
}

/// Draws a scene with nobody in it, `side` pixels wide and high (cut to [`SIDES`]).
///
/// # Errors
/// A scene with numbers that cannot be drawn.
pub fn empty(scene: &Scene, side: u32) -> Result<RgbImage, Undrawable> {
    let nobody = Picture { caption: String::new(), scene: scene.clone(), figures: Vec::new() };
    draw(&nobody, side).map(|drawn| drawn.picture)
}

/// One figure on a transparent ground, cropped to its silhouette, at most `side` pixels high (cut to [`SIDES`]).
pub fn cutout(look: &Look, side: u32) -> RgbaImage {
    let (_, n) = sizes(side);
    // Filled with the body's colour, so that no rim shows.
    let mut sheet = Sheet::new(n, n, look.body);
    let mut alpha = Sheet::new(n, n, 0_u8);
    let size = n as f64;
    let spot = Spot { x: size / 2.0, foot: 0.95 * size, height: 0.78 * size, flip: false };
    figure(&mut sheet, &mut alpha, look, spot);
    let Some([left, top, right, bottom]) = filled(&alpha) else { return RgbaImage::new(1, 1) };
    let (width, height) = (right - left, bottom - top);
    let mut pixels = Vec::with_capacity(width * height);
    for y in top..bottom {
        for at in y * n + left..y * n + right {
            let ([r, g, b], a) = (sheet.pixels[at], alpha.pixels[at]);
            // With its transparency in its colours, so that what cannot be seen does not bleed in.
            pixels.push(if a == 255 { [r, g, b, a] } else { [0; 4] });
        }
    }
    let to = ((width / FINER).max(1), (height / FINER).max(1));
    let plain = |[r, g, b, a]: [u8; 4]| {
        let value = |v: u8| if a == 0 { v } else { (u32::from(v) * 255 / u32::from(a)).min(255) as u8 };
        [value(r), value(g), value(b), a]
    };
    let bytes = shrink(&pixels, (width, height), to).into_iter().flat_map(plain).collect();
    RgbaImage::from_raw(to.0 as u32, to.1 as u32, bytes).unwrap_or_default()
}

/// A figure alone in a grey square, `side` pixels wide, without the finer drawing: the picture, and 255 where it is.
pub(super) fn alone(look: &Look, place: Place, side: usize) -> (RgbImage, Vec<u8>) {
    let mut sheet = Sheet::new(side, side, [128; 3]);
    let mut silhouette = Sheet::new(side, side, 0);
    figure(&mut sheet, &mut silhouette, look, spot(place, side as f64));
    let picture = RgbImage::from_raw(side as u32, side as u32, sheet.pixels.into_flattened()).unwrap_or_default();
    (picture, silhouette.pixels)
}

/// A scene with nobody in it, without the finer drawing.
pub(super) fn bare(scene: &Scene, side: usize) -> RgbImage {
    let bytes = backdrop(scene, side).pixels.into_flattened();
    RgbImage::from_raw(side as u32, side as u32, bytes).unwrap_or_default()
}

/// The mask of a figure that nothing hides, `width` x `height` pixels: 255 inside.
pub(super) fn silhouette(look: &Look, place: Place, width: u32, height: u32) -> GrayImage {
    let longer = width.max(height);
    let (_, n) = sizes(longer);
    let (_, covered) = alone(look, place, n);
    let size = (width as usize, height as usize);
    let pixels: Vec<[u8; 1]> = covered.into_iter().map(|value| [value]).collect();
    gray(size, shrink(&pixels, (n, n), size))
}

/// The side asked for, and the finer one.
fn sizes(side: u32) -> (usize, usize) {
    let side = side.clamp(*SIDES.start(), *SIDES.end()) as usize;
    (side, side * FINER)
}

fn spot(place: Place, n: f64) -> Spot {
    Spot { x: place.x * n, foot: place.foot * n, height: place.height * n, flip: place.flip }
}

/// Draws a figure with its shadow, and gives its silhouette.
fn stand(sheet: &mut Sheet<Color>, standing: &Figure, n: usize) -> Sheet<u8> {
    const DARK: Color = [30, 26, 40];
    const DARKNESS: u32 = 70;
    let (place, size) = (standing.place, n as f64);
    let mut shadow = Sheet::new(n, n, false);
    let wide = 0.32 * place.height;
    let bounds = [place.x - wide, place.foot - 0.03, place.x + wide, place.foot + 0.03];
    shadow.ellipse(bounds.map(|side| side * size), true);
    for (pixel, _) in sheet.pixels.iter_mut().zip(&shadow.pixels).filter(|(_, dark)| **dark) {
        for (value, dark) in pixel.iter_mut().zip(DARK) {
            let sum = u32::from(*value) * (255 - DARKNESS) + u32::from(dark) * DARKNESS + 128;
            *value = (((sum >> 8) + sum) >> 8) as u8;
        }
    }
    let mut silhouette = Sheet::new(n, n, 0);
    figure(sheet, &mut silhouette, &standing.look, spot(place, size));
    silhouette
}

/// Left, top, right and bottom of what is not 0; right and bottom are past it.
fn filled(sheet: &Sheet<u8>) -> Option<[usize; 4]> {
    let mut bounds: Option<[usize; 4]> = None;
    for (index, _) in sheet.pixels.iter().enumerate().filter(|(_, value)| **value > 0) {
        let (x, y) = (index % sheet.width, index / sheet.width);
        let [left, top, right, bottom] = bounds.unwrap_or([x, y, x, y]);
        bounds = Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]);
    }
    bounds
}

fn rgb(pixels: &[Color], n: usize, side: usize) -> RgbImage {
    let bytes = shrink(pixels, (n, n), (side, side)).into_flattened();
    RgbImage::from_raw(side as u32, side as u32, bytes).unwrap_or_default()
}

/// Half covered is inside.
fn gray((width, height): (usize, usize), covered: Vec<[u8; 1]>) -> GrayImage {
    let bytes = covered.into_iter().map(|[value]| if value > 127 { 255 } else { 0 }).collect();
    GrayImage::from_raw(width as u32, height as u32, bytes).unwrap_or_default()
}
