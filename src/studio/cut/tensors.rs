//! Files of weights for Segment Anything, which knows nobody that reads them: the engine does.

use std::path::Path;

use crate::engine::tensors::TensorFile;
use crate::engine::weights::open_listed;
use crate::segment::{Tensors, is_index};

/// Files of the engine's as Segment Anything takes them: one, or all that an index lists.
struct Opened(Vec<TensorFile>);

impl Tensors for Opened {
    fn list(&self) -> Vec<(String, Vec<usize>)> {
        let all = self.0.iter().flat_map(TensorFile::tensors);
        all.map(|(name, shape, _)| (name.to_owned(), shape.to_vec())).collect()
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, String> {
        // Where none has it, the first one says so.
        let file = self.0.iter().find(|file| file.tensor(name).is_some()).or(self.0.first());
        file.ok_or_else(|| format!("no file has the tensor `{name}`"))?.values(name).map_err(|error| error.to_string())
    }
}

/// Opens a safetensors or torch file, or all files of an index as transformers writes it.
///
/// # Errors
/// In words, with the file's name: what it is instead, that it is cut short, or what the index lists and is not there.
pub fn open_tensors(path: &Path) -> Result<Box<dyn Tensors>, String> {
    let files = if is_index(path) { open_listed(path) } else { TensorFile::open(path).map(|file| vec![file]) };
    files.map(|files| Box::new(Opened(files)) as Box<dyn Tensors>).map_err(|error| error.to_string())
}
