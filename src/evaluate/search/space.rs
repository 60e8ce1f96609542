//! What a search may change, and the candidates that come of it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::evaluate::suite::Suite;
use crate::project::Concept;

/// The most candidates of one search.
pub const MOST: usize = 1000;

/// The most points of a grid, of which candidates are drawn.
const MOST_POINTS: usize = 1_000_000;

/// Stands for the strength of all concepts, which is no setting but a concept's own.
const STRENGTH: &str = "strength";

/// A setting with the values that are tried, as they are typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// As `--set` names it, or `strength`.
    pub key: String,
    /// At least one.
    pub values: Vec<String>,
}

impl std::str::FromStr for Axis {
    type Err = String;

    fn from_str(words: &str) -> Result<Self, String> {
        let advice = || format!("--try {words}: write KEY=A,B,C, such as guidance_scale=4,5,6");
        let (key, values) = words.split_once('=').ok_or_else(advice)?;
        let mut all: Vec<String> = Vec::new();
        for value in values.split(',').map(str::trim) {
            if value.is_empty() || all.iter().any(|known| known == value) {
                return Err(advice());
            }
            all.push(value.to_owned());
        }
        if key.trim().is_empty() { Err(advice()) } else { Ok(Self { key: key.trim().to_owned(), values: all }) }
    }
}

/// Settings that are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What its folder is called: `own`, or a number.
    pub name: String,
    /// What it changes of the suite, key and value.
    pub changes: Vec<(String, String)>,
}

impl Candidate {
    /// The suite's own settings.
    pub fn own() -> Self {
        Self { name: "own".to_owned(), changes: Vec::new() }
    }

    /// Whether it is the suite's own settings.
    pub fn is_own(&self) -> bool {
        self.changes.is_empty()
    }

    /// What it changes, as it is typed.
    pub fn words(&self) -> String {
        if self.is_own() {
            return "the suite's own settings".to_owned();
        }
        self.changes.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    }

    /// The suite with its changes.
    ///
    /// # Errors
    /// In words, where a setting does not exist or a value is none of it.
    pub fn suite(&self, suite: &Suite) -> Result<Suite, String> {
        let mut suite = suite.clone();
        for (key, value) in &self.changes {
            if key == STRENGTH {
                let range = Concept::STRENGTH;
                let strength = value.parse().ok().filter(|strength| range.contains(strength)).ok_or_else(|| {
                    format!("strength cannot be {value:?}; use a number from {} to {}", range.start(), range.end())
                })?;
                for concept in &mut suite.concepts {
                    concept.strength = strength;
                }
            } else {
                suite.settings.set(key, value).map_err(|error| error.to_string())?;
            }
        }
        Ok(suite)
    }
}

/// The candidates: the suite's own settings, and as many others of the grid as there is room for, drawn evenly and always the
/// same ones. Points that come to the suite's own settings are no others.
///
/// # Errors
/// In words: nothing to try, settings that do not exist.
pub fn candidates(suite: &Suite, axes: &[Axis], most: usize) -> Result<Vec<Candidate>, String> {
    let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.values.len()));
    let size = size.filter(|size| *size <= MOST_POINTS).ok_or_else(|| {
        format!("the settings to try come to more than {MOST_POINTS} combinations; try fewer values of each")
    })?;
    if let Some(twice) =
        axes.iter().enumerate().find(|(at, axis)| axes[..*at].iter().any(|other| other.key == axis.key))
    {
        return Err(format!("--try {} is there twice; give all its values at once", twice.1.key));
    }
    let mut points: Vec<usize> = (0..size).collect();
    points.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
    // A wrong value is told before anything is made, wherever it stands in the grid.
    for axis in axes {
        for value in &axis.values {
            Candidate { name: String::new(), changes: vec![(axis.key.clone(), value.clone())] }.suite(suite)?;
        }
    }
    let mut all = vec![Candidate::own()];
    for point in points {
        if all.len() >= most.clamp(2, MOST) {
            break;
        }
        let mut rest = point;
        let changes = axes.iter().map(|axis| {
            let value = axis.values[rest % axis.values.len()].clone();
            rest /= axis.values.len();
            (axis.key.clone(), value)
        });
        let candidate = Candidate { name: format!("{point:04}"), changes: changes.collect() };
        if candidate.suite(suite)? != *suite {
            all.push(candidate);
        }
    }
    if all.len() < 2 {
        return Err("there is nothing to try but the suite's own settings; give --try KEY=A,B,C".to_owned());
    }
    Ok(all)
}
