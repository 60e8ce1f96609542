//! SAM's prompt encoder and mask decoder as one graph: places and what they say, with what the encoder saw, to four masks.
//! Sizes are those of the tensors.

use std::f32::consts::TAU;

use super::error::Error;
use super::graph::{Setting, Value};
use super::layers::Made;
use super::vit::Encoder;
use super::weights::{FREQUENCIES, MOST_TABLE, Weights};

/// How many heads look at once: SAM's and MobileSAM's own code have it fixed, and no tensor says it. A configuration does.
const HEADS: usize = 8;
/// What a place can say: nothing, out, in, a frame's first corner, its second.
const SAYS: usize = 5;
/// What is added to a variance behind the last layer, for authors and transformers alike.
const LAST_TINY: f32 = 1e-5;

/// The decoder's sizes.
#[derive(Clone, Copy)]
struct Sizes {
    width: usize,
    heads: usize,
    tiny: f32,
}

/// Makes the decoder that goes with an encoder.
///
/// # Errors
/// When weights are missing or do not fit each other, the encoder or their configuration.
pub fn decoder(weights: &Weights, encoder: &Encoder) -> Result<Vec<u8>, Error> {
    let (grid, width) = (encoder.grid, encoder.width);
    let config = weights.config();
    let heads = config.whole("mask_decoder_config", "num_attention_heads").unwrap_or(HEADS);
    if heads == 0 || !width.is_multiple_of(2) || grid * grid * width > MOST_TABLE {
        return Err(weights.odd(format!("has {heads} heads and {width} channels, unlike any SAM")));
    }
    config.bends("mask_decoder_config", "relu")?;
    let tiny = config.tiny("mask_decoder_config", "layer_norm_eps", weights.usual_tiny());
    let sizes = Sizes { width, heads, tiny };
    let mut made = Made::new(weights);
    let seen = made.graph.input("image_embeddings", &[Some(1), Some(width), Some(grid), Some(grid)]);
    let points = made.graph.input("point_coords", &[Some(1), None, Some(2)]);
    let labels = made.graph.input("point_labels", &[Some(1), None]);
    let frequencies = weights.take(FREQUENCIES, &[2, width / 2])?;
    let said = prompts(&mut made, [&points, &labels], &frequencies, width, encoder.side)?;

    let [count, _] = weights.shape::<2>("mask_decoder.mask_tokens.weight")?;
    if count > 16 {
        return Err(weights.odd(format!("has {count} masks, unlike any SAM")));
    }
    let mut first = weights.take("mask_decoder.iou_token.weight", &[1, width])?;
    first.extend(weights.take("mask_decoder.mask_tokens.weight", &[count, width])?);
    let first = made.graph.weight(&[1, 1 + count, width], &first);
    let tokens = made.graph.joined(&[first, said], 1);
    // There is never an earlier mask: what stands for none is the same everywhere.
    let none = weights.take("prompt_encoder.no_mask_embed.weight", &[1, width])?;
    let none = made.graph.weight(&[1, width, 1, 1], &none);
    let seen = made.graph.add(&seen, &none);
    let area = (grid * grid) as i64;
    let seen = made.graph.reshaped(&seen, &[1, width as i64, area]);
    let cells = made.graph.turned(&seen, &[0, 2, 1]);
    let places = made.graph.weight(&[1, grid * grid, width], &places(&frequencies, grid));
    let (tokens, cells) = two_ways(&mut made, tokens, cells, &places, sizes)?;

    let cells = made.graph.turned(&cells, &[0, 2, 1]);
    let picture = made.graph.reshaped(&cells, &[1, width as i64, grid as i64, grid as i64]);
    let (picture, thin) = enlarged(&mut made, &picture, width)?;
    let side = 4 * grid;
    let picture = made.graph.reshaped(&picture, &[1, thin as i64, (side * side) as i64]);
    let rows: Vec<Value> = (0..count)
        .map(|mask| {
            let token = made.graph.part(&tokens, 1, mask as i64 + 1, mask as i64 + 2);
            let (row, wide) = mlp(&mut made, &token, &format!("mask_decoder.output_hypernetworks_mlps.{mask}"), width)?;
            let fits = wide == thin;
            let words = || format!("has mask {mask} of {wide} channels, and its picture has {thin}");
            if fits { Ok(row) } else { Err(weights.odd(words())) }
        })
        .collect::<Result<_, _>>()?;
    let rows = made.graph.joined(&rows, 1);
    let masks = made.graph.product(&rows, &picture);
    let masks = made.graph.reshaped(&masks, &[1, count as i64, side as i64, side as i64]);
    let token = made.graph.part(&tokens, 1, 0, 1);
    let (scores, told) = mlp(&mut made, &token, "mask_decoder.iou_prediction_head", width)?;
    if told != count {
        return Err(weights.odd(format!("has {told} scores of {count} masks")));
    }
    let scores = made.graph.reshaped(&scores, &[1, count as i64]);
    made.graph.output("low_res_masks", &[Some(1), Some(count), Some(side), Some(side)], &masks);
    made.graph.output("iou_predictions", &[Some(1), Some(count)], &scores);
    Ok(made.graph.file())
}

