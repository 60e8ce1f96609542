//! An edge that follows the picture's own: the guided filter (He, Sun and Tang, 2010), which explains a mask by the colours
//! round about, tile by tile and only where there is an edge, so that it takes no memory worth speaking of.

use image::RgbaImage;
use rayon::prelude::*;

use super::blur::mean;
use super::stop::Stop;

/// Pixels along the side of a tile.
const TILE: usize = 192;
/// How much colours that hardly differ are taken for the same; colours are 0 to 1.
const SAME: f32 = 1e-4;
/// Where a mask was a little off, the filter leaves a haze all along its edge: so much of it is taken off, inside and outside.
const HAZE: f32 = 0.2;

/// The tiles of a sheet of pixels: left, top, right and bottom of each.
pub fn tiles(wide: usize, high: usize, side: usize) -> Vec<[usize; 4]> {
    let across = |top: usize| {
        (0..wide).step_by(side).map(move |left| [left, top, (left + side).min(wide), (top + side).min(high)])
    };
    (0..high).step_by(side).flat_map(across).collect()
}

/// The shares of a part of a picture (which begins at `corner` and is `wide` pixels wide) that follow its colours within
/// `radius`. `None` where it was stopped.
pub fn follow(
    picture: &RgbaImage,
    corner: (u32, u32),
    shares: &[f32],
    wide: usize,
    radius: usize,
    stop: &Stop,
) -> Option<Vec<f32>> {
    let high = shares.len() / wide.max(1);
    let work = |tile: [usize; 4]| -> Option<Option<Vec<f32>>> {
        stop.go_on()?;
        let pad = 2 * radius;
        let around = [
            tile[0].saturating_sub(pad),
            tile[1].saturating_sub(pad),
            (tile[2] + pad).min(wide),
            (tile[3] + pad).min(high),
        ];
        let first = shares[around[1] * wide + around[0]];
        let plain = (around[1]..around[3])
            .all(|y| shares[y * wide + around[0]..y * wide + around[2]].iter().all(|share| *share == first));
        if plain {
            return Some(None);
        }
        Some(Some(one(picture, corner, shares, wide, (tile, around), radius)))
    };
    let tiles = tiles(wide, high, TILE);
    let made: Vec<Option<Option<Vec<f32>>>> = tiles.par_iter().map(|tile| work(*tile)).collect();
    let mut followed = shares.to_vec();
    for (tile, made) in tiles.iter().zip(made) {
        let Some(made) = made? else { continue };
        let own = tile[2] - tile[0];
        for (y, row) in made.chunks_exact(own).enumerate() {
            let from = (tile[1] + y) * wide + tile[0];
            followed[from..from + own].copy_from_slice(row);
        }
    }
    Some(followed)
}

/// One tile, from what lies around it.
fn one(
    picture: &RgbaImage,
    corner: (u32, u32),
    shares: &[f32],
    wide: usize,
    (tile, around): ([usize; 4], [usize; 4]),
    radius: usize,
) -> Vec<f32> {
    let own = around[2] - around[0];
    let places = || (around[1]..around[3]).flat_map(|y| (around[0]..around[2]).map(move |x| (x, y)));
    let mask: Vec<f32> = places().map(|(x, y)| shares[y * wide + x]).collect();
    let colors: [Vec<f32>; 3] = [0, 1, 2].map(|channel| {
        let value = |(x, y): (usize, usize)| {
            f32::from(picture.get_pixel(corner.0 + x as u32, corner.1 + y as u32).0[channel]) / 255.0
        };
        places().map(value).collect()
    });
    let meant = |mut values: Vec<f32>| -> Vec<f32> {
        mean(&mut values, own, radius);
        values
    };
    let product = |one: &[f32], other: &[f32]| -> Vec<f32> {
        meant(one.iter().zip(other).map(|(one, other)| one * other).collect())
    };
    let [r, g, b] = &colors;
    let [mr, mg, mb] = [r, g, b].map(|color| meant(color.clone()));
    let mp = meant(mask.clone());
    let [rr, gg, bb] = [r, g, b].map(|color| product(color, color));
    let (rg, rb, gb) = (product(r, g), product(r, b), product(g, b));
    let [rp, gp, bp] = [r, g, b].map(|color| product(color, &mask));
    let count = mask.len();
    let mut lines: [Vec<f32>; 4] = std::array::from_fn(|_| vec![0.0; count]);
    for at in 0..count {
        let (x, y, z, p) = (mr[at], mg[at], mb[at], mp[at]);
        let (xx, yy, zz) = (rr[at] - x * x + SAME, gg[at] - y * y + SAME, bb[at] - z * z + SAME);
        let (xy, xz, yz) = (rg[at] - x * y, rb[at] - x * z, gb[at] - y * z);
        let (px, py, pz) = (rp[at] - x * p, gp[at] - y * p, bp[at] - z * p);
        let (cx, cy, cz) = (yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy);
        let volume = xx * cx + xy * cy + xz * cz;
        let (dy, dyz, dz) = (xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy);
        // No smaller than of colours that are all the same, but for rounding.
        let over = 1.0 / volume.max(SAME * SAME * SAME * 0.5);
        let ax = (cx * px + cy * py + cz * pz) * over;
        let ay = (cy * px + dy * py + dyz * pz) * over;
        let az = (cz * px + dyz * py + dz * pz) * over;
        let values = [ax, ay, az, p - ax * x - ay * y - az * z];
        lines.iter_mut().zip(values).for_each(|(line, value)| line[at] = value);
    }
    let [ax, ay, az, b0] = lines.map(meant);
    let mut made = Vec::with_capacity((tile[2] - tile[0]) * (tile[3] - tile[1]));
    for y in tile[1]..tile[3] {
        for x in tile[0]..tile[2] {
            let at = (y - around[1]) * own + x - around[0];
            let share = ax[at] * r[at] + ay[at] * g[at] + az[at] * b[at] + b0[at];
            made.push(((share - HAZE) / (1.0 - 2.0 * HAZE)).clamp(0.0, 1.0));
        }
    }
    made
}
