//! Maps and masks as pictures, the same in every export.

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::whole::Trouble;
use crate::engine::masks::{Mask, resize_antialiased};
use crate::link::{AttentionView, ClusterView, Lane};

/// Colours of self-attention clusters, which people with colour-blindness can tell apart too (Okabe and Ito).
pub const CLUSTERS: [[u8; 3]; 8] = [
    [86, 180, 233],
    [0, 158, 115],
    [230, 159, 0],
    [204, 121, 167],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [153, 153, 153],
];

/// The most letters of a concept's name in a file's name: four bytes each, they leave room in the 255 that a file
/// system takes.
const LETTERS: usize = 40;

/// A part of a file name that every file system takes: letters and digits, `_` for all else.
pub fn plain(name: &str) -> String {
    name.chars().take(LETTERS).map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

/// A lane as a part of a file name.
pub fn lane_name(lane: &Lane) -> String {
    match lane {
        Lane::Base => "base".into(),
        Lane::Concept(name) => plain(name),
        Lane::Reference => "reference".into(),
    }
}

/// White where the mask is on, one pixel a cell.
pub fn mask_picture(mask: &Mask) -> GrayImage {
    GrayImage::from_fn(mask.width as u32, mask.height as u32, |x, y| {
        Luma([if is_on(mask, x as usize, y as usize) { 255 } else { 0 }])
    })
}

/// Each cluster in its colour, one pixel a cell.
pub fn cluster_picture(view: &ClusterView) -> RgbImage {
    let (height, width) = view.grid;
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let label = view.labels.get(y as usize * width + x as usize).copied().unwrap_or(0);
        Rgb(CLUSTERS[label as usize % CLUSTERS.len()])
    })
}

/// A cross-attention map in grey, one pixel a cell.
pub fn attention_picture(view: &AttentionView) -> GrayImage {
    let (height, width) = view.grid;
    GrayImage::from_fn(width as u32, height as u32, |x, y| {
        let value = view.values.get(y as usize * width + x as usize).copied().unwrap_or(0.0);
        // The cast saturates, and takes NaN to 0.
        Luma([(value * 255.0).round() as u8])
    })
}

/// A cross-attention map of width and height `size`, in colours; interpolated where `smooth`, in squares where not.
pub(super) fn attention_colored(
    view: &AttentionView,
    size: (u32, u32),
    smooth: bool,
    color_map: &dyn Fn(f32) -> [u8; 3],
) -> RgbImage {
    let (width, height) = size;
    let color = |value: f32| Rgb(color_map(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }));
    if smooth {
        let values = resize_antialiased(&view.values, view.grid, (height as usize, width as usize));
        let at = |x: u32, y: u32| values.get(y as usize * width as usize + x as usize).copied().unwrap_or(0.0);
        return RgbImage::from_fn(width, height, |x, y| color(at(x, y)));
    }
    let (rows, columns) = view.grid;
    RgbImage::from_fn(width, height, |x, y| {
        let cell = nearest(y, height, rows) * columns + nearest(x, width, columns);
        color(view.values.get(cell).copied().unwrap_or(0.0))
    })
}

/// A mask of width and height `size`, in squares.
pub(super) fn mask_sized(mask: &Mask, (width, height): (u32, u32)) -> Mask {
    Mask::from_fn(height as usize, width as usize, |y, x| {
        is_on(mask, nearest(x as u32, width, mask.width), nearest(y as u32, height, mask.height))
    })
}

/// Whether a cell is on; those outside are not.
pub(super) fn is_on(mask: &Mask, x: usize, y: usize) -> bool {
    x < mask.width && y < mask.height && mask.on.get(y * mask.width + x).copied().unwrap_or(false)
}

/// The cell under the middle of a pixel.
fn nearest(at: u32, pixels: u32, cells: usize) -> usize {
    ((u64::from(at) * 2 + 1) * cells as u64 / (u64::from(pixels) * 2).max(1)) as usize
}

/// A picture of width and height `size`, interpolated.
pub(super) fn scaled(picture: &RgbImage, size: (u32, u32)) -> RgbImage {
    match picture.dimensions() == size {
        true => picture.clone(),
        false => imageops::resize(picture, size.0, size.1, FilterType::CatmullRom),
    }
}

/// A picture of width and height `size`, in squares.
pub(super) fn in_squares(picture: &RgbImage, size: (u32, u32)) -> RgbImage {
    imageops::resize(picture, size.0, size.1, FilterType::Nearest)
}

/// Writes an RGB PNG.
pub(super) fn write_rgb(picture: &RgbImage, out: &mut dyn std::io::Write) -> Result<(), Trouble> {
    Ok(picture.write_with_encoder(image::codecs::png::PngEncoder::new(out))?)
}

/// Writes a grey PNG.
pub(super) fn write_gray(picture: &GrayImage, out: &mut dyn std::io::Write) -> Result<(), Trouble> {
    Ok(picture.write_with_encoder(image::codecs::png::PngEncoder::new(out))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: Vec<f32>) -> AttentionView {
        AttentionView { lane: Lane::Base, picture: 0, word: String::new(), grid: (1, 2), values, range: (0.0, 1.0) }
    }

    #[test]
    fn names_keep_letters_of_every_script_and_lose_what_a_path_could_mean() {
        assert_eq!(plain("Tom & Jerry/../x"), "Tom___Jerry____x");
        assert_eq!(plain("猫é9"), "猫é9");
        assert_eq!(plain(&"x".repeat(500)).len(), 40);
        assert_eq!(lane_name(&Lane::Concept("a b".into())), "a_b");
    }

    #[test]
    fn a_cell_becomes_a_square_of_its_colour() {
        let picture = attention_colored(&map(vec![0.0, 1.0]), (4, 2), false, &|value| [(value * 200.0) as u8, 0, 7]);
        let row: Vec<u8> = picture.rows().next().unwrap().map(|pixel| pixel.0[0]).collect();
        assert_eq!(row, [0, 0, 200, 200]);
        let smooth = attention_colored(&map(vec![0.0, 1.0]), (4, 2), true, &|value| [(value * 200.0) as u8, 0, 7]);
        let row: Vec<u8> = smooth.rows().next().unwrap().map(|pixel| pixel.0[0]).collect();
        assert_eq!(row, [0, 50, 150, 200]);
    }

    #[test]
    fn torn_maps_and_numbers_that_are_none_are_drawn_as_nothing() {
        let ramp = |value: f32| [(value * 255.0) as u8; 3];
        let picture = attention_colored(&map(vec![f32::NAN]), (2, 1), false, &ramp);
        assert!(picture.pixels().all(|pixel| pixel.0 == [0; 3]));
        assert!(attention_picture(&map(vec![f32::NAN])).pixels().all(|pixel| pixel.0 == [0]));
        let torn = ClusterView { lane: Lane::Base, picture: 0, grid: (2, 2), labels: vec![9] };
        assert_eq!(cluster_picture(&torn).get_pixel(0, 0).0, CLUSTERS[1]);
        assert_eq!(cluster_picture(&torn).get_pixel(1, 1).0, CLUSTERS[0]);
    }

    #[test]
    fn a_mask_grows_in_squares_whatever_the_ratio() {
        let mask = Mask { height: 1, width: 3, on: vec![true, false, true] };
        let grown = mask_sized(&mask, (7, 1));
        assert_eq!(grown.on, [true, true, false, false, false, true, true]);
        let white: Vec<u8> = mask_picture(&mask).pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(white, [255, 0, 255]);
    }
}
