//! What the cards remember between frames.

/// What the cards remember between frames.
#[derive(Debug, Default)]
pub struct ConceptsLook {
    /// The concept being renamed, and what was typed so far.
    pub renaming: Option<(String, String)>,
}
