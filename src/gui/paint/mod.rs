//! Pictures, masks and attention, drawn by the shaders in `shaders/` as part of egui's own pass.
//!
//! Every function takes a [`Painter`] and the place of the *whole* drawing in points, which may lie outside the window
//! or reach far beyond it; what the painter's clip lets through is drawn, blended over what lies below as egui blends.
//! Rows run downwards. What cannot be drawn (a grid whose length does not fit its size, an empty place, a place that is
//! not finite) is not, and neither is anything where egui has no wgpu to draw with; nothing here fails.
//!
//! Textures are uploaded once and dropped when they were not drawn for 120 frames, or their owner is gone; see
//! [`Source`]. Places are on screen: inside an [`eframe::egui::Scene`], whose layer is transformed, transform them before.

mod cache;
mod color_map;
mod drawing;
mod gpu;
mod grounds;
mod source;

use eframe::egui::{Color32, Context, Painter, Pos2, Rect};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu::{DeviceType, TextureFormat};
use serde::{Deserialize, Serialize};

pub use color_map::{ColorMap, ENTRIES};
pub use grounds::Grounds;
pub use source::{Cells, Grid, Labels, Pixels, Raw, Source, Texels, Values};

use drawing::Drawing;
use gpu::{Gpu, Shader};
use source::Load;

/// What is shown between the centres of two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sampling {
    /// The nearer one: cells are seen as they are.
    #[default]
    Nearest,
    /// Something in between. What is shown smaller than it is, is averaged.
    Smooth,
}

/// The line around a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Outline {
    /// None.
    None,
    /// A line without gaps.
    #[default]
    Solid,
    /// Dashes that stand still.
    Dashed,
    /// Dashes that have gone clockwise by so many points, the gaps black or white: the sign that a mask can be edited.
    /// Who draws them asks for the next frame.
    Marching(f32),
}

/// How a mask is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskStyle {
    /// Of the fill and the line.
    pub color: Color32,
    /// The fill's opacity, 0..1.
    pub fill: f32,
    /// The line, two points thick at every zoom.
    pub outline: Outline,
    /// Whether cells are seen as they are, or as the shape that they stand for.
    pub sampling: Sampling,
}

impl MaskStyle {
    /// The opacity of a mask's fill where nothing else is said.
    pub const FILL: f32 = 0.18;

    /// The usual way: a fill of 18 % and a solid line, smooth.
    pub fn new(color: Color32) -> Self {
        Self { color, fill: Self::FILL, outline: Outline::Solid, sampling: Sampling::Smooth }
    }
}

/// How thick a mask's line is, in points.
const LINE: f32 = 2.0;

/// What egui draws on. Without [`install`] it is what egui prefers, and what its test harness draws on.
#[derive(Clone, Copy)]
struct Target(TextureFormat);

impl Default for Target {
    fn default() -> Self {
        Self(TextureFormat::Rgba8Unorm)
    }
}

/// Tells the shaders what the window's target is; to be called once, before the first frame. Takes what
/// `eframe::CreationContext` has; none, where egui does not draw with wgpu, is no error.
///
/// The window must be without multisampling and depth buffer, which is eframe's default.
pub fn install(ctx: &Context, render_state: Option<&RenderState>) {
    if let Some(state) = render_state {
        if state.adapter.get_info().device_type == DeviceType::Cpu {
            ctx.add_plugin(Grounds);
        }
        let resources = &mut state.renderer.write().callback_resources;
        resources.insert(Target(state.target_format));
        // It may have been made for another target.
        resources.remove::<Gpu>();
    }
}

/// How many textures are kept on the GPU, for tests and for whoever wonders where its memory went.
pub fn textures(render_state: &RenderState) -> usize {
    render_state.renderer.read().callback_resources.get::<Gpu>().map_or(0, |gpu| gpu.textures.count())
}

/// The board that shows through where a picture is transparent: squares of `side` points, the first colour in the top
/// left corner of `place`.
pub fn checker(painter: &Painter, place: Rect, side: f32, colors: [Color32; 2]) {
    if side > 0.0 {
        Drawing { colors, numbers: [side, 0.0, 0.0, 0.0], ..drawing(Shader::Checker, place) }.paint(painter);
    }
}

