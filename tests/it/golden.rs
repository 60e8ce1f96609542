//! The reference data, computed with the authors' release: `PODIUM_GOLDEN_DIR`, or `tests/data/golden`.

use std::path::PathBuf;

use burn::tensor::{DType, Device, Tensor, TensorData};
use podium::engine::models::Models;
use podium::engine::weights::{Checkpoint, ModelFiles};
use serde_json::Value;

/// A folder of reference data.
pub struct Golden {
    pub folder: PathBuf,
    pub case: Value,
    tensors: Checkpoint,
}

impl Golden {
    pub fn open() -> Self {
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden");
        let folder = PathBuf::from(std::env::var("PODIUM_GOLDEN_DIR").unwrap_or(default.into()));
        let case = std::fs::read(folder.join("case.json")).expect("case.json is there");
        let case = serde_json::from_slice(&case).expect("case.json is JSON");
        let tensors = Checkpoint::open_file(&folder.join("tensors.safetensors")).expect("tensors are there");
        Self { folder, case, tensors }
    }

    pub fn models(&self, device: &Device) -> Models {
        let files = ModelFiles::Folder(self.folder.join("model"));
        Models::load(&files, device, &mut |_| Ok(())).expect("the reference model loads")
    }

    pub fn has(&self, name: &str) -> bool {
        self.tensors.tensors().any(|(known, ..)| known == name)
    }

    pub fn names(&self) -> Vec<String> {
        self.tensors.tensors().map(|(name, ..)| name.to_owned()).collect()
    }

    pub fn values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        self.tensors.values(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A tensor of bytes.
    pub fn values_of_bytes(&self, name: &str) -> Vec<u8> {
        let bytes = std::fs::read(self.folder.join("tensors.safetensors")).expect("tensors are there");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}")).data().to_vec()
    }

    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (values, shape) = if name.ends_with("mask") { self.bytes_as_values(name) } else { self.values(name) };
        let shape: [usize; D] = shape.try_into().expect("the README says which shape");
        Tensor::from_data(TensorData::new(values, shape), (device, DType::F32))
    }

    fn bytes_as_values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let shape = self.tensors.tensors().find(|(known, ..)| *known == name).map(|(_, shape, _)| shape.to_vec());
        (self.values_of_bytes(name).into_iter().map(f32::from).collect(), shape.expect("it is there"))
    }

    pub fn text(&self, key: &str) -> &str {
        self.case[key].as_str().unwrap_or_else(|| panic!("case.json has {key}"))
    }

    pub fn number(&self, key: &str) -> f64 {
        self.case[key].as_f64().unwrap_or_else(|| panic!("case.json has {key}"))
    }

    pub fn count(&self, key: &str) -> usize {
        self.case[key].as_u64().unwrap_or_else(|| panic!("case.json has {key}")) as usize
    }

    pub fn list<T: serde::de::DeserializeOwned>(&self, key: &str) -> Vec<T> {
        serde_json::from_value(self.case[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
    }
}

/// The values of a tensor on the host.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().expect("an f32 tensor")
}

/// How far `found` is from `expected`, relative to the length of `expected`.
pub fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "different numbers of values");
    let distance: f64 = found.iter().zip(expected).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let length: f64 = expected.iter().map(|b| f64::from(*b).powi(2)).sum();
    (distance / length.max(1e-30)).sqrt()
}

/// The cosine of the angle between two vectors.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The project's tolerance, relative: the reference itself is stable to about this much.
pub const EXACT: f64 = 1e-5;

/// Fails where `found` is farther from `expected` than [`EXACT`].
pub fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_close_within(what, found, expected, EXACT);
}

/// Fails where `found` is farther from `expected` than `tolerance`, relative to the length of `expected`.
pub fn assert_close_within(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let error = relative_error(found, expected);
    println!("{what}: relative error {error:.2e}");
    assert!(error < tolerance, "{what}: relative error {error:.2e}, at most {tolerance:.0e}");
}
