//! People's own files as concepts: what a shipped ED-LoRA changes, written as other trainers write it, makes the picture
//! that the ED-LoRA makes without its tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use podium::engine::adapters::{self, AdapterFile, Change};
use podium::engine::worker::Engine;
use podium::link::Watch;
use podium::project::{ConceptFile, Project};
use safetensors::tensor::{Dtype, TensorView};

use crate::studio::{difference, engine, render, small};

/// What a shipped concept changes.
fn shipped(name: &str) -> AdapterFile {
    let asset = format!("miniature/concepts/{name}.safetensors");
    let folder = tempfile::tempdir().expect("temporary");
    let path = folder.path().join("concept.pth");
    std::fs::write(&path, podium::assets::find(&asset).expect("built in")).expect("written");
    adapters::read(&path).expect("an ED-LoRA")
}

/// Writes a file's low-rank changes as kohya's trainer does: names without dots, alpha a tensor. Ranks are what `rank`
/// makes of them, filled with zeros, and alpha is `scale` times the rank.
fn write_kohya(path: &Path, file: &AdapterFile, scale: f32, rank: impl Fn(usize, usize) -> usize) {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
    let parts = [("lora_unet_", &file.unet), ("lora_te_", &file.text_encoder)];
    let changes = parts.into_iter().flat_map(|(prefix, changes)| changes.iter().map(move |change| (prefix, change)));
    for (index, (prefix, (module, change))) in changes.enumerate() {
        let Change::LowRank { down, mid: None, up, scale: 1.0 } = change else { panic!("{module}: {change:?}") };
        let (old, input, output) = (down.shape[0], down.shape[1], up.shape[0]);
        let new = rank(index, old);
        let mut wide = vec![0.0; output * new];
        for (wide, row) in wide.chunks_exact_mut(new).zip(up.values.chunks_exact(old)) {
            wide[..old].copy_from_slice(row);
        }
        let mut tall = down.values.clone();
        tall.resize(new * input, 0.0);
        let flat = format!("{prefix}{}", module.replace('.', "_"));
        tensors.insert(format!("{flat}.lora_down.weight"), (vec![new, input], tall));
        tensors.insert(format!("{flat}.lora_up.weight"), (vec![output, new], wide));
        tensors.insert(format!("{flat}.alpha"), (vec![], vec![scale * new as f32]));
    }
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("as many as the shape says"))
    });
    let metadata = [
        ("ss_network_module", "networks.lora"),
        ("ss_base_model_version", "sd_v1"),
        ("ss_tag_frequency", r#"{"10_cat": {"tomcat": 12, "beach": 3}}"#),
    ];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    safetensors::serialize_to_file(views, Some(metadata), path).expect("written");
}

fn picture(engine: &Engine, project: &Project) -> image::RgbImage {
    render(engine, project, Watch::default()).finished().pictures[0].clone()
}

#[test]
fn a_kohya_file_makes_the_picture_of_the_ed_lora_without_its_tokens() {
    let (engine, folder) = (engine(), tempfile::tempdir().expect("temporary"));
    let mut project = small("beach", 2);
    let names: Vec<String> = project
        .concepts
        .iter()
        .map(|concept| concept.file.file_stem().expect("a file").to_string_lossy().into_owned())
        .collect();
    // Both are called by the same word, so that only their own branches tell them apart.
    for concept in &mut project.concepts {
        concept.trigger = Some("animal".into());
    }
    let expected = picture(&engine, &project);

    let write = |name: &str, scale: f32, rank: fn(usize, usize) -> usize| -> Vec<PathBuf> {
        let write = |(index, concept): (usize, &String)| {
            // One name for both files: nothing may go by it.
            let place = folder.path().join(format!("{name}-{index}"));
            std::fs::create_dir_all(&place).expect("a folder");
            write_kohya(&place.join("pet.safetensors"), &shipped(concept), scale, rank);
            place.join("pet.safetensors")
        };
        names.iter().enumerate().map(write).collect()
    };
    let with = |files: &[PathBuf], factor: f32| {
        let mut project = project.clone();
        for (concept, file) in project.concepts.iter_mut().zip(files) {
            concept.file = file.clone();
            concept.strength *= factor;
        }
        picture(&engine, &project)
    };
    let as_it_is = write("as it is", 1.0, |_, rank| rank);
    assert!(difference(&with(&as_it_is, 1.0), &expected) <= 1, "alpha is the rank");
    let half = write("half", 0.5, |index, rank| rank + index % 3);
    assert!(difference(&with(&half, 2.0), &expected) <= 1, "half of alpha at twice the strength, ranks layer by layer");
    assert!(difference(&with(&half, 1.0), &expected) > 1, "half of alpha is half as strong");
    let swapped = [as_it_is[1].clone(), as_it_is[0].clone()];
    assert!(difference(&with(&swapped, 1.0), &expected) > 1, "each file acts on its own subject");
}

