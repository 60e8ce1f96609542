//! Where the files of a project are that are no longer where it names them.
//!
//! A missing file is looked for under its own name in the project's folder and in the folders below that, to stated bounds; and
//! where one file was found, others are looked for from there as they lay before. What is found is known by its hash: a file
//! of the same name with other contents is told of, and never taken.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Project;
use super::files::resolve;
use super::hash::{FileHash, Known};
use super::near::near;

/// How many folders deep.
const DEPTH: usize = 6;
/// How many entries of folders are looked at: a project may lie in a home folder.
const MOST_ENTRIES: usize = 20_000;
/// How many files of one name are looked into.
const MOST_ALIKE: usize = 16;

/// What has become of a project's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Those that were found: their paths as the project writes them, and where they are now, absolute.
    pub found: Vec<(PathBuf, PathBuf)>,
    /// Those that were found nowhere, with a file of their name that has other contents, or whose contents nobody
    /// remembers, where there is one.
    pub missing: Vec<(PathBuf, Option<PathBuf>)>,
    /// Those that are there, with other contents than the project remembers.
    pub changed: Vec<PathBuf>,
}

/// What is said of files that are there with other contents, by what they are called.
pub fn changed_words(names: &[String]) -> String {
    match names {
        [one] => format!("{one} has other contents than when the project was saved. It is used as it is."),
        _ => format!(
            "{} files have other contents than when the project was saved: {}. They are used as they are.",
            names.len(),
            names.join(", ")
        ),
    }
}

/// What is said of a file that has a missing one's name, and is not taken for it; no whole sentence yet.
pub fn alike_words(alike: &Path) -> String {
    format!("{} has its name, but nothing shows that it is the same file", alike.display())
}

/// Looks where the files of a project are. Its relative paths start from `folder`, in which it lies and which is looked
/// through; `shown` are files that somebody has found by hand, with where they were before. Reads folders and files: nothing
/// for a window's thread.
pub fn look(project: &Project, folder: &Path, known: &Known, shown: &[(PathBuf, PathBuf)]) -> Moved {
    let folder = &std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut moved = Moved::default();
    let mut missing = Vec::new();
    for path in project.outside_paths() {
        let full = resolve(folder, &path);
        if is_missing(&full) {
            missing.push(path);
        } else if let Some(before) = project.hashes.get(&path)
            // What cannot be read is said by whoever needs it.
            && known.hash(&full).is_ok_and(|now| now.is_other_than(before))
        {
            moved.changed.push(path);
        }
    }
    if missing.is_empty() {
        return moved;
    }
    let search = Search { project, folder, known, alike: alike(folder, &missing) };
    let mut roots: Vec<(PathBuf, PathBuf)> =
        shown.iter().filter_map(|(before, now)| roots_of(&resolve(folder, before), now)).collect();
    missing.retain(|path| {
        let Some(here) = search.beside(path) else { return true };
        roots.extend(roots_of(&resolve(folder, path), &here));
        moved.found.push((path.clone(), here));
        false
    });
    // What is found this way shows where still others may be.
    let mut tried = 0;
    while tried < roots.len() {
        let (from, to) = roots[tried].clone();
        tried += 1;
        missing.retain(|path| {
            let full = resolve(folder, path);
            let there =
                full.strip_prefix(&from).ok().map(|rest| to.join(rest)).filter(|there| search.is_it(path, there));
            let Some(there) = there else { return true };
            let new = roots_of(&full, &there).filter(|new| !roots.contains(new));
            roots.extend(new);
            moved.found.push((path.clone(), there));
            false
        });
    }
    moved.found.sort();
    moved.missing = missing.into_iter().map(|path| (path.clone(), search.alike_of(&path).first().cloned())).collect();
    moved
}

/// Whether there is nothing at a path, or a link to nothing. What is there and may not be looked at is not missing.
fn is_missing(path: &Path) -> bool {
    fs::metadata(path)
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
}

/// What is known of a search.
struct Search<'a> {
    project: &'a Project,
    folder: &'a Path,
    known: &'a Known,
    /// What has a missing file's name, by that name.
    alike: HashMap<String, Vec<PathBuf>>,
}

