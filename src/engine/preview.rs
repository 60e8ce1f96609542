//! A small picture of what a latent stands for, without running the decoder: a linear map from latent to colour.

use burn::tensor::Tensor;
use image::{Rgb, RgbImage};

use super::models::Models;
use super::pictures::{host, to_byte, to_tensor};

/// The factors for Stable Diffusion 1.x's autoencoder, as widely used: one row a latent channel, to -1..1.
const STABLE_DIFFUSION: [[f32; 3]; 4] =
    [[0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177]];

/// `colour = latent · matrix + bias`
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    matrix: Vec<[f32; 3]>,
    bias: [f32; 3],
}

impl Preview {
    /// Known factors where the autoencoder is Stable Diffusion's, else a least-squares fit to what the model's own
    /// decoder makes of a picture's latent.
    pub fn of(models: &Models, picture: &RgbImage) -> Self {
        let config = &models.vae.config;
        if config.latent_channels == 4 && (config.scaling_factor - 0.18215).abs() < 1e-6 {
            return Self { matrix: STABLE_DIFFUSION.to_vec(), bias: [0.0; 3] };
        }
        let latent = models.vae.encode_scaled(to_tensor(picture, &models.device));
        let [_, channels, height, width] = latent.dims();
        let factor = config.factor();
        let decoded = models.vae.decode_scaled(latent.clone()).clamp(-1.0, 1.0);
        let blocks =
            decoded.reshape([3 * height, factor, width, factor]).mean_dim(3).mean_dim(1).reshape([3, height * width]);
        fit(&host(latent), channels, &host(blocks))
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
}
