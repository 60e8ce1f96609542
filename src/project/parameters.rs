//! The line of parameters that AUTOMATIC1111's WebUI writes into pictures, which galleries and
//! viewers show.

use std::fmt::Write;

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
        Some(folder) => folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned(),
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
    let concepts: Vec<String> =
        project.concepts.iter().map(|concept| format!("{}: {}", concept.name, concept.strength)).collect();
    if !concepts.is_empty() {
        text.push_str(", Concepts: ");
        text.push_str(&quoted(&concepts.join(", ")));
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
    fn without_negative_prompt_and_concepts_their_parts_are_left_out() {
        let project = Project { prompt: "a beach".into(), ..Project::new() };
        let text = parameters(&project, project.canvas, 0);
        assert!(text.starts_with("a beach\nSteps: 50, "), "{text}");
        assert!(text.contains("Model: miniature, Version: Podium"), "{text}");
    }
}
