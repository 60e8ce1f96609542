//! Trainings as files, `concept.ron`: RON, as projects are. In the file, paths below its folder start there; in memory
//! they are absolute.

use std::path::Path;

use ron::ser::PrettyConfig;

use super::super::disk::write_atomically;
use super::super::error::ProjectError;
use super::super::file::parse;
use super::super::files::read_file;
use super::Training;

/// The most bytes that the file of a training may have.
const MAX_BYTES: u64 = 16 << 20;

/// Opens a training. Its values may be out of their ranges: what is half edited is kept too (see
/// [`Training::validate`]).
///
/// # Errors
/// When the file cannot be read or understood.
pub fn load(path: &Path) -> Result<Training, ProjectError> {
    let bytes = read_file(path, MAX_BYTES)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| ProjectError::read(path, "it is not text", "choose a training, whose name ends in .ron"))?;
    from_str(&text).map_err(|error| error.in_file(path))?.with_absolute_paths(folder(path))
}

/// Saves a training, wholly or not at all.
///
/// # Errors
/// When the file cannot be written, or a path cannot be written down.
pub fn save(path: &Path, training: &Training) -> Result<(), ProjectError> {
    write_atomically(path, to_string(&training.with_relative_paths(folder(path)))?.as_bytes())
}

/// The text of a training.
///
/// # Errors
/// When a path is not valid Unicode.
pub fn to_string(training: &Training) -> Result<String, ProjectError> {
    let text = ron::ser::to_string_pretty(training, PrettyConfig::new().new_line("\n"))
        .map_err(|error| ProjectError::Unwritable { problem: error.to_string() })?;
    Ok(text + "\n")
}

/// Reads the text of a training; its paths stay as written.
///
/// # Errors
/// With line and column, when it cannot be understood.
pub fn from_str(text: &str) -> Result<Training, ProjectError> {
    parse(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::super::Photo;
    use super::*;

    #[test]
    fn a_training_survives_saving_and_opening_and_its_folder_can_be_moved() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        std::fs::create_dir(&here).unwrap();
        let mut training = Training::new("mint cat", "cat");
        let mask = Some(here.join("photos/1.mask.png"));
        training.photos.push(Photo { mask, ..Photo::new(here.join("photos/1.png")) });
        training.photos.push(Photo::new("/elsewhere/2.png".into()));
        save(&here.join("concept.ron"), &training).unwrap();
        assert_eq!(load(&here.join("concept.ron")).unwrap(), training);
        let text = std::fs::read_to_string(here.join("concept.ron")).unwrap();
        assert!(text.contains("picture: \"photos/1.png\"") && text.contains("\"/elsewhere/2.png\""), "{text}");
        std::fs::rename(&here, &there).unwrap();
        let moved = load(&there.join("concept.ron")).unwrap();
        assert_eq!(moved.photos[0].picture, there.join("photos/1.png"));
        assert_eq!(moved.photos[1], training.photos[1]);
    }

    #[test]
    fn a_file_written_by_hand_needs_little_and_a_mistake_is_said_with_its_place() {
        let text = r#"(name: "tom", class_word: "cat", photos: [(picture: "1.png", caption: "<TOK>")],
            tokens: [(word: "<tom_1>", start: "<rand-0.013>"), (word: "<tom_2>", start: "cat")],
            settings: (steps: 20, size: 128))"#;
        let training = from_str(text).unwrap();
        assert_eq!((training.settings.steps, training.settings.size), (20, Some(128)));
        assert_eq!(training.settings.batch, Training::new("a", "b").settings.batch);
        // What was written before there was this setting means the paper's.
        assert_eq!(training.settings.full_at, 1.0);
        assert_eq!(training.validate(), Ok(()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("concept.ron");
        std::fs::write(&path, text.replace("steps: 20", "stepz: 20")).unwrap();
        let said = load(&path).unwrap_err().to_string();
        assert!(said.contains("concept.ron: line 3") && said.contains("stepz"), "{said}");
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("is not text"));
        assert!(load(&folder.path().join("none.ron")).unwrap_err().to_string().contains("no such file"));
    }
}
