// A picture, premultiplied, in `texels`, on a parallelogram around the middle of `place`, its edges smoothed.
// numbers: what a way of one point right and one point down from the middle adds to the part of the picture's width
// (x, y) and of its height (z, w).

@fragment
fn layer(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let away = (pixel.xy - locals.place.xy - 0.5 * locals.place.zw) / locals.point;
    let part = 0.5 + vec2<f32>(dot(locals.numbers.xy, away), dot(locals.numbers.zw, away));
    let in_pixel = vec2<f32>(length(locals.numbers.xy), length(locals.numbers.zw)) / locals.point;
    let covered = clamp((0.5 - abs(part - 0.5)) / in_pixel + 0.5, vec2<f32>(0.0), vec2<f32>(1.0));
    let size = vec2<f32>(textureDimensions(texels));
    return shown(bilinear(texels, part * size) * covered.x * covered.y);
}
