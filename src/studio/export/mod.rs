//! What of a render leaves the program as files: the picture with its project in it, its steps as pictures or as an
//! animation, a contact sheet of what the method saw, the masks.
//!
//! - What can be exported, how far is it? `exporting.rs`, the room.
//! - Which frames does a render have, and how large are they? Here.
//! - What do steps look like as files? `animation.rs`.
//! - What did attention and masks do from step to step, at a glance? `sheet.rs`, with words by `text.rs`.
//! - Where did each subject end up? `masks.rs`.
//! - How does what was rendered come back into a photo? `photo.rs`.
//! - How does a map become a picture? `draw.rs`.
//! - How is a file written wholly or not at all? `whole.rs`.
//! - How does a project go to another machine with all that it uses? `collect.rs`; in the background, `collecting.rs`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::link::{Finished, StepView};
use crate::project::hash::Known;
use crate::project::put_back::NotPutBack;
use crate::project::{Project, ProjectError, png_text};

pub mod animation;
pub mod collect;
pub mod collecting;
pub mod draw;
pub mod exporting;
pub mod masks;
pub mod photo;
pub mod sheet;
mod text;
mod whole;

pub use animation::{Timing, apng, gif, steps_as_pngs};
pub use masks::masks;
pub use sheet::{SheetOptions, Show, contact_sheet, write_contact_sheet};

/// Told how much is done and of how much; false ends the export with [`ExportError::Stopped`].
pub type Progress<'a> = dyn FnMut(usize, usize) -> bool + 'a;

/// Why nothing was exported. What was in the place of the files before is still there.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExportError {
    /// A file or folder could not be written.
    #[error("cannot write {}: {problem}; {advice}", path.display())]
    Write {
        /// The file or folder, as it was asked for.
        path: PathBuf,
        /// What stood in the way.
        problem: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The render holds nothing of what was asked for.
    #[error("{what}; {advice}")]
    Nothing {
        /// What is missing.
        what: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// A contact sheet too large for most programs.
    #[error(
        "the contact sheet would have {width} × {height} pixels, and a picture may have at most {most} a side and \
         {mega} million in all; choose fewer steps or smaller cells"
    )]
    TooLarge {
        /// Pixels.
        width: u64,
        /// Pixels.
        height: u64,
        /// The most pixels of a side.
        most: u32,
        /// The most pixels, in millions.
        mega: u64,
    },
    /// What was rendered does not fit the photo.
    #[error(transparent)]
    Photo(#[from] crate::photo::stitch::Unfit),
    /// The project's part of the export failed.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Whoever asked for the export stopped it.
    #[error("the export was stopped; nothing was written")]
    Stopped,
}

impl From<NotPutBack> for ExportError {
    fn from(error: NotPutBack) -> Self {
        match error {
            NotPutBack::Photo(error) => error.into(),
            NotPutBack::Project(error) => error.into(),
        }
    }
}

impl ExportError {
    fn writing(path: &Path, cause: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let (problem, advice) = match cause.kind() {
            Kind::NotFound => ("its folder does not exist".to_owned(), "choose another folder, or create it"),
            Kind::PermissionDenied => ("permission was denied".to_owned(), "choose a folder of yours"),
            Kind::ReadOnlyFilesystem => ("the disk can only be read".to_owned(), "choose a folder on another disk"),
            Kind::StorageFull | Kind::QuotaExceeded => {
                ("the disk is full".to_owned(), "make room and try again, or choose a folder on another disk")
            }
            Kind::NotADirectory | Kind::AlreadyExists => {
                ("a file stands where its folder should be".to_owned(), "choose another folder, or move that file away")
            }
            Kind::IsADirectory => ("a folder has that name".to_owned(), "choose another name"),
            _ => (cause.to_string(), "choose another folder, or make room and try again"),
        };
        Self::Write { path: path.to_owned(), problem, advice }
    }
}

/// One picture of a render, finished or not, as exports see it. Cheap to clone and to hand to another thread.
#[derive(Clone, Debug)]
pub struct Take {
    /// What the render was started with.
    pub project: Arc<Project>,
    /// The steps that are there, in their order; a run that went on from another may lack the first ones.
    pub steps: Vec<Arc<StepView>>,
    /// The pictures, once the render is done.
    pub finished: Option<Arc<Finished>>,
    /// Which picture of the batch, from 0.
    pub picture: usize,
}

/// One picture of the way to a result.
#[derive(Clone, Copy, Debug)]
pub struct Still<'a> {
    /// The step that it shows the end of, counted from 1 as people do.
    pub step: usize,
    /// A preview of one pixel a latent cell, or the finished picture.
    pub picture: &'a RgbImage,
}

impl Take {
    /// The seed of the picture.
    pub fn seed(&self) -> u64 {
        let finished = self.finished.as_ref().and_then(|finished| finished.seeds.get(self.picture).copied());
        finished.unwrap_or_else(|| self.project.seed.wrapping_add(self.picture as u64))
    }

    /// The finished picture, once it is there.
    pub fn result(&self) -> Option<&RgbImage> {
        self.finished.as_ref()?.pictures.get(self.picture).filter(|picture| has_pixels(picture))
    }

    /// How many steps the render has, whether they are here or not.
    pub fn step_count(&self) -> usize {
        self.steps.last().map_or(self.project.settings.steps as usize, |view| view.steps)
    }

    /// Every step that has a preview; where there is a result, it stands for the last step.
    pub fn stills(&self) -> Vec<Still<'_>> {
        let previews = self.steps.iter().filter_map(|view| {
            let picture = view.previews.get(self.picture).filter(|picture| has_pixels(picture))?;
            Some(Still { step: view.step + 1, picture })
        });
        let mut stills: Vec<Still<'_>> = previews.collect();
        if let Some(picture) = self.result() {
            let step = self.step_count();
            stills.retain(|still| still.step < step);
            stills.push(Still { step, picture });
        }
        stills
    }

    /// What the picture looks like so far: the result, or the newest preview.
    fn newest(&self) -> Option<&RgbImage> {
        self.stills().last().map(|still| still.picture)
    }

    /// Width and height of the picture, once checked.
    fn size(&self) -> Result<(u32, u32), ExportError> {
        let canvas = self.project.canvas;
        canvas.validate()?;
        Ok((canvas.width, canvas.height))
    }
}

/// There is no result yet.
const NOT_FINISHED: ExportError = ExportError::Nothing {
    what: "the picture is not finished yet",
    advice: "wait for the end of the render, or export its steps",
};

fn has_pixels(picture: &RgbImage) -> bool {
    picture.width() > 0 && picture.height() > 0
}

/// Writes the finished picture as a PNG that opens again as the project that made exactly this picture. `base` is the
/// folder that the project's relative paths start from.
///
/// # Errors
/// When the render is not done, or the file cannot be written.
pub fn png(path: &Path, take: &Take, base: &Path) -> Result<(), ExportError> {
    let picture = take.result().ok_or(NOT_FINISHED)?;
    let project = take.project.with_hashes(base, &Known::default());
    Ok(png_text::write_png(path, picture, &project, base, take.seed())?)
}

#[cfg(test)]
pub(crate) mod tests;
