//! Files that moved, and a project that moves with all its files. Spans the rooms.

use std::path::{Path, PathBuf};

use super::notice::Place;
use super::rooms::Studio;
use super::session::question::Question;
use crate::project::files::name_of;
use crate::project::moved::{Moved, alike_words, changed_words};

impl Studio {
    /// Looks in the background where the project's files are (see [`super::files::Files::look_for_moved`]).
    pub(super) fn look_for_moved(&mut self, opened: bool, shown: Vec<(PathBuf, PathBuf)>) {
        self.missing.clear();
        self.files.look_for_moved(&self.document, self.session.known.clone(), opened, shown);
    }

    /// The project's files were looked for.
    pub(super) fn moved(&mut self, opened: bool, moved: Moved) {
        let Moved { mut found, mut missing, changed } = moved;
        // What was put right since by hand, or is named no more, is nothing to ask about.
        let named = self.project().outside_paths();
        found.retain(|(before, _)| named.contains(before));
        missing.retain(|(path, _)| named.contains(path));
        // While the project is open its files are edited, and that is nothing to tell.
        if opened && !changed.is_empty() {
            let names: Vec<String> = changed.iter().map(|path| name_of(path)).collect();
            self.notice(Place::Project, changed_words(&names));
        }
        if !found.is_empty() {
            let missing = missing.iter().map(|(path, alike)| missing_words(path, alike.as_deref())).collect();
            self.session.questions.ask(Question::Moved { found, missing });
        }
        self.missing = missing.into_iter().map(|(path, _)| path).collect();
    }

    /// Files of the project that were found nowhere when they were looked for last: when it was opened, or when somebody asked.
    pub fn missing_files(&self) -> &[PathBuf] {
        &self.missing
    }

    /// Answers the question in hand by naming files where they are now, as one step.
    pub fn use_moved(&mut self, found: &[(PathBuf, PathBuf)]) {
        self.session.questions.answered();
        let name = match found {
            [(path, _)] => format!("Use {} where it is now", name_of(path)),
            _ => format!("Use {} files where they are now", found.len()),
        };
        self.edit(name, |project| *project = project.with_moves(found));
    }

    /// Names a missing file where somebody has found it, as one step, and looks for others from there.
    pub fn use_found_file(&mut self, before: PathBuf, now: PathBuf) {
        let found = [(before, now)];
        self.edit(format!("Find {}", name_of(&found[0].0)), |project| *project = project.with_moves(&found));
        self.look_for_moved(false, found.into());
    }

    /// Copies the project as it is, with everything that it uses, into a new folder within another, in the background.
    pub fn collect_into(&mut self, within: PathBuf, with_model: bool) {
        self.document.end_gesture();
        let (project, base) = (self.project().clone(), self.document.folder.clone());
        let title = self.title();
        self.collect.start(project, base, within, &title, with_model);
    }
}

fn missing_words(path: &Path, alike: Option<&Path>) -> String {
    match alike {
        None => path.display().to_string(),
        Some(alike) => format!("{} ({})", path.display(), alike_words(alike)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_may_be_taken_for_it() {
        assert_eq!(missing_words("/a/x".as_ref(), None), "/a/x");
        assert!(missing_words("/a/x".as_ref(), Some("/b/x".as_ref())).starts_with("/a/x (/b/x has its name, but"));
    }
}
