//! What a training told of its steps, as curves that take no more room however long it runs: where there are too many
//! points, two become one.

use crate::link::TrainingStep;

/// The most points.
const MOST: usize = 1024;

/// Means over a few steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// The last of them.
    pub step: usize,
    /// The loss of the predicted noise.
    pub denoising: f32,
    /// The attention regularisation.
    pub attention: f32,
    /// Mean norm of each token's embeddings.
    pub norms: [f32; 2],
}

/// The curves of a training.
#[derive(Clone, Debug)]
pub struct Curves {
    points: Vec<Point>,
    /// Steps that a point stands for.
    each: usize,
    /// Those that are no point yet.
    waiting: Vec<Point>,
}

impl Default for Curves {
    fn default() -> Self {
        Self { points: Vec::new(), each: 1, waiting: Vec::new() }
    }
}

impl Curves {
    /// A step is done.
    pub fn push(&mut self, step: &TrainingStep) {
        let TrainingStep { step, denoising, attention, norms, .. } = *step;
        self.waiting.push(Point { step, denoising, attention, norms });
        if self.waiting.len() < self.each {
            return;
        }
        self.points.push(mean(&self.waiting));
        self.waiting.clear();
        if self.points.len() >= MOST {
            self.points = self.points.chunks(2).map(mean).collect();
            self.each *= 2;
        }
    }

    /// Forgets what came after a step: a training goes on from its checkpoint.
    pub fn cut(&mut self, step: usize) {
        self.waiting.clear();
        self.points.retain(|point| point.step <= step);
    }

    /// The points, in order.
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

fn mean(points: &[Point]) -> Point {
    let count = points.len().max(1) as f32;
    let of = |value: fn(&Point) -> f32| points.iter().map(value).sum::<f32>() / count;
    Point {
        step: points.last().map_or(0, |point| point.step),
        denoising: of(|point| point.denoising),
        attention: of(|point| point.attention),
        norms: [of(|point| point.norms[0]), of(|point| point.norms[1])],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn step(step: usize) -> TrainingStep {
        let norms = [step as f32, 0.5];
        TrainingStep { step, steps: 100_000, denoising: step as f32, attention: 0.1, norms, took: Duration::ZERO }
    }

    #[test]
    fn few_steps_are_points_of_their_own_and_many_stay_bounded() {
        let mut curves = Curves::default();
        (1..=5).for_each(|at| curves.push(&step(at)));
        assert_eq!(curves.points().iter().map(|point| point.step).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        (6..=100_000).for_each(|at| curves.push(&step(at)));
        let points = curves.points();
        assert!((MOST / 2..MOST).contains(&points.len()), "{} points", points.len());
        assert!(points.windows(2).all(|pair| pair[0].step < pair[1].step && pair[0].denoising < pair[1].denoising));
        let last = points.last().unwrap();
        assert!(last.step > 99_800 && (last.attention - 0.1).abs() < 1e-4, "{last:?}");
    }

    #[test]
    fn going_on_from_a_checkpoint_forgets_what_came_after_it() {
        let mut curves = Curves::default();
        (1..=9).for_each(|at| curves.push(&step(at)));
        curves.cut(6);
        curves.push(&step(7));
        assert_eq!(curves.points().iter().map(|point| point.step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    }
}
