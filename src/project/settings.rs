//! The numbers of the method, in the paper's groups, each with its range and the release's default.
//!
//! Step numbers are on the paper's scale of 200 sampling steps and are scaled to the steps in use,
//! so that a setting means the same with 20 steps as with 200. Where paper and release differ, the
//! release is the default.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::error::{ProjectError, check};

/// The number of sampling steps that step numbers in settings refer to.
pub const STEP_SCALE: u32 = 200;

/// A step number on the 200-step scale.
pub const STEP_RANGE: RangeInclusive<f32> = 0.0..=200.0;

/// A distance between steps on the 200-step scale; above 0, since steps repeated at no distance
/// never end.
pub const EVERY_RANGE: RangeInclusive<f32> = 0.1..=200.0;

/// Everything about a render that is neither what it shows nor where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How concepts come into the picture. Written only where it is not Concept Conductor.
    #[serde(skip_serializing_if = "Method::is_conductor")]
    pub method: Method,
    /// S, the DDIM sampling steps. Range: [`Settings::STEPS`]; the paper uses 200.
    pub steps: u32,
    /// Weight of classifier-free guidance: e = e_uncond + g (e_cond − e_uncond). Range:
    /// [`Settings::GUIDANCE_SCALE`].
    pub guidance_scale: f32,
    /// Pulls the picture's layout towards the reference's (Eq. 1, 2).
    pub layout_alignment: LayoutAlignment,
    /// Blends the concepts' features into the base model's inside their masks (Eq. 3, 4).
    pub concept_injection: ConceptInjection,
    /// Lets the masks follow the shapes that emerge (Algorithm 1).
    pub mask_refinement: MaskRefinement,
    /// What brackets and weights in prompts mean.
    pub prompt_reading: PromptReading,
    /// How finely the reference is inverted.
    pub inversion: Inversion,
    /// Which timesteps are sampled.
    pub spacing: Spacing,
    /// Whether the branches run together or in turn; the picture is the same within rounding.
    pub execution: Execution,
    /// What the model predicts, where its files do not say it or say it wrongly.
    pub prediction: Prediction,
    /// Which of the text encoder's layers the prompts are taken from, counted from its last, which is 1. Models that were
    /// trained on drawings often want 2. Range: [`Settings::CLIP_SKIP`], and no more than the encoder has.
    pub clip_skip: u32,
}

/// How several concepts come into one picture: the paper's method, or one that it is compared with, on the same files.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Method {
    /// A branch for each concept; layout alignment, concept injection and mask refinement.
    #[default]
    ConceptConductor,
    /// One pass and one prompt; what each file adds is masked (FreeFuse, with masks that are given).
    MaskedAdapters,
    /// The same with masks that are found in the first third of the picture, in place of the layout's (FreeFuse).
    FoundMasks,
    /// One pass with the plain sum of all files; inside its box each concept's own prompt is attended to (Mix-of-Show's
    /// regionally controlled sampling).
    RegionalSampling,
    /// The same with one model that all files were fused into by their gradients (Mix-of-Show).
    MixOfShow,
    /// One pass and one prompt; of all files only keys and values of cross-attention, merged in closed form (Custom Diffusion).
    ConstrainedMerge,
    /// One pass and one prompt of the plain model; concepts are what their words are more than their class words, and attention
    /// is led into boxes (Cones 2).
    ResidualOnly,
}