/// A picture, stretched over `place`.
pub fn picture(painter: &Painter, place: Rect, picture: &Source<Pixels>, sampling: Sampling) {
    if let Some(load) = picture.load.clone() {
        Drawing { sampling, loads: [Some(load), None], ..drawing(Shader::Picture, place) }.paint(painter);
    }
}

/// A picture on a parallelogram, as cutouts are scaled and turned. `corners` are where its own top left, top right,
/// bottom right and bottom left are; `opacity` 0..1. One that is much larger than the place must be made smaller before.
pub fn layer(painter: &Painter, corners: [Pos2; 4], picture: &Source<Pixels>, opacity: f32) {
    let [origin, right, _, below] = corners;
    let (across, down) = (right - origin, below - origin);
    let area = across.x * down.y - across.y * down.x;
    let Some(load) = picture.load.clone().filter(|_| area.abs() > f32::EPSILON) else {
        return;
    };
    Drawing {
        // Half a pixel of smoothed edge.
        margin: 1.0,
        numbers: [down.y, -down.x, -across.y, across.x].map(|length| length / area),
        opacity: unit(opacity),
        loads: [Some(load), None],
        ..drawing(Shader::Layer, Rect::from_points(&corners))
    }
    .paint(painter);
}

/// Two pictures in one place: the first left of a vertical line, the second right of it. `split` is where the line
/// stands, 0..1 of the place's width.
pub fn compare(painter: &Painter, place: Rect, pictures: [&Source<Pixels>; 2], split: f32, sampling: Sampling) {
    let [Some(before), Some(after)] = pictures.map(|picture| picture.load.clone()) else {
        return;
    };
    Drawing {
        colors: [Color32::WHITE, Color32::from_black_alpha(102)],
        numbers: [unit(split), 0.0, 0.0, 0.0],
        sampling,
        loads: [Some(before), Some(after)],
        ..drawing(Shader::Compare, place)
    }
    .paint(painter);
}

/// A grid of numbers 0..1 in a map's colours. `opacity` 0..1.
pub fn heatmap(
    painter: &Painter,
    place: Rect,
    values: &Source<Values>,
    map: ColorMap,
    sampling: Sampling,
    opacity: f32,
) {
    let table = Load::colors(map.table().iter().map(|&[r, g, b]| [r, g, b, 255]).collect());
    if let Some(load) = values.load.clone() {
        Drawing { sampling, opacity, loads: [Some(load), table], ..drawing(Shader::Heatmap, place) }.paint(painter);
    }
}

/// A grid of labels, each in its colour; where labels go beyond the colours, these start again. `opacity` 0..1.
pub fn clusters(painter: &Painter, place: Rect, labels: &Source<Labels>, colors: &[Color32], opacity: f32) {
    let colors = Load::colors(colors.iter().map(Color32::to_array).collect());
    if let (Some(labels), Some(colors)) = (labels.load.clone(), colors) {
        Drawing { opacity, loads: [Some(labels), Some(colors)], ..drawing(Shader::Clusters, place) }.paint(painter);
    }
}

/// A mask. Half the line's thickness lies within the mask, half outside, and so beyond `place` where the mask ends
/// with it.
pub fn mask(painter: &Painter, place: Rect, mask: &Source<Cells>, style: MaskStyle) {
    // The numbers that mask.wgsl gives the outlines.
    let (outline, way) = match style.outline {
        Outline::None => (0, 0.0),
        Outline::Solid => (1, 0.0),
        Outline::Dashed => (2, 0.0),
        Outline::Marching(way) => (3, way),
    };
    let Some(load) = mask.load.clone() else {
        return;
    };
    Drawing {
        margin: LINE,
        colors: [style.color, drawing::against(style.color)],
        numbers: [unit(style.fill), 0.0, way, LINE],
        outline,
        sampling: style.sampling,
        loads: [Some(load), None],
        ..drawing(Shader::Mask, place)
    }
    .paint(painter);
}

/// Taken into 0..1, NaN to 0.
fn unit(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

fn drawing(shader: Shader, place: Rect) -> Drawing {
    Drawing {
        shader,
        place,
        margin: 0.0,
        colors: [Color32::TRANSPARENT; 2],
        numbers: [0.0; 4],
        corners: [0.0; 4],
        opacity: 1.0,
        sampling: Sampling::Nearest,
        outline: 0,
        loads: [None, None],
    }
}
