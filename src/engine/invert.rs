//! DDIM inversion: a picture's latent at every timestep that the sampling visits.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::cache::Cache;
use super::ddim::Schedule;
use super::error::{EngineError, Result};
use super::models::Models;
use super::nets::attention::Context;
use super::nets::layers::upload;
use super::pictures::host;

/// A picture's inverted latents by timestep, each `[1, channels, h, w]`.
#[derive(Clone, Debug)]
pub struct Trajectory {
    shape: [usize; 4],
    latents: BTreeMap<usize, Vec<f32>>,
}

impl Trajectory {
    /// The latent at a timestep, if the inversion visited it.
    pub fn at(&self, timestep: usize, models: &Models) -> Option<Tensor<4>> {
        self.latents.get(&timestep).map(|values| upload(values.clone(), self.shape, &models.device))
    }

    /// The shape of its latents, `[1, channels, h, w]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// The same picture at some of the timesteps, with the noise that each latent holds made as noise is: of mean 0 around every
    /// cell, and of variance 1 in every channel.
    ///
    /// What an inversion makes of even ground is no noise: it is too smooth, and part of the ground's colour stays in it. Where
    /// fresh noise stands beside it, the network finds the ground more colourful than any picture is, and what is beside it
    /// so much less: on a meadow it turns blue.
    ///
    /// `clean` is the latent that was inverted, `channels · h · w` values.
    #[must_use]
    pub fn evened(&self, clean: &[f32], schedule: &Schedule, timesteps: &[usize]) -> Self {
        let [_, _, height, width] = self.shape;
        let latents = timesteps.iter().filter_map(|timestep| Some((*timestep, self.latents.get(timestep)?)));
        let evened = latents.map(|(timestep, latent)| {
            let mix = schedule.noised(Some(timestep));
            // Never a division by 0: a schedule's first ᾱ is below 1.
            let noise = latent.iter().zip(clean).map(|(latent, clean)| {
                ((f64::from(*latent) - f64::from(*clean) * mix.latent) / mix.noise.max(1e-6)) as f32
            });
            let mut noise: Vec<f32> = noise.collect();
            noise.chunks_exact_mut((height * width).max(1)).for_each(|channel| even(channel, (height, width)));
            let latent = noise
                .iter()
                .zip(clean)
                .map(|(noise, clean)| (f64::from(*clean) * mix.latent + f64::from(*noise) * mix.noise) as f32);
            (timestep, latent.collect())
        });
        Self { shape: self.shape, latents: evened.collect() }
    }
}

/// How far around a cell, in cells, its noise has mean 0: squares of seven, which is what the measurements in ARCHITECTURE.md were
/// made with. The mean of a whole channel is not enough: a picture with two colours has two grounds.
const AROUND: usize = 3;

/// Takes the mean of the values around off each, and brings what is left to variance 1; values that are all alike become 0.
fn even(values: &mut [f32], (height, width): (usize, usize)) {
    let old = values.to_vec();
    let near = |at: usize, count: usize| at.saturating_sub(AROUND)..(at + AROUND + 1).min(count);
    for (at, value) in values.iter_mut().enumerate() {
        let (rows, columns) = (near(at / width, height), near(at % width, width));
        let count = (rows.len() * columns.len()) as f32;
        let sum: f32 = rows.map(|row| old[row * width..][columns.clone()].iter().sum::<f32>()).sum();
        *value -= sum / count;
    }
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
    let scale = if deviation > 1e-6 { 1.0 / deviation } else { 0.0 };
    values.iter_mut().for_each(|value| *value *= scale);
}

/// Which timesteps the inversion visits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Path {
    /// All 999, as the method has it.
    #[default]
    Exact,
    /// Only those that the sampling visits: as many network passes as sampling steps.
    Coarse,
}

/// The timesteps of an inversion, ascending, for a sampling at `sampled` timesteps.
pub fn timesteps(models: &Models, path: Path, sampled: &[usize]) -> Vec<usize> {
    let mut list = match path {
        Path::Exact => models.schedule.timesteps(999),
        Path::Coarse => sampled.to_vec(),
    };
    list.sort_unstable();
    list.dedup();
    list
}

/// What an inversion is of, for the cache: everything that changes its outcome.
pub struct Key<'a> {
    /// The picture's pixels and size.
    pub picture: &'a image::RgbImage,
    /// The prompt's token ids, of all its chunks.
    pub prompt: &'a [u32],
    /// Their weights.
    pub weights: &'a [f32],
    /// The timesteps visited.
    pub timesteps: &'a [usize],
}

