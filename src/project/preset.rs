//! Three complete sets of settings to start from. Their numbers stand here and nowhere else. They depend on the model: what a
//! search finds to be best on one need not suit another.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Project;
use super::settings::{Inversion, LayoutAlignment, MaskRefinement, Settings};

/// The kind of model that a preset's values are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BaseModel {
    /// The built-in one, on which values can be searched.
    Miniature,
    /// Any other: the values are the release's.
    StableDiffusion,
}

impl BaseModel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Miniature, Self::StableDiffusion];

    /// That of a project.
    pub fn of(project: &Project) -> Self {
        if project.model.is_none() { Self::Miniature } else { Self::StableDiffusion }
    }
}

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

    /// The name to show, and to write: `podium render --preset draft`.
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

    /// Where its values come from, in a line.
    pub fn origin(self, base: BaseModel) -> &'static str {
        match (self, base) {
            (Self::Paper, _) => "The values of the paper and its release",
            (_, BaseModel::Miniature) => {
                "Guidance, alignment and refinement as the built-in miniature wants them (docs/evaluation)"
            }
            (_, BaseModel::StableDiffusion) => "Guidance, alignment and refinement are the release's",
        }
    }

    /// The settings that this preset stands for on such a model, with the default way of running branches and of reading
    /// prompts. What is not named is the release's.
    pub fn settings(self, base: BaseModel) -> Settings {
        let release = Settings::default();
        let own = match base {
            // A draft has them too: it is to tell what the careful picture will be.
            BaseModel::Miniature => Settings {
                guidance_scale: 4.5,
                layout_alignment: LayoutAlignment { weight: 20.0, ..release.layout_alignment },
                mask_refinement: MaskRefinement { overlap_threshold: 0.5, ..release.mask_refinement },
                ..release.clone()
            },
            BaseModel::StableDiffusion => release.clone(),
        };
        match self {
            Self::Draft => Settings { steps: 20, inversion: Inversion::Coarse, ..own },
            Self::Standard => Settings { steps: 50, inversion: Inversion::Coarse, ..own },
            Self::Paper => {
                let mask_refinement = MaskRefinement { starts: 100, ..release.mask_refinement };
                Settings { steps: 200, inversion: Inversion::Exact, mask_refinement, ..release }
            }
        }
    }

    /// Replaces all settings by the preset's for the project's model, except `execution`, which depends on the machine's memory,
    /// `prompt_reading`, which belongs to how the prompts were written, `prediction` and `clip_skip`, which depend on the model,
    /// and `method`: none of them is about how carefully a picture is made.
    pub fn apply(self, project: &mut Project) {
        let settings = self.settings(BaseModel::of(project));
        Self::take_over(&mut project.settings, settings);
    }

    /// The same with any other settings in a preset's place.
    pub fn take_over(settings: &mut Settings, from: Settings) {
        let Settings { method, execution, prompt_reading, prediction, clip_skip, .. } = *settings;
        *settings = Settings { method, execution, prompt_reading, prediction, clip_skip, ..from };
    }

    /// The preset that a project's settings are, or None when something was changed; what [`Preset::apply`] leaves is not
    /// compared.
    pub fn matching(project: &Project) -> Option<Self> {
        let base = BaseModel::of(project);
        Self::ALL.into_iter().find(|preset| Self::are(&project.settings, preset.settings(base)))
    }

    /// Whether settings are others', but for what no preset is about.
    pub fn are(settings: &Settings, others: Settings) -> bool {
        let mut applied = settings.clone();
        Self::take_over(&mut applied, others);
        applied == *settings
    }

    /// Gives a project another model; None is the built-in miniature. Settings that are a preset's become that preset's for the
    /// new one: they are what somebody asked for by its name. Any others stay as they are.
    pub fn follow_model(project: &mut Project, model: Option<PathBuf>) {
        let preset = Self::matching(project);
        project.model = model;
        if let Some(preset) = preset {
            preset.apply(project);
        }
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|preset| preset.name().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            let names = Self::ALL.map(|preset| preset.name().to_lowercase());
            format!("there is no preset {text}; there are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::Execution;
    use super::*;

    fn project(base: BaseModel) -> Project {
        let model = (base == BaseModel::StableDiffusion).then(|| PathBuf::from("models/sd15"));
        Project { model, ..Project::new() }
    }

    #[test]
    fn a_preset_that_was_applied_is_recognized_until_something_changes() {
        for (preset, base) in Preset::ALL.into_iter().flat_map(|preset| BaseModel::ALL.map(|base| (preset, base))) {
            let mut project = project(base);
            project.settings.execution = Execution::Sequential;
            preset.apply(&mut project);
            assert_eq!(Preset::matching(&project), Some(preset));
            assert_eq!(project.settings.execution, Execution::Sequential);
            assert!(project.settings.validate().is_ok());
            project.settings.guidance_scale += 1.0;
            assert_eq!(Preset::matching(&project), None);
        }
    }

    #[test]
    fn settings_are_others_whatever_the_method() {
        let tuned = Settings { guidance_scale: 4.5, ..Settings::default() };
        let mut settings = tuned.clone();
        (settings.method, settings.clip_skip) = (super::super::settings::Method::MixOfShow, 2);
        assert!(Preset::are(&settings, tuned.clone()));
        settings.steps += 1;
        assert!(!Preset::are(&settings, tuned.clone()));
    }

    #[test]
    fn the_paper_preset_takes_200_steps_and_inverts_exactly_on_any_model() {
        for base in BaseModel::ALL {
            let settings = Preset::Paper.settings(base);
            assert_eq!((settings.steps, settings.inversion), (200, Inversion::Exact));
            // Whatever a search finds for the others, this one stays the paper's and its release's.
            let release = Settings::default();
            assert_eq!((settings.guidance_scale, release.guidance_scale), (7.5, 7.5));
            assert_eq!(
                (&settings.layout_alignment, settings.layout_alignment.weight),
                (&release.layout_alignment, 10.0)
            );
            let refinement = MaskRefinement { starts: 100, ..release.mask_refinement };
            assert_eq!((settings.mask_refinement, settings.concept_injection), (refinement, release.concept_injection));
        }
    }

    #[test]
    fn on_other_models_than_the_built_in_one_the_values_are_the_release_s() {
        for (preset, steps) in [(Preset::Draft, 20), (Preset::Standard, 50)] {
            let release = Settings { steps, inversion: Inversion::Coarse, ..Settings::default() };
            assert_eq!(preset.settings(BaseModel::StableDiffusion), release);
            assert_ne!(preset.settings(BaseModel::Miniature), release);
        }
    }

    #[test]
    fn another_model_takes_its_own_values_of_the_preset_and_leaves_what_was_changed() {
        let mut project = project(BaseModel::Miniature);
        Preset::Draft.apply(&mut project);
        let own = project.settings.clone();
        Preset::follow_model(&mut project, Some("models/sd15".into()));
        assert_eq!(project.settings, Preset::Draft.settings(BaseModel::StableDiffusion));
        Preset::follow_model(&mut project, None);
        assert_eq!(project.settings, own);
        project.settings.steps = 33;
        let changed = project.settings.clone();
        Preset::follow_model(&mut project, Some("models/sd15".into()));
        assert_eq!((&project.settings, project.model.is_some()), (&changed, true));
    }

    #[test]
    fn a_preset_says_its_own_number_of_steps_and_is_found_by_its_name() {
        for preset in Preset::ALL {
            for base in BaseModel::ALL {
                let steps = format!("{} steps", preset.settings(base).steps);
                assert!(preset.about().starts_with(&steps), "{}", preset.about());
            }
            assert_eq!(preset.name().to_lowercase().parse(), Ok(preset));
        }
        assert!("quick".parse::<Preset>().unwrap_err().contains("draft, standard, paper"));
    }
}
