//! Which pixels a rectangle, a lasso or a stroke of a brush covers, and by how much.

use image::{GrayImage, Luma};

/// A place in a picture: pixels from its left and top edge; a pixel's middle is at its number and a half.
pub type Point = [f32; 2];

/// How many lines a row of pixels is looked at in, where a lasso crosses it.
const LINES: i64 = 8;

/// The part of a picture's mask where something is covered; all around it is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Pixels from the picture's left edge.
    pub left: u32,
    /// Pixels from the picture's top edge.
    pub top: u32,
    /// How much of each pixel is covered.
    pub mask: GrayImage,
}

impl Patch {
    /// A mask of the whole picture.
    pub fn whole(mask: GrayImage) -> Self {
        Self { left: 0, top: 0, mask }
    }

    /// Nothing at all.
    pub fn nothing() -> Self {
        Self::whole(GrayImage::new(0, 0))
    }

    /// The pixels between `low` and `high` that lie in a picture of `size`, uncovered; `None` where there are none.
    fn between(low: Point, high: Point, size: (u32, u32)) -> Option<Self> {
        let first = |value: f32| value.floor().max(0.0) as u32;
        let past = |value: f32, most: u32| value.ceil().clamp(0.0, most as f32) as u32;
        let (left, top) = (first(low[0]), first(low[1]));
        let (right, bottom) = (past(high[0], size.0), past(high[1], size.1));
        (left < right && top < bottom).then(|| Self { left, top, mask: GrayImage::new(right - left, bottom - top) })
    }
}

/// The smallest and largest coordinates; `None` where there is no point, or one that is no place.
fn extent(points: &[Point]) -> Option<(Point, Point)> {
    let first = *points.first()?;
    if !points.iter().flatten().all(|value| value.is_finite()) {
        return None;
    }
    let low = points.iter().fold(first, |low, point| [low[0].min(point[0]), low[1].min(point[1])]);
    let high = points.iter().fold(first, |high, point| [high[0].max(point[0]), high[1].max(point[1])]);
    Some((low, high))
}

/// A rectangle by two of its corners, in a picture of `size`.
pub fn rectangle(corners: [Point; 2], size: (u32, u32)) -> Patch {
    let Some((low, high)) = extent(&corners) else { return Patch::nothing() };
    let Some(mut patch) = Patch::between(low, high, size) else { return Patch::nothing() };
    let share = |at: u32, low: f32, high: f32| (high.min(at as f32 + 1.0) - low.max(at as f32)).clamp(0.0, 1.0);
    let (left, top) = (patch.left, patch.top);
    for (x, y, pixel) in patch.mask.enumerate_pixels_mut() {
        let covered = share(left + x, low[0], high[0]) * share(top + y, low[1], high[1]);
        *pixel = Luma([(covered * 255.0).round() as u8]);
    }
    patch
}

/// What a closed line goes round, in a picture of `size`: free or of straight pieces. Where it crosses itself, all that it
/// goes round in either direction is inside, but for what it goes round once in each.
pub fn polygon(points: &[Point], size: (u32, u32)) -> Patch {
    let Some((low, high)) = extent(points) else { return Patch::nothing() };
    let Some(mut patch) = Patch::between(low, high, size) else { return Patch::nothing() };
    let (width, height) = (patch.mask.width() as usize, i64::from(patch.mask.height()));
    // Where the line crosses each of the lines, and whether it goes down there.
    let mut crossings: Vec<Vec<(f32, i32)>> = vec![Vec::new(); (height * LINES) as usize];
    for (index, from) in points.iter().enumerate() {
        let to = points[(index + 1) % points.len()];
        let (above, below, way) = if from[1] <= to[1] { (*from, to, 1) } else { (to, *from, -1) };
        let line = |y: f32| (((y - patch.top as f32) * LINES as f32) - 0.5).ceil() as i64;
        let slope = (below[0] - above[0]) / (below[1] - above[1]);
        for at in line(above[1]).max(0)..line(below[1]).min(height * LINES) {
            let y = patch.top as f32 + (at as f32 + 0.5) / LINES as f32;
            let x = above[0] + (y - above[1]) * slope - patch.left as f32;
            crossings[at as usize].push((x, way));
        }
    }
    for (row, lines) in crossings.chunks_exact_mut(LINES as usize).enumerate() {
        let mut covered = vec![0.0_f32; width];
        for line in lines {
            line.sort_by(|one, other| one.0.total_cmp(&other.0));
            let mut round = 0;
            for pair in line.windows(2) {
                round += pair[0].1;
                if round != 0 {
                    cover(&mut covered, pair[0].0, pair[1].0);
                }
            }
        }
        for (x, share) in covered.into_iter().enumerate() {
            let value = (share / LINES as f32 * 255.0).round().min(255.0) as u8;
            patch.mask.put_pixel(x as u32, row as u32, Luma([value]));
        }
    }
    patch
}

