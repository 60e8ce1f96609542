//! What is chosen of a picture, and every state before it.

use std::sync::Arc;

use image::GrayImage;

use super::pointing::{Answer, Pointed};
use crate::cut::{Edge, Found, Hints, Mode, Patch, Scribble, combine, stroke};

/// The most states that can be undone, bytes of masks: the oldest go first.
const ROOM: usize = 512 << 20;

/// What becomes of the edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// In pixels of the photo.
    pub edge: Edge,
    /// Whether the ground's colours are taken out of the rim.
    pub clean: bool,
}

impl Default for Refinement {
    fn default() -> Self {
        Self { edge: Edge::default(), clean: true }
    }
}

/// What is chosen: what scribbles mean and what is pointed at, changed by hand.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// What was scribbled.
    pub hints: Hints,
    /// The cut that these hints mean, or those before them.
    pub found: Option<Arc<Found>>,
    /// The hints that it was found by.
    found_by: Hints,
    /// What is pointed at.
    pub pointed: Pointed,
    /// What the networks answered to that, or to what was pointed at before.
    pub answer: Option<Arc<Answer>>,
    /// What they answered to.
    answered: Pointed,
    /// What was added and taken away by hand since.
    added: Option<Arc<GrayImage>>,
    taken: Option<Arc<GrayImage>>,
    /// What becomes of the edge.
    pub refinement: Refinement,
}

impl Chosen {
    /// What is chosen by hand alone.
    pub fn by_hand(mask: GrayImage) -> Self {
        Self { added: Some(Arc::new(mask)), ..Self::default() }
    }

    /// Whether the scribbles' cut is known.
    pub fn is_cut(&self) -> bool {
        self.hints == self.found_by
    }

    /// Whether the networks have answered.
    pub fn is_answered(&self) -> bool {
        self.pointed.prompt.is_empty() || self.pointed == self.answered
    }

    /// What is pointed at becomes part of what is chosen by hand, so that somebody else can be pointed at.
    pub fn settle(&mut self, size: (u32, u32)) {
        if let Some(answer) = self.answer.take().filter(|_| !self.pointed.prompt.is_empty()) {
            let blank = || GrayImage::new(size.0, size.1);
            let mut mask = self.added.as_ref().map_or_else(blank, |mask| GrayImage::clone(mask));
            combine(&mut mask, &Patch::whole(answer.mask.clone()), Mode::Add);
            self.added = Some(Arc::new(mask));
        }
        (self.pointed, self.answered) = Default::default();
    }

    /// The mask, before its edge is made right.
    pub fn mask(&self, size: (u32, u32)) -> GrayImage {
        let blank = || GrayImage::new(size.0, size.1);
        let mut mask = self.found.as_ref().map_or_else(blank, |found| found.mask.clone());
        if let Some(answer) = self.answer.as_ref().filter(|_| !self.pointed.prompt.is_empty()) {
            for (own, meant) in mask.iter_mut().zip(answer.mask.iter()) {
                *own = (*own).max(*meant);
            }
        }
        for (own, added) in mask.iter_mut().zip(self.added.iter().flat_map(|added| added.iter())) {
            *own = (*own).max(*added);
        }
        for (own, taken) in mask.iter_mut().zip(self.taken.iter().flat_map(|taken| taken.iter())) {
            *own = (*own).min(255 - *taken);
        }
        mask
    }

    /// The same with a shape laid over it.
    pub fn with(mut self, patch: &Patch, mode: Mode, size: (u32, u32)) -> Self {
        let changed = |mask: &Option<Arc<GrayImage>>, mode: Mode| {
            let mut mask = mask.as_ref().map_or_else(|| GrayImage::new(size.0, size.1), |mask| GrayImage::clone(mask));
            combine(&mut mask, patch, mode);
            Some(Arc::new(mask))
        };
        let other = |mask: &Option<Arc<GrayImage>>| mask.as_ref().and_then(|_| changed(mask, Mode::Subtract));
        match mode {
            Mode::Add => (self.taken, self.added) = (other(&self.taken), changed(&self.added, mode)),
            Mode::Subtract => {
                (self.added, self.taken) = (other(&self.added), changed(&self.taken, Mode::Add));
            }
            Mode::Replace | Mode::Intersect => {
                let mut mask = self.mask(size);
                combine(&mut mask, patch, mode);
                self = Self { refinement: self.refinement, ..Self::by_hand(mask) };
            }
        }
        self
    }

