//! The four frames that a place can be meant in, a type each, and how one goes to another: the photo; the photo made as large
//! as the network takes it; the square that it lies in, at the left and at the top; and the grid of what comes out.

/// Width and height of the photo, pixels; 1 at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Photo(pub [u32; 2]);

/// Width and height of the resized photo, 1 at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resized(pub [u32; 2]);

/// The side of the square that the network looks at; as large as the longer side of [`Resized`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padded(pub u32);

/// Width and height of the grid of what comes out. It covers all of [`Padded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latent(pub [usize; 2]);

/// A place in the photo, pixels from its left and top edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoPoint(pub [f32; 2]);

/// A place in the resized photo, and in the square, which begins at the same corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizedPoint(pub [f32; 2]);

/// How a photo comes into the square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The longer side becomes the square's; the rest is empty.
    LongSide,
    /// Both sides become the square's.
    Squash,
}

impl Fit {
    /// The size that the photo gets.
    pub fn resized(self, Photo([width, height]): Photo, Padded(side): Padded) -> Resized {
        match self {
            Self::Squash => Resized([side, side]),
            Self::LongSide => {
                let scale = f64::from(side) / f64::from(width.max(height).max(1));
                // Rounded as SAM's own code does.
                let scaled = |length: u32| ((f64::from(length) * scale + 0.5) as u32).clamp(1, side);
                Resized([scaled(width), scaled(height)])
            }
        }
    }
}

impl PhotoPoint {
    /// The same place in the resized photo.
    pub fn resized(self, Photo(photo): Photo, Resized(resized): Resized) -> ResizedPoint {
        let to = |axis: usize| self.0[axis] * resized[axis] as f32 / photo[axis].max(1) as f32;
        ResizedPoint([to(0), to(1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_that_is_not_square_keeps_its_places() {
        let photo = Photo([200, 140]);
        let resized = Fit::LongSide.resized(photo, Padded(128));
        assert_eq!(resized, Resized([128, 90]));
        let ResizedPoint([x, y]) = PhotoPoint([100.0, 70.0]).resized(photo, resized);
        assert!((x - 64.0).abs() < 1e-4 && (y - 45.0).abs() < 1e-4, "{x} {y}");
        let squashed = Fit::Squash.resized(photo, Padded(128));
        assert_eq!(PhotoPoint([200.0, 140.0]).resized(photo, squashed), ResizedPoint([128.0, 128.0]));
    }

    #[test]
    fn the_thinnest_photo_is_a_pixel_wide_at_least() {
        assert_eq!(Fit::LongSide.resized(Photo([1, 100_000]), Padded(1024)), Resized([1, 1024]));
        assert_eq!(Fit::LongSide.resized(Photo([1500, 2250]), Padded(1024)), Resized([683, 1024]));
    }
}
