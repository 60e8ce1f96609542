// A rectangle with rounded corners, filled and with a line along the inside of its edge, on the band of `locals.numbers.y`
// points that runs along it; the band's inside is left out. `first`: the fill; `second`: the line. numbers.x: the line's
// width in points. corners: their radii in points, clockwise from the top left.

@vertex
fn band(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    // Once around, from the outer edge to the inner and back.
    let corner = (index / 2u) % 4u;
    let right = corner == 1u || corner == 2u;
    let bottom = corner >= 2u;
    let inwards = select(0.0, locals.numbers.y * locals.point, (index & 1u) == 1u);
    let low = locals.place.xy + inwards;
    let high = locals.place.xy + locals.place.zw - inwards;
    let scaled = 2.0 * vec2<f32>(select(low.x, high.x, right), select(low.y, high.y, bottom)) / locals.screen - 1.0;
    return vec4<f32>(scaled.x, -scaled.y, 0.0, 1.0);
}

// How much of a pixel a rounded rectangle around the origin covers.
fn covered(at: vec2<f32>, half_size: vec2<f32>, radius: f32) -> f32 {
    let beyond = abs(at) - half_size + radius;
    let distance = length(max(beyond, vec2<f32>(0.0))) + min(max(beyond.x, beyond.y), 0.0) - radius;
    return clamp(0.5 - distance, 0.0, 1.0);
}

@fragment
fn frame(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let half_size = 0.5 * locals.place.zw;
    let at = pixel.xy - locals.place.xy - half_size;
    let upper = select(locals.corners.x, locals.corners.y, at.x > 0.0);
    let lower = select(locals.corners.w, locals.corners.z, at.x > 0.0);
    let radius = select(upper, lower, at.y > 0.0) * locals.point;
    let width = locals.numbers.x * locals.point;
    let whole = covered(at, half_size, radius);
    let filled = min(whole, covered(at, half_size - width, max(radius - width, 0.0)));
    return shown(locals.first * filled + locals.second * (whole - filled));
}
