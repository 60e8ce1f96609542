//! Mask refinement: from a clustering of the attention to new masks (paper: Algorithm 1, Appendix A.2; method:
//! "Masks").
//!
//! Pure functions of labels and old masks, for one picture. The order of events is the release's:
//!
//! 1. On the attention's own grid, per subject and per view (custom, base): the cluster with the greatest IoU with
//!    the old mask, or the old mask's bounding rectangle where even the greatest is below the threshold.
//! 2. Each chosen mask resized from the attention's grid to every grid of the UNet.
//! 3. On every grid by itself: combined = custom ∪ base, and the old combined mask where several subjects' overlap.

use std::collections::BTreeMap;
use std::ops::Range;

use super::masks::{GRIDS, GridMasks, Mask};

/// Whose range of cluster counts to use; the paper and the authors' release differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counts {
    /// K to 2K−1 with K = N + 1.
    #[default]
    Release,
    /// N to 2N; from 2 where N = 1, since one cluster says nothing.
    Paper,
}

/// The numbers of clusters that are tried for a picture of `subjects` subjects.
pub fn cluster_counts(subjects: usize, counts: Counts) -> Range<usize> {
    match counts {
        Counts::Release => subjects + 1..2 * (subjects + 1),
        Counts::Paper => subjects.max(2)..(2 * subjects + 1).max(2),
    }
}

/// One clustering of an attention map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// The cluster of every token, row-major over the attention's grid, each below `k`.
    pub labels: Vec<u32>,
    /// How many clusters were asked for.
    pub k: usize,
}

/// A subject's three masks, each at every grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectMasks {
    /// Where the subject is in its own branch.
    pub custom: GridMasks,
    /// Where the subject is in the base branch.
    pub base: GridMasks,
    /// Where the subject's features are injected: the union of both, without overlaps.
    pub combined: GridMasks,
}

impl SubjectMasks {
    /// The masks before the first refinement: all three the given one, on the latent's grid.
    pub fn new(latent: Mask) -> Self {
        let grids = GridMasks::new(latent);
        Self { custom: grids.clone(), base: grids.clone(), combined: grids }
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        let masks = [&self.custom, &self.base, &self.combined];
        masks.iter().flat_map(|grids| grids.grids()).map(|mask| mask.on.len()).sum()
    }
}

/// One of a subject's three masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// [`SubjectMasks::custom`].
    Custom,
    /// [`SubjectMasks::base`].
    Base,
    /// [`SubjectMasks::combined`].
    Combined,
}

/// What a subject's new mask was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Cluster `label` of the clustering into `k`.
    Cluster {
        /// How many clusters.
        k: usize,
        /// Which of them.
        label: u32,
    },
    /// The old mask's bounding rectangle: no cluster came up to the threshold.
    Rectangle,
    /// The old mask, unchanged; a [`MaskWarning`] says why.
    Kept,
}

/// How a subject's new mask in one view came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The greatest IoU of any cluster with the old mask on the attention's grid, 0..1.
    pub iou: f32,
    /// What the mask was made from.
    pub source: Source,
}

/// The choices for one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choices {
    /// Among the clusters of the subject's own branch.
    pub custom: Choice,
    /// Among the clusters of the base branch.
    pub base: Choice,
}

/// What went wrong with a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The old mask has no cell on the attention's grid, so nothing can match it. The old mask was kept.
    NothingToMatch,
    /// No clustering was given that fits one of the mask's grids. The old mask was kept.
    NoCandidates,
    /// The new mask has no cell on the latent's grid. The old mask was kept.
    Vanished,
    /// The new mask lost its last cell on a coarser grid, `grid` halvings below the latent's; the layers there no
    /// longer draw the subject. The new mask stands, as in the release.
    EmptyAtGrid {
        /// 1, 2 or 3.
        grid: usize,
    },
}

