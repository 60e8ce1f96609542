//! Differences of LyCORIS' formats, against the formulas of its sources written out number by number.

use super::super::change::Kind;
use super::*;

const LINEAR: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_2";
const CONV: &str = "lora_unet_mid_block_resnets_0_conv1";

/// The only change of a file.
fn only(made: &Made) -> Change {
    let read = made.taken();
    assert_eq!((read.unet.len(), read.text_encoder.len()), (1, 0));
    assert!(read.left_aside.is_empty(), "{:?}", read.left_aside);
    read.unet.into_values().next().expect("one")
}

fn get(made: &Made, leaf: &str) -> Vec<f64> {
    let (_, (_, values)) = made.tensors.iter().find(|(name, _)| name.ends_with(leaf)).expect("there");
    values.iter().map(|value| f64::from(*value)).collect()
}

/// `[n, rank]` times `[rank, m]`
fn times(a: &[f64], b: &[f64], rank: usize) -> Vec<f64> {
    let (n, m) = (a.len() / rank, b.len() / rank);
    let cell = |i: usize, j: usize| (0..rank).map(|r| a[i * rank + r] * b[r * m + j]).sum();
    (0..n).flat_map(|i| (0..m).map(move |j| cell(i, j))).collect()
}

/// LyCORIS' rebuild of a core `[p, q, cells]` with `a` `[p, out]` and `b` `[q, in]`: `[out, in, cells]`.
fn tucker(t: &[f64], a: &[f64], b: &[f64], [p, q, cells]: [usize; 3]) -> Vec<f64> {
    let (out, input) = (a.len() / p, b.len() / q);
    let cell = |o: usize, n: usize, k: usize| {
        let pairs = (0..p).flat_map(|i| (0..q).map(move |j| (i, j)));
        pairs.map(|(i, j)| t[(i * q + j) * cells + k] * a[i * out + o] * b[j * input + n]).sum()
    };
    every(out, input, cells).map(|(o, n, k)| cell(o, n, k)).collect()
}

fn scaled(values: impl IntoIterator<Item = f64>, scale: f64) -> Vec<f32> {
    values.into_iter().map(|value| (value * scale) as f32).collect()
}

#[test]
fn locon_with_and_without_a_core() {
    let made = Made::new("f")
        .any(format!("{CONV}.lora_down.weight"), &[2, 6, 3, 3])
        .any(format!("{CONV}.lora_up.weight"), &[5, 2, 1, 1])
        .with(format!("{CONV}.alpha"), &[], vec![1.0]);
    let expected = scaled(times(&get(&made, "up.weight"), &get(&made, "down.weight"), 2), 0.5);
    assert_near(&delta(&only(&made), &[], &[5, 6, 3, 3]), &expected);
    let made = Made::new("f")
        .any(format!("{CONV}.lora_down.weight"), &[2, 6, 1, 1])
        .any(format!("{CONV}.lora_mid.weight"), &[2, 2, 3, 3])
        .any(format!("{CONV}.lora_up.weight"), &[5, 2, 1, 1])
        .with(format!("{CONV}.alpha"), &[], vec![4.0]);
    let up = get(&made, "up.weight");
    let turned: Vec<f64> = (0..2).flat_map(|r| (0..5).map(move |o| (o, r))).map(|(o, r)| up[o * 2 + r]).collect();
    let core = tucker(&get(&made, "mid.weight"), &turned, &get(&made, "down.weight"), [2, 2, 9]);
    assert_near(&delta(&only(&made), &[], &[5, 6, 3, 3]), &scaled(core, 2.0));
    assert_eq!(made.taken().kind, Kind::LoCon);
}

fn loha(layer: &str, rank: usize, out: usize, columns: usize) -> Made {
    Made::new("f")
        .any(format!("{layer}.hada_w1_a"), &[out, rank])
        .any(format!("{layer}.hada_w1_b"), &[rank, columns])
        .any(format!("{layer}.hada_w2_a"), &[out, rank])
        .any(format!("{layer}.hada_w2_b"), &[rank, columns])
        .with(format!("{layer}.alpha"), &[], vec![1.0])
}

