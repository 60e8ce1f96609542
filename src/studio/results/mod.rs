//! Finished pictures: kept on the disk as they come, marked and taken out as undo has it, and compared.
//!
//! - What is in the gallery, on disk and in memory? `store/`.
//! - In what do the settings of two results differ? `comparing.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use self::comparing::{Compared, Comparing, differences};
use self::store::{Entry, Meta, Store, Waiting};
use super::document::Document;
use super::document::history::{Doc, ResultId};
use super::places::Places;
use super::renders::runs::{Run, Runs};
use super::tasks::{Desk, Due, Owed, Pool};
use crate::project::{Project, png_text};

pub mod comparing;
pub mod store;

/// What came of a piece of work.
#[cfg_attr(test, derive(Clone))]
enum Told {
    Compared { pair: (ResultId, ResultId), found: Compared },
    Project { number: u64, project: Result<Box<Project>, String>, document: Option<u64> },
}

#[cfg(test)]
crate::studio::tasks::kinds!(Told: Compared, Project);

/// What is said where another project was opened before a result's was read.
const TOO_LATE: &str =
    "Another project was opened before that picture's was read. Go back to it again to have it in its place.";

/// What the other rooms shall know.
#[derive(Debug)]
pub enum Outcome {
    /// There is something new to show.
    Told,
    /// A result's project was read, to be gone back to; or why not.
    Project {
        /// The project.
        project: Result<Box<Project>, String>,
        /// The document that it was rendered from, where that is of this session.
        document: Option<u64>,
    },
    /// Something to say at the gallery.
    Say(String),
}

/// The finished pictures of this session and of earlier ones.
pub struct Results {
    /// The gallery.
    pub store: Store,
    comparing: Comparing,
    /// Results marked in this session, and whether each was starred before.
    marked: BTreeMap<ResultId, Option<bool>>,
    /// The document that the disk's marks are in line with.
    followed: Option<Arc<Doc>>,
    /// Projects of results that somebody wants to go back to.
    owed: Owed,
    desk: Desk<Told>,
}

impl Results {
    /// Opens the gallery; its entries come with a later poll.
    pub fn open(places: &Places, pool: &Pool) -> Self {
        Self {
            store: Store::through(places, pool.wake(), pool.tap()),
            comparing: Comparing::default(),
            marked: BTreeMap::new(),
            followed: None,
            owed: Owed::default(),
            desk: pool.desk(),
        }
    }

    /// Takes in what was read and written.
    pub fn poll(&mut self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(told) = self.desk.next() {
            outcomes.push(match told {
                Told::Project { number, project, document } => match self.owed.take(number) {
                    Due::Now => Outcome::Project { project, document },
                    Due::GivenUp => Outcome::Say(TOO_LATE.to_owned()),
                    Due::Nobodys => Outcome::Told,
                },
                Told::Compared { pair, found } => {
                    self.comparing.take(&pair, found);
                    Outcome::Told
                }
            });
        }
        if self.store.poll() {
            outcomes.push(Outcome::Told);
        }
        outcomes.extend(self.store.take_messages().into_iter().map(Outcome::Say));
        outcomes
    }

    /// Whether results' projects are being read, or what was read is not taken in yet.
    pub fn is_busy(&self) -> bool {
        self.desk.is_busy()
    }

    /// Keeps the pictures of a run that has just finished.
    pub fn keep(&mut self, run: &Run) -> Vec<ResultId> {
        let Some(finished) = run.finished() else { return Vec::new() };
        let mut results = Vec::new();
        for (index, (picture, seed)) in finished.pictures.iter().zip(&finished.seeds).enumerate() {
            let (batch, device) = (run.job.0, run.device.clone());
            let meta = Meta { took: finished.elapsed, batch, picture: index as u32, device };
            results.push(self.store.add(picture, &run.project, &run.folder, *seed, meta));
        }
        results
    }

    /// The results in the gallery, the newest first.
    pub fn shown<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a Entry> {
        let doc = document.history.doc();
        self.store.entries().iter().filter(|entry| !doc.deleted.contains(&entry.id))
    }

