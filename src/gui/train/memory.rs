//! What the Train page remembers between frames.

use std::collections::BTreeSet;
use std::sync::Arc;

use image::GrayImage;

/// What the middle of the page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The photos.
    #[default]
    Photos,
    /// The training that runs, or ran.
    Progress,
}

/// A stroke in the making.
#[derive(Debug)]
pub(super) struct Stroke {
    pub mask: Arc<GrayImage>,
    /// Where the pointer was last, in the mask's pixels.
    pub last: (f32, f32),
}

/// What the Train page remembers between frames.
#[derive(Debug)]
pub struct TrainLook {
    /// What the middle shows.
    pub view: View,
    /// The photo whose mask is painted.
    pub painted: Option<usize>,
    pub(super) stroke: Option<Stroke>,
    /// The brush's radius, as a part of the photo's longer side.
    pub(super) radius: f32,
    pub(super) erase: bool,
    /// Whether masks are laid over the photos.
    pub(super) masks: bool,
    /// What captions are made of where somebody asks for it.
    pub(super) template: usize,
    /// Curves that are not drawn.
    pub(super) hidden: BTreeSet<String>,
}

impl Default for TrainLook {
    fn default() -> Self {
        Self {
            view: View::default(),
            painted: None,
            stroke: None,
            radius: 0.05,
            erase: false,
            masks: true,
            template: 1,
            hidden: BTreeSet::new(),
        }
    }
}
