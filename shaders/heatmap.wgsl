// A grid of numbers 0..1 in `texels`, coloured by the 256 entries of `others`.

@fragment
fn heatmap(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let value = sampled(texels, part_of_place(pixel)).r;
    // The entry that `ColorMap::at` takes; `texel` keeps 1.0 within the table.
    return shown(texel(others, vec2<i32>(i32(floor(value * 256.0)), 0)));
}
