//! Two settings of the open project side by side: which ones, over how many seeds, how far it is, and what it says.
//!
//! Pictures are rendered one at a time, so that other renders come in between and whoever stops loses nothing; they are
//! ordinary results of the gallery. What they are measured by is `evaluate/compare`'s, as for `podium compare`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::document::Document;
use super::document::history::ResultId;
use super::notice::Place;
use super::renders::Renders;
use super::renders::runs::{Origin, Run, State};
use super::tasks::{Desk, Pool};
pub use crate::engine::encoders::config::Kind as EncoderKind;
use crate::engine::encoders::inspect::kind_of;
pub use crate::evaluate::compare::{Line, Looks, Named, SEEDS, Score, Scores, Side, Start, Summary, Variant};
use crate::evaluate::compare::{Sight, background, order, ruler, summarise};
use crate::link::{DeviceChoice, Finished, JobId};
use crate::project::{DiskFiles, Project};

/// Where what concerns a comparison is said.
pub const PLACE: Place = Place::Comparing;

/// What is to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What A renders with.
    pub a: Variant,
    /// What B renders with.
    pub b: Variant,
    /// How many seeds, from the project's on. Range: [`SEEDS`].
    pub seeds: u32,
}

impl Default for Draft {
    fn default() -> Self {
        let without = Start::all().into_iter().find(|start| start.words() == "Without layout alignment");
        Self { a: Variant::default(), b: Variant::of(without.unwrap_or_default()), seeds: 4 }
    }
}

impl Draft {
    /// One side.
    pub fn side(&self, side: Side) -> &Variant {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// One side, to be changed.
    pub fn side_mut(&mut self, side: Side) -> &mut Variant {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

/// What became of one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// It waits for its turn.
    Waiting,
    /// It is being rendered.
    Rendering(JobId),
    /// It is rendered, and being measured.
    Measuring(ResultId),
    /// It is there.
    Made(ResultId, Scores),
    /// It failed, in words.
    Failed(String),
}

/// How a comparison goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// It goes on.
    On,
    /// It was stopped, and can go on.
    Stopped,
    /// All pictures are there, or failed.
    Done,
}

/// A comparison that was begun.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What A and B are, in words.
    pub words: [String; 2],
    /// The projects of both, with the first seed.
    pub projects: [Arc<Project>; 2],
    /// The seeds.
    pub seeds: Vec<u64>,
    /// `[seed][side]`
    pub cells: Vec<[Cell; 2]>,
    /// How it goes.
    pub going: Going,
    /// What the pictures so far say.
    pub summary: Summary,
    looks: Looks,
    folder: PathBuf,
    origin: Origin,
    name: String,
    number: u64,
}

impl Comparison {
    /// How many pictures are there or failed, and of how many.
    pub fn done(&self) -> (usize, usize) {
        let ended = |cell: &&Cell| matches!(cell, Cell::Made(..) | Cell::Failed(_));
        (self.cells.iter().flatten().filter(ended).count(), 2 * self.cells.len())
    }

    /// The projects of both sides as they are rendered, with where their relative paths start.
    pub fn projects(&self) -> [(Arc<Project>, PathBuf); 2] {
        self.projects.clone().map(|project| (project, self.folder.clone()))
    }

    /// The render that it waits for.
    pub fn rendering(&self) -> Option<JobId> {
        self.cells.iter().flatten().find_map(|cell| match cell {
            Cell::Rendering(job) => Some(*job),
            _ => None,
        })
    }

    fn cell_of(&mut self, of: &Cell) -> Option<&mut Cell> {
        self.cells.iter_mut().flatten().find(|cell| *cell == of)
    }

    fn sum_up(&mut self) {
        let scores = |cell: &Cell| match cell {
            Cell::Made(_, scores) => Some(scores.clone()),
            _ => None,
        };
        let pairs: Vec<[Option<Scores>; 2]> = self.cells.iter().map(|[a, b]| [scores(a), scores(b)]).collect();
        let pairs: Vec<[Option<&Scores>; 2]> = pairs.iter().map(|[a, b]| [a.as_ref(), b.as_ref()]).collect();
        self.summary = summarise(&pairs);
    }
}

