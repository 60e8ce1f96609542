//! Cutting somebody out of a picture: the cut that is open, and what becomes of it.
//!
//! - What is chosen, what can be undone? `steps.rs`. What do threads work out, and in which order? Here: each state of the
//!   cut asks for what it lacks, one thing after the other, and what is asked for anew stops what is not wanted any more.
//! - Who is asked what is at a click, and what comes of it? `pointing.rs`.
//! - What is drawn by hand? `shape.rs`. What waits while it is? `waiting.rs`.
//! - What is written, and where? `made.rs`.

use std::path::PathBuf;
use std::sync::Arc;

use image::{GrayImage, RgbaImage};

pub use self::made::Made;
use self::pointing::{Answer, Looking};
pub use self::pointing::{Eyes, Networks, Pointed, Sight};
pub use self::shape::Shape;
pub use self::steps::Refinement;
use self::steps::{Chosen, Steps};
pub use self::tensors::open_tensors;
use self::waiting::{Change, Waiting};
use super::notice::{Notice, Place, sentence};
use super::places::Places;
use super::tasks::{Desk, Pool};
use crate::cut::shapes::Point;
use crate::cut::{Cutout, Found, Mode, Scribble, Stop, Subject, cutout, refine};
use crate::project::picture::{load_gray, load_rgba};
use crate::project::{Cut, DiskFiles};
use crate::segment::{Find, Words};

mod asking;
mod made;
mod pointing;
mod shape;
mod steps;
mod tensors;
mod waiting;

/// Where messages about cuts belong.
pub const PLACE: Place = Place::Canvas;
/// What is said where another project was opened while the files of a cut were written.
const PARTED: &str = "Another project was opened while the layer was being made. What is cut out is still here: make a layer \
                      of it to have it in the project that is open now.";
/// The number of no state: they are counted from 1.
const NO_STATE: u64 = 0;

/// What a cut is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new layer.
    NewLayer,
    /// A new layer, where the photo is the background and covers the canvas.
    OverBackground,
    /// A new layer over its own place in the photo that subjects are placed into: it is what shall be replaced.
    OverPhoto,
    /// Another picture for this layer, by its number in this document.
    Layer(u64, u32),
}

/// What came of a piece of work; the number says of which cut.
#[cfg_attr(test, derive(Clone))]
enum Told {
    Loaded(u64, Result<(Arc<Subject>, Option<GrayImage>), String>),
    /// A shape was laid over what was chosen; the number says which of the cut's shapes.
    Drawn(u64, u64, Shape, Option<Box<Chosen>>),
    /// The cut that a state's scribbles mean, by the state's number.
    Found(u64, u64, Option<Arc<Found>>),
    /// How far the networks are with the photo; the number says which time of asking.
    Seen(u64, u64, Sight),
    /// Where that is what words name, unless it was stopped, and who looked for it; the number says which time of asking.
    Named(u64, u64, Option<Arc<Words>>, Option<Result<Find, String>>),
    /// What they answer to a state, by the state's number.
    Answered(u64, u64, Result<Arc<Answer>, String>),
    /// A state as it is shown, by its number, and whether with what would be cut out.
    Shown(u64, (u64, bool), Option<Shown>),
    /// The number says which time of making.
    Made(u64, u64, Result<Box<Made>, String>),
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Loaded, Drawn, Found, Seen, Named, Answered, Shown, Made);

/// A state with its edge made right.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is chosen.
    pub mask: Arc<GrayImage>,
    /// What would be cut out, where somebody looks at it.
    pub cutout: Option<Arc<Cutout>>,
}

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// More is known than before.
    Learnt,
    /// Somebody is cut out, and the files are written.
    Made(Box<Made>),
    /// Something to say.
    Say(Notice),
}