impl Method {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 7] = [
        Self::ConceptConductor,
        Self::MaskedAdapters,
        Self::FoundMasks,
        Self::RegionalSampling,
        Self::MixOfShow,
        Self::ConstrainedMerge,
        Self::ResidualOnly,
    ];

    /// Its name on screen. A variant of a published method says so.
    pub fn title(self) -> &'static str {
        match self {
            Self::ConceptConductor => "Concept Conductor",
            Self::MaskedAdapters => "FreeFuse, given masks",
            Self::RegionalSampling => "Regional sampling",
            Self::MixOfShow => "Mix-of-Show",
            Self::FoundMasks => "FreeFuse, found masks",
            Self::ConstrainedMerge => "Constrained merge",
            Self::ResidualOnly => "Residual only",
        }
    }

    /// What it is, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::ConceptConductor => {
                "A branch for each concept, whose features are painted into the picture inside its mask."
            }
            Self::MaskedAdapters => {
                "One pass with one prompt: what each concept's file adds to a layer counts only inside its mask."
            }
            Self::RegionalSampling => {
                "One pass with all files added up: inside the box of its mask, each concept's own prompt is attended to."
            }
            Self::MixOfShow => {
                "All files are fused into one model first, which takes a while and is kept; then as regional sampling."
            }
            Self::FoundMasks => {
                "As FreeFuse with given masks, but the masks are found in a first third of the picture; the layout is not read."
            }
            Self::ConstrainedMerge => {
                "One pass with one prompt: keys and values of all files in one, so that each concept's words give what its own \
                 file gives there. The layout is not read."
            }
            Self::ResidualOnly => {
                "The plain model with one prompt: a concept is what its learnt words add to its class word, heeded in the box of \
                 its mask alone. Each step is made twice."
            }
        }
    }

    /// Where it comes from, and in what it differs.
    pub fn source(self) -> &'static str {
        match self {
            Self::ConceptConductor => "Yao et al. 2024, arXiv 2408.03632.",
            Self::MaskedAdapters => {
                "Liu et al. 2025, arXiv 2510.23515, with the project's masks in place of those that it finds itself."
            }
            Self::RegionalSampling => "Gu et al. 2023, arXiv 2305.18292, without its gradient fusion.",
            Self::MixOfShow => "Gu et al. 2023, arXiv 2305.18292, with DDIM as sampler.",
            Self::FoundMasks => "Liu et al. 2025, arXiv 2510.23515, its script for SDXL brought to this model's size.",
            Self::ConstrainedMerge => {
                "Custom Diffusion's merge (Kumari et al. 2022, arXiv 2212.04488) on files as they are, with captions of ours."
            }
            Self::ResidualOnly => {
                "Cones 2's guidance (Liu et al. 2023, arXiv 2305.19327), with residuals of files as they are in place of tuned ones."
            }
        }
    }

    /// Whether one prompt names all concepts, each in the place of its class word, so that their own prompts are not read.
    pub fn has_one_prompt(&self) -> bool {
        match self {
            Self::ConceptConductor | Self::RegionalSampling | Self::MixOfShow => false,
            Self::MaskedAdapters | Self::FoundMasks | Self::ConstrainedMerge | Self::ResidualOnly => true,
        }
    }

    /// Whether it is Concept Conductor: only that has a layout reference, and parts that can be set.
    pub fn is_conductor(&self) -> bool {
        *self == Self::ConceptConductor
    }
}

/// Layout alignment: z ← z − λ ∂L/∂z, with L comparing the keys of the first decoder
/// self-attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutAlignment {
    /// Whether the latent is aligned at all.
    pub enabled: bool,
    /// The last step aligned, counted from 0 on the 200-step scale (`guidance_end` of the release).
    pub end: f32,
    /// Steps from one alignment to the next, on the 200-step scale (`guidance_interval` of the
    /// release).
    pub every: f32,
    /// λ, the size of the gradient step. Range: [`LayoutAlignment::WEIGHT`].
    pub weight: f32,
    /// α, the weight of the custom branches' mean loss beside the base branch's. Range:
    /// [`LayoutAlignment::ALPHA`].
    pub alpha: f32,
    /// How keys are compared with the reference's.
    pub loss: LayoutLoss,
    /// Weighs the loss by the union of the reference masks, which leaves the background free.
    pub foreground_only: bool,
}

/// The distance between two branches' keys in the layout loss L.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum LayoutLoss {
    /// Mean square over tokens and channels, as the release computes it.
    #[default]
    Mse,
    /// The 2-norm, as the paper writes it.
    Norm,
}

/// Concept injection: h ← h_i ⊙ M_i + h ⊙ (1 − M_i) for each concept i, in the decoder's attention
/// layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConceptInjection {
    /// Whether self-attention outputs (attn1) are blended. Only [`Fusion::Features`] looks at it.
    pub self_attention: bool,
    /// Whether cross-attention outputs (attn2) are blended. Only [`Fusion::Features`] looks at it.
    pub cross_attention: bool,
    /// What is blended.
    pub fusion: Fusion,
}

/// What of the branches is blended by the masks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Fusion {
    /// The outputs of attention layers (Eq. 4), the paper's method.
    #[default]
    Features,
    /// The predicted noises (Eq. 3), the naive way that the paper compares with.
    Noise,
}

/// Mask refinement: masks are matched to clusters of the sixth decoder self-attention (Algorithm
/// 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskRefinement {
    /// Whether masks change during sampling.
    pub enabled: bool,
    /// The first step that refines, on the 200-step scale.
    pub start: f32,
    /// The last step that may refine, on the 200-step scale.
    pub end: f32,
    /// Steps from one refinement to the next, on the 200-step scale.
    pub every: f32,
    /// K, the numbers of clusters that are tried.
    pub clusters: ClusterCounts,
    /// Random starts of each k-means, of which the best is kept. The release makes 100, and so does the
    /// Paper preset; 40 keep k-means below a tenth of a refinement step. Range: [`MaskRefinement::STARTS`].
    pub starts: u32,
    /// The least overlap (intersection over union, 0..=1) of a cluster with the old mask; below it
    /// the old mask's bounding rectangle is used. 0 for Stable Diffusion 1.5.
    pub overlap_threshold: f32,
}

