//! One step of the authors' trainer, recomputed: the losses and the gradient of every parameter.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use podium::engine::models::Models;
use podium::engine::train::loss::{Batch, Counts, slope};
use podium::engine::train::parameters::{Group, Parameter, Parameters};
use podium::engine::weights::Checkpoint;
use serde_json::Value;

use crate::golden::{Golden, cosine, host, relative_error};

/// The reference step.
pub struct Step {
    pub models: Models,
    case: Value,
    tensors: Checkpoint,
}

impl Step {
    pub fn on(device: &Device) -> Self {
        let golden = Golden::open();
        let models = golden.models(device);
        let case = std::fs::read(golden.folder.join("training.json")).expect("training.json is there");
        let tensors = Checkpoint::open_file(&golden.folder.join("training.safetensors")).expect("tensors are there");
        Self { models, case: serde_json::from_slice(&case).expect("JSON"), tensors }
    }

    fn values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        self.tensors.values(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn words(&self, key: &str) -> Vec<String> {
        serde_json::from_value(self.case[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    fn number(&self, key: &str) -> f64 {
        self.case[key].as_f64().unwrap_or_else(|| panic!("training.json has {key}"))
    }

    /// The parameters, whose factors the files keep the other way round.
    pub fn parameters(&self, prefix: &str) -> Parameters {
        let rank = self.case["rank"].as_u64().expect("a rank") as usize;
        let number = |parameter: &Parameter| Ok(self.parameter(prefix, parameter));
        Parameters::from_numbers(&self.models, self.words("tokens"), rank, number).expect("as the model has them")
    }

    fn parameter(&self, prefix: &str, parameter: &Parameter) -> Vec<f32> {
        let name = parameter.file_name();
        match parameter.group() {
            Group::Words => {
                let (values, shape) = self.values(&format!("{prefix}embedding"));
                let each = shape[1] * shape[2];
                let index = parameter.start / each;
                values[index * each..][..each].to_vec()
            }
            _ => {
                let prefix = if prefix.is_empty() { "lora." } else { prefix };
                let (values, shape) = self.values(&format!("{prefix}{name}"));
                assert_eq!(shape, [parameter.shape[1], parameter.shape[0]], "{name}");
                parameter.turned(&values)
            }
        }
    }

    fn batch(&self) -> Batch {
        let tensor = |name: &str| {
            let (values, shape) = self.values(name);
            let shape: [usize; 4] = shape.try_into().expect("four sizes");
            Tensor::<4>::from_data(burn::tensor::TensorData::new(values, shape), &Device::flex())
        };
        let (mask, shape) = self.values("mask");
        let timesteps = self.timesteps();
        Batch {
            latents: tensor("latents_scaled"),
            noise: tensor("noise"),
            weights: vec![1.0; timesteps.len()],
            timesteps,
            masks: mask.chunks(shape[2] * shape[3]).map(<[f32]>::to_vec).collect(),
            captions: self.words("prompts"),
        }
    }

    fn timesteps(&self) -> Vec<usize> {
        let golden = Golden::open();
        let bytes = std::fs::read(golden.folder.join("training.safetensors")).expect("tensors are there");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        let timesteps = tensors.tensor("timesteps").expect("timesteps");
        timesteps
            .data()
            .chunks(8)
            .map(|bytes| i64::from_le_bytes(bytes.try_into().expect("8 bytes")) as usize)
            .collect()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            background: 0.0,
            attention: self.number("attn_reg_weight"),
            full_identity: self.case["full_identity"].as_bool().unwrap_or(false),
            recompute: false,
        }
    }
}

#[test]
fn parity_the_losses_and_every_gradient_of_a_training_step() {
    let step = Step::on(&Device::flex());
    let parameters = step.parameters("");
    let found = slope(&step.models, &parameters, &step.batch(), step.counts());
    let close = |what: &str, found: f32, wanted: f64| {
        println!("{what}: {found} and {wanted}");
        assert!((f64::from(found) - wanted).abs() < 1e-4 * wanted.abs(), "{what}: {found}, expected {wanted}");
    };
    close("denoising", found.denoising, step.number("denoising_loss"));
    close("attention", found.attention, step.number("attention_loss"));
    close("both", found.denoising + found.attention, step.number("loss"));

    let gradients = found.gradients.map(|gradient| host(gradient.expect("everything is learnt from")));
    let mut worst: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for parameter in &parameters.list {
        let found = &gradients[parameter.group() as usize][parameter.start..][..parameter.len()];
        let wanted = step.parameter("grad.", parameter);
        let (error, cosine) = (relative_error(found, &wanted), cosine(found, &wanted));
        let name = parameter.file_name();
        assert!(error < 1e-3 && cosine >= 0.9999, "{name}: relative error {error:.2e}, cosine {cosine}");
        let worst = worst.entry(parameter.group().name()).or_insert((0.0, 1.0));
        *worst = (worst.0.max(error), worst.1.min(cosine));
    }
    println!("the worst relative errors and cosines: {worst:?}");
}