/// The cut that is open.
pub struct Open {
    number: u64,
    /// The photo's file.
    pub photo: PathBuf,
    /// What it is for.
    pub purpose: Purpose,
    /// The photo, once it is read.
    subject: Option<Arc<Subject>>,
    /// What was chosen of it before, where it is opened again: what the layer shows now.
    before: Option<[u32; 4]>,
    steps: Steps,
    /// What waits for a shape before it.
    waiting: Waiting,
    /// The state that is being cut, and the flag that ends it.
    cutting: Option<(u64, Stop)>,
    /// How far Segment Anything is with the photo, and how often it was asked to look.
    sight: Sight,
    looks: u64,
    /// Who finds what words name, once that was asked for; how far it is while it looks, and how often it was asked.
    words: Option<Arc<Words>>,
    naming: Option<Looking>,
    namings: u64,
    /// The state that it is asked about.
    answering: Option<u64>,
    /// The state that is shown or being made ready, and what is shown.
    preparing: Option<(u64, bool, Stop)>,
    shown: Option<(u64, bool, Shown)>,
    /// Whether somebody looks at what would be cut out.
    preview: bool,
    /// Whether files are being written, and how often that was begun.
    making: bool,
    makes: u64,
    /// Which time of it is for a project that is no longer open.
    parted: Option<u64>,
    /// How many shapes were given away to be drawn.
    drawings: u64,
}

/// The cut that is open, if any.
pub struct Cutting {
    open: Option<Open>,
    count: u64,
    desk: Desk<Told>,
}