/// Which numbers of clusters mask refinement tries, for N concepts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum ClusterCounts {
    /// K to 2K − 1 with K = N + 1, as the release does.
    #[default]
    Release,
    /// N to 2N, as the paper says.
    Paper,
}

/// How prompts are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum PromptReading {
    /// Brackets, weights and `BREAK` mean what they mean in AUTOMATIC1111's WebUI ([`super::syntax`]), and longer prompts
    /// are read in chunks.
    #[default]
    Weighted,
    /// Every sign is read as it stands, and what does not fit into the text encoder is cut: as the paper's release reads,
    /// and what projects before version 3 mean.
    Plain,
}

/// How the reference latents at the sampled timesteps are found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Inversion {
    /// 999 steps of one timestep each, as the release does.
    #[default]
    Exact,
    /// Only through the timesteps that are sampled: as many steps as the picture takes.
    Coarse,
}

/// Which of the training timesteps are sampled.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Spacing {
    /// Every ⌊T / S⌋-th from the first on, as the release does ("leading"). Where S does not divide T, the noisiest are left
    /// out: 251 steps of 1000 begin at timestep 751, with pure noise where a quarter of the signal belongs.
    #[default]
    Leading,
    /// Evenly over all, from the noisiest on ("trailing": Lin et al. 2023, arXiv 2305.08891, table 2).
    Even,
}

/// Timesteps that Stable Diffusion was trained with.
const TRAINED: u32 = 1000;

/// How many of the noisiest timesteps may be left out unnoticed.
const UNNOTICED: u32 = 50;

/// How the branches of one step are computed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Execution {
    /// All branches as one batch: faster.
    #[default]
    Lockstep,
    /// One branch after another: less memory.
    Sequential,
}

/// What a model predicts of a noisy latent z = √ᾱ x + √(1−ᾱ) ε. No shape in its files shows it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Prediction {
    /// What the model's files say; noise, where they say nothing.
    #[default]
    Model,
    /// The noise ε, as Stable Diffusion 1.5 does.
    Noise,
    /// The velocity v = √ᾱ ε − √(1−ᾱ) x.
    Velocity,
}

impl Prediction {
    /// As people say it; nothing where the model's files are to say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Model => "as the model says",
            Self::Noise => "noise (ε)",
            Self::Velocity => "velocity (v)",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::default(),
            steps: 50,
            guidance_scale: 7.5,
            layout_alignment: LayoutAlignment::default(),
            concept_injection: ConceptInjection::default(),
            mask_refinement: MaskRefinement::default(),
            prompt_reading: PromptReading::default(),
            inversion: Inversion::default(),
            spacing: Spacing::default(),
            execution: Execution::default(),
            prediction: Prediction::default(),
            clip_skip: 1,
        }
    }
}

impl Default for LayoutAlignment {
    fn default() -> Self {
        Self {
            enabled: true,
            end: 60.0,
            every: 1.0,
            weight: 10.0,
            alpha: 1.0,
            loss: LayoutLoss::default(),
            foreground_only: false,
        }
    }
}

impl Default for ConceptInjection {
    fn default() -> Self {
        Self { self_attention: true, cross_attention: true, fusion: Fusion::default() }
    }
}

impl Default for MaskRefinement {
    fn default() -> Self {
        Self {
            enabled: true,
            start: 50.0,
            end: 80.0,
            every: 5.0,
            clusters: ClusterCounts::default(),
            starts: 40,
            overlap_threshold: 0.0,
        }
    }
}

impl Settings {
    /// How many of the noisiest timesteps of 1000 are not sampled beyond what the distance of two steps leaves out, and the next
    /// higher number of steps that leaves out few; none where few are.
    pub fn left_out(&self) -> Option<(u32, u32)> {
        let left = |steps: u32| TRAINED - (TRAINED / steps.max(1)) * steps.min(TRAINED);
        let bad = self.spacing == Spacing::Leading && left(self.steps) > UNNOTICED;
        let next = (self.steps..=*Self::STEPS.end()).find(|steps| left(*steps) <= UNNOTICED);
        bad.then_some((left(self.steps), next?))
    }

