//! What AV1's numbers mean: brightness and colour differences become red, green and blue.

use image::{DynamicImage, Primitive};

use super::fault::{Fault, unusual};
use super::frame::{Coded, Frame};
use crate::photo::profile_of;

/// The numbers of a canvas: 8 or 16 bits.
pub(super) trait Depth: Primitive {
    /// From 0..1.
    fn of(part: f32) -> Self;
    /// A picture of them, of red, green, blue and perhaps opacity.
    fn picture(width: u32, height: u32, channels: usize, canvas: Vec<Self>) -> Option<DynamicImage>;
}

/// What numbers mean, where that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    coded: Coded,
    /// The shares of red and blue in brightness; none where the numbers are green, blue and red themselves.
    shares: Option<[f32; 2]>,
}

impl Meaning {
    pub(super) fn of(coded: Coded, frame: &Frame) -> Result<Self, Fault> {
        let shares = match coded.matrix {
            0 if frame.is_gray() => Some([0.299, 0.114]),
            0 if frame.shrunk == (1, 1) => None,
            1 => Some([0.2126, 0.0722]),
            2 | 5 | 6 => Some([0.299, 0.114]),
            4 => Some([0.30, 0.11]),
            7 => Some([0.212, 0.087]),
            9 => Some([0.2627, 0.0593]),
            other => return Err(Fault::Unusual(format!("its colours are coded by matrix {other}"))),
        };
        Ok(Self { coded, shares })
    }

    /// The profile of red, green and blue; none: sRGB's.
    pub(super) fn profile(self) -> Result<Option<Vec<u8>>, Fault> {
        match self.coded.transfer {
            16 | 18 => unusual("it has a high dynamic range (HDR)"),
            transfer => Ok(profile_of(self.coded.primaries, transfer)),
        }
    }
}

/// What a number becomes: 0..1, where this is below and above what is black and white.
#[derive(Clone, Copy)]
struct Scale {
    least: f32,
    span: f32,
}

impl Scale {
    fn light(bits: u32, is_full: bool) -> Self {
        let (least, span) = if is_full { (0, (1 << bits) - 1) } else { (16 << (bits - 8), 219 << (bits - 8)) };
        Self { least: least as f32, span: span as f32 }
    }

    /// Of colour differences, -0.5..0.5.
    fn difference(bits: u32, is_full: bool) -> Self {
        let span = if is_full { (1 << bits) - 1 } else { 224 << (bits - 8) };
        Self { least: (1 << (bits - 1)) as f32, span: span as f32 }
    }

    fn of(self, number: f32) -> f32 {
        (number - self.least) / self.span
    }
}

/// A row of colour differences as long as the photo is wide. Where there are fewer than pixels, each lies in the middle of
/// those that it is for, as encoders average them.
fn widened(frame: &Frame, plane: usize, y: usize, scale: Scale, held: &mut [Vec<u16>; 2], into: &mut Vec<f32>) {
    let (wide, high) = frame.shrunk;
    let rows = frame.size.1.div_ceil(high);
    let own = y / high;
    let next = match (high, y % 2) {
        (1, _) => own,
        (_, 0) => own.saturating_sub(1),
        _ => (own + 1).min(rows - 1),
    };
    let [near, far] = held;
    frame.row(plane, own, near);
    frame.row(plane, next, far);
    let mixed = |at: usize| scale.of(0.75 * f32::from(near[at]) + 0.25 * f32::from(far[at]));
    into.clear();
    if wide == 1 {
        into.extend((0..near.len()).map(mixed));
        return;
    }
    let last = near.len() - 1;
    let (mut before, mut here) = (mixed(0), mixed(0));
    for at in 0..near.len() {
        let after = if at < last { mixed(at + 1) } else { here };
        into.extend([0.75 * here + 0.25 * before, 0.75 * here + 0.25 * after]);
        (before, here) = (here, after);
    }
}

/// Paints a piece onto a canvas of a width and a number of channels, its top left corner at a place; what stands over is cut
/// off.
pub(super) fn paint<T: Depth>(
    frame: &Frame,
    meaning: Meaning,
    canvas: &mut [T],
    (width, channels): (usize, usize),
    (left, top): (usize, usize),
) {
    let light = Scale::light(frame.bits, meaning.coded.is_full);
    let difference = Scale::difference(frame.bits, meaning.coded.is_full);
    let (mut lights, mut held) = (Vec::new(), [Vec::new(), Vec::new()]);
    let (mut blues, mut reds) = (Vec::new(), Vec::new());
    let across = frame.size.0.min(width.saturating_sub(left));
    let rows = canvas.chunks_exact_mut(width * channels).skip(top).take(frame.size.1);
    for (y, row) in rows.enumerate() {
        frame.row(0, y, &mut lights);
        let pixels = row.chunks_exact_mut(channels).skip(left).take(across).zip(&lights);
        if frame.is_gray() {
            for (pixel, number) in pixels {
                let tone = T::of(light.of(f32::from(*number)).clamp(0.0, 1.0));
                pixel[..3].fill(tone);
            }
            continue;
        }
        let Some([red, blue]) = meaning.shares else {
            frame.row(1, y, &mut held[0]);
            frame.row(2, y, &mut held[1]);
            let [blues, reds] = &held;
            for ((pixel, green), (blue, red)) in pixels.zip(blues.iter().zip(reds)) {
                for (to, number) in pixel.iter_mut().zip([red, green, blue]) {
                    *to = T::of(light.of(f32::from(*number)).clamp(0.0, 1.0));
                }
            }
            continue;
        };
        widened(frame, 1, y, difference, &mut held, &mut blues);
        widened(frame, 2, y, difference, &mut held, &mut reds);
        let (of_red, of_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
        let green = 1.0 - red - blue;
        let (red, blue) = (red * of_red / green, blue * of_blue / green);
        for ((pixel, number), (b, r)) in pixels.zip(blues.iter().zip(&reds)) {
            let y = light.of(f32::from(*number));
            let parts = [y + of_red * r, y - red * r - blue * b, y + of_blue * b];
            for (to, part) in pixel.iter_mut().zip(parts) {
                *to = T::of(part.clamp(0.0, 1.0));
            }
        }
    }
}

/// Paints a piece's brightness as the opacity of a canvas of four channels.
pub(super) fn paint_alpha<T: Depth>(
    frame: &Frame,
    is_full: bool,
    canvas: &mut [T],
    width: usize,
    (left, top): (usize, usize),
) {
    let light = Scale::light(frame.bits, is_full);
    let mut lights = Vec::new();
    let rows = canvas.chunks_exact_mut(width * 4).skip(top).take(frame.size.1);
    for (y, row) in rows.enumerate() {
        frame.row(0, y, &mut lights);
        for (pixel, number) in row.chunks_exact_mut(4).skip(left).zip(&lights) {
            pixel[3] = T::of(light.of(f32::from(*number)).clamp(0.0, 1.0));
        }
    }
}

/// Colours that were multiplied by their opacity become themselves again.
pub(super) fn divide<T: Depth>(canvas: &mut [T]) {
    let most = T::DEFAULT_MAX_VALUE.to_f32().unwrap_or(1.0);
    for pixel in canvas.chunks_exact_mut(4) {
        let alpha = pixel[3].to_f32().unwrap_or(0.0);
        if alpha <= 0.0 || alpha >= most {
            continue;
        }
        for tone in &mut pixel[..3] {
            *tone = T::of((tone.to_f32().unwrap_or(0.0) / alpha).min(1.0));
        }
    }
}
