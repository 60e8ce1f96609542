//! The shares of the picture that masks cover, step by step, worked out once.

use crate::engine::masks::Mask;
use crate::link::{JobId, StepView};
use crate::studio::Run;

/// Steps taken in at once; the rest comes with the next frames.
const AT_ONCE: usize = 100;

/// The share of the picture that a mask covers, 0..1.
pub fn share(mask: &Mask) -> f32 {
    mask.count() as f32 / mask.on.len().max(1) as f32
}

/// The combined masks' shares of one picture of one run.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    of: Option<(JobId, usize)>,
    steps: Vec<Option<Vec<f32>>>,
}

impl Areas {
    /// Takes in the steps of a run that are new; another run or picture starts anew. Says whether all are in.
    pub fn follow(&mut self, run: &Run, picture: usize) -> bool {
        if self.of != Some((run.job, picture)) || self.steps.len() != run.steps.len() {
            *self = Self { of: Some((run.job, picture)), steps: vec![None; run.steps.len()] };
        }
        let mut left = AT_ONCE;
        for (known, step) in self.steps.iter_mut().zip(&run.steps) {
            let (None, Some(step)) = (&known, step) else { continue };
            if left == 0 {
                return false;
            }
            left -= 1;
            *known = Some(shares(step, picture));
        }
        true
    }

    /// A subject's shares, by step.
    pub fn of(&self, subject: usize) -> impl Iterator<Item = (usize, f32)> {
        let share = move |(step, shares): (usize, &Option<Vec<f32>>)| Some((step, *shares.as_ref()?.get(subject)?));
        self.steps.iter().enumerate().filter_map(share)
    }
}

fn shares(step: &StepView, picture: usize) -> Vec<f32> {
    step.masks.get(picture).into_iter().flatten().map(|masks| share(&masks.combined)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::link::{Event, MaskView};
    use crate::project::Project;
    use crate::studio::Runs;
    use crate::studio::renders::runs::Origin;

    fn view(step: usize, columns: usize) -> Arc<StepView> {
        let mask = Mask::from_fn(4, 4, |_, x| x < columns);
        let masks = MaskView { concept: "cat".into(), custom: mask.clone(), base: mask.clone(), combined: mask };
        Arc::new(StepView {
            step,
            steps: 3,
            timestep: 1,
            previews: Vec::new(),
            masks: vec![vec![masks]],
            refined: false,
            clusters: Vec::new(),
            attention: Vec::new(),
            loss: None,
            gradient_norm: None,
            times: Default::default(),
        })
    }

    #[test]
    fn shares_follow_the_run_and_start_anew_with_another() {
        let mut runs = Runs::default();
        let mut project = Project::new();
        project.settings.steps = 3;
        let project = Arc::new(project);
        let mut areas = Areas::default();
        for job in [JobId(1), JobId(2)] {
            runs.add(job, "run".into(), project.clone(), ".".into(), Origin { document: 0, revision: 0 }, None);
            runs.take(&Event::Step(job, view(0, job.0 as usize)), std::time::Instant::now());
        }
        let of = |areas: &Areas| areas.of(0).collect::<Vec<_>>();
        assert!(areas.follow(runs.get(JobId(1)).unwrap(), 0));
        assert_eq!(of(&areas), [(0, 0.25)]);
        runs.take(&Event::Step(JobId(1), view(2, 4)), std::time::Instant::now());
        areas.follow(runs.get(JobId(1)).unwrap(), 0);
        assert_eq!(of(&areas), [(0, 0.25), (2, 1.0)]);
        areas.follow(runs.get(JobId(2)).unwrap(), 0);
        assert_eq!(of(&areas), [(0, 0.5)]);
        areas.follow(runs.get(JobId(2)).unwrap(), 5);
        assert_eq!(of(&areas), []);
    }
}
