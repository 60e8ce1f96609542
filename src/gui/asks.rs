//! What one panel asks for and another one does. The asker leaves it in [`Look`](super::look::Look), the frame carries it
//! out: so no panel needs to know another.

use std::path::PathBuf;

use crate::studio::Held;
use crate::studio::export::exporting::{Kind, Subject};

/// Something that a panel wants of another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To choose files for something.
    Choose(Purpose),
    /// To open something that stands over everything else.
    Open(Sheet),
    /// To open it, or to close it where it is open.
    Toggle(Sheet),
    /// To show the hints of the first minute again.
    HintsAgain,
}

/// What stands over everything else where it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// Keys and what they do.
    Shortcuts,
    /// Model and device.
    Device,
    /// A step's masks and attention, large.
    Views,
    /// Numbers over all steps.
    Curves,
}

/// What files are chosen for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// New layers.
    Cutouts,
    /// A photo to cut somebody out of.
    CutOut,
    /// A file of Segment Anything.
    SegmentFile,
    /// The background.
    Background,
    /// Another picture for a layer, by its number.
    ReplaceLayer(u32),
    /// New concepts.
    Concepts,
    /// Another file for a concept.
    ReplaceConcept(String),
    /// Further files for a concept.
    MoreOf(String),
    /// Files that act on the whole picture.
    Styles,
    /// A project to open.
    OpenProject,
    /// Where to save the project, and what goes on then.
    SaveProject(Option<Held>),
    /// A model's folder.
    ModelFolder,
    /// A model in one file.
    ModelFile,
    /// A folder that is looked through for models and LoRAs.
    LibraryFolder,
    /// An autoencoder in place of the model's own.
    VaeFile,
    /// The photo to place objects into.
    Photo,
    /// Where that photo may change.
    EditMask,
    /// Photos for the training that is open.
    TrainingPhotos,
    /// A folder of photos for it.
    TrainingFolder,
    /// A mask for one of its photos, by its picture.
    TrainingMask(PathBuf),
    /// A concept that the training goes on from.
    TrainingFrom,
    /// A folder with an image encoder that compares its pictures with its photos.
    TrainingEncoder,
    /// A folder with an image encoder that measures comparisons.
    ComparisonEncoder,
    /// ImageReward's file, likewise.
    RewardFile,
    /// The folder of a concept's photos, which comparisons are measured by.
    PhotosOf(String),
    /// A training's file to open.
    OpenTraining,
    /// Where to save the training.
    SaveTraining,
    /// A file that the project names and that is not there.
    Find(PathBuf),
    /// A folder to copy the project and all that it uses into.
    Collect {
        /// Whether its model is copied too.
        with_model: bool,
    },
    /// Where to export to.
    Export {
        /// What of.
        subject: Subject,
        /// What as.
        kind: Kind,
        /// A name to begin with.
        name: String,
    },
}

/// How names of pictures that can be loaded end.
pub const PICTURES: &[&str] = &crate::project::training::folder::PICTURES;
