//! The numbers of a render that its diagnosis needs, step by step; no pixel and no tensor.

use crate::engine::masks::Mask;
use crate::engine::refine::{MaskWarning, SubjectMasks, Trouble, View};

/// One subject in one picture after a step, or before the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Cells of the latent's grid in its combined mask.
    pub area: usize,
    /// Overlap (IoU, 0..1) of that mask with its place in the layout.
    pub overlap: f32,
    /// The share of its place in the layout that is still its own, 0..1.
    pub kept: f32,
    /// The other subject that has most of its place in the layout, and which share of it, 0..1.
    pub taken: Option<(usize, f32)>,
    /// Whether some of the layers that draw subjects have no cell of its mask.
    pub lost: bool,
    /// Whether its new mask came to nothing, so that the old one was kept.
    pub vanished: bool,
    /// How many times as much attention its words have inside of its mask as outside, in its own branch; none where nobody
    /// looked.
    pub attention: Option<f32>,
}

impl Seen {
    /// Every subject of a picture, compared with its place in the layout. `coarsest` is the coarsest grid on which features
    /// are injected, in halvings of the latent's.
    pub fn all(layout: &[Mask], masks: &[SubjectMasks], warnings: &[MaskWarning], coarsest: usize) -> Vec<Self> {
        let combined = |index: usize| masks.get(index).map(|masks| masks.combined.latent());
        let seen = |(index, (place, own)): (usize, (&Mask, &SubjectMasks))| {
            let mask = own.combined.latent();
            let others = (0..masks.len()).filter(|other| *other != index);
            let taken = others.filter_map(|other| Some((other, share(place, combined(other)?))));
            let vanished = |warning: &MaskWarning| {
                warning.subject == index && warning.view == View::Combined && warning.trouble == Trouble::Vanished
            };
            Self {
                area: mask.count(),
                overlap: mask.iou(place),
                kept: share(place, mask),
                taken: taken.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, share)| *share > 0.0),
                lost: own.combined.grids().iter().take(coarsest + 1).any(Mask::is_empty),
                vanished: warnings.iter().any(vanished),
                attention: None,
            }
        };
        layout.iter().zip(masks).enumerate().map(seen).collect()
    }
}

/// The share of a place's cells that a mask has.
fn share(place: &Mask, mask: &Mask) -> f32 {
    let both = place.on.iter().zip(&mask.on).filter(|(place, mask)| **place && **mask).count();
    both as f32 / place.count().max(1) as f32
}

/// What layout alignment did in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pull {
    /// At which step, counted from 0.
    pub step: usize,
    /// The layout loss before it.
    pub loss: f32,
    /// By how much the latents were moved, as a share of their own length: λ‖∂L/∂z‖ / ‖z‖.
    pub moved: f32,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Counted from 0.
    pub index: usize,
    /// What layout alignment did, where it acted.
    pub pull: Option<Pull>,
    /// `[picture][subject]`, after it.
    pub seen: Vec<Vec<Seen>>,
}

/// What of the settings decides which cure there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// Whether layout alignment acts at some step.
    pub aligns: bool,
    /// Whether masks are refined at some step.
    pub refines: bool,
    /// Whether subjects are placed into a photo, of which nothing changes but where it may.
    pub places: bool,
}

/// The course of a render.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The subjects' concepts, by name, in the subjects' order.
    pub subjects: Vec<String>,
    /// What the settings have it do.
    pub means: Means,
    /// `[picture][subject]`, before its first step.
    pub start: Vec<Vec<Seen>>,
    /// Its steps so far; one that went on from another's has only its own.
    pub steps: Vec<Step>,
}

impl Course {
    /// A subject in a picture, step by step.
    pub fn of(&self, picture: usize, subject: usize) -> impl DoubleEndedIterator<Item = (usize, &Seen)> {
        self.steps.iter().filter_map(move |step| Some((step.index, step.seen.get(picture)?.get(subject)?)))
    }

    /// All subjects of all pictures, as (picture, subject).
    pub fn all(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.start.iter().enumerate().flat_map(|(picture, seen)| (0..seen.len()).map(move |subject| (picture, subject)))
    }

    /// What layout alignment did, step by step.
    pub fn pulls(&self) -> Vec<Pull> {
        self.steps.iter().filter_map(|step| step.pull).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_s_numbers_are_those_of_its_mask_beside_the_layout_and_the_others() {
        let columns = |from: usize, to: usize| Mask::from_fn(16, 16, move |_, x| (from..to).contains(&x));
        let layout = [columns(0, 8), columns(8, 16)];
        let masks = [SubjectMasks::new(columns(0, 4)), SubjectMasks::new(columns(4, 16))];
        let warning = |subject, view| MaskWarning { subject, view, trouble: Trouble::Vanished };
        let seen = Seen::all(&layout, &masks, &[warning(0, View::Custom), warning(1, View::Combined)], 2);
        assert_eq!((seen[0].area, seen[0].overlap, seen[0].kept), (64, 0.5, 0.5));
        assert_eq!((seen[0].taken, seen[0].lost, seen[0].vanished), (Some((1, 0.5)), false, false));
        assert_eq!((seen[1].kept, seen[1].taken, seen[1].vanished), (1.0, None, true));
        // Two cells of sixteen are none of four: lost where the decoder's attention goes that far.
        let thin = [SubjectMasks::new(columns(0, 2)), SubjectMasks::new(columns(8, 16))];
        let lost = |coarsest| Seen::all(&layout, &thin, &[], coarsest)[0].lost;
        assert_eq!((lost(1), lost(3)), (false, true));
    }
}
