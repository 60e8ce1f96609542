//! Where to compute: what a user asks for, and what the engine tells of the device that it took. Plain words and
//! numbers; how a device is opened is the engine's business.

use std::fmt;
use std::str::FromStr;

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
    /// The wgpu adapter of that number, counted from 0 as `podium devices` lists them.
    Adapter(u8),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Flex => f.write_str("flex"),
            Self::Wgpu => f.write_str("wgpu"),
            Self::Adapter(number) => write!(f, "wgpu:{number}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "flex" | "cpu" => Ok(Self::Flex),
            "wgpu" | "gpu" => Ok(Self::Wgpu),
            _ => name.strip_prefix("wgpu:").and_then(|number| number.parse().ok()).map(Self::Adapter).ok_or_else(|| {
                format!(
                    "`{name}` is no device; choose auto, flex (the CPU) or wgpu (a GPU); wgpu:1 is the adapter of that number, \
                     which `podium devices` tells"
                )
            }),
        }
    }
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

/// The device that computes, and the memory in use, in plain numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceReport {
    /// In words: `CPU · flex · 8 threads`, `RTX 4070 · Vulkan`.
    pub name: String,
    /// What kind of adapter it is; none for the CPU through flex.
    pub kind: Option<AdapterKind>,
    /// `flex`, or the graphics interface: Vulkan, Metal, DX12.
    pub backend: String,
    /// Whether the window draws on the very same device.
    pub shared: bool,
    /// What it computes in.
    pub precision: &'static str,
    /// Whether it holds weights in half precision that files have so.
    pub half_weights: bool,
    /// Threads that compute on the host.
    pub threads: usize,
    /// Bytes that the process holds in RAM; none where the system does not say. [`crate::engine::memory::resident`]
    /// tells it at any time, from any thread.
    pub process_bytes: Option<u64>,
    /// Bytes on the GPU; none on the CPU, whose tensors are in `process_bytes`.
    pub pool: Option<Pool>,
    /// Bytes that the device has: the machine's RAM for the CPU; none for GPUs, of which wgpu does not say it.
    pub total_bytes: Option<u64>,
}

/// burn's memory on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Bytes that tensors take.
    pub in_use: u64,
    /// Bytes held, with those kept for the next tensors.
    pub reserved: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_reads_as_it_is_written_and_nonsense_is_told() {
        let all = [
            DeviceChoice::Auto,
            DeviceChoice::Flex,
            DeviceChoice::Wgpu,
            DeviceChoice::Adapter(0),
            DeviceChoice::Adapter(12),
        ];
        for device in all {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        assert_eq!("wgpu:1".parse(), Ok(DeviceChoice::Adapter(1)));
        for wrong in ["", "tpu", "wgpu:", "wgpu:x", "wgpu:-1", "wgpu:300", "flex:1"] {
            let words = wrong.parse::<DeviceChoice>().unwrap_err();
            assert!(words.starts_with(&format!("`{wrong}` is no device; choose auto, flex (the CPU)")), "{words}");
        }
    }
}
