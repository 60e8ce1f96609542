//! Which part of the method lost a subject, and what to do about it: from the course of a render alone, in words.
//!
//! The paper names three ways in which a subject is lost: the layout is not followed (the latent was pulled too little, or too
//! far), its mask follows something else (it shrinks, strays, spreads, or another subject takes its place), and its words are
//! not heeded where its mask is. Each leaves its mark in numbers that every step has (`course.rs`). What cannot be mended any
//! more is told at its step ([`at_step`]), the rest when the last step is done ([`at_end`]), one finding for each subject: the
//! first thing that went wrong with it. A course in which nothing did has none.

use self::course::{Course, Pull, Seen};
use crate::link::{Finding, Part};

pub mod course;

/// A mask with less than this share of its place in the layout has shrunk away.
const SHRUNK: f32 = 0.2;
/// A mask with more cells than this many of its places in the layout is the ground behind it, not the subject.
const SPREAD: f32 = 4.0;
/// A mask that overlaps with its place in the layout less than this (IoU), of which it has less than [`LEFT`], is somewhere else.
const STRAYED: f32 = 0.1;
/// A place in the layout of which another subject has this share is taken, where its own has less than [`LEFT`] of it.
const TAKEN: f32 = 0.5;
/// What a subject must have of its place in the layout at least, where its mask is elsewhere or another is there.
const LEFT: f32 = 0.3;
/// The words of a concept that is drawn have at least this many times as much attention inside of its mask as outside.
const HEEDED: f32 = 1.05;
/// Aligned steps from which on the layout loss says something.
const ENOUGH: usize = 3;
/// A latent that was moved less than this share of its own length, over all aligned steps, and whose layout loss stays above
/// [`FOLLOWED`] of the first, was hardly moved. Measured on the example `beach`: as the example has it (λ = 20) it is moved by
/// 0.17 and the loss falls to 0.56 of the first; with λ = 3 by 0.04 and to 0.93, still a good picture; with λ = 0.5 by 0.007, the
/// loss rises by a tenth, as keys differ more the less noise there is, and both figures come out alike.
const HARDLY: f32 = 0.025;
/// See [`HARDLY`].
const FOLLOWED: f32 = 0.95;
/// A step that moves the latent by more than its own length leaves nothing of it (λ = 1000: by 2.3; with 200 by 0.47, which is
/// still well).
const TOO_FAR: f32 = 1.0;

// Settings as the window names them and, in brackets, as the command line does.
const ALIGN: &str = "turn Layout alignment on (layout_alignment.enabled)";
const RAISE_LAMBDA: &str = "raise Step size λ (layout_alignment.weight)";
const LOWER_LAMBDA: &str = "lower Step size λ (layout_alignment.weight)";
const LONGER: &str = "align until a later step (layout_alignment.end)";
const LATER: &str = "refine later, by First refined step (mask_refinement.start)";
const THRESHOLD: &str = "raise Overlap threshold (mask_refinement.overlap_threshold)";
const LARGER: &str = "make its layer or mask larger";

/// What the newest step did that cannot be mended any more: a mask that vanished, or that became too small to be drawn by
/// all layers. Each is told once for each subject.
pub fn at_step(course: &Course) -> Vec<Finding> {
    course.all().filter_map(|(picture, subject)| sudden(course, picture, subject)).collect()
}

fn sudden(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let mut steps = course.of(picture, subject).rev();
    let (step, now) = steps.next()?;
    let start = course.start.get(picture)?.get(subject)?;
    let name = course.subjects.get(subject)?;
    let before: Vec<&Seen> = steps.map(|(_, seen)| seen).collect();
    let finding = |happened: String, detail: String, cure: String| {
        Some(Finding { detail, ..of_masks(course, (picture, subject), step, happened, cure) })
    };
    if now.vanished && !before.iter().any(|seen| seen.vanished) {
        let happened = format!("the mask of {name} vanished, and the one before it was kept");
        return finding(happened, String::new(), format!("{}; or {LARGER}", cure(course)));
    }
    if now.lost && !before.iter().any(|seen| seen.lost) {
        let coarser = "which the coarser layers do not draw";
        if start.lost {
            let happened = format!("the mask of {name} is very small, {coarser}");
            return before.is_empty().then(|| finding(happened, cells(now.area), LARGER.to_owned())).flatten();
        }
        let happened = format!("the mask of {name} became very small, {coarser} any more");
        return finding(happened, became(start, now), format!("{LARGER}; or {}", cure(course)));
    }
    None
}

/// What the whole course shows, beside what was told at its steps.
pub fn at_end(course: &Course) -> Vec<Finding> {
    let mut all: Vec<Finding> = layout(course).into_iter().collect();
    for (picture, subject) in course.all() {
        // What was told of it already says what to do.
        if course.of(picture, subject).any(|(_, seen)| seen.vanished || seen.lost) {
            continue;
        }
        let found =
            [taken, shrunk, spread, strayed, unheeded].into_iter().find_map(|way| way(course, picture, subject));
        all.extend(found);
    }
    all
}

/// Whether layout alignment did what it is there for.
fn layout(course: &Course) -> Option<Finding> {
    let pulls = course.pulls();
    let finding = |step, happened: &str, detail: String, cure: String| {
        let happened = happened.to_owned();
        Some(Finding { part: Part::Layout, concept: None, picture: None, step, happened, detail, cure })
    };
    // What is no number any more is too far too.
    let far = pulls.iter().find(|pull| !(pull.moved <= TOO_FAR && pull.loss.is_finite()));
    if let Some(far) = far {
        let detail = format!("by {:.1} times its own length", far.moved);
        return finding(far.step, "layout alignment pulled the picture too far", detail, LOWER_LAMBDA.to_owned());
    }
    let (first, last) = (pulls.first()?, pulls.last()?);
    if pulls.len() < ENOUGH || is_followed(&pulls) {
        return None;
    }
    let detail = format!("its loss went from {:.2} to {:.2}", first.loss, last.loss);
    let cure = format!("{RAISE_LAMBDA}, or {LONGER}");
    finding(last.step, "layout alignment hardly moved the picture", detail, cure)
}

