//! Pictures of one concept alone, drawn by the model with the concept's changes everywhere: what validation pictures and
//! test sheets show.

use burn::tensor::Tensor;
use image::RgbImage;

use super::regularise::Learning;
use crate::engine::concept::Adapter;
use crate::engine::error::{EngineError, Result};
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::noise::seeded;
use crate::engine::pictures::{from_tensor, host};
use crate::engine::prompt::encode_custom;
use crate::engine::report::Reporter;

/// A picture that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The prompt, with the concept's words.
    pub prompt: &'a str,
    /// The seed.
    pub seed: u64,
    /// Sampling steps (DDIM, eta 0).
    pub steps: usize,
    /// Guidance scale.
    pub guidance: f64,
    /// Side in pixels.
    pub size: u32,
}

/// The latent of a picture, `[1, channels, h, w]`.
///
/// # Errors
/// When the job is cancelled, or what came out is not a number.
pub fn draw(models: &Models, adapter: &Adapter, wish: Wish<'_>, report: &Reporter) -> Result<Tensor<4>> {
    let encode = |prompt: &str| encode_custom(models, adapter, prompt).context;
    let context = Context::concat(&[encode(""), encode(wish.prompt)]);
    let side = wish.size as usize / models.vae.config.factor();
    let mut latents = seeded(&[wish.seed], [models.unet.config.in_channels, side, side], &models.device);
    for timestep in models.schedule.timesteps(wish.steps) {
        report.check()?;
        let tap = &mut Learning::new(adapter, None);
        let both = models.unet.predict(latents.clone().repeat_dim(0, 2), &[timestep], &context, tap);
        let (plain, prompted) = (both.clone().narrow(0, 0, 1), both.narrow(0, 1, 1));
        let guided = plain.clone() + (prompted - plain) * wish.guidance;
        let noise = models.noise_of(guided, &latents, timestep);
        let step = models.schedule.denoise(timestep, wish.steps);
        latents = latents * step.latent + noise * step.noise;
    }
    if host(latents.clone()).iter().any(|value| !value.is_finite()) {
        return Err(EngineError::Job(
            "a picture with the concept came out as NaN: train with lower learning rates, or fewer steps".into(),
        ));
    }
    Ok(latents)
}

/// A picture.
///
/// # Errors
/// When the job is cancelled, or what came out is not a number.
pub fn picture(models: &Models, adapter: &Adapter, wish: Wish<'_>, report: &Reporter) -> Result<RgbImage> {
    let latent = draw(models, adapter, wish, report)?;
    let mut pictures = from_tensor(models.vae.decode_scaled(latent));
    pictures.pop().ok_or_else(|| EngineError::Job("the autoencoder gave no picture".into()))
}
