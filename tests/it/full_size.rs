//! Two concepts, and the training of one, on a model of Stable Diffusion 1.5's full size with made-up weights: what reading, a
//! step and the memory come to. Ignored, since it takes minutes and gigabytes; what it prints goes into notes.

use std::path::Path;
use std::time::{Duration, Instant};

use podium::engine::adapters::modules::{self, Layer, Op};
use podium::engine::cache::Cache;
use podium::engine::inspect::{Demand, inspect_model};
use podium::engine::nets::clip::ClipConfig;
use podium::engine::nets::unet::UnetConfig;
use podium::engine::weights::ModelFiles;
use podium::engine::worker::Engine;
use podium::engine::{adapters, concept_files, memory};
use podium::link::{DeviceChoice, Event, JobId, Stage, TrainingEvent, TrainingJob, Watch};
use podium::project::settings::Inversion;
use podium::project::training::TrainingSettings;
use podium::project::{Canvas, ConceptFile, DiskFiles, Project};
use safetensors::tensor::{Dtype, TensorView};

use crate::layouts::{computed, forget_peak, made_up, peak, write_full_size};
use crate::studio::frozen;
use crate::train::photos;
use crate::training::training;

/// The layers of Stable Diffusion 1.5 by the names that kohya's trainer gives them.
fn layers() -> Vec<(String, Layer)> {
    let json = |path: &str| podium::assets::find(path).expect("built in");
    let unet: UnetConfig = serde_json::from_slice(json("sd15/unet/config.json")).expect("JSON");
    let text: ClipConfig = serde_json::from_slice(json("sd15/text_encoder/config.json")).expect("JSON");
    let parts = [("lora_unet_", modules::unet(&unet)), ("lora_te_", modules::text_encoder(&text))];
    let named = parts.into_iter().flat_map(|(prefix, layers)| {
        layers.into_iter().map(move |(path, layer)| (format!("{prefix}{}", path.replace('.', "_")), layer))
    });
    named.filter(|(_, layer)| layer.op != Op::Norm).collect()
}

/// Writes a file of f16 numbers: of each layer that `factors` names, their ends and shapes, and alpha as `alpha`.
fn write(path: &Path, alpha: f32, factors: impl Fn(&str, &Layer) -> Vec<(&'static str, Vec<usize>)>) {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, layer) in layers() {
        let factors = factors(&name, &layer);
        if !factors.is_empty() {
            tensors.push((format!("{name}.alpha"), Vec::new(), half::f16::from_f32(alpha).to_le_bytes().to_vec()));
        }
        for (end, shape) in factors {
            let (name, count) = (format!("{name}.{end}"), shape.iter().product());
            let bytes = made_up(&format!("{} {name}", path.display()), count);
            tensors.push((name, shape, bytes));
        }
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F16, shape.clone(), bytes).expect("as many as the shape says"))
    });
    safetensors::serialize_to_file(views, None, path).expect("written");
}

/// A LoRA of what kohya's trainer changes unless it is told otherwise: 192 layers of the UNet, 72 of the text encoder.
fn write_lora(path: &Path, rank: usize) {
    write(path, 1.0, |name, layer| {
        let transformer = ["_attn", "_ff_net", "proj_in", "proj_out", "_self_attn_", "_mlp_fc"];
        if !transformer.iter().any(|part| name.contains(part)) {
            return Vec::new();
        }
        let ones: &[usize] = if layer.op == Op::Linear { &[] } else { &[1, 1] };
        let of = |sizes: [usize; 2]| [&sizes[..], ones].concat();
        vec![("lora_down.weight", of([rank, layer.input])), ("lora_up.weight", of([layer.output, rank]))]
    });
}

/// A LoHa of every layer.
fn write_loha(path: &Path, rank: usize) {
    write(path, 1.0, |_, layer| {
        let columns = layer.shape()[1..].iter().product();
        let (up, down) = (vec![layer.output, rank], vec![rank, columns]);
        vec![("hada_w1_a", up.clone()), ("hada_w1_b", down.clone()), ("hada_w2_a", up), ("hada_w2_b", down)]
    });
}

/// Renders, and says how long each stage and step took.
fn render(engine: &Engine, title: &str, project: &Project) {
    forget_peak();
    let begun = Instant::now();
    let job = engine.render(project.clone(), ".".into(), DeviceChoice::Flex, Watch::default());
    let (mut last, mut stage, mut used) = (begun, None, computed());
    let mut say = |what: &str| {
        let now = Instant::now();
        println!("{title}: {what} after {:.1?}, computing for {:.1} s", now - last, computed() - used);
        (last, used) = (now, computed());
    };
    loop {
        match engine.events().recv_timeout(Duration::from_secs(3600)).expect("the engine answers") {
            Event::Progress { stage: now, step, steps, .. } if now != Stage::LoadingModel || stage != Some(now) => {
                stage = Some(now);
                say(&format!("{now:?} {step} of {steps}"));
            }
            Event::Done(id, finished) if id == job => {
                say("done");
                assert_eq!(finished.pictures[0].dimensions(), (512, 512));
                break;
            }
            Event::Failed(_, words) => panic!("{title}: {words}"),
            _ => {}
        }
    }
    println!("{title}: {:.1?} in all, {} at most", begun.elapsed(), memory::words(peak()));
}

