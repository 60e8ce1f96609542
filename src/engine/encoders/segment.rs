//! A part of a picture as a picture of its own, as encoders are shown it: the part's box, grey where it is not, and made
//! square, so that nothing of a long part is cut off.

use image::{Rgb, RgbImage};

/// What surrounds a part.
const GREY: Rgb<u8> = Rgb([128; 3]);

/// The pixels that are inside, which are listed row by row; none where there are none.
pub fn cut_out(picture: &RgbImage, inside: impl Fn(u32, u32) -> bool) -> Option<RgbImage> {
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, _) in picture.enumerate_pixels().filter(|(x, y, _)| inside(*x, *y)) {
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x), bottom.max(y));
    }
    if left > right {
        return None;
    }
    let (width, height) = (right - left + 1, bottom - top + 1);
    let side = width.max(height);
    let mut cut = RgbImage::from_pixel(side, side, GREY);
    let (ahead, above) = ((side - width) / 2, (side - height) / 2);
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        if inside(left + x, top + y) {
            cut.put_pixel(ahead + x, above + y, *picture.get_pixel(left + x, top + y));
        }
    }
    Some(cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_square_about_its_box_and_grey_where_it_is_not() {
        let picture = RgbImage::from_fn(10, 8, |x, y| Rgb([x as u8, y as u8, 7]));
        let part = |x: u32, y: u32| (2..=7).contains(&x) && (3..=4).contains(&y) && (x, y) != (4, 3);
        let cut = cut_out(&picture, part).expect("a part");
        assert_eq!(cut.dimensions(), (6, 6));
        assert_eq!((cut.get_pixel(0, 2).0, cut.get_pixel(5, 3).0), ([2, 3, 7], [7, 4, 7]));
        assert_eq!(
            (cut.get_pixel(2, 2).0, cut.get_pixel(0, 1).0, cut.get_pixel(0, 4).0),
            ([128; 3], [128; 3], [128; 3])
        );
        assert_eq!(cut_out(&picture, |_, _| false), None);
        assert_eq!(cut_out(&picture, |_, _| true).map(|cut| cut.dimensions()), Some((10, 10)));
    }
}
