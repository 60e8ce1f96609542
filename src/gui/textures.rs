//! Textures for egui, made once from what they show and dropped when nothing has drawn them for a while.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::{RgbImage, RgbaImage};

/// Frames for which a texture that nothing draws is kept.
const KEPT_FRAMES: u64 = 240;

/// The textures in use.
#[derive(Default)]
pub struct Textures {
    known: HashMap<u64, (TextureHandle, u64)>,
    frame: u64,
}

impl Textures {
    /// A texture by a key that says all there is to say about its pixels, made by `make` where it is not known.
    pub fn get(&mut self, ctx: &Context, key: impl Hash, make: impl FnOnce() -> ColorImage) -> TextureHandle {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let key = hasher.finish();
        let frame = self.frame;
        let (texture, used) = self.known.entry(key).or_insert_with(|| {
            let options = TextureOptions::LINEAR;
            (ctx.load_texture(format!("podium-{key:x}"), make(), options), frame)
        });
        *used = frame;
        texture.clone()
    }

    /// Once a frame: drops what was not drawn for a while.
    pub fn sweep(&mut self) {
        self.frame += 1;
        let frame = self.frame;
        self.known.retain(|_, (_, used)| frame - *used <= KEPT_FRAMES);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// A picture as egui has it.
pub fn opaque(picture: &RgbImage) -> ColorImage {
    let (width, height) = picture.dimensions();
    ColorImage::from_rgb([width as usize, height as usize], picture.as_raw())
}

/// A picture with transparency as egui has it.
pub fn transparent(picture: &RgbaImage) -> ColorImage {
    let (width, height) = picture.dimensions();
    ColorImage::from_rgba_unmultiplied([width as usize, height as usize], picture.as_raw())
}
