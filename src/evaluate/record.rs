//! What became of one unit, and the folder in which all of it lies: one file a unit, each written wholly or not at all, so
//! that nothing that was finished is ever lost and parts that were made anywhere can be put together.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::metrics::Measures;
use super::metrics::background::Background;
use super::metrics::learned::Learned;
use super::suite::{Choice, Suite, UnitName, layout_file};
use crate::project::disk::{Readers, replace};

/// The version of the records' format.
const VERSION: u32 = 1;

/// What became of a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// Which unit.
    pub unit: UnitName,
    /// A hash of everything that the picture depends on; empty where it could not be known, since a file is missing.
    pub hash: String,
    /// What came out.
    pub outcome: Outcome,
    /// What the engine said that a user must know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What was measured with encoders that the user has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
    /// What became of the photo that it was placed into; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Background>,
    /// How it went; no two runs agree in this.
    pub cost: Cost,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// A picture, with what was measured of it.
    Made(Option<Measures>),
    /// None, and why, in words.
    Failed(String),
}

/// What a unit cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// From its beginning to its end.
    pub seconds: f64,
    /// The most that the process was seen to hold, bytes.
    pub memory: Option<u64>,
    /// What computed, in words.
    pub device: String,
}

impl Record {
    /// A record of this version.
    pub fn new(unit: UnitName, hash: String, outcome: Outcome, notes: Vec<String>, cost: Cost) -> Self {
        Self { version: VERSION, unit, hash, outcome, notes, learned: None, background: None, cost }
    }

    /// What was measured.
    pub fn measures(&self) -> Option<&Measures> {
        match &self.outcome {
            Outcome::Made(measures) => measures.as_ref(),
            Outcome::Failed(_) => None,
        }
    }
}

/// What a folder holds: the suite, and which of it was asked for so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The suite.
    pub suite: Suite,
    /// What of it.
    pub choice: Choice,
}

/// A folder of results.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

const PLAN: &str = "plan.json";

/// The folder of what the method saw.
pub const STRIPS: &str = "strips";

impl Folder {
    /// A folder that is made where it is missing.
    ///
    /// # Errors
    /// In words, when it cannot be made.
    pub fn create(root: &Path) -> Result<Self, String> {
        for part in ["units", "references"] {
            let folder = root.join(part);
            std::fs::create_dir_all(&folder).map_err(|error| unmade(&folder, &error))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// A folder that holds an evaluation.
    ///
    /// # Errors
    /// In words, when it holds none.
    pub fn open(root: &Path) -> Result<(Self, Plan), String> {
        let folder = Self { root: root.to_owned() };
        match folder.plan()? {
            Some(plan) => Ok((folder, plan)),
            None => Err(format!("{}: holds no evaluation; name the folder that was given with --out", root.display())),
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What it holds; none where nothing was begun.
    ///
    /// # Errors
    /// In words, when the plan cannot be read.
    pub fn plan(&self) -> Result<Option<Plan>, String> {
        let path = self.root.join(PLAN);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: cannot be read ({error})", path.display())),
        };
        let advice = "name another folder, or remove this one";
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            format!("{}: is no plan of an evaluation that this Podium knows ({error}); {advice}", path.display())
        })
    }

    /// Takes a choice into the folder's plan, and says what all of it is then. The suite may name other encoders, photos and
    /// methods than before, on which no picture depends.
    ///
    /// # Errors
    /// In words, when it holds another suite, or cannot be written.
    pub fn begin(&self, suite: &Suite, choice: &Choice) -> Result<Plan, String> {
        let before = self.plan()?;
        if before.as_ref().is_some_and(|plan| !plan.suite.is_alike(suite)) {
            return Err(format!(
                "{}: holds another suite, or this one with other settings; name another folder with --out",
                self.root.display()
            ));
        }
        let choice = before.as_ref().map_or(choice.clone(), |plan| plan.choice.with(choice));
        // Whoever began it can still read it: its choice of methods stays in the words that it had.
        let full_methods = before.as_ref().map_or(&suite.full_methods, |plan| &plan.suite.full_methods).clone();
        let plan = Plan { suite: Suite { full_methods, ..suite.clone() }, choice };
        if before.as_ref() != Some(&plan) {
            self.put_json(&self.root.join(PLAN), &plan)?;
        }
        Ok(plan)
    }

    /// Where a unit's picture is.
    pub fn picture(&self, unit: &UnitName) -> PathBuf {
        self.root.join("units").join(format!("{}.png", unit.file()))
    }

    /// Where the reference of a case's prompt is.
    pub fn reference(&self, case: &str, prompt: &str) -> PathBuf {
        self.root.join("references").join(format!("{}.png", layout_file(case, prompt)))
    }

    /// Where masks and attention of a case's prompt are, where they were asked for.
    pub fn strip(&self, case: &str, prompt: &str) -> PathBuf {
        self.root.join(STRIPS).join(format!("{}.png", layout_file(case, prompt)))
    }

    fn record_path(&self, unit: &UnitName) -> PathBuf {
        self.root.join("units").join(format!("{}.json", unit.file()))
    }

    /// What became of a unit; none where nothing did yet, or what is there cannot be read and has to be made again.
    pub fn record(&self, unit: &UnitName) -> Option<Record> {
        let bytes = std::fs::read(self.record_path(unit)).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.version == VERSION && record.unit == *unit).then_some(record)
    }

    /// Keeps what became of a unit. Its picture must be there before.
    ///
    /// # Errors
    /// In words, when it cannot be written.
    pub fn keep(&self, record: &Record) -> Result<(), String> {
        self.put_json(&self.record_path(&record.unit), record)
    }

    /// The records of a plan, by unit.
    pub fn records(&self, plan: &Plan) -> BTreeMap<UnitName, Record> {
        let units = plan.suite.units(&plan.choice);
        let records = units.iter().filter_map(|unit| self.record(&unit.name()));
        records.map(|record| (record.unit.clone(), record)).collect()
    }

    fn put_json(&self, path: &Path, value: &impl Serialize) -> Result<(), String> {
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| unmade(path, &error))?;
        self.put(path, &bytes)
    }

    /// Writes a file of the folder, wholly or not at all.
    ///
    /// # Errors
    /// In words, when it cannot be written.
    pub fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).map_err(|error| unmade(folder, &error))?;
        let put: io::Result<()> = replace(path, Readers::Everybody, |file| file.write_all(bytes));
        put.map_err(|error| unmade(path, &error))
    }
}

fn unmade(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: cannot be written ({error}); make room on that disk, or name another folder", path.display())
}
