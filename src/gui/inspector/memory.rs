//! What the inspector remembers between frames.

use std::collections::BTreeSet;

use super::areas::Areas;

/// What the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// Clustered self-attention.
    Clusters,
    /// Cross-attention to a word.
    Attention,
    /// The subjects' masks.
    Masks,
    /// The clean picture that the step's latent stands for.
    Preview,
}

impl Tile {
    /// All of them with their names, in the order of a switch.
    pub const ALL: [(Self, &str); 4] = [
        (Self::Clusters, "Self-attention"),
        (Self::Attention, "Cross-attention"),
        (Self::Masks, "Masks"),
        (Self::Preview, "Preview"),
    ];
}

/// What the inspector remembers between frames.
#[derive(Debug)]
pub struct InspectorLook {
    /// What it shows large, in a window.
    pub large: Option<Tile>,
    /// Whether the window with the curves is open.
    pub curves: bool,
    /// The names of the curves that are not drawn.
    pub hidden_curves: BTreeSet<String>,
    /// Whether layout loss and gradient norm are drawn on a logarithmic scale.
    pub log: bool,
    /// The opacity of attention over the step's preview, 0..1.
    pub opacity: f32,
    /// Whether masks are shown in a grid, each by itself, rather than over each other.
    pub side_by_side: bool,
    /// The shares of the masks, worked out once a step.
    pub(super) areas: Areas,
}

impl Default for InspectorLook {
    fn default() -> Self {
        Self {
            large: None,
            curves: false,
            hidden_curves: BTreeSet::new(),
            log: false,
            opacity: 0.85,
            side_by_side: false,
            areas: Areas::default(),
        }
    }
}