    /// DDIM sampling steps; 999 is one for every timestep of the reference's inversion.
    pub const STEPS: RangeInclusive<u32> = 1..=999;
    /// 1 follows the prompt alone; above about 15, colours burn out.
    pub const GUIDANCE_SCALE: RangeInclusive<f32> = 0.0..=50.0;
    /// 1 is the text encoder's last layer.
    pub const CLIP_SKIP: RangeInclusive<u32> = 1..=12;

    /// Checks every number against its range.
    pub fn validate(&self) -> Result<(), ProjectError> {
        check("settings.steps", self.steps, &Self::STEPS)?;
        check("settings.guidance_scale", self.guidance_scale, &Self::GUIDANCE_SCALE)?;
        check("settings.clip_skip", self.clip_skip, &Self::CLIP_SKIP)?;
        self.layout_alignment.validate(&"settings.layout_alignment")?;
        self.mask_refinement.validate(&"settings.mask_refinement")
    }

    /// For each sampling step, whether the latent is aligned to the reference's layout there. Only Concept Conductor aligns.
    pub fn guided_steps(&self) -> Vec<bool> {
        let group = &self.layout_alignment;
        let marks = Marks { start: 0.0, end: group.end, every: group.every };
        marks.on_steps(self.steps, group.enabled && self.method.is_conductor())
    }

    /// For each sampling step, whether the masks are refined there. Only Concept Conductor refines.
    pub fn refined_steps(&self) -> Vec<bool> {
        let group = &self.mask_refinement;
        let marks = Marks { start: group.start, end: group.end, every: group.every };
        marks.on_steps(self.steps, group.enabled && self.method.is_conductor())
    }

    /// In how many steps masks are found before the picture begins: a third of all (10 of 30 in FreeFuse's script), and none
    /// where they are given.
    pub fn seeking_steps(&self) -> usize {
        if self.method == Method::FoundMasks { (self.steps as usize).div_ceil(3) } else { 0 }
    }
}

impl LayoutAlignment {
    /// λ; the release uses 10 for Stable Diffusion 1.5 and 40 for SDXL.
    pub const WEIGHT: RangeInclusive<f32> = 0.0..=1000.0;
    /// α; 0 aligns by the base branch alone.
    pub const ALPHA: RangeInclusive<f32> = 0.0..=100.0;

    fn validate(&self, place: &dyn Display) -> Result<(), ProjectError> {
        check(format!("{place}.end"), self.end, &STEP_RANGE)?;
        check(format!("{place}.every"), self.every, &EVERY_RANGE)?;
        check(format!("{place}.weight"), self.weight, &Self::WEIGHT)?;
        check(format!("{place}.alpha"), self.alpha, &Self::ALPHA)
    }
}

impl MaskRefinement {
    /// Random starts of each k-means.
    pub const STARTS: RangeInclusive<u32> = 1..=1000;
    /// Intersection over union.
    pub const OVERLAP_THRESHOLD: RangeInclusive<f32> = 0.0..=1.0;

    fn validate(&self, place: &dyn Display) -> Result<(), ProjectError> {
        check(format!("{place}.start"), self.start, &STEP_RANGE)?;
        check(format!("{place}.end"), self.end, &STEP_RANGE)?;
        check(format!("{place}.every"), self.every, &EVERY_RANGE)?;
        check(format!("{place}.starts"), self.starts, &Self::STARTS)?;
        let threshold = format!("{place}.overlap_threshold");
        check(threshold, self.overlap_threshold, &Self::OVERLAP_THRESHOLD)
    }
}

impl ClusterCounts {
    /// The numbers of clusters to try for `concepts` concepts.
    pub fn range(self, concepts: usize) -> RangeInclusive<usize> {
        match self {
            Self::Release => concepts + 1..=2 * concepts + 1,
            Self::Paper => concepts..=2 * concepts,
        }
    }
}

/// Marks start, start + every, … up to end, on the 200-step scale.
struct Marks {
    start: f32,
    end: f32,
    every: f32,
}

