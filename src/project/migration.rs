//! Projects of earlier format versions, and what becomes of them: one function a step, from each version to the next.
//!
//! A version's form is kept here as it was, in a module of its own, for whatever has changed since; what has not is
//! today's type. Whoever changes a type of the document in a way that old files would not understand copies its old form
//! into the module of the last version that had it, and says in that version's step what becomes of it. The frozen
//! files in `tests/data/projects-v1` show whether it was done.

use serde::Deserialize;

use super::settings::{Method, Prediction, Spacing};
use super::{Hashes, Layer, Layout, Project, PromptReading, Settings, VERSION};

/// What a project of version 1 is in version 2.
///
/// Version 2 gave layers a number of their own, in the order of drawing.
fn from_1(old: version1::Project) -> version2::Project {
    let layout = match old.layout {
        version1::Layout::Collage { background, layers } => {
            let layers = (1..).zip(layers).map(|(id, layer)| layer_from_1(id, layer)).collect();
            Layout::Collage { background, layers }
        }
        version1::Layout::Picture(path) => Layout::Picture(path),
    };
    version2::Project {
        _version: 2,
        canvas: old.canvas,
        model: old.model,
        layout,
        concepts: old.concepts,
        prompt: old.prompt,
        reference_prompt: old.reference_prompt,
        negative_prompt: old.negative_prompt,
        place: old.place,
        settings: old.settings,
        seed: old.seed,
        pictures: old.pictures,
    }
}

/// What a project of version 2 is today.
///
/// Version 3 reads brackets and weights in prompts; before it every sign was read as it stood.
fn from_2(old: version2::Project) -> Project {
    Project {
        version: VERSION,
        canvas: old.canvas,
        model: old.model,
        vae: None,
        layout: old.layout,
        concepts: old.concepts,
        styles: Vec::new(),
        prompt: old.prompt,
        reference_prompt: old.reference_prompt,
        negative_prompt: old.negative_prompt,
        place: old.place,
        settings: settings_from_2(old.settings),
        seed: old.seed,
        pictures: old.pictures,
        hashes: Hashes::default(),
    }
}

fn settings_from_2(old: version2::Settings) -> Settings {
    let version2::Settings {
        steps,
        guidance_scale,
        layout_alignment,
        concept_injection,
        mask_refinement,
        inversion,
        execution,
    } = old;
    Settings {
        // There was no other.
        method: Method::ConceptConductor,
        steps,
        guidance_scale,
        layout_alignment,
        concept_injection,
        mask_refinement,
        inversion,
        spacing: Spacing::Leading,
        execution,
        prompt_reading: PromptReading::Plain,
        prediction: Prediction::Model,
        clip_skip: 1,
    }
}

impl From<version1::Project> for Project {
    fn from(old: version1::Project) -> Self {
        from_2(from_1(old))
    }
}

impl From<version2::Project> for Project {
    fn from(old: version2::Project) -> Self {
        from_2(old)
    }
}

fn layer_from_1(id: u32, old: version1::Layer) -> Layer {
    let version1::Layer { name, picture, x, y, scale, rotation, flip, opacity, visible, locked, concept, group } = old;
    let cut = None;
    Layer { id, name, picture, x, y, scale, rotation, flip, opacity, visible, locked, concept, group, cut }
}

/// A project in the form of version 1 inside of another file, as autosave files had it.
#[derive(Deserialize)]
#[serde(from = "version1::Project")]
pub(crate) struct Embedded1(pub Project);

impl From<version1::Project> for Embedded1 {
    fn from(old: version1::Project) -> Self {
        Self(old.into())
    }
}

/// The form of version 1, as far as it is another than today's.
pub(super) mod version1 {
    use std::path::PathBuf;

    use serde::Deserialize;

    use super::version2::Settings;
    use crate::project::{Background, Canvas, Concept, Placement};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::project) struct Project {
        /// Always 1, or nobody would read it as this.
        #[serde(rename = "version")]
        pub _version: u32,
        pub canvas: Canvas,
        #[serde(default)]
        pub model: Option<PathBuf>,
        pub layout: Layout,
        #[serde(default)]
        pub concepts: Vec<Concept>,
        pub prompt: String,
        #[serde(default)]
        pub reference_prompt: Option<String>,
        #[serde(default)]
        pub negative_prompt: String,
        #[serde(default)]
        pub place: Option<Placement>,
        #[serde(default)]
        pub settings: Settings,
        #[serde(default)]
        pub seed: u64,
        #[serde(default = "one_picture")]
        pub pictures: u32,
    }

    fn one_picture() -> u32 {
        1
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::project) enum Layout {
        Collage { background: Background, layers: Vec<Layer> },
        Picture(PathBuf),
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::project) struct Layer {
        #[serde(default)]
        pub name: String,
        pub picture: PathBuf,
        pub x: f32,
        pub y: f32,
        #[serde(default = "one")]
        pub scale: f32,
        #[serde(default)]
        pub rotation: f32,
        #[serde(default)]
        pub flip: bool,
        #[serde(default = "one")]
        pub opacity: f32,
        #[serde(default = "yes")]
        pub visible: bool,
        #[serde(default)]
        pub locked: bool,
        #[serde(default)]
        pub concept: Option<String>,
        #[serde(default)]
        pub group: Option<u32>,
    }

    fn one() -> f32 {
        1.0
    }

    fn yes() -> bool {
        true
    }
}

/// The form of version 2, as far as it is another than today's.
pub(super) mod version2 {
    use std::path::PathBuf;

    use serde::Deserialize;

    use crate::project::settings::{ConceptInjection, Execution, Inversion, LayoutAlignment, MaskRefinement};
    use crate::project::{Canvas, Concept, Layout, Placement};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::project) struct Project {
        /// Always 2, or nobody would read it as this.
        #[serde(rename = "version")]
        pub _version: u32,
        pub canvas: Canvas,
        #[serde(default)]
        pub model: Option<PathBuf>,
        pub layout: Layout,
        #[serde(default)]
        pub concepts: Vec<Concept>,
        pub prompt: String,
        #[serde(default)]
        pub reference_prompt: Option<String>,
        #[serde(default)]
        pub negative_prompt: String,
        #[serde(default)]
        pub place: Option<Placement>,
        #[serde(default)]
        pub settings: Settings,
        #[serde(default)]
        pub seed: u64,
        #[serde(default = "one_picture")]
        pub pictures: u32,
    }

    fn one_picture() -> u32 {
        1
    }

    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub(in crate::project) struct Settings {
        pub steps: u32,
        pub guidance_scale: f32,
        pub layout_alignment: LayoutAlignment,
        pub concept_injection: ConceptInjection,
        pub mask_refinement: MaskRefinement,
        pub inversion: Inversion,
        pub execution: Execution,
    }

    impl Default for Settings {
        fn default() -> Self {
            Self {
                steps: 50,
                guidance_scale: 7.5,
                layout_alignment: LayoutAlignment::default(),
                concept_injection: ConceptInjection::default(),
                mask_refinement: MaskRefinement::default(),
                inversion: Inversion::default(),
                execution: Execution::default(),
            }
        }
    }
}

#[cfg(test)]
#[path = "migration_tests.rs"]
mod tests;
