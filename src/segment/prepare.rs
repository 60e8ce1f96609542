//! A photo as numbers that an encoder takes.

use fast_image_resize as fr;
use image::RgbaImage;
use rten::Value;

use super::dialect::{Encoder, Scale};
use super::frames::{Padded, Photo, Resized};

/// Colours' means and deviations over many photos, 0 to 255; all of this family were trained with these.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
const DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];

/// The photo's colours over white, made as large as the encoder takes it: row by row, three bytes a pixel.
fn resized(picture: &RgbaImage, Resized([width, height]): Resized) -> Option<Vec<u8>> {
    // What is transparent is white, as it is where photos are shown.
    let over = |value: u8, share: u8| {
        (u16::from(value) * u16::from(share) + 255 * (255 - u16::from(share))).div_ceil(255) as u8
    };
    let flat: Vec<u8> = picture
        .pixels()
        .flat_map(|pixel| {
            let [r, g, b, a] = pixel.0;
            if a == 255 { [r, g, b] } else { [over(r, a), over(g, a), over(b, a)] }
        })
        .collect();
    if picture.dimensions() == (width, height) {
        return Some(flat);
    }
    let from = fr::images::ImageRef::new(picture.width(), picture.height(), &flat, fr::PixelType::U8x3).ok()?;
    let mut made = fr::images::Image::new(width, height, fr::PixelType::U8x3);
    let options = fr::ResizeOptions::new().resize_alg(fr::ResizeAlg::Convolution(fr::FilterType::Bilinear));
    let mut resizer = fr::Resizer::new();
    resizer.resize_typed::<fr::pixels::U8x3>(&from.typed_image()?, &mut made.typed_image_mut()?, &options).ok()?;
    Some(made.into_vec())
}

/// The photo as the encoder takes it, and the size that it got. `None` where there is no photo at all.
pub fn prepare(picture: &RgbaImage, encoder: &Encoder, side: Padded) -> Option<(Value, Resized)> {
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 {
        return None;
    }
    let size = encoder.fit.resized(Photo([width, height]), side);
    let bytes = resized(picture, size)?;
    let [wide, high] = size.0.map(|length| length as usize);
    let pixels: &[[u8; 3]] = bytes.as_chunks().0;
    if encoder.scale == Scale::Bytes {
        let numbers = bytes.iter().map(|byte| f32::from(*byte)).collect();
        return Some((Value::from_shape([high, wide, 3], numbers).ok()?, size));
    }
    let side = side.0 as usize;
    let mut numbers = vec![0.0_f32; 3 * side * side];
    for (channel, plane) in numbers.chunks_exact_mut(side * side).enumerate() {
        for (row, line) in plane.chunks_exact_mut(side).take(high).enumerate() {
            for (number, pixel) in line.iter_mut().zip(&pixels[row * wide..(row + 1) * wide]) {
                let byte = f32::from(pixel[channel]);
                *number = match encoder.scale {
                    Scale::Normal => (byte - MEAN[channel]) / DEVIATION[channel],
                    _ => byte / 255.0,
                };
            }
        }
    }
    Some((Value::from_shape([1, 3, side, side], numbers).ok()?, size))
}

/// The photo in a size of its own: the mean taken off, over the deviation; colour by colour, row by row. `None` where there is no
/// photo at all.
pub fn normal(picture: &RgbaImage, size: Resized) -> Option<Vec<f32>> {
    if picture.width() == 0 || picture.height() == 0 {
        return None;
    }
    let bytes = resized(picture, size)?;
    let pixels: &[[u8; 3]] = bytes.as_chunks().0;
    let plane = |channel: usize| {
        pixels.iter().map(move |pixel| (f32::from(pixel[channel]) - MEAN[channel]) / DEVIATION[channel])
    };
    Some((0..3).flat_map(plane).collect())
}

/// An empty photo of the shape that the encoder takes.
pub fn example(encoder: &Encoder, Padded(side): Padded) -> Option<Value> {
    let side = side as usize;
    let shape: &[usize] = if encoder.scale == Scale::Bytes { &[side, side, 3] } else { &[1, 3, side, side] };
    Value::from_shape(shape, vec![0.0_f32; 3 * side * side]).ok()
}
