//! The kernels against their composed versions, forward and backward.

use std::cell::RefCell;

use burn::tensor::activation::{gelu, silu, softmax};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{attention, causal_attention, conv2d, geglu, group_norm, layer_norm, linear};

fn device() -> Device {
    Device::flex().autodiff()
}

thread_local! {
    /// The same numbers in every run: a test has a thread of its own.
    static RANDOM: RefCell<ChaCha12Rng> = RefCell::new(ChaCha12Rng::seed_from_u64(
        std::env::var("PODIUM_KERNEL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1),
    ));
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    let count = shape.iter().product();
    let values: Vec<f32> =
        RANDOM.with_borrow_mut(|rng| Distribution::<f32>::sample_iter(StandardNormal, rng).take(count).collect());
    Tensor::from_data(TensorData::new(values, shape), &device())
}

fn host<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_to_vec().expect("f32")
}

/// The largest difference, relative to the largest value.
fn assert_close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    // Scores in the hundreds are known to about 1e-5 only, and a softmax passes that on.
    let tolerance = if what.contains("large") { 1e-4 } else { 4e-6 };
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (host(found), host(expected));
    let scale = expected.iter().fold(1e-20f32, |max, value| max.max(value.abs()));
    let worst = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() })
        .fold(0.0, f32::max);
    assert!(worst <= tolerance * scale, "{what}: {worst:e} apart, of {scale:e}");
}

/// Compares two functions of one tensor, and the gradients of a weighted sum of their values.
fn compare<const D: usize, const E: usize>(
    what: &str,
    x: Tensor<D>,
    ours: impl Fn(Tensor<D>) -> Tensor<E>,
    composed: impl Fn(Tensor<D>) -> Tensor<E>,
) {
    let run = |of: &dyn Fn(Tensor<D>) -> Tensor<E>, weights: Option<Tensor<E>>| {
        let leaf = x.clone().detach().require_grad();
        let y = of(leaf.clone());
        let weights = weights.unwrap_or_else(|| random(y.dims()));
        let gradient = leaf.grad(&(y.clone() * weights.clone()).sum().backward()).expect("a gradient");
        (y.inner(), gradient, weights)
    };
    let (y, gradient, weights) = run(&ours, None);
    let (expected, expected_gradient, _) = run(&composed, Some(weights));
    assert_close(what, y, expected);
    assert_close(&format!("{what}, gradient"), gradient, expected_gradient);
}

fn composed_group_norm(x: Tensor<4>, weight: Tensor<1>, bias: Tensor<1>, groups: usize, then_silu: bool) -> Tensor<4> {
    let [rows, channels, height, width] = x.dims();
    let grouped = x.reshape([rows, groups, channels / groups * height * width]);
    let centred = grouped.clone() - grouped.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    let normal = (centred / (variance + 1e-5).sqrt()).reshape([rows, channels, height, width]);
    let y = normal * weight.reshape([1, channels, 1, 1]) + bias.reshape([1, channels, 1, 1]);
    if then_silu { silu(y) } else { y }
}

#[test]
fn group_norm_equals_the_composed_version() {
    for (shape, groups) in [([2, 8, 5, 7], 4), ([1, 6, 1, 3], 2), ([3, 32, 16, 16], 8), ([1, 16, 1, 1], 2)] {
        for then_silu in [false, true] {
            let (weight, bias) = (random([shape[1]]), random([shape[1]]));
            for (name, x) in [
                ("plain", random(shape)),
                ("far from zero", random(shape) * 3.0 + 20.0),
                ("large", random(shape) * 1e4),
            ] {
                let ours = |x| group_norm(x, weight.clone(), bias.clone() * 40.0, groups, 1e-5, then_silu);
                let composed = |x| composed_group_norm(x, weight.clone(), bias.clone() * 40.0, groups, then_silu);
                compare(&format!("{name} {shape:?} {then_silu}"), x, ours, composed);
            }
        }
    }
}