/// An event of the refinement that the user must see (method: "Masks").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskWarning {
    /// Index of the subject.
    pub subject: usize,
    /// Which of its masks.
    pub view: View,
    /// What happened.
    pub trouble: Trouble,
}

/// The outcome of one refinement.
#[derive(Clone, Debug, PartialEq)]
pub struct Refined {
    /// The new masks, in the subjects' order.
    pub masks: Vec<SubjectMasks>,
    /// How each came about, likewise.
    pub choices: Vec<Choices>,
    /// What the user must be told.
    pub warnings: Vec<MaskWarning>,
}

/// Refines every subject's masks for one picture.
///
/// `base` holds the clusterings of the base branch's attention, one for every number of clusters; `custom[i]` those
/// of the branch of `subjects[i]` (subjects that share a branch pass the same slice). A greatest IoU below
/// `overlap_threshold` (0 in the SD 1.5 settings) makes the old mask's bounding rectangle the new mask. Of equally
/// good clusters the first wins.
pub fn refine(
    subjects: &[SubjectMasks],
    base: &[Segmentation],
    custom: &[&[Segmentation]],
    overlap_threshold: f32,
) -> Refined {
    let mut warnings = Vec::new();
    let mut masks = Vec::with_capacity(subjects.len());
    let mut choices = Vec::with_capacity(subjects.len());
    for (subject, old) in subjects.iter().enumerate() {
        let mut follow = |view, mask, candidates| {
            let followed = follow(mask, candidates, overlap_threshold);
            let warning = |trouble| MaskWarning { subject, view, trouble };
            warnings.extend(followed.trouble.map(warning));
            (followed.mask, followed.choice)
        };
        let own = custom.get(subject).copied().unwrap_or_default();
        let (custom_mask, custom_choice) = follow(View::Custom, &old.custom, own);
        let (base_mask, base_choice) = follow(View::Base, &old.base, base);
        masks.push(SubjectMasks { custom: custom_mask, base: base_mask, combined: old.combined.clone() });
        choices.push(Choices { custom: custom_choice, base: base_choice });
    }
    combine(&mut masks, &mut warnings);
    Refined { masks, choices, warnings }
}

/// A subject's new mask in one view.
struct Followed {
    mask: GridMasks,
    choice: Choice,
    trouble: Option<Trouble>,
}

/// Follows a subject from its old mask to the new one in one view.
fn follow(old: &GridMasks, candidates: &[Segmentation], threshold: f32) -> Followed {
    let keep = |iou, trouble| Followed {
        mask: old.clone(),
        choice: Choice { iou, source: Source::Kept },
        trouble: Some(trouble),
    };
    if !candidates.iter().any(|one| grid_of(old, one).is_some()) {
        return keep(0.0, Trouble::NoCandidates);
    }
    // Every token is in some cluster, so only an old mask without a cell here overlaps with none.
    let Some(best) = best_match(old, candidates) else {
        return keep(0.0, Trouble::NothingToMatch);
    };
    let (mask, source) = best.mask(threshold);
    let mask = GridMasks::from_source(&mask, old.latent().size());
    if mask.latent().is_empty() {
        return keep(best.iou, Trouble::Vanished);
    }
    Followed { mask, choice: Choice { iou: best.iou, source }, trouble: None }
}

/// The old mask on the grid of a clustering.
fn grid_of<'a>(old: &'a GridMasks, segmentation: &Segmentation) -> Option<&'a Mask> {
    old.for_tokens(segmentation.labels.len())
}

/// The cluster that matches the old mask best.
struct Match<'a> {
    old: &'a Mask,
    segmentation: &'a Segmentation,
    label: u32,
    iou: f32,
}

