//! Which piece of a photo a render sees: a crop of the canvas's shape around what is to change, so large that the subject
//! has the size on the canvas that models draw best, and always inside the photo.

use super::Crop;

/// How much of the crop's side one subject takes, by the side that takes more of it: a quarter of the area of a subject as
/// wide as high.
const ONE: f64 = 0.5;
/// How much of the crop's side all subjects of one crop may take together.
const ALL: f64 = 0.75;
/// The least share of the crop's side that a subject has which shares it with others; farther apart they get a crop each.
const LEAST: f64 = 0.25;
/// The least side of a crop, as a share of the canvas's: a subject of a few pixels gains nothing from being enlarged more.
const ENLARGED: f64 = 0.25;

/// Subjects that are rendered in one crop.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Which of the given boxes, in their order.
    pub boxes: Vec<usize>,
    /// What the render sees.
    pub crop: Crop,
}

/// The crop around subjects that are rendered together; each box holds one. None where the photo is too small for any crop
/// of the canvas's exact shape, or there is no subject: then the whole photo has to be fitted to the canvas.
///
/// Where the photo is smaller than what is wished, the largest crop that it has, as near to the subjects as the border
/// lets it: it may then not hold all of them ([`Crop::contains`]).
pub fn crop(boxes: &[Crop], photo: (u32, u32), canvas: (u32, u32)) -> Option<Crop> {
    let all = boxes.iter().copied().reduce(|all, next| all.with(&next))?;
    let divisor = gcd(canvas.0, canvas.1);
    if divisor == 0 {
        return None;
    }
    // The canvas's shape in the smallest whole numbers; every crop is a multiple of it.
    let unit = (canvas.0 / divisor, canvas.1 / divisor);
    let most = (photo.0 / unit.0).min(photo.1 / unit.1);
    if most == 0 {
        return None;
    }
    let span = |of: &Crop| (f64::from(of.width) / f64::from(unit.0)).max(f64::from(of.height) / f64::from(unit.1));
    let largest = boxes.iter().map(span).fold(0.0, f64::max);
    let wished = (largest / ONE).max(span(&all) / ALL).max(f64::from(divisor) * ENLARGED);
    // The cast saturates.
    let times = (wished.ceil() as u32).clamp(1, most);
    let (width, height) = (unit.0 * times, unit.1 * times);
    Some(Crop {
        x: place(all.x, all.width, width, photo.0),
        y: place(all.y, all.height, height, photo.1),
        width,
        height,
    })
}

/// Where a crop of this length begins, its middle on that of what it is around, moved to lie inside.
fn place(from: u32, length: u32, crop: u32, photo: u32) -> u32 {
    let middle = u64::from(from) * 2 + u64::from(length);
    let begin = middle.saturating_sub(u64::from(crop)) / 2;
    // Fits: it is at most the photo's side.
    begin.min(u64::from(photo.saturating_sub(crop))) as u32
}

/// Shares subjects out to crops: those that stand near each other are rendered together, in the order of the first of each.
/// Empty where [`crop`] has none.
pub fn groups(boxes: &[Crop], photo: (u32, u32), canvas: (u32, u32)) -> Vec<Group> {
    let one = |boxes: Vec<usize>, of: &[Crop]| Some(Group { crop: crop(of, photo, canvas)?, boxes });
    let mut groups: Vec<Group> =
        boxes.iter().enumerate().filter_map(|(index, of)| one(vec![index], std::slice::from_ref(of))).collect();
    let of =
        |indices: &[usize]| -> Vec<Crop> { indices.iter().filter_map(|index| boxes.get(*index)).copied().collect() };
    'again: loop {
        for first in 0..groups.len() {
            for second in first + 1..groups.len() {
                let mut both = [groups[first].boxes.as_slice(), groups[second].boxes.as_slice()].concat();
                both.sort_unstable();
                let members = of(&both);
                let Some(joined) = crop(&members, photo, canvas) else { continue };
                if members.iter().all(|member| joined.contains(member) && is_large_enough(member, &joined, canvas)) {
                    groups[first] = Group { boxes: both, crop: joined };
                    groups.remove(second);
                    continue 'again;
                }
            }
        }
        return groups;
    }
}

/// Whether a subject is large enough in a crop that it shares; one that is small in its own crop too, because the photo
/// is, loses nothing.
fn is_large_enough(subject: &Crop, crop: &Crop, canvas: (u32, u32)) -> bool {
    let share = |crop: &Crop| {
        let across = f64::from(subject.width) / f64::from(crop.width.max(1));
        across.max(f64::from(subject.height) / f64::from(crop.height.max(1)))
    };
    // Smaller crops would only enlarge what the photo does not have.
    share(crop) >= LEAST || (crop.width <= canvas.0 / 2 && crop.height <= canvas.1 / 2)
}