#[test]
fn loha_is_low_rank_where_that_is_less_than_half_the_numbers_and_else_two_products() {
    for (layer, shape, rank, products) in [
        // Rank 9: 9 · (36 + 37) numbers against half of 36 · 37, and so on.
        (LINEAR, &[36, 37][..], 3, false),
        (LINEAR, &[36, 36], 3, true),
        (LINEAR, &[8, 12], 3, true),
        (CONV, &[28, 6, 3, 3], 3, false),
        (CONV, &[27, 6, 3, 3], 3, true),
    ] {
        let columns: usize = shape[1..].iter().product();
        let made = loha(layer, rank, shape[0], columns);
        let one = times(&get(&made, "w1_a"), &get(&made, "w1_b"), rank);
        let two = times(&get(&made, "w2_a"), &get(&made, "w2_b"), rank);
        let expected = scaled(one.iter().zip(&two).map(|(a, b)| a * b), 1.0 / rank as f64);
        let change = only(&made);
        assert_eq!(matches!(change, Change::Hadamard { .. }), products, "{shape:?}");
        assert_near(&delta(&change, &[], shape), &expected);
        let read = made.taken();
        assert_eq!((read.kind, read.about.ranks.as_slice()), (Kind::LoHa, &[3][..]));
        let anew = format!("held in memory: 0 MB; {} of 1 layers are multiplied out", usize::from(products));
        assert!(read.summary().iter().any(|line| line.starts_with(&anew)), "{:?}", read.summary());
        assert_eq!(read.parameters(), if products { 6 } else { 9 } * (shape[0] + columns));
        assert_eq!(read.held().anew, if products { 4 * shape.iter().product::<usize>() as u64 } else { 0 });
    }
}

#[test]
fn loha_with_cores_is_low_rank_or_two_products_alike() {
    for (out, input, products) in [(11, 10, false), (2, 8, true)] {
        let mut made = Made::new("f").with(format!("{CONV}.alpha"), &[], vec![3.0]);
        for (half, side) in [("w1_a", out), ("w1_b", input), ("w2_a", out), ("w2_b", input)] {
            made = made.any(format!("{CONV}.hada_{half}"), &[2, side]);
        }
        let made = made.any(format!("{CONV}.hada_t1"), &[2, 2, 3, 3]).any(format!("{CONV}.hada_t2"), &[2, 2, 3, 3]);
        let sizes = [2, 2, 9];
        let one = tucker(&get(&made, "t1"), &get(&made, "w1_a"), &get(&made, "w1_b"), sizes);
        let two = tucker(&get(&made, "t2"), &get(&made, "w2_a"), &get(&made, "w2_b"), sizes);
        let expected = scaled(one.iter().zip(&two).map(|(a, b)| a * b), 1.5);
        let change = only(&made);
        assert_eq!(matches!(change, Change::Hadamard { .. }), products, "{out}");
        assert_near(&delta(&change, &[], &[out, input, 3, 3]), &expected);
    }
}

/// Kronecker's product of `[a, b]` and `[c, d, cells]`.
fn kron(left: &[f64], right: &[f64], [a, b]: [usize; 2], [c, d, cells]: [usize; 3]) -> Vec<f64> {
    let mut values = Vec::new();
    for (i, p) in (0..a).flat_map(|i| (0..c).map(move |p| (i, p))) {
        for (j, q) in (0..b).flat_map(|j| (0..d).map(move |q| (j, q))) {
            values.extend((0..cells).map(|k| left[i * b + j] * right[(p * d + q) * cells + k]));
        }
    }
    values
}

