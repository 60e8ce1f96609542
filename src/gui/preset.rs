//! Which preset's values are the defaults.

use crate::project::{Preset, Settings};

/// The preset that settings are, or come nearest to: its values are their defaults.
pub fn base(settings: &Settings) -> Preset {
    let alike = |preset: &Preset| {
        let other = preset.settings();
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
    Preset::matching(settings).unwrap_or_else(|| {
        [Preset::Draft, Preset::Paper, Preset::Standard].into_iter().max_by_key(alike).unwrap_or(Preset::Standard)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_preset_that_was_changed() {
        for preset in Preset::ALL {
            let mut settings = preset.settings();
            settings.guidance_scale = 3.0;
            settings.layout_alignment.weight = 1.0;
            assert_eq!(base(&settings), preset);
        }
        let mut settings = Preset::Paper.settings();
        settings.steps = 150;
        assert_eq!(base(&settings), Preset::Paper);
        settings = Preset::Standard.settings();
        settings.steps = 37;
        assert_eq!(base(&settings), Preset::Standard);
    }
}
