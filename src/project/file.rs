//! Projects as files: RON, which people can read, write and keep in version control.

use std::path::Path;

use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::disk::write_atomically;
use super::error::ProjectError;
use super::files::read_file;
use super::{Project, VERSION, migration};

/// The ending of project files, without a dot.
pub const EXTENSION: &str = "ron";

/// The most bytes that a project file may have; a real one has a few thousand.
const MAX_BYTES: u64 = 16 << 20;

/// Opens a project and checks it. Its paths stay as written: relative ones start at the file's
/// folder (see [`super::resolve`]).
pub fn load(path: &Path) -> Result<Project, ProjectError> {
    let project = load_as_it_is(path)?;
    project.validate().map_err(|error| error.in_file(path))?;
    Ok(project)
}

/// Opens a project whose values may be out of their ranges: the studio saves what is half edited too, and says what
/// keeps it from being rendered.
///
/// # Errors
/// When the file cannot be read or understood.
pub fn load_as_it_is(path: &Path) -> Result<Project, ProjectError> {
    let bytes = read_file(path, MAX_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let advice = "choose a project file, whose name ends in .ron";
        ProjectError::read(path, "it is not text", advice)
    })?;
    from_str_as_it_is(&text).map_err(|error| error.in_file(path))
}

/// Saves a project, wholly or not at all; the old file stays until the new one is on the disk.
///
/// An invalid project can be saved too: nothing that somebody made may be lost for a number out of
/// range.
pub fn save(path: &Path, project: &Project) -> Result<(), ProjectError> {
    write_atomically(path, to_string(project)?.as_bytes())
}

/// The text of a project file.
pub fn to_string(project: &Project) -> Result<String, ProjectError> {
    let config = PrettyConfig::new().new_line("\n");
    let text = ron::ser::to_string_pretty(project, config)
        .map_err(|error| ProjectError::Unwritable { problem: error.to_string() })?;
    Ok(text + "\n")
}

/// Reads the text of a project file and checks it.
pub fn from_str(text: &str) -> Result<Project, ProjectError> {
    let project = from_str_as_it_is(text)?;
    project.validate()?;
    Ok(project)
}

/// Reads the text of a project file whose values may be out of their ranges (see [`load_as_it_is`]). One of an earlier
/// version becomes what it is today.
///
/// # Errors
/// When the text cannot be understood.
pub fn from_str_as_it_is(text: &str) -> Result<Project, ProjectError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // First of all, since a newer version may hold anything: its fields must not be called
    // mistakes.
    let version = stated_version(text);
    if let Some(found) = version.filter(|found| *found > u64::from(VERSION)) {
        return Err(ProjectError::TooNew { found, known: VERSION });
    }
    let mut project = match version {
        Some(1) => parse::<migration::version1::Project>(text)?.into(),
        Some(2) => parse::<migration::version2::Project>(text)?.into(),
        _ => parse::<Project>(text)?,
    };
    // Whoever writes a project by hand need not number its layers.
    project.number_layers(&mut 0);
    Ok(project)
}

pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ProjectError> {
    // People may leave out `Some(…)`.
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    options.from_str(text).map_err(|error| ProjectError::Syntax {
        line: error.span.start.line,
        column: error.span.start.col,
        problem: error.code.to_string(),
    })
}

/// The version that a project states, if that much can be read, whatever else is in it.
fn stated_version(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename = "Project")]
    struct Head {
        version: u64,
    }
    let head: Option<Head> = ron::from_str(text).ok();
    head.map(|head| head.version).or_else(|| first_version(text))
}

