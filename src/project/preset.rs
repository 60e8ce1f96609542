//! Three complete sets of settings to start from. Their numbers stand here and nowhere else.

use serde::{Deserialize, Serialize};

use super::settings::{Inversion, MaskRefinement, Settings};

/// A named set of settings, from quick to careful.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Preset {
    /// 20 steps and a coarse inversion: to see whether a composition works.
    Draft,
    /// 50 steps and a coarse inversion: for most pictures.
    Standard,
    /// 200 steps and the exact inversion, with the release's settings: what the paper's pictures
    /// were made with.
    Paper,
}

impl Preset {
    /// Every preset, quickest first.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Standard, Self::Paper];

    /// The name to show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Standard => "Standard",
            Self::Paper => "Paper",
        }
    }

    /// What it is, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Draft => "20 steps and a coarse inversion: to see whether a composition works",
            Self::Standard => "50 steps and a coarse inversion: for most pictures",
            Self::Paper => "200 steps and the exact inversion: what the paper's pictures were made with",
        }
    }

    /// The settings that this preset stands for, with the default way of running branches and of reading prompts. What is not named
    /// is the release's.
    pub fn settings(self) -> Settings {
        let release = Settings::default();
        match self {
            Self::Draft => Settings { steps: 20, inversion: Inversion::Coarse, ..release },
            Self::Standard => Settings { steps: 50, inversion: Inversion::Coarse, ..release },
            Self::Paper => {
                let mask_refinement = MaskRefinement { starts: 100, ..release.mask_refinement };
                Settings { steps: 200, inversion: Inversion::Exact, mask_refinement, ..Settings::default() }
            }
        }
    }

    /// Replaces all settings by the preset's, except `execution`, which depends on the machine's memory, `prompt_reading`,
    /// which belongs to how the prompts were written, `prediction` and `clip_skip`, which depend on the model, and `method`:
    /// none of them is about how carefully a picture is made.
    pub fn apply(self, settings: &mut Settings) {
        Self::take_over(settings, self.settings());
    }

    /// The same with any other settings in a preset's place.
    pub fn take_over(settings: &mut Settings, from: Settings) {
        let Settings { method, execution, prompt_reading, prediction, clip_skip, .. } = *settings;
        *settings = Settings { method, execution, prompt_reading, prediction, clip_skip, ..from };
    }

    /// The preset that these settings are, or None when something was changed; what [`Preset::apply`] leaves is not
    /// compared.
    pub fn matching(settings: &Settings) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| {
            let mut applied = settings.clone();
            preset.apply(&mut applied);
            applied == *settings
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Execution;
    use super::*;

    #[test]
    fn a_preset_that_was_applied_is_recognized_until_something_changes() {
        for preset in Preset::ALL {
            let mut settings = Settings { execution: Execution::Sequential, ..Settings::default() };
            preset.apply(&mut settings);
            assert_eq!(Preset::matching(&settings), Some(preset));
            assert_eq!(settings.execution, Execution::Sequential);
            assert!(settings.validate().is_ok());
            settings.guidance_scale += 1.0;
            assert_eq!(Preset::matching(&settings), None);
        }
    }

    #[test]
    fn the_paper_preset_takes_200_steps_and_inverts_exactly() {
        let settings = Preset::Paper.settings();
        assert_eq!((settings.steps, settings.inversion), (200, Inversion::Exact));
        // Whatever a search finds for the others, this one stays the paper's and its release's.
        let release = Settings::default();
        assert_eq!((settings.guidance_scale, release.guidance_scale), (7.5, 7.5));
        assert_eq!((&settings.layout_alignment, settings.layout_alignment.weight), (&release.layout_alignment, 10.0));
        let refinement = MaskRefinement { starts: 100, ..release.mask_refinement };
        assert_eq!((settings.mask_refinement, settings.concept_injection), (refinement, release.concept_injection));
    }

    #[test]
    fn a_preset_says_its_own_number_of_steps() {
        for preset in Preset::ALL {
            let steps = format!("{} steps", preset.settings().steps);
            assert!(preset.about().starts_with(&steps), "{}", preset.about());
        }
    }
}
