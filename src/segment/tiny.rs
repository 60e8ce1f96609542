//! MobileSAM's encoder as a graph: TinyViT, convolutions first and then attention within windows, with a convolution in every
//! layer. Sizes are those of the tensors; the square's is the family's, since no tensor says it.

use super::dialect::{SIDE, STRIDE};
use super::error::Error;
use super::graph::{Setting, Value};
use super::layers::{Made, Windows};
use super::vit::Encoder;
use super::weights::{MOST_TABLE, Weights};

/// What is added to a variance, PyTorch's usual.
const TINY: f32 = 1e-5;

/// Makes the encoder.
///
/// # Errors
/// When weights are missing or do not fit each other.
pub fn encoder(weights: &Weights) -> Result<Encoder, Error> {
    let side = SIDE as usize;
    let mut made = Made::new(weights);
    let photo = made.graph.input("image", &[Some(1), Some(3), Some(side), Some(side)]);
    let (half, mut width) =
        (sized(&made, "image_encoder.patch_embed.seq.0")?, sized(&made, "image_encoder.patch_embed.seq.2")?);
    let value = convolution(&mut made, &photo, "image_encoder.patch_embed.seq.0", [half, 3, 3], 2, 1)?;
    let value = made.graph.gelu(&value);
    let mut value = convolution(&mut made, &value, "image_encoder.patch_embed.seq.2", [width, half, 3], 2, 1)?;
    let mut stride = 4;
    for stage in 0..weights.count("image_encoder.layers.") {
        let name = format!("image_encoder.layers.{stage}");
        let blocks = weights.count(&format!("{name}.blocks."));
        if stage == 0 {
            for block in 0..blocks {
                value = narrow(&mut made, &value, &format!("{name}.blocks.{block}"), width)?;
            }
        } else {
            let mut cells = made.graph.turned(&value, &[0, 2, 3, 1]);
            for block in 0..blocks {
                cells = wide(&mut made, &cells, &format!("{name}.blocks.{block}"), width, side / stride)?;
            }
            value = made.graph.turned(&cells, &[0, 3, 1, 2]);
        }
        let down = format!("{name}.downsample");
        if weights.has(&format!("{down}.conv1.c.weight")) {
            let to = sized(&made, &format!("{down}.conv1"))?;
            // The grid is halved until it is the family's; past that only channels change.
            let step = if stride < STRIDE { 2 } else { 1 };
            let grown = convolution(&mut made, &value, &format!("{down}.conv1"), [to, width, 1], 1, 1)?;
            let grown = made.graph.gelu(&grown);
            let halved = convolution(&mut made, &grown, &format!("{down}.conv2"), [to, 1, 3], step, to)?;
            let halved = made.graph.gelu(&halved);
            value = convolution(&mut made, &halved, &format!("{down}.conv3"), [to, to, 1], 1, 1)?;
            (stride, width) = (stride * step, to);
        }
    }
    if stride != STRIDE {
        return Err(weights.odd(format!("has a grid of one cell to {stride} pixels, where MobileSAM has {STRIDE}")));
    }
    let grid = side / stride;
    let given = made.neck(&value, width, grid)?;
    Ok(Encoder { file: made.graph.file(), side, grid, width: given })
}

/// How many channels a convolution gives.
fn sized(made: &Made, name: &str) -> Result<usize, Error> {
    let [to, ..] = made.weights.shape::<4>(&format!("{name}.c.weight"))?;
    Ok(to)
}

/// A convolution and the normalisation behind it, which goes into its weights. `[to, from, side]` is its kernel.
fn convolution(
    made: &mut Made,
    value: &str,
    name: &str,
    [to, from, side]: [usize; 3],
    step: usize,
    groups: usize,
) -> Result<Value, Error> {
    let shape = [to, from, side, side];
    let mut kernel = made.weights.take(&format!("{name}.c.weight"), &shape)?;
    let of = |what: &str| made.weights.take(&format!("{name}.bn.{what}"), &[to]);
    let [scale, bias, mean, variance] = [of("weight")?, of("bias")?, of("running_mean")?, of("running_var")?];
    let mut offsets = vec![0.0; to];
    for (at, row) in kernel.chunks_exact_mut(from * side * side).enumerate() {
        let by = scale[at] / (variance[at] + TINY).sqrt();
        row.iter_mut().for_each(|number| *number *= by);
        offsets[at] = bias[at] - mean[at] * by;
    }
    let graph = &mut made.graph;
    let (kernel, offsets) = (graph.weight(&shape, &kernel), graph.weight(&[to], &offsets));
    let (square, steps, pads) = ([side as i64; 2], [step as i64; 2], [(side / 2) as i64; 4]);
    let settings = [
        ("kernel_shape", Setting::Wholes(&square)),
        ("strides", Setting::Wholes(&steps)),
        ("pads", Setting::Wholes(&pads)),
        ("group", Setting::Whole(groups as i64)),
    ];
    Ok(graph.op("Conv", &[value, &kernel, &offsets], &settings))
}

