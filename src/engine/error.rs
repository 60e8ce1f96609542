//! What can go wrong in the engine, in words a person can act on.

use std::path::PathBuf;

/// An error of the engine. Each message says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file could not be read.
    #[error("{}: cannot be read ({source}); check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written ({source}); check the disk's free space and the folder's permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder does not hold a model in diffusers' layout.
    #[error("{}: no {what} here; a model is a folder with tokenizer/, text_encoder/, unet/, vae/ and scheduler/ as diffusers writes them, or one .safetensors or .ckpt file of Stable Diffusion 1.5", path.display())]
    NotAModel {
        /// The file or folder looked for.
        path: PathBuf,
        /// What was expected there.
        what: String,
    },
    /// A configuration file holds something that this program does not support.
    #[error("{file}: {what}; Podium runs Stable Diffusion 1.5 and models of the same topology")]
    Unsupported {
        /// The configuration file.
        file: String,
        /// The setting and its value.
        what: String,
    },
    /// A file is broken or of another kind than its name says.
    #[error("{file}: {what}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A tensor the model needs is not in its file.
    #[error(
        "{file}: tensor `{tensor}` is missing (a {expected:?} tensor is needed); the file is incomplete or belongs to another kind of model"
    )]
    MissingTensor {
        /// The weights file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error(
        "{file}: tensor `{tensor}` has shape {found:?}, but config.json asks for {expected:?}; weights and config do not belong together"
    )]
    TensorShape {
        /// The weights file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// The file holds tensors that the model has no place for.
    #[error(
        "{file}: {count} tensors have no place in this model, the first is `{tensor}` of shape {found:?}, where the model has none; weights and config do not belong together"
    )]
    SurplusTensor {
        /// The weights file.
        file: String,
        /// The first surplus tensor's name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// How many there are.
        count: usize,
    },
    /// A tensor holds values that are not numbers.
    #[error("{file}: tensor `{tensor}` holds NaN or infinite values; the file is damaged, fetch it again")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
    },
    /// A concept file does not fit the model.
    #[error("{file}: the concept does not fit this model: {what}")]
    ConceptMisfit {
        /// The concept's file.
        file: String,
        /// Which part, both sizes, what to do.
        what: String,
    },
    /// The job asks for something that cannot be rendered.
    #[error("{0}")]
    Job(String),
    /// The document or one of its pictures is wrong.
    #[error(transparent)]
    Project(#[from] crate::project::ProjectError),
    /// No device of the kind asked for.
    #[error("{0}")]
    Device(String),
    /// The device's memory is full, or one array is larger than the device takes.
    #[error(
        "{what}; render fewer pictures at once, choose a smaller canvas or Sequential execution, or compute on another device"
    )]
    OutOfMemory {
        /// What did not fit.
        what: String,
    },
    /// The GPU is gone: its driver was reset, or it was taken out.
    #[error(
        "the GPU stopped answering (its driver was reset, or it was taken away); compute on the CPU, or save the project and start Podium again"
    )]
    DeviceLost,
    /// The job was cancelled. Not a failure: nothing is wrong.
    #[error("cancelled")]
    Cancelled,
    /// A bug: the job stopped, the engine goes on.
    #[error(
        "something went wrong inside the engine: {0}; the project is untouched, please report this with the project file"
    )]
    Panicked(String),
}

impl EngineError {
    /// Whether the device is why, so that another one may do what was asked for.
    pub fn is_of_device(&self) -> bool {
        matches!(self, Self::Device(_) | Self::OutOfMemory { .. } | Self::DeviceLost)
    }
}

/// The engine's result.
pub type Result<T> = std::result::Result<T, EngineError>;