impl Key<'_> {
    fn hash(&self, models: &Models) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        // The version of this file's arithmetic; a change of it must not find older results.
        hasher.update(b"podium inversion 2").update(models.fingerprint.as_bytes());
        // What else of the model decides: heads, groups and epsilons, the latent's scale, the noise schedule.
        let configurations = format!(
            "{:?} {:?} {:?} {:?}",
            models.unet.config, models.vae.config, models.text_encoder.config, models.schedule
        );
        hasher.update(configurations.as_bytes());
        for side in [self.picture.width(), self.picture.height()] {
            hasher.update(&side.to_le_bytes());
        }
        hasher.update(self.picture.as_raw());
        for id in self.prompt {
            hasher.update(&id.to_le_bytes());
        }
        // Without weights nothing is added, so that what was kept before there were any is still found.
        if self.weights.iter().any(|weight| *weight != 1.0) {
            hasher.update(b"weights");
            for weight in self.weights {
                hasher.update(&weight.to_le_bytes());
            }
        }
        for timestep in self.timesteps {
            hasher.update(&(*timestep as u64).to_le_bytes());
        }
        hasher.finalize()
    }
}

/// Inverts a latent along `timesteps` (ascending) with a prompt and no guidance scale. `advance` hears of every
/// step `(done, of)` and may stop it by an error.
///
/// # Shapes
/// `latent` `[1, channels, h, w]`, scaled; the context has one row.
///
/// # Errors
/// What `advance` returns.
pub fn invert(
    models: &Models,
    latent: Tensor<4>,
    context: &Context,
    timesteps: &[usize],
    advance: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Trajectory> {
    let mut trajectory = Trajectory { shape: latent.dims(), latents: BTreeMap::new() };
    let mut latent = latent;
    let mut from = None;
    // The very first step starts from the clean latent, which stands at timestep 0.
    let start = Some(0);
    for (index, &to) in timesteps.iter().enumerate() {
        advance(index, timesteps.len())?;
        let predicted = models.unet.predict(latent.clone(), &[to], context, &mut ());
        let noise = models.noise_of(predicted, &latent, to);
        let step = models.schedule.invert(from.or(start), to);
        latent = latent * step.latent + noise * step.noise;
        trajectory.latents.insert(to, host(latent.clone()));
        from = Some(to);
    }
    advance(timesteps.len(), timesteps.len())?;
    Ok(trajectory)
}

/// [`invert`], unless the cache holds the result.
///
/// # Errors
/// What `advance` returns, or that a latent came out as NaN. A cache that cannot be read or written is no error, only slower.
pub fn invert_cached(
    models: &Models,
    cache: &Cache,
    key: &Key<'_>,
    latent: impl FnOnce() -> Tensor<4>,
    context: &Context,
    advance: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<Trajectory> {
    let hash = key.hash(models);
    let factor = models.vae.config.factor();
    let shape = [
        1,
        models.vae.config.latent_channels,
        key.picture.height() as usize / factor,
        key.picture.width() as usize / factor,
    ];
    let size = shape.iter().product::<usize>();
    if let Some(values) = cache.read(&hash, size * key.timesteps.len()) {
        let latents = key.timesteps.iter().copied().zip(values.chunks_exact(size).map(<[f32]>::to_vec)).collect();
        return Ok(Trajectory { shape, latents });
    }
    let trajectory = invert(models, latent(), context, key.timesteps, advance)?;
    // Kept, a bad one would spoil every later render of this layout.
    check_finite(&trajectory)?;
    let values: Vec<f32> = trajectory.latents.values().flatten().copied().collect();
    if let Err(error) = cache.write(&hash, &values) {
        log::warn!("the inversion could not be cached, the next render computes it again: {error}");
    }
    Ok(trajectory)
}

fn check_finite(trajectory: &Trajectory) -> Result<()> {
    match trajectory.latents.iter().find(|(_, values)| values.iter().any(|value| !value.is_finite())) {
        None => Ok(()),
        Some((timestep, _)) => Err(EngineError::Job(format!(
            "inverting the picture gave NaN at timestep {timestep}: the model's weights, or its autoencoder's, are damaged or \
             too large for this precision; choose another model or VAE file"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;
    use crate::engine::ddim::tests::stable_diffusion;

    const SHAPE: [usize; 4] = [1, 2, 24, 32];
    const CELLS: usize = SHAPE[2] * SHAPE[3];

    /// A picture of two grounds, and a trajectory that holds this noise at two timesteps.
    fn with_noise(noise: &[f32]) -> (Vec<f32>, Trajectory) {
        let clean: Vec<f32> = (0..2 * CELLS).map(|at| if at % SHAPE[3] < 16 { 0.9 } else { -1.2 }).collect();
        let latents = [501, 981].map(|timestep| {
            let mix = stable_diffusion().noised(Some(timestep));
            let latent = clean.iter().zip(noise);
            (timestep, latent.map(|(clean, noise)| clean * mix.latent as f32 + noise * mix.noise as f32).collect())
        });
        (clean, Trajectory { shape: SHAPE, latents: BTreeMap::from(latents) })
    }

    /// The noise that a latent holds.
    fn noise_in(latent: &[f32], clean: &[f32], timestep: usize) -> Vec<f32> {
        let mix = stable_diffusion().noised(Some(timestep));
        latent.iter().zip(clean).map(|(z, clean)| (z - clean * mix.latent as f32) / mix.noise as f32).collect()
    }

    fn normal(seed: u64) -> Vec<f32> {
        Distribution::<f32>::sample_iter(StandardNormal, ChaCha8Rng::seed_from_u64(seed)).take(2 * CELLS).collect()
    }

    fn mean(values: impl Iterator<Item = f32> + Clone) -> f32 {
        values.clone().sum::<f32>() / values.count() as f32
    }

    #[test]
    fn an_inversion_s_noise_loses_the_colours_of_the_grounds_and_is_as_strong_as_noise() {
        // As it was measured on a meadow: too weak, and another mean on each ground.
        let noise: Vec<f32> = normal(1)
            .into_iter()
            .enumerate()
            .map(|(at, value)| value * 0.6 + if at % SHAPE[3] < 16 { -0.4 } else { 0.3 })
            .collect();
        let (clean, trajectory) = with_noise(&noise);
        let evened = trajectory.evened(&clean, &stable_diffusion(), &[981, 501, 7]);
        assert_eq!(evened.latents.keys().collect::<Vec<_>>(), [&501, &981], "what was visited, and asked for");
        for (timestep, latent) in &evened.latents {
            let found = noise_in(latent, &clean, *timestep);
            for channel in found.chunks_exact(CELLS) {
                // Away from the line between the grounds, which a square of seven cells sees from three cells off.
                for columns in [0..13, 19..32] {
                    let part = channel.chunks_exact(SHAPE[3]).flat_map(|row| row[columns.clone()].iter().copied());
                    assert!(mean(part.clone()).abs() < 0.06, "at {timestep}: {}", mean(part));
                }
                let square = mean(channel.iter().map(|value| value * value));
                assert!((square - 1.0).abs() < 0.01, "at {timestep}: {square}");
            }
        }
    }

    #[test]
    fn what_is_noise_stays_nearly_as_it_is_and_what_holds_none_becomes_the_picture_alone() {
        let noise = normal(2);
        let (clean, trajectory) = with_noise(&noise);
        let evened = trajectory.evened(&clean, &stable_diffusion(), &[981]);
        let found = noise_in(&evened.latents[&981], &clean, 981);
        let alike = mean(found.iter().zip(&noise).map(|(a, b)| a * b));
        assert!(alike > 0.9, "{alike}");

        let (clean, trajectory) = with_noise(&vec![0.25; 2 * CELLS]);
        let evened = trajectory.evened(&clean, &stable_diffusion(), &[501]);
        assert!(noise_in(&evened.latents[&501], &clean, 501).iter().all(|value| value.abs() < 1e-3));
    }

    #[test]
    fn a_trajectory_that_left_the_numbers_is_refused_with_the_timestep() {
        let latents = |second: f32| BTreeMap::from([(1, vec![0.5, -2.0]), (501, vec![0.0, second])]);
        let trajectory = |second| Trajectory { shape: [1, 1, 1, 2], latents: latents(second) };
        assert!(check_finite(&trajectory(3.0)).is_ok());
        for bad in [f32::NAN, f32::INFINITY] {
            let error = check_finite(&trajectory(bad)).unwrap_err().to_string();
            assert!(error.contains("timestep 501"), "{error}");
        }
    }
}
