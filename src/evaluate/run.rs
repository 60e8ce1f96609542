//! Making the pictures of a suite: what is there already is not made again, what fails is written down in words, and whoever
//! stops loses nothing but the pictures that are being made.
//!
//! Several engines take units as they become free, each those of a layout that no other is at. One thread looks after all of
//! them: it also measures and keeps what they made.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use image::RgbImage;

use super::crew::{Crew, Next};
use super::desk::{Desk, Prepared, composed, read};
pub use super::desk::{Order, Strip};
use super::record::{Cost, Outcome, Record};
use super::suite::{Suite, Unit};
use crate::link::{DeviceChoice, Event, Finished, JobId, StepView, Warning, Watch};
use crate::project::{DiskFiles, Project};

/// What is told while it runs.
pub enum Told<'a> {
    /// How many units are there already, and how many there are in all.
    There(usize, usize),
    /// Encoders look at a picture that is there and that they have not seen: the nth of how many.
    Measures(usize, usize),
    /// A unit begins: which, counted from 1 among all.
    Begins(usize, &'a Unit<'a>),
    /// An engine says something of one.
    Engine(&'a Event),
    /// A device has failed, and why, in words; the others make what it was to make. Told once.
    Gone(DeviceChoice, &'a str),
    /// A unit has ended.
    Ended(&'a Record),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All units are there, made or failed.
    Done,
    /// Somebody stopped it.
    Stopped,
}

/// Makes all units that are not there yet. The first message of `interrupts` stops it.
///
/// # Errors
/// In words, when results cannot be written or the engines are gone. What fails in one picture is no error.
pub fn run(
    order: &Order<'_>,
    crew: &mut Crew,
    interrupts: &Receiver<()>,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Ending, String> {
    let mut desk = Desk::new(order);
    let (mut left, mut unseen) = (VecDeque::new(), Vec::new());
    for (index, unit) in order.units.iter().enumerate() {
        let prepared = desk.prepare(unit);
        if !desk.is_there(unit, &prepared) {
            left.push_back(Waiting { number: index + 1, unit, prepared });
        } else if desk.is_unseen(unit) {
            unseen.push(unit);
        }
    }
    tell(Told::There(order.units.len() - left.len(), order.units.len()));
    for (index, unit) in unseen.iter().enumerate() {
        tell(Told::Measures(index + 1, unseen.len()));
        desk.look_at(unit)?;
        if interrupts.try_recv().is_ok() {
            return Ok(Ending::Stopped);
        }
    }
    let running = (0..crew.len()).map(|_| None).collect();
    let shift = Shift { order, desk, crew, interrupts, tell, left, running, made: VecDeque::new(), stopping: false };
    shift.run()
}

/// A project of each method and case among these units: what all others of theirs ask of the memory too. What cannot be
/// composed is left out, and fails when its turn comes.
pub fn one_of_each(suite: &Suite, units: &[Unit<'_>], base: &Path) -> Vec<Project> {
    let files = DiskFiles { base: base.to_owned(), assets: crate::assets::find };
    let mut seen = HashSet::new();
    let first = units.iter().filter(|unit| seen.insert((unit.method.name, unit.case.name())));
    first.filter_map(|unit| composed(suite, unit, &files).ok()).collect()
}

/// Measures the pictures that are there anew, as this program and these encoders measure. Gives how many there are.
///
/// # Errors
/// In words, when something cannot be read or written.
pub fn measure_again(order: &Order<'_>) -> Result<usize, String> {
    let mut desk = Desk::new(order);
    let mut count = 0;
    for unit in &order.units {
        let name = unit.name();
        let Some(mut record) = order.folder.record(&name) else { continue };
        let Outcome::Made(measures) = &record.outcome else { continue };
        let (is_measured, is_placed) = (measures.is_some(), unit.prompt.photo.is_some());
        if !is_measured && !is_placed && order.encoders.is_empty() {
            continue;
        }
        let picture = read(&order.folder.picture(&name))?;
        let finished = desk.finished(unit, &picture)?;
        record.background = finished.background;
        if is_measured && let Some(ruler) = desk.ruler_of(unit)?.as_ref().map_err(Clone::clone)? {
            record.outcome = Outcome::Made(Some(ruler.measure(&finished.picture)?));
        }
        desk.learn(unit, &finished.picture, &mut record)?;
        order.folder.keep(&record)?;
        count += 1;
    }
    Ok(count)
}

/// A unit that nobody has begun.
struct Waiting<'a> {
    /// Counted from 1 among all.
    number: usize,
    unit: &'a Unit<'a>,
    /// What it is made of, or why it cannot be made.
    prepared: Result<Prepared, String>,
}

/// A unit that an engine is at.
struct Running<'a> {
    number: usize,
    unit: &'a Unit<'a>,
    prepared: Prepared,
    job: JobId,
    begun: Instant,
    notes: Vec<String>,
    cost: Cost,
    /// Whether the device is why it is about to fail.
    unfit: bool,
    /// What the method saw, where that is kept.
    seen: Vec<Arc<StepView>>,
}

/// A picture that nobody has measured.
struct Made<'a> {
    of: Running<'a>,
    picture: RgbImage,
    finished: Arc<Finished>,
    took: Duration,
}

/// A run at work.
struct Shift<'a, 'b> {
    order: &'a Order<'a>,
    desk: Desk<'a>,
    crew: &'b mut Crew,
    interrupts: &'b Receiver<()>,
    tell: &'b mut dyn FnMut(Told<'_>),
    left: VecDeque<Waiting<'a>>,
    /// Of each engine, what it is at.
    running: Vec<Option<Running<'a>>>,
    made: VecDeque<Made<'a>>,
    stopping: bool,
}

