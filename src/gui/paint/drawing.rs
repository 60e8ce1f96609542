//! One drawing, from the place in the window to the call on the GPU.

use std::sync::atomic::{AtomicUsize, Ordering};

use eframe::egui::{Color32, PaintCallback, PaintCallbackInfo, Painter, Rect, Rgba};
use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu;

use super::gpu::{Gpu, Locals, Shader, Target, Way};
use super::source::Load;
use super::style::Sampling;

/// What is to be drawn, in points.
pub(super) struct Drawing {
    pub shader: Shader,
    /// Where the whole lies.
    pub place: Rect,
    /// How far it reaches beyond that.
    pub margin: f32,
    pub colors: [Color32; 2],
    /// Whose meaning is the shader's own.
    pub numbers: [f32; 4],
    /// The radii of a frame's corners.
    pub corners: [f32; 4],
    pub opacity: f32,
    pub sampling: Sampling,
    /// The number that mask.wgsl gives a mask's outline.
    pub outline: u8,
    pub loads: [Option<Load>; 2],
}

/// A drawing that says nothing but what it is and where.
pub(super) fn drawing(shader: Shader, place: Rect) -> Drawing {
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

impl Drawing {
    /// Adds it to what the painter paints, if any of it can be seen.
    pub fn paint(mut self, painter: &Painter) {
        self.opacity *= painter.opacity();
        if let Some(callback) = self.callback(painter.clip_rect()).filter(|_| painter.is_visible()) {
            painter.add(callback);
        }
    }

    /// What of it can be seen where no more than `clip` is let through.
    pub fn callback(self, clip: Rect) -> Option<PaintCallback> {
        let seen = self.place.expand(self.margin).intersect(clip);
        let visible = self.place.is_finite() && self.place.is_positive() && seen.is_positive();
        (visible && self.opacity > 0.0)
            .then(|| Callback::new_paint_callback(seen, Prepared { drawing: self, seen, number: AtomicUsize::new(0) }))
    }
}

/// A drawing and its number in the frame that was prepared last.
struct Prepared {
    drawing: Drawing,
    seen: Rect,
    number: AtomicUsize,
}

impl Prepared {
    fn locals(&self, screen: &ScreenDescriptor) -> Locals {
        let point = screen.pixels_per_point;
        let Drawing { place, .. } = &self.drawing;
        let color = |color: Color32| color.to_array().map(|channel| f32::from(channel) / 255.0);
        Locals {
            place: [place.left(), place.top(), place.width(), place.height()].map(|length| length * point),
            seen: [self.seen.left(), self.seen.top(), self.seen.right(), self.seen.bottom()]
                .map(|length| length * point),
            first: color(self.drawing.colors[0]),
            second: color(self.drawing.colors[1]),
            numbers: self.drawing.numbers,
            corners: self.drawing.corners,
            screen: screen.size_in_pixels.map(|pixels| pixels as f32),
            point,
            opacity: self.drawing.opacity.min(1.0),
        }
    }

    fn way(&self, screen: &ScreenDescriptor) -> Way {
        let Drawing { shader, sampling, outline, place, numbers, loads, .. } = &self.drawing;
        let smooth_sampling = *sampling == Sampling::Smooth;
        let by_cover = *shader == Shader::Mask && smooth_sampling && {
            let side = |length: f32, cells: u32| length * screen.pixels_per_point / cells as f32;
            let cell = loads[0]
                .as_ref()
                .map(|Load { key, .. }| side(place.width(), key.width).min(side(place.height(), key.height)));
            // The slope between two cells must be as long as the line is thick, or it would not show all of it. Of
            // cells that small nobody sees the corners.
            let reach = 0.5 * numbers[3] * screen.pixels_per_point + 0.5;
            cell.is_some_and(|cell| 0.5 * cell >= reach)
        };
        Way { shader: *shader, smooth_sampling, outline: *outline, by_cover }
    }
}

impl CallbackTrait for Prepared {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let target = resources.get::<Target>().copied().unwrap_or_default();
        let gpu = resources.entry::<Gpu>().or_insert_with(|| Gpu::new(device, target.0));
        let number = gpu.add(device, queue, self.way(screen), self.locals(screen), &self.drawing.loads);
        self.number.store(number, Ordering::Relaxed);
        Vec::new()
    }

    fn finish_prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            gpu.finish(device, queue);
        }
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(gpu) = resources.get::<Gpu>() else {
            return;
        };
        // Over the whole target: egui's own viewport is cut where the drawing leaves the window. What must not be
        // painted over, egui's scissors keep.
        let [width, height] = info.screen_size_px.map(|pixels| pixels as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        gpu.draw(pass, self.number.load(Ordering::Relaxed));
    }
}

/// Black or white, whichever stands out more from a colour.
pub(super) fn against(color: Color32) -> Color32 {
    if Rgba::from(color.to_opaque()).intensity() > 0.18 { Color32::BLACK } else { Color32::WHITE }
}
