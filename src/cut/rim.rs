//! The colours that somebody has at a rim where the ground shines through: estimated by blurred means of the colours inside
//! and outside (Forte, "Approximate Fast Foreground Colour Estimation", 2021), once widely and once narrowly.

use image::{GrayImage, RgbaImage};
use rayon::prelude::*;

use super::blur::mean;
use super::guided::tiles;
use super::stop::Stop;

/// How far the first and the second estimate look, pixels.
const WIDE: usize = 90;
const NARROW: usize = 6;
/// Pixels along the side of a tile.
const TILE: usize = 256;
/// Keeps shares of nothing from being divided by.
const LITTLE: f32 = 1e-5;

/// Three numbers a pixel: red, green, blue, 0 to 1.
type Colors = [Vec<f32>; 3];

/// The picture with the subject's own colours wherever the mask covers a pixel in part. `None` where it was stopped.
pub fn decontaminate(picture: &RgbaImage, mask: &GrayImage, stop: &Stop) -> Option<RgbaImage> {
    let (wide, high) = (picture.width() as usize, picture.height() as usize);
    let tiles = tiles(wide, high, TILE);
    let part = |y: usize, left: usize, right: usize| &mask.as_raw()[y * wide + left..y * wide + right];
    let made: Vec<Option<Option<Vec<[u8; 3]>>>> = tiles
        .par_iter()
        .map(|tile| {
            stop.go_on()?;
            let [left, top, right, bottom] = *tile;
            let rim = (top..bottom).any(|y| part(y, left, right).iter().any(|share| (1..255).contains(share)));
            Some(rim.then(|| one(picture, mask, *tile)))
        })
        .collect();
    let mut clean = picture.clone();
    for ([left, top, right, bottom], colors) in tiles.into_iter().zip(made) {
        let Some(colors) = colors? else { continue };
        let mut colors = colors.into_iter();
        for y in top..bottom {
            for x in left..right {
                let share = mask.as_raw()[y * wide + x];
                if let Some([r, g, b]) = colors.next().filter(|_| (1..255).contains(&share)) {
                    let pixel = clean.get_pixel_mut(x as u32, y as u32);
                    pixel.0 = [r, g, b, pixel.0[3]];
                }
            }
        }
    }
    Some(clean)
}

/// The subject's colours in one tile.
fn one(picture: &RgbaImage, mask: &GrayImage, [left, top, right, bottom]: [usize; 4]) -> Vec<[u8; 3]> {
    let pad = WIDE + NARROW;
    let (wide, high) = (picture.width() as usize, picture.height() as usize);
    let around = [left.saturating_sub(pad), top.saturating_sub(pad), (right + pad).min(wide), (bottom + pad).min(high)];
    let own = around[2] - around[0];
    let places = || (around[1]..around[3]).flat_map(|y| (around[0]..around[2]).map(move |x| (x as u32, y as u32)));
    let alpha: Vec<f32> = places().map(|(x, y)| f32::from(mask.get_pixel(x, y).0[0]) / 255.0).collect();
    let seen: Colors =
        [0, 1, 2].map(|channel| places().map(|(x, y)| f32::from(picture.get_pixel(x, y).0[channel]) / 255.0).collect());
    let (subject, ground) = estimate(&seen, &seen, &seen, &alpha, own, WIDE);
    let (subject, _) = estimate(&seen, &subject, &ground, &alpha, own, NARROW);
    let mut colors = Vec::with_capacity((right - left) * (bottom - top));
    for y in top..bottom {
        for x in left..right {
            let at = (y - around[1]) * own + x - around[0];
            colors.push([0, 1, 2].map(|channel: usize| (subject[channel][at] * 255.0).round() as u8));
        }
    }
    colors
}

/// Subject and ground from what is seen and what was thought of both.
fn estimate(
    seen: &Colors,
    subject: &Colors,
    ground: &Colors,
    alpha: &[f32],
    wide: usize,
    radius: usize,
) -> (Colors, Colors) {
    let mut shares = alpha.to_vec();
    mean(&mut shares, wide, radius);
    let blurred = |colors: &Vec<f32>, of: &dyn Fn(f32) -> f32| -> Vec<f32> {
        let mut weighed: Vec<f32> = colors.iter().zip(alpha).map(|(color, alpha)| color * of(*alpha)).collect();
        mean(&mut weighed, wide, radius);
        weighed.iter().zip(&shares).map(|(color, share)| color / (of(*share) + LITTLE)).collect()
    };
    let grounds: Colors = std::array::from_fn(|channel| blurred(&ground[channel], &|alpha| 1.0 - alpha));
    let subjects = std::array::from_fn(|channel| {
        let mut made = blurred(&subject[channel], &|alpha| alpha);
        for (at, value) in made.iter_mut().enumerate() {
            let a = alpha[at];
            let missing = seen[channel][at] - a * *value - (1.0 - a) * grounds[channel][at];
            *value = (*value + a * missing).clamp(0.0, 1.0);
        }
        made
    });
    (subjects, grounds)
}
