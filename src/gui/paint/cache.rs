//! The textures that are on the GPU: each uploaded once, dropped when nobody drew it for a while.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Weak;

use eframe::wgpu;
use image::RgbaImage;
use image::imageops::thumbnail;

use super::source::{Key, Load};

/// A texture that was not drawn in so many frames is dropped: two seconds of a window that is drawn all the time.
pub(super) const FRAMES_KEPT: u64 = 120;

/// How much may be kept of what was not drawn in the last frame.
const MOST_IDLE: usize = 256;
const MOST_IDLE_BYTES: u64 = 256 << 20;

struct Entry {
    view: wgpu::TextureView,
    owner: Option<Weak<dyn Any + Send + Sync>>,
    bytes: u64,
    drawn: u64,
}

impl Entry {
    fn is_stale(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.strong_count() == 0)
    }
}

/// Textures by their keys.
#[derive(Default)]
pub(super) struct Textures {
    entries: HashMap<Key, Entry>,
    frame: u64,
}

impl Textures {
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Begins a frame, which is when textures are dropped.
    pub fn begin_frame(&mut self) {
        let last = self.frame;
        self.frame += 1;
        self.entries.retain(|_, entry| !entry.is_stale() && entry.drawn + FRAMES_KEPT > last);
        let mut idle: Vec<(u64, u64)> = self.idle(last).map(|entry| (entry.drawn, entry.bytes)).collect();
        idle.sort_unstable_by_key(|&(drawn, _)| std::cmp::Reverse(drawn));
        let mut bytes = 0;
        let surplus = idle.iter().enumerate().find_map(|(index, &(drawn, size))| {
            bytes += size;
            (index >= MOST_IDLE || bytes > MOST_IDLE_BYTES).then_some(drawn)
        });
        if let Some(oldest) = surplus {
            self.entries.retain(|_, entry| entry.drawn >= last || entry.drawn > oldest);
        }
    }

    fn idle(&self, last: u64) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| entry.drawn < last)
    }

    /// The texture, uploaded if it is not there. None if it cannot be: too large a grid, or bytes that do not fit it.
    pub fn get(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, load: &Load) -> Option<wgpu::TextureView> {
        if let Some(entry) = self.entries.get_mut(&load.key)
            && !entry.is_stale()
        {
            entry.drawn = self.frame;
            return Some(entry.view.clone());
        }
        let (texture, bytes) = upload(device, queue, &load.key, (load.bytes)())?;
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let entry = Entry { view: view.clone(), owner: load.owner.clone(), bytes, drawn: self.frame };
        self.entries.insert(load.key.clone(), entry);
        Some(view)
    }
}

fn upload(device: &wgpu::Device, queue: &wgpu::Queue, key: &Key, bytes: Vec<u8>) -> Option<(wgpu::Texture, u64)> {
    let limit = device.limits().max_texture_dimension_2d;
    let longest = key.width.max(key.height);
    if longest <= limit {
        return Some((texture(device, queue, key, &bytes)?, bytes.len() as u64));
    }
    if key.format != wgpu::TextureFormat::Rgba8Unorm {
        return None;
    }
    // A picture larger than the GPU takes is shown smaller: on no screen is it seen whole at its full size.
    let side = |side: u32| (u64::from(side) * u64::from(limit)).div_ceil(u64::from(longest)).max(1) as u32;
    let picture = RgbaImage::from_raw(key.width, key.height, bytes)?;
    let smaller = thumbnail(&picture, side(key.width).min(limit), side(key.height).min(limit));
    let key = Key { width: smaller.width(), height: smaller.height(), ..key.clone() };
    Some((texture(device, queue, &key, &smaller)?, smaller.as_raw().len() as u64))
}

fn texture(device: &wgpu::Device, queue: &wgpu::Queue, key: &Key, bytes: &[u8]) -> Option<wgpu::Texture> {
    let texel = key.format.block_copy_size(None)?;
    let row = key.width.checked_mul(texel)?;
    if u64::from(row) * u64::from(key.height) != bytes.len() as u64 {
        return None;
    }
    let size = wgpu::Extent3d { width: key.width, height: key.height, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("podium texels"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: key.format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: Some(key.height) };
    queue.write_texture(texture.as_image_copy(), bytes, layout, size);
    Some(texture)
}
