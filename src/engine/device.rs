//! Which device computes: a real GPU through wgpu, or the CPU through flex.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, DeviceKind};

use super::error::{EngineError, Result};

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Flex,
    /// The best wgpu adapter, even a software one.
    Wgpu,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "flex" | "cpu" => Ok(Self::Flex),
            "wgpu" | "gpu" => Ok(Self::Wgpu),
            _ => Err(format!("`{name}` is no device; choose auto, flex (the CPU) or wgpu (a GPU)")),
        }
    }
}

/// An adapter that wgpu sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// As the driver calls it.
    pub name: String,
    /// Discrete, integrated, virtual or software.
    pub kind: AdapterKind,
    /// The graphics interface: Vulkan, Metal, DX12, GL.
    pub backend: String,
    /// Position among the adapters of its kind.
    index: usize,
}

/// What kind of processor an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterKind {
    /// A card of its own.
    Discrete,
    /// Part of the processor.
    Integrated,
    /// Passed through to a virtual machine.
    Virtual,
    /// Software on the CPU, such as lavapipe: correct, but far slower than flex.
    Software,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete GPU",
            Self::Integrated => "integrated GPU",
            Self::Virtual => "virtual GPU",
            Self::Software => "software on the CPU",
        })
    }
}

/// The adapters that wgpu can compute on. Empty where no driver or no Vulkan loader is installed.
pub fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::default();
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let mut adapters: Vec<Adapter> = Vec::new();
    for adapter in found {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => AdapterKind::Software,
        };
        let index = adapters.iter().filter(|known| known.kind == kind).count();
        adapters.push(Adapter { name: info.name, kind, backend: format!("{:?}", info.backend), index });
    }
    adapters
}

/// How to get a GPU where wgpu sees none.
pub const NO_ADAPTER: &str = "wgpu finds no adapter. On Debian or Ubuntu install the Vulkan loader and a driver \
    (packages libvulkan1 and mesa-vulkan-drivers, or your card's own driver), or use --device flex, the CPU, which needs neither";

/// A device that is ready to compute.
#[derive(Clone, Debug)]
pub struct Opened {
    /// burn's handle.
    pub device: Device,
    /// In words, for the status bar: `CPU · flex · 8 threads`, `RTX 4070 · Vulkan`.
    pub name: String,
    /// Whether it is a GPU, which compiles its kernels on first use.
    pub gpu: bool,
}

/// Opens the device asked for.
///
/// # Errors
/// When wgpu was asked for by name and sees no adapter.
pub fn open(choice: DeviceChoice) -> Result<Opened> {
    if choice == DeviceChoice::Flex {
        return Ok(flex());
    }
    let mut adapters = adapters();
    adapters.sort_by_key(|adapter| adapter.kind as usize);
    match adapters.first() {
        Some(adapter) if choice == DeviceChoice::Wgpu || adapter.kind != AdapterKind::Software => {
            Ok(on_adapter(adapter))
        }
        None if choice == DeviceChoice::Wgpu => Err(EngineError::Device(NO_ADAPTER.into())),
        _ => Ok(flex()),
    }
}

fn flex() -> Opened {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Opened { device: Device::flex(), name: format!("CPU · flex · {threads} threads"), gpu: false }
}

fn on_adapter(adapter: &Adapter) -> Opened {
    let kind = match adapter.kind {
        AdapterKind::Discrete => DeviceKind::DiscreteGpu(adapter.index),
        AdapterKind::Integrated => DeviceKind::IntegratedGpu(adapter.index),
        AdapterKind::Virtual => DeviceKind::VirtualGpu(adapter.index),
        AdapterKind::Software => DeviceKind::Cpu,
    };
    Opened { device: Device::wgpu(kind), name: format!("{} · {}", adapter.name, adapter.backend), gpu: true }
}
