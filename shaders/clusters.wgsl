// A grid of labels in `texels`, coloured by the row of colours in `others`, from the start again where it ends.

@fragment
fn clusters(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let label = u32(nearest(texels, part_of_place(pixel)).r);
    let entry = label % textureDimensions(others).x;
    return shown(textureLoad(others, vec2<u32>(entry, 0u), 0));
}
