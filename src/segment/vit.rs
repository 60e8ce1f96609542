//! SAM's encoder as a graph: a plain transformer over patches, most of whose layers look within windows. Sizes are those of the
//! tensors.

use super::dialect::STRIDE;
use super::error::Error;
use super::graph::{Graph, Setting, Value};
use super::layers::{Made, Windows};
use super::weights::{MOST_TABLE, Weights};

/// What is added to a variance, where no configuration says it.
const TINY: f32 = 1e-6;
/// The most cells along the grid: all look at all, so that twice this takes sixteen times as much memory.
const MOST_GRID: usize = 128;

/// Sizes that all layers have.
struct Sizes {
    grid: usize,
    width: usize,
    heads: usize,
    /// Numbers a head.
    deep: usize,
    tiny: f32,
}

/// An encoder that was made.
pub struct Encoder {
    /// Its file.
    pub file: Vec<u8>,
    /// The side of the square that it looks at, pixels.
    pub side: usize,
    /// Cells along its grid.
    pub grid: usize,
    /// Numbers a cell that it gives.
    pub width: usize,
}

/// Makes the encoder.
///
/// # Errors
/// When weights are missing or do not fit each other or their configuration.
pub fn encoder(weights: &Weights) -> Result<Encoder, Error> {
    let config = weights.config();
    let [width, colours, patch, _] = weights.shape::<4>("image_encoder.patch_embed.proj.weight")?;
    let [_, grid, _, _] = weights.shape::<4>("image_encoder.pos_embed")?;
    if colours != 3 || grid > MOST_GRID || patch != STRIDE || width > 1 << 14 {
        let words = format!(
            "looks at {colours} colours, {patch} pixels to a patch and {grid} patches along a side, unlike SAM"
        );
        return Err(weights.odd(words));
    }
    let side = grid * patch;
    let [_, deep] = weights.shape::<2>("image_encoder.blocks.0.attn.rel_pos_h")?;
    if !width.is_multiple_of(deep) {
        return Err(weights.odd(format!("has {width} channels, which heads of {deep} do not divide")));
    }
    let sizes =
        Sizes { grid, width, heads: width / deep, deep, tiny: config.tiny("vision_config", "layer_norm_eps", TINY) };
    for (name, number) in [("image_size", side), ("patch_size", patch), ("num_attention_heads", sizes.heads)] {
        config.agrees("vision_config", name, number)?;
    }
    config.bends("vision_config", "gelu")?;
    let mut made = Made::new(weights);
    let photo = made.graph.input("image", &[Some(1), Some(3), Some(side), Some(side)]);
    let kernel = made.weight("image_encoder.patch_embed.proj.weight", &[width, 3, patch, patch])?;
    let bias = made.weight("image_encoder.patch_embed.proj.bias", &[width])?;
    let square = [patch as i64; 2];
    let settings = [("kernel_shape", Setting::Wholes(&square)), ("strides", Setting::Wholes(&square))];
    let patches = made.graph.op("Conv", &[&photo, &kernel, &bias], &settings);
    let patches = made.graph.turned(&patches, &[0, 2, 3, 1]);
    let places = made.weight("image_encoder.pos_embed", &[1, grid, grid, width])?;
    let mut value = made.graph.add(&patches, &places);
    let layers = weights.count("image_encoder.blocks.");
    config.agrees("vision_config", "num_hidden_layers", layers)?;
    for layer in 0..layers {
        value = block(&mut made, &value, layer, &sizes)?;
    }
    let value = made.graph.turned(&value, &[0, 3, 1, 2]);
    let given = made.neck(&value, width, grid)?;
    Ok(Encoder { file: made.graph.file(), side, grid, width: given })
}

/// The side of a layer's windows: the grid's where it looks at all of it.
fn window(weights: &Weights, layer: usize, rows: usize, grid: usize) -> Result<usize, Error> {
    let config = weights.config();
    let told = config.wholes("vision_config", "global_attn_indexes").zip(config.whole("vision_config", "window_size"));
    let side = match told {
        Some((whole, _)) if whole.contains(&layer) => grid,
        Some((_, 0)) => grid,
        Some((_, side)) => side,
        // A table of relative places reaches from one end of a window to the other, both ways.
        None => rows.div_ceil(2),
    };
    if side > MOST_GRID || rows.is_multiple_of(2) {
        let words =
            format!("has windows of {side} cells with {rows} relative places in `blocks.{layer}`, unlike any SAM");
        return Err(weights.odd(words));
    }
    Ok(side)
}

fn block(made: &mut Made, value: &str, layer: usize, sizes: &Sizes) -> Result<Value, Error> {
    let Sizes { grid, width, tiny, .. } = *sizes;
    let name = |part: &str| format!("image_encoder.blocks.{layer}.{part}");
    let [rows, _] = made.weights.shape::<2>(&name("attn.rel_pos_h"))?;
    let side = window(made.weights, layer, rows, grid)?;
    let windows = Windows { side, grid, width };
    let calm = made.norm(value, &name("norm1"), width, tiny)?;
    let cells = windows.cut(&mut made.graph, &calm);
    let seen = attention(made, &cells, &name("attn"), rows, side, sizes)?;
    let seen = windows.joined(&mut made.graph, &seen);
    let value = made.graph.add(value, &seen);
    let calm = made.norm(&value, &name("norm2"), width, tiny)?;
    let [inner, _] = made.weights.shape::<2>(&name("mlp.lin1.weight"))?;
    let wide = made.linear(&calm, &name("mlp.lin1"), width, inner)?;
    let wide = made.graph.gelu(&wide);
    let more = made.linear(&wide, &name("mlp.lin2"), inner, width)?;
    Ok(made.graph.add(&value, &more))
}

