//! A search of settings: which of many give the best pictures of a suite, in as few pictures as can be told apart.
//!
//! Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): every candidate makes a few pictures, the better half
//! makes twice as many, and so on until one is left. It searches on seeds that no report of the suite sees (from
//! [`TUNING`] on); what is left is then compared with the suite's own settings on the suite's seeds, picture by picture, so
//! that luck in the search is no luck in the numbers.
//!
//! - Which candidates are there? `space.rs`. What is told of it? `told.rs`.
//!
//! Every candidate has a folder of its own, which is an evaluation as any other: whoever stops goes on with the same command,
//! and nothing is made twice.

mod space;
mod told;

use std::collections::BTreeMap;
use std::path::Path;

use crossbeam_channel::Receiver;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use self::space::{Axis, Candidate, MOST};
use super::crew::Crew;
use super::encoders::Encoders;
use super::methods::{FULL, method};
use super::metrics::{Measures, Metric};
use super::record::{Folder, Record};
use super::run::{Ending, Order, Told, run};
use super::statistics::{Difference, Draws, Mean};
use super::suite::{Measure, Suite, Unit};

/// The first seed that is searched with. A suite's own begin at 0.
pub const TUNING: u64 = 1_000_000;

/// What a picture is worth, −1..1.5: the share of its concepts that are recognised and half the share of their masks in their
/// own colours, less leakage, and less what is there too often or not at all, in figures for each concept. A picture that
/// could not be made is worth −1.
pub fn worth(measures: Option<&Measures>) -> f64 {
    let Some(measures) = measures else { return -1.0 };
    let asked = measures.subjects.len().max(1) as f64;
    let astray = (measures.figures.abs_diff(measures.subjects.len()) as f64 / asked).min(1.0);
    let of = |metric: Metric| metric.of(measures);
    (of(Metric::Recognised) + 0.5 * of(Metric::Identity) - 0.5 * of(Metric::Leakage) - 0.5 * astray).max(-1.0)
}

/// How much is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effort {
    /// Candidates, the suite's own settings among them.
    pub candidates: usize,
    /// Pictures of each in the first round.
    pub first: usize,
    /// Pictures of the winner, and of the suite's own settings, for the comparison.
    pub last: usize,
}

/// What is searched, as it lies in the folder: the same command goes on, another one is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    suite: Suite,
    axes: Vec<Axis>,
    effort: Effort,
}

/// A search.
pub struct Search<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// The folder that its paths start from.
    pub base: &'a Path,
    /// What may change.
    pub axes: Vec<Axis>,
    /// How much is made.
    pub effort: Effort,
}

/// A candidate in a round.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which.
    pub candidate: Candidate,
    /// The mean of what its pictures are worth.
    pub worth: f64,
    /// How many pictures.
    pub pictures: usize,
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Each round, the best first.
    pub rounds: Vec<Vec<Standing>>,
    /// Who is left.
    pub winner: Candidate,
    /// The winner and the suite's own settings on the suite's own seeds, and their difference; none where the suite's own
    /// settings are what is left.
    pub last: Option<Last>,
}

/// The comparison on the suite's own seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// The winner's.
    pub winner: Mean,
    /// Of the suite's own settings.
    pub own: Mean,
    /// The winner less the suite's own settings, of the same pictures.
    pub difference: Difference,
    /// Each metric of the tables: the winner's mean, and that of the suite's own settings.
    pub metrics: Vec<(Metric, f64, f64)>,
}

impl Last {
    /// Whether the winner is better beyond the interval.
    pub fn is_better(&self) -> bool {
        self.difference.mean.interval.0 > 0.0
    }
}

const PLAN: &str = "search.json";

/// Of a candidate: its suite, where its results are, and how often it was asked.
struct Asked {
    candidate: Candidate,
    suite: Suite,
    folder: Folder,
}

