//! Which part of a picture is chosen: one byte a pixel, and how a new choice changes an old one.

use image::GrayImage;

use super::shapes::Patch;

/// What a new choice does to the one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Takes its place.
    #[default]
    Replace,
    /// Is added to it.
    Add,
    /// Is taken away from it.
    Subtract,
    /// Leaves only what both have.
    Intersect,
}

/// Changes `mask` by a new choice.
pub fn combine(mask: &mut GrayImage, new: &Patch, mode: Mode) {
    let (width, height) = mask.dimensions();
    if mode == Mode::Replace {
        mask.fill(0);
    }
    let right = (new.left + new.mask.width()).min(width);
    let bottom = (new.top + new.mask.height()).min(height);
    if mode == Mode::Intersect {
        for (x, y, pixel) in mask.enumerate_pixels_mut() {
            if !(new.left..right).contains(&x) || !(new.top..bottom).contains(&y) {
                pixel.0 = [0];
            }
        }
    }
    let wide = right.saturating_sub(new.left) as usize;
    if wide == 0 {
        return;
    }
    let (row, own) = (width as usize, new.mask.width() as usize);
    let old: &mut [u8] = mask;
    for (above, y) in (new.top..bottom).enumerate() {
        let from = y as usize * row + new.left as usize;
        let covered = &new.mask.as_raw()[above * own..above * own + wide];
        for (old, new) in old[from..from + wide].iter_mut().zip(covered) {
            *old = match mode {
                Mode::Replace => *new,
                Mode::Add => (*old).max(*new),
                Mode::Subtract => (*old).min(255 - *new),
                Mode::Intersect => (*old).min(*new),
            };
        }
    }
}

/// Left, top, right and bottom of all that is chosen at all; right and bottom are past it. `None` where nothing is.
pub fn bounds(mask: &GrayImage) -> Option<[u32; 4]> {
    let width = mask.width() as usize;
    let mut found: Option<[u32; 4]> = None;
    for (y, row) in mask.as_raw().chunks_exact(width.max(1)).enumerate() {
        let Some(first) = row.iter().position(|value| *value > 0) else { continue };
        let last = row.iter().rposition(|value| *value > 0).unwrap_or(first);
        let (first, past, y) = (first as u32, last as u32 + 1, y as u32);
        let [left, top, right, _] = found.unwrap_or([first, y, past, y]);
        found = Some([left.min(first), top, right.max(past), y + 1]);
    }
    found
}

/// What two masks have in common, of all that either has: 1 where they are the same, and where both are empty.
pub fn overlap(one: &GrayImage, other: &GrayImage) -> f64 {
    let (mut both, mut either) = (0_u64, 0_u64);
    for (one, other) in one.iter().zip(other.iter()) {
        let (one, other) = (*one > 127, *other > 127);
        both += u64::from(one && other);
        either += u64::from(one || other);
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}
