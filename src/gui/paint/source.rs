//! What callers hand over: something they share behind an `Arc`, or a part of it, that becomes a texture once.
//!
//! A texture is known by where its texels lie in memory and how many they are. That is safe as long as the owner lives,
//! and whoever lives behind an `Arc` does not change (what changes itself from within, by a lock or a cell, must not be
//! handed over). The cache keeps a weak reference to the owner: once the owner is gone, or was changed by
//! `Arc::make_mut`, which moves it where weak references exist, the address stands for nothing and the texture is stale.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use eframe::egui::{Color32, ColorImage};
use eframe::wgpu::TextureFormat;
use image::{GrayImage, RgbImage, RgbaImage};

use crate::engine::masks::Mask;
use crate::link::{AttentionView, ClusterView};

/// A kind of picture: what [`picture`](super::picture) and [`compare`](super::compare) draw.
pub enum Pixels {}
/// A kind of grid: numbers 0..1, what [`heatmap`](super::heatmap) draws.
pub enum Values {}
/// A kind of grid: labels, what [`clusters`](super::clusters) draws.
pub enum Labels {}
/// A kind of grid: cells that belong or do not, what [`mask`](super::mask) draws.
pub enum Cells {}

/// Row-major texels as they lie in memory.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// Red, green, blue; sRGB.
    Rgb(&'a [u8]),
    /// Red, green, blue, alpha; sRGB, not premultiplied.
    Rgba(&'a [u8]),
    /// egui's colours.
    Colors(&'a [Color32]),
    /// 0..1; what lies outside is taken to the nearer end, NaN to 0.
    Values(&'a [f32]),
    /// Labels below 2^24.
    Labels(&'a [u32]),
    /// On or off.
    Cells(&'a [bool]),
    /// 0 off to 255 on, the edge at one half.
    Cover(&'a [u8]),
}

/// Something that can become a texture.
pub trait Texels {
    /// What it is good for: [`Pixels`], [`Values`], [`Labels`] or [`Cells`].
    type Kind;

    /// Its height, its width and its row-major texels. Where the three do not fit together nothing is drawn.
    fn texels(&self) -> (usize, usize, Raw<'_>);
}

impl Texels for RgbaImage {
    type Kind = Pixels;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.height() as usize, self.width() as usize, Raw::Rgba(self.as_raw()))
    }
}

impl Texels for RgbImage {
    type Kind = Pixels;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.height() as usize, self.width() as usize, Raw::Rgb(self.as_raw()))
    }
}

impl Texels for ColorImage {
    type Kind = Pixels;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.size[1], self.size[0], Raw::Colors(&self.pixels))
    }
}

impl Texels for AttentionView {
    type Kind = Values;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.grid.0, self.grid.1, Raw::Values(&self.values))
    }
}

impl Texels for ClusterView {
    type Kind = Labels;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.grid.0, self.grid.1, Raw::Labels(&self.labels))
    }
}

impl Texels for Mask {
    type Kind = Cells;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.height, self.width, Raw::Cells(&self.on))
    }
}

impl Texels for GrayImage {
    type Kind = Cells;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.height() as usize, self.width() as usize, Raw::Cover(self.as_raw()))
    }
}

/// A row-major grid of numbers, for callers that have them from elsewhere than an [`AttentionView`].
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `height * width` numbers, 0..1.
    pub values: Vec<f32>,
}

impl Texels for Grid {
    type Kind = Values;

    fn texels(&self) -> (usize, usize, Raw<'_>) {
        (self.height, self.width, Raw::Values(&self.values))
    }
}

