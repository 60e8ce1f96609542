//! The report: tables, contact sheets, what failed, settings and hashes, and last of all what it cost, which is all that two
//! runs of the same suite differ in.
//!
//! - What stands in the tables? `tables.rs`.
//! - How do the pictures stand together? `sheets.rs`.
//! - How is it written? `markdown.rs`, `html.rs`, of what `contents.rs` holds.
//! - What do all of them know? `basis.rs`.

mod basis;
mod contents;
mod html;
mod markdown;
mod sheets;
mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::basis::COST;
use self::basis::Records;
use self::contents::Report;
use super::record::{Folder, Outcome, Plan, Record};

/// Writes a folder's report: `report.html` with everything in it, and `report.md` with the contact sheets beside it. Gives
/// their paths.
///
/// # Errors
/// In words, when something cannot be written.
pub fn write(folder: &Folder, plan: &Plan) -> Result<[PathBuf; 2], String> {
    let records = folder.records(plan);
    let report = Report {
        title: format!("Evaluation: {}", plan.suite.name),
        about: about(plan, &records),
        tables: tables::tables(plan, &records),
        sheets: sheets::sheets(folder, plan, &records)?,
        failures: failures(&records),
        notes: notes(&records),
        facts: facts(plan, &records)?,
        cost: tables::cost(plan, &records),
    };
    let paths = ["report.html", "report.md"].map(|name| folder.root().join(name));
    folder.put(&paths[0], html::html(&report).as_bytes())?;
    folder.put(&paths[1], markdown::markdown(&report).as_bytes())?;
    for sheet in &report.sheets {
        folder.put(&folder.root().join(&sheet.file), &sheet.png)?;
    }
    Ok(paths)
}

fn about(plan: &Plan, records: &Records) -> Vec<String> {
    let asked = plan.suite.units(&plan.choice).len();
    let failed = records.values().filter(|record| matches!(record.outcome, Outcome::Failed(_))).count();
    let mut about = vec![plan.suite.about.clone()];
    about.retain(|words| !words.is_empty());
    let full = if plan.choice.full { " (full)" } else { "" };
    about.push(format!(
        "{} of {asked} pictures{full} are made, {failed} of them failed; {} are still to be made.",
        records.len(),
        asked - records.len()
    ));
    about
}

fn failures(records: &Records) -> Vec<String> {
    let why = |record: &Record| match &record.outcome {
        Outcome::Failed(words) => Some(format!("{}: {words}", record.unit.words())),
        Outcome::Made(_) => None,
    };
    records.values().filter_map(why).collect()
}

fn notes(records: &Records) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let unmeasured = |record: &'_ Record| record.learned.as_ref()?.missing.clone();
    let unmeasured: Vec<String> =
        records.values().filter_map(unmeasured).map(|why| format!("no SegSim by an encoder: {why}")).collect();
    for note in records.values().flat_map(|record| &record.notes).chain(&unmeasured) {
        *counts.entry(note).or_default() += 1;
    }
    counts.into_iter().map(|(note, count)| format!("{note} ({count} times)")).collect()
}

fn facts(plan: &Plan, records: &Records) -> Result<Vec<(String, String)>, String> {
    let mut all = blake3::Hasher::new();
    for record in records.values() {
        all.update(record.unit.file().as_bytes()).update(record.hash.as_bytes());
    }
    let suite = plan.suite.to_text()?;
    let hash = |hash: blake3::Hash| hash.to_hex()[..16].to_owned();
    Ok(vec![
        ("program".to_owned(), format!("podium {}", env!("CARGO_PKG_VERSION"))),
        ("hash of the suite".to_owned(), hash(blake3::hash(suite.as_bytes()))),
        ("hash of everything that the pictures depend on".to_owned(), hash(all.finalize())),
        ("suite".to_owned(), suite),
    ])
}

#[cfg(test)]
mod tests;
