//! One AV1 picture, decoded by rav1d without its assembler. No other file knows the decoder.
//!
//! Decoding runs on the thread that asks: of the decoder's own ones a panic could not be caught.

use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Plane, Settings};

use super::fault::{Fault, damaged};

/// The most pictures that are coded in a photo: layers, of which the finest is shown. More are a film, which could keep
/// the decoder busy for hours.
const PICTURES: usize = 16;

/// What a file or a stream says of its colours, as ITU-T H.273 numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coded {
    /// Which red, green and blue.
    pub primaries: u16,
    /// Which tone curve.
    pub transfer: u16,
    /// How brightness and differences are made of them.
    pub matrix: u16,
    /// Whether all numbers are used: else black is 16 of 255 and white 235.
    pub is_full: bool,
}

/// A decoded picture.
pub(super) struct Frame {
    picture: Picture,
    planes: Vec<(Plane, usize)>,
    /// Width and height, pixels.
    pub size: (usize, usize),
    /// Bits of each number: 8, 10 or 12.
    pub bits: u32,
    /// How many pixels share one colour difference, across and down: 1 or 2.
    pub shrunk: (usize, usize),
}

impl Frame {
    /// Decodes a picture of at most this size. `point` is which of its layers are wanted.
    pub(super) fn decode(data: Vec<u8>, (width, height): (u32, u32), point: u8) -> Result<Self, Fault> {
        if pictures(&data) > PICTURES {
            return damaged("a piece of it is a film");
        }
        if data.is_empty() {
            return damaged("a piece of it is empty");
        }
        let broken = |error: Error| match error {
            Error::UnsupportedBitstream => Fault::Unusual("its AV1 is of a later version".into()),
            Error::NotEnoughMemory => Fault::Damaged("there is not enough memory for it".into()),
            _ => Fault::Damaged("its AV1 cannot be decoded".into()),
        };
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_all_layers(false);
        settings.set_operating_point(point.into());
        settings.set_frame_size_limit(width.saturating_mul(height));
        let mut decoder = Decoder::with_settings(&settings).map_err(broken)?;
        match decoder.send_data(data, None, None, None) {
            Ok(()) | Err(Error::Again) => {}
            Err(error) => return Err(broken(error)),
        }
        // Asked a second time, the decoder gives what it has held back for a finer layer.
        let picture = match decoder.get_picture() {
            Err(Error::Again) => decoder.get_picture(),
            other => other,
        };
        Self::of(picture.map_err(broken)?)
    }

    fn of(picture: Picture) -> Result<Self, Fault> {
        use PlanarImageComponent::{U, V, Y};
        let (shrunk, components): (_, &[_]) = match picture.pixel_layout() {
            PixelLayout::I400 => ((1, 1), &[Y]),
            PixelLayout::I420 => ((2, 2), &[Y, U, V]),
            PixelLayout::I422 => ((2, 1), &[Y, U, V]),
            PixelLayout::I444 => ((1, 1), &[Y, U, V]),
        };
        let plane = |component: &PlanarImageComponent| (picture.plane(*component), picture.stride(*component) as usize);
        let planes = components.iter().map(plane).collect();
        let size = (picture.width() as usize, picture.height() as usize);
        let Some(bits) = picture.bits_per_component().map(|bits| bits.0 as u32) else {
            return damaged("its depth is not known");
        };
        Ok(Self { picture, planes, size, bits, shrunk })
    }

    /// Whether it has no colours.
    pub(super) fn is_gray(&self) -> bool {
        self.planes.len() == 1
    }

    /// A row of a plane: brightness is plane 0, blue's and red's differences are 1 and 2. What is missing is 0.
    pub(super) fn row(&self, plane: usize, y: usize, into: &mut Vec<u16>) {
        let across = if plane == 0 { self.size.0 } else { self.size.0.div_ceil(self.shrunk.0) };
        into.clear();
        if let Some((plane, stride)) = self.planes.get(plane) {
            let bytes = plane.get(y * stride..).unwrap_or_default();
            if self.bits == 8 {
                into.extend(bytes.iter().take(across).map(|byte| u16::from(*byte)));
            } else {
                into.extend(bytes.as_chunks().0.iter().take(across).map(|pair| u16::from_ne_bytes(*pair)));
            }
        }
        into.resize(across, 0);
    }

    /// What the stream says of its colours, where the file says nothing.
    pub(super) fn meaning(&self) -> Coded {
        Coded {
            primaries: self.picture.color_primaries() as u16,
            transfer: self.picture.transfer_characteristic() as u16,
            matrix: self.picture.matrix_coefficients() as u16,
            is_full: self.is_full(),
        }
    }

    /// Whether all numbers are used, as the stream says.
    pub(super) fn is_full(&self) -> bool {
        self.picture.color_range() == re_rav1d::dav1d::pixel::YUVRange::Full
    }
}

/// How many pictures are coded in these bytes: AV1 is a row of units, each with its kind and mostly with its length.
fn pictures(data: &[u8]) -> usize {
    let (mut rest, mut count) = (data, 0);
    while let Some((&head, tail)) = rest.split_first() {
        // A frame, a frame's head, or one that is shown again.
        count += usize::from(matches!((head >> 3) & 15, 3 | 6 | 7));
        if head & 2 == 0 {
            break;
        }
        let extended = usize::from(head & 4 != 0);
        let Some((length, used)) = tail.get(extended..).and_then(length) else { break };
        let Some(next) = tail.get(extended + used..).and_then(|tail| tail.get(length..)) else { break };
        rest = next;
    }
    count
}

/// A number of seven bits a byte, the lowest first, and how many bytes it took.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(8) {
        number |= usize::from(byte & 127).checked_shl(7 * at as u32)?;
        if byte & 128 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_counted_without_being_decoded_and_a_film_is_refused() {
        // Kind 6 is a frame; the second bit says that its length follows.
        let frame = [(6 << 3) | 2, 3, 9, 9, 9];
        let other = [(1 << 3) | 2, 0x81, 0x01];
        let long = [&other[..], &[7; 129]].concat();
        assert_eq!(pictures(&[]), 0);
        assert_eq!(pictures(&[&long[..], &frame, &frame].concat()), 2);
        // One without a length goes on to the end; one that is longer than the rest is the last.
        assert_eq!(pictures(&[&frame[..], &[6 << 3, (6 << 3) | 2, 0]].concat()), 2);
        assert_eq!(pictures(&[(6 << 3) | 2, 200, 1, 1]), 1);
        assert_eq!(pictures(&[(6 << 3) | 2, 255, 255, 255, 255, 255, 255, 255, 255, 255]), 1);
        let film = Frame::decode(frame.repeat(PICTURES + 1), (8, 8), 0);
        assert!(matches!(film, Err(Fault::Damaged(what)) if what.contains("a film")));
        assert!(Frame::decode(frame.repeat(PICTURES), (8, 8), 0).is_err());
        assert!(Frame::decode(Vec::new(), (8, 8), 0).is_err());
    }
}
