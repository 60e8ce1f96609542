//! How much of a photo changes where none of the concepts that were placed into it stands.
//!
//! | metric | what it is | best | worst |
//! |---|---|---|---|
//! | background | mean absolute difference from the photo as it was, in levels of a channel, of the photo that comes out | 0 | 255 |
//! | background touched | the share of pixels with a channel that differs by more than [`LEVELS`], likewise | 0 | 1 |
//! | background unpasted | as background, of the render before it is put back into the photo | 0 | 255 |
//!
//! Looked at is the piece of the photo that the canvas shows, at the canvas's size, outside of the subjects' masks. Putting back
//! leaves every pixel beyond the feathered edit mask as it is, so over all of a photo the number would say how large the photo
//! is, and over the mask alone nothing of methods that put nothing back; the piece goes by the subjects' size. What counts in it
//! is the ring that a subject has for its new shape and that it fades in: what stood there, and what a subject has beyond its
//! mask, for all methods alike.
//!
//! The third number is what remains of the photo in the picture of the model itself: an autoencoder's copy of it, with whatever
//! the choice of latents behind it does. It is all that there is where nothing is put back, and then the first is the same.

use image::{GrayImage, RgbImage};
use serde::{Deserialize, Serialize};

/// By more than this a channel differs visibly, in levels of 0..255: a JPEG of a good quality differs by less.
pub const LEVELS: u8 = 8;

/// What became of a photo outside of its new subjects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// In the photo that comes out.
    pub finished: Change,
    /// In the render, before it is put back.
    pub rendered: Change,
}

/// How far two pictures differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Mean absolute difference of all channels, 0..255.
    pub apart: f64,
    /// The share of pixels one of whose channels differs by more than [`LEVELS`], 0..1.
    pub touched: f64,
}

impl Change {
    /// Of two pictures, outside of what is inside (above 127) any of the masks; nothing where that is everywhere.
    ///
    /// # Errors
    /// In words, where sizes differ.
    pub fn outside(masks: &[&GrayImage], before: &RgbImage, after: &RgbImage) -> Result<Self, String> {
        let size = before.dimensions();
        if let Some((width, height)) = std::iter::once(after.dimensions())
            .chain(masks.iter().map(|mask| mask.dimensions()))
            .find(|other| *other != size)
        {
            return Err(format!(
                "{width} x {height} pixels cannot be compared with {} x {} of a photo",
                size.0, size.1
            ));
        }
        let (mut sum, mut touched, mut count) = (0_u64, 0_u64, 0_u64);
        for (at, (before, after)) in before.pixels().zip(after.pixels()).enumerate() {
            if masks.iter().any(|mask| mask.as_raw()[at] > 127) {
                continue;
            }
            let apart = [0, 1, 2].map(|channel: usize| before.0[channel].abs_diff(after.0[channel]));
            sum += apart.iter().map(|levels| u64::from(*levels)).sum::<u64>();
            touched += u64::from(apart.iter().any(|levels| *levels > LEVELS));
            count += 1;
        }
        let of = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
        Ok(Self { apart: of(sum, 3 * count), touched: of(touched, count) })
    }
}

/// A metric of what is placed into photos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the table above says what each is")]
pub enum BackgroundMetric {
    Apart,
    Touched,
    Unpasted,
}

impl BackgroundMetric {
    /// All of them, in the order of the report; less of each is better.
    pub const ALL: [Self; 3] = [Self::Apart, Self::Touched, Self::Unpasted];

    /// The one that decides, named beforehand.
    pub const PRIMARY: Self = Self::Apart;