/// The box around what is inside (above 127) of a mask, given by its rows; None where nothing is.
pub fn bounds(mask: &image::GrayImage) -> Option<Crop> {
    let inside = mask.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > 127);
    inside.fold(None, |bounds: Option<Crop>, (x, y, _)| {
        let here = Crop { x, y, width: 1, height: 1 };
        Some(bounds.map_or(here, |bounds| bounds.with(&here)))
    })
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn at(x: u32, y: u32, width: u32, height: u32) -> Crop {
        Crop { x, y, width, height }
    }

    #[test]
    fn a_subject_fills_half_the_side_of_its_crop_which_lies_around_its_middle() {
        let crop = crop(&[at(1000, 800, 400, 300)], (4000, 3000), (512, 512));
        assert_eq!(crop, Some(at(800, 550, 800, 800)));
    }

    #[test]
    fn every_crop_is_inside_the_photo_and_of_the_canvas_s_exact_shape_and_holds_what_it_can() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sizes = [0; 2];
        for _ in 0..20_000 {
            let photo = (rng.random_range(1..5000), rng.random_range(1..5000));
            let canvas = (64 * rng.random_range(1..=16), 64 * rng.random_range(1..=16));
            let (x, y) = (rng.random_range(0..photo.0), rng.random_range(0..photo.1));
            let subject = at(x, y, rng.random_range(1..=photo.0 - x), rng.random_range(1..=photo.1 - y));
            let Some(found) = crop(&[subject], photo, canvas) else { continue };
            assert!(found.is_inside(photo), "{found:?} of {photo:?}");
            assert_eq!(
                u64::from(found.width) * u64::from(canvas.1),
                u64::from(found.height) * u64::from(canvas.0),
                "{found:?} for {canvas:?}"
            );
            let share = (f64::from(subject.width) / f64::from(found.width))
                .max(f64::from(subject.height) / f64::from(found.height));
            let is_largest =
                crop(&[at(0, 0, photo.0, photo.1)], photo, canvas).is_some_and(|most| most.width == found.width);
            assert!(share <= 0.5001 || is_largest, "{share} of {found:?} in {photo:?}");
            assert!(found.contains(&subject) || is_largest);
            sizes[usize::from(is_largest)] += 1;
        }
        assert!(sizes.iter().all(|count| *count > 1000), "{sizes:?}");
    }

    #[test]
    fn a_subject_at_the_border_has_a_crop_that_ends_there() {
        assert_eq!(crop(&[at(3900, 2900, 100, 100)], (4000, 3000), (512, 512)), Some(at(3800, 2800, 200, 200)));
        assert_eq!(crop(&[at(0, 0, 1, 1)], (4000, 3000), (512, 512)), Some(at(0, 0, 128, 128)));
    }

    #[test]
    fn a_photo_that_is_smaller_than_what_is_wished_gives_all_it_has_and_one_too_small_for_the_shape_gives_nothing() {
        assert_eq!(crop(&[at(0, 0, 300, 200)], (300, 200), (512, 512)), Some(at(50, 0, 200, 200)));
        assert_eq!(crop(&[at(0, 0, 3, 2)], (3, 2), (576, 512)), None);
        assert_eq!(crop(&[], (300, 200), (512, 512)), None);
        assert_eq!(crop(&[at(0, 0, 3, 2)], (3, 2), (0, 0)), None);
    }

    #[test]
    fn subjects_beside_each_other_share_a_crop_and_those_far_apart_get_one_each() {
        let (photo, canvas) = ((4000, 3000), (512, 512));
        let near = groups(&[at(1000, 1000, 300, 300), at(1400, 1000, 300, 300)], photo, canvas);
        assert_eq!(near.len(), 1);
        assert_eq!(near[0].boxes, [0, 1]);
        assert!(near[0].crop.contains(&at(1000, 1000, 700, 300)));
        let far = groups(&[at(100, 100, 300, 300), at(3000, 2000, 300, 300), at(450, 100, 300, 300)], photo, canvas);
        let boxes: Vec<&[usize]> = far.iter().map(|group| group.boxes.as_slice()).collect();
        assert_eq!(boxes, [[0, 2].as_slice(), &[1]]);
        assert!(groups(&[at(0, 0, 1, 1)], (3, 2), (576, 512)).is_empty());
    }

    #[test]
    fn the_bounds_of_a_mask_are_those_of_what_is_inside() {
        let mut mask = image::GrayImage::new(20, 10);
        assert_eq!(bounds(&mask), None);
        mask.put_pixel(19, 9, image::Luma([128]));
        mask.put_pixel(3, 4, image::Luma([127]));
        assert_eq!(bounds(&mask), Some(at(19, 9, 1, 1)));
        mask.put_pixel(3, 4, image::Luma([255]));
        assert_eq!(bounds(&mask), Some(at(3, 4, 17, 6)));
    }
}
