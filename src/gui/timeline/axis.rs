//! Where steps lie along the timeline.

use std::ops::Range;

use eframe::egui::Rangef;

/// Steps side by side, all as wide as each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Where the first step begins, in points.
    pub left: f32,
    /// How wide all steps are together, in points.
    pub width: f32,
    /// How many there are.
    pub steps: usize,
}

impl Axis {
    /// Where a step begins; the number of steps gives the end of the last.
    pub fn edge(&self, step: usize) -> f32 {
        self.left + self.width * step as f32 / self.steps.max(1) as f32
    }

    /// The middle of a step.
    pub fn middle(&self, step: usize) -> f32 {
        self.left + self.width * (step as f32 + 0.5) / self.steps.max(1) as f32
    }

    /// From where to where some steps reach.
    pub fn span(&self, steps: &Range<usize>) -> Rangef {
        Rangef::new(self.edge(steps.start), self.edge(steps.end))
    }

    /// How wide one step is.
    pub fn step_width(&self) -> f32 {
        self.width / self.steps.max(1) as f32
    }

    /// The step at a place. Left of all it is the first, right of all it is the number of steps: one past the last.
    pub fn step_at(&self, x: f32) -> usize {
        let step = (x - self.left) / self.step_width();
        // `as` takes NaN and what is below to 0.
        (step.floor() as usize).min(self.steps)
    }
}

/// How far words keep from the playhead, in points.
const ASIDE: f32 = 5.0;

/// Where words begin that want to begin at `left` and are so wide, so that the playhead does not stand on them: right of it
/// where there is room within `row`, else left of it.
pub fn clear_of(left: f32, width: f32, playhead: Option<f32>, row: Rangef) -> f32 {
    match playhead {
        Some(x) if left - ASIDE < x && x < left + width + ASIDE => {
            let right = x + ASIDE;
            if right + width <= row.max { right } else { (x - ASIDE - width).max(row.min) }
        }
        _ => left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_step_aside_for_the_playhead_and_stay_in_their_row() {
        let row = Rangef::new(0.0, 300.0);
        assert_eq!(clear_of(10.0, 50.0, None, row), 10.0);
        assert_eq!(clear_of(10.0, 50.0, Some(200.0), row), 10.0);
        assert_eq!(clear_of(10.0, 50.0, Some(30.0), row), 35.0);
        assert_eq!(clear_of(240.0, 50.0, Some(260.0), row), 205.0, "no room at the right");
        assert_eq!(clear_of(10.0, 280.0, Some(100.0), row), 0.0);
    }

    #[test]
    fn a_place_is_its_step_and_every_step_has_its_middle() {
        for steps in [1, 4, 50, 999] {
            let axis = Axis { left: 10.0, width: 700.0, steps };
            assert!((0..steps).all(|step| axis.step_at(axis.middle(step)) == step));
            assert_eq!((axis.step_at(-50.0), axis.step_at(9999.0)), (0, steps));
        }
    }

    #[test]
    fn no_steps_no_width_and_no_number_harm_nothing() {
        let axis = Axis { left: 0.0, width: 0.0, steps: 0 };
        assert_eq!(axis.step_at(3.0), 0);
        assert_eq!(Axis { left: 0.0, width: 10.0, steps: 4 }.step_at(f32::NAN), 0);
        assert!(axis.edge(0).is_finite() && axis.middle(7).is_finite());
    }
}