    /// One more scribble, which counts for more than what was done by hand under it.
    pub fn scribble(&mut self, scribble: Scribble, size: (u32, u32)) {
        let against = if scribble.keep { &mut self.taken } else { &mut self.added };
        if let Some(mask) = against {
            let mut changed = GrayImage::clone(mask);
            combine(&mut changed, &stroke(&scribble.points, scribble.radius, 1.0, size), Mode::Subtract);
            *mask = Arc::new(changed);
        }
        self.hints.scribbles.push(scribble);
    }

    /// About how many bytes it holds that the state before it does not.
    fn bytes(&self) -> usize {
        let masks = [
            self.found.as_ref().map(|found| found.mask.len()),
            self.added.as_ref().map(|mask| mask.len()),
            self.answer.as_ref().map(|answer| answer.mask.len()),
        ];
        masks.into_iter().flatten().max().unwrap_or(0)
    }
}

#[derive(Debug)]
struct Step {
    name: &'static str,
    number: u64,
    chosen: Chosen,
}

/// The states, of which one is in hand.
#[derive(Debug)]
pub struct Steps {
    steps: Vec<Step>,
    at: usize,
    count: u64,
}

/// What a step is called that changes the edge.
const EDGE: &str = "Edge";

impl Default for Steps {
    fn default() -> Self {
        Self::new(Chosen::default())
    }
}

impl Steps {
    /// One state.
    pub fn new(chosen: Chosen) -> Self {
        Self { steps: vec![Step { name: "Open", number: 1, chosen }], at: 0, count: 1 }
    }

    /// The state in hand.
    pub fn now(&self) -> &Chosen {
        &self.steps[self.at].chosen
    }

    /// Tells the state in hand from all others.
    pub fn number(&self) -> u64 {
        self.steps[self.at].number
    }

    /// The next state.
    pub fn change(&mut self, name: &'static str, change: impl FnOnce(&mut Chosen)) {
        let mut chosen = self.now().clone();
        change(&mut chosen);
        self.steps.truncate(self.at + 1);
        self.count += 1;
        self.steps.push(Step { name, number: self.count, chosen });
        self.at += 1;
        let mut room = ROOM;
        let fits = |step: &&Step| {
            let enough = room >= step.chosen.bytes();
            room = room.saturating_sub(step.chosen.bytes());
            enough
        };
        let kept = self.steps.iter().rev().take_while(fits).count().max(2);
        let gone = self.steps.len().saturating_sub(kept);
        self.steps.drain(..gone);
        self.at -= gone;
    }

    /// The next state, or the one in hand where it is such a change already.
    pub fn refine(&mut self, refinement: Refinement) {
        if self.now().refinement == refinement {
            return;
        }
        let last = self.at + 1 == self.steps.len();
        if last && self.steps[self.at].name == EDGE {
            self.count += 1;
            let step = &mut self.steps[self.at];
            (step.number, step.chosen.refinement) = (self.count, refinement);
        } else {
            self.change(EDGE, |chosen| chosen.refinement = refinement);
        }
    }

    /// The cut of a state is known.
    pub fn found(&mut self, number: u64, found: Arc<Found>) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.number == number) {
            step.chosen.found_by = step.chosen.hints.clone();
            step.chosen.found = Some(found);
        }
    }

    /// What the networks answered to a state; `None` where they could not be asked that.
    pub fn answered(&mut self, number: u64, answer: Option<Arc<Answer>>) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.number == number) {
            step.chosen.answered = step.chosen.pointed.clone();
            step.chosen.answer = answer;
        }
    }

    /// One back.
    pub fn undo(&mut self) {
        self.at = self.at.saturating_sub(1);
    }

    /// One forward.
    pub fn redo(&mut self) {
        self.at = (self.at + 1).min(self.steps.len() - 1);
    }

    /// What undo takes back.
    pub fn undo_name(&self) -> Option<&str> {
        (self.at > 0).then(|| self.steps[self.at].name)
    }

    /// What redo brings back.
    pub fn redo_name(&self) -> Option<&str> {
        self.steps.get(self.at + 1).map(|step| step.name)
    }
}
