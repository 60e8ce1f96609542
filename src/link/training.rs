//! What the engine is asked to train, and what it tells of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;

use super::JobId;
use super::device::DeviceChoice;
use crate::project::training::Training;

/// A training as it is asked for.
#[derive(Clone, Debug)]
pub struct TrainingJob {
    /// Its name among the engine's jobs.
    pub id: JobId,
    /// A snapshot of it.
    pub training: Training,
    /// The folder that its relative paths start from.
    pub folder: PathBuf,
    /// The folder that gets its checkpoints and, in the end, the concept: `NAME.safetensors` and `NAME.pth`. It goes on
    /// from the last checkpoint that lies there and is of the same training.
    pub run: PathBuf,
    /// Where to compute.
    pub device: DeviceChoice,
}

/// What a training tells while it runs.
#[derive(Clone, Debug)]
pub enum TrainingEvent {
    /// It goes on from a checkpoint, after so many steps.
    Resumed(usize),
    /// A step is done.
    Step(TrainingStep),
    /// It has drawn a picture with the concept as it is.
    Drawn(Arc<TrainingPicture>),
    /// It has written a checkpoint after so many steps: nothing before is lost.
    Checkpoint(usize),
    /// The concept is written.
    Done(Arc<Trained>),
}

/// One step of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Steps done, this one included.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// The masked mean square of the predicted noise.
    pub denoising: f32,
    /// The attention regularisation, with its weight.
    pub attention: f32,
    /// Mean norm of each token's embeddings.
    pub norms: [f32; 2],
    /// How long it took.
    pub took: Duration,
}

/// A picture that was drawn with the concept as it is.
#[derive(Clone, Debug)]
pub struct TrainingPicture {
    /// After how many steps.
    pub step: usize,
    /// The prompt, with the concept's place.
    pub prompt: String,
    /// The concept's strength.
    pub strength: f32,
    /// The seed.
    pub seed: u64,
    /// The picture.
    pub picture: RgbImage,
    /// How much of the subject's own colours it shows, 0..=1; none where the photos' masks do not tell them.
    pub likeness: Option<f32>,
    /// How alike it and the photos are by the training's encoder, where it names one.
    pub alike: Option<Alike>,
}

/// How alike pictures and the subject's photos are by an image encoder of the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct Alike {
    /// What kind of encoder it is: CLIP, DINOv2.
    pub encoder: String,
    /// The mean cosine of their vectors, -1..=1.
    pub cosine: f32,
    /// Whether it is of whole pictures, since it could not be told where in them the subject is; else of what their masks show.
    pub whole: bool,
}

impl Alike {
    /// In words: `CLIP 0.81`, and where it is of whole pictures, that it is.
    pub fn words(&self) -> String {
        let of = if self.whole { " (whole picture)" } else { "" };
        format!("{} {:.2}{of}", self.encoder, self.cosine)
    }
}

/// A concept that was trained.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its file in safetensors.
    pub file: PathBuf,
    /// The file that Mix-of-Show and the authors' release read.
    pub pth: PathBuf,
    /// Steps done: fewer than asked for where it was ended early.
    pub steps: usize,
    /// The test sheet: pictures of its prompts.
    pub sheet: Vec<Arc<TrainingPicture>>,
    /// The mean likeness of the sheet's pictures.
    pub likeness: Option<f32>,
    /// How alike they and the photos are by the training's encoder, in the mean.
    pub alike: Option<Alike>,
    /// The whole time of this run.
    pub elapsed: Duration,
}
