//! Times of the parts of a render on the miniature, on flex: `cargo bench`.
//!
//! PyTorch's times for the same passes are printed first where `python3` can import torch and diffusers
//! (`benches/reference.py`), so that ratios come from one run on one machine.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion};
use podium::engine::adapters;
use podium::engine::align::{Alignment, Distance, layout_keys};
use podium::engine::concept::{Adapter, Part};
use podium::engine::inject::Fused;
use podium::engine::invert::{invert, timesteps};
use podium::engine::kmeans::Clusterer;
use podium::engine::masks::Mask;
use podium::engine::models::Models;
use podium::engine::nets::attention::Context;
use podium::engine::noise;
use podium::engine::prompt::{encode_custom, encode_plain};
use podium::engine::refine::{Counts, SubjectMasks};
use podium::engine::sample::{Observer, StepReport, refinement_site, sample};
use podium::engine::scene::{Branch, Execution, Fusion, Reference, Refinement, Run, Scene};
use podium::engine::train::checkpoint::State;
use podium::engine::train::loss::{self, Batch, slope};
use podium::engine::train::parameters::Parameters;
use podium::engine::weights::ModelFiles;
use podium::project::training::{Token, Training, TrainingSettings};

const LATENT: [usize; 3] = [4, 32, 32];

fn models() -> Models {
    Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).expect("the built-in model loads")
}

/// Stops after one step.
struct OneStep;

impl Observer for OneStep {
    fn end(&mut self, _: &StepReport<'_>) -> podium::engine::Result<()> {
        Err(podium::engine::EngineError::Cancelled)
    }
}

/// A composition of `concepts` subjects side by side, at one timestep.
fn scene(models: &Models, concepts: usize, guided: bool, refined: bool, side: usize) -> Scene {
    let files = ["mint_cat", "plum_dog", "coral_bear", "lime_robot"];
    let mut branches = vec![Branch {
        name: String::new(),
        conditional: encode_plain(models, "a cat and a dog on the beach").context,
        unconditional: encode_plain(models, "").context,
        adapter: None,
    }];
    for index in 0..concepts {
        let name = format!("miniature/concepts/{}.safetensors", files[index % files.len()]);
        let bytes = podium::assets::find(&name).expect("built in");
        let concept = adapters::from_bytes(&name, bytes.to_vec()).expect("a concept");
        let (unet, text) = (&models.unet.config, &models.text_encoder.config);
        let part = Part { file: &concept, strength: 0.7, text_strength: 0.7 };
        let adapter = Adapter::new(&[part], unet, text, &models.device).expect("it fits");
        branches.push(Branch {
            name: format!("{index}"),
            conditional: encode_custom(models, &adapter, &adapter.words()).context,
            unconditional: encode_custom(models, &adapter, "").context,
            adapter: Some(adapter),
        });
    }
    let stripe = |index: usize| Mask::from_fn(side, side, |_, x| x * concepts / side == index);
    let masks = (0..concepts).map(|index| SubjectMasks::new(stripe(index))).collect();
    let sampled = vec![681];
    let context = encode_plain(models, "a cat and a dog on the beach").context;
    let latent = noise::seeded(&[3], [LATENT[0], side, side], &models.device);
    let visited = timesteps(models, podium::engine::invert::Path::Coarse, &sampled);
    let trajectory = invert(models, latent, &context, &visited, &mut |_, _| Ok(())).expect("nothing stops it");
    Scene {
        branches,
        styles: None,
        subjects: (1..=concepts).collect(),
        masks: vec![masks],
        reference: Some(Reference { trajectory, context }),
        placement: None,
        one_pass: None,
        run: Run {
            timesteps: sampled,
            spacing: podium::project::settings::Spacing::Leading,
            guided: vec![guided],
            refined: vec![refined],
            guidance_scale: 7.5,
            step_size: 10.0,
            alignment: Alignment { alpha: 1.0, distance: Distance::MeanSquare, foreground: None },
            fusion: Fusion::Features(Fused { self_attention: true, cross_attention: true }),
            refinement: Refinement { counts: Counts::Release, starts: 40, overlap_threshold: 0.0, seed: 0 },
            execution: Execution::Lockstep,
        },
    }
}

fn step(models: &Models, scene: &mut Scene, latents: &Tensor<4>) {
    let stopped = sample(models, scene, latents.clone(), 0, &mut OneStep);
    black_box(stopped.is_err());
}

fn passes(criterion: &mut Criterion, models: &Models) {
    let context = encode_plain(models, "a cat and a dog on the beach").context;
    let mut group = criterion.benchmark_group("unet");
    for rows in [1, 2, 6] {
        let latents = noise::seeded(&vec![1; rows], LATENT, &models.device);
        let contexts = Context::concat(&vec![context.clone(); rows]);
        group.bench_function(BenchmarkId::new("forward, rows", rows), |bench| {
            bench.iter(|| models.unet.predict(latents.clone(), &[501], &contexts, &mut ()).into_data());
        });
    }
    let latents = noise::seeded(&[1], LATENT, &models.device);
    group.bench_function("keys only", |bench| bench.iter(|| layout_keys(models, latents.clone(), 501, &context, None)));
    group.finish();
    let mut group = criterion.benchmark_group("vae");
    group.bench_function("decode", |bench| bench.iter(|| models.vae.decode_scaled(latents.clone()).into_data()));
    group.finish();
}

