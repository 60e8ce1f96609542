//! Painting the masks that a render goes on with.

use crate::engine::masks::Mask;
use crate::link::{JobId, MaskView};
use crate::studio::document::geometry;

/// The masks of one picture at one step, in the making.
#[derive(Clone, Debug)]
pub struct MaskEditor {
    /// The run that is gone on from.
    pub job: JobId,
    /// The step that the new run begins with, counted from 0.
    pub step: usize,
    /// Which picture of the batch the masks are seen on; the others get the same ones.
    pub picture: usize,
    /// Which subject is painted.
    pub subject: usize,
    /// The brush's radius, in cells of the masks' grid. Range: [`MaskEditor::RADIUS`].
    pub radius: f32,
    /// Whether the brush takes away.
    pub erase: bool,
    names: Vec<String>,
    original: Vec<Mask>,
    masks: Vec<Mask>,
    undone: Vec<Vec<Mask>>,
    done: Vec<Vec<Mask>>,
    version: u64,
}

impl MaskEditor {
    /// The brush's radius in cells.
    pub const RADIUS: std::ops::RangeInclusive<f32> = 0.5..=16.0;

    /// Begins with the combined masks of a step. None where there are no masks.
    pub fn new(job: JobId, step: usize, picture: usize, views: &[MaskView]) -> Option<Self> {
        let masks: Vec<Mask> = views.iter().map(|view| view.combined.clone()).collect();
        (!masks.is_empty()).then(|| Self {
            job,
            step,
            picture,
            subject: 0,
            radius: 2.0,
            erase: false,
            names: views.iter().map(|view| view.concept.clone()).collect(),
            original: masks.clone(),
            masks,
            undone: Vec::new(),
            done: Vec::new(),
            version: 0,
        })
    }

    /// Takes masks that were painted in an earlier session, as one stroke that undo takes back. Says whether they are of these
    /// subjects and on this grid; else nothing is changed.
    pub fn take(&mut self, painted: &[(String, Mask)]) -> bool {
        let is_same = |((name, mask), (own, before)): (&(String, Mask), (&String, &Mask))| {
            name == own && mask.size() == before.size() && mask.on.len() == before.on.len()
        };
        let own = self.names.iter().zip(&self.masks);
        if painted.len() != self.masks.len() || !painted.iter().zip(own).all(is_same) {
            return false;
        }
        self.begin_stroke();
        self.masks = painted.iter().map(|(_, mask)| mask.clone()).collect();
        self.version += 1;
        true
    }

    /// The subjects' concepts by name.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The masks as they are.
    pub fn masks(&self) -> &[Mask] {
        &self.masks
    }

    /// Whether a subject's mask differs from what the step had.
    pub fn changed(&self, subject: usize) -> bool {
        self.masks.get(subject) != self.original.get(subject)
    }

    /// Whether any mask differs from what the step had.
    pub fn is_changed(&self) -> bool {
        self.masks != self.original
    }

    /// A number that changes with every change of the masks.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Begins a stroke, which undo takes back as one.
    pub fn begin_stroke(&mut self) {
        self.done.push(self.masks.clone());
        self.undone.clear();
    }

    /// Paints from one point to another, both in fractions of the picture's width and height. A cell belongs to one
    /// subject: painting takes it from the others.
    pub fn paint(&mut self, from: (f32, f32), to: (f32, f32)) {
        let Some((height, width)) = self.masks.first().map(Mask::size) else { return };
        let (erase, subject, radius) = (self.erase, self.subject, self.radius);
        let cell = |(x, y): (f32, f32)| (x * width as f32 - 0.5, y * height as f32 - 0.5);
        let (from, to) = (cell(from), cell(to));
        for (index, mask) in self.masks.iter_mut().enumerate() {
            let value = match (index == subject, erase) {
                (true, erase) => !erase,
                (false, false) => false,
                (false, true) => continue,
            };
            for (at, on) in mask.on.iter_mut().enumerate() {
                let (x, y) = ((at % width) as f32, (at / width) as f32);
                if geometry::distance((x, y), from, to) <= radius {
                    *on = value;
                }
            }
        }
        self.version += 1;
    }

