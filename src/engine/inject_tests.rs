//! What adapters add, against models whose weights hold the very same differences: dense sums in f64, by loops that share
//! no code with the terms.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::*;
use crate::engine::adapters::change::Array;
use crate::engine::adapters::{self, AdapterFile, Change, Embedding};
use crate::engine::align::{self, Alignment, Distance, layout_keys};
use crate::engine::concept::Part;
use crate::engine::models::Models;
use crate::engine::nets::attention::Context;
use crate::engine::nets::layers::Sizes;
use crate::engine::noise;
use crate::engine::pictures::host;
use crate::engine::prompt::{encode_custom, encode_plain};
use crate::engine::weights::ModelFiles;

/// Numbers that look like chance and are the same everywhere, in -size..size.
struct Chance(u64);

impl Chance {
    fn values(&mut self, count: usize, size: f32) -> Vec<f32> {
        let next = |_| {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * size
        };
        (0..count).map(next).collect()
    }

    fn array(&mut self, shape: &[usize], size: f32) -> Array {
        Array { values: self.values(shape.iter().product(), size), shape: shape.to_vec() }
    }
}

/// A change of one of seven kinds that fits a layer.
fn change(kind: usize, sizes: Sizes, rank: usize, chance: &mut Chance) -> Change {
    let Sizes { input, output, kernel } = sizes;
    let side = kernel.unwrap_or(1);
    // A linear layer's factors may be written as 1x1 convolutions.
    let conv = |rows, columns, side| match kernel {
        None if rank.is_multiple_of(2) => vec![rows, columns],
        _ => vec![rows, columns, side, side],
    };
    let small = 0.3 / side as f32;
    match kind % 7 {
        0 | 1 => Change::LowRank {
            down: chance.array(&conv(rank, input, side), small),
            mid: None,
            up: chance.array(&conv(output, rank, 1), 0.1),
            scale: 0.5,
        },
        2 if kernel.is_some() => Change::LowRank {
            down: chance.array(&[rank, input, 1, 1], 0.3),
            mid: Some(chance.array(&[rank, rank, side, side], 0.3)),
            up: chance.array(&[output, rank, 1, 1], 0.3),
            scale: 0.5,
        },
        2 | 3 => {
            let part = |whole: usize| if whole.is_multiple_of(4) && whole > 4 { 4 } else { 2 };
            let (a, b) = (part(output), part(input));
            Change::Kronecker {
                left: chance.array(&[a, b], 0.2),
                right: chance.array(&conv(output / a, input / b, side), small),
                scale: 1.5,
            }
        }
        4 => Change::Scaled { weight: chance.values(input, 0.3), on_input: true },
        5 => Change::Scaled { weight: chance.values(output, 0.3), on_input: false },
        _ => Change::Hadamard {
            up: [chance.array(&conv(output, 3, 1), 0.3), chance.array(&conv(output, 2, 1), 0.3)],
            down: [chance.array(&conv(3, input, side), 0.3), chance.array(&conv(2, input, side), 0.3)],
            scale: 0.5,
        },
    }
}

/// A file that changes every layer, each of another kind than the one before; `first` is the first layer's.
fn file(models: &Models, first: usize, ranks: [usize; 2]) -> AdapterFile {
    let mut chance = Chance(first as u64 + 1);
    let mut changes = |layers: Vec<(String, Sizes)>| -> BTreeMap<String, Change> {
        let all = layers.into_iter().enumerate();
        all.map(|(index, (path, sizes))| (path, change(first + index, sizes, ranks[index / 7 % 2], &mut chance)))
            .collect()
    };
    let named = |(layer, sizes): (Layer, Sizes)| (layer.to_string(), sizes);
    let unet = changes(models.unet.config.layers().into_iter().map(named).collect());
    let text = models.text_encoder.config.layers().into_iter().map(|(layer, sizes)| (layer.to_string(), sizes));
    AdapterFile { text_encoder: changes(text.collect()), ..empty(unet) }
}