fn steps(criterion: &mut Criterion, models: &Models) {
    let latents = noise::seeded(&[1], LATENT, &models.device);
    let mut group = criterion.benchmark_group("step, two concepts");
    for (name, guided, refined) in [
        ("injection", false, false),
        ("guidance and injection", true, false),
        ("injection and refinement", false, true),
    ] {
        let mut scene = scene(models, 2, guided, refined, LATENT[1]);
        group.bench_function(name, |bench| bench.iter(|| step(models, &mut scene, &latents)));
    }
    group.finish();
    let mut group = criterion.benchmark_group("injection step by concepts");
    for concepts in 1..=5 {
        let mut scene = scene(models, concepts, false, false, LATENT[1]);
        group.bench_function(BenchmarkId::from_parameter(concepts), |bench| {
            bench.iter(|| step(models, &mut scene, &latents))
        });
    }
    group.finish();
}

/// K-means beside the refinement step it is part of, at 1024 tokens (512 x 512 pixels).
fn clustering(criterion: &mut Criterion, models: &Models) {
    struct Keep(Vec<f32>);
    impl Observer for Keep {
        fn end(&mut self, report: &StepReport<'_>) -> podium::engine::Result<()> {
            let map = report.maps.values().next().expect("recorded");
            self.0 = map.of(0, 0).to_vec();
            Err(podium::engine::EngineError::Cancelled)
        }
    }
    assert!(refinement_site(models).is_some());
    let side = 64;
    let latents = noise::seeded(&[1], [LATENT[0], side, side], &models.device);
    let mut scene = scene(models, 2, false, true, side);
    let mut keep = Keep(Vec::new());
    let _ = sample(models, &mut scene, latents.clone(), 0, &mut keep);
    let tokens = side * side / 4;
    let mut group = criterion.benchmark_group("1024 tokens");
    group.bench_function("refinement step", |bench| bench.iter(|| step(models, &mut scene, &latents)));
    group.bench_function("k-means of the step (3 branches, k = 3, 4, 5, 40 starts)", |bench| {
        bench.iter(|| {
            for _ in 0..3 {
                let clusterer = Clusterer::new(&keep.0, tokens, tokens);
                for k in 3..6 {
                    black_box(clusterer.cluster(k, 40, 0, &|| false));
                }
            }
        });
    });
    group.finish();
}

/// A step of a training: the loss, all gradients and the optimiser.
fn trainings(criterion: &mut Criterion, models: &Models) {
    let token = |word: &str, start: &str| Token { word: word.into(), start: start.into() };
    let training = Training {
        name: "cat".into(),
        class_word: "cat".into(),
        tokens: vec![token("<cat_1>", "toy"), token("<cat_2>", "cat")],
        photos: Vec::new(),
        from: None,
        model: None,
        vae: None,
        encoder: None,
        prompts: Vec::new(),
        settings: TrainingSettings::default(),
    };
    let mut group = criterion.benchmark_group("training step, rows 4");
    for (name, attention) in [("plain", 0.0), ("with attention regularisation", 0.01)] {
        let mut state = State::new(Parameters::new(models, &training).expect("words of its own"), &models.device);
        let seeds = [1, 2, 3, 4];
        let batch = Batch {
            latents: noise::seeded(&seeds, LATENT, &models.device),
            noise: noise::seeded(&seeds.map(|seed| seed + 4), LATENT, &models.device),
            timesteps: vec![21, 333, 642, 901],
            masks: vec![(0..LATENT[1] * LATENT[2]).map(|cell| if cell % 32 < 16 { 1.0 } else { 0.0 }).collect(); 4],
            captions: vec!["<cat_1> <cat_2> on the beach".into(); 4],
            weights: vec![1.0; 4],
        };
        let counts = loss::Counts { background: 0.15, attention, full_identity: false, recompute: false };
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let slope = slope(models, &state.parameters, &batch, counts);
                for (index, gradient) in slope.gradients.into_iter().enumerate() {
                    let values = state.parameters.groups[index].clone();
                    let gradient = gradient.expect("all of it is learnt");
                    state.parameters.groups[index] = state.moments[index].step(values, gradient, 1, 1e-4, 0.01);
                }
            });
        });
    }
    group.finish();
}

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/reference.py");
    let python = std::env::var("PODIUM_PYTHON").unwrap_or_else(|_| "python3".into());
    match Command::new(&python).arg(script).status() {
        Ok(status) if status.success() => {}
        _ => {
            println!("no PyTorch times: {python} cannot import torch and diffusers (set PODIUM_PYTHON to one that can)")
        }
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let models = models();
    passes(&mut criterion, &models);
    steps(&mut criterion, &models);
    clustering(&mut criterion, &models);
    trainings(&mut criterion, &models);
    criterion.final_summary();
}