/// Adds what of each pixel of a row lies between two places.
fn cover(row: &mut [f32], from: f32, to: f32) {
    let (from, to) = (from.clamp(0.0, row.len() as f32), to.clamp(0.0, row.len() as f32));
    if from >= to {
        return;
    }
    let (first, last) = (from as usize, (to.ceil() as usize).min(row.len()));
    for (x, share) in row.iter_mut().enumerate().take(last).skip(first) {
        *share += to.min(x as f32 + 1.0) - from.max(x as f32);
    }
}

/// A stroke of a round brush along `points`, in a picture of `size`. Up to `hardness` (0 to 1) of its `radius` (pixels) the
/// brush covers all, and towards the radius less and less; the hardest brush still has a smooth edge.
pub fn stroke(points: &[Point], radius: f32, hardness: f32, size: (u32, u32)) -> Patch {
    let radius = if radius.is_finite() { radius.clamp(0.5, 1e5) } else { 0.5 };
    let hardness = if hardness.is_finite() { hardness.clamp(0.0, 1.0) } else { 1.0 };
    // Half a pixel more, for the smooth edge.
    let reach = radius + 0.5;
    let Some((low, high)) = extent(points) else { return Patch::nothing() };
    let (low, high) = (low.map(|value| value - reach), high.map(|value| value + reach));
    let Some(mut patch) = Patch::between(low, high, size) else { return Patch::nothing() };
    let soft = (radius * (1.0 - hardness) + 0.5).max(1.0);
    let (own, row) = (patch.mask.dimensions(), patch.mask.width() as usize);
    let origin = [patch.left as f32, patch.top as f32];
    let pixels: &mut [u8] = &mut patch.mask;
    let alone = [points[0], points[0]];
    let pieces = if points.len() == 1 { alone.windows(2) } else { points.windows(2) };
    for piece in pieces {
        let ([ax, ay], [bx, by]) = (piece[0], piece[1]);
        let (ax, ay, bx, by) = (ax - origin[0], ay - origin[1], bx - origin[0], by - origin[1]);
        let first = |one: f32, other: f32| (one.min(other) - reach).floor().max(0.0) as usize;
        let past = |one: f32, other: f32, most: u32| (one.max(other) + reach).ceil().clamp(0.0, most as f32) as usize;
        let (dx, dy) = (bx - ax, by - ay);
        let length = dx * dx + dy * dy;
        for y in first(ay, by)..past(ay, by, own.1) {
            for x in first(ax, bx)..past(ax, bx, own.0) {
                let (px, py) = (x as f32 + 0.5 - ax, y as f32 + 0.5 - ay);
                let along = if length > 0.0 { ((px * dx + py * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
                let (away_x, away_y) = (px - along * dx, py - along * dy);
                let away = away_x * away_x + away_y * away_y;
                if away >= reach * reach {
                    continue;
                }
                let covered = ((reach - away.sqrt()) / soft).min(1.0);
                let value = (covered * 255.0).round() as u8;
                let pixel = &mut pixels[y * row + x];
                *pixel = (*pixel).max(value);
            }
        }
    }
    patch
}
