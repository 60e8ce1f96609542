//! Putting parts together that were made anywhere: the same report as if one machine had made all.

use std::path::{Path, PathBuf};

use super::record::{Folder, Outcome, Plan, Record};

/// Takes the results of several folders into one, which may have some already. Gives how many units it has then.
///
/// # Errors
/// In words: folders of different suites, a unit that was made of different files in two of them, a file that cannot be
/// written.
pub fn merge(parts: &[PathBuf], out: &Path) -> Result<usize, String> {
    let opened: Vec<(Folder, Plan)> = parts.iter().map(|part| Folder::open(part)).collect::<Result<_, _>>()?;
    let Some((first, plan)) = opened.first() else { return Err("name the folders to put together".to_owned()) };
    if let Some((other, _)) = opened.iter().find(|(_, other)| !other.suite.is_alike(&plan.suite)) {
        let (first, other) = (first.root().display(), other.root().display());
        return Err(format!("{first} and {other} hold different suites, or one with other settings; merge them apart"));
    }
    let into = Folder::create(out)?;
    let mut all = plan.clone();
    for (_, part) in &opened {
        all = into.begin(&plan.suite, &part.choice)?;
    }
    for (from, part) in &opened {
        for record in from.records(part).values() {
            take(&into, from, record)?;
        }
        for case in &part.suite.cases {
            for prompt in part.suite.prompts_of(case) {
                let name = case.name();
                for place in [Folder::reference, Folder::strip] {
                    let (here, there) = (place(from, &name, &prompt.name), place(&into, &name, &prompt.name));
                    if here.is_file() && !there.exists() {
                        copy(&into, &here, &there)?;
                    }
                }
            }
        }
    }
    Ok(into.records(&all).len())
}

fn take(into: &Folder, from: &Folder, record: &Record) -> Result<(), String> {
    let made = matches!(record.outcome, Outcome::Made(_));
    if let Some(known) = into.record(&record.unit) {
        let both = made && matches!(known.outcome, Outcome::Made(_));
        if both && known.hash != record.hash {
            return Err(format!(
                "{} was made of other files or by another Podium in {} than elsewhere; make one of them anew",
                record.unit.words(),
                from.root().display()
            ));
        }
        // What was made anywhere is worth more than what failed there.
        if both || !made {
            return Ok(());
        }
    }
    if made {
        let picture = from.picture(&record.unit);
        if !picture.is_file() {
            // Nothing is believed without its picture; a later run makes it again.
            return Ok(());
        }
        copy(into, &picture, &into.picture(&record.unit))?;
    }
    into.keep(record)
}

fn copy(into: &Folder, from: &Path, to: &Path) -> Result<(), String> {
    let bytes = std::fs::read(from).map_err(|error| format!("{}: cannot be read ({error})", from.display()))?;
    into.put(to, &bytes)
}