impl Match<'_> {
    /// The cluster, or the old mask's rectangle where the match is below the threshold.
    fn mask(&self, threshold: f32) -> (Mask, Source) {
        if self.iou < threshold {
            return (self.old.bounding_rectangle(), Source::Rectangle);
        }
        let labels = &self.segmentation.labels;
        let cluster = Mask { on: labels.iter().map(|&label| label == self.label).collect(), ..*self.old };
        let source = Source::Cluster { k: self.segmentation.k, label: self.label };
        (cluster, source)
    }
}

/// The cluster of the greatest IoU above 0, the first of equals, over all clusterings.
fn best_match<'a>(old: &'a GridMasks, candidates: &'a [Segmentation]) -> Option<Match<'a>> {
    let mut best: Option<Match<'a>> = None;
    for segmentation in candidates {
        let Some(mask) = grid_of(old, segmentation) else {
            continue;
        };
        for (label, iou) in cluster_ious(mask, segmentation) {
            if iou > best.as_ref().map_or(0.0, |best| best.iou) {
                best = Some(Match { old: mask, segmentation, label, iou });
            }
        }
    }
    best
}

/// The IoU of every cluster with the mask, in the order of the labels. In f32 like the reference's, so that equals
/// are the same equals.
fn cluster_ious(mask: &Mask, segmentation: &Segmentation) -> impl Iterator<Item = (u32, f32)> {
    // A map, since a label can be any number and a table as long as the greatest could be too long.
    let mut clusters: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for (&label, &on) in segmentation.labels.iter().zip(&mask.on) {
        let (shared, size) = clusters.entry(label).or_default();
        *shared += usize::from(on);
        *size += 1;
    }
    let old = mask.count();
    let k = segmentation.k;
    clusters
        .into_iter()
        .filter(move |&(label, _)| (label as usize) < k)
        .map(move |(label, (shared, size))| (label, shared as f32 / (size + old - shared) as f32))
}

/// Replaces every subject's old combined mask by the new one.
fn combine(subjects: &mut [SubjectMasks], warnings: &mut Vec<MaskWarning>) {
    let unions: Vec<[Mask; GRIDS]> = subjects.iter().map(union).collect();
    let overlaps: [Vec<bool>; GRIDS] = std::array::from_fn(|grid| overlap(&unions, grid));
    for (subject, (masks, unions)) in subjects.iter_mut().zip(&unions).enumerate() {
        let old = &masks.combined;
        let new = GridMasks::from_grids(|grid| {
            let old = &old.grids()[grid];
            replace_overlap(&unions[grid], old, &overlaps[grid])
        });
        let warning = |trouble| MaskWarning { subject, view: View::Combined, trouble };
        warnings.extend(lost_grids(old, &new).map(warning));
        if !new.latent().is_empty() {
            masks.combined = new;
        }
    }
}

fn union(masks: &SubjectMasks) -> [Mask; GRIDS] {
    std::array::from_fn(|grid| masks.custom.grids()[grid].union(&masks.base.grids()[grid]))
}

/// The cells of a grid that more than one subject claims: Ω of Algorithm 1.
fn overlap(unions: &[[Mask; GRIDS]], grid: usize) -> Vec<bool> {
    let cells = unions.iter().map(|masks| masks[grid].on.len()).max().unwrap_or(0);
    let claims = |cell: usize| {
        let of = |masks: &&[Mask; GRIDS]| masks[grid].on.get(cell) == Some(&true);
        unions.iter().filter(of).count()
    };
    (0..cells).map(|cell| claims(cell) > 1).collect()
}

/// The old mask where there is an overlap, the new one elsewhere.
fn replace_overlap(new: &Mask, old: &Mask, overlap: &[bool]) -> Mask {
    let cells = new.on.iter().zip(&old.on).zip(overlap);
    Mask { on: cells.map(|((&new, &old), &overlap)| if overlap { old } else { new }).collect(), ..*new }
}