/// Sines and cosines of the grid's cells' middles, cell by cell.
fn places(frequencies: &[f32], grid: usize) -> Vec<f32> {
    let (across, down) = frequencies.split_at(frequencies.len() / 2);
    let middle = |at: usize| 2.0 * ((at as f32 + 0.5) / grid as f32) - 1.0;
    let mut made = Vec::with_capacity(grid * grid * frequencies.len());
    for cell in 0..grid * grid {
        let (x, y) = (middle(cell % grid), middle(cell / grid));
        let angle = |(across, down): (&f32, &f32)| TAU * (x * across + y * down);
        let angles = || across.iter().zip(down).map(angle);
        made.extend(angles().map(f32::sin).chain(angles().map(f32::cos)));
    }
    made
}

/// What each place says, as a row.
fn prompts(
    made: &mut Made,
    [points, labels]: [&str; 2],
    frequencies: &[f32],
    width: usize,
    side: usize,
) -> Result<Value, Error> {
    let mut table = made.weights.take("prompt_encoder.not_a_point_embed.weight", &[1, width])?;
    for says in 0..SAYS - 1 {
        table.extend(made.weights.take(&format!("prompt_encoder.point_embeddings.{says}.weight"), &[1, width])?);
    }
    let graph = &mut made.graph;
    // Places are pixels' middles.
    let half = graph.number(0.5);
    let middles = graph.add(points, &half);
    let middles = graph.scaled(&middles, 2.0 / side as f32);
    let less = graph.number(-1.0);
    let middles = graph.add(&middles, &less);
    let frequencies = graph.weight(&[2, width / 2], frequencies);
    let angles = graph.product(&middles, &frequencies);
    let angles = graph.scaled(&angles, TAU);
    let waves = [graph.op("Sin", &[&angles], &[]), graph.op("Cos", &[&angles], &[])];
    let waves = graph.joined(&waves, -1);
    let labels = graph.reshaped(labels, &[1, -1, 1]);
    let each = graph.weight(&[SAYS], &[-1.0, 0.0, 1.0, 2.0, 3.0]);
    let is = graph.op("Equal", &[&labels, &each], &[]);
    let is = graph.op("Cast", &[&is], &[("to", Setting::Whole(1))]);
    // What says nothing is nowhere.
    let somewhere = graph.weight(&[SAYS, 1], &[0.0, 1.0, 1.0, 1.0, 1.0]);
    let somewhere = graph.product(&is, &somewhere);
    let waves = graph.op("Mul", &[&waves, &somewhere], &[]);
    let table = graph.weight(&[SAYS, width], &table);
    let says = graph.product(&is, &table);
    Ok(graph.add(&waves, &says))
}

/// Tokens look at cells and cells at tokens, layer by layer.
fn two_ways(
    made: &mut Made,
    first: Value,
    mut cells: Value,
    places: &str,
    sizes: Sizes,
) -> Result<(Value, Value), Error> {
    let Sizes { width, tiny, .. } = sizes;
    let mut tokens = first.clone();
    let layers = made.weights.count("mask_decoder.transformer.layers.");
    made.weights.config().agrees("mask_decoder_config", "num_hidden_layers", layers)?;
    for layer in 0..layers {
        let name = |part: &str| format!("mask_decoder.transformer.layers.{layer}.{part}");
        if layer == 0 {
            tokens = attention(made, [&tokens, &tokens, &tokens], &name("self_attn"), sizes)?;
        } else {
            let placed = made.graph.add(&tokens, &first);
            let seen = attention(made, [&placed, &placed, &tokens], &name("self_attn"), sizes)?;
            tokens = made.graph.add(&tokens, &seen);
        }
        tokens = made.norm(&tokens, &name("norm1"), width, tiny)?;
        let placed = made.graph.add(&tokens, &first);
        let there = made.graph.add(&cells, places);
        let seen = attention(made, [&placed, &there, &cells], &name("cross_attn_token_to_image"), sizes)?;
        tokens = made.graph.add(&tokens, &seen);
        tokens = made.norm(&tokens, &name("norm2"), width, tiny)?;
        let [inner, _] = made.weights.shape::<2>(&name("mlp.lin1.weight"))?;
        let wide = made.linear(&tokens, &name("mlp.lin1"), width, inner)?;
        let wide = made.graph.op("Relu", &[&wide], &[]);
        let more = made.linear(&wide, &name("mlp.lin2"), inner, width)?;
        tokens = made.graph.add(&tokens, &more);
        tokens = made.norm(&tokens, &name("norm3"), width, tiny)?;
        let placed = made.graph.add(&tokens, &first);
        let seen = attention(made, [&there, &placed, &tokens], &name("cross_attn_image_to_token"), sizes)?;
        cells = made.graph.add(&cells, &seen);
        cells = made.norm(&cells, &name("norm4"), width, tiny)?;
    }
    let placed = made.graph.add(&tokens, &first);
    let there = made.graph.add(&cells, places);
    let last = "mask_decoder.transformer.final_attn_token_to_image";
    let seen = attention(made, [&placed, &there, &cells], last, sizes)?;
    tokens = made.graph.add(&tokens, &seen);
    tokens = made.norm(&tokens, "mask_decoder.transformer.norm_final_attn", width, LAST_TINY)?;
    Ok((tokens, cells))
}