impl Search<'_> {
    /// The file or folder of the same name and contents in the project's folder.
    fn beside(&self, path: &Path) -> Option<PathBuf> {
        self.alike_of(path).iter().find(|here| self.is_it(path, here)).cloned()
    }

    fn alike_of(&self, path: &Path) -> &[PathBuf] {
        folded_name(path).and_then(|name| self.alike.get(&name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether what lies there has the contents of a file of the project: those it remembers, or those that were seen since.
    fn is_it(&self, path: &Path, there: &Path) -> bool {
        let seen = self.known.last(&resolve(self.folder, path));
        let before: Vec<&FileHash> = self.project.hashes.get(path).into_iter().chain(&seen).collect();
        !before.is_empty() && self.known.hash(there).is_ok_and(|now| before.contains(&&now))
    }
}

/// A file's name, as file systems that people take it from compare them.
fn folded_name(path: &Path) -> Option<String> {
    path.file_name().and_then(OsStr::to_str).map(str::to_lowercase)
}

/// What has one of these files' names in a folder and below it, near ones first. Hidden folders are somebody else's.
fn alike(folder: &Path, wanted: &[PathBuf]) -> HashMap<String, Vec<PathBuf>> {
    let names: HashSet<String> = wanted.iter().filter_map(|path| folded_name(path)).collect();
    let mut found: HashMap<String, Vec<PathBuf>> = HashMap::new();
    let is_shown = |name: &OsStr| !name.to_string_lossy().starts_with('.');
    for (path, _) in near(&[folder.to_owned()], DEPTH, MOST_ENTRIES, is_shown) {
        if let Some(name) = folded_name(&path).filter(|name| names.contains(name)) {
            let list = found.entry(name).or_default();
            if list.len() < MOST_ALIKE {
                list.push(path);
            }
        }
    }
    found
}

/// What was above both of a file's paths where they begin to be the same: `/a/b/x` that is now `/c/b/x` lay in `/a` and
/// lies in `/c`. None where it is the same path.
fn roots_of(before: &Path, now: &Path) -> Option<(PathBuf, PathBuf)> {
    let (mut from, mut to) = (before, now);
    while let (Some(left), Some(right)) = (from.file_name(), to.file_name())
        && left == right
    {
        (from, to) = (from.parent()?, to.parent()?);
    }
    (from != to).then(|| (from.to_owned(), to.to_owned()))
}

impl Project {
    /// The same project with files at other paths: each `.0`, as it writes it, is `.1` now. What is remembered of them stays.
    pub fn with_moves(&self, moves: &[(PathBuf, PathBuf)]) -> Self {
        let mut project = self.clone();
        let rewrite = |paths: Vec<&mut PathBuf>| {
            for path in paths {
                if let Some((_, now)) = moves.iter().find(|(before, _)| before == path) {
                    path.clone_from(now);
                }
            }
        };
        rewrite(project.paths_mut());
        project.hashes.with_paths(rewrite);
        project
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Color, Concept, ConceptFile, Layer, Placement};
    use super::*;

    /// A project with a layer, a concept of two files and a photo, all in `folder` with their names for contents.
    fn project(folder: &Path) -> Project {
        let at = |name: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            path
        };
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new(at("pictures/cat.png"), 0.0, 0.0));
        let mut concept = Concept::new("Tom", at("concepts/tom.pth"), "cat", Color([0; 3]));
        concept.more.push(ConceptFile::new(at("concepts/deep/fur.pt")));
        project.concepts.push(concept);
        project.place = Some(Placement::new(at("photo.jpg"), ""));
        project.with_hashes(folder, &Known::default())
    }

    fn looked(project: &Project, folder: &Path) -> Moved {
        look(project, folder, &Known::default(), &[])
    }

    #[test]
    fn what_is_where_it_was_has_not_moved() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(&folder.path().join("files"));
        assert_eq!(looked(&project, folder.path()), Moved::default());
    }

    #[test]
    fn a_file_is_found_beside_the_project_by_its_contents_and_others_of_its_name_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let project = project(&old);
        fs::create_dir_all(new.join("a/b")).unwrap();
        fs::create_dir_all(new.join("other")).unwrap();
        fs::rename(old.join("pictures/cat.png"), new.join("a/b/CAT.png")).unwrap();
        fs::write(new.join("cat.png"), "another cat").unwrap();
        fs::remove_file(old.join("photo.jpg")).unwrap();
        fs::write(new.join("other/photo.jpg"), "another photo").unwrap();
        let moved = looked(&project, &new);
        assert_eq!(moved.found, [(old.join("pictures/cat.png"), new.join("a/b/CAT.png"))]);
        assert_eq!(moved.missing, [(old.join("photo.jpg"), Some(new.join("other/photo.jpg")))]);
        let used = project.with_moves(&moved.found);
        assert_eq!(used.layers()[0].picture, new.join("a/b/CAT.png"));
        assert!(used.hashes.get(&new.join("a/b/CAT.png")).is_some(), "what is remembered goes with it");
        assert_eq!(used.with_moves(&moved.found), used);
    }

    #[test]
    fn where_one_file_went_others_are_looked_for_as_they_lay() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let project = project(&old);
        // Only the layer's picture is in the project's folder; the rest lies beside that, as before.
        fs::rename(&old, &new).unwrap();
        let home = new.join("pictures");
        let moved = looked(&project, &home);
        let there = |name: &str| (old.join(name), new.join(name));
        let all = ["concepts/deep/fur.pt", "concepts/tom.pth", "photo.jpg", "pictures/cat.png"].map(there);
        assert_eq!(moved, Moved { found: all.to_vec(), ..Moved::default() });
        // Somebody shows one of them, and none lies beside the project.
        let lonely = folder.path().join("lonely");
        let found = look(&project, &lonely, &Known::default(), &[there("photo.jpg")]).found;
        assert_eq!(found, all);
        // Not where it has other contents.
        fs::write(new.join("photo.jpg"), "another").unwrap();
        assert_eq!(looked(&project, &home).missing, [(old.join("photo.jpg"), None)]);
    }

    #[test]
    fn roots_are_what_differs_of_two_paths() {
        let roots = |before: &str, now: &str| roots_of(Path::new(before), Path::new(now));
        assert_eq!(roots("/a/b/x", "/c/b/x"), Some(("/a".into(), "/c".into())));
        assert_eq!(roots("/a/x", "/x"), Some(("/a".into(), "/".into())));
        assert_eq!(roots("/a/x", "/a/X"), Some(("/a/x".into(), "/a/X".into())));
        assert_eq!(roots("/a/x", "/a/x"), None);
    }

    #[test]
    fn a_file_whose_contents_nobody_remembers_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("gone/cat.png", 0.0, 0.0));
        fs::write(folder.path().join("cat.png"), "a cat").unwrap();
        let moved = looked(&project, folder.path());
        assert_eq!(moved.found, []);
        assert_eq!(moved.missing, [("gone/cat.png".into(), Some(folder.path().join("cat.png")))]);
        // What was seen before it went is remembered as well.
        let known = Known::default();
        fs::create_dir(folder.path().join("gone")).unwrap();
        fs::write(folder.path().join("gone/cat.png"), "a cat").unwrap();
        let _seen = project.with_hashes(folder.path(), &known);
        fs::remove_dir_all(folder.path().join("gone")).unwrap();
        assert_eq!(look(&project, folder.path(), &known, &[]).found.len(), 1);
    }

    #[test]
    fn a_file_with_other_contents_than_remembered_is_said_and_a_folder_is_found_like_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(folder.path());
        let model = folder.path().join("models/sd");
        fs::create_dir_all(model.join("unet")).unwrap();
        fs::write(model.join("unet/config.json"), "{}").unwrap();
        project.model = Some(model.clone());
        project = project.with_hashes(folder.path(), &Known::default());
        fs::write(folder.path().join("photo.jpg"), "edited").unwrap();
        fs::rename(&model, folder.path().join("sd")).unwrap();
        let moved = looked(&project, folder.path());
        assert_eq!(moved.changed, [folder.path().join("photo.jpg")]);
        assert_eq!(moved.found, [(model, folder.path().join("sd"))]);
    }

    #[cfg(unix)]
    #[test]
    fn circles_of_links_and_many_folders_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = Project::new();
        project.layers_mut().unwrap().push(Layer::new("/gone/cat.png", 0.0, 0.0));
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        std::os::unix::fs::symlink("cat.png", folder.path().join("cat.png")).unwrap();
        let deep = folder.path().join("1/2/3/4/5/6/7");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("cat.png"), "too deep").unwrap();
        let moved = looked(&project, folder.path());
        // The link to itself has the name, and cannot be read.
        assert_eq!(moved.missing, [("/gone/cat.png".into(), Some(folder.path().join("cat.png")))]);
    }
}