/// A layer of convolutions alone.
fn narrow(made: &mut Made, value: &str, name: &str, width: usize) -> Result<Value, Error> {
    let inner = sized(made, &format!("{name}.conv1"))?;
    let grown = convolution(made, value, &format!("{name}.conv1"), [inner, width, 1], 1, 1)?;
    let grown = made.graph.gelu(&grown);
    let mixed = convolution(made, &grown, &format!("{name}.conv2"), [inner, 1, 3], 1, inner)?;
    let mixed = made.graph.gelu(&mixed);
    let back = convolution(made, &mixed, &format!("{name}.conv3"), [width, inner, 1], 1, 1)?;
    let sum = made.graph.add(&back, value);
    Ok(made.graph.gelu(&sum))
}

/// A layer of attention within windows and a convolution: picture, rows, columns, channels.
fn wide(made: &mut Made, cells: &str, name: &str, width: usize, grid: usize) -> Result<Value, Error> {
    let [heads, places] = made.weights.shape::<2>(&format!("{name}.attn.attention_biases"))?;
    let side = places.isqrt();
    if side * side != places
        || !width.is_multiple_of(heads)
        || heads.saturating_mul(places).saturating_mul(places) > MOST_TABLE
    {
        let words = format!("has {heads} heads of {width} channels with {places} places in `{name}`, unlike MobileSAM");
        return Err(made.weights.odd(words));
    }
    let windows = Windows { side, grid, width };
    // Empty cells of a window count, since they are there before the layer's normalisation.
    let cut = windows.cut(&mut made.graph, cells);
    let seen = attention(made, &cut, &format!("{name}.attn"), [width, heads, side, grid.div_ceil(side).pow(2)])?;
    let seen = windows.joined(&mut made.graph, &seen);
    let cells = made.graph.add(cells, &seen);
    let picture = made.graph.turned(&cells, &[0, 3, 1, 2]);
    let picture = convolution(made, &picture, &format!("{name}.local_conv"), [width, 1, 3], 1, width)?;
    let cells = made.graph.turned(&picture, &[0, 2, 3, 1]);
    let calm = made.norm(&cells, &format!("{name}.mlp.norm"), width, TINY)?;
    let [inner, _] = made.weights.shape::<2>(&format!("{name}.mlp.fc1.weight"))?;
    let grown = made.linear(&calm, &format!("{name}.mlp.fc1"), width, inner)?;
    let grown = made.graph.gelu(&grown);
    let more = made.linear(&grown, &format!("{name}.mlp.fc2"), inner, width)?;
    Ok(made.graph.add(&cells, &more))
}

/// What each cell sees of its window; `windows x cells x width`.
fn attention(
    made: &mut Made,
    cells: &str,
    name: &str,
    [width, heads, side, count]: [usize; 4],
) -> Result<Value, Error> {
    let (area, deep) = (side * side, width / heads);
    let biases = made.weights.take(&format!("{name}.attention_biases"), &[heads, area])?;
    let mut table = Vec::with_capacity(heads * area * area);
    for head in biases.chunks_exact(area) {
        for query in 0..area {
            let apart = |key: usize| (query / side).abs_diff(key / side) * side + (query % side).abs_diff(key % side);
            table.extend((0..area).map(|key| head[apart(key)]));
        }
    }
    let table = made.graph.weight(&[heads, area, area], &table);
    let calm = made.norm(cells, &format!("{name}.norm"), width, TINY)?;
    let three = made.linear(&calm, &format!("{name}.qkv"), width, 3 * width)?;
    let graph = &mut made.graph;
    // Queries, keys and values of a head stand side by side.
    let [count, area, heads, long] = [count, area, heads, 3 * deep].map(|size| size as i64);
    let three = graph.reshaped(&three, &[count, area, heads, long]);
    let parts = graph.parts(&three, 3, 3, deep);
    let queries = graph.turned(&parts[0], &[0, 2, 1, 3]);
    let keys = graph.turned(&parts[1], &[0, 2, 3, 1]);
    let values = graph.turned(&parts[2], &[0, 2, 1, 3]);
    let logits = graph.product(&queries, &keys);
    let logits = graph.scaled(&logits, (deep as f32).powf(-0.5));
    let logits = graph.add(&logits, &table);
    let shares = graph.softmax(&logits);
    let seen = graph.product(&shares, &values);
    let seen = graph.turned(&seen, &[0, 2, 1, 3]);
    let seen = graph.reshaped(&seen, &[count, area, width as i64]);
    made.linear(&seen, &format!("{name}.proj"), width, width)
}