fn empty(unet: BTreeMap<String, Change>) -> AdapterFile {
    AdapterFile {
        file: "made up".into(),
        kind: adapters::Kind::Lora,
        unet,
        text_encoder: BTreeMap::new(),
        embeddings: Vec::new(),
        trigger_words: Vec::new(),
        about: adapters::About::default(),
        tensors: 0,
        left_aside: Vec::new(),
    }
}

/// ΔW of a change at strength 1, as its definition says, for a weight `[out, in, ..]` of `cells` cells a kernel.
fn delta(change: &Change, weight: &[f32], input: usize, cells: usize) -> Vec<f64> {
    let output = weight.len() / input / cells;
    let mut delta = vec![0.0; weight.len()];
    let at = |array: &Array, index: usize| f64::from(array.values[index]);
    for o in 0..output {
        for i in 0..input {
            for cell in 0..cells {
                delta[(o * input + i) * cells + cell] = match change {
                    Change::LowRank { down, mid: None, up, scale } => {
                        let rank = down.shape[0];
                        let sum = (0..rank).map(|r| at(up, o * rank + r) * at(down, (r * input + i) * cells + cell));
                        f64::from(*scale) * sum.sum::<f64>()
                    }
                    Change::LowRank { down, mid: Some(mid), up, scale } => {
                        let rank = down.shape[0];
                        let pairs = (0..rank).flat_map(|m| (0..rank).map(move |n| (m, n)));
                        let sum = pairs.map(|(m, n)| {
                            at(up, o * rank + m) * at(mid, (m * rank + n) * cells + cell) * at(down, n * input + i)
                        });
                        f64::from(*scale) * sum.sum::<f64>()
                    }
                    Change::Kronecker { left, right, scale } => {
                        let (b, [c, d]) = (left.shape[1], [right.shape[0], right.shape[1]]);
                        let block = at(left, o / c * b + i / d);
                        f64::from(*scale) * block * at(right, (o % c * d + i % d) * cells + cell)
                    }
                    Change::Scaled { weight: by, on_input } => {
                        let factor = by[if *on_input { i } else { o }];
                        f64::from(weight[(o * input + i) * cells + cell]) * f64::from(factor)
                    }
                    Change::Hadamard { up, down, scale } => {
                        let product = |up: &Array, down: &Array| {
                            let rank = down.shape[0];
                            let pair = |r| at(up, o * rank + r) * at(down, (r * input + i) * cells + cell);
                            (0..rank).map(pair).sum::<f64>()
                        };
                        f64::from(*scale) * product(&up[0], &down[0]) * product(&up[1], &down[1])
                    }
                };
            }
        }
    }
    delta
}

fn miniature() -> Models {
    Models::load(&ModelFiles::BuiltIn, &Device::flex(), &mut |_| Ok(())).unwrap()
}

/// The miniature with its files' differences in its weights, `(file, strength, text strength)` each.
fn merged(files: &[(&AdapterFile, f32, f32)]) -> Models {
    let folder = tempfile::tempdir().unwrap();
    let below = |name: &'static str| name.strip_prefix("miniature/");
    for (name, bytes) in crate::assets::FILES.iter().filter_map(|(name, bytes)| Some((below(name)?, *bytes))) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let unet: Vec<_> = files.iter().map(|(file, strength, _)| (&file.unet, *strength)).collect();
    merge(&folder.path().join("unet/diffusion_pytorch_model.safetensors"), &unet);
    let text: Vec<_> = files.iter().map(|(file, _, strength)| (&file.text_encoder, *strength)).collect();
    merge(&folder.path().join("text_encoder/model.safetensors"), &text);
    Models::load(&ModelFiles::at(folder.path().to_owned()), &Device::flex(), &mut |_| Ok(())).unwrap()
}

