//! The magic wand: all that has nearly the colour of one pixel.

use image::{GrayImage, RgbaImage};

use super::shapes::Patch;
use super::stop::Stop;

/// How a wand chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wand {
    /// How much each channel may differ from the pixel's own, 0 to 255.
    pub tolerance: u8,
    /// Only what hangs together with the pixel, not what looks like it elsewhere.
    pub contiguous: bool,
    /// Pixels at the edge that differ by up to half as much again are covered in part.
    pub smooth: bool,
}

impl Default for Wand {
    /// Photoshop's.
    fn default() -> Self {
        Self { tolerance: 32, contiguous: true, smooth: true }
    }
}

/// What the wand chooses at a pixel; nothing where that lies outside. `None` where it was stopped.
pub fn wand(picture: &RgbaImage, at: (u32, u32), wand: Wand, stop: &Stop) -> Option<Patch> {
    let (width, height) = picture.dimensions();
    if at.0 >= width || at.1 >= height {
        return Some(Patch::nothing());
    }
    let own = picture.get_pixel(at.0, at.1).0;
    let pixels: &[[u8; 4]] = picture.as_raw().as_chunks().0;
    let wide = width as usize;
    let same = |index: usize| apart(own, pixels[index]) <= wand.tolerance;
    let mut mask = vec![0_u8; pixels.len()];
    if wand.contiguous {
        fill(&mut mask, wide, at.1 as usize * wide + at.0 as usize, &same, stop)?;
    } else {
        for (index, value) in mask.iter_mut().enumerate() {
            *value = if same(index) { 255 } else { 0 };
        }
    }
    if wand.smooth && wand.tolerance > 0 {
        smooth(&mut mask, wide, |index| apart(own, pixels[index]), wand.tolerance);
    }
    Some(Patch::whole(GrayImage::from_raw(width, height, mask).unwrap_or_default()))
}

/// The most that any channel of two pixels differs; what is transparent has no colour.
fn apart(one: [u8; 4], other: [u8; 4]) -> u8 {
    let alpha = one[3].abs_diff(other[3]);
    if one[3] == 0 || other[3] == 0 {
        return alpha;
    }
    (0..3).fold(alpha, |most, channel| most.max(one[channel].abs_diff(other[channel])))
}

/// Fills row by row from one pixel: a stretch of a row is filled, and what lies above and below it is looked at once.
fn fill(mask: &mut [u8], wide: usize, from: usize, same: &dyn Fn(usize) -> bool, stop: &Stop) -> Option<()> {
    let mut begins = vec![from];
    let mut count = 0_usize;
    while let Some(begin) = begins.pop() {
        if mask[begin] > 0 {
            continue;
        }
        count += 1;
        if count.is_multiple_of(1024) {
            stop.go_on()?;
        }
        let row = begin / wide * wide;
        let (mut left, mut right) = (begin, begin + 1);
        while left > row && mask[left - 1] == 0 && same(left - 1) {
            left -= 1;
        }
        while right < row + wide && mask[right] == 0 && same(right) {
            right += 1;
        }
        mask[left..right].fill(255);
        let above = row.checked_sub(wide);
        let below = Some(row + wide).filter(|row| *row < mask.len());
        for next in [above, below].into_iter().flatten() {
            let mut inside = false;
            for x in left - row..right - row {
                let now = mask[next + x] == 0 && same(next + x);
                if now && !inside {
                    begins.push(next + x);
                }
                inside = now;
            }
        }
    }
    Some(())
}

/// Covers pixels beside chosen ones in part, by how little they differ too much.
fn smooth(mask: &mut [u8], wide: usize, apart: impl Fn(usize) -> u8, tolerance: u8) {
    let tolerance = f32::from(tolerance);
    for index in 0..mask.len() {
        if mask[index] == 255 {
            continue;
        }
        let x = index % wide;
        let beside = [
            x.checked_sub(1).map(|_| index - 1),
            (x + 1 < wide).then_some(index + 1),
            index.checked_sub(wide),
            Some(index + wide).filter(|below| *below < mask.len()),
        ];
        if beside.into_iter().flatten().any(|beside| mask[beside] == 255) {
            let share = (1.5 - f32::from(apart(index)) / tolerance) * 2.0;
            // Never 255, which is a chosen pixel.
            mask[index] = (share.clamp(0.0, 1.0) * 254.0) as u8;
        }
    }
}
