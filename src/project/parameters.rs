//! The line of parameters that AUTOMATIC1111's WebUI writes into pictures, which galleries and
//! viewers show.
//!
//! The WebUI's `Model hash` is the beginning of a file's SHA-256, which takes a while of several gigabytes, and by which sites
//! look models up. Podium's hashes are others ([`super::hash`]), so they stand under names of their own.

use std::fmt::Write;
use std::path::PathBuf;

use super::files::name_of;
use super::{Canvas, Project};

/// The `parameters` text of a picture: prompt, negative prompt, and one line of `Name: value`
/// pairs.
pub(super) fn parameters(project: &Project, canvas: Canvas, seed: u64) -> String {
    let settings = &project.settings;
    let mut text = project.prompt.trim().to_owned();
    if !project.negative_prompt.trim().is_empty() {
        text.push_str("\nNegative prompt: ");
        text.push_str(project.negative_prompt.trim());
    }
    let model = match &project.model {
        Some(folder) => name_of(folder),
        None => "miniature".to_owned(),
    };
    let _infallible = write!(
        text,
        "\nSteps: {}, Sampler: DDIM, CFG scale: {}, Seed: {seed}, Size: {}x{}, Model: {}",
        settings.steps,
        settings.guidance_scale,
        canvas.width,
        canvas.height,
        quoted(&model),
    );
    let hash = |path: &PathBuf| Some(project.hashes.get(path)?.short());
    if let Some(hash) = project.model.as_ref().and_then(hash) {
        text.push_str(", Podium model hash: ");
        text.push_str(&quoted(&hash));
    }
    let concepts: Vec<String> =
        project.concepts.iter().map(|concept| format!("{}: {}", concept.name, concept.strength)).collect();
    if !concepts.is_empty() {
        text.push_str(", Concepts: ");
        text.push_str(&quoted(&concepts.join(", ")));
    }
    let hashes: Vec<String> = (project.concepts.iter())
        .flat_map(|concept| {
            concept.files().into_iter().filter_map(move |file| Some(format!("{}: {}", concept.name, hash(&file.file)?)))
        })
        .collect();
    if !hashes.is_empty() {
        text.push_str(", Podium concept hashes: ");
        text.push_str(&quoted(&hashes.join(", ")));
    }
    text.push_str(concat!(", Version: Podium ", env!("CARGO_PKG_VERSION")));
    text
}

/// The WebUI quotes a value as JSON does when it holds what separates values.
fn quoted(value: &str) -> String {
    match value.contains([',', ':', '\n', '"']) {
        true => serde_json::Value::from(value).to_string(),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ConceptFile;
    use super::super::hash::Known;
    use super::super::tests::example;
    use super::*;

    #[test]
    fn the_text_reads_as_the_web_ui_writes_it() {
        let mut project = example();
        project.model = Some("/models/sd-v1.5".into());
        let canvas = Canvas { width: 512, height: 768 };
        let expected = concat!(
            "Two cats and a \"dog\"\non the beach\n",
            "Negative prompt: blurry\n",
            "Steps: 50, Sampler: DDIM, CFG scale: 7.5, Seed: 43, Size: 512x768, Model: sd-v1.5, ",
            "Concepts: \"Tom: 0.9, Rex: 0.7\", Version: Podium ",
            env!("CARGO_PKG_VERSION"),
        );
        assert_eq!(parameters(&project, canvas, 43), expected);
    }

    #[test]
    fn hashes_of_model_and_concepts_stand_under_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["sd.ckpt", "tom.pth", "fur.pt"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let mut project = Project { model: Some("sd.ckpt".into()), ..example() };
        project.concepts[0].file = "tom.pth".into();
        project.concepts[0].more = vec![ConceptFile::new("fur.pt")];
        let project = project.with_hashes(folder.path(), &Known::default());
        let short = |name: &str| project.hashes.get(name.as_ref()).unwrap().short();
        let text = parameters(&project, project.canvas, 0);
        let model = format!("Model: sd.ckpt, Podium model hash: {}, Concepts: ", short("sd.ckpt"));
        assert!(short("sd.ckpt").starts_with("blake3 ") && text.contains(&model), "{text}");
        let concepts = format!("Podium concept hashes: \"Tom: {}, Tom: {}\", Ver", short("tom.pth"), short("fur.pt"));
        assert!(text.contains(&concepts), "{text}");
    }

    #[test]
    fn without_negative_prompt_and_concepts_their_parts_are_left_out() {
        let project = Project { prompt: "a beach".into(), ..Project::new() };
        let text = parameters(&project, project.canvas, 0);
        assert!(text.starts_with("a beach\nSteps: 50, "), "{text}");
        assert!(text.contains("Model: miniature, Version: Podium"), "{text}");
    }
}