fn merge(path: &Path, files: &[(&BTreeMap<String, Change>, f32)]) {
    let bytes = std::fs::read(path).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let mut whole: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, tensor) in stored.tensors() {
        assert_eq!(tensor.dtype(), Dtype::F16);
        let half = |pair: &[u8]| half::f16::from_le_bytes([pair[0], pair[1]]).to_f32();
        let weight: Vec<f32> = tensor.data().chunks_exact(2).map(half).collect();
        let mut sum: Vec<f64> = weight.iter().copied().map(f64::from).collect();
        let module = name.strip_suffix(".weight").unwrap_or_default();
        for (changes, strength) in files {
            if let Some(change) = changes.get(module) {
                let cells = tensor.shape()[2..].iter().product();
                let delta = delta(change, &weight, tensor.shape()[1], cells);
                sum.iter_mut().zip(delta).for_each(|(sum, delta)| *sum += f64::from(*strength) * delta);
            }
        }
        let bytes = sum.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
        whole.insert(name.clone(), (tensor.shape().to_vec(), bytes));
    }
    for (changes, _) in files {
        let missing = changes.keys().find(|module| !whole.contains_key(&format!("{module}.weight")));
        assert_eq!(missing, None, "no such weight");
    }
    let views = whole
        .iter()
        .map(|(name, (shape, bytes))| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize_to_file(views, None, path).unwrap();
}

fn adapter(models: &Models, files: &[(&AdapterFile, f32, f32)]) -> Adapter {
    let mut parts = Vec::new();
    for &(file, strength, text_strength) in files {
        parts.push(Part { file, strength, text_strength });
    }
    Adapter::new(&parts, &models.unet.config, &models.text_encoder.config, &models.device).unwrap()
}

/// The greatest difference, in parts of the greatest value.
pub(in crate::engine) fn apart<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let (a, b) = (host(a.clone()), host(b.clone()));
    let most = b.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    a.iter().zip(&b).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / most
}

/// As much as the order of sums may make of rounding in f32, through a whole network.
const ROUNDING: f32 = 1e-5;

/// Three branches and a style, each of which changes every layer, and what they are merged into weights.
struct Cast {
    plain: Models,
    branches: [Vec<AdapterFile>; 3],
    style: AdapterFile,
}

impl Cast {
    fn new() -> Self {
        let plain = miniature();
        let file = |first, ranks| file(&plain, first, ranks);
        // Two files of one branch add up; ranks are near each other at some layers and far at others.
        let branches = [vec![], vec![file(0, [3, 4]), file(3, [2, 5])], vec![file(1, [2, 24])]];
        let style = file(5, [4, 1]);
        Self { branches, style, plain }
    }

    /// A branch's files with their strengths.
    fn files(&self, branch: usize) -> Vec<(&AdapterFile, f32, f32)> {
        self.branches[branch].iter().zip([(0.7, 0.4), (1.2, 0.0)]).map(|(file, (s, t))| (file, s, t)).collect()
    }

    fn styles(&self) -> Vec<(&AdapterFile, f32, f32)> {
        vec![(&self.style, -0.5, 0.6)]
    }

    fn adapters(&self) -> Vec<Option<Adapter>> {
        let of = |branch| Some(self.files(branch)).filter(|files| !files.is_empty());
        (0..3).map(|branch| of(branch).map(|files| adapter(&self.plain, &files))).collect()
    }

    /// A branch's model, with the styles in its weights too.
    fn merged(&self, branch: usize) -> Models {
        merged(&[self.files(branch), self.styles()].concat())
    }
}

