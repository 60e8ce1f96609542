//! The loss of one step and its gradients (method: "Training an ED-LoRA").

use burn::tensor::Tensor;

use super::parameters::{Group, Parameters};
use super::regularise::{self, Learning};
use crate::engine::concept::Adapter;
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::layers::upload;
use crate::engine::nets::tokenizer::Token;
use crate::engine::pictures::host;
use crate::engine::prompt::encode_custom;
use crate::project::settings::Prediction;

/// What one step sees.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Clean latents as the UNet sees them, `[rows, channels, h, w]`.
    pub latents: Tensor<4>,
    /// Noise, with its offset.
    pub noise: Tensor<4>,
    /// The timestep of each row.
    pub timesteps: Vec<usize>,
    /// Where each row's subject is: `h · w` cells of 0..1.
    pub masks: Vec<Vec<f32>>,
    /// Each row's caption, with the words that are learnt.
    pub captions: Vec<String>,
    /// How much each row counts; pictures of the class count less than photos.
    pub weights: Vec<f32>,
}

/// What counts, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// The picture outside the mask.
    pub background: f32,
    /// The attention regularisation.
    pub attention: f64,
    /// Whether the second word's attention shall fill the mask.
    pub full_identity: bool,
    /// Whether memory-bound operations are computed again for the gradients.
    pub recompute: bool,
}

/// A loss in its parts, and the gradient of each group of parameters.
#[derive(Debug)]
pub struct Slope {
    /// The masked mean square of the predicted noise.
    pub denoising: f32,
    /// The attention regularisation, with its weight; 0 where it is off.
    pub attention: f32,
    /// In the order of the groups; none of a group on which nothing depends.
    pub gradients: [Option<Tensor<1>>; 3],
}

/// The loss of a batch and its gradients.
pub fn slope(models: &Models, parameters: &Parameters, batch: &Batch, counts: Counts) -> Slope {
    let leaves = parameters.tensors().into_iter().map(|tensor| {
        let tensor = tensor.autodiff();
        let tensor = if counts.recompute {
            tensor.with_gradient_checkpointing_strategy(burn::tensor::GradientCheckpointingStrategy::Balanced)
        } else {
            tensor
        };
        tensor.require_grad()
    });
    let leaves: Vec<Tensor<2>> = leaves.collect();
    let adapter = parameters.adapter(&leaves, 1.0);
    let (denoising, attention) = loss(models, &adapter, batch, counts);
    let total = match &attention {
        Some(attention) => denoising.clone() + attention.clone(),
        None => denoising.clone(),
    };
    let mut found = total.backward();
    let mut gradients = [None, None, None];
    for group in Group::ALL {
        let members = || parameters.list.iter().zip(&leaves).filter(|(parameter, _)| parameter.group() == group);
        let parts: Vec<Option<Tensor<2>>> = members().map(|(_, leaf)| leaf.grad_remove(&mut found)).collect();
        if parts.iter().all(Option::is_none) {
            continue;
        }
        // What nothing depends on (a word that no caption has) has a gradient of zero.
        let flat = members().zip(parts).map(|((parameter, leaf), part)| {
            let part = part.unwrap_or_else(|| Tensor::zeros(parameter.shape, (&models.device, leaf.dtype())));
            part.reshape([parameter.len()])
        });
        gradients[group as usize] = Some(Tensor::cat(flat.collect(), 0));
    }
    let value = |loss: Tensor<1>| host(loss.inner())[0];
    Slope { denoising: value(denoising), attention: attention.map_or(0.0, value), gradients }
}

/// The two losses, differentiable where the adapter is: the mean over the rows of `Σ w (ε̂ − ε)² / Σ w`, w being the mask,
/// and the attention regularisation with its weight.
pub fn loss(models: &Models, adapter: &Adapter, batch: &Batch, counts: Counts) -> (Tensor<1>, Option<Tensor<1>>) {
    let [rows, channels, height, width] = batch.latents.dims();
    let device = &models.device;
    let prompts: Vec<_> = batch.captions.iter().map(|caption| encode_custom(models, adapter, caption)).collect();
    let contexts: Vec<Context> = prompts.iter().map(|prompt| prompt.context.clone()).collect();
    let context = Context::concat(&contexts);

    // For each row a factor of the latent and one of the noise.
    let along_rows =
        |values: Vec<f64>| upload(values.iter().map(|value| *value as f32).collect(), [rows, 1, 1, 1], device);
    let moves = || batch.timesteps.iter().map(|t| models.schedule.noised(Some(*t)));
    let latent = along_rows(moves().map(|mix| mix.latent).collect());
    let noise = along_rows(moves().map(|mix| mix.noise).collect());
    let noised = batch.latents.clone() * latent.clone() + batch.noise.clone() * noise.clone();
    // Salimans & Ho 2022, appendix D: v = α ε − σ x.
    let target = match models.schedule.prediction() {
        Prediction::Velocity => batch.noise.clone() * latent - batch.latents.clone() * noise,
        Prediction::Noise | Prediction::Model => batch.noise.clone(),
    };

    let positions: Option<Vec<[usize; 2]>> = (counts.attention > 0.0)
        .then(|| prompts.iter().map(|prompt| positions(&prompt.tokens.tokens)).collect())
        .flatten();
    let mut tap = Learning::new(adapter, positions.as_deref());
    let predicted = models.unet.predict(noised, &batch.timesteps, &context, &mut tap);

    let weight = |value: &f32| value + counts.background;
    let cells: Vec<f32> = batch.masks.iter().flatten().map(weight).collect();
    let mask = upload(cells, [rows, 1, height, width], device);
    let share = batch.masks.iter().zip(&batch.weights).map(|(mask, counted)| {
        let sum: f32 = mask.iter().map(weight).sum();
        // A subject that was cropped away teaches nothing.
        if sum > 0.0 { counted / sum / rows as f32 } else { 0.0 }
    });
    let share = upload(share.collect(), [rows, 1], device);
    let square = (predicted - target).square() * mask;
    let denoising = (square.reshape([rows, channels * height * width]).sum_dim(1) * share).sum();

    let maps = tap.maps();
    let attention = (!maps.is_empty())
        .then(|| regularise::loss(maps, &batch.masks, [height, width], counts.full_identity, device))
        .flatten()
        .map(|loss| loss * counts.attention);
    (denoising, attention)
}

/// Where a prompt has its first two learnt words; none where it has fewer.
fn positions(tokens: &[Token]) -> Option<[usize; 2]> {
    let mut places = tokens.iter().enumerate().filter(|(_, token)| matches!(token, Token::Placeholder(_)));
    Some([places.next()?.0, places.next()?.0])
}
