// A mask in `texels`: filled, and outlined with a line that is as thick on screen at every zoom.
// `first`: the colour; `second`: what fills the gaps of marching ants. numbers: the fill's opacity; nothing; the ants'
// way in points; the line's width in points.

const NO_LINE: u32 = 0u;
const SOLID: u32 = 1u;
const MARCHING: u32 = 3u;

// One of the above, or 2 for dashes that stand still.
override outline: u32 = 0u;
// Whether the edge is where the cover is one half, or else where cells that are on meet others. That takes cells with
// room for the whole thickness of the line in the slope between two of them.
override by_cover: bool = false;

// In points.
const DASH: f32 = 6.0;
const GAP: f32 = 4.0;

const FAR: f32 = 1e9;

// The nearest edge of the mask, seen from a pixel.
struct Edge {
    // In pixels, positive inside.
    distance: f32,
    // Roughly out of the mask; of any length.
    outward: vec2<f32>,
}

// 0..1; nothing outside the grid belongs to a mask.
fn cover(cell: vec2<i32>) -> f32 {
    let size = vec2<i32>(textureDimensions(texels));
    if any(cell < vec2<i32>(0)) || any(cell >= size) {
        return 0.0;
    }
    return textureLoad(texels, cell, 0).r;
}

fn is_on(cell: vec2<i32>) -> bool {
    return cover(cell) > 0.5;
}

// To the cells as they are, exact up to `reach` pixels. `at` counts cells.
fn edge_of_cells(at: vec2<f32>, cell: vec2<f32>, reach: f32) -> Edge {
    let here = vec2<i32>(floor(at));
    let inside = is_on(here);
    let side = select(-1.0, 1.0, inside);
    let around = clamp(vec2<i32>(ceil(reach / cell)), vec2<i32>(1), vec2<i32>(8));
    var nearest_distance = FAR;
    var outward = vec2<f32>(0.0);
    for (var row = -around.y; row <= around.y; row++) {
        for (var column = -around.x; column <= around.x; column++) {
            let way = vec2<i32>(column, row);
            if is_on(here + way) != inside {
                let low = vec2<f32>(here + way);
                let gap = (clamp(at, low, low + 1.0) - at) * cell;
                let distance = length(gap);
                if distance < nearest_distance {
                    nearest_distance = distance;
                    outward = side * select(vec2<f32>(way), gap, distance > 0.0);
                }
            }
        }
    }
    return Edge(side * nearest_distance, outward);
}

// To the line where the cover, taken to run straight from one cell's centre to the next, is one half.
fn edge_of_cover(at: vec2<f32>, cell: vec2<f32>) -> Edge {
    let from_centre = at - 0.5;
    let base = floor(from_centre);
    let weight = from_centre - base;
    let first = vec2<i32>(base);
    let a = cover(first);
    let b = cover(first + vec2<i32>(1, 0));
    let c = cover(first + vec2<i32>(0, 1));
    let d = cover(first + vec2<i32>(1, 1));
    let height = mix(mix(a, b, weight.x), mix(c, d, weight.x), weight.y) - 0.5;
    let slope = vec2<f32>(mix(b - a, d - c, weight.y), mix(c - a, d - b, weight.x)) / cell;
    let steepness = length(slope);
    if steepness < 1e-6 {
        return Edge(select(-FAR, FAR, height > 0.0), vec2<f32>(0.0));
    }
    return Edge(height / steepness, -slope);
}

// Whether a dash covers the pixel, softly. Dashes run clockwise along whichever axis the edge follows more closely.
fn dash(pixel: vec2<f32>, outward: vec2<f32>) -> f32 {
    let at = (pixel - locals.place.xy) / locals.point;
    let upright = abs(outward.x) > abs(outward.y);
    let way = select(-at.x * sign(outward.y), at.y * sign(outward.x), upright) - locals.numbers.z;
    let in_period = fract(way / (DASH + GAP)) * (DASH + GAP);
    return clamp(min(in_period, DASH - in_period) * locals.point + 0.5, 0.0, 1.0);
}

@fragment
fn mask(@builtin(position) pixel: vec4<f32>) -> @location(0) vec4<f32> {
    let size = vec2<f32>(textureDimensions(texels));
    let at = part_of_place(pixel) * size;
    let cell = locals.place.zw / size;
    let half_line = 0.5 * locals.numbers.w * locals.point;
    let reach = half_line + 0.5;
    var edge: Edge;
    var filled: f32;
    if by_cover {
        edge = edge_of_cover(at, cell);
        filled = clamp(edge.distance + 0.5, 0.0, 1.0);
    } else {
        edge = edge_of_cells(at, cell, reach);
        filled = select(0.0, 1.0, is_on(vec2<i32>(floor(at))));
    }
    var line = vec4<f32>(0.0);
    if outline != NO_LINE {
        line = locals.first;
        if outline != SOLID {
            let dashed = dash(pixel.xy, edge.outward);
            let between = select(vec4<f32>(0.0), locals.second, outline == MARCHING);
            line = mix(between, line, dashed);
        }
        line *= clamp(reach - abs(edge.distance), 0.0, 1.0);
    }
    return shown(line + locals.first * locals.numbers.x * filled * (1.0 - line.a));
}
