//! What can be drawn, a function each.

use eframe::egui::{Color32, Painter, Pos2, Rect};

use super::color_map::ColorMap;
use super::drawing::{Drawing, against, drawing};
use super::gpu::Shader;
use super::source::{Cells, Labels, Load, Pixels, Source, Values, unit};
use super::style::{LINE, MaskStyle, Outline, Sampling};

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
        colors: [style.color, against(style.color)],
        numbers: [unit(style.fill), 0.0, way, LINE],
        outline,
        sampling: style.sampling,
        loads: [Some(load), None],
        ..drawing(Shader::Mask, place)
    }
    .paint(painter);
}