#[test]
fn layer_norm_equals_burns() {
    for shape in [[2, 5, 7], [1, 77, 64], [3, 1, 33], [1, 2, 320]] {
        let (weight, bias) = (random([shape[2]]), random([shape[2]]));
        let ours = |x| layer_norm(x, weight.clone(), bias.clone(), 1e-5);
        let burns = |x| burn::tensor::module::layer_norm(x, weight.clone(), Some(bias.clone()), 1e-5);
        compare(&format!("{shape:?}"), random(shape) + 2.0, ours, burns);
    }
}

/// The same tensor held in half precision, and that one widened.
fn halved<const D: usize>(x: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let narrow = x.inner().cast(FloatDType::F16);
    (narrow.clone(), narrow.cast(FloatDType::F32))
}

#[test]
fn a_weight_in_half_precision_multiplies_as_what_it_is_and_passes_the_gradient_on() {
    let (weight, wide) = halved(random([7, 5]));
    assert_eq!((weight.dtype(), wide.dtype()), (DType::F16, DType::F32));
    let bias = random::<1>([5]).inner();
    for (name, bias) in [("with a bias", Some(bias)), ("without", None)] {
        let ours = |x| linear(x, weight.clone(), bias.clone());
        let plain = |x| linear(x, wide.clone(), bias.clone());
        compare(&format!("linear {name}"), random([2, 3, 7]), ours, plain);
        // Without a graph too.
        let x = random([2, 3, 7]).inner();
        assert_close(name, linear(x.clone(), weight.clone(), bias.clone()), linear(x, wide.clone(), bias.clone()));
    }
    let (weight, wide) = halved(random([4, 3, 3, 3]));
    let bias = random::<1>([4]).inner();
    for (stride, padding) in [(1, 1), (2, 1), (2, 0), (1, 0)] {
        let ours = |x| conv2d(x, weight.clone(), bias.clone(), stride, padding);
        let plain = |x| conv2d(x, wide.clone(), bias.clone(), stride, padding);
        compare(&format!("stride {stride}, padding {padding}"), random([2, 3, 8, 6]), ours, plain);
    }
}

#[test]
fn geglu_equals_the_composed_version() {
    for (shape, size) in [([2, 5, 14], 1.0), ([1, 77, 256], 3.0), ([1, 3, 2], 1e3)] {
        let composed = |x: Tensor<3>| {
            let half = x.dims()[2] / 2;
            x.clone().narrow(2, 0, half) * gelu(x.narrow(2, half, half))
        };
        compare(&format!("{shape:?}"), random(shape) * size, geglu, composed);
    }
}

#[test]
fn a_gate_far_below_zero_passes_nothing_and_one_far_above_everything() {
    for gate in [6.0_f32, 9.0, 300.0, 2e4] {
        for sign in [-1.0, 1.0] {
            let x = Tensor::<3>::from_data(TensorData::new(vec![1e3, sign * gate], [1, 1, 2]), &device());
            let expected = if sign < 0.0 { 0.0 } else { 1e3 * gate };
            assert_eq!(host(geglu(x)), [expected], "gate {}", sign * gate);
        }
    }
}

#[test]
fn convolution_equals_burns() {
    for (shape, [outputs, kernel, stride, padding]) in [
        ([2, 3, 32, 32], [5, 3, 1, 1]),
        ([1, 7, 16, 16], [13, 3, 1, 1]),
        ([3, 60, 8, 8], [6, 3, 1, 1]),
        ([2, 130, 4, 4], [9, 3, 1, 1]),
        ([2, 3, 5, 7], [4, 3, 1, 1]),
        ([2, 3, 32, 32], [5, 3, 2, 1]),
        ([1, 3, 9, 10], [4, 3, 2, 1]),
        ([2, 3, 17, 17], [5, 3, 2, 0]),
        ([2, 6, 6, 4], [5, 1, 1, 0]),
        ([1, 2, 1, 1], [3, 3, 1, 1]),
        ([1, 2, 6, 5], [3, 5, 1, 2]),
    ] {
        let weight: Tensor<4> = random([outputs, shape[1], kernel, kernel]);
        let bias: Tensor<1> = random([outputs]);
        let ours = |x| conv2d(x, weight.clone(), bias.clone(), stride, padding);
        let options = burn::tensor::ops::ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
        let burns = |x| burn::tensor::module::conv2d(x, weight.clone(), Some(bias.clone()), options.clone());
        compare(&format!("{shape:?} to {outputs}, kernel {kernel}, stride {stride}"), random(shape), ours, burns);
    }
}

