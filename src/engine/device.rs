//! Which device computes: a real GPU through wgpu, or the CPU through flex.

use burn::tensor::{Device, DeviceKind};
use burn_wgpu::WgpuSetup;

use super::error::{EngineError, Result};
use super::memory;
use super::weights::Holding;
pub use crate::link::device::{AdapterKind, DeviceChoice, DeviceReport, Pool};

/// An adapter that wgpu sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// As the driver calls it.
    pub name: String,
    /// Discrete, integrated, virtual or software.
    pub kind: AdapterKind,
    /// The graphics interface: Vulkan, Metal, DX12, GL.
    pub backend: String,
    /// Whether it computes with f16, so that weights may be held in it.
    pub half: bool,
    /// Position among the adapters of its kind.
    index: usize,
}

impl From<wgpu::DeviceType> for AdapterKind {
    fn from(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => Self::Software,
        }
    }
}

/// The adapters that wgpu can compute on. Empty where no driver or no Vulkan loader is installed.
pub fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::default();
    let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let mut adapters: Vec<Adapter> = Vec::new();
    for adapter in found {
        let info = adapter.get_info();
        let kind = AdapterKind::from(info.device_type);
        let index = adapters.iter().filter(|known| known.kind == kind).count();
        // What burn goes by too.
        let half = adapter.features().contains(wgpu::Features::SHADER_F16);
        adapters.push(Adapter { name: info.name, kind, backend: format!("{:?}", info.backend), half, index });
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
    /// What kind of adapter it is; none for the CPU through flex.
    pub kind: Option<AdapterKind>,
    /// `flex`, or the graphics interface: Vulkan, Metal, DX12.
    pub backend: String,
    /// Whether the window draws on the very same device.
    pub shared: bool,
}

/// Opens the device asked for.
///
/// # Errors
/// When wgpu was asked for by name and sees no adapter, or none of the number.
pub fn open(choice: DeviceChoice) -> Result<Opened> {
    if choice == DeviceChoice::Flex {
        return Ok(flex());
    }
    if let DeviceChoice::Adapter(number) = choice {
        let all = adapters();
        let lacks = |all: &[Adapter]| match all.len() {
            0 => EngineError::Device(NO_ADAPTER.into()),
            1 => EngineError::Device(format!("there is no adapter {choice}; the only one is wgpu:0")),
            count => {
                EngineError::Device(format!("there is no adapter {choice}; they are wgpu:0 to wgpu:{}", count - 1))
            }
        };
        return all.get(usize::from(number)).map(on_adapter).ok_or_else(|| lacks(&all));
    }
    match best_adapter() {
        Some(adapter) if choice == DeviceChoice::Wgpu || adapter.kind != AdapterKind::Software => {
            Ok(on_adapter(&adapter))
        }
        None if choice == DeviceChoice::Wgpu => Err(EngineError::Device(NO_ADAPTER.into())),
        _ => Ok(flex()),
    }
}

/// Whether a choice means the CPU, before anything is opened. Looks for adapters where it is automatic, which takes a moment.
pub fn is_cpu(choice: DeviceChoice) -> bool {
    match choice {
        DeviceChoice::Flex => true,
        DeviceChoice::Wgpu | DeviceChoice::Adapter(_) => false,
        DeviceChoice::Auto => real_adapter().is_none(),
    }
}

/// Whether the device that a choice means holds weights in half precision that files have so (see [`Holding`]). Looks for
/// adapters, which takes a moment, unless the choice is the CPU.
pub fn holds_half(choice: DeviceChoice) -> bool {
    let adapter = match choice {
        DeviceChoice::Flex => None,
        DeviceChoice::Adapter(number) => adapters().into_iter().nth(usize::from(number)),
        DeviceChoice::Wgpu => best_adapter(),
        DeviceChoice::Auto => real_adapter(),
    };
    adapter.is_some_and(|adapter| adapter.half)
}

fn best_adapter() -> Option<Adapter> {
    adapters().into_iter().min_by_key(|adapter| adapter.kind as usize)
}

/// The best one that is no software.
fn real_adapter() -> Option<Adapter> {
    best_adapter().filter(|adapter| adapter.kind != AdapterKind::Software)
}

fn flex() -> Opened {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Opened {
        device: Device::flex(),
        name: format!("CPU · flex · {threads} threads"),
        gpu: false,
        kind: None,
        backend: "flex".into(),
        shared: false,
    }
}

