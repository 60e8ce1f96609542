//! Textures for egui, made once from what they show and dropped when nothing has drawn them for a while.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions};
use image::{RgbImage, RgbaImage};

use crate::project::picture;

/// Frames for which a texture that nothing draws is kept.
const KEPT_FRAMES: u64 = 240;

/// The textures in use.
#[derive(Default)]
pub struct Textures {
    known: HashMap<u64, (TextureHandle, u64)>,
    /// Smaller versions of pictures, by where the pictures lie and how often they were halved.
    halved: HashMap<(usize, u32), Halved>,
    frame: u64,
}

struct Halved {
    smaller: Arc<RgbaImage>,
    /// Keeps the address from being another picture's.
    _whole: Arc<RgbaImage>,
    used: u64,
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

    /// A picture halved so many times, made where it is not known. The picture itself where it cannot be made.
    pub fn halved(&mut self, whole: &Arc<RgbaImage>, times: u32) -> Arc<RgbaImage> {
        if times == 0 {
            return Arc::clone(whole);
        }
        let frame = self.frame;
        let halved = self.halved.entry((Arc::as_ptr(whole).addr(), times)).or_insert_with(|| {
            let side = |side: u32| side.checked_shr(times).unwrap_or(0).max(1);
            let smaller = picture::shrink_to(whole, side(whole.width()), side(whole.height()));
            let smaller = smaller.map_or_else(|_| Arc::clone(whole), Arc::new);
            Halved { smaller, _whole: Arc::clone(whole), used: frame }
        });
        halved.used = frame;
        Arc::clone(&halved.smaller)
    }

    /// Once a frame: drops what was not drawn for a while.
    pub fn sweep(&mut self) {
        self.frame += 1;
        let frame = self.frame;
        self.known.retain(|_, (_, used)| frame - *used <= KEPT_FRAMES);
        self.halved.retain(|_, halved| frame - halved.used <= KEPT_FRAMES);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_draws_is_dropped_after_a_while_and_what_is_drawn_stays() {
        let ctx = Context::default();
        let mut textures = Textures::default();
        let whole = Arc::new(RgbaImage::new(8, 8));
        let mut made = Vec::new();
        let mut draw = |textures: &mut Textures, key: &'static str| {
            drop(textures.get(&ctx, key, || {
                made.push(key);
                transparent(&whole)
            }));
        };
        draw(&mut textures, "once");
        textures.halved(&whole, 1);
        for _ in 0..KEPT_FRAMES {
            draw(&mut textures, "always");
            textures.sweep();
        }
        assert_eq!((textures.len(), textures.halved.len()), (2, 1), "it may be looked at again");
        draw(&mut textures, "always");
        textures.sweep();
        assert_eq!((textures.len(), textures.halved.len()), (1, 0));
        draw(&mut textures, "always");
        draw(&mut textures, "once");
        assert_eq!(made, ["once", "always", "once"]);
    }
}
