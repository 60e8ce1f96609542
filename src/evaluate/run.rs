//! Making the pictures of a suite, one after another: what is there already is not made again, what fails is written down in
//! words, and whoever stops loses nothing but the picture that is being made.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crossbeam_channel::{Receiver, select};
use image::RgbImage;
use serde_json::Value;

use super::compose;
use super::encoders::{Bench, Encoders};
use super::metrics::Ruler;
use super::metrics::learned::Learned;
use super::record::{Cost, Folder, Outcome, Record};
use super::suite::{Measure, Suite, Unit};
use crate::engine::concept_files;
use crate::engine::worker::Engine;
use crate::link::{DeviceChoice, Event, JobId, Warning, Watch};
use crate::plush;
use crate::project::hash::Known;
use crate::project::{self, DiskFiles, Project, Settings, png_text};

/// What is told while it runs.
pub enum Told<'a> {
    /// How many units are there already, and how many there are in all.
    There(usize, usize),
    /// Encoders look at a picture that is there and that they have not seen: the nth of how many.
    Measures(usize, usize),
    /// A unit begins: which, counted from 1 among all.
    Begins(usize, &'a Unit<'a>),
    /// The engine says something of it.
    Engine(&'a Event),
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

/// What is to be run, and where.
pub struct Order<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// The folder that its paths start from.
    pub base: &'a Path,
    /// What of it.
    pub units: Vec<Unit<'a>>,
    /// Where the results go.
    pub folder: &'a Folder,
    /// Where to compute.
    pub device: DeviceChoice,
    /// What measures the pictures beside the suite's own measure.
    pub encoders: &'a Encoders,
}