fn on_adapter(adapter: &Adapter) -> Opened {
    let kind = match adapter.kind {
        AdapterKind::Discrete => DeviceKind::DiscreteGpu(adapter.index),
        AdapterKind::Integrated => DeviceKind::IntegratedGpu(adapter.index),
        AdapterKind::Virtual => DeviceKind::VirtualGpu(adapter.index),
        AdapterKind::Software => DeviceKind::Cpu,
    };
    Opened {
        device: Device::wgpu(kind),
        name: format!("{} · {}", adapter.name, adapter.backend),
        gpu: true,
        kind: Some(adapter.kind),
        backend: adapter.backend.clone(),
        shared: false,
    }
}

/// A wgpu device that somebody else has opened, such as the window. Cloning it clones handles.
///
/// Its device must have been asked for with [`required_limits`]; `wgpu::MemoryHints::MemoryUsage` suits burn, which
/// keeps pools of its own.
#[derive(Clone, Debug)]
pub struct SharedGpu {
    /// The instance that the adapter is of.
    pub instance: wgpu::Instance,
    /// The adapter that the device is of.
    pub adapter: wgpu::Adapter,
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
}

/// Set to anything but 0, it lets a software adapter be shared, for tests.
const SHARE_SOFTWARE: &str = "PODIUM_SHARE_SOFTWARE";

/// What burn needs of a device on this adapter, to be added to whatever else its owner needs.
///
/// burn looks at the *adapter* for what its kernels may use, so the device must have been given all of it. None of it
/// is experimental. [`wgpu::Limits`] are the adapter's own: burn cuts large buffers and workgroups by them.
pub fn required_limits(adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
    let used = wgpu::Features::SHADER_F16
        | wgpu::Features::SHADER_F64
        | wgpu::Features::SHADER_INT64
        | wgpu::Features::SHADER_FLOAT32_ATOMIC
        | wgpu::Features::SUBGROUP
        | wgpu::Features::SUBGROUP_BARRIER
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS
        | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES;
    (adapter.features() & used, adapter.limits())
}

/// Whether computing shall share this device: none where its adapter is software, or where the machine has a better one
/// (a laptop's window often runs on the integrated GPU).
///
/// Register a device once only: burn does not notice the second time and would keep two pools of memory on it. From
/// then on burn answers for the device's errors: an error that nobody catches is a panic of the thread it happens on,
/// as is wgpu's own default.
///
/// # Errors
/// When the device was not asked for with [`required_limits`], or burn cannot run on it.
pub fn share(gpu: SharedGpu) -> Result<Option<Opened>> {
    let info = gpu.adapter.get_info();
    let kind = AdapterKind::from(info.device_type);
    let forced = std::env::var_os(SHARE_SOFTWARE).is_some_and(|value| value != "0");
    let better = || best_adapter().is_some_and(|best| (best.kind as usize) < kind as usize);
    if !forced && (kind == AdapterKind::Software || better()) {
        return Ok(None);
    }
    let refuse = |why: String| EngineError::Device(format!("{} cannot be shared with the window: {why}", info.name));
    let (features, limits) = required_limits(&gpu.adapter);
    let missing = features - gpu.device.features();
    if !missing.is_empty() {
        return Err(refuse(format!("the window's device was opened without {missing:?}")));
    }
    if !limits.check_limits(&gpu.device.limits()) {
        return Err(refuse("the window's device was opened with lower limits than the adapter has".into()));
    }
    let SharedGpu { instance, adapter, device, queue } = gpu;
    let setup = WgpuSetup { instance, adapter, device, queue, backend: info.backend };
    let device = Device::wgpu_options().setup(setup).init().map_err(|error| refuse(error.to_string()))?;
    let backend = format!("{:?}", info.backend);
    Ok(Some(Opened {
        device,
        name: format!("{} · {backend}", info.name),
        gpu: true,
        kind: Some(kind),
        backend,
        shared: true,
    }))
}

/// Looks at a device. Costs microseconds on the CPU; a GPU answers when it has done what it was told before, so only the
/// engine's thread asks.
pub fn report(opened: &Opened, threads: usize) -> DeviceReport {
    let on_host = opened.kind.is_none() || opened.kind == Some(AdapterKind::Software);
    let pool = opened.device.memory_pool_usage().filter(|_| opened.gpu);
    DeviceReport {
        name: opened.name.clone(),
        kind: opened.kind,
        backend: opened.backend.clone(),
        shared: opened.shared,
        precision: "f32",
        half_weights: Holding::on(&opened.device) == Holding::AsStored,
        threads,
        process_bytes: memory::resident(),
        pool: pool.map(|pool| Pool { in_use: pool.bytes_in_use, reserved: pool.bytes_reserved }),
        total_bytes: memory::total().filter(|_| on_host),
    }
}