#[test]
fn a_style_acts_on_the_base_and_two_halves_of_a_file_are_the_whole() {
    let (engine, folder) = (engine(), tempfile::tempdir().expect("temporary"));
    let path = folder.path().join("style.safetensors");
    write_kohya(&path, &shipped("lime_robot"), 1.0, |_, rank| rank);
    let mut project = small("beach", 2);
    let plain = picture(&engine, &project);
    project.styles = vec![ConceptFile { strength: 0.8, ..ConceptFile::new(&path) }];
    let styled = picture(&engine, &project);
    assert!(difference(&plain, &styled) > 8, "the style changes the picture");
    let half = ConceptFile { strength: 0.4, ..ConceptFile::new(&path) };
    project.styles = vec![half.clone(), half];
    assert!(difference(&picture(&engine, &project), &styled) <= 1);
    project.styles[0].strength = -0.4;
    assert!(difference(&picture(&engine, &project), &plain) <= 1, "strengths below 0 take back");
}

#[cfg(feature = "gui")]
#[test]
fn a_lora_is_dropped_on_a_layer_called_by_its_own_word_and_rendered() {
    use eframe::egui::Theme;
    use eframe::egui::accesskit::Role;
    use egui_kittest::kittest::Queryable;
    use podium::studio::Target;

    use crate::looks::{same_in_both_themes, settle, until, window};

    let folder = tempfile::tempdir().expect("temporary");
    let path = folder.path().join("tom.safetensors");
    write_kohya(&path, &shipped("mint_cat"), 1.0, |_, rank| rank);
    // A collage without concepts, as a person begins it.
    let mut project = small("beach", 4);
    project.concepts.clear();
    project.layers_mut().expect("layers").iter_mut().for_each(|layer| layer.concept = None);
    let mut window = window(project, [1280.0, 800.0], Theme::Dark);
    let cat = window.state().studio.project().layers().iter().find(|layer| layer.title().contains("cat"));
    let cat = cat.expect("a cat's cutout").id;
    // As a drop on that layer does.
    window.state_mut().studio.take_in(path.clone(), Target::Anywhere { at: None, layer: Some(cat) });
    until(&mut window, "the concept", |podium| {
        podium.studio.project().concepts.iter().any(|concept| concept.file == path)
    });
    settle(&mut window);
    let concept = |podium: &podium::gui::Podium| {
        podium.studio.project().concepts.iter().find(|concept| concept.file == path).cloned().expect("loaded")
    };
    let name = concept(window.state()).name;
    assert_eq!(
        window
            .state()
            .studio
            .project()
            .layers()
            .iter()
            .find(|layer| layer.id == cat)
            .and_then(|layer| layer.concept.as_ref()),
        Some(&name)
    );
    assert_eq!((concept(window.state()).strength, concept(window.state()).trigger), (1.0, None));
    window.get_by_label(&format!("{name} is called tomcat")).click();
    settle(&mut window);
    assert_eq!(concept(window.state()).trigger.as_deref(), Some("tomcat"));
    same_in_both_themes(&mut window, "lora");

    window.state_mut().studio.edit("Its own prompt", |project| {
        project.prompt = "a cat and a dog on the beach".into();
        if let Some(concept) = project.concepts.iter_mut().find(|concept| concept.file == path) {
            concept.class_word = "cat".into();
        }
    });
    settle(&mut window);
    window.get_by_role_and_label(Role::Button, "Render").click();
    until(&mut window, "the picture", |podium| {
        podium.studio.renders.runs.shown().is_some_and(|run| run.finished().is_some())
    });
    let run = window.state().studio.renders.runs.shown().expect("a run").clone();
    assert!(run.notes.iter().all(|note| !note.words.contains(&name)), "{:?}", run.notes);
    assert_eq!(run.finished().expect("finished").pictures.len(), 1);
}
