//! Pipelines, and what one frame draws with them. Lives among egui's callback resources.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::size_of;
use std::num::NonZeroU64;

use bytemuck::{Pod, Zeroable};
use eframe::wgpu;

use super::cache::Textures;
use super::source::Load;

/// One of the files in `shaders/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shader {
    Fill,
    Frame,
    Checker,
    Picture,
    Layer,
    Compare,
    Heatmap,
    Clusters,
    Mask,
}

const COMMON: &str = include_str!("../../../shaders/common.wgsl");

impl Shader {
    /// The name of its fragment function, and its text after the common one.
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Fill => ("fill", include_str!("../../../shaders/fill.wgsl")),
            Self::Frame => ("frame", include_str!("../../../shaders/frame.wgsl")),
            Self::Checker => ("checker", include_str!("../../../shaders/checker.wgsl")),
            Self::Picture => ("picture", include_str!("../../../shaders/picture.wgsl")),
            Self::Layer => ("layer", include_str!("../../../shaders/layer.wgsl")),
            Self::Compare => ("compare", include_str!("../../../shaders/compare.wgsl")),
            Self::Heatmap => ("heatmap", include_str!("../../../shaders/heatmap.wgsl")),
            Self::Clusters => ("clusters", include_str!("../../../shaders/clusters.wgsl")),
            Self::Mask => ("mask", include_str!("../../../shaders/mask.wgsl")),
        }
    }

    /// The name of its vertex function, and how many corners that places.
    fn vertices(self) -> (&'static str, u32) {
        match self {
            Self::Frame => ("band", 10),
            _ => ("corner", 4),
        }
    }
}

/// A shader and the constants that it is compiled with; the shaders say what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub shader: Shader,
    pub smooth_sampling: bool,
    /// Of masks alone, as the next.
    pub outline: u8,
    pub by_cover: bool,
}

/// What every shader gets; `Locals` in `shaders/common.wgsl` says what it means.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Locals {
    pub place: [f32; 4],
    pub seen: [f32; 4],
    pub first: [f32; 4],
    pub second: [f32; 4],
    pub numbers: [f32; 4],
    pub corners: [f32; 4],
    pub screen: [f32; 2],
    pub point: f32,
    pub opacity: f32,
}

/// What egui draws on. Without [`install`](super::install) it is what egui prefers, and what its test harness draws on.
#[derive(Clone, Copy)]
pub(super) struct Target(pub wgpu::TextureFormat);

impl Default for Target {
    fn default() -> Self {
        Self(wgpu::TextureFormat::Rgba8Unorm)
    }
}

/// How many drawings the uniform buffer holds at first; it doubles.
const FIRST_ROOM: usize = 64;

/// Everything on the GPU.
pub(super) struct Gpu {
    pub textures: Textures,
    /// Made when they are first needed.
    pipelines: HashMap<Way, wgpu::RenderPipeline>,
    layout: wgpu::PipelineLayout,
    /// The target's.
    format: wgpu::TextureFormat,
    locals_layout: wgpu::BindGroupLayout,
    texels_layout: wgpu::BindGroupLayout,
    /// Bound where a shader has no use for a texture.
    blank: wgpu::TextureView,
    uniforms: Uniforms,
    /// The frame's drawings, in their order, with their textures; none of what cannot be drawn.
    drawings: Vec<Option<(Way, wgpu::BindGroup)>>,
    /// Whether drawings are still being added.
    open: bool,
}

struct Uniforms {
    buffer: wgpu::Buffer,
    group: wgpu::BindGroup,
    room: usize,
    /// From one drawing's to the next one's, in bytes.
    stride: usize,
    bytes: Vec<u8>,
}

impl Uniforms {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, room: usize, bytes: Vec<u8>) -> Self {
        let align = device.limits().min_uniform_buffer_offset_alignment.max(1) as usize;
        let stride = size_of::<Locals>().next_multiple_of(align);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("podium locals"),
            size: (stride * room) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let one = wgpu::BufferBinding { buffer: &buffer, offset: 0, size: NonZeroU64::new(size_of::<Locals>() as u64) };
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("podium locals"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(one) }],
        });
        Self { buffer, group, room, stride, bytes }
    }
}

