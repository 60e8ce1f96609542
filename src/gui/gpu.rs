//! One wgpu device for window and engine, where that is a real GPU: no second context, no second pool of memory.

use std::sync::Arc;

use eframe::egui_wgpu::{RenderState, WgpuConfiguration, WgpuSetup};

use crate::engine::device::{self, SharedGpu};

/// Asks for a device that the engine can use too. A software adapter is asked for what the window alone needs.
pub fn options() -> WgpuConfiguration {
    let mut options = WgpuConfiguration::default();
    if let WgpuSetup::CreateNew(setup) = &mut options.wgpu_setup {
        let usual = setup.device_descriptor.clone();
        setup.device_descriptor = Arc::new(move |adapter| {
            let mut descriptor = usual(adapter);
            if adapter.get_info().device_type != wgpu::DeviceType::Cpu {
                let (features, limits) = device::required_limits(adapter);
                descriptor.required_features |= features;
                descriptor.required_limits = limits;
                // The engine keeps pools of its own.
                descriptor.memory_hints = wgpu::MemoryHints::MemoryUsage;
            }
            descriptor
        });
    }
    options
}

/// The window's device, for the engine to share.
pub fn shared(state: Option<&RenderState>) -> Option<SharedGpu> {
    let RenderState { instance, adapter, device, queue, .. } = state?;
    Some(SharedGpu {
        instance: instance.clone(),
        adapter: adapter.clone(),
        device: device.clone(),
        queue: queue.clone(),
    })
}
