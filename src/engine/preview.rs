//! A small picture of what a latent stands for, without running the decoder: a linear map from latent to colour.

use burn::tensor::Tensor;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::models::Models;
use super::pictures::{host, to_byte, to_tensor};

/// The factors for Stable Diffusion 1.x's autoencoder, as widely used: one row a latent channel, to -1..1.
const STABLE_DIFFUSION: [[f32; 3]; 4] =
    [[0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177]];

/// The side that is enough of a picture to fit colours to, in pixels.
const FITTED_SIDE: u32 = 128;

/// The ways in which a picture is recoloured to fit colours that are not in it: its channels in three orders, and the
/// complements of those.
const RECOLOURED: [fn(&RgbImage) -> RgbImage; 6] = [
    |picture| recoloured(picture, |[r, g, b]| [r, g, b]),
    |picture| recoloured(picture, |[r, g, b]| [g, b, r]),
    |picture| recoloured(picture, |[r, g, b]| [b, r, g]),
    |picture| recoloured(picture, |[r, g, b]| [255 - r, 255 - g, 255 - b]),
    |picture| recoloured(picture, |[r, g, b]| [255 - g, 255 - b, 255 - r]),
    |picture| recoloured(picture, |[r, g, b]| [255 - b, 255 - r, 255 - g]),
];

fn recoloured(picture: &RgbImage, colour: impl Fn([u8; 3]) -> [u8; 3]) -> RgbImage {
    let mut picture = picture.clone();
    picture.pixels_mut().for_each(|pixel| pixel.0 = colour(pixel.0));
    picture
}

/// The picture, no larger than is enough to fit colours to, in whole cells of the latent.
fn shrunk(picture: &RgbImage, factor: u32) -> RgbImage {
    let longest = picture.width().max(picture.height()).max(1);
    let side = |length: u32| ((length * FITTED_SIDE.min(longest) / longest) / factor).max(1) * factor;
    shrink_to(picture, side(picture.width()), side(picture.height()))
}

fn shrink_to(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    imageops::resize(picture, width, height, FilterType::Triangle)
}

/// `colour = latent · matrix + bias`
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    matrix: Vec<[f32; 3]>,
    bias: [f32; 3],
}

impl Preview {
    /// Known factors where the autoencoder is Stable Diffusion's, else a least-squares fit to how the model's own encoder
    /// sees a picture in [`RECOLOURED`] ways. The picture alone would not do: a concept's colours are seldom in it, and
    /// what a fit has not seen it gets wrong.
    pub fn of(models: &Models, picture: &RgbImage) -> Self {
        let config = &models.vae.config;
        if config.latent_channels == 4 && (config.scaling_factor - 0.18215).abs() < 1e-6 {
            return Self { matrix: STABLE_DIFFUSION.to_vec(), bias: [0.0; 3] };
        }
        let small = shrunk(picture, config.factor() as u32);
        Self::fitted(models, &RECOLOURED.map(|recolour| recolour(&small)))
    }

    /// The fit to what the model's encoder makes of these pictures.
    fn fitted(models: &Models, pictures: &[RgbImage]) -> Self {
        let (factor, channels) = (models.vae.config.factor() as u32, models.vae.config.latent_channels);
        let (mut latents, mut colours) = (vec![Vec::new(); channels], vec![Vec::new(); 3]);
        for picture in pictures {
            let latent = host(models.vae.encode_scaled(to_tensor(picture, &models.device)));
            let plane = (latent.len() / channels).max(1);
            latents.iter_mut().zip(latent.chunks(plane)).for_each(|(all, one)| all.extend_from_slice(one));
            let means = shrink_to(picture, picture.width() / factor, picture.height() / factor);
            for (channel, all) in colours.iter_mut().enumerate() {
                all.extend(means.pixels().map(|pixel| f32::from(pixel.0[channel]) / 127.5 - 1.0));
            }
        }
        fit(&latents.concat(), channels, &colours.concat())
    }

    /// One picture a row, a pixel a latent cell.
    ///
    /// # Shapes
    /// `[rows, channels, h, w]`
    pub fn see(&self, latents: Tensor<4>) -> Vec<RgbImage> {
        let [rows, channels, height, width] = latents.dims();
        let values = host(latents);
        let plane = height * width;
        let colour = |row: usize, cell: usize| {
            let mut sum = self.bias;
            for (channel, factors) in self.matrix.iter().enumerate().take(channels) {
                let value = values[(row * channels + channel) * plane + cell];
                sum.iter_mut().zip(factors).for_each(|(sum, factor)| *sum += value * factor);
            }
            Rgb(sum.map(to_byte))
        };
        let picture =
            |row| RgbImage::from_fn(width as u32, height as u32, |x, y| colour(row, y as usize * width + x as usize));
        (0..rows).map(picture).collect()
    }
}