#[test]
fn linear_equals_burns() {
    for (shape, outputs) in
        [([2, 5, 7], 3), ([1, 77, 64], 32), ([3, 13, 33], 40), ([1, 1, 1100], 20), ([1, 300, 16], 48)]
    {
        let weight: Tensor<2> = random([shape[2], outputs]);
        for bias in [None, Some(random([outputs]))] {
            let ours = |x| linear(x, weight.clone(), bias.clone());
            let burns = |x| burn::tensor::module::linear(x, weight.clone(), bias.clone());
            compare(&format!("{shape:?} to {outputs}"), random(shape), ours, burns);
        }
    }
}

fn composed_attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, heads: usize) -> Tensor<3> {
    let [rows, queries, channels] = q.dims();
    let split = |x: Tensor<3>| {
        let [rows, tokens, channels] = x.dims();
        x.reshape([rows, tokens, heads, channels / heads]).swap_dims(1, 2)
    };
    let scale = ((channels / heads) as f64).powf(-0.5);
    let probs = softmax(split(q).matmul(split(k).transpose()) * scale, 3);
    probs.matmul(split(v)).swap_dims(1, 2).reshape([rows, queries, channels])
}

#[test]
fn attention_equals_the_composed_version() {
    for (rows, queries, keys, heads, width, size) in [
        (2, 21, 13, 3, 5, 1.0),
        (1, 64, 77, 2, 16, 1.0),
        (1, 16, 16, 8, 2, 1.0),
        (1, 1, 1, 1, 3, 1.0),
        (1, 40, 40, 2, 8, 8.0),
    ] {
        let large = if size > 1.0 { "large, " } else { "" };
        let name = format!("{large}{rows} rows, {queries} x {keys}, {heads} x {width}");
        let channels = heads * width;
        let [q, k, v] =
            [random([rows, queries, channels]) * size, random([rows, keys, channels]), random([rows, keys, channels])];
        for part in 0..3 {
            let with = |x: Tensor<3>| {
                let mut all = [q.clone(), k.clone(), v.clone()];
                all[part] = x;
                all
            };
            let ours = |x| {
                let [q, k, v] = with(x);
                attention(q, k, v, heads)
            };
            let composed = |x| {
                let [q, k, v] = with(x);
                composed_attention(q, k, v, heads)
            };
            compare(&format!("{name}, {part}"), [&q, &k, &v][part].clone(), ours, composed);
        }
    }
}

#[test]
fn a_text_s_tokens_see_themselves_and_what_came_before() {
    for (rows, tokens, heads, width) in [(2, 77, 3, 5), (1, 16, 2, 16), (3, 17, 1, 4), (1, 1, 2, 3), (1, 40, 2, 8)] {
        let channels = heads * width;
        let all: [Tensor<3>; 3] = [0; 3].map(|_| random([rows, tokens, channels]));
        for part in 0..3 {
            let with = |x: Tensor<3>| {
                let mut all = all.clone();
                all[part] = x;
                all
            };
            let ours = |x| {
                let [q, k, v] = with(x);
                causal_attention(q, k, v, heads)
            };
            let composed = |x| {
                let split = |x: Tensor<3>| x.reshape([rows, tokens, heads, width]).swap_dims(1, 2);
                let [q, k, v] = with(x).map(split);
                let scores = q.matmul(k.transpose()) * (width as f64).powf(-0.5);
                let seen = Tensor::<2>::ones([tokens, tokens], &device()).tril(0).unsqueeze::<4>();
                let scores = scores + (seen - 1.0) * 1e9;
                softmax(scores, 3).matmul(v).swap_dims(1, 2).reshape([rows, tokens, channels])
            };
            compare(&format!("{rows} rows of {tokens}, {heads} x {width}, {part}"), all[part].clone(), ours, composed);
        }
    }
}