/// Queries look at keys and take their values; each `1 x rows x width`.
fn attention(made: &mut Made, [queries, keys, values]: [&str; 3], name: &str, sizes: Sizes) -> Result<Value, Error> {
    let Sizes { width, heads, .. } = sizes;
    let [inner, _] = made.weights.shape::<2>(&format!("{name}.q_proj.weight"))?;
    if !inner.is_multiple_of(heads) {
        return Err(made.weights.odd(format!("has {inner} channels in `{name}`, which {heads} heads do not divide")));
    }
    let deep = inner / heads;
    let mut headed = |value: &str, part: &str, order: &[i64]| {
        let value = made.linear(value, &format!("{name}.{part}"), width, inner)?;
        let value = made.graph.reshaped(&value, &[1, -1, heads as i64, deep as i64]);
        Ok::<_, Error>(made.graph.turned(&value, order))
    };
    let queries = headed(queries, "q_proj", &[0, 2, 1, 3])?;
    let keys = headed(keys, "k_proj", &[0, 2, 3, 1])?;
    let values = headed(values, "v_proj", &[0, 2, 1, 3])?;
    let graph = &mut made.graph;
    let logits = graph.product(&queries, &keys);
    let logits = graph.scaled(&logits, (deep as f32).powf(-0.5));
    let shares = graph.softmax(&logits);
    let seen = graph.product(&shares, &values);
    let seen = graph.turned(&seen, &[0, 2, 1, 3]);
    let seen = graph.reshaped(&seen, &[1, -1, inner as i64]);
    made.linear(&seen, &format!("{name}.out_proj"), inner, width)
}

/// The picture four times as large, and how many channels it has then.
fn enlarged(made: &mut Made, picture: &str, width: usize) -> Result<(Value, usize), Error> {
    let mut doubled = |picture: &str, name: &str, from: usize| {
        let [_, to, _, _] = made.weights.shape::<4>(&format!("{name}.weight"))?;
        let kernel = made.weight(&format!("{name}.weight"), &[from, to, 2, 2])?;
        let bias = made.weight(&format!("{name}.bias"), &[to])?;
        let settings = [("kernel_shape", Setting::Wholes(&[2, 2])), ("strides", Setting::Wholes(&[2, 2]))];
        let larger = made.graph.op("ConvTranspose", &[picture, &kernel, &bias], &settings);
        let larger = if name.ends_with('0') {
            made.channel_norm(&larger, "mask_decoder.output_upscaling.1", to)?
        } else {
            larger
        };
        Ok::<_, Error>((made.graph.gelu(&larger), to))
    };
    let (larger, thinner) = doubled(picture, "mask_decoder.output_upscaling.0", width)?;
    doubled(&larger, "mask_decoder.output_upscaling.3", thinner)
}

/// Linear layers with kinks between them, and how many numbers come out.
fn mlp(made: &mut Made, value: &str, name: &str, width: usize) -> Result<(Value, usize), Error> {
    let layers = made.weights.count(&format!("{name}.layers."));
    let (mut value, mut from) = (value.to_owned(), width);
    if layers == 0 {
        // Names what is missing.
        made.weights.shape::<2>(&format!("{name}.layers.0.weight"))?;
    }
    for layer in 0..layers {
        if layer > 0 {
            value = made.graph.op("Relu", &[&value], &[]);
        }
        let own = format!("{name}.layers.{layer}");
        let [to, _] = made.weights.shape::<2>(&format!("{own}.weight"))?;
        value = made.linear(&value, &own, from, to)?;
        from = to;
    }
    Ok((value, from))
}