/// What each cell sees of its window; `windows x cells x width`.
fn attention(
    made: &mut Made,
    cells: &str,
    name: &str,
    rows: usize,
    side: usize,
    sizes: &Sizes,
) -> Result<Value, Error> {
    let Sizes { grid, width, heads, deep, .. } = *sizes;
    let count = grid.div_ceil(side).pow(2) as i64;
    let area = (side * side) as i64;
    let high = table(made.weights, &format!("{name}.rel_pos_h"), rows, side, deep)?;
    let wide = table(made.weights, &format!("{name}.rel_pos_w"), rows, side, deep)?;
    let [high, wide] = [high, wide].map(|table| made.graph.weight(&[side, deep, side], &table));
    let three = made.linear(cells, &format!("{name}.qkv"), width, 3 * width)?;
    let graph = &mut made.graph;
    let parts = graph.parts(&three, 2, 3, width);
    let headed = |graph: &mut Graph, part: &str, order: &[i64]| {
        let part = graph.reshaped(part, &[count, area, heads as i64, deep as i64]);
        graph.turned(&part, order)
    };
    let queries = headed(graph, &parts[0], &[0, 2, 1, 3]);
    let keys = headed(graph, &parts[1], &[0, 2, 3, 1]);
    let values = headed(graph, &parts[2], &[0, 2, 1, 3]);
    let seen = if count == 1 && heads > 1 {
        // All look at all: a head after another, since each takes as much memory as all windows together.
        let [queries, keys, values] = [queries, keys, values].map(|all| graph.parts(&all, 1, heads, 1));
        let one = |((query, key), value): ((&Value, &Value), &Value)| {
            looked(graph, [query, key, value], [&high, &wide], side, [1, 1, deep])
        };
        let heads: Vec<Value> = queries.iter().zip(&keys).zip(&values).map(one).collect();
        graph.joined(&heads, 1)
    } else {
        looked(graph, [&queries, &keys, &values], [&high, &wide], side, [count as usize, heads, deep])
    };
    let seen = graph.turned(&seen, &[0, 2, 1, 3]);
    let seen = graph.reshaped(&seen, &[count, area, width as i64]);
    made.linear(&seen, &format!("{name}.proj"), width, width)
}

/// Attention with relative places, of so many windows and heads.
fn looked(
    graph: &mut Graph,
    [queries, keys, values]: [&str; 3],
    [high, wide]: [&str; 2],
    side: usize,
    [count, heads, deep]: [usize; 3],
) -> Value {
    let [side, count, heads, deep, all] = [side, count, heads, deep, count * heads].map(|size| size as i64);
    let scaled = graph.scaled(queries, (deep as f32).powf(-0.5));
    let logits = graph.product(&scaled, keys);
    // How far each key is above and beside each query counts by the query, unscaled.
    let grid = graph.reshaped(queries, &[all, side, side, deep]);
    let above = graph.product(&grid, high);
    let above = graph.reshaped(&above, &[all, side, side, side, 1]);
    let columns = graph.turned(&grid, &[0, 2, 1, 3]);
    let beside = graph.product(&columns, wide);
    let beside = graph.turned(&beside, &[0, 2, 1, 3]);
    let beside = graph.reshaped(&beside, &[all, side, side, 1, side]);
    let logits = graph.reshaped(&logits, &[all, side, side, side, side]);
    let logits = graph.add(&logits, &above);
    let logits = graph.add(&logits, &beside);
    let logits = graph.reshaped(&logits, &[count, heads, side * side, side * side]);
    let shares = graph.softmax(&logits);
    graph.product(&shares, values)
}

/// A table of relative places as `query x deep x key` along one axis.
fn table(weights: &Weights, name: &str, rows: usize, side: usize, deep: usize) -> Result<Vec<f32>, Error> {
    let table = stretched(weights.take(name, &[rows, deep])?, deep, 2 * side - 1);
    if side * side * deep > MOST_TABLE {
        return Err(weights.odd(format!("has windows of {side} cells with heads of {deep}, unlike any SAM")));
    }
    let mut made = Vec::with_capacity(side * deep * side);
    for query in 0..side {
        for at in 0..deep {
            made.extend((0..side).map(|key| table[(query + side - 1 - key) * deep + at]));
        }
    }
    Ok(made)
}

/// Rows of `deep` numbers as so many rows, by straight lines, outline on outline.
fn stretched(table: Vec<f32>, deep: usize, to: usize) -> Vec<f32> {
    let from = table.len() / deep;
    if from == to {
        return table;
    }
    let scale = from as f32 / to as f32;
    let row = |at: usize| {
        let place = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
        let low = (place as usize).min(from - 1);
        let (high, share) = ((low + 1).min(from - 1), place - low as f32);
        let table = &table;
        (0..deep).map(move |at| table[low * deep + at] * (1.0 - share) + table[high * deep + at] * share)
    };
    (0..to).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_another_size_is_stretched_as_pytorch_does() {
        // F.interpolate(torch.tensor([[[0., 1, 4]]]), size=5, mode="linear")
        let made = stretched(vec![0.0, 1.0, 4.0], 1, 5);
        for (made, expected) in made.iter().zip([0.0, 0.4, 1.0, 2.8, 4.0]) {
            assert!((made - expected).abs() < 1e-5, "{made} {expected}");
        }
        assert_eq!(made.len(), 5);
        assert_eq!(stretched(vec![1.0, 2.0, 3.0, 4.0], 2, 2), [1.0, 2.0, 3.0, 4.0]);
    }
}
