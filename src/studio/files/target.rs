//! What a file is taken in for.

use std::path::PathBuf;

use super::intake::Intake;
use super::knowledge::AsTrained;
use crate::project::stamp::Stamp;

/// What a file is taken in as.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Whatever it is: dropped on the window at this place of the canvas, on this layer.
    Anywhere {
        /// Canvas pixels.
        at: Option<(f32, f32)>,
        /// The layer under the pointer, by its number.
        layer: Option<u32>,
    },
    /// A new layer.
    Cutout,
    /// A new layer with its middle at this place of the canvas, in canvas pixels.
    CutoutAt((f32, f32)),
    /// The background.
    Background,
    /// Another picture for a layer, by its number: it may lie elsewhere once the picture is read.
    ReplaceLayer(u32),
    /// A concept.
    Concept,
    /// A concept at the strengths with which a prompt asks for it.
    AskedFor {
        /// In the UNet.
        strength: f32,
        /// In the text encoder, where it differs.
        text_strength: Option<f32>,
    },
    /// Another file for a concept.
    ReplaceConcept(String),
    /// Another file of a concept beside those it has.
    MoreOf(String),
    /// A file that acts on the whole picture.
    Style,
    /// A project, or a picture that holds one.
    Open,
    /// A project that is read again, in place of what somebody has agreed to leave.
    Reopen(Left),
    /// A model.
    Model,
    /// An autoencoder in place of the model's own.
    Autoencoder,
    /// The photo that objects are placed into.
    Photo,
    /// Where the photo may change.
    EditMask,
}

impl Target {
    /// Whether it is for the window and not for the project that is open: another one takes its place.
    pub fn opens(&self) -> bool {
        matches!(self, Self::Open | Self::Reopen(_))
    }
}

/// What somebody has agreed to leave for another project: nothing that was done since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The revision of the document's history.
    pub revision: u64,
    /// The version of the masks that were being painted.
    pub painted: Option<u64>,
}

/// What a file turned out to be.
#[derive(Clone, Debug)]
pub struct TakenIn {
    /// What it was looked at for.
    pub target: Target,
    /// The file.
    pub path: PathBuf,
    /// How it was before it was looked at; None where it is not there.
    pub stamp: Option<Stamp>,
    /// What it is, or in words why it cannot be used.
    pub found: Result<Intake, String>,
    /// What its trainer means by it, where it is a concept's file.
    pub trained: AsTrained,
}
