//! What the units of an order share while they are made: which files they name, what measures their pictures, what is known
//! to be there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use serde_json::Value;

use super::compose;
use super::encoders::{Bench, Encoders};
use super::finished::Finished;
use super::methods::FULL;
use super::metrics::Ruler;
use super::metrics::learned::Learned;
use super::record::{Cost, Folder, Outcome, Record};
use super::suite::{Measure, Suite, Unit};
use crate::engine::concept_files;
use crate::link::{self, StepView};
use crate::plush;
use crate::project::hash::Known;
use crate::project::{self, DiskFiles, Project, Settings, png_text};

/// Draws what the method saw of a picture from step to step.
pub type Strip<'a> = &'a dyn Fn(&Project, &[Arc<StepView>], &Arc<link::Finished>) -> Result<RgbImage, String>;

/// What is to be made.
pub struct Order<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// The folder that its paths start from.
    pub base: &'a Path,
    /// What of it.
    pub units: Vec<Unit<'a>>,
    /// Where the results go.
    pub folder: &'a Folder,
    /// What measures the pictures beside the suite's own measure.
    pub encoders: &'a Encoders,
    /// What draws masks and attention of the full method's pictures with the first seed; none where nobody asks for it.
    pub strips: Option<Strip<'a>>,
}

/// A picture that was made.
pub(super) fn read(path: &Path) -> Result<RgbImage, String> {
    let picture = image::open(path).map_err(|error| format!("{}: cannot be read ({error})", path.display()))?;
    Ok(picture.to_rgb8())
}

/// A unit that can be begun.
pub(super) struct Prepared {
    pub(super) project: Project,
    /// Of everything that its picture depends on.
    pub(super) hash: String,
}

/// How a note begins that says why encoders say nothing of a picture.
const UNSEEN: &str = "no encoder has measured it";

/// What units share.
pub(super) struct Desk<'a> {
    order: &'a Order<'a>,
    files: DiskFiles,
    hashes: HashMap<PathBuf, blake3::Hash>,
    /// What the projects of a case's prompt have in common: photos and cutouts are read once.
    layouts: HashMap<(String, String), Result<Project, String>>,
    /// What the projects in its pictures remember of their files.
    known: Known,
    /// What measures the pictures of a case's prompt, or why nothing can; none where nothing shall.
    rulers: BTreeMap<(String, String), Result<Option<Ruler>, String>>,
    bench: Bench<'a>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(order: &'a Order<'a>) -> Self {
        let files = DiskFiles { base: order.base.to_owned(), assets: crate::assets::find };
        let bench = Bench::new(order.suite, order.base, order.encoders);
        let (hashes, layouts, known) = (HashMap::new(), HashMap::new(), Known::default());
        Self { order, files, hashes, layouts, known, rulers: BTreeMap::new(), bench }
    }

    /// Whether the encoders have not seen a picture that is there.
    pub(super) fn is_unseen(&self, unit: &Unit<'_>) -> bool {
        let record = self.order.folder.record(&unit.name());
        record.is_some_and(|record| !self.order.encoders.have_measured(record.learned.as_ref()))
    }

    /// Shows a picture that is there to the encoders.
    pub(super) fn look_at(&mut self, unit: &Unit<'_>) -> Result<(), String> {
        let Some(mut record) = self.order.folder.record(&unit.name()) else { return Ok(()) };
        let picture = read(&self.order.folder.picture(&record.unit))?;
        let finished = self.finished(unit, &picture)?;
        self.learn(unit, &finished.picture, &mut record)?;
        self.order.folder.keep(&record)
    }

    /// What comes of a picture that is there: itself, or the photo that it was placed into.
    ///
    /// # Errors
    /// In words, where the photo cannot be read.
    pub(super) fn finished<'p>(&mut self, unit: &Unit<'_>, picture: &'p RgbImage) -> Result<Finished<'p>, String> {
        if unit.prompt.photo.is_none() {
            return Ok(Finished::plain(picture));
        }
        Finished::of(&self.composed(unit)?, &self.files, picture)
    }

    /// Writes down what the encoders say of a picture, or why they say nothing.
    pub(super) fn learn(&mut self, unit: &Unit<'_>, picture: &RgbImage, record: &mut Record) -> Result<(), String> {
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

    pub(super) fn prepare(&mut self, unit: &Unit<'_>) -> Result<Prepared, String> {
        let project = self.composed(unit)?;
        let hash = self.hash(&project)?;
        Ok(Prepared { project, hash })
    }

    /// As [`composed`].
    fn composed(&mut self, unit: &Unit<'_>) -> Result<Project, String> {
        let (suite, files) = (self.order.suite, &self.files);
        let key = (unit.case.name(), unit.prompt.name.clone());
        let layout = self.layouts.entry(key).or_insert_with(|| compose::layout(suite, unit.case, unit.prompt, files));
        compose::on_layout(suite, unit, layout.clone()?, &|path: &Path| tokens(files, path))
    }

    pub(super) fn is_there(&self, unit: &Unit<'_>, prepared: &Result<Prepared, String>) -> bool {
        let (Some(record), Ok(prepared)) = (self.order.folder.record(&unit.name()), prepared) else { return false };
        let made = matches!(record.outcome, Outcome::Made(_));
        let strip = || self.order.folder.strip(&unit.case.name(), &unit.prompt.name).is_file();
        made && record.hash == prepared.hash
            && self.order.folder.picture(&record.unit).is_file()
            && (!self.has_strip(unit) || strip())
    }

    /// Whether what the method sees of a unit is to be kept.
    pub(super) fn has_strip(&self, unit: &Unit<'_>) -> bool {
        self.order.strips.is_some() && unit.method.name == FULL && unit.seed == 0
    }

    /// Keeps what the method saw of a unit, where that is asked for. Says in words why it cannot be drawn.
    ///
    /// # Errors
    /// In words, when it cannot be written.
    pub(super) fn keep_strip(
        &self,
        unit: &Unit<'_>,
        project: &Project,
        seen: &[Arc<StepView>],
        finished: &Arc<link::Finished>,
    ) -> Result<Option<String>, String> {
        let Some(draw) = self.order.strips.filter(|_| self.has_strip(unit)) else { return Ok(None) };
        let strip = match draw(project, seen, finished) {
            Ok(strip) => strip,
            Err(words) => return Ok(Some(format!("masks and attention cannot be drawn: {words}"))),
        };
        let path = self.order.folder.strip(&unit.case.name(), &unit.prompt.name);
        put_png(self.order.folder, &path, &strip)?;
        Ok(None)
    }

    /// Of everything that the picture depends on: the project, what its files hold, the model and the program.
    fn hash(&mut self, project: &Project) -> Result<String, String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes()).update(essence(project)?.as_bytes());
        let paths: Vec<PathBuf> = project.clone().paths_mut().into_iter().map(|path| path.clone()).collect();
        // An edit mask that was not painted has no file.
        for path in paths.into_iter().filter(|path| !path.as_os_str().is_empty()) {
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

    /// Why a unit's pictures could not be measured, so that none is made; in words.
    pub(super) fn hindrance(&mut self, unit: &Unit<'_>) -> Result<Option<String>, String> {
        Ok(self.ruler_of(unit)?.as_ref().err().cloned())
    }

    /// Keeps and measures a picture that was made. Gives its record, all but how long it took.
    pub(super) fn take(
        &mut self,
        unit: &Unit<'_>,
        prepared: Prepared,
        picture: &RgbImage,
        notes: Vec<String>,
        cost: Cost,
    ) -> Result<Record, String> {
        let Prepared { project, hash } = prepared;
        let name = unit.name();
        let path = self.order.folder.picture(&name);
        let project = project.with_hashes(self.order.base, &self.known);
        png_text::write_png(&path, picture, &project, self.order.base, unit.seed).map_err(|error| error.to_string())?;
        let finished = match Finished::of(&project, &self.files, picture) {
            Ok(finished) => finished,
            Err(words) => return Ok(Record::new(name, hash, Outcome::Failed(words), notes, cost)),
        };
        let outcome = match self.ruler_of(unit)? {
            Ok(Some(ruler)) => match ruler.measure(&finished.picture) {
                Ok(measures) => Outcome::Made(Some(measures)),
                Err(words) => Outcome::Failed(words),
            },
            _ => Outcome::Made(None),
        };
        // The same picture again, since something beside it was missing: what encoders said of it stays.
        let before = self.order.folder.record(&name).filter(|before| before.hash == hash);
        let mut record = Record::new(name, hash, outcome, notes, cost);
        record.learned = before.and_then(|before| before.learned);
        if let Outcome::Made(_) = &record.outcome {
            record.background = finished.background;
            self.learn(unit, &finished.picture, &mut record)?;
        }
        Ok(record)
    }

    /// What measures the pictures of a unit's case and prompt, made once.
    pub(super) fn ruler_of(&mut self, unit: &Unit<'_>) -> Result<&Result<Option<Ruler>, String>, String> {
        let key = (unit.case.name(), unit.prompt.name.clone());
        Ok(match self.rulers.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(ruler(self.order, &self.files, unit)?),
        })
    }
}

