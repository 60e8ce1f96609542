//! Gradients against finite differences: what a training learns by, and what layout alignment moves the latent by.

use burn::tensor::{Device, Tensor, TensorData};
use podium::engine::align::{Alignment, Distance, Group, layout_keys, pull};
use podium::engine::inject::Stacked;
use podium::engine::models::Models;
use podium::engine::noise::seeded;
use podium::engine::prompt::encode_plain;
use podium::engine::train::loss::{Batch, Counts, loss, slope};
use podium::engine::train::parameters::Parameters;
use podium::engine::weights::ModelFiles;

use crate::golden::host;
use crate::training::training;

fn models() -> Models {
    Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("the built-in model loads")
}

/// The length of a vector.
fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// A vector of this length and direction.
fn scaled(direction: &[f32], to: f64) -> Vec<f32> {
    let factor = to / length(direction);
    direction.iter().map(|value| (f64::from(*value) * factor) as f32).collect()
}

/// Fails where a slope along a direction is not what differences of the loss say.
fn compare(what: &str, gradient: &[f32], direction: &[f32], reach: f64, at: impl Fn(&[f32]) -> f64) {
    let step = scaled(direction, reach);
    let back: Vec<f32> = step.iter().map(|value| -value).collect();
    let found = (at(&step) - at(&back)) / (2.0 * reach);
    let dot: f64 = gradient.iter().zip(&step).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    let wanted = dot / reach;
    println!("{what}: {wanted:.6} by the gradient, {found:.6} by differences");
    assert!(
        (found - wanted).abs() < 0.02 * length(gradient),
        "{what}: {wanted} by the gradient, {found} by differences"
    );
}

/// Numbers that have nothing to do with anything.
fn arbitrary(count: usize) -> Vec<f32> {
    host(seeded(&[77], [1, 1, count], &Device::flex()))
}

fn moved(tensor: &Tensor<1>, step: &[f32]) -> Tensor<1> {
    let step = Tensor::<1>::from_data(TensorData::new(step.to_vec(), [step.len()]), &tensor.device());
    tensor.clone() + step
}

#[test]
fn the_gradients_of_a_training_are_the_slopes_of_its_loss() {
    let models = models();
    let mut parameters = Parameters::new(&models, &training(1)).expect("words of the miniature");
    // `up` begins at zero, where `down` has no slope: somewhere else.
    for group in &mut parameters.groups {
        *group = moved(group, &scaled(&arbitrary(group.dims()[0]), 3.0));
    }
    let batch = Batch {
        latents: seeded(&[1, 2], [4, 16, 16], &models.device),
        noise: seeded(&[3, 4], [4, 16, 16], &models.device),
        timesteps: vec![301, 702],
        masks: vec![(0..256).map(|cell| if cell % 16 < 7 { 1.0 } else { 0.0 }).collect(); 2],
        captions: vec!["<mint_1> <mint_2> on the beach".into(), "two <mint_1> <mint_2>".into()],
        weights: vec![1.0, 0.5],
    };
    for full_identity in [false, true] {
        let counts = Counts { background: 0.1, attention: 0.5, full_identity, recompute: false };
        let found = slope(&models, &parameters, &batch, counts);
        assert!(found.attention > 0.0);
        for (index, name) in ["words", "text encoder", "UNet"].into_iter().enumerate() {
            let gradient = host(found.gradients[index].clone().expect("it is learnt"));
            let at = |step: &[f32]| {
                let mut there = parameters.clone();
                there.groups[index] = moved(&parameters.groups[index], step);
                let adapter = there.adapter(&there.tensors(), 1.0);
                let (denoising, attention) = loss(&models, &adapter, &batch, counts);
                f64::from(host(denoising)[0]) + f64::from(host(attention.expect("regularised"))[0])
            };
            // Short: a map's greatest cell may change on the way, and the loss has a kink there.
            let reach = 2e-3 / length(&gradient).max(1.0);
            compare(&format!("{name}, along the gradient"), &gradient, &gradient, reach, at);
            compare(&format!("{name}, elsewhere"), &gradient, &arbitrary(gradient.len()), 5e-3, at);
        }
    }
}

#[test]
fn computing_again_what_is_cheap_gives_the_same_gradients() {
    let models = models();
    let parameters = Parameters::new(&models, &training(1)).expect("words of the miniature");
    let batch = Batch {
        latents: seeded(&[1], [4, 16, 16], &models.device),
        noise: seeded(&[3], [4, 16, 16], &models.device),
        timesteps: vec![301],
        masks: vec![vec![1.0; 256]],
        captions: vec!["<mint_1> <mint_2>".into()],
        weights: vec![1.0],
    };
    let run = |recompute| {
        let counts = Counts { background: 0.1, attention: 0.01, full_identity: false, recompute };
        slope(&models, &parameters, &batch, counts).gradients.map(|gradient| host(gradient.expect("it is learnt")))
    };
    let (plain, again) = (run(false), run(true));
    for (plain, again) in plain.iter().zip(&again) {
        assert!(length(plain) > 0.0 || plain.iter().all(|value| *value == 0.0));
        assert!(crate::golden::relative_error(again, plain) < 1e-5);
    }
}

#[test]
fn the_layout_gradient_is_the_slope_of_the_layout_loss() {
    let models = models();
    let context = encode_plain(&models, "a cat on the beach").context;
    let latents = seeded(&[1], [4, 16, 16], &models.device);
    let reference = layout_keys(&models, seeded(&[2], [4, 16, 16], &models.device), 501, &context, None).expect("keys");
    let stacked = Stacked::new(&[None], None);
    for distance in [Distance::MeanSquare, Distance::Norm] {
        let alignment = Alignment { alpha: 1.0, distance, foreground: None };
        let at = |latents: &Tensor<4>| {
            let groups = [Group { stacked: &stacked, context: &context, weights: vec![1.0] }];
            pull(&models, latents, 501, &reference, &groups, &alignment).expect("a decoder with attention")
        };
        let gradient = host(at(&latents).gradient);
        let loss = |step: &[f32]| {
            let step = Tensor::<4>::from_data(TensorData::new(step.to_vec(), latents.dims()), &models.device);
            f64::from(at(&(latents.clone() + step)).loss)
        };
        let name = format!("{distance:?}");
        compare(&format!("{name}, along the gradient"), &gradient, &gradient, 0.05, loss);
        compare(&format!("{name}, elsewhere"), &gradient, &arbitrary(gradient.len()), 0.2, loss);
    }
}
