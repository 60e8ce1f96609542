//! The methods that Concept Conductor is compared with, from a project to a picture.

use podium::engine::cache::Cache;
use podium::engine::worker::Engine;
use podium::link::{Event, Stage, Warning, Watch};
use podium::project::settings::{Execution, Method};
use podium::project::{ConceptFile, Project};

use crate::studio::{Told, difference, engine, render, small};

fn with(method: Method) -> Project {
    let mut project = small("beach", 3);
    project.settings.method = method;
    project
}

fn stages(told: &Told, wanted: Stage) -> usize {
    told.events.iter().filter(|event| matches!(event, Event::Progress { stage, .. } if *stage == wanted)).count()
}

/// All files added up in one branch, without any masks.
fn sum() -> Project {
    let mut project = with(Method::ConceptConductor);
    project.settings.layout_alignment.enabled = false;
    project.prompt = "a <mint_cat_1> <mint_cat_2> and a <plum_dog_1> <plum_dog_2> on the beach".into();
    let styles = project.concepts.iter();
    let styles = styles.map(|concept| ConceptFile { strength: concept.strength, ..ConceptFile::new(&concept.file) });
    project.styles = styles.collect();
    project.concepts.clear();
    project.layers_mut().expect("a collage").iter_mut().for_each(|layer| layer.concept = None);
    project
}

#[test]
fn each_method_makes_a_picture_of_its_own_and_watching_changes_nothing() {
    let engine = engine();
    let mut pictures = vec![render(&engine, &sum(), Watch::default()).finished().pictures[0].clone()];
    for method in Method::ALL {
        let told = render(&engine, &with(method), Watch::default());
        let picture = told.finished().pictures[0].clone();
        for other in &pictures {
            assert!(difference(&picture, other) > 8, "{method:?} makes the picture of another");
        }
        // Only what follows a layout inverts one, and only what fuses fuses.
        assert_eq!(stages(&told, Stage::InvertingReference) > 0, method.is_conductor(), "{method:?}");
        let fuses = matches!(method, Method::MixOfShow | Method::ConstrainedMerge | Method::ResidualOnly);
        assert_eq!(stages(&told, Stage::Fusing) > 0, fuses, "{method:?}");
        assert_eq!(stages(&told, Stage::FindingMasks), with(method).settings.seeking_steps(), "{method:?}");
        // So few steps may well lose somebody; nothing else is to be said.
        let is_finding = |warning: &Warning| matches!(warning, Warning::Finding(_));
        assert!(told.warnings().iter().all(is_finding), "{method:?}: {:?}", told.warnings());
        assert_eq!(told.steps().iter().any(|step| step.loss.is_some()), method.is_conductor(), "{method:?}");
        if method != Method::MixOfShow {
            let watched = render(&engine, &with(method), Watch::ALL);
            assert_eq!(watched.finished().pictures[0], picture, "{method:?}");
            assert!(watched.steps().iter().all(|step| !step.attention.is_empty() && !step.masks.is_empty()));
        }
        pictures.push(picture);
    }
}

#[test]
fn other_methods_look_at_neither_layout_nor_order_of_branches_and_each_seed_is_its_own() {
    let engine = engine();
    for method in [Method::MaskedAdapters, Method::RegionalSampling, Method::ConstrainedMerge, Method::ResidualOnly] {
        let project = Project { pictures: 2, ..with(method) };
        let both = render(&engine, &project, Watch::default()).finished();
        let mut alone = Project { pictures: 1, seed: project.seed + 1, ..project };
        alone.settings.execution = Execution::Sequential;
        alone.settings.layout_alignment.weight = 500.0;
        let alone = render(&engine, &alone, Watch::default()).finished();
        assert!(difference(&both.pictures[1], &alone.pictures[0]) <= 1, "{method:?}");
    }
}

#[test]
fn fused_concepts_are_kept_for_the_next_render() {
    let folder = tempfile::tempdir().expect("temporary");
    let engine = Engine::start(Cache::new(folder.path(), 1 << 30), || ()).expect("a thread");
    let project = with(Method::MixOfShow);
    let first = render(&engine, &project, Watch::default());
    let again = render(&engine, &project, Watch::ALL);
    assert_eq!(first.finished().pictures, again.finished().pictures);
    assert!(stages(&first, Stage::Fusing) > 50 && stages(&again, Stage::Fusing) == 0);
    // Another strength is another model.
    let mut other = project;
    other.concepts[0].strength = 0.3;
    assert!(stages(&render(&engine, &other, Watch::default()), Stage::Fusing) > 50);
}

/// The project with its first figure somewhere else.
fn moved(project: &Project) -> Project {
    let mut moved = project.clone();
    let layers = moved.layers_mut().expect("a collage");
    let first = layers.iter_mut().find(|layer| layer.concept.is_some()).expect("a figure");
    first.x += 30.0;
    moved
}

#[test]
fn who_reads_the_layout_makes_another_picture_of_another_and_who_does_not_the_same() {
    let engine = engine();
    for (method, reads) in [
        (Method::MaskedAdapters, true),
        (Method::ResidualOnly, true),
        (Method::FoundMasks, false),
        (Method::ConstrainedMerge, false),
    ] {
        let project = with(method);
        let [here, there] = [&project, &moved(&project)]
            .map(|project| render(&engine, project, Watch::default()).finished().pictures[0].clone());
        assert_eq!(here != there, reads, "{method:?}");
    }
}

#[test]
fn found_masks_tile_each_picture_and_are_shown() {
    let engine = engine();
    let project = Project { pictures: 2, ..with(Method::FoundMasks) };
    let told = render(&engine, &project, Watch { masks: true, ..Watch::default() });
    let finished = told.finished();
    assert_eq!(finished.pictures.len(), 2);
    let steps = told.steps();
    for step in &steps {
        assert_eq!(step.masks.len(), 2);
        for masks in &step.masks {
            assert_eq!(masks.len(), 2);
            let (one, other) = (&masks[0].combined, &masks[1].combined);
            assert!(one.on.iter().zip(&other.on).all(|(one, other)| one != other), "no cell is both's or nobody's");
        }
    }
    assert!(steps.iter().all(|step| step.masks == steps[0].masks), "once for all steps");
}

#[test]
fn words_that_nobody_has_learnt_are_refused_where_the_method_knows_nothing_else() {
    let engine = engine();
    let mut project = with(Method::ResidualOnly);
    project.concepts[0].trigger = Some("tomcat".into());
    let told = render(&engine, &project, Watch::default());
    let words = told.failure();
    let name = &project.concepts[0].name;
    assert!(words.contains(name.as_str()) && words.contains("trigger words") && words.contains("ED-LoRA"), "{words}");
}

#[test]
fn two_concepts_of_one_file_and_one_class_word_can_be_told_apart() {
    let engine = engine();
    for method in [
        Method::MaskedAdapters,
        Method::FoundMasks,
        Method::RegionalSampling,
        Method::ConstrainedMerge,
        Method::ResidualOnly,
    ] {
        let mut project = with(method);
        project.prompt = "two toys on the beach".into();
        project.concepts[1].file = project.concepts[0].file.clone();
        for concept in &mut project.concepts {
            concept.class_word = "toy".into();
            concept.prompt = None;
        }
        let told = render(&engine, &project, Watch::default());
        assert_eq!(told.finished().pictures.len(), 1, "{method:?}");
    }
}
