use std::collections::BTreeSet;

use super::*;
use crate::project::hash::Known;
use crate::project::{Color, Concept, ConceptFile, Cut, Layer, Placement};

/// A folder of files with their own paths for contents.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.write(name, name)
    }

    fn plan(&self, project: &Project) -> Result<Plan, CollectError> {
        plan(project, self.0.path(), true, &Known::default())
    }

    fn collect(&self, project: &Project, name: &str) -> Result<Collected, CollectError> {
        self.plan(project)?.write(&self.at(name), &mut |_, _| true)
    }

    /// Everything below a folder, from there.
    fn below(&self, name: &str) -> BTreeSet<String> {
        fn walk(folder: &Path, before: &str, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{before}{}", entry.file_name().to_string_lossy());
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), found);
                } else {
                    found.insert(name);
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(&self.at(name), "", &mut found);
        found
    }
}

fn with_layers(pictures: &[&Path]) -> Project {
    let mut project = Project::new();
    let layers = pictures.iter().map(|path| Layer::new(*path, 1.0, 2.0));
    project.layers_mut().unwrap().extend(layers);
    project
}

fn concept(name: &str, file: &Path) -> Concept {
    Concept::new(name, file, "cat", Color([0; 3]))
}

#[test]
fn everything_that_a_project_uses_lies_in_one_folder_and_means_the_same_there() {
    let home = Home::new();
    let mut project = with_layers(&[&home.file("a/cat.png"), Path::new("assets:cutouts/dog.png")]);
    project.layers_mut().unwrap()[0].cut =
        Some(Cut { photo: home.file("shots/cat.jpg"), mask: home.file("m/cut.png") });
    let mut tom = concept("Tom", &home.file("c/tom.pth"));
    home.file("c/tom.json");
    tom.more.push(ConceptFile::new(home.file("c/fur.pt")));
    tom.mask = MaskSource::Files(vec![home.file("m/one.png")]);
    project.concepts = vec![tom, concept("Ann", Path::new("")), concept("Mint", Path::new("assets:x.pth"))];
    project.styles = vec![ConceptFile::new(home.file("s/oil.safetensors"))];
    project.model = Some(home.file("models/sd.ckpt"));
    home.file("models/sd.yaml");
    home.file("models/other.ckpt");
    project.vae = Some(home.file("models/better.pt"));
    // One path is written from the project's folder.
    home.file("photo.jpg");
    project.place = Some(Placement::new("photo.jpg", ""));
    let done = home.collect(&project, "out").unwrap();
    let expected = [
        "concepts/fur.pt",
        "concepts/tom.json",
        "concepts/tom.pth",
        "masks/cut.png",
        "masks/one.png",
        "model/sd.ckpt",
        "model/sd.yaml",
        "photos/cat.jpg",
        "photos/photo.jpg",
        "pictures/cat.png",
        "project.ron",
        "styles/oil.safetensors",
        "vae/better.pt",
    ];
    assert_eq!(home.below("out"), expected.map(str::to_owned).into());
    assert_eq!((done.files, done.left.clone()), (expected.len() - 1, None));
    assert!(done.words().starts_with("The project and 12 files ("), "{}", done.words());

    // It opens anywhere, and each path leads to what it led to.
    fs::rename(home.at("out"), home.at("elsewhere")).unwrap();
    let folder = home.at("elsewhere");
    let opened = file::load_as_it_is(&folder.join(PROJECT)).unwrap();
    let mut before = project.with_absolute_paths(home.0.path()).unwrap();
    let mut after = opened.with_absolute_paths(&folder).unwrap();
    let read = |path: &Path| fs::read_to_string(path).ok();
    for (before, after) in before.paths_mut().into_iter().zip(after.paths_mut()) {
        assert_eq!(read(before), read(after), "{} and {}", before.display(), after.display());
        assert!(before == after || after.starts_with(&folder), "{}", after.display());
    }
    assert!(opened.hashes.get(Path::new("concepts/tom.pth")).is_some());
    assert!(opened.hashes.get(Path::new("model/sd.ckpt")).is_some());
}

#[test]
fn names_are_kept_apart_and_the_same_contents_are_copied_once() {
    let home = Home::new();
    let pictures =
        [home.file("a/cat.png"), home.file("b/CAT.png"), home.write("c/tim.png", "a/cat.png"), home.file("c/p:q.png")];
    let mut project = with_layers(&pictures.each_ref().map(PathBuf::as_path));
    // The names of concepts' files may be words, so the same contents under two names are two.
    let files = [
        home.file("a/tom.pt"),
        home.file("b/tom.pt"),
        home.write("c/tom.pt", "a/tom.pt"),
        home.write("d/rex.pt", "a/tom.pt"),
    ];
    project.concepts = files.iter().enumerate().map(|(number, file)| concept(&number.to_string(), file)).collect();
    home.collect(&project, "out").unwrap();
    let expected = [
        "concepts/2/tom.pt",
        "concepts/rex.pt",
        "concepts/tom.pt",
        "pictures/2/CAT.png",
        "pictures/cat.png",
        "pictures/p_q.png",
        "project.ron",
    ];
    assert_eq!(home.below("out"), expected.map(str::to_owned).into());
    let opened = file::load_as_it_is(&home.at("out/project.ron")).unwrap();
    let names: Vec<&str> = opened.layers().iter().map(|layer| layer.picture.to_str().unwrap()).collect();
    assert_eq!(names, ["pictures/cat.png", "pictures/2/CAT.png", "pictures/cat.png", "pictures/p_q.png"]);
    let titles: Vec<String> = opened.layers().iter().map(Layer::title).collect();
    assert_eq!(titles, ["cat", "CAT", "tim", "p:q"]);
    let names: Vec<&str> = opened.concepts.iter().map(|concept| concept.file.to_str().unwrap()).collect();
    assert_eq!(names, ["concepts/tom.pt", "concepts/2/tom.pt", "concepts/tom.pt", "concepts/rex.pt"]);
}

