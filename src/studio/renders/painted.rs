//! Painted masks as they outlive the program: of which render, at which step, and what they have become. The steps of a
//! render end with the program; it is made anew up to that step, and they are painted on.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::masks::Mask;
use crate::project::Project;

/// Masks that are being painted, with all that it takes to go on painting them in another session.
#[derive(Clone, Debug, PartialEq)]
pub struct Painted {
    /// The render's name for people.
    pub name: String,
    /// The render's own project.
    pub project: Arc<Project>,
    /// Where its relative paths start.
    pub folder: PathBuf,
    /// The step that the render goes on with, counted from 0.
    pub step: usize,
    /// Which picture of the batch they are painted on.
    pub picture: usize,
    /// The subjects' concepts by name, with their masks as they are.
    pub masks: Vec<(String, Mask)>,
    /// Whether the render makes the very same steps when it is made anew: not where it went on from another's.
    pub anew: bool,
}

impl Painted {
    /// What is to be known before it is rendered again.
    ///
    /// `on_cpu` is whether it would be on the CPU, which computes the same every time.
    pub fn words(&self, on_cpu: bool) -> String {
        let same = match (self.anew, on_cpu) {
            (false, _) => {
                "It had gone on from another render, with other settings or masks, so that its steps will differ; the masks \
                 are as you left them."
            }
            (true, true) => "Rendered again it is the same to the last bit, and the masks are as you left them.",
            (true, false) => "Rendered again it is nearly the same, and the masks are as you left them.",
        };
        format!(
            "Masks of {} were being painted before its step {}. Its steps ended with that session. {same}",
            self.name,
            self.step + 1
        )
    }
}
