//! What the Compare page remembers between frames.

use crate::gui::zoomed::View;
use crate::studio::compare::Side;

/// One of a comparison's pictures: the seed's place, and the side.
pub(super) type At = (usize, Side);

/// What the Compare page remembers between frames.
#[derive(Debug, Default)]
pub struct CompareLook {
    /// The picture that is shown large.
    pub(super) open: Option<At>,
    /// How that lies in its area.
    pub(super) view: View,
}
