// Two pictures in one place: `texels` left of the split, `others` right of it, and a line between them.
// numbers.x: the split, 0..1 of the width. The line is `first`, two points wide, with `second` one point wide at both
// sides, so that it shows on bright and dark pictures.

@fragment
fn compare(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let part = part_of_place(pixel);
    // On a pixel's edge: the line is as sharp everywhere.
    let split = round(locals.place.x + locals.numbers.x * locals.place.z);
    var color: vec4<f32>;
    if pixel.x < split {
        color = sampled(texels, part);
    } else {
        color = sampled(others, part);
    }
    let distance = abs(pixel.x - split);
    if distance < locals.point {
        color = over(locals.first, color);
    } else if distance < 2.0 * locals.point {
        color = over(locals.second, color);
    }
    return shown(color);
}

fn over(upper: vec4<f32>, lower: vec4<f32>) -> vec4<f32> {
    return upper + lower * (1.0 - upper.a);
}
