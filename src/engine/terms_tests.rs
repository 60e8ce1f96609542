//! Terms of convolutions against PyTorch's numbers: `tests/data/convolutions`, whose script says how they were made.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use super::*;
use crate::engine::adapters;

/// An array of numbers as the script writes it.
#[derive(Deserialize)]
struct Numbers {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The layer without changes.
#[derive(Deserialize)]
struct Plain {
    r#in: usize,
    out: usize,
    kernel: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// One file, and what the layer gives with it.
#[derive(Deserialize)]
struct Case {
    name: String,
    stride: usize,
    strength: f32,
    tensors: BTreeMap<String, Numbers>,
    output: Numbers,
}

#[derive(Deserialize)]
struct All {
    layer: Plain,
    input: Vec<f32>,
    input_shape: [usize; 4],
    cases: Vec<Case>,
}

/// A safetensors file as kohya's and LyCORIS' trainers write it.
fn file(case: &Case) -> Vec<u8> {
    let bytes = |numbers: &Numbers| numbers.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let named = |(leaf, numbers): (&String, &Numbers)| {
        (format!("lora_unet_mid_block_resnets_0_conv1.{leaf}"), numbers.shape.clone(), bytes(numbers))
    };
    let tensors: Vec<_> = case.tensors.iter().map(named).collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("as many as the shape says"))
    });
    safetensors::serialize(views, None).expect("written")
}

#[test]
fn changed_convolutions_give_what_pytorch_gives() {
    let all: All = serde_json::from_str(include_str!("../../tests/data/convolutions/numbers.json")).expect("JSON");
    let (Plain { r#in, out, kernel, weight, bias }, device) = (all.layer, Device::flex());
    let weight = upload(weight, [out, r#in, kernel, kernel], &device);
    let bias = upload(bias, [out], &device);
    let input: Tensor<4> = upload(all.input, all.input_shape, &device);
    let sizes = Sizes { input: r#in, output: out, kernel: Some(kernel) };
    let mut kinds = Vec::new();
    for case in all.cases {
        let named = format!("{}, stride {}", case.name, case.stride);
        let read =
            adapters::from_bytes("x.safetensors", file(&case)).unwrap_or_else(|error| panic!("{named}: {error}"));
        let change = &read.unet["mid_block.resnets.0.conv1"];
        let term = ConvTerm::new(change, case.strength, sizes, &device).expect("fits");
        kinds.push(match &term {
            ConvTerm::LowRank(..) => "low rank",
            ConvTerm::Tucker(_) => "core",
            ConvTerm::Hadamard(_) => "products",
            ConvTerm::Kronecker(..) => "Kronecker",
            ConvTerm::ScaledInput(_) | ConvTerm::ScaledOutput(_) => "scaled",
        });
        let layer = Conv2d::of(weight.clone(), bias.clone(), case.stride, kernel / 2);
        let plain = layer.forward(input.clone());
        let output = plain.clone() + term.of(&layer, &input, &plain);
        assert_eq!(output.dims().to_vec(), case.output.shape, "{named}");
        let found = output.into_data().try_to_vec::<f32>().expect("f32");
        for (index, (found, expected)) in found.iter().zip(&case.output.values).enumerate() {
            // The script rounds to five places.
            assert!((found - expected).abs() < 2e-5, "{named}, number {index}: {found}, PyTorch gives {expected}");
        }
        let plain = plain.into_data().try_to_vec::<f32>().expect("f32");
        let most = plain.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0_f32, f32::max);
        assert!(most > 0.1, "{named} changes nothing that could be seen");
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["Kronecker", "core", "low rank", "products"], "every kind of term is among them");
}

#[test]
fn a_factor_is_turned_and_takes_no_more_room_than_it_has_numbers() {
    for (rows, columns) in [(1, 1), (1, 40), (40, 1), (5, 3), (16, 16), (33, 7), (1024, 96)] {
        let values: Vec<f32> = (0..rows * columns).map(|index| index as f32).collect();
        let turned = transposed(&values, rows, columns, 0.5);
        let expected: Vec<f32> =
            (0..columns).flat_map(|column| (0..rows).map(move |row| (row * columns + column) as f32 * 0.5)).collect();
        assert_eq!(turned, expected, "{rows} x {columns}");
        assert_eq!(turned.capacity(), rows * columns, "{rows} x {columns}");
    }
}
