//! DDIM inversion: a picture's latent at every timestep that the sampling visits.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::cache::Cache;
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
    use super::*;

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