#[test]
#[ignore = "writes 3 GB and takes a quarter of an hour"]
fn two_concepts_on_the_full_size_take_the_time_and_memory_that_is_said() {
    let folder = tempfile::tempdir().expect("temporary");
    let model = folder.path().join("model");
    std::fs::create_dir(&model).expect("created");
    write_full_size(&model);
    let path = |name: &str| folder.path().join(format!("{name}.safetensors"));
    ["one", "two"].iter().for_each(|name| write_lora(&path(name), 32));
    write_loha(&path("loha"), 32);
    for name in ["one", "loha"] {
        let before = memory::resident().expect("Linux");
        forget_peak();
        let (begun, used) = (Instant::now(), computed());
        let read = adapters::read(&path(name)).expect("a file that can be taken");
        let (took, used, most) = (begun.elapsed(), computed() - used, peak().saturating_sub(before));
        let layers = read.unet.len() + read.text_encoder.len();
        println!("{name}: {layers} layers read in {took:.1?} ({used:.1} s computing), {} at most", memory::words(most));
        assert!(most < 1_000_000_000, "{name}: {most} bytes");
    }

    let mut project = frozen("beach");
    project.model = Some(model.clone());
    project.canvas = Canvas { width: 512, height: 512 };
    project.settings.steps = 1;
    project.settings.inversion = Inversion::Coarse;
    project.settings.mask_refinement.enabled = false;
    for (concept, name) in project.concepts.iter_mut().zip(["one", "two"]) {
        (concept.file, concept.strength) = (path(name), 1.0);
    }
    assert!(project.settings.guided_steps()[0], "the step aligns too");
    let engine = Engine::start(Cache::new(&folder.path().join("cache"), 1 << 30), || ()).expect("a thread");
    let files = DiskFiles { base: ".".into(), assets: podium::assets::find };
    let report = inspect_model(&ModelFiles::at(model)).expect("a model");
    let said = |project: &Project| {
        let demand = Demand::of(project, concept_files::held(&files, project));
        println!("said: {}", memory::words(report.needed_bytes(demand)));
    };
    said(&project);
    render(&engine, "two LoRAs of rank 32", &project);
    // What was read and inverted is kept; only the step remains.
    render(&engine, "again", &project);
    project.styles.push(ConceptFile::new(path("loha")));
    said(&project);
    render(&engine, "with a LoHa of rank 32 on all branches", &project);
}

/// Steps that are timed; the first has something to make ready.
const TIMED: usize = 3;

/// Trains for a few steps, says how long each took, and gives the most memory that was held, in bytes.
fn train(title: &str, job: TrainingJob) -> u64 {
    forget_peak();
    let engine = Engine::start(Cache::none(), || ()).expect("a thread");
    let id = engine.train(job);
    let (mut used, begun) = (computed(), Instant::now());
    loop {
        match engine.events().recv_timeout(Duration::from_secs(3600)).expect("the engine answers") {
            Event::Training(_, TrainingEvent::Step(step)) => {
                let busy = computed() - used;
                println!("{title}: step {} in {:.1?}, computing for {busy:.1} s", step.step, step.took);
                assert!(step.denoising.is_finite() && step.denoising > 0.0, "{step:?}");
                used = computed();
                if step.step == TIMED {
                    engine.cancel(id);
                }
            }
            Event::Progress { stage: Stage::Training, step: 0, .. } => {
                println!("{title}: ready after {:.1?}, computing for {:.1} s", begun.elapsed(), computed() - used);
                used = computed();
            }
            Event::Cancelled(_) => return peak(),
            Event::Failed(_, words) => panic!("{title}: {words}"),
            _ => {}
        }
    }
}

/// `PODIUM_WAYS=1` trains in the first of the three ways alone.
#[test]
#[ignore = "writes 2 GB, and takes minutes and 8 GB of memory"]
fn a_step_of_a_training_on_the_full_size_takes_the_memory_that_is_said() {
    let folder = tempfile::tempdir().expect("temporary");
    let model = folder.path().join("model");
    std::fs::create_dir(&model).expect("created");
    write_full_size(&model);
    let report = inspect_model(&ModelFiles::at(model.clone())).expect("a model");
    // The paper's numbers, one photo of 512 pixels a step. What is cropped at random would be encoded before the first.
    let paper = TrainingSettings {
        steps: 1000,
        batch: 1,
        size: Some(512),
        crop: 0.0,
        checkpoint_every: 0,
        show_every: 0,
        ..TrainingSettings::default()
    };
    let ways = [
        ("as the paper", paper.clone()),
        ("without looking at attention", TrainingSettings { attention: 0.0, ..paper.clone() }),
        ("computed again on the way back", TrainingSettings { recompute: true, ..paper }),
    ];
    let wanted = std::env::var("PODIUM_WAYS").ok().and_then(|many| many.parse().ok()).unwrap_or(ways.len());
    for (title, settings) in ways.into_iter().take(wanted) {
        let said = report.training_bytes(&settings, 512);
        let mut plan = training(1);
        plan.photos.truncate(3);
        (plan.model, plan.settings) = (Some(model.clone()), settings);
        let run = folder.path().join(title);
        let job = TrainingJob { id: JobId(0), training: plan, folder: photos(), run, device: DeviceChoice::Flex };
        if let Some(words) = report.training_shortage(&job.training.settings, 512, memory::free().expect("Linux")) {
            println!("{title}: left out, since {words}");
            continue;
        }
        let held = train(title, job);
        let ratio = held as f64 / said as f64;
        println!("{title}: {} at most, said {}, {ratio:.2} times", memory::words(held), memory::words(said));
        assert!(ratio < 1.25, "{title}: {ratio}");
    }
}