/// What the new mask lost: all of it, or its last cell on some of the coarser grids.
fn lost_grids(old: &GridMasks, new: &GridMasks) -> impl Iterator<Item = Trouble> {
    let vanished = new.latent().is_empty();
    let pairs = old.grids().iter().zip(new.grids()).enumerate().skip(1);
    let lost = pairs.filter(move |(_, (old, new))| !vanished && !old.is_empty() && new.is_empty());
    vanished.then_some(Trouble::Vanished).into_iter().chain(lost.map(|(grid, _)| Trouble::EmptyAtGrid { grid }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A latent of 16×16 cells whose attention grid is 8×8.
    const LATENT: usize = 16;
    const SIDE: usize = 8;

    fn left(x: usize) -> bool {
        x < LATENT / 2
    }

    fn halves() -> Vec<SubjectMasks> {
        let side = |of_left| Mask::from_fn(LATENT, LATENT, move |_, x| left(x) == of_left);
        vec![SubjectMasks::new(side(true)), SubjectMasks::new(side(false))]
    }

    fn labels(k: usize, label: impl Fn(usize, usize) -> u32) -> Segmentation {
        let labels = (0..SIDE * SIDE).map(|i| label(i / SIDE, i % SIDE)).collect();
        Segmentation { labels, k }
    }

    /// Three columns wide on the left, three on the right, background between.
    fn thirds() -> Vec<Segmentation> {
        vec![labels(3, |_, x| match x {
            0..3 => 2,
            3..5 => 0,
            _ => 1,
        })]
    }

    #[test]
    fn the_release_counts_from_one_above_the_subjects() {
        assert_eq!(cluster_counts(2, Counts::Release), 3..6);
        assert_eq!(cluster_counts(1, Counts::Release), 2..4);
        assert_eq!(cluster_counts(2, Counts::Paper), 2..5);
        assert_eq!(cluster_counts(1, Counts::Paper), 2..3);
        assert!(cluster_counts(0, Counts::Paper).is_empty());
    }

    #[test]
    fn the_best_cluster_becomes_the_mask_at_every_grid() {
        let thirds = thirds();
        let refined = refine(&halves(), &thirds, &[&thirds, &thirds], 0.0);
        assert!(refined.warnings.is_empty());
        assert_eq!(refined.choices[0].custom.iou, 0.75);
        assert_eq!(refined.choices[0].custom.source, Source::Cluster { k: 3, label: 2 });
        assert_eq!(refined.choices[1].base.source, Source::Cluster { k: 3, label: 1 });
        let counts = refined.masks[0].combined.grids().each_ref().map(Mask::count);
        assert_eq!(counts, [16 * 6, 8 * 3, 4, 2]);
    }

    #[test]
    fn the_first_of_equally_good_clusters_wins() {
        let rows = vec![labels(2, |y, _| u32::from(y >= 4)), labels(2, |y, _| u32::from(y < 4))];
        let refined = refine(&halves(), &rows, &[&rows, &rows], 0.0);
        assert_eq!(refined.choices[0].custom.source, Source::Cluster { k: 2, label: 0 });
        assert_eq!(refined.choices[1].base.source, Source::Cluster { k: 2, label: 0 });
    }

    #[test]
    fn a_poor_match_falls_back_to_the_rectangle() {
        let thirds = thirds();
        let old = halves();
        let refined = refine(&old, &thirds, &[&thirds, &thirds], 0.8);
        assert_eq!(refined.choices[0].base.source, Source::Rectangle);
        assert_eq!(refined.masks[0].base.latent(), old[0].base.latent());
        let exact = refine(&old, &thirds, &[&thirds, &thirds], 0.75);
        assert_eq!(exact.choices[0].base.source, Source::Cluster { k: 3, label: 2 });
    }

    #[test]
    fn overlaps_take_the_old_masks() {
        let old = halves();
        // The first subject's branch claims two columns of the second's half, whose own branch claims its half.
        let wide = vec![labels(2, |_, x| u32::from(x >= 6))];
        let exact = vec![labels(2, |_, x| u32::from(x >= 4))];
        let refined = refine(&old, &exact, &[&wide, &exact], 0.0);
        assert_eq!(refined.masks[0].custom.latent().count(), 16 * 12);
        assert_eq!(refined.masks[0].combined, old[0].combined);
        assert_eq!(refined.masks[1].combined, old[1].combined);
    }

    #[test]
    fn subjects_may_share_a_branch() {
        let thirds = thirds();
        let shared: &[Segmentation] = &thirds;
        let refined = refine(&halves(), &thirds, &[shared, shared], 0.0);
        assert_eq!(refined.choices[1].custom.source, Source::Cluster { k: 3, label: 1 });
    }

    #[test]
    fn an_empty_mask_is_kept_and_reported() {
        let mut old = halves();
        old[1] = SubjectMasks::new(Mask::empty(LATENT, LATENT));
        let thirds = thirds();
        for threshold in [0.0, 0.7, f32::NAN] {
            let refined = refine(&old, &thirds, &[&thirds, &thirds], threshold);
            assert_eq!(refined.masks[1], old[1]);
            let views: Vec<_> = refined.warnings.iter().map(|one| (one.view, one.trouble)).collect();
            let expected = [
                (View::Custom, Trouble::NothingToMatch),
                (View::Base, Trouble::NothingToMatch),
                (View::Combined, Trouble::Vanished),
            ];
            assert_eq!(views, expected);
            assert!(refined.warnings.iter().all(|one| one.subject == 1));
        }
    }

    #[test]
    fn a_subject_eaten_by_overlaps_keeps_its_old_mask() {
        let mut old = halves();
        // The second subject's combined mask was a corner that its other masks have left since.
        old[1].combined = GridMasks::new(Mask::from_fn(LATENT, LATENT, |y, x| y < 2 && x < 2));
        let wide = vec![labels(2, |_, x| u32::from(x >= 4))];
        let all = vec![labels(1, |_, _| 0)];
        let refined = refine(&old, &wide, &[&all, &wide], 0.0);
        assert_eq!(refined.masks[1].combined, old[1].combined);
        let vanished = MaskWarning { subject: 1, view: View::Combined, trouble: Trouble::Vanished };
        assert!(refined.warnings.contains(&vanished));
    }

    #[test]
    fn a_mask_too_small_for_a_grid_is_reported_and_stands() {
        let speck = vec![labels(2, |y, x| u32::from(y == 3 && x == 2)), labels(1, |_, _| 9)];
        let mut old = halves();
        old.truncate(1);
        old[0].custom = GridMasks::new(Mask::from_fn(LATENT, LATENT, |y, x| y / 2 == 3 && x / 2 == 2));
        old[0].base = old[0].custom.clone();
        let refined = refine(&old, &speck, &[&speck], 0.0);
        assert_eq!(refined.masks[0].combined.latent().count(), 4);
        let troubles: Vec<_> = refined.warnings.iter().map(|one| one.trouble).collect();
        assert_eq!(troubles, [Trouble::EmptyAtGrid { grid: 2 }, Trouble::EmptyAtGrid { grid: 3 }]);
    }

    #[test]
    fn labels_that_cannot_be_right_are_passed_over() {
        let old = halves();
        let none = vec![Segmentation { labels: vec![], k: 3 }, Segmentation { labels: vec![0; 7], k: 3 }];
        let wild = vec![labels(2, |_, _| u32::MAX)];
        let refined = refine(&old, &none, &[&wild], 0.0);
        assert_eq!(refined.masks, old);
        let troubles: Vec<_> = refined.warnings.iter().map(|one| one.trouble).collect();
        let expected = [Trouble::NothingToMatch, Trouble::NoCandidates, Trouble::NoCandidates, Trouble::NoCandidates];
        assert_eq!(troubles, expected);
        assert_eq!(refine(&[], &[], &[], 0.0).masks, []);
    }
}
