//! SegSim (Algorithm 2 of the paper) over any embedding of segments, and the embedding of the Plush World. Those of encoders
//! that the user has are `learned.rs`'s.
//!
//! ```text
//! s_ij = max(0, max over segments g of the picture of cos(φ(photo j of concept i), φ(g)))
//! SegSim = mean over concepts i of the mean over photos j of s_ij
//! ```
//!
//! The segments are pooled over all concepts, as in the paper: one figure may serve two concepts. A picture without any
//! segment scores 0.

use image::RgbImage;

/// Turns a segment into a vector, so that the cosine of two says how alike they look.
pub trait Embedder {
    /// The vector of the pixels that are inside, which are told row by row; zeros, or no numbers, where none is.
    ///
    /// # Errors
    /// In words, where a learned embedding gives no numbers.
    fn embed(&self, picture: &RgbImage, inside: &[bool]) -> Result<Vec<f64>, String>;
}

/// How much of each hue and lightness the upper and the lower half of a segment have, with the square root taken, so that
/// small things such as a collar count. Concepts of the Plush World differ in nothing but colours and shapes of parts.
#[derive(Clone, Copy, Debug)]
pub struct HueHistogram;

/// Cells of the histogram along each of two hues and lightness.
const CELLS: [usize; 3] = [8, 8, 4];

impl Embedder for HueHistogram {
    fn embed(&self, picture: &RgbImage, inside: &[bool]) -> Result<Vec<f64>, String> {
        let (width, each) = (picture.width().max(1) as usize, CELLS.iter().product::<usize>());
        let rows = inside.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| at / width);
        let mut counts = vec![0.0; 2 * each];
        let (Some(top), Some(bottom)) = (rows.clone().min(), rows.max()) else { return Ok(counts) };
        for (at, (pixel, _)) in picture.pixels().zip(inside).enumerate().filter(|(_, (_, is))| **is) {
            let half = usize::from(2 * (at / width) > top + bottom);
            let [r, g, b] = pixel.0.map(|value| f64::from(value) / 255.0);
            // Red against green, yellow against blue, lightness: 0..1 each. Hues of plushes lie about the middle.
            let axes = [0.5 + (r - g) * 0.7, 0.5 + ((r + g) / 2.0 - b) * 0.7, (r + g + b) / 3.0];
            let spread = |axis: usize| {
                let cells = CELLS[axis];
                let at = (axes[axis] * cells as f64 - 0.5).clamp(0.0, (cells - 1) as f64);
                let low = (at.floor() as usize).min(cells - 2);
                [(low, 1.0 - (at - low as f64)), (low + 1, at - low as f64)]
            };
            for (x, wx) in spread(0) {
                for (y, wy) in spread(1) {
                    for (z, wz) in spread(2) {
                        counts[half * each + (x * CELLS[1] + y) * CELLS[2] + z] += wx * wy * wz;
                    }
                }
            }
        }
        Ok(counts.into_iter().map(f64::sqrt).collect())
    }
}

/// The cosine of two vectors; 0 where one is all zeros.
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// Algorithm 2: `photos[i][j]` are embeddings of the photos' segments, one each, `segments` those of the picture.
pub fn segsim(photos: &[Vec<Vec<f64>>], segments: &[Vec<f64>]) -> f64 {
    mean_of(photos, |photo| best(std::slice::from_ref(photo), segments))
}

/// Likewise, where a photo may have several segments, `photos[i][j][r]`: the one that is most alike counts.
pub fn segsim_of_several(photos: &[Vec<Vec<Vec<f64>>>], segments: &[Vec<f64>]) -> f64 {
    mean_of(photos, |own| best(own, segments))
}

/// s_ij
fn best(own: &[Vec<f64>], segments: &[Vec<f64>]) -> f64 {
    own.iter().flat_map(|own| segments.iter().map(move |segment| cosine(own, segment))).fold(0.0, f64::max)
}

/// The mean over concepts of the mean over their photos.
fn mean_of<P>(photos: &[Vec<P>], worth: impl Fn(&P) -> f64) -> f64 {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    mean(photos.iter().map(|photos| mean(photos.iter().map(&worth).collect())).collect())
}
