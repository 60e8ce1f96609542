//! The methods that are compared: each a change of the project that a suite composes.

use crate::project::{PlaceBackground, Settings};

/// Whose settings and prompts a method begins with, and how many branches it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Concept Conductor with the suite's settings.
    Suite,
    /// Concept Conductor with the settings, strengths and prompts of the paper and its release; the number of steps and how
    /// the reference is inverted are the suite's, so that all methods cost alike.
    Release,
    /// One branch that all concepts' files act on, each concept called by its own tokens; no layout.
    Sum,
    /// The base model and its words alone; no concept and no layout.
    Base,
    /// One branch whose one prompt names each concept in the place of its class word; the suite's masks where the method reads
    /// any, no layout.
    OnePrompt,
    /// One branch, with a prompt of its own for each concept in the box of its mask; no layout.
    Regions,
}

/// Which table of the report a method stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Methods beside one another (Table 1).
    Methods,
    /// What a part of the method is worth (Table 2).
    Ablations,
}

/// A method.
#[derive(Debug, PartialEq)]
pub struct Method {
    /// As suites and `--methods` name it.
    pub name: &'static str,
    /// As the report names it.
    pub title: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What it begins with.
    pub shape: Shape,
    /// What it changes, as `--set` does.
    pub changes: &'static [(&'static str, &'static str)],
    /// What of a photo stands outside of what may change, where concepts are placed into one; none where that is what
    /// `podium place` has there.
    pub background: Option<PlaceBackground>,
    /// Where it stands.
    pub table: Table,
}

/// The method that all others are compared with.
pub const FULL: &str = "conductor";

const CONDUCTOR: &str = "Yao et al. 2024, arXiv 2408.03632";