/// Makes all units that are not there yet. The first message of `interrupts` stops it.
///
/// # Errors
/// In words, when results cannot be written or the engine is gone. What fails in one picture is no error.
pub fn run(
    order: &Order<'_>,
    engine: &Engine,
    interrupts: &Receiver<()>,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Ending, String> {
    let mut desk = Desk::new(order);
    let (mut left, mut unseen) = (Vec::new(), Vec::new());
    for (index, unit) in order.units.iter().enumerate() {
        let prepared = desk.prepare(unit);
        if !desk.is_there(unit, &prepared) {
            left.push((index + 1, unit, prepared));
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
    for (number, unit, prepared) in left {
        tell(Told::Begins(number, unit));
        let record = match prepared {
            Err(words) => Record::new(unit.name(), String::new(), Outcome::Failed(words), Vec::new(), Cost::default()),
            Ok(prepared) => match desk.make(unit, prepared, engine, interrupts, tell)? {
                Some(record) => record,
                None => return Ok(Ending::Stopped),
            },
        };
        order.folder.keep(&record)?;
        tell(Told::Ended(&record));
        if interrupts.try_recv().is_ok() {
            return Ok(Ending::Stopped);
        }
    }
    Ok(Ending::Done)
}

/// A project of each method and case among these units: what all others of theirs ask of the memory too. What cannot be
/// composed is left out, and fails when its turn comes.
pub fn one_of_each(suite: &Suite, units: &[Unit<'_>], base: &Path) -> Vec<Project> {
    let files = DiskFiles { base: base.to_owned(), assets: crate::assets::find };
    let mut seen = HashSet::new();
    let first = units.iter().filter(|unit| seen.insert((unit.method.name, unit.case.name())));
    first.filter_map(|unit| composed(suite, unit, &files).ok()).collect()
}

/// The project of a unit, with the words that its concepts' files bring.
fn composed(suite: &Suite, unit: &Unit<'_>, files: &DiskFiles) -> Result<Project, String> {
    let tokens = |path: &Path| {
        let file = concept_files::open(files, path).map_err(|error| error.to_string())?;
        Ok(file.embeddings.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(" "))
    };
    compose::project(suite, unit, files, &tokens)
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
        let is_measured = matches!(record.outcome, Outcome::Made(Some(_)));
        if !is_measured && (order.encoders.is_empty() || !matches!(record.outcome, Outcome::Made(_))) {
            continue;
        }
        let picture = read(&order.folder.picture(&name))?;
        if is_measured && let Some(ruler) = desk.ruler_of(unit)?.as_ref().map_err(Clone::clone)? {
            record.outcome = Outcome::Made(Some(ruler.measure(&picture)?));
        }
        desk.learn(unit, &picture, &mut record)?;
        order.folder.keep(&record)?;
        count += 1;
    }
    Ok(count)
}

/// A picture that was made.
fn read(path: &Path) -> Result<RgbImage, String> {
    let picture = image::open(path).map_err(|error| format!("{}: cannot be read ({error})", path.display()))?;
    Ok(picture.to_rgb8())
}

/// A unit that can be begun.
struct Prepared {
    project: Project,
    hash: String,
}

/// How a job ended.
enum Made {
    Picture(RgbImage),
    Failed(String),
    Cancelled,
}

/// How a note begins that says why encoders say nothing of a picture.
const UNSEEN: &str = "no encoder has measured it";

/// What units share.
struct Desk<'a> {
    order: &'a Order<'a>,
    files: DiskFiles,
    hashes: HashMap<PathBuf, blake3::Hash>,
    /// What the projects in its pictures remember of their files.
    known: Known,
    /// What measures the pictures of a case's prompt, or why nothing can; none where nothing shall.
    rulers: BTreeMap<(String, String), Result<Option<Ruler>, String>>,
    bench: Bench<'a>,
}

impl<'a> Desk<'a> {
    fn new(order: &'a Order<'a>) -> Self {
        let files = DiskFiles { base: order.base.to_owned(), assets: crate::assets::find };
        let bench = Bench::new(order.suite, order.base, order.encoders);
        Self { order, files, hashes: HashMap::new(), known: Known::default(), rulers: BTreeMap::new(), bench }
    }

    /// Whether the encoders have not seen a picture that is there.
    fn is_unseen(&self, unit: &Unit<'_>) -> bool {
        let record = self.order.folder.record(&unit.name());
        record.is_some_and(|record| !self.order.encoders.have_measured(record.learned.as_ref()))
    }

    /// Shows a picture that is there to the encoders.
    fn look_at(&mut self, unit: &Unit<'_>) -> Result<(), String> {
        let Some(mut record) = self.order.folder.record(&unit.name()) else { return Ok(()) };
        let picture = read(&self.order.folder.picture(&record.unit))?;
        self.learn(unit, &picture, &mut record)?;
        self.order.folder.keep(&record)
    }

    /// Writes down what the encoders say of a picture, or why they say nothing.
    fn learn(&mut self, unit: &Unit<'_>, picture: &RgbImage, record: &mut Record) -> Result<(), String> {
        if self.order.encoders.is_empty() {
            return Ok(());
        }
        // Made once.
        self.ruler_of(unit)?;
        let key = (unit.case.name(), unit.prompt.name.clone());
        let ruler = self.rulers.get(&key).and_then(|ruler| ruler.as_ref().ok()?.as_ref());
        let found: Result<Option<Learned>, String> = self.bench.measure(unit, picture, ruler);
        match found {
            Ok(Some(learned)) => {
                record.learned = Some(learned.after(record.learned.take()));
                record.notes.retain(|note| !note.starts_with(UNSEEN));
            }
            Ok(None) => {}
            Err(words) => {
                let note = format!("{UNSEEN}: {words}");
                if !record.notes.contains(&note) {
                    record.notes.push(note);
                }
            }
        }
        Ok(())
    }

    fn prepare(&mut self, unit: &Unit<'_>) -> Result<Prepared, String> {
        let project = composed(self.order.suite, unit, &self.files)?;
        let hash = self.hash(&project)?;
        Ok(Prepared { project, hash })
    }

    fn is_there(&self, unit: &Unit<'_>, prepared: &Result<Prepared, String>) -> bool {
        let (Some(record), Ok(prepared)) = (self.order.folder.record(&unit.name()), prepared) else { return false };
        let made = matches!(record.outcome, Outcome::Made(_));
        made && record.hash == prepared.hash && self.order.folder.picture(&record.unit).is_file()
    }

    /// Of everything that the picture depends on: the project, what its files hold, the model and the program.
    fn hash(&mut self, project: &Project) -> Result<String, String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(essence(project)?.as_bytes());
        let paths: Vec<PathBuf> = project.clone().paths_mut().into_iter().map(|path| path.clone()).collect();
        for path in paths {
            hasher.update(self.hash_of_file(&path)?.as_bytes());
        }
        if project.model.is_none() {
            for (name, bytes) in crate::assets::FILES.iter().filter(|(name, _)| name.starts_with("miniature/")) {
                if !name.starts_with("miniature/concepts/") {
                    let hash = self.hashes.entry(PathBuf::from(name)).or_insert_with(|| blake3::hash(bytes));
                    hasher.update(hash.as_bytes());
                }
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }

    fn hash_of_file(&mut self, path: &Path) -> Result<blake3::Hash, String> {
        if let Some(known) = self.hashes.get(path) {
            return Ok(*known);
        }
        let mut hasher = blake3::Hasher::new();
        match project::files::asset_name(path) {
            Some(name) => {
                let advice = "this Podium has no such built-in file";
                let bytes = crate::assets::find(name);
                hasher.update(bytes.ok_or_else(|| format!("cannot read {}: {advice}", path.display()))?);
            }
            None => read_into(&mut hasher, &project::resolve(&self.files.base, path)).map_err(|error| {
                format!("cannot read {}: {error}; correct the suite, or put it there", path.display())
            })?,
        }
        let hash = hasher.finalize();
        self.hashes.insert(path.to_owned(), hash);
        Ok(hash)
    }

    /// Makes one picture; none where somebody stopped it.
    fn make(
        &mut self,
        unit: &Unit<'_>,
        prepared: Prepared,
        engine: &Engine,
        interrupts: &Receiver<()>,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<Option<Record>, String> {
        let begun = Instant::now();
        let Prepared { project, hash } = prepared;
        let (mut notes, mut cost) = (Vec::new(), Cost::default());
        let name = unit.name();
        let made = match self.ruler_of(unit)? {
            Err(words) => Made::Failed(words.clone()),
            Ok(_) => {
                let folder = self.order.base.to_owned();
                let job = engine.render(project.clone(), folder, self.order.device, Watch::default());
                follow(engine, job, interrupts, &mut notes, &mut cost, tell)?
            }
        };
        let mut seen = None;
        let outcome = match made {
            Made::Cancelled => return Ok(None),
            Made::Failed(words) => Outcome::Failed(words),
            Made::Picture(picture) => {
                let path = self.order.folder.picture(&name);
                let project = project.with_hashes(self.order.base, &self.known);
                png_text::write_png(&path, &picture, &project, self.order.base, unit.seed)
                    .map_err(|error| error.to_string())?;
                let outcome = match self.ruler_of(unit)? {
                    Ok(Some(ruler)) => match ruler.measure(&picture) {
                        Ok(measures) => Outcome::Made(Some(measures)),
                        Err(words) => Outcome::Failed(words),
                    },
                    _ => Outcome::Made(None),
                };
                seen = Some(picture);
                outcome
            }
        };
        let mut record = Record::new(name, hash, outcome, notes, cost);
        if let (Outcome::Made(_), Some(picture)) = (&record.outcome, &seen) {
            self.learn(unit, picture, &mut record)?;
        }
        record.cost.seconds = begun.elapsed().as_secs_f64();
        Ok(Some(record))
    }

    /// What measures the pictures of a unit's case and prompt, made once.
    fn ruler_of(&mut self, unit: &Unit<'_>) -> Result<&Result<Option<Ruler>, String>, String> {
        let key = (unit.case.name(), unit.prompt.name.clone());
        Ok(match self.rulers.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(ruler(self.order, &self.files, unit)?),
        })
    }
}

/// What measures the pictures of a unit's case and prompt, or why they cannot be made. Keeps their reference too.
fn ruler(order: &Order<'_>, files: &DiskFiles, unit: &Unit<'_>) -> Result<Result<Option<Ruler>, String>, String> {
    let (suite, folder) = (order.suite, order.folder);
    let reference = match compose::reference(suite, unit.case, unit.prompt, files) {
        Ok(reference) => reference,
        Err(words) => return Ok(Err(words)),
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let path = folder.reference(&unit.case.name(), &unit.prompt.name);
    let written = reference.picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.map_err(|error| format!("{}: cannot be written ({error})", path.display()))?;
    folder.put(&path, bytes.get_ref())?;
    if suite.measure == Measure::Nothing {
        return Ok(Ok(None));
    }
    let known = suite.concepts_of(unit.case).filter_map(|subject| plush::concept(subject.plush.as_deref()?).copied());
    Ok(Ok(Some(Ruler::new(known.collect(), reference.masks, &unit.prompt.words))))
}

/// A project without those settings that are the usual ones: a setting that comes new makes no picture old.
fn essence(project: &Project) -> Result<String, String> {
    let mut project =
        serde_json::to_value(project).map_err(|error| format!("the project cannot be written: {error}"))?;
    let usual = serde_json::to_value(Settings::default()).map_err(|error| error.to_string())?;
    if let Some(settings) = project.get_mut("settings") {
        leave_out(settings, &usual);
    }
    if let Some(fields) = project.as_object_mut() {
        // What the files are is asked of themselves.
        fields.remove("hashes");
    }
    Ok(project.to_string())
}

/// Takes out of an object what is as in another, and objects in which nothing is left.
fn leave_out(value: &mut Value, usual: &Value) {
    let (Value::Object(fields), Value::Object(usual)) = (value, usual) else { return };
    fields.retain(|name, field| {
        let Some(usual) = usual.get(name) else { return true };
        let differs = field != usual;
        leave_out(field, usual);
        differs
    });
}

/// Follows a job to its end.
fn follow(
    engine: &Engine,
    job: JobId,
    interrupts: &Receiver<()>,
    notes: &mut Vec<String>,
    cost: &mut Cost,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Made, String> {
    loop {
        let event = select! {
            recv(engine.events()) -> event => event.map_err(|_| "the engine has ended; please report this".to_owned())?,
            recv(interrupts) -> told => {
                if told.is_err() {
                    return Err("nobody listens to Ctrl+C any more".to_owned());
                }
                engine.cancel(job);
                continue;
            }
        };
        tell(Told::Engine(&event));
        match event {
            Event::Device(report) => {
                let held = report.process_bytes.map(|bytes| bytes + report.pool.map_or(0, |pool| pool.reserved));
                cost.memory = cost.memory.max(held);
                cost.device.clone_from(&report.name);
            }
            // Without its numbers, so that the report counts in how many pictures it was.
            Event::Warning(of, Warning::Finding(finding)) if of == job => notes.push(finding.summary()),
            Event::Warning(of, warning) if of == job => notes.push(warning.to_string()),
            Event::Done(of, finished) if of == job => {
                let picture = finished.pictures.first().cloned();
                return Ok(picture.map_or_else(|| Made::Failed("no picture came out".to_owned()), Made::Picture));
            }
            Event::Cancelled(of) if of == job => return Ok(Made::Cancelled),
            Event::Failed(of, words) if of == job => return Ok(Made::Failed(words)),
            _ => {}
        }
    }
}

/// Hashes a file, or all files of a folder with their names.
fn read_into(hasher: &mut blake3::Hasher, path: &Path) -> std::io::Result<()> {
    if !path.is_dir() {
        let mut file = std::fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not an ordinary file"));
        }
        std::io::copy(&mut file, hasher)?;
        return Ok(());
    }
    let mut inside = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    inside.sort();
    for path in inside {
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        read_into(hasher, &path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_project_is_made_of_says_nothing_of_usual_settings_and_all_of_others() {
        let mut project = Project::new();
        project.settings = Settings::default();
        let plain = essence(&project).unwrap();
        assert!(plain.contains("\"settings\":{}"), "{plain}");
        project.settings.mask_refinement.starts = 7;
        let changed = essence(&project).unwrap();
        assert!(changed.contains("\"settings\":{\"mask_refinement\":{\"starts\":7}}"), "{changed}");
        project.settings = Settings::default();
        project.prompt = "a cat".into();
        assert!(essence(&project).unwrap() != plain);
    }
}
