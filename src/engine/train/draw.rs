//! Pictures of one concept alone, drawn by the model with the concept's changes everywhere: what validation pictures and
//! test sheets show. Who wants to know where the subject is in one has its attention recorded beside it.

use burn::tensor::Tensor;
use image::RgbImage;

use super::heed::Heed;
use super::regularise::Learning;
use crate::engine::concept::Adapter;
use crate::engine::error::{EngineError, Result};
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::tap::{Kind, Site};
use crate::engine::nets::tokenizer::Token;
use crate::engine::noise::seeded;
use crate::engine::pictures::{from_tensor, host};
use crate::engine::prompt::encode_custom;
use crate::engine::recorded::Record;
use crate::engine::report::Reporter;
use crate::link::Mask;

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
    Ok(watched(models, adapter, wish, &[], report)?.0)
}

/// The same, with how its cells heeded the concept's words at some layers.
fn watched(
    models: &Models,
    adapter: &Adapter,
    wish: Wish<'_>,
    sites: &[Site],
    report: &Reporter,
) -> Result<(Tensor<4>, Heed)> {
    let encode = |prompt: &str| encode_custom(models, adapter, prompt);
    let prompted = encode(wish.prompt);
    let own = prompted.tokens.tokens.iter().enumerate().filter(|(_, token)| matches!(token, Token::Placeholder(_)));
    let own = own.map(|(position, _)| position).collect();
    let context = Context::concat(&[encode("").context, prompted.context]);
    let side = wish.size as usize / models.vae.config.factor();
    let mut heed = Heed::new(own, (side, side));
    let mut latents = seeded(&[wish.seed], [models.unet.config.in_channels, side, side], &models.device);
    for timestep in models.schedule.timesteps(wish.steps) {
        report.check()?;
        // Without a site it looks at nothing, and attention stays one operation.
        let mut record = Record::new(sites.to_vec(), 1, 1, 2);
        let tap = &mut (Learning::new(adapter, None), &mut record);
        let both = models.unet.predict(latents.clone().repeat_dim(0, 2), &[timestep], &context, tap);
        heed.add(&record.maps);
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
    Ok((latents, heed))
}

/// A picture.
///
/// # Errors
/// When the job is cancelled, or what came out is not a number.
pub fn picture(models: &Models, adapter: &Adapter, wish: Wish<'_>, report: &Reporter) -> Result<RgbImage> {
    decoded(models, draw(models, adapter, wish, report)?)
}

/// The very same picture, and where its subject is; None where its making does not tell.
///
/// # Errors
/// As of [`picture`].
pub fn placed(
    models: &Models,
    adapter: &Adapter,
    wish: Wish<'_>,
    report: &Reporter,
) -> Result<(RgbImage, Option<Mask>)> {
    let sites = models.unet.config.sites().into_iter().map(|(site, ..)| site);
    let sites: Vec<Site> = sites.filter(|site| site.kind == Kind::Cross && site.in_decoder()).collect();
    let (latent, heed) = watched(models, adapter, wish, &sites, report)?;
    let picture = decoded(models, latent)?;
    let place = heed.place((picture.height() as usize, picture.width() as usize));
    Ok((picture, place))
}

fn decoded(models: &Models, latent: Tensor<4>) -> Result<RgbImage> {
    let mut pictures = from_tensor(models.vae.decode_scaled(latent));
    pictures.pop().ok_or_else(|| EngineError::Job("the autoencoder gave no picture".into()))
}