/// The number after a line's `version:`, for a text that today's RON cannot read to its end.
fn first_version(text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let line = line.trim_start().trim_start_matches('(').trim_start();
        let value = line.strip_prefix("version")?.trim_start().strip_prefix(':')?;
        let digits = value.trim_start();
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        digits.get(..end)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::example;
    use super::super::{Layer, MaskSource};
    use super::*;

    const SMALL: &str = r##"(
    version: 3,
    canvas: (width: 512, height: 512),
    layout: Collage(background: Color((255, 255, 255)), layers: [
        (picture: "cat.png", x: 10, y: 20, concept: "Tom"),
    ]),
    concepts: [(name: "Tom", file: "tom.pth", class_word: "cat", color: "#2DD4BF",
        mask: Points([(1, 2.5)]))],
    prompt: "a cat",
)"##;

    fn message(text: &str) -> String {
        from_str(text).unwrap_err().to_string()
    }

    #[test]
    fn a_project_survives_saving_and_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("beach.ron");
        save(&path, &example()).unwrap();
        assert_eq!(load(&path), Ok(example()));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("picture: \"pictures/cat.png\""), "{text}");
        assert!(text.contains("color: \"#2DD4BF\""), "{text}");
    }

    #[test]
    fn a_file_written_by_hand_needs_little() {
        let project = from_str(SMALL).unwrap();
        let mut layer = Layer::new("cat.png", 10.0, 20.0);
        layer.concept = Some("Tom".into());
        layer.id = 1;
        assert_eq!(project.layers(), [layer]);
        assert_eq!(project.concepts[0].mask, MaskSource::Points(vec![(1.0, 2.5)]));
        assert_eq!(project.concepts[0].strength, 0.7);
        assert_eq!(project.pictures, 1);
        assert_eq!(from_str(&format!("\u{feff}{SMALL}")), Ok(project));
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line() {
        let text = message(&SMALL.replace("prompt:", "promt:"));
        assert!(text.starts_with("line 9, column"), "{text}");
        assert!(text.contains("`promt`") && text.contains("`prompt`"), "{text}");
        let text = message(&SMALL.replace("layers:", "layer: 1, layers:"));
        assert!(text.contains("`layer`"), "{text}");
        let text = message(&SMALL.replace("y: 20", "y: 20, z: 3"));
        assert!(text.starts_with("line 5, column"), "{text}");
    }

    #[test]
    fn broken_texts_are_refused_with_a_place() {
        let cut = &SMALL[..100];
        let nested = "(".repeat(100_000);
        for text in ["", "   ", "hello", "(", cut, nested.as_str(), "{}", "[1, 2]"] {
            assert!(message(text).starts_with("line "), "{}", message(text));
        }
        let text = message(&SMALL.replace("512, height", "\"wide\", height"));
        assert!(text.starts_with("line 3, column"), "{text}");
        let text = message(&SMALL.replace("#2DD4BF", "teal"));
        assert!(text.contains("the colour \"teal\" is not understood"), "{text}");
    }

    #[test]
    fn a_newer_version_is_told_before_anything_else_is_wrong() {
        let newer = SMALL.replace("version: 3", "version: 7");
        let expected = ProjectError::TooNew { found: 7, known: VERSION };
        assert_eq!(from_str(&newer), Err(expected.clone()));
        let unknown = newer.replace("prompt:", "mood: Happy(a: [1, 2], b: {\"x\": 'c'}), promt:");
        assert_eq!(from_str(&unknown), Err(expected.clone()));
        let unreadable = newer.replace("prompt:", "prompt <=");
        assert_eq!(from_str(&unreadable), Err(expected));
    }

    #[test]
    fn a_value_out_of_range_is_refused_with_the_file_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("odd.ron");
        fs::write(&path, SMALL.replace("width: 512", "width: 500")).unwrap();
        let text = load(&path).unwrap_err().to_string();
        assert!(text.contains("odd.ron: canvas.width is 500; use a multiple of 64"), "{text}");
    }

    #[test]
    fn a_picture_or_a_folder_opened_as_a_project_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cat.png");
        fs::write(&path, [0x89, b'P', b'N', b'G', 0xff]).unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("it is not text"));
        assert!(load(folder.path()).unwrap_err().to_string().contains("it is a folder"));
    }

    #[test]
    fn an_invalid_project_can_be_saved_but_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nan.ron");
        let mut project = example();
        project.settings.guidance_scale = f32::NAN;
        save(&path, &project).unwrap();
        assert!(load(&path).unwrap_err().to_string().contains("settings.guidance_scale is NaN"));
    }

    /// Texts of projects of every version with some of their bytes changed, cut out or doubled.
    fn fuzz(until: impl Fn(usize) -> bool, mut dice: u64) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let names = ["projects-v1/everything.ron", "projects-v2/everything.ron", "projects-v3/everything.ron"];
        let texts = names.map(|name| fs::read_to_string(folder.join(name)).unwrap());
        let mut roll = |below: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as usize % below.max(1)
        };
        const PIECES: [&str; 12] =
            ["(", ")", "[", "]", ",", "\"", "Some(", "-1", "NaN", "1e999", "version: 2,", "prompt_reading: Plain,"];
        let mut done = 0;
        while until(done) {
            let mut bytes = texts[roll(3)].clone().into_bytes();
            for _ in 0..=roll(6) {
                let at = roll(bytes.len());
                let end = (at + roll(80)).min(bytes.len());
                let put = match roll(4) {
                    0 => Vec::new(),
                    1 => bytes[at..end].repeat(2),
                    2 => PIECES[roll(PIECES.len())].into(),
                    _ => vec![roll(256) as u8],
                };
                bytes.splice(at..end, put);
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(project) = from_str_as_it_is(&text) {
                // What can be read can be checked, warned of and written.
                let _checked = project.validate();
                project.warnings();
                project.class_word_spans(&project.prompt, &project.class_words());
                assert!(to_string(&project).is_ok(), "{text}");
            }
            done += 1;
        }
    }

    #[test]
    fn no_text_breaks_the_reader() {
        fuzz(|done| done < 2000, 1);
    }

    #[test]
    #[ignore = "takes twenty minutes"]
    fn no_text_breaks_the_reader_in_twenty_minutes() {
        let begun = std::time::Instant::now();
        fuzz(|_| begun.elapsed() < std::time::Duration::from_secs(20 * 60), std::process::id().into());
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_an_error_and_the_old_file_stays() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        save(&path, &example()).unwrap();
        let mut project = example();
        project.model = Some(std::ffi::OsStr::from_bytes(b"caf\xe9").into());
        let text = save(&path, &project).unwrap_err().to_string();
        assert!(text.contains("cannot be saved"), "{text}");
        assert_eq!(load(&path), Ok(example()));
    }
}
