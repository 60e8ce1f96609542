// What all shaders of the inspector share; each is compiled with this text before its own.
//
// Positions are physical pixels from the top left. Colours are what egui's are: sRGB with the gamma in, alpha
// premultiplied, mixed as they are, and only at the very end made linear for targets that will take the gamma back in.

struct Locals {
    // Where the whole drawing lies, be it far outside the window: left, top, width, height.
    place: vec4<f32>,
    // The part of it to cover: left, top, right, bottom.
    seen: vec4<f32>,
    // Two colours and four numbers, whose meaning is each shader's own.
    first: vec4<f32>,
    second: vec4<f32>,
    numbers: vec4<f32>,
    // Of a frame alone.
    corners: vec4<f32>,
    // The target's width and height.
    screen: vec2<f32>,
    // Pixels in a point.
    point: f32,
    // Of everything drawn, 0..1.
    opacity: f32,
}

// What decides between two ways of drawing is a constant of the pipeline and not a number in `Locals`: a software
// rasterizer goes both ways for every pixel, and lavapipe (Mesa 22.3) compiles a shader with such numbers anew for every
// drawing and never frees what it made, 4 MB a frame.

// Between texels rather than the nearest one.
override smooth_sampling: bool = false;
// The target takes linear colours and puts the gamma in itself.
override linear_target: bool = false;

@group(0) @binding(0) var<uniform> locals: Locals;
@group(1) @binding(0) var texels: texture_2d<f32>;
@group(1) @binding(1) var others: texture_2d<f32>;

// The corners of `seen`, as a strip. Placed by the target's size, not by a viewport: that could not reach outside.
@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let right = (index & 1u) == 1u;
    let bottom = index >= 2u;
    let at = vec2<f32>(select(locals.seen.x, locals.seen.z, right), select(locals.seen.y, locals.seen.w, bottom));
    let scaled = 2.0 * at / locals.screen - 1.0;
    return vec4<f32>(scaled.x, -scaled.y, 0.0, 1.0);
}

// 0..1 of the drawing's width and height.
fn part_of_place(pixel: vec4<f32>) -> vec2<f32> {
    return (pixel.xy - locals.place.xy) / locals.place.zw;
}

// The colour as the target takes it.
fn shown(color: vec4<f32>) -> vec4<f32> {
    let faded = color * locals.opacity;
    if !linear_target {
        return faded;
    }
    let low = faded.rgb / 12.92;
    let high = pow((faded.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(high, low, faded.rgb < vec3<f32>(0.04045)), faded.a);
}

fn texel(from_texture: texture_2d<f32>, at: vec2<i32>) -> vec4<f32> {
    let last = vec2<i32>(textureDimensions(from_texture)) - 1;
    return textureLoad(from_texture, clamp(at, vec2<i32>(0), last), 0);
}

fn nearest(from_texture: texture_2d<f32>, part: vec2<f32>) -> vec4<f32> {
    return texel(from_texture, vec2<i32>(floor(part * vec2<f32>(textureDimensions(from_texture)))));
}

// `at` counts texels; their centres are at halves. By hand, since samplers round weights to 8 bits, each its own way,
// and need not filter 32-bit floats at all.
fn bilinear(from_texture: texture_2d<f32>, at: vec2<f32>) -> vec4<f32> {
    let from_centre = at - 0.5;
    let base = floor(from_centre);
    let weight = from_centre - base;
    let cell = vec2<i32>(base);
    let upper = mix(texel(from_texture, cell), texel(from_texture, cell + vec2<i32>(1, 0)), weight.x);
    let lower = mix(texel(from_texture, cell + vec2<i32>(0, 1)), texel(from_texture, cell + vec2<i32>(1, 1)), weight.x);
    return mix(upper, lower, weight.y);
}

const MOST_TAPS: i32 = 8;

// Between the texels where they are larger than a pixel; their mean over the pixel where they are smaller.
fn smoothed(from_texture: texture_2d<f32>, part: vec2<f32>) -> vec4<f32> {
    let size = vec2<f32>(textureDimensions(from_texture));
    let texels_in_pixel = size / locals.place.zw;
    // The small number keeps a picture at its own size from being blurred by rounding.
    let taps = clamp(vec2<i32>(ceil(texels_in_pixel - 0.001)), vec2<i32>(1), vec2<i32>(MOST_TAPS));
    var sum = vec4<f32>(0.0);
    for (var row = 0; row < taps.y; row++) {
        for (var column = 0; column < taps.x; column++) {
            let from_middle = (vec2<f32>(vec2<i32>(column, row)) + 0.5) / vec2<f32>(taps) - 0.5;
            sum += bilinear(from_texture, part * size + from_middle * texels_in_pixel);
        }
    }
    return sum / f32(taps.x * taps.y);
}

fn sampled(from_texture: texture_2d<f32>, part: vec2<f32>) -> vec4<f32> {
    if smooth_sampling {
        return smoothed(from_texture, part);
    }
    return nearest(from_texture, part);
}