/// The project of a unit, with the words that its concepts' files bring.
pub(super) fn composed(suite: &Suite, unit: &Unit<'_>, files: &DiskFiles) -> Result<Project, String> {
    compose::project(suite, unit, files, &|path: &Path| tokens(files, path))
}

/// The words that a concept's file brings.
fn tokens(files: &DiskFiles, path: &Path) -> Result<String, String> {
    let file = concept_files::open(files, path).map_err(|error| error.to_string())?;
    Ok(file.embeddings.iter().map(|word| word.name.as_str()).collect::<Vec<_>>().join(" "))
}

/// What measures the pictures of a unit's case and prompt, or why they cannot be made. Keeps their reference too.
fn ruler(order: &Order<'_>, files: &DiskFiles, unit: &Unit<'_>) -> Result<Result<Option<Ruler>, String>, String> {
    let (suite, folder) = (order.suite, order.folder);
    let reference = match compose::reference(suite, unit.case, unit.prompt, files) {
        Ok(reference) => reference,
        Err(words) => return Ok(Err(words)),
    };
    put_png(folder, &folder.reference(&unit.case.name(), &unit.prompt.name), &reference.picture)?;
    if suite.measure == Measure::Nothing {
        return Ok(Ok(None));
    }
    let known = suite.concepts_of(unit.case).filter_map(|subject| plush::concept(subject.plush.as_deref()?).copied());
    let ruler = Ruler::new(known.collect(), reference.masks, &unit.prompt.words).through(&reference.rows);
    Ok(Ok(Some(ruler)))
}

/// Writes a picture of a folder, wholly or not at all.
fn put_png(folder: &Folder, path: &Path, picture: &RgbImage) -> Result<(), String> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.map_err(|error| format!("{}: cannot be written ({error})", path.display()))?;
    folder.put(path, bytes.get_ref())
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
