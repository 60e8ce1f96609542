//! What every step of a job began with, so that another job can go on from there.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::error::{EngineError, Result};
use super::masks::Mask;
use super::nets::layers::upload;
use super::pictures::host;
use super::prepare::Prepared;
use super::refine::SubjectMasks;
use super::scene::Scene;
use crate::link::MaskEdit;

/// `[picture][subject]`
type Masks = Vec<Vec<SubjectMasks>>;

/// What every step of a job began with, and what its last step ended with.
///
/// Latents and masks are shared, so that a history of a job that went on from another costs only its own steps.
#[derive(Clone, Default)]
pub struct History {
    moments: Vec<Moment>,
    /// What a job that went on from another was to begin with, where it was stopped before it came to that.
    pending: Option<(Moment, Vec<MaskEdit>)>,
}

/// What one step began with.
#[derive(Clone)]
pub struct Moment {
    step: usize,
    steps: usize,
    shape: [usize; 4],
    latents: Arc<Vec<f32>>,
    masks: Arc<Masks>,
    subjects: Arc<[String]>,
}

/// Where a job goes on from.
#[derive(Clone)]
pub struct Resume {
    /// The steps that it does not run itself.
    pub earlier: History,
    /// What its first own step begins with.
    pub moment: Moment,
    /// Masks that were painted for it.
    pub masks: Vec<MaskEdit>,
}

impl Resume {
    /// The history of a job that was stopped before its first own step: it can be gone on from there all the same.
    pub fn into_history(self) -> History {
        History { moments: self.earlier.moments, pending: Some((self.moment, self.masks)) }
    }
}

impl History {
    /// Where a job goes on from that begins at `step`, counted from 0. The number of steps is the end, after which
    /// only decoding is left.
    ///
    /// # Errors
    /// When this job never got there.
    pub fn resume(&self, step: usize, masks: Vec<MaskEdit>) -> Result<Resume> {
        let pending = self.pending.as_ref().map(|(moment, edits)| (moment, edits.as_slice()));
        let all = || self.moments.iter().map(|moment| (moment, &[][..])).chain(pending);
        let Some((moment, edits)) = all().find(|(moment, _)| moment.step == step) else {
            let last = all().last().map_or(0, |(moment, _)| moment.step);
            return Err(EngineError::Job(format!(
                "step {step} of that render was not reached; its last one is {last}"
            )));
        };
        let earlier = self.moments.iter().filter(|earlier| earlier.step < step).cloned().collect();
        Ok(Resume {
            earlier: History { moments: earlier, pending: None },
            moment: moment.clone(),
            // The newer ones come last and so win.
            masks: edits.iter().cloned().chain(masks).collect(),
        })
    }

    /// Bytes of memory that it takes, about: what it shares with the history that it goes on from counts too.
    pub fn bytes(&self) -> u64 {
        let mut seen = std::collections::HashSet::new();
        let mut bytes = 0;
        for moment in self.moments.iter().chain(self.pending.as_ref().map(|(moment, _)| moment)) {
            bytes += size_of_val(moment.latents.as_slice());
            if seen.insert(Arc::as_ptr(&moment.masks)) {
                let masks = moment.masks.iter().flatten();
                bytes += masks.map(SubjectMasks::bytes).sum::<usize>();
            }
        }
        bytes as u64
    }

    /// Whether no step is known.
    pub fn is_empty(&self) -> bool {
        self.moments.is_empty() && self.pending.is_none()
    }

    /// Remembers what `step` begins with, unless it is known already.
    pub fn record(&mut self, step: usize, latents: &Tensor<4>, scene: &Scene, subjects: &Arc<[String]>) {
        let last = self.moments.last();
        if last.is_some_and(|last| last.step == step) {
            return;
        }
        // Most steps leave the masks alone.
        let same = last.filter(|last| *last.masks == scene.masks).map(|last| last.masks.clone());
        self.moments.push(Moment {
            step,
            steps: scene.run.steps(),
            shape: latents.dims(),
            latents: Arc::new(host(latents.clone())),
            masks: same.unwrap_or_else(|| Arc::new(scene.masks.clone())),
            subjects: subjects.clone(),
        });
    }
}

impl Moment {
    /// Puts a prepared job at this moment: latents and step to begin with, and its scene's masks.
    ///
    /// # Errors
    /// When the two jobs differ in size, or a painted mask cannot be used.
    pub fn enter(&self, prepared: &mut Prepared, edits: Vec<MaskEdit>, device: &Device) -> Result<(Tensor<4>, usize)> {
        if prepared.noise.dims() != self.shape {
            return Err(EngineError::Job(
                "the canvas or the number of pictures has changed since; going on needs the same".into(),
            ));
        }
        let (then, now) = (self.steps, prepared.scene.run.steps());
        if then != now {
            return Err(EngineError::Job(format!(
                "that render had {then} steps, this one has {now}; going on needs the same number"
            )));
        }
        let masks = &mut prepared.scene.masks;
        carry_over(&self.masks, &self.subjects, masks, &prepared.subjects);
        let [.., height, width] = self.shape;
        edits.into_iter().try_for_each(|edit| paint(masks, &prepared.subjects, edit, (height, width)))?;
        Ok((upload(self.latents.to_vec(), self.shape, device), self.step))
    }
}

