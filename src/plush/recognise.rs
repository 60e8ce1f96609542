//! What "recognised" and "right" mean, here and wherever pictures of the Plush World are judged.
//!
//! A subject is **recognised** at a mask when
//! - it is present: more than a quarter of the mask has its body's colour ([`PRESENT`](super::score::PRESENT)),
//! - its identity there is at least [`IDENTITY`], and
//! - no other concept of its kind has as much identity there: so look-alikes, whose bodies count for each other, are told
//!   apart by belly, ear, collar and mark.
//!
//! A picture is **right** when every asked subject is recognised at its mask, none has more than [`LEAKAGE`] of another's body
//! or details that another asked subject's explain better by [`BORROWED`], and outside all masks at most [`OUTSIDE`] more of
//! the pixels have any asked body's colour than the scene itself has: no subject too many, none beside its place. (The room's
//! rug has the coral bear's colour: 15 % of the picture.)
//!
//! A picture without masks is searched for the subject first ([`sight`]); it is recognised there if it fits its own drawing
//! by at least [`FIT`] too.
//!
//! The thresholds come from drawn pictures with known faults: `assets/miniature/README.md` has the table, which `fault_tests.rs`
//! measures.

use image::{GrayImage, RgbImage};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::draw::bare;
use super::find::{Found, find};
use super::hue::Hues;
use super::looks::{CONCEPTS, Concept, Look};
use super::scene::Setting;
use super::score::{LayerScore, Unscorable, inside, score, share};

/// The least identity of a recognised subject.
pub const IDENTITY: f64 = 0.5;

/// The most that a subject of a right picture has of another's body.
pub const LEAKAGE: f64 = 0.1;

/// From how much on another's details explain a subject better than its own.
pub const BORROWED: f64 = 0.07;

/// The most that a right picture has of asked bodies outside the masks, beyond what its scene has.
pub const OUTSIDE: f64 = 0.03;

/// How well a subject that was searched for must fit its own drawing.
pub const FIT: f64 = 0.4;

/// What is said of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether it is recognised.
    pub recognised: bool,
    /// Its scores.
    pub score: LayerScore,
    /// The other concept of its kind that has the most identity there, and how much.
    pub rival: Option<(&'static str, f64)>,
}

/// What is said of a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// Whether all is as it was asked for.
    pub right: bool,
    /// One for each asked subject, in their order.
    pub subjects: Vec<Verdict>,
    /// Share of the pixels outside all masks that have any asked subject's body colour.
    pub outside: f64,
    /// The same of the asked scene itself, without anybody.
    pub scenery: f64,
}

/// What a picture was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who.
    pub concepts: &'a [Concept],
    /// Where each of them: more than 127 is inside.
    pub masks: &'a [GrayImage],
    /// In which scene; [`Setting::in_words`] reads it from a prompt. Without one nothing is known of the scene's own colours.
    pub setting: Option<Setting>,
}

/// Judges a picture by what was asked for.
///
/// # Errors
/// Masks of another number or size.
pub fn judge(picture: &RgbImage, asked: Asked<'_>) -> Result<Judgement, Unscorable> {
    let looks: Vec<Look> = asked.concepts.iter().map(|concept| concept.look).collect();
    let all = score(picture, &looks, asked.masks)?;
    let hues = Hues::of(picture);
    let subject = |((concept, mask), score): ((&Concept, &GrayImage), &LayerScore)| {
        verdict(&hues, concept, &inside(mask), *score)
    };
    let subjects: Vec<Verdict> = asked.concepts.iter().zip(asked.masks).zip(&all.layers).map(subject).collect();
    let clean = |score: &LayerScore| score.leakage <= LEAKAGE && score.borrowed < BORROWED;
    let good = subjects.iter().all(|subject| subject.recognised && clean(&subject.score));
    let scenery = asked.setting.map_or(0.0, |setting| scenery(setting, &looks, asked.masks));
    Ok(Judgement { right: good && all.outside - scenery <= OUTSIDE, subjects, outside: all.outside, scenery })
}

/// The share of a scene's own pixels outside all masks that have any of the bodies' colours, over a few such scenes.
fn scenery(setting: Setting, looks: &[Look], masks: &[GrayImage]) -> f64 {
    const SIDE: usize = 64;
    const SCENES: u64 = 8;
    let free = |at: usize| {
        masks.iter().all(|mask| {
            let (x, y) = ((at % SIDE) as u32, (at / SIDE) as u32);
            let (width, height) = mask.dimensions();
            mask.get_pixel(x * width / SIDE as u32, y * height / SIDE as u32).0[0] <= 127
        })
    };
    let free: Vec<bool> = (0..SIDE * SIDE).map(free).collect();
    let mut sum = 0.0;
    for seed in 0..SCENES {
        let hues = Hues::of(&bare(&setting.sample(&mut ChaCha8Rng::seed_from_u64(seed)), SIDE));
        let bodies: Vec<Vec<bool>> = looks.iter().map(|look| hues.body(look)).collect();
        let any: Vec<bool> = (0..free.len()).map(|at| bodies.iter().any(|body| body[at])).collect();
        sum += share(&any, &free);
    }
    sum / SCENES as f64
}

/// A subject that was found without a mask, and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Where it is.
    pub found: Found,
    /// Whether it is recognised there.
    pub verdict: Verdict,
}

/// Looks for a concept in a picture without a layout, and says whether it is recognised at the best place. None where hardly
/// anything has its body's colour, which is not recognised either.
pub fn sight(picture: &RgbImage, concept: &Concept) -> Option<Sighting> {
    let found = find(&concept.look, picture)?;
    let mut verdict = verdict(&Hues::of(picture), concept, &inside(&found.mask), found.score);
    verdict.recognised &= found.fit >= FIT;
    Some(Sighting { found, verdict })
}

fn verdict(hues: &Hues, concept: &Concept, mask: &[bool], score: LayerScore) -> Verdict {
    let others = CONCEPTS.iter().filter(|other| other.look.kind == concept.look.kind && other.name != concept.name);
    let rival =
        others.map(|other| (other.name, share(&hues.own(&other.look), mask))).max_by(|(_, a), (_, b)| a.total_cmp(b));
    let best = rival.is_none_or(|(_, identity)| score.identity > identity);
    Verdict { recognised: score.present && score.identity >= IDENTITY && best, score, rival }
}
