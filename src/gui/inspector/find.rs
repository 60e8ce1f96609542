//! Which view of a step is meant by a lane and a word, what it is called, and which cell the pointer is on.

use eframe::egui::{Color32, Pos2, Rect, Vec2};

use crate::gui::views::{lane_name, number};
use crate::gui::{cells, theme, widgets};
use crate::link::{AttentionView, Lane, StepView};
use crate::project::Project;

/// The decoder's self-attention layer that is clustered.
const CLUSTERED_LAYER: usize = 6;
/// The decoder's cross-attention layer that is shown.
const ATTENTION_LAYER: usize = 5;

/// The lanes of a step, in the method's order.
pub fn lanes(step: &StepView) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let all = step.clusters.iter().map(|view| &view.lane).chain(step.attention.iter().map(|view| &view.lane));
    for lane in all {
        if !lanes.contains(lane) {
            lanes.push(lane.clone());
        }
    }
    lanes
}

/// The wished lane where the step has it, or else its first.
pub fn lane(step: &StepView, wished: &Lane) -> Lane {
    let lanes = lanes(step);
    if lanes.contains(wished) { wished.clone() } else { lanes.into_iter().next().unwrap_or(Lane::Base) }
}

/// The colour of a concept of a project.
pub fn color(project: &Project, concept: &str) -> Option<Color32> {
    project.concept(concept).map(|(_, concept)| theme::mark(concept.color))
}

/// A lane's colour; the base and the reference have none.
pub fn lane_color(project: &Project, lane: &Lane) -> Option<Color32> {
    match lane {
        Lane::Concept(name) => color(project, name),
        Lane::Base | Lane::Reference => None,
    }
}

/// The words of a lane; the empty one is all of them together.
pub fn words<'a>(step: &'a StepView, lane: &Lane, picture: usize) -> Vec<&'a str> {
    let of = |view: &&AttentionView| view.lane == *lane && view.picture == picture;
    step.attention.iter().filter(of).map(|view| view.word.as_str()).collect()
}

/// `1st`, `2nd`, ...
pub fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What a clustered view is.
pub fn clusters_caption(lane: &Lane, labels: &[u32]) -> String {
    let count = cluster_shares(labels).len();
    format!("Self-attention of {}, {} decoder layer, {count} clusters", lane_name(lane), ordinal(CLUSTERED_LAYER))
}

/// Each cluster's number and its share of the picture, 0..1.
pub fn cluster_shares(labels: &[u32]) -> Vec<(u32, f32)> {
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    for label in labels {
        *counts.entry(*label).or_default() += 1;
    }
    counts.into_iter().map(|(label, count)| (label, count as f32 / labels.len() as f32)).collect()
}

/// A word in quotes; all together where it is empty.
fn word_name(word: &str) -> String {
    if word.is_empty() { ", all words".into() } else { format!(" \"{word}\"") }
}

/// What a cross-attention view is, with its range.
pub fn attention_caption(view: &AttentionView) -> String {
    format!(
        "Cross-attention{} of {}, {} layer · {}",
        word_name(&view.word),
        lane_name(&view.lane),
        ordinal(ATTENTION_LAYER),
        range_words(view.range)
    )
}

/// A range in words.
pub fn range_words((low, high): (f32, f32)) -> String {
    format!("{}–{}", number(low), number(high))
}

/// The probability that a value 0..1 of a view stands for.
pub fn probability(view: &AttentionView, cell: usize) -> Option<f32> {
    let (low, high) = view.range;
    view.values.get(cell).map(|value| low + value * (high - low))
}

/// The row and column of a grid (height, width) drawn over `place` that a point lies on.
pub fn cell_at(place: Rect, grid: (usize, usize), at: Pos2) -> Option<(usize, usize)> {
    place.is_positive().then(|| cells::row_and_column(grid, cells::share(place, at))).flatten()
}

