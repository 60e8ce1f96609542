use std::path::{Path, PathBuf};

use super::*;
use crate::project::settings::{ClusterCounts, Execution, Fusion, Inversion, LayoutLoss};
use crate::project::{Background, MaskSource, PlaceBackground, ProjectError, file, png_text};

fn data(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/projects-v{version}"))
}

/// The frozen files of one version are what they were when they were frozen, as that version and as today's.
#[test]
fn projects_of_version_1_are_read_as_what_they_are_today() {
    for name in ["beach", "meadow", "point", "snow", "everything"] {
        let name = format!("{name}.ron");
        let old = std::fs::read_to_string(data(1).join(&name)).unwrap();
        assert!(old.contains("version: 1,") && !old.contains("id:"), "{name} was changed; it is frozen");
        let project = file::load(&data(1).join(&name)).unwrap();
        assert_eq!(project.version, VERSION, "{name}");
        let ids: Vec<u32> = project.layers().iter().map(|layer| layer.id).collect();
        assert_eq!(ids, (1..=ids.len() as u32).collect::<Vec<_>>(), "{name}");
        // Written out in full, so that a default that changes later cannot change what old files mean.
        assert_eq!(project, file::load(&data(2).join(&name)).unwrap(), "{name}");
    }
}

/// The frozen files of version 2 mean the plain reading, whatever their prompts hold, and are today's files of version 3.
#[test]
fn projects_of_version_2_read_their_prompts_as_they_stand() {
    for name in ["beach", "meadow", "point", "snow", "everything"] {
        let name = format!("{name}.ron");
        let old = std::fs::read_to_string(data(2).join(&name)).unwrap();
        assert!(old.contains("version: 2,") && !old.contains("prompt_reading"), "{name} was changed; it is frozen");
        let project = file::from_str(&old).unwrap();
        assert_eq!((project.version, project.settings.prompt_reading), (VERSION, PromptReading::Plain), "{name}");
        assert_eq!(project, file::load(&data(3).join(&name)).unwrap(), "{name}");
    }
    let prompt = "a (cat:1.3) BREAK <lora:x:1>";
    let text =
        format!("(version: 2, canvas: (width: 64, height: 64), layout: Picture(\"a.png\"), prompt: \"{prompt}\")");
    let project = file::from_str(&text).unwrap();
    assert_eq!((project.prompt.as_str(), project.settings.prompt_reading), (prompt, PromptReading::Plain));
    // A file of today that says nothing of it reads as new projects do.
    let today = file::from_str(&text.replace("version: 2", "version: 3")).unwrap();
    assert_eq!(today.settings.prompt_reading, PromptReading::Weighted);
    let mixed = text.replace("prompt:", "settings: (prompt_reading: Weighted), prompt:");
    assert!(file::from_str(&mixed).unwrap_err().to_string().contains("`prompt_reading`"));
}