/// Least squares with a little ridge, so that a picture of one colour has a solution too.
fn fit(latent: &[f32], channels: usize, colours: &[f32]) -> Preview {
    let plane = colours.len() / 3;
    let size = channels + 1;
    let feature =
        |cell: usize, index: usize| if index == channels { 1.0 } else { f64::from(latent[index * plane + cell]) };
    let mut normal = vec![vec![0.0; size + 3]; size];
    for cell in 0..plane {
        for (row, equation) in normal.iter_mut().enumerate() {
            let left = feature(cell, row);
            for (column, sum) in equation.iter_mut().enumerate() {
                let right = if column < size {
                    feature(cell, column)
                } else {
                    f64::from(colours[(column - size) * plane + cell])
                };
                *sum += left * right;
            }
        }
    }
    for (index, equation) in normal.iter_mut().enumerate() {
        equation[index] += 1e-3 * plane as f64;
    }
    let solved = solve(normal, size);
    let row = |index: usize| [0, 1, 2].map(|colour| solved[index][colour] as f32);
    Preview { matrix: (0..channels).map(row).collect(), bias: row(channels) }
}

/// Gauss-Jordan on a positive definite system with three right-hand sides; the ridge keeps every pivot above zero.
fn solve(mut rows: Vec<Vec<f64>>, size: usize) -> Vec<[f64; 3]> {
    for pivot in 0..size {
        let scale = rows[pivot][pivot];
        rows[pivot].iter_mut().for_each(|value| *value /= scale);
        let current = rows[pivot].clone();
        for (_, other) in rows.iter_mut().enumerate().filter(|(index, _)| *index != pivot) {
            let factor = other[pivot];
            other.iter_mut().zip(&current).for_each(|(value, base)| *value -= factor * base);
        }
    }
    rows.iter().map(|row| [row[size], row[size + 1], row[size + 2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::device::{DeviceChoice, open};
    use crate::engine::weights::ModelFiles;

    #[test]
    fn a_linear_relation_is_found_again() {
        let latent: Vec<f32> = (0..200).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
        let colour = |factor: f32| (0..100).map(move |i| (i, factor)).collect::<Vec<_>>();
        let colours: Vec<f32> = [0.5, -0.25, 0.1]
            .into_iter()
            .flat_map(colour)
            .map(|(i, f)| latent[i] * f + latent[100 + i] * 0.2 + 0.05)
            .collect();
        let preview = fit(&latent, 2, &colours);
        assert!((preview.matrix[0][0] - 0.5).abs() < 0.01 && (preview.matrix[1][2] - 0.2).abs() < 0.01);
        assert!((preview.bias[1] - 0.05).abs() < 0.01);
    }

    #[test]
    fn one_flat_colour_has_a_finite_answer() {
        let preview = fit(&[0.3; 64], 4, &[0.5; 48]);
        assert!(preview.matrix.iter().flatten().chain(&preview.bias).all(|value| value.is_finite()));
    }

    #[test]
    fn the_miniature_s_preview_knows_colours_that_the_reference_does_not_show() {
        let device = open(DeviceChoice::Flex).unwrap().device;
        let models = Models::load(&ModelFiles::BuiltIn, &device, &mut |_| Ok(())).unwrap();
        let built_in = |name: &str| image::load_from_memory(crate::assets::find(name).unwrap()).unwrap().to_rgb8();
        let factor = models.vae.config.factor() as u32;
        let scene = built_in("scenes/beach.png");
        let (preview, alone) = (Preview::of(&models, &scene), Preview::fitted(&models, &[shrunk(&scene, factor)]));
        for concept in ["mint_cat", "plum_dog", "coral_bear", "lime_robot"] {
            let photo = built_in(&format!("miniature/concepts/{concept}.png"));
            let latent = models.vae.encode_scaled(to_tensor(&photo, &device));
            let truth = shrink_to(&photo, photo.width() / factor, photo.height() / factor);
            let error = |preview: &Preview| {
                let seen = &preview.see(latent.clone())[0];
                let squares = seen.iter().zip(truth.iter()).map(|(a, b)| (f32::from(*a) - f32::from(*b)).powi(2));
                (squares.sum::<f32>() / truth.len() as f32).sqrt()
            };
            let (error, before) = (error(&preview), error(&alone));
            println!("{concept}: {error} of 255, {before} by the picture alone");
            assert!(error < 35.0 && error < 0.9 * before, "{concept}: {error} of 255, {before} by the picture alone");
        }
    }
}