/// The place of a picture of some aspect (width by height), as large as fits in the middle of another place.
pub fn fit(place: Rect, aspect: f32) -> Rect {
    let aspect = if aspect.is_finite() && aspect > 0.0 { aspect } else { 1.0 };
    widgets::fitted(place, Vec2::new(aspect, 1.0))
}

#[cfg(test)]
mod tests {
    use eframe::egui::pos2;

    use super::*;
    use crate::gui::views::attention;

    fn view(lane: Lane, word: &str, picture: usize) -> AttentionView {
        let values = vec![0.0, 0.5, 1.0, 0.25];
        AttentionView { lane, picture, word: word.into(), grid: (2, 2), values, range: (0.1, 0.3) }
    }

    fn step() -> StepView {
        let concept = || Lane::Concept("mint cat".into());
        StepView {
            step: 0,
            steps: 4,
            timestep: 999,
            previews: Vec::new(),
            masks: Vec::new(),
            refined: false,
            clusters: Vec::new(),
            attention: vec![
                view(Lane::Base, "", 0),
                view(Lane::Base, "cat", 0),
                view(Lane::Base, "", 1),
                view(Lane::Base, "cat", 1),
                view(concept(), "", 0),
                view(concept(), "<cat>", 0),
            ],
            loss: None,
            gradient_norm: None,
            times: Default::default(),
        }
    }

    #[test]
    fn a_view_is_found_by_lane_word_and_picture() {
        let step = step();
        assert_eq!(attention(&step, &Lane::Base, "cat", 1), Some(3));
        assert_eq!(words(&step, &Lane::Base, 0), ["", "cat"]);
        assert_eq!(lanes(&step), [Lane::Base, Lane::Concept("mint cat".into())]);
    }

    #[test]
    fn a_word_or_lane_that_is_not_there_gives_the_next_best() {
        let step = step();
        assert_eq!(attention(&step, &Lane::Concept("mint cat".into()), "cat", 0), Some(4));
        assert_eq!(attention(&step, &Lane::Reference, "cat", 0), None);
        assert_eq!(lane(&step, &Lane::Reference), Lane::Base);
        assert_eq!(attention(&step, &Lane::Base, "cat", 7), None);
    }

    #[test]
    fn captions_name_layer_word_lane_and_range() {
        let view = view(Lane::Base, "cat", 0);
        assert_eq!(attention_caption(&view), "Cross-attention \"cat\" of Base, 5th layer · 0.10–0.30");
        let caption = clusters_caption(&Lane::Concept("mint cat".into()), &[0, 1, 1, 3]);
        assert_eq!(caption, "Self-attention of mint cat, 6th decoder layer, 3 clusters");
        assert_eq!([1, 2, 3, 4, 11, 12, 21].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st"]);
    }

    #[test]
    fn the_cell_under_the_pointer_and_its_probability_are_right() {
        let place = Rect::from_min_size(pos2(100.0, 50.0), Vec2::new(80.0, 80.0));
        let view = view(Lane::Base, "cat", 0);
        let cell = cell_at(place, view.grid, pos2(150.0, 60.0));
        assert_eq!(cell, Some((0, 1)));
        assert!((probability(&view, 1).unwrap() - 0.2).abs() < 1e-6);
        assert_eq!(cell_at(place, view.grid, pos2(100.0, 129.9)), Some((1, 0)));
        assert_eq!(cell_at(place, view.grid, pos2(99.0, 60.0)), None);
        assert_eq!(cell_at(place, (0, 0), pos2(150.0, 60.0)), None);
        assert_eq!(probability(&view, 4), None);
    }

    #[test]
    fn a_picture_is_fitted_whole() {
        let place = Rect::from_min_size(pos2(0.0, 0.0), Vec2::new(100.0, 80.0));
        assert_eq!(fit(place, 1.0).size(), Vec2::new(80.0, 80.0));
        assert_eq!(fit(place, 2.0).size(), Vec2::new(100.0, 50.0));
        assert_eq!(fit(place, f32::NAN).size(), Vec2::new(80.0, 80.0));
    }
}
