//! What every part of a report knows.

use std::collections::BTreeMap;

use crate::evaluate::record::Record;
use crate::evaluate::suite::UnitName;

/// The heading of the part that differs from run to run.
pub const COST: &str = "Time and memory";

/// What came of each unit.
pub(super) type Records = BTreeMap<UnitName, Record>;