impl Gpu {
    /// For targets of this format, without multisampling and depth, as the studio's window is.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let stages = wgpu::ShaderStages::VERTEX_FRAGMENT;
        let locals = wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: NonZeroU64::new(size_of::<Locals>() as u64),
        };
        let locals_layout = bind_group_layout(device, "podium locals", &[(stages, locals)]);
        // Not filterable: shaders load texels one by one, so one layout serves all formats.
        let texels = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: false },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let fragment = wgpu::ShaderStages::FRAGMENT;
        let texels_layout = bind_group_layout(device, "podium texels", &[(fragment, texels), (fragment, texels)]);
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("podium"),
            bind_group_layouts: &[Some(&locals_layout), Some(&texels_layout)],
            immediate_size: 0,
        });
        let uniforms = Uniforms::new(device, &locals_layout, FIRST_ROOM, Vec::new());
        Self {
            textures: Textures::default(),
            pipelines: HashMap::new(),
            layout,
            format,
            locals_layout,
            texels_layout,
            blank: blank(device),
            uniforms,
            drawings: Vec::new(),
            open: false,
        }
    }

    /// Adds a drawing to the frame that is being prepared, or to the next one, and returns its number. It draws nothing
    /// if one of its textures cannot be had.
    pub fn add(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        way: Way,
        locals: Locals,
        loads: &[Option<Load>; 2],
    ) -> usize {
        if !self.open {
            self.open = true;
            self.drawings.clear();
            self.uniforms.bytes.clear();
            self.textures.begin_frame();
        }
        let number = self.drawings.len();
        self.uniforms.bytes.resize(number * self.uniforms.stride, 0);
        self.uniforms.bytes.extend_from_slice(bytemuck::bytes_of(&locals));
        let group = self.bind(device, queue, loads);
        self.pipelines.entry(way).or_insert_with(|| pipeline(device, &self.layout, self.format, way));
        self.drawings.push(group.map(|group| (way, group)));
        number
    }

    fn bind(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        loads: &[Option<Load>; 2],
    ) -> Option<wgpu::BindGroup> {
        let mut view = |load: &Option<Load>| match load {
            Some(load) => self.textures.get(device, queue, load),
            None => Some(self.blank.clone()),
        };
        let views = [view(&loads[0])?, view(&loads[1])?];
        let resource = |index: usize| wgpu::BindingResource::TextureView(&views[index]);
        Some(device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("podium texels"),
            layout: &self.texels_layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: resource(0) },
                wgpu::BindGroupEntry { binding: 1, resource: resource(1) },
            ],
        }))
    }

    /// Ends the frame's preparation; may be called again.
    pub fn finish(&mut self, device: &wgpu::Device, queue: &wgpu::Queue) {
        if !self.open {
            return;
        }
        self.open = false;
        if self.drawings.len() > self.uniforms.room {
            let bytes = std::mem::take(&mut self.uniforms.bytes);
            let room = self.drawings.len().next_power_of_two();
            self.uniforms = Uniforms::new(device, &self.locals_layout, room, bytes);
        }
        queue.write_buffer(&self.uniforms.buffer, 0, &self.uniforms.bytes);
    }

    /// Draws the drawing of this number.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'static>, number: usize) {
        let Some(Some((way, texels))) = self.drawings.get(number) else {
            return;
        };
        let Some(pipeline) = self.pipelines.get(way) else {
            return;
        };
        let Ok(offset) = u32::try_from(number * self.uniforms.stride) else {
            return;
        };
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.uniforms.group, &[offset]);
        pass.set_bind_group(1, texels, &[]);
        pass.draw(0..way.shader.vertices().1, 0..1);
    }
}

fn bind_group_layout(
    device: &wgpu::Device,
    label: &str,
    bindings: &[(wgpu::ShaderStages, wgpu::BindingType)],
) -> wgpu::BindGroupLayout {
    let entry = |(binding, &(visibility, ty)): (u32, &(wgpu::ShaderStages, wgpu::BindingType))| {
        wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None }
    };
    let entries: Vec<_> = (0..).zip(bindings).map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}

fn blank(device: &wgpu::Device) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("podium blank"),
        size: wgpu::Extent3d { width: 1, height: 1, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

/// How egui itself blends.
const BLEND: wgpu::BlendState = wgpu::BlendState {
    color: wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::One,
        dst_factor: wgpu::BlendFactor::OneMinusSrcAlpha,
        operation: wgpu::BlendOperation::Add,
    },
    alpha: wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::OneMinusDstAlpha,
        dst_factor: wgpu::BlendFactor::One,
        operation: wgpu::BlendOperation::Add,
    },
};

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::PipelineLayout,
    format: wgpu::TextureFormat,
    way: Way,
) -> wgpu::RenderPipeline {
    let (name, text) = way.shader.source();
    let number = |on: bool| if on { 1.0 } else { 0.0 };
    let mut constants =
        vec![("smooth_sampling", number(way.smooth_sampling)), ("linear_target", number(format.is_srgb()))];
    if way.shader == Shader::Mask {
        constants.extend([("outline", f64::from(way.outline)), ("by_cover", number(way.by_cover))]);
    }
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(Cow::Owned([COMMON, text].concat())),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(name),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(way.shader.vertices().0),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(name),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                ..wgpu::PipelineCompilationOptions::default()
            },
            targets: &[Some(wgpu::ColorTargetState { format, blend: Some(BLEND), write_mask: wgpu::ColorWrites::ALL })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