    /// The results that were taken out in this session, the newest first.
    pub fn deleted<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a Entry> {
        let doc = document.history.doc();
        self.store.entries().iter().filter(|entry| doc.deleted.contains(&entry.id))
    }

    /// Whether a result is marked as good.
    pub fn is_starred(&self, document: &Document, entry: &Entry) -> bool {
        document.history.doc().starred.get(&entry.id).copied().unwrap_or(entry.starred)
    }

    /// Takes results out of the gallery, or brings them back, as one step.
    pub fn delete(&mut self, document: &mut Document, results: &[ResultId], deleted: bool) {
        let name = match (results.len(), deleted) {
            (1, true) => "Delete a picture".to_owned(),
            (count, true) => format!("Delete {count} pictures"),
            (_, false) => "Bring pictures back".to_owned(),
        };
        document.edit_doc(name, |doc| {
            for result in results {
                if deleted {
                    doc.deleted.insert(result.clone())
                } else {
                    doc.deleted.remove(result)
                };
            }
        });
        for result in results {
            self.marked.entry(result.clone()).or_insert(None);
        }
        self.follow(document);
    }

    /// Marks a result as good, or not, as one step.
    pub fn star(&mut self, document: &mut Document, result: &ResultId, starred: bool) {
        let before = self.store.entry(result).is_some_and(|entry| entry.starred);
        self.marked.entry(result.clone()).or_insert(None).get_or_insert(before);
        document.edit_doc(if starred { "Star a picture" } else { "Take a star off" }, |doc| {
            doc.starred.insert(result.clone(), starred);
        });
        self.follow(document);
    }

    /// Brings the disk's marks in line with the document, where it has changed by an edit, undo or redo.
    pub fn follow(&mut self, document: &Document) {
        let doc = document.history.doc();
        if self.marked.is_empty() || self.followed.as_ref().is_some_and(|followed| Arc::ptr_eq(followed, doc)) {
            return;
        }
        self.followed = Some(doc.clone());
        for (result, before) in &self.marked {
            self.store.set_deleted(result, doc.deleted.contains(result));
            if let Some(before) = before {
                self.store.set_starred(result, doc.starred.get(result).copied().unwrap_or(*before));
            }
        }
    }

    /// In what two results' projects differ; None while they are being read.
    pub fn compare(&mut self, runs: &Runs, before: &ResultId, after: &ResultId) -> Option<&Compared> {
        let pair = (before.clone(), after.clone());
        if self.comparing.ask(&pair) {
            let read = [self.reader(runs, before), self.reader(runs, after)];
            self.desk.run(move || {
                let [before, after] = read.map(|read| read());
                let found = before.and_then(|before| Ok(differences(&before, &after?)));
                Told::Compared { pair, found }
            });
        }
        self.comparing.found()
    }

    /// Reads the project of a result, which comes as an outcome.
    pub fn read_project(&mut self, runs: &Runs, result: &ResultId) {
        let number = self.owed.ask();
        let read = self.reader(runs, result);
        let document = runs.of_result(result).map(|(run, _)| run.origin.document);
        self.desk.run(move || Told::Project { number, project: read().map(Box::new), document });
    }

    /// Another project is opened: nobody goes back from that to what was asked for before.
    pub fn give_up_reading(&mut self) {
        self.owed.give_up();
    }

