//! The only words that the engine and its listeners (the window, the command line) exchange: plain numbers and
//! pixels, never a tensor. It knows the document and nothing of the engine.
//!
//! | file        | what                                                                   |
//! |-------------|------------------------------------------------------------------------|
//! | `mod.rs`    | commands, events and what they carry                                   |
//! | `device.rs` | where to compute, as it is asked for and as it is told                 |
//! | `finding.rs` | what went wrong with a subject, in words with what to do              |
//! | `mask.rs`   | a mask, as cells of a grid                                             |
//! | `model.rs`  | what a model is, in numbers                                            |
//! | `training.rs` | a training and what is told of it                                    |

pub mod device;
pub mod finding;
pub mod mask;
pub mod model;
pub mod training;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use image::RgbImage;

pub use device::{AdapterKind, DeviceChoice, DeviceReport, Pool};
pub use finding::{Finding, Part};
pub use mask::Mask;
pub use model::{ModelReport, PartReport};
pub use training::{Alike, Trained, TrainingEvent, TrainingJob, TrainingPicture, TrainingStep};

use crate::project::Project;

/// Names a render among those of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// What the engine is asked to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Render a project.
    Render(Job),
    /// Go on from the start of a step of an earlier job, which keeps its latents.
    Continue {
        /// The new job. Prompts, settings and concepts are its own; canvas, number of pictures and number of steps
        /// must be the earlier job's. Subjects of both jobs (the nth of a concept, by the concept's name) keep their
        /// masks, new ones begin with the project's.
        job: Job,
        /// The earlier job.
        from: JobId,
        /// The step to go on from, counted from 0. The number of steps stands for the end: only decoding is left.
        step: usize,
        /// Masks that somebody painted. Subjects and pictures that are not named keep what the step began with.
        masks: Vec<MaskEdit>,
    },
    /// Train a concept.
    Train(TrainingJob),
    /// End the thread.
    Stop,
}

/// A render as it is asked for. The engine never looks at anything else.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// A snapshot of the project.
    pub project: Project,
    /// The folder that the project's relative paths start from.
    pub folder: PathBuf,
    /// Where to compute.
    pub device: DeviceChoice,
    /// What anybody looks at when the job begins; nothing else is computed. `Engine::watch` changes it while the job
    /// waits or runs.
    pub watch: Watch,
}

/// A mask painted for one subject, to go on from a step with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskEdit {
    /// Which picture of the batch, counted from 0; all of them where none is named.
    pub picture: Option<usize>,
    /// Which subject, counted from 0 in the order of [`StepView::masks`].
    pub subject: usize,
    /// The mask, on the latent's grid. It takes the place of all three masks of the subject.
    pub mask: Mask,
}

/// What a listener wants to see at every step. Nothing is computed that nobody watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// A small picture of what the latent stands for.
    pub preview: bool,
    /// The masks of every subject.
    pub masks: bool,
    /// Self-attention, clustered.
    pub clusters: bool,
    /// Cross-attention to the subjects' words.
    pub attention: bool,
}

impl Watch {
    /// Everything.
    pub const ALL: Watch = Watch { preview: true, masks: true, clusters: true, attention: true };
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading weights; steps are tensors.
    LoadingModel,
    /// Reading concepts, encoding prompts and the layout reference.
    Preparing,
    /// DDIM inversion of the layout reference; steps are timesteps.
    InvertingReference,
    /// DDIM inversion of the photo that objects are placed into.
    InvertingPhoto,
    /// Fusing the files of all concepts into one model; steps are layers and passes.
    Fusing,
    /// Finding where each concept would be, for the method that makes masks of that; steps are sampling steps.
    FindingMasks,
    /// Layout alignment, concept injection, mask refinement.
    Denoising,
    /// Latents to pictures.
    Decoding,
    /// Reading and encoding the photos of a training.
    ReadingPhotos,
    /// Steps of a training.
    Training,
    /// Pictures with the concept as it is; steps are pictures.
    Testing,
}

impl Stage {
    /// In words, for a progress bar.
    pub fn words(self) -> &'static str {
        match self {
            Self::LoadingModel => "Loading the model",
            Self::Preparing => "Reading prompts and concepts",
            Self::InvertingReference => "Inverting the layout reference",
            Self::InvertingPhoto => "Inverting the photo",
            Self::Fusing => "Fusing the concepts into one model",
            Self::FindingMasks => "Finding each concept's place",
            Self::Denoising => "Composing",
            Self::Decoding => "Decoding",
            Self::ReadingPhotos => "Reading the photos",
            Self::Training => "Training",
            Self::Testing => "Drawing what it has learnt",
        }
    }
}

/// What the engine tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// A job began.
    Started {
        /// Which.
        job: JobId,
        /// The device, in words.
        device: String,
        /// A GPU compiles its kernels at first use, which takes a while.
        first_use: bool,
    },
    /// The device that computes and the memory in use: when a job begins, when its model is loaded, when it ends.
    Device(Arc<DeviceReport>),
    /// A model was loaded.
    Model(Arc<ModelReport>),
    /// A job advanced.
    Progress {
        /// Which.
        job: JobId,
        /// What it is doing.
        stage: Stage,
        /// Steps of the stage done.
        step: usize,
        /// Steps of the stage.
        steps: usize,
    },
    /// A sampling step is done.
    Step(JobId, Arc<StepView>),
    /// Something the user must know; the job goes on.
    Warning(JobId, Warning),
    /// A training tells of itself; with [`TrainingEvent::Done`] it ends.
    Training(JobId, TrainingEvent),
    /// A job is done.
    Done(JobId, Arc<Finished>),
    /// A job was cancelled.
    Cancelled(JobId),
    /// The device is why a job fails, which is told next: it has no room, stopped answering, or is not there. Another device
    /// may do it.
    Unfit(JobId),
    /// A job failed, in words for people.
    Failed(JobId, String),
}

