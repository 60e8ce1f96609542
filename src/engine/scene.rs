//! Everything a sampling run needs, prepared: branches, subjects, masks, reference, settings.

use burn::tensor::Tensor;

use super::align::Alignment;
use super::baselines::OnePass;
use super::concept::Adapter;
use super::inject::Fused;
use super::invert::Trajectory;
use super::nets::attention::Context;
use super::place::Placement;
use super::refine::{Counts, SubjectMasks};
use crate::project::settings::Spacing;

/// The base model, or the base model with one concept.
pub struct Branch {
    /// The concept's name; empty for the base.
    pub name: String,
    /// Its prompt, one row.
    pub conditional: Context,
    /// Its negative prompt, one row, encoded with the same branch's text encoder.
    pub unconditional: Context,
    /// What the concept changes; none for the base.
    pub adapter: Option<Adapter>,
}

/// The layout reference.
pub struct Reference {
    /// Its inverted latents.
    pub trajectory: Trajectory,
    /// The reference prompt, one row.
    pub context: Context,
}

/// How features or predictions of the branches come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fusion {
    /// Features in the decoder's attention layers (Eq. 4).
    Features(Fused),
    /// The predicted noises (Eq. 3, the naive fusion).
    Noise,
}

/// Mask refinement's settings.
#[derive(Clone, Copy, Debug)]
pub struct Refinement {
    /// Which numbers of clusters are tried.
    pub counts: Counts,
    /// Random starts of k-means.
    pub starts: u32,
    /// Below this IoU the old mask's bounding rectangle is taken, 0..1.
    pub overlap_threshold: f32,
    /// Seed of k-means for the first picture; the others count up, as their noise does.
    pub seed: u64,
}

/// Whether all branches run in one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// One batch: fastest.
    Lockstep,
    /// One branch after another: least memory.
    Sequential,
}

/// The settings of a run, resolved to its steps.
#[derive(Clone, Debug)]
pub struct Run {
    /// The sampled timesteps, the noisiest first.
    pub timesteps: Vec<usize>,
    /// How they are spaced, which decides where each step arrives.
    pub spacing: Spacing,
    /// At which steps layout alignment acts.
    pub guided: Vec<bool>,
    /// At which steps the masks are refined.
    pub refined: Vec<bool>,
    /// The classifier-free guidance scale.
    pub guidance_scale: f64,
    /// λ: how far layout alignment moves the latent.
    pub step_size: f64,
    /// What layout alignment compares.
    pub alignment: Alignment,
    /// How the branches come together.
    pub fusion: Fusion,
    /// How masks are refined.
    pub refinement: Refinement,
    /// In one batch or one after another.
    pub execution: Execution,
}

impl Run {
    /// Sampling steps.
    pub fn steps(&self) -> usize {
        self.timesteps.len()
    }
}

/// A prepared composition. The masks change while it is sampled.
pub struct Scene {
    /// The base first, then one branch a concept.
    pub branches: Vec<Branch>,
    /// What acts on all branches, the base included.
    pub styles: Option<Adapter>,
    /// For each subject, its branch. Two subjects of one concept share a branch, which runs once.
    pub subjects: Vec<usize>,
    /// Another method than Concept Conductor, which has one branch for all concepts.
    pub one_pass: Option<OnePass>,
    /// `[picture][subject]`
    pub masks: Vec<Vec<SubjectMasks>>,
    /// Where layout alignment, point masks or a listener need it.
    pub reference: Option<Reference>,
    /// Where objects are placed into a photo.
    pub placement: Option<Placement>,
    /// The settings.
    pub run: Run,
}

/// Branches that run in one batch, with everything that stays the same from step to step.
pub(super) struct Group {
    /// Their indices.
    pub branches: Vec<usize>,
    /// What their adapters and the styles add.
    pub stacked: super::inject::Stacked,
    /// Conditional rows, branch × picture.
    pub conditional: Context,
    /// Both halves, branch × half × picture.
    pub both: Context,
}

impl Scene {
    /// The branches by the batches in which they run.
    pub(super) fn groups(&self, pictures: usize) -> Vec<Group> {
        let all: Vec<usize> = (0..self.branches.len()).collect();
        let split = match self.run.execution {
            Execution::Lockstep => vec![all],
            // The base comes last: it needs what the others kept.
            Execution::Sequential => all.iter().rev().map(|&branch| vec![branch]).collect(),
        };
        split.into_iter().map(|branches| self.group(branches, pictures)).collect()
    }

    fn group(&self, branches: Vec<usize>, pictures: usize) -> Group {
        let of = |index: &usize| &self.branches[*index];
        let adapters: Vec<Option<&Adapter>> = branches.iter().map(|index| of(index).adapter.as_ref()).collect();
        let conditional: Vec<Context> =
            branches.iter().map(|index| of(index).conditional.repeat_rows(pictures)).collect();
        let both: Vec<Context> = branches
            .iter()
            .flat_map(|index| [&of(index).unconditional, &of(index).conditional])
            .map(|context| context.repeat_rows(pictures))
            .collect();
        Group {
            stacked: super::inject::Stacked::new(&adapters, self.styles.as_ref()),
            conditional: Context::concat(&conditional),
            both: Context::concat(&both),
            branches,
        }
    }

    /// Bytes that the custom branches hold on the device from step to step: their adapters and the styles, what of them is
    /// stacked, and their prompts.
    pub fn concept_bytes(&self) -> usize {
        let own = self.branches.iter().skip(usize::from(self.one_pass.is_none())).map(|branch| {
            branch.conditional.len() + branch.unconditional.len() + branch.adapter.as_ref().map_or(0, Adapter::len)
        });
        let masked = self.one_pass.as_ref().map_or(0, OnePass::numbers);
        let styles = self.styles.as_ref().map_or(0, Adapter::len);
        let stacked = self.groups(1).iter().map(|group| group.stacked.len()).sum::<usize>();
        (own.sum::<usize>() + masked + styles + stacked) * size_of::<f32>()
    }

    /// Each branch's weight in the layout loss: 1 for the base, α / N for the N custom ones.
    pub(super) fn loss_weights(&self, branches: &[usize]) -> Vec<f64> {
        let custom = (self.branches.len() - 1).max(1) as f64;
        branches.iter().map(|&branch| if branch == 0 { 1.0 } else { self.run.alignment.alpha / custom }).collect()
    }
}

/// Repeats a batch of latents for `times` blocks of rows.
pub(super) fn tile(latents: &Tensor<4>, times: usize) -> Tensor<4> {
    if times == 1 { latents.clone() } else { latents.clone().repeat_dim(0, times) }
}
