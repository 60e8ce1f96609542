//! What a person does with Segment Anything in the cut that is open: clicks, frames, words, one of several masks.

use super::pointing::{self, Looking, Networks, Pointed, Sight};
use super::{Cutting, Open, Told};
use crate::cut::shapes::Point;

impl Cutting {
    /// Lets Segment Anything look at the photo, in the background; what it looked at before is looked at anew.
    pub fn look(&mut self, networks: Networks) {
        let Some(open) = &mut self.open else { return };
        let Some(subject) = open.subject.clone() else { return };
        open.stop_looking();
        open.looks += 1;
        let (number, looks, looking) = (open.number, open.looks, Looking::default());
        open.sight = Sight::Looking(looking.clone());
        self.desk.run(move || Told::Seen(number, looks, pointing::look(&networks, subject.picture(), &looking)));
    }

    /// Ends that.
    pub fn stop_looking(&mut self) {
        if let Some(open) = &mut self.open {
            open.stop_looking();
        }
        self.go_on();
    }

    /// Points at a place that belongs to what is meant or does not, as a step.
    pub fn point(&mut self, at: Point, belongs: bool) {
        let name = if belongs { "Click" } else { "Click on what it is not" };
        self.change_pointed(name, move |pointed| {
            let prompt = &mut pointed.prompt;
            if belongs { &mut prompt.clicks } else { &mut prompt.not }.push(at);
            pointed.choose = 0;
        });
    }

    /// Points at what is within a rectangle, as a step.
    pub fn point_within(&mut self, corners: [Point; 2]) {
        self.change_pointed("Frame", move |pointed| (pointed.prompt.within, pointed.choose) = (Some(corners), 0));
    }

    /// Points at what words name, as a step, once it is found. Takes many seconds, in the background.
    pub fn name(&mut self, words: String, networks: Networks) {
        let Some(open) = self.open.as_mut().filter(|open| open.can_point() && open.naming.is_none()) else { return };
        let Some(subject) = open.subject.clone() else { return };
        let looking = Looking::default();
        open.naming = Some(looking.clone());
        open.namings += 1;
        let (number, naming, known) = (open.number, open.namings, open.words.clone());
        self.desk.run(move || {
            let (network, found) = pointing::named(&words, known, &networks, subject.picture(), &looking);
            Told::Named(number, naming, network, found)
        });
    }

    /// Ends that.
    pub fn stop_naming(&mut self) {
        if let Some(looking) = self.open.as_mut().and_then(|open| open.naming.take()) {
            looking.stop.raise();
        }
    }

    /// Takes another of the masks that can be meant, from 0, as a step.
    pub fn choose(&mut self, at: usize) {
        self.change_pointed("Another mask", move |pointed| pointed.choose = at);
    }

    /// Keeps what is pointed at, and points at somebody else from now on, as a step.
    pub fn settle(&mut self) {
        let Some(size) = self.open.as_ref().and_then(|open| Some(open.picture()?.dimensions())) else { return };
        self.change("Keep it", move |chosen| chosen.settle(size));
    }

    fn change_pointed(&mut self, name: &'static str, change: impl FnOnce(&mut Pointed) + 'static) {
        // Nobody would answer.
        if self.open.as_ref().is_some_and(Open::can_point) {
            self.change(name, move |chosen| change(&mut chosen.pointed));
        }
    }
}

impl Open {
    /// How far Segment Anything is with the photo.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    /// Whether Segment Anything can be asked, now or soon.
    pub fn can_point(&self) -> bool {
        matches!(self.sight, Sight::Looking(_) | Sight::Seen(_))
    }

    /// How far the search for what words name is, 0 to 1; none while there is none.
    pub fn naming(&self) -> Option<f32> {
        self.naming.as_ref().map(Looking::done)
    }

    /// What is pointed at.
    pub fn pointed(&self) -> &Pointed {
        &self.steps.now().pointed
    }

    /// Which mask is taken of how many that can be meant, from 0, and how much of it is right, as the network thinks. `None`
    /// while it does not know.
    pub fn answer(&self) -> Option<(usize, usize, f32)> {
        let now = self.steps.now();
        let answer = now.answer.as_ref().filter(|_| now.is_answered() && !now.pointed.prompt.is_empty())?;
        Some((answer.at, answer.count(), answer.score))
    }
}
