//! A picture in several sizes, each half as large as the one before.

use image::RgbaImage;
use rayon::prelude::*;

use super::stop::Stop;

/// The longer side of the smallest size at the most, pixels. Past it a cut of a whole picture takes too long to wait for.
const COARSEST: u32 = 360;

/// The sizes of a picture, the largest first, down to [`COARSEST`]. `None` where it was stopped.
pub fn levels(picture: RgbaImage, stop: &Stop) -> Option<Vec<RgbaImage>> {
    let mut levels = vec![picture];
    while let Some(last) = levels.last().filter(|last| last.width().max(last.height()) > COARSEST) {
        stop.go_on()?;
        let half = half(last);
        levels.push(half);
    }
    Some(levels)
}

/// A picture half as large: the mean of each four pixels, by how opaque they are.
fn half(picture: &RgbaImage) -> RgbaImage {
    let (width, height) = picture.dimensions();
    let (w, h) = (width.div_ceil(2), height.div_ceil(2));
    let mut made = RgbaImage::new(w, h);
    let pixels: &[[u8; 4]] = picture.as_raw().as_chunks().0;
    let row = width as usize;
    made.as_mut().par_chunks_mut(w as usize * 4).enumerate().for_each(|(y, line)| {
        let (above, below) = (2 * y * row, (2 * y + 1).min(height as usize - 1) * row);
        for (x, pixel) in line.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let (left, right) = (2 * x, (2 * x + 1).min(row - 1));
            let four = [pixels[above + left], pixels[above + right], pixels[below + left], pixels[below + right]];
            let mut sums = [0_u32; 4];
            for [r, g, b, a] in four {
                let a = u32::from(a);
                for (sum, value) in sums.iter_mut().zip([u32::from(r) * a, u32::from(g) * a, u32::from(b) * a, a]) {
                    *sum += value;
                }
            }
            let [r, g, b, a] = sums;
            // What is transparent has no colour.
            let mean = |sum: u32| (sum + a / 2).checked_div(a).unwrap_or(0).min(255) as u8;
            *pixel = [mean(r), mean(g), mean(b), (a.div_ceil(4)).min(255) as u8];
        }
    });
    made
}