    /// Gives the subject all that its mask encloses, as a stroke: what cannot be reached from the picture's edge without
    /// crossing it. Says whether there was anything.
    pub fn fill(&mut self) -> bool {
        let Some(mask) = self.masks.get(self.subject) else { return false };
        let inside = enclosed(mask);
        if !inside.contains(&true) {
            return false;
        }
        let subject = self.subject;
        self.change(|index, mask| {
            for (on, inside) in mask.on.iter_mut().zip(&inside) {
                *on = if *inside { index == subject } else { *on };
            }
        });
        true
    }

    /// Whether the subject's mask encloses anything.
    pub fn can_fill(&self) -> bool {
        self.masks.get(self.subject).is_some_and(|mask| enclosed(mask).contains(&true))
    }

    /// Takes all of the subject's mask away, as a stroke.
    pub fn clear(&mut self) {
        let subject = self.subject;
        self.change(|index, mask| {
            if index == subject {
                mask.on.fill(false);
            }
        });
    }

    /// Gives the subject the mask that the step had, as a stroke; the others keep what they have of theirs.
    pub fn reset(&mut self) {
        let (subject, Some(original)) = (self.subject, self.original.get(self.subject).cloned()) else { return };
        self.change(|index, mask| {
            for (on, was) in mask.on.iter_mut().zip(&original.on) {
                *on = if index == subject { *was } else { *on && !*was };
            }
        });
    }

    /// Changes all masks as a stroke; none where nothing changes.
    fn change(&mut self, change: impl Fn(usize, &mut Mask)) {
        let mut masks = self.masks.clone();
        masks.iter_mut().enumerate().for_each(|(index, mask)| change(index, mask));
        if masks != self.masks {
            self.begin_stroke();
            self.masks = masks;
            self.version += 1;
        }
    }

    /// Takes the last stroke back. Says whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.done.pop() else { return false };
        self.undone.push(std::mem::replace(&mut self.masks, before));
        self.version += 1;
        true
    }

    /// Makes the last stroke taken back again. Says whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.undone.pop() else { return false };
        self.done.push(std::mem::replace(&mut self.masks, after));
        self.version += 1;
        true
    }

    /// The subject whose mask came to nothing, with which nothing can go on.
    pub fn empty(&self) -> Option<&str> {
        let index = self.masks.iter().position(Mask::is_empty)?;
        self.names.get(index).map(String::as_str)
    }
}

