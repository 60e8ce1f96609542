//! `podium devices`

use super::say;
use crate::engine::device::{NO_ADAPTER, adapters, open};
use crate::engine::memory;
use crate::link::{AdapterKind, DeviceChoice};

/// Lists the devices and which one `auto` takes.
pub fn list() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = memory::total().map_or_else(String::new, |bytes| format!(", {} of memory", memory::words(bytes)));
    say::line(format_args!("flex   the CPU, {threads} threads{memory}"));
    let adapters = adapters();
    for (number, adapter) in adapters.iter().enumerate() {
        let note = if adapter.kind == AdapterKind::Software { " (far slower than flex)" } else { "" };
        say::line(format_args!("wgpu:{number} {} · {} · {}{note}", adapter.name, adapter.backend, adapter.kind));
    }
    if adapters.is_empty() {
        say::line(format_args!("wgpu   none: {NO_ADAPTER}"));
    }
    // `auto` always has the CPU to fall back to.
    if let Ok(opened) = open(DeviceChoice::Auto) {
        say::line(format_args!("auto   takes: {}", opened.name));
    }
}
