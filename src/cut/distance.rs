//! How far pixels are from a mask: exactly, by Felzenszwalb's and Huttenlocher's lower envelope of parabolas, in time that
//! grows with the pixels alone.

use rayon::prelude::*;

/// Farther from an edge than any pixel can be; where there is no edge, all are.
const FAR: f32 = 1e9;

/// The distance to the edge, which lies half a pixel from the pixels beside it: below 0 inside. Pixels.
pub fn from_edge(inside: &[bool], wide: usize) -> Vec<f32> {
    let outside: Vec<bool> = inside.iter().map(|inside| !inside).collect();
    let (to_inside, mut far) = (squared(inside, wide), squared(&outside, wide));
    for ((far, outer), inside) in far.iter_mut().zip(to_inside).zip(inside) {
        let way = |square: f32| square.sqrt().min(FAR);
        *far = if *inside { 0.5 - way(*far) } else { way(outer) - 0.5 };
    }
    far
}

/// The squared distance of each pixel, row by row, to the nearest that is inside; 0 inside, infinite where nothing is.
/// Pixels.
pub fn squared(inside: &[bool], wide: usize) -> Vec<f32> {
    let mut far: Vec<f32> = inside.iter().map(|inside| if *inside { 0.0 } else { f32::INFINITY }).collect();
    let count = far.len();
    for at in wide..count {
        far[at] = far[at].min(far[at - wide] + 1.0);
    }
    for at in (0..count.saturating_sub(wide)).rev() {
        far[at] = far[at].min(far[at + wide] + 1.0);
    }
    far.par_chunks_mut(wide.max(1)).for_each(along);
    far
}

/// From the distances within columns to the squared ones in the plane, for one row.
fn along(row: &mut [f32]) {
    // The columns whose parabolas are lowest somewhere, how high these begin, and from where on they are lowest.
    let mut lowest: Vec<(f64, f64, f64)> = Vec::with_capacity(row.len());
    for (x, far) in row.iter().enumerate().filter(|(_, far)| far.is_finite()) {
        let (place, square) = (x as f64, f64::from(*far).powi(2));
        let mut begin = f64::NEG_INFINITY;
        while let Some((other, height, from)) = lowest.last() {
            // Where this one becomes the lower of the two.
            begin = ((square + place * place) - (height + other * other)) / (2.0 * (place - other));
            if begin > *from {
                break;
            }
            lowest.pop();
            begin = f64::NEG_INFINITY;
        }
        lowest.push((place, square, begin));
    }
    let mut at = 0;
    for (x, far) in row.iter_mut().enumerate() {
        while lowest.get(at + 1).is_some_and(|(.., from)| *from <= x as f64) {
            at += 1;
        }
        if let Some((column, height, _)) = lowest.get(at) {
            *far = (height + (x as f64 - column).powi(2)) as f32;
        }
    }
}
