// One colour, `first`.

@fragment
fn fill(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    return shown(locals.first);
}
