//! The GPU path on whatever adapter there is, a software one included, against flex. In a process of its own, since
//! a driver may crash, and with as little kernel tuning as possible, since software takes minutes for it.

use std::process::Command;

use burn::tensor::Device;
use podium::engine::device::{self, DeviceChoice, NO_ADAPTER};
use podium::engine::nets::attention::Context;
use podium::engine::sample::{Observer, StepReport, sample};
use podium::engine::scene::Execution;
use podium::engine::{Result, noise};

use crate::golden::{assert_close, host};
use crate::run_parity::Case;

/// Set in the process that computes on wgpu.
const INSIDE: &str = "PODIUM_TEST_INSIDE_WGPU";

/// Whether tests that need an adapter or a display must run.
pub fn pictures_required() -> bool {
    std::env::var_os("PODIUM_REQUIRE_PICTURES").is_some_and(|value| value != "0")
}

#[test]
fn wgpu_agrees_with_flex_on_a_forward_pass_a_layout_gradient_and_a_fused_step() {
    if device::adapters().is_empty() {
        assert!(!pictures_required(), "PODIUM_REQUIRE_PICTURES is set, but {NO_ADAPTER}");
        eprintln!("skipped 1 test, wgpu_agrees_with_flex: {NO_ADAPTER}");
        return;
    }
    let binary = std::env::current_exe().expect("this test binary");
    let status = Command::new(binary)
        .args(["--exact", "wgpu::inside_wgpu", "--nocapture"])
        .env(INSIDE, "1")
        .env("CUBECL_AUTOTUNE_LEVEL", "minimal")
        .status()
        .expect("it starts");
    assert!(status.success(), "wgpu and flex disagree, or the driver crashed: {status}");
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
    let case = Case::coarse(device);
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
fn inside_wgpu() {
    if std::env::var_os(INSIDE).is_none() {
        // Only the process that the test above starts computes here.
        return;
    }
    let gpu = device::open(DeviceChoice::Wgpu).expect("an adapter");
    println!("on {}", gpu.name);
    let (forward, step) = step_on(&Device::flex());
    let (gpu_forward, gpu_step) = step_on(&gpu.device);
    assert_close("forward pass", &gpu_forward, &forward);
    assert_close("layout gradient", &gpu_step.gradient, &step.gradient);
    assert_close("fused prediction", &gpu_step.noise, &step.noise);
    assert_close("latents after the step", &gpu_step.latents, &step.latents);
}
