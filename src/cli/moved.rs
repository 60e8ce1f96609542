//! Opening a project on the command line: what has moved is used where it is known by its contents, and that is said.

use std::path::{Path, PathBuf};

use crate::project::hash::Known;
use crate::project::moved::{self, Moved, alike_words, changed_words};
use crate::project::{self, Project, png_text};
use crate::studio::places::folder_of;

/// The project of a file or of a picture that Podium wrote, and the folder that its paths start from. Files that have moved are
/// named where they are now, and it remembers what all its files are.
///
/// # Errors
/// When it cannot be read; where it is `strict`, at the first note.
pub(super) fn open(path: &Path, strict: bool) -> Result<(Project, PathBuf), Box<dyn std::error::Error>> {
    let project = match png_text::in_a_project_s_place(path)? {
        Some(project) => project,
        None => project::file::load(path)?,
    };
    let (folder, known) = (folder_of(path), Known::default());
    let moved = moved::look(&project, &folder, &known, &[]);
    for note in notes(&moved) {
        if strict {
            return Err(format!("{note} (with --strict this ends the render)").into());
        }
        super::say::note(note);
    }
    let project = project.with_moves(&moved.found).with_hashes(&folder, &known);
    Ok((project, folder))
}

/// What has become of files, a sentence each. Of those that are missing only what may be taken for them: who needs them says
/// the rest.
fn notes(moved: &Moved) -> Vec<String> {
    let found = moved.found.iter().map(|(before, now)| {
        format!("{} has moved; {} has the same contents and is used.", before.display(), now.display())
    });
    let names: Vec<String> = moved.changed.iter().map(|path| path.display().to_string()).collect();
    let changed = (!names.is_empty()).then(|| changed_words(&names));
    let alike = moved.missing.iter().filter_map(|(path, alike)| {
        Some(format!("{} is missing; {}, so it is not used.", path.display(), alike_words(alike.as_ref()?)))
    });
    found.chain(changed).chain(alike).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_say_what_is_used_and_what_is_not() {
        let moved = Moved {
            found: vec![("a.png".into(), "/b/a.png".into())],
            missing: vec![("c.pth".into(), Some("/b/c.pth".into())), ("d.pth".into(), None)],
            changed: vec!["e.png".into(), "/b/f.pth".into()],
        };
        let said = [
            "a.png has moved; /b/a.png has the same contents and is used.",
            "2 files have other contents than when the project was saved: e.png, /b/f.pth. They are used as they are.",
            "c.pth is missing; /b/c.pth has its name, but nothing shows that it is the same file, so it is not used.",
        ];
        assert_eq!(notes(&moved), said);
        assert!(notes(&Moved::default()).is_empty());
    }
}