#[test]
fn every_kind_at_every_layer_is_what_merged_weights_give_and_no_branch_leaks() {
    let cast = Cast::new();
    let models = &cast.plain;
    let (adapters, styles) = (cast.adapters(), adapter(models, &cast.styles()));
    let adapters: Vec<Option<&Adapter>> = adapters.iter().map(Option::as_ref).collect();
    let stacked = Stacked::new(&adapters, Some(&styles));
    let context = encode_plain(models, "a cat and a dog").context;
    let latents = noise::seeded(&[1, 2], [4, 16, 8], &models.device);
    let rows = |branches: usize| latents.clone().repeat_dim(0, branches);
    let both = |branches: usize| context.repeat_rows(2 * branches);
    let lockstep = models.unet.predict(rows(3), &[501], &both(3), &mut Terms(&stacked));
    let plain = models.unet.predict(rows(1), &[501], &both(1), &mut ());
    for branch in 0..3 {
        let own = lockstep.clone().narrow(0, branch * 2, 2);
        let expected = cast.merged(branch).unet.predict(rows(1), &[501], &both(1), &mut ());
        let (difference, effect) = (apart(&own, &expected), apart(&plain, &expected));
        println!("branch {branch}: {difference:e} from merged weights, which change {effect:.3}");
        assert!(difference < ROUNDING && effect > 0.05, "branch {branch}: {difference:e}, effect {effect}");

        let alone = Stacked::new(&adapters[branch..=branch], Some(&styles));
        let alone = models.unet.predict(rows(1), &[501], &both(1), &mut Terms(&alone));
        assert!(apart(&alone, &own) < ROUNDING, "one after another: {:e}", apart(&alone, &own));
    }
    // Without styles the base is exactly what it was, whatever runs beside it.
    let stacked = Stacked::new(&adapters, None);
    let lockstep = models.unet.predict(rows(3), &[501], &both(3), &mut Terms(&stacked));
    let difference = apart(&lockstep.narrow(0, 0, 2), &plain);
    assert!(difference < 1e-6, "the base: {difference:e}");
}

#[test]
fn factors_of_great_ranks_are_held_once_and_no_branch_leaks() {
    let models = miniature();
    let file = |rank: usize, first: u64| {
        let mut chance = Chance(first);
        let layers = models.unet.config.layers().into_iter().map(|(layer, sizes)| (layer.to_string(), sizes));
        let linear = layers.filter(|(path, sizes)| sizes.kernel.is_none() && path.contains(".attn"));
        empty(linear.map(|(path, sizes)| (path, change(0, sizes, rank, &mut chance))).collect())
    };
    let put = |files: &[AdapterFile; 2]| files.each_ref().map(|file| adapter(&models, &[(file, 0.7, 0.0)]));
    let stacked = |[one, two]: &[Adapter; 2]| Stacked::new(&[None, Some(one), Some(two)], None);
    let small = put(&[file(4, 1), file(4, 2)]);
    assert_eq!(stacked(&small).len(), 3 * small[0].len(), "as one batched product takes them, with zeros for the base");

    let files = [file(STACKED + 1, 3), file(STACKED + 1, 4)];
    let large = put(&files);
    let stacked = stacked(&large);
    assert_eq!((stacked.len(), stacked.is_empty()), (0, false), "a second copy");
    let context = encode_plain(&models, "a cat and a dog").context;
    let latents = noise::seeded(&[1], [4, 16, 8], &models.device);
    let rows = latents.clone().repeat_dim(0, 3);
    let lockstep = models.unet.predict(rows, &[501], &context.repeat_rows(3), &mut Terms(&stacked));
    let alone = |models: &Models| models.unet.predict(latents.clone(), &[501], &context, &mut ());
    let plain = alone(&models);
    for branch in 0..3 {
        let own = lockstep.clone().narrow(0, branch, 1);
        let expected = match branch {
            0 => plain.clone(),
            _ => alone(&merged(&[(&files[branch - 1], 0.7, 0.0)])),
        };
        let (difference, effect) = (apart(&own, &expected), apart(&plain, &expected));
        println!("branch {branch}: {difference:e} from merged weights, which change {effect:.3}");
        assert!(difference < ROUNDING && (branch == 0 || effect > 0.01), "branch {branch}: {difference:e}, {effect}");
    }
}

