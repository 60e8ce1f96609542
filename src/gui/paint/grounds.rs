//! Large grounds drawn cheaply where a software rasterizer draws the window.
//!
//! egui's fragment shader samples a texture and holds a second way to do it, by hand, for tests; a software rasterizer
//! such as lavapipe computes both for every pixel, some 140 ns each, and the grounds of panels and cards are most of a
//! window's pixels. Their insides are one colour, so they are drawn by `shaders/fill.wgsl` at a twentieth of that; the
//! rims, with rounded corners and strokes, stay egui's. The picture is the same to the bit. On a GPU there is nothing
//! to gain, so [`install`](super::install) adds this to software adapters only.

use eframe::egui::emath::TSTransform;
use eframe::egui::epaint::{ClippedShape, RectShape};
use eframe::egui::{Context, FullOutput, Plugin, Rect, Shape, pos2};

use super::drawing;
use super::gpu::Shader;

/// Insides of fewer square points than this are not worth a drawing of their own.
const LEAST: f32 = 2500.0;

/// Takes the insides out of large filled rectangles and gives them to a shader that does no more than fill.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grounds;

impl Plugin for Grounds {
    fn debug_name(&self) -> &'static str {
        "podium grounds"
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        let pixel = 1.0 / output.pixels_per_point;
        if !output.shapes.iter().any(|shape| inside(shape, pixel).is_some()) {
            return;
        }
        let shapes = std::mem::take(&mut output.shapes);
        output.shapes.reserve(shapes.len() * 2);
        for shape in shapes {
            match inside(&shape, pixel) {
                Some((inside, rect)) => output.shapes.extend(divided(&shape, inside, rect)),
                None => output.shapes.push(shape),
            }
        }
    }
}

/// The part of a large filled rectangle that is nothing but its fill, from pixel to pixel.
fn inside(shape: &ClippedShape, pixel: f32) -> Option<(Rect, &RectShape)> {
    let Shape::Rect(rect) = &shape.shape else { return None };
    let plain = rect.brush.is_none() && rect.blur_width == 0.0 && rect.angle == 0.0;
    let moved = shape.transform_after_tessellation != TSTransform::IDENTITY;
    if !plain || moved || rect.fill.a() == 0 || !rect.rect.is_finite() {
        return None;
    }
    let radius = &rect.corner_radius;
    let corner = f32::from(radius.nw.max(radius.ne).max(radius.sw).max(radius.se));
    // The smoothing of the edge, and what egui rounds it by.
    let rim = corner.max(rect.stroke.width) + 2.0 * pixel;
    let inner = rect.rect.shrink(rim).intersect(shape.clip_rect);
    let inner = Rect::from_min_max(
        pos2((inner.left() / pixel).ceil() * pixel, (inner.top() / pixel).ceil() * pixel),
        pos2((inner.right() / pixel).floor() * pixel, (inner.bottom() / pixel).floor() * pixel),
    );
    (inner.is_positive() && inner.area() >= LEAST).then_some((inner, rect))
}

/// The inside, and the rim in four parts.
fn divided(shape: &ClippedShape, inside: Rect, rect: &RectShape) -> impl Iterator<Item = ClippedShape> {
    let clip = shape.clip_rect;
    let fill = drawing(Shader::Fill, inside);
    let fill = super::drawing::Drawing { colors: [rect.fill; 2], ..fill }.callback(clip);
    let fill =
        fill.map(|callback| ClippedShape { clip_rect: inside, shape: Shape::Callback(callback), ..shape.clone() });
    let beside = clip.with_min_y(inside.top()).with_max_y(inside.bottom());
    let parts = [
        clip.with_max_y(inside.top()),
        clip.with_min_y(inside.bottom()),
        beside.with_max_x(inside.left()),
        beside.with_min_x(inside.right()),
    ];
    let rims = parts.into_iter().filter(|part| part.is_positive());
    let rims: Vec<_> = rims.map(|clip_rect| ClippedShape { clip_rect, ..shape.clone() }).collect();
    fill.into_iter().chain(rims)
}