    /// How to get a result's project: from its run, from the picture that is not on the disk yet, or from its file.
    fn reader(&self, runs: &Runs, id: &ResultId) -> Box<dyn FnOnce() -> Result<Project, String> + Send> {
        if let Some((run, picture)) = runs.of_result(id)
            && let Some(&seed) = run.finished().and_then(|finished| finished.seeds.get(picture))
        {
            let project = Project { seed, pictures: 1, ..Project::clone(&run.project) };
            let folder = run.folder.clone();
            return Box::new(move || project.with_absolute_paths(&folder).map_err(|error| error.to_string()));
        }
        if let Some(Waiting { project, base, .. }) = self.store.waiting(id) {
            return Box::new(move || project.with_absolute_paths(&base).map_err(|error| error.to_string()));
        }
        let path = self.store.path(id);
        Box::new(move || {
            let project = png_text::read_project(&path).map_err(|error| error.to_string())?;
            project.ok_or_else(|| format!("{} holds no project.", path.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use image::RgbImage;

    use super::*;

    fn results() -> (tempfile::TempDir, Results) {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::start(Arc::new(|| ())).unwrap();
        let results = Results::open(&Places::in_folder(folder.path()), &pool);
        (folder, results)
    }

    fn document() -> Document {
        Document::new(Project::new(), None, "/work".into())
    }

    fn add(results: &mut Results, prompt: &str) -> ResultId {
        let project = Project { prompt: prompt.into(), ..Project::new() };
        results.store.add(&RgbImage::new(8, 8), &project, Path::new("/work"), 5, Meta::default())
    }

    /// The prompts of two results, as comparing them says.
    fn prompts_compared(results: &mut Results, runs: &Runs, one: &ResultId, other: &ResultId) -> (String, String) {
        wait(results, "comparing", |results, _| results.compare(runs, one, other).is_some());
        let found = results.compare(runs, one, other).unwrap().clone().unwrap();
        (found[0].before.clone(), found[0].after.clone())
    }

    fn wait(results: &mut Results, what: &str, mut there: impl FnMut(&mut Results, &[Outcome]) -> bool) {
        let begun = Instant::now();
        loop {
            let outcomes = results.poll();
            if there(results, &outcomes) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(120), "{what} did not happen");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn marks_follow_the_document_through_undo_and_redo() {
        let ((_folder, mut results), mut document) = (results(), document());
        let (first, second) = (add(&mut results, "one"), add(&mut results, "two"));
        results.star(&mut document, &first, true);
        results.delete(&mut document, std::slice::from_ref(&second), true);
        let marks = |results: &Results| {
            let entry = |id: &ResultId| results.store.entry(id).unwrap().clone();
            (entry(&first).starred, entry(&second).deleted)
        };
        assert_eq!((marks(&results), results.shown(&document).count()), ((true, true), 1));
        document.undo();
        document.undo();
        results.follow(&document);
        assert_eq!((marks(&results), results.shown(&document).count()), ((false, false), 2));
        document.redo();
        results.follow(&document);
        assert_eq!(marks(&results), (true, false));
        let entry = results.store.entry(&first).unwrap().clone();
        assert!(results.is_starred(&document, &entry));
    }

    #[test]
    fn what_is_not_on_the_disk_yet_is_compared_and_gone_back_to_all_the_same() {
        let (folder, mut results) = results();
        wait(&mut results, "the list", |results, _| results.store.is_listed());
        let gallery = Places::in_folder(folder.path()).results_folder();
        std::fs::remove_dir_all(&gallery).unwrap();
        std::fs::write(&gallery, "in the way").unwrap();
        let (first, second) = (add(&mut results, "a cat"), add(&mut results, "a dog"));
        wait(&mut results, "a try", |results, _| results.store.unwritten() == 2);
        // Their renders are no longer kept.
        let runs = Runs::default();
        assert_eq!(prompts_compared(&mut results, &runs, &first, &second), ("a cat".to_owned(), "a dog".to_owned()));
        results.read_project(&runs, &second);
        wait(&mut results, "reading", |_, outcomes| {
            let read = |outcome: &Outcome| match outcome {
                Outcome::Project { project: Ok(project), .. } => Some((project.prompt.clone(), project.seed)),
                _ => None,
            };
            outcomes.iter().find_map(read) == Some(("a dog".to_owned(), 5))
        });
    }

    #[test]
    fn two_results_are_compared_and_one_s_project_is_read_from_its_file() {
        let (_folder, mut results) = results();
        let (first, second) = (add(&mut results, "a cat"), add(&mut results, "a dog"));
        wait(&mut results, "writing", |results, _| !results.store.is_writing());
        let runs = Runs::default();
        assert_eq!(prompts_compared(&mut results, &runs, &first, &second), ("a cat".to_owned(), "a dog".to_owned()));
        results.read_project(&runs, &second);
        wait(&mut results, "reading", |_, outcomes| {
            let prompt = |outcome: &Outcome| match outcome {
                Outcome::Project { project: Ok(project), .. } => Some(project.prompt.clone()),
                _ => None,
            };
            outcomes.iter().find_map(prompt).as_deref() == Some("a dog")
        });
    }
}
