//! The models and the algorithm.
//!
//! Invariants: no egui; no global state; a job runs on an immutable snapshot of the project; no tensor leaves
//! through `link`; only `worker.rs` starts a thread; names in checkpoint files are known to the networks that they are of,
//! to `original.rs` and `adapters`; only `nets` calls a tap.

pub mod adapters;
pub mod align;
pub mod all_files;
pub mod baselines;
pub mod branches;
pub mod cache;
pub mod concept;
pub mod concept_files;
pub mod ddim;
pub mod device;
pub mod diagnosis;
pub mod encoders;
pub mod error;
pub mod family;
pub mod fit;
pub mod history;
pub mod inject;
pub mod inspect;
pub mod invert;
pub mod kernels;
pub mod kmeans;
pub mod masks;
pub mod memory;
pub mod model_files;
pub mod models;
pub mod nets;
pub mod noise;
pub mod original;
pub mod pictures;
pub mod place;
pub mod prepare;
pub mod preview;
pub mod prompt;
pub mod recorded;
pub mod refine;
pub mod render;
pub mod report;
pub mod sample;
pub mod scene;
pub mod seek;
pub mod tensors;
pub mod terms;
pub mod told;
pub mod train;
pub mod trouble;
pub mod views;
pub mod weights;
pub mod worker;

pub use error::{EngineError, Result};