    /// What the report calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Apart => "background",
            Self::Touched => "background touched",
            Self::Unpasted => "background unpasted",
        }
    }

    /// Of a picture that could not be made.
    pub fn worst(self) -> f64 {
        match self {
            Self::Apart | Self::Unpasted => 255.0,
            Self::Touched => 1.0,
        }
    }

    /// Its value: levels of 0..255, or a share of 0..1.
    pub fn of(self, background: &Background) -> f64 {
        match self {
            Self::Apart => background.finished.apart,
            Self::Touched => background.finished.touched,
            Self::Unpasted => background.rendered.apart,
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    /// A photo of 20 x 10 pixels.
    fn photo() -> RgbImage {
        RgbImage::from_fn(20, 10, |x, y| Rgb([(x * 9) as u8, (y * 20) as u8, 128]))
    }

    /// A subject of 8 x 10 pixels, with its soft edge outside.
    fn subject() -> GrayImage {
        GrayImage::from_fn(20, 10, |x, _| Luma([if x < 8 { 255 } else { 127 }]))
    }

    fn changed(by: impl Fn(u32, u32) -> u8) -> RgbImage {
        let mut picture = photo();
        picture.enumerate_pixels_mut().for_each(|(x, y, pixel)| pixel.0[2] += by(x, y));
        picture
    }

    fn change(after: &RgbImage) -> Change {
        Change::outside(&[&subject()], &photo(), after).unwrap()
    }

    #[test]
    fn a_photo_as_it_was_has_not_changed_at_all() {
        assert_eq!(change(&photo()), Change { apart: 0.0, touched: 0.0 });
    }

    #[test]
    fn what_changes_in_the_ring_counts_by_its_levels_and_its_share() {
        // Of 120 pixels outside, 20 differ by 30 of one channel.
        let ring = change(&changed(|x, _| if (8..10).contains(&x) { 30 } else { 0 }));
        assert!((ring.apart - 30.0 * 20.0 / 360.0).abs() < 1e-12 && (ring.touched - 20.0 / 120.0).abs() < 1e-12);
        // As far as nobody sees it, it is no touch.
        let faint = change(&changed(|x, _| if x >= 8 { LEVELS } else { 0 }));
        assert_eq!(faint, Change { apart: f64::from(LEVELS) / 3.0, touched: 0.0 });
        let seen = change(&changed(|x, _| if x >= 8 { LEVELS + 1 } else { 0 }));
        assert_eq!(seen, Change { apart: f64::from(LEVELS + 1) / 3.0, touched: 1.0 });
    }

    #[test]
    fn what_changes_in_a_subject_does_not_count() {
        assert_eq!(change(&changed(|x, _| if x < 8 { 90 } else { 0 })), Change { apart: 0.0, touched: 0.0 });
        let all = GrayImage::from_pixel(20, 10, Luma([255]));
        let nowhere = Change::outside(&[&all], &photo(), &changed(|_, _| 90)).unwrap();
        assert_eq!(nowhere, Change { apart: 0.0, touched: 0.0 });
        let both = Change::outside(&[&subject(), &all], &photo(), &changed(|_, _| 90)).unwrap();
        assert_eq!(both, nowhere);
    }

    #[test]
    fn other_sizes_are_refused_in_words() {
        let words = Change::outside(&[], &photo(), &RgbImage::new(5, 4)).unwrap_err();
        assert!(words.contains("5 x 4") && words.contains("20 x 10"), "{words}");
        let words = Change::outside(&[&GrayImage::new(3, 3)], &photo(), &photo()).unwrap_err();
        assert!(words.contains("3 x 3"), "{words}");
    }

    #[test]
    fn a_metric_is_one_of_the_numbers_and_its_worst_is_as_bad_as_it_can_be() {
        let of = |apart, touched| Change { apart, touched };
        let background = Background { finished: of(1.5, 0.25), rendered: of(4.0, 0.75) };
        assert_eq!(BackgroundMetric::ALL.map(|metric| metric.of(&background)), [1.5, 0.25, 4.0]);
        let black = RgbImage::new(20, 10);
        let white = RgbImage::from_pixel(20, 10, Rgb([255; 3]));
        let most = Change::outside(&[], &black, &white).unwrap();
        let most = Background { finished: most, rendered: most };
        assert!(BackgroundMetric::ALL.iter().all(|metric| metric.of(&most) == metric.worst()));
    }
}
