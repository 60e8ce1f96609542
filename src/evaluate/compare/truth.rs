//! Whether the truth of a project's pictures is known: where the miniature draws its own concepts. Of a photo that is placed into it
//! is the photo as it was.

use std::path::Path;

use image::{GrayImage, RgbImage};

use crate::evaluate::finished::Finished;
use crate::evaluate::metrics::Ruler;
use crate::evaluate::metrics::background::Background;
use crate::plush::{self, Concept};
use crate::project::files::asset_name;
use crate::project::{Files, MaskSource, Project, composite};

/// Where the miniature's concepts are built in.
const CONCEPTS: &str = "miniature/concepts/";

/// What measures pictures of a project: where it is drawn by the built-in miniature, all of its concepts are the Plush World's,
/// and each stands on layers. None for every other project.
///
/// # Errors
/// In words, where its layout cannot be drawn.
pub fn ruler(project: &Project, files: &dyn Files) -> Result<Option<Ruler>, String> {
    if project.model.is_some() || project.place.is_some() {
        return Ok(None);
    }
    let own = |name: &str| project.concepts.iter().find(|concept| concept.name == name);
    let layers = project.concepts.iter().all(|concept| matches!(concept.mask, MaskSource::Layers));
    let collage = composite(project, files).map_err(|error| error.to_string())?;
    let (mut concepts, mut masks) = (Vec::<Concept>::new(), Vec::<GrayImage>::new());
    for layer in collage.masks.iter().filter(|layer| !layer.is_hidden()) {
        let Some(concept) = layer.concept.as_deref().and_then(own) else { continue };
        let Some(known) = known(&concept.file) else { return Ok(None) };
        concepts.push(known);
        masks.push(layer.mask.clone());
    }
    let measured = layers && !concepts.is_empty();
    Ok(measured.then(|| Ruler::new(concepts, masks, &project.prompt)))
}

/// What became of the photo that a picture of a project was placed into; none where there is none.
///
/// # Errors
/// In words, where the photo or a layer cannot be read.
pub fn background(project: &Project, files: &dyn Files, picture: &RgbImage) -> Result<Option<Background>, String> {
    Ok(Finished::of(project, files, picture)?.background)
}

/// The concept of the Plush World that a file is.
pub(super) fn known(file: &Path) -> Option<Concept> {
    let name = Path::new(asset_name(file)?.strip_prefix(CONCEPTS)?).file_stem()?;
    plush::concept(name.to_str()?).copied()
}
