//! Layout alignment: pulls the latent towards the reference's self-attention keys (Eq. 1 and 2).

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};

use super::inject::{Stacked, Terms};
use super::models::Models;
use super::nets::attention::Context;
use super::nets::layers::upload;
use super::nets::tap::{Flow, Halt, Kind, Site, Tap};
use super::pictures::host;

/// The layout loss: the release's or the paper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distance {
    /// The mean square over tokens and channels (release).
    #[default]
    MeanSquare,
    /// The 2-norm (paper).
    Norm,
}

/// What layout alignment compares and how strongly.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// α: the weight of the custom branches beside the base's.
    pub alpha: f64,
    /// The loss.
    pub distance: Distance,
    /// Weights of the tokens on the keys' grid `[tokens]`, where only the foreground counts.
    pub foreground: Option<Vec<f32>>,
}

/// Stops at one layer's keys and keeps them.
struct Keys {
    site: Site,
    keys: Option<Tensor<3>>,
}

impl Tap for Keys {
    fn key(&mut self, site: Site, key: &Tensor<3>) -> Flow<()> {
        if site != self.site {
            return ControlFlow::Continue(());
        }
        self.keys = Some(key.clone());
        ControlFlow::Break(Halt)
    }
}

/// The keys of the 1st decoder self-attention: `[rows, tokens, channels]`. Nothing after that layer is computed.
/// `None` only for a UNet without attention in its decoder.
pub fn layout_keys(
    models: &Models,
    latents: Tensor<4>,
    timestep: usize,
    context: &Context,
    stacked: Option<&Stacked>,
) -> Option<Tensor<3>> {
    let site = models.unet.config.decoder_site(1, Kind::Own)?;
    let mut keys = Keys { site, keys: None };
    // Breaking is what it is meant to do.
    let _ = match stacked {
        Some(stacked) => models.unet.forward(latents, &[timestep], context, &mut (Terms(stacked), &mut keys)),
        None => models.unet.forward(latents, &[timestep], context, &mut keys),
    };
    keys.keys
}

/// The layout loss and its gradient with respect to the latents.
pub struct Pull {
    /// Summed over the pictures.
    pub loss: f32,
    /// `[pictures, channels, h, w]`, not yet multiplied by λ.
    pub gradient: Tensor<4>,
}

/// A group of branches whose keys are compared in one pass.
pub struct Group<'a> {
    /// What their adapters add.
    pub stacked: &'a Stacked,
    /// Their conditional prompts, rows branch × picture.
    pub context: &'a Context,
    /// Each branch's weight in the loss.
    pub weights: Vec<f64>,
}

/// `L = d(F_base, F_ref) + α · mean_i d(F_i, F_ref)`, summed over the pictures, and `∂L/∂z`.
///
/// The loss is a sum over branches, so groups of branches may be given one after another; their gradients add up
/// and only one graph is alive at a time. `reference` is `[1, tokens, channels]`.
pub fn pull(
    models: &Models,
    latents: &Tensor<4>,
    timestep: usize,
    reference: &Tensor<3>,
    groups: &[Group<'_>],
    alignment: &Alignment,
) -> Option<Pull> {
    let mut total: Option<Pull> = None;
    for group in groups {
        let part = pull_group(models, latents, timestep, reference, group, alignment)?;
        total = Some(match total {
            None => part,
            Some(sum) => Pull { loss: sum.loss + part.loss, gradient: sum.gradient + part.gradient },
        });
    }
    total
}

fn pull_group(
    models: &Models,
    latents: &Tensor<4>,
    timestep: usize,
    reference: &Tensor<3>,
    group: &Group<'_>,
    alignment: &Alignment,
) -> Option<Pull> {
    let pictures = latents.dims()[0];
    let branches = group.weights.len();
    let leaf = latents.clone().autodiff().require_grad();
    let rows = leaf.clone().repeat_dim(0, branches);
    let keys = layout_keys(models, rows, timestep, group.context, Some(group.stacked))?;
    let device = latents.device();
    let distances = distance(keys, reference.clone(), alignment, &device);
    let weights = group.weights.iter().flat_map(|&weight| std::iter::repeat_n(weight as f32, pictures)).collect();
    let loss = (distances * upload(weights, [branches * pictures], &device)).sum();
    let gradients = loss.backward();
    let loss = host(loss.inner())[0];
    leaf.grad(&gradients).map(|gradient| Pull { loss, gradient })
}

/// `[rows, tokens, channels]` to `[rows]`.
fn distance(keys: Tensor<3>, reference: Tensor<3>, alignment: &Alignment, device: &Device) -> Tensor<1> {
    let [rows, tokens, channels] = keys.dims();
    let mut square = (keys - reference).square();
    if let Some(foreground) = &alignment.foreground {
        let weights = TensorData::new(foreground.clone(), [1, tokens, 1]);
        square = square * Tensor::<3>::from_data(weights, device);
    }
    let flat = square.reshape([rows, tokens * channels]);
    match alignment.distance {
        Distance::MeanSquare => flat.mean_dim(1).reshape([rows]),
        // The root's slope is infinite at 0; this small an addend is far below rounding elsewhere.
        Distance::Norm => (flat.sum_dim(1) + 1e-12).sqrt().reshape([rows]),
    }
}
