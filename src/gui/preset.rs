//! Which preset's values are the defaults. What a project came with is as good as a preset: an example that was tuned is not
//! one that somebody has changed.

use crate::project::{BaseModel, Preset, Project, Settings};
use crate::studio::Studio;

/// The settings that the project was opened with, where they are no preset's.
pub fn opened(studio: &Studio) -> Option<Settings> {
    let opened = &studio.document.history.first().project;
    Preset::matching(opened).is_none().then(|| opened.settings.clone())
}

/// The settings whose values are the defaults: a preset's where they are one's or have come near to one, or those that the
/// project was opened with where it was not brought to another preset since.
pub fn defaults(studio: &Studio) -> Settings {
    let now = studio.project();
    let opened =
        opened(studio).filter(|opened| Preset::matching(now).is_none() && nearest(opened) == nearest(&now.settings));
    opened.unwrap_or_else(|| base(now).settings(BaseModel::of(now)))
}

/// The preset that a project's settings are, or come nearest to: its values are their defaults.
pub fn base(project: &Project) -> Preset {
    Preset::matching(project).unwrap_or_else(|| nearest(&project.settings))
}

/// The preset that is as careful, whichever values the model wants for the rest.
fn nearest(settings: &Settings) -> Preset {
    let alike = |preset: &Preset| {
        let other = preset.settings(BaseModel::StableDiffusion);
        [
            settings.steps == other.steps,
            settings.inversion == other.inversion,
            settings.mask_refinement.starts == other.mask_refinement.starts,
        ]
        .into_iter()
        .filter(|alike| *alike)
        .count()
    };
    // Of equals the last is taken: Standard, where nothing says more.
    [Preset::Draft, Preset::Paper, Preset::Standard].into_iter().max_by_key(alike).unwrap_or(Preset::Standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_preset_that_was_changed() {
        for (preset, model) in Preset::ALL.into_iter().flat_map(|preset| BaseModel::ALL.map(|model| (preset, model))) {
            let model = (model == BaseModel::StableDiffusion).then(|| "models/sd15".into());
            let mut project = Project { model, ..Project::new() };
            preset.apply(&mut project);
            project.settings.guidance_scale = 3.0;
            project.settings.layout_alignment.weight = 1.0;
            assert_eq!(base(&project), preset);
        }
        let mut project = Project::new();
        Preset::Paper.apply(&mut project);
        project.settings.steps = 150;
        assert_eq!(base(&project), Preset::Paper);
        Preset::Standard.apply(&mut project);
        project.settings.steps = 37;
        assert_eq!(base(&project), Preset::Standard);
    }
}
