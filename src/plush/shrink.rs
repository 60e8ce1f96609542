//! A picture made smaller by Lanczos's filter with three lobes, in whole numbers, as Pillow does it to the last bit
//! (`libImaging/Resample.c`): rows first, then columns, each rounded to bytes.

use std::f64::consts::PI;

/// Binary places of a weight: eight bits of a pixel and two of overflow remain of 32.
const PLACES: i32 = 22;

/// Which pixels make one, and by which weights.
struct Share {
    first: usize,
    weights: Vec<i32>,
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

fn shares(from: usize, to: usize) -> Vec<Share> {
    let scale = from as f64 / to as f64;
    let wide = scale.max(1.0);
    let share = |index: usize| {
        let center = (index as f64 + 0.5) * scale;
        let first = (center - 3.0 * wide + 0.5).max(0.0) as usize;
        let end = ((center + 3.0 * wide + 0.5) as usize).min(from);
        let weights: Vec<f64> = (first..end).map(|x| lanczos((x as f64 - center + 0.5) / wide)).collect();
        let sum: f64 = weights.iter().sum();
        let whole = |weight: &f64| (weight / sum * f64::from(1 << PLACES)).round() as i32;
        Share { first, weights: weights.iter().map(whole).collect() }
    };
    (0..to).map(share).collect()
}

/// `pixels` of `from` (width, height), `C` channels each, to the size `to`.
pub fn shrink<const C: usize>(pixels: &[[u8; C]], from: (usize, usize), to: (usize, usize)) -> Vec<[u8; C]> {
    let half = 1 << (PLACES - 1);
    let byte = |sum: i32| (sum >> PLACES).clamp(0, 255) as u8;
    let across = shares(from.0, to.0);
    let mut rows: Vec<[u8; C]> = Vec::with_capacity(to.0 * from.1);
    for row in pixels.chunks_exact(from.0) {
        rows.extend(across.iter().map(|share| {
            let mut sums = [half; C];
            for (pixel, weight) in row[share.first..].iter().zip(&share.weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            sums.map(byte)
        }));
    }
    let mut made = Vec::with_capacity(to.0 * to.1);
    for share in shares(from.1, to.1) {
        let mut sums = vec![[half; C]; to.0];
        for (row, weight) in rows.chunks_exact(to.0).skip(share.first).zip(&share.weights) {
            for (sums, pixel) in sums.iter_mut().zip(row) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
        }
        made.extend(sums.into_iter().map(|sums| sums.map(byte)));
    }
    made
}
