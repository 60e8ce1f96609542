//! Finished pictures: kept on the disk as they come, marked and taken out as undo has it.

use std::path::Path;

use super::history::ResultId;
use super::store::{Entry, Meta};
use super::{Place, Studio, Told};
use crate::link::JobId;

impl Studio {
    /// Keeps the pictures of a run that has just finished.
    pub(super) fn keep_results(&mut self, job: JobId) {
        let Some(run) = self.runs.get(job) else { return };
        let Some(finished) = run.finished().cloned() else { return };
        let (project, folder, device) = (run.project.clone(), run.folder.clone(), run.device.clone());
        let mut results = Vec::new();
        for (index, (picture, seed)) in finished.pictures.iter().zip(&finished.seeds).enumerate() {
            let meta = Meta { took: finished.elapsed, batch: job.0, picture: index as u32, device: device.clone() };
            results.push(self.store.add(picture, &project, &folder, *seed, meta));
        }
        self.runs.keep_results(job, results);
    }

    /// The results in the gallery, the newest first.
    pub fn results(&self) -> impl Iterator<Item = &Entry> {
        self.store.entries().iter().filter(|entry| !self.history.doc().deleted.contains(&entry.id))
    }

    /// Whether a result is marked as good.
    pub fn is_starred(&self, entry: &Entry) -> bool {
        self.history.doc().starred.get(&entry.id).copied().unwrap_or(entry.starred)
    }

    /// Takes results out of the gallery, or brings them back, as one step.
    pub fn delete_results(&mut self, results: &[ResultId], deleted: bool) {
        let name = match (results.len(), deleted) {
            (1, true) => "Delete a picture".to_owned(),
            (count, true) => format!("Delete {count} pictures"),
            (_, false) => "Bring pictures back".to_owned(),
        };
        self.history.edit(name, |doc| {
            for result in results {
                if deleted {
                    doc.deleted.insert(result.clone())
                } else {
                    doc.deleted.remove(result)
                };
            }
        });
        self.marked.extend(results.iter().map(|result| (result.clone(), None)));
        self.after_change();
    }

    /// Marks a result as good, or not, as one step.
    pub fn star(&mut self, result: &ResultId, starred: bool) {
        let before = self.store.entry(result).is_some_and(|entry| entry.starred);
        self.marked.entry(result.clone()).or_insert(None).get_or_insert(before);
        self.history.edit(if starred { "Star a picture" } else { "Take a star off" }, |doc| {
            doc.starred.insert(result.clone(), starred);
        });
        self.after_change();
    }

    /// Brings the disk's marks in line with the document, after an edit, undo or redo.
    pub(super) fn sync_marks(&mut self) {
        let doc = self.history.doc().clone();
        for (result, before) in &self.marked {
            self.store.set_deleted(result, doc.deleted.contains(result));
            if let Some(before) = before {
                self.store.set_starred(result, doc.starred.get(result).copied().unwrap_or(*before));
            }
        }
    }

    /// Makes the project of a result the present one, as a step, once it was read from its picture.
    pub fn restore_result(&mut self, result: &ResultId) {
        let read = self.result_reader(result);
        self.tasks.run(move || Told::ResultProject(read().map(Box::new)));
    }

    /// Uses a result as a layer of the present project.
    pub fn use_result(&mut self, result: &ResultId) {
        let path = self.store.path(result);
        self.take_in(path, super::Target::Cutout);
    }

    pub(super) fn take_result_project(&mut self, project: Result<Box<crate::project::Project>, String>) {
        match project {
            Ok(project) => {
                let project = project.with_absolute_paths(Path::new("/")).unwrap_or(*project);
                self.edit("Go back to a result's project", |present| *present = project);
            }
            Err(words) => self.notice(Place::Gallery, words),
        }
    }
}
