//! Rectangles drawn cheaply where a software rasterizer draws the window.
//!
//! egui's fragment shader samples a texture and holds a second way to do it, by hand, for tests; a software rasterizer
//! such as lavapipe needs some 140 ns for a pixel of it. The rectangles of panels, cards and buttons are most of a
//! window's pixels, and egui cuts round ones into slivers that cost far more pixels than they cover. So their insides,
//! which are one colour, are drawn by `shaders/fill.wgsl` at a twentieth of that, and the band along their edge, with
//! rounded corners and line, by `shaders/frame.wgsl`. Only corners look different, by a shade. On a GPU there is nothing
//! to gain, so [`install`](super::install) adds this to software adapters only.

use eframe::egui::emath::{GuiRounding, TSTransform};
use eframe::egui::epaint::{ClippedShape, RectShape};
use eframe::egui::{Color32, Context, FullOutput, Plugin, Rect, Shape, StrokeKind};

use super::drawing::{Drawing, drawing};
use super::gpu::Shader;

/// Rectangles whose width and height add up to less, in points, are not worth a drawing of their own.
const LEAST: f32 = 28.0;
/// Insides of fewer square points than this are drawn with the band around them.
const LEAST_INSIDE: f32 = 1500.0;

/// Gives large plain rectangles to shaders that do no more than they need.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grounds;

impl Plugin for Grounds {
    fn debug_name(&self) -> &'static str {
        "podium grounds"
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        let pixel = 1.0 / output.pixels_per_point;
        let shapes = std::mem::take(&mut output.shapes);
        output.shapes.reserve(shapes.len() * 2);
        for shape in shapes {
            match Ground::of(&shape, pixel) {
                Some(ground) => output.shapes.extend(ground.drawings(&shape)),
                None => output.shapes.push(shape),
            }
        }
    }
}

/// A rectangle with its line inside.
struct Ground {
    rect: Rect,
    /// Within, where all is fill; none where that is too little.
    inside: Option<Rect>,
    /// How thick the band is between the two.
    band: f32,
    fill: Color32,
    line: (f32, Color32),
    corners: [f32; 4],
}

impl Ground {
    fn of(shape: &ClippedShape, pixel: f32) -> Option<Self> {
        let Shape::Rect(rect) = &shape.shape else { return None };
        let still = shape.transform_after_tessellation == TSTransform::IDENTITY && rect.angle == 0.0;
        let plain = rect.brush.is_none() && rect.blur_width == 0.0 && rect.round_to_pixels.is_none();
        let line =
            if rect.stroke.is_empty() { (0.0, Color32::TRANSPARENT) } else { (rect.stroke.width, rect.stroke.color) };
        // A line on the edge is rounded to pixels in a way of its own.
        let known = line.0 == 0.0 || rect.stroke_kind != StrokeKind::Middle;
        if !still || !plain || !known || rect.fill.a() == 0 || !rect.rect.is_finite() {
            return None;
        }
        Self::placed(rect, line, pixel)
    }

    fn placed(shape: &RectShape, line: (f32, Color32), pixel: f32) -> Option<Self> {
        let beyond = if shape.stroke_kind == StrokeKind::Outside { line.0 } else { 0.0 };
        let rect = shape.rect.round_to_pixels(1.0 / pixel).expand(beyond);
        let size = rect.size();
        if size.x + size.y < LEAST || size.min_elem() <= 2.0 * line.0 + 2.0 * pixel {
            return None;
        }
        let radius = &shape.corner_radius;
        let most = 0.5 * size.min_elem();
        let corner = |radius: u8| (f32::from(radius) + if radius > 0 { beyond } else { 0.0 }).min(most);
        let corners = [radius.nw, radius.ne, radius.se, radius.sw].map(corner);
        let largest = corners.into_iter().fold(line.0, f32::max);
        // From pixel to pixel, so that nothing is drawn twice.
        let band = if largest > 0.0 { (largest / pixel).ceil() * pixel + pixel } else { 0.0 };
        let inside = Some(rect.shrink(band)).filter(|inside| inside.is_positive() && inside.area() >= LEAST_INSIDE);
        let band = if inside.is_some() { band } else { most };
        Some(Self { rect, inside, band, fill: shape.fill, line, corners })
    }

    fn drawings(self, shape: &ClippedShape) -> impl Iterator<Item = ClippedShape> {
        let clip = shape.clip_rect;
        let inside = self.inside.map(|inside| Drawing { colors: [self.fill; 2], ..drawing(Shader::Fill, inside) });
        let band = (self.band > 0.0).then(|| Drawing {
            colors: [self.fill, self.line.1],
            numbers: [self.line.0, self.band, 0.0, 0.0],
            corners: self.corners,
            ..drawing(Shader::Frame, self.rect)
        });
        let transform_after_tessellation = shape.transform_after_tessellation;
        // What lies on the clip's edge is let through pixel by pixel, as egui's own shapes are.
        let drawn = inside.into_iter().chain(band).filter_map(move |drawing| drawing.callback(clip.expand(1.0)));
        drawn.map(move |callback| ClippedShape {
            clip_rect: clip,
            shape: Shape::Callback(callback),
            transform_after_tessellation,
        })
    }
}