/// What a thread found.
#[cfg_attr(test, derive(Clone))]
enum Found {
    /// A picture was measured.
    Measured(Box<Measured>),
    /// A folder, or ImageReward's file, is an encoder of this kind, or what else it is.
    Encoder(PathBuf, Result<EncoderKind, String>),
}

/// A picture was measured.
#[cfg_attr(test, derive(Clone))]
struct Measured {
    number: u64,
    result: ResultId,
    scores: Result<Scores, String>,
    /// Why encoders say nothing of it.
    unseen: Option<String>,
}

#[cfg(test)]
crate::studio::tasks::kinds!(Found: Measured, Encoder);

/// What the other rooms shall know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is something new to show.
    Told,
    /// What was chosen, a folder or ImageReward's file, is an encoder of this kind.
    Encoder(EncoderKind, PathBuf),
    /// Something to say on the page, in words.
    Say(String),
}

/// The encoders that are read, which all pictures share: one thread at a time measures with them.
type Eyes = Arc<Mutex<Option<Sight>>>;

/// The comparison that is open.
pub struct Comparing {
    /// What is to be compared next.
    pub draft: Draft,
    begun: Option<Comparison>,
    /// The folder or file that was chosen last, until it is known what it is.
    chosen: Option<PathBuf>,
    desk: Desk<Found>,
    eyes: Eyes,
    number: u64,
}