impl Marks {
    /// Which of `steps` sampling steps carry a mark; none when not enabled.
    fn on_steps(&self, steps: u32, enabled: bool) -> Vec<bool> {
        let mut marked = vec![false; steps as usize];
        // Settings from a half-typed form are not validated yet: the clamps keep the loop finite.
        let start = f64::from(self.start).max(0.0);
        let every = f64::from(self.every).max(0.01);
        let end = f64::from(self.end).min(f64::from(STEP_SCALE)) + 1e-4;
        if !enabled || self.start.is_nan() {
            return marked;
        }
        let scale = f64::from(steps) / f64::from(STEP_SCALE);
        // Multiplying rather than adding up: 0.1 added two thousand times would miss the end.
        for mark in (0u32..).map(|count| start + f64::from(count) * every).take_while(|mark| *mark <= end) {
            if let Some(step) = marked.get_mut((mark * scale).round() as usize) {
                *step = true;
            }
        }
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(steps: &[bool]) -> Vec<usize> {
        (0..steps.len()).filter(|step| steps[*step]).collect()
    }

    fn with_steps(steps: u32) -> Settings {
        Settings { steps, ..Settings::default() }
    }

    #[test]
    fn with_200_steps_the_paper_s_step_numbers_are_met_exactly() {
        let settings = with_steps(200);
        assert_eq!(marked(&settings.guided_steps()), (0..=60).collect::<Vec<_>>());
        assert_eq!(marked(&settings.refined_steps()), [50, 55, 60, 65, 70, 75, 80]);
    }

    #[test]
    fn with_fewer_steps_the_numbers_scale_and_fall_together() {
        assert_eq!(marked(&with_steps(50).guided_steps()), (0..=15).collect::<Vec<_>>());
        assert_eq!(marked(&with_steps(50).refined_steps()), [13, 14, 15, 16, 18, 19, 20]);
        assert_eq!(marked(&with_steps(20).refined_steps()), [5, 6, 7, 8]);
        assert_eq!(marked(&with_steps(1).guided_steps()), [0]);
    }

    #[test]
    fn only_concept_conductor_aligns_and_refines_and_only_others_are_written() {
        for method in Method::ALL {
            let settings = Settings { method, ..with_steps(50) };
            assert_eq!(settings.guided_steps().contains(&true), method.is_conductor());
            assert_eq!(settings.refined_steps().contains(&true), method.is_conductor());
            let text = ron::to_string(&settings).unwrap();
            assert_eq!(settings.seeking_steps(), if method == Method::FoundMasks { 17 } else { 0 });
            assert_eq!(text.contains("method"), !method.is_conductor(), "{text}");
            assert_eq!(ron::from_str::<Settings>(&text).unwrap(), settings);
        }
    }

    #[test]
    fn marks_beyond_the_last_step_are_dropped() {
        let mut settings = with_steps(10);
        settings.mask_refinement.start = 195.0;
        settings.mask_refinement.end = 200.0;
        let refined = settings.refined_steps();
        assert_eq!(refined.len(), 10);
        assert!(marked(&refined).is_empty());
    }

    #[test]
    fn fine_intervals_reach_their_end() {
        let mut settings = with_steps(999);
        settings.layout_alignment.end = 200.0;
        settings.layout_alignment.every = 0.1;
        assert!(settings.guided_steps().into_iter().all(|guided| guided));
    }

    #[test]
    fn a_group_that_is_off_or_ends_before_it_starts_marks_nothing() {
        let mut settings = with_steps(200);
        settings.layout_alignment.enabled = false;
        settings.mask_refinement.end = 40.0;
        assert!(marked(&settings.guided_steps()).is_empty());
        assert!(marked(&settings.refined_steps()).is_empty());
    }

    #[test]
    fn broken_numbers_neither_hang_nor_panic() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -1.0] {
            let mut settings = with_steps(200);
            settings.mask_refinement.start = broken;
            settings.mask_refinement.end = broken;
            settings.mask_refinement.every = broken;
            assert_eq!(settings.refined_steps().len(), 200);
            let error = settings.validate().unwrap_err().to_string();
            assert!(error.starts_with("settings.mask_refinement."), "{broken}: {error}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused_by_their_key() {
        let mut settings = with_steps(0);
        assert_eq!(settings.validate().unwrap_err().to_string(), "settings.steps is 0; use 1 to 999");
        settings.steps = 20;
        settings.mask_refinement.overlap_threshold = 1.1;
        let error = settings.validate().unwrap_err().to_string();
        assert!(error.starts_with("settings.mask_refinement.overlap_threshold is 1.1"), "{error}");
        assert!(Settings::default().validate().is_ok());
    }

    #[test]
    fn two_concepts_try_three_to_five_clusters_in_the_release_and_two_to_four_in_the_paper() {
        assert_eq!(ClusterCounts::Release.range(2), 3..=5);
        assert_eq!(ClusterCounts::Paper.range(2), 2..=4);
    }

    #[test]
    fn settings_left_out_of_a_file_have_their_defaults() {
        let settings: Settings = ron::from_str("(layout_alignment: (weight: 5))").unwrap();
        let mut expected = Settings::default();
        expected.layout_alignment.weight = 5.0;
        assert_eq!(settings, expected);
    }
}
