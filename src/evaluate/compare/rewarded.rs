//! ImageReward of a project's pictures, where somebody has its file.

use std::path::Path;

use image::RgbImage;

use crate::engine::encoders::reward;
pub use crate::engine::encoders::reward::Reward;
use crate::project::Project;
use crate::project::settings::PromptReading;
use crate::project::syntax::{self, Part};

/// The score of a picture with its project's prompt.
///
/// # Errors
/// In words, when no number comes out.
pub fn rewarded(reward: &Reward, picture: &RgbImage, project: &Project) -> Result<f64, String> {
    reward.score(picture, &plain(project)).map_err(|error| error.to_string())
}

/// Whether a file, or the one in a folder, can be used, by all but its numbers.
///
/// # Errors
/// In words, why not.
pub fn check(path: &Path) -> Result<(), String> {
    reward::check(path).map_err(|error| error.to_string())
}

/// The words of the base prompt, without the signs that weigh them.
fn plain(project: &Project) -> String {
    if project.settings.prompt_reading == PromptReading::Plain {
        return project.prompt.clone();
    }
    let parts = syntax::parse(&project.prompt, &[]).parts;
    let words = parts.iter().filter_map(|part| match part {
        Part::Words(words) => Some(words.text.trim()),
        Part::Break => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_scored_without_their_weights_where_these_are_none() {
        let mut project = Project::new();
        project.prompt = "a (cat:1.3) BREAK on a beach".into();
        assert_eq!(plain(&project), "a cat on a beach");
        project.settings.prompt_reading = PromptReading::Plain;
        assert_eq!(plain(&project), "a (cat:1.3) BREAK on a beach");
    }

    #[test]
    fn a_file_is_checked_and_a_picture_scored_with_its_project_s_words() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders/reward");
        assert_eq!(check(&folder), Ok(()));
        assert!(check(&folder.join("vocab.txt")).is_err());
        let reward = Reward::open(&folder, crate::link::DeviceChoice::Flex).unwrap();
        let picture = RgbImage::from_fn(40, 40, |x, y| image::Rgb([(x * 6) as u8, (y * 6) as u8, 90]));
        let mut project = Project::new();
        let mut score = |prompt: &str| {
            project.prompt = prompt.into();
            rewarded(&reward, &picture, &project).unwrap()
        };
        assert_eq!(score("a (cat:1.3)"), score("a cat"));
        assert!((score("a cat") - score("two toys in the snow")).abs() > 1e-3);
    }
}