/// The cells that a mask encloses: that are not on, and that no way over other such cells, side by side, leads to the edge.
fn enclosed(mask: &Mask) -> Vec<bool> {
    let (width, count) = (mask.width, mask.on.len());
    let mut open = vec![false; count];
    if width == 0 {
        return open;
    }
    let is_edge = |cell: usize| {
        let (row, column) = (cell / width, cell % width);
        row == 0 || column == 0 || row + 1 >= mask.height || column + 1 >= width
    };
    let mut next: Vec<usize> = (0..count).filter(|cell| is_edge(*cell) && !mask.on[*cell]).collect();
    while let Some(cell) = next.pop() {
        if std::mem::replace(&mut open[cell], true) {
            continue;
        }
        let beside = [
            (cell % width > 0).then(|| cell - 1),
            (cell % width + 1 < width).then_some(cell + 1),
            cell.checked_sub(width),
            Some(cell + width),
        ];
        next.extend(beside.into_iter().flatten().filter(|cell| *cell < count && !open[*cell] && !mask.on[*cell]));
    }
    (0..count).map(|cell| !open[cell] && !mask.on[cell]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor() -> MaskEditor {
        let left = Mask::from_fn(8, 8, |_, x| x < 4);
        let right = Mask::from_fn(8, 8, |_, x| x >= 4);
        let view = |name: &str, mask: Mask| MaskView {
            concept: name.into(),
            custom: mask.clone(),
            base: mask.clone(),
            combined: mask,
        };
        MaskEditor::new(JobId(1), 3, 0, &[view("cat", left), view("dog", right)]).unwrap()
    }

    #[test]
    fn painting_gives_cells_to_one_subject_and_takes_them_from_the_others() {
        let mut editor = editor();
        editor.radius = 1.0;
        editor.begin_stroke();
        editor.paint((0.8, 0.5), (0.8, 0.5));
        let (cat, dog) = (&editor.masks()[0], &editor.masks()[1]);
        assert!(cat.count() > 32 && cat.count() + dog.count() == 64, "{} {}", cat.count(), dog.count());
        assert!(editor.changed(0) && editor.changed(1));
    }

    #[test]
    fn erasing_takes_from_one_subject_only() {
        let mut editor = editor();
        editor.erase = true;
        editor.begin_stroke();
        editor.paint((0.0, 0.0), (1.0, 1.0));
        assert!(editor.masks()[0].count() < 32);
        assert_eq!(editor.masks()[1].count(), 32);
        assert!(!editor.changed(1));
    }

    #[test]
    fn strokes_are_undone_one_by_one_and_an_emptied_mask_is_named() {
        let mut editor = editor();
        editor.erase = true;
        editor.radius = 16.0;
        editor.begin_stroke();
        editor.paint((0.5, 0.5), (0.5, 0.5));
        assert_eq!(editor.empty(), Some("cat"));
        assert!(editor.undo());
        assert_eq!(editor.empty(), None);
        assert!(!editor.undo());
        assert!(editor.redo());
        assert_eq!(editor.empty(), Some("cat"));
    }

    #[test]
    fn masks_of_an_earlier_session_are_taken_as_one_stroke_and_others_are_not() {
        let mut editor = editor();
        let all = Mask::from_fn(8, 8, |_, _| true);
        let pair = |cat: &str, mask: &Mask| vec![(cat.to_owned(), mask.clone()), ("dog".to_owned(), Mask::empty(8, 8))];
        let (small, short) = (Mask::empty(8, 4), Mask { on: vec![true; 3], ..all.clone() });
        for others in [pair("bear", &all), pair("cat", &small), pair("cat", &short), pair("cat", &all)[..1].to_vec()] {
            assert!(!editor.take(&others) && !editor.is_changed(), "{others:?}");
        }
        assert!(editor.take(&pair("cat", &all)));
        assert_eq!((editor.masks()[0].count(), editor.empty()), (64, Some("dog")));
        assert!(editor.undo() && !editor.is_changed());
    }

    #[test]
    fn what_a_mask_encloses_is_filled_and_taken_from_the_others() {
        let ring = Mask::from_fn(8, 8, |y, x| (2..6).contains(&y) && (2..6).contains(&x) && !(y == 3 && x == 3));
        let rest = Mask::from_fn(8, 8, |y, x| y == 3 && x == 3 || y == 7);
        let view = |name: &str, mask: &Mask| MaskView {
            concept: name.into(),
            custom: mask.clone(),
            base: mask.clone(),
            combined: mask.clone(),
        };
        let mut editor = MaskEditor::new(JobId(1), 3, 0, &[view("cat", &ring), view("dog", &rest)]).unwrap();
        assert!(editor.can_fill() && editor.fill());
        assert_eq!((editor.masks()[0].count(), editor.masks()[1].count()), (16, 8));
        assert!(!editor.can_fill() && !editor.fill(), "nothing is left");
        assert!(editor.undo() && !editor.is_changed());
        editor.subject = 1;
        assert!(!editor.can_fill(), "a row along the edge encloses nothing");
    }

    #[test]
    fn a_mask_is_cleared_and_brought_back_to_the_step_s_each_as_one_stroke() {
        let mut editor = editor();
        editor.clear();
        assert_eq!(editor.empty(), Some("cat"));
        assert_eq!(editor.masks()[1].count(), 32, "the other one stays");
        editor.subject = 1;
        editor.radius = 16.0;
        editor.begin_stroke();
        editor.paint((0.5, 0.5), (0.5, 0.5));
        assert_eq!(editor.masks()[1].count(), 64);
        editor.subject = 0;
        editor.reset();
        assert!(!editor.changed(0) && editor.masks()[1].count() == 32);
        for _ in 0..3 {
            assert!(editor.undo());
        }
        assert!(!editor.is_changed() && !editor.undo());
        editor.reset();
        assert!(!editor.undo(), "what changes nothing is no stroke");
    }

    #[test]
    fn points_outside_the_picture_harm_nothing() {
        let mut editor = editor();
        editor.begin_stroke();
        editor.paint((-5.0, f32::NAN), (100.0, 3.0));
        assert_eq!(editor.masks()[0].size(), (8, 8));
    }
}