#[test]
fn lokr_whole_and_split_in_every_way() {
    let (left, right) = ([2, 3], [4, 5]);
    for (split_left, split_right) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut made = Made::new("f").with(format!("{LINEAR}.alpha"), &[], vec![1.0]);
        made = if split_left {
            made.any(format!("{LINEAR}.lokr_w1_a"), &[2, 2]).any(format!("{LINEAR}.lokr_w1_b"), &[2, 3])
        } else {
            made.any(format!("{LINEAR}.lokr_w1"), &left)
        };
        made = if split_right {
            made.any(format!("{LINEAR}.lokr_w2_a"), &[4, 4]).any(format!("{LINEAR}.lokr_w2_b"), &[4, 5])
        } else {
            made.any(format!("{LINEAR}.lokr_w2"), &right)
        };
        let one = if split_left { times(&get(&made, "w1_a"), &get(&made, "w1_b"), 2) } else { get(&made, "w1") };
        let two = if split_right { times(&get(&made, "w2_a"), &get(&made, "w2_b"), 4) } else { get(&made, "w2") };
        // Alpha over the rank of the one that is split; of the second where both are.
        let scale = if split_right {
            0.25
        } else if split_left {
            0.5
        } else {
            1.0
        };
        let read = made.taken();
        let change = &read.unet["mid_block.attentions.0.transformer_blocks.0.ff.net.2"];
        assert!(matches!(change, Change::Kronecker { .. }));
        assert_near(&delta(change, &[], &[8, 15]), &scaled(kron(&one, &two, left, [4, 5, 1]), scale));
        assert_eq!((read.kind, read.left_aside.len()), (Kind::LoKr, usize::from(!split_left && !split_right)));
    }
}

#[test]
fn lokr_of_convolutions_whole_split_and_with_a_core() {
    let left = |made: Made| made.any(format!("{CONV}.lokr_w1"), &[2, 3]);
    let whole = left(Made::new("f")).any(format!("{CONV}.lokr_w2"), &[4, 2, 3, 3]);
    let expected = kron(&get(&whole, "w1"), &get(&whole, "w2"), [2, 3], [4, 2, 9]);
    assert_near(&delta(&only(&whole), &[], &[8, 6, 3, 3]), &scaled(expected, 1.0));
    let split = left(Made::new("f"))
        .any(format!("{CONV}.lokr_w2_a"), &[4, 2])
        .any(format!("{CONV}.lokr_w2_b"), &[2, 18])
        .with(format!("{CONV}.alpha"), &[], vec![3.0]);
    let right = times(&get(&split, "w2_a"), &get(&split, "w2_b"), 2);
    assert_near(
        &delta(&only(&split), &[], &[8, 6, 3, 3]),
        &scaled(kron(&get(&split, "w1"), &right, [2, 3], [4, 2, 9]), 1.5),
    );
    let core = left(Made::new("f"))
        .any(format!("{CONV}.lokr_t2"), &[2, 2, 3, 3])
        .any(format!("{CONV}.lokr_w2_a"), &[2, 4])
        .any(format!("{CONV}.lokr_w2_b"), &[2, 2])
        .with(format!("{CONV}.alpha"), &[], vec![1.0]);
    let right = tucker(&get(&core, "t2"), &get(&core, "w2_a"), &get(&core, "w2_b"), [2, 2, 9]);
    assert_near(
        &delta(&only(&core), &[], &[8, 6, 3, 3]),
        &scaled(kron(&get(&core, "w1"), &right, [2, 3], [4, 2, 9]), 0.5),
    );
}

#[test]
fn ia3_scales_along_the_inputs_or_the_outputs() {
    let weight = noise("weight", 6 * 4 * 9);
    for (shape, on_input) in [(&[1, 4, 1, 1][..], true), (&[1, 6, 1, 1], false), (&[6], false)] {
        let made = Made::new("f").any(format!("{CONV}.weight"), shape).with(
            format!("{CONV}.on_input"),
            &[],
            vec![f32::from(u8::from(on_input))],
        );
        let factors = get(&made, ".weight");
        let expected: Vec<f32> = every(6, 4, 9)
            .zip(&weight)
            .map(|((o, i, _), value)| (factors[if on_input { i } else { o }] * f64::from(*value)) as f32)
            .collect();
        assert_near(&delta(&only(&made), &weight, &[6, 4, 3, 3]), &expected);
        assert_eq!(made.taken().kind, Kind::Ia3);
    }
}
