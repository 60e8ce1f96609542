//! Files of weights for Segment Anything, which knows nobody that reads them: the engine does.

use std::path::Path;

use crate::engine::tensors::TensorFile;
use crate::segment::Tensors;

/// A file of the engine's as Segment Anything takes it.
struct Opened(TensorFile);

impl Tensors for Opened {
    fn list(&self) -> Vec<(String, Vec<usize>)> {
        self.0.tensors().map(|(name, shape, _)| (name.to_owned(), shape.to_vec())).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, String> {
        self.0.values(name).map_err(|error| error.to_string())
    }
}

/// Opens a safetensors or torch file.
///
/// # Errors
/// In words, with the file's name: what it is instead, or that it is cut short.
pub fn open_tensors(path: &Path) -> Result<Box<dyn Tensors>, String> {
    TensorFile::open(path).map(|file| Box::new(Opened(file)) as Box<dyn Tensors>).map_err(|error| error.to_string())
}