#[test]
fn the_layout_gradient_is_that_of_merged_weights() {
    let cast = Cast::new();
    let models = &cast.plain;
    let (adapters, styles) = (cast.adapters(), adapter(models, &cast.styles()));
    let adapters: Vec<Option<&Adapter>> = adapters.iter().map(Option::as_ref).collect();
    let context = encode_plain(models, "a cat and a dog").context;
    let latents = noise::seeded(&[1], [4, 16, 8], &models.device);
    let reference = noise::seeded(&[2], [4, 16, 8], &models.device);
    let keys = layout_keys(models, reference, 501, &context, None).unwrap();
    let alignment = Alignment { alpha: 1.0, distance: Distance::MeanSquare, foreground: None };
    let pull = |models: &Models, stacked: &Stacked, context: &Context, weights: Vec<f64>| {
        let group = align::Group { stacked, context, weights };
        align::pull(models, &latents, 501, &keys, &[group], &alignment).unwrap()
    };
    let weights = [1.0, 0.5, 0.25];
    let stacked = Stacked::new(&adapters, Some(&styles));
    let lockstep = pull(models, &stacked, &context.repeat_rows(3), weights.to_vec());
    let alone = Stacked::new(&[None], None);
    let parts: Vec<_> =
        (0..3).map(|branch| pull(&cast.merged(branch), &alone, &context, vec![weights[branch]])).collect();
    let loss: f32 = parts.iter().map(|part| part.loss).sum();
    let gradient = parts.into_iter().map(|part| part.gradient).reduce(|sum, part| sum + part).unwrap();
    let difference = apart(&lockstep.gradient, &gradient);
    println!("loss {} and {loss}, gradient {difference:e} apart", lockstep.loss);
    assert!((lockstep.loss / loss - 1.0).abs() < ROUNDING && difference < 5.0 * ROUNDING, "{difference:e}");
}

#[test]
fn the_text_encoder_reads_as_with_merged_weights_and_styles_come_on_top() {
    let cast = Cast::new();
    let models = &cast.plain;
    let styles = adapter(models, &cast.styles());
    let text = "a cat on the beach";
    let plain = encode_plain(models, text).context.slice(0);
    for (branch, adapter) in cast.adapters().into_iter().enumerate() {
        let reading = adapter.unwrap_or_default().reading_with(&styles);
        let own = encode_custom(models, &reading, text).context.slice(0);
        let expected = encode_plain(&cast.merged(branch), text).context.slice(0);
        let (difference, effect) = (apart(&own, &expected), apart(&plain, &expected));
        println!("branch {branch}: {difference:e} from merged weights, which change {effect:.3}");
        assert!(difference < ROUNDING && effect > 0.01, "branch {branch}: {difference:e}, effect {effect}");
    }
}