impl Comparing {
    /// Nothing compared yet. What measures has threads of its own: encoders take seconds for the first picture.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(pool: &Pool) -> std::io::Result<Self> {
        let (draft, eyes) = (Draft::default(), Eyes::default());
        Ok(Self { draft, begun: None, chosen: None, desk: pool.another("compare")?.desk(), eyes, number: 0 })
    }

    /// The comparison that was begun last.
    pub fn begun(&self) -> Option<&Comparison> {
        self.begun.as_ref()
    }

    /// Whether pictures are being measured.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Why nothing can be compared as it is chosen, in words.
    pub fn obstacle(&self, project: &Project) -> Option<String> {
        let settings = |side: Side| {
            let made = self.draft.side(side).settings(project);
            made.map_err(|words| format!("{}: {words}.", side.letter()))
        };
        match (settings(Side::A), settings(Side::B)) {
            (Err(words), _) | (_, Err(words)) => Some(words),
            (Ok(a), Ok(b)) if a == b => {
                Some("A and B have the same settings. Choose another start for one, or change a setting.".to_owned())
            }
            _ => None,
        }
    }

    /// Begins a comparison of the document as it is; one that was begun before is given up. `looks` is what measures its
    /// pictures, beside the rest.
    ///
    /// # Errors
    /// In words, where A or B cannot be rendered so, or both are the same.
    pub fn begin(&mut self, document: &Document, looks: Looks) -> Result<(), String> {
        let project = document.project();
        if let Some(words) = self.obstacle(project) {
            return Err(words);
        }
        let of = |side: Side| {
            let settings = self.draft.side(side).settings(project)?;
            Ok::<_, String>(Arc::new(Project { settings, pictures: 1, ..project.clone() }))
        };
        let projects = [of(Side::A)?, of(Side::B)?];
        let seeds: Vec<u64> = (0..u64::from(self.draft.seeds)).map(|index| project.seed.wrapping_add(index)).collect();
        self.number += 1;
        self.begun = Some(Comparison {
            words: Side::BOTH.map(|side| self.draft.side(side).words()),
            projects,
            cells: vec![[Cell::Waiting, Cell::Waiting]; seeds.len()],
            seeds,
            going: Going::On,
            summary: summarise(&[]),
            looks,
            folder: document.folder.clone(),
            origin: Origin::of(document),
            name: document.title(),
            number: self.number,
        });
        Ok(())
    }

    /// Takes pictures that are there already in the place of those that were to be made, `[seed][side]`.
    pub fn show(&mut self, cells: Vec<[Cell; 2]>) {
        let Some(begun) = &mut self.begun else { return };
        begun.cells = cells;
        begun.sum_up();
    }

    /// Stops it; what is there stays.
    pub fn stop(&mut self, renders: &mut Renders) {
        let Some(begun) = self.begun.as_mut().filter(|begun| begun.going == Going::On) else { return };
        begun.going = Going::Stopped;
        if let Some(job) = begun.rendering() {
            renders.stop(job);
            begun.cell_of(&Cell::Rendering(job)).into_iter().for_each(|cell| *cell = Cell::Waiting);
        }
    }

    /// Whether it can go on: it was stopped, or pictures of it failed.
    pub fn can_go_on(&self) -> bool {
        let lacks = |begun: &Comparison| begun.cells.iter().flatten().any(|cell| !matches!(cell, Cell::Made(..)));
        self.begun.as_ref().is_some_and(|begun| begun.going != Going::On && lacks(begun))
    }

    /// Goes on where it was stopped; what failed is tried again.
    pub fn go_on(&mut self) {
        let Some(begun) = self.begun.as_mut().filter(|begun| begun.going != Going::On) else { return };
        for cell in begun.cells.iter_mut().flatten().filter(|cell| matches!(cell, Cell::Failed(_))) {
            *cell = Cell::Waiting;
        }
        begun.going = Going::On;
    }

    /// Takes the picture of a render that has just finished, where it is one of these.
    pub fn take(&mut self, run: &Run, results: &[ResultId]) {
        let (Some(begun), Some(finished), Some(result)) = (&mut self.begun, run.finished(), results.first()) else {
            return;
        };
        let (number, looks, eyes) = (begun.number, begun.looks.clone(), self.eyes.clone());
        let Some(cell) = begun.cell_of(&Cell::Rendering(run.job)) else { return };
        *cell = Cell::Measuring(result.clone());
        let (project, base) = (run.project.clone(), run.folder.clone());
        let (finished, result) = (finished.clone(), result.clone());
        self.desk.run(move || {
            let (scores, unseen) = measure(&finished, &project, base, (number, &looks), &eyes);
            Found::Measured(Box::new(Measured { number, result, scores, unseen }))
        });
    }

    /// Looks whether a folder or a file is an encoder, and of which kind.
    pub fn look_at_encoder(&mut self, path: PathBuf) {
        self.chosen = Some(path.clone());
        self.desk.run(move || {
            let kind = kind_of(&path).map_err(|error| error.to_string());
            Found::Encoder(path, kind)
        });
    }

    /// Takes in what was measured.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(found) = self.desk.next() {
            let Measured { number, result, scores, unseen } = match found {
                Found::Measured(measured) => *measured,
                Found::Encoder(path, kind) => {
                    // Whoever chose another one meanwhile wants that.
                    if self.chosen.take_if(|chosen| *chosen == path).is_some() {
                        outcomes.push(match kind {
                            Ok(kind) => Outcome::Encoder(kind, path),
                            Err(words) => Outcome::Say(words),
                        });
                    }
                    continue;
                }
            };
            outcomes.push(unseen.map_or(Outcome::Told, Outcome::Say));
            let Some(begun) = self.begun.as_mut().filter(|begun| begun.number == number) else { continue };
            if let Some(cell) = begun.cell_of(&Cell::Measuring(result.clone())) {
                *cell = match scores {
                    Ok(scores) => Cell::Made(result, scores),
                    Err(words) => Cell::Failed(words),
                };
            }
            begun.sum_up();
        }
        outcomes
    }

    /// Looks after the render that it waits for, and starts the next one where none is left; `wait` where nothing shall be
    /// started now. Says whether anything changed.
    pub fn advance(&mut self, renders: &mut Renders, wait: bool) -> bool {
        let Some(begun) = self.begun.as_mut().filter(|begun| begun.going == Going::On) else { return false };
        if let Some(job) = begun.rendering() {
            return look_after(begun, job, renders);
        }
        let next = order(begun.seeds.len()).find(|(seed, side)| begun.cells[*seed][*side as usize] == Cell::Waiting);
        let Some((index, side)) = next else {
            if begun.done().0 == begun.done().1 {
                begun.going = Going::Done;
                return true;
            }
            return false;
        };
        if wait {
            return false;
        }
        let seed = begun.seeds[index];
        let project = Arc::new(Project { seed, ..Project::clone(&begun.projects[side as usize]) });
        let name = format!("{} {}, seed {seed}", begun.name, side.letter());
        let job = renders.start_of(project, begun.folder.clone(), name, begun.origin);
        begun.cells[index][side as usize] = Cell::Rendering(job);
        true
    }
}