#[test]
fn all_that_is_missing_is_said_at_once_and_nothing_is_copied() {
    let home = Home::new();
    let mut project = with_layers(&[&home.file("cat.png"), &home.at("gone.png"), &home.at("gone.png")]);
    project.concepts = vec![concept("Tom", &home.at("gone/tom.pth"))];
    project.model = Some(home.at("gone/sd"));
    let words = home.collect(&project, "out").unwrap_err().to_string();
    assert!(words.starts_with("3 files that the project names are missing: "), "{words}");
    for name in ["gone.png", "gone/tom.pth", "gone/sd", "nothing was copied"] {
        assert!(words.contains(name), "{words}");
    }
    // A model that stays where it is need not be here.
    project.concepts.clear();
    project.layers_mut().unwrap().truncate(1);
    let plan = plan(&project, home.0.path(), false, &Known::default()).unwrap();
    let done = plan.write(&home.at("out"), &mut |_, _| true).unwrap();
    assert_eq!(done.left, project.model);
    assert_eq!(file::load_as_it_is(&home.at("out/project.ron")).unwrap().model, project.model);
    assert!(done.words().contains("The model stays at"), "{}", done.words());
    assert_eq!(home.below("out"), ["pictures/cat.png", "project.ron"].map(str::to_owned).into());
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_of_what_is_stopped_or_has_no_room() {
    let home = Home::new();
    let project = with_layers(&[&home.file("cat.png"), &home.file("dog.png")]);
    home.write("full/mine.txt", "mine");
    let words = home.collect(&project, "full").unwrap_err().to_string();
    assert!(words.contains("there is something already"), "{words}");
    let words = home.collect(&project, "no/such").unwrap_err().to_string();
    assert!(words.contains("does not exist"), "{words}");
    let plan = home.plan(&project).unwrap();
    let mut told = 0;
    let stopped = plan.write(&home.at("out"), &mut |_, _| {
        told += 1;
        told < 3
    });
    assert!(matches!(stopped, Err(CollectError::Stopped)) && told == 3, "{told}");
    let words = plan.write_where(&home.at("out"), |_| Some(1), &mut |_, _| true).unwrap_err().to_string();
    assert!(words.contains("has room for 1 bytes only, and 14 bytes are needed"), "{words}");
    // A file that is another by the time it is copied.
    home.write("cat.png", "longer than it was");
    let words = plan.write(&home.at("out"), &mut |_, _| true).unwrap_err().to_string();
    assert!(words.contains("cat.png") && words.contains("while it was copied"), "{words}");
    let left: BTreeSet<String> =
        fs::read_dir(home.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["cat.png", "dog.png", "full"].map(str::to_owned).into());
    // An empty folder is a place for it.
    fs::create_dir(home.at("empty")).unwrap();
    assert!(home.collect(&project, "empty").is_ok());
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_files_and_what_is_no_file_is_refused() {
    let home = Home::new();
    home.file("real/cat.png");
    std::os::unix::fs::symlink("real/cat.png", home.at("cat.png")).unwrap();
    std::os::unix::fs::symlink("loop.png", home.at("loop.png")).unwrap();
    home.collect(&with_layers(&[&home.at("cat.png"), &home.at("real/cat.png")]), "out").unwrap();
    assert_eq!(home.below("out"), ["pictures/cat.png", "project.ron"].map(str::to_owned).into());
    assert!(!fs::symlink_metadata(home.at("out/pictures/cat.png")).unwrap().is_symlink());
    for odd in [home.at("loop.png"), PathBuf::from("/dev/zero"), home.at("real")] {
        let words = home.collect(&with_layers(&[&odd]), "odd").unwrap_err().to_string();
        assert!(words.starts_with("cannot read ") && words.contains("nothing was collected"), "{words}");
    }
    assert!(!home.at("odd").exists());
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_becomes_one_and_a_folder_that_may_not_be_written_says_so() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let odd = home.0.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
    fs::write(&odd, "x").unwrap();
    home.collect(&with_layers(&[&odd]), "out").unwrap();
    assert_eq!(home.below("out"), ["pictures/caf\u{fffd}.png", "project.ron"].map(str::to_owned).into());
    fs::create_dir(home.at("closed")).unwrap();
    fs::set_permissions(home.at("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    // Whoever may write everywhere is not refused.
    if fs::write(home.at("closed/probe"), "").is_err() {
        let words = home.collect(&with_layers(&[&home.file("cat.png")]), "closed/out").unwrap_err().to_string();
        assert!(words.contains("permission was denied"), "{words}");
    }
}

#[test]
fn folders_of_a_concept_keep_their_own_place() {
    let home = Home::new();
    for one in ["a", "b"] {
        home.write(&format!("{one}/tom/adapter_model.safetensors"), one);
        home.file(&format!("{one}/tom/adapter_config.json"));
    }
    let mut project = Project::new();
    project.concepts = ["a", "b"].map(|one| concept(one, &home.at(&format!("{one}/tom")))).into();
    home.collect(&project, "out").unwrap();
    let opened = file::load_as_it_is(&home.at("out/project.ron")).unwrap();
    let files: Vec<&str> = opened.concepts.iter().map(|concept| concept.file.to_str().unwrap()).collect();
    assert_eq!(files, ["concepts/tom", "concepts/2/tom"]);
    assert_eq!(fs::read_to_string(home.at("out/concepts/2/tom/adapter_model.safetensors")).unwrap(), "b");
}