#[test]
fn attention_to_huge_scores_is_a_choice() {
    let identity = Tensor::<3>::from_data([[[1e6, 0.0], [0.0, 1e6]]], &device());
    let mixed = attention(identity.clone(), identity, Tensor::<3>::from_data([[[1.0, 2.0], [3.0, 4.0]]], &device()), 1);
    assert_eq!(host(mixed), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn inputs_need_not_be_contiguous() {
    let (weight, bias): (Tensor<1>, Tensor<1>) = (random([8]), random([8]));
    let turned = |x: Tensor<4>| x.swap_dims(1, 3).narrow(2, 1, 4);
    compare(
        "group norm",
        random([2, 5, 6, 8]),
        |x| group_norm(turned(x), weight.clone(), bias.clone(), 4, 1e-5, true),
        |x| composed_group_norm(turned(x), weight.clone(), bias.clone(), 4, true),
    );
    let filter: Tensor<4> = random([3, 3, 3, 8]);
    let (options, three) = (burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1), random([3]));
    compare(
        "convolution",
        random([2, 5, 6, 8]),
        |x| conv2d(turned(x), filter.clone().swap_dims(1, 3), three.clone(), 1, 1),
        |x| {
            burn::tensor::module::conv2d(
                turned(x),
                filter.clone().swap_dims(1, 3),
                Some(three.clone()),
                options.clone(),
            )
        },
    );
    let (k, v) = (random([2, 7, 6]), random([2, 7, 6]));
    compare(
        "attention",
        random([2, 6, 5]),
        |q: Tensor<3>| attention(q.swap_dims(1, 2), k.clone(), v.clone(), 3),
        |q: Tensor<3>| composed_attention(q.swap_dims(1, 2), k.clone(), v.clone(), 3),
    );
}

#[test]
fn tracked_weights_get_their_gradients() {
    let x: Tensor<4> = random([2, 4, 5, 5]);
    let (bias, filter): (Tensor<1>, Tensor<4>) = (random([4]), random([4, 4, 3, 3]));
    compare(
        "the norm's weight",
        random([4]),
        |weight| group_norm(x.clone(), weight, bias.clone(), 2, 1e-5, true),
        |weight| composed_group_norm(x.clone(), weight, bias.clone(), 2, true),
    );
    let options = burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    compare(
        "the convolution's weight",
        filter,
        |filter| conv2d(x.clone(), filter, bias.clone(), 1, 1),
        |filter| burn::tensor::module::conv2d(x.clone(), filter, Some(bias.clone()), options.clone()),
    );
    let rows: Tensor<2> = random([3, 4]);
    compare(
        "a linear layer's weight",
        random([4, 5]),
        |weight: Tensor<2>| linear(rows.clone(), weight, None),
        |weight: Tensor<2>| burn::tensor::module::linear(rows.clone(), weight, None),
    );
    // More tokens than one task adds up, few channels in and few out.
    for [tokens, inputs, outputs] in [[1500, 7, 3], [2100, 3, 40], [1, 5, 5]] {
        let [x, factor]: [Tensor<2>; 2] = [random([tokens, inputs]), random([inputs, outputs])];
        let name = format!("a factor of {tokens} x {inputs} to {outputs}");
        compare(
            &name,
            factor,
            |weight: Tensor<2>| linear(x.clone(), weight, None),
            |weight: Tensor<2>| burn::tensor::module::linear(x.clone(), weight, None),
        );
    }
    // Both at once, through each other.
    let square: Tensor<2> = random([4, 4]);
    compare(
        "a factor whose input is made of it",
        square,
        |weight: Tensor<2>| linear(linear(rows.clone(), weight.clone(), None), weight, None),
        |weight: Tensor<2>| rows.clone().matmul(weight.clone()).matmul(weight),
    );
    compare(
        "layer norm's bias",
        random([4]),
        |weight: Tensor<1>| layer_norm(rows.clone(), bias.clone(), weight, 1e-5),
        |weight: Tensor<1>| burn::tensor::module::layer_norm(rows.clone(), bias.clone(), Some(weight), 1e-5),
    );
}