impl Cutting {
    /// Nothing is open. Cutting has threads of its own: it may take seconds, for which the files of others would wait.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(pool: &Pool) -> std::io::Result<Self> {
        Ok(Self { open: None, count: 0, desk: pool.another("cut")?.desk() })
    }

    /// What is open.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Whether anything is being worked out, or is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Opens a picture to be cut, and what was chosen of it before.
    ///
    /// # Errors
    /// In words, when another cut is open whose work would be lost.
    pub fn begin(
        &mut self,
        files: DiskFiles,
        photo: PathBuf,
        before: Option<Cut>,
        purpose: Purpose,
    ) -> Result<(), Notice> {
        if self.open.as_ref().is_some_and(Open::is_changed) {
            let words = "Another picture is being cut. Make a layer of it first, or cancel it.";
            return Err(Notice::new(PLACE, words));
        }
        self.close();
        self.count += 1;
        let number = self.count;
        self.open = Some(Open {
            number,
            photo: photo.clone(),
            purpose,
            subject: None,
            before: None,
            steps: Steps::default(),
            waiting: Waiting::default(),
            cutting: None,
            sight: Sight::Unasked,
            looks: 0,
            words: None,
            naming: None,
            namings: 0,
            answering: None,
            preparing: None,
            shown: None,
            preview: false,
            making: false,
            makes: 0,
            parted: None,
            drawings: 0,
        });
        self.desk.run(move || {
            let load = || -> Result<(Arc<Subject>, Option<GrayImage>), String> {
                let picture = load_rgba(&files, &photo).map_err(|error| error.to_string())?;
                let size = picture.dimensions();
                // A mask that is gone, or of another size, is no reason not to cut anew.
                let mask = before.and_then(|cut| load_gray(&files, &cut.mask).ok());
                let mask = mask.filter(|mask| mask.dimensions() == size);
                let subject = Subject::new(picture, &Stop::default()).ok_or("it was given up")?;
                Ok((Arc::new(subject), mask))
            };
            Told::Loaded(number, load())
        });
        Ok(())
    }

    /// Another project is opened: what is being made is no layer of that, unless somebody says so.
    pub fn part(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|open| open.making) {
            (open.making, open.parted) = (false, Some(open.makes));
        }
    }

    /// Gives up what is open.
    pub fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.stop();
        }
    }

    /// Changes what is chosen by hand, as a step.
    pub fn draw(&mut self, shape: Shape, mode: Mode) {
        if let Some(open) = &mut self.open {
            open.waiting.push(Change::Shape(shape, mode));
        }
        self.go_on();
    }

    /// Says that the subject is within a rectangle, as a step.
    pub fn frame(&mut self, corners: [Point; 2]) {
        self.change("Frame", move |chosen| chosen.hints.within = Some(corners));
    }

    /// Says what belongs to the subject or does not, as a step.
    pub fn scribble(&mut self, scribble: Scribble) {
        let Some(size) = self.open.as_ref().and_then(|open| Some(open.picture()?.dimensions())) else { return };
        let name = if scribble.keep { "Keep" } else { "Remove" };
        self.change(name, move |chosen| chosen.scribble(scribble, size));
    }

    /// Chooses nothing, all, or the other part, as a step.
    pub fn whole(&mut self, name: &'static str, of: impl Fn(u8) -> u8 + 'static) {
        let Some(size) = self.open.as_ref().and_then(|open| Some(open.picture()?.dimensions())) else { return };
        self.change(name, move |chosen| {
            let mut mask = chosen.mask(size);
            mask.iter_mut().for_each(|value| *value = of(*value));
            let refinement = chosen.refinement;
            *chosen = Chosen::by_hand(mask);
            chosen.refinement = refinement;
        });
    }

    /// What becomes of the edge. Changes that follow each other are one step.
    pub fn set_refinement(&mut self, refinement: Refinement) {
        if let Some(open) = &mut self.open {
            open.steps.refine(refinement);
        }
        self.go_on();
    }

    /// Whether somebody looks at what would be cut out.
    pub fn set_preview(&mut self, preview: bool) {
        if let Some(open) = &mut self.open {
            open.preview = preview;
        }
        self.go_on();
    }

    /// One step back.
    pub fn undo(&mut self) {
        if let Some(open) = &mut self.open {
            // What is not made yet is the last step.
            if !open.waiting.take_back() {
                open.steps.undo();
            }
        }
        self.go_on();
    }

    /// One step forward again.
    pub fn redo(&mut self) {
        if let Some(open) = &mut self.open {
            open.steps.redo();
        }
        self.go_on();
    }

    /// Writes what is cut out and tells of it. Does nothing while there is nothing to show.
    pub fn finish(&mut self, places: &Places) {
        let Some(open) = &mut self.open else { return };
        let Some(subject) = open.subject.clone().filter(|_| open.can_finish()) else { return };
        let Some((_, _, shown)) = &open.shown else { return };
        (open.making, open.parted) = (true, None);
        open.makes += 1;
        let makes = open.makes;
        let (number, photo, purpose, before) = (open.number, open.photo.clone(), open.purpose, open.before);
        let (mask, clean) = (shown.mask.clone(), open.steps.now().refinement.clean);
        let places = places.clone();
        self.desk.run(move || {
            let cut = cutout(subject.picture(), &mask, clean, &Stop::default());
            let made = cut.ok_or_else(|| "nothing is chosen".to_owned()).and_then(|cut| {
                let size = subject.picture().dimensions();
                made::write(&places, photo, (purpose, before), size, &cut, &mask).map_err(|error| error.to_string())
            });
            Told::Made(number, makes, made.map(Box::new))
        });
    }

    /// Takes in what was worked out.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            outcomes.push(self.take(told));
        }
        if !outcomes.is_empty() {
            self.go_on();
        }
        outcomes
    }

    fn change(&mut self, name: &'static str, change: impl FnOnce(&mut Chosen) + 'static) {
        if let Some(open) = self.open.as_mut().filter(|open| open.subject.is_some() && !open.making) {
            open.waiting.push(Change::Now(name, Box::new(change)));
        }
        self.go_on();
    }

    fn take(&mut self, told: Told) -> Outcome {
        let number = match &told {
            Told::Loaded(number, _)
            | Told::Drawn(number, ..)
            | Told::Found(number, ..)
            | Told::Seen(number, ..)
            | Told::Answered(number, ..)
            | Told::Named(number, ..)
            | Told::Shown(number, ..)
            | Told::Made(number, ..) => *number,
        };
        // What concerns a cut that was given up is of no use.
        let Some(open) = self.open.as_mut().filter(|open| open.number == number) else { return Outcome::Learnt };
        match told {
            Told::Loaded(..) if open.subject.is_some() => {}
            Told::Loaded(_, Ok((subject, mask))) => {
                open.subject = Some(subject);
                if let Some(mask) = mask {
                    open.before = crate::cut::area::bounds(&mask);
                    open.steps = Steps::new(Chosen::by_hand(mask));
                }
            }
            Told::Loaded(_, Err(words)) => {
                self.open = None;
                return Outcome::Say(Notice::new(PLACE, sentence(&words)));
            }
            // It was told already.
            Told::Drawn(_, drawing, ..) if drawing != open.drawings || !open.waiting.is_drawing() => {}
            Told::Drawn(.., shape, chosen) => {
                let stays = open.waiting.drawn();
                if let Some(chosen) = chosen.filter(|_| stays) {
                    // The edge may be another meanwhile.
                    open.steps.change(shape.name(), |now| {
                        let refinement = now.refinement;
                        *now = *chosen;
                        now.refinement = refinement;
                    });
                }
            }
            Told::Found(_, state, found) => {
                open.cutting = open.cutting.take().filter(|(other, _)| *other != state);
                if let Some(found) = found {
                    open.steps.found(state, found);
                }
            }
            Told::Seen(_, looks, sight) => {
                if looks == open.looks && matches!(open.sight, Sight::Looking(_)) {
                    open.sight = sight;
                }
            }
            Told::Named(_, naming, network, found) => {
                open.words = network;
                // One that was stopped, even if it came to its end just then, has nothing to say.
                if naming != open.namings || open.naming.take().is_none() {
                    return Outcome::Learnt;
                }
                match found {
                    Some(Ok(find)) => self.point_within(find.within),
                    Some(Err(words)) => return Outcome::Say(Notice::new(PLACE, sentence(&words))),
                    None => {}
                }
            }
            Told::Answered(_, state, answer) => {
                open.answering = open.answering.filter(|other| *other != state);
                // What is shown of it, from a time when nobody could be asked, is old.
                open.shown.iter_mut().filter(|(of, ..)| *of == state).for_each(|(of, ..)| *of = NO_STATE);
                if let Some((.., stop)) = open.preparing.take_if(|(of, ..)| *of == state) {
                    stop.raise();
                }
                match answer {
                    Ok(answer) => open.steps.answered(state, Some(answer)),
                    Err(words) => {
                        open.steps.answered(state, None);
                        return Outcome::Say(Notice::new(PLACE, sentence(&words)));
                    }
                }
            }
            Told::Shown(_, (state, preview), shown) => {
                if open.preparing.take_if(|(of, with, _)| (*of, *with) == (state, preview)).is_some()
                    && let Some(shown) = shown
                {
                    open.shown = Some((state, preview, shown));
                }
            }
            Told::Made(_, makes, _) if !open.making || makes != open.makes => {
                // The cut stays open: it is nobody's layer yet.
                if open.parted.take_if(|parted| *parted == makes).is_some() {
                    return Outcome::Say(Notice::new(PLACE, PARTED));
                }
            }
            Told::Made(.., Ok(made)) => {
                self.open = None;
                return Outcome::Made(made);
            }
            Told::Made(.., Err(words)) => {
                open.making = false;
                return Outcome::Say(Notice::new(PLACE, sentence(&words)));
            }
        }
        Outcome::Learnt
    }

    /// Gives away what the state in hand lacks.
    fn go_on(&mut self) {
        let Some(open) = &mut self.open else { return };
        let Some(subject) = open.subject.clone() else { return };
        let number = open.number;
        while let Some(change) = open.waiting.next() {
            match change {
                Change::Now(name, change) => open.steps.change(name, change),
                Change::Shape(shape, mode) => {
                    let (before, subject) = (open.steps.now().clone(), subject.clone());
                    open.drawings += 1;
                    let drawing = open.drawings;
                    self.desk.run(move || {
                        let patch = shape.patch(subject.picture(), &Stop::default());
                        let size = subject.picture().dimensions();
                        Told::Drawn(
                            number,
                            drawing,
                            shape,
                            patch.map(|patch| Box::new(before.with(&patch, mode, size))),
                        )
                    });
                }
            }
        }
        let state = open.steps.number();
        if let Some((_, stop)) = open.cutting.take_if(|(other, _)| *other != state) {
            stop.raise();
        }
        if !open.steps.now().is_cut() {
            if open.cutting.is_none() {
                let stop = Stop::default();
                open.cutting = Some((state, stop.clone()));
                let (chosen, subject) = (open.steps.now().clone(), subject);
                self.desk.run(move || {
                    let found = subject.cut(&chosen.hints, chosen.found.as_deref(), &stop);
                    Told::Found(number, state, found.map(Arc::new))
                });
            }
            return;
        }
        if !open.steps.now().is_answered() {
            match &open.sight {
                Sight::Seen(eyes) => {
                    if open.answering.is_none() {
                        open.answering = Some(state);
                        let (chosen, eyes) = (open.steps.now().clone(), eyes.clone());
                        self.desk.run(move || {
                            let answer = pointing::answer(&eyes, &chosen.pointed, chosen.answer.as_deref());
                            Told::Answered(number, state, answer.map(Arc::new))
                        });
                    }
                    return;
                }
                Sight::Looking(_) => return,
                // Whoever cannot be asked any more is left out.
                _ => {}
            }
        }
        let is_it = |state_of: u64, preview: bool| state_of == state && (preview || !open.preview);
        if open.shown.as_ref().is_some_and(|(of, preview, _)| is_it(*of, *preview))
            || open.preparing.as_ref().is_some_and(|(of, preview, _)| is_it(*of, *preview))
        {
            return;
        }
        if let Some((.., stop)) = open.preparing.take() {
            stop.raise();
        }
        let (stop, preview) = (Stop::default(), open.preview);
        open.preparing = Some((state, preview, stop.clone()));
        let chosen = open.steps.now().clone();
        self.desk.run(move || {
            let show = || {
                let picture = subject.picture();
                let mask = chosen.mask(picture.dimensions());
                let mask = refine(picture, &mask, chosen.refinement.edge, &stop)?;
                let cut = preview.then(|| cutout(picture, &mask, chosen.refinement.clean, &stop)).flatten();
                Some(Shown { mask: Arc::new(mask), cutout: cut.map(Arc::new) })
            };
            Told::Shown(number, (state, preview), show())
        });
    }
}

