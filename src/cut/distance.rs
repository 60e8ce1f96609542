//! How far each pixel is from the edge of a mask: exactly, by Felzenszwalb's and Huttenlocher's lower envelope of parabolas.

use rayon::prelude::*;

/// Farther than any pixel can be.
const FAR: f32 = 1e9;

/// The distance to the edge, which lies half a pixel from the pixels beside it: below 0 inside. Pixels.
pub fn from_edge(inside: &[bool], wide: usize) -> Vec<f32> {
    let to_inside = nearest(inside, wide, true);
    let mut far = nearest(inside, wide, false);
    for ((far, outer), inside) in far.iter_mut().zip(to_inside).zip(inside) {
        *far = if *inside { 0.5 - *far } else { outer - 0.5 };
    }
    far
}

/// The distance to the nearest pixel that is `what`.
fn nearest(inside: &[bool], wide: usize, what: bool) -> Vec<f32> {
    let mut far: Vec<f32> = inside.iter().map(|inside| if *inside == what { 0.0 } else { FAR }).collect();
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

/// From the distances within columns to those in the plane, for one row.
fn along(row: &mut [f32]) {
    let squares: Vec<f64> = row.iter().map(|far| f64::from(*far).powi(2)).collect();
    // The columns whose parabolas are lowest somewhere, and from where on.
    let mut lowest: Vec<(usize, f64)> = Vec::with_capacity(row.len());
    for (x, square) in squares.iter().enumerate() {
        let place = x as f64;
        let mut begin = f64::NEG_INFINITY;
        while let Some((last, from)) = lowest.last() {
            let other = *last as f64;
            begin = ((square + place * place) - (squares[*last] + other * other)) / (2.0 * (place - other));
            if begin > *from {
                break;
            }
            lowest.pop();
            begin = f64::NEG_INFINITY;
        }
        lowest.push((x, begin));
    }
    let mut at = 0;
    for (x, far) in row.iter_mut().enumerate() {
        while lowest.get(at + 1).is_some_and(|(_, from)| *from <= x as f64) {
            at += 1;
        }
        if let Some((column, _)) = lowest.get(at) {
            let across = x as f64 - *column as f64;
            *far = (squares[*column] + across * across).sqrt() as f32;
        }
    }
}