#[test]
fn every_field_of_version_1_arrives() {
    let project = file::load(&data(1).join("everything.ron")).unwrap();
    assert_eq!((project.canvas.width, project.canvas.height), (320, 192));
    assert_eq!(project.model.as_deref(), Some(Path::new("models/sd15")));
    assert_eq!(project.prompt, "a cat, a \"dog\" and a bear\non the beach");
    assert_eq!(project.reference_prompt.as_deref(), Some("a collage"));
    assert_eq!((project.negative_prompt.as_str(), project.seed), ("blurry", 12_345_678_901_234_567_890));
    assert_eq!(project.pictures, 4);
    let place = project.place.as_ref().unwrap();
    assert_eq!((&place.photo, &place.edit_mask), (&"photo.jpg".into(), &"mask.png".into()));
    assert_eq!(place.background, PlaceBackground::Inverted);

    let Layout::Collage { background, layers } = &project.layout else { panic!("no collage") };
    assert_eq!(*background, Background::Color([12, 34, 56]));
    let mut cat = Layer::new("pictures/cat.png", 10.5, -20.25);
    (cat.id, cat.name, cat.scale, cat.rotation, cat.flip) = (1, "far cat".into(), 0.5, -12.5, true);
    (cat.opacity, cat.visible, cat.locked, cat.group) = (0.75, false, true, Some(3));
    cat.concept = Some("Tom".into());
    let mut dog = Layer::new("assets:cutouts/brown_dog.png", 100.0, 90.0);
    (dog.id, dog.group) = (2, Some(3));
    assert_eq!(*layers, [cat, dog]);

    let [tom, rex, ann] = &project.concepts[..] else { panic!("{} concepts", project.concepts.len()) };
    assert_eq!((tom.name.as_str(), tom.class_word.as_str(), tom.strength), ("Tom", "cat", 0.9));
    assert_eq!((&tom.file, tom.color.to_string().as_str()), (&"concepts/tom.pth".into(), "#2DD4BF"));
    assert_eq!(tom.mask, MaskSource::Files(vec!["masks/one.png".into(), "masks/two.png".into()]));
    assert_eq!(tom.prompt.as_deref(), Some("a <TOK> on a wall"));
    assert_eq!(rex.mask, MaskSource::Points(vec![(12.0, 34.5), (56.0, 78.0)]));
    assert_eq!((ann.mask.clone(), ann.strength, &ann.prompt), (MaskSource::Layers, 0.7, &None));

    let settings = &project.settings;
    assert_eq!((settings.steps, settings.guidance_scale), (33, 6.25));
    let alignment = &settings.layout_alignment;
    assert_eq!((alignment.enabled, alignment.end, alignment.every), (false, 70.0, 4.0));
    assert_eq!((alignment.weight, alignment.alpha), (21.5, 0.25));
    assert_eq!((alignment.loss, alignment.foreground_only), (LayoutLoss::Norm, true));
    let injection = &settings.concept_injection;
    assert_eq!((injection.self_attention, injection.cross_attention), (false, false));
    assert_eq!(injection.fusion, Fusion::Noise);
    let refinement = &settings.mask_refinement;
    assert_eq!((refinement.enabled, refinement.start, refinement.end), (false, 40.0, 90.0));
    assert_eq!((refinement.every, refinement.starts, refinement.overlap_threshold), (7.0, 12, 0.3));
    assert_eq!(refinement.clusters, ClusterCounts::Paper);
    assert_eq!((settings.inversion, settings.execution), (Inversion::Coarse, Execution::Sequential));
}

#[test]
fn a_picture_that_version_1_wrote_opens_as_its_project() {
    let project = png_text::read_project(&data(1).join("picture.png")).unwrap().unwrap();
    assert_eq!((project.version, project.seed, project.prompt.as_str()), (VERSION, 26, "a cat on the beach"));
    assert_eq!((project.layers()[0].id, project.layers()[0].flip), (1, true));
    assert_eq!(project.validate(), Ok(()));
}

#[test]
fn what_version_1_did_not_have_is_a_mistake_in_it_and_its_other_mistakes_are_named() {
    let text = std::fs::read_to_string(data(1).join("beach.ron")).unwrap();
    let message = |text: &str| file::from_str(text).unwrap_err().to_string();
    assert!(message(&text.replace("x: 82.0", "id: 4, x: 82.0")).contains("`id`"));
    let wrong = message(&text.replace("prompt:", "promt:"));
    assert!(wrong.starts_with("line ") && wrong.contains("`promt`"), "{wrong}");
    assert!(message(&text.replace("width: 256", "width: 250")).contains("canvas.width is 250"));
}

#[test]
fn a_picture_for_a_layout_is_kept() {
    let text = "(version: 1, canvas: (width: 64, height: 64), layout: Picture(\"a.png\"), prompt: \"\")";
    assert_eq!(file::from_str(text).unwrap().layout, Layout::Picture("a.png".into()));
}

#[test]
fn a_version_that_is_not_known_yet_says_what_to_do() {
    let text = std::fs::read_to_string(data(2).join("beach.ron")).unwrap();
    let newer = text.replace("version: 2", "version: 4");
    assert_eq!(file::from_str(&newer), Err(ProjectError::TooNew { found: 4, known: 3 }));
    assert!(file::from_str(&newer).unwrap_err().to_string().contains("update Podium"));
}
