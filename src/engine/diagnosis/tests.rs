use super::course::{Means, Pull, Step};
use super::*;

/// As everything should be: the mask follows its subject, which stands where the layout has it.
fn well() -> Seen {
    Seen { area: 100, overlap: 0.7, kept: 0.8, taken: Some((1, 0.1)), attention: None, ..Seen::default() }
}

/// A course of ten steps of one picture with two subjects, of which `change` changes the first one at each step.
fn course(change: impl Fn(usize, &mut Seen)) -> Course {
    let step = |index: usize| {
        let mut seen = vec![well(), Seen { taken: None, ..well() }];
        change(index, &mut seen[0]);
        let pull = (index < 5).then_some(Pull { step: index, loss: 1.0 - 0.1 * index as f32, moved: 0.03 });
        Step { index, pull, seen: vec![seen] }
    };
    Course {
        subjects: vec!["mint cat".into(), "plum dog".into()],
        means: Means { aligns: true, refines: true, places: false },
        start: vec![vec![Seen { overlap: 1.0, kept: 1.0, taken: None, ..well() }; 2]],
        steps: (0..10).map(step).collect(),
    }
}

/// Everything that is told of a course, in the order in which it is told.
fn told(course: &Course) -> Vec<Finding> {
    let so_far = |count| Course { steps: course.steps[..count].to_vec(), ..course.clone() };
    let mut all: Vec<Finding> = (1..=course.steps.len()).flat_map(|count| at_step(&so_far(count))).collect();
    all.extend(at_end(course));
    all
}

/// The only finding, as it is written.
fn only(course: &Course) -> String {
    let all = told(course);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].to_string()
}

/// A healthy course but for what layout alignment did: each step's loss, and by how much it moved the latents.
fn with_pulls(pulls: &[(f32, f32)]) -> Course {
    let mut course = course(|_, _| ());
    for (index, step) in course.steps.iter_mut().enumerate() {
        step.pull = pulls.get(index).map(|(loss, moved)| Pull { step: index, loss: *loss, moved: *moved });
    }
    course
}

#[test]
fn a_healthy_course_has_no_finding() {
    assert_eq!(told(&course(|_, _| ())), []);
    // Masks change while shapes form, and what was lost for a while and is back is no loss.
    let changing = |index: usize, seen: &mut Seen| {
        seen.attention = Some(1.4);
        if index == 4 {
            (seen.area, seen.overlap, seen.kept, seen.taken) = (10, 0.05, 0.05, Some((1, 0.9)));
        }
    };
    assert_eq!(told(&course(changing)), []);
    let nothing = Course { subjects: Vec::new(), start: vec![Vec::new()], steps: Vec::new(), ..course(|_, _| ()) };
    assert_eq!(told(&nothing), []);
}

#[test]
fn a_mask_that_vanished_is_told_once_at_its_step_with_the_cure() {
    let words = only(&course(|index, seen| seen.vanished = index >= 6));
    assert!(words.starts_with("the mask of mint cat vanished, and the one before it was kept at step 7: "), "{words}");
    for cure in ["First refined step (mask_refinement.start)", "Step size λ (layout_alignment.weight)"] {
        assert!(words.contains(cure), "{words}");
    }
    let finding = &told(&course(|index, seen| seen.vanished = index == 2))[0];
    assert_eq!((finding.part, finding.concept.as_deref(), finding.step), (Part::Masks, Some("mint cat"), 2));
    assert_eq!(finding.picture, None, "there is one picture");
}

#[test]
fn a_mask_that_some_layers_cannot_draw_is_told_once_and_by_when_it_became_so() {
    let became = course(|index, seen| {
        if index >= 3 {
            (seen.lost, seen.area) = (true, 4);
        }
    });
    let words = only(&became);
    let expected = "the mask of mint cat became very small, which the coarser layers do not draw any more at step 4 \
                    (100 cells of the latent became 4): make its layer or mask larger";
    assert!(words.starts_with(expected), "{words}");
    let mut always = course(|_, seen| (seen.lost, seen.area) = (true, 4));
    always.start[0][0].lost = true;
    let words = only(&always);
    assert!(words.contains("is very small, which the coarser layers do not draw at step 1 (4 cells"), "{words}");
    assert!(!words.contains("layout_alignment"), "{words}");
}

#[test]
fn the_place_of_one_that_another_took_is_told_with_both_names() {
    let words = only(&course(|index, seen| {
        if index >= 5 {
            (seen.kept, seen.taken) = (0.1, Some((1, 0.8)));
        }
    }));
    assert!(words.starts_with("the mask of plum dog took the place of mint cat at step 6 (80 % of it): "), "{words}");
    assert!(words.contains("move their layers apart"), "{words}");
    // Behind another layer from the beginning, as the collage has it.
    let mut behind = course(|_, seen| (seen.kept, seen.taken) = (0.2, Some((1, 0.8))));
    behind.start[0][0].taken = Some((1, 0.8));
    assert_eq!(told(&behind), []);
    let mut twins = course(|_, seen| (seen.kept, seen.taken) = (0.1, Some((1, 0.8))));
    twins.subjects = vec!["mint cat".into(); 2];
    assert!(only(&twins).starts_with("one mint cat's mask took the place of the other"));
}

