//! Three complete sets of settings to start from.

use serde::{Deserialize, Serialize};

use super::settings::{Inversion, Settings};

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

    /// The settings that this preset stands for, with the default way of running branches and of reading prompts.
    pub fn settings(self) -> Settings {
        let (steps, inversion) = match self {
            Self::Draft => (20, Inversion::Coarse),
            Self::Standard => (50, Inversion::Coarse),
            Self::Paper => (200, Inversion::Exact),
        };
        let mut settings = Settings { steps, inversion, ..Settings::default() };
        if self == Self::Paper {
            settings.mask_refinement.starts = 100;
        }
        settings
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
    }
}