impl Open {
    fn stop(&self) {
        self.cutting.iter().for_each(|(_, stop)| stop.raise());
        self.preparing.iter().for_each(|(.., stop)| stop.raise());
        self.naming.iter().for_each(|looking| looking.stop.raise());
        if let Sight::Looking(looking) = &self.sight {
            looking.stop.raise();
        }
    }

    fn stop_looking(&mut self) {
        if let Sight::Looking(looking) = &self.sight {
            looking.stop.raise();
            self.sight = Sight::Unasked;
        }
    }

    /// Tells this cut from all others.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The photo, once it is read, behind what owns it.
    pub fn subject(&self) -> Option<&Arc<Subject>> {
        self.subject.as_ref()
    }

    /// The photo, once it is read.
    pub fn picture(&self) -> Option<&RgbaImage> {
        self.subject.as_ref().map(|subject| subject.picture())
    }

    /// What is chosen, with its edge made right; the last that was, while the next is on its way.
    pub fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref().map(|(.., shown)| shown)
    }

    /// The scribbles of the state in hand, and its rectangle.
    pub fn hints(&self) -> &crate::cut::Hints {
        &self.steps.now().hints
    }

    /// What becomes of the edge.
    pub fn refinement(&self) -> Refinement {
        self.steps.now().refinement
    }

    /// Whether there is work that giving up would lose.
    pub fn is_changed(&self) -> bool {
        self.steps.undo_name().is_some() || self.waiting.is_behind()
    }

    /// What undo takes back, where there is something.
    pub fn undo_name(&self) -> Option<&str> {
        self.steps.undo_name()
    }

    /// What redo brings back, where there is something.
    pub fn redo_name(&self) -> Option<&str> {
        self.steps.redo_name()
    }

    /// Whether what is shown is not what is chosen yet.
    pub fn is_behind(&self) -> bool {
        let state = self.steps.number();
        self.waiting.is_behind() || self.shown.as_ref().is_none_or(|(shown, ..)| *shown != state)
    }

    /// Whether files are being written.
    pub fn is_making(&self) -> bool {
        self.making
    }

    /// Whether something is chosen, and all that is chosen is shown.
    pub fn can_finish(&self) -> bool {
        let some = |shown: &Shown| shown.mask.iter().any(|value| *value > 0);
        !self.making && !self.is_behind() && self.shown().is_some_and(some)
    }
}

#[cfg(test)]
mod tests;
