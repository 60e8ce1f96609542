//! What several panels share of how the window looks at the studio: which page, which overlay, what is pointed at, and
//! what one asks for that another one does. What one panel alone remembers is its own. Nothing of this is undone or saved
//! with a project.

use super::asks::{Ask, Purpose};
use super::machine::Machine;
use super::paint::{ColorMap, Sampling};
use super::textures::Textures;
use crate::link::{JobId, Lane};
use crate::studio::ResultId;

/// A concept's card that is dragged onto a layer, by the concept's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraggedConcept(pub String);

/// A result that is dragged from the gallery onto the canvas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraggedResult(pub ResultId);

/// The pages of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Page {
    /// The collage, the concepts, the prompt; the picture coming.
    #[default]
    Compose,
    /// Placing subjects into a photo.
    Place,
    /// Two settings side by side.
    Compare,
    /// Training concepts from photos.
    Train,
    /// What was made.
    Gallery,
    /// Models and LoRAs, and getting more.
    Library,
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

/// What is pointed at, wherever in the window that is.
#[derive(Debug, Default)]
pub struct Pointed {
    /// The place, in canvas pixels: shown as a crosshair on the other board.
    pub at: Option<(f32, f32)>,
    /// The concept that is pointed at in this frame; it is [`Pointed::lit`] in the next.
    pub concept: Option<String>,
    /// The concept whose word, card, layer, mask and curve are lit, since one of them is pointed at.
    pub lit: Option<String>,
}

/// What panels share.
pub struct Look {
    /// The page shown.
    pub page: Page,
    /// Whether the side and bottom panels are folded away.
    pub folded: bool,
    /// What the middle shows.
    pub mode: Mode,
    /// What is laid over the picture.
    pub overlay: Overlay,
    /// The render over whose finished picture somebody wants that too; else only its steps have it.
    pub over_finished: Option<JobId>,
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
    /// Whether files dropped on the window arrive; where not, pasting does.
    pub drops: bool,
    /// What is pointed at.
    pub pointed: Pointed,
    /// The textures in use.
    pub textures: Textures,
    /// What is known of the machine.
    pub machine: Machine,
    asks: Vec<Ask>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            page: Page::default(),
            folded: false,
            mode: Mode::default(),
            overlay: Overlay::default(),
            over_finished: None,
            lane: Lane::Base,
            word: String::new(),
            masks: MaskToggles::default(),
            sampling: Sampling::Nearest,
            color_map: ColorMap::Viridis,
            drops: true,
            pointed: Pointed::default(),
            textures: Textures::default(),
            machine: Machine::default(),
            asks: Vec::new(),
        }
    }
}

impl Look {
    /// Leaves something for another panel to do in this frame.
    pub fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    /// Asks for files.
    pub fn choose(&mut self, purpose: Purpose) {
        self.ask(Ask::Choose(purpose));
    }

    /// What was asked for since this was taken last.
    pub fn take_asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }
}
