//! The views that a step has: which one is a lane's, and how it is said and drawn wherever it is shown.

use std::sync::Arc;

use eframe::egui::{Context, TextureHandle};

use super::textures::{Textures, opaque};
use crate::link::{AttentionView, Lane, StepView};

/// A lane's name for people.
pub fn lane_name(lane: &Lane) -> &str {
    match lane {
        Lane::Base => "Base",
        Lane::Concept(name) => name,
        Lane::Reference => "Reference",
    }
}

/// Which of a step's clustered views is a lane's.
pub fn clusters(step: &StepView, lane: &Lane, picture: usize) -> Option<usize> {
    step.clusters.iter().position(|view| view.lane == *lane && view.picture == picture)
}

/// Which of a step's cross-attention views is a lane's to a word; all words together where the lane has not this one.
pub fn attention(step: &StepView, lane: &Lane, word: &str, picture: usize) -> Option<usize> {
    let of = |view: &AttentionView| view.lane == *lane && view.picture == picture;
    let exact = step.attention.iter().position(|view| of(view) && view.word == word);
    exact.or_else(|| step.attention.iter().position(of))
}

/// The preview of a step, as a texture.
pub fn preview(
    ctx: &Context,
    textures: &mut Textures,
    job: u64,
    step: &Arc<StepView>,
    picture: usize,
) -> Option<TextureHandle> {
    let preview = step.previews.get(picture)?;
    Some(textures.get(ctx, ("preview", job, step.step, picture), || opaque(preview)))
}

/// A number with as many places as it needs.
pub fn number(value: f32) -> String {
    match value.abs() {
        size if !size.is_finite() => "not a number".into(),
        0.0 => "0".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        size if size >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_places_that_they_need() {
        let all = [0.0, 1.0713, 0.5964, 0.0312, 0.0039, 0.00002, 12.34, 1284.4, -0.25];
        let words = ["0", "1.07", "0.60", "0.031", "0.004", "2e-5", "12.3", "1284", "-0.25"];
        assert_eq!(all.map(number), words);
        assert_eq!(number(f32::NAN), "not a number");
    }
}
