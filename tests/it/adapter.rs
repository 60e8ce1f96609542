//! The GPU path on whatever adapter there is, a software one included, against flex. In a process of its own, since
//! a driver may crash, and with as little kernel tuning as possible, since software takes minutes for it.

use std::process::Command;

use burn::tensor::Device;
use podium::engine::device::{self, AdapterKind, DeviceChoice, SharedGpu};
use podium::engine::encoders::encoder::ImageEncoder;
use podium::engine::nets::attention::Context;
use podium::engine::sample::{Observer, StepReport, sample};
use podium::engine::scene::Execution;
use podium::engine::train::loss::{Batch, slope};
use podium::engine::weights::Holding;
use podium::engine::{Result, noise};

use crate::golden::{assert_close_within, host};
use crate::needs;
use crate::run_parity::Case;
use crate::train_parity;

/// How far two devices may be apart: they add in another order. Measured on lavapipe: 1e-6 after a forward pass, 5e-5 in
/// the layout gradient, 8e-5 after a fused step.
const DEVICES: f64 = 2e-4;

/// Runs one test of this file in a process of its own, unless there is no adapter.
fn run_inside<T: Fn()>(test: T, variables: &[(&str, &str)]) {
    if !needs::adapter() {
        return;
    }
    let output = again(test).env("CUBECL_AUTOTUNE_LEVEL", "minimal").envs(variables.iter().copied()).output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "it failed, or the driver crashed: {}", output.status);
    assert!(said.contains("test result: ok. 1 passed"), "it did not run");
}

/// This binary with one of its tests alone, that others leave out.
fn again<T: Fn()>(_: T) -> Command {
    // The function's own name, so that renaming it cannot leave a test behind that runs nothing.
    let name = std::any::type_name::<T>();
    let (_, name) = name.split_once("::").expect("a path");
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command.args(["--exact", name, "--nocapture", "--ignored"]);
    command
}

#[test]
fn wgpu_agrees_with_flex_on_a_forward_pass_a_layout_gradient_and_a_fused_step() {
    run_inside(inside_wgpu, &[]);
}

#[test]
fn a_device_that_the_window_opened_computes_and_stays_the_window_s() {
    run_inside(inside_shared, &[]);
}

/// What one step computes.
#[derive(Default)]
struct Step {
    gradient: Vec<f32>,
    noise: Vec<f32>,
    latents: Vec<f32>,
}

impl Observer for Step {
    fn end(&mut self, report: &StepReport<'_>) -> Result<()> {
        self.gradient = report.pull.map(|pull| host(pull.gradient.clone())).unwrap_or_default();
        self.noise = host(report.noise.clone());
        self.latents = host(report.latents.clone());
        // One step is enough.
        Err(podium::engine::EngineError::Cancelled)
    }
}

fn step_on(device: &Device) -> (Vec<f32>, Step) {
    let case = Case::coarse(device, 64);
    let mut scene = case.scene(Execution::Lockstep);
    let start = noise::seeded(&[5], [4, 8, 8], device);
    // As many rows as the fused step has, since every further shape is compiled anew.
    let rows = scene.branches.len() * 2;
    let context = Context::concat(&vec![scene.branches[0].conditional.clone(); rows]);
    let latents = noise::seeded(&(0..rows as u64).collect::<Vec<_>>(), [4, 8, 8], device);
    let forward = case.models.unet.predict(latents, &[501], &context, &mut ());
    let mut step = Step::default();
    let stopped = sample(&case.models, &mut scene, start, 0, &mut step);
    assert!(stopped.is_err(), "stopped after one step");
    (host(forward), step)
}

#[test]
#[ignore = "a test above runs it in a process of its own"]
fn inside_wgpu() {
    let gpu = device::open(DeviceChoice::Wgpu).expect("an adapter");
    println!("on {}", gpu.name);
    // The reference model's files are in half precision, so that its weights are held so where the adapter computes with it.
    let halved = Holding::on(&gpu.device) == Holding::AsStored;
    println!("weights in half precision: {halved}");
    assert_eq!(halved, device::holds_half(DeviceChoice::Wgpu), "what was said before it was opened");
    assert_eq!(halved, device::report(&gpu, 1).half_weights);
    let (forward, step) = step_on(&Device::flex());
    let (gpu_forward, gpu_step) = step_on(&gpu.device);
    assert_close_within("forward pass", &gpu_forward, &forward, DEVICES);
    assert_close_within("layout gradient", &gpu_step.gradient, &step.gradient, DEVICES);
    assert_close_within("fused prediction", &gpu_step.noise, &step.noise, DEVICES);
    assert_close_within("latents after the step", &gpu_step.latents, &step.latents, DEVICES);
}

/// The gradients of a training's step on the reference model, on a tiny latent.
fn slope_on(device: &Device) -> [Vec<f32>; 3] {
    let step = train_parity::Step::on(device);
    let batch = Batch {
        latents: noise::seeded(&[1], [4, 8, 8], device),
        noise: noise::seeded(&[2], [4, 8, 8], device),
        timesteps: vec![501],
        masks: vec![(0..64).map(|cell| if cell % 8 < 4 { 1.0 } else { 0.0 }).collect()],
        captions: step.words("prompts").into_iter().take(1).collect(),
        weights: vec![1.0],
    };
    let found = slope(&step.models, &step.parameters(""), &batch, step.counts());
    found.gradients.map(|gradient| host(gradient.expect("everything is learnt from")))
}