/// Gives subjects of both jobs, the nth of a concept by its name, the masks that they had become; others keep theirs.
fn carry_over(old: &Masks, old_subjects: &[String], new: &mut Masks, new_subjects: &[String]) {
    for (index, name) in new_subjects.iter().enumerate() {
        let ordinal = new_subjects[..index].iter().filter(|other| *other == name).count();
        let mut same = old_subjects.iter().enumerate().filter(|(_, other)| *other == name);
        let Some((before, _)) = same.nth(ordinal) else { continue };
        for (old, new) in old.iter().zip(new.iter_mut()) {
            if let (Some(old), Some(new)) = (old.get(before), new.get_mut(index)) {
                new.clone_from(old);
            }
        }
    }
}

/// Puts one painted mask in its place.
fn paint(masks: &mut Masks, subjects: &[String], edit: MaskEdit, (height, width): (usize, usize)) -> Result<()> {
    let MaskEdit { picture, subject, mask } = edit;
    let Some(name) = subjects.get(subject) else {
        return Err(EngineError::Job(format!(
            "a mask was painted for subject {}, but there are {}; render once more and paint again",
            subject + 1,
            subjects.len()
        )));
    };
    let pictures = masks.len();
    if let Some(picture) = picture.filter(|&picture| picture >= pictures) {
        return Err(EngineError::Job(format!(
            "a mask of {name} was painted for picture {}, but there are {pictures}",
            picture + 1
        )));
    }
    if mask.size() != (height, width) || mask.on.len() != height * width {
        return Err(EngineError::Job(format!(
            "the painted mask of {name} has {} x {} cells; {width} x {height} are needed",
            mask.width, mask.height
        )));
    }
    if Mask::is_empty(&mask) {
        return Err(EngineError::Job(format!("the painted mask of {name} is empty: paint where it shall be")));
    }
    let painted = SubjectMasks::new(mask);
    for (index, masks) in masks.iter_mut().enumerate() {
        if picture.is_none_or(|picture| picture == index) {
            masks[subject] = painted.clone();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mask of 8 x 8 cells whose first `rows` rows are on.
    fn rows(rows: usize) -> Mask {
        Mask::from_fn(8, 8, |y, _| y < rows)
    }

    fn masks(of: &[usize]) -> Vec<SubjectMasks> {
        of.iter().map(|&count| SubjectMasks::new(rows(count))).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_nth_subject_of_a_concept_keeps_its_mask_and_a_new_one_has_its_own() {
        let old = vec![masks(&[1, 2, 3]), masks(&[4, 5, 6])];
        let mut new = vec![masks(&[7, 8, 7, 8]); 2];
        let subjects = names(&["dog", "bear", "cat", "cat"]);
        carry_over(&old, &names(&["cat", "dog", "cat"]), &mut new, &subjects);
        assert_eq!(new, [masks(&[2, 8, 1, 3]), masks(&[5, 8, 4, 6])]);
        // One cat of two is taken off: the first one's mask stays.
        let mut fewer = vec![masks(&[7]); 2];
        carry_over(&old, &names(&["cat", "dog", "cat"]), &mut fewer, &names(&["cat"]));
        assert_eq!(fewer, [masks(&[1]), masks(&[4])]);
    }

    #[test]
    fn a_mask_is_painted_for_one_picture_or_for_all() {
        let mut all = vec![masks(&[1, 2]); 2];
        let subjects = names(&["cat", "dog"]);
        let edit = |picture, subject, count| MaskEdit { picture, subject, mask: rows(count) };
        paint(&mut all, &subjects, edit(Some(1), 0, 5), (8, 8)).unwrap();
        assert_eq!(all, [masks(&[1, 2]), masks(&[5, 2])]);
        paint(&mut all, &subjects, edit(None, 1, 6), (8, 8)).unwrap();
        assert_eq!(all, [masks(&[1, 6]), masks(&[5, 6])]);
    }

    #[test]
    fn a_painted_mask_that_cannot_be_used_is_refused_in_words() {
        let mut all = vec![masks(&[1, 2]); 2];
        let before = all.clone();
        let subjects = names(&["cat", "dog"]);
        let small = Mask::from_fn(4, 8, |_, _| true);
        let short = Mask { height: 8, width: 8, on: vec![true; 3] };
        for (picture, subject, mask, words) in [
            (None, 2, rows(1), "subject 3, but there are 2"),
            (Some(2), 0, rows(1), "cat was painted for picture 3, but there are 2"),
            (None, 1, small, "dog has 8 x 4 cells; 8 x 8 are needed"),
            (None, 1, short, "8 x 8 are needed"),
            (Some(0), 0, rows(0), "mask of cat is empty"),
        ] {
            let error = paint(&mut all, &subjects, MaskEdit { picture, subject, mask }, (8, 8)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
        assert_eq!(all, before);
    }
}