impl Event {
    /// Whose it is; none where it is about the device or a model.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Started { job, .. } | Self::Progress { job, .. } => Some(*job),
            Self::Step(job, _) | Self::Warning(job, _) | Self::Done(job, _) | Self::Training(job, _) => Some(*job),
            Self::Cancelled(job) | Self::Unfit(job) | Self::Failed(job, _) => Some(*job),
            Self::Device(_) | Self::Model(_) => None,
        }
    }
}

/// What a user must know about a job that goes on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Warning {
    /// A prompt has more tokens than the text encoder reads.
    #[error("the prompt of {whose} has {tokens} tokens, {room} fit: \"{cut}\" is not read")]
    PromptCut {
        /// Whose prompt: the base's, a concept's, the reference's, the negative one.
        whose: String,
        /// Its tokens.
        tokens: usize,
        /// How many fit.
        room: usize,
        /// What is not read.
        cut: String,
    },
    /// A subject was lost, or is about to be.
    #[error("{0}")]
    Finding(Finding),
    /// A setting or concept that has no effect.
    #[error("{0}")]
    NoEffect(String),
    /// A training goes on without something: a checkpoint that could not be written, a picture that could not be drawn.
    #[error("{0}")]
    Training(String),
}

/// A branch of the multipath sampling, or the layout reference beside them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The base model.
    Base,
    /// The base model with a concept, by the concept's name.
    Concept(String),
    /// The layout reference.
    Reference,
}

/// One subject's masks in one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskView {
    /// The subject's concept, by name.
    pub concept: String,
    /// Where the concept's own branch has it.
    pub custom: Mask,
    /// Where the base branch has it.
    pub base: Mask,
    /// Where it is injected.
    pub combined: Mask,
}

/// A self-attention map, clustered (Appendix B.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterView {
    /// Whose.
    pub lane: Lane,
    /// Which picture of the batch.
    pub picture: usize,
    /// Height and width of the grid.
    pub grid: (usize, usize),
    /// The cluster of every cell; a cluster keeps its number from step to step.
    pub labels: Vec<u32>,
}

/// A cross-attention map (Appendix B.1).
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionView {
    /// Whose.
    pub lane: Lane,
    /// Which picture of the batch.
    pub picture: usize,
    /// The word, as the prompt has it; all foreground words together where empty.
    pub word: String,
    /// Height and width of the grid.
    pub grid: (usize, usize),
    /// Probabilities, each word's normalised to 0..1.
    pub values: Vec<f32>,
    /// The probabilities' range before that.
    pub range: (f32, f32),
}

/// How long the parts of a step took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Layout alignment.
    pub align: Duration,
    /// The guided prediction with concept injection.
    pub inject: Duration,
    /// Mask refinement.
    pub refine: Duration,
    /// Views for listeners.
    pub views: Duration,
}

/// A step, as its listeners asked to see it.
#[derive(Clone, Debug)]
pub struct StepView {
    /// Counted from 0.
    pub step: usize,
    /// Of how many.
    pub steps: usize,
    /// The training timestep, 1..999.
    pub timestep: usize,
    /// A small picture for each seed: the clean picture that the step's latent implies.
    pub previews: Vec<RgbImage>,
    /// `[picture][subject]`, as they are after the step.
    pub masks: Vec<Vec<MaskView>>,
    /// Whether this step refined the masks.
    pub refined: bool,
    /// Clustered self-attention.
    pub clusters: Vec<ClusterView>,
    /// Cross-attention.
    pub attention: Vec<AttentionView>,
    /// The layout loss, where layout alignment acted.
    pub loss: Option<f32>,
    /// The 2-norm of its gradient.
    pub gradient_norm: Option<f32>,
    /// How long it took.
    pub times: Times,
}

impl StepView {
    /// Bytes of memory that it takes, about.
    pub fn bytes(&self) -> u64 {
        let previews: usize = self.previews.iter().map(|preview| preview.as_raw().len()).sum();
        let mask = |view: &MaskView| view.custom.on.len() + view.base.on.len() + view.combined.on.len();
        let masks: usize = self.masks.iter().flatten().map(mask).sum();
        (previews + masks) as u64 + self.map_bytes()
    }

    /// Bytes of the attention in it, which is most of it.
    pub fn map_bytes(&self) -> u64 {
        let clusters: usize = self.clusters.iter().map(|view| size_of_val(view.labels.as_slice())).sum();
        let attention: usize = self.attention.iter().map(|view| size_of_val(view.values.as_slice())).sum();
        (clusters + attention) as u64
    }

    /// The same without attention: pictures, masks and numbers.
    #[must_use]
    pub fn without_maps(&self) -> Self {
        Self { clusters: Vec::new(), attention: Vec::new(), ..self.clone() }
    }
}

/// A finished job.
#[derive(Clone, Debug)]
pub struct Finished {
    /// One picture a seed.
    pub pictures: Vec<RgbImage>,
    /// Their seeds.
    pub seeds: Vec<u64>,
    /// `[picture][subject]`: the overlap (IoU, 0..1) of the subject's last mask with its place in the layout.
    pub overlaps: Vec<Vec<f32>>,
    /// What was found to have gone wrong; each was told as a [`Warning::Finding`] too.
    pub findings: Vec<Finding>,
    /// The whole time.
    pub elapsed: Duration,
}
