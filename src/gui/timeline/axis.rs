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

#[cfg(test)]
mod tests {
    use super::*;

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