/// Whether the latent was moved towards the layout.
fn is_followed(pulls: &[Pull]) -> bool {
    let moved: f32 = pulls.iter().map(|pull| pull.moved).sum();
    let fell = matches!(pulls, [first, .., last] if last.loss < FOLLOWED * first.loss);
    moved >= HARDLY || fell
}

/// Its place in the layout is another subject's.
fn taken(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let start = course.start.get(picture)?.get(subject)?;
    let by_another = |seen: &Seen| {
        let before = |other| start.taken.filter(|(owner, _)| *owner == other).map_or(0.0, |(_, share)| share);
        seen.taken.is_some_and(|(other, share)| share - before(other) >= TAKEN) && seen.kept < LEFT
    };
    let (step, seen) = since(course, picture, subject, by_another)?;
    let (other, share) = seen.taken?;
    let (name, owner) = (course.subjects.get(subject)?, course.subjects.get(other)?);
    let happened = if name == owner {
        format!("one {name}'s mask took the place of the other")
    } else {
        format!("the mask of {owner} took the place of {name}")
    };
    let cure = format!("{}; or move their layers apart", cure(course));
    let detail = format!("{:.0} % of it", share * 100.0);
    Some(Finding { detail, ..of_masks(course, (picture, subject), step, happened, cure) })
}

/// Hardly anything is left of its mask.
fn shrunk(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let start = course.start.get(picture)?.get(subject)?;
    let (step, seen) = since(course, picture, subject, |seen| (seen.area as f32) < SHRUNK * start.area as f32)?;
    let happened = format!("the mask of {} shrank away", course.subjects.get(subject)?);
    let cure = format!("{}; or {LARGER}", cure(course));
    Some(Finding { detail: became(start, seen), ..of_masks(course, (picture, subject), step, happened, cure) })
}

/// Its mask is the ground behind it.
fn spread(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let start = course.start.get(picture)?.get(subject)?;
    // One alone loses nothing by it, and of a photo nothing changes but where it may.
    if course.start.get(picture)?.len() < 2 || course.means.places {
        return None;
    }
    let (step, seen) = since(course, picture, subject, |seen| seen.area as f32 > SPREAD * start.area as f32)?;
    let happened = format!("the mask of {} spread over what is around it", course.subjects.get(subject)?);
    let cure = format!("{THRESHOLD}, which keeps its rectangle; or {}", cure(course));
    Some(Finding { detail: became(start, seen), ..of_masks(course, (picture, subject), step, happened, cure) })
}

/// Its mask is somewhere else.
fn strayed(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let (step, seen) = since(course, picture, subject, |seen| seen.overlap < STRAYED && seen.kept < LEFT)?;
    let happened = format!("the mask of {} went away from its place in the layout", course.subjects.get(subject)?);
    let cure = format!("{}; or {THRESHOLD}, which keeps its rectangle", cure(course));
    let detail = format!("{:.0} % of both in common", seen.overlap * 100.0);
    Some(Finding { detail, ..of_masks(course, (picture, subject), step, happened, cure) })
}

/// Its words are looked at no more inside of its mask than outside.
fn unheeded(course: &Course, picture: usize, subject: usize) -> Option<Finding> {
    let mut looked = course.of(picture, subject).filter_map(|(step, seen)| Some((step, seen.attention?)));
    let (step, times) = looked.next_back().filter(|(_, times)| *times < HEEDED)?;
    let name = course.subjects.get(subject)?;
    let happened = format!("the words of {name} were not heeded where its mask is");
    let cure = format!("raise the strength of {name}; or weigh its word in the prompt, such as (word:1.3)");
    let detail = format!("{times:.2} times the attention outside of it");
    Some(Finding { part: Part::Attention, detail, ..of_masks(course, (picture, subject), step, happened, cure) })
}

/// From which step on something holds to the end; none where it does not hold at the end.
fn since(course: &Course, picture: usize, subject: usize, holds: impl Fn(&Seen) -> bool) -> Option<(usize, &Seen)> {
    course.of(picture, subject).rev().take_while(|(_, seen)| holds(seen)).last()
}

/// What brings a mask back to its subject: what lies before the masks comes first.
fn cure(course: &Course) -> String {
    let pulls = course.pulls();
    // A render that went on from a later step does not know.
    let followed = pulls.len() < ENOUGH || is_followed(&pulls);
    match (course.means.aligns, followed, course.means.refines) {
        (false, ..) => ALIGN.to_owned(),
        (true, false, _) => format!("{RAISE_LAMBDA}, or {LONGER}"),
        (true, true, true) => format!("{LATER}, or {RAISE_LAMBDA}"),
        (true, true, false) => RAISE_LAMBDA.to_owned(),
    }
}

fn of_masks(
    course: &Course,
    (picture, subject): (usize, usize),
    step: usize,
    happened: String,
    cure: String,
) -> Finding {
    Finding {
        part: Part::Masks,
        concept: course.subjects.get(subject).cloned(),
        picture: (course.start.len() > 1).then_some(picture),
        step,
        happened,
        detail: String::new(),
        cure,
    }
}

fn cells(area: usize) -> String {
    if area == 1 { "one cell of the latent".to_owned() } else { format!("{area} cells of the latent") }
}

fn became(before: &Seen, now: &Seen) -> String {
    format!("{} cells of the latent became {}", before.area, now.area)
}

#[cfg(test)]
mod tests;