/// A convolution in f64, cell by cell: `weight` `[out, in, side, side]` over `x` `[in, height, width]`.
fn convolved(x: &[f64], weight: &[f64], [output, input, side]: [usize; 3], stride: usize, of: [usize; 2]) -> Vec<f64> {
    let [height, width] = of;
    let padding = (side / 2) as isize;
    let size = |length: usize| (length + 2 * padding as usize - side) / stride + 1;
    let mut out = Vec::new();
    for o in 0..output {
        for y in 0..size(height) {
            for x0 in 0..size(width) {
                let mut sum = 0.0;
                for i in 0..input {
                    for ky in 0..side {
                        for kx in 0..side {
                            let at = [(y * stride + ky) as isize - padding, (x0 * stride + kx) as isize - padding];
                            let inside = at[0] >= 0 && at[1] >= 0 && at[0] < height as isize && at[1] < width as isize;
                            if inside {
                                sum += weight[((o * input + i) * side + ky) * side + kx]
                                    * x[(i * height + at[0] as usize) * width + at[1] as usize];
                            }
                        }
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

#[test]
fn a_locon_is_two_convolutions_of_which_the_first_goes_over_the_layer_s_own_grid() {
    let mut chance = Chance(7);
    let device = Device::flex();
    let (input, output, rank, [height, width]) = (6, 10, 3, [8, 6]);
    for (side, stride) in [(3, 1), (3, 2), (1, 1)] {
        let sizes = Sizes::conv(input, output, side);
        let change = change(0, sizes, rank, &mut chance);
        let Change::LowRank { down, up, scale, .. } = &change else { panic!("{change:?}") };
        let x = chance.values(input * height * width, 1.0);
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let low = convolved(&wide(&x), &wide(&down.values), [rank, input, side], stride, [height, width]);
        let size = |length: usize| (length + side / 2 * 2 - side) / stride + 1;
        let expected = convolved(&low, &wide(&up.values), [output, rank, 1], 1, [size(height), size(width)]);

        let tensor = |values: Vec<f32>, shape| crate::engine::nets::layers::upload::<4>(values, shape, &device);
        let weight = tensor(chance.values(output * input * side * side, 1.0), [output, input, side, side]);
        let layer = Conv2d::of(weight, Tensor::ones([output], &device), stride, side / 2);
        let term = ConvTerm::new(&change, 0.8, sizes, &device).unwrap();
        let x = tensor(x, [1, input, height, width]);
        let plain = layer.forward(x.clone());
        let own = host(term.of(&layer, &x, &plain));
        assert_eq!((own.len(), plain.dims()[2..].to_vec()), (expected.len(), vec![size(height), size(width)]));
        let factor = 0.8 * f64::from(*scale);
        let most = own.iter().zip(&expected).fold(0.0f64, |most, (a, b)| most.max((f64::from(*a) - factor * b).abs()));
        let greatest = expected.iter().fold(0.0f64, |greatest, value| greatest.max(value.abs()));
        assert!(
            most < 1e-6 * greatest.max(0.1) && greatest > 0.01,
            "kernel {side}, stride {stride}: {most:e} of {greatest}"
        );
    }
}

/// A file of words only.
fn words(name: &str, vectors: usize, layers: usize, chance: &mut Chance) -> AdapterFile {
    let width = 64;
    let values = chance.values(vectors * layers * width, 0.1);
    let embedding = Embedding { name: name.into(), vectors, layers, width, values };
    AdapterFile { embeddings: vec![embedding], kind: adapters::Kind::TextualInversion, ..empty(BTreeMap::new()) }
}

#[test]
fn two_concepts_may_use_one_word_and_each_understands_its_own() {
    let (models, mut chance) = (miniature(), Chance(3));
    let text = "a Tom on the beach";
    let files = [words("tom", 2, 1, &mut chance), words("tom", 1, 16, &mut chance)];
    let read = |adapter: &Adapter| encode_custom(&models, adapter, text);
    let [one, other] = files.each_ref().map(|file| adapter(&models, &[(file, 1.0, 1.0)]));
    let (first, second) = (read(&one), read(&other));
    assert_eq!((first.tokens.length, second.tokens.length), (6, 5), "two vectors are two tokens");

    // The prompt's other tokens as the vocabulary has them, the word's vectors as its file has them.
    let mut by_hand = models.text_encoder.embed(&[first.tokens.ids()]);
    for vector in 0..2 {
        let values = files[0].embeddings[0].values[vector * 64..][..64].to_vec();
        let row = crate::engine::nets::layers::upload(values, [1, 1, 64], &models.device);
        by_hand = by_hand.slice_assign([0..1, 2 + vector..3 + vector, 0..64], row);
    }
    let by_hand = models.text_encoder.forward(by_hand, &());
    assert!(apart(&first.context.slice(0), &by_hand) < 1e-6);
    assert_eq!(first.context.len(), by_hand.shape().num_elements(), "one text serves all layers");
    assert_eq!(second.context.len(), 16 * by_hand.shape().num_elements(), "one text a layer");
    assert!(apart(&second.context.slice(3), &second.context.slice(4)) > 1e-3);

    // A style's word of the same name yields to the concept's own; the base has only the style's.
    let mixed = read(&one.reading_with(&other));
    assert!(apart(&mixed.context.slice(5), &first.context.slice(5)) < 1e-6);
    let base = read(&Adapter::default().reading_with(&other));
    assert!(apart(&base.context.slice(5), &second.context.slice(5)) < 1e-6);
    let plain = encode_plain(&models, text);
    assert!(apart(&plain.context.slice(0), &by_hand) > 1e-2, "nobody else understands it");
}

#[test]
fn what_does_not_fit_names_file_module_and_both_sizes() {
    let models = miniature();
    let (unet, text, device) = (&models.unet.config, &models.text_encoder.config, &models.device);
    let message = |file: &AdapterFile| {
        let part = Part { file, strength: 1.0, text_strength: 1.0 };
        Adapter::new(&[part], unet, text, device).unwrap_err().to_string()
    };
    let conv = "down_blocks.0.resnets.0.conv1";
    let mut chance = Chance(1);
    let with = |path: &str, change: Change| empty([(path.to_owned(), change)].into());
    let mut low_rank = |down: &[usize], up: &[usize]| Change::LowRank {
        down: chance.array(down, 1.0),
        mid: None,
        up: chance.array(up, 1.0),
        scale: 1.0,
    };
    let text = message(&with(conv, low_rank(&[2, 320, 3, 3], &[320, 2, 1, 1])));
    assert!(text.contains("made up") && text.contains(conv), "{text}");
    assert!(text.contains("maps 320 to 320 channels, the model's maps 32 to 32"), "{text}");
    let text = message(&with(conv, low_rank(&[2, 32, 5, 5], &[32, 2, 1, 1])));
    assert!(text.contains("kernel of 5 x 5, where 3 x 3"), "{text}");
    let text = message(&with(conv, low_rank(&[2, 32, 3, 3], &[32, 4, 1, 1])));
    assert!(text.contains("ranks 2 and 4"), "{text}");
    let text = message(&with("down_blocks.7.resnets.0.conv1", low_rank(&[2, 32, 3, 3], &[32, 2, 1, 1])));
    assert!(text.contains("is not a layer of this model"), "{text}");
    let short = || Array { values: vec![0.0; 7], shape: vec![32, 32, 3, 3] };
    let mut hadamard = |rank: usize, second: Option<Array>| Change::Hadamard {
        up: [chance.array(&[32, 2], 1.0), chance.array(&[32, rank], 1.0)],
        down: [chance.array(&[2, 32, 3, 3], 1.0), second.unwrap_or_else(|| chance.array(&[2, 32, 3, 3], 1.0))],
        scale: 1.0,
    };
    assert!(message(&with(conv, hadamard(2, Some(short())))).contains("with 7 numbers"));
    assert!(message(&with(conv, hadamard(3, None))).contains("factors do not fit each other"));
    let wide = AdapterFile {
        embeddings: vec![Embedding { name: "tom".into(), vectors: 1, layers: 1, width: 768, values: vec![0.0; 768] }],
        ..empty(BTreeMap::new())
    };
    assert!(message(&wide).contains("its word tom is 768 wide, the model's text encoder is 64 wide"));
}

#[test]
fn every_layer_of_the_files_is_one_that_an_adapter_can_change() {
    let models = miniature();
    let bytes = crate::assets::find("miniature/unet/diffusion_pytorch_model.safetensors").unwrap();
    let stored = SafeTensors::deserialize(bytes).unwrap();
    let shapes: BTreeMap<String, Vec<usize>> = stored
        .tensors()
        .into_iter()
        .filter(|(_, tensor)| tensor.shape().len() > 1)
        .map(|(name, tensor)| (name.trim_end_matches(".weight").to_owned(), tensor.shape().to_vec()))
        .collect();
    let layers: BTreeMap<String, Sizes> =
        models.unet.config.layers().into_iter().map(|(layer, sizes)| (layer.to_string(), sizes)).collect();
    assert_eq!(layers.keys().collect::<Vec<_>>(), shapes.keys().collect::<Vec<_>>());
    for (path, sizes) in layers {
        let shape = &shapes[&path];
        assert_eq!([sizes.output, sizes.input], shape[..2], "{path}");
        let kernel = shape.get(2).copied().unwrap_or(1);
        assert_eq!(sizes.kernel.unwrap_or(1), kernel, "{path}");
    }
}