/// What became of the render that is waited for. Says whether anything changed.
fn look_after(begun: &mut Comparison, job: JobId, renders: &Renders) -> bool {
    // Whoever paused it went on with another job in its place.
    let after = renders.runs.iter().find(|run| run.from.is_some_and(|(from, _)| from == job)).map(|run| run.job);
    let state = renders.runs.get(job).map(|run| run.state.clone());
    let Some(cell) = begun.cell_of(&Cell::Rendering(job)) else { return false };
    match (state, after) {
        (Some(State::Stopped), Some(next)) => *cell = Cell::Rendering(next),
        (Some(State::Failed(words)), _) => *cell = Cell::Failed(words),
        // Somebody stopped it, and hardly wants the next one to begin.
        (Some(State::Stopped) | None, _) => {
            *cell = Cell::Waiting;
            begun.going = Going::Stopped;
        }
        _ => return false,
    }
    true
}

/// Everything that is known of a picture, and why encoders say nothing of it.
fn measure(
    finished: &Finished,
    project: &Project,
    base: PathBuf,
    (number, looks): (u64, &Looks),
    eyes: &Eyes,
) -> (Result<Scores, String>, Option<String>) {
    let files = DiskFiles { base, assets: crate::assets::find };
    let by_truth = || {
        let ruler = ruler(project, &files)?;
        let picture = finished.pictures.first();
        let measures = match (&ruler, picture) {
            (Some(ruler), Some(picture)) => Some(ruler.measure(picture)?),
            _ => None,
        };
        let background = picture.map(|picture| background(project, &files, picture)).transpose()?.flatten();
        Ok::<_, String>((ruler, Scores { background, ..Scores::of(finished, measures) }))
    };
    let (ruler, scores) = match by_truth() {
        Ok(known) => known,
        Err(words) => return (Err(words), None),
    };
    let Some(picture) = finished.pictures.first() else { return (Ok(scores), None) };
    // What a panic left half done is read anew.
    let mut eyes = eyes.lock().unwrap_or_else(|poisoned| {
        let mut eyes = PoisonError::into_inner(poisoned);
        *eyes = None;
        eyes
    });
    let mut see = || {
        let sight = match eyes.take().filter(|sight| sight.is_of(&looks.encoders)) {
            Some(sight) => sight,
            // On the CPU: the GPU is the render's, and one picture takes a moment.
            None => Sight::open(&looks.encoders, DeviceChoice::Flex)?,
        };
        let sight = eyes.insert(sight);
        sight.begin(number);
        sight.measure(project, &files, looks, picture, ruler.as_ref())
    };
    match see() {
        Ok(learned) => {
            // That photos were not chosen is seen on the page; what is wrong with those that were is said.
            let missing = learned.as_ref().and_then(|learned| learned.missing.clone());
            let wrong = missing.filter(|_| !looks.photos.is_empty()).map(|words| format!("No SegSim: {words}"));
            (Ok(Scores { learned: learned.map(Box::new), ..scores }), wrong)
        }
        Err(words) => (Ok(scores), Some(words)),
    }
}

#[cfg(test)]
mod tests;