#[test]
fn masks_that_shrink_spread_or_stray_are_told_apart() {
    let from = |step: usize, area: usize, overlap: f32| {
        course(move |index, seen| {
            if index >= step {
                (seen.area, seen.overlap, seen.kept) = (area, overlap, 0.2);
            }
        })
    };
    let shrunk = only(&from(7, 9, 0.09));
    assert!(
        shrunk.starts_with("the mask of mint cat shrank away at step 8 (100 cells of the latent became 9"),
        "{shrunk}"
    );
    let spread = only(&from(5, 450, 0.2));
    assert!(spread.starts_with("the mask of mint cat spread over what is around it at step 6"), "{spread}");
    assert!(spread.contains("Overlap threshold (mask_refinement.overlap_threshold)"), "{spread}");
    // One alone loses nothing by it, nor in a photo.
    let mut alone = from(5, 450, 0.2);
    alone.means.places = true;
    assert_eq!(told(&alone), []);
    alone.means.places = false;
    alone.start[0].pop();
    alone.steps.iter_mut().for_each(|step| step.seen[0].truncate(1));
    assert_eq!(told(&alone), []);
    let strayed = only(&from(6, 100, 0.04));
    let expected = "the mask of mint cat went away from its place in the layout at step 7 (4 % of both in common)";
    assert!(strayed.starts_with(expected), "{strayed}");
}

#[test]
fn words_that_are_not_heeded_are_the_attention_s_and_the_strength_is_the_cure() {
    let course = course(|index, seen| seen.attention = (index == 5).then_some(0.8));
    let found = told(&course);
    assert_eq!((found.len(), found[0].part, found[0].step), (1, Part::Attention, 5));
    let words = found[0].to_string();
    assert!(words.contains("(0.80 times the attention outside of it): raise the strength of mint cat"), "{words}");
}

#[test]
fn a_layout_that_hardly_moved_or_was_pulled_too_far_is_told_of_the_whole() {
    // Not pulled at all, the loss rises by itself.
    let hardly = only(&with_pulls(&[(1.0, 0.001), (1.02, 0.001), (1.1, 0.001), (1.2, 0.001)]));
    let expected = "layout alignment hardly moved the picture at step 4 (its loss went from 1.00 to 1.20): \
                    raise Step size λ (layout_alignment.weight), or align until a later step (layout_alignment.end)";
    assert_eq!(hardly, expected);
    // It may rise although it is pulled, where there are few steps; and a little may do.
    assert_eq!(told(&with_pulls(&[(1.0, 0.04), (1.1, 0.03), (1.3, 0.03)])), []);
    assert_eq!(told(&with_pulls(&[(1.0, 0.006), (0.97, 0.006), (0.93, 0.006)])), []);
    for pulls in [[(1.0, 2.3), (1.4, 0.3), (0.9, 0.1)], [(1.0, 1.1), (f32::NAN, 0.1), (1.0, 0.1)]] {
        let far = only(&with_pulls(&pulls));
        assert!(far.starts_with("layout alignment pulled the picture too far at step 1 (by "), "{far}");
        assert!(far.contains("lower Step size λ (layout_alignment.weight)"), "{far}");
    }
    let broken = only(&with_pulls(&[(1.0, 0.1), (0.9, f32::NAN), (f32::NAN, f32::NAN)]));
    assert!(broken.contains("too far at step 2"), "{broken}");
    // Two steps say nothing yet.
    assert_eq!(told(&with_pulls(&[(1.0, 0.001), (0.99, 0.001)])), []);
}

#[test]
fn the_cure_of_a_lost_mask_lies_where_it_was_lost() {
    let lost = |index: usize, seen: &mut Seen| seen.vanished = index >= 6;
    let mut off = course(lost);
    off.means.aligns = false;
    off.steps.iter_mut().for_each(|step| step.pull = None);
    assert!(only(&off).contains("turn Layout alignment on"), "{}", only(&off));
    let mut weak = course(lost);
    weak.steps.iter_mut().filter_map(|step| step.pull.as_mut()).for_each(|pull| (pull.loss, pull.moved) = (1.0, 0.001));
    let found = told(&weak);
    assert!(found[0].cure.starts_with(RAISE_LAMBDA) && found[0].cure.contains(LONGER), "{}", found[0]);
    assert_eq!(found[1].part, Part::Layout);
    // Where layout alignment has done its part, refinement is what to change.
    assert!(only(&course(lost)).contains(LATER));
}

#[test]
fn each_picture_of_a_batch_is_told_by_its_number() {
    let mut batch = course(|index, seen| seen.vanished = index >= 6);
    batch.start.push(batch.start[0].clone());
    for step in &mut batch.steps {
        let other = vec![well(), Seen { taken: None, ..well() }];
        step.seen.insert(0, other);
    }
    let words = only(&batch);
    assert!(words.contains(" at step 7 in picture 2: "), "{words}");
}