impl Raw<'_> {
    fn address(self) -> usize {
        match self {
            Self::Rgb(texels) | Self::Rgba(texels) | Self::Cover(texels) => texels.as_ptr().addr(),
            Self::Colors(texels) => texels.as_ptr().addr(),
            Self::Values(texels) => texels.as_ptr().addr(),
            Self::Labels(texels) => texels.as_ptr().addr(),
            Self::Cells(texels) => texels.as_ptr().addr(),
        }
    }

    /// How many texels there are; none where the last one is torn.
    fn count(self) -> Option<usize> {
        match self {
            Self::Rgb(texels) => texels.len().is_multiple_of(3).then_some(texels.len() / 3),
            Self::Rgba(texels) => texels.len().is_multiple_of(4).then_some(texels.len() / 4),
            Self::Cover(texels) => Some(texels.len()),
            Self::Colors(texels) => Some(texels.len()),
            Self::Values(texels) => Some(texels.len()),
            Self::Labels(texels) => Some(texels.len()),
            Self::Cells(texels) => Some(texels.len()),
        }
    }

    fn format(self) -> TextureFormat {
        match self {
            // Without gamma: shaders mix colours as egui does, as they are.
            Self::Rgb(_) | Self::Rgba(_) | Self::Colors(_) => TextureFormat::Rgba8Unorm,
            Self::Values(_) | Self::Labels(_) => TextureFormat::R32Float,
            Self::Cells(_) | Self::Cover(_) => TextureFormat::R8Unorm,
        }
    }

    /// As the texture takes them.
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Rgb(texels) => texels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
            Self::Rgba(texels) => {
                let premultiply =
                    |rgba: &[u8]| Color32::from_rgba_unmultiplied(rgba[0], rgba[1], rgba[2], rgba[3]).to_array();
                texels.chunks_exact(4).flat_map(premultiply).collect()
            }
            Self::Colors(texels) => texels.iter().flat_map(Color32::to_array).collect(),
            Self::Values(texels) => texels.iter().flat_map(|&value| unit(value).to_ne_bytes()).collect(),
            Self::Labels(texels) => texels.iter().flat_map(|&label| (label as f32).to_ne_bytes()).collect(),
            Self::Cells(texels) => texels.iter().map(|&on| if on { 255 } else { 0 }).collect(),
            Self::Cover(texels) => texels.to_vec(),
        }
    }
}

