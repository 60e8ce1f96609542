// A picture, premultiplied, in `texels`.

@fragment
fn picture(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    return shown(sampled(texels, part_of_place(pixel)));
}