#[test]
#[ignore = "minutes: a software adapter compiles its kernels slowly"]
fn a_training_s_step_on_wgpu_agrees_with_flex() {
    let gpu = device::open(DeviceChoice::Wgpu).expect("an adapter");
    println!("on {}", gpu.name);
    let (flex, wgpu) = (slope_on(&Device::flex()), slope_on(&gpu.device));
    for (name, (found, wanted)) in ["words", "text encoder", "UNet"].into_iter().zip(wgpu.iter().zip(&flex)) {
        assert_close_within(name, found, wanted, 1e-3);
    }
}

#[test]
#[ignore = "minutes: a software adapter compiles its kernels slowly"]
fn image_encoders_on_wgpu_agree_with_flex() {
    let gpu = device::open(DeviceChoice::Wgpu).expect("an adapter");
    println!("on {}", gpu.name);
    let picture = image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8 * 5, y as u8 * 6, (x * y) as u8]));
    for name in ["clip", "dino", "dino_registers"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(name);
        let [flex, wgpu] = [&Device::flex(), &gpu.device].map(|device| {
            let encoder = ImageEncoder::open_on(&folder, device).expect("an encoder");
            let mut vectors = encoder.embed(std::slice::from_ref(&picture)).expect("a vector");
            vectors.extend(encoder.embed_words("a cat on the beach").expect("no failure"));
            vectors.concat()
        });
        assert_close_within(name, &wgpu, &flex, DEVICES);
    }
}

/// A device as a window would open it, on the adapter that the engine would take, with what burn needs or with wgpu's
/// defaults.
fn opened(enough: bool) -> SharedGpu {
    let instance = wgpu::Instance::default();
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    // Of several, any other than the best is one that `share` leaves to the window alone.
    let kind = |adapter: &wgpu::Adapter| AdapterKind::from(adapter.get_info().device_type) as usize;
    let adapter = adapters.into_iter().min_by_key(kind).expect("an adapter");
    let (features, limits) = device::required_limits(&adapter);
    let descriptor = if enough {
        wgpu::DeviceDescriptor { required_features: features, required_limits: limits, ..Default::default() }
    } else {
        wgpu::DeviceDescriptor { required_limits: wgpu::Limits::downlevel_defaults(), ..Default::default() }
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).expect("a device");
    SharedGpu { instance, adapter, device, queue }
}

/// Writes four numbers into a buffer and reads them back, as a window might beside the engine.
fn window_works(gpu: &SharedGpu) -> bool {
    let usage = wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ;
    let buffer =
        gpu.device.create_buffer(&wgpu::BufferDescriptor { label: None, size: 4, usage, mapped_at_creation: false });
    gpu.queue.write_buffer(&buffer, 0, &[1, 2, 3, 4]);
    gpu.queue.submit([]);
    buffer.slice(..).map_async(wgpu::MapMode::Read, |_| ());
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("it answers");
    let view = buffer.slice(..).get_mapped_range().expect("mapped");
    view[..] == [1, 2, 3, 4]
}

#[test]
#[ignore = "a test above runs it in a process of its own"]
fn inside_shared() {
    const FORCE: &str = "PODIUM_SHARE_SOFTWARE";
    let gpu = opened(true);
    let software = gpu.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
    if software && std::env::var_os(FORCE).is_none() {
        assert!(device::share(gpu).expect("no fault").is_none(), "software is slower than the CPU's own path");
        // The rest runs in a process where software may be shared.
        return run_inside(inside_shared, &[(FORCE, "1")]);
    }
    let refused = device::share(opened(false)).expect_err("too little was asked for").to_string();
    assert!(refused.contains("cannot be shared with the window"), "{refused}");

    let shared = device::share(gpu.clone()).expect("it runs").expect("it may be shared");
    assert!(shared.shared && shared.gpu && shared.name.contains(&gpu.adapter.get_info().name), "{}", shared.name);
    let product = |device: &Device| {
        let [left, right] = [noise::seeded(&[1, 2], [3, 16, 16], device), noise::seeded(&[3, 4], [3, 16, 16], device)];
        host(left.matmul(right))
    };
    assert_close_within("a product", &product(&shared.device), &product(&Device::flex()), DEVICES);
    assert!(window_works(&gpu), "the window's own work goes on");
    let report = device::report(&shared, 1);
    assert!(report.pool.is_some_and(|pool| pool.reserved >= pool.in_use && pool.reserved > 0), "{report:?}");

    // A device that is asked for far too much says so, in a panic that the engine puts into words.
    let vast = std::panic::catch_unwind(|| host(burn::tensor::Tensor::<2>::ones([1 << 20, 1 << 17], &shared.device)));
    let panic = vast.expect_err("half a terabyte");
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("a text");
    println!("the panic's text: {text}");
    let error = podium::engine::trouble::of_panic(&text);
    assert!(matches!(error, podium::engine::EngineError::OutOfMemory { .. }), "{error}");
    assert!(window_works(&gpu), "the window survives it");
}
