//! How the window looks at the studio: which page, which overlay, where the view is. Nothing of this is undone or saved
//! with a project.

use super::paint::{ColorMap, Sampling};
use super::textures::Textures;
use super::{canvas, dialogs, files, gallery, hints, place, timeline};
use crate::link::Lane;

/// A concept's card that is dragged onto a layer, by the concept's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraggedConcept(pub String);

/// The pages of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// The collage, the concepts, the prompt; the picture coming.
    #[default]
    Compose,
    /// Placing subjects into a photo.
    Place,
    /// What was made.
    Gallery,
}

/// What the middle of the window shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The collage alone.
    Collage,
    /// The picture alone.
    Picture,
    /// Both, at one scale and pan.
    #[default]
    Both,
}

/// What is laid over the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// Nothing.
    None,
    /// Each subject's masks.
    #[default]
    Masks,
    /// Clustered self-attention of a branch.
    Clusters,
    /// Cross-attention of a branch to a word.
    Attention,
}

/// Which of a subject's masks are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskToggles {
    /// Where the concept's own branch has it: dashed.
    pub custom: bool,
    /// Where the base branch has it: a thin line.
    pub base: bool,
    /// Where it is injected: filled.
    pub combined: bool,
}

impl Default for MaskToggles {
    fn default() -> Self {
        Self { custom: false, base: false, combined: true }
    }
}

/// The window's own state.
pub struct Look {
    /// The page shown.
    pub page: Page,
    /// What the middle shows.
    pub mode: Mode,
    /// What is laid over the picture.
    pub overlay: Overlay,
    /// Whose attention is shown.
    pub lane: Lane,
    /// Which word's cross-attention; empty: all foreground words together.
    pub word: String,
    /// Which masks are drawn.
    pub masks: MaskToggles,
    /// How values between cells are drawn.
    pub sampling: Sampling,
    /// How heatmaps are coloured.
    pub color_map: ColorMap,
    /// Whether the side and bottom panels are folded away (Tab).
    pub folded: bool,
    /// The place pointed at, in canvas pixels: shown as a crosshair on the other side.
    pub pointed: Option<(f32, f32)>,
    /// The concept whose word, card, layer, mask and curve are lit, since one of them is pointed at.
    pub lit: Option<String>,
    /// The concept pointed at in this frame; it is [`Look::lit`] in the next.
    pub pointed_concept: Option<String>,
    /// The concept whose prompt is being written by hand.
    pub own_prompt: Option<String>,
    /// The concept being renamed, and what was typed so far.
    pub renaming: Option<(String, String)>,
    /// The size of everything that was set last.
    pub scale_set: Option<f32>,
    /// The textures in use.
    pub textures: Textures,
    /// Files being chosen.
    pub files: files::Pickers,
    /// The hints of the first minute.
    pub hints: hints::Hints,
    /// What the canvas remembers.
    pub canvas: canvas::CanvasLook,
    /// What the timeline and inspector remember.
    pub timeline: timeline::TimelineLook,
    /// What the gallery remembers.
    pub gallery: gallery::GalleryLook,
    /// What the Place page remembers.
    pub place: place::PlaceLook,
    /// What stands over everything else.
    pub dialogs: dialogs::Dialogs,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            page: Page::default(),
            mode: Mode::default(),
            overlay: Overlay::default(),
            lane: Lane::Base,
            word: String::new(),
            masks: MaskToggles::default(),
            sampling: Sampling::Nearest,
            color_map: ColorMap::Viridis,
            folded: false,
            pointed: None,
            lit: None,
            pointed_concept: None,
            own_prompt: None,
            renaming: None,
            scale_set: None,
            textures: Textures::default(),
            files: files::Pickers::default(),
            hints: hints::Hints::default(),
            canvas: canvas::CanvasLook::default(),
            timeline: timeline::TimelineLook::default(),
            gallery: gallery::GalleryLook::default(),
            place: place::PlaceLook::default(),
            dialogs: dialogs::Dialogs::default(),
        }
    }
}
