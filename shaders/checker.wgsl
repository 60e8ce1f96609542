// The board that shows where a picture is transparent. `first` and `second` take turns, `first` in the top left corner;
// numbers.x: a square's side in points.

@fragment
fn checker(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let side = locals.numbers.x * locals.point;
    let square = vec2<i32>(floor((pixel.xy - locals.place.xy) / side));
    let odd = ((square.x + square.y) & 1) == 1;
    return shown(select(locals.first, locals.second, odd));
}