impl Search<'_> {
    /// Searches, or goes on; none where somebody stopped it.
    ///
    /// # Errors
    /// In words: settings that do not exist, a folder of another search, results that cannot be written. What fails in one
    /// picture is no error.
    pub fn run(
        &self,
        out: &Path,
        crew: &mut Crew,
        interrupts: &Receiver<()>,
        tell: &mut dyn FnMut(&Candidate, Told<'_>),
    ) -> Result<Option<Found>, String> {
        if self.suite.measure == Measure::Nothing {
            let name = &self.suite.name;
            return Err(format!(
                "the suite {name} measures nothing, so nothing can be told apart; set its measure: Plush"
            ));
        }
        let candidates = space::candidates(self.suite, &self.axes, self.effort.candidates)?;
        self.begin(out)?;
        let asked = |candidate: Candidate| -> Result<Asked, String> {
            let suite = candidate.suite(self.suite)?;
            let folder = Folder::create(&out.join(&candidate.name))?;
            let choice = suite.choice(false, &[FULL.to_owned()]).map_err(|error| error.to_string())?;
            folder.begin(&suite, &choice)?;
            Ok(Asked { candidate, suite, folder })
        };
        let mut running = candidates.into_iter().map(asked).collect::<Result<Vec<_>, _>>()?;
        let (mut rounds, mut pictures) = (Vec::new(), self.effort.first.max(1));
        while running.len() > 1 {
            let mut standings = Vec::new();
            for one in running {
                let Some(records) = self.make(&one, Seeds::Tuning(pictures), crew, interrupts, tell)? else {
                    return Ok(None);
                };
                standings.push((mean_worth(&records), one));
            }
            // Sorting is stable, and the suite's own settings come first: equals leave them in front.
            standings.sort_by(|a, b| b.0.total_cmp(&a.0));
            let standing =
                |(worth, one): &(f64, Asked)| Standing { candidate: one.candidate.clone(), worth: *worth, pictures };
            rounds.push(standings.iter().map(standing).collect());
            standings.truncate(standings.len().div_ceil(2));
            running = standings.into_iter().map(|(_, one)| one).collect();
            pictures *= 2;
        }
        let Some(winner) = running.pop() else { return Err("there is nothing to search".to_owned()) };
        let last = if winner.candidate.is_own() {
            None
        } else {
            let own = asked(Candidate::own())?;
            let seeds = Seeds::Own(self.effort.last.max(2));
            let Some(of_winner) = self.make(&winner, seeds, crew, interrupts, tell)? else {
                return Ok(None);
            };
            let Some(of_own) = self.make(&own, seeds, crew, interrupts, tell)? else { return Ok(None) };
            self.compare(seeds, &of_winner, &of_own)
        };
        let found = Found { rounds, winner: winner.candidate, last };
        Folder::create(out)?.put(&out.join("search.md"), told::markdown(self, &found).as_bytes())?;
        Ok(Some(found))
    }

    /// Writes down what is searched, or checks that it is what was begun here.
    fn begin(&self, out: &Path) -> Result<(), String> {
        let plan = Plan { suite: self.suite.clone(), axes: self.axes.clone(), effort: self.effort.clone() };
        let path = out.join(PLAN);
        let text = serde_json::to_vec_pretty(&plan).map_err(|error| format!("{}: {error}", path.display()))?;
        match std::fs::read(&path) {
            Ok(before) if serde_json::from_slice::<Plan>(&before).is_ok_and(|before| before == plan) => Ok(()),
            Ok(_) => Err(format!("{}: holds another search; name another folder with --out", out.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Folder::create(out)?.put(&path, &text),
            Err(error) => Err(format!("{}: cannot be read ({error})", path.display())),
        }
    }

    /// A candidate's pictures; none where somebody stopped.
    fn make(
        &self,
        one: &Asked,
        seeds: Seeds,
        crew: &mut Crew,
        interrupts: &Receiver<()>,
        tell: &mut dyn FnMut(&Candidate, Told<'_>),
    ) -> Result<Option<Vec<Option<Record>>>, String> {
        let units = seeds.units(&one.suite);
        let encoders = Encoders::default();
        let order = Order {
            encoders: &encoders,
            suite: &one.suite,
            base: self.base,
            units: units.clone(),
            folder: &one.folder,
            strips: None,
        };
        match run(&order, crew, interrupts, &mut |told| tell(&one.candidate, told))? {
            Ending::Stopped => Ok(None),
            Ending::Done => Ok(Some(units.iter().map(|unit| one.folder.record(&unit.name())).collect())),
        }
    }

    fn compare(&self, seeds: Seeds, winner: &[Option<Record>], own: &[Option<Record>]) -> Option<Last> {
        let units = seeds.units(self.suite);
        let mut nest: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for (index, unit) in units.iter().enumerate() {
            nest.entry(unit.case.name()).or_default().entry(unit.prompt.name.clone()).or_default().push(index);
        }
        let nest = nest.into_values().map(|prompts| prompts.into_values().collect()).collect();
        let draws = Draws::new(nest, units.len());
        let values = |records: &[Option<Record>], of: &dyn Fn(Option<&Measures>) -> f64| -> Vec<Option<f64>> {
            records.iter().map(|record| Some(of(measures_of(record)))).collect()
        };
        let (of_winner, of_own) = (values(winner, &worth), values(own, &worth));
        let metric = |metric: Metric| {
            let of = |measures: Option<&Measures>| measures.map_or(metric.worst(), |measures| metric.of(measures));
            let mean = |records| draws.mean(&values(records, &of)).map(|mean| mean.mean);
            Some((metric, mean(winner)?, mean(own)?))
        };
        Some(Last {
            winner: draws.mean(&of_winner)?,
            own: draws.mean(&of_own)?,
            difference: draws.difference(&of_winner, &of_own)?,
            metrics: Metric::ALL.into_iter().filter_map(metric).collect(),
        })
    }
}

fn measures_of(record: &Option<Record>) -> Option<&Measures> {
    record.as_ref().and_then(Record::measures)
}

fn mean_worth(records: &[Option<Record>]) -> f64 {
    let all: f64 = records.iter().map(|record| worth(measures_of(record))).sum();
    all / records.len().max(1) as f64
}

/// Which pictures.
#[derive(Clone, Copy, Debug)]
enum Seeds {
    /// So many with seeds of the search.
    Tuning(usize),
    /// So many with the suite's own, and no more than it has.
    Own(usize),
}

impl Seeds {
    /// The units: of each seed all cases and prompts, in an order that is the same for all candidates and mixes them, so that
    /// the first few are no one case's.
    fn units(self, suite: &Suite) -> Vec<Unit<'_>> {
        let (from, seeds, count) = match self {
            Self::Tuning(count) => (TUNING, u64::MAX - TUNING, count),
            Self::Own(count) => (0, u64::from(suite.seeds(false)), count),
        };
        let Some(method) = method(FULL) else { return Vec::new() };
        let pairs: Vec<_> = suite
            .cases
            .iter()
            .filter(|case| !case.full)
            .flat_map(|case| suite.prompts_of(case).iter().filter(|prompt| !prompt.full).map(move |p| (case, p)))
            .collect();
        let of_seed = |seed: u64| {
            let mut pairs = pairs.clone();
            pairs.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            pairs.into_iter().map(move |(case, prompt)| Unit { case, prompt, method, seed })
        };
        // As many seeds as are needed, however many there are.
        let needed = count.div_ceil(pairs.len().max(1)) as u64;
        (from..from + seeds.min(needed)).flat_map(of_seed).take(count).collect()
    }
}

#[cfg(test)]
mod tests;
