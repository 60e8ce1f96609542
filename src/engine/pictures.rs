//! Pictures to tensors and back.

use burn::tensor::{Device, Tensor};
use image::RgbImage;

use super::nets::layers::upload;

/// # Shapes
/// A picture of `h` x `w` to `[1, 3, h, w]` in -1..1.
pub fn to_tensor(picture: &RgbImage, device: &Device) -> Tensor<4> {
    let (width, height) = picture.dimensions();
    let channel = |c: usize| picture.pixels().map(move |pixel| f32::from(pixel.0[c]) / 255.0 * 2.0 - 1.0);
    let values = (0..3).flat_map(channel).collect();
    upload(values, [1, 3, height as usize, width as usize], device)
}

/// # Shapes
/// `[rows, 3, h, w]`, clamped to -1..1, to one picture a row.
pub fn from_tensor(pictures: Tensor<4>) -> Vec<RgbImage> {
    let [rows, _, height, width] = pictures.dims();
    let values = host(pictures);
    let plane = height * width;
    let picture = |row: usize| {
        let base = row * 3 * plane;
        RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = base + y as usize * width + x as usize;
            image::Rgb([0, 1, 2].map(|c| to_byte(values[at + c * plane])))
        })
    };
    (0..rows).map(picture).collect()
}

/// -1..1 to 0..255, rounded as diffusers rounds.
pub fn to_byte(value: f32) -> u8 {
    ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8
}

/// The values of a tensor on the host, as f32. Waits for the device.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec::<f32>().unwrap_or_default()
}
