//! What a render finds to have gone wrong with a subject, on the miniature: said once, with the step and the cure, and the
//! same whoever watches.

use podium::link::{Finding, Part, Warning, Watch};
use podium::project::Project;

use crate::studio::{Told, engine, example, render, small};

/// What was told while it ran.
fn told(told: &Told) -> Vec<Finding> {
    let findings = told.warnings().into_iter().filter_map(|warning| match warning {
        Warning::Finding(finding) => Some(finding),
        _ => None,
    });
    findings.collect()
}

/// The beach, with a cat so small that the layers of the coarsest grid have no cell of it.
fn with_a_small_cat() -> Project {
    let mut project = small("beach", 4);
    project.layers_mut().expect("a collage")[0].scale /= 3.0;
    project
}

#[test]
fn a_mask_that_is_lost_is_told_once_and_watching_changes_neither_words_nor_picture() {
    let engine = engine();
    let project = with_a_small_cat();
    let unwatched = render(&engine, &project, Watch::default());
    let watched = render(&engine, &project, Watch::ALL);
    let (finished, found) = (unwatched.finished(), told(&unwatched));
    let cat: Vec<&Finding> = found.iter().filter(|finding| finding.concept.as_deref() == Some("mint cat")).collect();
    assert_eq!(cat.len(), 1, "{found:?}");
    assert_eq!((cat[0].part, cat[0].step, cat[0].picture), (Part::Masks, 0, None));
    let words = cat[0].to_string();
    assert!(
        words.starts_with("the mask of mint cat is very small, which the coarser layers do not draw at step 1 ("),
        "{words}"
    );
    assert!(words.ends_with("make its layer or mask larger"), "{words}");
    assert_eq!(finished.findings, found, "what was told is kept with the pictures");
    assert_eq!(told(&watched), found, "whoever watches is told the same");
    assert_eq!(watched.finished().pictures, finished.pictures);
}

#[test]
fn a_layout_that_is_hardly_followed_is_told_with_the_setting_that_helps() {
    let mut project = small("beach", 12);
    project.settings.layout_alignment.weight = 0.01;
    let told = render(&engine(), &project, Watch::default());
    let findings = &told.finished().findings;
    let of_layout: Vec<&Finding> = findings.iter().filter(|finding| finding.part == Part::Layout).collect();
    assert_eq!(of_layout.len(), 1, "{findings:?}");
    assert!(of_layout[0].to_string().contains("Step size λ (layout_alignment.weight)"), "{}", of_layout[0]);
}

#[test]
fn the_overlap_with_the_layout_is_whole_where_masks_are_not_refined() {
    let engine = engine();
    let mut project = small("beach", 4);
    project.pictures = 2;
    let overlaps = render(&engine, &project, Watch::default()).finished().overlaps.clone();
    assert_eq!(overlaps.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert!(overlaps.iter().flatten().all(|overlap| (0.0..1.0).contains(overlap)), "{overlaps:?}");
    project.settings.mask_refinement.enabled = false;
    project.pictures = 1;
    assert_eq!(render(&engine, &project, Watch::default()).finished().overlaps, [[1.0, 1.0]]);
}

/// Prints what is found in the example projects over some seeds, for whoever tunes the diagnosis: named by
/// `PODIUM_DIAGNOSE`, such as `beach=0,1,2`.
#[test]
fn findings_of_examples_are_listed_when_asked_for() {
    let Ok(wanted) = std::env::var("PODIUM_DIAGNOSE") else { return };
    let engine = engine();
    for named in wanted.split_whitespace() {
        let (name, seeds) = named.split_once('=').expect("name=seeds");
        for seed in seeds.split(',') {
            let project = Project { seed: seed.parse().expect("a seed"), ..example(name) };
            let finished = render(&engine, &project, Watch::default()).finished();
            println!("{name} {seed}: overlaps {:?}", finished.overlaps);
            finished.findings.iter().for_each(|finding| println!("    {finding}"));
        }
    }
}
