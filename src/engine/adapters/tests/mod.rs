//! What adapters' files are read as, in every format.

mod formats;
mod fuzz;
mod layers;
mod products;
mod refusals;
mod said;
#[path = "../../../../tests/it/torch_files.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "other tests use the rest, and this")]
mod torch_files;

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::change::{AdapterFile, Array, Change};
use super::group::Tensors;
use super::held;
use super::names::Names;
use super::peft::Scaling;
use super::read::take;
use super::sort::sort;
use crate::engine::error::{EngineError, Result};
use crate::engine::tensors::TensorFile;

/// A file of tensors that a test made.
#[derive(Clone, Default)]
struct Made {
    name: String,
    metadata: BTreeMap<String, String>,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    others: Vec<String>,
}

impl Tensors for Made {
    fn name(&self) -> &str {
        &self.name
    }

    fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    fn listed(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>> {
        let missing = || EngineError::MissingTensor { file: self.name.clone(), tensor: name.into(), expected: vec![] };
        self.tensors.get(name).map(|(_, values)| values.clone()).ok_or_else(missing)
    }

    fn others(&self) -> &[String] {
        &self.others
    }
}

impl Made {
    fn new(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn with(mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        self.tensors.insert(name.into(), (shape.to_vec(), values));
        self
    }

    /// With arbitrary numbers.
    fn any(self, name: impl Into<String>, shape: &[usize]) -> Self {
        let name = name.into();
        let values = noise(&name, shape.iter().product());
        self.with(name, shape, values)
    }

    fn said(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    fn scaling(&self) -> Result<Scaling> {
        Scaling::of_metadata(&self.name, &self.metadata)
    }

    fn read(&self) -> Result<AdapterFile> {
        take(self, self.scaling()?, &Names::plain()?)
    }

    fn taken(&self) -> AdapterFile {
        let taken = self.read().expect("a file that can be taken");
        // Whatever the format, names and shapes tell how much it will be.
        let names = Names::plain().expect("built in");
        let sorted = sort(self, &names).expect("a file that can be taken");
        assert_eq!(held::held(&sorted), taken.held(), "{}", self.name);
        taken
    }

    fn refused(&self) -> String {
        self.read().expect_err("a file that is refused").to_string()
    }

    /// A safetensors file of it.
    fn bytes(&self) -> Vec<u8> {
        let numbers: Vec<_> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| {
                (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
            })
            .collect();
        let views = numbers.iter().map(|(name, shape, bytes)| {
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes);
            (name.as_str(), view.expect("as many bytes as numbers"))
        });
        let metadata = (!self.metadata.is_empty()).then(|| self.metadata.clone().into_iter().collect());
        safetensors::serialize(views, metadata).expect("serialized")
    }
}

/// Numbers between -1 and 1 that are always the same for one name.
fn noise(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// A concept that comes with the program.
fn shipped() -> AdapterFile {
    let bytes = crate::assets::find("miniature/concepts/mint_cat.safetensors").expect("built in");
    super::from_bytes("mint_cat.pth", bytes.to_vec()).expect("an ED-LoRA")
}

/// The difference that a change makes to a layer's weight of this shape, number by number from its definition.
fn delta(change: &Change, weight: &[f32], shape: &[usize]) -> Vec<f32> {
    let (out, input) = (shape[0], shape[1]);
    let cells: usize = shape[2..].iter().product();
    let mut found = vec![0.0; out * input * cells];
    let mut at = |o: usize, i: usize, k: usize, value: f64| found[(o * input + i) * cells + k] = value as f32;
    for (o, i, k) in every(out, input, cells) {
        let value = match change {
            Change::LowRank { down, mid: None, up, scale } => {
                let rank = down.shape[0];
                let sum: f64 =
                    (0..rank).map(|r| number(up, &[o, r]) * f64::from(down.values[(r * input + i) * cells + k])).sum();
                f64::from(*scale) * sum
            }
            Change::LowRank { down, mid: Some(mid), up, scale } => {
                let rank = down.shape[0];
                let pairs = (0..rank).flat_map(|m| (0..rank).map(move |n| (m, n)));
                let sum: f64 = pairs
                    .map(|(m, n)| {
                        let core = f64::from(mid.values[(m * rank + n) * cells + k]);
                        number(up, &[o, m]) * core * number(down, &[n, i])
                    })
                    .sum();
                f64::from(*scale) * sum
            }
            Change::Kronecker { left, right, scale } => {
                let (c, d) = (right.shape[0], right.shape[1]);
                let inner = f64::from(right.values[((o % c) * d + i % d) * cells + k]);
                f64::from(*scale) * number(left, &[o / c, i / d]) * inner
            }
            Change::Scaled { weight: factors, on_input } => {
                let factor = factors[if *on_input { i } else { o }];
                f64::from(factor) * f64::from(weight[(o * input + i) * cells + k])
            }
            Change::Hadamard { up, down, scale } => {
                let product = |up: &Array, down: &Array| {
                    let pair = |r| number(up, &[o, r]) * f64::from(down.values[(r * input + i) * cells + k]);
                    (0..down.shape[0]).map(pair).sum::<f64>()
                };
                f64::from(*scale) * product(&up[0], &down[0]) * product(&up[1], &down[1])
            }
        };
        at(o, i, k, value);
    }
    found
}

/// A number of a matrix, or of one with trailing ones.
fn number(array: &Array, at: &[usize; 2]) -> f64 {
    f64::from(array.values[at[0] * array.shape[1] + at[1]])
}

fn every(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let most = expected.iter().fold(0_f32, |most, value| most.max(value.abs()));
    assert!(most > 1e-3, "numbers that could not tell");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-5 * most.max(1.0), "number {index}: {a}, not {b}");
    }
}

/// A file in memory as the reader takes it.
fn opened(made: &Made) -> TensorFile {
    TensorFile::from_owned(&made.name, made.bytes()).expect("a safetensors file")
}
