//! The shaders in egui's renderer: told of their target once, asked how much they keep.

use eframe::egui::Context;
use eframe::egui_wgpu::RenderState;
use eframe::wgpu::DeviceType;

use super::gpu::{Gpu, Target};
use super::grounds::Grounds;

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