/// All methods, in the order of the report.
pub const METHODS: [Method; 18] = [
    Method {
        name: FULL,
        title: "Concept Conductor",
        about: "layout alignment, concept injection and mask refinement with the suite's settings",
        source: CONDUCTOR,
        shape: Shape::Suite,
        changes: &[],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "release",
        title: "Concept Conductor, release",
        about: "the release's settings: guidance 7.5, alignment weight 10 until step 60 of 200, strength 0.7, its rule for prompts",
        source: "the authors' release",
        shape: Shape::Release,
        changes: &[],
        background: Some(PlaceBackground::Noised),
        table: Table::Methods,
    },
    Method {
        name: "paper",
        title: "Concept Conductor, paper",
        about: "as the release, with the paper's numbers where it differs: N to 2N clusters, the 2-norm of Eq. 1",
        source: CONDUCTOR,
        shape: Shape::Release,
        changes: &[("mask_refinement.clusters", "Paper"), ("layout_alignment.loss", "Norm")],
        background: Some(PlaceBackground::Inverted),
        table: Table::Methods,
    },
    Method {
        name: "noise_fusion",
        title: "Noise fusion (Eq. 3)",
        about: "the branches' predicted noises are blended by the masks, and not their features",
        source: CONDUCTOR,
        shape: Shape::Suite,
        changes: &[("concept_injection.fusion", "Noise")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "lora_sum",
        title: "LoRA sum",
        about: "all concepts' files added up in one pass, without layout, injection or masks",
        source: "the plain sum of adapters, such as kohya's and diffusers' programs form it",
        shape: Shape::Sum,
        changes: &[("layout_alignment.enabled", "false"), ("mask_refinement.enabled", "false")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "base",
        title: "Base model alone",
        about: "no concept and no layout: what the words alone give, the floor of all scores",
        source: "the base model",
        shape: Shape::Base,
        changes: &[("layout_alignment.enabled", "false"), ("mask_refinement.enabled", "false")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "masked_adapters",
        title: "FreeFuse, given masks, same adapters",
        about: "one pass with one prompt; what each concept's file adds counts only inside its mask, which is the layout's",
        source: "Liu et al. 2025, arXiv 2510.23515, second phase; a variant: the masks are given",
        shape: Shape::OnePrompt,
        changes: &[("method", "MaskedAdapters")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "regional_sampling",
        title: "Regional sampling, sum of adapters",
        about: "one pass with all files added up; each concept's own prompt is attended to in the box of its mask",
        source: "Gu et al. 2023, arXiv 2305.18292 (Mix-of-Show), without gradient fusion",
        shape: Shape::Regions,
        changes: &[("method", "RegionalSampling")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "mix_of_show",
        title: "Mix-of-Show, same adapters",
        about: "all files fused into one model by their gradients; each concept's own prompt in the box of its mask",
        source: "Gu et al. 2023, arXiv 2305.18292; the suite's strengths and sampler",
        shape: Shape::Regions,
        changes: &[("method", "MixOfShow")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "found_masks",
        title: "FreeFuse, found masks, same adapters",
        about: "as with given masks, but the masks are found in a first third of the steps; the layout is not read",
        source: "Liu et al. 2025, arXiv 2510.23515; its script for SDXL brought to the model's size",
        shape: Shape::OnePrompt,
        changes: &[("method", "FoundMasks")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "constrained_merge",
        title: "Constrained merge, same adapters",
        about: "keys and values of cross-attention merged in closed form, all other layers as they are; no layout",
        source: "the merge of Custom Diffusion (Kumari et al. 2022, arXiv 2212.04488), with 200 captions of ours; not Custom Diffusion",
        shape: Shape::OnePrompt,
        changes: &[("method", "ConstrainedMerge")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "residual_only",
        title: "Residual only, same adapters",
        about: "the plain UNet; what each concept's words are more than its class word, heeded in the box of its mask; steps made twice",
        source: "the guidance of Cones 2 (Liu et al. 2023, arXiv 2305.19327), residuals from the same files; not Cones 2",
        shape: Shape::OnePrompt,
        changes: &[("method", "ResidualOnly")],
        background: None,
        table: Table::Methods,
    },
    Method {
        name: "no_alignment",
        title: "without layout alignment",
        about: "the latent is not pulled towards the reference's layout",
        source: "ablation, Table 2 of the paper",
        shape: Shape::Suite,
        changes: &[("layout_alignment.enabled", "false")],
        background: None,
        table: Table::Ablations,
    },
    Method {
        name: "no_self_attention",
        title: "without self-attention features",
        about: "only cross-attention features are injected",
        source: "ablation, Table 2 of the paper",
        shape: Shape::Suite,
        changes: &[("concept_injection.self_attention", "false")],
        background: None,
        table: Table::Ablations,
    },
    Method {
        name: "no_cross_attention",
        title: "without cross-attention features",
        about: "only self-attention features are injected",
        source: "ablation, Table 2 of the paper",
        shape: Shape::Suite,
        changes: &[("concept_injection.cross_attention", "false")],
        background: None,
        table: Table::Ablations,
    },
    Method {
        name: "no_refinement",
        title: "without mask refinement",
        about: "the masks stay as the layout has them",
        source: "ablation, Table 2 of the paper",
        shape: Shape::Suite,
        changes: &[("mask_refinement.enabled", "false")],
        background: None,
        table: Table::Ablations,
    },
    Method {
        name: "noised_photo",
        title: "Concept Conductor, noised photo",
        about: "placed as the release does: outside of what may change stands the photo with the run's own noise",
        source: "the authors' release",
        shape: Shape::Suite,
        changes: &[],
        background: Some(PlaceBackground::Noised),
        table: Table::Methods,
    },
    Method {
        name: "inverted_photo",
        title: "Concept Conductor, inverted photo",
        about: "placed as the paper says: outside of what may change stands the photo's inversion, its noise not made even",
        source: CONDUCTOR,
        shape: Shape::Suite,
        changes: &[],
        background: Some(PlaceBackground::Inverted),
        table: Table::Methods,
    },
];

/// The method of that name.
pub fn method(name: &str) -> Option<&'static Method> {
    const { &METHODS }.iter().find(|method| method.name == name)
}

impl Method {
    /// Whether it can place concepts into a photo: where that may change follows the concepts' layers, and a method without
    /// concepts has none.
    pub fn places(&self) -> bool {
        !matches!(self.shape, Shape::Sum | Shape::Base)
    }

    /// Whether it differs from the full method only in what becomes of a photo.
    pub fn only_places(&self) -> bool {
        self.shape == Shape::Suite && self.changes.is_empty() && self.background.is_some()
    }

    /// What it changes, as it is typed; `places` has what it changes where concepts are placed into a photo too.
    pub fn changed(&self, places: bool) -> Vec<String> {
        let settings = self.changes.iter().map(|(key, value)| format!("{key}={value}"));
        let background = self.background.iter().filter(|_| places);
        settings.chain(background.map(|background| format!("place.background={background:?}"))).collect()
    }

    /// The settings that it renders with, from the suite's.
    ///
    /// # Errors
    /// In words, should a setting have been renamed.
    pub fn settings(&self, suite: &Settings) -> Result<Settings, String> {
        let mut settings = suite.clone();
        if self.shape == Shape::Release {
            let release = Settings::default();
            settings.guidance_scale = release.guidance_scale;
            settings.layout_alignment = release.layout_alignment;
            settings.concept_injection = release.concept_injection;
            settings.mask_refinement = release.mask_refinement;
        }
        for (key, value) in self.changes {
            settings.set(key, value).map_err(|error| format!("the method {}: {error}", self.name))?;
        }
        Ok(settings)
    }
}