impl<'a> Shift<'a, '_> {
    fn run(mut self) -> Result<Ending, String> {
        loop {
            // An engine alone rests while its picture is measured, so that its times are its own; several do not wait for that.
            if self.crew.len() > 1 || self.made.is_empty() {
                self.hand_out()?;
            }
            if let Some(made) = self.made.pop_front() {
                self.measure(made)?;
                continue;
            }
            let at_work: Vec<usize> = (0..self.running.len()).filter(|hand| self.running[*hand].is_some()).collect();
            if at_work.is_empty() {
                return Ok(if self.stopping { Ending::Stopped } else { Ending::Done });
            }
            match self.crew.wait(&at_work, self.interrupts)? {
                Next::Stop => self.stop(),
                Next::Told(hand, event) => self.take(hand, event)?,
            }
        }
    }

    /// Gives those something to do that have nothing.
    fn hand_out(&mut self) -> Result<(), String> {
        let free: Vec<usize> = self.crew.present().filter(|hand| self.running[*hand].is_none()).collect();
        for hand in free {
            // What cannot be made at all costs nobody's time.
            while !self.stopping && self.running[hand].is_none() {
                let Some(next) = self.next_unit() else { return Ok(()) };
                self.begin(hand, next)?;
            }
        }
        Ok(())
    }

    /// Of what is left, the first whose layout no engine is at: two would invert the same one at the same time. Else the first.
    fn next_unit(&mut self) -> Option<Waiting<'a>> {
        let same = |one: &Unit<'_>, other: &Unit<'_>| {
            std::ptr::eq(one.case, other.case) && std::ptr::eq(one.prompt, other.prompt)
        };
        let taken = |unit: &Unit<'_>| self.running.iter().flatten().any(|running| same(running.unit, unit));
        let at = self.left.iter().position(|waiting| !taken(waiting.unit)).unwrap_or(0);
        self.left.remove(at)
    }

    fn begin(&mut self, hand: usize, Waiting { number, unit, prepared }: Waiting<'a>) -> Result<(), String> {
        (self.tell)(Told::Begins(number, unit));
        let begun = Instant::now();
        let (prepared, hindrance) = match prepared {
            Ok(prepared) => (Some(prepared), self.desk.hindrance(unit)?),
            Err(words) => (None, Some(words)),
        };
        match (prepared, hindrance) {
            (Some(prepared), None) => {
                let (project, base) = (prepared.project.clone(), self.order.base.to_owned());
                let watch = if self.desk.has_strip(unit) { Watch::ALL } else { Watch::default() };
                let job = self.crew.engine(hand).render(project, base, self.crew.device(hand), watch);
                let (notes, cost, seen) = (Vec::new(), Cost::default(), Vec::new());
                self.running[hand] =
                    Some(Running { number, unit, prepared, job, begun, notes, cost, unfit: false, seen });
                Ok(())
            }
            (prepared, hindrance) => {
                let hash = prepared.map(|prepared| prepared.hash).unwrap_or_default();
                let cost = Cost { seconds: begun.elapsed().as_secs_f64(), ..Cost::default() };
                let failed = Outcome::Failed(hindrance.unwrap_or_default());
                self.keep(&Record::new(unit.name(), hash, failed, Vec::new(), cost))
            }
        }
    }

    /// Nothing is begun any more, and what is being made is given up.
    fn stop(&mut self) {
        self.stopping = true;
        for (hand, running) in self.running.iter().enumerate() {
            if let Some(running) = running {
                self.crew.engine(hand).cancel(running.job);
            }
        }
    }

    /// Takes in what an engine tells.
    fn take(&mut self, hand: usize, event: Option<Event>) -> Result<(), String> {
        let Some(running) = &mut self.running[hand] else { return Ok(()) };
        let Some(event) = event else {
            let words = "the engine has ended; please report this";
            return if self.give_back(hand, words) { Ok(()) } else { Err(words.to_owned()) };
        };
        (self.tell)(Told::Engine(&event));
        match event {
            Event::Device(report) => {
                let held = report.process_bytes.map(|bytes| bytes + report.pool.map_or(0, |pool| pool.reserved));
                running.cost.memory = running.cost.memory.max(held);
                running.cost.device.clone_from(&report.name);
            }
            Event::Unfit(of) if of == running.job => running.unfit = true,
            Event::Step(of, view) if of == running.job && self.desk.has_strip(running.unit) => running.seen.push(view),
            // Without its numbers, so that the report counts in how many pictures it was.
            Event::Warning(of, Warning::Finding(finding)) if of == running.job => running.notes.push(finding.summary()),
            Event::Warning(of, warning) if of == running.job => running.notes.push(warning.to_string()),
            Event::Done(of, finished) if of == running.job => match finished.pictures.first() {
                Some(picture) => {
                    let picture = picture.clone();
                    let took = running.begun.elapsed();
                    self.made.extend(self.running[hand].take().map(|of| Made { of, picture, finished, took }));
                }
                None => return self.fail(hand, "no picture came out"),
            },
            Event::Cancelled(of) if of == running.job => self.running[hand] = None,
            Event::Failed(of, words) if of == running.job => {
                let others = running.unfit && self.give_back(hand, &words);
                return if others { Ok(()) } else { self.fail(hand, &words) };
            }
            _ => {}
        }
        Ok(())
    }

    /// Lets go of an engine whose device has failed, where another is left, which makes what it was at. Says whether it did.
    fn give_back(&mut self, hand: usize, words: &str) -> bool {
        if !self.crew.dismiss(hand) {
            return false;
        }
        (self.tell)(Told::Gone(self.crew.device(hand), words));
        if let Some(Running { number, unit, prepared, .. }) = self.running[hand].take() {
            self.left.push_front(Waiting { number, unit, prepared: Ok(prepared) });
        }
        true
    }

    /// Writes down that what an engine was at has failed.
    fn fail(&mut self, hand: usize, words: &str) -> Result<(), String> {
        let Some(Running { unit, prepared, begun, notes, mut cost, .. }) = self.running[hand].take() else {
            return Ok(());
        };
        cost.seconds = begun.elapsed().as_secs_f64();
        self.keep(&Record::new(unit.name(), prepared.hash, Outcome::Failed(words.to_owned()), notes, cost))
    }

    fn measure(&mut self, Made { mut of, picture, finished, took }: Made<'a>) -> Result<(), String> {
        // Drawing it is no part of what the picture costs.
        of.notes.extend(self.desk.keep_strip(of.unit, &of.prepared.project, &of.seen, &finished)?);
        let begun = Instant::now();
        let mut record = self.desk.take(of.unit, of.prepared, &picture, of.notes, of.cost)?;
        record.cost.seconds = (took + begun.elapsed()).as_secs_f64();
        self.keep(&record)
    }

    fn keep(&mut self, record: &Record) -> Result<(), String> {
        self.order.folder.keep(record)?;
        (self.tell)(Told::Ended(record));
        if !self.stopping && self.interrupts.try_recv().is_ok() {
            self.stop();
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
