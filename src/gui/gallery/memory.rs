//! What the gallery remembers between frames.

use super::choice::Choice;
use crate::gui::zoomed::View;
use crate::studio::ResultId;

/// What is shown large in place of the grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    One(ResultId),
    Two(ResultId, ResultId),
}

/// Which results are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All that were not taken out.
    #[default]
    All,
    /// Those of them that are marked as good.
    Starred,
    /// Those that were taken out in this session.
    Deleted,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As the store has them.
    #[default]
    Newest,
    /// The other way round.
    Oldest,
    /// By the alphabet.
    Prompt,
    /// The least first.
    Seed,
    /// Those marked as good first.
    Starred,
}

impl Order {
    /// All of them with what they are called.
    pub const ALL: [(Self, &str); 5] = [
        (Self::Newest, "Newest first"),
        (Self::Oldest, "Oldest first"),
        (Self::Prompt, "By prompt"),
        (Self::Seed, "By seed"),
        (Self::Starred, "Starred first"),
    ];
}

/// What the gallery remembers between frames.
#[derive(Debug)]
pub struct GalleryLook {
    pub(super) filter: Filter,
    pub(super) order: Order,
    /// What the prompts shown must contain.
    pub(super) search: String,
    /// The side of a card, in points.
    pub(super) side: f32,
    pub(super) choice: Choice,
    pub(super) open: Option<Open>,
    pub(super) view: View,
    /// Where the line between before and after stands, 0..1.
    pub(super) split: f32,
    /// Two pictures beside each other rather than in one place.
    pub(super) beside: bool,
    /// A result's project was asked for; once it is there the canvas is shown.
    pub(super) restoring: bool,
}

impl Default for GalleryLook {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            order: Order::default(),
            search: String::new(),
            side: 160.0,
            choice: Choice::default(),
            open: None,
            view: View::default(),
            split: 0.5,
            beside: false,
            restoring: false,
        }
    }
}

impl GalleryLook {
    /// Shows a result large.
    pub(super) fn open_one(&mut self, id: ResultId) {
        self.choice.only(id.clone());
        self.open = Some(Open::One(id));
        self.view = View::default();
    }
}
