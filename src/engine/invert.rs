//! DDIM inversion: a picture's latent at every timestep that the sampling visits.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::cache::Cache;
use super::error::Result;
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
    /// The prompt's token ids.
    pub prompt: &'a [u32],
    /// The timesteps visited.
    pub timesteps: &'a [usize],
}

impl Key<'_> {
    fn hash(&self, models: &Models) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        // The version of this file's arithmetic; a change of it must not find older results.
        hasher.update(b"podium inversion 1").update(models.fingerprint.as_bytes());
        for side in [self.picture.width(), self.picture.height()] {
            hasher.update(&side.to_le_bytes());
        }
        hasher.update(self.picture.as_raw());
        for id in self.prompt {
            hasher.update(&id.to_le_bytes());
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
        let noise = models.unet.predict(latent.clone(), &[to], context, &mut ());
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
/// What `advance` returns. A cache that cannot be read or written is no error, only slower.
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
    let values: Vec<f32> = trajectory.latents.values().flatten().copied().collect();
    if let Err(error) = cache.write(&hash, &values) {
        log::warn!("the inversion could not be cached, the next render computes it again: {error}");
    }
    Ok(trajectory)
}