/// Taken into 0..1, NaN to 0.
pub(super) fn unit(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// Something shared, or a part of it, to be drawn: cheap to make and to clone, every frame anew.
///
/// ```text
/// let picture: Source<Pixels> = Source::new(&picture);
/// let mask: Source<Cells> = Source::part(&step, move |step: &StepView| Some(&step.masks.first()?.get(index)?.combined));
/// ```
pub struct Source<Kind> {
    pub(super) load: Option<Load>,
    kind: PhantomData<fn() -> Kind>,
}

impl<Kind> Clone for Source<Kind> {
    fn clone(&self) -> Self {
        Self { load: self.load.clone(), kind: PhantomData }
    }
}

impl<Kind> Source<Kind> {
    /// All of something shared.
    pub fn new<T>(owner: &Arc<T>) -> Self
    where
        T: Texels<Kind = Kind> + Send + Sync + 'static,
    {
        Self::part(owner, |whole: &T| Some(whole))
    }

    /// A part of something shared, such as one mask of a step. `part` must always pick the same one; where it picks
    /// none, nothing is drawn.
    pub fn part<O, T>(owner: &Arc<O>, part: impl Fn(&O) -> Option<&T> + Send + Sync + 'static) -> Self
    where
        O: Send + Sync + 'static,
        T: Texels<Kind = Kind> + 'static,
    {
        let key = part(owner).and_then(|texels| Key::of(texels.texels()));
        let load = key.map(|key| {
            let owner = Arc::clone(owner);
            let shared: Arc<dyn Any + Send + Sync> = owner.clone();
            let bytes = move || part(&owner).map(|texels| texels.texels().2.bytes()).unwrap_or_default();
            Load { key, owner: Some(Arc::downgrade(&shared)), bytes: Arc::new(bytes) }
        });
        Self { load, kind: PhantomData }
    }
}

/// Which texture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub format: TextureFormat,
    pub width: u32,
    pub height: u32,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Content {
    /// Texels at an address, for as long as their owner lives.
    At(usize),
    /// Colours themselves.
    Colors(Vec<[u8; 4]>),
}

impl Key {
    fn of((height, width, raw): (usize, usize, Raw<'_>)) -> Option<Self> {
        let count = raw.count()?;
        if count == 0 || height.checked_mul(width)? != count {
            return None;
        }
        let content = Content::At(raw.address());
        Some(Self { format: raw.format(), width: width.try_into().ok()?, height: height.try_into().ok()?, content })
    }
}

/// How a texture is known and where its bytes come from if it is not there yet.
#[derive(Clone)]
pub(super) struct Load {
    pub key: Key,
    /// None where the key is the content itself.
    pub owner: Option<Weak<dyn Any + Send + Sync>>,
    /// As many as the key's size and format want. Holds the owner, so that the address is good until it was asked.
    pub bytes: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
}

impl Load {
    /// A row of colours, premultiplied. None of none.
    pub fn colors(colors: Vec<[u8; 4]>) -> Option<Self> {
        let width = u32::try_from(colors.len()).ok().filter(|&width| width > 0)?;
        let bytes = colors.concat();
        let key = Key { format: TextureFormat::Rgba8Unorm, width, height: 1, content: Content::Colors(colors) };
        Some(Self { key, owner: None, bytes: Arc::new(move || bytes.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<Kind>(source: &Source<Kind>) -> Option<Vec<u8>> {
        source.load.as_ref().map(|load| (load.bytes)())
    }

    #[test]
    fn what_does_not_fit_its_size_is_not_drawn() {
        let torn = |height, width, values| Source::new(&Arc::new(Grid { height, width, values })).load.is_none();
        assert!(torn(2, 2, vec![0.5; 3]));
        assert!(torn(0, 0, vec![]));
        assert!(torn(usize::MAX, 2, vec![0.5; 2]));
        assert!(!torn(1, 2, vec![0.5; 2]));
        let mask = Arc::new(Mask { height: 1, width: 1, on: vec![] });
        assert!(Source::new(&mask).load.is_none());
        let masks = Arc::new(vec![Mask::empty(1, 1)]);
        assert!(Source::part(&masks, |masks| masks.get(1)).load.is_none());
        assert!(Load::colors(vec![]).is_none());
    }

    #[test]
    fn the_same_part_is_the_same_texture_and_others_are_others() {
        let masks = Arc::new(vec![Mask::empty(2, 3), Mask::empty(2, 3)]);
        let key = |index: usize| Source::part(&masks, move |masks| masks.get(index)).load.map(|load| load.key);
        assert_eq!(key(0), key(0));
        assert_ne!(key(0), key(1));
    }

    #[test]
    fn texels_become_what_shaders_expect() {
        let clear = Arc::new(RgbaImage::from_pixel(1, 1, image::Rgba([200, 100, 50, 0])));
        assert_eq!(bytes(&Source::new(&clear)), Some(vec![0; 4]));
        let opaque = Arc::new(RgbImage::from_pixel(1, 1, image::Rgb([200, 100, 50])));
        assert_eq!(bytes(&Source::new(&opaque)), Some(vec![200, 100, 50, 255]));
        let wild = Arc::new(Grid { height: 1, width: 3, values: vec![f32::NAN, 7.0, -1.0] });
        let sane: Vec<u8> = [0.0_f32, 1.0, 0.0].iter().flat_map(|value| value.to_ne_bytes()).collect();
        assert_eq!(bytes(&Source::new(&wild)), Some(sane));
        let mask = Arc::new(Mask { height: 1, width: 2, on: vec![true, false] });
        assert_eq!(bytes(&Source::new(&mask)), Some(vec![255, 0]));
    }

    #[test]
    fn a_source_does_not_let_its_owner_go_but_what_the_cache_keeps_does() {
        let grid = Arc::new(Grid { height: 1, width: 1, values: vec![0.5] });
        let source = Source::new(&grid);
        drop(grid);
        let weak = source.load.as_ref().and_then(|load| load.owner.clone()).unwrap();
        assert_eq!(weak.strong_count(), 1);
        drop(source);
        assert_eq!(weak.strong_count(), 0);
    }
}
